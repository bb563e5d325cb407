//! P4: circuit breakers, a good one and ones that are wrong in one way.

use std::time::Duration;

use futures_util::future::join_all;
use golive_checklist::{ItemId, Verdict};

use crate::twin_lines::{Flaw, LinesWorld, Settings};
use crate::world::{assert_verdict, part};

const PARTS: [&str; 6] = [
    "P4.opens",
    "P4.probe",
    "P4.closes",
    "P4.reopens",
    "P4.counts",
    "P4.isolation",
];

/// Short waits between attempts: here they are not what is proven.
fn settings() -> Settings {
    Settings {
        backoff: [100, 200].map(Duration::from_millis).to_vec(),
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_breaker_that_does_as_it_declares_passes() {
    let world = LinesWorld::start(Flaw::None, settings()).await;
    let report = world.prove(ItemId::P4, world.target()).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Pass);
    }
    let opens = part(&report, "P4.opens");
    assert_eq!(opens.measured["attempts_until_open"], 4);
}

#[tokio::test]
async fn each_breaker_that_is_wrong_in_one_way_fails_for_its_own_reason() {
    let flaws = [
        (Flaw::NeverOpens, "P4.opens", "calls still arrive"),
        (Flaw::CountsSix, "P4.opens", "it opened after 5 failed attempts"),
        (
            Flaw::OpensTooEarly,
            "P4.opens",
            "it opened after 3 failed attempts",
        ),
        (Flaw::RefusesSlowly, "P4.opens", "callers learn only after"),
        (Flaw::ProbesTooEarly, "P4.opens", "to be left in peace"),
        (Flaw::ProbesTooEarly, "P4.probe", "a trial call came after"),
        (Flaw::TwoProbes, "P4.probe", "2 calls tried the provider at once"),
        (Flaw::NeverCloses, "P4.closes", "still not closed"),
        (Flaw::ClosesAtOnce, "P4.closes", "closed after 1 successes"),
        (
            Flaw::FailedProbeCloses,
            "P4.reopens",
            "after a trial call that failed",
        ),
        (
            Flaw::HungProbeBlocks,
            "P4.reopens",
            "a trial call that hung blocks it",
        ),
        (Flaw::Counts429, "P4.counts", "a provider that is busy (429)"),
        (Flaw::CountsAll, "P4.counts", "was refused after"),
        (
            Flaw::IgnoresStreams,
            "P4.counts",
            "streams broke after their first words",
        ),
        (Flaw::OneBreakerForAll, "P4.isolation", "a call of another got"),
    ];
    let mut distinct: Vec<Flaw> = Vec::new();
    for (flaw, ..) in flaws {
        if !distinct.contains(&flaw) {
            distinct.push(flaw);
        }
    }
    for some in distinct.chunks(4) {
        join_all(some.iter().map(|flaw| async move {
            let world = LinesWorld::start(*flaw, settings()).await;
            let report = world.prove(ItemId::P4, world.target()).await;
            for (_, id, named) in flaws.iter().filter(|(one, ..)| one == flaw) {
                assert_verdict(&report, id, Verdict::Fail);
                let found = part(&report, id);
                assert!(found.summary.contains(named), "{flaw:?}: {}", found.summary);
            }
        }))
        .await;
    }
}

#[tokio::test]
async fn one_link_alone_is_enough_for_all_but_the_others_peace() {
    let world = LinesWorld::start(Flaw::None, settings()).await;
    let mut target = world.target();
    target.dispatch.links.one.clear();
    let report = world.prove(ItemId::P4, target).await;
    for id in PARTS.iter().filter(|id| **id != "P4.isolation") {
        assert_verdict(&report, id, Verdict::Pass);
    }
    assert_verdict(&report, "P4.isolation", Verdict::Unproven);
}

#[tokio::test]
async fn without_a_lab_nothing_is_proven() {
    let world = LinesWorld::start(Flaw::None, settings()).await;
    let mut target = world.target();
    target.lab_url = None;
    let report = world.prove(ItemId::P4, target).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Unproven);
    }
}

#[tokio::test]
async fn a_breaker_that_counts_otherwise_than_declared_is_told_so() {
    let world = LinesWorld::start(Flaw::None, settings()).await;
    let mut target = world.target();
    target.dispatch.breaker.counts = golive_config::Counted::Calls;
    let report = world.prove(ItemId::P4, target).await;
    assert_verdict(&report, "P4.opens", Verdict::Fail);
    let opens = part(&report, "P4.opens");
    assert!(
        opens
            .summary
            .contains("it counts attempts and whole calls are declared"),
        "{}",
        opens.summary
    );
}
