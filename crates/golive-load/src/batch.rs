//! P1: samples under load are not independent: a slow second makes all its requests slow. The same percentile
//! from at least ten stretches of time shows by how much it really varies, and widens the interval if that is
//! more than independent samples would.
//!
//! Batch means with Student's t (Law, *Simulation Modeling and Analysis*, §9.5), applied to percentiles.
//!
//! Never: narrows an interval.

use serde::Serialize;
use std::time::Duration;

use crate::beta;
use crate::histogram::{Latencies, Percentile};

/// Fewest batches compared.
pub const LEAST: usize = 10;
/// A batch with fewer samples has no percentile worth comparing.
const LEAST_SAMPLES: u64 = 5;

/// Latencies in order of time, in between [`LEAST`] and twice as many stretches of equal length. When the row is
/// full, neighbours are merged and the stretch doubles: memory is bounded however long it runs.
#[derive(Debug, Clone)]
pub struct Batches {
    began: Duration,
    width: Duration,
    batches: Vec<Latencies>,
}

/// One stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// Begin, microseconds after the first.
    pub from_us: u64,
    /// End.
    pub to_us: u64,
    /// Samples.
    pub samples: u64,
    /// Their 95th percentile; `None`: none, or beyond every measured value.
    pub p95_us: Option<u64>,
}

impl Batches {
    /// Begins at `began`, expected to last `expected`.
    #[must_use]
    pub fn new(began: Duration, expected: Duration) -> Self {
        let width = (expected / (2 * LEAST as u32)).max(Duration::from_millis(1));
        Self {
            began,
            width,
            batches: Vec::new(),
        }
    }

    /// Adds a request by its intended start; `None`: it never answered.
    pub fn record(&mut self, intended: Duration, latency: Option<Duration>) {
        let since = intended.saturating_sub(self.began);
        let mut at = (since.as_nanos() / self.width.as_nanos()) as usize;
        while at >= 2 * LEAST {
            self.double();
            at /= 2;
        }
        if self.batches.len() <= at {
            self.batches.resize_with(at + 1, Latencies::new);
        }
        match latency {
            Some(latency) => self.batches[at].record(latency),
            None => self.batches[at].record_beyond(),
        }
    }

    /// All together.
    #[must_use]
    pub fn total(&self) -> Latencies {
        let mut all = Latencies::new();
        self.batches.iter().for_each(|batch| all.merge(batch));
        all
    }

    /// The stretches in order.
    pub fn stretches(&self) -> impl Iterator<Item = Stretch> + '_ {
        let micros = |n: usize| {
            u64::try_from(self.width.as_micros())
                .unwrap_or(u64::MAX)
                .saturating_mul(n as u64)
        };
        self.batches.iter().enumerate().map(move |(n, batch)| Stretch {
            from_us: micros(n),
            to_us: micros(n + 1),
            samples: batch.samples(),
            p95_us: batch.quantile_us(0.95),
        })
    }

    /// The end (microseconds after the begin) of the first run of neighbours with at least `least` samples
    /// together for which `holds`. `None`: none.
    pub fn first_where(&self, least: u64, holds: impl Fn(&Latencies) -> bool) -> Option<u64> {
        let mut together = Latencies::new();
        for (stretch, batch) in self.stretches().zip(&self.batches) {
            together.merge(batch);
            if together.samples() >= least {
                if holds(&together) {
                    return Some(stretch.to_us);
                }
                together = Latencies::new();
            }
        }
        None
    }

    /// The percentile of all samples, its interval widened to the spread between the batches.
    #[must_use]
    pub fn percentile(&self, quantile: f64, confidence: f64) -> Percentile {
        let percentile = self.total().percentile(quantile, confidence);
        widen(percentile, &self.comparable(), confidence)
    }

    /// The batches to compare: at least [`LEAST`], each with enough samples; else none. The last stretch is
    /// usually cut short; with too few samples it is left out.
    fn comparable(&self) -> Vec<&Latencies> {
        let full: Vec<_> = self
            .batches
            .iter()
            .filter(|batch| batch.samples() >= LEAST_SAMPLES)
            .collect();
        let dense = full.len() + 1 >= self.batches.len() && full.len() >= LEAST;
        if dense { full } else { Vec::new() }
    }

    fn double(&mut self) {
        self.width *= 2;
        let mut merged: Vec<Latencies> = Vec::with_capacity(2 * LEAST);
        for (n, batch) in self.batches.drain(..).enumerate() {
            match merged.last_mut() {
                Some(left) if n % 2 == 1 => left.merge(&batch),
                _ => merged.push(batch),
            }
        }
        self.batches = merged;
    }
}

