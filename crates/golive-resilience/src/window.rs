//! S2: the hard sliding window: in no period of the given length is more admitted than the limit.
//!
//! A bucket with a full burst (GCRA) admits nearly twice its rate in the worst period; this window never does.
//! It keeps the time of each admission. Above [`EXACT`] admissions per period, neighbours within a 1/1024 of
//! the period share an entry that expires with its youngest member, which errs only on the strict side.
//!
//! What is counted may be requests or anything else that has a cost, such as tokens: a cost that was taken too high
//! is given back with [`Window::give_back`].
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

impl Standing {
    /// Where nobody stands who has used nothing.
    #[must_use]
    pub fn untouched(policy: &Policy) -> Self {
        Self {
            remaining: policy.count,
            reset: Duration::ZERO,
        }
    }
}

/// The state of one window. Empty until something is admitted, so that an idle key costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Window {
    entries: VecDeque<Entry>,
    used: u64,
}

/// Admissions from `latest - span_us` to `latest`. Sixteen bytes: a million of them is what one hour of a busy
/// gateway leaves behind.
#[derive(Clone, Copy, Debug)]
struct Entry {
    latest: Tick,
    span_us: u32,
    count: u32,
}

impl Entry {
    fn first(&self) -> Tick {
        Tick(self.latest.0.saturating_sub(u64::from(self.span_us)))
    }

    /// Makes it last until `now`. A span too long to be written down reads as shorter than it is: then less is found
    /// to be given back, and nothing expires early.
    fn stretch(&mut self, now: Tick) {
        let span = now.0.saturating_sub(self.first().0);
        self.span_us = u32::try_from(span).unwrap_or(u32::MAX);
        self.latest = now;
    }
}

impl Window {
    /// Whether `cost` more admissions fit now. Forgets what has expired, writes nothing else.
    ///
    /// # Errors
    /// The time after which the same call would fit, if nothing else is admitted meanwhile. A cost above the
    /// whole limit never fits: the answer is then the whole period.
    pub fn check(&mut self, policy: &Policy, cost: u32, now: Tick) -> Result<(), Duration> {
        self.expire(policy, now);
        let wanted = self.used + u64::from(cost);
        if wanted <= u64::from(policy.count) {
            return Ok(());
        }
        if cost > policy.count {
            return Err(policy.period);
        }
        let mut to_free = wanted - u64::from(policy.count);
        for entry in &self.entries {
            if u64::from(entry.count) >= to_free {
                return Err(entry.latest.plus(policy.period).since(now));
            }
            to_free -= u64::from(entry.count);
        }
        Err(policy.period)
    }

    /// Records `cost` admissions at `now` and gives the time they stand under, for [`Window::give_back`]. The caller
    /// has checked; a commit never refuses. `thrifty`: takes no new entry if there is one, at the price that the older
    /// admissions in it expire with this one.
    pub fn commit(&mut self, policy: &Policy, cost: u32, now: Tick, thrifty: bool) -> Tick {
        // A handed-in clock that stands still or lags a little must not disorder the queue.
        let now = self.entries.back().map_or(now, |last| now.max(last.latest));
        if cost == 0 {
            return now;
        }
        if let Some(last) = self.entries.back_mut() {
            let same = last.latest == now;
            let near = policy.count > EXACT && now.since(last.first()) < policy.period / EXACT;
            if (same || near || thrifty)
                && let Some(count) = last.count.checked_add(cost)
            {
                last.stretch(now);
                last.count = count;
                self.used += u64::from(cost);
                return now;
            }
        } else if self.entries.capacity() == 0 {
            self.entries.reserve_exact(1); // most users ask once: the four that a queue begins with would be lost
        }
        self.entries.push_back(Entry {
            latest: now,
            span_us: 0,
            count: cost,
        });
        self.used += u64::from(cost);
        now
    }

    /// Takes back up to `cost` of what was committed under the time `at`; what has expired meanwhile is gone anyway.
    pub fn give_back(&mut self, at: Tick, cost: u32) {
        let found = self.entries.partition_point(|entry| entry.latest < at);
        let Some(entry) = self.entries.get_mut(found).filter(|entry| entry.first() <= at) else {
            return;
        };
        let back = cost.min(entry.count);
        entry.count -= back;
        self.used -= u64::from(back);
        if entry.count == 0 {
            self.entries.remove(found);
        }
    }

    /// What is left and when more comes, for the headers of an answer.
    pub fn standing(&mut self, policy: &Policy, now: Tick) -> Standing {
        self.expire(policy, now);
        let left = u64::from(policy.count).saturating_sub(self.used);
        let mut over = self.used.saturating_sub(u64::from(policy.count));
        // After an overdraft the first entries only pay it off: nothing is left until more than that has expired.
        let frees = self.entries.iter().find(|entry| {
            let pays = u64::from(entry.count);
            let frees = pays > over;
            over = over.saturating_sub(pays);
            frees
        });
        Standing {
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset: frees.map_or(Duration::ZERO, |entry| {
                entry.latest.plus(policy.period).since(now)
            }),
        }
    }

