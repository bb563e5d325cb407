//! The way to the target: the only place of the prover that sends it anything.
//!
//! Every send takes a permit of the budget, ends when the run is cancelled, and is remembered as evidence with the
//! secrets taken out.
//!
//! Never: follows a redirect, connects to a host that is not declared, skips the verification of TLS, or retries.
//! A retry would hide what a proof is there to see.

mod answer;
mod ask;
mod call;
mod connect;
mod live;
mod words;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_config::{BaseUrl, Capability, Target, TargetFormat};
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body_util::Full;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

pub use answer::{Answer, Exchange, SHOWN, limited, millis, shorten};
pub use ask::{Ask, Reply};
pub use call::{BODY_MAX, Call, Credential, DEADLINE, Door};
pub use connect::{CONNECT, NoConnection, Socket, TlsError};
pub use live::{Live, Step};
pub use words::{ToolUse, Words};

use crate::budget::Budget;
use crate::clock;
use crate::redact::Redactor;

/// Roles whose credentials must be refused; never used to ask for something that should work.
pub const DEAD_ROLES: &[&str] = &["revoked", "expired"];

/// The role whose key S5 may have revoked for good; no other proof uses it.
pub const REVOCABLE_ROLE: &str = "revocable";

/// The role whose key may say on whose behalf it calls.
pub const ASSERTING_ROLE: &str = "service";

/// The header in which golive takes a user; other gateways read the body, so both are sent.
pub const USER_HEADER: &str = "golive-user";

/// A client of the target. Cheap to clone; clones share connections and the budget.
#[derive(Clone)]
pub struct TargetClient {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<Target>,
    pooled: connect::Pool,
    fresh: connect::Pool,
    roots: RootCertStore,
    tls: ClientConfig,
    redactor: Redactor,
    budget: Budget,
    cancel: CancellationToken,
    run_id: u64,
}

/// A live answer, or the exchange that says why there is none.
pub type Opened = Result<Live, Box<Exchange>>;

impl TargetClient {
    /// A client of `config`'s target within `budget`.
    ///
    /// # Errors
    /// [`TlsError`] when the CA file is unusable.
    pub fn new(
        config: Arc<Target>,
        budget: Budget,
        cancel: CancellationToken,
    ) -> Result<TargetClient, TlsError> {
        let roots = connect::roots(config.ca_file.as_deref())?;
        let tls = connect::tls(roots.clone())?;
        let redactor = Redactor::new(
            config
                .credentials
                .values()
                .map(|key| key.expose_secret().to_owned()),
        );
        let inner = Inner {
            pooled: connect::pool(tls.clone(), 256),
            fresh: connect::pool(tls.clone(), 0),
            config,
            roots,
            tls,
            redactor,
            budget,
            cancel,
            run_id: rand::random(),
        };
        Ok(TargetClient {
            inner: Arc::new(inner),
        })
    }

    /// The same client, showing a client certificate. It shares the budget and the interruption, no connection.
    ///
    /// # Errors
    /// [`TlsError`] when the certificate and its key do not go together.
    pub fn showing(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<TargetClient, TlsError> {
        let tls = connect::tls_as(self.inner.roots.clone(), chain, key)?;
        let inner = Inner {
            config: Arc::clone(&self.inner.config),
            pooled: connect::pool(tls.clone(), 256),
            fresh: connect::pool(tls.clone(), 0),
            tls,
            roots: self.inner.roots.clone(),
            redactor: self.inner.redactor.clone(),
            budget: self.inner.budget.clone(),
            cancel: self.inner.cancel.clone(),
            run_id: self.inner.run_id,
        };
        Ok(TargetClient {
            inner: Arc::new(inner),
        })
    }

    /// What is known of the target.
    #[must_use]
    pub fn config(&self) -> &Target {
        &self.inner.config
    }

    /// Its wire format.
    #[must_use]
    pub fn format(&self) -> TargetFormat {
        self.inner.config.format
    }

    /// A number that differs from run to run, for markers that must not be found again in a later one.
    #[must_use]
    pub fn run_id(&self) -> u64 {
        self.inner.run_id
    }

    /// The run's budget.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.inner.budget
    }

