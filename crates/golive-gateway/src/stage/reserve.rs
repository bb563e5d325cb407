//! S2: reserves the tokens that a call may cost, before it is sent on. They are settled with what it really cost when it
//! ends, however it ends ([`Call::settle_tokens`]).
//!
//! A configuration without token limits passes through here for nothing.
//!
//! Never: lets a call go on that could cost more than is left, or counts a request that was refused for its tokens.

use std::sync::Arc;
use std::time::Duration;

use super::Step;
use super::admit::Admitted;
use super::read::Ask as Asked;
use crate::auth::principal::user_key;
use crate::call::{Bound, Call, Reservation};
use crate::limits::Unit;
use crate::limits::answer::over_limit;
use crate::limits::backend::{Ask, Then};
use crate::limits::rules::{Rules, Who};
use crate::reply::Refused;
use crate::runtime::Route;

/// A hold outlives the longest call by this, so that a settlement never comes too late.
const SLACK: Duration = Duration::from_secs(60);

/// A request whose tokens are reserved, if any limit counts them. Made only here.
#[derive(Debug)]
pub struct Reserved {
    pub(super) admitted: Admitted,
}

/// Reserves.
///
/// # Errors
/// More tokens could be used than are left, or than there ever are.
pub async fn run(mut admitted: Admitted) -> Step<Reserved> {
    let runtime = admitted.call.gateway.runtime();
    if !runtime.limits.counts_tokens() {
        return Ok(Reserved { admitted });
    }
    let Some(principal) = admitted.call.principal.clone() else {
        return Ok(Reserved { admitted });
    }; // identify gave one
    let bound = bound(&runtime.limits, &admitted.ask);
    let who = Who {
        user: Some(admitted.call.user.map_or(principal.hash, user_key)),
        principal: principal.hash,
        team: principal.team.as_deref(),
        callee: Some(&admitted.route.limits),
    };
    let items = runtime.limits.items(Unit::Tokens, &who, bound.cost());
    if items.is_empty() {
        return Ok(Reserved { admitted });
    }
    let then = Then::Hold {
        id: admitted.call.id,
        ttl: longest(&admitted.route) + SLACK,
    };
    let gateway = Arc::clone(&admitted.call.gateway);
    match gateway.limiter.judge(Ask { items, then }, gateway.now()).await {
        Ok(granted) => {
            let call = &mut admitted.call;
            call.standings.renew(Unit::Tokens, granted.standings);
            call.decide("reserve", format!("at most {} tokens", bound.cost()));
            call.reservation = granted.held.map(|held| Reservation { held, bound });
            Ok(Reserved { admitted })
        }
        Err(refusal) => {
            let mut call = admitted.call;
            uncount(&mut call).await;
            call.standings.renew(Unit::Tokens, refusal.standings.clone());
            let scope = refusal.rule.scope.as_str();
            call.decide("reserve", format!("refused by the {scope} limit of tokens"));
            Err(Refused::by_rule(call, "reserve", over_limit(&refusal)))
        }
    }
}

/// The most a request can cost.
fn bound(rules: &Rules, ask: &Asked) -> Bound {
    Bound {
        input: ask.bound_bytes.div_ceil(rules.input_bytes),
        output: ask.max_output.unwrap_or(rules.output),
    }
}

fn longest(route: &Route) -> Duration {
    route.clocks.total_request.max(route.clocks.total_stream)
}

async fn uncount(call: &mut Call) {
    let Some(held) = call.counted_as.take() else {
        return;
    };
    let gateway = Arc::clone(&call.gateway);
    let standings = gateway.limiter.settle(held, 0, gateway.now()).await;
    call.standings.renew(Unit::Requests, standings);
    call.counted = false;
}
