//! S8: what the model sees of a text: words, concepts, and how concepts stand to each other within a sentence.
//!
//! Never: work per token that depends on the text's length.

use super::Trust;
use super::concept::Concepts;
use super::rules::{TRIGGERS, fulfilled};
use super::tokens::Token;

/// Where a feature comes from: the trainer holds words on a shorter leash than concepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Made of concepts and marks alone.
    Concept,
    /// Holds a word of the text.
    Word,
}

/// Earlier tokens with concepts that one token is paired with.
const PAIRS_MAX: usize = 5;

/// The farthest pair, in tokens.
const REACH_TOKENS: usize = 14;

/// Concepts that one token may have in pairs; the lowest bits, if there are more.
const MEANINGS_MAX: usize = 2;

/// The concepts of one earlier token of the sentence.
#[derive(Clone, Copy, Default)]
struct Earlier {
    at: usize,
    concepts: Concepts,
}

/// Tells `sink` each feature: the token it stands at, its hash (well mixed in its upper bits), its group.
#[inline]
pub fn features(tokens: &[Token], trust: Trust, mut sink: impl FnMut(usize, u32, Group)) {
    let trust = trust as u32;
    let mut earlier = [Earlier::default(); PAIRS_MAX];
    let mut known = 0_usize; // how many of `earlier` belong to this sentence; the newest is at (known - 1) % PAIRS_MAX
    let mut before = 0; // the word before, in this sentence
    let mut last: Option<Earlier> = None;
    let mut last_two = (64, 64);
    let mut sentence = 0; // its concepts
    for (at, token) in tokens.iter().enumerate() {
        if token.place == 0 {
            (known, before, last, last_two, sentence) = (0, 0, None, (64, 64), 0);
        }
        sentence |= token.concepts;
        let ends = tokens.get(at + 1).is_none_or(|next| next.place == 0);
        if ends && sentence & TRIGGERS != 0 {
            for rule in fulfilled(sentence) {
                sink(at, mix(13, rule as u32, 0), Group::Concept);
                sink(at, mix(14, rule as u32, trust), Group::Concept);
            }
        }
        sink(at, mix(1, token.hash, 0), Group::Word);
        sink(at, mix(2, token.hash, before), Group::Word);
        before = token.hash;
        if token.concepts == 0 {
            sink(at, mix(3, trust, token.script as u32), Group::Concept);
            if let Some(earlier) = last.filter(|earlier| at - earlier.at <= 3) {
                let concept = earlier.concepts.trailing_zeros();
                sink(at, mix(4, concept, (at - earlier.at) as u32), Group::Concept);
                sink(at, mix(5, concept, token.hash), Group::Word);
            }
            continue;
        }
        for concept in meanings(token.concepts) {
            sink(at, mix(6, concept, 0), Group::Concept);
            sink(at, mix(7, concept, trust), Group::Concept);
            if token.place < 2 {
                sink(at, mix(8, concept, u32::from(token.place)), Group::Concept);
            }
        }
        for &Earlier { at: place, concepts } in &earlier[..known.min(PAIRS_MAX)] {
            let gap = at - place;
            if gap > REACH_TOKENS {
                continue;
            }
            for first in meanings(concepts) {
                for second in meanings(token.concepts) {
                    let pair = first.min(second) << 6 | first.max(second);
                    sink(at, mix(9, pair, 0), Group::Concept);
                    sink(at, mix(10, pair, trust), Group::Concept);
                    let near = u32::from(gap > 1) + u32::from(gap > 4);
                    sink(at, mix(11, first << 6 | second, near), Group::Concept);
                }
            }
        }
        let concept = token.concepts.trailing_zeros();
        if last_two.1 != 64 {
            sink(
                at,
                mix(12, last_two.0 << 12 | last_two.1 << 6 | concept, 0),
                Group::Concept,
            );
        }
        last_two = (last_two.1, concept);
        let this = Earlier {
            at,
            concepts: token.concepts,
        };
        earlier[known % PAIRS_MAX] = this;
        known += 1;
        last = Some(this);
    }
}

/// The first few concepts of a set, as numbers.
#[inline]
fn meanings(mut concepts: Concepts) -> impl Iterator<Item = u32> {
    let mut left = MEANINGS_MAX;
    std::iter::from_fn(move || {
        if concepts == 0 || left == 0 {
            return None;
        }
        let concept = concepts.trailing_zeros();
        concepts &= concepts - 1;
        left -= 1;
        Some(concept)
    })
}

/// The hash of a feature: short, for it is made some ten times a word.
#[inline]
fn mix(kind: u32, first: u32, second: u32) -> u32 {
    let kinded = second.wrapping_add(kind.wrapping_mul(0x27d4_eb2f));
    let both = first.wrapping_mul(0x9e37_79b1) ^ kinded.wrapping_mul(0x85eb_ca6b).rotate_left(15);
    (both ^ (both >> 15)).wrapping_mul(0xc2b2_ae35)
}
