//! S5: how long an address waits for its next refusal, after it was refused again and again.
//!
//! Each address has an allowance of failures that refills with time (a leaky bucket: one time stamp of state). Within
//! it a refusal is told at once; beyond it each further failure doubles the wait, up to the longest. Addresses beyond
//! [`ADDRESSES_MAX`] share one allowance.
//!
//! Never: delays anything itself, or hears of a request that brought a valid credential.

use std::collections::HashMap;
use std::time::Duration;

use crate::Tick;

/// Addresses remembered at once: 2 MiB of state at the most.
pub const ADDRESSES_MAX: usize = 1 << 16;

/// How many doublings lie between the first wait and the end of what is remembered against an address.
const STEPS_MAX: u32 = 16;

/// The rule for all addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Failures that are told at once.
    pub free: u32,
    /// After so long one failure is forgotten.
    pub forget: Duration,
    /// The wait of the first failure beyond the allowance; doubles with each further one.
    pub first: Duration,
    /// No wait is longer. Zero: nobody ever waits.
    pub longest: Duration,
}

/// What is remembered of all addresses.
#[derive(Debug, Default)]
pub struct Slowdown {
    /// For each address, when all of its failures will be forgotten.
    forgotten_at: HashMap<u64, Tick>,
    crowd: Tick,
    next_sweep: Tick,
}

impl Slowdown {
    /// Notes a failure of `address` and says how long its answer should wait.
    pub fn failure(&mut self, rule: &Rule, address: u64, now: Tick) -> Duration {
        if rule.longest.is_zero() {
            return Duration::ZERO;
        }
        let known = self.forgotten_at.contains_key(&address);
        if !known && self.forgotten_at.len() >= ADDRESSES_MAX && now >= self.next_sweep {
            self.forgotten_at.retain(|_, at| *at > now);
            // A flood from ever new addresses must not pay for a sweep with each.
            self.next_sweep = now.plus(rule.forget.max(Duration::from_secs(1)));
        }
        if known || self.forgotten_at.len() < ADDRESSES_MAX {
            step(rule, self.forgotten_at.entry(address).or_default(), now)
        } else {
            step(rule, &mut self.crowd, now)
        }
    }

    /// Addresses with failures that are not forgotten, and some that are not swept up yet.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.forgotten_at.len()
    }
}

fn step(rule: &Rule, forgotten_at: &mut Tick, now: Tick) -> Duration {
    let forget = rule.forget.max(Duration::from_micros(1));
    // What is held against an address is bounded: it may begin afresh a known time after its last failure.
    let most = forget.saturating_mul(rule.free.saturating_add(STEPS_MAX));
    let owed = forgotten_at.since(now).saturating_add(forget).min(most);
    *forgotten_at = now.plus(owed);
    let failures = u32::try_from(owed.as_micros().div_ceil(forget.as_micros())).unwrap_or(u32::MAX);
    match failures.saturating_sub(rule.free) {
        0 => Duration::ZERO,
        beyond => rule
            .first
            .saturating_mul(1 << (beyond - 1).min(STEPS_MAX))
            .min(rule.longest),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: Rule = Rule {
        free: 3,
        forget: Duration::from_secs(1),
        first: Duration::from_millis(100),
        longest: Duration::from_secs(1),
    };

    #[test]
    fn the_allowance_is_free_and_then_each_failure_doubles_the_wait_up_to_the_longest() {
        let mut slowdown = Slowdown::default();
        let now = Tick(1_000_000_000);
        let waits: Vec<u128> = (0..8)
            .map(|_| slowdown.failure(&RULE, 7, now).as_millis())
            .collect();
        assert_eq!(waits, [0, 0, 0, 100, 200, 400, 800, 1000]);
        assert!(
            slowdown.failure(&RULE, 8, now).is_zero(),
            "another address is free"
        );
    }

    #[test]
    fn time_forgives_and_a_bounded_time_forgives_all() {
        let mut slowdown = Slowdown::default();
        let now = Tick(5);
        for _ in 0..1000 {
            slowdown.failure(&RULE, 7, now);
        }
        let later = now.plus(RULE.forget * (RULE.free + STEPS_MAX));
        assert!(slowdown.failure(&RULE, 7, later).is_zero());
    }

    #[test]
    fn a_million_addresses_are_held_in_bounded_memory_and_the_rest_share_one_allowance() {
        let mut slowdown = Slowdown::default();
        let now = Tick(5);
        let mut slowed = 0;
        for address in 0..1_000_000 {
            slowed += u32::from(!slowdown.failure(&RULE, address, now).is_zero());
        }
        assert_eq!(slowdown.tracked(), ADDRESSES_MAX);
        assert!(slowed > 900_000, "{slowed}");
        let later = now.plus(Duration::from_secs(60));
        assert!(slowdown.failure(&RULE, 9_999_999, later).is_zero());
        assert_eq!(slowdown.tracked(), 1, "what is forgotten is swept up");
    }

    #[test]
    fn no_longest_wait_means_no_wait_and_no_memory() {
        let mut slowdown = Slowdown::default();
        let never = Rule {
            longest: Duration::ZERO,
            ..RULE
        };
        for _ in 0..100 {
            assert!(slowdown.failure(&never, 1, Tick(1)).is_zero());
        }
        assert_eq!(slowdown.tracked(), 0);
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_longest_and_none_comes_within_the_allowance(
            steps in proptest::collection::vec((0_u64..4, 0_u64..3_000_000), 1..200),
            free in 0_u32..20,
        ) {
            let rule = Rule { free, ..RULE };
            let mut slowdown = Slowdown::default();
            let (mut now, mut failures) = (Tick(0), [0_u32; 4]);
            for (address, later) in steps {
                now = now.plus(Duration::from_micros(later));
                failures[usize::try_from(address).unwrap()] += 1;
                let wait = slowdown.failure(&rule, address, now);
                prop_assert!(wait <= rule.longest);
                prop_assert!(wait.is_zero() || failures[usize::try_from(address).unwrap()] > free);
            }
        }

        #[test]
        fn at_one_failure_per_forgotten_one_nobody_waits(spare in 0_u64..1_000_000) {
            let mut slowdown = Slowdown::default();
            let mut now = Tick(0);
            for _ in 0..200 {
                prop_assert!(slowdown.failure(&RULE, 1, now).is_zero());
                now = now.plus(RULE.forget).plus(Duration::from_micros(spare));
            }
        }
    }
}
