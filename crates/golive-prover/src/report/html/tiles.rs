//! One tile per item, by phase: verdict, title, the number that matters most.
//!
//! Never: hides an item because it was not looked at.

use golive_checklist::item::Phase;
use golive_checklist::report::{CheckReport, ItemReport, PartReport};
use golive_checklist::verdict::Verdict;
use maud::{Markup, html};

use super::super::has_proof;
use super::{glyph, text};

pub(super) fn all(report: &CheckReport) -> Markup {
    html! {
        section.phases aria-label="The checklist" {
            @for phase in Phase::ALL {
                @let items: Vec<&ItemReport> = report.items.iter().filter(|item| item.phase == phase).collect();
                @if !items.is_empty() {
                    div.phase {
                        h2 {
                            @if let Some(number) = phase.number() { span.number { (number) } }
                            (phase.title())
                            @if !phase.gates_check() { span.aside { "gates the launch, not this check" } }
                        }
                        div.tiles { @for item in items { (tile(item)) } }
                    }
                }
            }
        }
    }
}

fn tile(item: &ItemReport) -> Markup {
    let speaking = speaking(item);
    html! {
        a.tile.{ "v-" (item.verdict().as_str()) }.quiet[speaking.is_none()] href={ "#" (item.id) } {
            span.top { span.id { (item.id) } (glyph::badge(item.verdict())) }
            span.title { (text(&item.title)) }
            @match speaking {
                Some(part) => span.number { (text(&shortened(&part.summary))) },
                None => span.number.none { "not looked at" },
            }
            @if let Some(missing) = missing(item, speaking) { span.missing { (text(&missing)) } }
            span.parts role="img" aria-label=(parts_in_words(item)) {
                @for part in &item.parts { span.pip.{ "v-" (part.verdict().as_str()) } title={ (part.id()) ": " (part.verdict()) } {} }
                @if item.parts.iter().any(|part| part.scaled) { span.chip { "scaled" } }
            }
        }
    }
}

/// The part that speaks for its item: the worst of those that a proof looked at, else any that is not unproven.
fn speaking(item: &ItemReport) -> Option<&PartReport> {
    let looked_at = item
        .parts
        .iter()
        .filter(|part| has_proof(part) || part.verdict() != Verdict::Unproven);
    looked_at.reduce(|best, part| {
        if part.verdict() > best.verdict() {
            part
        } else {
            best
        }
    })
}

/// Names the parts that make an item unproven although the one that speaks for it holds.
fn missing(item: &ItemReport, speaking: Option<&PartReport>) -> Option<String> {
    let holds = speaking.is_some_and(|part| part.verdict() != Verdict::Unproven);
    if item.verdict() != Verdict::Unproven || !holds {
        return None;
    }
    let unproven = item
        .parts
        .iter()
        .filter(|part| part.verdict() == Verdict::Unproven);
    let names: Vec<&str> = unproven.map(|part| word_of(part.id().as_str())).collect();
    Some(format!("unproven: {}", names.join(", ").replace('_', " ")))
}

/// `global` of `S2.global`.
fn word_of(id: &str) -> &str {
    id.split_once('.').map_or(id, |(_, word)| word)
}

fn parts_in_words(item: &ItemReport) -> String {
    let parts: Vec<String> = item
        .parts
        .iter()
        .map(|part| format!("{} {}", part.id(), part.verdict()))
        .collect();
    parts.join(", ")
}

/// The first clause of a summary, which is where its number stands.
fn shortened(summary: &str) -> String {
    let clause = summary.split("; ").next().unwrap_or(summary);
    match clause.char_indices().nth(90) {
        Some((end, _)) => format!("{}…", &clause[..end]),
        None => clause.to_owned(),
    }
}
