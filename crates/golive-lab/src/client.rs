//! What a proof asks of a lab that runs elsewhere: the timeline, scripts, listeners, over HTTP.
//!
//! Never: asks a host other than the one it was made for, waits without end, or follows a redirect.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::arrival::{Counts, Page, Query};
use crate::receiver::hook::{Deliveries, Reception};
use crate::receiver::oidc::{Fetches, IssuerInfo, Mint, Outage};
use crate::script::{Rule, Script};
use crate::serve::listener::ListenerState;

/// Speaks to one lab. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct LabClient {
    base: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

/// A lab's answer to `GET /_lab/health`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// Always true: a lab that cannot say so does not answer.
    pub ok: bool,
    /// The seed it runs with.
    pub seed: u64,
    /// Its clock: microseconds since its start.
    pub now_us: u64,
    /// A random number of this run: another one means that the lab was restarted and its timeline is new.
    pub instance: String,
    /// Its version.
    pub version: String,
    /// The providers it knows, with those that have a port of their own.
    pub providers: Vec<ProviderHealth>,
}

/// One provider in a [`Health`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderHealth {
    /// Its name.
    pub name: String,
    /// Where its own port is, if it has one.
    pub url: Option<String>,
    /// What that port does.
    pub listener: Option<ListenerState>,
}

