//! The twin's own words, in OpenAI's format.

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt as _, Full};

use super::{Reply, status};

pub fn error(code: u16, name: &str, message: &str) -> Reply {
    let body = serde_json::json!({"error": {
        "message": message, "type": "invalid_request_error", "param": null, "code": name
    }});
    with_body(code, "application/json", body.to_string())
}

pub fn friendly(text: &str) -> Reply {
    let body = serde_json::json!({
        "id": "x", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    });
    with_body(200, "application/json", body.to_string())
}

pub fn with_body(code: u16, media_type: &str, body: impl Into<Bytes>) -> Reply {
    Response::builder()
        .status(status(code))
        .header("content-type", media_type)
        .body(
            Full::new(body.into())
                .map_err(|never| match never {})
                .boxed_unsync(),
        )
        .unwrap()
}
