//! Builders of Responses' shapes, for the lab, the prover and what golive itself says.
//!
//! Never: used to forward. What passes through keeps its own bytes.

use crate::error::json;
use crate::openai::build::ToolCall;
use crate::usage::Usage;
use bytes::Bytes;
use serde_json::{Value, json};

/// A whole answer.
#[derive(Debug, Clone, Default)]
pub struct Reply<'a> {
    /// `resp_…`
    pub id: &'a str,
    /// Unix time in seconds.
    pub created: u64,
    /// The model that answered.
    pub model: &'a str,
    /// The text; `None` writes no message.
    pub text: Option<&'a str>,
    /// A refusal in place of text.
    pub refusal: Option<&'a str>,
    /// Calls of functions.
    pub tool_calls: &'a [ToolCall<'a>],
    /// `max_output_tokens` or `content_filter` where the answer is incomplete.
    pub incomplete: Option<&'a str>,
    /// Token counts; `None` writes `null`.
    pub usage: Option<Usage>,
}

/// The body of a whole answer.
pub fn response(reply: &Reply<'_>) -> Vec<u8> {
    json(&value(reply, status(reply)))
}

/// The events of a stream that gives this answer, its text in these pieces.
pub fn events(reply: &Reply<'_>, pieces: &[&str]) -> Vec<Bytes> {
    let mut out = Events::default();
    let empty = Reply {
        text: None,
        refusal: None,
        tool_calls: &[],
        usage: None,
        ..reply.clone()
    };
    let begun = value(&empty, "in_progress");
    out.push("response.created", json!({"response": begun}));
    out.push("response.in_progress", json!({"response": begun}));
    let items = items(reply);
    for (index, item) in items.iter().enumerate() {
        match item["type"].as_str() {
            Some("message") => out.message(index, item, pieces),
            _ => out.call(index, item),
        }
    }
    out.end(reply);
    out.all
}

/// What ends a stream that golive blocked: the answer is incomplete, by its filter. `sequence`: the number after the
/// last event's.
pub fn blocked_end(reply: &Reply<'_>, sequence: u64) -> Bytes {
    let mut out = Events {
        sequence,
        all: Vec::new(),
    };
    let blocked = Reply {
        incomplete: Some("content_filter"),
        ..reply.clone()
    };
    out.end(&blocked);
    out.all.concat().into()
}

fn status(reply: &Reply<'_>) -> &'static str {
    match reply.incomplete {
        Some(_) => "incomplete",
        None => "completed",
    }
}

fn value(reply: &Reply<'_>, status: &str) -> Value {
    let usage = reply.usage.map(|usage| {
        json!({
            "input_tokens": usage.input.unwrap_or(0),
            "input_tokens_details": {"cached_tokens": usage.cached_input.unwrap_or(0)},
            "output_tokens": usage.output.unwrap_or(0),
            "output_tokens_details": {"reasoning_tokens": usage.reasoning.unwrap_or(0)},
            "total_tokens": usage.total().unwrap_or(0),
        })
    });
    json!({
        "id": reply.id, "object": "response", "created_at": reply.created, "status": status,
        "error": null, "incomplete_details": reply.incomplete.map(|reason| json!({"reason": reason})),
        "instructions": null, "metadata": {}, "model": reply.model, "output": items(reply),
        "parallel_tool_calls": true, "temperature": null, "tool_choice": "auto", "tools": [], "top_p": null,
        "usage": usage,
    })
}

fn items(reply: &Reply<'_>) -> Vec<Value> {
    let part = match (reply.text, reply.refusal) {
        (_, Some(refusal)) => Some(json!({"type": "refusal", "refusal": refusal})),
        (Some(text), None) => Some(json!({"type": "output_text", "text": text, "annotations": []})),
        (None, None) => None,
    };
    let message = part.map(|part| {
        json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]})
    });
    let calls = reply.tool_calls.iter().map(|call| {
        json!({
            "type": "function_call", "id": format!("fc_{}", call.id), "call_id": call.id, "name": call.name,
            "arguments": call.arguments, "status": "completed",
        })
    });
    message.into_iter().chain(calls).collect()
}

#[derive(Default)]
struct Events {
    sequence: u64,
    all: Vec<Bytes>,
}

impl Events {
    fn push(&mut self, kind: &str, mut data: Value) {
        data["type"] = kind.into();
        data["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        self.all
            .push(format!("event: {kind}\ndata: {data}\n\n").into_bytes().into());
    }

    fn message(&mut self, index: usize, item: &Value, pieces: &[&str]) {
        let (id, part) = (&item["id"], &item["content"][0]);
        let name = if part["type"] == "refusal" {
            "refusal"
        } else {
            "text"
        };
        let kind = if name == "text" { "output_text" } else { "refusal" };
        let mut begun = item.clone();
        (begun["content"], begun["status"]) = (json!([]), "in_progress".into());
        self.push(
            "response.output_item.added",
            json!({"output_index": index, "item": begun}),
        );
        let mut empty = part.clone();
        empty[name] = "".into();
        let at = json!({"item_id": id, "output_index": index, "content_index": 0});
        let with = |name: &str, value: Value| {
            let mut data = at.clone();
            data[name] = value;
            data
        };
        self.push("response.content_part.added", with("part", empty));
        for piece in pieces {
            self.push(&format!("response.{kind}.delta"), with("delta", (*piece).into()));
        }
        self.push(&format!("response.{kind}.done"), with(name, part[name].clone()));
        self.push("response.content_part.done", with("part", part.clone()));
        self.push(
            "response.output_item.done",
            json!({"output_index": index, "item": item}),
        );
    }

    fn call(&mut self, index: usize, item: &Value) {
        let mut begun = item.clone();
        (begun["arguments"], begun["status"]) = ("".into(), "in_progress".into());
        self.push(
            "response.output_item.added",
            json!({"output_index": index, "item": begun}),
        );
        let at = |name: &str| {
            let mut data = json!({"item_id": item["id"], "output_index": index});
            data[name] = item["arguments"].clone();
            data
        };
        self.push("response.function_call_arguments.delta", at("delta"));
        self.push("response.function_call_arguments.done", at("arguments"));
        self.push(
            "response.output_item.done",
            json!({"output_index": index, "item": item}),
        );
    }

    fn end(&mut self, reply: &Reply<'_>) {
        let kind = format!("response.{}", status(reply));
        self.push(&kind, json!({"response": value(reply, status(reply))}));
    }
}
