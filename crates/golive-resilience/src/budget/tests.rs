//! P6: a budget under any interleaving of calls, over midnights and months, and rebuilt from what a ledger remembers.

use proptest::prelude::*;

use super::*;
use crate::calendar::parse_date;

const HOUR: Duration = Duration::from_secs(3600);

fn at(date: &str, seconds: u64) -> Tick {
    let days = u64::try_from(parse_date(date).unwrap()).unwrap();
    Tick((days * 86_400 + seconds) * 1_000_000)
}

fn policy(amount: u64, period: Period) -> Policy {
    Policy {
        amount,
        period,
        offset_s: 0,
    }
}

/// Spends at once.
fn spend(budget: &mut Budget, policy: &Policy, cost: u64, now: Tick) -> Result<(), Over> {
    budget.check(policy, cost, now)?;
    let slot = budget.reserve(policy, cost, now);
    budget.settle(slot, cost, cost);
    Ok(())
}

#[test]
fn a_day_ends_at_midnight_a_week_on_monday_and_a_month_on_the_first() {
    let noon = at("2026-11-25", 12 * 3600); // a Wednesday
    for (period, begins, ends) in [
        (Period::Day, "2026-11-25", "2026-11-26"),
        (Period::Week, "2026-11-23", "2026-11-30"),
        (Period::Month, "2026-11-01", "2026-12-01"),
    ] {
        let rule = policy(100, period);
        assert_eq!(rule.since(noon), at(begins, 0), "{period:?}");
        assert_eq!(rule.ends(noon), at(ends, 0), "{period:?}");
        let mut budget = Budget::default();
        assert_eq!(spend(&mut budget, &rule, 100, noon), Ok(()));
        let wait = at(ends, 0).since(noon);
        assert_eq!(budget.check(&rule, 1, noon), Err(Over::Spent { wait }));
        let last = Tick(at(ends, 0).0 - 1);
        assert!(budget.check(&rule, 1, last).is_err());
        assert_eq!(budget.check(&rule, 100, at(ends, 0)), Ok(()));
    }
    let december = policy(1, Period::Month);
    assert_eq!(december.ends(at("2026-12-31", 5)), at("2027-01-01", 0));
}

#[test]
fn midnight_is_where_the_offset_puts_it() {
    let east = Policy {
        offset_s: 5 * 3600 + 1800,
        ..policy(10, Period::Day)
    };
    // 18:30 in UTC is midnight there.
    assert_eq!(
        east.since(at("2026-11-25", 12 * 3600)),
        at("2026-11-24", 18 * 3600 + 1800)
    );
    assert_eq!(
        east.ends(at("2026-11-25", 12 * 3600)),
        at("2026-11-25", 18 * 3600 + 1800)
    );
    let west = Policy {
        offset_s: -8 * 3600,
        ..policy(10, Period::Month)
    };
    assert_eq!(west.since(at("2026-11-01", 7 * 3600)), at("2026-10-01", 8 * 3600));
}

#[test]
fn what_is_reserved_counts_until_it_is_settled_and_what_was_not_used_comes_back() {
    let rule = policy(100, Period::Day);
    let now = at("2026-11-25", 0);
    let mut budget = Budget::default();
    let slot = budget.reserve(&rule, 80, now);
    assert_eq!(budget.check(&rule, 30, now), Err(Over::InFlight));
    budget.settle(slot, 80, 5);
    assert_eq!(budget.check(&rule, 95, now), Ok(()));
    assert!(matches!(budget.check(&rule, 96, now), Err(Over::Spent { .. })));
    assert_eq!(budget.check(&rule, 101, now), Err(Over::Never));
    let standing = budget.standing(&rule, now);
    assert_eq!((standing.spent, standing.reserved), (5, 0));
    assert_eq!(standing.frees_in, Duration::from_secs(86_400));
}

#[test]
fn more_than_was_reserved_is_counted_all_the_same() {
    let rule = policy(100, Period::Day);
    let now = at("2026-11-25", 0);
    let mut budget = Budget::default();
    let slot = budget.reserve(&rule, 10, now);
    budget.settle(slot, 10, 130);
    assert!(matches!(budget.check(&rule, 1, now), Err(Over::Spent { .. })));
    assert_eq!(budget.standing(&rule, now).spent, 130);
}

#[test]
fn money_belongs_to_the_period_in_which_it_was_reserved() {
    let rule = policy(100, Period::Day);
    let mut budget = Budget::default();
    let late = budget.reserve(&rule, 100, at("2026-11-25", 86_399));
    let midnight = at("2026-11-26", 0);
    assert_eq!(budget.check(&rule, 100, midnight), Ok(()));
    let early = budget.reserve(&rule, 100, midnight);
    budget.settle(late, 100, 100);
    assert_eq!(budget.standing(&rule, midnight).spent, 0);
    budget.settle(early, 100, 40);
    assert_eq!(budget.standing(&rule, midnight).spent, 40);
}

