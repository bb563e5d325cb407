//! S5: the proof of client certificates against a good gateway and its broken twins.

use std::sync::Arc;

use golive_checklist::{CheckReport, ItemId, Verdict};
use golive_config::Target;
use golive_prover::{CheckOptions, Selection, check};
use tokio_util::sync::CancellationToken;

use crate::twin_tls::{Flaw, TlsWorld};
use crate::world::{assert_verdict, part};

async fn proven(target: Target) -> CheckReport {
    let mut options = CheckOptions::new(Arc::new(target), 7);
    options.selection = Selection {
        items: vec![ItemId::S5],
        phases: Vec::new(),
    };
    check(options, CancellationToken::new()).await.unwrap().report
}

#[tokio::test]
async fn a_gateway_that_looks_at_all_of_a_certificate_passes() {
    let world = TlsWorld::start(Flaw::None).await;
    let report = proven(world.target()).await;
    assert_verdict(&report, "S5.certificates", Verdict::Pass);
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("PRIVATE"), "a key stands in the report");
}

#[tokio::test]
async fn each_twin_that_takes_a_wrong_certificate_fails_for_that_one() {
    for (flaw, named) in [
        (Flaw::WantsNone, "no certificate"),
        (Flaw::TrustsAnyone, "one of another authority"),
        (Flaw::IgnoresDates, "an expired one"),
        (Flaw::IgnoresUse, "that is not for clients"),
        (Flaw::NameFromCn, "whose name stands in CN alone"),
    ] {
        let world = TlsWorld::start(flaw).await;
        let report = proven(world.target()).await;
        assert_verdict(&report, "S5.certificates", Verdict::Fail);
        let failed = part(&report, "S5.certificates");
        let shown = format!("{} {:?}", failed.summary, failed.evidence.first());
        assert!(shown.contains(named), "{flaw:?} is not named: {}", failed.summary);
    }
}

#[tokio::test]
async fn a_missing_file_or_kind_is_named_and_a_target_that_refuses_all_is_unproven() {
    let world = TlsWorld::start(Flaw::None).await;
    let mut target = world.target();
    target.certificates.remove("expired");
    let report = proven(target.clone()).await;
    assert_verdict(&report, "S5.certificates", Verdict::Unproven);
    let summary = &part(&report, "S5.certificates").summary;
    assert!(summary.contains("certificates.expired"), "{summary}");
    target.certificates.get_mut("user").unwrap().key_file = "/nowhere/k.pem".into();
    let report = proven(target).await;
    let reason = part(&report, "S5.certificates").reason.clone().unwrap();
    assert!(reason.contains("/nowhere/k.pem"), "{reason}");

    let world = TlsWorld::start(Flaw::RefusesAll).await;
    let report = proven(world.target()).await;
    assert_verdict(&report, "S5.certificates", Verdict::Unproven);
}
