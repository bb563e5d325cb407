//! S4: the filter of one stream of text: one choice, one tool call's arguments, one reasoning.
//!
//! Text goes in as it comes and comes out as soon as nothing that follows can change it. What is held back is the place
//! where something may have begun: of ordinary prose the last word, of a number the number. A secret without a greatest
//! length (a private key, a token) is swallowed from the marker that decides it to its end, so it is not held either.
//!
//! **Any way to cut a text into pushes gives the same output**, the one that [`crate::redact::apply`] gives for the
//! whole text with the same policy. Two exceptions, both deterministic: of more than [`INVISIBLE_MAX`] invisible
//! characters in a row the rest is dropped, and after a forbidden text nothing comes that was not decided when it ended.
//!
//! ```
//! # use std::sync::Arc;
//! # use golive_screen::{pii::{Detector, Options}, redact::{Action, Policy}, stream::Filter};
//! let detector = Arc::new(Detector::new(&Options::default())?);
//! let mut filter = Filter::new(detector, Arc::new(Policy::new(Action::Redact)));
//! let mut out = String::new();
//! for delta in ["Write to an", "n@exam", "ple.com", ", please."] {
//!     out += &filter.push(delta)?;
//! }
//! out += &filter.finish()?;
//! assert_eq!(out, "Write to [EMAIL], please.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Never: takes back what it released, or holds more than [`HELD_MAX`] bytes of visible text. Blanks between spelled
//! characters come on top: one each.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::literals::Literals;
use crate::pii::fold::{Before, Folded, is_invisible};
use crate::pii::rule::open::{Fed, Open};
use crate::pii::scan::{Hit, KEPT_LEFT};
use crate::pii::text::Text;
use crate::pii::{Detector, Finding, Kind, VALUE_MAX};
use crate::redact::{Action, Count, Policy, Seen, count, decide, replace};

/// The most bytes of visible text that are ever held: the beginning of a token with the longest header that is waited
/// for, and room.
pub const HELD_MAX: usize = 1024;

/// How many invisible characters in a row are let through. Honest text has a few; more would be held without end.
pub const INVISIBLE_MAX: usize = 64;

/// Why a stream must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// A finding whose kind blocks.
    Kind(Kind),
    /// A forbidden text: its place in the list.
    Literal(usize),
}

/// The stream must end here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the stream is blocked")]
pub struct Blocked {
    /// Why.
    pub because: Because,
    /// What may still go out before the end.
    pub released: String,
}

/// The filter of one stream.
pub struct Filter {
    detector: Arc<Detector>,
    policy: Arc<Policy>,
    seen: Option<Arc<Seen>>,
    literals: Option<Arc<Literals>>,
    /// What was released last, folded, as context; then what is held, as it came.
    buffer: String,
    before: Before,
    /// Invisible characters since the last visible one.
    invisible: usize,
    open: Option<Swallowed>,
    blocked: Option<Because>,
    counts: Vec<Count>,
}

/// A secret that goes on.
struct Swallowed {
    open: Open,
    hit: Hit,
    value: String,
    action: Action,
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter")
            .field("held", &self.held())
            .field("blocked", &self.blocked)
            .finish_non_exhaustive()
    }
}

impl Filter {
    /// A filter that has seen nothing.
    #[must_use]
    pub fn new(detector: Arc<Detector>, policy: Arc<Policy>) -> Filter {
        Filter {
            detector,
            policy,
            seen: None,
            literals: None,
            buffer: String::new(),
            before: Before::default(),
            invisible: 0,
            open: None,
            blocked: None,
            counts: Vec::new(),
        }
    }

    /// Values of the conversation that are let through.
    #[must_use]
    pub fn with_seen(mut self, seen: Arc<Seen>) -> Filter {
        self.seen = Some(seen);
        self
    }

    /// Texts that end the stream.
    #[must_use]
    pub fn with_literals(mut self, literals: Arc<Literals>) -> Filter {
        self.literals = Some(literals);
        self
    }

