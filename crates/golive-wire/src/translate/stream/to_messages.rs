//! E4: a Chat Completions stream as a Messages stream. OpenAI numbers calls and may send their pieces mixed; Anthropic
//! opens and closes one block after another. So one call is written through, and what comes of others waits until its
//! arguments are whole.
//!
//! Never: ends an answer before `[DONE]`, or tells a call whose arguments are not whole as if they were.

mod calls;

use super::super::{Head, words};
use super::messages_writer::{MessagesWriter, error};
use super::{Malformed, State, plain};
use crate::few::Few;
use crate::openai::chat::{RawError, RawUsage, Text, count, truthy_error};
use crate::take::{Words, read_object};
use crate::usage::Usage;
use calls::Calls;
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Debug)]
pub(super) struct ToMessages {
    writer: MessagesWriter,
    calls: Calls,
    finish: Option<String>,
    refused: bool,
    cache_written: Option<u64>,
}

/// Longest `finish_reason` that is kept; the known ones have 14 bytes.
const FINISH_MAX: usize = 64;

impl ToMessages {
    pub(super) fn new(head: Head) -> Self {
        ToMessages {
            calls: Calls::new(&head.id),
            writer: MessagesWriter::new(head),
            finish: None,
            refused: false,
            cache_written: None,
        }
    }

    pub(super) fn event(
        &mut self,
        name: Option<&str>,
        data: &[u8],
        state: &mut State,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        if name != Some("error")
            && self.writer.has_started()
            && let Some(text) = plain::chunk(data)
        {
            self.calls.finish(&mut self.writer, out)?;
            self.writer.text(&text, out);
            return Ok(());
        }
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            return self.end(state, out);
        }
        let chunk = match read_object::<Chunk<'_>>(data) {
            Some(chunk) => chunk,
            None if name == Some("error") => {
                state.failed = true;
                error("", "The service behind this one failed.", out);
                return Ok(());
            }
            None => return Err(Malformed("its data is not JSON of its format")),
        };
        if chunk.error.is_some() || name == Some("error") || chunk.object.0.as_deref() == Some("error") {
            let told = chunk.error.map(|error| *error).unwrap_or_default();
            let message = told.message.or(chunk.message.0);
            state.failed = true;
            error(
                &told.code.unwrap_or_default(),
                message
                    .as_deref()
                    .unwrap_or("The service behind this one failed."),
                out,
            );
            return Ok(());
        }
        if let Some(usage) = chunk.usage {
            self.cache_written = self.cache_written.max(usage.cache_written());
            state.usage.merge(Usage::from(*usage));
        }
        let (one, many) = chunk.choices.unwrap_or_default().into_parts();
        for choice in one.into_iter().chain(many) {
            self.writer
                .start(chunk.model.0.as_deref().unwrap_or_default(), out);
            if choice.index.unwrap_or(0) != 0 {
                state.lose("choices");
                continue;
            }
            if let Some(delta) = choice.delta {
                self.delta(delta, out)?;
            }
            if let Some(reason) = choice.finish_reason.0.filter(|reason| reason.len() <= FINISH_MAX) {
                self.finish = Some(reason.into_owned());
            }
        }
        Ok(())
    }

    fn delta(&mut self, delta: Delta<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if let Some(text) = delta.reasoning_content.0.or(delta.reasoning.0) {
            self.calls.finish(&mut self.writer, out)?;
            self.writer.thinking(&text, out);
        }
        self.refused |= delta.refusal.0.is_some();
        for text in [delta.content.0, delta.refusal.0].into_iter().flatten() {
            self.calls.finish(&mut self.writer, out)?;
            self.writer.text(&text, out);
        }
        if let Some(calls) = delta.tool_calls {
            let (one, many) = calls.into_parts();
            for (place, call) in one.into_iter().chain(many).enumerate() {
                let index = call.index.unwrap_or(place as u64);
                let (name, arguments) = match call.function {
                    Some(function) => (function.name.0, function.arguments.0),
                    None => (None, None),
                };
                self.take_call(index, call.id.0, name, arguments, out)?;
            }
        }
        if let Some(function) = delta.function_call {
            self.take_call(u64::MAX, None, function.name.0, function.arguments.0, out)?;
        }
        Ok(())
    }

    fn take_call(
        &mut self,
        index: u64,
        id: Option<Cow<'_, str>>,
        name: Option<Cow<'_, str>>,
        arguments: Option<Cow<'_, str>>,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let piece = calls::Piece {
            index,
            id: id.as_deref(),
            name: name.as_deref(),
            arguments: arguments.as_deref(),
        };
        self.calls.take(&piece, &mut self.writer, out)
    }

    fn end(&mut self, state: &mut State, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let finish = self.finish.as_deref().unwrap_or_default();
        self.writer.start("", out);
        match finish {
            "length" | "max_tokens" => self.calls.cut(&mut self.writer, out)?,
            _ => self.calls.finish(&mut self.writer, out)?,
        }
        let reason = words::stop_reason(finish, self.calls.any(), self.refused);
        self.writer.end(reason, &state.usage, self.cache_written, out);
        state.complete = true;
        Ok(())
    }
}

/// Kept small: it is moved on its way out of the parser.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    model: Words<'a>,
    #[serde(borrow, default)]
    choices: Option<Few<Choice<'a>>>,
    #[serde(default)]
    usage: Option<Box<RawUsage>>,
    #[serde(borrow, default, deserialize_with = "truthy_error")]
    error: Option<Box<RawError<'a>>>,
    #[serde(borrow, default)]
    object: Words<'a>,
    #[serde(borrow, default)]
    message: Words<'a>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default, deserialize_with = "count")]
    index: Option<u64>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    finish_reason: Words<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Text<'a>,
    #[serde(borrow, default)]
    refusal: Text<'a>,
    // DeepSeek, vLLM and OpenRouter; OpenAI itself streams no reasoning here.
    #[serde(borrow, default)]
    reasoning_content: Text<'a>,
    #[serde(borrow, default)]
    reasoning: Text<'a>,
    #[serde(borrow, default)]
    tool_calls: Option<Few<Call<'a>>>,
    #[serde(borrow, default)]
    function_call: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(default, deserialize_with = "count")]
    index: Option<u64>,
    #[serde(borrow, default)]
    id: Words<'a>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Words<'a>,
    #[serde(borrow, default)]
    arguments: Words<'a>,
}
