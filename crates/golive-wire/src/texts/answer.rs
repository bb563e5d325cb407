//! S4: the texts of a whole answer.
//!
//! Never: passes over a field of an answer because it is newer than this code.

use super::{Place, Voice, all_strings, each, member, strings, whole};
use crate::Wire;
use std::ops::Range;

/// The texts of an answer in this format, in the order in which they stand. Arguments of tools are texts of the voice
/// [`Voice::Tool`]: a string that holds JSON, or the JSON itself.
pub fn of_answer(wire: Wire, body: &[u8]) -> Vec<Place> {
    let root = whole(body);
    let mut places = Vec::new();
    let within = match wire {
        Wire::OpenAi => "choices",
        Wire::Anthropic => "content",
        Wire::Problem => return of_agent_answer(body),
    };
    for one in member(body, &root, within)
        .iter()
        .flat_map(|list| each(body, list))
    {
        push(body, one, &mut places);
    }
    if wire == Wire::OpenAi && member(body, &root, "choices").is_none() {
        of_response(body, &root, &mut places);
    }
    places.sort_by_key(|place| place.literal.start);
    places
}

/// The texts of a Responses answer: its output, and what it echoes of the request.
fn of_response(body: &[u8], root: &Range<usize>, places: &mut Vec<Place>) {
    let is_response = |object: Range<usize>| super::read(body, &object) == "response";
    if member(body, root, "object").is_some_and(is_response) {
        push(body, root.clone(), places);
    }
}

/// The texts of an HTTP agent's answer: every string.
pub fn of_agent_answer(body: &[u8]) -> Vec<Place> {
    let mut places = Vec::new();
    all_strings(body, whole(body), &mut |_, literal| {
        places.push(Place {
            voice: Voice::Assistant,
            literal,
        });
    });
    places
}

fn push(body: &[u8], value: Range<usize>, places: &mut Vec<Place>) {
    let is_call = |kind: &Range<usize>| super::read(body, kind).ends_with("tool_use");
    if member(body, &value, "type").as_ref().is_some_and(is_call) {
        places.extend(member(body, &value, "input").map(|literal| Place {
            voice: Voice::Tool,
            literal,
        }));
        return;
    }
    strings(body, value, &mut |name, literal| {
        let voice = match name {
            Some("arguments" | "input") => Voice::Tool,
            _ => Voice::Assistant,
        };
        places.push(Place { voice, literal });
    });
}

/// The probabilities of tokens in an answer, which spell out its text: their values.
pub fn logprobs(body: &[u8]) -> Vec<Range<usize>> {
    let root = whole(body);
    let choices = member(body, &root, "choices");
    let mut found: Vec<_> = choices
        .iter()
        .flat_map(|list| each(body, list))
        .filter_map(|choice| member(body, &choice, "logprobs"))
        .filter(|value| &body[value.clone()] != b"null")
        .collect();
    for item in member(body, &root, "output")
        .iter()
        .flat_map(|list| each(body, list))
    {
        found.extend(of_item(body, &item));
    }
    found
}

/// The probabilities in an item of a Responses answer.
pub(super) fn of_item(body: &[u8], item: &Range<usize>) -> Vec<Range<usize>> {
    let content = member(body, item, "content");
    content
        .iter()
        .flat_map(|list| each(body, list))
        .filter_map(|part| member(body, &part, "logprobs"))
        .filter(|value| !matches!(&body[value.clone()], b"null" | b"[]"))
        .collect()
}
