//! S5: the proof against a good gateway and its broken twins.

use golive_checklist::{ItemId, Verdict};

use crate::world::{KEYS, Twin, World, assert_verdict, part};

#[tokio::test]
async fn a_gateway_that_refuses_every_wrong_key_passes() {
    let world = World::start(Twin::Good).await;
    let report = world.prove(ItemId::S5, world.target()).await;
    assert_verdict(&report, "S5.keys", Verdict::Pass);
    let keys = part(&report, "S5.keys");
    assert!(
        keys.measured["wrong_credentials"].as_u64().unwrap() > 120,
        "{:?}",
        keys.measured
    );
    assert_verdict(&report, "S5.tokens", Verdict::Unproven);
    assert!(report.self_test.passed, "{}", report.self_test.detail);
}

#[tokio::test]
async fn each_broken_twin_fails_and_says_with_which_key() {
    for (twin, named) in [
        (Twin::LastCharacterIgnored, "last character changed"),
        (Twin::KeyInQuery, "in the query"),
        (Twin::AsksModelFirst, "reached the model"),
        (Twin::BreaksOverTokens, "forged token"),
        (Twin::StreamIsOpen, "stream: no credential"),
        (Twin::BelievesProxies, "a proxy's header"),
        (Twin::RevokedStillWorks, "the revoked key"),
    ] {
        let world = World::start(twin).await;
        let report = world.prove(ItemId::S5, world.target()).await;
        assert_verdict(&report, "S5.keys", Verdict::Fail);
        let keys = part(&report, "S5.keys");
        let shown = format!("{} {:?}", keys.summary, keys.evidence);
        assert!(shown.contains(named), "{twin:?} is not named: {}", keys.summary);
    }
}

#[tokio::test]
async fn a_gateway_that_tells_revoked_keys_apart_is_warned_about() {
    let world = World::start(Twin::TellsRevokedApart).await;
    let report = world.prove(ItemId::S5, world.target()).await;
    assert_verdict(&report, "S5.keys", Verdict::Warn);
    assert!(part(&report, "S5.keys").summary.contains("in other words"));
}

#[tokio::test]
async fn the_report_of_s5_holds_no_key_and_no_near_miss_of_one() {
    let world = World::start(Twin::LastCharacterIgnored).await;
    let report = world.prove(ItemId::S5, world.target()).await;
    let json = serde_json::to_string(&report).unwrap();
    for (_, key) in KEYS {
        assert!(!json.contains(&key[9..30]), "a key stands in the report");
        let backwards: String = key.chars().rev().collect();
        assert!(
            !json.contains(&backwards[..20]),
            "a key stands backwards in the report"
        );
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_by_command_is_proven_to_be_refused() {
    let world = World::start(Twin::Good).await;
    let mut target = world.target();
    // The command is a request of its own making: it tells the gateway what a key store would.
    let flag = tempfile::NamedTempFile::new().unwrap();
    target.commands.revoke = Some(vec![
        "cp".into(),
        "/dev/null".into(),
        flag.path().display().to_string(),
    ]);
    std::fs::write(flag.path(), "not yet").unwrap();
    let gateway = std::sync::Arc::clone(&world.gateway);
    let watched = flag.path().to_owned();
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    let revoking = tokio::spawn(async move {
        while std::fs::read(&watched).is_ok_and(|text| !text.is_empty()) {
            tokio::task::yield_now().await;
        }
        gateway.revoked.lock().unwrap().push(KEYS[3].1.to_owned());
    });
    let report = world.prove(ItemId::S5, target).await;
    revoking.await.unwrap();
    assert_verdict(&report, "S5.revocation", Verdict::Pass);
    assert_verdict(&report, "S5.keys", Verdict::Pass);
}

#[tokio::test]
async fn a_key_that_never_worked_proves_no_revocation() {
    let world = World::start(Twin::Good).await;
    let mut target = world.target();
    target.commands.revoke = Some(vec!["true".into()]);
    target.credentials.insert(
        "revocable".into(),
        "glv_test_nobodyKnowsThisKey000000001abcdeF".into(),
    );
    let report = world.prove(ItemId::S5, target).await;
    assert_verdict(&report, "S5.revocation", Verdict::Unproven);
}
