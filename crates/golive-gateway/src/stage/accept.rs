//! S3: the head of a request: which door it came to, by which method, under which trace.
//!
//! A path is matched as it stands: no case folding, no decoding, no dot segments, no trailing slash. Whatever is
//! not a door of golive's is refused before anybody is identified.

use std::sync::Arc;

use golive_wire::{ApiError, Wire};
use http::{HeaderMap, Method, Request, header};
use uuid::Uuid;

use crate::auth;
use crate::auth::failure::Failure;
use crate::call::{Call, Surface};
use crate::conversations::surface::Asked;
use crate::gateway::Gateway;
use crate::names;
use crate::trace::TraceContext;

/// The longest request id of a caller that is kept.
const CLIENT_REQUEST_ID_MAX: usize = 128;

/// A request whose door is known. Made only here.
pub struct Accepted<B> {
    pub(super) call: Box<Call>,
    pub(super) headers: HeaderMap,
    pub(super) body: B,
}

/// A request that came to no door: what to tell, and in which wire format.
#[derive(Debug)]
pub struct NoDoor {
    /// The format guessed from the request.
    pub wire: Wire,
    /// What the caller is told.
    pub error: ApiError,
}

/// Finds the door.
///
/// # Errors
/// Unknown path, wrong method, or a credential in the query.
pub fn run<B>(gateway: &Arc<Gateway>, id: Uuid, request: Request<B>) -> Result<Accepted<B>, Box<NoDoor>> {
    let (head, body) = request.into_parts();
    let mut surface = door(&head.method, head.uri.path(), asked_wire(&head.headers))?;
    if let Surface::Conversation(asked) = &mut surface {
        reach(asked, head.uri.query(), &head.headers);
    }
    if auth::credential_in_query(head.uri.query()) {
        gateway.metrics.unauthenticated(Failure::InQuery);
        let error = ApiError::new(
            401,
            "credential_in_query",
            "A credential in the URL ends up in logs and is never accepted. Send it as `Authorization: Bearer` or `x-api-key`, and replace this one.",
        );
        return Err(Box::new(NoDoor {
            wire: surface.wire(),
            error,
        }));
    }
    let trace = TraceContext::from_headers(&head.headers);
    let mut call = Call::begin(Arc::clone(gateway), id, surface, gateway.now(), trace);
    call.client_request_id = head
        .headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .filter(|text| text.len() <= CLIENT_REQUEST_ID_MAX && text.bytes().all(|b| b.is_ascii_graphic()))
        .map(str::to_owned);
    call.accept_language = head.headers.get(header::ACCEPT_LANGUAGE).cloned();
    call.decide("accept", call.surface.route());
    Ok(Accepted {
        call,
        headers: head.headers,
        body,
    })
}

fn door(method: &Method, path: &str, wire: Wire) -> Result<Surface, Box<NoDoor>> {
    let (surface, wanted) = match path {
        "/v1/chat/completions" => (Surface::Chat, Method::POST),
        "/v1/messages" => (Surface::Messages, Method::POST),
        "/v1/embeddings" => (Surface::Embeddings, Method::POST),
        "/v1/messages/count_tokens" => (Surface::CountTokens, Method::POST),
        "/v1/models" => (Surface::Models(wire), Method::GET),
        "/v1/feedback" => (Surface::Feedback, Method::POST),
        _ => {
            if let Some(name) = path.strip_prefix("/v1/models/").filter(|name| is_name(name)) {
                (Surface::Model(wire, name.to_owned()), Method::GET)
            } else if let Some(name) = path.strip_prefix("/agents/").filter(|name| is_name(name)) {
                (Surface::Agent(name.to_owned()), Method::POST)
            } else if let Some(asked) = path.strip_prefix("/v1/conversations/").and_then(conversation) {
                (Surface::Conversation(asked), Method::GET)
            } else {
                let wire = wire_of(path, wire);
                let error = ApiError::new(
                    404,
                    "unknown_route",
                    "There is nothing at this address. golive answers /v1/chat/completions, /v1/embeddings, /v1/messages, /v1/messages/count_tokens, /v1/models and /agents/{name}.",
                );
                return Err(Box::new(NoDoor { wire, error }));
            }
        }
    };
    if *method == wanted {
        return Ok(surface);
    }
    let (code, verb) = if wanted == Method::GET {
        ("use_get", "GET")
    } else {
        ("use_post", "POST")
    };
    let error = ApiError::new(405, code, format!("This address answers {verb} only."));
    Err(Box::new(NoDoor {
        wire: surface.wire(),
        error,
    }))
}

/// The wire format a path belongs to, door or not. `asked`: the one the headers suggest where several share a path.
pub fn wire_of(path: &str, asked: Wire) -> Wire {
    if path.starts_with("/v1/messages") {
        Wire::Anthropic
    } else if path.starts_with("/v1/chat/") || path == "/v1/embeddings" {
        Wire::OpenAi
    } else if path.starts_with("/v1/conversations/") || path == "/v1/feedback" {
        Wire::Problem
    } else if path.starts_with("/v1/") {
        asked
    } else {
        Wire::Problem
    }
}

/// The wire format the headers suggest: only Anthropic's callers send a version.
pub fn asked_wire(headers: &HeaderMap) -> Wire {
    if headers.contains_key(&names::ANTHROPIC_VERSION) {
        Wire::Anthropic
    } else {
        Wire::OpenAi
    }
}

/// `NAME` or `NAME/events`.
fn conversation(rest: &str) -> Option<Asked> {
    let (name, stream) = match rest.strip_suffix("/events") {
        Some(name) => (name, true),
        None => (rest, false),
    };
    is_name(name).then(|| Asked {
        name: name.to_owned(),
        after: 0,
        stream,
    })
}

/// From which message on, and whether as a stream: by the query, and by what a client that comes again sends.
fn reach(asked: &mut Asked, query: Option<&str>, headers: &HeaderMap) {
    let number = |text: &str| text.parse::<u64>().ok();
    let by_query = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("after=").and_then(number));
    let by_header = headers
        .get("last-event-id")
        .and_then(|value| number(value.to_str().ok()?.trim()));
    asked.after = by_header.or(by_query).unwrap_or(0);
    asked.stream |= headers.get_all(http::header::ACCEPT).iter().any(|value| {
        let mut parts = value.as_bytes().split(|byte| *byte == b',');
        parts.any(|part| part.trim_ascii().starts_with(b"text/event-stream"))
    });
}

/// The characters a name in the configuration may have; anything else needs no look-up.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_paths_are_doors() {
        for path in [
            "/v1/chat/completions/",
            "/V1/chat/completions",
            "/v1//chat/completions",
            "/v1/chat/../messages",
            "/v1/chat%2fcompletions",
            "/",
            "",
            "/agents/",
            "/agents/a/b",
            "/v1/models/",
            "/admin",
            "/v1/embeddings/",
            "/v1/messages/count_tokens/",
            "/v1/messages/batches",
        ] {
            let refused = door(&Method::POST, path, Wire::OpenAi).unwrap_err();
            assert_eq!(refused.error.status, 404, "{path}");
        }
        assert_eq!(
            door(&Method::POST, "/agents/support", Wire::OpenAi).unwrap(),
            Surface::Agent("support".into())
        );
    }

    #[test]
    fn a_wrong_method_is_told_the_right_one() {
        let refused = door(&Method::GET, "/v1/messages", Wire::OpenAi).unwrap_err();
        assert_eq!(
            (refused.error.status, refused.error.code, refused.wire),
            (405, "use_post", Wire::Anthropic)
        );
    }
}
