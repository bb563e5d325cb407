//! P3: how many retries one upstream may get, so that an outage is not answered with a storm.
//!
//! In any [`WINDOW`] an upstream gets at most the floor (so many a second) and a share of its first attempts as
//! retries. The floor is counted over the whole window: a burst of failures after a calm may spend it at once. A first
//! attempt of a request at a link is never refused here, so falling back to another link is not bounded by it.
//!
//! Sharing: the machine wants `&mut`; a short mutex around it will do.
//!
//! Never: sleeps or reads a clock.

use std::time::Duration;

use crate::Tick;

/// The span over which first attempts and retries are compared.
pub const WINDOW: Duration = Duration::from_secs(10);

/// Whole seconds of the window and the one that is running: no span of [`WINDOW`] reaches further back.
const SECONDS: usize = 11;

/// The numbers of a retry budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryBudgetPolicy {
    /// Retries a second that are allowed whatever the traffic.
    pub floor_per_second: u32,
    /// Retries beyond these, in percent of the first attempts; above 100 is allowed and unwise.
    pub share_percent: u32,
}

impl Default for RetryBudgetPolicy {
    fn default() -> Self {
        Self {
            floor_per_second: 10,
            share_percent: 20,
        }
    }
}

/// What was attempted at one upstream in the last seconds.
#[derive(Clone, Debug, Default)]
pub struct RetryBudget {
    seconds: [Second; SECONDS],
    newest: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Second {
    /// Which second since the clock's zero.
    number: u64,
    firsts: u32,
    retries: u32,
}

impl RetryBudget {
    /// Notes the first attempt of a request.
    pub fn first(&mut self, now: Tick) {
        let second = self.second(now);
        second.firsts = second.firsts.saturating_add(1);
    }

    /// Takes a retry from the budget if one is left, and says whether it did.
    #[must_use]
    pub fn retry(&mut self, policy: &RetryBudgetPolicy, now: Tick) -> bool {
        let granted = self.left(policy, now) > 0;
        if granted {
            let second = self.second(now);
            second.retries = second.retries.saturating_add(1);
        }
        granted
    }

    /// Retries that are left now.
    #[must_use]
    pub fn left(&self, policy: &RetryBudgetPolicy, now: Tick) -> u64 {
        let newest = number(now).max(self.newest);
        let recent = |second: &&Second| second.number + (SECONDS as u64) > newest;
        let (firsts, retries) =
            self.seconds
                .iter()
                .filter(recent)
                .fold((0, 0), |(firsts, retries), second| {
                    (
                        firsts + u64::from(second.firsts),
                        retries + u64::from(second.retries),
                    )
                });
        let floor = u64::from(policy.floor_per_second) * WINDOW.as_secs();
        let share = firsts * u64::from(policy.share_percent) / 100;
        (floor + share).saturating_sub(retries)
    }

    /// The running second. A clock that lags a little, because another thread was faster, counts into the newest one.
    fn second(&mut self, now: Tick) -> &mut Second {
        self.newest = number(now).max(self.newest);
        let number = self.newest;
        let second = &mut self.seconds[(number % SECONDS as u64) as usize];
        if second.number != number {
            *second = Second {
                number,
                ..Second::default()
            };
        }
        second
    }
}

fn number(now: Tick) -> u64 {
    now.0 / 1_000_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick(seconds * 1_000_000)
    }

    fn granted(budget: &mut RetryBudget, policy: &RetryBudgetPolicy, asked: u32, now: Tick) -> u32 {
        (0..asked).map(|_| u32::from(budget.retry(policy, now))).sum()
    }

    #[test]
    fn without_traffic_ten_a_second_are_allowed_and_a_calm_saves_up_no_more_than_the_window() {
        let policy = RetryBudgetPolicy::default();
        let mut budget = RetryBudget::default();
        assert_eq!(granted(&mut budget, &policy, 1_000, at(1_000)), 100);
        assert_eq!(granted(&mut budget, &policy, 1_000, at(1_010)), 0);
        assert_eq!(granted(&mut budget, &policy, 1_000, at(1_011)), 100);
        assert_eq!(granted(&mut budget, &policy, 1_000, at(9_000)), 100);
    }

    #[test]
    fn under_an_outage_a_fifth_of_the_traffic_is_retried_beyond_the_floor() {
        let policy = RetryBudgetPolicy::default();
        let mut budget = RetryBudget::default();
        let (mut firsts, mut retries) = (0, 0);
        for second in 100..160 {
            for _ in 0..500 {
                budget.first(at(second));
                firsts += 1;
                retries += granted(&mut budget, &policy, 3, at(second));
            }
        }
        let allowed = firsts / 5 + 10 * 60;
        assert!(retries <= allowed + 100, "{retries} of {allowed}");
        assert!(retries * 10 >= allowed * 9, "{retries} of {allowed}");
    }

    #[test]
    fn nothing_allowed_is_nothing_granted() {
        let policy = RetryBudgetPolicy {
            floor_per_second: 0,
            share_percent: 0,
        };
        let mut budget = RetryBudget::default();
        budget.first(at(5));
        assert!(!budget.retry(&policy, at(5)));
    }

    #[test]
    fn a_clock_that_lags_opens_no_second_budget() {
        let policy = RetryBudgetPolicy::default();
        let mut budget = RetryBudget::default();
        assert_eq!(granted(&mut budget, &policy, 200, at(50)), 100);
        assert_eq!(granted(&mut budget, &policy, 200, at(39)), 0);
        assert_eq!(granted(&mut budget, &policy, 200, at(50)), 0);
    }

    proptest! {
        /// Against a naive model that remembers every attempt.
        #[test]
        fn no_window_holds_more_than_its_floor_and_its_share_and_what_is_left_is_granted(
            floor_per_second in 0_u32..20,
            share_percent in 0_u32..120,
            steps in prop::collection::vec((0_u64..1_500_000, any::<bool>(), 1_u32..20), 1..40),
        ) {
            let policy = RetryBudgetPolicy { floor_per_second, share_percent };
            let mut budget = RetryBudget::default();
            let (mut firsts, mut retries): (Vec<u64>, Vec<u64>) = Default::default();
            let mut now = 0;
            for (gap, first, times) in steps {
                now += gap;
                for _ in 0..times {
                    if first {
                        budget.first(Tick(now));
                        firsts.push(now);
                        continue;
                    }
                    let left = budget.left(&policy, Tick(now));
                    let granted = budget.retry(&policy, Tick(now));
                    prop_assert_eq!(granted, left > 0);
                    let since = |span: u64, times: &[u64]| {
                        times.iter().filter(|t| *t + span > now).count() as u64
                    };
                    let floor = u64::from(floor_per_second) * 10;
                    let share = |firsts: u64| firsts * u64::from(share_percent) / 100;
                    if granted {
                        retries.push(now);
                        // Strict over any ten seconds, with the share of what came in eleven at the most.
                        prop_assert!(since(10_000_000, &retries) <= floor + share(since(11_000_000, &firsts)));
                    } else {
                        // Refused only if it is spent over what the window can have seen.
                        prop_assert!(since(11_000_000, &retries) >= floor + share(since(10_000_000, &firsts)));
                    }
                }
            }
        }
    }
}
