//! S5: who calls. After this stage a request ends in exactly one row; before it, only in a counter.

use std::time::Duration;

use golive_wire::{ApiError, Wire};
use http::HeaderMap;

use super::accept::Accepted;
use crate::auth::failure::Failure;
use crate::auth::peer::{Peer, client_of, household};
use crate::auth::{self, Offered, caller};
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
    match caller::find(&call.gateway, &headers, peer, call.at).await {
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
            credential_hash = credential,
            %client,
            left_out,
            "refused without a valid credential"
        );
    }
    Stranger {
        wire: call.surface.wire(),
        request_id: call.id.to_string(),
        error: caller::told(failure),
        wait,
    }
}