#[test]
fn a_rolling_budget_frees_slice_by_slice_and_never_early() {
    let rule = policy(100, Period::Rolling(HOUR));
    // In the middle of a slice: what is spent there counts until the youngest moment of the slice is an hour old.
    let begin = at("2026-11-25", 5);
    let mut budget = Budget::default();
    assert_eq!(spend(&mut budget, &rule, 60, begin), Ok(()));
    assert_eq!(spend(&mut budget, &rule, 40, begin.plus(HOUR / 2)), Ok(()));
    let Err(Over::Spent { wait }) = budget.check(&rule, 50, begin.plus(HOUR / 2)) else {
        panic!("it is over");
    };
    let frees = begin.plus(HOUR / 2).plus(wait);
    assert!(frees >= begin.plus(HOUR) && frees <= begin.plus(HOUR + HOUR / SLICES));
    assert!(budget.clone().check(&rule, 50, Tick(frees.0 - 1)).is_err());
    assert_eq!(budget.check(&rule, 50, frees), Ok(()));
    let all = begin.plus(HOUR / 2 + HOUR);
    assert!(
        budget.clone().check(&rule, 100, Tick(all.0 - 1)).is_err(),
        "the second is not an hour old"
    );
    assert!(!budget.is_idle(&rule, frees));
    assert!(budget.is_idle(&rule, begin.plus(HOUR * 2)));
}

#[test]
fn a_rolling_budget_is_bounded_in_memory() {
    let rule = policy(u64::MAX, Period::Rolling(HOUR));
    let mut budget = Budget::default();
    for n in 0..100_000_u64 {
        assert_eq!(
            spend(&mut budget, &rule, 1, Tick(1_000_000_000_000 + n * 100_000)),
            Ok(())
        );
    }
    assert!(
        budget.slots.len() <= SLICES as usize + 2,
        "{}",
        budget.slots.len()
    );
}

#[test]
fn what_a_ledger_remembers_counts_and_the_future_counts_as_now() {
    let now = at("2026-11-25", 3600);
    let rule = policy(100, Period::Day);
    let mut budget = Budget::default();
    budget.replay(&rule, 50, at("2026-11-24", 86_399), now);
    assert_eq!(budget.standing(&rule, now).spent, 0, "yesterday is over");
    budget.replay(&rule, 30, at("2026-11-25", 5), now);
    budget.replay(&rule, 20, at("2026-11-29", 5), now);
    assert_eq!(budget.standing(&rule, now).spent, 50);
    let rolling = policy(100, Period::Rolling(HOUR));
    let mut budget = Budget::default();
    for minutes in [50, 10, 30, 70] {
        budget.replay(&rolling, 1, Tick(now.0 - minutes * 60_000_000), now);
    }
    assert_eq!(
        budget.standing(&rolling, now).spent,
        3,
        "in whatever order they come"
    );
}

/// One call: how long after the one before it begins, what it reserves, what part of it it costs, how many begin
/// before it ends.
type CallPlan = (u64, u64, u8, usize);

proptest! {
    #[test]
    fn however_calls_interleave_no_more_is_spent_in_a_period_than_its_amount(
        amount in 1_u64..5_000,
        kind in 0_u8..4,
        calls in prop::collection::vec((0_u64..40_000_000, 1_u64..900, 0_u8..=100, 0_usize..64), 1..250),
    ) {
        let length = Duration::from_secs(600);
        let period = match kind { 0 => Period::Day, 1 => Period::Week, 2 => Period::Month, _ => Period::Rolling(length) };
        let rule = policy(amount, period);
        let mut budget = Budget::default();
        let mut now = at("2026-11-30", 86_000);
        let mut open: Vec<(SlotId, u64, u64, usize, Tick)> = Vec::new();
        let mut spent: Vec<(Tick, u64)> = Vec::new();
        for (gap, cost, percent, outlives) in calls as Vec<CallPlan> {
            now = Tick(now.0 + gap);
            if budget.check(&rule, cost, now).is_ok() {
                let slot = budget.reserve(&rule, cost, now);
                open.push((slot, cost, cost * u64::from(percent) / 100, outlives, now));
            }
            // Never more than the amount is promised.
            let standing = budget.standing(&rule, now);
            prop_assert!(standing.spent + standing.reserved <= amount);
            let mut still = Vec::new();
            for (slot, cost, real, left, reserved_at) in open.drain(..) {
                if left == 0 {
                    budget.settle(slot, cost, real);
                    spent.push((reserved_at, real));
                } else {
                    still.push((slot, cost, real, left - 1, reserved_at));
                }
            }
            open = still;
        }
        for (slot, cost, real, _, reserved_at) in open {
            budget.settle(slot, cost, real);
            spent.push((reserved_at, real));
        }
        spent.sort_unstable();
        for (begin, _) in &spent {
            let within = |other: Tick| match period {
                Period::Rolling(length) => other >= *begin && other < begin.plus(length),
                _ => rule.since(other) == rule.since(*begin),
            };
            let sum: u64 = spent.iter().filter(|(other, _)| within(*other)).map(|(_, real)| real).sum();
            prop_assert!(sum <= amount, "{sum} of {amount}");
        }
    }

    #[test]
    fn the_wait_it_names_is_true(
        spends in prop::collection::vec((0_u64..60_000_000, 1_u64..60), 1..60),
        kind in 0_u8..3,
    ) {
        let period = match kind { 0 => Period::Day, 1 => Period::Month, _ => Period::Rolling(HOUR) };
        let rule = policy(100, period);
        let mut budget = Budget::default();
        let mut now = at("2026-11-25", 0);
        for (gap, cost) in spends {
            now = Tick(now.0 + gap);
            match budget.check(&rule, cost, now) {
                Ok(()) => { let slot = budget.reserve(&rule, cost, now); budget.settle(slot, cost, cost); }
                Err(Over::Spent { wait }) => {
                    prop_assert!(budget.clone().check(&rule, cost, Tick(now.plus(wait).0 - 1)).is_err());
                    prop_assert_eq!(budget.clone().check(&rule, cost, now.plus(wait)), Ok(()));
                }
                Err(other) => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
