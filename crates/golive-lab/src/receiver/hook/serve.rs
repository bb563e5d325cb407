//! E3: a receiver over HTTP, and its part of the lab's control.
//!
//! Never: answers a delivery without recording it.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::Value;

use super::desk::Desk;
use super::{BODY_MAX, Delivery, Reception};
use crate::client::WAIT_MAX;
use crate::control::{Refusal, pairs, read_body, to_json};
use crate::redact;
use crate::serve::body::LabBody;
use crate::world::World;

/// Where generic receivers stand.
pub(crate) const PREFIX: &str = "/_hook/";
/// Where those stand that take what Slack takes.
pub(crate) const SLACK_PREFIX: &str = "/_slack/";

/// What becomes of a delivery.
pub(crate) enum Answer {
    Send(Box<Response<LabBody>>),
    Hang,
    Reset,
}

/// Takes a delivery, or does not.
pub(crate) async fn answer(world: &Arc<World>, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let slack = path.starts_with(SLACK_PREFIX);
    let rest = path
        .strip_prefix(if slack { SLACK_PREFIX } else { PREFIX })
        .unwrap_or_default();
    let name = rest.split(['/', '?']).next().unwrap_or_default();
    let Some(desk) = world.desks.get(name) else {
        return send(StatusCode::NOT_FOUND, "no_such_receiver");
    };
    let (bytes, cut) = read(body).await;
    let reception = desk.reception(world.clock.now_us());
    let body = String::from_utf8_lossy(&bytes).into_owned();
    let (status, word) = match reception {
        Reception::Takes if parts.method != Method::POST => {
            (Some(StatusCode::METHOD_NOT_ALLOWED), "post_only")
        }
        Reception::Takes if slack && !is_slack_message(&body) => {
            (Some(StatusCode::BAD_REQUEST), "invalid_payload")
        }
        Reception::Takes => (Some(StatusCode::OK), "ok"),
        Reception::Error => (
            Some(StatusCode::INTERNAL_SERVER_ERROR),
            "the lab's receiver is down",
        ),
        Reception::Limited => (Some(StatusCode::TOO_MANY_REQUESTS), "rate_limited"),
        Reception::Hang | Reception::Refuse => (None, ""),
    };
    let headers = redact::headers(&parts.headers);
    desk.record(Delivery {
        seq: 0, // numbered when it is recorded
        at_us: world.clock.now_us(),
        at_unix_s: world.started_unix_s + world.clock.now_us() / 1_000_000,
        method: parts.method.to_string(),
        path: redact::path(rest.get(name.len()..).unwrap_or_default()).into_owned(),
        headers: headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body,
        cut,
        reception,
        status: status.map(|status| status.as_u16()),
    });
    match (status, reception) {
        (Some(status), _) => send(status, word),
        (None, Reception::Refuse) => Answer::Reset,
        (None, _) => Answer::Hang,
    }
}

/// The control of one receiver: `/_lab/hooks/NAME/…`.
pub(crate) async fn control(
    world: &Arc<World>,
    parts: &http::request::Parts,
    path: &[&str],
    body: Incoming,
) -> Result<Bytes, Refusal> {
    let no_route = || Refusal::NoRoute(format!("{} {}", parts.method, parts.uri.path()));
    let done = || Bytes::from_static(b"{\"ok\":true}");
    let (name, path) = path.split_first().ok_or_else(no_route)?;
    let desk = world.desks.get(name).ok_or_else(|| {
        let shown: String = name.chars().take(100).collect();
        Refusal::NoReceiver(shown)
    })?;
    Ok(match (&parts.method, path) {
        (&Method::GET, []) => to_json(&asked(&desk, parts.uri.query().unwrap_or_default()).await?),
        (&Method::DELETE, []) => {
            desk.reset();
            done()
        }
        (&Method::PUT, ["reception"]) => {
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Wanted {
                mode: Reception,
                for_ms: Option<u64>,
            }
            let wanted: Wanted = serde_json::from_slice(&read_body(body).await?)
                .map_err(|error| Refusal::Body(error.to_string()))?;
            let until = wanted
                .for_ms
                .map(|ms| world.clock.now_us().saturating_add(ms.saturating_mul(1_000)));
            desk.set(wanted.mode, until);
            done()
        }
        _ => return Err(no_route()),
    })
}

async fn asked(desk: &Desk, query: &str) -> Result<super::Deliveries, Refusal> {
    let (mut since, mut count, mut wait) = (0, 1, Duration::ZERO);
    for (key, value) in pairs(query) {
        let number = value.parse::<u64>().map_err(|_| Refusal::BadQuery {
            key: key.clone(),
            value: value.clone(),
            wanted: "a number",
        })?;
        match key.as_str() {
            "since" => since = number,
            "count" => count = usize::try_from(number).unwrap_or(usize::MAX),
            "wait_ms" => wait = Duration::from_millis(number).min(WAIT_MAX),
            _ => {
                return Err(Refusal::BadQuery {
                    key,
                    value,
                    wanted: "one of the keys since, count and wait_ms",
                });
            }
        }
    }
    Ok(desk.wait(since, count, wait).await)
}

/// As much of a body as is kept, and whether there was more.
async fn read(mut body: Incoming) -> (Bytes, bool) {
    let mut kept = BytesMut::new();
    let mut cut = false;
    // A sender that breaks off has delivered what came.
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        let room = BODY_MAX.saturating_sub(kept.len());
        cut |= data.len() > room;
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if cut {
            break;
        }
    }
    (kept.freeze(), cut)
}

/// A text or blocks, as Slack demands.
fn is_slack_message(body: &str) -> bool {
    let message: Option<Value> = serde_json::from_str(body).ok();
    message.is_some_and(|message| {
        let text = message
            .get("text")
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty());
        let filled = |name: &str| {
            message
                .get(name)
                .and_then(Value::as_array)
                .is_some_and(|all| !all.is_empty())
        };
        text || filled("blocks") || filled("attachments")
    })
}

fn send(status: StatusCode, word: &'static str) -> Answer {
    let mut response = Response::new(LabBody::plain(Bytes::from_static(word.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Answer::Send(Box::new(response))
}
