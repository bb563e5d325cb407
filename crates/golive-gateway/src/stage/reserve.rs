//! S2, P6: reserves the tokens and the money that a call may cost, before it is sent on. They are settled with what it
//! really cost when it ends, however it ends ([`Call::settle_tokens`]).
//!
//! A configuration without token limits and without budgets passes through here for nothing.
//!
//! Never: lets a call go on that could cost more than is left, or counts a request that was refused for its tokens or
//! its money.

use std::sync::Arc;
use std::time::Duration;

use golive_config::LinkRef;

use super::Step;
use super::admit::Admitted;
use super::read::Ask as Asked;
use crate::auth::principal::user_key;
use crate::call::{Bound, Call, Money, Reservation};
use crate::limits::Unit;
use crate::limits::answer::over_limit;
use crate::limits::backend::{Ask, Then};
use crate::limits::rules::{Rules, Who};
use crate::money::answer;
use crate::reply::Refused;
use crate::runtime::{Route, Runtime};

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
pub async fn run(admitted: Admitted) -> Step<Reserved> {
    let runtime = admitted.call.gateway.runtime();
    if admitted.call.surface.is_free() {
        return Ok(Reserved { admitted });
    }
    let admitted = match runtime.limits.counts_tokens() {
        true => tokens(admitted, &runtime).await?,
        false => admitted,
    };
    let admitted = match runtime.budgets.is_empty() {
        true => admitted,
        false => money(admitted, &runtime).await?,
    };
    Ok(Reserved { admitted })
}

async fn tokens(mut admitted: Admitted, runtime: &Runtime) -> Step<Admitted> {
    let Some(principal) = admitted.call.principal.clone() else {
        return Ok(admitted);
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
        return Ok(admitted);
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
            Ok(admitted)
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

/// The most that the call can cost over any link of its chain, in every budget that counts it.
async fn money(mut admitted: Admitted, runtime: &Runtime) -> Step<Admitted> {
    let Some(principal) = admitted.call.principal.clone() else {
        return Ok(admitted);
    }; // identify gave one
    let items = {
        let spender = admitted.call.spender(&principal, true, Some(&admitted.route));
        runtime.budgets.items(&spender)
    };
    if items.is_empty() {
        return Ok(admitted);
    }
    let bound = bound(&runtime.limits, &admitted.ask);
    let most = match runtime.prices.at_most(links(&admitted), bound) {
        Ok(Some(most)) => most,
        Ok(None) => return Ok(admitted), // an HTTP agent whose cost is not seen from here
        Err(unknown) => {
            let mut call = admitted.call;
            give_back(&mut call).await;
            tracing::error!(
                request = %call.id,
                link = unknown.link,
                "nobody knows what this link costs: its calls are refused while budgets count them; say it in [prices]"
            );
            call.decide("reserve", format!("nobody knows what {} costs", unknown.link));
            return Err(Refused::by_rule(call, "reserve", answer::price_unknown()));
        }
    };
    let gateway = Arc::clone(&admitted.call.gateway);
    let now = gateway.now();
    match gateway.book.reserve(&items, most, now) {
        Ok(held) => {
            let call = &mut admitted.call;
            call.decide("reserve", format!("at most {most}"));
            call.note_near(&items); // a stream's head is sent before it is settled
            call.money = Some(Money { held, items, bound });
            Ok(admitted)
        }
        Err(refusal) => {
            let mut call = admitted.call;
            give_back(&mut call).await;
            refusal.rule.metrics.refused.inc();
            call.decide("reserve", format!("refused by the budget {}", refusal.rule.name));
            let error = answer::over_budget(&refusal, now);
            Err(Refused::by_rule(call, "reserve", error))
        }
    }
}

/// A request that is refused for its money costs neither a request nor tokens.
async fn give_back(call: &mut Call) {
    if let Some(Reservation { held, .. }) = call.reservation.take() {
        let gateway = Arc::clone(&call.gateway);
        let standings = gateway.limiter.settle(held, 0, gateway.now()).await;
        call.standings.renew(Unit::Tokens, standings);
    }
    uncount(call).await;
}

/// The most a request can cost.
fn bound(rules: &Rules, ask: &Asked) -> Bound {
    Bound {
        input: ask
            .bound_bytes
            .div_ceil(rules.input_bytes)
            .saturating_add(ask.tokens),
        output: ask.max_output.unwrap_or(rules.output),
    }
}

/// The links that may be asked.
fn links(admitted: &Admitted) -> impl Iterator<Item = &LinkRef> {
    let (route, work) = (&admitted.route, admitted.call.surface.work());
    let links = route.hops.iter().zip(&route.callee.chain);
    links
        .filter(move |(hop, _)| hop.door(work).is_some())
        .map(|(_, link)| link)
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
