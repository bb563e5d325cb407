//! S5: who calls. After this stage a request ends in exactly one row; before it, only in a counter.
//!
//! One credential decides: an API key, a token, or the certificate of the connection. Where a request brings a key or
//! token over a certificate that is a caller of its own, both must be good, and the certificate must be one that
//! carries others; a token that is bound to a certificate is good over that certificate alone.

use std::sync::Arc;
use std::time::Duration;

use golive_store::UserHash;
use golive_wire::{ApiError, Wire};
use http::HeaderMap;

use super::accept::Accepted;
use crate::auth::failure::Failure;
use crate::auth::jwt::Jws;
use crate::auth::keyring::Known;
use crate::auth::peer::{Peer, client_of, household};
use crate::auth::principal::Principal;
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
    /// How long the answer waits: zero, but for an address that was refused again and again.
    pub wait: Duration,
}

/// Finds the principal.
///
/// # Errors
/// No credential, two that differ, or one that opens nothing. "Unknown", "revoked", "expired", "mistyped" and all that
/// can be wrong with a token read the same from outside.
pub async fn run<B>(accepted: Accepted<B>, peer: &Peer) -> Result<Identified<B>, Box<Stranger>> {
    let Accepted {
        mut call,
        headers,
        body,
    } = accepted;
    match find(&call, &headers, peer).await {
        Ok(found) => {
            if found.principal.is_touch_due(call.at) {
                call.gateway
                    .store
                    .touch_key(&found.principal.id, crate::gateway::us(call.at));
            }
            call.decide(
                "identify",
                format!("{} {}", found.principal.kind.as_str(), found.principal.id),
            );
            call.user = found.user;
            call.principal = Some(found.principal);
            Ok(Identified { call, headers, body })
        }
        // The body goes with the request: nothing of it was read.
        Err(failure) => Err(Box::new(refuse(&call, &headers, peer, failure))),
    }
}

struct Found {
    principal: Arc<Principal>,
    user: Option<UserHash>,
    bound_to: Option<[u8; 32]>,
}

async fn find(call: &Call, headers: &HeaderMap, peer: &Peer) -> Result<Found, Failure> {
    let gateway = &call.gateway;
    let keyring = gateway.keyring();
    let certificate = peer.certificate.as_deref();
    if certificate.is_some_and(|one| crate::clock::wall_s() > one.ends_s as f64) {
        return Err(Failure::CertificateExpired);
    }
    let known: Option<&Known> = match certificate {
        Some(one) => keyring.certified(&one.sans)?,
        None => None,
    };
    let found = match auth::offered(headers) {
        Offered::Key(text) if Jws::is_meant_by(text) => {
            let issuers = gateway.issuers();
            let verified = issuers
                .identify(text, &gateway.store, call.at, crate::clock::wall_s())
                .await?;
            Found {
                principal: verified.principal,
                user: verified.user,
                bound_to: verified.bound_to,
            }
        }
        Offered::Key(text) => Found {
            principal: Arc::clone(keyring.find(text, call.at)?),
            user: None,
            bound_to: None,
        },
        Offered::Nothing => {
            return match (known, certificate) {
                (Some(known), _) => Ok(Found {
                    principal: Arc::clone(&known.principal),
                    user: None,
                    bound_to: None,
                }),
                (None, Some(_)) => Err(Failure::CertificateUnknown),
                (None, None) => Err(Failure::Missing),
            };
        }
        Offered::Conflict => return Err(Failure::Conflict),
        Offered::Malformed => return Err(Failure::Malformed),
    };
    match found.bound_to {
        Some(thumbprint) => {
            if certificate.is_none_or(|one| one.thumbprint != thumbprint) {
                return Err(Failure::TokenBinding);
            }
        }
        None => {
            if known.is_some_and(|known| !known.carries_others) {
                return Err(Failure::CertificateConflict);
            }
        }
    }
    Ok(found)
}

fn refuse(call: &Call, headers: &HeaderMap, peer: &Peer, failure: Failure) -> Stranger {
    let gateway = &call.gateway;
    gateway.metrics.unauthenticated(failure);
    let config = &gateway.runtime().config;
    let client = client_of(peer.address, headers, &config.server.trusted_proxies);
    let wait = if failure.is_held_against() {
        gateway.slow_down(household(client), &config.inbound, call.at)
    } else {
        Duration::ZERO
    };
    if let Some(left_out) = gateway.failures.line(call.at) {
        let credential = match auth::offered(headers) {
            Offered::Key(text) => gateway.store.user_hash("credential", text).to_string(),
            _ => "none".to_owned(),
        };
        tracing::info!(
            request = %call.id,
            why = failure.as_str(),
            credential,
            %client,
            left_out,
            "refused without a valid credential"
        );
    }
    Stranger {
        wire: call.surface.wire(),
        request_id: call.id.to_string(),
        error: told(failure),
        wait,
    }
}

fn told(failure: Failure) -> ApiError {
    match failure {
        Failure::Missing => ApiError::new(
            401,
            "credential_missing",
            "No API key was sent. Send one as `Authorization: Bearer KEY` or `x-api-key: KEY`.",
        ),
        Failure::Conflict | Failure::CertificateConflict => ApiError::new(
            401,
            "credential_conflict",
            "More than one credential was sent. Send exactly one API key or token.",
        ),
        Failure::IssuerUnavailable => ApiError::new(
            503,
            "issuer_unavailable",
            "This token cannot be checked right now: the keys of its issuer cannot be had. Please try again in a minute.",
        )
        .with_retry_after(Duration::from_secs(30)),
        _ => ApiError::new(
            401,
            "invalid_api_key",
            "The API key or token is not valid here. Check that it is complete and has not ended; `golive keys create` makes a new key.",
        )
        .with_should_retry(false),
    }
}
