//! S3, M2: `POST /v1/messages/count_tokens`: the view of a request and of an answer.
//!
//! Never: counts tokens.

use super::request::RequestView;
use crate::error::json;
use crate::openai::chat::{RawError, count, truthy_error};
use crate::shape::Shape;
use crate::take::{Words, read_object};
use serde::Deserialize;
use std::borrow::Cow;

/// Reads a request: that of Messages, where `max_tokens` may be absent (then 0).
///
/// # Errors
/// The first thing wrong with its structure, with a pointer to the field.
pub fn read_request(body: &[u8]) -> Result<RequestView<'_>, Shape> {
    RequestView::read_count_tokens(body)
}

/// What a gateway must know of an answer's body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResponseView<'a> {
    /// The count. Nothing was generated, and nothing is charged.
    pub input_tokens: Option<u64>,
    /// The body is an answer: an object with a count, and no error.
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
    let is_error_object = raw.error.is_some() || raw.kind.0.as_deref() == Some("error");
    let error = raw.error.map(|error| *error).unwrap_or_default();
    ResponseView {
        input_tokens: raw.input_tokens,
        is_answer: raw.input_tokens.is_some() && !is_error_object,
        is_error_object,
        error_code: error.code,
        error_message: error.message,
    }
}

/// The body of an answer, for the lab.
pub fn response(input_tokens: u64) -> Vec<u8> {
    json(&serde_json::json!({ "input_tokens": input_tokens }))
}

#[derive(Deserialize)]
struct RawResponse<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(default, deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(borrow, default, deserialize_with = "truthy_error")]
    error: Option<Box<RawError<'a>>>,
}
