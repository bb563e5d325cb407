//! E1: turns a refusal or a failure into an answer in the caller's own wire format, and puts golive's headers on
//! every answer.
//!
//! Never: tells a caller an internal name, an address, a path or another's text.

use std::time::Duration;

use golive_store::CostBasis;
use golive_wire::{ApiError, Wire, error};
use http::header::{self, HeaderValue};
use http::{HeaderMap, Response, StatusCode};

use crate::body::Body;
use crate::call::{Call, Outcome};
use crate::degrade::{self, Reason};
use crate::idempotency;
use crate::limits;
use crate::money;
use crate::names;

/// A trip that a stage ended: who ended it and what the caller is told.
#[derive(Debug)]
pub struct Refused {
    /// The record, which still has to be settled.
    pub call: Box<Call>,
    /// How it goes into the ledger.
    pub outcome: Outcome,
    /// What the caller is told.
    pub error: ApiError,
    /// A body of the upstream's own that is passed on in place of golive's, in the caller's format already.
    pub verbatim: Option<bytes::Bytes>,
}

impl Refused {
    /// A stage's rule refused.
    #[must_use]
    pub fn by_rule(call: Box<Call>, stage: &'static str, error: ApiError) -> Box<Self> {
        let outcome = Outcome::Refused {
            stage,
            code: error.code,
        };
        Box::new(Self {
            call,
            outcome,
            error,
            verbatim: None,
        })
    }

    /// Something failed: an upstream, or golive itself.
    #[must_use]
    pub fn by_failure(call: Box<Call>, error: ApiError) -> Box<Self> {
        let outcome = Outcome::Error(error.code);
        Box::new(Self {
            call,
            outcome,
            error,
            verbatim: None,
        })
    }
}

/// An error answer without a call: nobody was identified, nothing is recorded.
#[must_use]
pub fn bare_error(wire: Wire, error: &ApiError, request_id: &str) -> Response<Body> {
    let body = error::body(wire, error, request_id);
    let mut response = Response::new(Body::whole(body));
    *response.status_mut() = status_of(error::http_status(wire, error));
    *response.headers_mut() = error_headers(wire, error);
    put_request_id(response.headers_mut(), wire, request_id);
    response
}

fn error_headers(wire: Wire, error: &ApiError) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(error::content_type(wire)),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    put_error_headers(&mut headers, error);
    headers
}

/// Settles a refused call and answers it. A row that cannot be kept turns the answer into a 503, unless the
/// configuration prefers unrecorded service.
pub async fn refuse(refused: Refused) -> Response<Body> {
    let Refused {
        mut call,
        outcome,
        error,
        verbatim,
    } = refused;
    call.settle_tokens(&outcome); // before the headers, which tell what is left
    let standings = call.standings.clone();
    let near = money::answer::warning(&call.near_budgets);
    let wire = call.surface.wire();
    let id = call.id.to_string();
    let release = call.route.as_ref().map(|route| route.release_header.clone());
    let conversation = call.conversation.as_ref().map(|held| held.entry.name.clone());
    let degraded = Reason::of(&outcome, error.status);
    let reply = degraded.and_then(|reason| degrade::reply(&call, reason));
    let error = told(error, &call, degraded);
    let status = if reply.is_some() {
        200
    } else {
        error::http_status(wire, &error)
    };
    if reply.is_none() && idempotency::is_final(&outcome) {
        let body = verbatim
            .clone()
            .unwrap_or_else(|| error::body(wire, &error, &id).into());
        idempotency::keep(&mut call, status, &error_headers(wire, &error), body).await;
    }
    let unrecordable = call.settle(&outcome, status).await.err();
    let mut response = match (unrecordable, reply, verbatim) {
        (Some(refusal), ..) => bare_error(wire, &unrecorded(&refusal), &id),
        (None, Some(reply), _) => replied(reply, wire, &id, &error),
        (None, None, Some(body)) => {
            let mut response = bare_error(wire, &error, &id);
            *response.body_mut() = Body::whole(body);
            response
        }
        (None, None, None) => bare_error(wire, &error, &id),
    };
    if let Some(reason) = degraded {
        let reason = HeaderValue::from_static(reason.as_str());
        response.headers_mut().insert("golive-degraded", reason);
    }
    limits::headers::put(response.headers_mut(), &standings);
    if let Some(near) = near {
        response.headers_mut().insert(&names::GOLIVE_BUDGET_WARNING, near);
    }
    if let Some(release) = release {
        response.headers_mut().insert(&names::GOLIVE_RELEASE, release);
    }
    if let Some(name) = conversation.and_then(|name| HeaderValue::try_from(name).ok()) {
        response.headers_mut().insert("golive-conversation", name);
    }
    response
}

