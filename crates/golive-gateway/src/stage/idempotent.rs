//! P3: a request that carries an `Idempotency-Key` is served once: asked again with the same body it gets the same
//! answer for 24 hours, with another body it is refused, and while it is being served its twin waits.
//!
//! A key belongs to its caller, the user behind it, the door and the agent or model. It stands after the permissions,
//! so that nobody fetches what they may no longer call, and before everything that costs something.
//!
//! Never: serves two twins at the same time, or shows one user's answer to another.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use golive_store::KeptAnswer;
use golive_wire::ApiError;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use super::authorise::Authorised;
use super::guard_tools::Guarded;
use super::{Step, relay, settle};
use crate::body::Body;
use crate::call::{Call, Outcome};
use crate::gateway::us;
use crate::idempotency::{Claim, Entered, Named, STAGE};
use crate::names;
use crate::reply::{self, Refused};

/// The longest key that is taken.
const KEY_MAX: usize = 255;

/// Whose turn it is.
pub enum Turn {
    /// This request's: it is to be served.
    First(Box<Guarded>),
    /// It was answered before.
    Replayed(Response<Body>),
}

/// What a request with a key is known by. To be asked before anything is taken out of its body.
///
/// # Errors
/// The key is none.
pub fn name(request: &Authorised) -> Result<Option<Named>, ApiError> {
    let Some(key) = key(&request.headers)? else {
        return Ok(None);
    };
    let call = &request.call;
    let principal = call.principal.as_ref().map_or("", |principal| &principal.id);
    let user = call.user.map(|user| user.0);
    let key = call.gateway.store.idempotency_key(&[
        principal.as_bytes(),
        user.as_ref().map_or(&[], |user| &user[..]),
        call.surface.route().as_bytes(),
        request.route.id.as_bytes(),
        key,
    ]);
    let mut asked = Context::new(&SHA256);
    asked.update(&[u8::from(call.stream)]); // an HTTP agent's callers ask for a stream in a header
    asked.update(&request.body);
    let mut body = [0; 32];
    body.copy_from_slice(asked.finish().as_ref()); // SHA-256 is 32 bytes
    Ok(Some(Named { key, asked: body }))
}

