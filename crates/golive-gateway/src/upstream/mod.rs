//! P2, M1: a link: one upstream with the client that reaches it, its places, its health and its credential.
//!
//! Never: follows a redirect, unpacks a body, keeps a cookie or reads a proxy variable.

pub mod breaker;
pub mod connect;
pub mod health;
pub mod hop;
pub mod reader;
pub mod way;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use golive_config::{Upstream, UpstreamKind};
use golive_resilience::Tick;
use golive_resilience::concurrency::{Adaptive, LimitPolicy};
use golive_resilience::queue::{Overflow, QueuePolicy};
use golive_resilience::retry_budget::{RetryBudget, RetryBudgetPolicy};
use http::header::{self, HeaderName, HeaderValue};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::ExposeSecret;

use crate::metrics::{Metrics, UpstreamMetrics};
use crate::names;
use crate::room::Room;
use connect::{CheckedConnector, Timed};
use health::LinkHealth;

/// The client of one upstream.
pub type UpstreamClient = Client<Timed<HttpsConnector<CheckedConnector>>, Full<Bytes>>;

/// One upstream as the request path uses it.
#[derive(Debug)]
pub struct Link {
    /// What the configuration says.
    pub upstream: Arc<Upstream>,
    /// Calls at the same time, and who waits.
    pub(crate) room: Arc<Room>,
    /// The numbers of its queue.
    pub queue: golive_config::Queue,
    /// What is known of its health.
    pub health: LinkHealth,
    /// What is counted of it.
    pub metrics: UpstreamMetrics,
    /// Reaches it and nothing else.
    pub client: UpstreamClient,
    /// For the bare connect of the health probe.
    pub connector: CheckedConnector,
    /// Request headers beyond the common ones that may pass to it.
    pub forward: Vec<HeaderName>,
    credential: Option<(HeaderName, HeaderValue)>,
    version: Option<HeaderValue>,
    retries: Mutex<RetryBudget>,
    retry_policy: RetryBudgetPolicy,
}

/// Why a link cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The credential holds a character that no header can carry.
    #[error(
        "upstream `{upstream}`: its key holds a character that no HTTP header can carry, a line end perhaps"
    )]
    Credential {
        /// Its name.
        upstream: String,
    },
    /// A name in `forward_headers` is no header name.
    #[error("upstream `{upstream}`: `{name}` in forward_headers is not a header name")]
    ForwardHeader {
        /// Its name.
        upstream: String,
        /// The offending text.
        name: String,
    },
    /// The file of authorities cannot be read or holds none, or TLS could not be set up.
    #[error("upstream `{upstream}`: {why}")]
    Tls {
        /// Its name.
        upstream: String,
        /// What is wrong.
        why: String,
    },
}

