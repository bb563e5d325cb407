//! E4: a model's stream for a caller that speaks an HTTP agent's format: its text at the agent's own pointer.
//!
//! Never: shows reasoning, or a tool call, which such a caller could not answer.

use super::super::Head;
use super::{Malformed, State};
use crate::Wire;
use crate::error::stream_error;
use crate::http_agent::Pointer;
use crate::sse::Event;
use crate::stream::{Classified, StreamEvent};
use crate::{ApiError, anthropic, openai};
use serde_json::Value;

#[derive(Debug)]
pub(super) struct ToAgent {
    from: Wire,
    id: String,
    pointer: Pointer,
}

impl ToAgent {
    pub(super) fn new(from: Wire, head: Head) -> Option<Self> {
        let pointer = head.agent?.stream?;
        Some(ToAgent {
            from,
            id: head.id,
            pointer,
        })
    }

    pub(super) fn event(
        &mut self,
        name: Option<&str>,
        data: &[u8],
        state: &mut State,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let block = match name {
            Some(name) => [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"].concat(),
            None => [b"data: ", data, b"\n\n"].concat(),
        };
        let event = Event::parse(block).ok_or(Malformed("it is not one event"))?;
        let meanings: Classified<'_> = match self.from {
            Wire::Anthropic => anthropic::stream::classify(&event),
            _ => openai::stream::classify(&event),
        };
        for meaning in &meanings {
            match meaning {
                StreamEvent::Content { text } => {
                    let mut value = Value::Null;
                    // Nothing stands in the way in an empty document but an index into an array.
                    self.pointer
                        .set(&mut value, Value::from(text.as_ref()))
                        .map_err(|_| Malformed("the agent's pointer leads nowhere"))?;
                    out.extend_from_slice(format!("data: {value}\n\n").as_bytes());
                }
                StreamEvent::ToolArguments => state.lose("tool_calls"),
                StreamEvent::Reasoning => state.lose("reasoning"),
                StreamEvent::Usage(usage) => state.usage.merge(*usage),
                StreamEvent::End => state.complete = true,
                StreamEvent::Error(_) => {
                    let error = ApiError::new(502, "upstream_error", "The service behind this one failed.");
                    out.extend_from_slice(&stream_error(Wire::Problem, &error, &self.id));
                    state.failed = true;
                    return Ok(());
                }
                StreamEvent::Malformed => return Err(Malformed("its data is not JSON of its format")),
                StreamEvent::Start | StreamEvent::Finish(_) | StreamEvent::Other => {}
            }
        }
        Ok(())
    }
}
