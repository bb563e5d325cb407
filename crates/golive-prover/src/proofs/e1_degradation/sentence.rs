//! E1: whether a text is a sentence for people, and in which language.
//!
//! Never: judges the tone; that is a person's.

/// Whether a text is a sentence that a person can read: words, and not a status line, a dump or a code.
///
/// # Errors
/// What it is instead.
pub(crate) fn is_sentence(text: &str) -> Result<(), String> {
    let text = without_marks(text);
    let text = text.trim();
    if text.is_empty() {
        return Err("an empty sentence".to_owned());
    }
    if text.starts_with(['{', '[']) || text.contains("{\"") {
        return Err(format!("a dump instead of a sentence: `{}`", short(text)));
    }
    if text.starts_with('<') || text.contains("</") {
        return Err(format!("a page instead of a sentence: `{}`", short(text)));
    }
    if text.chars().count() > LONGEST {
        return Err(format!(
            "{} characters instead of a sentence",
            text.chars().count()
        ));
    }
    let bare: String = text
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == ' ')
        .collect::<String>()
        .to_lowercase();
    let bare = bare
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ')
        .trim();
    if STATUS_LINES.contains(&bare) {
        return Err(format!("a status line instead of a sentence: `{}`", short(text)));
    }
    let ideographs = text.chars().filter(|c| is_ideograph(*c)).count();
    let words = text
        .split_whitespace()
        .filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= 1 && !word.contains('_'))
        .count();
    if words < 3 && ideographs < 6 {
        return Err(format!("no sentence: `{}`", short(text)));
    }
    let letters = text.chars().filter(|c| c.is_alphabetic() || *c == ' ').count();
    if letters * 10 < text.chars().count() * 7 {
        return Err(format!("more signs than letters: `{}`", short(text)));
    }
    Ok(())
}

/// Whether a text is in a language, as far as its script and its small words tell. `None`: golive knows too little of it.
pub(super) fn speaks(text: &str, locale: &str) -> Option<bool> {
    let language = locale
        .split(['-', '_'])
        .next()
        .unwrap_or(locale)
        .to_ascii_lowercase();
    if let Some((_, inside)) = SCRIPTS.iter().find(|(name, _)| *name == language) {
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        let own = text.chars().filter(|c| inside(*c)).count();
        return Some(letters > 0 && own * 2 >= letters);
    }
    let words: Vec<String> = text
        .to_lowercase()
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let count = |small: &[&str]| words.iter().filter(|word| small.contains(&word.as_str())).count();
    let (_, own) = SMALL_WORDS.iter().find(|(name, _)| *name == language)?;
    let others = SMALL_WORDS.iter().filter(|(name, _)| *name != language);
    let best = others.map(|(_, small)| count(small)).max().unwrap_or(0);
    Some(count(own) > 0 && count(own) >= best)
}

/// A text without the marks of the lab, which stand in answers that broke off.
pub(super) fn without_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("[lab:") {
        out.push_str(&rest[..at]);
        rest = rest[at..].split_once(']').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

fn short(text: &str) -> String {
    crate::target::shorten(text, 80)
}

fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30ff | 0x3400..=0x9fff | 0xac00..=0xd7af | 0x0e00..=0x0e7f)
}

/// Longer is a dump, whatever it says.
const LONGEST: usize = 1_500;

/// What servers say when nobody has thought of people.
const STATUS_LINES: &[&str] = &[
    "error",
    "unknown error",
    "an error occurred",
    "an unknown error occurred",
    "something went wrong",
    "internal server error",
    "bad gateway",
    "service unavailable",
    "service temporarily unavailable",
    "gateway timeout",
    "gateway time out",
    "request timeout",
    "too many requests",
    "upstream request timeout",
    "no healthy upstream",
    "not implemented",
    "internal error",
];

type InScript = fn(char) -> bool;

/// Languages that are known by their script.
const SCRIPTS: &[(&str, InScript)] = &[
    (
        "ja",
        |c| matches!(u32::from(c), 0x3040..=0x30ff | 0x3400..=0x9fff),
    ),
    ("zh", |c| matches!(u32::from(c), 0x3400..=0x9fff)),
    ("ko", |c| matches!(u32::from(c), 0xac00..=0xd7af)),
    ("ru", |c| matches!(u32::from(c), 0x0400..=0x04ff)),
    ("uk", |c| matches!(u32::from(c), 0x0400..=0x04ff)),
    ("bg", |c| matches!(u32::from(c), 0x0400..=0x04ff)),
    ("el", |c| matches!(u32::from(c), 0x0370..=0x03ff)),
    ("ar", |c| matches!(u32::from(c), 0x0600..=0x06ff)),
    ("fa", |c| matches!(u32::from(c), 0x0600..=0x06ff)),
    ("he", |c| matches!(u32::from(c), 0x0590..=0x05ff)),
    ("hi", |c| matches!(u32::from(c), 0x0900..=0x097f)),
    ("th", |c| matches!(u32::from(c), 0x0e00..=0x0e7f)),
];

