//! S3, S4, S8: where text stands in a request, an answer and a streamed event, so that a screen can read it and put
//! other text in its place.
//!
//! Every string is found, also in fields that are newer than this code; left out are only the ones that are no text:
//! kinds, ids, names, addresses, signatures and bytes in base64.
//!
//! Never: decides what a text is, changes a byte outside of the strings that are replaced, or recurses without a bound.

mod answer;
mod dialogue;
mod event;
mod media;
mod request;
mod responses;

pub use answer::{logprobs, of_agent_answer, of_answer};
pub use dialogue::{Turn, last_turns, said_first, said_now};
pub use event::{Piece, Spoken, of_agent_event, of_event};
pub use media::{Holds, Media, media};
pub use request::{add_system, of_agent_request, of_request, speaks_for_the_operator};

use crate::edit::{elements, members};
use std::borrow::Cow;
use std::ops::Range;

/// Who speaks in a text: what it may ask for depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Voice {
    /// The person, or whoever calls.
    User,
    /// The model, in an earlier turn.
    Assistant,
    /// The operator: system and developer messages, descriptions of tools.
    System,
    /// What a tool gave back.
    Tool,
    /// A document, a file or a search result that was handed in.
    Document,
}

/// One text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Who speaks.
    pub voice: Voice,
    /// The string's literal in the body, with its quotes; of a tool's arguments that stand there as JSON, the object.
    pub literal: Range<usize>,
}

/// The text of a literal, escapes resolved. What cannot be read is empty: strict parsing has seen the body before.
pub fn read<'a>(body: &'a [u8], literal: &Range<usize>) -> Cow<'a, str> {
    let quoted = body.get(literal.clone()).unwrap_or_default();
    let inner = quoted
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or_default();
    if memchr::memchr(b'\\', inner).is_none() {
        return std::str::from_utf8(inner).map(Cow::Borrowed).unwrap_or_default();
    }
    serde_json::from_slice::<String>(quoted)
        .map(Cow::Owned)
        .unwrap_or_default()
}

/// What stands in the place of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum New<'a> {
    /// A string with this text.
    Text(Cow<'a, str>),
    /// This JSON.
    Json(Cow<'a, str>),
}

impl New<'_> {
    /// Nothing.
    pub const NULL: Self = New::Json(Cow::Borrowed("null"));
}

/// The body with other values in these places, which are in order and apart.
pub fn replace(body: &[u8], changes: &[(Range<usize>, New<'_>)]) -> Vec<u8> {
    let grown: usize = changes
        .iter()
        .map(|(_, new)| match new {
            New::Text(text) | New::Json(text) => text.len() + 8,
        })
        .sum();
    let mut out = Vec::with_capacity(body.len() + grown);
    let mut copied = 0;
    for (literal, new) in changes {
        if literal.start < copied || literal.end > body.len() {
            continue; // a caller's mistake changes nothing else
        }
        out.extend_from_slice(&body[copied..literal.start]);
        match new {
            // a string always serialises
            New::Text(text) => out.extend_from_slice(&serde_json::to_vec(text.as_ref()).unwrap_or_default()),
            New::Json(json) => out.extend_from_slice(json.as_bytes()),
        }
        copied = literal.end;
    }
    out.extend_from_slice(&body[copied..]);
    out
}

/// The deepest nesting that is walked; bodies are held to less before.
const DEPTH_MAX: usize = 200;

/// Members whose strings are no text, wherever they stand.
const NO_TEXT: &[&str] = &[
    "type",
    "role",
    "id",
    "index",
    "object",
    "model",
    "tool_call_id",
    "tool_use_id",
    "call_id",
    "file_id",
    "container_id",
    "item_id",
    "finish_reason",
    "stop_reason",
    "native_finish_reason",
    "system_fingerprint",
    "service_tier",
    "media_type",
    "mime_type",
    "format",
    "detail",
    "cache_control",
    "signature",
    "thought_signature",
    "encrypted_content",
    "encrypted_index",
    "logprobs",
];

/// Members that hold whatever their author wanted: there an `id` is text as everything else.
const FREE: &[&str] = &["input", "arguments"];

/// Called for a string, with the name of the member it stands in, if any.
type Found<'f> = &'f mut dyn FnMut(Option<&str>, Range<usize>);

/// Finds each string value inside `value`. Members that hold no text are passed over.
fn strings(body: &[u8], value: Range<usize>, found: Found<'_>) {
    strings_within(body, value, (None, true), 0, found);
}

/// The same with every member taken for text.
fn all_strings(body: &[u8], value: Range<usize>, found: Found<'_>) {
    strings_within(body, value, (None, false), 0, found);
}

fn strings_within(
    body: &[u8],
    value: Range<usize>,
    (name, formed): (Option<&str>, bool),
    depth: usize,
    found: Found<'_>,
) {
    let text = &body[value.clone()];
    match text.first() {
        Some(b'"') => found(name, value),
        Some(b'{') if depth < DEPTH_MAX => {
            for member in members(text) {
                let name = read(text, &member.name);
                let inner = shifted(&member.value, value.start);
                // A word, or an object with a schema and its descriptions.
                let is_schema = name == "format" && body[inner.start] == b'{';
                if formed && NO_TEXT.contains(&&*name) && !is_schema {
                    continue;
                }
                let formed = formed && !FREE.contains(&&*name);
                strings_within(body, inner, (Some(&name), formed), depth + 1, found);
            }
        }
        Some(b'[') if depth < DEPTH_MAX => {
            for element in elements(text) {
                strings_within(
                    body,
                    shifted(&element, value.start),
                    (name, formed),
                    depth + 1,
                    found,
                );
            }
        }
        _ => {}
    }
}

fn shifted(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

/// The value of the member of that name in the object at `value`; the last one, as most readers take it.
fn member(body: &[u8], value: &Range<usize>, name: &str) -> Option<Range<usize>> {
    let text = &body[value.clone()];
    members(text)
        .filter(|member| member.is(text, name))
        .last()
        .map(|member| shifted(&member.value, value.start))
}

/// The values of the array at `value`, or the value itself where it is none.
fn each(body: &[u8], value: &Range<usize>) -> Vec<Range<usize>> {
    let text = &body[value.clone()];
    match text.first() {
        Some(b'[') => elements(text).map(|one| shifted(&one, value.start)).collect(),
        Some(_) => vec![value.clone()],
        None => Vec::new(),
    }
}

fn whole(body: &[u8]) -> Range<usize> {
    let start = body.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let trimmed = body.trim_ascii();
    start..start + trimmed.len()
}
