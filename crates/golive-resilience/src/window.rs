//! S2: the hard sliding window: in no period of the given length are more calls admitted than the limit.
//!
//! A bucket with a full burst (GCRA) admits nearly twice its rate in the worst period; this window never does.
//! It keeps the time of each admission. Above [`EXACT`] admissions per period, neighbours within a 1/1024 of
//! the period share an entry that expires with its youngest member, which errs only on the strict side.
//!
//! Never: admits without being asked (`check` does not write), and never forgets an admission early.

use std::collections::VecDeque;
use std::time::Duration;

use crate::Tick;

/// Up to this many admissions per period each has an entry of its own, and the window is exact to the
/// microsecond: 16 KiB of state at the most.
pub const EXACT: u32 = 1024;

/// The rule of one window: at most `count` admissions in any span of `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Admissions per period; zero admits nothing.
    pub count: u32,
    /// The length of the span the limit holds for.
    pub period: Duration,
}

/// What a window says of one call, before or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Admissions that are left now.
    pub remaining: u32,
    /// The time until `remaining` grows by at least one; zero when nothing is used.
    pub reset: Duration,
}

/// The state of one window. Empty until something is admitted, so that an idle key costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Window {
    entries: VecDeque<Entry>,
    used: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    first: Tick,
    latest: Tick,
    count: u32,
}

impl Window {
    /// Whether `cost` more admissions fit now. Forgets what has expired, writes nothing else.
    ///
    /// # Errors
    /// The time after which the same call would fit, if nothing else is admitted meanwhile. A cost above the
    /// whole limit never fits: the answer is then the whole period.
    pub fn check(&mut self, policy: &Policy, cost: u32, now: Tick) -> Result<(), Duration> {
        self.expire(policy, now);
        if self.used.saturating_add(cost) <= policy.count {
            return Ok(());
        }
        let mut to_free = self.used.saturating_add(cost) - policy.count;
        for entry in &self.entries {
            if entry.count >= to_free {
                return Err(entry.latest.plus(policy.period).since(now));
            }
            to_free -= entry.count;
        }
        Err(policy.period)
    }

    /// Records `cost` admissions at `now`. The caller has checked; a commit never refuses.
    pub fn commit(&mut self, policy: &Policy, cost: u32, now: Tick) {
        if cost == 0 {
            return;
        }
        self.used = self.used.saturating_add(cost);
        // A handed-in clock that stands still or lags a little must not disorder the queue.
        let now = self.entries.back().map_or(now, |last| now.max(last.latest));
        if let Some(last) = self.entries.back_mut() {
            let same = last.latest == now;
            let near = policy.count > EXACT && now.since(last.first) < policy.period / EXACT;
            if same || near {
                last.latest = now;
                last.count = last.count.saturating_add(cost);
                return;
            }
        }
        self.entries.push_back(Entry {
            first: now,
            latest: now,
            count: cost,
        });
    }

    /// What is left and when more comes, for the headers of an answer.
    pub fn standing(&mut self, policy: &Policy, now: Tick) -> Standing {
        self.expire(policy, now);
        Standing {
            remaining: policy.count.saturating_sub(self.used),
            reset: self
                .entries
                .front()
                .map_or(Duration::ZERO, |e| e.latest.plus(policy.period).since(now)),
        }
    }

    /// Whether nothing is counted any more: the state can be dropped.
    pub fn is_idle(&mut self, policy: &Policy, now: Tick) -> bool {
        self.expire(policy, now);
        self.entries.is_empty()
    }

