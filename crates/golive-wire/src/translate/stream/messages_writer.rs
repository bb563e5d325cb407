//! E4: writes the events of a Messages stream: blocks that open and close, one at a time, numbered from 0.
//!
//! Never: writes `message_stop` unless it is told that the answer is complete, or leaves a block open before it.

use super::super::json::{Object, string, whole};
use super::super::thinking::UNSIGNED;
use super::super::{Head, words};
use crate::usage::Usage;

#[derive(Debug)]
pub(super) struct MessagesWriter {
    id: String,
    model: Option<String>,
    started: bool,
    /// Blocks opened so far.
    blocks: u64,
    open: Open,
    /// An event up to the text of its delta, for the open block.
    delta: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Thinking,
    Tool,
}

impl MessagesWriter {
    pub(super) fn new(head: Head) -> Self {
        MessagesWriter {
            id: format!("msg_{}", head.id),
            model: head.model,
            started: false,
            blocks: 0,
            open: Open::Nothing,
            delta: Vec::new(),
        }
    }

    pub(super) fn has_started(&self) -> bool {
        self.started
    }

    /// The first event, once. `model`: as the source says it, where the head names none. OpenAI counts at the end, so
    /// that the counts are 0 here and come with `message_delta`.
    pub(super) fn start(&mut self, model: &str, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        out.extend_from_slice(b"event: message_start\ndata: ");
        let mut event = Object::begin(out);
        event.text("type", "message_start");
        let mut message = Object::begin(event.name("message"));
        message.text("id", &self.id);
        message.text("type", "message");
        message.text("role", "assistant");
        message.text("model", self.model.as_deref().unwrap_or(model));
        message.raw("content", b"[]");
        message.raw("stop_reason", b"null");
        message.raw("stop_sequence", b"null");
        words::anthropic_usage(message.name("usage"), &Usage::default(), None);
        message.end();
        event.end();
        out.extend_from_slice(b"\n\n");
    }

    pub(super) fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if self.open != Open::Text {
            self.open_block(Open::Text, br#"{"type":"text","text":""}"#, out);
        }
        self.piece(text, out);
    }

    pub(super) fn thinking(&mut self, text: &str, out: &mut Vec<u8>) {
        if self.open != Open::Thinking {
            self.open_block(
                Open::Thinking,
                br#"{"type":"thinking","thinking":"","signature":""}"#,
                out,
            );
        }
        self.piece(text, out);
    }

    /// A call begins; what is given to [`MessagesWriter::input`] next belongs to it.
    pub(super) fn tool(&mut self, id: &str, name: &str, out: &mut Vec<u8>) {
        let mut block = Vec::new();
        let mut object = Object::begin(&mut block);
        object.text("type", "tool_use");
        object.text("id", id);
        object.text("name", name);
        object.raw("input", b"{}");
        object.end();
        self.open_block(Open::Tool, &block, out);
    }

    pub(super) fn input(&mut self, text: &str, out: &mut Vec<u8>) {
        self.piece(text, out);
    }

    /// Ends the open block, if there is one.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        let open = std::mem::replace(&mut self.open, Open::Nothing);
        if open == Open::Nothing {
            return;
        }
        let index = self.blocks - 1; // a block was opened
        if open == Open::Thinking {
            let mut delta = Vec::new();
            delta_head(index, "signature_delta", "signature", &mut delta);
            out.extend_from_slice(&delta);
            string(out, UNSIGNED);
            out.extend_from_slice(b"}}\n\n");
        }
        out.extend_from_slice(
            b"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":",
        );
        whole(out, index);
        out.extend_from_slice(b"}\n\n");
    }

    /// The reason, the totals and the end.
    pub(super) fn end(
        &mut self,
        stop_reason: &str,
        usage: &Usage,
        cache_written: Option<u64>,
        out: &mut Vec<u8>,
    ) {
        self.start("", out);
        self.close(out);
        out.extend_from_slice(b"event: message_delta\ndata: ");
        let mut event = Object::begin(out);
        event.text("type", "message_delta");
        let mut delta = Object::begin(event.name("delta"));
        delta.text("stop_reason", stop_reason);
        delta.raw("stop_sequence", b"null");
        delta.end();
        words::anthropic_usage(event.name("usage"), usage, cache_written);
        event.end();
        out.extend_from_slice(b"\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }

    fn open_block(&mut self, open: Open, block: &[u8], out: &mut Vec<u8>) {
        self.close(out);
        let index = self.blocks;
        self.blocks += 1;
        self.open = open;
        out.extend_from_slice(
            b"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":",
        );
        whole(out, index);
        out.extend_from_slice(b",\"content_block\":");
        out.extend_from_slice(block);
        out.extend_from_slice(b"}\n\n");
        let (kind, name) = match open {
            Open::Thinking => ("thinking_delta", "thinking"),
            Open::Tool => ("input_json_delta", "partial_json"),
            Open::Text | Open::Nothing => ("text_delta", "text"),
        };
        self.delta.clear();
        delta_head(index, kind, name, &mut self.delta);
    }

    fn piece(&mut self, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.delta);
        string(out, text);
        out.extend_from_slice(b"}}\n\n");
    }
}

fn delta_head(index: u64, kind: &str, name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
    whole(out, index);
    out.extend_from_slice(b",\"delta\":{\"type\":");
    string(out, kind);
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// An error of the source, which ends the stream.
pub(super) fn error(word: &str, message: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: error\ndata: ");
    let mut event = Object::begin(out);
    event.text("type", "error");
    let mut error = Object::begin(event.name("error"));
    error.text("type", words::anthropic_error(word));
    error.text("message", message);
    error.end();
    event.end();
    out.extend_from_slice(b"\n\n");
}
