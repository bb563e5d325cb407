//! E4: chains of fallback, a good one and ones that are wrong in one way.

use std::time::Duration;

use futures_util::future::join_all;
use golive_checklist::{ItemId, Verdict};

use crate::twin_lines::{Flaw, LinesWorld, Settings};
use crate::world::{assert_verdict, part};

const PARTS: [&str; 5] = [
    "E4.order",
    "E4.validity",
    "E4.settlement",
    "E4.return",
    "E4.caller_errors",
];

/// Short clocks: here they are not what is proven.
fn settings() -> Settings {
    Settings {
        backoff: vec![Duration::from_millis(50)],
        first_byte: Duration::from_millis(600),
        idle: Duration::from_millis(400),
        open: Duration::from_millis(600),
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_chain_that_falls_back_and_returns_passes() {
    let world = LinesWorld::start(Flaw::None, settings()).await;
    let report = world.prove(ItemId::E4, world.target()).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Pass);
    }
}

#[tokio::test]
async fn each_chain_that_is_wrong_in_one_way_fails_for_its_own_reason() {
    let flaws = [
        (Flaw::NoFallback, "E4.order", "the declared order is alpha → beta"),
        (
            Flaw::CommitsTooEarly,
            "E4.order",
            "a stream of the first that breaks before its first words",
        ),
        (
            Flaw::NeverReturns,
            "E4.return",
            "the first link is not used again",
        ),
        (
            Flaw::FallsBackOn400,
            "E4.caller_errors",
            "a 400 of the first: beta was asked as well",
        ),
        (
            Flaw::FallsBackOnRefusal,
            "E4.caller_errors",
            "declines by its own filter: beta was asked",
        ),
        (Flaw::Splices, "E4.validity", "two answers are spliced together"),
        (Flaw::PretendsToEnd, "E4.validity", "pretends to have ended well"),
        (
            Flaw::BreaksOffSilently,
            "E4.validity",
            "it broke off without a word",
        ),
        (Flaw::ForgetsTools, "E4.validity", "a tool call of the second"),
        (
            Flaw::ForgetsImages,
            "E4.validity",
            "the picture did not reach beta",
        ),
        (Flaw::WrongUsage, "E4.validity", "the provider told 56"),
        (Flaw::WrongFinish, "E4.validity", "which the format does not know"),
        (
            Flaw::NamesFirstLink,
            "E4.settlement",
            "the record names alpha/big",
        ),
        (Flaw::PricesFirstLink, "E4.settlement", "at its price it is"),
    ];
    for some in flaws.chunks(5) {
        join_all(some.iter().map(|(flaw, id, named)| async move {
            let world = LinesWorld::start(*flaw, settings()).await;
            let report = world.prove(ItemId::E4, world.target()).await;
            assert_verdict(&report, id, Verdict::Fail);
            let found = part(&report, id);
            assert!(found.summary.contains(named), "{flaw:?}: {}", found.summary);
        }))
        .await;
    }
}

#[tokio::test]
async fn a_chain_in_another_order_than_declared_is_told_before_anything_breaks() {
    let world = LinesWorld::start(Flaw::LastLinkFirst, settings()).await;
    let report = world.prove(ItemId::E4, world.target()).await;
    for id in PARTS {
        let verdict = part(&report, id).verdict();
        assert!(
            matches!(verdict, Verdict::Fail | Verdict::Unproven),
            "{id}: {verdict:?}"
        );
    }
}

#[tokio::test]
async fn without_a_chain_or_prices_the_plan_says_what_is_missing() {
    let world = LinesWorld::start(Flaw::None, settings()).await;
    let mut target = world.target();
    target.dispatch.links.prices.clear();
    let selection = golive_prover::Selection {
        items: vec![ItemId::E4],
        phases: Vec::new(),
    };
    let missing = |target: &golive_config::Target, id: &str| {
        let plan = golive_prover::plan(target, &selection, false);
        plan.parts
            .iter()
            .find(|part| part.id == id)
            .unwrap()
            .missing
            .clone()
    };
    assert!(
        missing(&target, "E4.settlement")
            .unwrap()
            .contains("links.prices")
    );
    assert_eq!(missing(&target, "E4.order"), None);
    target.dispatch.links.chain = None;
    assert!(missing(&target, "E4.order").unwrap().contains("links.chain"));
}
