//! The lab's control, under `/_lab/` of its main port: health, timeline, scripts, listeners, issuers, reset.
//!
//! Never: stands in the timeline, or answers on a provider's own port.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;

use crate::arrival::{Query, State};
use crate::client::{Health, ProviderHealth, WAIT_MAX};
use crate::nonce;
use crate::receiver::{hook, oidc};
use crate::script::{Script, ScriptError};
use crate::serve::body::LabBody;
use crate::serve::listener::ListenerState;
use crate::timeline::PAGE_MAX;
use crate::world::{Provider, World};

/// Why the control refuses.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("the control has no {0}; see docs/lab.md for its routes")]
    NoRoute(String),
    #[error(
        "`{0}` cannot be a provider: 1 to 64 letters, digits and -_. not beginning with _ or ., not v1 or agent, and no more than 1024 of them"
    )]
    NoProvider(String),
    #[error("`{0}` has no port of its own; give it one with `listen` in the scenario")]
    NoOwnPort(String),
    #[error("the query's `{key}` is `{value}`; write {wanted}")]
    BadQuery {
        key: String,
        value: String,
        wanted: &'static str,
    },
    #[error(transparent)]
    Script(#[from] ScriptError),
    #[error("not readable: {0}")]
    Body(String),
    #[error("`{0}` cannot be an issuer: a name as a provider's, and no more than 16 of them")]
    NoIssuer(String),
    #[error("{0}")]
    Issuer(String),
    #[error("a provider takes the rules of at most 64 owners; DELETE an owner's overlay first")]
    TooManyOverlays,
    #[error("`{0}` cannot be a receiver: a name as a provider's, and no more than 64 of them")]
    NoReceiver(String),
    #[error("the port cannot be opened: {0}")]
    Port(#[from] std::io::Error),
}

/// Answers a request of the control.
pub(crate) async fn answer(world: &Arc<World>, request: Request<Incoming>) -> Response<LabBody> {
    match route(world, request).await {
        Ok(body) => respond(StatusCode::OK, body),
        Err(refusal) => {
            let status = match &refusal {
                Refusal::NoRoute(_) => StatusCode::NOT_FOUND,
                Refusal::NoOwnPort(_) | Refusal::Port(_) | Refusal::TooManyOverlays => StatusCode::CONFLICT,
                _ => StatusCode::BAD_REQUEST,
            };
            respond(
                status,
                json!({"error": {"message": refusal.to_string()}})
                    .to_string()
                    .into(),
            )
        }
    }
}

/// For a path whose first part cannot be a provider.
pub(crate) fn no_such_provider() -> Response<LabBody> {
    let message = "the path's first part cannot be a provider of this lab";
    respond(
        StatusCode::NOT_FOUND,
        json!({"error": {"message": message, "code": "not_found"}})
            .to_string()
            .into(),
    )
}

async fn route(world: &Arc<World>, request: Request<Incoming>) -> Result<Bytes, Refusal> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').skip(1).collect();
    let done = || Bytes::from_static(b"{\"ok\":true}");
    Ok(match (&parts.method, path.as_slice()) {
        (&Method::GET, ["health"]) => to_json(&health(world)),
        (&Method::GET, ["counts"]) => to_json(&world.timeline.counts()),
        (&Method::GET, ["timeline"]) => to_json(&world.timeline.wait(&read_query(query)?).await),
        (&Method::DELETE, ["timeline"]) => {
            world.timeline.clear();
            done()
        }
        (&Method::GET, ["verify"]) => {
            let mark = pairs(query)
                .find(|(key, _)| key == "mark")
                .and_then(|(_, text)| nonce::find(&text));
            let valid = mark.as_ref().is_some_and(|mark| world.marks.verify(mark));
            json!({"valid": valid, "mark": mark}).to_string().into()
        }
        (&Method::GET, ["providers", name, "script"]) => to_json(&provider(world, name)?.running().script),
        (&Method::PUT, ["providers", name, "script"]) => {
            let provider = provider(world, name)?;
            provider.set(Script::parse(&read_body(body).await?)?);
            done()
        }
        (&Method::DELETE, ["providers", name, "script"]) => {
            provider(world, name)?.set(Script::default());
            done()
        }
        (&Method::GET, ["providers", name, "overlays"]) => to_json(&provider(world, name)?.overlay_owners()),
        (&Method::PUT, ["providers", name, "overlays", owner]) => {
            let provider = provider(world, name)?;
            let rules = Script::parse_rules(&read_body(body).await?)?;
            if !provider.set_overlay(owner, rules) {
                return Err(Refusal::TooManyOverlays);
            }
            done()
        }
        (&Method::DELETE, ["providers", name, "overlays", owner]) => {
            let provider = provider(world, name)?;
            match owner.strip_suffix('*') {
                Some(prefix) => provider.clear_overlays_of(prefix),
                None => provider.clear_overlay(owner),
            }
            done()
        }
        (&Method::POST, ["providers", name, "listener"]) => {
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Wanted {
                state: ListenerState,
            }
            let provider = provider(world, name)?;
            let wanted: Wanted =
                serde_json::from_slice(&read_body(body).await?).map_err(ScriptError::from)?;
            set_listener(world, &provider, wanted.state).await?;
            done()
        }
        (_, ["issuers", rest @ ..]) => oidc::serve::control(world, &parts, rest, body).await?,
        (_, ["hooks", rest @ ..]) => hook::serve::control(world, &parts, rest, body).await?,
        (&Method::POST, ["reset"]) => {
            reset(world).await?;
            done()
        }
        _ => return Err(Refusal::NoRoute(format!("{} {}", parts.method, parts.uri.path()))),
    })
}

