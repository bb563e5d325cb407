//! P1: the open loop. Sends each request when it is due, however slow the answers are, and measures from the
//! moment it was *due*: a target that stalls shows it in every request that should have been answered meanwhile,
//! not only in the one that was being answered (coordinated omission; PROVER §3.1).
//!
//! Never: retries, waits for an answer before the next request, or leaves out what it could not send.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::abort::Cause;
use crate::clock::Clock;
use crate::desk::{Desk, Ticket};
use crate::plan::{Plan, PlanError};
use crate::reply::{Failure, Reply, Workload};
use crate::report::RunReport;
use crate::warm_up::Warmed;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Ended {
    /// All stages ran.
    Completed,
    /// The budget of requests was spent.
    Budget,
    /// An abort condition of the plan.
    Aborted {
        /// Which.
        cause: Cause,
    },
    /// [`Stops::cancelled`].
    Cancelled,
    /// [`Stops::target_lost`].
    TargetLost,
}

/// How to stop a run from outside. What was measured until then is reported.
#[derive(Debug, Clone, Default)]
pub struct Stops {
    /// Someone wants it to end: Ctrl-C.
    pub cancelled: CancellationToken,
    /// Someone saw that the target is gone: its health stopped answering.
    pub target_lost: CancellationToken,
}

/// What the hook is told, at once and on the driver's time: it must be quick.
#[derive(Debug)]
pub enum Event<'a> {
    /// A stage began, with its warm-up if it has one.
    StageBegan {
        /// Index in the plan.
        stage: usize,
        /// Its name.
        name: &'a str,
    },
    /// The measured part of a stage began.
    HoldBegan {
        /// Index in the plan.
        stage: usize,
        /// How the warm-up ended; `None`: there was none.
        warm_up: Option<Warmed>,
    },
    /// A request finished.
    Finished(&'a Finished),
    /// All requests of a stage were due; some may still be in flight.
    StageEnded {
        /// Index in the plan.
        stage: usize,
    },
}

/// A request that finished. Times are the clock's.
#[derive(Debug, Clone)]
pub struct Finished {
    /// From 0, in order of due time.
    pub number: u64,
    /// Index in the plan.
    pub stage: usize,
    /// From [`Workload::class`].
    pub class: usize,
    /// Belongs to the measured part of its stage.
    pub held: bool,
    /// When it was due.
    pub intended: Duration,
    /// When it was handed to the workload.
    pub started: Duration,
    /// When the workload was done with it.
    pub finished: Duration,
    /// What became of it.
    pub reply: Reply,
}

impl Finished {
    /// From the intended start to the end: what a caller would have waited.
    #[must_use]
    pub fn latency(&self) -> Duration {
        self.finished.saturating_sub(self.intended)
    }

    /// From the first byte sent (or, if the workload does not say, from the hand-over) to the end.
    #[must_use]
    pub fn service(&self) -> Duration {
        self.finished
            .saturating_sub(self.started + self.reply.wrote.unwrap_or_default())
    }
}

/// Offers `plan` to `workload` and reports. `hook` is told of each step.
///
/// Runs within the calling task: it is as fast as that task's core. For real load use
/// [`crate::thread::run_alone`], which gives it a thread of its own.
///
/// # Errors
/// When the plan makes no sense. Everything that goes wrong later is in the report.
pub async fn run<W: Workload, C: Clock>(
    plan: &Plan,
    workload: &W,
    clock: &C,
    stops: &Stops,
    hook: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<RunReport, PlanError> {
    plan.check()?;
    let busy = || clock.busy();
    let mut desk = Desk::new(plan, clock.now(), &busy, hook);
    let mut flight = FuturesUnordered::new();
    let mut cancelled = std::pin::pin!(stops.cancelled.cancelled());
    let mut lost = std::pin::pin!(stops.target_lost.cancelled());
    loop {
        let places = |flying: usize| plan.max_in_flight.saturating_sub(flying);
        // At most a batch per turn, so that a generator that fell behind still reads answers.
        for _ in 0..BATCH {
            let class_of = |number| workload.class(number);
            let Some(ticket) = desk.next(clock.now(), places(flight.len()), class_of, &busy, hook) else {
                break;
            };
            flight.push(one(ticket, plan.deadline, workload, clock));
        }
        let wake = desk.wake();
        if desk.cut_short() || (wake.is_none() && flight.is_empty()) {
            break;
        }
        let mut due = std::pin::pin!(sleep(clock, wake));
        // Answers are read until something is due; the wait is armed once, not once per answer.
        loop {
            tokio::select! {
                biased;
                () = &mut cancelled => { desk.stop(Ended::Cancelled); break }
                () = &mut lost => { desk.stop(Ended::TargetLost); break }
                () = &mut due => break,
                Some(done) = flight.next(), if !flight.is_empty() => {
                    desk.finished(&done, &busy, hook);
                    hook(Event::Finished(&done));
                    if desk.waiting() || desk.cut_short() || flight.is_empty() { break }
                }
            }
        }
    }
    Ok(desk.report(clock.now()))
}

/// Most requests started before answers are looked at again.
const BATCH: usize = 64;

async fn sleep<C: Clock>(clock: &C, until: Option<Duration>) {
    match until {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn one<W: Workload, C: Clock>(ticket: Ticket, deadline: Duration, workload: &W, clock: &C) -> Finished {
    let started = clock.now();
    let left = ticket.intended.saturating_add(deadline).saturating_sub(started);
    let reply = match tokio::time::timeout(left, workload.send(ticket.number)).await {
        Ok(reply) => reply,
        Err(_) => Reply::failed(Failure::Timeout),
    };
    let Ticket {
        number,
        stage,
        class,
        held,
        intended,
    } = ticket;
    Finished {
        number,
        stage,
        class,
        held,
        intended,
        started,
        finished: clock.now(),
        reply,
    }
}