/// A lab that could not be asked, or that refused.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Not `http://host:port`.
    #[error("`{0}` is not the address of a lab; write http://HOST:PORT")]
    BadUrl(String),
    /// No connection, or it broke.
    #[error("cannot reach the lab at {url}")]
    Unreachable {
        /// The lab.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("the lab at {url} did not answer within {after:?}")]
    Silent {
        /// The lab.
        url: String,
        /// How long was waited.
        after: Duration,
    },
    /// It said no.
    #[error("the lab refused {asked}: {status} {message}")]
    Refused {
        /// Method and path.
        asked: String,
        /// The status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// It answered something else; probably not a lab.
    #[error("the answer to {asked} is not a lab's: {reason}")]
    NotALab {
        /// Method and path.
        asked: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl LabClient {
    /// For the lab at `http://HOST:PORT`.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        let base = url.trim_end_matches('/').to_owned();
        let is_lab = base.parse::<http::Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some("http")
                && uri.authority().is_some()
                && uri.path() == "/"
                && uri.query().is_none()
        });
        if !is_lab {
            return Err(ClientError::BadUrl(url.to_owned()));
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(LabClient { base, http })
    }

    /// The lab's address, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// The base URL of a provider on the lab's main port, for whoever is to call it.
    pub fn provider_url(&self, provider: &str) -> String {
        format!("{}/{provider}", self.base)
    }

    /// Whether it is there, its seed, clock and providers.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.ask(Method::GET, "/_lab/health", Bytes::new(), Duration::ZERO)
            .await
    }

    /// The arrivals that match, waiting for them as the query says (longer than a minute too).
    pub async fn timeline(&self, query: &Query) -> Result<Page, ClientError> {
        let mut left = query.wait;
        loop {
            let wait = left.min(WAIT_MAX);
            let asked = Query {
                wait,
                ..query.clone()
            };
            let page: Page = self
                .ask(Method::GET, &timeline_path(&asked), Bytes::new(), wait)
                .await?;
            left -= wait;
            if left.is_zero() || page.more || page.arrivals.len() >= query.count {
                return Ok(page);
            }
        }
    }

    /// Totals by provider.
    pub async fn counts(&self) -> Result<Counts, ClientError> {
        self.ask(Method::GET, "/_lab/counts", Bytes::new(), Duration::ZERO)
            .await
    }

    /// Forgets all arrivals; `seq` goes on.
    pub async fn clear_timeline(&self) -> Result<(), ClientError> {
        self.tell(Method::DELETE, "/_lab/timeline", Bytes::new()).await
    }

    /// Replaces a provider's script. Its rules count from the beginning.
    pub async fn set_script(&self, provider: &str, script: &Script) -> Result<(), ClientError> {
        let path = format!("/_lab/providers/{provider}/script");
        let body = serde_json::to_vec(script).map_err(|error| ClientError::NotALab {
            asked: path.clone(),
            reason: error.to_string(),
        })?;
        self.tell(Method::PUT, &path, body.into()).await
    }

    /// The script that a provider follows now, to be put back later.
    pub async fn script(&self, provider: &str) -> Result<Script, ClientError> {
        let path = format!("/_lab/providers/{provider}/script");
        self.ask(Method::GET, &path, Bytes::new(), Duration::ZERO).await
    }

    /// Makes a provider behave again.
    pub async fn clear_script(&self, provider: &str) -> Result<(), ClientError> {
        self.tell(
            Method::DELETE,
            &format!("/_lab/providers/{provider}/script"),
            Bytes::new(),
        )
        .await
    }

    /// Lays rules over a provider's script, in place of earlier ones of the same owner: what several proofs want of one
    /// provider at the same time. They count from the beginning.
    pub async fn set_overlay(&self, provider: &str, owner: &str, rules: &[Rule]) -> Result<(), ClientError> {
        let path = format!("/_lab/providers/{provider}/overlays/{}", encode(owner));
        let body = serde_json::to_vec(rules).map_err(|error| ClientError::NotALab {
            asked: path.clone(),
            reason: error.to_string(),
        })?;
        self.tell(Method::PUT, &path, body.into()).await
    }

    /// Whose rules lie over a provider's script.
    pub async fn overlays(&self, provider: &str) -> Result<Vec<String>, ClientError> {
        let path = format!("/_lab/providers/{provider}/overlays");
        self.ask(Method::GET, &path, Bytes::new(), Duration::ZERO).await
    }

    /// Takes an owner's rules away again.
    pub async fn clear_overlay(&self, provider: &str, owner: &str) -> Result<(), ClientError> {
        let path = format!("/_lab/providers/{provider}/overlays/{}", encode(owner));
        self.tell(Method::DELETE, &path, Bytes::new()).await
    }

    /// Takes away the rules of all owners whose names begin so; `prefix` is of letters, digits and `-_.`.
    pub async fn clear_overlays(&self, provider: &str, prefix: &str) -> Result<(), ClientError> {
        let path = format!("/_lab/providers/{provider}/overlays/{}*", encode(prefix));
        self.tell(Method::DELETE, &path, Bytes::new()).await
    }

    /// Opens, refuses or hangs the own port of a provider.
    pub async fn set_listener(&self, provider: &str, state: ListenerState) -> Result<(), ClientError> {
        let body = format!(r#"{{"state":"{}"}}"#, state.as_str());
        self.tell(
            Method::POST,
            &format!("/_lab/providers/{provider}/listener"),
            body.into(),
        )
        .await
    }

    /// Whether this lab, in this run, made the mark at the end of an answer.
    pub async fn verify(&self, mark: &crate::nonce::Mark) -> Result<bool, ClientError> {
        #[derive(Deserialize)]
        struct Verified {
            valid: bool,
        }
        let path = format!("/_lab/verify?mark={}", encode(&mark.to_string()));
        let verified: Verified = self.ask(Method::GET, &path, Bytes::new(), Duration::ZERO).await?;
        Ok(verified.valid)
    }

    /// An address at the lab by which being lured is seen: any request to it stands in the timeline of `provider`.
    pub fn bait_url(&self, provider: &str, name: &str) -> String {
        format!("{}/{provider}/bait/{name}", self.base)
    }

    /// The address of a page of a provider's script.
    pub fn page_url(&self, provider: &str, name: &str) -> String {
        format!("{}/{provider}/pages/{name}", self.base)
    }

    /// Asks a model of the lab directly, as a gateway would: what it says without any guard before it. `path` is the
    /// provider's (`/v1/chat/completions`). The status and the answer; an error status is an answer.
    pub async fn say(
        &self,
        provider: &str,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        self.exchange(Method::POST, &format!("/{provider}{path}"), body, Duration::ZERO)
            .await
    }

    /// The address of an issuer that the lab plays, as this client reaches it.
    pub fn issuer_url(&self, name: &str) -> String {
        format!("{}/_oidc/{name}", self.base)
    }

    /// An issuer as it stands: its keys, its outage.
    pub async fn issuer(&self, name: &str) -> Result<IssuerInfo, ClientError> {
        let path = format!("/_lab/issuers/{name}");
        self.ask(Method::GET, &path, Bytes::new(), KEYS_TIMEOUT).await
    }

    /// A token of the issuer, right or forged.
    pub async fn mint(&self, name: &str, wanted: &Mint) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Made {
            token: String,
        }
        let path = format!("/_lab/issuers/{name}/token");
        let body = serde_json::to_vec(wanted).map_err(|error| ClientError::NotALab {
            asked: path.clone(),
            reason: error.to_string(),
        })?;
        let made: Made = self.ask(Method::POST, &path, body.into(), KEYS_TIMEOUT).await?;
        Ok(made.token)
    }

    /// Publishes a fresh key of `alg`, which signs from then on. Its `kid`.
    pub async fn rotate_key(&self, name: &str, alg: &str) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Made {
            kid: String,
        }
        let path = format!("/_lab/issuers/{name}/rotate");
        let body = serde_json::json!({"alg": alg}).to_string();
        let made: Made = self.ask(Method::POST, &path, body.into(), KEYS_TIMEOUT).await?;
        Ok(made.kid)
    }

    /// Takes a key out of the published set.
    pub async fn withdraw_key(&self, name: &str, kid: &str) -> Result<(), ClientError> {
        let path = format!("/_lab/issuers/{name}/keys/{}", encode(kid));
        self.tell(Method::DELETE, &path, Bytes::new()).await
    }

    /// Makes an issuer fail, or answer again.
    pub async fn set_outage(&self, name: &str, outage: Outage) -> Result<(), ClientError> {
        let path = format!("/_lab/issuers/{name}/outage");
        let body = format!(r#"{{"mode":"{}"}}"#, outage.as_str());
        self.tell(Method::PUT, &path, body.into()).await
    }

    /// Who fetched what from an issuer, after this number.
    pub async fn fetches(&self, name: &str, since: u64) -> Result<Fetches, ClientError> {
        let path = format!("/_lab/issuers/{name}/fetches?since={since}");
        self.ask(Method::GET, &path, Bytes::new(), Duration::ZERO).await
    }

    /// An issuer as at its start: its first keys, no outage.
    pub async fn reset_issuer(&self, name: &str) -> Result<(), ClientError> {
        let path = format!("/_lab/issuers/{name}/reset");
        self.tell(Method::POST, &path, Bytes::new()).await
    }

    /// The address of a generic receiver of webhooks that the lab plays, as this client reaches it.
    pub fn hook_url(&self, name: &str) -> String {
        format!("{}/_hook/{name}", self.base)
    }

    /// The address of a receiver that takes what Slack's incoming webhooks take.
    pub fn slack_url(&self, name: &str) -> String {
        format!("{}/_slack/{name}", self.base)
    }

    /// What reached a receiver after this number, as soon as there are so many, or at the end of the wait (at most a
    /// minute).
    pub async fn deliveries(
        &self,
        name: &str,
        since: u64,
        count: usize,
        wait: Duration,
    ) -> Result<Deliveries, ClientError> {
        let wait = wait.min(WAIT_MAX);
        let path = format!(
            "/_lab/hooks/{name}?since={since}&count={count}&wait_ms={}",
            wait.as_millis()
        );
        self.ask(Method::GET, &path, Bytes::new(), wait).await
    }

    /// Makes a receiver answer so, for a while if that is given, else until told otherwise.
    pub async fn set_reception(
        &self,
        name: &str,
        reception: Reception,
        for_how_long: Option<Duration>,
    ) -> Result<(), ClientError> {
        let ms = for_how_long.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let body = serde_json::json!({"mode": reception.as_str(), "for_ms": ms}).to_string();
        let path = format!("/_lab/hooks/{name}/reception");
        self.tell(Method::PUT, &path, body.into()).await
    }

    /// A receiver as at its start: empty, taking what comes.
    pub async fn reset_hook(&self, name: &str) -> Result<(), ClientError> {
        self.tell(Method::DELETE, &format!("/_lab/hooks/{name}"), Bytes::new())
            .await
    }

    /// Back to the start: scripts as in the scenario, all listeners open, timeline and counts empty.
    pub async fn reset(&self) -> Result<(), ClientError> {
        self.tell(Method::POST, "/_lab/reset", Bytes::new()).await
    }

    async fn tell(&self, method: Method, path: &str, body: Bytes) -> Result<(), ClientError> {
        self.send(method, path, body, Duration::ZERO).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        wait: Duration,
    ) -> Result<T, ClientError> {
        let asked = format!("{method} {path}");
        let answer = self.send(method, path, body, wait).await?;
        serde_json::from_slice(&answer).map_err(|error| ClientError::NotALab {
            asked,
            reason: error.to_string(),
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        wait: Duration,
    ) -> Result<Bytes, ClientError> {
        let asked = format!("{method} {path}");
        let (status, body) = self.exchange(method, path, body, wait).await?;
        match status {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(body),
            _ => Err(ClientError::Refused {
                asked,
                status: status.as_u16(),
                message: refusal(&body),
            }),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        wait: Duration,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let patience = wait + ANSWER_TIMEOUT;
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(http::header::CONTENT_TYPE, "application/json")
            // Anthropic's routes demand it; nobody else looks.
            .header("anthropic-version", "2023-06-01")
            .body(Full::new(body))
            .map_err(|error| ClientError::BadUrl(format!("{}{path} ({error})", self.base)))?;
        let exchange = async {
            let response = self
                .http
                .request(request)
                .await
                .map_err(|error| self.unreachable(error.into()))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_SIZE_MAX)
                .collect()
                .await;
            Ok((status, body.map_err(|error| self.unreachable(error))?.to_bytes()))
        };
        tokio::time::timeout(patience, exchange)
            .await
            .map_err(|_| ClientError::Silent {
                url: self.base.clone(),
                after: patience,
            })?
    }

    fn unreachable(&self, source: Box<dyn std::error::Error + Send + Sync>) -> ClientError {
        ClientError::Unreachable {
            url: self.base.clone(),
            source,
        }
    }
}

fn timeline_path(query: &Query) -> String {
    let Query {
        since,
        provider,
        contains,
        state,
        count,
        wait,
        limit,
        brief,
    } = query;
    let state = serde_json::to_value(state)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned));
    let mut path = format!(
        "/_lab/timeline?since={since}&state={}&count={count}&wait_ms={}&limit={limit}&brief={brief}",
        state.unwrap_or_default(),
        wait.as_millis()
    );
    if let Some(provider) = provider {
        path.push_str(&format!("&provider={}", encode(provider)));
    }
    if let Some(contains) = contains {
        path.push_str(&format!("&contains={}", encode(contains)));
    }
    path
}

/// Percent-encodes everything but letters, digits and `-._~`.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn refusal(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Said {
        error: Reason,
    }
    #[derive(Deserialize)]
    struct Reason {
        message: String,
    }
    match serde_json::from_slice::<Said>(body) {
        Ok(said) => said.error.message,
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned(),
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A lab answers its control in milliseconds; under full load on a busy machine it may take longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Making an issuer's keys takes seconds on a busy machine.
const KEYS_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest wait that a lab grants at once.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);
/// A page of 10,000 arrivals with whole bodies is larger; ask for fewer, or brief.
const ANSWER_SIZE_MAX: usize = 256 << 20;
