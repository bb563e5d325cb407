//! S2: the headers that tell a caller where it stands: `RateLimit` and `RateLimit-Policy`
//! (draft-ietf-httpapi-ratelimit-headers-10) for every window that applies, and the `x-ratelimit-*` that users of
//! OpenAI's SDKs read, for the one window of each unit that will refuse first.

use std::fmt::Write;
use std::time::Duration;

use golive_checklist::unit::format_duration;
use http::HeaderMap;
use http::header::HeaderValue;

use super::answer::seconds_up;
use super::{Rule, Standings, Unit};

/// The plain headers of one unit: limit, remaining, reset.
const REQUESTS: [&str; 3] = [
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
];
const TOKENS: [&str; 3] = [
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
];

/// Writes them; nothing where no limit applies.
pub fn put(headers: &mut HeaderMap, standings: &Standings) {
    if standings.0.is_empty() {
        return;
    }
    let (mut policies, mut limits) = (String::with_capacity(96), String::with_capacity(96));
    for stand in standings.iter() {
        if !policies.is_empty() {
            policies.push_str(", ");
            limits.push_str(", ");
        }
        let Rule { policy, unit, .. } = stand.rule;
        write_name(&mut policies, &stand.rule);
        write_name(&mut limits, &stand.rule);
        // Writing into a string cannot fail.
        let _ = write!(
            policies,
            ";q={};w={}",
            policy.count,
            seconds_up(policy.period).max(1)
        );
        if unit == Unit::Tokens {
            policies.push_str(";qu=\"tokens\"");
        }
        let _ = write!(
            limits,
            ";r={};t={}",
            stand.standing.remaining,
            seconds_up(stand.standing.reset)
        );
    }
    let mut put = |name: &'static str, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    put("ratelimit-policy", &policies);
    put("ratelimit", &limits);
    for (unit, [limit, remaining, reset]) in [(Unit::Requests, REQUESTS), (Unit::Tokens, TOKENS)] {
        let Some(tight) = standings.tightest(unit) else {
            continue;
        };
        put(limit, &tight.rule.policy.count.to_string());
        put(remaining, &tight.standing.remaining.to_string());
        put(reset, &seconds_text(tight.standing.reset));
    }
}

/// `"user"`, `"user-tokens"`, and with its period where the scope has several: `"user-10s"`.
fn write_name(out: &mut String, rule: &Rule) {
    out.push('"');
    out.push_str(rule.scope.as_str());
    if rule.unit == Unit::Tokens {
        out.push_str("-tokens");
    }
    if rule.one_of_several {
        out.push('-');
        out.push_str(&format_duration(rule.policy.period));
    }
    out.push('"');
}

fn seconds_text(duration: Duration) -> String {
    format!("{}s", seconds_up(duration))
}