/// The small words of languages in Latin letters: what no sentence of them does without.
const SMALL_WORDS: &[(&str, &[&str])] = &[
    (
        "en",
        &[
            "the", "is", "are", "we", "you", "your", "please", "again", "to", "not", "and", "a", "in", "of",
            "this", "cannot", "try",
        ],
    ),
    (
        "de",
        &[
            "der", "die", "das", "ist", "wir", "sie", "bitte", "nicht", "und", "ein", "eine", "es", "gerade",
            "leider", "zu", "ich", "später",
        ],
    ),
    (
        "fr",
        &[
            "le", "la", "les", "est", "nous", "vous", "veuillez", "pas", "et", "un", "une", "de", "du",
            "votre", "plus", "tard", "ne",
        ],
    ),
    (
        "es",
        &[
            "el",
            "la",
            "los",
            "está",
            "por",
            "favor",
            "no",
            "y",
            "un",
            "una",
            "de",
            "en",
            "su",
            "inténtelo",
            "más",
            "tarde",
            "lo",
        ],
    ),
    (
        "it",
        &[
            "il",
            "la",
            "è",
            "per",
            "non",
            "e",
            "un",
            "una",
            "di",
            "si",
            "prega",
            "riprovare",
            "più",
            "tardi",
            "al",
            "momento",
            "del",
        ],
    ),
    (
        "pt",
        &[
            "o",
            "a",
            "os",
            "está",
            "por",
            "não",
            "e",
            "um",
            "uma",
            "de",
            "em",
            "tente",
            "mais",
            "tarde",
            "seu",
            "novamente",
            "do",
        ],
    ),
    (
        "nl",
        &[
            "de", "het", "is", "we", "u", "niet", "en", "een", "op", "dit", "dat", "probeer", "later",
            "opnieuw", "kan", "uw", "er",
        ],
    ),
    (
        "pl",
        &[
            "jest",
            "nie",
            "i",
            "w",
            "na",
            "się",
            "proszę",
            "to",
            "z",
            "do",
            "później",
            "spróbuj",
            "ponownie",
            "za",
            "chwilę",
            "przepraszamy",
            "teraz",
        ],
    ),
    (
        "tr",
        &[
            "bir", "ve", "lütfen", "şu", "anda", "daha", "sonra", "tekrar", "için", "bu", "değil", "deneyin",
            "var", "yok", "özür", "dileriz", "olarak",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_several_languages_are_sentences() {
        for text in [
            "I am sorry, I cannot answer just now. Please try again in a minute.",
            "Es tut uns leid, gerade geht es nicht.",
            "申し訳ありませんが、ただいま応答できません。",
            "The model did not answer in time.",
            "عذرا، لا يمكنني الرد الآن.",
        ] {
            assert_eq!(is_sentence(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn dumps_codes_and_status_lines_are_none() {
        for (text, why) in [
            ("", "empty"),
            ("  ", "empty"),
            ("Internal Server Error", "status line"),
            ("502 Bad Gateway", "status line"),
            ("upstream_timeout", "no sentence"),
            ("Oops", "no sentence"),
            ("{\"error\": \"the model failed\"}", "a dump"),
            ("<html><body>The model failed again</body></html>", "a page"),
            ("Yes. [lab:default:5f2e9c01:0badc0de]", "no sentence"),
        ] {
            let found = is_sentence(text).unwrap_err();
            assert!(found.contains(why), "{text}: {found}");
        }
    }

    #[test]
    fn a_language_is_known_by_its_script_or_its_small_words() {
        let english = "I am sorry, the model is not available. Please try again.";
        let german = "Das Modell ist gerade nicht erreichbar. Bitte versuchen Sie es später.";
        assert_eq!(speaks(english, "en-GB"), Some(true));
        assert_eq!(speaks(german, "de"), Some(true));
        assert_eq!(speaks(english, "de"), Some(false));
        assert_eq!(speaks(german, "en"), Some(false));
        assert_eq!(speaks(english, "ja"), Some(false));
        assert_eq!(speaks("申し訳ありません", "ja"), Some(true));
        assert_eq!(speaks(english, "sw"), None);
    }
}
