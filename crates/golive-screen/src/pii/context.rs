//! S4: which words stand near a place.
//!
//! One automaton over all words walks the text once, as far as it is asked to. A word is looked for only to the left
//! ([`LEFT`] bytes), so that a stream need not wait; to the right only behind "is my", "(" and the like.
//!
//! Never: looks at more than its windows, so that a stream, which keeps as much, decides as the whole text would.

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind};

use super::kind::{Kind, Kinds};
use super::text::{ALNUM, Text, is};
use super::words::{self, Says};

/// How far to the left of a value words count, in bytes.
pub(crate) const LEFT: usize = 96;
/// How far to the right.
const RIGHT: usize = 40;
/// How near a word for something else must be to count against a value.
const AGAINST: usize = 28;

/// How many words are remembered: more than a window can hold, as half of them are dropped at once. The shortest word has
/// two bytes, and at one place no more than a few words end.
const KEPT: usize = 1024;

/// All words, compiled.
pub(crate) struct Words {
    automaton: DFA,
    says: Vec<Says>,
    /// Kinds for which a word makes values be looked for.
    told: Kinds,
}

/// A word in the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) says: Says,
}

/// What the context says about a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A word for the kind, so many bytes away.
    For(usize),
    /// The nearest word is for something else.
    Against,
    Silent,
}

impl Words {
    pub(crate) fn new(custom: &[(Kind, Vec<String>)]) -> Result<Words, aho_corasick::BuildError> {
        let mut words = words::all();
        for (kind, list) in custom {
            let says = Says::One(Kinds::of(&[*kind]));
            words.extend(list.iter().map(|word| words::Word {
                text: word.to_lowercase(),
                says,
            }));
        }
        let automaton = DFA::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .start_kind(aho_corasick::StartKind::Unanchored)
            .build(words.iter().map(|word| word.text.as_bytes()))?;
        Ok(Words {
            automaton,
            says: words.iter().map(|word| word.says).collect(),
            told: words::told_by_words(),
        })
    }

    /// The state before any text.
    fn start(&self) -> StateID {
        // Cannot fail: the automaton was built for unanchored search.
        self.automaton.start_state(Anchored::No).unwrap_or_default()
    }
}

/// The words of one text, as far as it was walked.
pub(crate) struct Context<'w> {
    words: &'w Words,
    state: StateID,
    at: usize,
    hits: Vec<Hit>,
    /// Up to here a value may follow a word that makes values be looked for.
    armed: usize,
}

