//! Targets that answer everything, refuse everything, echo, excuse themselves or never answer: none of them gets a
//! single `pass`, in any part of any proof.

use std::sync::Arc;

use golive_checklist::{ItemId, Verdict};
use golive_prover::{CheckOptions, Selection, check};
use tokio_util::sync::CancellationToken;

use crate::world::{Twin, World};

#[tokio::test]
async fn no_degenerate_target_gets_a_pass_in_anything() {
    for twin in [Twin::YesToAll, Twin::NoToAll, Twin::Echo, Twin::ProseNo] {
        let world = World::start(twin).await;
        let mut items = world.prove(ItemId::S5, world.target()).await.items;
        items.extend(world.prove(ItemId::S1, world.target()).await.items);
        for part in items.iter().flat_map(|item| &item.parts) {
            assert_ne!(
                part.verdict(),
                Verdict::Pass,
                "{twin:?} passed {}: {}",
                part.id(),
                part.summary
            );
            assert_ne!(
                part.verdict(),
                Verdict::Warn,
                "{twin:?} got a warning for {}: {}",
                part.id(),
                part.summary
            );
        }
    }
}

#[tokio::test]
async fn a_target_that_never_answers_ends_at_the_interruption_with_a_report_and_no_pass() {
    let world = World::start(Twin::Never).await;
    let mut options = CheckOptions::new(Arc::new(world.target()), 7);
    options.selection = Selection {
        items: vec![ItemId::S5],
        phases: Vec::new(),
    };
    let cancel = CancellationToken::new();
    let run = check(options, cancel.clone());
    tokio::pin!(run);
    // Interrupted as soon as it waits for the first answer, which is all that this target lets it do.
    let checked = tokio::select! {
        checked = &mut run => checked,
        () = world.gateway.kept_waiting.notified() => {
            cancel.cancel();
            run.await
        }
    }
    .unwrap();
    assert_eq!(checked.exit_code, golive_prover::EXIT_INTERRUPTED);
    assert_eq!(checked.report.gate.as_str(), "PARTIAL");
    assert!(
        checked
            .report
            .items
            .iter()
            .flat_map(|item| &item.parts)
            .all(|part| part.verdict() == Verdict::Unproven)
    );
}