/// What people read of an agent that has no room, in their own language; everything else as it is.
fn told(error: ApiError, call: &Call, degraded: Option<Reason>) -> ApiError {
    match degraded {
        Some(reason @ Reason::Overloaded) if call.is_for_people() => match degrade::sentence(call, reason) {
            Some(sentence) => ApiError {
                message: sentence.to_owned(),
                ..error
            },
            None => error,
        },
        _ => error,
    }
}

/// A reply in words in place of an answer.
fn replied(reply: degrade::Reply, wire: Wire, id: &str, error: &ApiError) -> Response<Body> {
    let mut response = Response::new(Body::whole(reply.body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, reply.content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    put_request_id(headers, wire, id);
    if let Some(seconds) = error.retry_after_secs() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}

/// What a caller is told when the ledger can take no row.
#[must_use]
pub fn unrecorded(refusal: &golive_store::CommitRefused) -> ApiError {
    tracing::error!(error = %refusal, "a request could not be recorded and was refused");
    ApiError::new(
        503,
        "ledger_unavailable",
        "This request cannot be recorded right now, so it was not served. Please try again in a minute.",
    )
    .with_retry_after(Duration::from_secs(30))
}

/// golive's headers on an answer: the request id, the release, the limits.
pub fn put_call_headers(headers: &mut HeaderMap, call: &Call) {
    put_request_id(headers, call.surface.wire(), &call.id.to_string());
    if let Some(route) = &call.route {
        headers.insert(&names::GOLIVE_RELEASE, route.release_header.clone());
    }
    if let Some(held) = &call.conversation
        && let Ok(name) = HeaderValue::from_str(&held.entry.name)
    {
        headers.insert("golive-conversation", name);
    }
    if let Some(stripped) = &call.stripped_tools {
        headers.insert("golive-stripped-tools", stripped.clone());
    }
    if let Some(flagged) = &call.flagged {
        headers.insert("golive-flagged", flagged.clone());
    }
    if !call.untranslated.is_empty()
        && let Ok(names) = HeaderValue::from_str(&call.untranslated.join(", "))
    {
        headers.insert("golive-untranslated", names);
    }
    if let Some(near) = money::answer::warning(&call.near_budgets) {
        headers.insert(&names::GOLIVE_BUDGET_WARNING, near);
    }
    limits::headers::put(headers, &call.standings);
    if call.gateway.runtime().config.server.diagnostics {
        put_diagnostics(headers, call);
    }
}

/// For operators who asked for it (`server.diagnostics`): which link answered, after how many calls, and what of the
/// time was golive's own.
fn put_diagnostics(headers: &mut HeaderMap, call: &Call) {
    let Some(hop) = call.link() else { return };
    if let Ok(link) = HeaderValue::from_str(&hop.name) {
        headers.insert("golive-link", link);
    }
    headers.insert("golive-attempts", HeaderValue::from(call.attempts));
    if let Some(cost) = cost_text(call)
        && let Ok(value) = HeaderValue::from_str(&cost)
    {
        headers.insert("golive-cost", value);
    }
    if let (Some(called), Some(answered)) = (call.called, call.first_byte) {
        let own = call
            .gateway
            .now()
            .since(call.at)
            .saturating_sub(answered.since(called));
        headers.insert(
            "golive-overhead-us",
            HeaderValue::from(u64::try_from(own.as_micros()).unwrap_or(u64::MAX)),
        );
    }
}

/// `0.0075 USD;basis=reported`; `None` before it is settled, as in the head of a stream, and where it is not known.
fn cost_text(call: &Call) -> Option<String> {
    let cost = call.cost();
    let basis = match cost.basis {
        CostBasis::Reported => "reported",
        CostBasis::Estimated => "estimated",
        CostBasis::Unknown | CostBasis::None => return None,
    };
    Some(format!("{};basis={basis}", cost.nano_usd?))
}

fn put_request_id(headers: &mut HeaderMap, wire: Wire, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        if wire == Wire::Anthropic {
            headers.insert(&names::REQUEST_ID, value.clone()); // the name Anthropic's SDK reads
        }
        headers.insert(&names::X_REQUEST_ID, value);
    }
}

fn put_error_headers(headers: &mut HeaderMap, error: &ApiError) {
    if let Some(seconds) = error.retry_after_secs() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if let Some(should) = error.should_retry {
        headers.insert(
            "x-should-retry",
            HeaderValue::from_static(if should { "true" } else { "false" }),
        );
    }
    match error.status {
        401 => {
            let challenge = match error.code {
                "credential_missing" => r#"Bearer realm="golive""#,
                "credential_conflict" | "credential_in_query" => {
                    r#"Bearer realm="golive", error="invalid_request""#
                }
                _ => r#"Bearer realm="golive", error="invalid_token""#,
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        403 if error.code == "permission_denied" => {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Bearer realm="golive", error="insufficient_scope""#),
            );
        }
        405 => {
            headers.insert(
                header::ALLOW,
                HeaderValue::from_static(if error.code == "use_get" { "GET" } else { "POST" }),
            );
        }
        _ => {}
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
