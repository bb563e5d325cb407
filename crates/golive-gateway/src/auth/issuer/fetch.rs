//! S5: gets an issuer's keys: from a file, from an address, or from where its discovery document says.
//!
//! Bounded in size and time; the address that is called is checked like any other that golive calls.
//!
//! Never: follows a redirect, calls an address that a token names, or sends a credential.

use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use golive_config::{BaseUrl, Issuer, IssuerKeys, Scheme};
use golive_screen::validate::json::{self, Bounds};
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use crate::auth::jwt::{BadKeys, KeySet};
use crate::upstream::connect::{CheckedConnector, Timed};
use crate::upstream::{UpstreamClient, chain_of, tls_config};

/// For one document, from the look-up of the name to its last byte.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest document.
const BYTES_MAX: usize = 1024 * 1024;

/// Why an issuer's keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    File {
        /// Which.
        path: String,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// Not reached, or the connection broke.
    #[error("cannot get {what}: {why}")]
    Unreachable {
        /// `the keys` or `the discovery document`.
        what: &'static str,
        /// What went wrong.
        why: String,
    },
    /// It took too long.
    #[error("{what} did not come within {} s", PATIENCE.as_secs())]
    TooSlow {
        /// Which document.
        what: &'static str,
    },
    /// Answered with something else than 200.
    #[error("{what}: the issuer answered {status}; redirects are not followed")]
    Status {
        /// Which document.
        what: &'static str,
        /// With what.
        status: u16,
    },
    /// Too large.
    #[error("{what}: more than {} KiB", BYTES_MAX / 1024)]
    TooLarge {
        /// Which document.
        what: &'static str,
    },
    /// Encoded, though it was not asked for.
    #[error("{what}: the answer is encoded")]
    Encoded {
        /// Which document.
        what: &'static str,
    },
    /// The discovery document is none, or another issuer's.
    #[error("the discovery document {0}")]
    Discovery(&'static str),
    /// The keys are none.
    #[error(transparent)]
    Keys(#[from] BadKeys),
}

/// Gets the keys of one issuer.
#[derive(Debug)]
pub struct Source {
    client: Option<UpstreamClient>,
}

impl Source {
    /// Prepares the client, where one is needed.
    ///
    /// # Errors
    /// A sentence: its authorities cannot be read.
    pub fn new(issuer: &Issuer) -> Result<Self, String> {
        if matches!(issuer.keys, IssuerKeys::File(_)) {
            return Ok(Self { client: None });
        }
        let connector = CheckedConnector::new(&issuer.private_addresses, PATIENCE);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls_config(issuer.ca_file.as_deref())?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(0) // an hour lies between two fetches
            .http1_max_buf_size(64 * 1024)
            .http2_max_header_list_size(64 * 1024)
            .build(Timed::new(https, PATIENCE));
        Ok(Self { client: Some(client) })
    }

    /// The keys, and how long the issuer says they may be kept.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn fetch(&self, issuer: &Issuer) -> Result<(KeySet, Option<Duration>), FetchError> {
        let (bytes, lifetime) = match (&issuer.keys, &self.client) {
            (IssuerKeys::Url(url), Some(client)) => get(client, uri(&url.to_string())?, "the keys").await?,
            (IssuerKeys::Discovery(base), Some(client)) => {
                let address = format!("{base}/.well-known/openid-configuration");
                let (document, _) = get(client, uri(&address)?, "the discovery document").await?;
                let keys = keys_address(&document, issuer, base)?;
                get(client, keys, "the keys").await?
            }
            (IssuerKeys::File(path), _) => (read(path)?, Some(Duration::ZERO)),
            (_, None) => return Err(FetchError::Discovery("was not asked for")), // a client was made above
        };
        Ok((KeySet::parse(&bytes)?, lifetime))
    }
}

fn read(path: &Path) -> Result<Bytes, FetchError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    match read {
        Ok(length) if length > BYTES_MAX => Err(FetchError::TooLarge { what: "the keys" }),
        Ok(_) => Ok(bytes.into()),
        Err(source) => Err(FetchError::File {
            path: path.display().to_string(),
            source,
        }),
    }
}

