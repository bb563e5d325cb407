//! E5 against a gateway with an honest queue, and against ones that are wrong in one way.

use futures_util::future::join_all;
use golive_checklist::Verdict;

use crate::twin_queue::{Flaw, Queueing};
use crate::world::{assert_verdict, part};

const PARTS: [&str; 4] = ["E5.refusal", "E5.completion", "E5.priority", "E5.fairness"];

#[tokio::test]
async fn a_bounded_fair_queue_passes_in_all_four_parts() {
    let queueing = Queueing::start(Flaw::None).await;
    let report = queueing.prove(queueing.target()).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Pass);
    }
    assert_eq!(part(&report, "E5.refusal").measured["capacity"], 12);
    assert_eq!(part(&report, "E5.refusal").measured["served_at_once"], 2);
}

#[tokio::test]
async fn its_capacity_is_measured_where_none_is_declared() {
    let queueing = Queueing::start(Flaw::None).await;
    let mut target = queueing.target();
    target.queue.concurrency = None;
    target.queue.length = None;
    target.queue.priority_header = None;
    let report = queueing.prove(target).await;
    for id in ["E5.refusal", "E5.completion", "E5.fairness"] {
        assert_verdict(&report, id, Verdict::Pass);
    }
    assert_verdict(&report, "E5.priority", Verdict::Unproven);
    assert_eq!(part(&report, "E5.refusal").measured["capacity"], 12);
}

#[tokio::test]
async fn each_broken_queue_fails_for_its_own_reason() {
    let flaws = [
        (Flaw::RefusesLate, "E5.refusal", "refused only after 2"),
        (Flaw::NoRetryAfter, "E5.refusal", "no Retry-After"),
        (Flaw::RefusesWithoutAWord, "E5.refusal", "an empty sentence"),
        (Flaw::NoBound, "E5.refusal", "nothing was refused"),
        (Flaw::NoQueue, "E5.refusal", "nothing was refused"),
        (Flaw::KeepsThePlaceOfWhoLeft, "E5.refusal", "did not free a place"),
        (Flaw::LosesOneOfFive, "E5.completion", "accepted and lost"),
        (Flaw::AsksTwice, "E5.completion", "asked 2 times for one answer"),
        (
            Flaw::GivesAnothersAnswer,
            "E5.completion",
            "the same answer went to",
        ),
        (
            Flaw::AsksForTheRefused,
            "E5.completion",
            "refused, and asked all the same",
        ),
        (
            Flaw::IgnoresPriority,
            "E5.priority",
            "the unimportant went before the important",
        ),
        (
            Flaw::FirstComeFirstServed,
            "E5.fairness",
            "the busy user had 6 of the first 6",
        ),
    ];
    // A few at a time: what is timed must not wait for the neighbours.
    for some in flaws.chunks(4) {
        join_all(some.iter().map(|(flaw, id, named)| async move {
            let queueing = Queueing::start(*flaw).await;
            let report = queueing.prove(queueing.target()).await;
            assert_verdict(&report, id, Verdict::Fail);
            let found = part(&report, id);
            assert!(found.summary.contains(named), "{flaw:?}: {}", found.summary);
        }))
        .await;
    }
}

#[tokio::test]
async fn a_refusal_of_a_balancer_is_not_taken_for_the_targets() {
    let queueing = Queueing::start(Flaw::RefusedByABalancer).await;
    let report = queueing.prove(queueing.target()).await;
    assert_verdict(&report, "E5.refusal", Verdict::Unproven);
    let summary = &part(&report, "E5.refusal").summary;
    assert!(summary.contains("nginx, not of the target"), "{summary}");
}

#[tokio::test]
async fn degenerate_targets_pass_nothing() {
    join_all(
        [Flaw::YesToAll, Flaw::NoToAll, Flaw::Never].map(|flaw| async move {
            let queueing = Queueing::start(flaw).await;
            let report = queueing.prove(queueing.target()).await;
            for id in PARTS {
                let verdict = part(&report, id).verdict();
                assert!(
                    verdict != Verdict::Pass && verdict != Verdict::Warn,
                    "{flaw:?} got {verdict:?} in {id}: {}",
                    part(&report, id).summary
                );
            }
        }),
    )
    .await;
}
