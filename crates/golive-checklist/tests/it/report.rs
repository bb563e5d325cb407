//! The report: verdicts that cannot be written by hand, and a JSON that is read back as it was.

use golive_checklist::{
    CheckReport, DecidedBy, Evidence, Gate, ItemId, PartReport, Rule, Tally, Verdict,
    gate::{Exception, ExceptionKind, decide},
    item,
    report::{
        BudgetReport, ControlKind, Coverage, PartId, ReportSchema, SelfTest, TargetReport, by_item, schema,
    },
};
use serde_json::json;

use crate::make::{all_holds, both_controls, control, gating, part, proven, run};

fn spec(id: &str) -> &'static golive_checklist::PartSpec {
    item::part(id).unwrap()
}

fn passing() -> golive_checklist::Judgement {
    let mut tally = Tally::new();
    tally.add_good();
    tally.judge(&Rule::default())
}

#[test]
fn a_proof_without_both_controls_or_with_one_that_did_not_hold_proves_nothing() {
    let judged = |controls| PartReport::judged(spec("S5.keys"), &passing(), controls);
    assert_eq!(judged(both_controls()).verdict(), Verdict::Pass);
    for (controls, why) in [
        (vec![], "the proof had no positive control"),
        (
            vec![control(ControlKind::Negative, true)],
            "the proof had no positive control",
        ),
        (
            vec![control(ControlKind::Positive, true)],
            "the proof had no negative control",
        ),
        (
            vec![
                control(ControlKind::Positive, false),
                control(ControlKind::Negative, true),
            ],
            "the positive control did not hold: what came back",
        ),
        (
            vec![
                control(ControlKind::Positive, true),
                control(ControlKind::Negative, false),
            ],
            "the negative control did not hold: what came back",
        ),
    ] {
        let part = judged(controls);
        assert_eq!(part.verdict(), Verdict::Unproven);
        assert_eq!(part.reason.as_deref(), Some(why));
    }
}

#[test]
fn a_failure_that_was_seen_stays_one_whatever_the_controls_say() {
    let mut tally = Tally::new();
    tally.add_bad("let in");
    let part = PartReport::judged(spec("S5.keys"), &tally.judge(&Rule::default()), vec![]);
    assert_eq!(part.verdict(), Verdict::Fail);
}

#[test]
fn what_could_not_be_measured_goes_into_the_part() {
    let mut tally = Tally::new();
    tally.add_unscored(&golive_checklist::UnscoredReason::Timeout);
    let part = PartReport::judged(spec("S5.keys"), &tally.judge(&Rule::default()), both_controls());
    assert_eq!((part.verdict(), part.unscored()), (Verdict::Unproven, 1));
    let reason = part.reason.as_deref().unwrap();
    assert!(
        reason.contains("1 could not be measured (1 × no answer in time)"),
        "{reason}"
    );
}

#[test]
fn a_machine_cannot_pass_what_a_person_decides() {
    let part = PartReport::judged(spec("S7.custody"), &passing(), both_controls());
    assert_eq!(part.verdict(), Verdict::Unproven);
    assert_eq!(part.reason.as_deref(), Some("a person must attest to it"));
}

#[test]
fn a_persons_word_fills_an_unproven_part_and_changes_no_other() {
    for verdict in Verdict::ALL {
        let after = part(spec("E3.staffing"), verdict)
            .attested("Ada Lovelace")
            .verdict();
        let expected = if verdict == Verdict::Unproven {
            Verdict::Attested
        } else {
            verdict
        };
        assert_eq!(after, expected);
    }
}

