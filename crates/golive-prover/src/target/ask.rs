//! A question in the target's own wire format, and what its answer said.
//!
//! Never: takes an error object, a degraded answer or an empty string for a reply.

use golive_checklist::judge::{Scored, UnscoredReason};
use golive_config::{Target, TargetFormat};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;

/// The model name that is asked for when the target names none.
const MODEL: &str = "default";

/// The version header Anthropic's API demands. Source: reference/anthropic-api.md.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// One question.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What the user says; the last message.
    pub text: String,
    /// Earlier turns, as (role, text).
    pub before: Vec<(String, String)>,
    /// A system prompt.
    pub system: Option<String>,
    /// Ask for a stream.
    pub stream: bool,
    /// Ask that a stream carries its usage (OpenAI's `stream_options`).
    pub include_usage: bool,
    /// Another model than the target's.
    pub model: Option<String>,
    /// The most tokens of the answer.
    pub max_tokens: u32,
    /// The person on whose behalf is asked: `user`, `metadata.user_id`, or the `golive-user` header.
    pub user: Option<String>,
    /// Tools in OpenAI's form (`{"type":"function","function":{…}}`); translated for Anthropic.
    pub tools: Vec<Value>,
    /// More members of the body, set last.
    pub extra: Map<String, Value>,
}

impl Ask {
    /// A plain question.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Ask {
        Ask {
            text: text.into(),
            before: Vec::new(),
            system: None,
            stream: false,
            include_usage: false,
            model: None,
            max_tokens: 256,
            user: None,
            tools: Vec::new(),
            extra: Map::new(),
        }
    }

    /// The same, answered as a stream.
    #[must_use]
    pub fn streamed(mut self) -> Ask {
        self.stream = true;
        self
    }

    /// The same, of another model.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Ask {
        self.model = Some(model.into());
        self
    }

    /// The same, on behalf of this person.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Ask {
        self.user = Some(user.into());
        self
    }

    /// The same, with one more member of the body.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Ask {
        self.extra.insert(member.to_owned(), value);
        self
    }
}

/// What an answer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The text.
    pub text: String,
    /// Input tokens it reported.
    pub tokens_in: Option<u64>,
    /// Output tokens it reported.
    pub tokens_out: Option<u64>,
    /// Why it ended (`stop`, `end_turn`, …).
    pub finish: Option<String>,
    /// It called a tool.
    pub tool_call: bool,
}

pub(super) fn call(target: &Target, route: String, ask: &Ask) -> Call {
    let model = ask
        .model
        .clone()
        .or_else(|| target.model.clone())
        .unwrap_or_else(|| MODEL.to_owned());
    let mut turns: Vec<Value> = ask
        .before
        .iter()
        .map(|(role, text)| json!({"role": role, "content": text}))
        .collect();
    turns.push(json!({"role": "user", "content": ask.text}));
    let mut body;
    let mut call = Call::post(route);
    match target.format {
        TargetFormat::OpenAi => {
            if let Some(system) = &ask.system {
                turns.insert(0, json!({"role": "system", "content": system}));
            }
            body = json!({"model": model, "messages": turns, "max_tokens": ask.max_tokens});
            set(&mut body, "user", ask.user.as_ref().map(|user| json!(user)));
            set(
                &mut body,
                "tools",
                (!ask.tools.is_empty()).then(|| json!(ask.tools)),
            );
            if ask.include_usage && ask.stream {
                set(&mut body, "stream_options", Some(json!({"include_usage": true})));
            }
        }
        TargetFormat::Anthropic => {
            call = call.header("anthropic-version", ANTHROPIC_VERSION);
            body = json!({"model": model, "max_tokens": ask.max_tokens, "messages": turns});
            set(
                &mut body,
                "system",
                ask.system.as_ref().map(|system| json!(system)),
            );
            set(
                &mut body,
                "metadata",
                ask.user.as_ref().map(|user| json!({"user_id": user})),
            );
            let tools: Vec<Value> = ask.tools.iter().filter_map(anthropic_tool).collect();
            set(&mut body, "tools", (!tools.is_empty()).then(|| json!(tools)));
        }
        TargetFormat::Http => {
            body = json!({});
            let pointer = target
                .pointers
                .as_ref()
                .map_or("/message", |pointers| pointers.input.as_str());
            put(&mut body, pointer, json!(ask.text));
            if let Some(user) = &ask.user {
                call = call.header("golive-user", user);
            }
            if ask.stream {
                call = call.header("accept", "text/event-stream");
            }
        }
    }
    if ask.stream && target.format != TargetFormat::Http {
        set(&mut body, "stream", Some(json!(true)));
    }
    for (member, value) in &ask.extra {
        set(&mut body, member, Some(value.clone()));
    }
    call.json(&body)
}

