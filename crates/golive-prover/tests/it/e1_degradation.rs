//! E1 against an agent and a model that tell their failures well, and against ones that are wrong in one way.

use futures_util::future::join_all;
use golive_checklist::{ItemId, Verdict};
use golive_config::Surface;

use crate::twin_failing::{Failing, Flaw};
use crate::world::{assert_verdict, part};

const PARTS: [&str; 3] = ["E1.sentence", "E1.wire", "E1.leaks"];

#[tokio::test]
async fn an_agent_that_replies_and_a_model_that_errs_well_both_pass() {
    for surface in [Surface::Agent, Surface::Model] {
        let failing = Failing::start(Flaw::None, surface).await;
        let mut target = failing.target();
        if surface == Surface::Model {
            target.replies.locales.clear();
        }
        let report = failing.prove(ItemId::E1, target).await;
        for id in PARTS {
            assert_verdict(&report, id, Verdict::Pass);
        }
        let rules = failing
            .lab
            .client()
            .unwrap()
            .script("default")
            .await
            .unwrap()
            .rules;
        assert!(rules.is_empty(), "the lab behaves again");
    }
}

#[tokio::test]
async fn each_badly_told_failure_fails_for_its_own_reason() {
    let flaws = [
        (Flaw::TellsAHost, "E1.leaks", "gpu-7.cluster.local:8000"),
        (Flaw::PassesBodiesOn, "E1.leaks", "a stack trace"),
        (Flaw::SaysNothing, "E1.sentence", "an empty sentence"),
        (
            Flaw::SaysAStatusLine,
            "E1.sentence",
            "a status line instead of a sentence",
        ),
        (Flaw::PageOfHtml, "E1.wire", "with a page of HTML"),
        (Flaw::EndsCleanly, "E1.wire", "pretends to have ended well"),
        (Flaw::EndsWithoutAWord, "E1.wire", "ends without a word"),
        (
            Flaw::MarksHealthyOnes,
            "E1.wire",
            "a healthy answer says that it is degraded",
        ),
        (Flaw::Canned, "E1.sentence", "a canned answer to everything"),
        (Flaw::DoesNotMark, "E1.wire", "does not say that it is degraded"),
        (Flaw::BlamesTheCaller, "E1.wire", "status 400"),
        (Flaw::ErrorUnder200, "E1.wire", "an error object under status 200"),
        (Flaw::OneLanguageOnly, "E1.sentence", "told in another language"),
        (
            Flaw::NowReplyNowError,
            "E1.wire",
            "status 503 where people are told in a reply",
        ),
        (Flaw::ClosesTheConnection, "E1.wire", "no answer at all"),
    ];
    // A few at a time: each makes some fifty calls at once, and the clocks are short.
    for some in flaws.chunks(4) {
        join_all(some.iter().map(|(flaw, id, named)| async move {
            let failing = Failing::start(*flaw, Surface::Agent).await;
            let report = failing.prove(ItemId::E1, failing.target()).await;
            assert_verdict(&report, id, Verdict::Fail);
            let found = part(&report, id);
            assert!(found.summary.contains(named), "{flaw:?}: {}", found.summary);
        }))
        .await;
    }
}

#[tokio::test]
async fn a_target_that_mixes_replies_and_errors_is_told_so_if_it_declares_neither() {
    let failing = Failing::start(Flaw::NowReplyNowError, Surface::Agent).await;
    let mut target = failing.target();
    target.replies.surface = None;
    let report = failing.prove(ItemId::E1, target).await;
    assert_verdict(&report, "E1.wire", Verdict::Fail);
    let summary = &part(&report, "E1.wire").summary;
    assert!(summary.contains("now a reply, now an error"), "{summary}");
}

#[tokio::test]
async fn degenerate_targets_pass_nothing() {
    let flaws = [
        Flaw::YesToAll,
        Flaw::NoToAll,
        Flaw::ProseNo,
        Flaw::Echo,
        Flaw::Never,
    ];
    join_all(flaws.map(|flaw| async move {
        let failing = Failing::start(flaw, Surface::Agent).await;
        let report = failing.prove(ItemId::E1, failing.target()).await;
        for id in PARTS {
            let verdict = part(&report, id).verdict();
            assert!(
                verdict != Verdict::Pass && verdict != Verdict::Warn,
                "{flaw:?} got {verdict:?} in {id}: {}",
                part(&report, id).summary
            );
        }
    }))
    .await;
}

#[tokio::test]
async fn without_a_lab_nothing_fails_on_command() {
    let failing = Failing::start(Flaw::None, Surface::Agent).await;
    let mut target = failing.target();
    target.lab_url = None;
    let report = failing.prove(ItemId::E1, target).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Unproven);
    }
}
