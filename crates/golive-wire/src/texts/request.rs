//! S3, S4, S8: the texts of a request, each with who speaks in it.
//!
//! Never: takes a text that a document or a tool brought for one of the user's.

use super::{Place, Voice, all_strings, each, member, read, strings, whole};
use crate::Wire;
use crate::edit::{elements, members, set_member};
use std::ops::Range;

/// Strings outside of messages that say how to answer, and nothing that a model reads as text.
const SETTINGS: &[&str] = &[
    "model",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "tool_choice",
    "function_call",
    "modalities",
    "stream_options",
    "audio",
    "thinking",
    "container",
    "include",
    "stop",
    "stop_sequences",
    "metadata",
    "anthropic_version",
    "previous_response_id",
    "conversation",
    "truncation",
];

/// Results of tools within results of tools; deeper ones are read as the result they stand in.
const NESTED_MAX: usize = 4;

/// The texts of a request in this format, in the order in which they stand.
pub fn of_request(wire: Wire, body: &[u8]) -> Vec<Place> {
    let mut places = Vec::new();
    let root = whole(body);
    let text = &body[root.clone()];
    for one in members(text) {
        let value = one.value.start + root.start..one.value.end + root.start;
        let name = read(text, &one.name);
        match &*name {
            "messages" | "input" => {
                for message in each(body, &value) {
                    of_message(body, &message, &mut places);
                }
            }
            "system" | "instructions" | "tools" | "functions" | "response_format" | "output_config" => {
                push(body, value, Voice::System, &mut places);
            }
            // Responses: the format of the answer, with its schema.
            "text" if body[value.start] == b'{' => push(body, value, Voice::System, &mut places),
            name if SETTINGS.contains(&name) => {}
            _ => push(body, value, Voice::User, &mut places),
        }
    }
    if wire == Wire::Problem {
        for place in &mut places {
            place.voice = Voice::User;
        }
    }
    places
}

/// The texts of a request to an HTTP agent: every string is the user's.
pub fn of_agent_request(body: &[u8]) -> Vec<Place> {
    let mut places = Vec::new();
    all_strings(body, whole(body), &mut |_, literal| {
        places.push(Place {
            voice: Voice::User,
            literal,
        });
    });
    places
}

fn push(body: &[u8], value: Range<usize>, voice: Voice, places: &mut Vec<Place>) {
    strings(body, value, &mut |name, literal| {
        if !is_address(name, body, &literal) {
            places.push(Place { voice, literal });
        }
    });
}

/// Addresses and bytes have rules of their own.
fn is_address(name: Option<&str>, body: &[u8], literal: &Range<usize>) -> bool {
    match name {
        Some("url" | "image_url" | "file_url") => true,
        Some("data" | "file_data") => literal.len() > 256 || body[literal.clone()].starts_with(b"\"data:"),
        _ => false,
    }
}

pub(super) fn of_message(body: &[u8], message: &Range<usize>, places: &mut Vec<Place>) {
    let role = member(body, message, "role").map(|role| read(body, &role).into_owned());
    let voice = match role.as_deref() {
        Some("system" | "developer") => Voice::System,
        Some("assistant") => Voice::Assistant,
        Some("tool" | "function") => Voice::Tool,
        Some(_) => Voice::User,
        None => voice_of_item(body, message),
    };
    let text = &body[message.clone()];
    if text.first() != Some(&b'{') {
        push(body, message.clone(), voice, places);
        return;
    }
    for one in members(text) {
        let name = read(text, &one.name);
        let value = one.value.start + message.start..one.value.end + message.start;
        match &*name {
            "role" | "id" | "tool_call_id" | "call_id" | "type" => {}
            "content" | "output" => {
                for part in each(body, &value) {
                    of_part(body, &part, voice, places, 0);
                }
            }
            _ => push(body, value, voice, places),
        }
    }
}

