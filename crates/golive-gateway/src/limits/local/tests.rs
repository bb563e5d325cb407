//! S2: the windows of one process: what any interleaving of calls may get, and what it may cost.

use std::sync::atomic::{AtomicU32, Ordering};

use golive_resilience::window::Policy;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::limits::{Rule, Unit};

const HOUR: Duration = Duration::from_secs(3600);

fn item(scope: Scope, whose: u128, count: u32, period: Duration, cost: u32) -> Item {
    let rule = Rule {
        scope,
        unit: Unit::Requests,
        policy: Policy { count, period },
        one_of_several: false,
    };
    // Users come hashed; these are made as far apart.
    let spread = whose.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Item {
        key: Key::of(&rule, spread),
        rule,
        cost,
    }
}

fn count(items: &[Item]) -> Ask {
    Ask {
        items: items.to_vec(),
        then: Then::Count,
    }
}

fn hold(items: &[Item]) -> Ask {
    Ask {
        items: items.to_vec(),
        then: Then::Hold {
            id: Uuid::nil(),
            ttl: HOUR,
        },
    }
}

fn look(items: &[Item]) -> Ask {
    Ask {
        items: items.to_vec(),
        then: Then::Look,
    }
}

#[test]
fn sixty_four_threads_get_exactly_the_limit_of_every_window() {
    let limits = Local::default();
    let admitted = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..64_u64 {
            let (limits, admitted) = (&limits, &admitted);
            scope.spawn(move || {
                for n in 0..50 {
                    let items = [
                        item(Scope::User, u128::from(thread % 4), 100, HOUR, 1),
                        item(Scope::User, u128::from(thread % 4), 80, HOUR / 2, 1),
                        item(Scope::Global, 0, 300, HOUR, 1),
                    ];
                    if limits.judge_now(&count(&items), Tick(n)).is_ok() {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 300);
}

#[test]
fn a_refusal_by_one_window_eats_nothing_of_another() {
    let limits = Local::default();
    let of = |user| {
        [
            item(Scope::User, user, 1, HOUR, 1),
            item(Scope::Team, 9, 3, HOUR, 1),
            item(Scope::Global, 0, 2, HOUR, 1),
        ]
    };
    assert!(limits.judge_now(&count(&of(1)), Tick(0)).is_ok());
    for _ in 0..5 {
        let refusal = limits.judge_now(&count(&of(1)), Tick(1)).unwrap_err();
        assert_eq!(refusal.rule.scope, Scope::User);
    }
    assert!(limits.judge_now(&count(&of(2)), Tick(2)).is_ok());
    let refusal = limits.judge_now(&count(&of(3)), Tick(3)).unwrap_err();
    assert_eq!(refusal.rule.scope, Scope::Global);
    let left: Vec<u32> = refusal.standings.iter().map(|s| s.standing.remaining).collect();
    assert_eq!(left, [1, 1, 0]);
    assert!(limits.judge_now(&look(&of(4)), Tick(4)).is_err());
}

#[test]
fn a_look_writes_nothing_and_remembers_nobody() {
    let limits = Local::default();
    for user in 0..1000 {
        assert!(
            limits
                .judge_now(&look(&[item(Scope::User, user, 1, HOUR, 1)]), Tick(0))
                .is_ok()
        );
    }
    assert_eq!(limits.tracked(), 0);
}

#[test]
fn of_several_windows_the_one_that_waits_longest_is_named() {
    let limits = Local::default();
    let items = [
        item(Scope::User, 1, 2, HOUR, 1),
        item(Scope::User, 1, 2, Duration::from_secs(10), 1),
    ];
    for _ in 0..2 {
        assert!(limits.judge_now(&count(&items), Tick(0)).is_ok());
    }
    let refusal = limits.judge_now(&count(&items), Tick(1_000_000)).unwrap_err();
    assert_eq!(refusal.wait, Duration::from_secs(3599));
    assert_eq!(refusal.rule.policy.period, HOUR);
}

#[test]
fn what_the_ledger_remembers_counts_and_the_future_counts_as_now() {
    let limits = Local::default();
    let now = Tick(10_000_000_000);
    let of = |cost| [item(Scope::User, 1, 3, HOUR, cost)];
    limits.replay(&of(2), Tick(9_999_000_000), now);
    limits.replay(&of(1), Tick(99_000_000_000), now);
    limits.replay(&of(9), Tick(1), now);
    let refusal = limits.judge_now(&count(&of(1)), now).unwrap_err();
    assert!(refusal.wait <= HOUR, "{:?}", refusal.wait);
}

#[test]
fn a_settlement_gives_back_what_was_not_used_and_counts_what_was_used_beyond() {
    let limits = Local::default();
    let of = |cost| {
        [
            item(Scope::User, 1, 100, HOUR, cost),
            item(Scope::Global, 0, 1000, HOUR, cost),
        ]
    };
    let left =
        |standings: &Standings| -> Vec<u32> { standings.iter().map(|s| s.standing.remaining).collect() };
    let granted = limits.judge_now(&hold(&of(80)), Tick(0)).unwrap();
    assert_eq!(left(&granted.standings), [20, 920]);
    assert!(limits.judge_now(&hold(&of(30)), Tick(1)).is_err());
    let held = granted.held.unwrap();
    assert_eq!(left(&limits.settle_now(&held, 10, Tick(2))), [90, 990]);
    let held = limits.judge_now(&hold(&of(80)), Tick(3)).unwrap().held.unwrap();
    assert_eq!(left(&limits.settle_now(&held, 120, Tick(4))), [0, 870]);
}

#[test]
fn a_hold_that_nobody_settles_in_its_time_stands() {
    let limits = Local::default();
    let of = |cost| [item(Scope::User, 1, 100, HOUR * 3, cost)];
    let held = limits.judge_now(&hold(&of(80)), Tick(0)).unwrap().held.unwrap();
    let late = Tick(0).plus(HOUR);
    assert_eq!(limits.settle_now(&held, 0, late).0[0].standing.remaining, 20);
}

#[test]
fn idle_users_are_forgotten_as_new_ones_come() {
    let limits = Local::default();
    for n in 0..400_000_u64 {
        let items = [item(Scope::User, u128::from(n), 2, Duration::from_millis(1), 1)];
        assert!(limits.judge_now(&count(&items), Tick(n * 1000)).is_ok());
    }
    assert!(limits.tracked() < 1000, "{}", limits.tracked());
}

#[test]
fn newcomers_beyond_the_bound_share_one_window_and_known_users_keep_theirs() {
    let mut shard = Shard::default();
    let of = |user| item(Scope::User, user, 2, HOUR, 1);
    for user in 0..WINDOWS_MAX as u128 {
        shard.commit(&of(user), Tick(0));
    }
    let beyond = WINDOWS_MAX as u128;
    for n in 0..2 {
        assert!(shard.check(&of(beyond + n), Tick(1)).is_ok());
        shard.commit(&of(beyond + n), Tick(1));
    }
    assert!(
        shard.check(&of(beyond + 2), Tick(2)).is_err(),
        "they share one limit"
    );
    assert!(shard.check(&of(7), Tick(2)).is_ok(), "a known user has its own");
    assert_eq!(shard.windows.len(), WINDOWS_MAX + 1);
    // An hour later the hand makes room again, some places with each newcomer.
    let later = Tick(0).plus(HOUR);
    assert!(shard.check(&of(beyond + 3), later).is_ok());
    shard.commit(&of(beyond + 3), later);
    assert!(shard.windows.len() < WINDOWS_MAX);
    assert_eq!(shard.windows.len(), shard.ring.len());
}

#[test]
fn admissions_beyond_the_bound_of_memory_expire_with_their_youngest() {
    let mut shard = Shard {
        cells: CELLS_MAX,
        ..Shard::default()
    };
    let of = item(Scope::User, 1, 3, HOUR, 1);
    shard.commit(&of, Tick(0));
    shard.commit(&of, Tick(0).plus(HOUR / 2));
    let standing = shard.standing(&of, Tick(0).plus(HOUR));
    assert_eq!((standing.remaining, standing.reset), (1, HOUR / 2));
    assert_eq!(shard.cells, CELLS_MAX + 1);
}

/// One admitted call: when, whose, how much of it stands.
type Admitted = Vec<(u64, u128, u32)>;

proptest! {
    #[test]
    fn in_no_span_is_more_admitted_than_any_of_several_windows_allows(
        calls in prop::collection::vec((0_u64..60_000, 0_u128..3), 1..300),
    ) {
        let limits = Local::default();
        let (long, short) = (Duration::from_millis(900), Duration::from_millis(100));
        let mut now = 0;
        let mut admitted: Admitted = Vec::new();
        for (gap, user) in calls {
            now += gap;
            let items = [
                item(Scope::User, user, 9, long, 1),
                item(Scope::User, user, 3, short, 1),
                item(Scope::Global, 0, 5, short, 1),
            ];
            if limits.judge_now(&count(&items), Tick(now)).is_ok() {
                admitted.push((now, user, 1));
            }
        }
        for (start, _, _) in &admitted {
            let within = |span: u64, user: Option<u128>| admitted.iter()
                .filter(|(at, who, _)| (*start..*start + span).contains(at) && user.is_none_or(|user| user == *who))
                .count();
            prop_assert!(within(100_000, None) <= 5);
            for user in 0..3 {
                prop_assert!(within(100_000, Some(user)) <= 3);
                prop_assert!(within(900_000, Some(user)) <= 9);
            }
        }
    }

    #[test]
    fn reserved_and_settled_in_any_order_what_is_left_is_the_limit_less_what_was_used(
        calls in prop::collection::vec((0_u64..2_000, 1_u32..400, 0_u32..500, any::<bool>()), 1..200),
    ) {
        let limits = Local::default();
        let policy = (20_000, Duration::from_secs(3600));
        let of = |cost| [item(Scope::User, 1, policy.0, policy.1, cost), item(Scope::Global, 0, 50_000, policy.1, cost)];
        let mut now = 0;
        let mut open: Vec<(Held, u32, u32)> = Vec::new();
        let mut used = 0_u64;
        for (gap, bound, real, settle_oldest) in calls {
            now += gap;
            let reserved: u64 = open.iter().map(|(_, bound, _)| u64::from(*bound)).sum();
            match limits.judge_now(&hold(&of(bound)), Tick(now)) {
                Ok(granted) => {
                    prop_assert!(used + reserved + u64::from(bound) <= u64::from(policy.0));
                    open.push((granted.held.unwrap(), bound, real));
                }
                Err(_) => prop_assert!(used + reserved + u64::from(bound) > u64::from(policy.0)),
            }
            if settle_oldest && !open.is_empty() {
                let (held, _, real) = open.remove(0);
                limits.settle_now(&held, real, Tick(now));
                used += u64::from(real);
            }
        }
        for (held, _, real) in open {
            limits.settle_now(&held, real, Tick(now));
            used += u64::from(real);
        }
        let left = limits.judge_now(&look(&of(0)), Tick(now)).map_or_else(|r| r.standings, |g| g.standings);
        prop_assert_eq!(u64::from(left.0[0].standing.remaining), u64::from(policy.0).saturating_sub(used));
        prop_assert_eq!(u64::from(left.0[1].standing.remaining), 50_000 - used);
    }
}
