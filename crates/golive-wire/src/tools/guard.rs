//! S6: watches a stream for calls of tools that its request did not offer.
//!
//! The name of a call may come in pieces, and its end is known only by what follows: the arguments, another call, or
//! the end. Until then the events are held, in their order, so that nothing of a blocked call reaches the caller.
//!
//! Never: lets a piece of a name out before the whole is known; holds more than its bound.

use super::{Called, ToolSet};
use crate::openai;
use crate::openai::calls::{Piece, pieces};
use crate::sse::Event;
use crate::{StreamEvent, Wire, anthropic};
use bytes::{Bytes, BytesMut};
use std::borrow::Cow;
use std::sync::Arc;

/// Bytes held while a name is not whole; a provider that sends more is broken.
const HELD_MAX: usize = 256 * 1024;
/// Longest name of a tool, twice over: both providers' own limit is 128.
const NAME_MAX: usize = 256;
/// Calls of one answer that are told apart.
const CALLS_MAX: usize = 1024;

/// The machine.
#[derive(Debug)]
pub struct Guard {
    wire: Wire,
    allowed: Arc<ToolSet>,
    calls: Vec<Call>,
    held: BytesMut,
}

/// What is to be done with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// Passed on: these bytes, those held before it included.
    On(Bytes),
    /// Kept until more is known.
    Held,
    /// A call of this tool is blocked: nothing more is passed on, and what was held is dropped.
    Blocked(String),
}

/// One call that the stream has begun.
#[derive(Debug)]
struct Call {
    choice: u64,
    index: u64,
    id: String,
    name: String,
    whole: bool,
}

impl Guard {
    /// Watches a stream in this format.
    pub fn new(wire: Wire, allowed: Arc<ToolSet>) -> Self {
        Guard {
            wire,
            allowed,
            calls: Vec::new(),
            held: BytesMut::new(),
        }
    }

    /// What becomes of an event. `meanings`: as its format's `classify` has them; `raw`: its bytes as they would be
    /// passed on.
    pub fn take(&mut self, event: &Event, meanings: &[StreamEvent<'_>], raw: Bytes) -> Passed {
        let calls = meanings.contains(&StreamEvent::ToolArguments);
        let ends = meanings.contains(&StreamEvent::End);
        let blocked = match self.wire {
            _ if !calls && !ends && !self.waits() => None,
            Wire::OpenAi => self.openai(event, calls, meanings),
            Wire::Anthropic => match anthropic::calls::of_event(event) {
                Some(called) if !self.allowed.holds(&called) => Some(called.name().to_owned()),
                _ => None,
            },
            Wire::Problem => None,
        };
        match blocked {
            Some(name) => Passed::Blocked(name),
            None if self.waits() => {
                self.held.extend_from_slice(&raw);
                if self.held.len() > HELD_MAX {
                    return Passed::Blocked(String::new());
                }
                Passed::Held
            }
            None if self.held.is_empty() => Passed::On(raw),
            None => {
                self.held.extend_from_slice(&raw);
                Passed::On(self.held.split().freeze())
            }
        }
    }

    fn waits(&self) -> bool {
        self.calls.iter().any(|call| !call.whole)
    }

    /// Gives the name of a call that is blocked.
    fn openai(&mut self, event: &Event, calls: bool, meanings: &[StreamEvent<'_>]) -> Option<String> {
        // Responses: a name comes whole, and the last event holds every call again.
        let called = openai::responses::calls::of_event(event);
        if let Some(called) = called.iter().find(|called| !self.allowed.holds(called)) {
            return Some(called.name().to_owned());
        }
        if calls {
            // What is classified as a call and cannot be read as one is not let through.
            let Some(pieces) = pieces(event) else {
                return Some(String::new());
            };
            for piece in pieces {
                if let Some(blocked) = self.piece(piece) {
                    return Some(blocked);
                }
            }
        }
        let over = |meaning: &StreamEvent<'_>| matches!(meaning, StreamEvent::Finish(_) | StreamEvent::End);
        if meanings.iter().any(over) {
            return self.complete(|_| true);
        }
        None
    }

    fn piece(&mut self, piece: Piece<'_>) -> Option<String> {
        let Piece {
            choice,
            index,
            id,
            name,
            arguments,
        } = piece;
        let same = |call: &Call| call.choice == choice && call.index == index;
        // Another call of this choice begins: the names of those before it are whole.
        if let Some(blocked) = self.complete(|call| call.choice == choice && call.index != index) {
            return Some(blocked);
        }
        // Some servers give every call of an answer the same index, and tell them apart by id alone.
        let id = id.as_deref().unwrap_or_default();
        let another = |call: &Call| same(call) && !id.is_empty() && !call.id.is_empty() && call.id != id;
        if let Some(blocked) = self.complete(another) {
            return Some(blocked);
        }
        self.calls.retain(|call| !another(call));
        let at = match self.calls.iter().position(same) {
            Some(at) => at,
            None if self.calls.len() >= CALLS_MAX => return Some(String::new()),
            None => {
                self.calls.push(Call {
                    choice,
                    index,
                    id: id.to_owned(),
                    name: String::new(),
                    whole: false,
                });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[at];
        if let Some(part) = name {
            if call.whole {
                // Some servers repeat the name with every piece; a name that grows is another tool.
                if call.name != part {
                    return Some(part.into_owned());
                }
            } else {
                call.name.push_str(&part);
                if call.name.len() > NAME_MAX {
                    return Some(String::new());
                }
            }
        }
        if arguments {
            return self.complete(same);
        }
        None
    }

    /// Takes the names of these calls as whole. Gives the first that is not allowed.
    fn complete(&mut self, which: impl Fn(&Call) -> bool) -> Option<String> {
        let Guard { calls, allowed, .. } = self;
        for call in calls.iter_mut().filter(|call| !call.whole && which(call)) {
            call.whole = true;
            if !allowed.holds(&Called::Caller(Cow::Borrowed(&call.name))) {
                return Some(std::mem::take(&mut call.name));
            }
        }
        None
    }
}
