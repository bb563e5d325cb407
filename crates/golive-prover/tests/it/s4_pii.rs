//! S4: what the lab says against a perfect filter, broken ones, and none.

use futures_util::StreamExt as _;
use golive_checklist::{CheckReport, ItemId, Verdict};
use golive_config::TargetFormat;
use golive_lab::{Lab, LabOptions};

use crate::twin_filter::{Filter, FilterWorld};
use crate::twin_screen::{prove, target};
use crate::world::{assert_verdict, part};

const PARTS: [&str; 6] = [
    "S4.whole",
    "S4.stream",
    "S4.tools",
    "S4.disguised",
    "S4.secrets",
    "S4.lookalikes",
];

async fn filtered(filter: Filter, format: TargetFormat) -> CheckReport {
    let world = FilterWorld::start(filter).await;
    prove(ItemId::S4, world.target(format), false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_perfect_filter_passes_every_part_in_both_formats() {
    for format in [TargetFormat::OpenAi, TargetFormat::Anthropic] {
        let report = filtered(Filter::Perfect, format).await;
        for id in PARTS {
            assert_verdict(&report, id, Verdict::Pass);
        }
        assert!(part(&report, "S4.whole").measured["kinds"].as_u64().unwrap() >= 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_filter_everything_comes_through_but_the_look_alikes_are_unharmed() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    let report = prove(
        ItemId::S4,
        target(&lab.url(), &lab.url(), TargetFormat::OpenAi),
        false,
    )
    .await;
    for id in &PARTS[..5] {
        assert_verdict(&report, id, Verdict::Fail);
        let found = part(&report, id);
        let (wrong, answers) = (
            found.measured["wrong"].as_u64().unwrap(),
            found.measured["answers"].as_u64().unwrap(),
        );
        let measured = found
            .measured
            .get("base64_answers")
            .map_or(0, |count| count.as_u64().unwrap());
        assert_eq!(wrong + measured, answers, "{id}: {:#?}", found.evidence.last());
    }
    let disguised = part(&report, "S4.disguised");
    assert_eq!(
        disguised.measured["base64_came_through"],
        disguised.measured["base64_answers"]
    );
    assert_verdict(&report, "S4.lookalikes", Verdict::Pass);
    lab.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_filter_fails_where_it_is_broken() {
    let flaws = [
        (Filter::NotInStreams, "S4.stream", "byte"),
        (Filter::PieceByPiece, "S4.stream", "cut at each of"),
        (Filter::TwoPiecesAtATime, "S4.stream", "byte by byte"),
        (Filter::NotInTools, "S4.tools", "plain, whole"),
        (Filter::EscapesUnread, "S4.tools", "escaped"),
        (Filter::PlainLettersOnly, "S4.disguised", "came through"),
        (Filter::NoSecrets, "S4.secrets", "a key"),
        (Filter::MasksNumbers, "S4.lookalikes", "harmless texts changed"),
    ];
    futures_util::stream::iter(flaws)
        .for_each_concurrent(2, |(filter, id, named)| async move {
            let report = filtered(filter, TargetFormat::OpenAi).await;
            assert_verdict(&report, id, Verdict::Fail);
            let found = part(&report, id);
            let titles: String = found.evidence.iter().map(|one| one.title.as_str()).collect();
            assert!(
                found.summary.contains(named) || titles.contains(named),
                "{filter:?}: {} {titles}",
                found.summary
            );
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn degenerate_targets_get_no_pass_in_any_part_of_s4() {
    let filters = [
        Filter::YesToAll,
        Filter::NoToAll,
        Filter::ProseNo,
        Filter::Echo,
        Filter::Never,
    ];
    futures_util::future::join_all(filters.map(|filter| async move {
        let report = filtered(filter, TargetFormat::OpenAi).await;
        for id in PARTS {
            let verdict = part(&report, id).verdict();
            assert!(
                verdict != Verdict::Pass && verdict != Verdict::Warn,
                "{filter:?} got {verdict:?} in {id}"
            );
        }
    }))
    .await;
}
