//! S8: the words of the concepts, in many languages, as one table of hashes. A line of `lexicon/*.txt` reads
//! `CONCEPT word stem* two_word_phrase`; `#` begins a comment. A word may stand under several concepts.
//!
//! Never: looks at anything but hashes of folded characters; two words with one hash are taken for the same.

use std::collections::HashMap;

use super::concept::{Concept, Concepts};
use super::fold::{fold, is_unspaced};

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

/// The most words of a phrase.
pub const PHRASE_WORDS_MAX: usize = 4;

/// The lexicon, ready to be asked.
#[derive(Debug)]
pub struct Lexicon {
    words: Table<Entry>,
    phrases: Table<Concepts>,
    /// The stems among the words: each beginning of a word is looked up.
    stems: Filter,
    /// What words of scripts without spaces begin with, up to each of their characters.
    begun: Filter,
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
        let (mut stems, mut begun) = (Filter::default(), Filter::default());
        for (concepts, item) in FILES.iter().flat_map(|(_, text)| items(text)) {
            let parts: Vec<&str> = item.split('_').filter(|part| !part.is_empty()).collect();
            if let [word] = parts[..] {
                let (text, stem) = match word.strip_suffix('*') {
                    Some(text) => (text, true),
                    None => (word, false),
                };
                let hash = hash_of(text);
                let entry = words.entry(hash).or_default();
                if stem {
                    entry.is_stem = true;
                    entry.stem |= concepts;
                    stems.add(hash);
                } else {
                    entry.is_word = true;
                    entry.word |= concepts;
                }
                if text.starts_with(is_unspaced) {
                    let folded = text.chars().filter_map(fold);
                    let beginnings = folded.scan(HASH_START, |hash, character| {
                        *hash = extend_char(*hash, character);
                        Some(*hash)
                    });
                    beginnings.for_each(|hash| begun.add(hash));
                }
            } else if parts.len() <= PHRASE_WORDS_MAX {
                let hashes: Vec<u32> = parts.iter().map(|part| hash_of(part)).collect();
                let (Some(&last), Some(whole)) = (hashes.last(), phrase(&hashes)) else {
                    continue;
                };
                *phrases.entry(whole).or_default() |= concepts;
                words.entry(last).or_default().ends_phrase = true;
            }
        }
        Self {
            words: Table::of(words),
            phrases: Table::of(phrases),
            stems,
            begun,
        }
    }

    /// What is known of this hash.
    #[inline]
    pub fn get(&self, hash: u32) -> Option<&Entry> {
        self.words.get(hash)
    }

    /// What words mean that begin with what has this hash, if it is a stem.
    #[inline]
    pub fn stem(&self, hash: u32) -> Option<Concepts> {
        if !self.stems.may_have(hash) {
            return None;
        }
        let entry = self.words.get(hash).filter(|entry| entry.is_stem)?;
        Some(entry.stem)
    }

    /// Whether a word of a script without spaces may go on behind what has this hash, or end there.
    #[inline]
    pub fn begins(&self, hash: u32) -> bool {
        self.begun.may_have(hash)
    }

    /// What these words mean together.
    pub fn phrase(&self, words: &[u32]) -> Concepts {
        phrase(words)
            .and_then(|hash| self.phrases.get(hash).copied())
            .unwrap_or(0)
    }
}

/// A table of what is known of hashes, with a filter before it: most hashes that are looked up are not there.
#[derive(Debug)]
struct Table<V> {
    filter: Filter,
    /// A power of two of them, at least half of them free.
    slots: Vec<Option<(u32, V)>>,
}

impl<V: Copy> Table<V> {
    fn of(known: HashMap<u32, V>) -> Self {
        let slots = (known.len() * 2).next_power_of_two().max(16);
        let mut table = Self {
            filter: Filter::default(),
            slots: vec![None; slots],
        };
        for (hash, value) in known {
            table.filter.add(hash);
            let mut slot = table.slot(hash);
            while table.slots[slot].is_some() {
                slot = (slot + 1) & (slots - 1);
            }
            table.slots[slot] = Some((hash, value));
        }
        table
    }

    fn slot(&self, hash: u32) -> usize {
        (hash.wrapping_mul(0x9e37_79b1) >> 8) as usize & (self.slots.len() - 1)
    }

    #[inline]
    fn get(&self, hash: u32) -> Option<&V> {
        if self.filter.may_have(hash) {
            self.find(hash)
        } else {
            None
        }
    }

    fn find(&self, hash: u32) -> Option<&V> {
        let mut slot = self.slot(hash);
        loop {
            match &self.slots[slot] {
                None => return None,
                Some((known, value)) if *known == hash => return Some(value),
                Some(_) => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }
}

/// Which hashes may be there, by their upper 17 bits: one in sixteen passes without reason for 8,000 of them. 16 KiB.
#[derive(Debug)]
struct Filter(Box<[u64; FILTER_WORDS]>);

const FILTER_WORDS: usize = 1 << 11;

impl Default for Filter {
    fn default() -> Self {
        Self(Box::new([0; FILTER_WORDS]))
    }
}

impl Filter {
    fn add(&mut self, hash: u32) {
        self.0[(hash >> 21) as usize] |= 1 << (hash >> 15 & 63);
    }

    #[inline]
    fn may_have(&self, hash: u32) -> bool {
        self.0[(hash >> 21) as usize] >> (hash >> 15 & 63) & 1 == 1
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
