//! E4: writes the chunks of a Chat Completions stream.
//!
//! Never: writes `[DONE]` unless it is told that the answer is complete.

use super::super::json::{Object, string, whole};
use super::super::{Head, words};
use crate::usage::Usage;

#[derive(Debug)]
pub(super) struct ChatWriter {
    /// A chunk up to its choices.
    head: Vec<u8>,
    /// A chunk up to the inside of its delta.
    delta: Vec<u8>,
    hide_usage: bool,
}

const DELTA_END: &[u8] = b"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";

impl ChatWriter {
    /// `model`: as the source says it, where the head names none.
    pub(super) fn new(head: &Head, model: &str) -> Self {
        let mut start = b"data: ".to_vec();
        let mut object = Object::begin(&mut start);
        object.text("id", &format!("chatcmpl-{}", head.id));
        object.text("object", "chat.completion.chunk");
        object.number("created", head.created_s);
        object.text("model", head.model.as_deref().unwrap_or(model));
        object.name("choices");
        ChatWriter {
            delta: [&start[..], br#"[{"index":0,"delta":{"#].concat(),
            head: start,
            hide_usage: head.hide_usage,
        }
    }

    pub(super) fn role(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.delta);
        out.extend_from_slice(br#""role":"assistant","content":"""#);
        out.extend_from_slice(DELTA_END);
    }

    /// A piece of `content`, `refusal` or `reasoning_content`.
    pub(super) fn text(&self, name: &str, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.delta);
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        string(out, text);
        out.extend_from_slice(DELTA_END);
    }

    pub(super) fn call(&self, index: u64, id: &str, name: &str, out: &mut Vec<u8>) {
        self.tool_calls(index, out);
        out.extend_from_slice(b",\"id\":");
        string(out, id);
        out.extend_from_slice(br#","type":"function","function":{"name":"#);
        string(out, name);
        out.extend_from_slice(b",\"arguments\":\"\"}}]");
        out.extend_from_slice(DELTA_END);
    }

    pub(super) fn arguments(&self, index: u64, text: &str, out: &mut Vec<u8>) {
        self.tool_calls(index, out);
        out.extend_from_slice(b",\"function\":{\"arguments\":");
        string(out, text);
        out.extend_from_slice(b"}}]");
        out.extend_from_slice(DELTA_END);
    }

    /// The reason, the totals where they are known, and the end marker.
    pub(super) fn end(&self, reason: &str, usage: &Usage, cache_written: Option<u64>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.delta);
        out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":");
        string(out, reason);
        out.extend_from_slice(b"}]}\n\n");
        if !usage.is_empty() && !self.hide_usage {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"[],\"usage\":");
            words::openai_usage(out, usage, cache_written);
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn tool_calls(&self, index: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.delta);
        out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
        whole(out, index);
    }
}

/// An error of the source, which ends the stream.
pub(super) fn error(word: &str, message: &str, out: &mut Vec<u8>) {
    let (kind, code) = words::openai_error(word);
    out.extend_from_slice(b"data: ");
    let mut body = Object::begin(out);
    let mut error = Object::begin(body.name("error"));
    error.text("message", message);
    error.text("type", kind);
    error.raw("param", b"null");
    error.text("code", code);
    error.end();
    body.end();
    out.extend_from_slice(b"\n\n");
}