/// Who speaks in an item of Responses' input that is no message.
fn voice_of_item(body: &[u8], item: &Range<usize>) -> Voice {
    let kind = member(body, item, "type").map(|kind| read(body, &kind).into_owned());
    match kind.as_deref() {
        Some("function_call" | "custom_tool_call" | "reasoning") => Voice::Assistant,
        // Results, and hosted calls with what they found.
        Some(kind) if kind.ends_with("_output") || kind.ends_with("_call") || kind.starts_with("mcp_") => {
            Voice::Tool
        }
        _ => Voice::User,
    }
}

/// One part of a message: text, a document, the result of a tool with parts of its own.
fn of_part(body: &[u8], part: &Range<usize>, voice: Voice, places: &mut Vec<Place>, depth: usize) {
    let kind = member(body, part, "type").map(|kind| read(body, &kind).into_owned());
    let inner = match kind.as_deref() {
        Some("tool_result" | "mcp_tool_result" | "function_call_output") => Voice::Tool,
        Some(
            "document"
            | "search_result"
            | "file"
            | "input_file"
            | "web_search_tool_result"
            | "web_fetch_tool_result",
        ) => Voice::Document,
        _ => voice,
    };
    if inner == Voice::Tool && depth < NESTED_MAX && body[part.start] == b'{' {
        let text = &body[part.clone()];
        for one in members(text) {
            let value = one.value.start + part.start..one.value.end + part.start;
            if one.is(text, "content") {
                for nested in each(body, &value) {
                    of_part(body, &nested, Voice::Tool, places, depth + 1);
                }
            } else if !one.is(text, "type") && !one.is(text, "tool_use_id") {
                push(body, value, inner, places);
            }
        }
        return;
    }
    push(body, part.clone(), inner, places);
}

/// Where a request speaks for the operator: a pointer to its first system or developer message, or to its `system`.
pub fn speaks_for_the_operator(wire: Wire, body: &[u8]) -> Option<String> {
    let root = whole(body);
    if wire == Wire::Anthropic && member(body, &root, "system").is_some() {
        return Some("/system".to_owned());
    }
    if wire == Wire::OpenAi
        && member(body, &root, "instructions").is_some_and(|value| &body[value] != b"null")
    {
        return Some("/instructions".to_owned());
    }
    let is_operator = |message: &Range<usize>| {
        member(body, message, "role")
            .is_some_and(|role| matches!(&*read(body, &role), "system" | "developer"))
    };
    ["messages", "input"].into_iter().find_map(|name| {
        let list = member(body, &root, name)?;
        let found = each(body, &list).iter().position(is_operator)?;
        Some(format!("/{name}/{found}/role"))
    })
}

/// Requests of Responses have no messages.
fn is_of_responses(body: &[u8]) -> bool {
    let has = |name: &str| members(body).any(|one| one.is(body, name));
    !has("messages") && (has("input") || has("previous_response_id") || has("conversation") || has("prompt"))
}

/// The request with the operator's own system prompt before everything else.
pub fn add_system(wire: Wire, body: &[u8], prompt: &str) -> Vec<u8> {
    let prompt = serde_json::Value::from(prompt);
    match wire {
        Wire::Anthropic => set_member(body, "system", |_| prompt.to_string().into_bytes()),
        Wire::OpenAi if is_of_responses(body) => {
            set_member(body, "instructions", |_| prompt.to_string().into_bytes())
        }
        Wire::OpenAi => set_member(body, "messages", |messages| {
            let first = serde_json::json!({"role": "system", "content": prompt}).to_string();
            let messages = messages.unwrap_or(b"[]");
            let inner = messages
                .strip_prefix(b"[")
                .and_then(|rest| rest.strip_suffix(b"]"))
                .unwrap_or_default();
            let comma: &[u8] = if elements(messages).next().is_some() {
                b","
            } else {
                b""
            };
            [b"[", first.as_bytes(), comma, inner, b"]"].concat()
        }),
        Wire::Problem => body.to_vec(),
    }
}
