//! S8: a text as a row of words with their concepts, cut into sentences.
//!
//! Never: more than one pass; work that grows faster than the text.

use super::concept::{Concept, Concepts};
use super::fold::{ends_sentence, fold, is_letter, is_proclitic, is_unspaced};
use super::lexicon::{Entry, HASH_START, Lexicon, PHRASE_WORDS_MAX, extend, extend_char};

/// The shortest stem, in bytes.
const BEGINNING_BYTES_MIN: usize = 3;

/// The longest beginning of a word that is looked up, in bytes: no stem is longer.
const BEGINNING_BYTES_MAX: usize = 40;

/// The most tokens of one sentence; what is longer is cut there. Keeps lists without punctuation apart.
const SENTENCE_TOKENS_MAX: u16 = 48;

const DIGIT: u8 = 1;
const LOWER: u8 = 2;
const UPPER: u8 = 4;

/// What each byte is in a word; 0 for what is no letter or digit of ASCII.
static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// One word or mark.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// Of the folded word; marks and classes (numbers, addresses) have fixed ones.
    pub hash: u32,
    /// What it can mean.
    pub concepts: Concepts,
    /// Bytes of the text.
    pub start: u32,
    /// Bytes of the text.
    pub end: u32,
    /// The place in its sentence, from 0.
    pub place: u16,
    /// How its letters are written.
    pub script: Script,
}

/// How a word is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Script {
    /// ASCII: English, and much of what is not.
    Ascii,
    /// Begins with another letter of a script with spaces.
    Spaced,
    /// A script without spaces: the token is a character or a word of the lexicon.
    Unspaced,
}

/// How many ways there are.
pub const SCRIPTS: usize = 3;

/// Cuts a text into tokens. `start` and `end` are always on character borders.
pub fn tokens(text: &str, lexicon: &Lexicon) -> Vec<Token> {
    let mut cutter = Cutter {
        text,
        bytes: text.as_bytes(),
        lexicon,
        tokens: Vec::with_capacity(text.len() / 5 + 4),
        place: 0,
        at_sign: 0,
    };
    cutter.run();
    once(cutter.tokens)
}

/// The longest row of words whose immediate repetition is told as one, in words.
const REPEATED_MAX: usize = 8;

/// The same without what only says again what stands right before it: saying a thing a thousand times does not make it
/// another thing.
fn once(mut tokens: Vec<Token>) -> Vec<Token> {
    // The hashes with room before them, so that each has as many before it.
    let mut hashes = vec![0; REPEATED_MAX];
    hashes.extend(tokens.iter().map(|token| token.hash));
    // How many tokens in a row equalled the one so many places before, and the bits of those that are not zero.
    let (mut runs, mut running) = ([0_usize; REPEATED_MAX], 0);
    let mut repeated: Vec<usize> = Vec::new();
    for (at, window) in hashes.windows(REPEATED_MAX + 1).enumerate() {
        let (Some(before), hash) = (window.first_chunk::<REPEATED_MAX>(), window[REPEATED_MAX]) else {
            break; // cannot be: a window is that long
        };
        let mut same = 0_u32;
        for (bit, earlier) in before.iter().enumerate() {
            same |= u32::from(*earlier == hash) << bit;
        }
        if at < REPEATED_MAX {
            same &= u32::MAX << (REPEATED_MAX - at); // there is no token yet
        }
        if same | running == 0 {
            continue;
        }
        running = same;
        let mut said_again = false;
        for (bit, run) in runs.iter_mut().enumerate() {
            *run = if same >> bit & 1 == 1 { *run + 1 } else { 0 };
            // A row that was told whole once more: from there on it is repetition.
            said_again |= *run > REPEATED_MAX - bit;
        }
        if said_again {
            repeated.push(at);
        }
    }
    if !repeated.is_empty() {
        leave_out(&mut tokens, &repeated);
    }
    tokens
}

/// Without the tokens at these places; a sentence that loses its first one begins with the next.
fn leave_out(tokens: &mut Vec<Token>, places: &[usize]) {
    let (mut places, mut at, mut begins) = (places.iter().peekable(), 0, false);
    tokens.retain_mut(|token| {
        let out = places.next_if(|place| **place == at).is_some();
        at += 1;
        begins |= token.place == 0;
        if !out && begins {
            token.place = 0;
            begins = false;
        }
        !out
    });
}

struct Cutter<'a> {
    text: &'a str,
    bytes: &'a [u8],
    lexicon: &'a Lexicon,
    tokens: Vec<Token>,
    place: u16,
    /// The next at sign that was looked for; behind the end if there is none.
    at_sign: usize,
}

