//! E4: a Messages stream as a Chat Completions stream.
//!
//! Never: shows input of a tool that the provider itself runs as a call for the caller.

use super::super::{Head, words};
use super::chat_writer::{ChatWriter, error};
use super::{Malformed, State, plain};
use crate::anthropic::messages::RawUsage;
use crate::openai::chat::{RawError, count, truthy_error};
use crate::take::{Words, read_object};
use crate::usage::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug)]
pub(super) struct ToChat {
    head: Head,
    writer: Option<ChatWriter>,
    /// The open blocks by their index: nearly always one.
    open: Vec<(u64, Block)>,
    /// Calls so far: OpenAI counts calls, Anthropic blocks.
    calls: u64,
    stop_reason: Option<&'static str>,
    cache_written: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
enum Block {
    Text,
    Thinking,
    Call {
        index: u64,
        /// Arguments were written.
        begun: bool,
    },
    Other,
}

/// Blocks that are open at once; the format opens one after another.
const OPEN_MAX: usize = 64;

impl ToChat {
    pub(super) fn new(head: Head) -> Self {
        ToChat {
            head,
            writer: None,
            open: Vec::new(),
            calls: 0,
            stop_reason: None,
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
            && let Some(writer) = &self.writer
            && let Some(text) = plain::delta(data)
        {
            writer.text("content", &text, out);
            return Ok(());
        }
        let Some(event) = read_object::<Event<'_>>(data) else {
            if name == Some("error") {
                state.failed = true;
                error("", "The service behind this one failed.", out);
                return Ok(());
            }
            return Err(Malformed("its data is not JSON of its format"));
        };
        let kind = event.kind.0.as_deref();
        match kind {
            Some("content_block_delta") => self.delta(event, state, out),
            Some("content_block_start") => self.begin(event, state, out),
            Some("content_block_stop") => {
                self.stop(event.index.unwrap_or(0), out);
                Ok(())
            }
            Some("message_start") => {
                let message = event.message.unwrap_or_default();
                self.take_usage(message.usage, state);
                self.start(message.model.0.as_deref().unwrap_or_default(), out);
                Ok(())
            }
            Some("message_delta") => {
                self.take_usage(event.usage, state);
                let delta = event.delta.unwrap_or_default();
                if let Some(reason) = delta.stop_reason.0 {
                    self.stop_reason = Some(words::finish_reason(&reason));
                }
                if let Some(said) = delta.stop_details.and_then(|details| details.explanation.0) {
                    self.writer(out).text("refusal", &said, out);
                }
                Ok(())
            }
            Some("message_stop") => {
                let reason = self.stop_reason.unwrap_or("stop");
                let cache_written = self.cache_written;
                self.writer(out).end(reason, &state.usage, cache_written, out);
                state.complete = true;
                Ok(())
            }
            Some("ping") => {
                out.extend_from_slice(b": ping\n\n");
                Ok(())
            }
            Some("error") | None if kind.is_some() || event.error.is_some() || name == Some("error") => {
                let told = event.error.map(|error| *error).unwrap_or_default();
                state.failed = true;
                error(
                    &told.code.unwrap_or_default(),
                    told.message
                        .as_deref()
                        .unwrap_or("The service behind this one failed."),
                    out,
                );
                Ok(())
            }
            None => Err(Malformed("it has no type")),
            Some(_) => Ok(()), // the provider adds kinds freely
        }
    }

    fn start(&mut self, model: &str, out: &mut Vec<u8>) -> &ChatWriter {
        if self.writer.is_none() {
            let writer = ChatWriter::new(&self.head, model);
            writer.role(out);
            self.writer = Some(writer);
        }
        self.writer(out)
    }

    fn writer(&mut self, out: &mut Vec<u8>) -> &ChatWriter {
        let head = &self.head;
        self.writer.get_or_insert_with(|| {
            let writer = ChatWriter::new(head, "");
            writer.role(out);
            writer
        })
    }

    fn take_usage(&mut self, usage: Option<Box<RawUsage>>, state: &mut State) {
        if let Some(usage) = usage {
            self.cache_written = self.cache_written.max(usage.cache_written());
            state.usage.merge(Usage::from(*usage));
        }
    }