impl<'w> Context<'w> {
    pub(crate) fn new(words: &'w Words) -> Context<'w> {
        Context {
            words,
            state: words.start(),
            at: 0,
            hits: Vec::new(),
            armed: 0,
        }
    }

    /// Walks on to `to`.
    pub(crate) fn advance(&mut self, text: &Text, to: usize) {
        let automaton = &self.words.automaton;
        let mut state = self.state;
        while self.at < to {
            state = automaton.next_state(Anchored::No, state, text.bytes[self.at]);
            self.at += 1;
            if automaton.is_special(state) && automaton.is_match(state) {
                // The longest is remembered last, so that it is met first when looking back.
                for n in (0..automaton.match_len(state)).rev() {
                    let pattern = automaton.match_pattern(state, n);
                    let says = self.words.says[pattern.as_usize()];
                    let start = self.at - automaton.pattern_len(pattern);
                    if !is_whole_on_the_left(text, start) {
                        continue;
                    }
                    if says.kinds().meets(self.words.told) {
                        self.armed = self.at + super::rule::person::JOINT_MAX;
                    }
                    if self.hits.len() >= KEPT {
                        // What lies further back than the window is never looked at again.
                        self.hits.drain(..KEPT / 2);
                    }
                    self.hits.push(Hit {
                        start,
                        end: self.at,
                        says,
                    });
                }
            }
        }
        self.state = state;
    }

    /// Whether a value that only words tell may begin at `at`.
    pub(crate) fn is_armed(&self, at: usize) -> bool {
        at <= self.armed && self.armed > 0
    }

    /// The words that end at `at` or before it, the nearest first; words inside longer ones are left out.
    pub(crate) fn left<'s>(&'s self, text: &'s Text<'_>, at: usize) -> impl Iterator<Item = Hit> + 's {
        let mut floor = usize::MAX;
        self.hits
            .iter()
            .rev()
            .copied()
            .skip_while(move |hit| hit.end > at)
            .take_while(move |hit| hit.end + LEFT >= at)
            .filter(move |hit| {
                if hit.start + LEFT < at
                    || hit.end > floor
                    || !is_whole_on_the_right(text.bytes, hit.start, hit.end, at)
                {
                    return false;
                }
                floor = hit.start;
                true
            })
    }

    /// What the words to the left say about `kind` at `at`.
    pub(crate) fn verdict(&self, text: &Text, at: usize, kind: Kind) -> Verdict {
        let mut against = false;
        for hit in self.left(text, at) {
            let distance = at - hit.end;
            if hit.says.kinds().has(kind) {
                // Both: neither helps nor harms.
                return if against {
                    Verdict::Silent
                } else {
                    Verdict::For(distance)
                };
            }
            if hit.says == Says::Another && distance <= AGAINST {
                against = true;
            }
        }
        if against {
            Verdict::Against
        } else {
            Verdict::Silent
        }
    }

    /// Whether the words directly to the right say `kind`: "… is my SSN", "… (SSN)".
    pub(crate) fn right(&self, text: &Text, end: usize, kind: Kind) -> bool {
        let Some(joint) = JOINTS
            .iter()
            .find(|joint| text.goes_on(end, joint.as_bytes(), true))
        else {
            return false;
        };
        let from = end + joint.len();
        let to = (from + RIGHT).min(text.len());
        // Ask for the last byte of the window, so that a stream waits for it.
        if !text.bytes[from..to]
            .iter()
            .any(|b| matches!(b, b'\n' | b'.' | b')' | b','))
        {
            text.get(from + RIGHT);
        }
        let automaton = &self.words.automaton;
        let mut state = self.words.start();
        let mut longest: Option<Says> = None;
        for at in from..to {
            if matches!(text.bytes[at], b'\n' | b'.' | b')' | b',') {
                break;
            }
            state = automaton.next_state(Anchored::No, state, text.bytes[at]);
            if automaton.is_special(state) && automaton.is_match(state) {
                let pattern = automaton.match_pattern(state, 0);
                let start = at + 1 - automaton.pattern_len(pattern);
                if start == from && is_whole_on_the_right(text.bytes, start, at + 1, text.len()) {
                    longest = Some(self.words.says[pattern.as_usize()]);
                }
            }
        }
        longest.is_some_and(|says| says.kinds().has(kind))
    }
}

/// What may stand between a value and the word for it.
#[rustfmt::skip]
const JOINTS: &[&str] = &[
    " is my ", " is the ", " is your ", " is his ", " is her ", " is our ", " is a ", " is an ", " as my ", " as the ", " (", " ist meine ", " ist mein ",
    " ist die ", " est mon ", " est le ", " es mi ", " es el ", " è il mio ", " é o meu ", " is mijn ", "是我的",
];

fn is_whole_on_the_left(text: &Text, start: usize) -> bool {
    let first = text.bytes[start];
    match text.before(start) {
        Some(before) if is(first, ALNUM) => {
            !is(before, ALNUM) && !matches!(text.char_before(start), Some('\u{C0}'..='\u{24F}'))
        }
        _ => true,
    }
}

fn is_whole_on_the_right(bytes: &[u8], start: usize, end: usize, limit: usize) -> bool {
    let last = bytes[end - 1];
    if !is(last, ALNUM) || end >= limit.min(bytes.len()) || start >= end {
        return true;
    }
    !is(bytes[end], ALNUM) && !matches!(bytes[end], 0xC3..=0xC9)
}
