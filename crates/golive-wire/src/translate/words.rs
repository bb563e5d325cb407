//! E4: the words in which the two formats say why an answer ended, what it took and what went wrong (reference:
//! anthropic-api.md, translation table).
//!
//! Never: makes a reason or a count that the source did not give.

use super::json::Object;
use crate::usage::Usage;

/// Anthropic's `stop_reason` as OpenAI's `finish_reason`.
pub(super) fn finish_reason(stop_reason: &str) -> &'static str {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        _ => "stop", // end_turn, stop_sequence, pause_turn, and words newer than this code
    }
}

/// OpenAI's `finish_reason` as Anthropic's `stop_reason`. Some servers say `stop` where they call tools.
pub(super) fn stop_reason(finish_reason: &str, calls: bool, refused: bool) -> &'static str {
    match finish_reason {
        "length" | "max_tokens" => "max_tokens",
        "content_filter" => "refusal",
        "tool_calls" | "function_call" => "tool_use",
        _ if calls => "tool_use",
        _ if refused => "refusal",
        _ => "end_turn",
    }
}

/// OpenAI's error `type` or `code` as Anthropic's `type`.
pub(super) fn anthropic_error(word: &str) -> &'static str {
    match word {
        "rate_limit_error" | "rate_limit_exceeded" | "requests" | "tokens" => "rate_limit_error",
        "insufficient_quota" | "budget_exceeded" | "billing_error" => "billing_error",
        "authentication_error" | "invalid_api_key" => "authentication_error",
        "permission_error" | "permission_denied" => "permission_error",
        "model_not_found" | "not_found_error" => "not_found_error",
        "overloaded" | "overloaded_error" | "service_unavailable" | "service_unavailable_error" => {
            "overloaded_error"
        }
        "invalid_request_error" | "context_length_exceeded" | "content_filter" | "invalid_value" => {
            "invalid_request_error"
        }
        "timeout" | "timeout_error" => "timeout_error",
        _ => "api_error",
    }
}

/// Anthropic's error `type` as OpenAI's `type` and `code`.
pub(super) fn openai_error(word: &str) -> (&'static str, &'static str) {
    match word {
        "rate_limit_error" => ("rate_limit_error", "rate_limit_exceeded"),
        "billing_error" => ("insufficient_quota", "insufficient_quota"),
        "authentication_error" => ("authentication_error", "invalid_api_key"),
        "permission_error" => ("permission_error", "permission_denied"),
        "not_found_error" => ("invalid_request_error", "model_not_found"),
        "invalid_request_error" => ("invalid_request_error", "invalid_value"),
        "request_too_large" => ("invalid_request_error", "request_too_large"),
        "overloaded_error" => ("server_error", "overloaded"),
        "timeout_error" => ("server_error", "timeout"),
        _ => ("server_error", "server_error"),
    }
}

/// `usage` as Chat Completions writes it. `cache_written`: the part of the input that went into the cache.
pub(super) fn openai_usage(out: &mut Vec<u8>, usage: &Usage, cache_written: Option<u64>) {
    let mut object = Object::begin(out);
    object.number("prompt_tokens", usage.input.unwrap_or(0));
    object.number("completion_tokens", usage.output.unwrap_or(0));
    object.number("total_tokens", usage.total().unwrap_or(0));
    let mut details = Object::begin(object.name("prompt_tokens_details"));
    details.number("cached_tokens", usage.cached_input.unwrap_or(0));
    if let Some(written) = cache_written {
        details.number("cache_write_tokens", written);
    }
    details.end();
    let mut details = Object::begin(object.name("completion_tokens_details"));
    details.number("reasoning_tokens", usage.reasoning.unwrap_or(0));
    details.end();
    object.end();
}

/// `usage` as Messages writes it: `input_tokens` leaves out what the cache gave or took.
pub(super) fn anthropic_usage(out: &mut Vec<u8>, usage: &Usage, cache_written: Option<u64>) {
    let (cached, written) = (usage.cached_input.unwrap_or(0), cache_written.unwrap_or(0));
    let fresh = usage
        .input
        .unwrap_or(0)
        .saturating_sub(cached.saturating_add(written));
    let mut object = Object::begin(out);
    object.number("input_tokens", fresh);
    object.number("cache_creation_input_tokens", written);
    object.number("cache_read_input_tokens", cached);
    object.number("output_tokens", usage.output.unwrap_or(0));
    if let Some(reasoning) = usage.reasoning.filter(|reasoning| *reasoning > 0) {
        let mut details = Object::begin(object.name("output_tokens_details"));
        details.number("thinking_tokens", reasoning);
        details.end();
    }
    object.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_counted_with_the_cache_at_openai_and_without_it_at_anthropic() {
        let usage = Usage {
            input: Some(100),
            cached_input: Some(60),
            output: Some(9),
            reasoning: Some(4),
            ..Usage::default()
        };
        let mut out = Vec::new();
        anthropic_usage(&mut out, &usage, Some(30));
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(read["input_tokens"], 10);
        assert_eq!(read["output_tokens_details"]["thinking_tokens"], 4);
        out.clear();
        openai_usage(&mut out, &usage, Some(30));
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            (&read["prompt_tokens"], &read["total_tokens"]),
            (&100.into(), &109.into())
        );
    }

    #[test]
    fn a_call_is_a_call_whatever_the_server_says_ended_it() {
        assert_eq!(stop_reason("stop", true, false), "tool_use");
        assert_eq!(stop_reason("length", true, false), "max_tokens");
        assert_eq!(stop_reason("stop", false, true), "refusal");
        assert_eq!(finish_reason("pause_turn"), "stop");
    }
}
