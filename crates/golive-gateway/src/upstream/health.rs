//! M1: what is known of an upstream's health without ever paying for a call.
//!
//! Real attempts are the best evidence. Between them bare connects show whether anybody is there at all. A single
//! failure proves little: an upstream is down after [`DOWN_AFTER`] failures of one kind in a row. A bare connect that
//! works says nothing against attempts that have just failed, so it clears those only once they are old; without
//! that an upstream that nobody calls any more would stay down for ever.
//!
//! Never: makes a request. The probe loop opens a connection and closes it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use golive_resilience::Tick;

/// Failures in a row that make an upstream count as down.
pub const DOWN_AFTER: u32 = 3;
/// So long a failed attempt counts against bare connects that work.
pub const FRESH: Duration = Duration::from_secs(10);
/// So long after an attempt no bare connect is due. With [`DOWN_AFTER`] and the loop's own interval it bounds the
/// time until the loss of an upstream that nobody calls is seen.
pub const PROBE_AFTER: Duration = Duration::from_secs(2);

/// Passive health of one upstream.
#[derive(Debug, Default)]
pub struct LinkHealth {
    state: Mutex<State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    failures: u32,
    bare_failures: u32,
    error: Option<String>,
    down_since: Option<Tick>,
    last_attempt: Option<Tick>,
    last_success: Option<Tick>,
}

impl State {
    fn is_down(&self) -> bool {
        self.failures.max(self.bare_failures) >= DOWN_AFTER
    }
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
        let old = state.last_attempt.is_none_or(|last| now.since(last) >= FRESH);
        if real {
            state.last_attempt = Some(now);
        }
        state.bare_failures = 0;
        if real || old {
            state.failures = 0;
        }
        if !state.is_down() {
            state.down_since = None;
        }
        if state.failures == 0 {
            state.error = None;
            state.last_success = Some(now);
        }
    }

    /// An attempt or a bare connect failed by the upstream's fault.
    pub fn failure(&self, now: Tick, real: bool, error: impl Into<String>) {
        let mut state = self.lock();
        let failures = if real {
            state.last_attempt = Some(now);
            &mut state.failures
        } else {
            &mut state.bare_failures
        };
        *failures = failures.saturating_add(1);
        state.error = Some(error.into());
        if state.is_down() && state.down_since.is_none() {
            state.down_since = Some(now);
        }
    }

    /// Whether nobody called for a while, so that a bare connect is due.
    #[must_use]
    pub fn is_probe_due(&self, now: Tick) -> bool {
        self.lock()
            .last_attempt
            .is_none_or(|last| now.since(last) >= PROBE_AFTER)
    }

    /// The present state.
    #[must_use]
    pub fn read(&self) -> Reading {
        let state = self.lock().clone();
        Reading {
            up: !state.is_down(),
            failures: state.failures.max(state.bare_failures),
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

    const fn s(seconds: u64) -> Tick {
        Tick(seconds * 1_000_000)
    }

    #[test]
    fn three_failures_of_one_kind_in_a_row_are_down_and_one_success_is_up_again() {
        for real in [true, false] {
            let health = LinkHealth::default();
            assert!(health.read().up);
            health.failure(s(1), real, "refused");
            health.failure(s(2), real, "refused");
            assert!(health.read().up);
            health.success(s(3), true);
            health.failure(s(4), real, "refused");
            health.failure(s(5), real, "refused");
            health.failure(s(6), real, "connection refused");
            let reading = health.read();
            assert_eq!(
                (reading.up, reading.down_since, reading.error.as_deref()),
                (false, Some(s(6)), Some("connection refused"))
            );
            health.success(s(7), true);
            assert_eq!((health.read().up, health.read().down_since), (true, None));
        }
    }

    #[test]
    fn a_bare_connect_that_works_hides_no_attempts_that_have_just_failed() {
        let health = LinkHealth::default();
        for second in [0, 3, 6] {
            health.failure(s(second), true, "500");
            health.success(s(second + 2), false);
        }
        assert_eq!(
            (health.read().up, health.read().error.as_deref()),
            (false, Some("500"))
        );
        health.success(s(15), false);
        assert!(!health.read().up, "the last attempt is nine seconds old");
        health.success(s(16), false);
        assert!(health.read().up, "nobody calls any more, and somebody is there");
    }

    #[test]
    fn a_bare_connect_is_due_when_nobody_called_for_a_while() {
        let health = LinkHealth::default();
        assert!(health.is_probe_due(s(0)));
        health.failure(s(1), true, "timeout");
        assert!(!health.is_probe_due(s(2)));
        assert!(health.is_probe_due(s(3)));
        health.success(s(4), false);
        assert!(health.is_probe_due(s(4)), "a bare connect is no attempt");
    }
}
