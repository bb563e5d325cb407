//! What the tests are made of: parts and items of any verdict, and a run in which everything holds.

use golive_checklist::{
    DecidedBy, Evidence, ItemId, ItemReport, PartReport, PartSpec, Rule, Tally, Verdict,
    gate::{GateInput, LoadOffered},
    report::{ControlKind, ControlResult, by_item},
};
use serde_json::json;

/// The part as a report would hold it with this verdict: read from JSON, for by hand only some can be made.
pub fn part(spec: &PartSpec, verdict: Verdict) -> PartReport {
    let mut value = serde_json::to_value(PartReport::unproven(spec, "its input is missing")).unwrap();
    value["verdict"] = json!(verdict);
    value["summary"] = json!("what was seen");
    serde_json::from_value(value).unwrap()
}

pub fn control(kind: ControlKind, held: bool) -> ControlResult {
    ControlResult {
        name: "a call".to_owned(),
        kind,
        held,
        detail: "what came back".to_owned(),
    }
}

pub fn both_controls() -> Vec<ControlResult> {
    vec![
        control(ControlKind::Positive, true),
        control(ControlKind::Negative, true),
    ]
}

/// A part that a real tally of `good` observations passed, with evidence.
pub fn proven(spec: &PartSpec, good: u64) -> PartReport {
    let mut tally = Tally::new();
    (0..good).for_each(|_| tally.add_good());
    let mut part = PartReport::judged(spec, &tally.judge(&Rule::default()), both_controls());
    part.measured.insert("refused_after".to_owned(), json!(20));
    part.evidence.push(Evidence {
        title: "one call".to_owned(),
        ..Evidence::default()
    });
    part
}

/// Every part as it should be: what a machine decides proven, what a person decides attested.
pub fn all_holds(items: &[ItemId]) -> Vec<ItemReport> {
    let parts = golive_checklist::item::parts()
        .filter(|spec| items.contains(&spec.item))
        .map(|spec| match spec.decided_by {
            DecidedBy::Machine => proven(spec, 3),
            DecidedBy::Person => PartReport::unproven(spec, "nobody").attested("Ada Lovelace, 2026-08-01"),
        });
    by_item(parts.collect(), items)
}

/// The 25 that gate `check`.
pub fn gating() -> Vec<ItemId> {
    golive_checklist::ITEMS
        .iter()
        .filter(|item| item.phase.gates_check())
        .map(|item| item.id)
        .collect()
}

/// A run that nothing is wrong with, of these items.
pub fn run(items: &[ItemReport]) -> GateInput<'_> {
    GateInput {
        items,
        self_test_passed: true,
        load: LoadOffered::Yes,
        interrupted: false,
        exceptions: &[],
    }
}
