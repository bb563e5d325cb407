//! P6: the accounts of one process, under as many calls as come at once.

use std::sync::atomic::{AtomicU64, Ordering};

use golive_config::CalleeKind;
use proptest::prelude::*;

use super::super::rules::{Rules, Spender};
use super::*;
use crate::metrics::Metrics;

/// The budgets of this text, with an agent `helper`.
fn rules(budgets: &str) -> Rules {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("golive.toml");
    let text = format!(
        "[upstreams.up]\nkind = \"openai\"\nbase_url = \"https://up.example/v1\"\n[agents.helper]\nchain = [\"up/m\"]\n{budgets}"
    );
    std::fs::write(&file, text).unwrap();
    let master = (
        "GOLIVE_MASTER_KEY".to_owned(),
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(),
    );
    let environment: std::collections::BTreeMap<_, _> = [master].into();
    let loaded =
        golive_config::load(&file, &environment).unwrap_or_else(|error| panic!("{}", error.render(false)));
    Rules::of(&loaded.config, &Metrics::default())
}

fn budget(scope: &str, amount: &str) -> String {
    format!("[[budgets]]\nscope = \"{scope}\"\namount = \"{amount} USD\"\nper = \"day\"\n")
}

fn spender(user: u128) -> Spender<'static> {
    Spender {
        user: Some(user),
        principal: 7,
        principal_id: "key_7",
        team: Some("blue"),
        callee: Some((CalleeKind::Agent, "helper")),
    }
}

const NOON: Tick = Tick(1_795_000_000_000_000);
const DOLLAR: u64 = 1_000_000_000;