impl Cutter<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while at < self.bytes.len() {
            let byte = self.bytes[at];
            at = if byte == b' ' {
                at + 1
            } else if byte.is_ascii_alphanumeric() {
                self.word(at)
            } else if byte < 0x80 {
                self.mark(at, byte)
            } else {
                self.other(at)
            };
        }
    }

    /// A character outside ASCII.
    fn other(&mut self, at: usize) -> usize {
        let Some(character) = self.text[at..].chars().next() else {
            return self.bytes.len();
        };
        let next = at + character.len_utf8();
        if ends_sentence(character) {
            if matches!(character, '？' | '؟') {
                self.push(Concept::QuestionMark.bit(), at, next);
            }
            self.place = 0;
        } else if fold(character).is_none() || !is_letter(character) {
            match character {
                '«' | '»' | '“' | '”' | '„' | '「' | '」' | '『' | '』' | '‘' => {
                    self.push(Concept::Quote.bit(), at, next);
                }
                '：' => self.push(Concept::Colon.bit(), at, next),
                _ => {}
            }
        } else if is_unspaced(character) {
            return self.unspaced(at, character);
        } else {
            return self.word(at);
        }
        next
    }

    /// A word of a script with spaces, or a number, an address.
    fn word(&mut self, start: usize) -> usize {
        if let Some(end) = self.address(start) {
            return end;
        }
        let (mut hash, mut at) = (HASH_START, start);
        let mut stem = None; // the concepts of the longest beginning that is one
        let (mut digits, mut letters) = (0_usize, 0);
        let mut before = 0; // what the byte before is
        while let Some(&byte) = self.bytes.get(at) {
            let class = CLASS[usize::from(byte)];
            if class != 0 {
                // "systemPrompt" is two words.
                if class == UPPER && before == LOWER {
                    break;
                }
                before = class;
                letters |= class & (UPPER | LOWER);
                digits += usize::from(class == DIGIT);
                hash = extend(hash, byte | 0x20); // digits have the bit of lower case
                at += 1;
            } else if byte < 0x80 {
                // "don't" is "dont"; a closing quotation mark ends the word.
                let inside = byte == b'\'' && self.bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic);
                if !inside || letters == 0 {
                    break;
                }
                before = 0;
                at += 1;
                continue;
            } else {
                let Some(character) = self.text[at..].chars().next() else {
                    break;
                };
                before = 0;
                let length = character.len_utf8();
                let apostrophe = character == '’' && letters != 0;
                match fold(character) {
                    None => {
                        at += length;
                        continue;
                    }
                    Some(_) if apostrophe && self.letter_at(at + length) => {
                        at += length;
                        continue;
                    }
                    Some(folded) if is_letter(character) && !is_unspaced(character) => {
                        hash = extend_char(hash, folded);
                        letters |= LOWER;
                        at += length;
                    }
                    Some(_) => break,
                }
            }
            if (BEGINNING_BYTES_MIN..=BEGINNING_BYTES_MAX).contains(&(at - start)) {
                stem = self.lexicon.stem(hash).or(stem);
            }
        }
        if letters == 0 {
            self.push_token(number_hash(digits), Concept::Number.bit(), start, at);
            return at;
        }
        let entry = self.lexicon.get(hash);
        let mut concepts = match entry.and_then(whole) {
            Some(concepts) => concepts,
            None => match stem {
                Some(concepts) => concepts,
                None if self.bytes[start] >= 0x80 => self.without_proclitics(start, at),
                None => 0,
            },
        };
        if entry.is_some_and(|entry| entry.ends_phrase) {
            concepts |= self.phrases(hash);
        }
        self.push_token(hash, concepts, start, at);
        at
    }

    /// The concepts of an Arabic or Hebrew word behind "and", "the", "to" and their like.
    fn without_proclitics(&self, start: usize, end: usize) -> Concepts {
        let mut from = start;
        for character in self.text[start..end].chars().take(3) {
            if !fold(character).is_some_and(is_proclitic) {
                break;
            }
            from += character.len_utf8();
            let (mut hash, mut found) = (HASH_START, 0);
            let mut length = 0;
            for folded in self.text[from..end].chars().filter_map(fold) {
                hash = extend_char(hash, folded);
                length += 1;
                if let Some(stem) = self.lexicon.stem(hash).filter(|_| length > 2) {
                    found = stem;
                }
            }
            if let Some(concepts) = self.lexicon.get(hash).and_then(whole).filter(|_| length > 2) {
                found = concepts;
            }
            if found != 0 {
                return found;
            }
        }
        0
    }

    /// A word of a script without spaces: the longest word of the lexicon that begins here, else one character.
    fn unspaced(&mut self, start: usize, first: char) -> usize {
        let (mut hash, mut at) = (HASH_START, start);
        let mut best = None;
        for character in self.text[start..].chars() {
            if at - start > BEGINNING_BYTES_MAX || !is_letter(character) {
                break;
            }
            let Some(folded) = fold(character) else { break };
            hash = extend_char(hash, folded);
            if !self.lexicon.begins(hash) {
                break;
            }
            at += character.len_utf8();
            if let Some(entry) = self
                .lexicon
                .get(hash)
                .filter(|entry| entry.is_stem || entry.is_word)
            {
                best = Some((hash, entry.stem | entry.word, at));
            }
        }
        let (hash, concepts, end) = best.unwrap_or_else(|| {
            let end = start + first.len_utf8();
            (extend_char(HASH_START, fold(first).unwrap_or(first)), 0, end)
        });
        let ends_phrase = self.lexicon.get(hash).is_some_and(|entry| entry.ends_phrase);
        let phrases = if ends_phrase { self.phrases(hash) } else { 0 };
        self.push_token(hash, concepts | phrases, start, end);
        end
    }

    /// A web or mail address that begins here: one token, whatever it spells.
    fn address(&mut self, start: usize) -> Option<usize> {
        let rest = &self.bytes[start..];
        let scheme = (rest[0] | 0x20) == b'h'
            && rest.len() > 8
            && (rest[..7].eq_ignore_ascii_case(b"http://") || rest[..8].eq_ignore_ascii_case(b"https://"));
        let bare = (rest[0] | 0x20) == b'w' && rest.len() > 4 && rest[..4].eq_ignore_ascii_case(b"www.");
        if scheme || bare {
            let end = start
                + rest
                    .iter()
                    .position(|byte| ends_address(*byte))
                    .unwrap_or(rest.len());
            self.push(Concept::Url.bit(), start, end);
            return Some(end);
        }
        // A mail address: the @ within 64 bytes (RFC 5321 allows no longer local part). It is looked for once for
        // all words before it, so that rows of words without one cost nothing.
        if self.at_sign < start {
            let next = memchr::memchr(b'@', rest);
            self.at_sign = next.map_or(usize::MAX, |next| start + next);
        }
        if self.at_sign.saturating_sub(start) > 64 {
            return None;
        }
        let local = rest
            .iter()
            .take(65)
            .position(|byte| !(byte.is_ascii_alphanumeric() || b"._%+-".contains(byte)))?;
        if rest[local] != b'@' || !rest.get(local + 1).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let domain = rest[local + 1..]
            .iter()
            .position(|byte| !(byte.is_ascii_alphanumeric() || b".-".contains(byte)))
            .unwrap_or(rest.len() - local - 1);
        let end = start + local + 1 + domain;
        self.push(Concept::Email.bit(), start, end);
        Some(end)
    }

    /// A character of ASCII that is neither letter nor digit.
    fn mark(&mut self, at: usize, byte: u8) -> usize {
        let rest = &self.bytes[at..];
        // Counted only where all of it is passed: else a row of marks would be counted anew for each of them.
        let row = || rest.iter().take_while(|next| **next == byte).count();
        match byte {
            b'.' | b'?' | b'!' => {
                let run = row();
                if byte == b'?' {
                    self.push(Concept::QuestionMark.bit(), at, at + run);
                } else if byte == b'!' {
                    self.push(Concept::Exclaim.bit(), at, at + run);
                }
                // "3.5" and "example.com" go on.
                if byte != b'.' || !rest.get(run).is_some_and(u8::is_ascii_alphanumeric) {
                    self.place = 0;
                }
                if byte == b'!' && rest.starts_with(b"![") {
                    self.push(Concept::Image.bit(), at, at + 2);
                    return at + 2;
                }
                at + run
            }
            b'\n' => {
                // A wrapped line goes on; an empty line, a list, a heading do not.
                let run = row();
                let next = rest.get(run).copied().unwrap_or(b'\n');
                if run > 1 || !next.is_ascii_lowercase() {
                    self.place = 0;
                }
                at + run
            }
            b';' | b'|' => {
                if byte == b'|' && rest.starts_with(b"|>") {
                    self.push(Concept::RoleTag.bit(), at, at + 2);
                }
                self.place = 0;
                at + row()
            }
            b'#' | b'-' | b'=' | b'*' | b'~' | b'_' | b'`' | b'+' if rest.get(..3) == Some(&[byte; 3]) => {
                let run = row();
                self.place = 0;
                self.push(Concept::Delimiter.bit(), at, at + run);
                at + run
            }
            b'<' => self.tag(at, rest),
            b'-' if rest.starts_with(b"-->") => {
                self.place = 0;
                self.push(Concept::Markup.bit(), at, at + 3);
                at + 3
            }
            b'/' if rest.starts_with(b"/*") || rest.starts_with(b"//") => {
                self.place = 0;
                self.push(Concept::Markup.bit(), at, at + 2);
                at + 2
            }
            b'[' if rest.len() >= 6 && (rest[..6].eq_ignore_ascii_case(b"[inst]")) => {
                self.place = 0;
                self.push(Concept::RoleTag.bit(), at, at + 6);
                at + 6
            }
            b'[' if rest.len() >= 7 && (rest[..7].eq_ignore_ascii_case(b"[/inst]")) => {
                self.place = 0;
                self.push(Concept::RoleTag.bit(), at, at + 7);
                at + 7
            }
            b'"' => {
                // JSON: a string ends where a comma, a colon or a bracket follows.
                let run = row();
                let ends = rest
                    .get(run)
                    .is_some_and(|next| matches!(next, b',' | b':' | b'}' | b']'));
                let begins = at > 0 && matches!(self.bytes[at - 1], b':' | b'{' | b'[' | b',');
                if ends || begins {
                    self.place = 0;
                } else {
                    self.push(Concept::Quote.bit(), at, at + run);
                }
                at + run
            }
            b'\'' | b'`' => {
                let run = row();
                self.push(Concept::Quote.bit(), at, at + run);
                at + run
            }
            b':' => {
                let run = row();
                self.push(Concept::Colon.bit(), at, at + run);
                at + run
            }
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'>' => at + row(),
            _ => at + 1,
        }
    }

    /// `<`: a chat-template tag, a comment, markup, or less than.
    fn tag(&mut self, at: usize, rest: &[u8]) -> usize {
        let next = rest.get(1).copied().unwrap_or(b' ');
        if next == b'|' || rest.starts_with(b"<<") {
            self.place = 0;
            self.push(Concept::RoleTag.bit(), at, at + 2);
            return at + 2;
        }
        if rest.starts_with(b"</s>") || rest.starts_with(b"<s>") {
            self.place = 0;
            self.push(Concept::RoleTag.bit(), at, at + 3);
            return at + 3;
        }
        if rest.starts_with(b"<!--") {
            self.place = 0;
            self.push(Concept::Markup.bit(), at, at + 4);
            return at + 4;
        }
        if rest.len() >= 4 && rest[..4].eq_ignore_ascii_case(b"<img") {
            self.place = 0;
            self.push(Concept::Image.bit(), at, at + 4);
            return at + 4;
        }
        if next.is_ascii_alphabetic() || next == b'/' {
            self.place = 0;
            self.push(Concept::Markup.bit(), at, at + 1);
        }
        at + 1
    }

    fn letter_at(&self, at: usize) -> bool {
        self.text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .is_some_and(char::is_alphabetic)
    }

    /// A mark: its hash is its concept's.
    fn push(&mut self, concepts: Concepts, start: usize, end: usize) {
        self.push_token(0x5bd1_0000 | concepts.trailing_zeros(), concepts, start, end);
    }

    fn push_token(&mut self, hash: u32, concepts: Concepts, start: usize, end: usize) {
        if self.place >= SENTENCE_TOKENS_MAX {
            self.place = 0;
        }
        self.tokens.push(Token {
            hash,
            concepts,
            // Texts are cut at 4 GiB long before (see `judge`).
            start: start as u32,
            end: end as u32,
            place: self.place,
            script: if self.bytes[start].is_ascii() {
                Script::Ascii
            } else if self.text[start..].chars().next().is_some_and(is_unspaced) {
                Script::Unspaced
            } else {
                Script::Spaced
            },
        });
        self.place += 1;
    }

    /// What the phrases mean that end with this word, one that ends any.
    fn phrases(&self, last: u32) -> Concepts {
        let mut words = [0; PHRASE_WORDS_MAX];
        words[PHRASE_WORDS_MAX - 1] = last;
        let mut found = 0;
        for (n, token) in self.tokens.iter().rev().take(PHRASE_WORDS_MAX - 1).enumerate() {
            let first = PHRASE_WORDS_MAX - 2 - n;
            words[first] = token.hash;
            found |= self.lexicon.phrase(&words[first..]);
        }
        found
    }
}

/// The concepts of an entry as a whole word, if it is one; a stem that is the whole word counts.
fn whole(entry: &Entry) -> Option<Concepts> {
    match (entry.is_word, entry.is_stem) {
        (true, true) => Some(entry.word | entry.stem),
        (true, false) => Some(entry.word),
        (false, true) => Some(entry.stem),
        (false, false) => None,
    }
}

/// Numbers are alike but for their length.
fn number_hash(digits: usize) -> u32 {
    0x5bd1_1000 | digits.min(9) as u32
}

fn ends_address(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b')' | b']' | b'`' | b'|')
}
