//! S6: the tool calls of an answer, whole and in pieces.
//!
//! Never: reads arguments.

use crate::few::Few;
use crate::sse::Event;
use crate::take::{Filled, Scalar, Words, read_object};
use crate::tools::Called;
use serde::Deserialize;
use std::borrow::Cow;

/// What an answer's body calls, in order, that of a Responses answer too; `None`: it cannot be read. A call without a name has an empty one.
pub(crate) fn of_answer(body: &[u8]) -> Option<Vec<Called<'_>>> {
    let answer = read_object::<Answer<'_>>(body)?;
    let items = super::responses::calls::of_answer(body).unwrap_or_default();
    let (one, many) = answer.choices.unwrap_or_default().into_parts();
    let mut called = Vec::new();
    for message in one.into_iter().chain(many).filter_map(|choice| choice.message) {
        let (one, many) = message.tool_calls.unwrap_or_default().into_parts();
        called.extend(
            one.into_iter()
                .chain(many)
                .map(|call| call.name().unwrap_or_default()),
        );
        if let Some(call) = message.function_call {
            called.push(call.name.0.unwrap_or_default());
        }
    }
    Some(called.into_iter().map(Called::Caller).chain(items).collect())
}

/// A piece of a call in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) choice: u64,
    /// The call's place; the older `function_call` has one of its own.
    pub(crate) index: u64,
    pub(crate) id: Option<Cow<'a, str>>,
    /// A part of the name.
    pub(crate) name: Option<Cow<'a, str>>,
    /// Whether arguments have begun.
    pub(crate) arguments: bool,
}

/// The pieces of one event; `None`: they cannot be read.
pub(crate) fn pieces(event: &Event) -> Option<Vec<Piece<'_>>> {
    let chunk: Chunk<'_> = read_object(event.data.trim_ascii())?;
    let (one, many) = chunk.choices.unwrap_or_default().into_parts();
    let mut pieces = Vec::new();
    for (place, choice) in one.into_iter().chain(many).enumerate() {
        let number = choice.index.count().unwrap_or(place as u64);
        let Some(delta) = choice.delta else { continue };
        let (one, many) = delta.tool_calls.unwrap_or_default().into_parts();
        for (place, call) in one.into_iter().chain(many).enumerate() {
            pieces.push(Piece {
                choice: number,
                index: call.index.count().unwrap_or(place as u64),
                arguments: call.has_arguments(),
                id: call.id.0.clone(),
                name: call.name(),
            });
        }
        if let Some(call) = delta.function_call {
            pieces.push(Piece {
                choice: number,
                index: u64::MAX,
                id: None,
                arguments: call.arguments.0,
                name: call.name.0,
            });
        }
    }
    Some(pieces)
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    choices: Option<Few<Choice<'a>>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    message: Option<Calls<'a>>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    choices: Option<Few<Part<'a>>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    index: Scalar<'a>,
    #[serde(borrow, default)]
    delta: Option<Calls<'a>>,
}

#[derive(Deserialize)]
struct Calls<'a> {
    #[serde(borrow, default)]
    tool_calls: Option<Few<Call<'a>>>,
    #[serde(borrow, default)]
    function_call: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    index: Scalar<'a>,
    #[serde(borrow, default)]
    id: Words<'a>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
    #[serde(borrow, default)]
    custom: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Words<'a>,
    #[serde(default)]
    arguments: Filled,
    #[serde(default)]
    input: Filled,
}

impl<'a> Call<'a> {
    fn has_arguments(&self) -> bool {
        [&self.function, &self.custom]
            .into_iter()
            .flatten()
            .any(|one| one.arguments.0 || one.input.0)
    }

    /// A call that names two functions names none.
    fn name(self) -> Option<Cow<'a, str>> {
        let [function, custom] = [self.function, self.custom].map(|one| one.and_then(|one| one.name.0));
        match (function, custom) {
            (Some(_), Some(_)) => Some(Cow::Borrowed("")),
            (one, other) => one.or(other),
        }
    }
}
