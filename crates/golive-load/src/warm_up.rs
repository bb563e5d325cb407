//! P1: what to drop from the start of a stage: a least time, and then until two windows in a row agree.
//!
//! Never: sleeps or reads a clock. `now` is handed in.

use serde::Serialize;
use std::time::Duration;

use crate::histogram::Latencies;

/// The rule. PROVER §3.2: at least 30 s, until two successive 10-s windows agree within 20 % in median, at most
/// 2 min.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WarmUp {
    /// Dropped in any case.
    pub least: Duration,
    /// Dropped at most; then it is measured even if it has not settled, and the report says so.
    pub most: Duration,
    /// Length of the windows compared.
    pub window: Duration,
    /// How far two successive medians may differ, as a share of the larger.
    pub agreement: f64,
}

impl Default for WarmUp {
    fn default() -> Self {
        Self {
            least: Duration::from_secs(30),
            most: Duration::from_secs(120),
            window: Duration::from_secs(10),
            agreement: 0.20,
        }
    }
}

impl WarmUp {
    /// The same rule with all times multiplied by `factor` (`0.1` = ten times shorter), for scaled runs.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            least: self.least.mul_f64(factor),
            most: self.most.mul_f64(factor),
            window: self.window.mul_f64(factor).max(Duration::from_millis(1)),
            ..self
        }
    }
}

/// How a warm-up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Warmed {
    /// How long it took, microseconds.
    pub took_us: u64,
    /// Two windows agreed. If not, it ended at its longest.
    pub settled: bool,
}

/// The machine: fed with finished requests, asked when it is over.
#[derive(Debug)]
pub struct Warming {
    rule: WarmUp,
    began: Duration,
    window: u32,
    current: Latencies,
    last_median: Option<u64>,
    agreed: bool,
}

impl Warming {
    /// Begins at `began`.
    #[must_use]
    pub fn new(rule: WarmUp, began: Duration) -> Self {
        Self {
            rule,
            began,
            window: 0,
            current: Latencies::new(),
            last_median: None,
            agreed: false,
        }
    }

    /// A request finished `now` with this latency.
    pub fn finished(&mut self, latency: Duration, now: Duration) {
        self.roll(now);
        self.current.record(latency);
    }

    /// How it ended, if it is over `now`.
    pub fn over(&mut self, now: Duration) -> Option<Warmed> {
        self.roll(now);
        let took = now.saturating_sub(self.began);
        let settled = self.agreed && took >= self.rule.least;
        (settled || took >= self.rule.most).then(|| Warmed {
            took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            settled,
        })
    }

    /// Closes the windows that are past. An empty window agrees with nothing.
    fn roll(&mut self, now: Duration) {
        let window = self.rule.window.max(Duration::from_millis(1));
        let at =
            u32::try_from(now.saturating_sub(self.began).as_nanos() / window.as_nanos()).unwrap_or(u32::MAX);
        if at == self.window {
            return;
        }
        let median = self.current.quantile_us(0.5);
        // The last two windows decide, not any two: a target that swings again is not warm.
        self.agreed = at == self.window + 1
            && self
                .last_median
                .zip(median)
                .is_some_and(|(a, b)| a.abs_diff(b) as f64 <= self.rule.agreement * a.max(b) as f64);
        self.last_median = if at == self.window + 1 { median } else { None };
        self.current = Latencies::new();
        self.window = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten answers a second; `latency` says how long the one at second `s` took.
    fn warm(latency: impl Fn(u64) -> u64) -> Warmed {
        let mut warming = Warming::new(WarmUp::default(), Duration::from_secs(100));
        for tenth in 0.. {
            let now = Duration::from_secs(100) + Duration::from_millis(tenth * 100);
            if let Some(over) = warming.over(now) {
                return over;
            }
            warming.finished(Duration::from_millis(latency(tenth / 10)), now);
        }
        unreachable!()
    }

    #[test]
    fn a_steady_target_is_warm_after_the_least_time() {
        assert_eq!(
            warm(|_| 50),
            Warmed {
                took_us: 30_000_000,
                settled: true
            }
        );
    }

    #[test]
    fn a_target_that_still_gets_faster_is_waited_for() {
        // Halves every ten seconds until 60 s.
        let warmed = warm(|s| 6_400 >> (s / 10).min(6));
        assert_eq!(
            warmed,
            Warmed {
                took_us: 80_000_000,
                settled: true
            }
        );
    }

    #[test]
    fn a_target_that_never_settles_is_measured_after_two_minutes_and_marked() {
        let warmed = warm(|s| if (s / 10) % 2 == 0 { 50 } else { 100 });
        assert_eq!(
            warmed,
            Warmed {
                took_us: 120_000_000,
                settled: false
            }
        );
    }

    #[test]
    fn windows_without_an_answer_agree_with_nothing() {
        let mut warming = Warming::new(WarmUp::default(), Duration::ZERO);
        assert_eq!(warming.over(Duration::from_secs(119)), None);
        let over = warming.over(Duration::from_secs(120));
        assert_eq!(
            over,
            Some(Warmed {
                took_us: 120_000_000,
                settled: false
            })
        );
    }

    #[test]
    fn a_scaled_rule_keeps_its_proportions() {
        let tenth = WarmUp::default().scaled(0.1);
        assert_eq!(
            (tenth.least, tenth.window),
            (Duration::from_secs(3), Duration::from_secs(1))
        );
        assert_eq!(tenth.agreement, 0.20);
    }
}
