//! E2 against an agent that logs its failures well, and against ones that are wrong in one way.

use std::time::Duration;

use futures_util::future::join_all;
use golive_checklist::{ItemId, Verdict};
use golive_config::Surface;

use crate::twin_failing::{Failing, Flaw};
use crate::world::{assert_verdict, part};

const PARTS: [&str; 3] = ["E2.found", "E2.fields", "E2.privacy"];

#[tokio::test]
async fn a_log_that_explains_each_failure_and_names_nobody_passes() {
    let failing = Failing::start(Flaw::None, Surface::Model).await;
    let report = failing.prove(ItemId::E2, failing.target()).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Pass);
    }
}

#[tokio::test]
async fn the_output_of_a_command_is_read_as_well() {
    let failing = Failing::start(Flaw::None, Surface::Agent).await;
    let mut target = failing.target();
    let file = target.logs.file.take().unwrap();
    let words = ["grep", "{trace_id}", file.to_str().unwrap()];
    target.logs.command = Some(words.map(str::to_owned).to_vec());
    let report = failing.prove(ItemId::E2, target).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Pass);
    }
}

#[tokio::test]
async fn each_bad_log_fails_for_its_own_reason() {
    let flaws = [
        (Flaw::NoEntry, "E2.found", "no entry with its trace"),
        (Flaw::TwoEntries, "E2.found", "stands there more than once"),
        (
            Flaw::LogsHealthyOnesToo,
            "E2.found",
            "a healthy call left an entry",
        ),
        (Flaw::NoRecoveryAction, "E2.fields", "no recovery action"),
        (Flaw::NoTrace, "E2.fields", "not the caller's trace"),
        (Flaw::UserInClear, "E2.privacy", "the user in clear"),
        (Flaw::SameHashForAll, "E2.privacy", "two users have the same hash"),
        (Flaw::HashChanges, "E2.privacy", "the same user has two hashes"),
        (Flaw::PromptInClear, "E2.privacy", "a card number in clear"),
        (Flaw::KeyInClear, "E2.privacy", "the caller's credential in clear"),
    ];
    join_all(flaws.map(|(flaw, id, named)| async move {
        let failing = Failing::start(flaw, Surface::Model).await;
        let report = failing.prove(ItemId::E2, failing.target()).await;
        assert_verdict(&report, id, Verdict::Fail);
        let found = part(&report, id);
        assert!(found.summary.contains(named), "{flaw:?}: {}", found.summary);
        let whole = serde_json::to_string(&report).unwrap();
        assert!(
            !whole.contains("glv_test_GOLIVEfailing"),
            "{flaw:?} leaks the key"
        );
    }))
    .await;
}

#[tokio::test]
async fn a_hash_without_a_key_is_a_warning_that_names_it() {
    for (flaw, named) in [(Flaw::PlainHashOfUser, "SHA-256"), (Flaw::PlainMd5OfUser, "MD5")] {
        let failing = Failing::start(flaw, Surface::Model).await;
        let report = failing.prove(ItemId::E2, failing.target()).await;
        assert_verdict(&report, "E2.privacy", Verdict::Warn);
        let summary = &part(&report, "E2.privacy").summary;
        assert!(
            summary.contains("hash without key") && summary.contains(named),
            "{summary}"
        );
    }
}

#[tokio::test]
async fn degenerate_targets_and_a_log_that_is_not_declared_pass_nothing() {
    let flaws = [
        Flaw::YesToAll,
        Flaw::NoToAll,
        Flaw::ProseNo,
        Flaw::Echo,
        Flaw::Never,
    ];
    join_all(flaws.map(|flaw| async move {
        let failing = Failing::start(flaw, Surface::Agent).await;
        let mut target = failing.target();
        target.logs.within = Duration::from_millis(500);
        let report = failing.prove(ItemId::E2, target).await;
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
    let failing = Failing::start(Flaw::None, Surface::Agent).await;
    let mut target = failing.target();
    target.logs.file = None;
    let report = failing.prove(ItemId::E2, target).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Unproven);
    }
}
