//! S5: who calls. After this stage a request ends in exactly one row; before it, only in a counter.

use golive_wire::{ApiError, Wire};
use http::HeaderMap;

use super::accept::Accepted;
use crate::auth::{self, Offered};
use crate::call::Call;

/// A request whose caller is known. Made only here.
pub struct Identified<B> {
    pub(super) call: Box<Call>,
    pub(super) headers: HeaderMap,
    pub(super) body: B,
}

/// A request nobody vouches for. The call ends without a row.
#[derive(Debug)]
pub struct Stranger {
    /// The format of the door.
    pub wire: Wire,
    /// The id under which the refusal may be found in the log.
    pub request_id: String,
    /// What the caller is told.
    pub error: ApiError,
}

/// Finds the principal.
///
/// # Errors
/// No credential, two that differ, or one that opens nothing. "Unknown", "revoked", "expired" and "mistyped" read
/// the same from outside.
pub fn run<B>(accepted: Accepted<B>) -> Result<Identified<B>, Box<Stranger>> {
    let Accepted {
        mut call,
        headers,
        body,
    } = accepted;
    let keyring = call.gateway.keyring();
    let now = call.at;
    let (why, error) = match auth::offered(&headers) {
        Offered::Key(text) => match keyring.find(text, now) {
            Ok(principal) => {
                if principal.is_touch_due(now) {
                    call.gateway
                        .store
                        .touch_key(&principal.id, crate::gateway::us(now));
                }
                call.principal = Some(std::sync::Arc::clone(principal));
                call.decide("identify", format!("key {}", principal.id));
                return Ok(Identified { call, headers, body });
            }
            Err(unknown) => (unknown.as_str(), invalid()),
        },
        Offered::Nothing => (
            "missing",
            ApiError::new(
                401,
                "credential_missing",
                "No API key was sent. Send one as `Authorization: Bearer KEY` or `x-api-key: KEY`.",
            ),
        ),
        Offered::Conflict => (
            "conflict",
            ApiError::new(
                401,
                "credential_conflict",
                "More than one credential was sent. Send exactly one API key.",
            ),
        ),
        Offered::Malformed => ("malformed", invalid()),
    };
    call.gateway.metrics.unauthenticated.inc();
    tracing::debug!(request = %call.id, why, "refused without a valid credential");
    Err(Box::new(Stranger {
        wire: call.surface.wire(),
        request_id: call.id.to_string(),
        error,
    }))
}

fn invalid() -> ApiError {
    ApiError::new(
        401,
        "invalid_api_key",
        "The API key is not valid here. Check that it is complete; `golive keys create` makes a new one.",
    )
    .with_should_retry(false)
}
