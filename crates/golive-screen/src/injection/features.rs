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

/// The kinds of features. They stand in the hash of each, and so in the model file.
pub(super) mod kind {
    pub const WORD: u32 = 1;
    pub const WORDS: u32 = 2;
    pub const MEANINGLESS: u32 = 3;
    pub const BEHIND: u32 = 4;
    pub const BEHIND_WORD: u32 = 5;
    pub const CONCEPT: u32 = 6;
    pub const CONCEPT_TRUST: u32 = 7;
    pub const PLACED: u32 = 8;
    pub const PAIR: u32 = 9;
    pub const PAIR_TRUST: u32 = 10;
    pub const PAIR_NEAR: u32 = 11;
    pub const THREE: u32 = 12;
    pub const RULE: u32 = 13;
    pub const RULE_TRUST: u32 = 14;
}

/// Earlier tokens with concepts that one token is paired with.
const PAIRS_MAX: usize = 5;

/// The farthest pair, in tokens.
const REACH_TOKENS: usize = 14;

/// Concepts that one token may have in pairs; the lowest bits, if there are more.
const MEANINGS_MAX: usize = 2;

/// Steps in which the distance of a pair is told: beside each other, near, in the same sentence.
pub(super) const NEAR: usize = 3;

/// What stood before a token in its sentence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    earlier: [Earlier; PAIRS_MAX],
    /// How many tokens with concepts there were; the newest is at `(known - 1) % PAIRS_MAX`.
    known: usize,
    /// The word before.
    before: u32,
    /// All concepts of the sentence.
    sentence: Concepts,
    /// The lowest concepts of the last two tokens that had any, the older one first; [`NONE`] for one that is not there.
    last_two: (u32, u32),
}

/// No concept: one more than the last.
const NONE: u32 = 64;

impl Default for Context {
    fn default() -> Self {
        Self {
            earlier: [Earlier::default(); PAIRS_MAX],
            known: 0,
            before: 0,
            sentence: 0,
            last_two: (NONE, NONE),
        }
    }
}

/// The concepts of one earlier token of the sentence.
#[derive(Debug, Clone, Copy, Default)]
struct Earlier {
    at: usize,
    concepts: Concepts,
}

/// A token without concepts behind one that has some.
pub(super) struct Unpaired {
    /// The lowest concept of that one.
    pub(super) concept: u32,
    /// How many tokens lie from one to the other.
    pub(super) gap: usize,
}

impl Unpaired {
    /// The farthest, in tokens.
    pub(super) const REACH: usize = 3;
}

impl Context {
    /// All concepts of the sentence, if it ends with the token at `at` and may fulfil a rule.
    #[inline]
    pub(super) fn ended_sentence(&mut self, tokens: &[Token], at: usize) -> Option<Concepts> {
        self.sentence |= tokens[at].concepts;
        let ends = tokens.get(at + 1).is_none_or(|next| next.place == 0);
        (ends && self.sentence & TRIGGERS != 0).then_some(self.sentence)
    }

    /// The word before this one, which takes its place.
    #[inline]
    pub(super) fn before(&mut self, token: &Token) -> u32 {
        std::mem::replace(&mut self.before, token.hash)
    }

    /// The concept not far before the token at `at`.
    #[inline]
    pub(super) fn unpaired(&self, at: usize) -> Option<Unpaired> {
        let last = self.earlier[self.known.checked_sub(1)? % PAIRS_MAX];
        let gap = at - last.at;
        (gap <= Unpaired::REACH).then_some(Unpaired {
            concept: last.concepts.trailing_zeros(),
            gap,
        })
    }

    /// The tokens that the one at `at` is paired with: how far away they are, and their concepts.
    #[inline]
    pub(super) fn earlier(&self, at: usize) -> impl Iterator<Item = (usize, Concepts)> {
        self.earlier[..self.known.min(PAIRS_MAX)]
            .iter()
            .map(move |earlier| (at - earlier.at, earlier.concepts))
            .filter(|(gap, _)| *gap <= REACH_TOKENS)
    }

    /// Remembers a token with concepts; gives it with the two before it as one number, if there is one before it.
    #[inline]
    pub(super) fn take(&mut self, at: usize, concepts: Concepts) -> Option<u32> {
        let concept = concepts.trailing_zeros();
        let (first, second) = self.last_two;
        let three = (second != NONE).then_some(first << 12 | second << 6 | concept);
        self.last_two = (second, concept);
        self.earlier[self.known % PAIRS_MAX] = Earlier { at, concepts };
        self.known += 1;
        three
    }
}

/// In which step of nearness a pair so many tokens apart stands; below [`NEAR`].
#[inline]
pub(super) fn near(gap: usize) -> u32 {
    u32::from(gap > 1) + u32::from(gap > 4)
}

/// Tells `sink` each feature: the token it stands at, its hash (well mixed in its upper bits), its group.
#[inline]
pub fn features(tokens: &[Token], trust: Trust, mut sink: impl FnMut(usize, u32, Group)) {
    let trust = trust as u32;
    let mut context = Context::default();
    for (at, token) in tokens.iter().enumerate() {
        if token.place == 0 {
            context = Context::default();
        }
        let mut concept = |hash: u32| sink(at, hash, Group::Concept);
        if let Some(sentence) = context.ended_sentence(tokens, at) {
            for rule in fulfilled(sentence) {
                concept(mix(kind::RULE, rule as u32, 0));
                concept(mix(kind::RULE_TRUST, rule as u32, trust));
            }
        }
        sink(at, mix(kind::WORD, token.hash, 0), Group::Word);
        sink(
            at,
            mix(kind::WORDS, token.hash, context.before(token)),
            Group::Word,
        );
        if token.concepts == 0 {
            sink(
                at,
                mix(kind::MEANINGLESS, trust, token.script as u32),
                Group::Concept,
            );
            if let Some(Unpaired { concept, gap }) = context.unpaired(at) {
                sink(at, mix(kind::BEHIND, concept, gap as u32), Group::Concept);
                sink(at, mix(kind::BEHIND_WORD, concept, token.hash), Group::Word);
            }
            continue;
        }
        let mut concept = |hash: u32| sink(at, hash, Group::Concept);
        for one in meanings(token.concepts) {
            concept(mix(kind::CONCEPT, one, 0));
            concept(mix(kind::CONCEPT_TRUST, one, trust));
            if token.place < 2 {
                concept(mix(kind::PLACED, one, u32::from(token.place)));
            }
        }
        for (gap, concepts) in context.earlier(at) {
            for first in meanings(concepts) {
                for second in meanings(token.concepts) {
                    let pair = first.min(second) << 6 | first.max(second);
                    concept(mix(kind::PAIR, pair, 0));
                    concept(mix(kind::PAIR_TRUST, pair, trust));
                    concept(mix(kind::PAIR_NEAR, first << 6 | second, near(gap)));
                }
            }
        }
        if let Some(three) = context.take(at, token.concepts) {
            concept(mix(kind::THREE, three, 0));
        }
    }
}

/// The first few concepts of a set, as numbers.
#[inline]
pub(super) fn meanings(mut concepts: Concepts) -> impl Iterator<Item = u32> {
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
pub(super) fn mix(kind: u32, first: u32, second: u32) -> u32 {
    let kinded = second.wrapping_add(kind.wrapping_mul(0x27d4_eb2f));
    let both = first.wrapping_mul(0x9e37_79b1) ^ kinded.wrapping_mul(0x85eb_ca6b).rotate_left(15);
    (both ^ (both >> 15)).wrapping_mul(0xc2b2_ae35)
}