fn uri(text: &str) -> Result<Uri, FetchError> {
    text.parse()
        .map_err(|_| FetchError::Discovery("names an address that is none"))
}

/// `jwks_uri` of a discovery document that is this issuer's (OpenID Connect Discovery §4.3).
fn keys_address(document: &[u8], issuer: &Issuer, base: &BaseUrl) -> Result<Uri, FetchError> {
    json::check(document, &Bounds::default()).map_err(|_| FetchError::Discovery("is not sound JSON"))?;
    let document: Value =
        serde_json::from_slice(document).map_err(|_| FetchError::Discovery("is not sound JSON"))?;
    if document.get("issuer").and_then(Value::as_str) != Some(issuer.issuer.as_str()) {
        return Err(FetchError::Discovery(
            "is another issuer's: its `issuer` is not the configured one",
        ));
    }
    let keys = document
        .get("jwks_uri")
        .and_then(Value::as_str)
        .ok_or(FetchError::Discovery("has no `jwks_uri`"))?;
    let keys = uri(keys)?;
    let same_place = keys.authority().map(http::uri::Authority::as_str) == Some(base.authority().as_str());
    match keys.scheme_str() {
        Some("https") => Ok(keys),
        // Keys in the clear only from where the configuration asked for it: a private network.
        Some("http") if base.scheme == Scheme::Http && same_place => Ok(keys),
        _ => Err(FetchError::Discovery("has a `jwks_uri` that is not https")),
    }
}

async fn get(
    client: &UpstreamClient,
    uri: Uri,
    what: &'static str,
) -> Result<(Bytes, Option<Duration>), FetchError> {
    tokio::time::timeout(PATIENCE, get_unbounded(client, uri, what))
        .await
        .unwrap_or(Err(FetchError::TooSlow { what }))
}

async fn get_unbounded(
    client: &UpstreamClient,
    uri: Uri,
    what: &'static str,
) -> Result<(Bytes, Option<Duration>), FetchError> {
    let request = Request::get(uri)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, concat!("golive/", env!("CARGO_PKG_VERSION")))
        .body(Full::default())
        .map_err(|_| FetchError::Discovery("names an address that is none"))?;
    let answer = client
        .request(request)
        .await
        .map_err(|error| FetchError::Unreachable {
            what,
            why: chain_of(&error),
        })?;
    if answer.status() != 200 {
        let status = answer.status().as_u16();
        return Err(FetchError::Status { what, status });
    }
    if answer
        .headers()
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity")
    {
        return Err(FetchError::Encoded { what });
    }
    let lifetime = answer
        .headers()
        .get(header::CACHE_CONTROL)
        .and_then(|value| max_age(value.to_str().ok()?));
    let mut body = answer.into_body();
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| FetchError::Unreachable {
            what,
            why: chain_of(&error),
        })?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > BYTES_MAX {
                return Err(FetchError::TooLarge { what });
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok((bytes.freeze(), lifetime))
}

/// How long an answer may be kept; `no-store` and `no-cache` mean: as short as there is.
fn max_age(text: &str) -> Option<Duration> {
    let mut lifetime = None;
    for word in text.split(',').map(str::trim) {
        if word.eq_ignore_ascii_case("no-store") || word.eq_ignore_ascii_case("no-cache") {
            return Some(Duration::ZERO);
        }
        if let Some((name, value)) = word.split_once('=')
            && name.eq_ignore_ascii_case("max-age")
        {
            lifetime = value.trim_matches('"').parse().ok().map(Duration::from_secs);
        }
    }
    lifetime
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lifetime_is_what_the_issuer_says() {
        assert_eq!(
            max_age("public, Max-Age=60, must-revalidate"),
            Some(Duration::from_secs(60))
        );
        assert_eq!(max_age("max-age=60, no-store"), Some(Duration::ZERO));
        assert_eq!(max_age("private"), None);
        assert_eq!(max_age("max-age=soon"), None);
    }
}