#[test]
fn parts_come_under_their_items_in_checklist_order_and_missing_ones_are_unproven() {
    let parts = vec![
        proven(spec("L1.smoke"), 1),
        proven(spec("S5.revocation"), 1),
        proven(spec("S5.keys"), 1),
    ];
    let items = by_item(parts, &[ItemId::M1, ItemId::S5]);
    assert_eq!(
        items.iter().map(|item| item.id).collect::<Vec<_>>(),
        [ItemId::S5, ItemId::M1, ItemId::L1]
    );
    let s5: Vec<_> = items[0]
        .parts
        .iter()
        .map(|part| (part.id().as_str(), part.verdict()))
        .collect();
    assert_eq!(
        s5,
        [
            ("S5.keys", Verdict::Pass),
            ("S5.revocation", Verdict::Pass),
            ("S5.tokens", Verdict::Unproven),
            ("S5.certificates", Verdict::Unproven),
        ]
    );
    assert_eq!(items[0].verdict(), Verdict::Unproven);
    assert_eq!(items[1].parts.len(), 5);
    assert_eq!(
        items[1].parts[0].reason.as_deref(),
        Some("no proof of this part was run")
    );
    assert_eq!(items[2].verdict(), Verdict::Pass);
}

#[test]
fn a_part_reported_twice_counts_with_the_worse() {
    let parts = vec![
        part(spec("P5.soak"), Verdict::Fail),
        part(spec("P5.soak"), Verdict::Pass),
    ];
    let items = by_item(parts, &[]);
    assert_eq!((items[0].verdict(), items[0].parts.len()), (Verdict::Fail, 2));
}

#[test]
fn coverage_counts_every_part_once() {
    let items = all_holds(ItemId::ALL);
    let coverage = Coverage::of(&items);
    let gating: Vec<_> = item::ITEMS
        .iter()
        .filter(|item| item.phase.gates_check())
        .flat_map(|item| item.parts)
        .collect();
    let persons = gating
        .iter()
        .filter(|part| part.decided_by == DecidedBy::Person)
        .count() as u64;
    assert_eq!(
        coverage.total,
        gating.len() as u64,
        "what gates only the launch is not counted beside the gate's own parts"
    );
    assert_eq!(
        (coverage.attested, coverage.proven),
        (persons, coverage.total - persons)
    );
    let one_each = Verdict::ALL
        .map(|verdict| part(spec("P5.soak"), verdict))
        .to_vec();
    let coverage = Coverage::of(&by_item(one_each, &[]));
    let all_one = Coverage {
        proven: 1,
        attested: 1,
        unproven: 1,
        excluded: 1,
        failed: 1,
        warned: 1,
        total: 6,
    };
    assert_eq!(coverage, all_one);
}

#[test]
fn part_ids_are_read_strictly_and_unknown_words_of_known_items_are_kept() {
    let read = |text: &str| serde_json::from_value::<PartId>(json!(text));
    assert_eq!(read("S2.user").unwrap().item(), ItemId::S2);
    assert_eq!(
        read("S2.of_a_later_version").unwrap().as_str(),
        "S2.of_a_later_version"
    );
    for wrong in [
        "", "S2", "S2.", "s2.user", "S9.user", "S2.User", "S2.a b", "S2-user", "É2.user", "S22.user",
    ] {
        let message = read(wrong).unwrap_err().to_string();
        assert!(
            message.contains("is not a part; write an item, a dot and a word"),
            "{wrong}: {message}"
        );
    }
}

