//! S3, M2: `POST /v1/messages`: the view of a request and the view of an answer.
//!
//! Never: copies a text that stands unescaped in the body.

use crate::few::Few;
use crate::openai::chat::{RawError, count, truthy_error};
use crate::take::{Scalar, Words, read_object};
use crate::usage::Usage;
use serde::Deserialize;
use std::borrow::Cow;

pub use super::request::RequestView;
pub use crate::edit::replace_model;

/// What a gateway must know of an answer's body. Fields that are missing or odd are simply not there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResponseView<'a> {
    /// The answer's own id.
    pub id: Option<Cow<'a, str>>,
    /// The model that answered.
    pub model: Option<Cow<'a, str>>,
    /// Token counts, if given; `input` includes what was read from and written to the cache.
    pub usage: Option<Usage>,
    /// `stop_reason`.
    pub finish_reason: Option<Cow<'a, str>>,
    /// All text blocks, joined.
    pub text: Cow<'a, str>,
    /// Tool calls, those of hosted tools included.
    pub tool_calls: usize,
    /// The body is an answer: an object with a `content` array, and no error.
    pub is_answer: bool,
    /// The body is an error object, whatever the status said.
    pub is_error_object: bool,
    /// The error's `type`.
    pub error_code: Option<Cow<'a, str>>,
    /// The error's message. For logs; never for a caller.
    pub error_message: Option<Cow<'a, str>>,
}

/// Reads an answer's body. Bytes that are not a JSON object give the empty view.
pub fn read_response(body: &[u8]) -> ResponseView<'_> {
    let Some(raw) = read_object::<RawResponse<'_>>(body) else {
        return ResponseView::default();
    };
    let named_error = matches!(&raw.kind, Scalar::Text(kind) if kind == "error");
    let mut view = ResponseView {
        id: raw.id.words(),
        model: raw.model.words(),
        usage: raw.usage.map(Usage::from),
        finish_reason: raw.stop_reason.words(),
        is_answer: raw.content.is_some() && raw.error.is_none() && !named_error,
        is_error_object: raw.error.is_some() || named_error,
        ..ResponseView::default()
    };
    if let Some(error) = raw.error {
        (view.error_code, view.error_message) = (error.code, error.message);
    }
    let (one, many) = raw.content.unwrap_or_default().into_parts();
    for block in one.into_iter().chain(many) {
        if block.kind.0.is_some_and(|kind| kind.ends_with("tool_use")) {
            view.tool_calls += 1;
        }
        if let Some(text) = block.text.0 {
            view.text = match view.text.is_empty() {
                true => text,
                false => Cow::Owned(view.text.into_owned() + &text),
            };
        }
    }
    view
}

#[derive(Deserialize)]
struct RawResponse<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Scalar<'a>,
    #[serde(borrow, default)]
    model: Scalar<'a>,
    #[serde(borrow, default)]
    content: Option<Few<Block<'a>>>,
    #[serde(borrow, default)]
    stop_reason: Scalar<'a>,
    #[serde(default)]
    usage: Option<RawUsage>,
    #[serde(borrow, default, deserialize_with = "truthy_error")]
    error: Option<Box<RawError<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Words<'a>,
    #[serde(borrow, default)]
    pub(super) text: Words<'a>,
}

/// `usage` as Anthropic writes it: `input_tokens` leaves out what the cache gave or took.
#[derive(Deserialize)]
pub(crate) struct RawUsage {
    #[serde(default, deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation: Option<CacheCreation>,
    #[serde(default, deserialize_with = "count")]
    output_tokens: Option<u64>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

impl RawUsage {
    /// The part of the input that went into the cache.
    pub(crate) fn cache_written(&self) -> Option<u64> {
        self.cache_creation_input_tokens.filter(|tokens| *tokens > 0)
    }
}

/// The part of `cache_creation_input_tokens` by how long it is kept.
#[derive(Deserialize)]
struct CacheCreation {
    #[serde(default, deserialize_with = "count")]
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OutputDetails {
    #[serde(default, deserialize_with = "count")]
    thinking_tokens: Option<u64>,
}

impl From<RawUsage> for Usage {
    fn from(raw: RawUsage) -> Usage {
        let parts = [
            raw.input_tokens,
            raw.cache_creation_input_tokens,
            raw.cache_read_input_tokens,
        ];
        let given = parts.iter().any(Option::is_some);
        Usage {
            input: given.then(|| parts.into_iter().flatten().fold(0, u64::saturating_add)),
            cached_input: raw.cache_read_input_tokens,
            output: raw.output_tokens,
            reasoning: raw
                .output_tokens_details
                .and_then(|details| details.thinking_tokens),
            cache_write: raw.cache_creation_input_tokens,
            cache_write_1h: raw.cache_creation.and_then(|kept| kept.ephemeral_1h_input_tokens),
            ..Usage::default() // images and sound are not told apart
        }
    }
}
