//! The twin's streams: nothing is passed on before the first words; then a break is told, and never a clean end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::chain::{Call, Held, Record, Tried, now};
use super::{Flaw, Gateway, Slot, speak};

/// A stream of a provider on its way to the caller.
pub struct Pipe {
    body: Incoming,
    held: Held,
    record: Record,
    slot: Option<Slot>,
    flaw: Flaw,
    idle: Duration,
    total: Duration,
    started: std::time::Instant,
    anthropic: bool,
    pending: Vec<u8>,
    ready: VecDeque<Bytes>,
    begun: bool,
    /// The provider said that it was done.
    complete: bool,
    broken: bool,
    over: bool,
    tool: bool,
    usage: Value,
    include_usage: bool,
    /// The flaw of one that goes on with another answer: where it is fetched.
    again: Option<Again>,
}

struct Again {
    gateway: Arc<Gateway>,
    url: String,
    asked: Value,
}

impl Again {
    /// The bytes of another answer, as far as they come.
    async fn fetch(self) -> Bytes {
        let request = http::Request::post(self.url)
            .header("content-type", "application/json")
            .body(http_body_util::Full::new(Bytes::from(self.asked.to_string())))
            .unwrap();
        let mut bytes = Vec::new();
        if let Ok(mut answer) = self.gateway.client.request(request).await {
            while let Some(Ok(frame)) = answer.frame().await {
                bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
            }
        }
        bytes.into()
    }
}

impl Pipe {
    pub fn new(call: &mut Call, body: Incoming, at: usize, held: Held, record: Record) -> Pipe {
        let settings = &call.gateway.settings;
        Pipe {
            body,
            held,
            record,
            slot: call.slot.take(),
            flaw: call.gateway.flaw,
            idle: settings.idle,
            total: settings.total,
            started: now(),
            anthropic: call.chain[at].anthropic,
            pending: Vec::new(),
            ready: VecDeque::new(),
            begun: false,
            complete: false,
            broken: false,
            over: false,
            tool: false,
            usage: Value::Null,
            include_usage: call.asked["stream_options"]["include_usage"] == true,
            again: {
                let other = match call.gateway.flaw {
                    Flaw::RetriesAfterCommit => Some(at),
                    Flaw::Splices if call.chain.len() > 1 => Some(call.chain.len() - 1),
                    _ => None,
                };
                other.map(|other| {
                    let base = call.ports.get(call.chain[other].provider);
                    let base = base.cloned().unwrap_or_else(|| call.gateway.upstream.clone());
                    Again {
                        gateway: Arc::clone(&call.gateway),
                        url: format!("{base}/v1/chat/completions"),
                        asked: call.asked.clone(),
                    }
                })
            },
        }
    }

