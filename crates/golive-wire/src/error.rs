//! S3, P2: one error, told in the caller's own wire format, whole or at the end of a broken stream.
//!
//! Never: shows an upstream's body, an address or a stack; `message` is written for the caller by whoever makes
//! the error.

use crate::Wire;
use bytes::Bytes;
use serde::Serialize;
use std::time::Duration;

/// What went wrong, as a caller may know it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// HTTP status, 400 to 599. 529 ("overloaded") is Anthropic's own; see [`http_status`].
    pub status: u16,
    /// Stable machine word, the same behind all three dialects: `rate_limit_exceeded`, `invalid_api_key`, …
    pub code: &'static str,
    /// A sentence that tells the caller what to do.
    pub message: String,
    /// The field at fault: `messages[0].role`.
    pub param: Option<String>,
    /// When asking again can help; becomes `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Overrides the retry of official SDKs (`x-should-retry`); `Some(false)` when a retry cannot heal it.
    pub should_retry: Option<bool>,
}

impl ApiError {
    /// An error with no field, no hint and no opinion about retries.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        ApiError {
            status,
            code,
            message: message.into(),
            param: None,
            retry_after: None,
            should_retry: None,
        }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn with_param(self, param: impl Into<String>) -> Self {
        ApiError {
            param: Some(param.into()),
            ..self
        }
    }

    /// Says when to ask again.
    #[must_use]
    pub fn with_retry_after(self, after: Duration) -> Self {
        ApiError {
            retry_after: Some(after),
            ..self
        }
    }

    /// Tells official SDKs whether to ask again.
    #[must_use]
    pub fn with_should_retry(self, should: bool) -> Self {
        ApiError {
            should_retry: Some(should),
            ..self
        }
    }

    /// `Retry-After` in whole seconds, rounded up: a caller that waits that long is not refused again.
    pub fn retry_after_secs(&self) -> Option<u64> {
        self.retry_after
            .map(|after| after.as_secs() + u64::from(after.subsec_nanos() > 0))
    }
}

/// The status to send. 529 is only understood by Anthropic's clients; others get 503.
pub fn http_status(wire: Wire, error: &ApiError) -> u16 {
    match (wire, error.status) {
        (Wire::OpenAi | Wire::Problem, 529) => 503,
        (_, status) => status,
    }
}

/// The content type that belongs to [`body`].
pub fn content_type(wire: Wire) -> &'static str {
    match wire {
        Wire::OpenAi | Wire::Anthropic => "application/json",
        Wire::Problem => "application/problem+json",
    }
}

/// The whole body of an error answer.
pub fn body(wire: Wire, error: &ApiError, request_id: &str) -> Vec<u8> {
    match wire {
        Wire::OpenAi => json(&OpenAiBody {
            error: OpenAiError {
                message: &error.message,
                kind: openai_type(error.status, error.code),
                param: error.param.as_deref(),
                code: error.code,
            },
            request_id,
        }),
        Wire::Anthropic => json(&AnthropicBody {
            kind: "error",
            error: AnthropicError {
                kind: anthropic_type(error.status),
                message: &error.message,
            },
            request_id,
        }),
        Wire::Problem => json(&Problem {
            // No page stands behind a problem type yet, so the type is the status itself, as RFC 9457 §4.2.1 has it.
            kind: "about:blank",
            title: phrase(http_status(wire, error)),
            status: http_status(wire, error),
            detail: &error.message,
            code: error.code,
            param: error.param.as_deref(),
            request_id,
            retry_after: error.retry_after_secs(),
        }),
    }
}

/// The event that ends a broken stream: there is no status left to set. It is never followed by a clean end.
pub fn stream_error(wire: Wire, error: &ApiError, request_id: &str) -> Bytes {
    let body = body(wire, error, request_id);
    let head: &[u8] = match wire {
        Wire::OpenAi => b"data: ",
        Wire::Anthropic | Wire::Problem => b"event: error\ndata: ",
    };
    [head, &body, b"\n\n"].concat().into()
}