    /// When nothing is counted any more if nothing else is admitted: from then on the state can be dropped. `None`:
    /// nothing is counted.
    #[must_use]
    pub fn idle_from(&self, policy: &Policy) -> Option<Tick> {
        self.entries.back().map(|last| last.latest.plus(policy.period))
    }

    /// How many entries there is room for: 16 bytes each.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.entries.capacity()
    }

    fn expire(&mut self, policy: &Policy, now: Tick) {
        while let Some(front) = self.entries.front() {
            if front.latest.plus(policy.period) > now {
                break;
            }
            self.used -= u64::from(front.count);
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
            window.commit(policy, 1, now, false);
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
        window.commit(&policy, 1, at(0.0), false);
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
            window.commit(&policy, 1, Tick(i * 3600), false);
        }
        assert!(
            window.entries.len() <= EXACT as usize + 2,
            "{}",
            window.entries.len()
        );
    }

    #[test]
    fn what_was_taken_too_high_is_given_back_once_and_never_to_another_time() {
        let policy = Policy {
            count: 10,
            period: HOUR,
        };
        let mut window = Window::default();
        let first = window.commit(&policy, 6, at(1.0), false);
        let second = window.commit(&policy, 4, at(2.0), false);
        assert!(window.check(&policy, 1, at(3.0)).is_err());
        window.give_back(first, 5);
        assert_eq!(window.standing(&policy, at(3.0)).remaining, 5);
        window.give_back(second, 99);
        assert_eq!(window.standing(&policy, at(3.0)).remaining, 9);
        window.give_back(at(1.5), 1);
        assert_eq!(
            window.standing(&policy, at(3.0)).remaining,
            9,
            "nobody was counted then"
        );
        assert_eq!(window.standing(&policy, at(3601.0)), Standing::untouched(&policy));
        window.give_back(first, 1);
        assert_eq!(window.standing(&policy, at(3601.0)).remaining, 10, "it is gone");
    }

    #[test]
    fn an_overdraft_is_paid_off_before_anything_is_left() {
        let policy = Policy {
            count: 10,
            period: HOUR,
        };
        let mut window = Window::default();
        window.commit(&policy, 8, at(0.0), false);
        window.commit(&policy, 8, at(60.0), false);
        let standing = window.standing(&policy, at(61.0));
        assert_eq!(
            (standing.remaining, standing.reset),
            (0, Duration::from_secs(3539))
        );
        let mut window = Window::default();
        window.commit(&policy, 3, at(0.0), false);
        window.commit(&policy, 12, at(60.0), false);
        assert_eq!(
            window.standing(&policy, at(61.0)).reset,
            Duration::from_secs(3599)
        );
        assert!(window.check(&policy, 1, at(3600.0)).is_err());
        assert!(window.check(&policy, 1, at(3660.0)).is_ok());
    }

    #[test]
    fn a_thrifty_window_takes_no_new_entry_and_forgets_nothing_early() {
        let policy = Policy {
            count: 100,
            period: Duration::from_secs(10),
        };
        let mut window = Window::default();
        for second in 0..9 {
            window.commit(&policy, 1, at(f64::from(second)), true);
        }
        assert_eq!(window.entries.len(), 1);
        assert_eq!(window.standing(&policy, at(17.9)).remaining, 91);
        assert_eq!(window.standing(&policy, at(18.0)).remaining, 100);
    }

    proptest! {
        #[test]
        fn whatever_is_given_back_what_stands_is_what_was_kept(
            steps in prop::collection::vec((0_u64..3_000, 1_u32..900, 0_u32..1_000, any::<bool>()), 1..200),
        ) {
            let policy = Policy { count: 5_000, period: Duration::from_millis(100) };
            let mut window = Window::default();
            let mut now = 0;
            let mut kept: Vec<(u64, u32)> = Vec::new();
            for (gap, cost, real, thrifty) in steps {
                now += gap;
                if window.check(&policy, cost, Tick(now)).is_err() {
                    continue;
                }
                let at = window.commit(&policy, cost, Tick(now), thrifty);
                let real = real.min(cost);
                window.give_back(at, cost - real);
                kept.push((now, real));
                // Strict: never less than what really stands in the period that ends now.
                let stands: u32 = kept.iter().filter(|(t, _)| t + 100_000 > now).map(|(_, c)| c).sum();
                prop_assert!(window.standing(&policy, Tick(now)).remaining <= 5_000 - stands);
            }
            let later = Tick(now + 100_000);
            prop_assert_eq!(window.standing(&policy, later), Standing::untouched(&policy));
        }

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
                    window.commit(&policy, cost, Tick(now), false);
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
                    Ok(()) => drop(window.commit(&policy, 1, now, false)),
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
