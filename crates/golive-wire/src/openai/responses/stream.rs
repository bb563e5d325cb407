//! P2, M2: events of a Responses stream: what they mean, and the event that tells that it broke.
//!
//! Never: takes anything but `response.completed` and `response.incomplete` for an end. Unknown kinds are no fault.

use super::answer::RawResponse;
use crate::error::{ApiError, json, openai_type};
use crate::openai::chat::{RawError, truthy_error};
use crate::stream::{Classified, StreamEvent};
use crate::take::{Words, read_object};
use bytes::Bytes;
use serde::Deserialize;
use std::borrow::Cow;

/// What the data of one event means; [`crate::openai::stream::classify`] comes here by itself.
pub fn classify(data: &[u8]) -> Classified<'_> {
    let Some(event) = read_object::<Raw<'_>>(data) else {
        return Classified::one(StreamEvent::Malformed);
    };
    let Some(kind) = &event.kind.0 else {
        return Classified::one(StreamEvent::Malformed);
    };
    let kind = kind.strip_prefix("response.").unwrap_or(kind).to_owned();
    event.classify(&kind)
}

/// The event that ends a broken stream. Besides the members of the format's own error event it has an `error` object, at
/// which official clients raise. `sequence`: the number after the last event's.
pub fn stream_error(error: &ApiError, request_id: &str, sequence: u64) -> Bytes {
    let body = serde_json::json!({
        "type": "error", "code": error.code, "message": error.message, "param": error.param,
        "sequence_number": sequence,
        "error": {
            "message": error.message, "type": openai_type(error.status, error.code), "param": error.param,
            "code": error.code,
        },
        "request_id": request_id,
    });
    [b"event: error\ndata: ", &json(&body)[..], b"\n\n"]
        .concat()
        .into()
}

/// Kept small: it is moved on its way out of the parser.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(borrow, default)]
    delta: Words<'a>,
    #[serde(borrow, default)]
    item: Option<Item<'a>>,
    #[serde(borrow, default)]
    response: Option<Box<RawResponse<'a>>>,
    #[serde(borrow, default, deserialize_with = "truthy_error")]
    error: Option<Box<RawError<'a>>>,
    #[serde(borrow, default)]
    message: Words<'a>,
    #[serde(borrow, default)]
    code: Words<'a>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
}

impl<'a> Raw<'a> {
    fn classify(mut self, kind: &str) -> Classified<'a> {
        let mut meanings = Classified::default();
        match kind {
            "created" => meanings.push(StreamEvent::Start),
            "completed" | "incomplete" => {
                let Some(response) = &mut self.response else {
                    return Classified::one(StreamEvent::Malformed);
                };
                if let Some(reason) = response.reason() {
                    meanings.push(StreamEvent::Finish(reason));
                }
                if let Some(usage) = response.usage() {
                    meanings.push(StreamEvent::Usage(usage));
                }
                meanings.push(StreamEvent::End);
            }
            "failed" | "cancelled" => {
                let told = self.response.as_mut().and_then(|response| response.error());
                return failed(told.map(|error| *error).unwrap_or_default());
            }
            "error" => {
                let told = self.error.map(|error| *error).unwrap_or_default();
                return failed(RawError {
                    code: told.code.or(self.code.0),
                    message: told.message.or(self.message.0),
                });
            }
            "output_text.delta" | "refusal.delta" => {
                if let Some(text) = self.delta.0 {
                    meanings.push(StreamEvent::Content { text });
                }
            }
            "output_item.added" | "output_item.done" => {
                if let Some(item) = self.item {
                    item.classify(&mut meanings);
                }
            }
            kind if kind.starts_with("reasoning") && kind.ends_with(".delta") => {
                meanings.push(StreamEvent::Reasoning);
            }
            // Arguments, inputs and code of calls; audio and images are seen or heard as well.
            kind if kind.ends_with(".delta") || kind.ends_with("partial_image") => {
                meanings.push(StreamEvent::ToolArguments);
            }
            _ => {}
        }
        meanings.or_other()
    }
}

impl Item<'_> {
    /// A call commits at once: its name is already part of the answer.
    fn classify(self, meanings: &mut Classified<'_>) {
        let kind = self.kind.0.as_deref().unwrap_or_default();
        if super::calls::is_call(kind) {
            meanings.push(StreamEvent::ToolArguments);
        } else if kind == "reasoning" {
            meanings.push(StreamEvent::Reasoning);
        }
    }
}

fn failed(error: RawError<'_>) -> Classified<'_> {
    let message = error
        .message
        .or(error.code)
        .unwrap_or(Cow::Borrowed("no message"));
    Classified::one(StreamEvent::Error(message))
}