    fn expire(&mut self, policy: &Policy, now: Tick) {
        while let Some(front) = self.entries.front() {
            if front.latest.plus(policy.period) > now {
                break;
            }
            self.used -= front.count;
            self.entries.pop_front();
        }
        if self.entries.is_empty() && self.entries.capacity() > 64 {
            self.entries.shrink_to(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(seconds: f64) -> Tick {
        Tick((seconds * 1e6) as u64)
    }

    fn admit(window: &mut Window, policy: &Policy, now: Tick) -> bool {
        let ok = window.check(policy, 1, now).is_ok();
        if ok {
            window.commit(policy, 1, now);
        }
        ok
    }

    #[test]
    fn the_hundred_and_first_call_of_an_hour_is_refused_until_the_first_is_an_hour_old() {
        let policy = Policy {
            count: 100,
            period: HOUR,
        };
        let mut window = Window::default();
        for i in 0..100 {
            assert!(admit(&mut window, &policy, at(f64::from(i))));
        }
        let wait = window.check(&policy, 1, at(100.0)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(3500));
        assert!(!admit(&mut window, &policy, at(3599.999)));
        assert!(admit(&mut window, &policy, at(3600.0)));
        assert!(
            !admit(&mut window, &policy, at(3600.5)),
            "only one place was freed"
        );
    }

    #[test]
    fn a_refusal_costs_nothing_and_a_check_writes_nothing() {
        let policy = Policy {
            count: 1,
            period: Duration::from_secs(10),
        };
        let mut window = Window::default();
        assert!(window.check(&policy, 1, at(0.0)).is_ok());
        assert_eq!(window.standing(&policy, at(0.0)).remaining, 1);
        window.commit(&policy, 1, at(0.0));
        for i in 1..10 {
            assert!(window.check(&policy, 1, at(f64::from(i))).is_err());
        }
        assert!(
            admit(&mut window, &policy, at(10.0)),
            "refused calls did not lengthen the wait"
        );
    }

    #[test]
    fn a_cost_above_the_limit_waits_the_whole_period_and_never_fits() {
        let policy = Policy {
            count: 3,
            period: HOUR,
        };
        assert_eq!(Window::default().check(&policy, 4, at(0.0)), Err(HOUR));
    }

    #[test]
    fn a_clock_that_lags_does_not_free_a_place_early() {
        let policy = Policy {
            count: 2,
            period: Duration::from_secs(10),
        };
        let mut window = Window::default();
        assert!(admit(&mut window, &policy, at(5.0)));
        assert!(admit(&mut window, &policy, at(4.0)));
        assert!(!admit(&mut window, &policy, at(14.5)));
        assert!(admit(&mut window, &policy, at(15.0)));
    }

    #[test]
    fn state_is_bounded_for_large_limits() {
        let policy = Policy {
            count: 1_000_000,
            period: HOUR,
        };
        let mut window = Window::default();
        for i in 0..1_000_000_u64 {
            window.commit(&policy, 1, Tick(i * 3600));
        }
        assert!(
            window.entries.len() <= EXACT as usize + 2,
            "{}",
            window.entries.len()
        );
    }

    proptest! {
        #[test]
        fn no_span_of_a_period_holds_more_than_the_limit(
            count in 1_u32..40,
            period_ms in 1_u64..5_000,
            gaps in prop::collection::vec(0_u64..400_000, 1..400),
        ) {
            let policy = Policy { count, period: Duration::from_millis(period_ms) };
            let mut window = Window::default();
            let mut now = 0;
            let mut admitted = Vec::new();
            for gap in gaps {
                now += gap;
                if admit(&mut window, &policy, Tick(now)) {
                    admitted.push(now);
                }
            }
            for (i, start) in admitted.iter().enumerate() {
                let inside = admitted[i..].iter().take_while(|t| **t < start + period_ms * 1000).count();
                prop_assert!(inside <= count as usize);
            }
        }

        #[test]
        fn no_span_holds_more_than_a_large_limit_either(
            steps in prop::collection::vec((0_u64..3_000, 1_u32..900), 1..300),
        ) {
            let policy = Policy { count: 2_000, period: Duration::from_millis(100) };
            let mut window = Window::default();
            let mut now = 0;
            let mut admitted: Vec<(u64, u32)> = Vec::new();
            for (gap, cost) in steps {
                now += gap;
                if window.check(&policy, cost, Tick(now)).is_ok() {
                    window.commit(&policy, cost, Tick(now));
                    admitted.push((now, cost));
                }
            }
            for (i, (start, _)) in admitted.iter().enumerate() {
                let inside: u32 =
                    admitted[i..].iter().take_while(|(t, _)| *t < start + 100_000).map(|(_, c)| c).sum();
                prop_assert!(inside <= 2_000);
            }
        }

        #[test]
        fn the_wait_it_names_is_true(
            count in 1_u32..20,
            gaps in prop::collection::vec(0_u64..200_000, 20..80),
        ) {
            let policy = Policy { count, period: Duration::from_secs(1) };
            let mut window = Window::default();
            let mut now = Tick(0);
            for gap in gaps {
                now = Tick(now.0 + gap);
                match window.check(&policy, 1, now) {
                    Ok(()) => window.commit(&policy, 1, now),
                    Err(wait) => {
                        let mut early = window.clone();
                        prop_assert!(early.check(&policy, 1, Tick(now.plus(wait).0 - 1)).is_err());
                        let mut due = window.clone();
                        prop_assert!(due.check(&policy, 1, now.plus(wait)).is_ok());
                    }
                }
            }
        }
    }
}
