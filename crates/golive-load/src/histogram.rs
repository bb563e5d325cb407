//! P1: latencies of one kind, in microseconds, with 3 significant digits.
//!
//! A request that ran into its deadline, or was never sent, has no latency but is not fast either: it counts as
//! *beyond* every measured value. So percentiles cannot improve because a target stopped answering.
//!
//! Never: averages percentiles. Histograms are merged, then read.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

use crate::interval;

/// 3 digits: a value is known to 0.1 %; about 170 KiB once it reaches minutes.
const DIGITS: u8 = 3;
/// One hour. Longer is recorded as one hour: no deadline of this product is that long.
const LONGEST_US: u64 = 3_600_000_000;

/// Latencies, and how many are known only to be longer than any of them.
#[derive(Debug, Clone)]
pub struct Latencies {
    measured: Histogram<u64>,
    beyond: u64,
}

/// A percentile with the ends of its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentile {
    /// Which, in `0.0..1.0`.
    pub quantile: f64,
    /// Samples it was read from, those beyond every measured value included.
    pub samples: u64,
    /// The sample at that rank; `None`: there are none, or it lies beyond every measured value.
    pub point_us: Option<u64>,
    /// Lower end of the interval; 0 when the sample supports none.
    pub lower_us: u64,
    /// Upper end of the interval; `None`: no finite one.
    pub upper_us: Option<u64>,
    /// The spread between time batches was wider than the interval of independent samples, and was used.
    pub widened: bool,
    /// Time batches compared; 0: too few samples or too short to compare any.
    pub batches: u64,
}

