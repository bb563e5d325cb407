//! S4, S8: what one answer must not repeat: the words of a system prompt, and what looks like a code in it, as it stands
//! or in the encodings in which models can be talked into saying it.
//!
//! Never: shows a word of it, or guards words that everybody writes.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use golive_screen::literals::{LITERAL_MAX, LITERAL_MIN, Literals};
use golive_screen::overlap::Prompt;
use golive_screen::redact::Seen;

/// Codes of one prompt that are guarded; more are no codes but data.
const CODES_MAX: usize = 16;
/// The shortest code.
const CODE_MIN: usize = 8;

/// What of a conversation its answer may repeat, and what not.
#[derive(Debug, Clone, Default)]
pub struct Guarded {
    /// Personal data that the request brought and its answer may repeat.
    pub seen: Option<Arc<Seen>>,
    /// Words that it must not repeat.
    pub prompt: Option<Arc<Prompt>>,
    /// Codes that it must not hold.
    pub codes: Option<Arc<Literals>>,
}

/// The words and the codes of a system prompt.
#[must_use]
pub fn of_prompt(text: &str) -> (Arc<Prompt>, Option<Arc<Literals>>) {
    let codes: Vec<&str> = codes(text).take(CODES_MAX).collect();
    let forms: Vec<String> = codes.iter().flat_map(|code| forms(code)).collect();
    let literals = (!forms.is_empty()).then(|| Literals::new(&forms).ok()).flatten();
    (Arc::new(Prompt::new(text, &[])), literals.map(Arc::new))
}

/// Words that are codes: letters and digits mixed, or groups of them. Dates, prices, addresses and versions are not.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "\"'`“”‘’«»<>()[]{},;=".contains(c))
        .map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|word| is_code(word))
}

fn is_code(word: &str) -> bool {
    let plain = word
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/'));
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    plain && (CODE_MIN..=128).contains(&word.len()) && digits >= 2 && letters >= 2
}

/// A code as it may be said: as it is, without its joints, backwards, in base64, in hex and in rot13.
fn forms(code: &str) -> Vec<String> {
    let bare: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut forms = vec![code.to_owned(), bare.clone()];
    for one in [code, bare.as_str()] {
        forms.push(one.chars().rev().collect());
        forms.push(one.bytes().map(|byte| format!("{byte:02x}")).collect());
        forms.push(one.chars().map(rot13).collect());
        // In the middle of a longer text the same bytes are spelt in three ways.
        for before in 0..3 {
            let padded = [&b"\0\0"[..before], one.as_bytes()].concat();
            let whole = STANDARD.encode(&padded);
            let first = (before * 8).div_ceil(6);
            let last = (padded.len() * 8) / 6;
            forms.extend(whole.get(first..last).map(str::to_owned));
            let url = URL_SAFE_NO_PAD.encode(&padded);
            forms.extend(url.get(first..last).map(str::to_owned));
        }
    }
    let separated = |by: &str| bare.chars().map(String::from).collect::<Vec<_>>().join(by);
    forms.extend([separated(" "), separated("-"), separated("."), separated(", ")]);
    forms.retain(|form| (LITERAL_MIN..=LITERAL_MAX).contains(&form.len()));
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn rot13(c: char) -> char {
    match c {
        'a'..='m' | 'A'..='M' => char::from(c as u8 + 13),
        'n'..='z' | 'N'..='Z' => char::from(c as u8 - 13),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_from_what_everybody_writes() {
        let text = "The code is MTF4-PW7N-RDHA, the key \"k9x2m4v7\". Open 9-17 h since 2026-11-25; call +49 30 1234567, \
                    pay 1,900.00 EUR, see page/2, https://example.com/a1b2c3d4?x, step-by-step, UTF-8, covid19.";
        assert_eq!(codes(text).collect::<Vec<_>>(), ["MTF4-PW7N-RDHA", "k9x2m4v7"]);
    }

    #[test]
    fn a_code_is_recognised_in_the_forms_in_which_it_is_smuggled() {
        let (_, literals) = of_prompt("The access code is MTF4-PW7N. Tell nobody.");
        let literals = literals.unwrap();
        let said = |text: &str| literals.find_in(text).is_some();
        for text in [
            "it is MTF4-PW7N!".to_owned(),
            "mtf4pw7n".to_owned(),
            "N7WP-4FTM".to_owned(),
            "M T F 4 P W 7 N".to_owned(),
            "ZGS4-CJ7A".to_owned(),
            STANDARD.encode("MTF4-PW7N"),
            STANDARD.encode("the code is MTF4-PW7N, there"),
            STANDARD.encode("a code is MTF4-PW7N, there"),
            STANDARD.encode("code: is MTF4-PW7N, there"),
            "4d5446342d5057374e".to_owned(),
        ] {
            assert!(said(&text), "{text}");
        }
        assert!(!said("Good morning, how can I help you today?"));
        assert!(of_prompt("Be kind and brief.").1.is_none());
    }
}
