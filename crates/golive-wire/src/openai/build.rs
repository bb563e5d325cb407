//! Builders of OpenAI's shapes, for the lab and the prover.
//!
//! Never: used to forward. What passes through keeps its own bytes.

use crate::error::json;
use crate::usage::Usage;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

/// A request. Members that are `None` or empty are left out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ChatRequest<'a> {
    /// The model asked for.
    pub model: &'a str,
    /// The conversation.
    pub messages: Vec<ChatMessage<'a>>,
    /// Whether to stream.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// `stream_options`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
    /// Most tokens of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_completion_tokens: Option<u64>,
    /// Tools offered; see [`function_tool`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Value>,
    /// The person on whose behalf is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// Its newer name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety_identifier: Option<&'a str>,
}

impl ChatRequest<'_> {
    /// The body.
    pub fn to_vec(&self) -> Vec<u8> {
        json(self)
    }
}

/// One message of a request.
#[derive(Debug, Clone, Serialize)]
pub struct ChatMessage<'a> {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: &'a str,
    /// The text.
    pub content: &'a str,
    /// Which call a `tool` message answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<&'a str>,
}

impl<'a> ChatMessage<'a> {
    /// A message of role and text.
    pub fn new(role: &'a str, content: &'a str) -> Self {
        ChatMessage {
            role,
            content,
            tool_call_id: None,
        }
    }
}

/// `stream_options` of a request.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct StreamOptions {
    /// Whether a last chunk with the totals is wanted.
    pub include_usage: bool,
}

/// A function offered as a tool; `parameters` is a JSON Schema.
pub fn function_tool(name: &str, description: &str, parameters: Value) -> Value {
    serde_json::json!({"type":"function","function":{"name":name,"description":description,"parameters":parameters}})
}

/// A call of a tool in an answer. `arguments` is text and may be invalid JSON, as in life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolCall<'a> {
    /// Opaque id, echoed by the tool's answer.
    pub id: &'a str,
    /// The function's name.
    pub name: &'a str,
    /// Its arguments, as JSON text.
    pub arguments: &'a str,
}

/// A whole answer of one choice.
#[derive(Debug, Clone, Default)]
pub struct Reply<'a> {
    /// `chatcmpl-…`
    pub id: &'a str,
    /// Unix time in seconds.
    pub created: u64,
    /// The model that answered.
    pub model: &'a str,
    /// The text; `None` writes `null`.
    pub text: Option<&'a str>,
    /// A refusal in place of text.
    pub refusal: Option<&'a str>,
    /// Calls of tools.
    pub tool_calls: &'a [ToolCall<'a>],
    /// `stop`, `length`, `tool_calls` or `content_filter`.
    pub finish_reason: &'a str,
    /// Token counts; `None` leaves the member out, as some servers do.
    pub usage: Option<Usage>,
}

/// The body of a whole answer.
pub fn chat_completion(reply: &Reply<'_>) -> Vec<u8> {
    json(&Completion {
        id: reply.id,
        object: "chat.completion",
        created: reply.created,
        model: reply.model,
        choices: [Choice {
            index: 0,
            message: Message {
                role: "assistant",
                content: reply.text,
                refusal: reply.refusal,
                tool_calls: reply
                    .tool_calls
                    .iter()
                    .map(|call| Call::whole(call, None))
                    .collect(),
            },
            logprobs: None,
            finish_reason: reply.finish_reason,
        }],
        usage: reply.usage.map(UsageOut::from),
    })
}

/// What the chunks of one stream have in common.
#[derive(Debug, Clone, Copy)]
pub struct ChunkHead<'a> {
    /// The same id on every chunk.
    pub id: &'a str,
    /// Unix time in seconds.
    pub created: u64,
    /// The model that answers.
    pub model: &'a str,
    /// Whether the request asked for usage: then every other chunk says `"usage":null`.
    pub include_usage: bool,
}

