//! S5: the proof of tokens against a good gateway and its broken twins.

use std::sync::Arc;
use std::time::Duration;

use golive_checklist::{CheckReport, ItemId, Verdict};
use golive_lab::{Lab, LabOptions};

use crate::twin_auth::{AuthWorld, Flaw};
use crate::world::{assert_verdict, part};

/// The report of a twin before a lab that is shared: its issuer's keys are made once.
async fn proven(lab: &Arc<Lab>, flaw: Flaw) -> CheckReport {
    let world = AuthWorld::before(lab.clone(), flaw).await;
    world.prove(ItemId::S5, world.target()).await
}

#[tokio::test]
async fn a_gateway_that_is_careful_with_tokens_passes() {
    let world = AuthWorld::start(Flaw::None).await;
    let report = world.prove(ItemId::S5, world.target()).await;
    assert_verdict(&report, "S5.tokens", Verdict::Pass);
    let tokens = part(&report, "S5.tokens");
    assert!(
        tokens.measured["wrong_tokens"].as_u64().unwrap() > 180,
        "{:?}",
        tokens.measured
    );
    assert!(
        tokens.measured.contains_key("old_key_forgotten_ms"),
        "{:?}",
        tokens.measured
    );
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("eyJ"), "a token stands in the report");
}

#[tokio::test]
async fn each_twin_that_takes_a_wrong_token_fails_for_that_one() {
    let lab = Arc::new(Lab::start(LabOptions::default()).await.unwrap());
    for (flaw, named) in [
        (Flaw::AlgNone, "alg nOnE and no signature"),
        (Flaw::HmacWithPublicKey, "HS256 with the number of the public key"),
        (Flaw::IgnoresExp, "expired an hour ago"),
        (Flaw::IgnoresNbf, "not valid for another hour"),
        (Flaw::IgnoresAud, "another audience"),
        (Flaw::IgnoresIss, "another issuer"),
        (Flaw::FollowsJku, "jku to its own keys"),
        (Flaw::TrustsEmbeddedJwk, "its own key inside"),
        (Flaw::IgnoresCrit, "a critical extension that nobody knows"),
        (Flaw::KeepsRemovedKeys, "a token of a withdrawn key"),
        (Flaw::NeverLearns, "a token of a newly published key"),
        (
            Flaw::DownWithIssuer,
            "a right token works while the issuer is down",
        ),
        (Flaw::TokenInQuery, "a right token in the query"),
        (Flaw::AsksModelFirst, "reached the model"),
    ] {
        let report = proven(&lab, flaw).await;
        assert_verdict(&report, "S5.tokens", Verdict::Fail);
        let tokens = part(&report, "S5.tokens");
        let shown = format!("{} {:?}", tokens.summary, tokens.evidence);
        assert!(shown.contains(named), "{flaw:?} is not named: {}", tokens.summary);
    }
}

#[tokio::test]
async fn without_an_issuer_or_a_role_the_missing_input_is_named() {
    let world = AuthWorld::start(Flaw::None).await;
    let mut target = world.target();
    target.issuer.as_mut().unwrap().roles.clear();
    let report = world.prove(ItemId::S5, target.clone()).await;
    let reason = part(&report, "S5.tokens").reason.clone().unwrap();
    assert!(reason.contains("issuer.roles"), "{reason}");
    target.issuer = None;
    let report = world.prove(ItemId::S5, target).await;
    assert_verdict(&report, "S5.tokens", Verdict::Unproven);
    let reason = part(&report, "S5.certificates").reason.clone().unwrap();
    assert!(reason.contains("certificates.<role>"), "{reason}");
}

#[tokio::test]
async fn a_target_that_trusts_another_issuer_is_unproven_and_told_what_to_trust() {
    let world = AuthWorld::start(Flaw::None).await;
    let mut target = world.target();
    let issuer = target.issuer.as_mut().unwrap();
    issuer.audience = "somebody-else".into();
    issuer.learns_within = Duration::from_millis(300);
    let report = world.prove(ItemId::S5, target).await;
    assert_verdict(&report, "S5.tokens", Verdict::Unproven);
    let reason = part(&report, "S5.tokens").reason.clone().unwrap();
    assert!(reason.contains("somebody-else"), "{reason}");
}
