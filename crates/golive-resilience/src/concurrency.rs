//! P1, E5: how many calls may be in progress at once: a fixed number, or one that feels its way.
//!
//! The adaptive limit grows by one for each limit-full of calls that went well while it was used, and shrinks by
//! three tenths when the upstream shows that it is pressed: it refuses for load, it times out, or its answers take
//! longer than the declared time. Calls that began before the last cut say nothing new: one wave of refusals cuts once.
//!
//! Never: counts the calls (the queue does), or goes outside its bounds.

use std::time::Duration;

use crate::Tick;
use crate::failure::Failure;

/// What is left of the limit after a cut: CUBIC's factor (RFC 9438, section 4.6), gentler than TCP's half because the
/// limit is shared by all.
const CUT: (u64, u64) = (7, 10);

/// Calls are counted in thousandths, for a good one raises the limit by less than one.
const MILLI: u64 = 1000;

/// How the limit is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitPolicy {
    /// Always this many; zero reads as one.
    Fixed(u32),
    /// Between two bounds, by what the upstream shows.
    Adaptive(Adaptive),
}

/// The bounds of an adaptive limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adaptive {
    /// Never fewer; zero reads as one.
    pub min: u32,
    /// Never more; below `min` reads as `min`.
    pub max: u32,
    /// The limit at the start, brought within the bounds.
    pub start: u32,
    /// Answers that take longer say that the upstream is pressed. Off by default: how long a model takes depends on
    /// what it is asked far more than on its load.
    pub latency_max: Option<Duration>,
}

/// What a finished call shows of its upstream's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It answered, after so long.
    Answered(Duration),
    /// It is pressed.
    Pressed,
    /// Nothing.
    Silent,
}

impl Sign {
    /// What a failure shows: refusals for load and silence are pressure, all else says nothing about it.
    #[must_use]
    pub fn of(failure: Failure) -> Self {
        match failure {
            Failure::ConnectTimeout
            | Failure::FirstByteTimeout
            | Failure::TotalTimeout
            | Failure::Status {
                code: 408 | 429 | 503 | 504 | 529,
                ..
            } => Self::Pressed,
            _ => Self::Silent,
        }
    }
}

/// The limit.
#[derive(Clone, Debug)]
pub struct Limit {
    policy: LimitPolicy,
    milli: u64,
    /// Calls that began before this say nothing new.
    cut_at: Option<Tick>,
}

impl Limit {
    /// The limit at the start.
    #[must_use]
    pub fn new(policy: LimitPolicy) -> Self {
        let mut limit = Self {
            policy,
            milli: 0,
            cut_at: None,
        };
        let start = match policy {
            LimitPolicy::Fixed(count) => count,
            LimitPolicy::Adaptive(adaptive) => adaptive.start,
        };
        limit.set(u64::from(start) * MILLI);
        limit
    }

    /// Calls that may be in progress now; at least one.
    #[must_use]
    pub fn now(&self) -> u32 {
        u32::try_from(self.milli / MILLI).unwrap_or(u32::MAX)
    }

    /// Hears of a call that began at `started` and is over. `in_flight`: calls in progress, itself among them.
    pub fn finished(&mut self, sign: Sign, started: Tick, in_flight: u32, now: Tick) {
        let LimitPolicy::Adaptive(adaptive) = self.policy else {
            return;
        };
        let pressed = match sign {
            Sign::Answered(took) => adaptive.latency_max.is_some_and(|most| took > most),
            Sign::Pressed => true,
            Sign::Silent => return,
        };
        if !pressed {
            // A limit that nobody comes near has not been tested: it stays.
            if u64::from(in_flight) * 2 * MILLI >= self.milli {
                self.set(self.milli + (MILLI * MILLI / self.milli).max(1));
            }
        } else if self.cut_at.is_none_or(|cut| started >= cut) {
            self.set(self.milli * CUT.0 / CUT.1);
            self.cut_at = Some(now);
        }
    }

