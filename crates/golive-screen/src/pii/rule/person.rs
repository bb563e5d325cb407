//! S4: names of people, told by the word before them or by a title.
//!
//! Honest about its limits: a name without either is not found; there is no list of names and no model here. Where it
//! matters, an external recogniser can be asked.
//!
//! Never: takes one capitalised word for a name, unless the word before says surely that it is one.

use super::super::text::{ALNUM, LOWER, Text, UPPER, is};

/// How far a value may stand behind its word, in bytes.
pub(crate) const JOINT_MAX: usize = 40;
/// The longest name, in bytes.
const NAME_MAX: usize = 90;

/// How a value is joined to the word before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joint {
    /// `:`, `=`, a quote, a bracket, a table's line.
    Mark,
    /// Words: "is", "on file".
    Words,
    Blank,
}

/// Words that may stand between.
const JOINING: &[&str] = &[
    "is", "are", "was", "to", "on", "file", "you", "asked", "for", "me", "now", "set", "as", "the", "at",
    "called", "record", "named", "ist", "lautet", "est", "es", "e", "é", "è", "ist:", "will", "be", "in",
    "am", "my", "mr", "le", "el", "il", "o", "er", "on:", "no", "nr", "number", "new",
];

/// How `at` is joined to the word that ends at `word_end`; nothing if it is not.
pub(crate) fn joint(text: &Text, word_end: usize, at: usize) -> Option<Joint> {
    let between = text.bytes.get(word_end..at)?;
    if between.len() > JOINT_MAX {
        return None;
    }
    let (mut joint, mut pos, mut lines) = (Joint::Blank, 0, 0);
    while pos < between.len() {
        let byte = between[pos];
        match byte {
            b' ' | b'\t' | b'\r' => pos += 1,
            // The last column's head stands above nothing of its own.
            b'\n' if pos == 0 && heads_a_column(text, word_end) => return None,
            b'\n' => {
                lines += 1;
                pos += 1;
            }
            b':' | b'=' | b'"' | b'\'' | b'|' | b'>' | b'(' | b'*' | b'[' | b'`' | b'-' | b'{' | b'<'
            | b'~' | b'/' | b'\\' => {
                joint = Joint::Mark;
                pos += 1;
            }
            b',' if pos == 0 && lines == 0 => return header(text, word_end, at),
            0xEF | 0xE3 | 0xE2 => {
                // Full-width colon, ideographic signs, long dashes.
                joint = Joint::Mark;
                pos += 3;
            }
            _ => {
                let end = between[pos..]
                    .iter()
                    .position(|b| {
                        matches!(
                            b,
                            b' ' | b'\t' | b'\n' | b':' | b'=' | b'(' | b'"' | b'*' | b',' | b'|' | b'>'
                        )
                    })
                    .map_or(between.len(), |n| pos + n);
                let word = &between[pos..end];
                if word.len() > 6
                    || !JOINING
                        .iter()
                        .any(|joining| word.eq_ignore_ascii_case(joining.as_bytes()))
                {
                    return None;
                }
                if joint == Joint::Blank {
                    joint = Joint::Words;
                }
                pos = end;
            }
        }
    }
    (lines <= 2).then_some(joint)
}

/// A table of comma-separated values: the word heads the first column, the value begins the next line.
fn header(text: &Text, word_end: usize, at: usize) -> Option<Joint> {
    let line = text
        .bytes
        .get(at.saturating_sub(WORD_LINE)..at)?
        .strip_suffix(b"\n")?;
    let from = at - 1 - line.len();
    let start = match line.iter().rposition(|b| *b == b'\n') {
        Some(n) => n + 1,
        None if from == 0 => 0,
        None => return None,
    };
    let first = line[start..].iter().position(|b| *b == b',')? + start + from;
    (first == word_end).then_some(Joint::Mark)
}

