//! S2: what a caller over a limit is told: whose limit it was, and when to come back.

use std::time::Duration;

use golive_checklist::unit::format_duration;
use golive_wire::ApiError;

use super::{Refusal, Rule, Scope, Unit};

/// The official SDKs wait this long at most before they ask again on their own (OpenAI's and Anthropic's Python and
/// TypeScript: a `Retry-After` above 60 s is not waited for, and the retry comes within seconds). A longer wait cannot
/// be healed by such a retry.
const SDK_PATIENCE: Duration = Duration::from_secs(60);

/// The answer to a refused call.
#[must_use]
pub fn over_limit(refusal: &Refusal) -> ApiError {
    let Rule {
        scope, unit, policy, ..
    } = refusal.rule;
    let whose = match scope {
        Scope::User => "this user",
        Scope::Principal => "this key",
        Scope::Team => "this key's team",
        Scope::Callee(golive_config::CalleeKind::Agent) => "this agent",
        Scope::Callee(golive_config::CalleeKind::Model) => "this model",
        Scope::Global => "this service",
    };
    let (limit, unit_name) = (policy.count, unit.as_str());
    let period = format_duration(policy.period);
    if refusal.is_hopeless() {
        let cost = refusal.cost;
        return ApiError::new(
            413,
            "request_over_limit",
            format!(
                "This request may use {cost} {unit_name}, and {whose} has {limit} per {period}. Send less text, or ask \
                 for fewer output tokens."
            ),
        )
        .with_should_retry(false);
    }
    let seconds = seconds_up(refusal.wait).max(1);
    let needs = match unit {
        Unit::Requests => String::new(),
        Unit::Tokens => format!(" This request may use {}.", refusal.cost),
    };
    let error = ApiError::new(
        429,
        "rate_limit_exceeded",
        format!(
            "Rate limit of {whose} reached: {limit} {unit_name} per {period}.{needs} Please retry in {seconds} s."
        ),
    )
    .with_retry_after(refusal.wait.max(Duration::from_millis(1)));
    if refusal.wait > SDK_PATIENCE {
        error.with_should_retry(false)
    } else {
        error
    }
}

/// Whole seconds, rounded up: what waits that long is not refused again.
pub(super) fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
