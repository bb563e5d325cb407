//! P1: when to stop before the target is hurt, or time and money are wasted.
//!
//! Never: sleeps, cancels or reads a clock. It is fed with finished requests and says why to stop.

use serde::Serialize;
use std::collections::VecDeque;
use std::time::Duration;

use crate::histogram::Latencies;
use crate::reply::CLASSES;

/// The conditions. PROVER §3.2: errors over 50 % for 10 s; p95 over twice its line in 3 windows in a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Abort {
    /// Errors above this share…
    pub error_share: f64,
    /// …for this long, which is also the window of the next condition.
    pub window: Duration,
    /// p95 line of each class; stop above `over` times the line. `None`: that class has none.
    pub p95_lines: [Option<Duration>; CLASSES],
    /// How many times its line a p95 may be.
    pub over: f64,
    /// Windows in a row above it.
    pub windows: u32,
    /// With fewer finished requests in a window, it says nothing.
    pub least_samples: u64,
}

impl Default for Abort {
    fn default() -> Self {
        Self {
            error_share: 0.50,
            window: Duration::from_secs(10),
            p95_lines: [None; CLASSES],
            over: 2.0,
            windows: 3,
            least_samples: 10,
        }
    }
}

impl Abort {
    /// The same with its window multiplied by `factor`, for scaled runs.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            window: self
                .window
                .mul_f64(factor)
                .max(Duration::from_millis(SLICES.into())),
            ..self
        }
    }
}

/// Why to stop.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum Cause {
    /// Too many errors for too long.
    #[error("{failed} of {of} requests failed in a row of {window_us} µs")]
    Errors {
        /// Failed, in the window.
        failed: u64,
        /// Finished, in the window.
        of: u64,
        /// Length of the window.
        window_us: u64,
    },
    /// p95 too high for too many windows.
    #[error("p95 of class {class} stayed above {line_us} µs for {windows} windows")]
    Latency {
        /// Class of the requests.
        class: usize,
        /// The line times the factor.
        line_us: u64,
        /// How many windows in a row.
        windows: u32,
    },
}

/// The error window moves in tenths of itself.
const SLICES: u32 = 10;

/// The machine.
#[derive(Debug)]
pub struct Watch {
    rule: Abort,
    began: Duration,
    slice: u32,
    /// (failed, finished) of the slice running, then of those before it.
    slices: VecDeque<(u64, u64)>,
    classes: [Latencies; CLASSES],
    above: [u32; CLASSES],
}

impl Watch {
    /// Begins at `began`.
    #[must_use]
    pub fn new(rule: Abort, began: Duration) -> Self {
        Self {
            rule,
            began,
            slice: 0,
            slices: VecDeque::from([(0, 0)]),
            classes: std::array::from_fn(|_| Latencies::new()),
            above: [0; CLASSES],
        }
    }

    /// A request of `class` finished `now`; `latency` is `None` if it never answered. Says why to stop, if so.
    pub fn finished(
        &mut self,
        class: usize,
        failed: bool,
        latency: Option<Duration>,
        now: Duration,
    ) -> Option<Cause> {
        let cause = self.tick(now);
        if let Some(slice) = self.slices.front_mut() {
            *slice = (slice.0 + u64::from(failed), slice.1 + 1);
        }
        // A failure that came fast would hide a slow target.
        match latency {
            None => self.classes[class.min(CLASSES - 1)].record_beyond(),
            Some(latency) if !failed => self.classes[class.min(CLASSES - 1)].record(latency),
            Some(_) => {}
        }
        cause
    }

    /// Closes the slices that are past `now`, and says why to stop, if so.
    pub fn tick(&mut self, now: Duration) -> Option<Cause> {
        let slice = self.rule.window.max(Duration::from_millis(SLICES.into())) / SLICES;
        let at =
            u32::try_from(now.saturating_sub(self.began).as_nanos() / slice.as_nanos()).unwrap_or(u32::MAX);
        let mut cause = None;
        // Beyond two windows of silence every further slice is as empty as these.
        for _ in 0..at.saturating_sub(self.slice).min(2 * SLICES) {
            cause = cause.or_else(|| self.errors());
            self.slice += 1;
            self.slices.push_front((0, 0));
            self.slices.truncate(SLICES as usize);
            if self.slice.is_multiple_of(SLICES) {
                cause = cause.or_else(|| self.latencies());
            }
        }
        self.slice = at;
        cause
    }

