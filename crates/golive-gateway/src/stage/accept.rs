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
    let surface = door(&head.method, head.uri.path(), asked_wire(&head.headers))?;
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
        "/v1/models" => (Surface::Models(wire), Method::GET),
        _ => {
            if let Some(name) = path.strip_prefix("/v1/models/").filter(|name| is_name(name)) {
                (Surface::Model(wire, name.to_owned()), Method::GET)
            } else if let Some(name) = path.strip_prefix("/agents/").filter(|name| is_name(name)) {
                (Surface::Agent(name.to_owned()), Method::POST)
            } else {
                let wire = wire_of(path, wire);
                let error = ApiError::new(
                    404,
                    "unknown_route",
                    "There is nothing at this address. golive answers /v1/chat/completions, /v1/messages, /v1/models and /agents/{name}.",
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
    } else if path.starts_with("/v1/chat/") {
        Wire::OpenAi
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
            "/v1/embeddings",
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
