//! The degenerate targets against M1, M2, L1 and P1: no pass and no warning in anything.

use std::sync::Arc;
use std::time::Duration;

use golive_checklist::{ItemId, Verdict};
use golive_prover::{CheckOptions, Selection, check};
use tokio_util::sync::CancellationToken;

use crate::twin_ops::{Flaw, Ops};

const ITEMS: [ItemId; 4] = [ItemId::M1, ItemId::M2, ItemId::L1, ItemId::P1];

#[tokio::test]
async fn targets_that_say_yes_or_no_or_echo_get_no_pass() {
    for flaw in Flaw::DEGENERATE {
        let ops = Ops::start(flaw).await;
        let mut target = ops.target();
        target.declares.expected_rate = Some(5.0);
        target.declares.health_detect = Duration::from_millis(300);
        for item in ITEMS {
            let report = ops.prove(item, target.clone()).await;
            for part in report.items.iter().flat_map(|item| &item.parts) {
                let verdict = part.verdict();
                assert!(
                    !matches!(verdict, Verdict::Pass | Verdict::Warn),
                    "{flaw:?} {}: {}",
                    part.id(),
                    part.summary
                );
            }
        }
    }
}

#[tokio::test]
async fn a_target_that_never_answers_gets_no_pass_and_the_interruption_is_heard() {
    for item in ITEMS {
        let ops = Ops::start(Flaw::Never).await;
        let mut target = ops.target();
        target.declares.expected_rate = Some(5.0);
        let mut options = CheckOptions::new(Arc::new(target), 7);
        options.selection = Selection {
            items: vec![item],
            phases: Vec::new(),
        };
        let cancel = CancellationToken::new();
        let run = check(options, cancel.clone());
        tokio::pin!(run);
        let checked = tokio::select! {
            checked = &mut run => checked,
            () = tokio::time::sleep(Duration::from_millis(300)) => {
                cancel.cancel();
                run.await
            }
        }
        .unwrap();
        let parts = checked.report.items.iter().flat_map(|item| &item.parts);
        for part in parts {
            assert!(
                !matches!(part.verdict(), Verdict::Pass | Verdict::Warn),
                "{}: {}",
                part.id(),
                part.summary
            );
        }
    }
}
