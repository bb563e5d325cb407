//! E4: a stream in the other format, event by event: a state machine that takes the data of one event and writes none,
//! one or more events.
//!
//! Never: ends a stream that its source did not end, nor goes on after an error of the source.

mod chat_writer;
mod messages_writer;
mod of_agent;
mod plain;
mod to_agent;
mod to_chat;
mod to_messages;

use super::Head;
use crate::Wire;
use crate::sse::Event;
use crate::usage::Usage;
use thiserror::Error;

/// Data that is not what its format promises: the stream cannot be translated further, and is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an event of the stream cannot be translated: {0}")]
pub struct Malformed(pub(super) &'static str);

/// A stream being translated.
///
/// ```
/// use golive_wire::{Wire, translate::{Head, Stream}};
/// let head = Head { id: "1".into(), ..Head::default() };
/// let mut stream = Stream::new(Wire::OpenAi, Wire::Anthropic, head).unwrap();
/// let mut out = Vec::new();
/// stream.event(None, br#"{"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#, &mut out).unwrap();
/// assert!(String::from_utf8_lossy(&out).contains(r#"{"type":"text_delta","text":"Hi"}"#));
/// assert!(!stream.is_complete());
/// ```
#[derive(Debug)]
pub struct Stream {
    way: Way,
    state: State,
}

/// What every way keeps.
#[derive(Debug, Default)]
struct State {
    usage: Usage,
    lost: Vec<&'static str>,
    complete: bool,
    failed: bool,
}

impl State {
    fn lose(&mut self, what: &'static str) {
        if !self.lost.contains(&what) {
            self.lost.push(what);
        }
    }
}

#[derive(Debug)]
enum Way {
    ToChat(Box<to_chat::ToChat>),
    ToMessages(Box<to_messages::ToMessages>),
    OfAgent(Box<of_agent::OfAgent>),
    ToAgent(Box<to_agent::ToAgent>),
}

impl Stream {
    /// A stream of format `from` for a caller that speaks `to`. `None`: there is no translation between the two, or the
    /// HTTP agent on one side has no pointer for streams.
    #[must_use]
    pub fn new(from: Wire, to: Wire, head: Head) -> Option<Stream> {
        let way = match (from, to) {
            (Wire::Anthropic, Wire::OpenAi) => Way::ToChat(Box::new(to_chat::ToChat::new(head))),
            (Wire::OpenAi, Wire::Anthropic) => Way::ToMessages(Box::new(to_messages::ToMessages::new(head))),
            (Wire::Problem, Wire::OpenAi | Wire::Anthropic) => {
                Way::OfAgent(Box::new(of_agent::OfAgent::new(to, head)?))
            }
            (Wire::OpenAi | Wire::Anthropic, Wire::Problem) => {
                Way::ToAgent(Box::new(to_agent::ToAgent::new(from, head)?))
            }
            _ => return None,
        };
        Some(Stream {
            way,
            state: State::default(),
        })
    }

    /// Takes one event: its name and data. Appends what it is in the other format to `out`, whole events only. After
    /// the end and after an error of the source nothing more is written.
    ///
    /// # Errors
    /// [`Malformed`]; what was written into `out` by this call is to be thrown away, and the stream is broken.
    pub fn event(&mut self, name: Option<&str>, data: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        if self.state.complete || self.state.failed {
            return Ok(());
        }
        match &mut self.way {
            Way::ToChat(way) => way.event(name, data, &mut self.state, out),
            Way::ToMessages(way) => way.event(name, data, &mut self.state, out),
            Way::OfAgent(way) => way.event(name, data, &mut self.state, out),
            Way::ToAgent(way) => way.event(name, data, &mut self.state, out),
        }
    }

    /// The same for a whole block of the stream; comments, which keep a connection alive, pass as they are.
    ///
    /// # Errors
    /// As [`Stream::event`].
    pub fn relay(&mut self, event: &Event, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if event.has_data {
            return self.event(event.event(), &event.data, out);
        }
        if event.raw.starts_with(b":") && !self.state.complete && !self.state.failed {
            out.extend_from_slice(&event.raw);
        }
        Ok(())
    }

    /// The source's body ended cleanly. For an HTTP agent that is the end, and is written; the other formats have said
    /// their end before, or are broken.
    pub fn end_of_body(&mut self, out: &mut Vec<u8>) {
        if let Way::OfAgent(way) = &mut self.way
            && !self.state.failed
            && !self.state.complete
        {
            way.end(out);
            self.state.complete = true;
        }
    }

    /// Whether the source has said that the answer is complete; its end has then been written.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state.complete
    }

    /// Whether the source has told an error; it has then been written as the other format's own.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state.failed
    }

    /// What the source has reported so far. The events may need to say 0 where it said nothing: count from here.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.state.usage
    }

    /// Parts of the answer so far that the other format has no place for.
    #[must_use]
    pub fn warnings(&self) -> &[&'static str] {
        &self.state.lost
    }
}
