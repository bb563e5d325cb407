//! S4: the pieces of text in one event of a stream, each with the text that it is a piece of.
//!
//! Never: takes two texts for one: pieces of different choices, blocks, calls and fields are kept apart.

use super::{all_strings, each, member, read, strings, whole};
use crate::Wire;
use crate::edit::members;
use std::ops::Range;

/// What an event brings for a screen of text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spoken {
    /// Each piece: the text it belongs to, whether that is a tool's arguments, and its literal in the event's data.
    pub pieces: Vec<Piece>,
    /// Texts that begin with this are whole now; an empty one: all of them.
    pub over: Vec<String>,
    /// Probabilities of tokens, which repeat the text: their values in the data.
    pub logprobs: Vec<Range<usize>>,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Which text: `0/content`, `0/tool_calls/1/arguments`, `2/text`.
    pub of: String,
    /// It is a part of the arguments of a tool call.
    pub arguments: bool,
    /// The string's literal in the event's data, with its quotes.
    pub literal: Range<usize>,
}

/// The pieces of an event in this format.
pub fn of_event(wire: Wire, data: &[u8]) -> Spoken {
    match wire {
        Wire::OpenAi => openai(data),
        Wire::Anthropic => anthropic(data),
        Wire::Problem => of_agent_event(data),
    }
}

/// The pieces of an HTTP agent's event: every string, by the member it stands in.
pub fn of_agent_event(data: &[u8]) -> Spoken {
    let mut spoken = Spoken::default();
    all_strings(data, whole(data), &mut |name, literal| {
        spoken.pieces.push(Piece {
            of: name.unwrap_or_default().to_owned(),
            arguments: false,
            literal,
        });
    });
    spoken
}

fn push(data: &[u8], value: Range<usize>, of: &str, spoken: &mut Spoken) {
    strings(data, value, &mut |name, literal| {
        let name = name.unwrap_or_default();
        spoken.pieces.push(Piece {
            of: format!("{of}{name}"),
            arguments: matches!(name, "arguments" | "partial_json" | "input"),
            literal,
        });
    });
}

fn openai(data: &[u8]) -> Spoken {
    let mut spoken = Spoken::default();
    if data.trim_ascii() == b"[DONE]" {
        spoken.over.push(String::new());
        return spoken;
    }
    let root = whole(data);
    let choices = member(data, &root, "choices");
    if choices.is_none()
        && let Some(kind) = member(data, &root, "type")
    {
        return super::responses::of_event(data, &root, &read(data, &kind));
    }
    for (place, choice) in choices.iter().flat_map(|list| each(data, list)).enumerate() {
        let number = number(data, &choice, "index").unwrap_or(place as u64);
        if let Some(probabilities) =
            member(data, &choice, "logprobs").filter(|value| &data[value.clone()] != b"null")
        {
            spoken.logprobs.push(probabilities);
        }
        let text = &data[choice.clone()];
        for one in members(text) {
            let value = one.value.start + choice.start..one.value.end + choice.start;
            if one.is(text, "delta") || one.is(text, "message") {
                delta(data, &value, number, &mut spoken);
            } else if one.is(text, "text") {
                push(data, value, &format!("{number}/text/"), &mut spoken);
            } else if one.is(text, "finish_reason") && data[value.clone()].starts_with(b"\"") {
                spoken.over.push(format!("{number}/"));
            }
        }
    }
    spoken
}

fn delta(data: &[u8], delta: &Range<usize>, choice: u64, spoken: &mut Spoken) {
    let text = &data[delta.clone()];
    for one in members(text) {
        let name = read(text, &one.name);
        let value = one.value.start + delta.start..one.value.end + delta.start;
        match &*name {
            "role" => {}
            // What was said before a call is whole.
            "tool_calls" if data[value.start] == b'[' => {
                if !each(data, &value).is_empty() {
                    spoken.over.push(format!("{choice}/content/"));
                }
                for (place, call) in each(data, &value).into_iter().enumerate() {
                    let index = number(data, &call, "index").unwrap_or(place as u64);
                    for kind in ["function", "custom"] {
                        if let Some(inner) = member(data, &call, kind) {
                            push_call(data, &inner, &format!("{choice}/tool_calls/{index}/"), spoken);
                        }
                    }
                }
            }
            "content" => {
                if data[value.start] == b'"' && value.len() > 2 {
                    spoken.over.push(format!("{choice}/reasoning"));
                }
                push(data, value, &format!("{choice}/content/"), spoken);
            }
            "function_call" => push_call(data, &value, &format!("{choice}/function_call/"), spoken),
            _ => push(data, value, &format!("{choice}/{name}/"), spoken),
        }
    }
}

/// Only what is said to the tool: its name is the guard's.
fn push_call(data: &[u8], call: &Range<usize>, of: &str, spoken: &mut Spoken) {
    for name in ["arguments", "input"] {
        if let Some(value) = member(data, call, name).filter(|value| data[value.start] == b'"') {
            spoken.pieces.push(Piece {
                of: format!("{of}{name}"),
                arguments: true,
                literal: value,
            });
        }
    }
}

fn anthropic(data: &[u8]) -> Spoken {
    let mut spoken = Spoken::default();
    let root = whole(data);
    let kind = member(data, &root, "type");
    let index = number(data, &root, "index").unwrap_or(0);
    match kind.map(|kind| read(data, &kind)).as_deref() {
        Some("content_block_start") => {
            if let Some(block) = member(data, &root, "content_block") {
                let text = &data[block.clone()];
                for one in members(text).filter(|one| !one.is(text, "name") && !one.is(text, "input")) {
                    let value = one.value.start + block.start..one.value.end + block.start;
                    let name = read(text, &one.name);
                    if !super::NO_TEXT.contains(&&*name) {
                        push(data, value, &format!("{index}/"), &mut spoken);
                    }
                }
                named(&mut spoken, data, &block, index);
            }
        }
        Some("content_block_delta") => {
            if let Some(delta) = member(data, &root, "delta") {
                push(data, delta, &format!("{index}/"), &mut spoken);
            }
        }
        Some("content_block_stop") => spoken.over.push(format!("{index}/")),
        Some("message_delta" | "message_stop") => spoken.over.push(String::new()),
        _ => {}
    }
    spoken
}

/// A string that a block begins with is the beginning of its text.
fn named(spoken: &mut Spoken, data: &[u8], block: &Range<usize>, index: u64) {
    for name in ["text", "thinking"] {
        let Some(value) = member(data, block, name) else {
            continue;
        };
        for piece in &mut spoken.pieces {
            if piece.literal == value {
                piece.of = format!("{index}/{name}");
            }
        }
    }
}

pub(super) fn number(data: &[u8], object: &Range<usize>, name: &str) -> Option<u64> {
    let value = member(data, object, name)?;
    std::str::from_utf8(&data[value]).ok()?.trim().parse().ok()
}
