//! P2, E4: one request as it goes to one link: in its format, under its model's name, with the headers that may pass.
//!
//! Never: forwards a header that is not on the list, or drops a parameter in silence.

use std::sync::Arc;

use bytes::Bytes;
use golive_wire::translate::{self, Refusal};
use golive_wire::{Wire, openai};
use http::header::{self, HeaderValue};
use http::{Method, Request};
use http_body_util::Full;

use super::Trip;
use crate::call::Call;
use crate::names;
use crate::upstream::hop::Hop;

/// Whether the answer of this link is asked for as a stream.
pub(super) fn streams(call: &Call, trip: &Trip, hop: &Hop) -> bool {
    call.stream
        && (hop.wire() != Wire::Problem || trip.route.pointers.as_ref().is_some_and(|p| p.stream.is_some()))
}

/// The request for this link.
///
/// # Errors
/// It holds what the link's format cannot express.
pub(super) fn of(call: &mut Call, trip: &Trip, hop: &Hop) -> Result<Request<Full<Bytes>>, Refusal> {
    let stream = streams(call, trip, hop);
    let body = body(call, trip, hop, stream)?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    if let Some(door) = hop.door(call.surface.work()) {
        *request.uri_mut() = door.uri.clone(); // the way holds only links that have one
    }
    let out = request.headers_mut();
    let same_format = hop.wire() == call.surface.wire();
    if same_format {
        let common = [
            &header::CONTENT_TYPE,
            &names::ANTHROPIC_VERSION,
            &names::ANTHROPIC_BETA,
            &names::OPENAI_BETA,
        ];
        for name in common {
            for value in trip.headers.get_all(name) {
                out.append(name, value.clone());
            }
        }
    } else {
        // The caller's describe a body and versions of another format.
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for name in &hop.link.forward {
        for value in trip.headers.get_all(name) {
            out.append(name, value.clone());
        }
    }
    let accept = if stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    out.insert(header::ACCEPT, HeaderValue::from_static(accept));
    out.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    out.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("golive/", env!("CARGO_PKG_VERSION"))),
    );
    if let Ok(value) = HeaderValue::from_str(&call.trace.traceparent()) {
        out.insert(&names::TRACEPARENT, value);
    }
    if let Some(value) = call
        .trace
        .state
        .as_deref()
        .and_then(|state| HeaderValue::from_str(state).ok())
    {
        out.insert(&names::TRACESTATE, value);
    }
    if let Ok(value) = HeaderValue::from_str(&upstream_key(call, trip, hop)) {
        out.insert(&names::IDEMPOTENCY_KEY, value);
    }
    hop.link.sign(out);
    Ok(request)
}

/// The one key of all attempts of a request: its own id, never the caller's text. Only where two models of one upstream
/// stand in the chain has the second one another: the upstream would meet one key with two bodies.
fn upstream_key(call: &Call, trip: &Trip, hop: &Hop) -> String {
    let hops = &trip.route.hops;
    let mut id = call.id.to_string();
    let first = hops.iter().find(|other| Arc::ptr_eq(&other.link, &hop.link));
    if first.is_some_and(|first| first.model != hop.model)
        && let Some(place) = hops
            .iter()
            .position(|other| Arc::ptr_eq(&other.link, &hop.link) && other.model == hop.model)
    {
        id.push('-');
        id.push_str(itoa::Buffer::new().format(place + 1));
    }
    id
}

fn body(call: &mut Call, trip: &Trip, hop: &Hop, stream: bool) -> Result<Bytes, Refusal> {
    let (from, to) = (call.surface.wire(), hop.wire());
    let mut body = trip.body.clone();
    if from != to {
        let translated = translate::request(from, to, &body, &trip.route.translation)?;
        call.lost(&translated.warnings, &translated.dropped);
        body = translated.body.into();
    } else if to == Wire::Anthropic
        && let Some(without) = translate::without_unsigned_thinking(&body)
    {
        body = without.into();
    }
    if let Some(model) = hop.model.as_deref()
        && (from != to || model != trip.ask.model)
    {
        body = golive_wire::replace_model(&body, model).into();
    }
    if to == Wire::OpenAi && stream && (from != to || !trip.ask.include_usage) {
        body = openai::chat::with_include_usage(&body).into();
    }
    Ok(body)
}
