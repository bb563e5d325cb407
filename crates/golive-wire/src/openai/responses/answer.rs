//! M2: the view of a Responses answer, and the edit that takes the echo of the operator's instructions out of it.
//!
//! Never: takes a 200 whose status is `failed` for an answer.

use crate::edit::{members, set_member};
use crate::few::Few;
use crate::openai::chat::{RawError, ResponseView, count, truthy_error};
use crate::take::{Words, read_object};
use crate::usage::Usage;
use serde::Deserialize;
use std::borrow::Cow;

/// Reads an answer's body. Bytes that are not a JSON object give the empty view. `finish_reason` is the reason why an
/// answer is incomplete, else its status.
pub fn read_response(body: &[u8]) -> ResponseView<'_> {
    read_object::<RawResponse<'_>>(body).map_or_else(ResponseView::default, RawResponse::view)
}

/// The answer, or the data of an event that holds one, with `null` for the instructions that it echoes: they may be the
/// operator's. `None`: there are none.
pub fn hide_instructions(data: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(data, b"instructions")?;
    let null = |_: Option<&[u8]>| b"null".to_vec();
    let has = |text: &[u8], name: &str| members(text).any(|member| member.is(text, name));
    if has(data, "instructions") {
        return Some(set_member(data, "instructions", null));
    }
    let response = members(data)
        .filter(|member| member.is(data, "response"))
        .last()?;
    if !has(&data[response.value], "instructions") {
        return None;
    }
    Some(set_member(data, "response", |inner| {
        set_member(inner.unwrap_or(b"{}"), "instructions", null)
    }))
}

/// A response, whole or in an event.
#[derive(Deserialize)]
pub(super) struct RawResponse<'a> {
    #[serde(borrow, default)]
    id: Words<'a>,
    #[serde(borrow, default)]
    model: Words<'a>,
    #[serde(borrow, default)]
    status: Words<'a>,
    #[serde(borrow, default)]
    output: Option<Few<Item<'a>>>,
    #[serde(default)]
    usage: Option<RawUsage>,
    #[serde(borrow, default)]
    incomplete_details: Option<Details<'a>>,
    #[serde(borrow, default, deserialize_with = "truthy_error")]
    error: Option<Box<RawError<'a>>>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow, default)]
    reason: Words<'a>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(borrow, default)]
    content: Option<Few<Part<'a>>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(borrow, default)]
    text: Words<'a>,
    #[serde(borrow, default)]
    refusal: Words<'a>,
}

/// `usage` as Responses writes it: input includes what the cache gave, output includes reasoning.
#[derive(Deserialize)]
pub(super) struct RawUsage {
    #[serde(default, deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    output_tokens: Option<u64>,
    #[serde(default)]
    input_tokens_details: Option<Input>,
    #[serde(default)]
    output_tokens_details: Option<Output>,
}

#[derive(Deserialize)]
struct Input {
    #[serde(default, deserialize_with = "count")]
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default, deserialize_with = "count")]
    reasoning_tokens: Option<u64>,
}

impl From<RawUsage> for Usage {
    fn from(raw: RawUsage) -> Usage {
        Usage {
            input: raw.input_tokens,
            cached_input: raw.input_tokens_details.and_then(|details| details.cached_tokens),
            output: raw.output_tokens,
            reasoning: raw
                .output_tokens_details
                .and_then(|details| details.reasoning_tokens),
            ..Usage::default()
        }
    }
}

impl<'a> RawResponse<'a> {
    pub(super) fn usage(&mut self) -> Option<Usage> {
        self.usage
            .take()
            .map(Usage::from)
            .filter(|usage| !usage.is_empty())
    }

    /// Why an answer is incomplete, else its status.
    pub(super) fn reason(&mut self) -> Option<Cow<'a, str>> {
        self.incomplete_details
            .take()
            .and_then(|details| details.reason.0)
            .or_else(|| self.status.0.clone())
    }

    pub(super) fn error(&mut self) -> Option<Box<RawError<'a>>> {
        self.error.take()
    }

    fn view(mut self) -> ResponseView<'a> {
        let failed = matches!(self.status.0.as_deref(), Some("failed" | "cancelled"));
        let mut view = ResponseView {
            finish_reason: self.reason(),
            usage: self.usage(),
            is_answer: self.output.is_some() && self.error.is_none() && !failed,
            is_error_object: self.error.is_some() || failed,
            id: self.id.0,
            model: self.model.0,
            choices: 1,
            ..ResponseView::default()
        };
        if let Some(error) = self.error {
            (view.error_code, view.error_message) = (error.code, error.message);
        }
        let (one, many) = self.output.unwrap_or_default().into_parts();
        for item in one.into_iter().chain(many) {
            if let Some(kind) = &item.kind.0
                && super::calls::is_call(kind)
            {
                view.tool_calls += 1;
            }
            if item.kind.0.as_deref() != Some("message") {
                continue; // a reasoning item's content is no reply
            }
            let (one, many) = item.content.unwrap_or_default().into_parts();
            for part in one.into_iter().chain(many) {
                let words = match part.kind.0.as_deref() {
                    Some("refusal") => part.refusal.0,
                    _ => part.text.0,
                };
                if let Some(words) = words {
                    view.text = match view.text.is_empty() {
                        true => words,
                        false => Cow::Owned(view.text.into_owned() + &words),
                    };
                }
            }
        }
        view
    }
}