fn report() -> CheckReport {
    let mut failed = part(spec("S5.keys"), Verdict::Fail);
    failed.fix = Some("check the key before the route".to_owned());
    failed.reproduce = Some("golive check --item S5 --seed 7".to_owned());
    failed.declared.insert("keys".to_owned(), json!(30));
    failed.checklist.insert("keys".to_owned(), json!("all"));
    failed.evidence.push(Evidence {
        title: "key with its last character changed".to_owned(),
        sent: Some("GET /v1/models\nauthorization: Bearer glv_…(56)".to_owned()),
        received: Some("200 OK\n<script>alert(1)</script>".to_owned()),
        lines: vec!["0 ms sent".to_owned(), "12 ms answered".to_owned()],
        elapsed_ms: Some(12),
    });
    let items = by_item(vec![failed, proven(spec("M1.quiet"), 9)], &gating());
    let exceptions = vec![Exception {
        id: "S8".to_owned(),
        kind: ExceptionKind::AllowUnproven,
        reason: "no model behind it yet".to_owned(),
        by: vec!["Ada Lovelace".to_owned(), "Grace Hopper".to_owned()],
    }];
    let decision = decide(&golive_checklist::GateInput {
        exceptions: &exceptions,
        ..run(&items)
    });
    CheckReport {
        schema: ReportSchema::CheckV1,
        golive_version: "0.1.0".to_owned(),
        gate: decision.gate,
        gate_reason: decision.reasons[0].clone(),
        gate_details: decision.reasons[1..].to_vec(),
        nearest: decision.nearest,
        target: TargetReport {
            name: "staging".to_owned(),
            url: "https://staging.example".to_owned(),
            format: "openai".to_owned(),
        },
        seed: u64::MAX,
        started_at: "2026-08-01T10:00:00Z".parse().unwrap(),
        finished_at: "2026-08-01T10:03:20.123456789Z".parse().unwrap(),
        duration_ms: 200_123,
        coverage: Coverage::of(&items),
        run_warnings: vec!["limits are scaled".to_owned()],
        self_test: SelfTest {
            passed: true,
            detail: "4 answers told apart".to_owned(),
        },
        budget: BudgetReport {
            requests_used: 412,
            requests_limit: 20_000,
        },
        exceptions,
        items,
    }
}

#[test]
fn a_report_is_read_back_as_it_was_written() {
    let report = report();
    let text = serde_json::to_string_pretty(&report).unwrap();
    assert_eq!(serde_json::from_str::<CheckReport>(&text).unwrap(), report);
}

#[test]
fn the_json_has_the_names_that_scripts_depend_on() {
    let value = serde_json::to_value(report()).unwrap();
    assert_eq!(value["schema"], "golive.check/1");
    assert_eq!(value["gate"], "NO-GO");
    assert_eq!(value["started_at"], "2026-08-01T10:00:00Z");
    assert_eq!(value["coverage"]["failed"], 1);
    let s5 = value["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["id"] == "S5")
        .unwrap();
    assert_eq!(s5["verdict"], "fail");
    assert_eq!(s5["phase"], "security");
    let keys: Vec<_> = s5["parts"][0]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "id",
            "title",
            "decided_by",
            "verdict",
            "summary",
            "measured",
            "declared",
            "checklist",
            "scaled",
            "unscored",
            "controls",
            "evidence",
            "charts",
            "fix",
            "reproduce",
            "reason",
        ]
    );
    let m1 = value["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["id"] == "M1")
        .unwrap();
    assert_eq!(m1["parts"][4]["controls"][0]["kind"], "positive");
}

#[test]
fn a_report_of_another_version_is_refused_by_name() {
    let mut value = serde_json::to_value(report()).unwrap();
    value["schema"] = json!("golive.check/2");
    let message = serde_json::from_value::<CheckReport>(value)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("golive.check/2") && message.contains("golive.check/1"),
        "{message}"
    );
}

#[test]
fn the_schema_names_every_field_every_verdict_and_every_gate() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let report = serde_json::to_value(report()).unwrap();
    let same_keys = |schema: &serde_json::Value, value: &serde_json::Value| {
        let described: Vec<_> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        let written: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        assert_eq!(described, written);
    };
    same_keys(&schema, &report);
    same_keys(&schema["$defs"]["ItemReport"], &report["items"][0]);
    same_keys(&schema["$defs"]["PartReport"], &report["items"][0]["parts"][0]);
    let text = schema.to_string();
    for word in Verdict::ALL.map(Verdict::as_str).into_iter().chain(
        [
            Gate::Go,
            Gate::GoWithExceptions,
            Gate::NoGo,
            Gate::Partial,
            Gate::Invalid,
        ]
        .map(Gate::as_str),
    ) {
        assert!(text.contains(&format!("\"{word}\"")), "{word} is missing");
    }
    assert!(text.contains("\"golive.check/1\""));
}

#[test]
fn the_published_schema_changes_only_on_purpose() {
    insta::assert_json_snapshot!("golive_check_1_schema", schema());
}