    fn set(&mut self, milli: u64) {
        let (min, max) = match self.policy {
            LimitPolicy::Fixed(count) => (count, count),
            LimitPolicy::Adaptive(adaptive) => (adaptive.min, adaptive.max),
        };
        let min = u64::from(min.max(1)) * MILLI;
        self.milli = milli.clamp(min, min.max(u64::from(max) * MILLI));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADAPTIVE: Adaptive = Adaptive {
        min: 2,
        max: 50,
        start: 10,
        latency_max: None,
    };
    const WELL: Sign = Sign::Answered(Duration::from_secs(1));

    fn limit() -> Limit {
        Limit::new(LimitPolicy::Adaptive(ADAPTIVE))
    }

    #[test]
    fn a_fixed_limit_is_fixed_and_never_zero() {
        let mut fixed = Limit::new(LimitPolicy::Fixed(7));
        fixed.finished(Sign::Pressed, Tick(0), 7, Tick(1));
        fixed.finished(WELL, Tick(0), 7, Tick(1));
        assert_eq!(fixed.now(), 7);
        assert_eq!(Limit::new(LimitPolicy::Fixed(0)).now(), 1);
    }

    #[test]
    fn a_limit_full_of_good_calls_raises_it_by_one_up_to_its_bound() {
        let mut limit = limit();
        for _ in 0..11 {
            limit.finished(WELL, Tick(0), 10, Tick(1));
        }
        assert_eq!(limit.now(), 11);
        for _ in 0..10_000 {
            limit.finished(WELL, Tick(0), 50, Tick(1));
        }
        assert_eq!(limit.now(), 50);
    }

    #[test]
    fn a_limit_that_is_not_used_does_not_grow() {
        let mut limit = limit();
        for _ in 0..10_000 {
            limit.finished(WELL, Tick(0), 4, Tick(1));
        }
        assert_eq!(limit.now(), 10);
    }

    #[test]
    fn one_wave_of_refusals_cuts_once_and_the_next_cuts_again() {
        let mut limit = limit();
        for n in 0..10 {
            limit.finished(Sign::Pressed, Tick(n), 10, Tick(100 + n));
        }
        assert_eq!(limit.now(), 7);
        limit.finished(Sign::Pressed, Tick(100), 7, Tick(200));
        assert_eq!(limit.now(), 4);
        for n in 2..20 {
            limit.finished(Sign::Pressed, Tick(n * 100), 2, Tick(n * 100 + 50));
        }
        assert_eq!(limit.now(), 2, "never below its bound");
    }

    #[test]
    fn an_answer_slower_than_declared_is_pressure() {
        let mut limit = Limit::new(LimitPolicy::Adaptive(Adaptive {
            latency_max: Some(Duration::from_secs(3)),
            ..ADAPTIVE
        }));
        limit.finished(Sign::Answered(Duration::from_secs(3)), Tick(0), 10, Tick(1));
        assert_eq!(limit.now(), 10);
        limit.finished(Sign::Answered(Duration::from_secs(4)), Tick(0), 10, Tick(1));
        assert_eq!(limit.now(), 7);
    }

    #[test]
    fn overload_and_silence_are_pressure_and_nothing_else_is() {
        let status = |code| Failure::Status {
            code,
            hinted: false,
            hopeless: false,
        };
        for code in 100..600 {
            let pressed = matches!(code, 408 | 429 | 503 | 504 | 529);
            assert_eq!(Sign::of(status(code)) == Sign::Pressed, pressed, "{code}");
        }
        assert_eq!(Sign::of(Failure::FirstByteTimeout), Sign::Pressed);
        for failure in [
            Failure::NotConnected,
            Failure::CallerLeft,
            Failure::Broken,
            Failure::NoPlace,
            Failure::Blocked { fall_back: false },
        ] {
            assert_eq!(Sign::of(failure), Sign::Silent, "{failure:?}");
        }
    }

    #[test]
    fn it_finds_the_capacity_of_an_upstream_that_refuses_above_it() {
        let mut limit = limit();
        let mut lowest_after_warming_up = u32::MAX;
        for wave in 1..2_000 {
            let in_flight = limit.now();
            for call in 0..in_flight {
                let sign = if call < 20 { WELL } else { Sign::Pressed };
                limit.finished(sign, Tick(wave * 10), in_flight, Tick(wave * 10 + 9));
            }
            if wave > 100 {
                lowest_after_warming_up = lowest_after_warming_up.min(limit.now());
            }
        }
        assert!((13..=21).contains(&limit.now()), "{}", limit.now());
        assert!(lowest_after_warming_up >= 13);
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds_whatever_happens(
            (min, max, start) in (0_u32..100, 0_u32..100, 0_u32..200),
            steps in prop::collection::vec((0_u8..3, 0_u64..1_000, 0_u32..200), 0..300),
        ) {
            let adaptive = Adaptive { min, max, start, latency_max: None };
            let mut limit = Limit::new(LimitPolicy::Adaptive(adaptive));
            for (n, (sign, started, in_flight)) in (0..).zip(steps) {
                let sign = [WELL, Sign::Pressed, Sign::Silent][usize::from(sign)];
                limit.finished(sign, Tick(started), in_flight, Tick(n * 10));
                let least = min.max(1);
                prop_assert!((least..=least.max(max)).contains(&limit.now()));
            }
        }
    }
}
