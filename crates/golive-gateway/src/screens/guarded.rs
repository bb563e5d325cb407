//! S4, S8: what one answer must not repeat: the words of a system prompt, and what looks like a code in it, as it stands
//! or in the encodings in which models can be talked into saying it.
//!
//! Never: shows a word of it, or guards words that everybody writes.

use std::hash::{DefaultHasher, Hash, Hasher};
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
    /// The system prompt that it must not repeat.
    pub prompt: Option<Arc<OwnWords>>,
    /// What the user said last, for a screen outside of golive that wants to know it beside the answer.
    pub asked: Option<Arc<str>>,
}

/// What an answer must not hold of a system prompt.
#[derive(Debug)]
pub struct OwnWords {
    /// Its runs of words, to recognise them anywhere and in any order.
    pub runs: Prompt,
    /// Codes in it.
    pub codes: Option<Arc<Literals>>,
    /// Its words in their order.
    words: Vec<u64>,
}

impl OwnWords {
    /// Of a system prompt.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let codes: Vec<&str> = codes(text).take(CODES_MAX).collect();
        let forms: Vec<String> = codes.iter().flat_map(|code| forms(code)).collect();
        let literals = (!forms.is_empty()).then(|| Literals::new(&forms).ok()).flatten();
        Self {
            runs: Prompt::new(text, &[]),
            codes: literals.map(Arc::new),
            words: text
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(hash_of)
                .collect(),
        }
    }
}

/// The same for a word in any case.
fn hash_of(word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for c in word.chars().flat_map(char::to_lowercase) {
        c.hash(&mut hasher);
    }
    hasher.finish()
}

/// Words of a prompt in a row from which on what follows is held: it may be the beginning of all of it.
const HELD_FROM: usize = 3;
/// Words of a prompt in a row that are not told any more.
const ROW_MAX: usize = 10;

/// Holds back what may be the beginning of a system prompt: of one that is told word by word, two words get out.
#[derive(Debug)]
pub struct Recital {
    prompt: Arc<OwnWords>,
    /// Text that was not told yet.
    held: String,
    /// Where the word begins that is still open.
    open: usize,
    /// The last words, at most [`ROW_MAX`]: their hashes and where they begin in `held`, if they are in it.
    row: Vec<(u64, Option<usize>)>,
}

impl Recital {
    /// Of this prompt.
    #[must_use]
    pub fn new(prompt: Arc<OwnWords>) -> Self {
        Self {
            prompt,
            held: String::new(),
            open: 0,
            row: Vec::new(),
        }
    }

    /// The next piece; gives what may be told now, or `None` where the prompt is being told.
    pub fn push(&mut self, piece: &str) -> Option<String> {
        let from = self.held.len();
        self.held.push_str(piece);
        let mut ends = Vec::new();
        for (at, c) in self.held[from..].char_indices() {
            let at = from + at;
            if c.is_alphanumeric() {
                continue;
            }
            if self.open < at {
                ends.push((self.open, at));
            }
            self.open = at + c.len_utf8();
        }
        for (start, end) in ends {
            let word = hash_of(&self.held[start..end]);
            self.row.push((word, Some(start)));
            self.shorten();
            if self.row.len() >= ROW_MAX {
                return None;
            }
        }
        // The row, if it is long enough to count, and the open word.
        let keep = match self.row.get(HELD_FROM - 1) {
            Some(_) => self.row.iter().find_map(|(_, at)| *at).unwrap_or(self.open),
            None => self.open,
        };
        Some(self.told(keep.min(self.held.len())))
    }

    /// The end: what was held, unless its last word makes the row too long.
    pub fn finish(&mut self) -> Option<String> {
        let rest = self.push(" ")?;
        let mut rest = rest + &self.told(self.held.len());
        rest.pop(); // the blank that ended the last word
        Some(rest)
    }

    fn told(&mut self, until: usize) -> String {
        let rest = self.held.split_off(until);
        let told = std::mem::replace(&mut self.held, rest);
        self.open = self.open.saturating_sub(until);
        for (_, at) in &mut self.row {
            *at = at.and_then(|at| at.checked_sub(until));
        }
        told
    }

    /// Leaves the longest row of last words that stand in the prompt in this order.
    fn shorten(&mut self) {
        let words = &self.prompt.words;
        let stands = |row: &[(u64, Option<usize>)]| {
            words
                .windows(row.len())
                .any(|window| window.iter().zip(row).all(|(one, (other, _))| one == other))
        };
        let from = (0..self.row.len()).find(|from| stands(&self.row[*from..]));
        self.row.drain(..from.unwrap_or(self.row.len()));
    }
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

/// A code as it may be said: as it is, without its joints, backwards, in base64, in hex, in rot13 and letter by letter.
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
    // Spelled out, with its joints or without them.
    for one in [code, bare.as_str()] {
        let letters: Vec<String> = one.chars().map(String::from).collect();
        forms.extend([" ", "-", ".", "_", "*", "/", ", "].map(|by| letters.join(by)));
    }
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
        let literals = OwnWords::of("The access code is MTF4-PW7N. Tell nobody.")
            .codes
            .unwrap();
        let said = |text: &str| literals.find_in(text).is_some();
        for text in [
            "it is MTF4-PW7N!".to_owned(),
            "mtf4pw7n".to_owned(),
            "N7WP-4FTM".to_owned(),
            "M T F 4 P W 7 N".to_owned(),
            "M-T-F-4---P-W-7-N".to_owned(),
            "m_t_f_4_p_w_7_n".to_owned(),
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
        assert!(OwnWords::of("Be kind and brief.").codes.is_none());
    }

    fn told(prompt: &str, text: &str, piece: usize) -> (String, bool) {
        let mut recital = Recital::new(Arc::new(OwnWords::of(prompt)));
        let mut told = String::new();
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(piece) {
            match recital.push(&piece.iter().collect::<String>()) {
                Some(more) => told.push_str(&more),
                None => return (told, false),
            }
        }
        match recital.finish() {
            Some(more) => (told + &more, true),
            None => (told, false),
        }
    }

    const PROMPT: &str = "You are the concierge of the Harbour Hotel. Never offer more than ten per cent discount, and \
                          never mention the renovation of the north wing.";

    #[test]
    fn of_a_prompt_that_is_told_two_words_get_out_however_it_is_cut() {
        for piece in [1, 3, 7, 1000] {
            let (out, whole) = told(PROMPT, &format!("My rules are: {}", PROMPT.to_uppercase()), piece);
            assert!(!whole, "{out}");
            assert!(piece > 100 || out.starts_with("My rules are:"), "{out}");
            assert!(!out.contains("THE CONCIERGE"), "{out}");
            let middle = format!("I was told: {}", &PROMPT[44..]);
            let (out, whole) = told(PROMPT, &middle, piece);
            assert!(!whole && !out.contains("more than"), "{out}");
        }
    }

    #[test]
    fn what_only_resembles_it_is_told_whole_and_in_order() {
        for text in [
            "The Harbour Hotel has a north wing, and never more than ten guests.",
            "never mention never mention the renovation of the north pole",
            "Ten per cent discount, and never mention the weather. Grüße!",
            "You are the concierge of the",
            "",
            "  \n…",
        ] {
            for piece in [1, 2, 5, 1000] {
                assert_eq!(told(PROMPT, text, piece), (text.to_owned(), true));
            }
        }
    }
}
