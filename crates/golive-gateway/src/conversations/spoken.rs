//! E3, E1: a sentence of golive's own as the agent's answer, in the caller's wire format, whole or as a stream.
//!
//! Never: looks like an error to a client that would then ask again, or like the agent's own words to one that looks
//! at the headers.

use bytes::Bytes;
use golive_wire::usage::Usage;
use golive_wire::{Wire, anthropic, openai};
use http::Response;
use http::header::{self, HeaderValue};
use serde_json::{Value, json};

use crate::body::Body;
use crate::call::{Call, Outcome};
use crate::reply;

/// Why an answer is not the agent's: the value of `golive-degraded`.
const ESCALATED: &str = "escalated";

/// Answers with `text` and ends the trip.
pub(crate) async fn speak(mut call: Box<Call>, text: &str, outcome: Outcome) -> Response<Body> {
    let stream = call.stream;
    let include_usage = call.conversation.as_ref().is_some_and(|held| held.include_usage);
    let body = said(&call, text, stream, include_usage);
    call.bytes_out = body.len() as u64;
    call.settle_tokens(&outcome); // before the headers, which tell what is left
    let mut response = Response::new(Body::whole(body.clone()));
    let headers = response.headers_mut();
    let kind = if stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("golive-degraded", HeaderValue::from_static(ESCALATED));
    reply::put_call_headers(headers, &call);
    let (wire, id) = (call.surface.wire(), call.id.to_string());
    match call.settle(&outcome, 200).await {
        Ok(()) => response,
        Err(refusal) => reply::bare_error(wire, &reply::unrecorded(&refusal), &id),
    }
}

fn said(call: &Call, text: &str, stream: bool, include_usage: bool) -> Bytes {
    let model = call.route.as_ref().map_or("", |route| route.callee.name.as_str());
    let created = call.at.0 / 1_000_000;
    let id = call.id.simple();
    let nothing = Usage {
        input: Some(0),
        output: Some(0),
        ..Usage::default()
    };
    match call.surface.wire() {
        Wire::OpenAi => {
            let id = format!("chatcmpl-{id}");
            if !stream {
                return openai::build::chat_completion(&openai::build::Reply {
                    id: &id,
                    created,
                    model,
                    text: Some(text),
                    finish_reason: "stop",
                    usage: Some(nothing),
                    ..openai::build::Reply::default()
                })
                .into();
            }
            let head = openai::build::ChunkHead {
                id: &id,
                created,
                model,
                include_usage,
            };
            let mut out = vec![
                openai::build::chunk(&head, openai::build::Delta::Role),
                openai::build::chunk(&head, openai::build::Delta::Content(text)),
                openai::build::chunk(&head, openai::build::Delta::Finish("stop")),
            ];
            if include_usage {
                out.push(openai::build::usage_chunk(&head, nothing));
            }
            out.push(openai::build::done());
            out.concat().into()
        }
        Wire::Anthropic => {
            let id = format!("msg_{id}");
            let reply = anthropic::build::Reply {
                id: &id,
                model,
                text: Some(text),
                stop_reason: Some("end_turn"),
                usage: nothing,
                ..anthropic::build::Reply::default()
            };
            if !stream {
                return anthropic::build::message(&reply).into();
            }
            [
                anthropic::build::message_start(&reply),
                anthropic::build::text_start(0),
                anthropic::build::text_delta(0, text),
                anthropic::build::block_stop(0),
                anthropic::build::message_delta("end_turn", 0),
                anthropic::build::message_stop(),
            ]
            .concat()
            .into()
        }
        Wire::Problem => agents(call, text, stream),
    }
}

/// An HTTP agent's answer, with the text where its pointers say.
fn agents(call: &Call, text: &str, stream: bool) -> Bytes {
    let pointers = call.route.as_ref().and_then(|route| route.pointers.as_ref());
    let place = pointers.map(|pointers| match (&pointers.stream, stream) {
        (Some(streamed), true) => streamed,
        _ => &pointers.output,
    });
    let mut body = json!({});
    let put = place.map(|place| place.set(&mut body, Value::from(text)));
    if !matches!(put, Some(Ok(()))) {
        // A pointer into an array has no place in an empty object.
        body = json!({ "message": text });
    }
    if stream {
        format!("data: {body}\n\n").into()
    } else {
        body.to_string().into()
    }
}