fn widen(mut percentile: Percentile, batches: &[&Latencies], confidence: f64) -> Percentile {
    percentile.batches = batches.len() as u64;
    let (Some(point), false) = (percentile.point_us, batches.is_empty()) else {
        return percentile;
    };
    let values: Option<Vec<f64>> = batches
        .iter()
        .map(|batch| batch.quantile_us(percentile.quantile).map(|us| us as f64))
        .collect();
    // A batch whose percentile lies beyond every measured value has no finite spread.
    let Some(values) = values else {
        percentile.widened = percentile.upper_us.is_some();
        percentile.upper_us = None;
        return percentile;
    };
    let k = values.len() as f64;
    let mean = values.iter().sum::<f64>() / k;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (k - 1.0);
    let half = (beta::student_t(values.len() as u64 - 1, confidence) * (variance / k).sqrt()).ceil() as u64;
    let (lower, upper) = (point.saturating_sub(half), point.saturating_add(half));
    percentile.widened = lower < percentile.lower_us || percentile.upper_us.is_some_and(|old| upper > old);
    percentile.lower_us = percentile.lower_us.min(lower);
    percentile.upper_us = percentile.upper_us.map(|old| old.max(upper));
    percentile
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    /// 20 s at 100 a second, exponential latencies of mean 100 ms times `factor(second)`.
    fn load(seed: u64, factor: impl Fn(u64) -> f64) -> Batches {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut batches = Batches::new(Duration::ZERO, Duration::from_secs(20));
        for n in 0..2_000_u64 {
            let intended = Duration::from_millis(n * 10);
            let latency = -(1.0 - dice.random::<f64>()).ln() * 0.1 * factor(n / 100);
            batches.record(intended, Some(Duration::from_secs_f64(latency)));
        }
        batches
    }

    #[test]
    fn a_target_with_slow_stretches_gets_a_wider_interval_than_its_samples_suggest() {
        let batches = load(5, |second| if second % 7 == 3 { 8.0 } else { 1.0 });
        let alone = batches.total().percentile(0.95, 0.95);
        let widened = batches.percentile(0.95, 0.95);
        assert!(widened.widened && widened.batches >= 10);
        assert!(widened.upper_us > alone.upper_us, "{alone:?} {widened:?}");
        assert!(widened.lower_us <= alone.lower_us);
    }

    #[test]
    fn the_true_p95_of_independent_samples_lies_inside_in_about_ninety_five_of_a_hundred_runs() {
        let truth = (-(0.05_f64).ln() * 0.1 * 1e6) as u64;
        let inside = (0..200)
            .filter(|seed| {
                let p = load(*seed, |_| 1.0).percentile(0.95, 0.95);
                p.lower_us <= truth && p.upper_us.is_some_and(|upper| truth <= upper)
            })
            .count();
        assert!((186..=200).contains(&inside), "{inside} of 200");
    }

    #[test]
    fn a_long_run_stays_within_twenty_batches_and_loses_nothing() {
        let mut batches = Batches::new(Duration::from_secs(9), Duration::from_secs(1));
        for n in 0..36_000_u64 {
            batches.record(Duration::from_secs(9 + n / 10), Some(Duration::from_micros(n)));
        }
        assert!(
            (LEAST..=2 * LEAST).contains(&batches.batches.len()),
            "{}",
            batches.batches.len()
        );
        assert_eq!(batches.total().samples(), 36_000);
        assert!(batches.stretches().map(|s| s.p95_us).is_sorted());
    }

    #[test]
    fn a_stretch_in_which_most_never_answer_leaves_no_upper_end() {
        let mut batches = load(1, |_| 1.0);
        (0..8).for_each(|_| batches.record(Duration::from_millis(10_500), None));
        let p95 = batches.percentile(0.95, 0.95);
        assert!(p95.point_us.is_some() && p95.upper_us.is_none(), "{p95:?}");
    }

    #[test]
    fn too_few_samples_are_not_compared() {
        let mut batches = Batches::new(Duration::ZERO, Duration::from_secs(20));
        (0..20).for_each(|n| batches.record(Duration::from_secs(n), Some(Duration::from_millis(n))));
        let p95 = batches.percentile(0.95, 0.95);
        assert_eq!((p95.batches, p95.widened), (0, false));
    }
}