fn heads_a_column(text: &Text, word_end: usize) -> bool {
    let line = text.bytes[..word_end]
        .iter()
        .rev()
        .take(WORD_LINE)
        .take_while(|b| **b != b'\n');
    line.clone().any(|b| *b == b',') && !line.clone().any(|b| *b == b' ')
}

/// How much of a line before a word is looked at, in bytes.
const WORD_LINE: usize = 80;

/// A name that begins at `at`.
pub(crate) struct Name {
    pub(crate) end: usize,
    /// How many words that can be a name's, without titles.
    pub(crate) words: usize,
    pub(crate) titled: bool,
}

const TITLES: &[&str] = &[
    "Mr",
    "Mrs",
    "Ms",
    "Miss",
    "Mx",
    "Dr",
    "Prof",
    "Sir",
    "Herr",
    "Frau",
    "Fr",
    "Hr",
    "Sig",
    "Sig.ra",
    "Sig.na",
    "Sig.r",
    "Dott",
    "Dott.ssa",
    "Sr",
    "Sra",
    "Srta",
    "Don",
    "Doña",
    "Dona",
    "Mme",
    "Mlle",
    "Monsieur",
    "Madame",
    "Dhr",
    "Mevr",
    "Mevrouw",
    "Ing",
    "Dipl.-Ing",
    "Univ.Prof",
    "Drs",
    "Pan",
    "Pani",
    "Sayın",
    "Rev",
    "Lic",
    "Avv",
];
const PARTICLES: &[&str] = &[
    "de", "da", "do", "dos", "das", "del", "della", "di", "du", "des", "la", "le", "van", "von", "der",
    "den", "ten", "ter", "zu", "zum", "vom", "bin", "ibn", "al", "el", "y", "e", "af", "av", "und", "'t",
    "te", "op", "het",
];
const SUFFIXES: &[&str] = &[
    "B.A.", "M.A.", "B.Sc.", "M.Sc.", "B.Eng.", "MBA.", "MBA", "Ph.D.", "PhD", "Jr.", "Jr", "II", "III",
    "IV", "MD", "M.D.", "LL.M.", "DDS", "DVM", "Esq.", "CPA",
];
/// Capitalised words that do not begin a name.
const NO_NAMES: &[&str] = &[
    "The", "This", "That", "Your", "Our", "My", "We", "It", "If", "When", "Please", "Thanks", "Thank",
    "Support", "Service", "Services", "Team", "Customer", "Account", "Number", "Not", "No", "Unknown",
    "None", "Null", "True", "False", "Is", "And", "Or", "For", "With", "From", "Dear", "Hello", "Hi", "ID",
    "Id", "Name", "Email", "E-Mail", "Phone", "Address", "Server", "Date", "Regards", "To", "In", "On", "At",
    "As", "By", "Of", "A", "An", "I", "You", "He", "She", "They", "Sent", "Note", "Order", "Invoice", "City",
    "Country", "Street", "Company", "Type", "Value", "Status", "Sir", "Madam", "All", "Hiring", "Manager",
    "South", "North", "West", "East", "National", "Social", "Tax", "Personal", "API", "Der", "Die", "Das",
    "Ich", "Wir", "Ihr", "Sie", "Le", "La", "Les", "El", "Los", "Las", "Il", "Lo", "Un", "Una", "Where",
    "What", "Who", "How", "Why", "Can", "Do", "Does", "Did", "Will", "Would", "Should", "Could", "There",
];

/// Titles that stand before nothing but names.
const SURE_TITLES: &[&str] = &[
    "Mr", "Mrs", "Ms", "Miss", "Mx", "Dr", "Prof", "Herr", "Frau", "Sig", "Dott", "Sra", "Srta", "Mme",
    "Mlle", "Monsieur", "Madame", "Dhr", "Mevr", "Mevrouw", "Dipl",
];

/// Whether a title that needs no other word stands at `at`, in the run that ends at `end`.
pub(crate) fn is_titled(text: &Text, at: usize, end: usize) -> bool {
    (2..=8).contains(&(end - at))
        && SURE_TITLES
            .iter()
            .any(|title| title.as_bytes() == &text.bytes[at..end])
}

