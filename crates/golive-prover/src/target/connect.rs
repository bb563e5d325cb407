//! Sockets to the target: verified TLS, the pooled client, and the raw connection for requests no HTTP client would
//! make.
//!
//! Never: skips verification, follows a redirect, or connects anywhere but to the declared host.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use golive_checklist::judge::UnscoredReason;
use golive_config::{BaseUrl, Scheme};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The longest a connection may take to stand.
pub const CONNECT: Duration = Duration::from_secs(10);

/// The pooled HTTP/1.1 client. HTTP/1.1 on purpose: dropping an answer closes its connection, so that hanging up
/// in the middle of a stream looks to the target as it does when a person closes the window.
pub(crate) type Pool = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Why no connection to the target can be prepared.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The CA file cannot be read.
    #[error("cannot read the CA file {path}; check ca_file of the target")]
    CaFile {
        /// As configured.
        path: PathBuf,
        /// What the reader said.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The CA file holds no usable certificate.
    #[error("the CA file {path} holds no usable certificate; it must be PEM")]
    NoCertificate {
        /// As configured.
        path: PathBuf,
    },
    /// A client certificate and its key do not go together, or are of a kind that TLS does not take.
    #[error("the client certificate cannot be used: {0}")]
    ClientCertificate(#[source] rustls::Error),
    /// TLS could not be set up.
    #[error("cannot set up TLS")]
    Setup(#[source] rustls::Error),
}

/// Why there is no connection to one address of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoConnection {
    /// Nothing listens there: the peer said so.
    Refused,
    /// This machine has no way there, such as none to IPv6.
    NoWay,
    /// It cannot be known.
    Unknown(UnscoredReason),
}

impl NoConnection {
    /// As the reason why something was not measured.
    #[must_use]
    pub fn reason(&self) -> UnscoredReason {
        match self {
            NoConnection::Refused => UnscoredReason::Transport("connection refused".to_owned()),
            NoConnection::NoWay => UnscoredReason::Transport("no way there from this machine".to_owned()),
            NoConnection::Unknown(reason) => reason.clone(),
        }
    }
}

/// A bare connection.
pub(crate) async fn tcp(address: SocketAddr) -> Result<TcpStream, NoConnection> {
    match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => {
            // Small questions; a socket that refuses the option still works.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(error)) => Err(match error.kind() {
            io::ErrorKind::ConnectionRefused => NoConnection::Refused,
            io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::AddrNotAvailable => NoConnection::NoWay,
            _ => NoConnection::Unknown(UnscoredReason::Transport(error.to_string())),
        }),
        Err(_) => Err(NoConnection::Unknown(UnscoredReason::Timeout)),
    }
}

/// The authorities that vouch for the target: Mozilla's roots, or the certificates of `ca_file` instead.
pub(crate) fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if ca_file.is_none() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = ca_file {
        let read = |source| TlsError::CaFile {
            path: path.to_owned(),
            source,
        };
        let mut added = 0;
        for certificate in CertificateDer::pem_file_iter(path).map_err(read)? {
            added += roots.add_parsable_certificates([certificate.map_err(read)?]).0;
        }
        if added == 0 {
            return Err(TlsError::NoCertificate {
                path: path.to_owned(),
            });
        }
    }
    Ok(roots)
}

/// TLS that verifies against these.
pub(crate) fn tls(roots: RootCertStore) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The same trust, shown to the target with a client certificate.
pub(crate) fn tls_as(
    roots: RootCertStore,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(TlsError::ClientCertificate)
}

/// A client that keeps up to `idle` connections.
pub(crate) fn pool(tls: ClientConfig, idle: usize) -> Pool {
    let mut plain = HttpConnector::new();
    plain.enforce_http(false);
    plain.set_nodelay(true);
    plain.set_connect_timeout(Some(CONNECT));
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(plain);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(15))
        .pool_max_idle_per_host(idle)
        .build(https)
}

/// A raw connection to the target: bytes in, bytes out, under TLS where the target has TLS.
#[derive(Debug)]
pub enum Socket {
    /// Without TLS.
    Plain(TcpStream),
    /// Under TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Opens a raw connection to the target.
pub(crate) async fn socket(base: &BaseUrl, tls: &ClientConfig) -> io::Result<Socket> {
    let connect = async {
        let tcp = TcpStream::connect((base.host.as_str(), base.port)).await?;
        tcp.set_nodelay(true)?;
        if base.scheme == Scheme::Http {
            return Ok(Socket::Plain(tcp));
        }
        let name =
            ServerName::try_from(base.host.clone()).map_err(|error| io::Error::other(error.to_string()))?;
        let mut config = tls.clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        Ok(Socket::Tls(Box::new(stream)))
    };
    tokio::time::timeout(CONNECT, connect)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Socket::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Socket::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Socket::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Socket::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
