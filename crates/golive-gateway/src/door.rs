//! S5, S6: what the operations listeners ask of the gateway: who calls, and whether that is permitted. The same keys
//! and the same policies as on the request path.
//!
//! Never: records a request; the operations listeners log theirs.

use std::sync::Arc;

use bytes::Bytes;
use golive_wire::Wire;
use http::{HeaderMap, Response};

pub use golive_wire::ApiError;

use crate::auth::keyring::Principal;
use crate::auth::{self, Offered};
use crate::body::Body;
use crate::gateway::Gateway;
use crate::policy::{Action, Resource, Rules, Who};
use crate::reply;

impl Gateway {
    /// Who sends a request with this head.
    ///
    /// # Errors
    /// No credential, two that differ, one that opens nothing, or one in the query: 401, in the same words for each
    /// that was sent and is not valid.
    pub fn identify(&self, headers: &HeaderMap, query: Option<&str>) -> Result<Arc<Principal>, ApiError> {
        let refused = |code, words: &str| {
            self.metrics.unauthenticated.inc();
            Err(ApiError::new(401, code, words).with_should_retry(false))
        };
        if auth::credential_in_query(query) {
            return refused(
                "credential_in_query",
                "A credential in the URL ends up in logs and is never accepted. Send it as `Authorization: Bearer`.",
            );
        }
        let now = self.now();
        match auth::offered(headers) {
            Offered::Key(text) => match self.keyring().find(text, now) {
                Ok(principal) => {
                    if principal.is_touch_due(now) {
                        self.store.touch_key(&principal.id, crate::gateway::us(now));
                    }
                    Ok(Arc::clone(principal))
                }
                Err(_told_to_nobody) => refused("invalid_api_key", "The API key is not valid here."),
            },
            Offered::Nothing => refused(
                "credential_missing",
                "No API key was sent. Send one as `Authorization: Bearer KEY`.",
            ),
            Offered::Conflict => refused(
                "credential_conflict",
                "More than one credential was sent. Send exactly one API key.",
            ),
            Offered::Malformed => refused("invalid_api_key", "The API key is not valid here."),
        }
    }

    /// Whether the policies that are in force permit it.
    ///
    /// # Errors
    /// 403, with a sentence for who asked.
    pub fn authorise(
        &self,
        principal: &Principal,
        action: Action,
        resource: Resource<'_>,
    ) -> Result<(), ApiError> {
        let who = Who::of(principal);
        if self.runtime().policy.permit(who, action, resource) {
            return Ok(());
        }
        let why = if Rules::too_many_roles(who) {
            "it has too many roles".to_owned()
        } else {
            format!(
                "no policy permits it to {} {}",
                action.as_str(),
                resource.kind.as_str()
            )
        };
        let words = format!("This key may not do that: {why}.");
        Err(ApiError::new(403, "permission_denied", words).with_should_retry(false))
    }
}

/// An error as problem details, with the headers that belong to it.
#[must_use]
pub fn problem(error: &ApiError, request_id: &str) -> Response<Bytes> {
    reply::bare_error(Wire::Problem, error, request_id).map(|body| match body {
        Body::Whole(bytes) => bytes.unwrap_or_default(),
        Body::Stream(_) => Bytes::new(), // an error is always whole
    })
}
