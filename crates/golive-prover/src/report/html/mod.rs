//! The report as one HTML page: no script, no request to anywhere, light and dark, on paper too.
//!
//! Every text goes through maud's escaping, and what would act invisibly (bidi, controls) is made visible first; on
//! top of that the page's own policy forbids scripts, frames, forms and every load from outside.
//!
//! Never: marks anything as safe HTML but the style sheet and the glyphs of this room.

mod banner;
mod chart;
mod details;
mod glyph;
mod tail;
mod tiles;
mod values;

use golive_checklist::report::CheckReport;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::escape;

/// The style sheet, inlined into each page.
const STYLE: &str = include_str!("style.css");

/// What the page may load: nothing but its own styles.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The whole page.
#[must_use]
pub fn render(report: &CheckReport) -> String {
    let title = format!("{} · {} · golive check", report.gate, report.target.name);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (text(&title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (glyph::symbols())
                a.skip href="#items" { "Skip to the items" }
                main {
                    (banner::masthead(report))
                    (banner::banner(report))
                    (banner::warnings(report))
                    (banner::blockers(report))
                    (tiles::all(report))
                    (details::all(report))
                    (tail::not_looked_at(report))
                    (tail::exceptions(report))
                    (tail::appendix(report))
                }
            }
        }
    };
    page.into_string()
}

/// Text from anywhere, on one line.
fn text(text: &str) -> Markup {
    html! { (escape::one_line(text)) }
}

/// Text from anywhere, with its lines.
fn block(text: &str) -> Markup {
    html! { (escape::block(text)) }
}
