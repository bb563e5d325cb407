//! S4: kinds of the operator's own: a pattern, perhaps a checksum, words beside it, and examples that prove it.
//!
//! Patterns are compiled into one table-driven automaton: matching is linear whatever they are, and its size is bounded
//! when the configuration is read. A match begins at the beginning of a word and is at most [`MATCH_MAX`] bytes long.
//!
//! Never: starts with a pattern whose own examples disagree with it.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::{primitives::StateID, start, syntax};
use regex_automata::{Anchored, MatchKind};
use thiserror::Error;

use super::check;
use super::kind::{CUSTOM_MAX, Kind};
use super::text::{ALNUM, Text};

/// The longest match, in bytes.
pub const MATCH_MAX: usize = 256;
/// How large the automaton of all patterns may become, in bytes.
const SIZE_MAX: usize = 8 << 20;

/// A kind of the operator's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomKind {
    /// Its name, in capitals: it stands between brackets where one was redacted.
    pub name: String,
    /// The pattern: a regular expression over ASCII, matched at the beginning of a word and not inside a longer one.
    pub pattern: String,
    /// The checksum of its letters and digits: `luhn`, `mod97`, `mod11_10` or `verhoeff`.
    pub checksum: Option<String>,
    /// Words beside it. If there are any, a match without one of them is none.
    pub context: Vec<String>,
    /// Texts in which one must be found.
    pub must_match: Vec<String>,
    /// Texts in which none may be found.
    pub must_not_match: Vec<String>,
}

/// What is wrong with a kind of the operator's own.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum CustomKindError {
    /// The name cannot stand in a placeholder, or another kind has it.
    #[error("`{0}` is no name for a kind: write capitals, digits and `_`, and none that golive has already")]
    Name(String),
    /// More than [`CUSTOM_MAX`].
    #[error("{0} kinds of your own; at most {CUSTOM_MAX} are possible")]
    TooMany(usize),
    /// The pattern is no regular expression, or too large.
    #[error("the pattern of `{name}` cannot be used: {reason}")]
    Pattern {
        /// The kind.
        name: String,
        /// What the pattern compiler says.
        reason: String,
    },
    /// A checksum that does not exist.
    #[error("`{checksum}` of `{name}` is no checksum; there are luhn, mod97, mod11_10 and verhoeff")]
    Checksum {
        /// The kind.
        name: String,
        /// What was written.
        checksum: String,
    },
    /// The pattern matches nothing at all, or everything.
    #[error("the pattern of `{0}` also matches the empty text")]
    Empty(String),
    /// An example disagrees.
    #[error("`{name}` must be found in its example `{example}`, and is not")]
    NotFound {
        /// The kind.
        name: String,
        /// The example.
        example: String,
    },
    /// An example disagrees.
    #[error("`{name}` must not be found in its example `{example}`, and is")]
    Found {
        /// The kind.
        name: String,
        /// The example.
        example: String,
    },
}

impl CustomKindError {
    /// The kind it is about, where it is about one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::TooMany(_) => None,
            Self::Name(name)
            | Self::Empty(name)
            | Self::Pattern { name, .. }
            | Self::Checksum { name, .. }
            | Self::NotFound { name, .. }
            | Self::Found { name, .. } => Some(name),
        }
    }
}

/// All custom patterns, compiled.
pub(crate) struct Customs {
    automaton: Option<dense::DFA<Vec<u32>>>,
    begin: StateID,
    kinds: Vec<Custom>,
}

struct Custom {
    name: String,
    check: Option<fn(&[u8]) -> bool>,
    needs_context: bool,
}

/// A match of a custom pattern.
pub(crate) struct Match {
    pub(crate) kind: Kind,
    pub(crate) end: usize,
    pub(crate) needs_context: bool,
}

