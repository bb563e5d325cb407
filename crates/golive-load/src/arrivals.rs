//! P1: when requests are due. A seeded Poisson process (independent callers) or an even beat, with a rate that
//! changes from stage to stage without a gap.
//!
//! Never: looks at what was answered. That is what makes the load *open*: a slow target does not slow it down.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How requests follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Independent callers: exponential gaps. What real traffic looks like from far.
    #[default]
    Poisson,
    /// One each `1 / rate`: for measuring a machine, not for judging a service.
    Constant,
}

/// An endless row of due times at a rate that may be changed.
#[derive(Debug)]
pub struct Schedule {
    pattern: Pattern,
    dice: StdRng,
    /// Arrivals a second; positive.
    rate: f64,
    /// Where the rate began to hold.
    since: Duration,
    /// Arrivals since then, for the even beat: counted, so that rounding does not add up.
    count: u64,
    next: Duration,
}

impl Schedule {
    /// Arrivals from `since` on at `rate_per_s` (positive; anything else never arrives). The same seed gives
    /// the same row.
    #[must_use]
    pub fn new(pattern: Pattern, seed: u64, since: Duration, rate_per_s: f64) -> Self {
        let dice = StdRng::seed_from_u64(seed);
        let mut schedule = Self {
            pattern,
            dice,
            rate: rate_per_s,
            since,
            count: 0,
            next: since,
        };
        schedule.advance();
        schedule
    }

    /// The next due time.
    #[must_use]
    pub fn next(&self) -> Duration {
        self.next
    }

    /// Takes the next due time.
    pub fn take(&mut self) -> Duration {
        let due = self.next;
        self.advance();
        due
    }

    /// From `at` on, arrivals come at another rate. The pending one is drawn anew: a Poisson process has no
    /// memory, so nothing is lost or bunched at the seam.
    pub fn change(&mut self, at: Duration, rate_per_s: f64) {
        (self.rate, self.since, self.count, self.next) = (rate_per_s, at, 0, at);
        self.advance();
    }

    fn advance(&mut self) {
        self.count += 1;
        self.next = match self.pattern {
            Pattern::Constant => self.since.saturating_add(seconds(self.count as f64 / self.rate)),
            // `1 - u` is in (0, 1]: the logarithm is finite.
            Pattern::Poisson => self
                .next
                .saturating_add(seconds(-(1.0 - self.dice.random::<f64>()).ln() / self.rate)),
        };
    }
}

/// Due times of several stages in a row, each `(rate_per_s, length)`; for printing a plan and for tests.
pub fn piecewise(
    pattern: Pattern,
    seed: u64,
    stages: &[(f64, Duration)],
) -> impl Iterator<Item = (usize, Duration)> + '_ {
    let first = stages.first().map_or(0.0, |stage| stage.0);
    let mut schedule = Schedule::new(pattern, seed, Duration::ZERO, first);
    let (mut stage, mut end) = (0, stages.first().map_or(Duration::ZERO, |stage| stage.1));
    std::iter::from_fn(move || {
        while schedule.next() >= end {
            stage += 1;
            let &(rate, length) = stages.get(stage)?;
            schedule.change(end, rate);
            end += length;
        }
        Some((stage, schedule.take()))
    })
}

/// A rate of zero, or one so small that the time overflows, never arrives.
fn seconds(s: f64) -> Duration {
    Duration::try_from_secs_f64(s).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(pattern: Pattern, seed: u64, rate: f64, count: usize) -> Vec<Duration> {
        let mut schedule = Schedule::new(pattern, seed, Duration::ZERO, rate);
        (0..count).map(|_| schedule.take()).collect()
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_the_rate() {
        let times = times(Pattern::Poisson, 7, 200.0, 100_000);
        let gaps: Vec<f64> = times
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64())
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Exponential gaps: mean and standard deviation are both 1/rate. 100,000 samples: ± 1 % is 3 sigma.
        assert!((mean * 200.0 - 1.0).abs() < 0.01, "mean {mean}");
        assert!(
            (variance.sqrt() * 200.0 - 1.0).abs() < 0.02,
            "spread {}",
            variance.sqrt()
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_row_and_another_seed_another() {
        assert_eq!(
            times(Pattern::Poisson, 3, 10.0, 50),
            times(Pattern::Poisson, 3, 10.0, 50)
        );
        assert_ne!(
            times(Pattern::Poisson, 3, 10.0, 50),
            times(Pattern::Poisson, 4, 10.0, 50)
        );
    }

    #[test]
    fn an_even_beat_does_not_drift() {
        let times = times(Pattern::Constant, 0, 3.0, 3_000_000);
        assert_eq!(times.last(), Some(&Duration::from_secs(1_000_000)));
    }

    #[test]
    fn stages_follow_each_other_without_a_gap_at_their_own_rate() {
        let plan = [
            (100.0, Duration::from_secs(50)),
            (1_000.0, Duration::from_secs(50)),
        ];
        let all: Vec<_> = piecewise(Pattern::Poisson, 11, &plan).collect();
        let in_stage = |n| all.iter().filter(move |(stage, _)| *stage == n).count() as f64;
        assert!((in_stage(0) / 5_000.0 - 1.0).abs() < 0.05 && (in_stage(1) / 50_000.0 - 1.0).abs() < 0.02);
        assert!(all.is_sorted_by_key(|(_, at)| *at) && all.last().unwrap().1 < Duration::from_secs(100));
    }

    #[test]
    fn a_rate_of_nothing_never_arrives() {
        assert_eq!(times(Pattern::Constant, 0, 0.0, 1), [Duration::MAX]);
        assert_eq!(times(Pattern::Poisson, 0, 0.0, 1), [Duration::MAX]);
    }
}
