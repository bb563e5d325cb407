//! The report as JSON, and the schema it holds to.
//!
//! Never: a second model of the report. What is written is the checklist's own [`CheckReport`].

use golive_checklist::report::{self, CheckReport};
use serde::Serialize;

/// The report, indented, with a line end at its end.
#[must_use]
pub fn render(report: &CheckReport) -> String {
    pretty(report)
}

/// The JSON Schema of the report, as published in `docs/reference/report.schema.json`.
#[must_use]
pub fn schema() -> String {
    pretty(&report::schema())
}

/// A plan as JSON.
#[must_use]
pub fn plan(plan: &crate::plan::Plan) -> String {
    pretty(plan)
}

fn pretty(value: &impl Serialize) -> String {
    // Maps with string keys and no custom failing serializer: this cannot fail, and if it did, the error is JSON too.
    let mut text = serde_json::to_string_pretty(value)
        .unwrap_or_else(|error| serde_json::json!({"error": error.to_string()}).to_string());
    text.push('\n');
    text
}
