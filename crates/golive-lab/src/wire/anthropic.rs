//! Anthropic's messages as the lab reads and writes them.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::answer::Event;
use crate::model::Reply;
use crate::script::Usage;
use crate::wire::conversation::Conversation;
use crate::wire::{Asked, Envelope, Refused};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    system: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    max_tokens: Option<u64>,
    stream: Option<bool>,
}

/// Reads a request. `max_tokens` is required, as at the real provider.
pub(crate) fn read(body: &[u8]) -> Result<Asked<'_>, Refused> {
    let body: Body<'_> = serde_json::from_slice(body)?;
    let messages = body.messages.filter(|raw| raw.get().starts_with('['));
    body.max_tokens.ok_or(Refused::Missing("max_tokens"))?;
    Ok(Asked {
        model: body.model.ok_or(Refused::Missing("model"))?,
        stream: body.stream.unwrap_or(false),
        include_usage: false,
        conversation: Conversation {
            messages: Some(messages.ok_or(Refused::Missing("messages"))?),
            system: body.system,
            tools: body.tools,
        },
    })
}

/// The whole answer.
pub(crate) fn whole(envelope: &Envelope<'_>, reply: &Reply) -> Bytes {
    let content = match &reply.tool {
        None => json!([{"type": "text", "text": reply.text}]),
        Some(tool) => {
            // Arguments are an object here; a text that is none is what the model would have meant by it.
            let input: Value = serde_json::from_str(&tool.arguments).unwrap_or_else(|_| json!({}));
            json!([{"type": "tool_use", "id": format!("toolu_{}", envelope.nonce), "name": tool.name, "input": input}])
        }
    };
    let message = json!({
        "id": format!("msg_{}", envelope.nonce), "type": "message", "role": "assistant", "model": envelope.model,
        "content": content, "stop_reason": stop_reason(reply), "stop_sequence": null,
        "usage": usage(reply.usage, reply.usage.output),
    });
    message.to_string().into()
}

/// The events of a stream, in the documented order with a ping after the first.
pub(crate) fn stream(envelope: &Envelope<'_>, reply: &Reply) -> Vec<Event> {
    let start = json!({"type": "message_start", "message": {
        "id": format!("msg_{}", envelope.nonce), "type": "message", "role": "assistant", "model": envelope.model,
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage(reply.usage, 1),
    }});
    let block = match &reply.tool {
        None => json!({"type": "text", "text": ""}),
        Some(tool) => json!({"type": "tool_use", "id": format!("toolu_{}", envelope.nonce),
                             "name": tool.name, "input": {}}),
    };
    let mut events = vec![
        event("message_start", &start, false),
        event("ping", &json!({"type": "ping"}), false),
        event(
            "content_block_start",
            &json!({"type": "content_block_start", "index": 0, "content_block": block}),
            false,
        ),
    ];
    let delta = |delta: Value| {
        event(
            "content_block_delta",
            &json!({"type": "content_block_delta", "index": 0, "delta": delta}),
            true,
        )
    };
    match &reply.tool {
        None => {
            let text = |piece| delta(json!({"type": "text_delta", "text": piece}));
            events.extend(reply.pieces().map(text));
        }
        Some(tool) => {
            let json = |piece| delta(json!({"type": "input_json_delta", "partial_json": piece}));
            events.extend(reply.argument_pieces(tool).into_iter().map(json));
        }
    }
    let ending = json!({"type": "message_delta",
        "delta": {"stop_reason": stop_reason(reply), "stop_sequence": null},
        "usage": {"output_tokens": reply.usage.output}});
    events.push(event(
        "content_block_stop",
        &json!({"type": "content_block_stop", "index": 0}),
        false,
    ));
    events.push(event("message_delta", &ending, false));
    events.push(event("message_stop", &json!({"type": "message_stop"}), false));
    events
}

/// The `type` of an error object (reference/anthropic-api.md, "Errors").
pub(crate) fn error_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn event(name: &str, data: &Value, text: bool) -> Event {
    Event {
        bytes: format!("event: {name}\ndata: {data}\n\n").into(),
        text,
    }
}

/// Here the input excludes what was read from a cache.
fn usage(usage: Usage, output: u64) -> Value {
    json!({
        "input_tokens": usage.input - usage.cached, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached, "output_tokens": output, "service_tier": "standard",
    })
}

fn stop_reason(reply: &Reply) -> &'static str {
    if reply.tool.is_some() {
        "tool_use"
    } else if reply.refused {
        "refusal"
    } else {
        "end_turn"
    }
}
