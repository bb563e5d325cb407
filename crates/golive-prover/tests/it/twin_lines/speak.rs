//! The twin's words: OpenAI's format to its callers, OpenAI's or Anthropic's to the providers.

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

use super::Flaw;

pub fn json(status: u16, body: &Value) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

pub fn error(status: u16, code: &str, message: &str) -> Response {
    let body =
        json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": code}});
    json(status, &body)
}

pub fn unavailable(code: &str, message: &str, seconds: u64) -> Response {
    let body = json!({"error": {"message": message, "type": "server_error", "param": null, "code": code}});
    let mut response = json(503, &body);
    response.headers_mut().insert("retry-after", seconds.into());
    response
}

pub fn friendly(text: &str) -> Response {
    json(
        200,
        &json!({
            "id": "x", "object": "chat.completion", "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        }),
    )
}

/// A request in Anthropic's format.
pub fn to_anthropic(asked: &Value, flaw: Flaw) -> Value {
    let mut system = Vec::new();
    let mut messages: Vec<Value> = Vec::new();
    for message in asked["messages"].as_array().into_iter().flatten() {
        match message["role"].as_str() {
            Some("system" | "developer") => system.push(message["content"].as_str().unwrap_or_default()),
            Some("tool") => messages.push(json!({"role": "user", "content": [{
                "type": "tool_result", "tool_use_id": message["tool_call_id"], "content": message["content"],
            }]})),
            Some("assistant") if message.get("tool_calls").is_some() => {
                let calls = message["tool_calls"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|call| {
                        let input = call["function"]["arguments"].as_str().unwrap_or("{}");
                        json!({"type": "tool_use", "id": call["id"], "name": call["function"]["name"],
                           "input": serde_json::from_str::<Value>(input).unwrap_or_default()})
                    });
                messages.push(json!({"role": "assistant", "content": calls.collect::<Vec<_>>()}));
            }
            role => messages.push(json!({"role": role, "content": content(&message["content"], flaw)})),
        }
    }
    let mut body = json!({
        "model": asked["model"], "max_tokens": asked["max_tokens"].as_u64().unwrap_or(256), "messages": messages,
    });
    if !system.is_empty() {
        body["system"] = system.join("\n").into();
    }
    if asked["stream"] == true {
        body["stream"] = true.into();
    }
    if let Some(tools) = asked["tools"].as_array().filter(|_| flaw != Flaw::ForgetsTools) {
        let tools = tools.iter().map(|tool| {
            json!({"name": tool["function"]["name"], "description": tool["function"]["description"],
                   "input_schema": tool["function"]["parameters"]})
        });
        body["tools"] = tools.collect();
    }
    body
}

fn content(content: &Value, flaw: Flaw) -> Value {
    let Some(parts) = content.as_array() else {
        return content.clone();
    };
    let part = |part: &Value| match part["type"].as_str() {
        Some("image_url") if flaw == Flaw::ForgetsImages => None,
        Some("image_url") => {
            let (media, data) = part["image_url"]["url"]
                .as_str()?
                .strip_prefix("data:")?
                .split_once(";base64,")?;
            Some(json!({"type": "image", "source": {"type": "base64", "media_type": media, "data": data}}))
        }
        _ => Some(json!({"type": "text", "text": part["text"]})),
    };
    parts.iter().filter_map(part).collect()
}

/// An answer in OpenAI's format.
pub fn from_anthropic(answer: &Value, _flaw: Flaw) -> Option<Value> {
    let blocks = answer.get("content")?.as_array()?;
    let text: String = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
    let calls: Vec<Value> = blocks
        .iter()
        .filter(|block| block["type"] == "tool_use")
        .map(|block| {
            json!({"id": block["id"], "type": "function", "function": {
                "name": block["name"], "arguments": block["input"].to_string(),
            }})
        })
        .collect();
    let mut message = json!({"role": "assistant", "content": text});
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
        message["content"] = Value::Null;
    }
    let (input, output) = (
        answer["usage"]["input_tokens"].as_u64()?,
        answer["usage"]["output_tokens"].as_u64()?,
    );
    Some(json!({
        "id": answer["id"], "object": "chat.completion", "created": 1, "model": answer["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish(answer["stop_reason"].as_str()?)}],
        "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output},
    }))
}

pub fn finish(stop: &str) -> &'static str {
    match stop {
        "tool_use" => "tool_calls",
        "max_tokens" => "length",
        "refusal" => "content_filter",
        _ => "stop",
    }
}
