//! P1: the one address load may go to, resolved once.
//!
//! Never: changes after it is made. A name that moves to another machine during a run moves the load with it
//! nowhere.

use http::HeaderValue;
use http::uri::{Authority, Scheme, Uri};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;

/// Where to send: address, `Host` header, and TLS if it is `https`.
#[derive(Clone)]
pub struct Endpoint {
    pub(super) address: SocketAddr,
    pub(super) host: HeaderValue,
    pub(super) path: String,
    pub(super) tls: Option<(ServerName<'static>, Arc<rustls::ClientConfig>)>,
}

/// Why an endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Not an `http` or `https` URL with a host.
    #[error("`{0}` is not a URL that load can be sent to; write http://host:port or https://host")]
    NotAUrl(String),
    /// The name has no address.
    #[error("cannot resolve `{host}`")]
    Resolve {
        /// The host of the URL.
        host: String,
        /// What the system said; `None`: it gave no address.
        #[source]
        source: Option<std::io::Error>,
    },
    /// The extra certificates cannot be used.
    #[error("the CA certificates cannot be used: {0}")]
    Certificates(String),
    /// rustls refused its own defaults.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

impl Endpoint {
    /// Resolves the URL, once. `ca_pem` holds certificate authorities to trust besides Mozilla's, for staging;
    /// empty for none. Without `https` it is ignored.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub async fn resolve(url: &str, ca_pem: &[u8]) -> Result<Self, EndpointError> {
        let not_a_url = || EndpointError::NotAUrl(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| not_a_url())?;
        let secure = match uri.scheme() {
            Some(s) if *s == Scheme::HTTP => false,
            Some(s) if *s == Scheme::HTTPS => true,
            _ => return Err(not_a_url()),
        };
        let authority = uri
            .authority()
            .filter(|a| !a.host().is_empty())
            .ok_or_else(not_a_url)?;
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let address = resolve(&host, port(authority, secure)).await?;
        let tls = if secure {
            let name = ServerName::try_from(host).map_err(|_| not_a_url())?;
            Some((name, Arc::new(tls(ca_pem)?)))
        } else {
            None
        };
        Ok(Self {
            address,
            host: host_header(authority).map_err(|_| not_a_url())?,
            path: uri.path().trim_end_matches('/').to_owned(),
            tls,
        })
    }

    /// The same host and TLS name at another address: for a target behind a name that does not resolve here.
    #[must_use]
    pub fn at(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    /// Where it sends.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL's path without a trailing slash, to put before the path of each request.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// A user name or password in the URL is not for the `Host` header.
fn host_header(authority: &Authority) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let shown = authority.as_str();
    HeaderValue::from_str(shown.rsplit_once('@').map_or(shown, |(_, host)| host))
}

fn port(authority: &Authority, secure: bool) -> u16 {
    authority.port_u16().unwrap_or(if secure { 443 } else { 80 })
}

async fn resolve(host: &str, port: u16) -> Result<SocketAddr, EndpointError> {
    let no_address = |source| EndpointError::Resolve {
        host: host.to_owned(),
        source,
    };
    let mut found = tokio::net::lookup_host((host, port))
        .await
        .map_err(|e| no_address(Some(e)))?;
    found.next().ok_or_else(|| no_address(None))
}

fn tls(ca_pem: &[u8]) -> Result<rustls::ClientConfig, EndpointError> {
    let bad = |e: &dyn std::fmt::Display| EndpointError::Certificates(e.to_string());
    let mut roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for certificate in CertificateDer::pem_slice_iter(ca_pem) {
        roots
            .add(certificate.map_err(|e| bad(&e))?)
            .map_err(|e| bad(&e))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(EndpointError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_is_resolved_to_one_address_with_its_host_and_path() {
        let plain = Endpoint::resolve("http://127.0.0.1:8080/v1/", b"").await.unwrap();
        assert_eq!(plain.address(), "127.0.0.1:8080".parse().unwrap());
        assert_eq!(
            (plain.host.to_str().unwrap(), plain.path()),
            ("127.0.0.1:8080", "/v1")
        );
        assert!(plain.tls.is_none());
        // golive:allow-secret made up for this test
        let secret = Endpoint::resolve("https://user:word@[::1]", b"").await.unwrap();
        assert_eq!(secret.address(), "[::1]:443".parse().unwrap());
        assert_eq!(secret.host.to_str().unwrap(), "[::1]");
    }

    #[tokio::test]
    async fn other_schemes_and_broken_certificates_are_refused() {
        for url in ["ftp://127.0.0.1", "/v1", "127.0.0.1:80", ""] {
            assert!(
                matches!(Endpoint::resolve(url, b"").await, Err(EndpointError::NotAUrl(_))),
                "{url}"
            );
        }
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let refused = Endpoint::resolve("https://127.0.0.1", broken).await;
        assert!(matches!(refused, Err(EndpointError::Certificates(_))));
    }
}