/// What a report prints of a set of latencies, microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Samples, those beyond every measured value included.
    pub samples: u64,
    /// Samples beyond every measured value: timed out, or never sent.
    pub beyond: u64,
    /// Shortest measured.
    pub min_us: u64,
    /// Half are faster; `None`: no sample, or beyond every measured value. So below.
    pub p50_us: Option<u64>,
    /// 90 of 100 are faster.
    pub p90_us: Option<u64>,
    /// 95 of 100 are faster.
    pub p95_us: Option<u64>,
    /// 99 of 100 are faster.
    pub p99_us: Option<u64>,
    /// Longest measured.
    pub max_us: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Latencies {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let mut measured = Histogram::new_with_max(2_000_000, DIGITS)
            // Starts at 2 s and grows. Cannot fail: 3 digits are within 0..=5 and the bound is above twice the lowest value.
            .unwrap_or_else(|_| unreachable!("bounds of the histogram are constants"));
        measured.auto(true);
        Self { measured, beyond: 0 }
    }

    /// Adds one. Longer than an hour counts as an hour.
    pub fn record(&mut self, latency: Duration) {
        let us = u64::try_from(latency.as_micros())
            .unwrap_or(u64::MAX)
            .min(LONGEST_US);
        if self.measured.record(us).is_err() {
            // Only when it cannot grow, which an hour at 3 digits never needs.
            self.measured.saturating_record(us);
        }
    }

    /// Adds one that has no latency but is slower than all: timed out, or never sent.
    pub fn record_beyond(&mut self) {
        self.beyond += 1;
    }

    /// Adds all of another set.
    pub fn merge(&mut self, other: &Self) {
        self.beyond += other.beyond;
        if self.measured.add(&other.measured).is_err() {
            // `add` fails only when it may not grow, and `auto` allows that. Nothing may be lost even so.
            for value in other.measured.iter_recorded() {
                self.measured
                    .saturating_record_n(value.value_iterated_to(), value.count_at_value());
            }
        }
    }

    /// Samples, those beyond every measured value included.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.measured.len() + self.beyond
    }

    /// Samples beyond every measured value.
    #[must_use]
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// The sample at the `quantile` (`0.0..=1.0`), nearest rank. `None`: no samples, or beyond.
    #[must_use]
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        let rank = (quantile * self.samples() as f64).ceil().max(1.0) as u64;
        Some(self.at_rank(rank)?.1)
    }

    /// The `quantile` with its interval from independent samples at `confidence`. The lower end is rounded down
    /// and the upper end up to the histogram's precision.
    #[must_use]
    pub fn percentile(&self, quantile: f64, confidence: f64) -> Percentile {
        let samples = self.samples();
        let ranks = interval::quantile_ranks(samples, quantile, confidence);
        Percentile {
            quantile,
            samples,
            point_us: self.quantile_us(quantile),
            lower_us: ranks
                .lower
                .map_or(0, |rank| self.at_rank(rank).map_or(self.measured.max(), |v| v.0)),
            upper_us: ranks.upper.and_then(|rank| self.at_rank(rank)).map(|v| v.1),
            widened: false,
            batches: 0,
        }
    }

    /// The figures a report prints.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            samples: self.samples(),
            beyond: self.beyond,
            min_us: if self.measured.is_empty() {
                0
            } else {
                self.measured.min()
            },
            p50_us: self.quantile_us(0.50),
            p90_us: self.quantile_us(0.90),
            p95_us: self.quantile_us(0.95),
            p99_us: self.quantile_us(0.99),
            max_us: self.measured.max(),
        }
    }

    /// Measured values, ascending, with how often each occurred; for drawing.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.measured
            .iter_recorded()
            .map(|v| (v.value_iterated_to(), v.count_at_value()))
    }

    /// Lowest and highest value that the sample of this rank (from 1) can have had.
    fn at_rank(&self, rank: u64) -> Option<(u64, u64)> {
        let mut seen = 0;
        self.measured.iter_recorded().find_map(|value| {
            seen += value.count_at_value();
            (seen >= rank).then(|| {
                let at = value.value_iterated_to();
                (
                    self.measured.lowest_equivalent(at),
                    self.measured.highest_equivalent(at),
                )
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Latencies {
        let mut all = Latencies::new();
        values
            .into_iter()
            .for_each(|us| all.record(Duration::from_micros(us)));
        all
    }

    #[test]
    fn percentiles_are_right_to_one_in_a_thousand() {
        let all = of((1..=100_000).map(|n| n * 10));
        for (quantile, want) in [(0.5, 500_000.0), (0.95, 950_000.0), (0.99, 990_000.0)] {
            let got = all.quantile_us(quantile).unwrap() as f64;
            assert!((got / want - 1.0).abs() < 0.001, "{quantile}: {got}");
        }
        assert_eq!(all.samples(), 100_000);
    }

    #[test]
    fn what_never_answered_is_slower_than_everything_that_did() {
        let mut all = of(std::iter::repeat_n(1_000, 94));
        (0..6).for_each(|_| all.record_beyond());
        assert_eq!(all.quantile_us(0.5), Some(1_000));
        assert_eq!(all.quantile_us(0.95), None);
        assert_eq!(all.percentile(0.95, 0.95).upper_us, None);
        assert_eq!(all.summary().beyond, 6);
    }

    #[test]
    fn merging_two_halves_is_the_same_as_recording_all() {
        let mut left = of((1..5_000).map(|n| n * 7));
        let right = of((1..5_000).map(|n| n * 7_001));
        left.merge(&right);
        let both = of((1..5_000).flat_map(|n| [n * 7, n * 7_001]));
        assert_eq!(left.summary(), both.summary());
    }

    #[test]
    fn an_hour_is_the_longest() {
        let all = of([u64::MAX]);
        assert!(all.quantile_us(0.5).unwrap() >= LONGEST_US);
    }

    #[test]
    fn sixty_samples_have_no_upper_end_and_a_hundred_have_one() {
        assert_eq!(of(1..=60).percentile(0.95, 0.95).upper_us, None);
        let hundred = of(1..=100).percentile(0.95, 0.95);
        assert_eq!(
            (hundred.lower_us, hundred.point_us, hundred.upper_us),
            (90, Some(95), Some(100))
        );
    }
}