    /// A full window only: a shorter one has not lasted.
    fn errors(&self) -> Option<Cause> {
        let (failed, of) = self
            .slices
            .iter()
            .fold((0, 0), |sum, s| (sum.0 + s.0, sum.1 + s.1));
        let full = self.slices.len() == SLICES as usize;
        (full && of >= self.rule.least_samples && failed as f64 > self.rule.error_share * of as f64).then(
            || Cause::Errors {
                failed,
                of,
                window_us: micros(self.rule.window),
            },
        )
    }

    fn latencies(&mut self) -> Option<Cause> {
        for class in 0..CLASSES {
            let window = std::mem::take(&mut self.classes[class]);
            let Some(line) = self.rule.p95_lines[class] else {
                continue;
            };
            let line_us = micros(line.mul_f64(self.rule.over));
            let enough = window.samples() >= self.rule.least_samples;
            let above = enough && window.quantile_us(0.95).is_none_or(|p95| p95 > line_us);
            self.above[class] = if above { self.above[class] + 1 } else { 0 };
            if self.above[class] >= self.rule.windows {
                return Some(Cause::Latency {
                    class,
                    line_us,
                    windows: self.rule.windows,
                });
            }
        }
        None
    }
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten requests a second; `one` says how the one in second `s` ended. When it stopped, in whole seconds.
    fn run(rule: Abort, one: impl Fn(u64, u64) -> (bool, Option<u64>)) -> Option<(u64, Cause)> {
        let mut watch = Watch::new(rule, Duration::ZERO);
        (0..1_200).find_map(|tenth| {
            let (failed, ms) = one(tenth / 10, tenth);
            let now = Duration::from_millis(tenth * 100 + 50);
            watch
                .finished(0, failed, ms.map(Duration::from_millis), now)
                .map(|cause| (tenth / 10, cause))
        })
    }

    #[test]
    fn more_than_half_failing_for_ten_seconds_stops_it() {
        let (at, cause) = run(Abort::default(), |s, _| (s >= 20, Some(5))).unwrap();
        // From second 20 all fail: the ten-second window is more than half bad after 25.
        assert!((25..=27).contains(&at), "{at}");
        assert!(matches!(cause, Cause::Errors { .. }));
    }

    #[test]
    fn half_failing_is_not_more_than_half() {
        assert_eq!(run(Abort::default(), |_, n| (n % 2 == 0, Some(5))), None);
    }

    #[test]
    fn three_slow_windows_in_a_row_stop_it_and_two_do_not() {
        let mut rule = Abort::default();
        rule.p95_lines[0] = Some(Duration::from_secs(3));
        let slow = |from: u64, to: u64| {
            move |s: u64, _| (false, Some(if (from..to).contains(&s) { 7_000 } else { 10 }))
        };
        assert_eq!(run(rule.clone(), slow(20, 40)), None);
        let (at, cause) = run(rule, slow(20, 60)).unwrap();
        assert_eq!(at, 50);
        assert_eq!(
            cause,
            Cause::Latency {
                class: 0,
                line_us: 6_000_000,
                windows: 3
            }
        );
    }

    #[test]
    fn requests_that_never_answer_count_as_slow() {
        let mut rule = Abort {
            error_share: 1.0,
            ..Abort::default()
        };
        rule.p95_lines[0] = Some(Duration::from_secs(3));
        assert!(run(rule, |_, _| (true, None)).is_some());
    }

    #[test]
    fn a_handful_of_requests_says_nothing() {
        let mut watch = Watch::new(Abort::default(), Duration::ZERO);
        for s in 0..200 {
            assert_eq!(
                watch.finished(0, true, Some(Duration::ZERO), Duration::from_secs(s * 2)),
                None
            );
        }
    }
}
