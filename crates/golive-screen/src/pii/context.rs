//! S4: which words stand near a place.
//!
//! Words are looked for only where somebody asks, and only to the left ([`LEFT`] bytes), so that a stream need not wait;
//! to the right only behind "is my", "(" and the like. Prose is not searched at all: each word is hashed in passing
//! ([`Arms`]), and only behind a word that may tell a value is anything asked.
//!
//! Never: looks at more than its windows, so that a stream, which keeps as much, decides as the whole text would.

use std::cell::{Cell, Ref, RefCell};

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use super::arms::Arms;
use super::kind::{Kind, Kinds};
use super::rule::person::JOINT_MAX;
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
    automaton: NFA,
    says: Vec<Says>,
    pub(crate) arms: Arms,
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
        let told = words::told_by_words();
        let mut words = words::all();
        for (kind, list) in custom {
            let says = Says::One(Kinds::of(&[*kind]));
            for word in list {
                words::add(&mut words, word, says);
            }
        }
        let automaton = NFA::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(words.iter().map(|word| word.text.as_bytes()))?;
        let telling = words.iter().filter(|word| word.says.kinds().meets(told));
        Ok(Words {
            automaton,
            says: words.iter().map(|word| word.says).collect(),
            arms: Arms::new(telling.map(|word| word.text.as_str())),
            told,
        })
    }

    /// The state before any text.
    fn start(&self) -> StateID {
        // Cannot fail: the automaton serves unanchored search.
        self.automaton.start_state(Anchored::No).unwrap_or_default()
    }
}

/// The words of one text, as far as somebody asked.
pub(crate) struct Context<'w> {
    words: &'w Words,
    walked: RefCell<Walked>,
    near: RefCell<Vec<Hit>>,
    near_at: Cell<Option<usize>>,
    /// Up to here a value may follow a word that makes values be looked for.
    armed: usize,
    /// The hash of the word before.
    last: u32,
}

/// How far the automaton has walked, and what it met in the last window.
struct Walked {
    state: StateID,
    at: usize,
    hits: Vec<Hit>,
}

impl<'w> Context<'w> {
    pub(crate) fn new(words: &'w Words) -> Context<'w> {
        Context {
            words,
            walked: RefCell::new(Walked {
                state: words.start(),
                at: 0,
                hits: Vec::new(),
            }),
            near: RefCell::new(Vec::new()),
            near_at: Cell::new(None),
            armed: 0,
            last: 0,
        }
    }

    /// A word of the text is passed, whose hash this is.
    pub(crate) fn pass(&mut self, hash: u32, end: usize) {
        if self.words.arms.has(self.last, hash) {
            self.armed = end + JOINT_MAX;
        }
        self.last = hash;
    }

    /// A sign of a script without blanks is passed.
    pub(crate) fn pass_sign(&mut self, sign: &[u8], end: usize) {
        if self.words.arms.has_sign(sign) {
            self.armed = end + JOINT_MAX + Arms::TAIL_MAX;
        }
    }

    /// Something was passed without looking at its words, or the text begins before `at`.
    pub(crate) fn rejoin(&mut self, text: &Text, at: usize) {
        if at == 0 {
            return;
        }
        self.last = Arms::hash_before(text.bytes, at);
        let told = self.words.told;
        let last = self
            .left(text, at)
            .iter()
            .filter(|hit| hit.says.kinds().meets(told))
            .map(|hit| hit.end)
            .max();
        if let Some(end) = last {
            self.armed = self.armed.max(end + JOINT_MAX);
        }
    }

    /// Whether a value that only words tell may begin at `at`. May be wrong in that direction only.
    pub(crate) fn is_armed(&self, at: usize) -> bool {
        at <= self.armed && self.armed > 0
    }

    /// The words that end at `at` or before it, the nearest first; words inside longer ones are left out.
    pub(crate) fn left(&self, text: &Text, at: usize) -> Ref<'_, [Hit]> {
        if self.near_at.get() != Some(at) {
            self.walk(text, at);
            let mut near = self.near.borrow_mut();
            near.clear();
            let mut floor = usize::MAX;
            for hit in self.walked.borrow().hits.iter().rev() {
                if hit.end + LEFT < at {
                    break;
                }
                let inside = hit.end <= at && hit.start + LEFT >= at && hit.end <= floor;
                if inside && is_whole_on_the_right(text.bytes, hit.start, hit.end, at) {
                    floor = hit.start;
                    near.push(*hit);
                }
            }
            self.near_at.set(Some(at));
        }
        Ref::map(self.near.borrow(), Vec::as_slice)
    }

    /// Walks on to `to`, or begins again a window before it.
    fn walk(&self, text: &Text, to: usize) {
        let walked = &mut *self.walked.borrow_mut();
        if to.saturating_sub(LEFT) > walked.at {
            (walked.state, walked.at) = (self.words.start(), to - LEFT);
            walked.hits.clear();
        }
        let automaton = &self.words.automaton;
        let mut state = walked.state;
        while walked.at < to {
            state = automaton.next_state(Anchored::No, state, text.bytes[walked.at]);
            walked.at += 1;
            if !automaton.is_match(state) {
                continue;
            }
            // The longest is remembered last, so that it is met first when looking back.
            for n in (0..automaton.match_len(state)).rev() {
                let pattern = automaton.match_pattern(state, n);
                let start = walked.at - automaton.pattern_len(pattern);
                if !is_whole_on_the_left(text, start) {
                    continue;
                }
                if walked.hits.len() >= KEPT {
                    // What lies further back than the window is never looked at again.
                    walked.hits.drain(..KEPT / 2);
                }
                walked.hits.push(Hit {
                    start,
                    end: walked.at,
                    says: self.words.says[pattern.as_usize()],
                });
            }
        }
        walked.state = state;
    }

    /// What the words to the left say about `kind` at `at`.
    pub(crate) fn verdict(&self, text: &Text, at: usize, kind: Kind) -> Verdict {
        let mut against = false;
        for hit in self.left(text, at).iter() {
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
        // Most of what follows a number can be none of them.
        match text.get(end) {
            Some(b' ') if !matches!(text.get(end + 1), Some(b'i' | b'a' | b'e' | b'(' | 0xC3)) => {
                return false;
            }
            Some(b' ' | 0xE6) => {}
            _ => return false,
        }
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
            if automaton.is_match(state) {
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
    let Some(before) = text.before(start) else {
        return true;
    };
    match text.bytes[start] {
        first if is(first, ALNUM) => {
            let accented = before >= 0x80 && matches!(text.char_before(start), Some('\u{C0}'..='\u{24F}'));
            !is(before, ALNUM) && !accented
        }
        // Letters of two bytes: Latin with accents, Greek, Cyrillic, Hebrew, Arabic.
        0xC3..=0xDF => !is(before, ALNUM) && !super::arms::is_letter_before(text.bytes, start),
        _ => true,
    }
}

fn is_whole_on_the_right(bytes: &[u8], start: usize, end: usize, limit: usize) -> bool {
    if end >= limit.min(bytes.len()) || start >= end {
        return true;
    }
    let last = bytes[end - 1];
    let two = end >= start + 2 && matches!(bytes[end - 2], 0xC3..=0xDF) && last >= 0x80;
    let letter = is(last, ALNUM) || two;
    !letter || !(is(bytes[end], ALNUM) || matches!(bytes[end], 0xC3..=0xDF))
}