/// What one chunk adds to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delta<'a> {
    /// The first chunk: the role, and empty content.
    Role,
    /// A piece of text.
    Content(&'a str),
    /// A piece of a refusal.
    Refusal(&'a str),
    /// A tool call begins: `index` counts tool calls; arguments may follow.
    ToolCall(u32, ToolCall<'a>),
    /// More of a tool call's arguments.
    Arguments(u32, &'a str),
    /// The end, with its reason.
    Finish(&'a str),
}

/// One chunk, as a whole server-sent event.
pub fn chunk(head: &ChunkHead<'_>, delta: Delta<'_>) -> Bytes {
    let mut out = DeltaOut::default();
    let mut finish_reason = None;
    match delta {
        Delta::Role => (out.role, out.content) = (Some("assistant"), Some("")),
        Delta::Content(text) => out.content = Some(text),
        Delta::Refusal(text) => out.refusal = Some(text),
        Delta::ToolCall(index, call) => out.tool_calls = Some([Call::whole(&call, Some(index))]),
        Delta::Arguments(index, arguments) => {
            let function = Function {
                name: None,
                arguments,
            };
            out.tool_calls = Some([Call {
                index: Some(index),
                id: None,
                kind: None,
                function,
            }]);
        }
        Delta::Finish(reason) => finish_reason = Some(reason),
    }
    let choice = ChunkChoice {
        index: 0,
        delta: out,
        logprobs: None,
        finish_reason,
    };
    event(&json(&Chunk::new(
        head,
        vec![choice],
        head.include_usage.then_some(None),
    )))
}

/// The chunk with the totals, just before `[DONE]`.
pub fn usage_chunk(head: &ChunkHead<'_>, usage: Usage) -> Bytes {
    event(&json(&Chunk::new(head, Vec::new(), Some(Some(usage.into())))))
}

/// The end marker.
pub fn done() -> Bytes {
    Bytes::from_static(b"data: [DONE]\n\n")
}

/// Wraps one line of data as an event.
pub fn event(data: &[u8]) -> Bytes {
    [b"data: ", data, b"\n\n"].concat().into()
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageOut>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Message<'a>,
    logprobs: Option<()>,
    finish_reason: &'a str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

#[derive(Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: Function<'a>,
}

impl<'a> Call<'a> {
    fn whole(call: &ToolCall<'a>, index: Option<u32>) -> Self {
        let function = Function {
            name: Some(call.name),
            arguments: call.arguments,
        };
        Call {
            index,
            id: Some(call.id),
            kind: Some("function"),
            function,
        }
    }
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<ChunkChoice<'a>>,
    // Three states: left out, `null`, totals.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<UsageOut>>,
}

impl<'a> Chunk<'a> {
    fn new(head: &ChunkHead<'a>, choices: Vec<ChunkChoice<'a>>, usage: Option<Option<UsageOut>>) -> Self {
        let ChunkHead {
            id, created, model, ..
        } = *head;
        Chunk {
            id,
            object: "chat.completion.chunk",
            created,
            model,
            choices,
            usage,
        }
    }
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u32,
    delta: DeltaOut<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'a str>,
}

#[derive(Serialize, Default)]
struct DeltaOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Call<'a>; 1]>,
}

#[derive(Serialize)]
struct UsageOut {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: Cached,
    completion_tokens_details: Reasoned,
}

#[derive(Serialize)]
struct Cached {
    cached_tokens: u64,
}

#[derive(Serialize)]
struct Reasoned {
    reasoning_tokens: u64,
}

impl From<Usage> for UsageOut {
    fn from(usage: Usage) -> Self {
        UsageOut {
            prompt_tokens: usage.input.unwrap_or(0),
            completion_tokens: usage.output.unwrap_or(0),
            total_tokens: usage.total().unwrap_or(0),
            prompt_tokens_details: Cached {
                cached_tokens: usage.cached_input.unwrap_or(0),
            },
            completion_tokens_details: Reasoned {
                reasoning_tokens: usage.reasoning.unwrap_or(0),
            },
        }
    }
}