/// Whether an error object of OpenAI's says that the account is out of credit, which its 429 does not tell apart from a
/// limit that is over in a moment (reference: openai-api.md §4).
pub fn is_out_of_credit(body: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else {
        return false;
    };
    ["/error/code", "/error/type"]
        .iter()
        .any(|at| value.pointer(at).and_then(serde_json::Value::as_str) == Some("insufficient_quota"))
}

/// OpenAI's `type`. The status decides the class, the code refines it (reference: openai-api.md §4).
pub fn openai_type(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (402, _) | (_, "insufficient_quota" | "budget_exceeded") => "insufficient_quota",
        (401, _) => "authentication_error",
        (403, _) => "permission_error",
        (429, _) => "rate_limit_error",
        (500.., _) => "server_error",
        _ => "invalid_request_error",
    }
}

/// Anthropic's `type`, by status alone (reference: anthropic-api.md "Errors").
pub fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        408 | 504 => "timeout_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

#[derive(Serialize)]
struct OpenAiBody<'a> {
    error: OpenAiError<'a>,
    request_id: &'a str,
}

/// All four members are required by OpenAI's schema; `param` may be null.
#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: &'static str,
}

#[derive(Serialize)]
struct AnthropicBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicError<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// Writes a value of our own making: strings, numbers and structs, which cannot fail to serialise.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("structs of strings and numbers always serialise")
}

fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505.. => "Server Error",
        _ => "Bad Request",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn told(wire: Wire, error: &ApiError) -> Value {
        serde_json::from_slice(&body(wire, error, "req_1")).unwrap()
    }

    #[test]
    fn each_dialect_tells_a_rate_limit_in_its_own_words() {
        let error = ApiError::new(429, "rate_limit_exceeded", "Retry in 36 s.")
            .with_retry_after(Duration::from_millis(35_001));
        assert_eq!(
            told(Wire::OpenAi, &error),
            json!({"error":{"message":"Retry in 36 s.","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"},"request_id":"req_1"})
        );
        assert_eq!(
            told(Wire::Anthropic, &error),
            json!({"type":"error","error":{"type":"rate_limit_error","message":"Retry in 36 s."},"request_id":"req_1"})
        );
        assert_eq!(
            told(Wire::Problem, &error),
            json!({"type":"about:blank","title":"Too Many Requests","status":429,"detail":"Retry in 36 s.","code":"rate_limit_exceeded","request_id":"req_1","retry_after":36})
        );
    }

    #[test]
    fn overloaded_keeps_529_for_anthropic_and_becomes_503_elsewhere() {
        let error = ApiError::new(529, "overloaded", "Try again later.");
        assert_eq!(told(Wire::Anthropic, &error)["error"]["type"], "overloaded_error");
        assert_eq!(told(Wire::OpenAi, &error)["error"]["type"], "server_error");
        assert_eq!(told(Wire::Problem, &error)["status"], 503);
        assert_eq!(http_status(Wire::Anthropic, &error), 529);
        assert_eq!(http_status(Wire::OpenAi, &error), 503);
    }

    #[test]
    fn a_budget_is_a_quota_whatever_its_status() {
        assert_eq!(openai_type(429, "budget_exceeded"), "insufficient_quota");
        assert_eq!(openai_type(402, "anything"), "insufficient_quota");
    }

    #[test]
    fn a_stream_error_is_one_event_that_the_wires_own_classifier_reads_as_an_error() {
        let error = ApiError::new(
            502,
            "upstream_stream_interrupted",
            "The answer broke off.\nAsk again.",
        );
        for wire in [Wire::OpenAi, Wire::Anthropic, Wire::Problem] {
            let event = crate::Event::parse(stream_error(wire, &error, "req_1")).unwrap();
            let read = match wire {
                Wire::Anthropic => crate::anthropic::stream::classify(&event),
                _ => crate::openai::stream::classify(&event),
            };
            assert!(
                matches!(&read[..], [crate::StreamEvent::Error(_)]),
                "{wire:?}: {read:?}"
            );
        }
    }
}
