//! The top of the page: the answer, the nearest way to GO, what to know about the run, what blocks.
//!
//! Never: a score.

use golive_checklist::gate::Gate;
use golive_checklist::report::{CheckReport, Coverage, PartReport};
use golive_checklist::verdict::Verdict;
use maud::{Markup, html};

use super::super::{BLOCKERS_MAX, because, blockers as found, coverage_sentence, span};
use super::{glyph, text};

/// A step that names more parts than this only counts them; each stands in the list at the page's end.
const PARTS: usize = 6;

/// Steps of the nearest way that are shown at once.
const STEPS: usize = 4;

pub(super) fn masthead(report: &CheckReport) -> Markup {
    html! {
        header.masthead {
            div.mark { span.dot aria-hidden="true" {} "golive" span.thin { " check" } }
            div.when {
                time datetime=(report.started_at.to_string()) { (day_and_time(report)) }
                span { (span(report.duration_ms)) }
            }
        }
    }
}

pub(super) fn banner(report: &CheckReport) -> Markup {
    html! {
        section.banner.(glyph::tone(report.gate)) aria-label="The answer" {
            div.answer {
                (glyph::gate(report.gate))
                div {
                    h1 { (report.gate.to_string()) }
                    p.because { (text(because(report))) }
                    p.target {
                        strong { (text(&report.target.name)) }
                        span { (text(&report.target.url)) }
                        span { (text(&report.target.format)) }
                    }
                }
            }
            (coverage(&report.coverage))
            @if !report.nearest.is_empty() { (way(report)) }
        }
    }
}

/// One bar of all parts by verdict, and the sentence that says the same.
fn coverage(coverage: &Coverage) -> Markup {
    let shares = [
        (Verdict::Pass, coverage.proven, "proven"),
        (Verdict::Attested, coverage.attested, "attested"),
        (Verdict::Warn, coverage.warned, "with a warning"),
        (Verdict::Fail, coverage.failed, "failed"),
        (Verdict::Unproven, coverage.unproven, "unproven"),
        (Verdict::Excluded, coverage.excluded, "excluded"),
    ];
    html! {
        div.coverage {
            div.bar role="img" aria-label=(coverage_sentence(coverage)) {
                @for (verdict, count, _) in shares.iter().filter(|(_, count, _)| *count > 0) {
                    span.{ "v-" (verdict.as_str()) } style={ "flex-grow:" (count) } {}
                }
            }
            p.legend {
                @for (verdict, count, word) in shares.iter().filter(|(_, count, _)| *count > 0) {
                    span { (glyph::verdict(*verdict)) b { (count) } " " (word) }
                }
                span.total { (coverage.total) " parts" }
            }
        }
    }
}

fn way(report: &CheckReport) -> Markup {
    let title = if report.gate == Gate::Invalid {
        "What to do"
    } else {
        "Nearest way to GO"
    };
    // A step that takes a hundred parts is no near one: those come last. The sort is stable.
    let mut steps: Vec<&String> = report.nearest.iter().collect();
    steps.sort_by_key(|step| parts_of(step).len() > PARTS);
    html! {
        div.way {
            h2 { (title) }
            ol { @for step in steps.iter().take(STEPS) { (one_step(step)) } }
            @if steps.len() > STEPS {
                details {
                    summary { (steps.len() - STEPS) " more" }
                    ol start=(STEPS + 1) { @for step in &steps[STEPS..] { (one_step(step)) } }
                }
            }
        }
    }
}

fn one_step(step: &str) -> Markup {
    let parts = parts_of(step);
    let (first, rest) = step.split_once(": ").unwrap_or((step, ""));
    let verb = first.split(' ').next().unwrap_or_default();
    if parts.len() <= PARTS {
        return html! { li { (text(&lifted(step))) } };
    }
    html! { li { (text(&lifted(verb))) " " (parts.len()) " parts: " (text(rest)) } }
}

/// The parts that a step names before its colon: `mend S5.keys, M1.hung: …`.
fn parts_of(step: &str) -> Vec<&str> {
    let names = step.split_once(": ").map_or("", |(names, _)| names);
    names
        .split([',', ' '])
        .filter(|word| word.contains('.'))
        .collect()
}

pub(super) fn warnings(report: &CheckReport) -> Markup {
    if report.run_warnings.is_empty() && report.self_test.passed {
        return html! {};
    }
    html! {
        section.notes aria-labelledby="notes" {
            h2 #notes { (glyph::verdict(Verdict::Warn)) "Know this about the run" }
            ul {
                @if !report.self_test.passed {
                    li { strong { "The prover's self-test failed. " } (text(&report.self_test.detail)) }
                }
                @for warning in &report.run_warnings { li { (text(warning)) } }
            }
        }
    }
}

pub(super) fn blockers(report: &CheckReport) -> Markup {
    let all = found(report);
    if all.is_empty() {
        return html! {};
    }
    html! {
        section.blockers aria-labelledby="blockers" {
            h2 #blockers { "In the way" }
            @for part in all.iter().take(BLOCKERS_MAX) { (blocker(part)) }
            @if all.len() > BLOCKERS_MAX {
                p.more { "and " (all.len() - BLOCKERS_MAX) " more, each under its item below" }
            }
        }
    }
}

fn blocker(part: &PartReport) -> Markup {
    html! {
        article.blocker.{ "v-" (part.verdict().as_str()) } {
            header {
                (glyph::badge(part.verdict()))
                a.id href={ "#" (part.id()) } { (part.id()) }
                span.name { (text(part.title())) }
            }
            p { (text(&part.summary)) }
            @if let Some(line) = strongest(part) { p.strongest { code { (text(&line)) } } }
            @if let Some(fix) = &part.fix { p.fix.labelled { span.label { "Fix" } span { (text(&lifted(fix))) } } }
            @if let Some(command) = &part.reproduce { p.again.labelled { span.label { "Again" } span { code { (text(command)) } } } }
        }
    }
}

/// The first line of the first evidence, which proofs order worst first.
fn strongest(part: &PartReport) -> Option<String> {
    let first = part
        .evidence
        .first()
        .filter(|_| part.verdict() == Verdict::Fail)?;
    let line = first
        .received
        .as_deref()
        .and_then(|text| text.lines().next())
        .or(first.lines.first().map(String::as_str));
    Some(line.map_or_else(|| first.title.clone(), |line| format!("{} → {line}", first.title)))
}

/// Fragments begin with a small letter; where one stands as a sentence of its own it gets a capital.
pub(super) fn lifted(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `2026-11-23 18:02 UTC`.
fn day_and_time(report: &CheckReport) -> String {
    let text = report.started_at.to_string();
    match text.split_once('T') {
        Some((day, time)) => format!("{day} {} UTC", time.chars().take(5).collect::<String>()),
        None => text,
    }
}
