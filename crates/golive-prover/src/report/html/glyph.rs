//! The shapes that stand beside each verdict and gate, so that no colour has to be seen to read the page.
//!
//! Never: holds anything from outside.

use golive_checklist::gate::Gate;
use golive_checklist::verdict::Verdict;
use maud::{Markup, PreEscaped, html};

/// All shapes, once per page; each use refers to them.
pub(super) fn symbols() -> Markup {
    PreEscaped(SYMBOLS.to_owned())
}

/// The shape of a verdict.
pub(super) fn verdict(verdict: Verdict) -> Markup {
    html! { svg.glyph.{ "v-" (verdict.as_str()) } aria-hidden="true" viewBox="0 0 16 16" { use href={ "#g-" (verdict.as_str()) } {} } }
}

/// A verdict as shape and word.
pub(super) fn badge(of: Verdict) -> Markup {
    html! { span.badge.{ "v-" (of.as_str()) } { (verdict(of)) span { (of.as_str()) } } }
}

/// The shape of a gate.
pub(super) fn gate(gate: Gate) -> Markup {
    let shape = match gate {
        Gate::Go => "#g-go",
        Gate::GoWithExceptions => "#g-exceptions",
        Gate::NoGo => "#g-nogo",
        Gate::Partial => "#g-partial",
        Gate::Invalid => "#g-invalid",
    };
    html! { svg.sign aria-hidden="true" viewBox="0 0 64 64" { use href=(shape) {} } }
}

/// The name of a gate's colours.
pub(super) fn tone(gate: Gate) -> &'static str {
    match gate {
        Gate::Go => "v-pass",
        Gate::GoWithExceptions | Gate::Invalid => "v-warn",
        Gate::NoGo => "v-fail",
        Gate::Partial => "v-unproven",
    }
}

/// Circle with a tick, triangle, dashed circle with a question mark, octagon with a cross, person, dash; and the
/// same family, larger, for the gate.
const SYMBOLS: &str = concat!(
    r#"<svg width="0" height="0" aria-hidden="true" class="symbols"><defs>"#,
    r#"<symbol id="g-pass" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="currentColor"/><path d="M4.6 8.3l2.3 2.3 4.5-4.9" fill="none" stroke="var(--on)" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"/></symbol>"#,
    r#"<symbol id="g-warn" viewBox="0 0 16 16"><path d="M8 1.2l7.2 13H.8z" fill="currentColor" stroke="currentColor" stroke-width="1" stroke-linejoin="round"/><path d="M8 6v4M8 12.1v.2" fill="none" stroke="var(--on)" stroke-width="1.7" stroke-linecap="round"/></symbol>"#,
    r#"<symbol id="g-unproven" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.4" fill="none" stroke="currentColor" stroke-width="1.4" stroke-dasharray="2.6 1.9"/><path d="M6 6.4a2 2 0 1 1 2.7 1.9c-.5.2-.7.5-.7 1.1M8 11.6v.2" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round"/></symbol>"#,
    r#"<symbol id="g-fail" viewBox="0 0 16 16"><path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z" fill="currentColor"/><path d="M5.5 5.5l5 5m0-5l-5 5" fill="none" stroke="var(--on)" stroke-width="1.7" stroke-linecap="round"/></symbol>"#,
    r#"<symbol id="g-attested" viewBox="0 0 16 16"><circle cx="8" cy="5" r="3.2" fill="currentColor"/><path d="M1.8 15c.4-3.6 2.9-5.6 6.2-5.6s5.800 2 6.200 5.600z" fill="currentColor"/></symbol>"#,
    r#"<symbol id="g-excluded" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.400" fill="none" stroke="currentColor" stroke-width="1.4"/><path d="M4.700 8h6.600" stroke="currentColor" stroke-width="1.600" stroke-linecap="round"/></symbol>"#,
    r#"<symbol id="g-go" viewBox="0 0 64 64"><circle cx="32" cy="32" r="29" fill="currentColor"/><path d="M19 33l9 9 18-20" fill="none" stroke="var(--on)" stroke-width="6" stroke-linecap="round" stroke-linejoin="round"/></symbol>"#,
    r#"<symbol id="g-exceptions" viewBox="0 0 64 64"><circle cx="32" cy="32" r="27" fill="none" stroke="currentColor" stroke-width="5"/><path d="M19 33l9 9 18-20" fill="none" stroke="currentColor" stroke-width="6" stroke-linecap="round" stroke-linejoin="round"/></symbol>"#,
    r#"<symbol id="g-nogo" viewBox="0 0 64 64"><path d="M20.500 4h23L60 20.500v23L43.500 60h-23L4 43.500v-23z" fill="currentColor"/><path d="M17 32h30" fill="none" stroke="var(--on)" stroke-width="8" stroke-linecap="round"/></symbol>"#,
    r#"<symbol id="g-partial" viewBox="0 0 64 64"><circle cx="32" cy="32" r="27" fill="none" stroke="currentColor" stroke-width="5"/><path d="M32 12a20 20 0 0 1 0 40z" fill="currentColor"/></symbol>"#,
    r#"<symbol id="g-invalid" viewBox="0 0 64 64"><path d="M32 6l28 50H4z" fill="none" stroke="currentColor" stroke-width="5" stroke-linejoin="round"/><path d="M32 26v14M32 47v1" fill="none" stroke="currentColor" stroke-width="6" stroke-linecap="round"/></symbol>"#,
    "</defs></svg>"
);
