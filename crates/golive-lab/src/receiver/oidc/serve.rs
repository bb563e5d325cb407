//! S5: the issuer over HTTP: its documents for whoever trusts it, and its part of the lab's control.
//!
//! Never: answers a document without recording that it was asked for.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

use super::mint::mint;
use super::{Fetched, Issuer, IssuerInfo, Mint, Outage};
use crate::control::{Refusal, read_body, to_json};
use crate::serve::body::LabBody;
use crate::world::World;

/// Where all issuers stand.
pub(crate) const PREFIX: &str = "/_oidc/";

/// What becomes of a request for an issuer's document.
pub(crate) enum Answer {
    Send(Box<Response<LabBody>>),
    Hang,
    Reset,
}

/// Answers a request below [`PREFIX`].
pub(crate) async fn answer(world: &Arc<World>, request: &Request<Incoming>) -> Answer {
    let path = request.uri().path();
    let rest = path.strip_prefix(PREFIX).unwrap_or_default();
    let (name, tail) = rest.split_once('/').unwrap_or((rest, ""));
    let issuer = match issuer(world, name).await {
        Ok(issuer) => issuer,
        Err(refusal) => {
            let body = json!({"error": {"message": refusal.to_string()}});
            return send(respond(
                StatusCode::NOT_FOUND,
                "application/json",
                body.to_string(),
            ));
        }
    };
    let what = match tail {
        ".well-known/openid-configuration" => Fetched::Discovery,
        "jwks.json" => Fetched::Keys,
        tail if tail.starts_with("trap/") => Fetched::Trap,
        _ => Fetched::Other,
    };
    let shown = request.uri().path_and_query().map_or(path, |path| path.as_str());
    let shown = shown.get(PREFIX.len() + name.len()..).unwrap_or_default();
    let outage = issuer.record(world.clock.now_us(), request.method().as_str(), shown, what);
    let json = |body: String| send(respond(StatusCode::OK, "application/json", body));
    match (outage, what) {
        (Outage::Refuse, _) => Answer::Reset,
        (Outage::Hang, _) => Answer::Hang,
        (Outage::Error, _) => send(respond(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain",
            "the lab's issuer is down".to_owned(),
        )),
        (Outage::Garbage, _) => send(respond(
            StatusCode::OK,
            "text/html",
            "<!doctype html><title>Sign in</title><p>Please sign in.".to_owned(),
        )),
        (Outage::Huge, _) => json(huge()),
        (Outage::None, Fetched::Discovery) => json(discovery(&address(request.headers(), name))),
        (Outage::None, Fetched::Keys) => json(issuer.jwks().to_string()),
        (Outage::None, Fetched::Trap) if tail.ends_with(".pem") => send(respond(
            StatusCode::OK,
            "application/x-pem-file",
            issuer.stranger_pem(),
        )),
        (Outage::None, Fetched::Trap) => json(json!({"keys": issuer.strangers()}).to_string()),
        (Outage::None, Fetched::Other) => send(respond(
            StatusCode::NOT_FOUND,
            "application/json",
            json!({"error": "not_found"}).to_string(),
        )),
    }
}

