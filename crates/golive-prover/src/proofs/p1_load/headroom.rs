//! P1: how many times the expected traffic the provider's own account bears, where its rate-limit headers come through.
//!
//! Sources: reference documentation of OpenAI (`x-ratelimit-limit-requests`, `-tokens`, both per minute) and Anthropic
//! (`anthropic-ratelimit-requests-limit`, `-tokens-limit`, per minute); LiteLLM passes both on with `llm_provider-`
//! before them.
//!
//! Never: takes a gateway's own limit for the provider's. `x-ratelimit-limit-requests` without its sibling of tokens is
//! one that gateways send too.

use std::fmt;

use golive_config::Target;

use crate::target::Answer;
use golive_checklist::judge::Scored;

/// What the account bears.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Headroom {
    /// Times the expected traffic, the smaller of both.
    pub(super) times: f64,
    /// Which limit it is.
    limit: &'static str,
    per_minute: f64,
}

/// Prefixes under which gateways pass a provider's headers on.
const PREFIXES: [&str; 2] = ["", "llm_provider-"];

/// The two limits of one provider: requests and tokens, per minute.
const PAIRS: [(&str, &str); 2] = [
    ("x-ratelimit-limit-requests", "x-ratelimit-limit-tokens"),
    (
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-tokens-limit",
    ),
];

impl Headroom {
    /// From a few answers and the expected requests per second. `None`: no provider's limits stand in them.
    pub(super) fn read(answers: &[Answer], target: &Target, rate: f64) -> Option<Headroom> {
        let (requests, tokens) = answers.iter().find_map(limits)?;
        let used: Vec<f64> = answers
            .iter()
            .filter_map(|answer| match answer.reply(target) {
                Scored::Scored(reply) => Some((reply.tokens_in? + reply.tokens_out?) as f64),
                Scored::Unscored(_) => None,
            })
            .collect();
        Some(Headroom::of(requests, tokens, &used, rate))
    }

    fn of(requests: f64, tokens: f64, used: &[f64], rate: f64) -> Headroom {
        let by_requests = Headroom {
            times: requests / (rate * 60.0),
            limit: "requests",
            per_minute: requests,
        };
        if used.is_empty() {
            return by_requests;
        }
        let each = used.iter().sum::<f64>() / used.len() as f64;
        let by_tokens = Headroom {
            times: tokens / (rate * 60.0 * each.max(1.0)),
            limit: "tokens",
            per_minute: tokens,
        };
        if by_tokens.times < by_requests.times {
            by_tokens
        } else {
            by_requests
        }
    }
}

impl fmt::Display for Headroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the provider's account stops at {:.1}× ({} {} a minute)",
            self.times, self.per_minute, self.limit
        )
    }
}

fn limits(answer: &Answer) -> Option<(f64, f64)> {
    let number = |name: String| {
        let value: f64 = answer.header(&name)?.trim().parse().ok()?;
        (value.is_finite() && value > 0.0).then_some(value)
    };
    PREFIXES.iter().find_map(|prefix| {
        PAIRS.iter().find_map(|(requests, tokens)| {
            Some((
                number(format!("{prefix}{requests}"))?,
                number(format!("{prefix}{tokens}"))?,
            ))
        })
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use golive_config::TargetFormat;
    use http::{HeaderName, HeaderValue, StatusCode};

    use super::*;

    fn answer(headers: &[(&str, &str)]) -> Answer {
        let body = r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":900,"completion_tokens":100}}"#;
        let mut answer = Answer::made(StatusCode::OK, Bytes::from_static(body.as_bytes()));
        for (name, value) in headers {
            answer.headers.insert(
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        answer
    }

    fn read(headers: &[(&str, &str)]) -> Option<Headroom> {
        let target = Target::bare("x", "http://x.invalid".parse().unwrap(), TargetFormat::OpenAi);
        Headroom::read(&[answer(headers)], &target, 5.0)
    }

    #[test]
    fn the_smaller_of_the_two_limits_says_where_the_account_stops() {
        // 300 requests and 300,000 tokens a minute are expected.
        let requests = ("x-ratelimit-limit-requests", "1500");
        let by_requests = read(&[requests, ("x-ratelimit-limit-tokens", "30000000")]).unwrap();
        assert_eq!((by_requests.times, by_requests.limit), (5.0, "requests"));
        let by_tokens = read(&[requests, ("x-ratelimit-limit-tokens", "1260000")]).unwrap();
        assert!(
            by_tokens
                .to_string()
                .contains("stops at 4.2× (1260000 tokens a minute)"),
            "{by_tokens}"
        );
    }

    #[test]
    fn headers_that_a_gateway_passes_on_are_read_and_its_own_limit_is_not() {
        let passed = [
            ("llm_provider-anthropic-ratelimit-requests-limit", "6000"),
            ("llm_provider-anthropic-ratelimit-tokens-limit", "9000000"),
        ];
        assert_eq!(read(&passed).map(|headroom| headroom.times), Some(20.0));
        assert_eq!(read(&[("x-ratelimit-limit-requests", "100")]), None);
        assert_eq!(read(&[]), None);
    }
}
