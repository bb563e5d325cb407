//! S6: the tool calls of a Responses answer, whole and in a stream, where an item's first event holds the name.
//!
//! Never: reads arguments.

use crate::few::Few;
use crate::sse::Event;
use crate::take::{Words, read_object};
use crate::tools::Called;
use serde::Deserialize;
use std::borrow::Cow;

/// What an answer's body calls, in order; `None`: it has no `output` or cannot be read.
pub(crate) fn of_answer(body: &[u8]) -> Option<Vec<Called<'_>>> {
    let (one, many) = read_object::<Answer<'_>>(body)?.output?.into_parts();
    Some(one.into_iter().chain(many).filter_map(Item::called).collect())
}

/// What this event of a stream calls: an item that begins or is whole, and at the end all of them once more.
pub(crate) fn of_event(event: &Event) -> Vec<Called<'_>> {
    let Some(read) = read_object::<Told<'_>>(&event.data) else {
        return Vec::new();
    };
    let (one, many) = read
        .response
        .and_then(|response| response.output)
        .unwrap_or_default()
        .into_parts();
    let all = read.item.into_iter().chain(one).chain(many);
    all.filter_map(Item::called).collect()
}

/// Whether items of this kind call a tool, whoever runs it.
pub(crate) fn is_call(kind: &str) -> bool {
    kind.ends_with("_call") || matches!(kind, "mcp_list_tools" | "mcp_approval_request")
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    output: Option<Few<Item<'a>>>,
}

#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow, default)]
    item: Option<Item<'a>>,
    #[serde(borrow, default)]
    response: Option<Answer<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(borrow, default)]
    name: Words<'a>,
}

impl<'a> Item<'a> {
    fn called(self) -> Option<Called<'a>> {
        let kind = self.kind.0?;
        match &*kind {
            "function_call" | "custom_tool_call" => Some(Called::Caller(self.name.0.unwrap_or_default())),
            kind if kind.starts_with("mcp_") && is_call(kind) => Some(Called::Provider(Cow::Borrowed("mcp"))),
            plain if is_call(plain) => {
                let name = plain.strip_suffix("_call").unwrap_or(plain);
                Some(Called::Provider(Cow::Owned(name.to_owned())))
            }
            _ => None,
        }
    }
}
