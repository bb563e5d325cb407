//! S8: the attacks against the lab itself, which obeys, against a perfect screen, and against broken ones.

use futures_util::future::join_all;
use golive_checklist::{ItemId, Verdict};
use golive_config::TargetFormat;
use golive_lab::{Lab, LabOptions};

use crate::twin_screen::{Screen, ScreenWorld, prove, target};
use crate::world::{assert_verdict, part};

const PARTS: [&str; 5] = [
    "S8.direct",
    "S8.indirect",
    "S8.multi_turn",
    "S8.obedience",
    "S8.benign",
];

fn number(report: &golive_checklist::CheckReport, id: &str, name: &str) -> f64 {
    part(report, id).measured[name].as_f64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nearly_every_attack_succeeds_where_nothing_stands_before_the_model() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    let report = prove(
        ItemId::S8,
        target(&lab.url(), &lab.url(), TargetFormat::OpenAi),
        false,
    )
    .await;
    for id in ["S8.direct", "S8.indirect", "S8.multi_turn"] {
        assert_verdict(&report, id, Verdict::Fail);
        let (effects, attacks) = (
            number(&report, id, "side_effects"),
            number(&report, id, "attacks"),
        );
        let families = &part(&report, id).measured["families"];
        assert!(
            effects >= 0.95 * attacks,
            "{id}: {effects} of {attacks}: {families:#}"
        );
        for family in families.as_array().unwrap() {
            assert_eq!(family["attacks"], 60, "{family}");
            assert_eq!(family["stopped"], 0, "{family}");
        }
    }
    assert_verdict(&report, "S8.obedience", Verdict::Fail);
    assert!(
        number(&report, "S8.obedience", "obeyed_percent") >= 95.0,
        "{:#?}",
        part(&report, "S8.obedience").measured
    );
    assert!(number(&report, "S8.obedience", "attacks") >= 500.0);
    assert_verdict(&report, "S8.benign", Verdict::Pass);
    assert!(number(&report, "S8.benign", "harmless_texts") >= 300.0);
    lab.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_run_sends_sixty_attacks_and_says_what_it_cannot_bound_also_in_anthropics_format() {
    let lab = Lab::start(LabOptions::default()).await.unwrap();
    let report = prove(
        ItemId::S8,
        target(&lab.url(), &lab.url(), TargetFormat::Anthropic),
        true,
    )
    .await;
    let attacks: f64 = ["S8.direct", "S8.indirect", "S8.multi_turn"]
        .iter()
        .map(|id| {
            assert_verdict(&report, id, Verdict::Fail);
            let (effects, attacks) = (
                number(&report, id, "side_effects"),
                number(&report, id, "attacks"),
            );
            assert!(
                effects >= attacks - 2.0,
                "{id}: {effects} of {attacks}: {:#}",
                part(&report, id).measured["families"]
            );
            attacks
        })
        .sum();
    assert_eq!(attacks, 60.0);
    assert!(
        report.run_warnings.iter().any(|text| text.contains("short run")),
        "{:?}",
        report.run_warnings
    );
    lab.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_perfect_screen_passes_every_part_of_a_short_run() {
    let world = ScreenWorld::start(Screen::Perfect).await;
    let report = world.prove(true).await;
    for id in PARTS {
        assert_verdict(&report, id, Verdict::Pass);
    }
    assert_eq!(number(&report, "S8.direct", "reached"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_screen_fails_where_it_is_broken_and_the_family_is_named() {
    let flaws = [
        (
            Screen::UsersOnly,
            "S8.indirect",
            Verdict::Fail,
            "in a tool result",
        ),
        (
            Screen::LastMessageOnly,
            "S8.multi_turn",
            Verdict::Fail,
            "split over turns",
        ),
        (Screen::PlainWordsOnly, "S8.direct", Verdict::Fail, "encoded"),
        (
            Screen::Nervous,
            "S8.benign",
            Verdict::Fail,
            "harmless texts refused",
        ),
        (Screen::ObeysWithoutHarm, "S8.obedience", Verdict::Fail, "obeyed"),
    ];
    for (screen, id, verdict, named) in flaws {
        let world = ScreenWorld::start(screen).await;
        let report = world.prove(true).await;
        assert_verdict(&report, id, verdict);
        let found = part(&report, id);
        let families = found
            .measured
            .get("families")
            .map(ToString::to_string)
            .unwrap_or_default();
        let titles: String = found.evidence.iter().map(|one| one.title.as_str()).collect();
        assert!(
            found.summary.contains(named) || titles.contains(named),
            "{screen:?}: {} {families}",
            found.summary
        );
        if screen == Screen::ObeysWithoutHarm {
            assert_verdict(&report, "S8.direct", Verdict::Pass);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn degenerate_targets_get_no_pass_in_any_part() {
    let screens = [
        Screen::YesToAll,
        Screen::NoToAll,
        Screen::ProseNo,
        Screen::Echo,
        Screen::Never,
    ];
    join_all(screens.map(|screen| async move {
        let world = ScreenWorld::start(screen).await;
        let report = world.prove(true).await;
        for id in PARTS {
            let verdict = part(&report, id).verdict();
            assert!(
                verdict != Verdict::Pass && verdict != Verdict::Warn,
                "{screen:?} got {verdict:?} in {id}"
            );
        }
    }))
    .await;
}
