//! The degenerate targets get no pass in any part of S2, S3 and P2.

use std::time::Duration;

use futures_util::future::join_all;
use golive_checklist::{ItemId, Verdict};

use crate::twin::{Flaw, Settings, TwinWorld};

async fn no_pass(flaw: Flaw, item: ItemId) {
    let settings = Settings {
        limit: 6,
        period: Duration::from_secs(6),
        ..Settings::default()
    };
    let world = TwinWorld::start(flaw, settings).await;
    let report = world.prove(item, world.target()).await;
    for part in report.items.iter().flat_map(|item| &item.parts) {
        let verdict = part.verdict();
        assert!(
            verdict != Verdict::Pass && verdict != Verdict::Warn,
            "{flaw:?} got {verdict:?} in {}: {}",
            part.id(),
            part.summary
        );
    }
}

#[tokio::test]
async fn answering_everything_refusing_everything_echoing_and_excusing_pass_nothing() {
    let flaws = [Flaw::YesToAll, Flaw::NoToAll, Flaw::ProseNo, Flaw::Echo];
    join_all(flaws.map(|flaw| async move {
        for item in [ItemId::S2, ItemId::S3, ItemId::P2] {
            no_pass(flaw, item).await;
        }
    }))
    .await;
}

#[tokio::test]
async fn a_target_that_never_answers_ends_by_itself_without_a_pass() {
    join_all([ItemId::S2, ItemId::S3, ItemId::P2].map(|item| no_pass(Flaw::Never, item))).await;
}
