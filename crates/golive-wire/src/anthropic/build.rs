//! Builders of Anthropic's shapes, for the lab and the prover.
//!
//! Never: used to forward. What passes through keeps its own bytes.

use crate::error::json;
use crate::usage::Usage;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

/// A request. Members that are `None` or empty are left out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MessagesRequest<'a> {
    /// The model asked for.
    pub model: &'a str,
    /// Most tokens of the answer; required.
    pub max_tokens: u64,
    /// The system prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<&'a str>,
    /// The conversation.
    pub messages: Vec<Message<'a>>,
    /// Whether to stream.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// Tools offered; see [`tool`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Value>,
    /// The person on whose behalf is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata<'a>>,
}

impl MessagesRequest<'_> {
    /// The body.
    pub fn to_vec(&self) -> Vec<u8> {
        json(self)
    }
}

/// One message of a request.
#[derive(Debug, Clone, Serialize)]
pub struct Message<'a> {
    /// `user` or `assistant`.
    pub role: &'a str,
    /// The text.
    pub content: &'a str,
}

/// `metadata` of a request.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Metadata<'a> {
    /// An opaque id.
    pub user_id: &'a str,
}

/// A tool; `schema` is a JSON Schema of an object.
pub fn tool(name: &str, description: &str, schema: Value) -> Value {
    serde_json::json!({"name":name,"description":description,"input_schema":schema})
}

/// A call of a tool in an answer. `input` is JSON text of an object; text that is no JSON is written as a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolUse<'a> {
    /// `toolu_…`, echoed by the tool's answer.
    pub id: &'a str,
    /// The tool's name.
    pub name: &'a str,
    /// Its input, as JSON text.
    pub input: &'a str,
}

/// A whole answer.
#[derive(Debug, Clone, Default)]
pub struct Reply<'a> {
    /// `msg_…`
    pub id: &'a str,
    /// The model that answered.
    pub model: &'a str,
    /// The text; `None` or empty writes no text block.
    pub text: Option<&'a str>,
    /// Calls of tools.
    pub tool_uses: &'a [ToolUse<'a>],
    /// `end_turn`, `max_tokens`, `tool_use`, `refusal`, …; `None` only while streaming.
    pub stop_reason: Option<&'a str>,
    /// Token counts; `input` includes cached ones, as everywhere in golive.
    pub usage: Usage,
}

/// The body of a whole answer.
pub fn message(reply: &Reply<'_>) -> Vec<u8> {
    json(&MessageOut::from(reply))
}

/// The first event: the message without content; `usage` carries the input counts.
pub fn message_start(reply: &Reply<'_>) -> Bytes {
    let empty = Reply {
        text: None,
        tool_uses: &[],
        stop_reason: None,
        ..reply.clone()
    };
    #[derive(Serialize)]
    struct Start<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        message: MessageOut<'a>,
    }
    event(
        "message_start",
        &json(&Start {
            kind: "message_start",
            message: MessageOut::from(&empty),
        }),
    )
}

/// A text block begins.
pub fn text_start(index: u32) -> Bytes {
    block_start(index, Block::Text { text: "" })
}

/// A tool call begins; its input follows by [`input_delta`].
pub fn tool_start(index: u32, id: &str, name: &str) -> Bytes {
    block_start(
        index,
        Block::ToolUse {
            id,
            name,
            input: raw_object("{}"),
        },
    )
}

/// A piece of text.
pub fn text_delta(index: u32, text: &str) -> Bytes {
    block_delta(index, Delta::TextDelta { text })
}

/// A piece of a tool call's input: JSON text, valid only when joined.
pub fn input_delta(index: u32, partial_json: &str) -> Bytes {
    block_delta(index, Delta::InputJsonDelta { partial_json })
}

/// A block ends.
pub fn block_stop(index: u32) -> Bytes {
    #[derive(Serialize)]
    struct Stop {
        #[serde(rename = "type")]
        kind: &'static str,
        index: u32,
    }
    event(
        "content_block_stop",
        &json(&Stop {
            kind: "content_block_stop",
            index,
        }),
    )
}

/// The end of the content: the reason, and the output tokens so far.
pub fn message_delta(stop_reason: &str, output_tokens: u64) -> Bytes {
    #[derive(Serialize)]
    struct Ended<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        delta: Stopped<'a>,
        usage: Output,
    }
    #[derive(Serialize)]
    struct Stopped<'a> {
        stop_reason: &'a str,
        stop_sequence: Option<()>,
    }
    #[derive(Serialize)]
    struct Output {
        output_tokens: u64,
    }
    let delta = Stopped {
        stop_reason,
        stop_sequence: None,
    };
    event(
        "message_delta",
        &json(&Ended {
            kind: "message_delta",
            delta,
            usage: Output { output_tokens },
        }),
    )
}

/// The terminator.
pub fn message_stop() -> Bytes {
    Bytes::from_static(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
}

/// A keep-alive; may come anywhere.
pub fn ping() -> Bytes {
    Bytes::from_static(b"event: ping\ndata: {\"type\":\"ping\"}\n\n")
}

/// Wraps one line of data as a named event.
pub fn event(name: &str, data: &[u8]) -> Bytes {
    [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"]
        .concat()
        .into()
}

#[derive(Serialize)]
struct MessageOut<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a>>,
    stop_reason: Option<&'a str>,
    stop_sequence: Option<()>,
    usage: UsageOut,
}

impl<'a> From<&Reply<'a>> for MessageOut<'a> {
    fn from(reply: &Reply<'a>) -> Self {
        let text = reply
            .text
            .filter(|text| !text.is_empty())
            .map(|text| Block::Text { text });
        let tools = reply.tool_uses.iter().map(|tool| Block::ToolUse {
            id: tool.id,
            name: tool.name,
            input: raw_object(tool.input),
        });
        MessageOut {
            id: reply.id,
            kind: "message",
            role: "assistant",
            model: reply.model,
            content: text.into_iter().chain(tools).collect(),
            stop_reason: reply.stop_reason,
            stop_sequence: None,
            usage: reply.usage.into(),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Value,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Delta<'a> {
    TextDelta { text: &'a str },
    InputJsonDelta { partial_json: &'a str },
}

#[derive(Serialize)]
struct UsageOut {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
}

impl From<Usage> for UsageOut {
    fn from(usage: Usage) -> Self {
        let cached = usage.cached_input.unwrap_or(0);
        UsageOut {
            input_tokens: usage.input.unwrap_or(0).saturating_sub(cached),
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: cached,
            output_tokens: usage.output.unwrap_or(0),
        }
    }
}

fn block_start(index: u32, block: Block<'_>) -> Bytes {
    #[derive(Serialize)]
    struct Start<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        index: u32,
        content_block: Block<'a>,
    }
    let start = Start {
        kind: "content_block_start",
        index,
        content_block: block,
    };
    event("content_block_start", &json(&start))
}

fn block_delta(index: u32, delta: Delta<'_>) -> Bytes {
    #[derive(Serialize)]
    struct Piece<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        index: u32,
        delta: Delta<'a>,
    }
    event(
        "content_block_delta",
        &json(&Piece {
            kind: "content_block_delta",
            index,
            delta,
        }),
    )
}

fn raw_object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
