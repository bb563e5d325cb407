//! The one place of the gateway that reads a clock.
//!
//! A tick is anchored at the Unix epoch when the process starts and runs on the monotonic clock from there: a
//! wall clock that is stepped backwards frees no limit and disorders no ledger.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use golive_resilience::Tick;

/// The wall clock, in seconds of Unix time: for dates that others wrote (a token's, a certificate's). Nothing of
/// golive's own is measured by it.
#[must_use]
pub fn wall_s() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

/// A tick as a date in UTC, to the millisecond.
#[must_use]
pub fn rfc3339(tick: Tick) -> String {
    let us = i64::try_from(tick.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(us)
        .map(|at| format!("{at:.3}"))
        .unwrap_or_default()
}

/// A monotonic clock whose ticks read as microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    anchor: Instant,
    anchor_us: u64,
}

impl Clock {
    /// Anchors the clock at the present wall time.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the driver that reads the clock"
    )]
    pub fn anchored_now() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            anchor: Instant::now(),
            anchor_us: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Tick {
        Tick(self.anchor_us).plus(self.anchor.elapsed())
    }

    /// The instant on tokio's timer at which `tick` is reached.
    #[must_use]
    pub fn instant_of(&self, tick: Tick) -> tokio::time::Instant {
        (self.anchor + Duration::from_micros(tick.0.saturating_sub(self.anchor_us))).into()
    }
}
