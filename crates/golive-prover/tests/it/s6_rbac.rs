//! S6: the proof against a good gateway and its broken twins.

use std::sync::Arc;

use golive_checklist::{CheckReport, ItemId, Verdict};
use golive_lab::{Lab, LabOptions};

use crate::twin_auth::{AuthWorld, Flaw};
use crate::world::{assert_verdict, part};

async fn proven(lab: &Arc<Lab>, flaw: Flaw) -> CheckReport {
    let world = AuthWorld::before(lab.clone(), flaw).await;
    world.prove(ItemId::S6, world.target()).await
}

#[tokio::test]
async fn a_gateway_that_keeps_to_its_matrix_passes() {
    let world = AuthWorld::start(Flaw::None).await;
    let report = world.prove(ItemId::S6, world.target()).await;
    for id in ["S6.matrix", "S6.tools", "S6.tampering", "S6.coverage"] {
        assert_verdict(&report, id, Verdict::Pass);
    }
    assert_eq!(part(&report, "S6.matrix").measured["cells"], 9);
    assert_verdict(&report, "S6.conversations", Verdict::Unproven);
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("eyJ"), "a token stands in the report");
}

#[tokio::test]
async fn each_broken_twin_fails_in_its_part_and_says_how() {
    let lab = Arc::new(Lab::start(LabOptions::default()).await.unwrap());
    for (flaw, id, named) in [
        (Flaw::ProseWhileCalling, "S6.matrix", "reached the model"),
        (Flaw::RefusesWhatMay, "S6.matrix", "is refused with 403"),
        (Flaw::BelievesHeaders, "S6.tampering", "x-user-role: "),
        (
            Flaw::OpenBehindASlash,
            "S6.tampering",
            "a slash behind the path (admin:GET /admin/ledger)",
        ),
        (
            Flaw::RoleFromEditedToken,
            "S6.tampering",
            "its role edited in the token",
        ),
        (Flaw::EveryonesRows, "S6.tampering", "the row stands there"),
        (
            Flaw::StripsWholeOnly,
            "S6.tools",
            "streamed: the model's call reached the caller",
        ),
        (
            Flaw::PassesOfferedTools,
            "S6.tools",
            "reached the model with the request",
        ),
        (
            Flaw::PassesCalledTools,
            "S6.tools",
            "whole: the model's call reached the caller",
        ),
    ] {
        let report = proven(&lab, flaw).await;
        assert_verdict(&report, id, Verdict::Fail);
        let failed = part(&report, id);
        let shown = format!("{} {:?}", failed.summary, failed.evidence);
        assert!(shown.contains(named), "{flaw:?} is not named: {}", failed.summary);
    }
}

#[tokio::test]
async fn what_was_found_and_stands_in_no_row_is_named_and_unproven() {
    let world = AuthWorld::start(Flaw::ListsMore).await;
    let report = world.prove(ItemId::S6, world.target()).await;
    assert_verdict(&report, "S6.coverage", Verdict::Unproven);
    let reason = part(&report, "S6.coverage").reason.clone().unwrap();
    assert!(reason.contains("model:forgotten"), "{reason}");
}

#[tokio::test]
async fn a_matrix_that_denies_nothing_proves_nothing() {
    let world = AuthWorld::start(Flaw::None).await;
    let mut target = world.target();
    target.matrix.retain(|role, _| role == "admin");
    let report = world.prove(ItemId::S6, target.clone()).await;
    for id in ["S6.matrix", "S6.tools", "S6.tampering"] {
        assert_verdict(&report, id, Verdict::Unproven);
    }
    target.matrix.clear();
    let report = world.prove(ItemId::S6, target).await;
    let reason = part(&report, "S6.matrix").reason.clone().unwrap();
    assert!(reason.contains("matrix.<role>"), "{reason}");
}

#[tokio::test]
async fn a_role_without_a_credential_is_named() {
    let world = AuthWorld::start(Flaw::None).await;
    let mut target = world.target();
    target.credentials.remove("caller");
    let report = world.prove(ItemId::S6, target).await;
    let reason = part(&report, "S6.matrix").reason.clone().unwrap();
    assert!(reason.contains("role caller"), "{reason}");
}

#[tokio::test]
async fn degenerate_targets_get_no_pass_in_keys_tokens_or_roles() {
    let lab = Arc::new(Lab::start(LabOptions::default()).await.unwrap());
    let flaws = [Flaw::YesToAll, Flaw::NoToAll, Flaw::ProseNo, Flaw::Echo];
    let cases = flaws
        .into_iter()
        .flat_map(|flaw| [(flaw, ItemId::S5), (flaw, ItemId::S6)]);
    futures_util::future::join_all(cases.map(|(flaw, item)| no_pass(lab.clone(), flaw, item))).await;
}

async fn no_pass(lab: Arc<Lab>, flaw: Flaw, item: ItemId) {
    let world = AuthWorld::before(lab, flaw).await;
    let mut target = world.target();
    let issuer = target.issuer.as_mut().unwrap();
    issuer.learns_within = std::time::Duration::from_millis(300);
    issuer.forgets_within = std::time::Duration::from_millis(300);
    let report = world.prove(item, target).await;
    for part in report.items.iter().flat_map(|item| &item.parts) {
        let verdict = part.verdict();
        assert!(
            !matches!(verdict, Verdict::Pass | Verdict::Warn),
            "{flaw:?} got {verdict:?} in {}: {}",
            part.id(),
            part.summary
        );
    }
}

#[tokio::test]
async fn a_target_that_never_answers_gets_no_pass_and_the_interruption_is_heard() {
    let world = AuthWorld::start(Flaw::Never).await;
    for item in [ItemId::S5, ItemId::S6] {
        let mut options = golive_prover::CheckOptions::new(Arc::new(world.target()), 7);
        options.selection.items = vec![item];
        let cancel = tokio_util::sync::CancellationToken::new();
        let run = golive_prover::check(options, cancel.clone());
        tokio::pin!(run);
        let checked = tokio::select! {
            checked = &mut run => checked,
            () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {
                cancel.cancel();
                run.await
            }
        };
        let report = checked.unwrap().report;
        let mut parts = report.items.iter().flat_map(|item| &item.parts);
        assert!(parts.all(|part| part.verdict() == Verdict::Unproven));
    }
}
