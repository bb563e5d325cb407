//! P2: the clocks of a good twin and of its broken ones.

use futures_util::future::join_all;
use golive_checklist::{ItemId, Verdict};

use crate::twin::{Flaw, Settings, TwinWorld};
use crate::twin_lines::{self, LinesWorld};
use crate::world::{assert_verdict, part};

const PARTS: [&str; 4] = ["P2.first_byte", "P2.idle", "P2.total", "P2.cancel"];

#[tokio::test]
async fn a_gateway_that_keeps_its_four_clocks_passes() {
    let world = TwinWorld::start(Flaw::None, Settings::default()).await;
    let report = world.prove(ItemId::P2, world.target()).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Pass);
    }
    assert_verdict(&report, "P2.queue", Verdict::Unproven);
    let after = world.lab.client().unwrap().health().await.unwrap();
    assert!(after.ok, "the lab behaves again");
}

#[tokio::test]
async fn each_missing_clock_fails_for_its_own_reason() {
    let flaws = [
        (
            Flaw::NoFirstByteClock,
            "P2.first_byte",
            "silent before the headers: no answer within",
        ),
        (
            Flaw::NoIdleClock,
            "P2.idle",
            "a stream that falls silent: no answer within",
        ),
        (
            Flaw::NoTotalClock,
            "P2.total",
            "a body that drips byte by byte: no answer within",
        ),
        (Flaw::NoCancel, "P2.cancel", "the call upstream went on"),
        (
            Flaw::HalvesItsClocks,
            "P2.first_byte",
            "slow, but within the clock",
        ),
        (Flaw::BreaksOffSilently, "P2.idle", "ends without a word"),
        (Flaw::PretendsToEnd, "P2.idle", "pretends to have ended well"),
    ];
    join_all(flaws.map(|(flaw, id, named)| async move {
        let world = TwinWorld::start(flaw, Settings::default()).await;
        let report = world.prove(ItemId::P2, world.target()).await;
        assert_verdict(&report, id, Verdict::Fail);
        let found = part(&report, id);
        assert!(found.summary.contains(named), "{flaw:?}: {}", found.summary);
    }))
    .await;
}

#[tokio::test]
async fn without_a_lab_nothing_hangs_on_command_and_nothing_is_proven() {
    let world = TwinWorld::start(Flaw::None, Settings::default()).await;
    let mut target = world.target();
    target.lab_url = None;
    let report = world.prove(ItemId::P2, target).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Unproven);
    }
}

#[test]
fn a_clock_longer_than_a_run_waits_for_is_planned_with_its_price() {
    let url = "http://127.0.0.1:1".parse().unwrap();
    let mut target = golive_config::Target::bare("t", url, golive_config::TargetFormat::OpenAi);
    target.staging = true;
    target.lab_url = Some("http://127.0.0.1:2".parse().unwrap());
    target.declares.total_stream = std::time::Duration::from_secs(3_600);
    let plan = golive_prover::plan(&target, &golive_prover::Selection::default(), false);
    let total = plan.parts.iter().find(|part| part.id == "P2.total").unwrap();
    assert!(!total.provable);
    assert!(
        total.missing.as_ref().unwrap().contains("60 min"),
        "{:?}",
        total.missing
    );
}

#[tokio::test]
async fn a_queue_tells_who_waits_too_long_and_serves_whose_turn_comes() {
    let world = LinesWorld::start(twin_lines::Flaw::None, twin_lines::Settings::default()).await;
    let report = world.prove(ItemId::P2, world.target()).await;
    assert_verdict(&report, "P2.queue", Verdict::Pass);
    // Beside a breaker and retries the clocks are proven all the same.
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Pass);
    }
}

#[tokio::test]
async fn a_queue_that_is_wrong_in_one_way_fails_for_its_own_reason() {
    use twin_lines::Flaw;
    let flaws = [
        (Flaw::QueueWaitsForEver, "is not told within"),
        (Flaw::QueueTellsTooEarly, "was sent away after"),
        (Flaw::QueueLetsAllIn, "a call reached the provider while"),
    ];
    join_all(flaws.map(|(flaw, named)| async move {
        let world = LinesWorld::start(flaw, twin_lines::Settings::default()).await;
        let report = world.prove(ItemId::P2, world.target()).await;
        assert_verdict(&report, "P2.queue", Verdict::Fail);
        let found = part(&report, "P2.queue");
        assert!(found.summary.contains(named), "{flaw:?}: {}", found.summary);
    }))
    .await;
}