#[test]
fn sixty_four_threads_spend_no_more_than_any_budget_allows() {
    let rules = rules(&(budget("user", "3") + &budget("global", "10")));
    let book = Book::default();
    let spent: [AtomicU64; 8] = Default::default();
    std::thread::scope(|scope| {
        for thread in 0..64_u64 {
            let (book, rules, spent) = (&book, &rules, &spent);
            scope.spawn(move || {
                let user = thread % 8;
                let items = rules.items(&spender(user.into()));
                for n in 0..200 {
                    let (bound, real) = (DOLLAR / 4, DOLLAR / 100 * (n % 25));
                    if let Ok(held) = book.reserve(&items, NanoUsd(bound), NOON) {
                        book.settle(held, NanoUsd(real), NOON);
                        spent[usize::try_from(user).unwrap()].fetch_add(real, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let each: Vec<u64> = spent.into_iter().map(AtomicU64::into_inner).collect();
    assert!(each.iter().all(|spent| *spent <= 3 * DOLLAR), "{each:?}");
    let all: u64 = each.iter().sum();
    assert!(all <= 10 * DOLLAR && all > 9 * DOLLAR, "{all}");
}

#[test]
fn a_refusal_by_one_budget_reserves_nothing_in_another() {
    let rules = rules(&(budget("user", "1") + &budget("team", "2") + &budget("global", "3")));
    let book = Book::default();
    let of = |user| rules.items(&spender(user));
    let cost = NanoUsd(DOLLAR);
    for user in [1, 2] {
        let held = book.reserve(&of(user), cost, NOON).unwrap();
        book.settle(held, cost, NOON);
    }
    for _ in 0..5 {
        let refusal = book.reserve(&of(3), cost, NOON).unwrap_err();
        assert_eq!(refusal.rule.name, "team-day");
    }
    let other_team = Spender {
        team: Some("red"),
        ..spender(3)
    };
    let held = book.reserve(&rules.items(&other_team), cost, NOON).unwrap();
    assert_eq!(held.amount(), cost);
    book.settle(held, cost, NOON);
    assert_eq!(book.look(&of(9), NOON).unwrap_err().rule.name, "team-day");
}

#[test]
fn money_that_calls_in_flight_hold_back_is_no_reason_to_be_turned_away_early() {
    let rules = rules(&budget("global", "1"));
    let book = Book::default();
    let items = rules.items(&spender(1));
    let held = book.reserve(&items, NanoUsd(DOLLAR), NOON).unwrap();
    assert!(book.look(&items, NOON).is_ok());
    assert_eq!(
        book.reserve(&items, NanoUsd(5), NOON).unwrap_err().over,
        Over::InFlight
    );
    book.settle(held, NanoUsd(DOLLAR), NOON);
    assert!(matches!(
        book.look(&items, NOON).unwrap_err().over,
        Over::Spent { .. }
    ));
}

#[test]
fn only_those_who_are_named_have_an_account() {
    let text = "[[budgets]]\nscope = \"team\"\nonly = [\"red\"]\namount = \"1 USD\"\nper = \"day\"\n\
                [[budgets]]\nscope = \"principal\"\nonly = [\"key_7\"]\namount = \"1 USD\"\nper = \"day\"\n\
                [[budgets]]\nscope = \"model\"\namount = \"1 USD\"\nper = \"day\"\n\
                [[budgets]]\nscope = \"agent\"\nonly = [\"helper\"]\namount = \"1 USD\"\nper = \"day\"\n";
    let rules = rules(text);
    let names: Vec<String> = rules
        .items(&spender(1))
        .iter()
        .map(|item| item.rule.name.clone())
        .collect();
    assert_eq!(names, ["principal-day", "agent-day"]);
    let unknown = Spender {
        user: None,
        callee: None,
        principal_id: "key_8",
        ..spender(1)
    };
    assert!(rules.items(&unknown).is_empty());
}

#[test]
fn near_its_end_a_budget_is_news_once_per_period() {
    let rules = rules(&budget("global", "1"));
    let book = Book::default();
    let items = rules.items(&spender(1));
    let spend = |dollars_percent: u64, now| {
        let cost = NanoUsd(DOLLAR / 100 * dollars_percent);
        let held = book.reserve(&items, cost, now).unwrap();
        book.settle(held, cost, now);
        book.near(&items, now)
            .iter()
            .map(|near| near.is_news)
            .collect::<Vec<_>>()
    };
    assert!(spend(79, NOON).is_empty());
    assert_eq!(spend(1, NOON), [true]);
    assert_eq!(spend(1, NOON), [false]);
    let tomorrow = NOON.plus(Duration::from_secs(86_400));
    assert!(spend(50, tomorrow).is_empty());
    assert_eq!(spend(40, tomorrow), [true]);
}

#[test]
fn accounts_that_count_nothing_any_more_are_forgotten() {
    let rules = rules(&budget("user", "1"));
    let book = Book::default();
    for day in 0..3_u64 {
        let now = NOON.plus(Duration::from_secs(86_400 * day));
        for user in 0..1000_u64 {
            let items = rules.items(&spender(u128::from(day * 1000 + user)));
            let held = book.reserve(&items, NanoUsd(1), now).unwrap();
            book.settle(held, NanoUsd(1), now);
        }
    }
    assert!(book.tracked() <= 1002, "{}", book.tracked());
}

proptest! {
    #[test]
    fn whatever_calls_reserve_and_settle_what_is_left_is_the_amount_less_what_was_spent(
        calls in prop::collection::vec((1_u64..400, 0_u64..500, 0_u128..3, any::<bool>()), 1..150),
    ) {
        let rules = rules(&(budget("user", "0.000001") + &budget("global", "0.000002")));
        let book = Book::default();
        let mut open = Vec::new();
        let mut spent = [0_u64; 3];
        for (bound, real, user, settle_oldest) in calls {
            let items = rules.items(&spender(user));
            let sure: u64 = spent.iter().sum();
            let reserved: u64 = open.iter().map(|(held, _, _): &(Held, u64, usize)| held.amount().0).sum();
            match book.reserve(&items, NanoUsd(bound), NOON) {
                Ok(held) => {
                    prop_assert!(sure + reserved + bound <= 2000);
                    open.push((held, real, usize::try_from(user).unwrap()));
                }
                Err(refusal) if refusal.rule.name == "global-day" => prop_assert!(sure + reserved + bound > 2000),
                Err(_) => prop_assert!(spent[usize::try_from(user).unwrap()] + reserved + bound > 1000),
            }
            if settle_oldest && !open.is_empty() {
                let (held, real, user) = open.remove(0);
                book.settle(held, NanoUsd(real), NOON);
                spent[user] += real;
            }
        }
        for (held, real, user) in open {
            book.settle(held, NanoUsd(real), NOON);
            spent[user] += real;
        }
        let all: u64 = spent.iter().sum();
        let items = rules.items(&spender(0));
        let left = 2000_u64.saturating_sub(all).min(1000_u64.saturating_sub(spent[0]));
        if left > 0 {
            prop_assert!(book.reserve(&items, NanoUsd(left), NOON).is_ok());
        }
        prop_assert!(book.reserve(&items, NanoUsd(left + 1), NOON).is_err());
    }
}
