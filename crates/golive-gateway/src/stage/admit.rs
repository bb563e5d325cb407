//! E5, P1, P2: a place for the call, in its turn: of its agent or model here, of an upstream for each attempt.
//!
//! What cannot have a place in time is told so in microseconds; what waits keeps its turn, and leaves the queue with its
//! caller.
//!
//! Never: lets a call in while golive shuts down, or one that the ledger could not record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use golive_config::Queue;
use golive_resilience::Tick;
use golive_resilience::concurrency::Sign;
use golive_resilience::queue::Priority;
use golive_wire::ApiError;
use golive_wire::tools::ToolSet;
use http::HeaderMap;

use super::Step;
use super::read::Ask;
use super::screen_input::Screened;
use crate::auth::principal::{Principal, user_key};
use crate::call::Call;
use crate::gateway::Gateway;
use crate::names;
use crate::reply::Refused;
use crate::room::{self, NoPlace, Seat};
use crate::runtime::Route;
use crate::upstream::Link;

/// A request with a place. Made only here.
#[derive(Debug)]
pub struct Admitted {
    pub(super) call: Box<Call>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) ask: Ask,
    pub(super) route: Arc<Route>,
    pub(super) tools: Arc<ToolSet>,
    pub(super) places: Places,
}

/// The places a call holds until its last byte, but for the time in which it waits for another attempt.
#[derive(Debug)]
pub struct Places {
    callee: Option<Seat>,
    upstream: Option<(Arc<Link>, Seat)>,
    priority: Priority,
    principal: u64,
}

impl Places {
    /// Takes a place at an upstream, for one attempt. Only the last hope of a request waits for it.
    ///
    /// # Errors
    /// There is none in time.
    pub async fn take_upstream(
        &mut self,
        gateway: &Gateway,
        link: &Arc<Link>,
        may_wait: bool,
        deadline: Tick,
    ) -> Result<(), NoPlace> {
        let deadline = if may_wait { deadline } else { gateway.now() };
        let seat = link.room.enter(self.ask(deadline), gateway.clock()).await?;
        self.upstream = Some((Arc::clone(link), seat));
        Ok(())
    }

    /// The attempt is over, and showed this of the load behind it.
    pub fn give_back_upstream(&mut self, sign: Sign, now: Tick) {
        if let Some((link, seat)) = self.upstream.take() {
            let began = seat.since();
            if let Some(began) = began {
                link.room.saw(sign, began, now);
            }
            seat.leave(now);
        }
    }

    /// The call is over.
    pub fn leave(mut self, sign: Sign, now: Tick) {
        self.give_back_upstream(sign, now);
        if let Some(seat) = self.callee.take() {
            seat.leave(now);
        }
    }

    /// Waits until `until` without holding a place: others may use it meanwhile. Then it takes its turn again.
    ///
    /// # Errors
    /// There is none in time.
    pub async fn wait_outside(
        &mut self,
        gateway: &Gateway,
        route: &Route,
        until: Tick,
        deadline: Tick,
    ) -> Result<(), NoPlace> {
        if let Some(seat) = self.callee.take() {
            seat.leave(gateway.now());
        }
        tokio::time::sleep_until(gateway.clock().instant_of(until)).await;
        if let Some(room) = &route.room {
            self.callee = Some(room.enter(self.ask(deadline), gateway.clock()).await?);
        }
        Ok(())
    }

    fn ask(&self, deadline: Tick) -> room::Ask {
        room::Ask {
            priority: self.priority,
            principal: self.principal,
            deadline,
        }
    }
}

/// Takes the place of the agent or model.
///
/// # Errors
/// There is none in time, golive is shutting down, or the ledger could not record the call.
pub async fn run(screened: Screened) -> Step<Admitted> {
    let Screened {
        mut call,
        headers,
        body,
        ask,
        route,
        tools,
    } = screened;
    let gateway = Arc::clone(&call.gateway);
    if let Err(error) = may_go_on(&gateway) {
        return Err(Refused::by_failure(call, error));
    }
    let mut places = Places {
        callee: None,
        upstream: None,
        priority: priority(
            &headers,
            call.principal.as_deref(),
            &route.callee.resilience.queue,
        ),
        principal: whose(&call),
    };
    let came = gateway.now();
    if let Some(room) = &route.room {
        let deadline = came.plus(route.callee.resilience.queue.wait);
        match room.enter(places.ask(deadline), gateway.clock()).await {
            Ok(seat) => places.callee = Some(seat),
            Err(none) => {
                call.decide("admit", "no place in time");
                return Err(Refused::by_failure(call, none.error()));
            }
        }
    }
    let waited = gateway.now().since(came);
    if waited >= Duration::from_millis(1) {
        call.decide("admit", format!("waited {} ms for its turn", waited.as_millis()));
        // Much may have happened meanwhile.
        if let Err(error) = may_go_on(&gateway) {
            return Err(Refused::by_failure(call, error));
        }
    } else {
        call.decide("admit", "got a place");
    }
    Ok(Admitted {
        call,
        headers,
        body,
        ask,
        route,
        tools,
        places,
    })
}

fn may_go_on(gateway: &Gateway) -> Result<(), ApiError> {
    if gateway.is_draining() {
        return Err(ApiError::new(
            503,
            "shutting_down",
            "This server is restarting. Please try again in a few seconds.",
        )
        .with_retry_after(Duration::from_secs(2)));
    }
    gateway
        .store
        .writer()
        .can_record()
        .map_err(|refusal| crate::reply::unrecorded(&refusal))
}

/// How urgent it is, by the roles of its caller, who may only ask for less.
fn priority(headers: &HeaderMap, principal: Option<&Principal>, queue: &Queue) -> Priority {
    let has = |roles: &[String]| {
        principal.is_some_and(|principal| principal.roles.iter().any(|role| roles.contains(role)))
    };
    let asks_for_less = headers
        .get(&names::GOLIVE_PRIORITY)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"low"));
    if asks_for_less {
        Priority::LOW
    } else if has(&queue.high_roles) {
        Priority::HIGH
    } else if has(&queue.low_roles) {
        Priority::LOW
    } else {
        Priority::NORMAL
    }
}

/// Turns are fair between users, where they are known, else between callers. Half of the hash tells them apart.
fn whose(call: &Call) -> u64 {
    let hash = match (call.user, &call.principal) {
        (Some(user), _) => user_key(user),
        (None, Some(principal)) => principal.hash,
        (None, None) => 0,
    };
    (hash & u128::from(u64::MAX)) as u64
}
