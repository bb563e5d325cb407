//! M2 against metrics that are right, and against ones that are wrong in one way.

use golive_checklist::{ItemId, Verdict};

use crate::twin_ops::{Flaw, Ops};
use crate::world::{assert_verdict, part};

#[tokio::test]
async fn numbers_that_are_right_pass() {
    let ops = Ops::start(Flaw::None).await;
    let report = ops.prove(ItemId::M2, ops.target()).await;
    for id in ["M2.requests", "M2.latency", "M2.tokens"] {
        assert_verdict(&report, id, Verdict::Pass);
    }
    assert_eq!(part(&report, "M2.requests").measured["errors_seen"], 3);
}

#[tokio::test]
async fn each_wrong_number_fails_in_its_own_part() {
    let cases = [
        (
            Flaw::OffByOne,
            "M2.requests",
            "60 requests and golive_requests moved by 61",
        ),
        (
            Flaw::ErrorsNotCounted,
            "M2.requests",
            "3 errors and golive_requests moved by 0",
        ),
        (
            Flaw::TokensDoubled,
            "M2.tokens",
            "input tokens and golive_tokens moved by",
        ),
        (Flaw::StreamsNotTimed, "M2.latency", "the histogram counts 45"),
        (Flaw::TimesInMilliseconds, "M2.latency", "its sum grew by"),
    ];
    let tried = cases.map(|(flaw, id, why)| async move {
        let ops = Ops::start(flaw).await;
        let report = ops.prove(ItemId::M2, ops.target()).await;
        assert_verdict(&report, id, Verdict::Fail);
        let summary = &part(&report, id).summary;
        assert!(summary.contains(why), "{flaw:?}: {summary}");
    });
    // Each has a world of its own; most of the time they wait.
    futures_util::future::join_all(tried).await;
}

#[tokio::test]
async fn unknown_names_and_other_traffic_leave_it_unproven() {
    let ops = Ops::start(Flaw::NoMetricsKnown).await;
    let report = ops.prove(ItemId::M2, ops.target()).await;
    assert_verdict(&report, "M2.tokens", Verdict::Unproven);
    let reason = part(&report, "M2.tokens").reason.clone().unwrap_or_default();
    assert!(reason.contains("litellm_input_tokens_metric"), "{reason}");
}
