//! The reports: what they show, what they never show, and that hostile evidence stays text.

use std::time::Duration;

use golive_checklist::gate::{self, Exception, ExceptionKind, GateInput, LoadOffered};
use golive_checklist::item::{ITEMS, ItemId, part as spec};
use golive_checklist::judge::{Rule, Tally, UnscoredReason};
use golive_checklist::report::{
    BudgetReport, CheckReport, ControlKind, ControlResult, Coverage, Evidence, PartReport, ReportSchema,
    SelfTest, TargetReport, by_item,
};
use golive_prover::report::{html, json, terminal};
use serde_json::json;

/// What an attacker would like to see in somebody's report.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</pre></details><svg onload=alert(1)>",
    "<style>*{display:none}</style>",
    "<a href=javascript:alert(1)>x</a>",
    "'-->]]><!--",
    "&lt;b&gt; &#x3c;",
    "\x1b[2J\x1b]0;owned\x07",
    "\u{202e}txt.exe\u{2066}",
    "\u{200b}\u{feff}\u{e0041}",
    "\u{9b}31m",
];

/// A report of a run that found something of every kind.
fn sample(hostile: &str) -> CheckReport {
    let mut parts = vec![
        judged("S5.keys", 120, 6, 0, |part| {
            part.summary = format!(
                "120 of 126 wrong credentials refused; 6 did not (plain: the right key, last character changed: 200 in 12 ms); {hostile}"
            );
            part.fix = Some("refuse the request before anything else looks at it, with 401 and the same words for every wrong key".into());
            part.measured.insert("wrong_credentials".into(), json!(126));
            part.measured.insert("let_in".into(), json!(6));
            part.measured.insert("slowest_ms".into(), json!(41));
            part.checklist.insert("let_in".into(), json!(0));
            part.evidence.push(Evidence {
                title: format!("plain: the right key, last character changed {hostile}"),
                sent: Some(format!("POST http://127.0.0.1:8080/v1/chat/completions\nauthorization: <redacted sha256:1c9f22aa>\n\n{{\"model\":\"support\",\"messages\":[{{\"role\":\"user\",\"content\":\"{hostile}\"}}]}}")),
                received: Some(format!("HTTP 200 OK\ncontent-type: application/json\n\n{{\"choices\":[{{\"message\":{{\"content\":\"{hostile}\"}}}}]}}")),
                lines: Vec::new(),
                elapsed_ms: Some(12),
            });
            part.evidence.push(Evidence {
                title: "every wrong credential, and its answer".into(),
                lines: (0..126)
                    .map(|n| format!("401      plain: case {n} {hostile}"))
                    .collect(),
                ..Evidence::default()
            });
        }),
        judged("S3.structure", 68, 0, 0, |part| {
            part.summary = "68 of 68 hostile requests refused with a clear 4xx".into()
        }),
        judged("S3.bounds", 21, 0, 2, |part| {
            part.summary =
                "21 of 21 oversized requests refused; 2 could not be measured (2 × no answer in time)".into()
        }),
        judged("S2.user", 1, 0, 0, |part| {
            part.summary = "refused at request 21 of a limit of 20 per 10 s".into();
            part.scaled = true;
            part.declared.insert("limit".into(), json!("20/10s"));
            part.checklist.insert("limit".into(), json!("100/h"));
            part.measured.insert("admitted".into(), json!(20));
        }),
        judged("P1.simple", 5812, 0, 0, |part| {
            part.summary = "p95 2.41 s [2.31, 2.58] at 10×, n 5,812".into();
            part.measured.insert("p95_ms".into(), json!(2410));
            part.measured
                .insert("p95_interval_ms".into(), json!([2310, 2580]));
            part.declared.insert("p95_ms".into(), json!(3000));
        }),
        judged("P2.first_byte", 3, 0, 0, |part| {
            part.summary = "a useful answer 1.1 s after the declared 1 s".into()
        }),
        judged("M2.requests", 200, 0, 0, |part| {
            part.summary = "200 requests sent, the counter moved by 200".into()
        }),
        judged("M1.healthy", 3, 0, 0, |part| {
            part.summary = "200 in 3 ms with 4 dependencies named".into()
        }),
        judged("M1.hung", 0, 1, 0, |part| {
            part.summary = "503 only after 31 s; the declared time is 10 s".into();
            part.fix = Some("give each dependency check a deadline of its own".into());
        }),
    ];
    let mut waiting = PartReport::unproven(
        spec("S5.revocation").unwrap(),
        format!("needs commands.revoke: the program that revokes a key {hostile}"),
    );
    waiting.reproduce = Some("golive check --target staging --item S5 --seed 42".into());
    parts.push(waiting);
    parts.push(PartReport::excluded(
        spec("E5.overflow").unwrap_or(&ITEMS[18].parts[0]),
        "no queue in this release",
    ));
    for item in ITEMS {
        for spec in item.parts {
            if !parts.iter().any(|part| part.id().as_str() == spec.id) {
                parts.push(PartReport::unproven(
                    spec,
                    "this version of golive has no proof of this part",
                ));
            }
        }
    }
    let exceptions = vec![Exception {
        id: "E5".into(),
        kind: ExceptionKind::Excluded,
        reason: format!("no queue in this release {hostile}"),
        by: vec!["Ada Lovelace".into(), hostile.into()],
    }];
    let all: Vec<ItemId> = ITEMS.iter().map(|item| item.id).collect();
    let items = by_item(parts, &all);
    let decision = gate::decide(&GateInput {
        items: &items,
        self_test_passed: true,
        load: LoadOffered::Yes,
        interrupted: false,
        exceptions: &exceptions,
    });
    let mut reasons = decision.reasons.into_iter();
    CheckReport {
        schema: ReportSchema::CheckV1,
        golive_version: "0.1.0".into(),
        gate: decision.gate,
        gate_reason: reasons.next().unwrap(),
        gate_details: reasons.collect(),
        nearest: decision.nearest,
        target: TargetReport {
            name: "staging".into(),
            url: "http://127.0.0.1:8080".into(),
            format: "openai".into(),
        },
        seed: 42,
        started_at: "2026-11-23T18:02:11Z".parse().unwrap(),
        finished_at: "2026-11-23T18:03:33Z".parse().unwrap(),
        duration_ms: 82_412,
        coverage: Coverage::of(&items),
        run_warnings: vec![
            "the limits of this target are scaled down for staging".into(),
            format!("P1: the generator was late by 7 ms at p99 {hostile}"),
        ],
        self_test: SelfTest {
            passed: true,
            detail: "30 made answers were read as they must be".into(),
        },
        budget: BudgetReport {
            requests_used: 6_412,
            requests_limit: 20_000,
        },
        exceptions,
        items,
    }
}

