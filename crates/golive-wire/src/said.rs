//! E1, E4: a sentence of golive's own, or a text that came whole, as an answer in the caller's format: whole, or as the
//! events of a stream with the format's own end.
//!
//! Never: is used for an answer that broke off: what ends cleanly is complete.

use crate::http_agent::Pointer;
use crate::usage::Usage;
use crate::{Wire, anthropic, openai};
use bytes::Bytes;
use serde_json::Value;

/// What is said, and under which names.
#[derive(Debug, Clone)]
pub struct Said<'a> {
    /// Goes behind `chatcmpl-` or `msg_`.
    pub id: &'a str,
    /// Unix time in seconds.
    pub created_s: u64,
    /// The model's name for the caller.
    pub model: &'a str,
    /// The text.
    pub text: &'a str,
    /// What it consumed.
    pub usage: Usage,
}

/// The body of a whole answer. For an HTTP agent `at` is where its text stands.
pub fn whole(wire: Wire, said: &Said<'_>, at: Option<&Pointer>) -> Vec<u8> {
    match wire {
        Wire::OpenAi => openai::build::chat_completion(&openai::build::Reply {
            id: &format!("chatcmpl-{}", said.id),
            created: said.created_s,
            model: said.model,
            text: Some(said.text),
            finish_reason: "stop",
            usage: Some(said.usage),
            ..Default::default()
        }),
        Wire::Anthropic => anthropic::build::message(&anthropic::build::Reply {
            id: &format!("msg_{}", said.id),
            model: said.model,
            text: Some(said.text),
            stop_reason: Some("end_turn"),
            usage: said.usage,
            ..Default::default()
        }),
        Wire::Problem => agent(said.text, at),
    }
}

/// The events of a stream. `usage`: whether an OpenAI caller asked for the totals. For an HTTP agent `at` is where the
/// text of one event stands; its stream ends with its body.
pub fn events(wire: Wire, said: &Said<'_>, usage: bool, at: Option<&Pointer>) -> Bytes {
    match wire {
        Wire::OpenAi => {
            use openai::build::{ChunkHead, Delta, chunk, done, usage_chunk};
            let head = ChunkHead {
                id: &format!("chatcmpl-{}", said.id),
                created: said.created_s,
                model: said.model,
                include_usage: usage,
            };
            let mut out = [
                chunk(&head, Delta::Role),
                chunk(&head, Delta::Content(said.text)),
                chunk(&head, Delta::Finish("stop")),
            ]
            .concat();
            if usage {
                out.extend_from_slice(&usage_chunk(&head, said.usage));
            }
            out.extend_from_slice(&done());
            out.into()
        }
        Wire::Anthropic => {
            use anthropic::build::{
                block_stop, message_delta, message_start, message_stop, text_delta, text_start,
            };
            let reply = anthropic::build::Reply {
                id: &format!("msg_{}", said.id),
                model: said.model,
                usage: said.usage,
                ..Default::default()
            };
            [
                message_start(&reply),
                text_start(0),
                text_delta(0, said.text),
                block_stop(0),
                message_delta("end_turn", said.usage.output.unwrap_or(0)),
                message_stop(),
            ]
            .concat()
            .into()
        }
        Wire::Problem => openai::build::event(&agent(said.text, at)),
    }
}

fn agent(text: &str, at: Option<&Pointer>) -> Vec<u8> {
    let mut body = Value::Object(serde_json::Map::new());
    let set = at.map(|at| at.set(&mut body, Value::from(text)));
    if !matches!(set, Some(Ok(()))) {
        body = serde_json::json!({ "message": text });
    }
    body.to_string().into_bytes()
}