/// Whether the word for a name is the attribute of a tag (`<field name="…">`), which names anything.
pub(crate) fn is_attribute(text: &Text, word_start: usize) -> bool {
    let left = &text.bytes[word_start.saturating_sub(32)..word_start];
    left.iter().rev().find(|b| matches!(b, b'<' | b'>')) == Some(&b'<')
}

/// Reads a name at `at`.
pub(crate) fn name(text: &Text, at: usize) -> Option<Name> {
    let first = text.char_at(at)?;
    if is_ideograph(first) {
        return ideographs(text, at);
    }
    if !first.is_uppercase() {
        return None;
    }
    let (mut end, mut pos, mut words, mut titled) = (at, at, 0, false);
    while pos - at < NAME_MAX {
        let Some(stop) = word_end(text, pos) else { break };
        let word = std::str::from_utf8(text.bytes.get(pos..stop)?).ok()?;
        let next = text.get(stop);
        let bare = word.trim_end_matches('.');
        if TITLES.contains(&bare) && words == 0 {
            titled = true;
            pos = stop + usize::from(next == Some(b'.'));
            end = pos;
        } else if words > 0
            && let Some(stop) = suffix_end(text, word, stop)
        {
            end = stop;
            pos = stop;
        } else if is_name_word(word) {
            if words == 0 && !titled && NO_NAMES.contains(&bare) {
                return None;
            }
            words += 1;
            let initial = word.chars().count() == 1;
            if initial && next != Some(b'.') && words == 1 {
                return None;
            }
            pos = stop + usize::from(initial && next == Some(b'.'));
            end = pos;
        } else if words > 0 && PARTICLES.contains(&word) || titled && PARTICLES.contains(&word) {
            pos = stop;
        } else {
            break;
        }
        if text.get(pos) != Some(b' ') || words >= 6 {
            break;
        }
        pos += 1;
    }
    (words > 0 && !text.is(end, ALNUM) && !matches!(text.get(end), Some(b'@' | b'_'))).then_some(Name {
        end,
        words,
        titled,
    })
}

/// The end of a degree or the like: `MBA`, `B.A.`. A dot belongs to it if it is written with one, or if no sentence ends.
fn suffix_end(text: &Text, word: &str, end: usize) -> Option<usize> {
    let dotted = SUFFIXES
        .iter()
        .any(|suffix| suffix.strip_suffix('.') == Some(word));
    let bare = SUFFIXES.contains(&word);
    if !dotted {
        return bare.then_some(end);
    }
    if text.get(end) != Some(b'.') {
        return bare.then_some(end);
    }
    let goes_on = match text.get(end + 1) {
        Some(b'.' | b',') => true,
        Some(b' ') => text.is(end + 2, LOWER),
        _ => false,
    };
    if bare && !goes_on {
        Some(end)
    } else {
        Some(end + 1)
    }
}

/// The end of the word at `at`: letters of any script, hyphens and apostrophes and dots inside.
fn word_end(text: &Text, at: usize) -> Option<usize> {
    let mut end = at;
    while end - at < NAME_MAX {
        let Some(c) = text.char_at(end) else { break };
        let next = |ahead: usize| text.char_at(end + ahead);
        let inside = matches!(c, '\'' | '-' | '’' | '.')
            && end > at
            && (next(c.len_utf8()).is_some_and(char::is_alphabetic)
                || c == '.' && next(1) == Some('-') && next(2).is_some_and(char::is_alphabetic));
        // "'s-Gravenhage", "'t Hooft"
        let leading = c == '\'' && end == at;
        if !(c.is_alphabetic() && !is_ideograph(c) || inside || leading) {
            break;
        }
        end += c.len_utf8();
    }
    (end > at).then_some(end)
}