    /// Reads up to the first words. What breaks before them may be tried again.
    pub async fn begin(mut self, first_byte: Duration) -> Tried {
        let until = now() + first_byte;
        while !self.begun && self.flaw != Flaw::CommitsTooEarly {
            let left = until.saturating_duration_since(now());
            if !matches!(timeout(left, self.read()).await, Ok(true)) || self.broken {
                self.held.record(false);
                return Tried::Failed(None);
            }
        }
        let record = self.record.clone();
        let frames = stream::unfold(self, |mut pipe| async {
            let bytes = pipe.next().await?;
            Some((Ok::<Bytes, std::io::Error>(bytes), pipe))
        });
        let response = Response::builder()
            .header("content-type", "text/event-stream")
            .body(Body::from_stream(frames))
            .unwrap();
        Tried::Answer(record.put(response))
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            if self.over {
                return None;
            }
            let left = self
                .total
                .saturating_sub(now().duration_since(self.started))
                .min(self.idle);
            let more = matches!(timeout(left, self.read()).await, Ok(true));
            if !more || self.broken {
                match self.again.take().filter(|_| self.broken || !self.complete) {
                    Some(again) => {
                        self.over = true;
                        self.held.record(false);
                        self.ready.push_back(again.fetch().await);
                    }
                    None => self.finish(),
                }
            }
        }
    }

    /// Reads one frame and makes events of it; false at the end, clean or not.
    async fn read(&mut self) -> bool {
        match self.body.frame().await {
            Some(Ok(frame)) => {
                self.pending
                    .extend_from_slice(&frame.into_data().unwrap_or_default());
                while let Some(end) = self.pending.windows(2).position(|two| two == b"\n\n") {
                    let event: Vec<u8> = self.pending.drain(..end + 2).collect();
                    self.event(&String::from_utf8_lossy(&event));
                }
                true
            }
            Some(Err(_)) => {
                self.broken = true;
                true
            }
            None => false,
        }
    }

    fn event(&mut self, event: &str) {
        let data = event
            .lines()
            .find_map(|line| line.strip_prefix("data: "))
            .unwrap_or_default();
        if data == "[DONE]" {
            self.complete = true;
            self.ready.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(data) else {
            self.broken = true;
            return;
        };
        if value.get("error").is_some_and(|error| !error.is_null()) {
            self.broken = true;
            return;
        }
        if self.anthropic {
            self.translate(&value);
        } else {
            if let Some(usage) = value.get("usage").filter(|usage| !usage.is_null()) {
                self.usage = usage.clone();
            }
            let delta = &value["choices"][0]["delta"];
            let words = delta["content"].as_str().is_some_and(|text| !text.is_empty());
            let arguments = delta["tool_calls"][0]["function"]["arguments"].as_str();
            self.begun |= words || arguments.is_some_and(|text| !text.is_empty());
            self.ready.push_back(Bytes::from(format!("data: {data}\n\n")));
        }
    }

    fn translate(&mut self, value: &Value) {
        match value["type"].as_str() {
            Some("message_start") => {
                self.usage = json!({"prompt_tokens": value["message"]["usage"]["input_tokens"]});
                self.chunk(json!({"role": "assistant", "content": ""}), None);
            }
            Some("content_block_start") if value["content_block"]["type"] == "tool_use" => {
                self.tool = true;
                let block = &value["content_block"];
                self.chunk(
                    json!({"tool_calls": [{"index": 0, "id": block["id"], "type": "function",
                    "function": {"name": block["name"], "arguments": ""}}]}),
                    None,
                );
            }
            Some("content_block_delta") => {
                self.begun = true;
                let delta = match value["delta"]["partial_json"].as_str() {
                    Some(piece) => json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}),
                    None => json!({"content": value["delta"]["text"]}),
                };
                self.chunk(delta, None);
            }
            Some("message_delta") => {
                self.usage["completion_tokens"] = value["usage"]["output_tokens"].clone();
                let stop = value["delta"]["stop_reason"].as_str().unwrap_or_default();
                self.chunk(json!({}), Some(speak::finish(stop)));
            }
            Some("message_stop") => {
                self.complete = true;
                let sum = |name: &str| self.usage[name].as_u64().unwrap_or_default();
                self.usage["total_tokens"] = (sum("prompt_tokens") + sum("completion_tokens")).into();
                if self.include_usage {
                    let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                                       "choices": [], "usage": self.usage});
                    self.ready.push_back(Bytes::from(format!("data: {chunk}\n\n")));
                }
                self.ready.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
            }
            _ => {}
        }
    }

    fn chunk(&mut self, delta: Value, finish: Option<&str>) {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                           "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        self.ready.push_back(Bytes::from(format!("data: {chunk}\n\n")));
    }

    /// The end: clean only if the provider said so.
    fn finish(&mut self) {
        if self.over {
            return;
        }
        self.over = true;
        self.slot = None;
        self.record.write(&self.usage);
        if self.complete && !self.broken {
            self.held.record(true);
            return;
        }
        if self.flaw == Flaw::IgnoresStreams {
            self.held.record(true);
        } else {
            self.held.record(false);
        }
        match self.flaw {
            Flaw::BreaksOffSilently => {}
            Flaw::PretendsToEnd => self.ready.push_back(Bytes::from_static(b"data: [DONE]\n\n")),
            _ => {
                let event = json!({"error": {"message": "The model broke off. Please try again.",
                                             "type": "server_error", "code": "upstream_broken"}});
                self.ready.push_back(Bytes::from(format!("data: {event}\n\n")));
            }
        }
    }
}
