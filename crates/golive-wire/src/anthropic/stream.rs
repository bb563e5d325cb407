//! P2, M2: events of a Messages stream and what they mean.
//!
//! Never: builds a tree of values for an event. Unknown types are no fault: the provider adds them.

use super::messages::{Block, RawUsage};
use crate::openai::chat::{RawError, truthy_error};
use crate::sse::Event;
use crate::stream::{Classified, StreamEvent};
use crate::take::{Words, read_object};
use crate::usage::Usage;
use serde::Deserialize;
use std::borrow::Cow;

/// What one event means. The type stands in the data; the `event:` line only helps when the data is no JSON.
pub fn classify(event: &Event) -> Classified<'_> {
    if !event.has_data {
        return Classified::one(StreamEvent::Other);
    }
    let named_error = event.event() == Some("error");
    match read_object::<Raw<'_>>(&event.data) {
        Some(raw) => raw.classify(named_error),
        None if named_error => Classified::one(StreamEvent::Error(String::from_utf8_lossy(&event.data))),
        None => Classified::one(StreamEvent::Malformed),
    }
}

/// Kept small: it is moved several times on its way out of the parser.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    usage: Option<Box<RawUsage>>,
    #[serde(borrow, default, deserialize_with = "truthy_error")]
    error: Option<Box<RawError<'a>>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(borrow, default)]
    text: Words<'a>,
    #[serde(borrow, default)]
    stop_reason: Words<'a>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    usage: Option<Box<RawUsage>>,
}

impl<'a> Raw<'a> {
    fn classify(self, named_error: bool) -> Classified<'a> {
        let Some(kind) = self.kind.0 else {
            return match self.error {
                Some(error) => failed(*error),
                None if named_error => failed(RawError::default()),
                None => Classified::one(StreamEvent::Malformed),
            };
        };
        let mut meanings = Classified::default();
        match &*kind {
            "content_block_delta" => {
                meanings.push(self.delta.map_or(StreamEvent::Malformed, Delta::classify))
            }
            "content_block_start" => meanings.push(self.content_block.map_or(StreamEvent::Malformed, begun)),
            "message_start" => {
                meanings.push(StreamEvent::Start);
                push_usage(&mut meanings, self.message.and_then(|message| message.usage));
            }
            "message_delta" => {
                if let Some(reason) = self.delta.and_then(|delta| delta.stop_reason.0) {
                    meanings.push(StreamEvent::Finish(reason));
                }
                push_usage(&mut meanings, self.usage);
            }
            "message_stop" => meanings.push(StreamEvent::End),
            "error" => return failed(self.error.map(|error| *error).unwrap_or_default()),
            _ => {}
        }
        meanings.or_other()
    }
}

impl<'a> Delta<'a> {
    fn classify(self) -> StreamEvent<'a> {
        let Some(kind) = &self.kind.0 else {
            return StreamEvent::Malformed;
        };
        match &**kind {
            "text_delta" => self
                .text
                .0
                .map_or(StreamEvent::Other, |text| StreamEvent::Content { text }),
            "input_json_delta" => StreamEvent::ToolArguments,
            "thinking_delta" | "signature_delta" => StreamEvent::Reasoning,
            _ => StreamEvent::Other,
        }
    }
}

/// A block begins. A tool call commits at once: its name is already part of the answer.
fn begun(block: Block<'_>) -> StreamEvent<'_> {
    let Some(kind) = &block.kind.0 else {
        return StreamEvent::Malformed;
    };
    match &**kind {
        "text" => block
            .text
            .0
            .map_or(StreamEvent::Other, |text| StreamEvent::Content { text }),
        "thinking" | "redacted_thinking" => StreamEvent::Reasoning,
        kind if kind.ends_with("tool_use") => StreamEvent::ToolArguments,
        _ => StreamEvent::Other,
    }
}

fn push_usage(meanings: &mut Classified<'_>, usage: Option<Box<RawUsage>>) {
    if let Some(usage) = usage
        .map(|usage| Usage::from(*usage))
        .filter(|usage| !usage.is_empty())
    {
        meanings.push(StreamEvent::Usage(usage));
    }
}

fn failed(error: RawError<'_>) -> Classified<'_> {
    let message = error
        .message
        .or(error.code)
        .unwrap_or(Cow::Borrowed("no message"));
    Classified::one(StreamEvent::Error(message))
}
