//! P6: what a caller over a budget is told: whose budget it was, what is left, and when it is free again.

use std::fmt::Write;
use std::time::Duration;

use golive_checklist::unit::{NanoUsd, format_duration};
use golive_config::{BudgetScope, Period, offset_text, period_text};
use golive_resilience::Tick;
use golive_resilience::budget::Over;
use golive_resilience::calendar::format_date;
use golive_wire::ApiError;
use http::header::HeaderValue;

use super::book::{Near, Refusal};

/// Calls in flight give back what they do not need within seconds.
const IN_FLIGHT_WAIT: Duration = Duration::from_secs(2);

/// The answer to a call that a budget refused. A retry cannot heal it, unless calls in flight give something back.
#[must_use]
pub fn over_budget(refusal: &Refusal, now: Tick) -> ApiError {
    let rule = &refusal.rule;
    let whose = match rule.scope {
        BudgetScope::User => "this user",
        BudgetScope::Principal => "this key",
        BudgetScope::Team => "this key's team",
        BudgetScope::Agent => "this agent",
        BudgetScope::Model => "this model",
        BudgetScope::Global => "this service",
    };
    let per = match rule.policy.period {
        Period::Rolling(_) => format!("in any {}", period_text(rule.policy.period)),
        calendar => format!("per {}", period_text(calendar)),
    };
    let budget = format!("{whose} has a budget of {} {per}", rule.amount());
    let cost = refusal.cost;
    let left = NanoUsd(
        rule.policy
            .amount
            .saturating_sub(refusal.standing.spent)
            .saturating_sub(refusal.standing.reserved),
    );
    let error = |message: String| ApiError::new(429, "over_budget", message);
    match refusal.over {
        Over::Never => {
            let wait = rule.policy.ends(now).since(now);
            error(format!(
                "This request may cost up to {cost}, and {budget}. Send less text, or ask for fewer output tokens."
            ))
            .with_retry_after(wait)
            .with_should_retry(false)
        }
        Over::Spent { wait } => {
            let left = if left == NanoUsd(0) {
                "nothing is left of it".to_owned()
            } else {
                format!("{left} is left of it, while this request may cost up to {cost}")
            };
            let at = moment(now.plus(wait), rule.policy.offset_s);
            let wait_text = format_duration(Duration::from_secs(wait.as_secs().max(1)));
            error(format!(
                "Budget exceeded: {budget}, and {left}. Please try again in {wait_text}, at {at}."
            ))
            .with_retry_after(wait.max(Duration::from_secs(1)))
            .with_should_retry(false)
        }
        Over::InFlight => error(format!(
            "Budget exceeded for the moment: {budget}, and what is left of it is reserved for requests in progress. \
             Please try again in a few seconds."
        ))
        .with_retry_after(IN_FLIGHT_WAIT),
    }
}

/// The answer to a call whose price nobody knows, where a budget counts it. The caller can do nothing about it.
#[must_use]
pub fn price_unknown() -> ApiError {
    ApiError::new(
        503,
        "price_unknown",
        "The cost of this request is not known here, so it was not sent. The operator has been told.",
    )
    .with_retry_after(Duration::from_secs(60))
    .with_should_retry(false)
}

/// `"user-day";used=83, "all";used=91`: the budgets of a call that are nearly used up, in percent.
#[must_use]
pub fn warning(near: &[Near]) -> Option<HeaderValue> {
    let mut text = String::new();
    for one in near {
        let percent = u128::from(one.spent.0) * 100 / u128::from(one.rule.policy.amount.max(1));
        let name: String = one
            .rule
            .name
            .chars()
            .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\') || *c == ' ')
            .collect();
        if !text.is_empty() {
            text.push_str(", ");
        }
        // Writing into a string cannot fail.
        let _ = write!(text, "\"{name}\";used={percent}");
    }
    (!text.is_empty())
        .then(|| HeaderValue::from_str(&text).ok())
        .flatten()
}

/// `2026-11-27 00:00 +01:00`.
fn moment(at: Tick, offset_s: i32) -> String {
    let seconds = i64::try_from(at.0 / 1_000_000).unwrap_or(i64::MAX);
    let local = seconds.saturating_add(i64::from(offset_s));
    let (day, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let zone = if offset_s == 0 {
        "UTC".to_owned()
    } else {
        offset_text(offset_s)
    };
    format!(
        "{} {:02}:{:02} {zone}",
        format_date(day),
        second / 3600,
        second / 60 % 60
    )
}
