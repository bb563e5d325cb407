//! A plain HTTP agent as the lab plays it: `{"message": "…"}` in, `{"reply": "…", "nonce": "…"}` out.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::answer::Event;
use crate::model::Reply;
use crate::wire::conversation::Conversation;
use crate::wire::{Asked, Envelope, Refused};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    stream: Option<bool>,
}

/// Reads a request. It streams if the body says so or the client accepts nothing but events.
pub(crate) fn read<'a>(body: &'a [u8], headers: &http::HeaderMap) -> Result<Asked<'a>, Refused> {
    let body: Body<'a> = serde_json::from_slice(body)?;
    let accepts = headers
        .get(http::header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let accepts_events = accepts.is_some_and(|accept| accept.trim().starts_with("text/event-stream"));
    Ok(Asked {
        model: body.model.unwrap_or(Cow::Borrowed("agent")),
        stream: body.stream.unwrap_or(accepts_events),
        include_usage: false,
        conversation: Conversation {
            messages: Some(body.message.ok_or(Refused::Missing("message"))?),
            ..Conversation::default()
        },
    })
}

/// The whole answer.
pub(crate) fn whole(envelope: &Envelope<'_>, reply: &Reply) -> Bytes {
    let mut answer = json!({"reply": reply.text, "nonce": envelope.nonce});
    if let Some(tool) = &reply.tool {
        answer["tool_call"] = json!({"name": tool.name, "arguments": tool.arguments});
    }
    answer.to_string().into()
}

/// The events of a stream.
pub(crate) fn stream(_: &Envelope<'_>, reply: &Reply) -> Vec<Event> {
    let event = |data: serde_json::Value, text| Event {
        bytes: format!("data: {data}\n\n").into(),
        text,
    };
    let mut events: Vec<Event> = reply
        .pieces()
        .map(|piece| event(json!({"delta": piece}), true))
        .collect();
    if let Some(tool) = &reply.tool {
        events.push(event(
            json!({"tool_call": {"name": tool.name, "arguments": tool.arguments}}),
            false,
        ));
    }
    events.push(Event {
        bytes: Bytes::from_static(b"data: [DONE]\n\n"),
        text: false,
    });
    events
}