    /// What takes the secrets out of evidence.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.inner.redactor
    }

    /// The role whose credential [`Credential::Default`] uses: `default`, else `user`, else the first that is not
    /// meant to be refused.
    #[must_use]
    pub fn default_role(&self) -> Option<&str> {
        default_role(&self.inner.config)
    }

    /// The key text of a credential, for building requests by hand. It must not be printed.
    #[must_use]
    pub fn key_of(&self, credential: &Credential) -> Option<String> {
        let of = |role: &str| {
            self.inner
                .config
                .credentials
                .get(role)
                .map(|key| key.expose_secret().to_owned())
        };
        match credential {
            Credential::None => None,
            Credential::Key(key) => Some(key.clone()),
            Credential::Role(role) => of(role),
            Credential::Default => of(self.default_role()?),
        }
    }

    /// The route of the format that talks to the model or agent: `/v1/chat/completions`, `/v1/messages`, or the
    /// agent's own path.
    #[must_use]
    pub fn route(&self) -> String {
        match self.format() {
            TargetFormat::OpenAi => self.v1("/chat/completions"),
            TargetFormat::Anthropic => self.v1("/messages"),
            TargetFormat::Http => {
                let path = &self.inner.config.url.path;
                if path.is_empty() {
                    "/".to_owned()
                } else {
                    path.clone()
                }
            }
        }
    }

    /// `tail` (`/models`) below the version folder of the target's base path.
    #[must_use]
    pub fn v1(&self, tail: &str) -> String {
        let path = &self.inner.config.url.path;
        if path.ends_with("/v1") {
            format!("{path}{tail}")
        } else {
            format!("{path}/v1{tail}")
        }
    }

    /// A question as a request of the target's format. One that names a user goes by the key that may name users, if
    /// there is one: so each proof has users of its own, and the limit of one never answers for another.
    #[must_use]
    pub fn call(&self, ask: &Ask) -> Call {
        let call = ask::call(&self.inner.config, self.route(), ask);
        match &ask.user {
            Some(user) if self.inner.config.credentials.contains_key(ASSERTING_ROLE) => call
                .without_header(USER_HEADER)
                .header(USER_HEADER, user)
                .credential(Credential::Role(ASSERTING_ROLE.to_owned())),
            _ => call,
        }
    }

    /// Sends and waits for the whole answer, at most the call's deadline. Takes one request of the budget.
    pub async fn send(&self, call: Call) -> Exchange {
        let deadline = call.deadline;
        match self.open(call).await {
            Ok(live) => live.finish(deadline).await,
            Err(exchange) => *exchange,
        }
    }

    /// Sends and gives the answer as it arrives. The call's deadline limits the wait for its head.
    pub async fn open(&self, call: Call) -> Opened {
        let redactor = self.inner.redactor.with(&self.secrets_of(&call));
        let started = clock::now();
        let (request, sent) = match self.build(&call, &redactor) {
            Ok(built) => built,
            Err(why) => {
                return Err(missed(
                    UnscoredReason::Unexpected(why),
                    Duration::ZERO,
                    String::new(),
                    redactor,
                ));
            }
        };
        if self.inner.cancel.is_cancelled() {
            return Err(missed(
                UnscoredReason::Interrupted,
                Duration::ZERO,
                sent,
                redactor,
            ));
        }
        if self.inner.budget.take().is_err() {
            return Err(missed(UnscoredReason::OverBudget, Duration::ZERO, sent, redactor));
        }
        let pool = if call.fresh {
            &self.inner.fresh
        } else {
            &self.inner.pooled
        };
        let answer = tokio::select! {
            answer = tokio::time::timeout(call.deadline, pool.request(request)) => answer,
            () = self.inner.cancel.cancelled() => {
                let after = clock::now().saturating_duration_since(started);
                return Err(missed(UnscoredReason::Interrupted, after, sent, redactor));
            }
        };
        let head_after = clock::now().saturating_duration_since(started);
        match answer {
            Err(_) => Err(missed(UnscoredReason::Timeout, head_after, sent, redactor)),
            Ok(Err(error)) => Err(missed(
                UnscoredReason::Transport(live::chain(&error)),
                head_after,
                sent,
                redactor,
            )),
            Ok(Ok(response)) => {
                let (head, body) = response.into_parts();
                Ok(Live {
                    status: head.status,
                    headers: head.headers,
                    head_after,
                    body,
                    started,
                    first_byte_after: None,
                    kept: BytesMut::new(),
                    body_max: call.body_max,
                    sent,
                    redactor,
                    cancel: self.inner.cancel.clone(),
                })
            }
        }
    }

    /// Opens a raw connection, for requests no HTTP client would make. Takes one request of the budget.
    ///
    /// # Errors
    /// Why there is none: over budget, interrupted, or what the system said.
    pub async fn socket(&self) -> Result<Socket, UnscoredReason> {
        if self.inner.cancel.is_cancelled() {
            return Err(UnscoredReason::Interrupted);
        }
        let _permit = self.inner.budget.take().map_err(|_| UnscoredReason::OverBudget)?;
        connect::socket(&self.inner.config.url, &self.inner.tls)
            .await
            .map_err(|error| UnscoredReason::Transport(error.to_string()))
    }

    /// Whether something answers at the target's address at all: a connection, no handshake, no request. A bad
    /// certificate is a finding and must not keep a run from starting.
    ///
    /// # Errors
    /// What the system said.
    pub async fn reachable(&self) -> Result<(), std::io::Error> {
        let url = &self.inner.config.url;
        let connecting = TcpStream::connect((url.host.as_str(), url.port));
        match tokio::time::timeout(CONNECT, connecting).await {
            Ok(connected) => connected.map(drop),
            Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
        }
    }

    /// The addresses of the target's own host at this port, each once.
    ///
    /// # Errors
    /// The name cannot be resolved.
    pub async fn addresses(&self, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        let host = self.inner.config.url.host.as_str();
        let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
        addresses.sort_unstable();
        addresses.dedup();
        Ok(addresses)
    }

    /// A bare connection to one of [`TargetClient::addresses`], for bytes that no library would send. Takes one
    /// request of the budget.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn tcp(&self, address: SocketAddr) -> Result<TcpStream, NoConnection> {
        if self.inner.cancel.is_cancelled() {
            return Err(NoConnection::Unknown(UnscoredReason::Interrupted));
        }
        if self.inner.budget.take().is_err() {
            return Err(NoConnection::Unknown(UnscoredReason::OverBudget));
        }
        tokio::select! {
            connected = connect::tcp(address) => connected,
            () = self.inner.cancel.cancelled() => Err(NoConnection::Unknown(UnscoredReason::Interrupted)),
        }
    }

    /// The authorities that vouch for the target.
    pub(crate) fn roots(&self) -> &RootCertStore {
        &self.inner.roots
    }

    /// The headers a credential travels in for this format: `Authorization: Bearer …`, or `x-api-key`.
    #[must_use]
    pub fn credential_header(&self, key: &str) -> (&'static str, String) {
        match self.format() {
            TargetFormat::Anthropic => ("x-api-key", key.to_owned()),
            TargetFormat::OpenAi | TargetFormat::Http => ("authorization", format!("Bearer {key}")),
        }
    }

    fn door(&self, door: Door) -> Option<&BaseUrl> {
        match door {
            Door::Target => Some(&self.inner.config.url),
            Door::Health => self.inner.config.health_url.as_ref(),
            Door::Metrics => self.inner.config.metrics_url.as_ref(),
            Door::Logs => self.inner.config.logs.url.as_ref(),
            Door::Admin => self
                .inner
                .config
                .access
                .admin_url
                .as_ref()
                .or(Some(&self.inner.config.url)),
        }
    }

    fn secrets_of(&self, call: &Call) -> Vec<String> {
        let mut secrets = call.secrets.clone();
        if let Credential::Key(key) = &call.credential {
            secrets.push(key.clone());
        }
        secrets
    }

    fn build(&self, call: &Call, redactor: &Redactor) -> Result<(Request<Full<Bytes>>, String), String> {
        let base = self
            .door(call.door)
            .ok_or("the target declares no such address")?;
        let address = match call.door {
            Door::Target | Door::Admin => {
                format!("{}://{}{}", base.scheme.as_str(), base.authority(), call.path)
            }
            Door::Health | Door::Metrics | Door::Logs => base.join(&call.path),
        };
        let uri: Uri = address
            .parse()
            .map_err(|error| format!("`{}` is not a path: {error}", call.path))?;
        if uri.authority().map(http::uri::Authority::as_str) != Some(base.authority().as_str()) {
            return Err(format!("`{}` leads to another host", call.path));
        }
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        for (name, value) in &call.headers {
            headers.append(name.clone(), value.clone());
        }
        if let Some(key) = self.key_of(&call.credential) {
            let (name, value) = self.credential_header(&key);
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| "the credential holds characters that no header can carry".to_owned())?;
            value.set_sensitive(true);
            headers.append(HeaderName::from_static(name), value);
        }
        let mut sent = format!("{} {}\n", call.method, redactor.text(&address));
        for (name, value) in request.headers() {
            sent.push_str(&redactor.header(name.as_str(), value.as_bytes()));
            sent.push('\n');
        }
        if !call.body.is_empty() {
            sent.push('\n');
            sent.push_str(&shorten(
                &redactor.text(&String::from_utf8_lossy(&call.body)),
                SHOWN,
            ));
        }
        Ok((request, sent))
    }
}

