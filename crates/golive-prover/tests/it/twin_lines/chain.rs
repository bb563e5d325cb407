//! The twin's way down a chain: rounds over the links, waits between them, breakers before each attempt.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axum::body::Bytes;
use axum::response::Response;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tokio::time::timeout;

use super::breaker::{Breaker, Leave};
use super::{Flaw, Gateway, Link, Settings, Slot, speak, stream};

/// One call on its way.
pub struct Call {
    pub gateway: Arc<Gateway>,
    pub ports: Arc<HashMap<String, String>>,
    pub chain: Arc<Vec<Link>>,
    pub asked: Value,
    pub slot: Option<Slot>,
}

/// What an attempt came to.
pub enum Tried {
    /// The caller's answer, begun or whole.
    Answer(Response),
    /// What a retry does not heal.
    Final(Response),
    /// What it may, and when to come back at the earliest.
    Failed(Option<Duration>),
}

/// A leave that is given back, whatever happens.
pub struct Held {
    breaker: Arc<Mutex<Breaker>>,
    leave: Option<Leave>,
    flaw: Flaw,
    settings: Settings,
}

impl Held {
    pub fn record(&mut self, good: bool) {
        if let Some(leave) = self.leave.take() {
            self.breaker
                .lock()
                .unwrap()
                .record(leave, good, self.flaw, &self.settings, now());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take()
            && self.flaw != Flaw::HungProbeBlocks
        {
            self.breaker.lock().unwrap().release(leave);
        }
    }
}

impl Call {
    pub async fn answer(mut self) -> Response {
        let flaw = self.gateway.flaw;
        let settings = self.gateway.settings.clone();
        let started = now();
        let layers = match flaw {
            Flaw::TwoLayers => settings.backoff.len() + 1,
            _ => 1,
        };
        let waits = match flaw {
            Flaw::NoRetry => Vec::new(),
            Flaw::RetriesTwice => settings.backoff[..1].to_vec(),
            Flaw::WrongWaits => settings.backoff.iter().map(|wait| *wait / 3).collect(),
            _ => settings.backoff.clone(),
        };
        let key = uuid();
        for layer in 0..layers {
            for round in 0..=waits.len() {
                let mut tried = false;
                let mut hint = None;
                let mut due = Duration::from_secs(3_600);
                for at in self.order() {
                    let admitted = {
                        let mut breaker = self.chain[at].breaker.lock().unwrap();
                        breaker.admit(flaw, &settings, now())
                    };
                    let leave = match admitted {
                        Ok(leave) => leave,
                        Err(left) => {
                            due = due.min(left);
                            continue;
                        }
                    };
                    tried = true;
                    let held = Held {
                        breaker: Arc::clone(&self.chain[at].breaker),
                        leave: Some(leave),
                        flaw,
                        settings: settings.clone(),
                    };
                    let key = if flaw == Flaw::NewKeyEachTime {
                        uuid()
                    } else {
                        key.clone()
                    };
                    match self.attempt(at, held, &key).await {
                        Tried::Answer(answer) | Tried::Final(answer) => return answer,
                        Tried::Failed(wait) => hint = hint.max(wait),
                    }
                    self.gateway
                        .moved_on
                        .store(self.chain.len() > 1, Ordering::Relaxed);
                    if flaw == Flaw::NoFallback {
                        break;
                    }
                }
                if !tried {
                    if flaw == Flaw::RefusesSlowly {
                        tokio::time::sleep(Duration::from_millis(900)).await;
                    }
                    let text = "The model is not available at the moment. Please try again.";
                    return speak::unavailable("circuit_open", text, due.as_secs() + 1);
                }
                let Some(wait) = waits.get(round).copied() else {
                    break;
                };
                let wait = jittered(wait, &settings, flaw);
                let wait = match (hint, flaw) {
                    (_, Flaw::IgnoresHints) | (None, _) => wait,
                    (Some(hint), _) => wait.max(hint),
                };
                if now().duration_since(started) + wait > settings.total {
                    return given_up();
                }
                tokio::time::sleep(wait).await;
            }
            let more = layer + 1 < layers;
            if more {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        given_up()
    }

    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.chain.len()).collect();
        let moved_on = self.gateway.moved_on.load(Ordering::Relaxed);
        match self.gateway.flaw {
            Flaw::LastLinkFirst => order.reverse(),
            Flaw::NeverReturns if moved_on && order.len() > 1 => drop(order.remove(0)),
            _ => {}
        }
        order
    }

