//! E4: a whole Chat Completions answer as a Messages answer.
//!
//! Never: mends a tool call whose arguments are no JSON, and never passes it on.

use super::json::{Json, Object, item};
use super::thinking::UNSIGNED;
use super::{Answer, Head, Refusal, words};
use crate::openai::chat::{RawUsage, Text};
use crate::take::read_object;
use crate::usage::Usage;

pub(super) fn translate(source: Json<'_>, head: &Head) -> Result<Answer, Refusal> {
    let no_answer = || Refusal::invalid("", "This is no answer of the Chat Completions format.");
    let is_error = source
        .get("error")
        .is_some_and(|error| !matches!(error.raw(), b"false" | b"0" | b"\"\"" | b"[]" | b"{}"));
    let choices = source
        .get("choices")
        .filter(|choices| choices.is_array() && !is_error)
        .ok_or_else(no_answer)?;
    let mut lost = Vec::new();
    let mut choices = choices.items();
    let choice = choices.next().ok_or_else(no_answer)?;
    if choices.next().is_some() {
        lost.push("choices");
    }
    if choice.get("logprobs").is_some() {
        lost.push("logprobs");
    }
    let message = choice
        .get("message")
        .filter(|message| message.is_object())
        .ok_or_else(no_answer)?;
    let finish = choice.word("finish_reason").unwrap_or_default();
    let mut content = Vec::new();
    thinking(message, &mut content);
    if let Some(text) = text_of(message, "content") {
        text_block(&text, &mut content);
    }
    let refusal = message.word("refusal").filter(|refusal| !refusal.is_empty());
    if let Some(refusal) = &refusal {
        text_block(refusal, &mut content);
    }
    let calls = calls(message, &finish, &mut content, &mut lost)?;
    for (name, what) in [("annotations", "annotations"), ("audio", "audio")] {
        let held = message.get(name);
        if held.is_some_and(|held| held.is_object() || held.items().next().is_some()) {
            lost.push(what);
        }
    }
    let raw: Option<RawUsage> = source.get("usage").and_then(|usage| read_object(usage.raw()));
    let cache_written = raw.as_ref().and_then(RawUsage::cache_written);
    let usage = raw.map(Usage::from).unwrap_or_default();

    let mut out = Vec::with_capacity(source.raw().len() + 256);
    let mut body = Object::begin(&mut out);
    body.text("id", &format!("msg_{}", head.id));
    body.text("type", "message");
    body.text("role", "assistant");
    let model = source.word("model").unwrap_or_default();
    body.text("model", head.model.as_deref().unwrap_or(&model));
    body.raw("content", &[b"[", &content[..], b"]"].concat());
    body.text(
        "stop_reason",
        words::stop_reason(&finish, calls > 0, refusal.is_some()),
    );
    body.raw("stop_sequence", b"null");
    words::anthropic_usage(body.name("usage"), &usage, cache_written);
    body.end();
    Ok(Answer {
        body: out,
        warnings: lost,
        usage,
    })
}

/// Text, or the text parts of an array, which some servers answer with.
fn text_of<'a>(message: Json<'a>, name: &str) -> Option<std::borrow::Cow<'a, str>> {
    serde_json::from_slice::<Text<'a>>(message.get(name)?.raw())
        .ok()?
        .0
}

fn thinking(message: Json<'_>, content: &mut Vec<u8>) {
    let Some(thought) = text_of(message, "reasoning_content").or_else(|| text_of(message, "reasoning"))
    else {
        return;
    };
    let mut block = Object::begin(item(content));
    block.text("type", "thinking");
    block.text("thinking", &thought);
    block.text("signature", UNSIGNED);
    block.end();
}

fn text_block(text: &str, content: &mut Vec<u8>) {
    let mut block = Object::begin(item(content));
    block.text("type", "text");
    block.text("text", text);
    block.end();
}

/// Writes the calls; gives their number.
fn calls(
    message: Json<'_>,
    finish: &str,
    content: &mut Vec<u8>,
    lost: &mut Vec<&'static str>,
) -> Result<usize, Refusal> {
    let mut count = 0;
    for call in message.get("tool_calls").into_iter().flat_map(Json::items) {
        let function = call
            .get("function")
            .ok_or_else(|| Refusal::invalid("/choices/0/message/tool_calls", "A call is of no function."))?;
        let arguments = function.word("arguments").unwrap_or_default();
        let empty = arguments.trim().is_empty();
        let input = match Json::parse(arguments.as_bytes()) {
            Some(input) if input.is_object() => input.raw(),
            None if empty => b"{}",
            // Cut off by the limit: a half call cannot be told, and was not complete anyway.
            _ if finish == "length" => {
                lost.push("tool_calls");
                continue;
            }
            _ => {
                return Err(Refusal::invalid(
                    "/choices/0/message/tool_calls",
                    "The arguments of a call are not a JSON object.",
                ));
            }
        };
        let mut block = Object::begin(item(content));
        block.text("type", "tool_use");
        block.text("id", &call.word("id").unwrap_or_default());
        block.text("name", &function.word("name").unwrap_or_default());
        block.raw("input", input);
        block.end();
        count += 1;
    }
    Ok(count)
}
