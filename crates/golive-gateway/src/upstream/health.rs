//! M1: what is known of an upstream's health without ever paying for a call.
//!
//! Real attempts are the evidence while there are any. When none was made for a while, a bare connect takes their
//! place. A single failure proves little: an upstream is down after [`DOWN_AFTER`] failures in a row with no
//! success between, of either kind.
//!
//! Never: makes a request. The probe loop opens a connection and closes it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use golive_resilience::Tick;

/// Failures in a row that make an upstream count as down.
pub const DOWN_AFTER: u32 = 3;
/// For so long after an attempt the attempt's outcome is what counts, and no bare connect is tried.
pub const FRESH: Duration = Duration::from_secs(10);

/// Passive health of one upstream.
#[derive(Debug, Default)]
pub struct LinkHealth {
    state: Mutex<State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    failures: u32,
    error: Option<String>,
    down_since: Option<Tick>,
    last_attempt: Option<Tick>,
    last_success: Option<Tick>,
}

/// The health of an upstream at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whether it counts as up. An upstream nobody has tried yet is up.
    pub up: bool,
    /// Failures since the last success.
    pub failures: u32,
    /// The last failure in words, if the last attempt failed.
    pub error: Option<String>,
    /// Since when it is down.
    pub down_since: Option<Tick>,
    /// When it last worked.
    pub last_success: Option<Tick>,
}

impl LinkHealth {
    /// An attempt or a bare connect worked.
    pub fn success(&self, now: Tick, real: bool) {
        let mut state = self.lock();
        if real {
            state.last_attempt = Some(now);
        }
        state.failures = 0;
        state.error = None;
        state.down_since = None;
        state.last_success = Some(now);
    }

    /// An attempt or a bare connect failed by the upstream's fault.
    pub fn failure(&self, now: Tick, real: bool, error: impl Into<String>) {
        let mut state = self.lock();
        if real {
            state.last_attempt = Some(now);
        }
        state.failures = state.failures.saturating_add(1);
        state.error = Some(error.into());
        if state.failures >= DOWN_AFTER && state.down_since.is_none() {
            state.down_since = Some(now);
        }
    }

    /// Whether real attempts are too old to tell, so that a bare connect is due.
    #[must_use]
    pub fn is_stale(&self, now: Tick) -> bool {
        self.lock()
            .last_attempt
            .is_none_or(|last| now.since(last) >= FRESH)
    }

    /// The present state.
    #[must_use]
    pub fn read(&self) -> Reading {
        let state = self.lock().clone();
        Reading {
            up: state.failures < DOWN_AFTER,
            failures: state.failures,
            error: state.error,
            down_since: state.down_since,
            last_success: state.last_success,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Every write is a whole assignment; a panic elsewhere cannot leave a half-written state behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_are_down_and_one_success_is_up_again() {
        let health = LinkHealth::default();
        assert!(health.read().up);
        health.failure(Tick(1), true, "refused");
        health.failure(Tick(2), true, "refused");
        assert!(health.read().up);
        health.success(Tick(3), true);
        health.failure(Tick(4), true, "refused");
        health.failure(Tick(5), false, "refused");
        health.failure(Tick(6), false, "connection refused");
        let reading = health.read();
        assert_eq!(
            (reading.up, reading.down_since, reading.error.as_deref()),
            (false, Some(Tick(6)), Some("connection refused"))
        );
        health.success(Tick(7), false);
        assert!(health.read().up);
    }

    #[test]
    fn a_bare_connect_is_due_only_when_real_attempts_are_old() {
        let health = LinkHealth::default();
        assert!(health.is_stale(Tick(0)));
        health.failure(Tick(1_000_000), true, "timeout");
        assert!(!health.is_stale(Tick(10_000_000)));
        assert!(health.is_stale(Tick(11_000_000)));
        health.success(Tick(12_000_000), false);
        assert!(health.is_stale(Tick(12_000_001)), "a bare connect is no attempt");
    }
}