    async fn attempt(&mut self, at: usize, mut held: Held, key: &str) -> Tried {
        let (flaw, settings) = (self.gateway.flaw, self.gateway.settings.clone());
        let link = &self.chain[at];
        let wants_stream = self.asked["stream"] == true;
        let base = self
            .ports
            .get(link.provider)
            .cloned()
            .unwrap_or_else(|| self.gateway.upstream.clone());
        let (path, body) = if link.anthropic {
            ("/v1/messages", speak::to_anthropic(&self.asked, flaw))
        } else {
            ("/v1/chat/completions", self.asked.clone())
        };
        let request = Request::post(format!("{base}{path}"))
            .header("content-type", "application/json")
            .header("anthropic-version", "2023-06-01")
            .header("idempotency-key", key)
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let started = now();
        let sent = timeout(settings.first_byte, self.gateway.client.request(request)).await;
        let Ok(Ok(response)) = sent else {
            // The flaw: a call that never comes back never gives back its place.
            if flaw != Flaw::HungProbeBlocks || sent.is_ok() {
                held.record(false);
            }
            return Tried::Failed(None);
        };
        let status = response.status().as_u16();
        let rest = settings.first_byte.saturating_sub(now().duration_since(started));
        match status {
            200 if wants_stream => {
                let record = self.record_of(at);
                let pipe = stream::Pipe::new(self, response.into_body(), at, held, record);
                return pipe.begin(rest).await;
            }
            200 => {}
            429 => {
                if flaw == Flaw::Counts429 {
                    held.record(false);
                }
                return Tried::Failed(hint(response.headers(), flaw));
            }
            408 | 500.. => {
                held.record(false);
                return Tried::Failed(hint(response.headers(), flaw));
            }
            400 if flaw == Flaw::Retries400 || flaw == Flaw::FallsBackOn400 => return Tried::Failed(None),
            _ => {
                return Tried::Final(speak::error(
                    status,
                    "invalid_request",
                    "The model does not take that.",
                ));
            }
        }
        let whole = timeout(rest, response.into_body().collect()).await;
        let body = match whole {
            Ok(Ok(body)) => body.to_bytes(),
            _ => {
                held.record(false);
                return Tried::Failed(None);
            }
        };
        let read = serde_json::from_slice::<Value>(&body).ok();
        let answer = read.and_then(|answer| {
            if link.anthropic {
                speak::from_anthropic(&answer, flaw)
            } else {
                answer.get("choices").is_some().then_some(answer)
            }
        });
        let Some(mut answer) = answer else {
            held.record(false);
            return Tried::Failed(None);
        };
        held.record(true);
        let refused = answer.pointer("/choices/0/finish_reason") == Some(&"content_filter".into());
        if refused && flaw == Flaw::FallsBackOnRefusal {
            return Tried::Failed(None);
        }
        if at > 0 && flaw == Flaw::WrongUsage {
            answer["usage"]["completion_tokens"] = 1.into();
        }
        if at > 0 && flaw == Flaw::WrongFinish {
            answer["choices"][0]["finish_reason"] = "end_turn".into();
        }
        if flaw == Flaw::HandsOutToolTwice
            && let Some(calls) = answer
                .pointer_mut("/choices/0/message/tool_calls")
                .and_then(Value::as_array_mut)
        {
            let again = calls.clone();
            calls.extend(again);
        }
        let record = self.record_of(at);
        record.write(&answer["usage"]);
        Tried::Answer(record.put(speak::json(200, &answer)))
    }

    fn record_of(&self, at: usize) -> Record {
        let flaw = self.gateway.flaw;
        let named = if flaw == Flaw::NamesFirstLink { 0 } else { at };
        let priced = if flaw == Flaw::PricesFirstLink { 0 } else { at };
        Record {
            id: uuid(),
            link: self.chain[named].name,
            price: self.chain[priced].price,
            folder: self.gateway.records.path().to_owned(),
        }
    }
}

/// What is kept of a call.
#[derive(Clone)]
pub struct Record {
    id: String,
    link: &'static str,
    price: (f64, f64),
    folder: std::path::PathBuf,
}

impl Record {
    pub fn write(&self, usage: &Value) {
        let tokens = |name: &str| usage[name].as_f64().unwrap_or_default();
        let cost =
            (tokens("prompt_tokens") * self.price.0 + tokens("completion_tokens") * self.price.1) / 1e6;
        let record = serde_json::json!({"id": self.id, "link": self.link, "cost_usd": cost});
        std::fs::write(self.folder.join(&self.id), record.to_string()).unwrap();
    }

    pub fn put(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert("x-request-id", self.id.parse().unwrap());
        headers.insert("golive-link", self.link.parse().unwrap());
        response
    }
}

fn given_up() -> Response {
    speak::unavailable(
        "upstream_failed",
        "The model cannot be reached. Please try again later.",
        1,
    )
}

fn jittered(wait: Duration, settings: &Settings, flaw: Flaw) -> Duration {
    if flaw == Flaw::NoJitter {
        return wait;
    }
    let jitter = f64::from(settings.jitter_percent) / 100.0;
    wait.mul_f64(1.0 - jitter + 2.0 * jitter * rand::random::<f64>())
}

fn hint(headers: &HeaderMap, flaw: Flaw) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.parse().ok()) {
        return Some(Duration::from_millis(ms));
    }
    let after = text("retry-after")?;
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    if flaw == Flaw::IgnoresDates {
        return None;
    }
    let due = jiff::fmt::rfc2822::parse(after).ok()?.timestamp();
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Duration::from_secs(u64::try_from(due.as_second()).ok()?).checked_sub(unix)
}

fn uuid() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[expect(clippy::disallowed_methods, reason = "a server of the tests, in real time")]
pub fn now() -> Instant {
    Instant::now()
}
