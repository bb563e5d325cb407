//! P2, M2: what one event of a relayed stream means, the same words for every wire format.
//!
//! Never: decides anything; the relay does.

use crate::few::Few;
use crate::usage::Usage;
use std::{borrow::Cow, ops::Deref};

/// One meaning of one server-sent event. Text is borrowed from the event where it has no escapes.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent<'a> {
    /// The answer has begun (a role, or `message_start`). Some servers repeat it with every chunk.
    Start,
    /// Text that a reader sees: content or a refusal. Never empty: this is the commit point.
    Content {
        /// The piece of text.
        text: Cow<'a, str>,
    },
    /// A tool call began or went on. A caller may act on it, so it commits as content does.
    ToolArguments,
    /// The model's reasoning, visible or signed.
    Reasoning,
    /// Token counts; cumulative. Fold them with [`Usage::merge`].
    Usage(Usage),
    /// Why the answer ended, in the format's own word (`stop`, `length`, `end_turn`, …).
    Finish(Cow<'a, str>),
    /// The terminator: `[DONE]` or `message_stop`. Only after it is an answer whole.
    End,
    /// The upstream says that it failed, after its 200.
    Error(Cow<'a, str>),
    /// Valid, and of no meaning here: pings, comments, padding, kinds that are newer than this code.
    Other,
    /// Data that is not what the format promises.
    Malformed,
}

/// The meanings of one event, in order. Never empty; mostly one, and then nothing is allocated.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Classified<'a>(Few<StreamEvent<'a>>);

impl<'a> Classified<'a> {
    pub(crate) fn one(event: StreamEvent<'a>) -> Self {
        Classified(Few::One(event))
    }

    pub(crate) fn push(&mut self, event: StreamEvent<'a>) {
        self.0.push(event);
    }

    pub(crate) fn or_other(mut self) -> Self {
        if self.0.as_slice().is_empty() {
            self.push(StreamEvent::Other);
        }
        self
    }

    /// Whether a caller would see part of the answer in this event: the stream's commit point.
    pub fn commits(&self) -> bool {
        self.iter()
            .any(|event| matches!(event, StreamEvent::Content { .. } | StreamEvent::ToolArguments))
    }
}

impl<'a> Deref for Classified<'a> {
    type Target = [StreamEvent<'a>];
    fn deref(&self) -> &Self::Target {
        self.0.as_slice()
    }
}

impl<'a> IntoIterator for Classified<'a> {
    type Item = StreamEvent<'a>;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Self::Item>, std::vec::IntoIter<Self::Item>>;
    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = self.0.into_parts();
        one.into_iter().chain(many)
    }
}

impl<'a, 'b> IntoIterator for &'b Classified<'a> {
    type Item = &'b StreamEvent<'a>;
    type IntoIter = std::slice::Iter<'b, StreamEvent<'a>>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
