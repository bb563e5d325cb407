//! State machines over a clock and dice handed in: what the gateway decides with, and nothing it does.
//!
//! Never: sleeps, spawns, logs, locks, reads a clock or rolls dice of its own. `now` is always an argument, and so is
//! chance.
#![forbid(unsafe_code)]

pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod calendar;
pub mod chain;
pub mod concurrency;
pub mod deadline;
pub mod escalation;
pub mod failure;
pub mod hint;
pub mod latency;
pub mod queue;
pub mod refresh;
pub mod retry_budget;
pub mod slowdown;
pub mod window;

/// A point in time in microseconds on a clock the caller owns and that never steps backwards.
///
/// The zero is the caller's choice; golive anchors it at the Unix epoch when the process starts and counts
/// monotonically from there, so that ticks compare with the ledger's time stamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// This tick moved later by `by`; saturates at the end of time.
    #[must_use]
    pub fn plus(self, by: std::time::Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)),
        )
    }

    /// How long after `earlier` this tick is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}
