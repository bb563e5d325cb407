//! P2, M2, E4: what an upstream answered: which kind of body it is, what of it is read, and what it consumed.
//!
//! Never: takes for an answer what its format does not call one.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use golive_store::Basis;
use golive_wire::usage::Usage;
use golive_wire::{Wire, anthropic, openai};
use http::header::{self, HeaderValue};
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::runtime::Route;
use crate::upstream::chain_of;
use crate::upstream::hop::Work;

/// The kinds of bodies that are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    EventStream,
    Other,
}

pub(super) fn media_type(headers: &HeaderMap) -> Media {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Media::Other;
    };
    let essence = value
        .as_bytes()
        .split(|b| *b == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/json") {
        Media::Json
    } else if essence.eq_ignore_ascii_case(b"text/event-stream") {
        Media::EventStream
    } else {
        Media::Other
    }
}

pub(super) fn content_type_of(response: &Response<Incoming>) -> HeaderValue {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .cloned()
        .unwrap_or(HeaderValue::from_static("application/json"))
}

/// How long the upstream asks to be left alone, by any of the headers in which providers say so.
pub(super) fn hint(status: u16, headers: &HeaderMap, unix_now: Duration) -> Option<Duration> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    golive_resilience::hint::hint(status, header, unix_now)
}

/// Whether the answer says in so many words when to come back.
pub(super) fn is_told(headers: &HeaderMap) -> bool {
    golive_resilience::hint::is_told(|name| headers.get(name).and_then(|value| value.to_str().ok()))
}

/// A whole body within its bound.
pub(super) async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, String> {
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|e| chain_of(&e))?.into_data() else {
            continue;
        };
        let so_far = rest.as_ref().map_or(first.len(), BytesMut::len);
        if so_far + data.len() > limit {
            return Err(format!("the answer is longer than {limit} bytes"));
        }
        match &mut rest {
            None if first.is_empty() => first = data,
            None => {
                let mut joined = BytesMut::with_capacity((first.len() + data.len()) * 2);
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&data);
                rest = Some(joined);
            }
            Some(joined) => joined.extend_from_slice(&data),
        }
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}

/// A whole answer as its format has it.
pub(super) struct Whole {
    pub usage: Usage,
    /// Bytes of its text.
    pub text_bytes: u64,
    /// Tools that it calls.
    pub tool_calls: usize,
}

/// Why a body is no answer.
pub(super) enum NoAnswer {
    /// It is not what its format promises.
    NotItsFormat(&'static str),
    /// A success that holds an error object.
    ErrorObject,
}

/// Reads a whole answer to this work in this format.
pub(super) fn read(work: Work, wire: Wire, route: &Route, body: &[u8]) -> Result<Whole, NoAnswer> {
    const NOT_ITS_FORMAT: NoAnswer = NoAnswer::NotItsFormat("the answer is not what its format promises");
    let (is_answer, is_error_object, whole) = match wire {
        Wire::OpenAi if work == Work::Embeddings => {
            let view = openai::embeddings::read_response(body);
            let whole = Whole {
                usage: view.usage.unwrap_or_default(),
                text_bytes: 0,
                tool_calls: 0,
            };
            (view.is_answer, view.is_error_object, whole)
        }
        Wire::Anthropic if work == Work::CountTokens => {
            let view = anthropic::count_tokens::read_response(body);
            let whole = Whole {
                usage: Usage::default(),
                text_bytes: 0,
                tool_calls: 0,
            };
            (view.is_answer, view.is_error_object, whole)
        }
        Wire::OpenAi => {
            let view = openai::chat::read_response(body);
            let whole = Whole {
                usage: view.usage.unwrap_or_default(),
                text_bytes: view.text.len() as u64,
                tool_calls: view.tool_calls,
            };
            (view.is_answer, view.is_error_object, whole)
        }
        Wire::Anthropic => {
            let view = anthropic::messages::read_response(body);
            let whole = Whole {
                usage: view.usage.unwrap_or_default(),
                text_bytes: view.text.len() as u64,
                tool_calls: view.tool_calls,
            };
            (view.is_answer, view.is_error_object, whole)
        }
        Wire::Problem => {
            let value: serde_json::Value = serde_json::from_slice(body).map_err(|_| NOT_ITS_FORMAT)?;
            let text = route
                .pointers
                .as_ref()
                .and_then(|p| p.output.get(&value))
                .and_then(serde_json::Value::as_str)
                .ok_or(NoAnswer::NotItsFormat(
                    "no text stands where the output pointer points",
                ))?;
            let whole = Whole {
                usage: Usage::default(),
                text_bytes: text.len() as u64,
                tool_calls: 0,
            };
            (true, false, whole)
        }
    };
    match (is_answer, is_error_object) {
        (true, false) => Ok(whole),
        (_, true) => Err(NoAnswer::ErrorObject),
        (false, false) => Err(NOT_ITS_FORMAT),
    }
}

/// The upstream's own figures if it gave both, else an estimate of four bytes a token, marked as one.
pub(in crate::stage) fn settled_usage(
    reported: Usage,
    text_bytes_in: u64,
    text_bytes_out: u64,
) -> (Usage, Basis) {
    if reported.input.is_some() && reported.output.is_some() {
        return (reported, Basis::Reported);
    }
    let estimated = Usage {
        input: reported.input.or(Some(text_bytes_in.div_ceil(4))),
        output: reported.output.or(Some(text_bytes_out.div_ceil(4))),
        ..reported
    };
    (estimated, Basis::Estimated)
}
