//! P3: how long to wait before the next round of attempts.
//!
//! The waits are the checklist's 1 s, 2 s, 4 s, each spread evenly over ± the jitter, so that callers who failed
//! together do not come back together. A provider's own hint (see [`crate::hint`]) lengthens the wait and never
//! shortens it.
//!
//! Never: sleeps, or rolls dice of its own.

use std::time::Duration;

/// Chance, handed in: each roll is evenly spread over all of `u64`.
pub trait Dice {
    /// The next roll.
    fn roll(&mut self) -> u64;
}

impl<F: FnMut() -> u64> Dice for F {
    fn roll(&mut self) -> u64 {
        self()
    }
}

/// A roll brought down to `0..bound`; zero if `bound` is. The unevenness is below one in 2^32 for the bounds in use.
#[must_use]
pub fn below(dice: &mut impl Dice, bound: u64) -> u64 {
    u64::try_from((u128::from(dice.roll()) * u128::from(bound)) >> 64).unwrap_or(0)
}

/// What is tried again after a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// Each round asks every link once; the waits lie between the rounds.
    #[default]
    Rotate,
    /// A link is asked again and again, with the waits between, before the next one is.
    RetryFirst,
}

/// The numbers of retries for one agent or model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The waits between rounds; their number is the number of retries. Empty: nothing is tried twice.
    pub backoff: Vec<Duration>,
    /// How far a wait may lie from its mean, in percent of it; above 100 reads as 100.
    pub jitter_percent: u32,
    /// Whether rounds go over the chain or stay on a link.
    pub patience: Patience,
    /// Attempts of one request, over all links and rounds; zero reads as one.
    pub attempts_max: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            backoff: [1, 2, 4].map(Duration::from_secs).to_vec(),
            jitter_percent: 20,
            patience: Patience::Rotate,
            attempts_max: 16,
        }
    }
}

impl RetryPolicy {
    /// The wait after round `round`, counted from zero, spread by the dice; `None` when there is no further round.
    #[must_use]
    pub fn wait(&self, round: usize, dice: &mut impl Dice) -> Option<Duration> {
        let mean = micros(*self.backoff.get(round)?);
        let spread = self.spread(mean);
        let offset = below(dice, spread.saturating_mul(2).saturating_add(1));
        Some(Duration::from_micros((mean - spread).saturating_add(offset)))
    }

    /// How much later than a hint a caller comes back, by the dice: at most the jitter of that round's wait. All who
    /// were told the same second would otherwise return in the same millisecond.
    #[must_use]
    pub fn after_hint(&self, round: usize, dice: &mut impl Dice) -> Duration {
        let mean = self.backoff.get(round).map_or(0, |mean| micros(*mean));
        Duration::from_micros(below(dice, self.spread(mean).saturating_add(1)))
    }

    fn spread(&self, mean: u64) -> u64 {
        let share = u128::from(mean) * u128::from(self.jitter_percent.min(100)) / 100;
        u64::try_from(share).unwrap_or(mean)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Dice that go through the numbers of a fixed walk (`SplitMix64`).
    pub(crate) fn dice(mut seed: u64) -> impl FnMut() -> u64 {
        move || {
            seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = seed;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        }
    }

    #[test]
    fn three_retries_wait_one_two_and_four_seconds_give_or_take_a_fifth() {
        let policy = RetryPolicy::default();
        for (round, mean_ms) in [1000, 2000, 4000].into_iter().enumerate() {
            let wait = |roll: u64| policy.wait(round, &mut || roll).unwrap().as_millis();
            assert_eq!(wait(0), mean_ms * 8 / 10);
            assert_eq!(wait(u64::MAX), mean_ms * 12 / 10);
            assert_eq!(wait(u64::MAX / 2), mean_ms);
        }
        assert_eq!(policy.wait(3, &mut || 0), None);
    }

    #[test]
    fn waits_are_evenly_spread_over_the_jitter() {
        let policy = RetryPolicy::default();
        let mut dice = dice(7);
        let mut tenths = [0_u32; 10];
        for _ in 0..10_000 {
            let us = policy.wait(0, &mut dice).unwrap().as_micros() - 800_000;
            tenths[usize::try_from(us * 10 / 400_001).unwrap()] += 1;
        }
        // Ten cells of 1,000 on average, deviation 30: five deviations.
        assert!(tenths.iter().all(|n| (850..=1150).contains(n)), "{tenths:?}");
    }

    #[test]
    fn no_jitter_is_exact_and_more_than_all_is_all() {
        let mut policy = RetryPolicy {
            jitter_percent: 0,
            ..RetryPolicy::default()
        };
        assert_eq!(policy.wait(1, &mut || u64::MAX), Some(Duration::from_secs(2)));
        assert_eq!(policy.after_hint(1, &mut || u64::MAX), Duration::ZERO);
        policy.jitter_percent = 500;
        assert_eq!(policy.wait(1, &mut || 0), Some(Duration::ZERO));
        assert_eq!(policy.wait(1, &mut || u64::MAX), Some(Duration::from_secs(4)));
    }

    proptest! {
        #[test]
        fn a_wait_lies_within_its_jitter_whatever_the_numbers(
            mean_us in any::<u64>(),
            jitter_percent in 0_u32..=100,
            roll in any::<u64>(),
        ) {
            let mean = Duration::from_micros(mean_us);
            let policy = RetryPolicy { backoff: vec![mean], jitter_percent, ..RetryPolicy::default() };
            let wait = micros(policy.wait(0, &mut || roll).unwrap());
            let spread = u64::try_from(u128::from(mean_us) * u128::from(jitter_percent) / 100).unwrap();
            prop_assert!(wait >= mean_us - spread);
            prop_assert!(wait <= mean_us.saturating_add(spread));
            prop_assert!(micros(policy.after_hint(0, &mut || roll)) <= spread);
        }
    }
}
