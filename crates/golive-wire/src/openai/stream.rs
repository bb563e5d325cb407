//! P2, M2: chunks of a Chat Completions stream: what they mean, and how the usage that golive asked for is hidden
//! again from a client that did not.
//!
//! Never: builds a tree of values for a chunk. Never takes away more than usage.

use super::chat::{RawError, RawUsage, Text, truthy_error};
use crate::edit::{members, remove_member};
use crate::few::Few;
use crate::sse::Event;
use crate::stream::{Classified, StreamEvent};
use crate::take::{Filled, Words, read_object};
use crate::usage::Usage;
use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use std::borrow::Cow;

/// What one event means, of a Responses stream too. Usage is read from any chunk, also from one with choices: compatible servers put it there.
pub fn classify(event: &Event) -> Classified<'_> {
    if !event.has_data {
        return Classified::one(StreamEvent::Other);
    }
    let data = event.data.trim_ascii();
    if data == b"[DONE]" {
        return Classified::one(StreamEvent::End);
    }
    let named_error = event.event() == Some("error");
    match read_object::<Chunk<'_>>(data) {
        Some(chunk) if chunk.is_of_responses() => super::responses::stream::classify(data),
        Some(chunk) => chunk.classify(data, named_error),
        None if named_error => Classified::one(StreamEvent::Error(String::from_utf8_lossy(data))),
        None => Classified::one(StreamEvent::Malformed),
    }
}

/// The event for a client that did not ask for usage: the chunk that carries only usage disappears (`None`),
/// `"usage":null` vanishes from the others, every other byte stays. Whoever asked for usage gets `event.raw`.
pub fn strip_usage(event: &Event) -> Option<Bytes> {
    let data = &event.data;
    if memmem::find(data, b"usage").is_none() {
        return Some(event.raw.clone());
    }
    let (mut usage, mut choices_empty) = (None, false);
    for member in members(data) {
        if member.is(data, "usage") {
            usage = Some(member);
        } else if member.is(data, "choices") {
            let inside = &data[member.value.clone()];
            choices_empty = inside == b"null"
                || inside
                    .strip_prefix(b"[")
                    .is_some_and(|rest| rest.trim_ascii() == b"]");
        }
    }
    match usage {
        Some(usage) if &data[usage.value.clone()] == b"null" => {
            Some(event.with_data(&remove_member(data, &usage)))
        }
        Some(_) if choices_empty => None,
        _ => Some(event.raw.clone()),
    }
}

/// Kept small: it is moved several times on its way out of the parser.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    choices: Option<Few<Choice<'a>>>,
    #[serde(default)]
    usage: Option<Box<RawUsage>>,
    #[serde(borrow, default, deserialize_with = "truthy_error")]
    error: Option<Box<RawError<'a>>>,
    #[serde(borrow, default)]
    object: Words<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
}

/// An error that is not under `error`: vLLM's older shape, and what stands in an event named `error`.
#[derive(Deserialize, Default)]
struct BareError<'a> {
    #[serde(borrow, default)]
    message: Words<'a>,
    #[serde(borrow, default)]
    detail: Words<'a>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    finish_reason: Words<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(default)]
    role: Filled,
    #[serde(borrow, default)]
    content: Text<'a>,
    #[serde(borrow, default)]
    refusal: Text<'a>,
    #[serde(default)]
    tool_calls: Filled,
    #[serde(default)]
    function_call: Filled,
    // DeepSeek, vLLM and OpenRouter; OpenAI itself streams no reasoning here.
    #[serde(default)]
    reasoning_content: Filled,
    #[serde(default)]
    reasoning: Filled,
}

impl<'a> Chunk<'a> {
    /// Chunks of Chat Completions have no type, and no event of Responses has choices.
    fn is_of_responses(&self) -> bool {
        self.choices.is_none()
            && self
                .kind
                .0
                .as_deref()
                .is_some_and(|kind| kind.starts_with("response.") || kind == "error")
    }

    fn classify(self, data: &'a [u8], named_error: bool) -> Classified<'a> {
        let message = if let Some(error) = self.error {
            error.message.or(error.code)
        } else if named_error || self.object.0.as_deref() == Some("error") {
            let bare: BareError<'a> = read_object(data).unwrap_or_default();
            bare.message.0.or(bare.detail.0)
        } else {
            return self.meanings();
        };
        Classified::one(StreamEvent::Error(message.unwrap_or(Cow::Borrowed("no message"))))
    }

    fn meanings(self) -> Classified<'a> {
        let mut meanings = Classified::default();
        let (one, many) = self.choices.unwrap_or_default().into_parts();
        for choice in one.into_iter().chain(many) {
            if let Some(delta) = choice.delta {
                delta.classify(&mut meanings);
            }
            if let Some(reason) = choice.finish_reason.0 {
                meanings.push(StreamEvent::Finish(reason));
            }
        }
        if let Some(usage) = self
            .usage
            .map(|usage| Usage::from(*usage))
            .filter(|usage| !usage.is_empty())
        {
            meanings.push(StreamEvent::Usage(usage));
        }
        meanings.or_other()
    }
}

impl<'a> Delta<'a> {
    fn classify(self, meanings: &mut Classified<'a>) {
        if self.role.0 {
            meanings.push(StreamEvent::Start);
        }
        if self.reasoning_content.0 || self.reasoning.0 {
            meanings.push(StreamEvent::Reasoning);
        }
        for text in [self.content.0, self.refusal.0].into_iter().flatten() {
            meanings.push(StreamEvent::Content { text });
        }
        if self.tool_calls.0 || self.function_call.0 {
            meanings.push(StreamEvent::ToolArguments);
        }
    }
}
