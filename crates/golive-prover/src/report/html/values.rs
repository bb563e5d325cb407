//! Figures of a part: their names and units in words, measured beside declared beside the checklist's.
//!
//! Never: rounds or reformats a number; what stands in the JSON stands here.

use golive_checklist::report::PartReport;
use maud::{Markup, html};
use serde_json::Value;

use super::text;

/// Endings of names that are units, longest first, and how they are written.
const UNITS: &[(&str, &str)] = &[
    ("_requests_per_s", "requests/s"),
    ("_per_s", "/s"),
    ("_percent", "%"),
    ("_per_mille", "‰"),
    ("_tokens", "tokens"),
    ("_bytes", "bytes"),
    ("_days", "days"),
    ("_mib", "MiB"),
    ("_usd", "USD"),
    ("_us", "µs"),
    ("_ms", "ms"),
    ("_s", "s"),
];

/// The table of figures; nothing if there are none.
pub(super) fn table(part: &PartReport) -> Markup {
    let mut names: Vec<&String> = Vec::new();
    for map in [&part.measured, &part.declared, &part.checklist] {
        for name in map.keys() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        return html! {};
    }
    html! {
        div.scroll {
            table.figures {
                thead { tr { th scope="col" { "figure" } th scope="col" { "measured" } th scope="col" { "declared" } th scope="col" { "checklist" } } }
                tbody {
                    @for name in names {
                        tr {
                            th scope="row" { (text(&words(name).0)) }
                            @for map in [&part.measured, &part.declared, &part.checklist] {
                                td { (cell(name, map.get(name))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(name: &str, value: Option<&Value>) -> Markup {
    let Some(value) = value else {
        return html! { span.none { "–" } };
    };
    html! { (text(&shown(value))) @if let Some(unit) = words(name).1 { span.unit { " " (unit) } } }
}

/// A value in words: strings as they are, a pair as an interval, everything else as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(all) => {
            let parts: Vec<String> = all.iter().map(shown).collect();
            format!("[{}]", parts.join(", "))
        }
        other => other.to_string(),
    }
}

/// `slowest_ms` → (`slowest`, `ms`).
fn words(name: &str) -> (String, Option<&'static str>) {
    let found = UNITS
        .iter()
        .find(|(ending, _)| name.len() > ending.len() && name.ends_with(ending));
    let (stem, unit) = found.map_or((name, None), |(ending, unit)| {
        (&name[..name.len() - ending.len()], Some(*unit))
    });
    (stem.replace('_', " "), unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_words_and_a_unit() {
        assert_eq!(words("slowest_ms"), ("slowest".to_owned(), Some("ms")));
        assert_eq!(
            words("offered_requests_per_s"),
            ("offered".to_owned(), Some("requests/s"))
        );
        assert_eq!(words("let_in"), ("let in".to_owned(), None));
        assert_eq!(words("_s"), (" s".to_owned(), None));
    }
}
