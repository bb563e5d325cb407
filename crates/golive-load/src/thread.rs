//! P1: a run on a thread of its own, so that it does not compete with whatever else the process does, and so
//! that its processor time can be told apart.
//!
//! Never: shares its runtime. Connections of the workload must be opened by its first requests, not before.

use tokio::sync::oneshot;

use crate::clock::{Busy, WallClock};
use crate::driver::{self, Event, Stops};
use crate::plan::{Plan, PlanError};
use crate::reply::Workload;
use crate::report::RunReport;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// The plan makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The system gave no thread or no runtime.
    #[error("cannot start the thread of the load generator")]
    Start(#[source] std::io::Error),
    /// The workload or the hook panicked.
    #[error("the load generator's thread ended without a report: the workload or the hook panicked")]
    Panicked,
}

/// [`driver::run`] on a thread of its own with a single-threaded runtime. If the future is dropped, the run is
/// cancelled.
///
/// # Errors
/// See [`ThreadError`].
pub async fn run_alone<W>(
    plan: Plan,
    workload: W,
    stops: Stops,
    mut hook: impl FnMut(Event<'_>) + Send + 'static,
) -> Result<RunReport, ThreadError>
where
    W: Workload + Send + 'static,
{
    let (answer, report) = oneshot::channel();
    let stops = Stops {
        cancelled: stops.cancelled.child_token(),
        target_lost: stops.target_lost,
    };
    let _cancel = stops.cancelled.clone().drop_guard();
    let thread = move || {
        // The receiver is gone only if the caller lost interest.
        let _ = answer.send(on_this_thread(&plan, &workload, &stops, &mut hook));
    };
    std::thread::Builder::new()
        .name("golive-load".into())
        .spawn(thread)
        .map_err(ThreadError::Start)?;
    report.await.unwrap_or(Err(ThreadError::Panicked))
}

fn on_this_thread<W: Workload>(
    plan: &Plan,
    workload: &W,
    stops: &Stops,
    hook: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<RunReport, ThreadError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ThreadError::Start)?;
    let clock = WallClock::new(Busy::Thread).map_err(ThreadError::Start)?;
    Ok(runtime.block_on(driver::run(plan, workload, &clock, stops, hook))?)
}
