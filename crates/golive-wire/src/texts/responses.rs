//! S4: the pieces of text in one event of a Responses stream. A text is told piece by piece, and then again whole in up
//! to four events: each of those is a text of its own, whole at once.
//!
//! Never: passes over a string of an event because its kind is newer than this code.

use super::answer::of_item;
use super::event::{Piece, Spoken, number};
use super::{each, member, strings};
use std::ops::Range;

/// The pieces of an event of this type.
pub(super) fn of_event(data: &[u8], root: &Range<usize>, kind: &str) -> Spoken {
    let mut spoken = Spoken::default();
    let kind = kind.strip_prefix("response.").unwrap_or(kind);
    let place = |name: &str| number(data, root, name);
    let item = place("output_index").unwrap_or(0);
    let part = place("content_index")
        .or_else(|| place("summary_index"))
        .unwrap_or(0);
    if let Some(text) = kind.strip_suffix(".delta") {
        let arguments = is_of_call(text);
        if let Some(delta) = member(data, root, "delta") {
            strings(data, delta, &mut |name, literal| {
                let name = name.unwrap_or_default();
                spoken.pieces.push(Piece {
                    of: format!("{item}/{part}/{text}/{name}"),
                    arguments,
                    literal,
                });
            });
        }
        spoken.logprobs = filled(data, member(data, root, "logprobs"));
        return spoken;
    }
    match kind {
        kind if kind.ends_with(".done") => {
            let text = kind.trim_end_matches(".done");
            spoken.over.push(match text {
                "output_item" => format!("{item}/"),
                "content_part" | "reasoning_summary_part" => format!("{item}/{part}/"),
                text => format!("{item}/{part}/{text}/"),
            });
        }
        "completed" | "failed" | "incomplete" | "cancelled" | "error" => spoken.over.push(String::new()),
        _ => {}
    }
    whole_texts(data, root, &mut spoken);
    spoken
}

/// Everything else that an event says is whole in it.
fn whole_texts(data: &[u8], root: &Range<usize>, spoken: &mut Spoken) {
    let mut count = 0;
    strings(data, root.clone(), &mut |name, literal| {
        count += 1;
        spoken.pieces.push(Piece {
            of: format!("whole/{count}"),
            arguments: matches!(name, Some("arguments" | "input")),
            literal,
        });
    });
    if count > 0 {
        spoken.over.push("whole/".to_owned());
    }
    let response = member(data, root, "response");
    let output = response.and_then(|response| member(data, &response, "output"));
    let items = output.iter().flat_map(|list| each(data, list));
    for item in items.chain(member(data, root, "item")) {
        spoken.logprobs.extend(of_item(data, &item));
    }
    let part = member(data, root, "part").and_then(|part| member(data, &part, "logprobs"));
    spoken.logprobs.extend(filled(data, part));
    spoken
        .logprobs
        .extend(filled(data, member(data, root, "logprobs")));
}

fn filled(data: &[u8], value: Option<Range<usize>>) -> Vec<Range<usize>> {
    let says_something = |value: &Range<usize>| !matches!(&data[value.clone()], b"null" | b"[]");
    value.into_iter().filter(says_something).collect()
}

/// What is said to a tool and not to a reader.
fn is_of_call(text: &str) -> bool {
    text.ends_with("_arguments") || text.ends_with("_input") || text.contains("_call_")
}