/// A question as a request of any target's format, for asking the lab directly.
pub(crate) fn call_of(config: &Target, route: &str, ask: &Ask) -> Call {
    ask::call(config, route.to_owned(), ask)
}

/// The role whose credential is used unless a call names another.
#[must_use]
pub fn default_role(config: &Target) -> Option<&str> {
    let has = |role: &&str| config.credentials.contains_key(*role);
    ["default", "user"]
        .into_iter()
        .find(has)
        .or_else(|| live_roles(config).next())
}

/// The roles whose credentials should get an answer of the target throughout a run: those that the declared matrix
/// denies what is asked everywhere are known to it, and refused all the same.
pub fn live_roles(config: &Target) -> impl Iterator<Item = &str> {
    config
        .credentials
        .keys()
        .map(String::as_str)
        .filter(|role| !DEAD_ROLES.contains(role) && *role != REVOCABLE_ROLE)
        .filter(|role| may_ask(config, role))
}

fn may_ask(config: &Target, role: &str) -> bool {
    config.matrix.get(role).is_none_or(|row| {
        row.iter().any(|one| match one {
            Capability::Agent(name) | Capability::Model(name) => {
                config.model.as_ref().is_none_or(|model| model == name)
            }
            Capability::Tool(_) | Capability::Admin { .. } => false,
        })
    })
}

fn missed(reason: UnscoredReason, elapsed: Duration, sent: String, redactor: Redactor) -> Box<Exchange> {
    Box::new(Exchange {
        outcome: Scored::Unscored(reason),
        partial: None,
        elapsed,
        sent,
        redactor,
    })
}
