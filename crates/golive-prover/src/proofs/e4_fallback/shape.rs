//! E4.validity: whether an answer is valid in the caller's format, to the letter that official clients depend on.
//!
//! Never: looks at what the answer says.

use golive_config::{Target, TargetFormat};
use golive_lab::Usage;
use serde_json::Value;

use crate::target::Answer;

/// Whether a whole answer, plain or streamed, is valid and tells this usage.
pub(super) fn valid(answer: &Answer, target: &Target, usage: Usage) -> Result<(), String> {
    let streamed = answer.media_type() == "text/event-stream";
    match (target.format, streamed) {
        (TargetFormat::OpenAi, false) => openai(&document(answer)?, usage),
        (TargetFormat::OpenAi, true) => openai_stream(&events(answer)?, usage),
        (TargetFormat::Anthropic, false) => anthropic(&document(answer)?, usage),
        (TargetFormat::Anthropic, true) => anthropic_stream(&events(answer)?, usage),
        (TargetFormat::Http, _) => Ok(()),
    }
}

fn document(answer: &Answer) -> Result<Value, String> {
    answer.json().ok_or_else(|| "the body is not JSON".to_owned())
}

/// One event of a stream: JSON, or the word that ends it.
#[derive(Debug)]
enum Event {
    Data(Value),
    Done,
}

fn events(answer: &Answer) -> Result<Vec<Event>, String> {
    let body = answer.text();
    let data = body.lines().filter_map(|line| line.strip_prefix("data:"));
    data.map(|data| match data.trim() {
        "[DONE]" => Ok(Event::Done),
        text => serde_json::from_str(text)
            .map(Event::Data)
            .map_err(|_| "an event is not JSON".to_owned()),
    })
    .collect()
}

const OPENAI_REASONS: [&str; 4] = ["stop", "length", "tool_calls", "content_filter"];
const ANTHROPIC_REASONS: [&str; 7] = [
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
];

fn is(value: &Value, pointer: &str, wanted: &str) -> Result<(), String> {
    match value.pointer(pointer).and_then(Value::as_str) {
        Some(text) if text == wanted => Ok(()),
        Some(text) => Err(format!("{pointer} is `{text}` and not `{wanted}`")),
        None => Err(format!("{pointer} is missing")),
    }
}

fn counts(value: &Value, pointers: [(&str, u64); 2]) -> Result<(), String> {
    for (pointer, wanted) in pointers {
        match value.pointer(pointer).and_then(Value::as_u64) {
            Some(count) if count == wanted => {}
            Some(count) => return Err(format!("{pointer} is {count}, the provider told {wanted}")),
            None => return Err(format!("{pointer} is missing")),
        }
    }
    Ok(())
}

fn reason(value: Option<&Value>, known: &[&str]) -> Result<(), String> {
    match value.and_then(Value::as_str) {
        Some(text) if known.contains(&text) => Ok(()),
        Some(text) => Err(format!(
            "the reason to stop is `{text}`, which the format does not know"
        )),
        None => Err("no reason to stop".to_owned()),
    }
}

fn openai(body: &Value, usage: Usage) -> Result<(), String> {
    is(body, "/object", "chat.completion")?;
    is(body, "/choices/0/message/role", "assistant")?;
    reason(body.pointer("/choices/0/finish_reason"), &OPENAI_REASONS)?;
    if body.get("id").and_then(Value::as_str).is_none() {
        return Err("it has no id".to_owned());
    }
    for call in body
        .pointer("/choices/0/message/tool_calls")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        is(call, "/type", "function")?;
        if call.get("id").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err("a tool call has no id".to_owned());
        }
        if call
            .pointer("/function/arguments")
            .is_none_or(|text| !text.is_string())
        {
            return Err("the arguments of a tool call are not a string".to_owned());
        }
    }
    counts(
        body,
        [
            ("/usage/prompt_tokens", usage.input),
            ("/usage/completion_tokens", usage.output),
        ],
    )
}

fn openai_stream(events: &[Event], usage: Usage) -> Result<(), String> {
    if !matches!(events.last(), Some(Event::Done)) {
        return Err("it does not end with [DONE]".to_owned());
    }
    let (mut reasons, mut told) = (0, None);
    for event in &events[..events.len() - 1] {
        let Event::Data(chunk) = event else {
            return Err("[DONE] stands in the middle".to_owned());
        };
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return Err("it holds an error".to_owned());
        }
        is(chunk, "/object", "chat.completion.chunk")?;
        if let Some(finish) = chunk
            .pointer("/choices/0/finish_reason")
            .filter(|finish| !finish.is_null())
        {
            reason(Some(finish), &OPENAI_REASONS)?;
            reasons += 1;
        }
        if chunk.get("usage").is_some_and(|usage| !usage.is_null()) {
            told = Some(chunk);
        }
    }
    if reasons != 1 {
        return Err(format!("it has {reasons} reasons to stop"));
    }
    match told {
        Some(chunk) => counts(
            chunk,
            [
                ("/usage/prompt_tokens", usage.input),
                ("/usage/completion_tokens", usage.output),
            ],
        ),
        // Only who asks for the usage of a stream is told.
        None => Ok(()),
    }
}

fn anthropic(body: &Value, usage: Usage) -> Result<(), String> {
    is(body, "/type", "message")?;
    is(body, "/role", "assistant")?;
    if body
        .get("content")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
    {
        return Err("it has no content".to_owned());
    }
    reason(body.get("stop_reason"), &ANTHROPIC_REASONS)?;
    counts(
        body,
        [
            ("/usage/input_tokens", usage.input),
            ("/usage/output_tokens", usage.output),
        ],
    )
}

fn anthropic_stream(events: &[Event], usage: Usage) -> Result<(), String> {
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| match event {
            Event::Data(value) => value.get("type").and_then(Value::as_str).unwrap_or(""),
            Event::Done => "[DONE]",
        })
        .collect();
    let count = |kind: &str| kinds.iter().filter(|one| **one == kind).count();
    if kinds.first() != Some(&"message_start") || kinds.last() != Some(&"message_stop") {
        return Err("it does not run from message_start to message_stop".to_owned());
    }
    if count("content_block_start") == 0 || count("content_block_start") != count("content_block_stop") {
        return Err("its content blocks are not opened and closed".to_owned());
    }
    let delta = events.iter().find_map(|event| match event {
        Event::Data(value) if value.get("type").and_then(Value::as_str) == Some("message_delta") => {
            Some(value)
        }
        _ => None,
    });
    let delta = delta.ok_or("it has no message_delta")?;
    reason(delta.pointer("/delta/stop_reason"), &ANTHROPIC_REASONS)?;
    counts(
        delta,
        [
            ("/usage/output_tokens", usage.output),
            ("/usage/output_tokens", usage.output),
        ],
    )
}
