//! OpenAI's chat completions as the lab reads and writes them.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::answer::Event;
use crate::model::Reply;
use crate::script::{StreamUsage, Usage};
use crate::wire::conversation::Conversation;
use crate::wire::{Asked, Envelope, Refused};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// Reads a request.
pub(crate) fn read(body: &[u8]) -> Result<Asked<'_>, Refused> {
    let body: Body<'_> = serde_json::from_slice(body)?;
    let messages = body.messages.filter(|raw| raw.get().starts_with('['));
    Ok(Asked {
        model: body.model.ok_or(Refused::Missing("model"))?,
        stream: body.stream.unwrap_or(false),
        include_usage: body
            .stream_options
            .and_then(|options| options.include_usage)
            .unwrap_or(false),
        conversation: Conversation {
            messages: Some(messages.ok_or(Refused::Missing("messages"))?),
            system: None,
            tools: body.tools,
        },
    })
}

#[derive(Serialize)]
struct Completion<'a> {
    id: Id<'a>,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: UsageOut,
    system_fingerprint: &'static str,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u8,
    message: Message<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Value>,
}

/// `chatcmpl-` and the nonce.
struct Id<'a>(&'a str);

impl Serialize for Id<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("chatcmpl-{}", self.0))
    }
}

#[derive(Clone, Copy, Serialize)]
struct UsageOut {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: InputDetails,
    completion_tokens_details: OutputDetails,
}

#[derive(Clone, Copy, Serialize)]
struct InputDetails {
    cached_tokens: u64,
    audio_tokens: u64,
}

#[derive(Clone, Copy, Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

impl From<Usage> for UsageOut {
    fn from(usage: Usage) -> Self {
        UsageOut {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            prompt_tokens_details: InputDetails {
                cached_tokens: usage.cached,
                audio_tokens: 0,
            },
            completion_tokens_details: OutputDetails {
                reasoning_tokens: usage.reasoning,
                audio_tokens: 0,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            },
        }
    }
}

/// The whole answer.
pub(crate) fn whole(envelope: &Envelope<'_>, reply: &Reply) -> Bytes {
    let tool_calls = reply.tool.as_ref().map(|tool| {
        json!([{"id": format!("call_{}", envelope.nonce), "type": "function",
                "function": {"name": tool.name, "arguments": tool.arguments}}])
    });
    let message = Message {
        role: "assistant",
        content: tool_calls.is_none().then_some(reply.text.as_str()),
        refusal: None,
        tool_calls,
    };
    let completion = Completion {
        id: Id(envelope.nonce),
        object: "chat.completion",
        created: envelope.created,
        model: envelope.model,
        choices: [Choice {
            index: 0,
            message,
            logprobs: None,
            finish_reason: finish_reason(reply),
        }],
        usage: reply.usage.into(),
        system_fingerprint: "fp_lab",
    };
    to_bytes(&completion)
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: Id<'a>,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [ChunkChoice<'a>],
    /// Absent, or null in every chunk but the one that tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<UsageOut>>,
    system_fingerprint: &'static str,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u8,
    delta: Delta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Value>,
}

/// The events of a stream: role, pieces, finish reason, usage if asked for, `[DONE]`.
pub(crate) fn stream(envelope: &Envelope<'_>, reply: &Reply) -> Vec<Event> {
    let silent = envelope.include_usage.then_some(None);
    let event = |choices: &[ChunkChoice<'_>], usage, text| {
        let chunk = Chunk {
            id: Id(envelope.nonce),
            object: "chat.completion.chunk",
            created: envelope.created,
            model: envelope.model,
            choices,
            usage,
            system_fingerprint: "fp_lab",
        };
        let mut line = Vec::with_capacity(300);
        line.extend_from_slice(b"data: ");
        // Plain structs of strings and numbers: writing them to memory cannot fail.
        let _ = serde_json::to_writer(&mut line, &chunk);
        line.extend_from_slice(b"\n\n");
        Event {
            bytes: line.into(),
            text,
        }
    };
    let delta = |delta, text| {
        event(
            &[ChunkChoice {
                index: 0,
                delta,
                logprobs: None,
                finish_reason: None,
            }],
            silent,
            text,
        )
    };
    let mut events = Vec::new();
    match &reply.tool {
        None => {
            events.push(delta(
                Delta {
                    role: Some("assistant"),
                    content: Some(""),
                    ..Delta::default()
                },
                false,
            ));
            for piece in reply.pieces() {
                events.push(delta(
                    Delta {
                        content: Some(piece),
                        ..Delta::default()
                    },
                    true,
                ));
            }
        }
        Some(tool) => {
            let opening = json!([{"index": 0, "id": format!("call_{}", envelope.nonce), "type": "function",
                                  "function": {"name": tool.name, "arguments": ""}}]);
            events.push(delta(
                Delta {
                    role: Some("assistant"),
                    tool_calls: Some(opening),
                    ..Delta::default()
                },
                false,
            ));
            for piece in reply.argument_pieces(tool) {
                let more = json!([{"index": 0, "function": {"arguments": piece}}]);
                events.push(delta(
                    Delta {
                        tool_calls: Some(more),
                        ..Delta::default()
                    },
                    true,
                ));
            }
        }
    }
    let finish_reason = Some(finish_reason(reply));
    let last = ChunkChoice {
        index: 0,
        delta: Delta::default(),
        logprobs: None,
        finish_reason,
    };
    let told = envelope.include_usage && reply.stream_usage == StreamUsage::WithWords;
    let beside = if told {
        Some(Some(reply.usage.into()))
    } else {
        silent
    };
    events.push(event(&[last], beside, false));
    if envelope.include_usage && reply.stream_usage == StreamUsage::Own {
        events.push(event(&[], Some(Some(reply.usage.into())), false));
    }
    events.push(Event {
        bytes: Bytes::from_static(b"data: [DONE]\n\n"),
        text: false,
    });
    events
}

/// The `type` of an error object, by the table of public threads (reference/openai-api.md §4).
pub(crate) fn error_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn finish_reason(reply: &Reply) -> &'static str {
    if reply.tool.is_some() {
        "tool_calls"
    } else if reply.refused {
        "content_filter"
    } else {
        "stop"
    }
}

fn to_bytes(value: &impl Serialize) -> Bytes {
    let mut bytes = Vec::with_capacity(700);
    // Plain structs of strings and numbers: writing them to memory cannot fail.
    let _ = serde_json::to_writer(&mut bytes, value);
    bytes.into()
}
