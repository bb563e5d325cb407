//! S6: the tool calls of an answer, whole and in a stream, where a block's first event holds the name.
//!
//! Never: reads input.

use crate::few::Few;
use crate::sse::Event;
use crate::take::{Words, read_object};
use crate::tools::Called;
use serde::Deserialize;
use std::borrow::Cow;

/// What an answer's body calls, in order; `None`: it cannot be read.
pub(crate) fn of_answer(body: &[u8]) -> Option<Vec<Called<'_>>> {
    let answer = read_object::<Answer<'_>>(body)?;
    let (one, many) = answer.content.unwrap_or_default().into_parts();
    Some(one.into_iter().chain(many).filter_map(Block::called).collect())
}

/// What this event of a stream begins to call.
pub(crate) fn of_event(event: &Event) -> Option<Called<'_>> {
    read_object::<Start<'_>>(&event.data)?.content_block?.called()
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    content: Option<Few<Block<'a>>>,
}

#[derive(Deserialize)]
struct Start<'a> {
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(borrow, default)]
    name: Words<'a>,
}

impl<'a> Block<'a> {
    fn called(self) -> Option<Called<'a>> {
        let kind = self.kind.0?;
        let name = self.name.0.unwrap_or_default();
        match &*kind {
            "tool_use" => Some(Called::Caller(name)),
            "mcp_tool_use" => Some(Called::Provider(Cow::Borrowed("mcp"))),
            kind if kind.ends_with("tool_use") => Some(Called::Provider(name)),
            _ => None,
        }
    }
}
