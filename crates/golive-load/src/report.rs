//! P1: what a load run measured, and whether it may be believed. Data only; who judges is elsewhere.
//!
//! Never: says that the target is good or bad. It can only say that a stage shows nothing ([`Invalid`]).

use serde::Serialize;

use crate::abort::Cause;
use crate::batch::{Batches, Stretch};
use crate::driver::Ended;
use crate::histogram::{Percentile, Summary};
use crate::interval::Share;
use crate::plan::Role;
use crate::reply::Failure;
use crate::warm_up::Warmed;

/// Confidence of every interval in a report.
pub const CONFIDENCE: f64 = 0.95;

/// A whole run.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// Replays the due times.
    pub seed: u64,
    /// How it ended.
    pub ended: Ended,
    /// Requests sent, warm-ups included.
    pub sent: u64,
    /// How long it took, microseconds.
    pub took_us: u64,
    /// The stages that began, in order.
    pub stages: Vec<StageReport>,
}

/// One stage. Counts and latencies are those of its measured part, not of its warm-up.
#[derive(Debug, Clone, Serialize)]
pub struct StageReport {
    /// From the plan.
    pub name: String,
    /// From the plan.
    pub role: Role,
    /// From the plan: requests a second.
    pub rate_per_s: f64,
    /// How the warm-up ended; `None`: there was none, or it had not ended.
    pub warm_up: Option<Warmed>,
    /// Requests due in the warm-up, dropped.
    pub warm_up_requests: u64,
    /// Length of the measured part, microseconds.
    pub held_us: u64,
    /// Requests due.
    pub intended: u64,
    /// Of these, sent, however late.
    pub sent: u64,
    /// Of these, never sent, because all places were taken: failures of the test, not of the target.
    pub not_sent: u64,
    /// How overdue those were when they were given up.
    pub not_sent_age: Summary,
    /// Of those sent, the ones the end of the run cut off: nothing is known about them.
    pub interrupted: u64,
    /// How late requests were sent.
    pub lag: Summary,
    /// Requests that had to open a connection.
    pub cold: u64,
    /// Share of its processor time that the generator used; `None`: cannot be read here.
    pub busy: Option<f64>,
    /// All classes together.
    pub all: ClassReport,
    /// Each class that had requests.
    pub classes: Vec<ClassReport>,
    /// p95 over time.
    pub stretches: Vec<Stretch>,
    /// The abort condition that ended it.
    pub aborted: Option<Cause>,
    /// Why it shows nothing; empty: it may be believed.
    pub invalid: Vec<Invalid>,
    /// The samples behind `stretches`.
    #[serde(skip)]
    pub batches: Batches,
}

/// Requests of one class.
#[derive(Debug, Clone, Serialize)]
pub struct ClassReport {
    /// Which.
    pub class: usize,
    /// Answered well.
    pub answered: u64,
    /// Failed, of all that finished. The generator's own failures are not in it.
    pub errors: Share,
    /// Failures by kind; at most [`FAILURES`] kinds, then `other`.
    pub failures: Vec<FailureCount>,
    /// From the intended start to the last byte, of what answered well. Timed out and never sent count as
    /// slower than all; failures that came fast are left out, so that they cannot improve it.
    pub latency: Summary,
    /// Median of it, with its interval.
    pub p50: Percentile,
    /// 95th percentile of it, with its interval, widened if stretches of time differ.
    pub p95: Percentile,
    /// 99th percentile of it, with its interval, widened likewise.
    pub p99: Percentile,
    /// From the first byte sent to the last received. Much shorter than `latency`: the generator or a queue in
    /// it was late.
    pub service: Summary,
    /// From the intended start to the first useful byte.
    pub first_byte: Summary,
    /// Pauses between pieces of streamed answers.
    pub gaps: Summary,
    /// Bytes of bodies.
    pub bytes: u64,
}

/// Most kinds of failure kept apart.
pub const FAILURES: usize = 64;

/// How often a failure occurred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureCount {
    /// Which.
    pub failure: Failure,
    /// How often.
    pub count: u64,
}

impl ClassReport {
    /// How often a failure occurred: `count(&Failure::Status(429))` is the refusals by a limit.
    #[must_use]
    pub fn count(&self, failure: &Failure) -> u64 {
        self.failures
            .iter()
            .find(|f| f.failure == *failure)
            .map_or(0, |f| f.count)
    }
}

/// Why a stage shows nothing about the target. PROVER §3.1.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Invalid {
    /// No request finished in the measured part.
    #[error("no request finished")]
    NothingFinished,
    /// Too many of the due requests were not sent.
    #[error("only {sent} of {intended} due requests were sent: raise max_in_flight")]
    NotOffered {
        /// Sent.
        sent: u64,
        /// Due.
        intended: u64,
    },
    /// Sends were late.
    #[error("the generator was late: p99 {lag_us} µs, allowed {allowed_us} µs")]
    Late {
        /// 99th percentile of the lag.
        lag_us: u64,
        /// Allowed.
        allowed_us: u64,
    },
    /// The generator was nearly out of processor time.
    #[error("the generator used {percent} % of its processor time")]
    Busy {
        /// Used.
        percent: u32,
    },
    /// The generator's processor time could not be read, so nobody can say that it was not the bottleneck.
    #[error("the processor time of the generator cannot be read here")]
    BusyUnknown,
    /// The generator ran out of ports, files or connections.
    #[error("{count} requests failed because the generator ran out of {what}")]
    OwnResources {
        /// How many requests.
        count: u64,
        /// Of what, the first time.
        what: String,
    },
    /// The run ended before the stage did.
    #[error("the run ended before the stage did")]
    Interrupted,
}
