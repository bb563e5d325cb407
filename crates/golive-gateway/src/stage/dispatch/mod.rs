//! P2, P3, P4, E4: the calls upstream: the chain in rounds, each attempt under its clocks and its breaker, until one of
//! them reaches the commit point or nothing more is to be hoped for.
//!
//! The plan of [`golive_resilience::chain`] decides what is asked next and how long to wait; here it is done. A caller
//! that leaves drops this future, and with it the connection upstream, the waits and the breaker's lease. Nothing
//! reaches the caller before the commit point, the first content byte of a stream or the whole of a plain answer; after
//! it nothing is tried again.
//!
//! Never: decides what is retried, or holds a place while it waits.

mod answer;
mod attempt;
mod failed;
mod request;

pub(super) use answer::settled_usage;
pub(super) use failed::{note_failure, succeeded, timed_out};

use std::sync::Arc;

use bytes::Bytes;
use golive_resilience::Tick;
use golive_resilience::chain::{Plan, Step as Planned};
use golive_resilience::concurrency::Sign;
use golive_resilience::deadline::Deadline;
use golive_wire::tools::ToolSet;
use http::{HeaderMap, HeaderValue, Response};

use super::admit::{Admitted, Places};
use super::read::Ask;
use super::reserve::Reserved;
use super::{Step, authorise};
use crate::body::Body;
use crate::call::Call;
use crate::error_log::{self, Attempt};
use crate::reply::Refused;
use crate::runtime::Route;
use crate::upstream::breaker::Lease;
use crate::upstream::hop::Hop;
use crate::upstream::reader::StreamReader;
use crate::upstream::way::Hops;
use failed::Failed;

/// What the upstream answered. Made only here.
pub enum Dispatched {
    /// A whole body.
    Plain(Plain),
    /// A stream past its commit point.
    Stream(Box<Streaming>),
    /// An answer of golive's own in the place of one that was not sure enough: settled, ready to go.
    Spoken(Response<Body>),
}

/// A whole answer.
pub struct Plain {
    pub(super) call: Box<Call>,
    pub(super) content_type: HeaderValue,
    pub(super) body: Bytes,
}

/// A stream whose first content has come.
pub struct Streaming {
    pub(super) call: Box<Call>,
    pub(super) begun: Begun,
    pub(super) lease: Lease,
    pub(super) places: Places,
    pub(super) text_bytes_in: u64,
}

/// A stream at its commit point.
pub(super) struct Begun {
    pub reader: StreamReader,
    pub deadline: Deadline,
    /// What was held before the commit point, with the piece that reached it.
    pub held: Vec<Bytes>,
    /// The stream was complete before any of it was sent.
    pub ended: Option<Bytes>,
}

/// What is the same for every attempt of a request.
struct Trip {
    headers: HeaderMap,
    body: Bytes,
    ask: Ask,
    route: Arc<Route>,
    tools: Arc<ToolSet>,
    /// When the request must have reached its commit point.
    deadline: Tick,
}

/// Calls upstream until somebody answers.
///
/// # Errors
/// Nobody did, or what was answered is the caller's own mistake or may not be told.
pub async fn run(reserved: Reserved) -> Step<Dispatched> {
    let Admitted {
        mut call,
        headers,
        body,
        ask,
        route,
        tools,
        mut places,
    } = reserved.admitted;
    let gateway = Arc::clone(&call.gateway);
    let deadline = gateway.now().plus(route.clocks.total_request);
    let trip = Trip {
        headers,
        body,
        ask,
        route,
        tools,
        deadline,
    };
    let work = call.surface.work();
    let Some(way) = trip.route.way(work) else {
        // authorise found one
        let error = authorise::unsupported(work, &trip.route.callee.name);
        return Err(Refused::by_rule(call, "dispatch", error));
    };
    let mut plan = Plan::new(Arc::clone(&way.chain), deadline);
    call.open_row();
    let mut last: Option<Failed> = None;
    loop {
        let mut hops = Hops::new(&trip.route, way);
        match plan.next(&mut hops, &mut rand::random::<u64>, gateway.now()) {
            Planned::Attempt { link, permit, .. } => {
                let place = way.place(link);
                let hop = &trip.route.hops[place];
                let may_wait = way.len() == 1;
                let failed = match places
                    .take_upstream(&gateway, &hop.link, may_wait, deadline)
                    .await
                {
                    Err(none) => Failed::no_place(none.error()),
                    Ok(()) => {
                        call.attempts = call.attempts.saturating_add(1);
                        call.hop = Some(place);
                        call.called = Some(gateway.now());
                        call.decide("dispatch", format!("called {}", hop.name));
                        match attempt::run(&mut call, &trip, hop).await {
                            Ok(answered) => {
                                if call.stream {
                                    call.asked = Some(trip.body.clone());
                                }
                                permit.answered(gateway.now());
                                let text_bytes = trip.ask.text_bytes;
                                return Ok(answered.committed(call, permit, places, text_bytes).await);
                            }
                            Err(failed) => failed,
                        }
                    }
                };
                let now = gateway.now();
                places.give_back_upstream(Sign::of(failed.failure), now);
                let verdict = plan.failed(link, failed.failure, failed.hint, now);
                failed.note(&mut call, hop, verdict.health);
                trip.remember(&mut call, hop, &failed);
                permit.end(verdict.health, now);
                last = Some(failed);
            }
            Planned::Wait { until } => {
                let waited = until.since(gateway.now());
                call.decide("dispatch", format!("waits {} ms", waited.as_millis()));
                let back = places.wait_outside(&gateway, &trip.route, until, deadline).await;
                if let Err(none) = back {
                    call.decide("dispatch", "no place in time for another attempt");
                    return Err(Refused::by_failure(call, none.error()));
                }
            }
            Planned::GiveUp(end) => return Err(failed::give_up(call, end, last)),
        }
    }
}

/// Failed attempts of one request that are kept for the error log.
const FAILURES_KEPT: usize = 16;

impl Trip {
    /// Keeps what failed for the error log, with what was asked, if that is not known yet.
    fn remember(&self, call: &mut Call, hop: &Hop, failed: &Failed) {
        if !call.gateway.error_log.is_on() {
            return;
        }
        if call.input_summary.is_empty() {
            call.input_summary = error_log::summary(&self.route.screens, call.surface.wire(), &self.body);
        }
        if call.failures.len() < FAILURES_KEPT {
            call.failures.push(Attempt {
                link: hop.name.clone(),
                failure: failed.failure.as_str(),
                why: failed.why.clone().into_owned(),
            });
        }
    }
}
