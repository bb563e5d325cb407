//! S8: the words of the concepts, in many languages, as one table of hashes. A line of `lexicon/*.txt` reads
//! `CONCEPT word stem* two_word_phrase`; `#` begins a comment. A word may stand under several concepts.
//!
//! Never: looks at anything but hashes of folded characters; two words with one hash are taken for the same.

use std::collections::HashMap;

use super::concept::{Concept, Concepts};
use super::fold::fold;

/// The lexicon files: one a family of languages.
const FILES: &[(&str, &str)] = &[
    ("english.txt", include_str!("lexicon/english.txt")),
    ("germanic.txt", include_str!("lexicon/germanic.txt")),
    ("romance.txt", include_str!("lexicon/romance.txt")),
    ("slavic.txt", include_str!("lexicon/slavic.txt")),
    ("european.txt", include_str!("lexicon/european.txt")),
    ("asian.txt", include_str!("lexicon/asian.txt")),
    ("eastern.txt", include_str!("lexicon/eastern.txt")),
    ("southern.txt", include_str!("lexicon/southern.txt")),
];

/// FNV-1a, 32 bits: cheap to extend by one byte, which is what looking up each beginning of a word needs.
pub const HASH_START: u32 = 0x811c_9dc5;

/// The hash of a text that goes on with this byte.
#[inline]
pub const fn extend(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}

/// The hash of two things in order.
#[inline]
pub const fn join(first: u32, second: u32) -> u32 {
    (first.rotate_left(13) ^ second).wrapping_mul(0x9e37_79b1) ^ (first >> 7)
}

/// Extends a hash by one folded character.
#[inline]
pub fn extend_char(hash: u32, character: char) -> u32 {
    let mut bytes = [0; 4];
    character.encode_utf8(&mut bytes).bytes().fold(hash, extend)
}

/// The hash of a whole word as the tokens have it.
pub fn hash_of(word: &str) -> u32 {
    word.chars().filter_map(fold).fold(HASH_START, extend_char)
}

/// What the lexicon knows of one hash.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entry {
    hash: u32,
    /// The table's slot is taken.
    used: bool,
    /// A phrase may end with this word.
    pub ends_phrase: bool,
    /// A word of its own stands here (with or without concepts: an exception of a stem has none).
    pub is_word: bool,
    /// Words that begin like this mean `stem`.
    pub is_stem: bool,
    /// Concepts of the word itself.
    pub word: Concepts,
    /// Concepts of each word that begins so.
    pub stem: Concepts,
}

/// Bits of the filter before the table: one in sixteen false passes for 6,000 entries, 16 KiB.
const FILTER_BITS: u32 = 17;

/// The most words of a phrase.
pub const PHRASE_WORDS_MAX: usize = 4;

/// The lexicon, ready to be asked.
#[derive(Debug)]
pub struct Lexicon {
    filter: Vec<u64>,
    table: Vec<Entry>,
    phrases: HashMap<u32, Concepts>,
}

impl Default for Lexicon {
    fn default() -> Self {
        Self::new()
    }
}

impl Lexicon {
    /// Reads the embedded files. A line with an unknown concept is passed over; a test holds that there is none.
    pub fn new() -> Self {
        let mut words: HashMap<u32, Entry> = HashMap::new();
        let mut phrases: HashMap<u32, Concepts> = HashMap::new();
        for (concepts, item) in FILES.iter().flat_map(|(_, text)| items(text)) {
            let parts: Vec<&str> = item.split('_').filter(|part| !part.is_empty()).collect();
            if let [word] = parts[..] {
                let (text, stem) = match word.strip_suffix('*') {
                    Some(text) => (text, true),
                    None => (word, false),
                };
                let hash = hash_of(text);
                let entry = words.entry(hash).or_default();
                entry.hash = hash;
                if stem {
                    entry.is_stem = true;
                    entry.stem |= concepts;
                } else {
                    entry.is_word = true;
                    entry.word |= concepts;
                }
            } else if parts.len() <= PHRASE_WORDS_MAX {
                let hashes: Vec<u32> = parts.iter().map(|part| hash_of(part)).collect();
                let (Some(&last), Some(whole)) = (hashes.last(), phrase(&hashes)) else {
                    continue;
                };
                *phrases.entry(whole).or_default() |= concepts;
                let entry = words.entry(last).or_default();
                entry.hash = last;
                entry.ends_phrase = true;
            }
        }
        Self::with(words, phrases)
    }

