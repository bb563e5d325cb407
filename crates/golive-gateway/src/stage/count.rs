//! S2, P6: counts the request in its windows: all are checked, then all are written, or none.
//!
//! The user, and the agent or model that is called, may stand in the body, which is not read yet. Then the windows that
//! are known are only looked at here, so that an exhausted caller costs no body, and the count is written in one step
//! with the others as soon as all are known. Budgets that are used up are looked at here, too.

use std::sync::Arc;
use std::time::Duration;

use golive_store::UserHash;
use golive_wire::ApiError;
use http::HeaderMap;

use super::Step;
use super::identify::Identified;
use crate::auth::principal::user_key;
use crate::call::{Call, Surface};
use crate::limits::Unit;
use crate::limits::answer::over_limit;
use crate::limits::backend::{Ask, Then};
use crate::limits::rules::Who;
use crate::money::answer::over_budget;
use crate::reply::Refused;
use crate::runtime::{Route, Runtime};

/// The header by which a trusted caller names the person it calls for.
const USER_HEADER: &str = "golive-user";
/// The longest user id that is accepted.
const USER_MAX: usize = 256;
/// How long a request that was counted may still be taken back because it was over a token limit: until then its body
/// was read and it found a place, or it stays counted.
const UNCOUNT_WITHIN: Duration = Duration::from_secs(600);

/// A request that was counted, or whose user or callee is still to be read. Made only here.
pub struct Counted<B> {
    pub(super) call: Box<Call>,
    pub(super) headers: HeaderMap,
    pub(super) body: B,
}

/// A request that was refused before its body was read.
pub struct Over<B> {
    pub(super) refused: Box<Refused>,
    pub(super) headers: HeaderMap,
    pub(super) body: B,
}

/// Counts, or looks and leaves the counting to [`late`].
///
/// # Errors
/// A window is full, or the asserted user is not usable.
pub async fn run<B>(identified: Identified<B>) -> Result<Counted<B>, Box<Over<B>>> {
    let Identified { call, headers, body } = identified;
    match counted(call, &headers).await {
        Ok(call) => Ok(Counted { call, headers, body }),
        Err(refused) => Err(Box::new(Over {
            refused,
            headers,
            body,
        })),
    }
}

async fn counted(mut call: Box<Call>, headers: &HeaderMap) -> Step<Box<Call>> {
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
    let runtime = call.gateway.runtime();
    let names_in_body = call.surface.names_callee_in_body();
    let known = Known {
        user: !(may_assert && call.user.is_none() && names_in_body),
        callee: match &call.surface {
            Surface::Agent(name) => callee(&call, &runtime, name),
            _ => None,
        },
    };
    let whole = known.user && !(names_in_body && runtime.limits.callees_limit_requests());
    if runtime.limits.counts_tokens() && !call.surface.is_free() {
        // Who has no token left is told so before the body is read.
        call = ask(call, &runtime, &known, Unit::Tokens, Then::Look).await?;
    }
    if !runtime.budgets.is_empty() && !call.surface.is_free() {
        call = look_at_budgets(call, &runtime, &known)?;
    }
    let then = if whole {
        counting(&call, &runtime)
    } else {
        Then::Look
    };
    ask(call, &runtime, &known, Unit::Requests, then).await
}

/// Counts a request whose user or callee stood in its body, or was expected there and did not.
///
/// # Errors
/// A window is full.
pub(super) async fn late(mut call: Box<Call>, user: Option<&str>, model: Option<&str>) -> Step<Box<Call>> {
    if call.counted {
        return Ok(call);
    }
    let may_assert = call.principal.as_ref().is_some_and(|p| p.may_assert_users);
    if let Some(user) = user.filter(|user| may_assert && call.user.is_none() && is_usable(user)) {
        call.user = Some(hash(&call, user));
    }
    let runtime = call.gateway.runtime();
    let known = Known {
        user: true,
        callee: model.and_then(|name| callee(&call, &runtime, name)),
    };
    let then = counting(&call, &runtime);
    ask(call, &runtime, &known, Unit::Requests, then).await
}

/// What of the windows' owners is known.
struct Known {
    /// The user, or that there is none beside the principal.
    user: bool,
    /// What is called.
    callee: Option<Arc<Route>>,
}

/// The agent or model of this name, if the caller may call it: nobody uses up the windows of what is not open to him.
fn callee(call: &Call, runtime: &Runtime, name: &str) -> Option<Arc<Route>> {
    let principal = call.principal.as_ref()?;
    runtime
        .route(name)
        .filter(|route| runtime.permits(principal, route))
        .cloned()
}

/// Who has nothing left to spend is told so before the body is read.
fn look_at_budgets(mut call: Box<Call>, runtime: &Runtime, known: &Known) -> Step<Box<Call>> {
    let Some(principal) = call.principal.clone() else {
        return Ok(call);
    }; // identify gave one
    let spender = call.spender(&principal, known.user, known.callee.as_deref());
    let items = runtime.budgets.items(&spender);
    let now = call.gateway.now();
    let Err(refusal) = call.gateway.book.look(&items, now) else {
        return Ok(call);
    };
    refusal.rule.metrics.refused.inc();
    call.decide("count", format!("refused by the budget {}", refusal.rule.name));
    let error = over_budget(&refusal, now);
    Err(Refused::by_rule(call, "count", error))
}

/// A request may turn out to be over a token limit or a budget: then its count is taken back, for one limit eats nothing of another.
fn counting(call: &Call, runtime: &Runtime) -> Then {
    if runtime.limits.counts_tokens() || !runtime.budgets.is_empty() {
        Then::Hold {
            id: call.id,
            ttl: UNCOUNT_WITHIN,
        }
    } else {
        Then::Count
    }
}

async fn ask(
    mut call: Box<Call>,
    runtime: &Runtime,
    known: &Known,
    unit: Unit,
    then: Then,
) -> Step<Box<Call>> {
    let Some(principal) = call.principal.clone() else {
        return Ok(call);
    }; // identify gave one
    let who = Who {
        user: known.user.then(|| call.user.map_or(principal.hash, user_key)),
        principal: principal.hash,
        team: principal.team.as_deref(),
        callee: known.callee.as_ref().map(|route| &route.limits),
    };
    let items = runtime.limits.items(unit, &who, 1);
    let now = call.gateway.now();
    let gateway = Arc::clone(&call.gateway);
    match gateway.limiter.judge(Ask { items, then }, now).await {
        Ok(granted) => {
            call.standings.renew(unit, granted.standings);
            call.counted_as = granted.held;
            if then != Then::Look {
                call.counted = true;
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
            call.standings.renew(unit, refusal.standings.clone());
            let rule = refusal.rule;
            call.decide(
                "count",
                format!(
                    "refused by the {} limit of {}",
                    rule.scope.as_str(),
                    unit.as_str()
                ),
            );
            let error = over_limit(&refusal);
            Err(Refused::by_rule(call, "count", error))
        }
    }
}

fn hash(call: &Call, user: &str) -> UserHash {
    let principal = call.principal.as_ref().map_or("", |p| p.id.as_str());
    call.gateway.store.user_hash(principal, user)
}

fn is_usable(user: &str) -> bool {
    !user.is_empty() && user.len() <= USER_MAX && !user.chars().any(char::is_control)
}