fn judged(id: &str, good: u64, bad: u64, lost: u64, fill: impl FnOnce(&mut PartReport)) -> PartReport {
    let mut tally = Tally::new();
    (0..good).for_each(|_| tally.add_good());
    (0..bad).for_each(|_| tally.add_bad("it was let in"));
    (0..lost).for_each(|_| tally.add_unscored(&UnscoredReason::Timeout));
    let rule = Rule {
        max_unscored_percent: 20,
        ..Rule::all_of(1)
    };
    let control = |kind, name: &str, detail: &str| ControlResult {
        name: name.into(),
        kind,
        held: true,
        detail: detail.into(),
    };
    let controls = vec![
        control(
            ControlKind::Positive,
            "the key of role default works before",
            "default: 200 in 9 ms",
        ),
        control(
            ControlKind::Negative,
            "the same request with the right key is let in",
            "let in on: plain, stream, models",
        ),
    ];
    let mut part = PartReport::judged(spec(id).unwrap(), &tally.judge(&rule), controls);
    part.reproduce = Some(format!(
        "golive check --target staging --item {} --seed 42",
        &id[..2]
    ));
    fill(&mut part);
    part
}

#[test]
fn hostile_evidence_stays_text_in_the_page() {
    let calm = html::render(&sample("calm"));
    let tags = |page: &str| page.matches('<').count();
    for hostile in HOSTILE {
        let page = html::render(&sample(hostile));
        // The page has exactly the tags that the same report with harmless text has.
        assert_eq!(tags(&page), tags(&calm), "{hostile:?} made a tag");
        for acting in [
            "<script",
            "<img",
            "onerror=alert(1)>",
            "onload=alert(1)>",
            "\x1b",
            "\u{202e}",
            "\u{200b}",
            "\u{9b}",
            "\u{e0041}",
        ] {
            assert!(
                !page.contains(acting),
                "{acting:?} stands in the page of {hostile:?}"
            );
        }
    }
}