fn key(headers: &HeaderMap) -> Result<Option<&[u8]>, ApiError> {
    let mut values = headers.get_all(&names::IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.as_bytes();
    let is_good = (1..=KEY_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    if is_good && values.next().is_none() {
        return Ok(Some(key));
    }
    Err(ApiError::new(
        400,
        "invalid_idempotency_key",
        format!("Send one Idempotency-Key of 1 to {KEY_MAX} visible ASCII characters, such as a UUID."),
    )
    .with_should_retry(false))
}

/// Looks whether this request was answered, and waits if it is just being served.
///
/// # Errors
/// The key is none, or stands for another request; or the one that is being served takes too long.
pub async fn run(mut request: Guarded, named: Result<Option<Named>, ApiError>) -> Step<Turn> {
    let named = match named {
        Ok(Some(named)) => named,
        Ok(None) => return Ok(Turn::First(Box::new(request))),
        Err(error) => return Err(Refused::by_rule(request.call, STAGE, error)),
    };
    let gateway = Arc::clone(&request.call.gateway);
    let until = request.call.at.plus(request.route.clocks.total_request);
    loop {
        let claim = match gateway.flights.enter(named) {
            Entered::OtherBody => return Err(Refused::by_rule(request.call, STAGE, mismatch())),
            Entered::Crowded => return Err(Refused::by_rule(request.call, STAGE, in_progress())),
            Entered::Twin(twin) => {
                let instant = gateway.clock().instant_of(until);
                match tokio::time::timeout_at(instant, twin.answer()).await {
                    Ok(Some(answer)) => return Ok(Turn::Replayed(replay(request.call, &answer).await)),
                    Ok(None) => continue, // nothing came of it: one of those who waited is served
                    Err(_) => return Err(Refused::by_rule(request.call, STAGE, in_progress())),
                }
            }
            Entered::First(claim) => claim,
        };
        return match kept(&mut request.call, claim).await {
            Kept::Nothing(claim) => {
                request.call.claim = Some(claim);
                Ok(Turn::First(Box::new(request)))
            }
            Kept::OtherBody => Err(Refused::by_rule(request.call, STAGE, mismatch())),
            Kept::Answer(answer) => Ok(Turn::Replayed(replay(request.call, &answer).await)),
        };
    }
}

/// What the store has under a key.
enum Kept {
    Nothing(Claim),
    OtherBody,
    Answer(Arc<KeptAnswer>),
}

async fn kept(call: &mut Call, claim: Claim) -> Kept {
    let gateway = Arc::clone(&call.gateway);
    let named = *claim.named();
    match gateway.store.kept_answer(&named.key, us(gateway.now())).await {
        Ok(None) => Kept::Nothing(claim),
        Ok(Some(answer)) if answer.asked != named.asked => Kept::OtherBody,
        Ok(Some(answer)) => {
            let answer = Arc::new(answer);
            claim.answered(Arc::clone(&answer));
            Kept::Answer(answer)
        }
        Err(error) => {
            // Requests go on while the database is out.
            let error = crate::upstream::chain_of(&error);
            tracing::warn!(request = %call.id, error, "kept answers cannot be read; a request with an idempotency key is served anew");
            call.decide(STAGE, "kept answers cannot be read: served anew");
            Kept::Nothing(claim)
        }
    }
}

/// The answer as it went out, under this request's own id.
async fn replay(mut call: Box<Call>, answer: &KeptAnswer) -> Response<Body> {
    let gateway = Arc::clone(&call.gateway);
    call.decide(STAGE, format!("replayed {}", answer.request));
    call.bytes_out = answer.body.len() as u64;
    let body = match answer.body.len() {
        0..=relay::ONE_PIECE_MAX => Body::whole(answer.body.clone()),
        _ => relay::in_chunks(&gateway, answer.body.clone()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    let headers = response.headers_mut();
    reply::put_call_headers(headers, &call);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(answer.body.len()));
    if let Ok(request) = HeaderValue::from_str(&answer.request.to_string()) {
        headers.insert(&names::GOLIVE_REPLAYED, request);
    }
    let outcome = match answer.status {
        200 => Outcome::Ok,
        status => Outcome::UpstreamRefused(status),
    };
    let (wire, id) = (call.surface.wire(), call.id.to_string());
    match settle::run(call, &outcome, answer.status).await {
        Ok(()) => response,
        Err(refusal) => reply::bare_error(wire, &reply::unrecorded(&refusal), &id),
    }
}

fn mismatch() -> ApiError {
    ApiError::new(
        422,
        "idempotency_mismatch",
        "This Idempotency-Key was used for a request with another body. Send a new key with a new request.",
    )
    .with_should_retry(false)
}

fn in_progress() -> ApiError {
    ApiError::new(
        409,
        "idempotency_in_progress",
        "A request with this Idempotency-Key is still being answered. Send it again in a moment for its answer.",
    )
    .with_retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                &names::IDEMPOTENCY_KEY,
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        headers
    }

    #[test]
    fn a_key_is_one_short_line_of_visible_characters() {
        assert_eq!(key(&headers(&[])), Ok(None));
        for good in ["k", "8e03978e-40d5-43e8-bc93-6894a57f9324", &"x".repeat(255)] {
            assert_eq!(key(&headers(&[good])), Ok(Some(good.as_bytes())));
        }
        for bad in [&[""][..], &["a b"], &["ü"], &[&"x".repeat(256)], &["a", "a"]] {
            let refused = key(&headers(bad)).expect_err("no key");
            assert_eq!(
                (refused.status, refused.code),
                (400, "invalid_idempotency_key"),
                "{bad:?}"
            );
        }
    }
}
