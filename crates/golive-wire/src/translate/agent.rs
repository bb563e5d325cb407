//! E4: HTTP agents in a chain: they take one text and give one, each at its pointer.
//!
//! Never: puts a conversation into one text, or guesses where a text is.

use super::json::{Json, Object};
use super::policy::Losses;
use super::{Agent, Answer, Head, Refusal, words};
use crate::Wire;
use crate::edit::members;
use crate::usage::Usage;
use crate::{anthropic, openai};
use serde_json::Value;

const NO_POINTERS: &str = "No pointers are set for this HTTP agent.";

/// A Chat Completions or Messages request: the person's last words.
pub(super) fn request_to_agent(source: Json<'_>, losses: &mut Losses<'_>) -> Result<Vec<u8>, Refusal> {
    let policy = losses.policy;
    let agent = pointers(policy.agent.as_ref())?;
    let mut text = None;
    for (name, value) in source.members().filter(|(_, value)| !value.is_null()) {
        match &*name {
            "messages" => text = Some(last_words(value, losses)?),
            "model" | "stream" | "stream_options" => {} // of the route, and of the `Accept` header
            "system" => losses.lose("system")?,
            name => losses.lose_named("", name)?,
        }
    }
    let text = text.ok_or_else(|| Refusal::invalid("/messages", "`messages` is required."))?;
    let mut body = Value::Null;
    agent
        .input
        .set(&mut body, Value::from(text))
        .map_err(|_| Refusal::invalid("", NO_POINTERS))?;
    Ok(body.to_string().into_bytes())
}

fn last_words(messages: Json<'_>, losses: &mut Losses<'_>) -> Result<String, Refusal> {
    let all: Vec<_> = messages.items().collect();
    let Some((last, earlier)) = all.split_last() else {
        return Err(Refusal::invalid("/messages", "`messages` must hold a message."));
    };
    for message in earlier {
        match message.word("role").as_deref() {
            Some("system" | "developer") => losses.lose("system")?,
            _ => losses.lose("messages.history")?, // the agent keeps its own, or knows none
        }
    }
    if last.word("role").as_deref() != Some("user") {
        return Err(Refusal::CannotExpress {
            parameter: "messages.tool_result".into(),
            to: Wire::Problem,
        });
    }
    let Some(content) = last.get("content") else {
        return Ok(String::new());
    };
    let mut texts: Vec<_> = content.text().into_iter().collect();
    for part in content.items() {
        match (part.word("type").as_deref(), part.word("text")) {
            (Some("text"), Some(text)) => texts.push(text),
            (kind, _) => losses.lose_named("messages", kind.unwrap_or_default())?,
        }
    }
    Ok(texts.join("\n"))
}

/// A request to an HTTP agent for a model: its text as a person's message.
pub(super) fn request_of_agent(source: Json<'_>, losses: &mut Losses<'_>) -> Result<Vec<u8>, Refusal> {
    let policy = losses.policy;
    let agent = pointers(policy.agent.as_ref())?;
    let text = source.raw();
    let no_text = || {
        Refusal::invalid(
            agent.input.to_string(),
            "No text stands where the input is expected.",
        )
    };
    let place = agent.input.locate(text).ok_or_else(no_text)?;
    let input = agent.input.read_str(text).ok_or_else(no_text)?;
    for ((name, _), member) in source.members().zip(members(text)) {
        let holds_it = member.value.start <= place.start && place.end <= member.value.end;
        if !holds_it && &text[member.value] != b"null" {
            losses.lose_named("", &name)?;
        }
    }
    let mut out = Vec::new();
    let mut body = Object::begin(&mut out);
    // No model: the link's own is set afterwards.
    if losses.to == Wire::Anthropic {
        body.number("max_tokens", policy.max_tokens);
    }
    let mut messages = Vec::new();
    let mut message = Object::begin(&mut messages);
    message.text("role", "user");
    message.text("content", &input);
    message.end();
    body.raw("messages", &[b"[", &messages[..], b"]"].concat());
    body.end();
    Ok(out)
}

/// An HTTP agent's answer for a caller that speaks OpenAI's or Anthropic's format.
pub(super) fn answer_of_agent(source: Json<'_>, to: Wire, head: &Head) -> Result<Answer, Refusal> {
    let agent = pointers(head.agent.as_ref())?;
    let text = agent.output.read_str(source.raw()).ok_or_else(|| {
        Refusal::invalid(
            agent.output.to_string(),
            "No text stands where the output is expected.",
        )
    })?;
    let model = head.model.as_deref().unwrap_or_default();
    let mut out = Vec::new();
    let mut body = Object::begin(&mut out);
    match to {
        Wire::OpenAi => {
            body.text("id", &format!("chatcmpl-{}", head.id));
            body.text("object", "chat.completion");
            body.number("created", head.created_s);
            body.text("model", model);
            let mut choice = Vec::new();
            let mut object = Object::begin(&mut choice);
            object.number("index", 0);
            let mut message = Object::begin(object.name("message"));
            message.text("role", "assistant");
            message.text("content", &text);
            message.raw("refusal", b"null");
            message.end();
            object.raw("logprobs", b"null");
            object.text("finish_reason", "stop");
            object.end();
            body.raw("choices", &[b"[", &choice[..], b"]"].concat());
        }
        _ => {
            body.text("id", &format!("msg_{}", head.id));
            body.text("type", "message");
            body.text("role", "assistant");
            body.text("model", model);
            let mut content = Vec::new();
            if !text.is_empty() {
                let mut block = Object::begin(&mut content);
                block.text("type", "text");
                block.text("text", &text);
                block.end();
            }
            body.raw("content", &[b"[", &content[..], b"]"].concat());
            body.text("stop_reason", "end_turn");
            body.raw("stop_sequence", b"null");
            words::anthropic_usage(body.name("usage"), &Usage::default(), None);
        }
    }
    body.end();
    Ok(Answer {
        body: out,
        warnings: Vec::new(),
        usage: Usage::default(),
    })
}

/// A model's answer for a caller that speaks an HTTP agent's format: its text at the agent's pointer.
pub(super) fn answer_to_agent(source: Json<'_>, from: Wire, head: &Head) -> Result<Answer, Refusal> {
    let agent = pointers(head.agent.as_ref())?;
    let (is_answer, text, calls, usage) = match from {
        Wire::Anthropic => {
            let view = anthropic::messages::read_response(source.raw());
            (view.is_answer, view.text, view.tool_calls, view.usage)
        }
        _ => {
            let view = openai::chat::read_response(source.raw());
            (view.is_answer, view.text, view.tool_calls, view.usage)
        }
    };
    if !is_answer {
        return Err(Refusal::invalid("", "This is no answer of its format."));
    }
    if calls > 0 {
        // Nobody is there to run it, and an empty text would pass for an answer.
        return Err(Refusal::CannotExpress {
            parameter: "tool_calls".into(),
            to: Wire::Problem,
        });
    }
    let mut body = Value::Null;
    agent
        .output
        .set(&mut body, Value::from(text.as_ref()))
        .map_err(|_| Refusal::invalid("", NO_POINTERS))?;
    Ok(Answer {
        body: body.to_string().into_bytes(),
        warnings: Vec::new(),
        usage: usage.unwrap_or_default(),
    })
}

fn pointers(agent: Option<&Agent>) -> Result<&Agent, Refusal> {
    agent.ok_or_else(|| Refusal::invalid("", NO_POINTERS))
}
