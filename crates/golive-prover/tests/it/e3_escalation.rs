//! E3 against an agent with an honest desk, and against ones that are wrong in one way.

use futures_util::future::join_all;
use golive_checklist::Verdict;

use crate::twin_desk::{Desk, Flaw};
use crate::world::{assert_verdict, part};

const PARTS: [&str; 6] = [
    "E3.attempts",
    "E3.phrase",
    "E3.confidence",
    "E3.near_misses",
    "E3.delivery",
    "E3.reply",
];

#[tokio::test]
async fn an_agent_that_calls_a_person_when_it_must_and_only_then_passes() {
    let desk = Desk::start(Flaw::None).await;
    let report = desk.prove(desk.target()).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Pass);
    }
    assert_eq!(part(&report, "E3.phrase").measured["languages"], 10);
    assert_verdict(&report, "E3.staffing", Verdict::Unproven);
}

#[tokio::test]
async fn each_broken_desk_fails_for_its_own_reason() {
    let flaws = [
        (
            Flaw::HandsOverOnTwoFailures,
            "E3.attempts",
            "handed over after 2 failed attempts already",
        ),
        (Flaw::NeverOnFailures, "E3.attempts", "nobody was called"),
        (Flaw::HearsEnglishOnly, "E3.phrase", "nobody was called"),
        (
            Flaw::HearsNoOtherWords,
            "E3.phrase",
            "14 of 14 in other words were not heard",
        ),
        (Flaw::HandsOverTwice, "E3.phrase", "handed over 2 times"),
        (
            Flaw::HearsAnyWord,
            "E3.near_misses",
            "another meaning handed over",
        ),
        (Flaw::HearsTools, "E3.near_misses", "a tool's result handed over"),
        (
            Flaw::HandsOverAtTheLine,
            "E3.confidence",
            "handed over at 50 of 100",
        ),
        (
            Flaw::NeverOnDoubt,
            "E3.confidence",
            "at 49 of 100: nobody was called",
        ),
        (Flaw::LosesItInAnOutage, "E3.delivery", "lost: the receiver"),
        (Flaw::AnotherIdEachTry, "E3.delivery", "had another id"),
        (Flaw::SignsWrongly, "E3.delivery", "not made of this body"),
        (Flaw::SendsNoTranscript, "E3.delivery", "it lacks a transcript"),
        (
            Flaw::SendsEachTwice,
            "E3.phrase",
            "delivered 2 times though it was taken",
        ),
        (Flaw::GoesOnTalking, "E3.reply", "goes on talking"),
        (
            Flaw::ForgetsMessages,
            "E3.reply",
            "what was said meanwhile is lost",
        ),
        (Flaw::AnswerIsLost, "E3.reply", "answer does not reach the user"),
        (Flaw::NeverGivesBack, "E3.reply", "does not answer again"),
        (Flaw::SaysNothing, "E3.reply", "is told an empty sentence"),
    ];
    join_all(flaws.map(|(flaw, id, named)| async move {
        let desk = Desk::start(flaw).await;
        let report = desk.prove(desk.target()).await;
        assert_verdict(&report, id, Verdict::Fail);
        let found = part(&report, id);
        assert!(found.summary.contains(named), "{flaw:?}: {}", found.summary);
    }))
    .await;
}

#[tokio::test]
async fn degenerate_targets_and_undeclared_desks_pass_nothing() {
    join_all(
        [
            Flaw::YesToAll,
            Flaw::NoToAll,
            Flaw::ProseNo,
            Flaw::Echo,
            Flaw::Never,
        ]
        .map(|flaw| async move {
            let desk = Desk::start(flaw).await;
            let report = desk.prove(desk.target()).await;
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
    let desk = Desk::start(Flaw::None).await;
    let mut target = desk.target();
    target.escalation.receiver = None;
    let report = desk.prove(target).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Unproven);
    }
}
