//! L1, P1, M2: whether a whole answer, plain or streamed, is what its wire format promises, and what it said.
//!
//! Never: takes an answer for complete because the connection closed nicely.

use bytes::Bytes;
use golive_checklist::judge::Scored;
use golive_config::{Target, TargetFormat};
use golive_wire::sse::{Event, Splitter};
use golive_wire::stream::StreamEvent;
use golive_wire::{anthropic, openai};
use serde_json::Value;

use crate::target::Answer;

/// A good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proofs) struct Said {
    /// Its text.
    pub(in crate::proofs) text: String,
    /// It called a tool.
    pub(in crate::proofs) tool_call: bool,
}

/// The largest event of a stream; no answer to a smoke request has a larger one.
const EVENT_MAX: usize = 1 << 20;

/// Ends that mean there was more to say, or that something took it away.
const CUT_ENDS: &[&str] = &["length", "max_tokens", "content_filter", "refusal"];

/// Reads an answer.
///
/// # Errors
/// In words, what keeps it from being a good one.
pub(in crate::proofs) fn read(answer: &Answer, target: &Target, stream: bool) -> Result<Said, String> {
    if stream && answer.status.is_success() {
        return read_stream(answer, target);
    }
    match answer.reply(target) {
        Scored::Scored(reply) => {
            ended_well(reply.finish.as_deref(), target)?;
            Ok(Said {
                text: reply.text,
                tool_call: reply.tool_call,
            })
        }
        Scored::Unscored(reason) => Err(reason.to_string()),
    }
}

fn ended_well(finish: Option<&str>, target: &Target) -> Result<(), String> {
    match finish {
        Some(end) if CUT_ENDS.contains(&end) => Err(format!("the answer was cut: it ended with `{end}`")),
        None if target.format != TargetFormat::Http => Err("the answer does not say why it ended".to_owned()),
        _ => Ok(()),
    }
}

#[derive(Default)]
struct Reader {
    text: String,
    tool_call: bool,
    finish: Option<String>,
    ended: bool,
}

fn read_stream(answer: &Answer, target: &Target) -> Result<Said, String> {
    if answer.media_type() != "text/event-stream" {
        return Err(format!(
            "a stream was asked for and `{}` came",
            answer.media_type()
        ));
    }
    if answer.truncated {
        return Err("the stream is longer than what was read".to_owned());
    }
    let mut splitter = Splitter::new(EVENT_MAX);
    splitter.push(Bytes::clone(&answer.body));
    let mut reader = Reader::default();
    while let Some(event) = splitter.next().map_err(|error| error.to_string())? {
        reader.take(&event, target)?;
    }
    let tail = splitter.finish();
    if let Some(event) = tail.last.clone().or_else(|| tail.as_if_ended()) {
        reader.take(&event, target)?;
    }
    // An agent's own stream has no terminator that is known.
    if !reader.ended && target.format != TargetFormat::Http {
        return Err("the stream ends without its terminator".to_owned());
    }
    ended_well(reader.finish.as_deref(), target)?;
    if reader.text.trim().is_empty() && !reader.tool_call {
        return Err("empty answer".to_owned());
    }
    Ok(Said {
        text: reader.text,
        tool_call: reader.tool_call,
    })
}

impl Reader {
    fn take(&mut self, event: &Event, target: &Target) -> Result<(), String> {
        let classified = match target.format {
            TargetFormat::OpenAi => openai::stream::classify(event),
            TargetFormat::Anthropic => anthropic::stream::classify(event),
            TargetFormat::Http => return self.take_agents(event, target),
        };
        for meaning in &classified {
            match meaning {
                StreamEvent::Content { text } => self.text.push_str(text),
                StreamEvent::ToolArguments => self.tool_call = true,
                StreamEvent::Finish(reason) => self.finish = Some(reason.to_string()),
                StreamEvent::End => self.ended = true,
                StreamEvent::Error(message) => return Err(format!("an error within the stream: {message}")),
                StreamEvent::Malformed => {
                    return Err("an event of the stream is not of its format".to_owned());
                }
                StreamEvent::Start | StreamEvent::Reasoning | StreamEvent::Usage(_) | StreamEvent::Other => {}
            }
        }
        Ok(())
    }

    fn take_agents(&mut self, event: &Event, target: &Target) -> Result<(), String> {
        if !event.has_data || &event.data[..] == b"[DONE]" {
            return Ok(());
        }
        let data: Value = serde_json::from_slice(&event.data)
            .map_err(|_| "an event of the stream is not JSON".to_owned())?;
        let stream = target
            .pointers
            .as_ref()
            .and_then(|pointers| pointers.stream.as_ref());
        let pointer = stream.map_or("/delta", |pointer| pointer.as_str());
        if let Some(text) = data.pointer(pointer).and_then(Value::as_str) {
            self.text.push_str(text);
        }
        Ok(())
    }
}
