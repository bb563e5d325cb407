//! Each item that was looked at, in full: why it matters, how it was proven, what was measured, the controls, the
//! evidence.
//!
//! Never: shows evidence whole. The page must open at once; what is cut says how much is missing.

use golive_checklist::item::item;
use golive_checklist::report::{CheckReport, ControlResult, Evidence, ItemReport, PartReport};
use golive_checklist::verdict::Verdict;
use maud::{Markup, html};

use super::super::{has_proof, span};
use super::{banner::lifted, block, chart, glyph, text, values};
use crate::proofs::{Proof, proof};
use crate::target::shorten;

/// Bytes of one side of an exchange on the page.
const SHOWN: usize = 4_000;

/// Lines of a table or timeline on the page.
const LINES: usize = 80;

pub(super) fn all(report: &CheckReport) -> Markup {
    let items: Vec<&ItemReport> = report.items.iter().filter(|item| is_looked_at(item)).collect();
    html! {
        section #items.items aria-labelledby="in-detail" {
            @if !items.is_empty() { h2 #in-detail { "In detail" } }
            @for item in items { (one(item)) }
        }
    }
}

/// Whether anything of an item is worth a section of its own; the rest stands in the list of what was not looked at.
pub(super) fn is_looked_at(item: &ItemReport) -> bool {
    item.parts
        .iter()
        .any(|part| has_proof(part) || part.verdict() != Verdict::Unproven)
}

fn one(report: &ItemReport) -> Markup {
    let spec = item(report.id);
    html! {
        article.item id=(report.id) {
            header {
                span.id { (report.id) }
                h3 { (text(&report.title)) }
                (glyph::badge(report.verdict()))
            }
            p.why { (spec.why) }
            @if let Some(proof) = proof(report.id) { (method(proof)) }
            @for part in &report.parts { (one_part(part)) }
        }
    }
}

/// The lab report of the proof, section by section.
fn method(proof: &Proof) -> Markup {
    html! {
        details.method {
            summary { "How this is proven" }
            dl {
                @for (name, paragraph) in proof.sections() {
                    div { dt { (text(&name)) } dd { (with_code(&lifted(&paragraph))) } }
                }
            }
        }
    }
}

/// Prose of our own, with what stands in backticks as code.
fn with_code(prose: &str) -> Markup {
    html! {
        @for (number, piece) in prose.split('`').enumerate() {
            @if number % 2 == 1 { code { (text(piece)) } } @else { (text(piece)) }
        }
    }
}

fn one_part(part: &PartReport) -> Markup {
    if !has_proof(part) && part.verdict() == Verdict::Unproven {
        return unseen(part);
    }
    html! {
        section.part.{ "v-" (part.verdict().as_str()) } id=(part.id()) {
            header {
                (glyph::badge(part.verdict()))
                span.id { (part.id()) }
                h4 { (text(part.title())) }
                @if part.scaled { span.chip title="the declared numbers are scaled down for staging" { "scaled" } }
            }
            p.summary { (text(&part.summary)) }
            @if let Some(reason) = part.reason.as_deref().filter(|reason| *reason != part.summary) {
                p.reason.labelled { span.label { "Because" } span { (text(reason)) } }
            }
            @if part.unscored() > 0 {
                p.unscored { (part.unscored()) " could not be measured; none of them counts as held" }
            }
            (values::table(part))
            (chart::all(&part.charts))
            (controls(part.controls()))
            @if let Some(fix) = &part.fix { p.fix.labelled { span.label { "Fix" } span { (text(&lifted(fix))) } } }
            @for evidence in &part.evidence { (one_evidence(evidence)) }
            @if let Some(command) = &part.reproduce {
                p.again.labelled { span.label { "Again" } span { code { (text(command)) } } }
            }
        }
    }
}

/// A part of a looked-at item that nobody looked at: one line.
fn unseen(part: &PartReport) -> Markup {
    html! {
        section.part.quiet.v-unproven id=(part.id()) {
            header {
                (glyph::badge(part.verdict()))
                span.id { (part.id()) }
                h4 { (text(part.title())) }
                span.reason { (text(part.reason.as_deref().unwrap_or(&part.summary))) }
            }
        }
    }
}

fn controls(controls: &[ControlResult]) -> Markup {
    if controls.is_empty() {
        return html! {};
    }
    html! {
        ul.controls aria-label="Controls" {
            @for control in controls {
                @let verdict = if control.held { Verdict::Pass } else { Verdict::Fail };
                li.held[control.held].broken[!control.held] {
                    (glyph::verdict(verdict))
                    span.kind { (control.kind.as_str()) }
                    span { (text(&control.name)) @if !control.held { strong { " did not hold" } } }
                    @if !control.detail.is_empty() { span.detail { (text(&control.detail)) } }
                }
            }
        }
    }
}

fn one_evidence(evidence: &Evidence) -> Markup {
    let nothing = evidence.sent.is_none() && evidence.received.is_none() && evidence.lines.is_empty();
    if nothing {
        return html! { p.evidence-title { (text(&evidence.title)) } };
    }
    html! {
        details.evidence {
            summary {
                span { (text(&evidence.title)) }
                @if let Some(ms) = evidence.elapsed_ms { span.took { (span(ms)) } }
            }
            @if evidence.sent.is_some() || evidence.received.is_some() {
                div.exchange {
                    @if let Some(sent) = &evidence.sent { div { h5 { "sent" } pre tabindex="0" { (block(&shorten(sent, SHOWN))) } } }
                    @if let Some(received) = &evidence.received { div { h5 { "received" } pre tabindex="0" { (block(&shorten(received, SHOWN))) } } }
                }
            }
            @if !evidence.lines.is_empty() { pre.lines tabindex="0" { (block(&lines(evidence))) } }
        }
    }
}

fn lines(evidence: &Evidence) -> String {
    let shown: Vec<String> = evidence
        .lines
        .iter()
        .take(LINES)
        .map(|line| shorten(line, 400))
        .collect();
    let mut text = shown.join("\n");
    if evidence.lines.len() > LINES {
        text.push_str(&format!(
            "\n… {} lines more, in the JSON",
            evidence.lines.len() - LINES
        ));
    }
    text
}
