//! P1, E5: a place for the call, or an answer at once. There is no queue in this version: what has no place is told to
//! come back, in microseconds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use golive_resilience::Tick;
use golive_wire::ApiError;
use golive_wire::tools::ToolSet;
use http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Step;
use super::read::Ask;
use super::screen_input::Screened;
use crate::call::Call;
use crate::gateway::Gateway;
use crate::reply::Refused;
use crate::runtime::Route;

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
    callee: Option<OwnedSemaphorePermit>,
    upstream: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// Takes a place at an upstream, for one attempt.
    ///
    /// # Errors
    /// None is free.
    pub fn take_upstream(&mut self, places: &Arc<Semaphore>) -> Result<(), ApiError> {
        self.upstream = Some(take(places)?);
        Ok(())
    }

    /// The attempt is over.
    pub fn give_back_upstream(&mut self) {
        self.upstream = None;
    }

    /// Waits until `until` without holding a place: others may use it meanwhile.
    pub async fn wait_outside(&mut self, gateway: &Gateway, route: &Route, until: Tick) {
        self.upstream = None;
        self.callee = None;
        tokio::time::sleep_until(gateway.clock().instant_of(until)).await;
        if let Some(places) = &route.permits {
            self.callee = Arc::clone(places).acquire_owned().await.ok();
        }
    }
}

/// Takes the places.
///
/// # Errors
/// None is free, golive is shutting down, or the ledger could not record the call.
pub fn run(screened: Screened) -> Step<Admitted> {
    let Screened {
        mut call,
        headers,
        body,
        ask,
        route,
        tools,
    } = screened;
    if call.gateway.is_draining() {
        let error = ApiError::new(
            503,
            "shutting_down",
            "This server is restarting. Please try again in a few seconds.",
        )
        .with_retry_after(Duration::from_secs(2));
        return Err(Refused::by_failure(call, error));
    }
    if let Err(refusal) = call.gateway.store.writer().can_record() {
        let error = crate::reply::unrecorded(&refusal);
        return Err(Refused::by_failure(call, error));
    }
    let callee = match route.permits.as_ref().map(take).transpose() {
        Ok(permit) => permit,
        Err(full) => return Err(Refused::by_failure(call, full)),
    };
    call.decide("admit", "got a place");
    let places = Places {
        callee,
        upstream: None,
    };
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

fn take(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ApiError> {
    Arc::clone(places).try_acquire_owned().map_err(|_| {
        ApiError::new(
            503,
            "over_capacity",
            "Too many requests are in progress right now. Please try again in a moment.",
        )
        .with_retry_after(Duration::from_secs(1))
    })
}
