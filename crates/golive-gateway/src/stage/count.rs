//! S2: counts the request in its windows: all are checked, then all are written, or none.
//!
//! The user may stand in the body, which is not read yet. Then the windows of the principal and the whole gateway
//! are only looked at here, so that an exhausted caller costs no body, and the count is written in one step with
//! the user's as soon as the user is known.

use std::time::Duration;

use golive_store::UserHash;
use golive_wire::ApiError;
use http::HeaderMap;

use super::Step;
use super::identify::Identified;
use crate::auth::principal::user_key;
use crate::call::{Call, Surface};
use crate::limits::{Policies, Refusal, Who};
use crate::reply::Refused;

/// The header by which a trusted caller names the person it calls for.
const USER_HEADER: &str = "golive-user";
/// The longest user id that is accepted.
const USER_MAX: usize = 256;

/// A request that was counted, or whose user is still to be read. Made only here.
pub struct Counted<B> {
    pub(super) call: Box<Call>,
    pub(super) headers: HeaderMap,
    pub(super) body: B,
}

/// Counts, or looks and leaves the counting to [`late`].
///
/// # Errors
/// A window is full, or the asserted user is not usable.
pub fn run<B>(identified: Identified<B>) -> Step<Counted<B>> {
    let Identified {
        mut call,
        headers,
        body,
    } = identified;
    let may_assert = call.principal.as_ref().is_some_and(|p| p.may_assert_users);
    let asserted = headers.get(USER_HEADER).filter(|_| may_assert);
    if let Some(value) = asserted {
        match value
            .to_str()
            .ok()
            .filter(|user| is_usable(user))
            .map(str::to_owned)
        {
            Some(user) => call.user = Some(hash(&call, &user)),
            None => {
                let error = ApiError::new(
                    400,
                    "invalid_user",
                    format!("The {USER_HEADER} header must hold 1 to {USER_MAX} visible characters."),
                );
                return Err(Refused::by_rule(call, "count", error));
            }
        }
    }
    let user_may_follow =
        may_assert && call.user.is_none() && matches!(call.surface, Surface::Chat | Surface::Messages);
    let call = admit(call, !user_may_follow)?;
    Ok(Counted { call, headers, body })
}

/// Counts a request whose user stood in its body, or was expected there and did not.
///
/// # Errors
/// A window is full.
pub(super) fn late(mut call: Box<Call>, user: Option<&str>) -> Step<Box<Call>> {
    if call.counted {
        return Ok(call);
    }
    if let Some(user) = user.filter(|user| is_usable(user)) {
        call.user = Some(hash(&call, user));
    }
    admit(call, true)
}

fn admit(mut call: Box<Call>, write: bool) -> Step<Box<Call>> {
    let Some(principal) = &call.principal else {
        return Ok(call);
    }; // identify gave one
    let who = Who {
        user: call.user.map_or(principal.hash, user_key),
        principal: principal.hash,
    };
    let policies = call.gateway.runtime().policies;
    let now = call.gateway.now();
    let limiter = &call.gateway.limiter;
    let judged = if write {
        limiter.admit(&policies, &who, now)
    } else {
        // The principal's own window is not that of the user who is still to be read: it must not refuse for it.
        let without_user = Policies {
            user: None,
            ..policies
        };
        limiter.peek(&without_user, &who, now)
    };
    match judged {
        Ok(standings) => {
            call.standings = standings;
            call.counted = write;
            if write {
                call.decide(
                    "count",
                    if call.user.is_some() {
                        "counted for an asserted user"
                    } else {
                        "counted for the principal"
                    },
                );
            }
            Ok(call)
        }
        Err(refusal) => {
            call.standings = refusal.standings.clone();
            call.decide(
                "count",
                format!("refused by the {} limit", refusal.scope.as_str()),
            );
            let error = over_limit(&refusal);
            Err(Refused::by_rule(call, "count", error))
        }
    }
}

fn over_limit(refusal: &Refusal) -> ApiError {
    let seconds = refusal.wait.as_secs() + u64::from(refusal.wait.subsec_nanos() > 0);
    let whose = match refusal.scope {
        crate::limits::Scope::User => "this user",
        crate::limits::Scope::Principal => "this key",
        crate::limits::Scope::Global => "this service",
    };
    let limit = refusal.policy.count;
    let period = golive_checklist::unit::format_duration(refusal.policy.period);
    ApiError::new(
        429,
        "rate_limit_exceeded",
        format!("Rate limit of {whose} reached: {limit} requests per {period}. Please retry in {seconds} s."),
    )
    .with_retry_after(refusal.wait.max(Duration::from_millis(1)))
}

fn hash(call: &Call, user: &str) -> UserHash {
    let principal = call.principal.as_ref().map_or("", |p| p.id.as_str());
    call.gateway.store.user_hash(principal, user)
}

fn is_usable(user: &str) -> bool {
    !user.is_empty() && user.len() <= USER_MAX && !user.chars().any(char::is_control)
}