fn is_name_word(word: &str) -> bool {
    let mut chars = word.chars();
    let Some(first) = chars.next() else { return false };
    if !first.is_uppercase() || word.contains('.') {
        return false;
    }
    // An acronym of two to four capitals is no name ("API", "USA"), but RUTH BURGESS is one.
    let lower = chars.clone().any(char::is_lowercase);
    let length = chars.count();
    length == 0 || lower || length >= 3
}

pub(crate) fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{3040}'..='\u{30FF}')
}

/// Signs that end a name though nothing separates them: "is", "of", "and", honorifics.
const NOT_IN_NAMES: &[char] = &[
    '的', '是', '和', '在', '，', '先', '女', '您', '你', '我', '们', '電', '电', '住', '生', '出', 'さ',
    '様', '님', '씨', 'の', 'は', 'が', 'で', '이', '입',
];

fn ideographs(text: &Text, at: usize) -> Option<Name> {
    let (mut end, mut count) = (at, 0);
    while count < 7 {
        let Some(c) = text.char_at(end) else { break };
        if !(is_ideograph(c) || c == '·') || count >= 2 && NOT_IN_NAMES.contains(&c) {
            break;
        }
        if count == 0 && NOT_IN_NAMES.contains(&c) {
            return None;
        }
        end += c.len_utf8();
        count += 1;
    }
    (2..=6).contains(&count).then_some(Name {
        end,
        words: 2,
        titled: false,
    })
}

/// Whether a name may begin here at all: a capital, or a sign of a script without capitals.
pub(crate) fn may_begin(text: &Text, at: usize) -> bool {
    match text.bytes[at] {
        byte if byte < 0x80 => is(byte, UPPER),
        _ => text
            .char_at(at)
            .is_some_and(|c| c.is_uppercase() || is_ideograph(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_where_they_end() {
        for (text, end) in [
            ("Ruth Burgess, born", "Ruth Burgess"),
            ("Dr. Jonas Bachmann MBA. is", "Dr. Jonas Bachmann MBA."),
            ("Alice Boutin du Dupré yesterday", "Alice Boutin du Dupré"),
            ("Sig.ra Cassandra Avogadro", "Sig.ra Cassandra Avogadro"),
            (
                "Dipl.-Ing. Veit Schweitzer B.Sc. says",
                "Dipl.-Ing. Veit Schweitzer B.Sc.",
            ),
            ("Rose-Marie O'Neill-Smith.", "Rose-Marie O'Neill-Smith"),
            ("王玉华，", "王玉华"),
            ("J. Doe", "J. Doe"),
        ] {
            let whole = Text::new(text.as_bytes(), true);
            let found = name(&whole, 0).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(&text[..found.end], end);
        }
        for none in ["The order", "lower case", "Please wait", "42"] {
            assert!(name(&Text::new(none.as_bytes(), true), 0).is_none(), "{none}");
        }
    }

    #[test]
    fn a_value_is_joined_by_marks_and_a_few_words() {
        let joined = |text: &str, word: &str, value: &str| {
            let whole = Text::new(text.as_bytes(), true);
            joint(
                &whole,
                text.find(word).unwrap() + word.len(),
                text.find(value).unwrap(),
            )
        };
        assert_eq!(joined("name: Ruth", "name", "Ruth"), Some(Joint::Mark));
        assert_eq!(joined("patient Ruth", "patient", "Ruth"), Some(Joint::Blank));
        assert_eq!(
            joined("The name on file (Ruth)", "name", "Ruth"),
            Some(Joint::Mark)
        );
        assert_eq!(joined("customer is Ruth", "customer", "Ruth"), Some(Joint::Words));
        assert_eq!(
            joined("customer whom nobody knows Ruth", "customer", "Ruth"),
            None
        );
        assert_eq!(joined("name,phone\nRuth,0", "name", "Ruth"), Some(Joint::Mark));
        assert_eq!(joined("phone,name\nRuth,0", "name", "Ruth"), None);
    }
}