impl Link {
    /// Makes the client of an upstream.
    ///
    /// # Errors
    /// See [`LinkError`]; each names the upstream.
    pub fn new(
        upstream: &Arc<Upstream>,
        queue: &golive_config::Queue,
        metrics: &Metrics,
    ) -> Result<Self, LinkError> {
        let connector = CheckedConnector::new(&upstream.private_addresses, upstream.timeouts.connect);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls_of(upstream)?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector.clone());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .http1_max_buf_size(256 * 1024)
            .http2_max_header_list_size(64 * 1024)
            // One connection carries all calls: one that died in silence must not fail them until TCP gives up.
            .http2_keep_alive_interval(Duration::from_secs(10))
            .http2_keep_alive_timeout(Duration::from_secs(10))
            .build(Timed::new(https, upstream.timeouts.connect));
        let forward = upstream
            .forward_headers
            .iter()
            .map(|name| {
                HeaderName::try_from(name.as_str()).map_err(|_| LinkError::ForwardHeader {
                    upstream: upstream.name.clone(),
                    name: name.clone(),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            room: Room::new(
                queue_policy(queue),
                concurrency(upstream),
                metrics.queue(&format!("upstream/{}", upstream.name)),
            ),
            queue: queue.clone(),
            health: LinkHealth::default(),
            metrics: metrics.upstream(&upstream.name),
            client,
            connector,
            forward,
            credential: credential(upstream)?,
            version: match upstream.kind {
                UpstreamKind::Anthropic => HeaderValue::from_str(&upstream.anthropic_version).ok(),
                UpstreamKind::OpenAi | UpstreamKind::Http => None,
            },
            retries: Mutex::default(),
            retry_policy: RetryBudgetPolicy {
                floor_per_second: upstream.retry_budget.floor,
                share_percent: upstream.retry_budget.share_percent,
            },
            upstream: Arc::clone(upstream),
        })
    }

    /// Notes the first attempt of a request.
    pub fn first_attempt(&self, now: Tick) {
        self.retry_budget().first(now);
    }

    /// Takes a retry from the budget, if one is left.
    #[must_use]
    pub fn may_retry(&self, now: Tick) -> bool {
        self.retry_budget().retry(&self.retry_policy, now)
    }

    fn retry_budget(&self) -> MutexGuard<'_, RetryBudget> {
        // Each change is one call of the machine, which does not panic half-way.
        self.retries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The absolute URI of a path under this upstream.
    #[must_use]
    pub fn uri(&self, path: &str) -> String {
        let base = &self.upstream.base_url;
        format!(
            "{}://{}{}{path}",
            base.scheme.as_str(),
            base.authority(),
            base.path
        )
    }

    /// Adds golive's own credential, and the version header a provider demands when the caller sent none.
    pub fn sign(&self, headers: &mut http::HeaderMap) {
        if let Some((name, value)) = &self.credential {
            headers.insert(name.clone(), value.clone());
        }
        if let Some(version) = &self.version
            && !headers.contains_key(&names::ANTHROPIC_VERSION)
        {
            headers.insert(&names::ANTHROPIC_VERSION, version.clone());
        }
    }
}

/// The queue's numbers as its machine takes them.
#[must_use]
pub fn queue_policy(queue: &golive_config::Queue) -> QueuePolicy {
    QueuePolicy {
        length: queue.length,
        wait: queue.wait,
        overflow: match queue.overflow {
            golive_config::Overflow::Reject => Overflow::Reject,
            golive_config::Overflow::Displace => Overflow::Displace,
        },
    }
}

/// An adaptive limit begins at a tenth of the most there may be.
fn concurrency(upstream: &Upstream) -> LimitPolicy {
    let max = upstream.max_in_flight;
    match upstream.adaptive {
        false => LimitPolicy::Fixed(max),
        true => LimitPolicy::Adaptive(Adaptive {
            min: 1,
            max,
            start: max.div_ceil(10),
            latency_max: None,
        }),
    }
}

fn credential(upstream: &Upstream) -> Result<Option<(HeaderName, HeaderValue)>, LinkError> {
    let Some(key) = &upstream.api_key else {
        return Ok(None);
    };
    let (name, text) = match upstream.kind {
        UpstreamKind::OpenAi => (header::AUTHORIZATION, format!("Bearer {}", key.expose_secret())),
        UpstreamKind::Anthropic => (
            HeaderName::from_static("x-api-key"),
            key.expose_secret().to_owned(),
        ),
        UpstreamKind::Http => {
            let name = HeaderName::try_from(upstream.auth_header.as_str()).map_err(|_| {
                LinkError::ForwardHeader {
                    upstream: upstream.name.clone(),
                    name: upstream.auth_header.clone(),
                }
            })?;
            let bearer = name == header::AUTHORIZATION;
            (
                name,
                if bearer {
                    format!("Bearer {}", key.expose_secret())
                } else {
                    key.expose_secret().to_owned()
                },
            )
        }
    };
    let mut value = HeaderValue::try_from(text).map_err(|_| LinkError::Credential {
        upstream: upstream.name.clone(),
    })?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

fn tls_of(upstream: &Upstream) -> Result<rustls::ClientConfig, LinkError> {
    tls_config(upstream.ca_file.as_deref()).map_err(|why| LinkError::Tls {
        upstream: upstream.name.clone(),
        why,
    })
}

/// TLS 1.2 and 1.3, always verified: there is no switch that turns verification off.
///
/// # Errors
/// A sentence: the authorities cannot be read, or TLS cannot be set up.
pub fn tls_config(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(path) = ca_file {
        let fail = |why: String| format!("no certificate authority in {}: {why}", path.display());
        for certificate in CertificateDer::pem_file_iter(path).map_err(|e| fail(e.to_string()))? {
            let certificate = certificate.map_err(|e| fail(e.to_string()))?;
            roots.add(certificate).map_err(|e| fail(e.to_string()))?;
        }
        if roots.is_empty() {
            return Err(fail("the file holds no certificate".to_owned()));
        }
    } else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|why| format!("cannot set up TLS: {why}"))?
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

/// The whole chain of an error in one line: hyper's own `Display` says only "client error (Connect)".
#[must_use]
pub fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Whether the connect clock is what ended an attempt.
#[must_use]
pub fn is_connect_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(cause) = source {
        if matches!(cause.downcast_ref(), Some(connect::ConnectError::TimedOut(_))) {
            return true;
        }
        source = cause.source();
    }
    false
}