/// Changes what a provider's own port does.
pub(crate) async fn set_listener(
    world: &Arc<World>,
    provider: &Arc<Provider>,
    state: ListenerState,
) -> Result<(), Refusal> {
    let port = provider
        .port
        .as_ref()
        .ok_or_else(|| Refusal::NoOwnPort(provider.id.name.to_string()))?;
    Ok(port.set(world, provider, state).await?)
}

/// Back to the start.
pub(crate) async fn reset(world: &Arc<World>) -> Result<(), Refusal> {
    for provider in world.providers() {
        if provider.port.is_some() {
            set_listener(world, &provider, ListenerState::Open).await?;
        }
    }
    world.reset();
    Ok(())
}

fn health(world: &World) -> Health {
    let providers = world.providers().into_iter().map(|provider| ProviderHealth {
        name: provider.id.name.to_string(),
        url: provider.port.as_ref().map(|port| format!("http://{}", port.addr)),
        listener: provider.port.as_ref().map(|port| port.state()),
    });
    Health {
        ok: true,
        seed: world.seed,
        now_us: world.clock.now_us(),
        instance: world.instance.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        providers: providers.collect(),
    }
}

fn provider(world: &World, name: &str) -> Result<Arc<Provider>, Refusal> {
    world
        .provider(name)
        .ok_or_else(|| Refusal::NoProvider(name.chars().take(100).collect()))
}

fn read_query(query: &str) -> Result<Query, Refusal> {
    let mut read = Query::default();
    for (key, value) in pairs(query) {
        let bad = |wanted| Refusal::BadQuery {
            key: key.clone(),
            value: value.clone(),
            wanted,
        };
        match key.as_str() {
            "since" => read.since = value.parse().map_err(|_| bad("a number"))?,
            "count" => read.count = value.parse().map_err(|_| bad("a number"))?,
            "limit" => match value.parse() {
                Ok(limit) if (1..=PAGE_MAX).contains(&limit) => read.limit = limit,
                _ => return Err(bad("a number from 1 to 10000")),
            },
            "wait_ms" => {
                let ms = value.parse().map_err(|_| bad("milliseconds, at most 60000"))?;
                read.wait = Duration::from_millis(ms).min(WAIT_MAX);
            }
            "brief" => read.brief = value.parse().map_err(|_| bad("true or false"))?,
            "provider" => read.provider = Some(value),
            "contains" => read.contains = Some(value),
            "state" => {
                read.state = match value.as_str() {
                    "arrived" => State::Arrived,
                    "first_byte" => State::FirstByte,
                    "finished" => State::Finished,
                    "client_gone" => State::ClientGone,
                    _ => return Err(bad("arrived, first_byte, finished or client_gone")),
                };
            }
            _ => {
                return Err(bad(
                    "one of the keys since, provider, contains, state, count, wait_ms, limit and brief",
                ));
            }
        }
    }
    Ok(read)
}

/// The pairs of a query string, decoded.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    })
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'+' => b' ',
            b'%' => {
                let two: Option<(u8, u8)> = rest.clone().next().zip(rest.clone().nth(1));
                let digit = |byte: u8| char::from(byte).to_digit(16);
                match two.and_then(|(high, low)| Some(digit(high)? * 16 + digit(low)?)) {
                    Some(value) => {
                        rest.nth(1);
                        value as u8
                    }
                    None => byte,
                }
            }
            _ => byte,
        };
        bytes.push(decoded);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) async fn read_body(body: Incoming) -> Result<Bytes, Refusal> {
    let whole = Limited::new(body, SCRIPT_SIZE_MAX).collect().await;
    whole
        .map(|body| body.to_bytes())
        .map_err(|error| Refusal::Body(error.to_string()))
}

pub(crate) fn to_json(value: &impl Serialize) -> Bytes {
    // Our own structs of strings and numbers: writing them to memory cannot fail.
    serde_json::to_vec(value).unwrap_or_default().into()
}

fn respond(status: StatusCode, body: Bytes) -> Response<LabBody> {
    let mut response = Response::new(LabBody::plain(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

const SCRIPT_SIZE_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_the_client_encodes_the_control_decodes(text in "\\PC{0,40}") {
            prop_assert_eq!(decode(&crate::client::encode(&text)), text);
        }
    }

    #[test]
    fn a_query_with_an_unknown_key_or_a_bad_value_is_refused() {
        for query in [
            "sinse=1",
            "since=x",
            "limit=0",
            "limit=10001",
            "state=gone",
            "brief=1",
        ] {
            assert!(read_query(query).is_err(), "{query}");
        }
        let read = read_query("since=3&contains=a%20b%2B&wait_ms=999999999&state=client_gone").unwrap();
        assert_eq!(read.contains.as_deref(), Some("a b+"));
        assert_eq!(read.wait, WAIT_MAX);
    }
}