/// The control of one issuer: `/_lab/issuers/NAME/…`.
pub(crate) async fn control(
    world: &Arc<World>,
    parts: &http::request::Parts,
    path: &[&str],
    body: Incoming,
) -> Result<Bytes, Refusal> {
    let no_route = || Refusal::NoRoute(format!("{} {}", parts.method, parts.uri.path()));
    let done = || Bytes::from_static(b"{\"ok\":true}");
    let (name, path) = path.split_first().ok_or_else(no_route)?;
    let issuer = issuer(world, name).await?;
    let address = address(&parts.headers, name);
    Ok(match (&parts.method, path) {
        (&Method::GET, []) => to_json(&info(&issuer, &address)),
        (&Method::POST, ["token"]) => {
            let wanted: Mint = read(body).await?;
            let now = world.started_unix_s + world.clock.now_us() / 1_000_000;
            let token =
                mint(&issuer, &address, now, &wanted).map_err(|error| Refusal::Issuer(error.to_string()))?;
            to_json(&json!({"token": token}))
        }
        (&Method::POST, ["rotate"]) => {
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Wanted {
                alg: String,
            }
            let wanted: Wanted = read(body).await?;
            let alg = wanted.alg.clone();
            let made = blocking(world, move || issuer.rotate(&alg)).await?;
            let kid = made.ok_or_else(|| {
                Refusal::Issuer(format!(
                    "`{}` cannot be rotated: write RS256, ES256 or EdDSA",
                    wanted.alg
                ))
            })?;
            to_json(&json!({"kid": kid}))
        }
        (&Method::DELETE, ["keys", kid]) if issuer.withdraw(kid) => done(),
        (&Method::DELETE, ["keys", kid]) => {
            return Err(Refusal::Issuer(format!("the issuer has no key `{kid}`")));
        }
        (&Method::PUT, ["outage"]) => {
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Wanted {
                mode: Outage,
            }
            let wanted: Wanted = read(body).await?;
            issuer.set_outage(wanted.mode);
            done()
        }
        (&Method::GET, ["fetches"]) => to_json(&issuer.fetches(since(parts.uri.query())?)),
        (&Method::POST, ["reset"]) => {
            issuer.reset();
            done()
        }
        _ => return Err(no_route()),
    })
}

async fn issuer(world: &Arc<World>, name: &str) -> Result<Arc<Issuer>, Refusal> {
    let (asked, owned) = (world.clone(), name.to_owned());
    let found = blocking(world, move || asked.issuers.get(&owned)).await?;
    found.ok_or_else(|| Refusal::NoIssuer(name.chars().take(100).collect()))
}

/// Making a key takes the processor for a while, which must not hold up the lab's other answers.
async fn blocking<T: Send + 'static>(
    world: &Arc<World>,
    work: impl FnOnce() -> Result<T, aws_lc_rs::error::Unspecified> + Send + 'static,
) -> Result<T, Refusal> {
    let done = world.tasks.spawn_blocking(work).await;
    let done = done.map_err(|error| Refusal::Issuer(error.to_string()))?;
    done.map_err(|error| Refusal::Issuer(format!("no key could be made: {error}")))
}

async fn read<T: for<'de> Deserialize<'de>>(body: Incoming) -> Result<T, Refusal> {
    serde_json::from_slice(&read_body(body).await?).map_err(|error| Refusal::Body(error.to_string()))
}

fn info(issuer: &Issuer, address: &str) -> IssuerInfo {
    IssuerInfo {
        issuer: address.to_owned(),
        keys: issuer.keys(),
        strangers: issuer.strangers(),
        trap: format!("{address}/trap"),
        outage: issuer.outage(),
        fetches: issuer.fetches(u64::MAX).total,
    }
}

/// The issuer as whoever asks has addressed it: behind a port mapping the lab cannot know its own name.
fn address(headers: &HeaderMap, name: &str) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    format!("http://{}{PREFIX}{name}", host.unwrap_or("localhost"))
}

fn discovery(address: &str) -> String {
    json!({
        "issuer": address,
        "jwks_uri": format!("{address}/jwks.json"),
        "authorization_endpoint": format!("{address}/authorize"),
        "token_endpoint": format!("{address}/token"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": super::keys::ALGORITHMS,
    })
    .to_string()
}

/// 50 MB of right JSON that holds no key.
fn huge() -> String {
    // `repeat` copies in large pieces: a loop over so many characters would hold up the lab's other answers.
    format!(r#"{{"keys":[],"padding":"{}"}}"#, "x".repeat(HUGE))
}

fn since(query: Option<&str>) -> Result<u64, Refusal> {
    match query.unwrap_or_default().split_once('=') {
        None => Ok(0),
        Some(("since", value)) => value.parse().map_err(|_| Refusal::BadQuery {
            key: "since".to_owned(),
            value: value.to_owned(),
            wanted: "a number",
        }),
        Some((key, value)) => Err(Refusal::BadQuery {
            key: key.to_owned(),
            value: value.to_owned(),
            wanted: "the key since",
        }),
    }
}

fn send(response: Response<LabBody>) -> Answer {
    Answer::Send(Box::new(response))
}

fn respond(status: StatusCode, media_type: &'static str, body: String) -> Response<LabBody> {
    let mut response = Response::new(LabBody::plain(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

const HUGE: usize = 50_000_000;
