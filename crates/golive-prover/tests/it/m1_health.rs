//! M1 against a gateway with honest health, and against ones that are wrong in one way.

use golive_checklist::{ItemId, Verdict};

use crate::twin_ops::{Flaw, Ops};
use crate::world::{assert_verdict, part};

const ALL: [&str; 5] = ["M1.healthy", "M1.refused", "M1.hung", "M1.healed", "M1.quiet"];

#[tokio::test]
async fn honest_health_passes_in_all_five_parts() {
    let ops = Ops::start(Flaw::None).await;
    let report = ops.prove(ItemId::M1, ops.target()).await;
    for id in ALL {
        assert_verdict(&report, id, Verdict::Pass);
    }
    assert!(
        part(&report, "M1.refused").summary.contains("upstream/main"),
        "{}",
        part(&report, "M1.refused").summary
    );
}

#[tokio::test]
async fn each_broken_health_fails_where_it_is_broken_and_says_why() {
    let cases = [
        (Flaw::AlwaysWell, "M1.refused", "never said 503"),
        (Flaw::AlwaysWell, "M1.hung", "never said 503"),
        (Flaw::HangsWithProvider, "M1.hung", "it hangs with its dependency"),
        (Flaw::CallsThePaidModel, "M1.quiet", "20 paid calls for 20 probes"),
        (
            Flaw::BlamesTheStore,
            "M1.refused",
            "blames the wrong dependency: store:writes",
        ),
        (Flaw::NamesNothing, "M1.refused", "names no dependency"),
        (Flaw::ShowsAHost, "M1.healthy", "postgres://db.internal"),
        (Flaw::ShowsAKey, "M1.healthy", "a key stands in it"),
        (Flaw::NeverHeals, "M1.healed", "not well"),
        (Flaw::LivenessFallsToo, "M1.refused", "liveness is not 200"),
    ];
    let tried = cases.map(|(flaw, id, why)| async move {
        let ops = Ops::start(flaw).await;
        let report = ops.prove(ItemId::M1, ops.target()).await;
        assert_verdict(&report, id, Verdict::Fail);
        let summary = &part(&report, id).summary;
        assert!(summary.contains(why), "{flaw:?} {id}: {summary}");
        assert!(
            !serde_json::to_string(&report)
                .unwrap()
                .contains("glv_test_GOLIVEops"),
            "{flaw:?} leaks the key"
        );
    });
    // Each has a world of its own; most of the time they wait.
    futures_util::future::join_all(tried).await;
}

#[tokio::test]
async fn a_health_that_never_speaks_up_proves_no_healing() {
    let ops = Ops::start(Flaw::AlwaysWell).await;
    let report = ops.prove(ItemId::M1, ops.target()).await;
    assert_verdict(&report, "M1.healed", Verdict::Unproven);
}

#[tokio::test]
async fn without_a_port_to_close_and_without_commands_the_breaking_parts_are_unproven() {
    let ops = Ops::start(Flaw::None).await;
    let mut target = ops.target();
    target.lab_provider = "default".to_owned();
    let report = ops.prove(ItemId::M1, target).await;
    for id in ["M1.refused", "M1.hung", "M1.healed"] {
        assert_verdict(&report, id, Verdict::Unproven);
    }
    assert_verdict(&report, "M1.healthy", Verdict::Pass);
}

#[tokio::test]
async fn a_target_that_is_not_staging_is_not_broken() {
    let ops = Ops::start(Flaw::None).await;
    let mut target = ops.target();
    target.staging = false;
    let report = ops.prove(ItemId::M1, target).await;
    assert_verdict(&report, "M1.refused", Verdict::Unproven);
    assert_verdict(&report, "M1.healthy", Verdict::Pass);
}
