//! The end of the page: what nobody looked at, what was excepted and by whom, and how the run was made.
//!
//! Never: lets an unproven part out of sight.

use golive_checklist::gate::{Exception, ExceptionKind};
use golive_checklist::item::DecidedBy;
use golive_checklist::report::{CheckReport, PartReport};
use maud::{Markup, html};

use super::super::{coverage_sentence, not_looked_at as open, span};
use super::{details::is_looked_at, text};
use crate::runner::NO_PROOF;

pub(super) fn not_looked_at(report: &CheckReport) -> Markup {
    let parts = open(report);
    if parts.is_empty() {
        return html! {};
    }
    html! {
        section.open aria-labelledby="open" {
            h2 #open { "Not looked at" }
            p.lead { "Unproven is not passed: each of these " (parts.len()) " parts stands in the way of a GO until it is proven, attested or excepted by name. Where no reason stands, this version of golive has no proof yet." }
            @for item in &report.items {
                @let mine: Vec<&&PartReport> = parts.iter().filter(|part| part.id().item() == item.id).collect();
                @if !mine.is_empty() {
                    div.row id=[(!is_looked_at(item)).then_some(item.id)] {
                        div.what { span.id { (item.id) } span { (text(&item.title)) } }
                        ul {
                            @for part in mine {
                                li id=[(!is_looked_at(item)).then(|| part.id())] {
                                    span.id { (part.id()) }
                                    span { (text(part.title())) }
                                    @if let Some(reason) = reason(part) { span.reason { (text(reason)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Why, if it is another reason than the usual one, which the head of the list gives once.
fn reason(part: &PartReport) -> Option<&str> {
    match part.decided_by() {
        DecidedBy::Person => Some("a person's word"),
        DecidedBy::Machine => part.reason.as_deref().filter(|reason| *reason != NO_PROOF),
    }
}

pub(super) fn exceptions(report: &CheckReport) -> Markup {
    if report.exceptions.is_empty() {
        return html! {};
    }
    html! {
        section.exceptions aria-labelledby="exceptions" {
            h2 #exceptions { "Exceptions" }
            div.scroll {
                table {
                    thead { tr { th scope="col" { "part" } th scope="col" { "what" } th scope="col" { "why" } th scope="col" { "who" } } }
                    tbody { @for one in &report.exceptions { (exception(one)) } }
                }
            }
        }
    }
}

fn exception(one: &Exception) -> Markup {
    let kind = match one.kind {
        ExceptionKind::Excluded => "left out",
        ExceptionKind::AllowUnproven => "may stay unproven",
    };
    html! { tr { th scope="row" { (text(&one.id)) } td { (kind) } td { (text(&one.reason)) } td { (text(&one.by.join(", "))) } } }
}

pub(super) fn appendix(report: &CheckReport) -> Markup {
    let schema = serde_json::to_value(report.schema).ok();
    let schema = schema
        .as_ref()
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let rows: Vec<(&str, String)> = vec![
        ("coverage", coverage_sentence(&report.coverage)),
        (
            "target",
            format!(
                "{} ({}) {}",
                report.target.name, report.target.format, report.target.url
            ),
        ),
        ("started", report.started_at.to_string()),
        ("finished", report.finished_at.to_string()),
        ("took", span(report.duration_ms)),
        (
            "requests",
            format!(
                "{} of {} allowed",
                report.budget.requests_used, report.budget.requests_limit
            ),
        ),
        (
            "self-test of the oracles",
            format!(
                "{}: {}",
                if report.self_test.passed {
                    "passed"
                } else {
                    "failed"
                },
                report.self_test.detail
            ),
        ),
        ("seed", report.seed.to_string()),
        ("golive", report.golive_version.clone()),
        ("format of the JSON beside this page", schema),
    ];
    html! {
        section.appendix aria-labelledby="appendix" {
            h2 #appendix { "Appendix" }
            dl { @for (name, value) in rows { div { dt { (name) } dd { (text(&value)) } } } }
            p.foot { "Known secrets and anything shaped like a key are replaced by a digest before they reach this page. There is no score: a gate is a conjunction." }
        }
    }
}
