//! The end of a run: what was found, cleaned of secrets, put under its items, and put to the gate.
//!
//! Never: changes a verdict.

use std::time::Duration;

use golive_checklist::gate::{self, GateInput, LoadOffered};
use golive_checklist::item::{ITEMS, ItemId};
use golive_checklist::report::{
    BudgetReport, CheckReport, Coverage, PartReport, ReportSchema, SelfTest, TargetReport, by_item,
};
use serde_json::Value;

use crate::budget::Budget;
use crate::clock;
use crate::redact::Redactor;
use crate::runner::{CheckOptions, Checked, EXIT_INTERRUPTED};
use crate::target::millis;

/// What a run has come to when its last proof is over.
pub(crate) struct Ended {
    pub(crate) parts: Vec<PartReport>,
    pub(crate) warnings: Vec<String>,
    pub(crate) load: LoadOffered,
    pub(crate) interrupted: bool,
    pub(crate) self_test: SelfTest,
    pub(crate) started_at: jiff::Timestamp,
    pub(crate) elapsed: Duration,
}

/// The report, the gate's word and the exit code.
pub(crate) fn conclude(
    options: &CheckOptions,
    mut ended: Ended,
    budget: &Budget,
    redactor: &Redactor,
) -> Checked {
    for part in &mut ended.parts {
        redact(part, redactor);
    }
    for warning in &mut ended.warnings {
        *warning = redactor.text(warning);
    }
    let selected: Vec<ItemId> = ITEMS
        .iter()
        .map(|item| item.id)
        .filter(|id| options.selection.has(*id))
        .collect();
    let items = by_item(ended.parts, &selected);
    let decide = if options.demo {
        gate::decide_demo
    } else {
        gate::decide
    };
    let decision = decide(&GateInput {
        items: &items,
        self_test_passed: ended.self_test.passed,
        load: ended.load,
        interrupted: ended.interrupted,
        exceptions: &options.exceptions,
    });
    let exit_code = if ended.interrupted {
        EXIT_INTERRUPTED
    } else {
        decision.exit_code()
    };
    let mut reasons = decision.reasons.into_iter();
    let report = CheckReport {
        schema: ReportSchema::CheckV1,
        golive_version: env!("CARGO_PKG_VERSION").to_owned(),
        gate: decision.gate,
        gate_reason: reasons.next().unwrap_or_default(),
        gate_details: reasons.collect(),
        nearest: decision.nearest,
        target: TargetReport {
            name: options.target.name.clone(),
            url: options.target.url.to_string(),
            format: options.target.format.as_str().to_owned(),
        },
        seed: options.seed,
        started_at: ended.started_at,
        finished_at: clock::wall(),
        duration_ms: millis(ended.elapsed),
        coverage: Coverage::of(&items),
        run_warnings: ended.warnings,
        self_test: ended.self_test,
        budget: BudgetReport {
            requests_used: budget.used(),
            requests_limit: budget.limit(),
        },
        exceptions: options.exceptions.clone(),
        items,
    };
    Checked { report, exit_code }
}

/// The last net: whatever a proof put into its report, no known secret and nothing shaped like a key leaves.
fn redact(part: &mut PartReport, redactor: &Redactor) {
    let clean = |text: &mut String| *text = redactor.text(text);
    clean(&mut part.summary);
    for text in [&mut part.fix, &mut part.reproduce, &mut part.reason]
        .into_iter()
        .flatten()
    {
        clean(text);
    }
    for evidence in &mut part.evidence {
        clean(&mut evidence.title);
        for text in [&mut evidence.sent, &mut evidence.received].into_iter().flatten() {
            clean(text);
        }
        evidence.lines.iter_mut().for_each(clean);
    }
    for chart in &mut part.charts {
        clean(&mut chart.title);
        clean(&mut chart.says);
        chart.series.iter_mut().for_each(|series| clean(&mut series.name));
        chart.marks.iter_mut().for_each(|mark| clean(&mut mark.label));
    }
    for map in [&mut part.measured, &mut part.declared, &mut part.checklist] {
        map.iter_mut()
            .for_each(|(_, value)| redact_value(value, redactor));
    }
}

fn redact_value(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.text(text),
        Value::Array(all) => all.iter_mut().for_each(|one| redact_value(one, redactor)),
        Value::Object(map) => map.iter_mut().for_each(|(_, one)| redact_value(one, redactor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use golive_checklist::report::Evidence;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_a_proof_forgot_leaves_by_no_field() {
        let redactor = Redactor::new(["hunter2-hunter2".to_owned()]);
        let spec = golive_checklist::item::part("S5.keys").unwrap();
        let said = || "it said hunter2-hunter2".to_owned();
        let mut part = PartReport::unproven(spec, said());
        part.fix = Some(said());
        part.measured.insert("said".into(), json!({"deep": [said()]}));
        part.evidence.push(Evidence {
            title: said(),
            sent: Some(said()),
            received: Some(said()),
            lines: vec![said()],
            elapsed_ms: None,
        });
        redact(&mut part, &redactor);
        assert!(!serde_json::to_string(&part).unwrap().contains("hunter2"));
    }
}