    /// How many bytes are held back now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len() - self.before.context
    }

    /// What was done so far.
    #[must_use]
    pub fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// Takes what came; gives what may go out.
    ///
    /// # Errors
    /// The stream must end; every later call says so again.
    pub fn push(&mut self, delta: &str) -> Result<String, Blocked> {
        self.take(delta);
        self.step(false)
    }

    /// Nothing more comes; gives the rest.
    ///
    /// # Errors
    /// The stream must not have ended like this.
    pub fn finish(&mut self) -> Result<String, Blocked> {
        self.step(true)
    }

    fn take(&mut self, delta: &str) {
        if delta.is_ascii() {
            if !delta.is_empty() {
                self.invisible = 0;
            }
            self.buffer.push_str(delta);
            return;
        }
        for c in delta.chars() {
            self.invisible = if is_invisible(c) { self.invisible + 1 } else { 0 };
            if self.invisible <= INVISIBLE_MAX {
                self.buffer.push(c);
            }
        }
    }

    fn step(&mut self, complete: bool) -> Result<String, Blocked> {
        if let Some(because) = self.blocked {
            return Err(Blocked {
                because,
                released: String::new(),
            });
        }
        let mut out = String::new();
        let buffer = std::mem::take(&mut self.buffer);
        let folded = Folded::of(&buffer, self.before, complete);
        let done = self.release(&buffer, &folded, complete, &mut out);
        self.keep(&buffer, &folded, done);
        match self.blocked {
            None => Ok(out),
            Some(because) => Err(Blocked {
                because,
                released: out,
            }),
        }
    }

    /// Writes what is decided. Gives the folded place and the place in the buffer up to which it is done.
    fn release(&mut self, buffer: &str, folded: &Folded, complete: bool, out: &mut String) -> (usize, usize) {
        let known = &folded.text().as_bytes()[..folded.settled()];
        let mut at = folded.folded_place(self.before.context);
        let mut place = self.before.context;
        loop {
            if let Some(swallowed) = self.open.take() {
                let (end, ended) = self.feed(&swallowed, known, at, complete);
                let until = end_place(folded, at, end, place);
                self.swallow(
                    swallowed,
                    &folded.text()[at..end],
                    &buffer[place..until],
                    ended,
                    out,
                );
                (at, place) = (end, until);
                if !ended || self.blocked.is_some() {
                    return (at, place);
                }
            }
            let forbidden = self
                .literals
                .as_ref()
                .and_then(|literals| literals.first(known, at));
            let (text, limit) = match (&self.literals, forbidden) {
                (_, Some(found)) => (Text::new(&known[..found.end], false), found.start),
                (Some(literals), None) if !complete => {
                    (Text::new(known, complete), literals.pending(known, at))
                }
                _ => (Text::new(known, complete), known.len()),
            };
            let walk = self.detector.rules().walk(&text, at);
            let mut decided = walk.decided.min(limit);
            let mut swallowing = false;
            for hit in &walk.hits {
                if hit.start >= limit || self.held_end(hit) > limit {
                    decided = decided.min(hit.start);
                    break;
                }
                let end = self.hit(hit, buffer, folded, &mut place, out);
                if self.blocked.is_some() {
                    return (end, place);
                }
                at = end;
                // What is swallowed may hold a forbidden text, which then does not come out: look again behind it.
                swallowing = hit.swallowed.is_some();
                if swallowing {
                    break;
                }
            }
            if swallowing {
                continue;
            }
            let until = if decided == known.len() && folded.settled() == folded.text().len() {
                buffer.len()
            } else {
                folded.place(decided)
            };
            if until > place {
                out.push_str(&buffer[place..until]);
                place = until;
            }
            if let Some(found) = forbidden {
                self.blocked = Some(Because::Literal(found.which));
            }
            return (decided.max(at), place);
        }
    }

    /// Writes what stands before a hit and what stands in its place; gives the hit's end.
    fn hit(
        &mut self,
        hit: &Hit,
        buffer: &str,
        folded: &Folded,
        place: &mut usize,
        out: &mut String,
    ) -> usize {
        let range = folded.range(hit.start..hit.end);
        let action = self.policy.action(hit.kind);
        if let (Some((open, marker)), Action::Allow) = (hit.swallowed, action) {
            let until = folded.range(hit.start..marker).end;
            out.push_str(&buffer[*place..until]);
            *place = until;
            self.open = Some(Swallowed {
                open,
                hit: *hit,
                value: String::new(),
                action,
            });
            return marker;
        }
        if let Some(open) = hit.open {
            out.push_str(&buffer[*place..range.start]);
            *place = range.start;
            self.open = Some(Swallowed {
                open,
                hit: *hit,
                value: String::new(),
                action,
            });
            if action == Action::Block {
                count(&mut self.counts, hit.kind, action);
                self.blocked = Some(Because::Kind(hit.kind));
            }
            // What was read so far is swallowed like the rest.
            if let Some(swallowed) = &mut self.open {
                swallowed.value.push_str(&folded.text()[hit.start..hit.end]);
            }
            *place = end_place(folded, hit.start, hit.end, *place);
            return hit.end;
        }
        let Some(finding) = self.detector.finding(hit, folded) else {
            return hit.end;
        };
        out.push_str(&buffer[*place..range.start]);
        *place = range.end;
        let action = decide(&finding, &self.policy, self.seen.as_deref());
        count(&mut self.counts, finding.kind, action);
        if action == Action::Block {
            self.blocked = Some(Because::Kind(finding.kind));
        } else {
            replace(
                &self.detector,
                &finding,
                &buffer[range],
                action,
                &self.policy,
                out,
            );
        }
        hit.end
    }

    /// Reads on in an open secret. What is let through is still searched for forbidden texts.
    fn feed(&mut self, swallowed: &Swallowed, known: &[u8], at: usize, complete: bool) -> (usize, bool) {
        let ended = |known: &[u8], complete| match swallowed.open.feed(&Text::new(known, complete), at) {
            Fed::Ended(end) => (end, true),
            Fed::More(end) => (end, false),
        };
        let Some(literals) = self
            .literals
            .as_ref()
            .filter(|_| swallowed.action == Action::Allow)
        else {
            return ended(known, complete);
        };
        let forbidden = literals.first(known, at);
        let limit = match forbidden {
            Some(found) => found.start,
            None if complete => known.len(),
            None => literals.pending(known, at),
        };
        let (end, is_end) = ended(known, complete);
        if end <= limit {
            return (end, is_end);
        }
        if let Some(found) = forbidden {
            self.blocked = Some(Because::Literal(found.which));
        }
        (limit, false)
    }

    /// Up to where a hit must be free of forbidden texts. What is swallowed and replaced may hold one.
    fn held_end(&self, hit: &Hit) -> usize {
        match hit.swallowed {
            None => hit.end,
            Some((_, marker)) if self.policy.action(hit.kind) == Action::Allow => marker,
            Some(_) => hit.start,
        }
    }

    fn swallow(
        &mut self,
        mut swallowed: Swallowed,
        folded: &str,
        original: &str,
        ended: bool,
        out: &mut String,
    ) {
        let mut room = VALUE_MAX.saturating_sub(swallowed.value.len()).min(folded.len());
        while !folded.is_char_boundary(room) {
            room -= 1;
        }
        swallowed.value.push_str(&folded[..room]);
        let action = swallowed.action;
        if action == Action::Allow {
            out.push_str(original);
        }
        if !ended {
            self.open = Some(swallowed);
            return;
        }
        let hit = swallowed.hit;
        count(&mut self.counts, hit.kind, action);
        if action != Action::Allow {
            let finding = Finding::new(hit.kind, 0..0, hit.score, &swallowed.value);
            replace(&self.detector, &finding, "", action, &self.policy, out);
        }
    }

    /// Keeps what is held, and before it as much context as a decision may need.
    fn keep(&mut self, buffer: &str, folded: &Folded, (at, place): (usize, usize)) {
        let text = folded.text();
        let mut from = at.saturating_sub(KEPT_LEFT);
        while !text.is_char_boundary(from) {
            from -= 1;
        }
        self.buffer = String::with_capacity(at - from + buffer.len() - place + 64);
        self.buffer.push_str(&text[from..at]);
        self.before = folded.before(&self.before, place, self.buffer.len());
        self.buffer.push_str(&buffer[place..]);
    }
}

/// The end in the buffer of what is folded to `from..to`; `place` if that is nothing.
fn end_place(folded: &Folded, from: usize, to: usize, place: usize) -> usize {
    if from >= to {
        place
    } else {
        folded.range(from..to).end
    }
}
