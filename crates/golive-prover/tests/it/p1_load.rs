//! P1 over real sockets. How each figure is judged is tested on the paused clock, beside the judge; here it is enough
//! that a good target is never failed, a bad one never passed, and that a machine too busy to offer the load says so.

use std::time::Duration;

use golive_checklist::gate::Gate;
use golive_checklist::{CheckReport, ItemId, Verdict};
use golive_config::Target;

use crate::twin_ops::{Flaw, Ops};
use crate::world::part;

const ALL: [&str; 4] = ["P1.simple", "P1.complex", "P1.errors", "P1.recovery"];

fn loaded(ops: &Ops) -> Target {
    let mut target = ops.target();
    target.declares.expected_rate = Some(10.0);
    target.declares.p95_simple = Duration::from_secs(2);
    target.declares.p95_complex = Duration::from_secs(2);
    target
}

/// The machine could not offer the load; then no part may have any other verdict.
fn invalid(report: &CheckReport) -> bool {
    let invalid = report.gate == Gate::Invalid;
    if invalid {
        eprintln!(
            "this machine was too busy to offer the load: {:?}",
            part(report, ALL[0]).reason
        );
        assert!(
            ALL.iter()
                .all(|id| part(report, id).verdict() == Verdict::Unproven)
        );
    }
    invalid
}

#[tokio::test]
async fn a_target_that_holds_passes_or_the_generator_was_too_weak() {
    let ops = Ops::start(Flaw::None).await;
    let report = ops.prove(ItemId::P1, loaded(&ops)).await;
    if invalid(&report) {
        return;
    }
    for id in ALL {
        let found = part(&report, id);
        assert!(
            matches!(found.verdict(), Verdict::Pass | Verdict::Warn),
            "{id}: {} {:?}",
            found.summary,
            found.reason
        );
    }
}

#[tokio::test]
async fn a_target_that_fails_one_of_ten_does_not_hold() {
    let ops = Ops::start(Flaw::FailsTenPercent).await;
    let report = ops.prove(ItemId::P1, loaded(&ops)).await;
    if !invalid(&report) {
        assert_eq!(
            part(&report, "P1.errors").verdict(),
            Verdict::Fail,
            "{}",
            part(&report, "P1.errors").summary
        );
    }
}

#[tokio::test]
async fn a_limit_that_answers_the_load_proves_nothing() {
    let ops = Ops::start(Flaw::LimitsTheLoad).await;
    let report = ops.prove(ItemId::P1, loaded(&ops)).await;
    for id in ALL {
        assert_eq!(
            part(&report, id).verdict(),
            Verdict::Unproven,
            "{id}: {}",
            part(&report, id).summary
        );
    }
}

#[tokio::test]
async fn without_an_expected_rate_nothing_is_loaded() {
    let ops = Ops::start(Flaw::None).await;
    let report = ops.prove(ItemId::P1, ops.target()).await;
    assert!(
        ALL.iter()
            .all(|id| part(&report, id).verdict() == Verdict::Unproven)
    );
}
