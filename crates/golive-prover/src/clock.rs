//! The prover's one door to the clock and to tasks: everything that measures time or starts work goes through here,
//! so that the rest of the room can be read without wondering where `now` came from.
//!
//! Never: decides anything.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The monotonic instant a measurement starts or ends.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the prover is a driver: it measures a target in real time"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// The time of day, for the report.
#[must_use]
pub fn wall() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Waits, unless the run is cancelled first. `true` if the whole time passed.
pub async fn sleep(time: Duration, cancel: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(time) => true,
        () = cancel.cancelled() => false,
    }
}

/// Starts a task whose handle the caller awaits or aborts: nothing is started and forgotten.
#[must_use = "await or abort what was started"]
#[expect(
    clippy::disallowed_methods,
    reason = "the handle is given back: the caller waits for it"
)]
pub fn start<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(work)
}