impl Answer {
    /// What this whole, plain answer said, in the target's wire format. A refusal, an error object, a degraded
    /// answer or something else is `Unexpected`, with a few words of what it was; no text and no tool call is
    /// `Empty`.
    pub fn reply(&self, target: &Target) -> Scored<Reply> {
        if !self.status.is_success() {
            return unexpected(format!(
                "status {}{}",
                self.status.as_u16(),
                self.error_code_words()
            ));
        }
        if self.truncated {
            return Scored::Unscored(UnscoredReason::Truncated);
        }
        if self.body.is_empty() {
            return Scored::Unscored(UnscoredReason::Empty);
        }
        if let Some(degraded) = self.header("golive-degraded") {
            return unexpected(format!("a degraded answer ({degraded})"));
        }
        let Some(body) = self.json() else {
            return unexpected(format!("the body is not JSON ({})", self.media_type()));
        };
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let number = |pointer: &str| body.pointer(pointer).and_then(Value::as_u64);
        let reply = match target.format {
            TargetFormat::OpenAi => {
                if body.pointer("/choices/0/message").is_none() {
                    return unexpected("no choices[0].message in the body".to_owned());
                }
                Reply {
                    text: text("/choices/0/message/content").unwrap_or_default(),
                    tokens_in: number("/usage/prompt_tokens"),
                    tokens_out: number("/usage/completion_tokens"),
                    finish: text("/choices/0/finish_reason"),
                    tool_call: body.pointer("/choices/0/message/tool_calls/0").is_some(),
                }
            }
            TargetFormat::Anthropic => {
                let Some(content) = body.get("content").and_then(Value::as_array) else {
                    return unexpected("no content in the body".to_owned());
                };
                let of = |kind: &str| -> Vec<&Value> {
                    content
                        .iter()
                        .filter(|block| block.get("type").and_then(Value::as_str) == Some(kind))
                        .collect()
                };
                let words = of("text");
                Reply {
                    text: words
                        .iter()
                        .filter_map(|block| block.get("text").and_then(Value::as_str))
                        .collect(),
                    tokens_in: number("/usage/input_tokens"),
                    tokens_out: number("/usage/output_tokens"),
                    finish: text("/stop_reason"),
                    tool_call: !of("tool_use").is_empty(),
                }
            }
            TargetFormat::Http => {
                let pointer = target
                    .pointers
                    .as_ref()
                    .map_or("/reply", |pointers| pointers.output.as_str());
                let Some(text) = text(pointer) else {
                    return unexpected(format!("no text at {pointer} in the body"));
                };
                Reply {
                    text,
                    tokens_in: None,
                    tokens_out: None,
                    finish: None,
                    tool_call: false,
                }
            }
        };
        if reply.text.trim().is_empty() && !reply.tool_call {
            return Scored::Unscored(UnscoredReason::Empty);
        }
        Scored::Scored(reply)
    }

    /// The `code` or `type` of an error in any of the three dialects, if the body is one.
    #[must_use]
    pub fn error_code(&self) -> Option<String> {
        let body = self.json()?;
        ["/error/code", "/error/type", "/code", "/type"]
            .into_iter()
            .find_map(|pointer| body.pointer(pointer).and_then(Value::as_str))
            .map(str::to_owned)
    }

    /// The message of an error in any of the three dialects, if the body is one.
    #[must_use]
    pub fn error_message(&self) -> Option<String> {
        let body = self.json()?;
        ["/error/message", "/detail", "/title", "/message"]
            .into_iter()
            .find_map(|pointer| body.pointer(pointer).and_then(Value::as_str))
            .map(str::to_owned)
    }

    /// Whether an error body has the shape the format promises: OpenAI's or Anthropic's error object, or RFC 9457.
    #[must_use]
    pub fn is_wire_error(&self, format: TargetFormat) -> bool {
        let Some(body) = self.json() else { return false };
        let is = |pointer: &str| body.pointer(pointer).is_some_and(Value::is_string);
        match format {
            TargetFormat::OpenAi => is("/error/message") && is("/error/type"),
            TargetFormat::Anthropic => {
                body.get("type").and_then(Value::as_str) == Some("error")
                    && is("/error/type")
                    && is("/error/message")
            }
            TargetFormat::Http => is("/title") || is("/detail") || is("/error/message") || is("/error"),
        }
    }

    fn error_code_words(&self) -> String {
        self.error_code()
            .map(|code| format!(" ({code})"))
            .unwrap_or_default()
    }
}

fn unexpected<T>(what: String) -> Scored<T> {
    Scored::Unscored(UnscoredReason::Unexpected(what))
}

fn set(body: &mut Value, member: &str, value: Option<Value>) {
    if let (Some(map), Some(value)) = (body.as_object_mut(), value) {
        map.insert(member.to_owned(), value);
    }
}

/// Puts `value` at a JSON pointer, making the objects on the way. Array indices make members of that name: a
/// request is made from nothing here, so there is no array to index.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let mut at = body;
    let steps: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect();
    for step in steps {
        if !at.is_object() {
            *at = json!({});
        }
        let Some(map) = at.as_object_mut() else { return };
        at = map.entry(step).or_insert(Value::Null);
    }
    *at = value;
}

fn anthropic_tool(tool: &Value) -> Option<Value> {
    let function = tool.get("function")?;
    Some(json!({
        "name": function.get("name")?,
        "description": function.get("description").cloned().unwrap_or_else(|| json!("")),
        "input_schema": function.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"})),
    }))
}
