//! The caller: one and the same chat request of 1 KB to every server, and a closed loop that sends it.
//!
//! Never: a request that one server gets and another does not; the key goes to all.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use golive_load::http::{Endpoint, Outgoing, Pool, StatusOnly};
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;

use crate::Failed;

/// Bytes of a request's body.
const BODY: usize = 1_024;

/// One way to the upstream.
#[derive(Clone)]
pub struct Route {
    /// As the tables call it.
    pub name: &'static str,
    /// Where it begins.
    pub endpoint: Endpoint,
    authorization: HeaderValue,
}

impl Route {
    /// To this address with this key.
    pub async fn new(name: &'static str, address: SocketAddr, key: &str) -> Result<Self, Failed> {
        Ok(Self {
            name,
            endpoint: Endpoint::resolve(&format!("http://{address}"), b"").await?,
            authorization: format!("Bearer {key}").parse()?,
        })
    }

    /// The chat request of 1 KB for this model.
    pub fn chat(
        &self,
        model: &str,
        stream: bool,
    ) -> impl Fn(u64) -> Outgoing + Clone + Send + Sync + use<> + 'static {
        let body = body(model, stream);
        let authorization = self.authorization.clone();
        move |_| {
            let mut request = Request::new(Full::new(body.clone()));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = http::Uri::from_static("/v1/chat/completions");
            let headers = request.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(header::AUTHORIZATION, authorization.clone());
            request
        }
    }
}

/// Sends `count` requests over `connections` connections, one at a time on each. How long it took.
///
/// # Errors
/// At the first request that fails: figures of a server that refuses are worth nothing.
pub async fn closed_loop(
    pool: &Pool,
    request: &impl Fn(u64) -> Outgoing,
    count: u64,
    connections: usize,
) -> Result<Duration, Failed> {
    let began = now();
    let next = Cell::new(0);
    let one = async || -> Result<(), Failed> {
        while next.get() < count {
            let number = next.replace(next.get() + 1);
            let reply = pool.exchange(request(number), &mut StatusOnly).await;
            if let Some(failure) = reply.failure {
                return Err(format!("request {number} of {count} failed: {failure}").into());
            }
        }
        Ok(())
    };
    let mut all: FuturesUnordered<_> = (0..connections).map(|_| one()).collect();
    while let Some(done) = all.next().await {
        done?;
    }
    Ok(began.elapsed())
}

/// The wall clock of a driver.
#[expect(clippy::disallowed_methods, reason = "a bench is a driver: it measures")]
pub fn now() -> Instant {
    Instant::now()
}

/// A conversation as an SDK would send it, filled up to the length.
fn body(model: &str, stream: bool) -> Bytes {
    let stream = if stream { r#""stream":true,"# } else { "" };
    let head = format!(
        r#"{{"model":"{model}",{stream}"temperature":0.2,"messages":[{{"role":"system","content":"You are a helpful assistant. Answer in one sentence."}},{{"role":"user","content":""#
    );
    let tail = r#""}]}"#;
    let question = "What does a gateway add to the time of a call? ";
    let room = BODY.saturating_sub(head.len() + tail.len());
    let text: String = question.chars().cycle().take(room).collect();
    Bytes::from(format!("{head}{text}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_a_kilobyte_and_is_json() {
        for stream in [false, true] {
            let body = body("plain", stream);
            assert_eq!(body.len(), BODY);
            let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(json["model"], "plain");
            assert_eq!(json["stream"].as_bool().unwrap_or(false), stream);
        }
    }
}
