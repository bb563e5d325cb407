//! P2, P3, P4 and E4 side by side give the verdicts that they give alone, and degenerate targets get nothing of them.

use futures_util::future::join_all;
use golive_checklist::{ItemId, Verdict};

use crate::twin_lines::{Flaw, LinesWorld, Settings};

const ITEMS: [ItemId; 4] = [ItemId::P2, ItemId::P3, ItemId::P4, ItemId::E4];

#[tokio::test]
async fn side_by_side_a_good_gateway_passes_all_of_them_and_the_lab_behaves_again() {
    let world = LinesWorld::start(Flaw::None, Settings::default()).await;
    let report = world.prove_all(&ITEMS, world.target()).await;
    for part in report.items.iter().flat_map(|item| &item.parts) {
        assert_eq!(
            part.verdict(),
            Verdict::Pass,
            "{}: {} {:?}",
            part.id(),
            part.summary,
            part.reason
        );
    }
    let all: usize = ITEMS
        .iter()
        .map(|item| golive_checklist::item::item(*item).parts.len())
        .sum();
    assert_eq!(
        report.items.iter().map(|item| item.parts.len()).sum::<usize>(),
        all
    );
    let client = world.lab.client().unwrap();
    for provider in ["default", "alpha", "beta", "gamma"] {
        let left = client.overlays(provider).await.unwrap();
        assert!(left.is_empty(), "rules are left behind at {provider}: {left:?}");
    }
}

#[tokio::test]
async fn the_plan_counts_the_time_of_what_runs_side_by_side_once() {
    let world = LinesWorld::start(Flaw::None, Settings::default()).await;
    let mut target = world.target();
    let selection = golive_prover::Selection {
        items: ITEMS.to_vec(),
        phases: Vec::new(),
    };
    let apart = golive_prover::plan(&target, &selection, false).seconds;
    let parts: u64 = golive_prover::plan(&target, &selection, false)
        .parts
        .iter()
        .map(|part| part.seconds)
        .sum();
    assert!(apart < parts, "{apart} of {parts} s");
    target.dispatch.links.one.truncate(3);
    let together = golive_prover::plan(&target, &selection, false).seconds;
    assert!(
        apart < together,
        "{apart} s with links of their own, {together} s without"
    );
}

#[tokio::test]
async fn targets_that_answer_everything_or_refuse_everything_pass_nothing() {
    join_all(
        [
            Flaw::YesToAll,
            Flaw::NoToAll,
            Flaw::ProseNo,
            Flaw::Echo,
            Flaw::Never,
        ]
        .map(|flaw| async move {
            let world = LinesWorld::start(flaw, Settings::default()).await;
            let report = world.prove_all(&ITEMS, world.target()).await;
            for part in report.items.iter().flat_map(|item| &item.parts) {
                let verdict = part.verdict();
                assert!(
                    verdict != Verdict::Pass && verdict != Verdict::Warn,
                    "{flaw:?} got {verdict:?} in {}: {}",
                    part.id(),
                    part.summary
                );
            }
        }),
    )
    .await;
}
