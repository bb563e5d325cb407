//! P3: retries, against a good gateway and ones that are wrong in one way.

use futures_util::future::join_all;
use golive_checklist::{ItemId, Verdict};

use crate::twin_lines::{Flaw, LinesWorld, Settings};
use crate::world::{assert_verdict, part};

/// Waits that a busy machine does not blur.
fn settings() -> Settings {
    Settings {
        backoff: [600, 900].map(std::time::Duration::from_millis).to_vec(),
        ..Settings::default()
    }
}

const PARTS: [&str; 6] = [
    "P3.attempts",
    "P3.timing",
    "P3.spread",
    "P3.hints",
    "P3.never",
    "P3.once",
];

#[tokio::test]
async fn a_gateway_that_retries_with_manners_passes() {
    let world = LinesWorld::start(Flaw::None, settings()).await;
    let report = world.prove(ItemId::P3, world.target()).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Pass);
    }
}

#[tokio::test]
async fn each_way_to_retry_wrongly_fails_for_its_own_reason() {
    let flaws = [
        (
            Flaw::RetriesTwice,
            "P3.attempts",
            "2 attempts where 3 are declared",
        ),
        (Flaw::TwoLayers, "P3.attempts", "two layers retry"),
        (Flaw::NoJitter, "P3.timing", "there is no jitter"),
        (Flaw::NoJitter, "P3.spread", "came back together"),
        (Flaw::WrongWaits, "P3.timing", "at least"),
        (Flaw::Retries400, "P3.never", "a 400: 3 attempts"),
        (
            Flaw::RetriesAfterCommit,
            "P3.never",
            "a stream that breaks after its first words: 2 attempts",
        ),
        (Flaw::RetriesAfterCommit, "P3.once", "it was asked 2 times"),
        (Flaw::IgnoresHints, "P3.hints", "told to wait"),
        (
            Flaw::IgnoresDates,
            "P3.hints",
            "a 429 with a date: it came back after",
        ),
        (Flaw::NewKeyEachTime, "P3.once", "different idempotency keys"),
        (Flaw::HandsOutToolTwice, "P3.once", "the caller got 2 tool calls"),
    ];
    let mut distinct: Vec<Flaw> = Vec::new();
    for (flaw, ..) in flaws {
        if !distinct.contains(&flaw) {
            distinct.push(flaw);
        }
    }
    // A few at a time: the waits are real, and a crowded machine stretches them.
    for some in distinct.chunks(3) {
        join_all(some.iter().map(|flaw| async move {
            let world = LinesWorld::start(*flaw, settings()).await;
            let report = world.prove(ItemId::P3, world.target()).await;
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
async fn a_gateway_that_never_retries_fails_and_gets_no_pass_for_not_retrying_mistakes() {
    let world = LinesWorld::start(Flaw::NoRetry, settings()).await;
    let report = world.prove(ItemId::P3, world.target()).await;
    assert_verdict(&report, "P3.attempts", Verdict::Fail);
    assert_verdict(&report, "P3.never", Verdict::Unproven);
}

#[tokio::test]
async fn without_a_lab_nothing_fails_on_command_and_nothing_is_proven() {
    let world = LinesWorld::start(Flaw::None, settings()).await;
    let mut target = world.target();
    target.lab_url = None;
    let report = world.prove(ItemId::P3, target).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Unproven);
    }
}

#[test]
fn retries_that_outlast_the_clock_of_the_call_are_planned_with_that_reason() {
    let url = "http://127.0.0.1:1".parse().unwrap();
    let mut target = golive_config::Target::bare("t", url, golive_config::TargetFormat::OpenAi);
    target.staging = true;
    target.lab_url = Some("http://127.0.0.1:2".parse().unwrap());
    target.declares.total_request = std::time::Duration::from_secs(4);
    let plan = golive_prover::plan(&target, &golive_prover::Selection::default(), false);
    let timing = plan.parts.iter().find(|part| part.id == "P3.timing").unwrap();
    assert!(
        timing.missing.as_ref().unwrap().contains("total_request"),
        "{timing:?}"
    );
}

#[tokio::test]
async fn what_may_have_been_acted_upon_is_not_to_be_retried_where_calls_are_not_idempotent() {
    let world = LinesWorld::start(Flaw::None, settings()).await;
    let mut target = world.target();
    target.dispatch.retry.idempotent = Some(false);
    let report = world.prove(ItemId::P3, target).await;
    assert_verdict(&report, "P3.attempts", Verdict::Pass);
    assert_verdict(&report, "P3.never", Verdict::Fail);
    let never = part(&report, "P3.never");
    assert!(
        never.summary.contains("which may have been acted upon: "),
        "{}",
        never.summary
    );
}
