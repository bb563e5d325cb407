//! L1 against a gateway that answers, and against ones that cut.

use golive_checklist::{ItemId, Verdict};

use crate::twin_ops::{Flaw, Ops};
use crate::world::{assert_verdict, part};

#[tokio::test]
async fn fifty_answers_pass_and_print_their_bound() {
    let ops = Ops::start(Flaw::None).await;
    let report = ops.prove(ItemId::L1, ops.target()).await;
    assert_verdict(&report, "L1.smoke", Verdict::Pass);
    assert_eq!(
        part(&report, "L1.smoke").summary,
        "0/50 failed ⇒ error rate < 5.8 % at 95 %"
    );
}

#[tokio::test]
async fn answers_that_are_cut_fail_plain_and_streamed() {
    for (flaw, why) in [
        (Flaw::TruncatesText, "no mark of the lab"),
        (Flaw::TruncatesStreams, "stream"),
        (Flaw::FailsTwoPercent, "status 500"),
    ] {
        let ops = Ops::start(flaw).await;
        let report = ops.prove(ItemId::L1, ops.target()).await;
        assert_verdict(&report, "L1.smoke", Verdict::Fail);
        let summary = &part(&report, "L1.smoke").summary;
        assert!(summary.contains(why), "{flaw:?}: {summary}");
    }
}