    fn begin(&mut self, event: Event<'_>, state: &mut State, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let block = event
            .content_block
            .ok_or(Malformed("a block begins without a block"))?;
        let index = event.index.unwrap_or(0);
        let kind = match block.kind.0.as_deref() {
            Some("text") => {
                if let Some(text) = block.text.0 {
                    self.writer(out).text("content", &text, out);
                }
                Block::Text
            }
            Some("thinking") => {
                if let Some(text) = block.thinking.0 {
                    self.writer(out).text("reasoning_content", &text, out);
                }
                Block::Thinking
            }
            Some("tool_use") => {
                let call = self.calls;
                self.calls += 1;
                let (id, name) = (block.id.0.unwrap_or_default(), block.name.0.unwrap_or_default());
                let writer = self.writer(out);
                writer.call(call, &id, &name, out);
                // Some servers give the whole input here.
                let input = block.input.map(RawValue::get).filter(|input| !is_empty(input));
                if let Some(input) = input {
                    writer.arguments(call, input, out);
                }
                Block::Call {
                    index: call,
                    begun: input.is_some(),
                }
            }
            Some("redacted_thinking") => {
                state.lose("redacted_thinking");
                Block::Other
            }
            Some(_) => {
                state.lose("hosted_tools");
                Block::Other
            }
            None => return Err(Malformed("a block has no type")),
        };
        self.open.retain(|(known, _)| *known != index);
        if self.open.len() >= OPEN_MAX {
            return Err(Malformed("too many blocks are open at once"));
        }
        self.open.push((index, kind));
        Ok(())
    }

    fn delta(&mut self, event: Event<'_>, state: &mut State, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let delta = event.delta.ok_or(Malformed("a delta without a delta"))?;
        let index = event.index.unwrap_or(0);
        let open = self.open.iter_mut().find(|(known, _)| *known == index);
        match delta.kind.0.as_deref() {
            Some("text_delta") => {
                if let Some(text) = delta.text.0 {
                    self.writer(out).text("content", &text, out);
                }
            }
            Some("thinking_delta") => {
                if let Some(text) = delta.thinking.0 {
                    self.writer(out).text("reasoning_content", &text, out);
                }
            }
            Some("input_json_delta") => match (open, delta.partial_json.0) {
                (Some((_, Block::Call { index, begun })), Some(text)) => {
                    let index = *index;
                    *begun = true;
                    self.writer(out).arguments(index, &text, out);
                }
                (Some(_), _) => {} // of a hosted tool, or empty
                (None, _) => return Err(Malformed("input of a tool outside of a call")),
            },
            Some("citations_delta") => state.lose("citations"),
            Some(_) => {} // signatures, and kinds newer than this code
            None => return Err(Malformed("a delta has no type")),
        }
        Ok(())
    }

    fn stop(&mut self, index: u64, out: &mut Vec<u8>) {
        let Some(at) = self.open.iter().position(|(known, _)| *known == index) else {
            return;
        };
        // OpenAI's arguments are JSON, also where there are none.
        if let (_, Block::Call { index, begun: false }) = self.open.swap_remove(at) {
            self.writer(out).arguments(index, "{}", out);
        }
    }
}

fn is_empty(input: &str) -> bool {
    matches!(input, "null" | "\"\"")
        || input
            .strip_prefix('{')
            .is_some_and(|rest| rest.trim_start() == "}")
}

/// Kept small: it is moved on its way out of the parser.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(default, deserialize_with = "count")]
    index: Option<u64>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    content_block: Option<Box<Begun<'a>>>,
    #[serde(borrow, default)]
    message: Option<Box<Message<'a>>>,
    #[serde(default)]
    usage: Option<Box<RawUsage>>,
    #[serde(borrow, default, deserialize_with = "truthy_error")]
    error: Option<Box<RawError<'a>>>,
}

#[derive(Deserialize, Default)]
struct Delta<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(borrow, default)]
    text: Words<'a>,
    #[serde(borrow, default)]
    thinking: Words<'a>,
    #[serde(borrow, default)]
    partial_json: Words<'a>,
    #[serde(borrow, default)]
    stop_reason: Words<'a>,
    #[serde(borrow, default)]
    stop_details: Option<Box<Details<'a>>>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow, default)]
    explanation: Words<'a>,
}

#[derive(Deserialize)]
struct Begun<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(borrow, default)]
    text: Words<'a>,
    #[serde(borrow, default)]
    thinking: Words<'a>,
    #[serde(borrow, default)]
    id: Words<'a>,
    #[serde(borrow, default)]
    name: Words<'a>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Message<'a> {
    #[serde(borrow, default)]
    model: Words<'a>,
    #[serde(default)]
    usage: Option<Box<RawUsage>>,
}