#[test]
fn the_page_asks_nothing_of_anybody_and_runs_nothing() {
    let page = html::render(&sample("calm"));
    assert!(page.contains("default-src 'none'"));
    for outside in ["<script", "<link", "src=", "@import", "url(", "<iframe", "<form"] {
        assert!(!page.contains(outside), "{outside} stands in the page");
    }
    assert!(page.len() < 400_000, "the page has {} bytes", page.len());
    std::fs::write(
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.html"),
        &page,
    )
    .unwrap();
    let wild = html::render(&sample(&HOSTILE.concat()));
    std::fs::write(
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile.html"),
        wild,
    )
    .unwrap();
}

#[test]
fn the_page_leaves_no_part_of_the_report_out() {
    let report = sample("calm");
    let page = html::render(&report);
    for part in report.items.iter().flat_map(|item| &item.parts) {
        assert!(
            page.contains(&format!("id=\"{}\"", part.id())),
            "{} has no place of its own",
            part.id()
        );
    }
    for item in &report.items {
        assert_eq!(
            page.matches(&format!("id=\"{}\"", item.id)).count(),
            1,
            "{}",
            item.id
        );
    }
    for text in [
        report.gate.as_str(),
        "Nearest way to GO",
        "In the way",
        "Not looked at",
        "Ada Lovelace",
        "scaled",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn the_terminal_report_is_calm_and_narrow_and_tells_nothing_by_colour_alone() {
    let report = sample("calm");
    let plain = terminal::render(&report, None, 1, false);
    assert!(!plain.contains('\x1b'), "no colour was asked for");
    insta::assert_snapshot!("terminal", plain);
    let coloured = terminal::render(&report, None, 1, true);
    let stripped: String = without_colour(&coloured);
    assert_eq!(stripped, plain, "colour changes no character");
}

#[test]
fn hostile_evidence_cannot_reach_the_terminal() {
    for hostile in HOSTILE {
        let text = terminal::render(&sample(hostile), None, 1, false);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{hostile:?}");
        for line in text.lines().filter(|line| !line.contains("again:")) {
            assert!(line.chars().count() <= terminal::WIDTH, "{line}");
        }
    }
}

#[test]
fn a_long_foreign_summary_is_broken_within_the_width() {
    let text = terminal::render(&sample(&"字".repeat(300)), None, 1, false);
    for line in text.lines() {
        let wide = line.chars().filter(|c| *c == '字').count();
        assert!(line.chars().count() + wide <= terminal::WIDTH, "{line}");
    }
}

#[test]
fn the_json_can_be_read_back_and_its_schema_is_the_published_one() {
    let report = sample("calm");
    let read: CheckReport = serde_json::from_str(&json::render(&report)).unwrap();
    assert_eq!(read, report);
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/report.schema.json"
    );
    if std::env::var_os("GOLIVE_UPDATE").is_some() {
        std::fs::write(path, json::schema()).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == json::schema(),
        "{path} is not the schema of this version; run with GOLIVE_UPDATE=1"
    );
}

#[test]
fn reports_are_written_whole_into_a_folder_that_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/b");
    let written = golive_prover::report::write(&out, &sample("calm")).unwrap();
    assert!(std::fs::metadata(&written.html).unwrap().len() > 10_000);
    let names: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "nothing is left beside them: {names:?}");
    let error = golive_prover::report::write(&written.html, &sample("calm")).unwrap_err();
    assert!(error.to_string().contains("--out"), "{error}");
}

/// Our own colour sequences taken out.
fn without_colour(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match (c, inside) {
            ('\x1b', _) => inside = true,
            ('m', true) => inside = false,
            (_, true) => {}
            (c, false) => out.push(c),
        }
    }
    out
}

#[test]
fn a_span_of_the_plan_is_told_without_sending_anything() {
    let target = golive_config::Target::bare(
        "nowhere",
        "http://127.0.0.1:9".parse().unwrap(),
        golive_config::TargetFormat::OpenAi,
    );
    let plan = golive_prover::plan(&target, &golive_prover::Selection::default(), false);
    assert_eq!(
        plan.requests, 0,
        "without a key nothing of what stands today can be proven"
    );
    let text = terminal::plan(&plan, false);
    assert!(
        text.contains("S5.keys") && text.contains("needs a key that works"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= terminal::WIDTH),
        "{text}"
    );
    assert!(Duration::from_secs(plan.seconds).is_zero());
}