impl Customs {
    pub(crate) fn new(kinds: &[CustomKind]) -> Result<Customs, CustomKindError> {
        if kinds.len() > CUSTOM_MAX {
            return Err(CustomKindError::TooMany(kinds.len()));
        }
        let mut customs = Vec::new();
        for (n, kind) in kinds.iter().enumerate() {
            let name = &kind.name;
            let good = !name.is_empty()
                && name.len() <= 40
                && name
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            let taken = Kind::named(name).is_some() || kinds[..n].iter().any(|other| other.name == *name);
            if !good || taken {
                return Err(CustomKindError::Name(name.clone()));
            }
            let check: Option<fn(&[u8]) -> bool> = match kind.checksum.as_deref() {
                None => None,
                Some("luhn") => Some(check::luhn),
                Some("mod97") => Some(mod_97),
                Some("mod11_10") => Some(check::mod_11_10),
                Some("verhoeff") => Some(check::verhoeff),
                Some(other) => {
                    return Err(CustomKindError::Checksum {
                        name: name.clone(),
                        checksum: other.to_owned(),
                    });
                }
            };
            // One by one first, so that the message names the pattern that is wrong.
            let alone = build(&[&kind.pattern]).map_err(|reason| CustomKindError::Pattern {
                name: name.clone(),
                reason,
            })?;
            if matches_empty(&alone) {
                return Err(CustomKindError::Empty(name.clone()));
            }
            customs.push(Custom {
                name: name.clone(),
                check,
                needs_context: !kind.context.is_empty(),
            });
        }
        let mut begin = StateID::ZERO;
        let automaton = if kinds.is_empty() {
            None
        } else {
            let patterns: Vec<&String> = kinds.iter().map(|kind| &kind.pattern).collect();
            let dfa = build(&patterns).map_err(|reason| CustomKindError::Pattern {
                name: "all together".into(),
                reason,
            })?;
            begin = start_of(&dfa);
            Some(dfa)
        };
        Ok(Customs {
            automaton,
            begin,
            kinds: customs,
        })
    }

    pub(crate) fn name(&self, n: u8) -> &str {
        self.kinds.get(usize::from(n)).map_or("CUSTOM", |kind| &kind.name)
    }

    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }

    /// The longest match at `at`, which begins a word.
    pub(crate) fn find(&self, text: &Text, at: usize) -> Option<Match> {
        let dfa = self.automaton.as_ref()?;
        let (mut state, mut end, mut found) = (self.begin, at, None);
        while end - at < MATCH_MAX {
            let Some(byte) = text.get(end) else {
                // Only the end of a text that is all there ends a match; otherwise the read was remembered.
                let last = dfa.next_eoi_state(state);
                self.note(dfa, last, text, at, end, &mut found);
                return found;
            };
            state = dfa.next_state(state, byte);
            if dfa.is_special_state(state) {
                // The automaton says one byte later that it matched.
                self.note(dfa, state, text, at, end, &mut found);
                if dfa.is_dead_state(state) || dfa.is_quit_state(state) {
                    return found;
                }
            }
            end += 1;
        }
        found
    }

    fn note(
        &self,
        dfa: &dense::DFA<Vec<u32>>,
        state: StateID,
        text: &Text,
        at: usize,
        end: usize,
        found: &mut Option<Match>,
    ) {
        if !dfa.is_match_state(state) || end == at || text.is(end, ALNUM) && text.is(end - 1, ALNUM) {
            return;
        }
        for n in 0..dfa.match_len(state) {
            let index = dfa.match_pattern(state, n).as_usize();
            let Some(kind) = self.kinds.get(index) else {
                continue;
            };
            let holds = kind.check.is_none_or(|check| {
                let bare: Vec<u8> = text.bytes[at..end]
                    .iter()
                    .filter(|b| b.is_ascii_alphanumeric())
                    .map(u8::to_ascii_uppercase)
                    .collect();
                check(&bare)
            });
            if holds {
                // At most CUSTOM_MAX kinds, so the place fits.
                let kind_id = Kind::Custom(u8::try_from(index).unwrap_or(u8::MAX));
                *found = Some(Match {
                    kind: kind_id,
                    end,
                    needs_context: kind.needs_context,
                });
                return;
            }
        }
    }
}

fn mod_97(value: &[u8]) -> bool {
    value.len() > 4 && check::mod_97(value[4..].iter().chain(&value[..4]).copied()) == 1
}

fn build<P: AsRef<str>>(patterns: &[P]) -> Result<dense::DFA<Vec<u32>>, String> {
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .start_kind(StartKind::Anchored)
                .match_kind(MatchKind::All)
                .dfa_size_limit(Some(SIZE_MAX))
                .determinize_size_limit(Some(SIZE_MAX)),
        )
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(
            regex_automata::nfa::thompson::Config::new()
                .utf8(false)
                .nfa_size_limit(Some(SIZE_MAX)),
        )
        .build_many(patterns)
        .map_err(|error| error.to_string())
}

fn start_of(dfa: &dense::DFA<Vec<u32>>) -> StateID {
    // Cannot fail: built for anchored search, without look-behind configured. A pattern's own `\b` at its beginning sees
    // the beginning of a text, and a match begins a word anyway.
    dfa.start_state(&start::Config::new().anchored(Anchored::Yes))
        .unwrap_or_default()
}

fn matches_empty(dfa: &dense::DFA<Vec<u32>>) -> bool {
    dfa.is_match_state(dfa.next_eoi_state(start_of(dfa)))
}
