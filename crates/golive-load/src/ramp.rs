//! P1: the ramp of the checklist as data: 1× → 2× → 5× → 10× of the expected traffic, then back to 1× to see it
//! recover; and what the finished ramp says about the breaking point and the recovery.
//!
//! Never: decides pass or fail. It says where and when, with the numbers it was asked by.

use serde::Serialize;
use std::time::Duration;

use crate::histogram::Latencies;
use crate::plan::{Plan, Role, Stage};
use crate::report::{ClassReport, RunReport, StageReport};
use crate::warm_up::WarmUp;

/// How to ramp. Times are those of a full run; `time_scale` shortens them all together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ramp {
    /// The expected peak, requests a second: 1×.
    pub expected_per_s: f64,
    /// Multiples of the expected traffic, in order.
    pub multiples: Vec<f64>,
    /// Further stages of 1.5 times the last, in search of the breaking point.
    pub beyond: u32,
    /// Warm-up of each stage.
    pub warm_up: WarmUp,
    /// Least hold of each stage.
    pub hold: Duration,
    /// Fewest samples of each stage.
    pub min_samples: u64,
    /// How long the target may take to recover; the length of the last stage.
    pub recovery: Duration,
    /// 1 for a full run; 0.05 makes twenty times shorter stages, and the report must say so.
    pub time_scale: f64,
}

impl Ramp {
    /// PROVER §3.2: 1, 2, 5, 10; hold 60 s and 100 samples; recovery within 60 s.
    #[must_use]
    pub fn new(expected_per_s: f64) -> Self {
        Self {
            expected_per_s,
            multiples: vec![1.0, 2.0, 5.0, 10.0],
            beyond: 0,
            warm_up: WarmUp::default(),
            hold: Duration::from_secs(60),
            min_samples: 100,
            recovery: Duration::from_secs(60),
            time_scale: 1.0,
        }
    }

    /// The plan. Abort windows are scaled with the rest; deadline, cap and budget are the caller's to set.
    #[must_use]
    pub fn plan(&self, seed: u64) -> Plan {
        let mut stages: Vec<Stage> = self
            .multiples
            .iter()
            .map(|&multiple| self.stage(multiple, Role::Ramp))
            .collect();
        let mut multiple = self.multiples.last().copied().unwrap_or(1.0);
        for _ in 0..self.beyond {
            multiple *= 1.5;
            stages.push(self.stage(multiple, Role::Beyond));
        }
        stages.push(Stage {
            name: "recovery".into(),
            role: Role::Recovery,
            rate_per_s: self.expected_per_s * self.multiples.first().copied().unwrap_or(1.0),
            warm_up: None, // the time it takes to settle is what this stage measures
            hold: self.recovery.mul_f64(self.time_scale),
            min_samples: 0,
        });
        let mut plan = Plan::new(seed, stages);
        plan.abort = plan.abort.scaled(self.time_scale);
        plan
    }

    fn stage(&self, multiple: f64, role: Role) -> Stage {
        Stage {
            name: format!("{}×", (multiple * 100.0).round() / 100.0),
            role,
            rate_per_s: self.expected_per_s * multiple,
            warm_up: Some(self.warm_up.scaled(self.time_scale)),
            hold: self.hold.mul_f64(self.time_scale),
            min_samples: self.min_samples,
        }
    }
}

/// When the target was well again after the ramp.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Recovery {
    /// p95 of the first stage, all classes.
    pub first_p95_us: u64,
    /// p95 must come back within this.
    pub line_us: u64,
    /// From the end of the load until the end of the first stretch of time within the line; `None`: never.
    pub recovered_after_us: Option<u64>,
    /// Errors in the recovery stage, as a share of the finished requests.
    pub error_share: f64,
}

/// Reads the recovery off a finished ramp: p95 back within `factor` (1.5 in PROVER §3.2) of the first stage's.
/// `None`: the first stage has no p95, or no recovery stage ran.
///
/// A stretch is a twentieth of the recovery stage; neighbours are taken together until they have `least` samples
/// (20 is the fewest that have a 95th percentile below their maximum).
#[must_use]
pub fn recovery(run: &RunReport, factor: f64, least: u64) -> Option<Recovery> {
    let first = run.stages.iter().find(|stage| stage.role == Role::Ramp)?;
    let last = run.stages.iter().find(|stage| stage.role == Role::Recovery)?;
    let first_p95_us = first.all.latency.p95_us?;
    let line_us = (first_p95_us as f64 * factor) as u64;
    let within = |together: &Latencies| together.quantile_us(0.95).is_some_and(|p95| p95 <= line_us);
    Some(Recovery {
        first_p95_us,
        line_us,
        recovered_after_us: last.batches.first_where(least, within),
        error_share: last.all.errors.point,
    })
}

/// The first stage that was too much: stopped by an abort condition, errors above `max_errors`, or a p95 of a
/// class above its line. A stage that the generator could not offer is passed over, because it says nothing.
/// `None`: none was too much.
#[must_use]
pub fn breaking_point<'a>(
    run: &'a RunReport,
    max_errors: f64,
    p95_lines: &[Option<Duration>],
) -> Option<&'a StageReport> {
    let slow = |class: &ClassReport| {
        let line = p95_lines.get(class.class).copied().flatten();
        line.is_some_and(|line| {
            class.latency.samples > 0
                && class
                    .latency
                    .p95_us
                    .is_none_or(|p95| u128::from(p95) > line.as_micros())
        })
    };
    run.stages
        .iter()
        .filter(|stage| stage.role != Role::Recovery)
        .find(|stage| {
            let too_much = || stage.all.errors.point > max_errors || stage.classes.iter().any(slow);
            stage.aborted.is_some() || (stage.invalid.is_empty() && too_much())
        })
}
