//! E4: an HTTP agent's stream for a caller that speaks OpenAI's or Anthropic's format. It ends with its body.
//!
//! Never: guesses where the text is.

use super::super::Head;
use super::chat_writer::{self, ChatWriter};
use super::messages_writer::{self, MessagesWriter};
use super::{Malformed, State};
use crate::Wire;
use crate::http_agent::Pointer;
use crate::usage::Usage;
use serde::de::IgnoredAny;

#[derive(Debug)]
pub(super) struct OfAgent {
    pointer: Pointer,
    writer: Writer,
}

#[derive(Debug)]
enum Writer {
    Chat { writer: ChatWriter, started: bool },
    Messages(MessagesWriter),
}

impl OfAgent {
    pub(super) fn new(to: Wire, head: Head) -> Option<Self> {
        let pointer = head.agent.as_ref()?.stream.clone()?;
        let writer = match to {
            Wire::OpenAi => Writer::Chat {
                writer: ChatWriter::new(&head, ""),
                started: false,
            },
            _ => Writer::Messages(MessagesWriter::new(head)),
        };
        Some(OfAgent { pointer, writer })
    }

    pub(super) fn event(
        &mut self,
        name: Option<&str>,
        data: &[u8],
        state: &mut State,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        if name == Some("error") {
            // An agent's error has no known shape, and may say what is not for the caller.
            let message = "The service behind this one failed.";
            match self.writer {
                Writer::Chat { .. } => chat_writer::error("", message, out),
                Writer::Messages(_) => messages_writer::error("", message, out),
            }
            state.failed = true;
            return Ok(());
        }
        if serde_json::from_slice::<IgnoredAny>(data).is_err() {
            return Ok(()); // `[DONE]` and the like: agents have no rules for what is not at their pointer
        }
        let Some(text) = self.pointer.read_str(data).filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        self.start(out);
        match &mut self.writer {
            Writer::Chat { writer, .. } => writer.text("content", &text, out),
            Writer::Messages(writer) => writer.text(&text, out),
        }
        Ok(())
    }

    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        self.start(out);
        match &mut self.writer {
            Writer::Chat { writer, .. } => writer.end("stop", &Usage::default(), None, out),
            Writer::Messages(writer) => writer.end("end_turn", &Usage::default(), None, out),
        }
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        match &mut self.writer {
            Writer::Chat { writer, started } => {
                if !std::mem::replace(started, true) {
                    writer.role(out);
                }
            }
            Writer::Messages(writer) => writer.start("", out),
        }
    }
}
