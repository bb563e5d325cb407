//! S3: the corpus against a good twin and its broken ones.

use futures_util::StreamExt as _;
use golive_checklist::{ItemId, Verdict};
use golive_config::{Target, TargetSchema};

use crate::twin::{Flaw, Settings, TwinWorld};
use crate::world::{assert_verdict, part};

#[tokio::test]
async fn a_gateway_that_reads_strictly_passes_with_every_case() {
    let world = TwinWorld::start(Flaw::None, Settings::default()).await;
    let report = world.prove(ItemId::S3, world.target()).await;
    for id in ["S3.structure", "S3.bounds", "S3.text", "S3.urls", "S3.valid"] {
        assert_verdict(&report, id, Verdict::Pass);
    }
    let (texts, addresses) = (part(&report, "S3.text"), part(&report, "S3.urls"));
    assert!(texts.measured["cases"].as_u64().unwrap() >= 30);
    assert_eq!(texts.measured["removed"], texts.measured["cases"]);
    assert!(addresses.measured["cases"].as_u64().unwrap() >= 20);
    assert!(part(&report, "S3.structure").measured["cases"].as_u64().unwrap() >= 80);
    assert!(
        part(&report, "S3.structure").measured["cases_over_http2"]
            .as_u64()
            .unwrap()
            >= 10
    );
    assert!(
        part(&report, "S3.bounds").measured["cases_over_http2"]
            .as_u64()
            .unwrap()
            >= 3
    );
    assert!(part(&report, "S3.valid").measured["cases"].as_u64().unwrap() >= 20);
    assert_verdict(&report, "S3.schema", Verdict::Unproven);
}

#[tokio::test]
async fn each_lax_reading_fails_and_names_the_case() {
    let flaws = [
        (
            Flaw::DuplicatesAccepted,
            "S3.structure",
            Verdict::Fail,
            "duplicate-member: accepted (200)",
        ),
        (
            Flaw::LoneSurrogatesAccepted,
            "S3.structure",
            Verdict::Fail,
            "lone-high: accepted (200)",
        ),
        (
            Flaw::BelievesEncodings,
            "S3.structure",
            Verdict::Fail,
            "encoded-gzip: accepted (200)",
        ),
        (
            Flaw::ForwardsRefused,
            "S3.structure",
            Verdict::Fail,
            "reached the model although it must be refused",
        ),
        (
            Flaw::TellsTheInside,
            "S3.structure",
            Verdict::Fail,
            "tells of the inside",
        ),
        (
            Flaw::PageInsteadOfError,
            "S3.structure",
            Verdict::Warn,
            "not in the wire format",
        ),
        (
            Flaw::BreaksOverDepth,
            "S3.bounds",
            Verdict::Fail,
            "deep-arrays: answered 500",
        ),
        (Flaw::RefusesEmoji, "S3.valid", Verdict::Fail, "zwj: not served"),
        (
            Flaw::KeepsHidden,
            "S3.text",
            Verdict::Fail,
            "bidi-override: reached the model as it was",
        ),
        (
            Flaw::RefusesHidden,
            "S3.text",
            Verdict::Pass,
            "hidden characters kept from the model",
        ),
        (
            Flaw::PassesAddresses,
            "S3.urls",
            Verdict::Fail,
            "canary: reached the model as it was",
        ),
        (
            Flaw::LoadsAddresses,
            "S3.urls",
            Verdict::Fail,
            "an address was loaded",
        ),
    ];
    // Two at a time: the proof times each refusal.
    futures_util::stream::iter(flaws)
        .for_each_concurrent(2, |(flaw, id, verdict, named)| async move {
            let world = TwinWorld::start(flaw, Settings::default()).await;
            let mut target = world.target();
            target.staging = true;
            let report = world.prove(ItemId::S3, target).await;
            assert_verdict(&report, id, verdict);
            let found = part(&report, id);
            assert!(found.summary.contains(named), "{flaw:?}: {}", found.summary);
        })
        .await;
}

#[tokio::test]
async fn a_production_target_is_not_sent_broken_http() {
    let world = TwinWorld::start(Flaw::None, Settings::default()).await;
    let mut target = world.target();
    target.staging = false;
    target.lab_url = None;
    let report = world.prove(ItemId::S3, target).await;
    let structure = part(&report, "S3.structure");
    assert!(structure.measured["cases_left_out"].as_u64().unwrap() > 20);
    assert!(structure.measured["cases"].as_u64().unwrap() >= 50);
}

#[tokio::test]
async fn the_report_of_s3_holds_no_key() {
    let world = TwinWorld::start(Flaw::DuplicatesAccepted, Settings::default()).await;
    let mut target = world.target();
    target.staging = false;
    target.lab_url = None;
    let report = world.prove(ItemId::S3, target).await;
    assert!(
        !serde_json::to_string(&report)
            .unwrap()
            .contains("GOLIVEserviceTOKEN")
    );
}

/// The target with what its model `formed` says of its requests.
fn declaring(mut target: Target) -> Target {
    let body = |ticket: &str| {
        format!(
            r#"{{"model": "formed", "messages": [{{"role": "user", "content": "hello {{marker}}"}}]{ticket}}}"#
        )
    };
    let named = |name: &str, ticket: &str| (name.to_owned(), body(ticket));
    target.schema = Some(TargetSchema {
        good: vec![named("good.json", r#", "ticket": "T-17""#)],
        bad: vec![named("none.json", ""), named("number.json", r#", "ticket": 17"#)],
        deny: vec!["project nightjar".to_owned()],
        refuses_system: true,
    });
    target
}

#[tokio::test]
async fn the_form_that_a_target_declares_is_proven_and_each_laxity_found() {
    let flaws = [
        (
            Flaw::None,
            Verdict::Pass,
            "5 of 5 bodies of the wrong form refused",
        ),
        (
            Flaw::FormUnchecked,
            Verdict::Fail,
            "none.json: accepted (200), and reached the model",
        ),
        (
            Flaw::DeniedTextPasses,
            Verdict::Fail,
            "denied: project nightjar: accepted (200)",
        ),
        (
            Flaw::DeveloperMayOrder,
            Verdict::Fail,
            "a developer message: accepted (200)",
        ),
        (
            Flaw::ForwardsRefused,
            Verdict::Fail,
            "was answered 400, and reached the model all the same",
        ),
        (
            Flaw::RefusesEveryForm,
            Verdict::Unproven,
            "a body that is declared good is not served",
        ),
    ];
    futures_util::stream::iter(flaws)
        .for_each_concurrent(2, |(flaw, verdict, named)| async move {
            let world = TwinWorld::start(flaw, Settings::default()).await;
            let report = world.prove(ItemId::S3, declaring(world.target())).await;
            assert_verdict(&report, "S3.schema", verdict);
            let found = part(&report, "S3.schema");
            assert!(found.summary.contains(named), "{flaw:?}: {}", found.summary);
        })
        .await;
}