    fn with(words: HashMap<u32, Entry>, phrases: HashMap<u32, Concepts>) -> Self {
        let slots = (words.len() * 2).next_power_of_two().max(16);
        let mut lexicon = Self {
            filter: vec![0; 1 << (FILTER_BITS - 6)],
            table: vec![Entry::default(); slots],
            phrases,
        };
        for (hash, entry) in words {
            let bit = hash >> (32 - FILTER_BITS);
            lexicon.filter[(bit >> 6) as usize] |= 1 << (bit & 63);
            let mut slot = lexicon.slot(hash);
            while lexicon.table[slot].used {
                slot = (slot + 1) & (slots - 1);
            }
            lexicon.table[slot] = Entry { used: true, ..entry };
        }
        lexicon
    }

    fn slot(&self, hash: u32) -> usize {
        (hash.wrapping_mul(0x9e37_79b1) >> 8) as usize & (self.table.len() - 1)
    }

    /// What is known of this hash.
    #[inline]
    pub fn get(&self, hash: u32) -> Option<&Entry> {
        let bit = hash >> (32 - FILTER_BITS);
        if self.filter[(bit >> 6) as usize] >> (bit & 63) & 1 == 0 {
            return None;
        }
        self.find(hash)
    }

    fn find(&self, hash: u32) -> Option<&Entry> {
        let mut slot = self.slot(hash);
        loop {
            let entry = &self.table[slot];
            if !entry.used {
                return None;
            }
            if entry.hash == hash {
                return Some(entry);
            }
            slot = (slot + 1) & (self.table.len() - 1);
        }
    }

    /// What these words mean together.
    pub fn phrase(&self, words: &[u32]) -> Concepts {
        phrase(words)
            .and_then(|hash| self.phrases.get(&hash).copied())
            .unwrap_or(0)
    }
}

/// The words of each lexicon file as they are written there, for those who make texts of them.
pub fn words() -> Vec<(&'static str, Vec<&'static str>)> {
    FILES
        .iter()
        .map(|(file, text)| (*file, items(text).map(|(_, word)| word).collect()))
        .collect()
}

/// The hash of a phrase, from those of its words.
fn phrase(words: &[u32]) -> Option<u32> {
    words.iter().copied().reduce(join)
}

/// The items of a lexicon file, each with its concepts.
fn items(text: &str) -> impl Iterator<Item = (Concepts, &str)> + use<'_> {
    text.lines().flat_map(|line| {
        let mut words = line.split('#').next().unwrap_or("").split_whitespace();
        let concepts = match words.next() {
            Some("NONE") => Some(0),
            Some(name) => Concept::of(name).map(Concept::bit),
            None => None,
        };
        words.filter_map(move |word| concepts.map(|concepts| (concepts, word)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_begins_with_a_concept_and_has_words() {
        for (file, text) in FILES {
            for (number, line) in text.lines().enumerate() {
                let mut words = line.split('#').next().unwrap_or("").split_whitespace();
                let Some(name) = words.next() else { continue };
                let at = format!("{file}:{}", number + 1);
                assert!(
                    name == "NONE" || Concept::of(name).is_some(),
                    "{at}: no concept `{name}`"
                );
                assert!(words.clone().next().is_some(), "{at}: no words");
                for word in words {
                    let parts = word.split('_').count();
                    assert!(parts <= PHRASE_WORDS_MAX, "{at}: `{word}` is too long");
                    assert!(
                        parts == 1 || !word.contains('*'),
                        "{at}: `{word}`: phrases have no stems"
                    );
                }
            }
        }
    }

    #[test]
    fn words_stems_and_exceptions_are_told_apart() {
        let lexicon = Lexicon::new();
        let ignore = lexicon.get(hash_of("ignor")).expect("a stem");
        assert!(ignore.is_stem && ignore.stem & Concept::Ignore.bit() != 0);
        let exception = lexicon.get(hash_of("ignorance")).expect("an exception");
        assert!(exception.is_word && exception.word == 0);
        assert!(lexicon.get(hash_of("zzyzx")).is_none());
    }

    #[test]
    fn a_phrase_is_known_by_its_words_in_order() {
        let lexicon = Lexicon::new();
        let words: Vec<u32> = ["from", "now", "on"].into_iter().map(hash_of).collect();
        assert_eq!(lexicon.phrase(&words), Concept::FromNow.bit());
        let turned: Vec<u32> = words.iter().rev().copied().collect();
        assert_eq!(lexicon.phrase(&turned), 0);
    }
}
