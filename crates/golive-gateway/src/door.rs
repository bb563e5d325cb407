//! S5, S6: what the operations listeners ask of the gateway: who calls, and whether that is permitted. The same keys
//! and the same policies as on the request path.
//!
//! Never: records a request; the operations listeners log theirs.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use golive_wire::Wire;
use http::{HeaderMap, Response};

pub use golive_wire::ApiError;

use crate::auth::failure::Failure;
use crate::auth::peer::Peer;
use crate::auth::principal::Principal;
use crate::auth::{self, caller};
use crate::body::Body;
use crate::gateway::Gateway;
use crate::policy::{Action, Resource, Rules, Who};
use crate::reply;

impl Gateway {
    /// Who sends a request with this head from this address: by a key or a token, as on the request path. These
    /// listeners ask nobody for a certificate.
    ///
    /// # Errors
    /// No credential, two that differ, one that opens nothing, or one in the query: 401, in the same words for each
    /// that was sent and is not valid.
    pub async fn identify(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        address: IpAddr,
    ) -> Result<Arc<Principal>, ApiError> {
        if auth::credential_in_query(query) {
            self.metrics.unauthenticated(Failure::InQuery);
            let words = "A credential in the URL ends up in logs and is never accepted. Send it as `Authorization: Bearer`.";
            return Err(ApiError::new(401, "credential_in_query", words).with_should_retry(false));
        }
        let now = self.now();
        let peer = Peer {
            address,
            certificate: None,
        };
        match caller::find(self, headers, &peer, now).await {
            Ok(found) => {
                if found.principal.is_touch_due(now) {
                    self.store.touch_key(&found.principal.id, crate::gateway::us(now));
                }
                Ok(found.principal)
            }
            Err(failure) => {
                self.metrics.unauthenticated(failure);
                Err(caller::told(failure))
            }
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
