//! P1: what to offer, as data: stages, limits, and when to stop.
//!
//! Never: changed while it runs.

use serde::Serialize;
use std::time::Duration;

use crate::abort::Abort;
use crate::arrivals::Pattern;
use crate::warm_up::WarmUp;

/// One load run.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Replays the same due times.
    pub seed: u64,
    /// How requests follow each other.
    pub pattern: Pattern,
    /// Most requests in flight, for safety. Arrivals that find it full wait for a place and are late.
    pub max_in_flight: usize,
    /// Each request ends this long after it was *due*, as [`crate::Failure::Timeout`].
    pub deadline: Duration,
    /// An arrival that found no place within this time counts as not sent.
    pub latest_start: Duration,
    /// Most requests sent in the whole run; the run ends there.
    pub budget: Option<u64>,
    /// When to stop early.
    pub abort: Abort,
    /// When a stage is worth nothing.
    pub validity: Rules,
    /// In order; the load does not pause between them.
    pub stages: Vec<Stage>,
}

/// A stretch of constant rate.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// For the report: `"1×"`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Requests a second, positive.
    pub rate_per_s: f64,
    /// What is dropped from the start; `None`: nothing.
    pub warm_up: Option<WarmUp>,
    /// Measured for at least this long…
    pub hold: Duration,
    /// …and until this many were due.
    pub min_samples: u64,
}

/// What a stage is for; decides what an abort condition does there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Part of the declared ramp: an abort condition ends the run.
    Ramp,
    /// Beyond the declared load, in search of the breaking point: an abort condition *is* the breaking point,
    /// and the run goes on with the recovery.
    Beyond,
    /// Back at the first rate: it counts how soon the target is well again, so abort conditions wait.
    Recovery,
}

/// When a stage counts: the target is judged only if the generator did its part (PROVER §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rules {
    /// Least share of the due requests that was sent.
    pub min_sent: f64,
    /// How late the 99th percentile of sends may be…
    pub max_lag: Duration,
    /// …or this share of the median latency, whichever is more.
    pub max_lag_of_median: f64,
    /// Largest share of its processor time that the generator may use.
    pub max_busy: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            min_sent: 0.99,
            max_lag: Duration::from_millis(5),
            max_lag_of_median: 0.01,
            max_busy: 0.80,
        }
    }
}

impl Stage {
    /// A measured stage without a warm-up.
    #[must_use]
    pub fn new(name: impl Into<String>, rate_per_s: f64, hold: Duration) -> Self {
        Self {
            name: name.into(),
            role: Role::Ramp,
            rate_per_s,
            warm_up: None,
            hold,
            min_samples: 0,
        }
    }
}

impl Plan {
    /// Poisson arrivals, 4,096 in flight, 30 s deadline, 1 s to find a place, no budget, default rules and abort
    /// conditions.
    #[must_use]
    pub fn new(seed: u64, stages: Vec<Stage>) -> Self {
        Self {
            seed,
            pattern: Pattern::Poisson,
            max_in_flight: 4_096,
            deadline: Duration::from_secs(30),
            latest_start: Duration::from_secs(1),
            budget: None,
            abort: Abort::default(),
            validity: Rules::default(),
            stages,
        }
    }

    /// How many requests the plan is expected to send and how long it takes at least and at most, warm-ups and
    /// the last answers included. For `--plan` and for budgets.
    #[must_use]
    pub fn expectation(&self) -> Expectation {
        let mut all = Expectation {
            requests: 0,
            shortest: Duration::ZERO,
            longest: self.deadline,
        };
        for stage in &self.stages {
            let rate = stage.rate_per_s;
            let hold = stage
                .hold
                .max(Duration::try_from_secs_f64(stage.min_samples as f64 / rate).unwrap_or(Duration::MAX));
            let (least, most) = stage
                .warm_up
                .map_or((Duration::ZERO, Duration::ZERO), |w| (w.least, w.most));
            all.shortest = all.shortest.saturating_add(hold).saturating_add(least);
            all.longest = all.longest.saturating_add(hold).saturating_add(most);
            all.requests = all
                .requests
                .saturating_add((rate * (hold.saturating_add(most)).as_secs_f64()) as u64);
        }
        all
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// The first number that makes no sense.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.stages.is_empty() {
            return Err(PlanError::NoStage);
        }
        if self.max_in_flight == 0 {
            return Err(PlanError::NoPlace);
        }
        if self.deadline.is_zero() {
            return Err(PlanError::NoDeadline);
        }
        for stage in &self.stages {
            if !(stage.rate_per_s.is_finite() && stage.rate_per_s > 0.0) {
                return Err(PlanError::BadRate {
                    stage: stage.name.clone(),
                    rate: stage.rate_per_s,
                });
            }
            if stage.hold.is_zero() {
                return Err(PlanError::NoHold {
                    stage: stage.name.clone(),
                });
            }
        }
        Ok(())
    }
}

/// What a plan will cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// Requests, with the longest warm-ups.
    pub requests: u64,
    /// With the shortest warm-ups.
    pub shortest: Duration,
    /// With the longest warm-ups and a last answer at the deadline.
    pub longest: Duration,
}

/// A plan that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// No stages.
    #[error("the plan has no stage; give at least one")]
    NoStage,
    /// `max_in_flight` is 0.
    #[error("max_in_flight is 0, so nothing could be sent; give at least 1")]
    NoPlace,
    /// `deadline` is 0.
    #[error("the deadline is 0, so every request would be late; give the longest time worth waiting for")]
    NoDeadline,
    /// A rate that is not positive and finite.
    #[error("stage `{stage}` has a rate of {rate} requests a second; give a positive number")]
    BadRate {
        /// Which stage.
        stage: String,
        /// The rate given.
        rate: f64,
    },
    /// A hold of 0.
    #[error("stage `{stage}` measures for no time; give its hold a length")]
    NoHold {
        /// Which stage.
        stage: String,
    },
}
