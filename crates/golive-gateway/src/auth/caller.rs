//! S5: the one rule by which a caller is found, for every door: an API key, a token, or the certificate of the
//! connection.
//!
//! Where a request brings a key or token over a certificate that is a caller of its own, both must be good, and the
//! certificate must be one that carries others; a token that is bound to a certificate is good over that certificate
//! alone.
//!
//! Never: reads a body, or tells a stranger which of the things that can be wrong was wrong.

use std::sync::Arc;
use std::time::Duration;

use golive_resilience::Tick;
use golive_store::UserHash;
use golive_wire::ApiError;
use http::HeaderMap;

use super::failure::Failure;
use super::jwt::Jws;
use super::keyring::Known;
use super::peer::Peer;
use super::principal::Principal;
use super::{Offered, offered};
use crate::gateway::Gateway;

/// A caller who is known.
#[derive(Debug)]
pub struct Found {
    /// Who calls.
    pub principal: Arc<Principal>,
    /// On whose behalf, where its token says so.
    pub user: Option<UserHash>,
    bound_to: Option<[u8; 32]>,
}

/// Finds the caller of a request with this head, over this connection, at `now`.
///
/// # Errors
/// Why there is none; for counters and logs, while the caller is told no more than [`told`] says.
pub async fn find(gateway: &Gateway, headers: &HeaderMap, peer: &Peer, now: Tick) -> Result<Found, Failure> {
    let keyring = gateway.keyring();
    let certificate = peer.certificate.as_deref();
    if certificate.is_some_and(|one| crate::clock::wall_s() > one.ends_s as f64) {
        return Err(Failure::CertificateExpired);
    }
    let known: Option<&Known> = match certificate {
        Some(one) => keyring.certified(&one.sans)?,
        None => None,
    };
    let found = match offered(headers) {
        Offered::Key(text) if Jws::is_meant_by(text) => {
            let issuers = gateway.issuers();
            let verified = issuers
                .identify(text, &gateway.store, now, crate::clock::wall_s())
                .await?;
            Found {
                principal: verified.principal,
                user: verified.user,
                bound_to: verified.bound_to,
            }
        }
        Offered::Key(text) => Found {
            principal: Arc::clone(keyring.find(text, now)?),
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

/// What a stranger is told: the same for all that can be wrong with a credential.
#[must_use]
pub fn told(failure: Failure) -> ApiError {
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
