//! S7: the handshakes of this room on real sockets. One connection per question, each a request of the run's budget.
//!
//! Never: goes beyond the server's certificate on a connection that was not verified, but in [`bare_request`].

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use golive_checklist::judge::{Scored, UnscoredReason};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use super::Version;
use super::hello::{Offer, encode};
use super::reply::{Reader, Reply, ServerHello};
use crate::target::{NoConnection, TargetClient};

/// How long a server may take over one answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The most of an HTTP head that is read.
const HEAD_MAX: usize = 64 * 1024;

/// Who is asked: one address of the target's host.
#[derive(Clone)]
pub struct Peer {
    /// The way there.
    pub client: TargetClient,
    /// The address.
    pub address: SocketAddr,
    /// The host as callers write it: for SNI, and for the name in the certificate.
    pub host: String,
    /// Randoms are made from it.
    pub seed: u64,
}

impl Peer {
    /// Offers one version with these suites and reads what the server makes of it.
    pub async fn ask(&self, version: Version, suites: &[u16]) -> Scored<Reply> {
        let random = self.random(version, suites);
        let name = self.host.parse::<IpAddr>().is_err().then_some(self.host.as_str());
        let hello = encode(&Offer {
            version,
            suites,
            name,
            random,
        });
        let mut socket = match self.client.tcp(self.address).await {
            Ok(socket) => socket,
            Err(missed) => return Scored::Unscored(missed.reason()),
        };
        let exchange = async {
            let mut reader = Reader::new(version);
            if socket.write_all(&hello).await.is_err() {
                return reader.closed();
            }
            let mut chunk = vec![0; 16 * 1024];
            loop {
                match socket.read(&mut chunk).await {
                    // A reset is how many servers close on what they do not speak.
                    Ok(0) | Err(_) => return reader.closed(),
                    Ok(count) => {
                        if let Some(said) = reader.push(&chunk[..count]) {
                            return said;
                        }
                    }
                }
            }
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(Reply::Odd(what)) => Scored::Unscored(UnscoredReason::Unexpected(what)),
            Ok(said) => Scored::Scored(said),
            Err(_) => Scored::Unscored(UnscoredReason::Timeout),
        }
    }

    /// Every different chain the server shows: to callers who take RSA or elliptic signatures, in TLS 1.3, 1.2 and, if
    /// it agreed to it, to an older version.
    ///
    /// # Errors
    /// Why none could be seen.
    pub async fn chains(&self, older: Option<&ServerHello>) -> Result<Vec<Vec<Vec<u8>>>, UnscoredReason> {
        let mut chains: Vec<Vec<Vec<u8>>> = Vec::new();
        let mut last = UnscoredReason::Empty;
        for schemes in [RSA, ELLIPTIC] {
            match self.shown_chain(schemes).await {
                Ok(chain) => keep(&mut chains, chain),
                Err(reason) => last = reason,
            }
        }
        if let Some(hello) = older {
            keep(&mut chains, hello.certificates.clone());
        }
        if chains.is_empty() { Err(last) } else { Ok(chains) }
    }

    /// The chain in a handshake that ends as soon as it was seen.
    async fn shown_chain(&self, schemes: &[SignatureScheme]) -> Result<Vec<Vec<u8>>, UnscoredReason> {
        let looking = Arc::new(Looking::new(schemes, false));
        let opened = self.open(&looking).await;
        let seen = looking.take();
        match (seen.is_empty(), opened) {
            (false, _) => Ok(seen),
            (true, Err(missed)) => Err(missed),
            (true, Ok(_)) => Err(UnscoredReason::Empty),
        }
    }

    /// Whether a whole handshake of today's library succeeds, whatever the certificate says.
    pub async fn shakes_hands(&self) -> Scored<bool> {
        let schemes = [RSA, ELLIPTIC].concat();
        match self.open(&Arc::new(Looking::new(&schemes, true))).await {
            Ok(_) => Scored::Scored(true),
            Err(reason) => Scored::Unscored(reason),
        }
    }

    /// Sends `request` under TLS to whoever answers there, and reads the head of the answer. The request must hold
    /// neither credential nor anybody's words: the certificate is not verified, so that a bad one does not hide the
    /// rest.
    pub async fn bare_request(&self, request: &[u8]) -> Scored<Head> {
        let schemes = [RSA, ELLIPTIC].concat();
        let exchange = async {
            let mut stream = self.open(&Arc::new(Looking::new(&schemes, true))).await?;
            head_of(&mut stream, request).await
        };
        match tokio::time::timeout(PATIENCE * 2, exchange).await {
            Ok(head) => head.into(),
            Err(_) => Scored::Unscored(UnscoredReason::Timeout),
        }
    }

    /// The same without TLS.
    pub async fn plain_request(&self, request: &[u8]) -> Result<Scored<Head>, NoConnection> {
        let mut socket = self.client.tcp(self.address).await?;
        Ok(
            match tokio::time::timeout(PATIENCE * 2, head_of(&mut socket, request)).await {
                Ok(head) => head.into(),
                Err(_) => Scored::Unscored(UnscoredReason::Timeout),
            },
        )
    }

    async fn open(
        &self,
        looking: &Arc<Looking>,
    ) -> Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>, UnscoredReason> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| UnscoredReason::Transport(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(looking) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(self.host.clone())
            .map_err(|error| UnscoredReason::Transport(error.to_string()))?;
        let socket = self
            .client
            .tcp(self.address)
            .await
            .map_err(|missed| missed.reason())?;
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, socket);
        match tokio::time::timeout(PATIENCE, handshake).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(UnscoredReason::Transport(error.to_string())),
            Err(_) => Err(UnscoredReason::Timeout),
        }
    }

    /// 32 bytes that differ from question to question: an echo of an earlier one is no answer.
    fn random(&self, version: Version, suites: &[u16]) -> [u8; 32] {
        let mut state =
            self.seed ^ u64::from(version.wire()) << 48 ^ u64::from(suites.first().copied().unwrap_or(0));
        let mut random = [0; 32];
        for chunk in random.chunks_mut(8) {
            // SplitMix64; this need not be secret, nothing is ever said under these handshakes.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
        }
        random
    }
}

/// The head of an HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its status.
    pub status: u16,
    /// Its headers as sent: (name in lower case, value).
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// Reads one.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Head, UnscoredReason> {
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split(' ').nth(1))
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| {
                UnscoredReason::Unexpected(format!(
                    "{:?} is no answer of HTTP",
                    first.chars().take(40).collect::<String>()
                ))
            })?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Head { status, headers })
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.as_str())
    }

    /// For evidence.
    #[must_use]
    pub fn in_short(&self) -> String {
        match self.header("location") {
            Some(to) => format!("HTTP {} to {to}", self.status),
            None => format!("HTTP {}", self.status),
        }
    }
}

async fn head_of<S>(stream: &mut S, request: &[u8]) -> Result<Head, UnscoredReason>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broke = |error: std::io::Error| UnscoredReason::Transport(error.to_string());
    stream.write_all(request).await.map_err(broke)?;
    stream.flush().await.map_err(broke)?;
    let mut seen = Vec::new();
    let mut chunk = vec![0; 4096];
    loop {
        let count = stream.read(&mut chunk).await.map_err(broke)?;
        seen.extend_from_slice(&chunk[..count]);
        let end = seen.windows(4).position(|four| four == b"\r\n\r\n");
        match end {
            Some(end) => return Head::parse(&String::from_utf8_lossy(&seen[..end])),
            // An alert is how a server of TLS says that this is no TLS.
            None if count == 0 && (seen.is_empty() || seen.starts_with(&[21, 3])) => {
                return Err(UnscoredReason::Empty);
            }
            None if count == 0 || seen.len() > HEAD_MAX => return Err(UnscoredReason::Truncated),
            None => {}
        }
    }
}

fn keep(chains: &mut Vec<Vec<Vec<u8>>>, chain: Vec<Vec<u8>>) {
    let is_new = chains.iter().all(|have| have.first() != chain.first());
    if !chain.is_empty() && is_new {
        chains.push(chain);
    }
}

const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA1,
];

const ELLIPTIC: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
];

/// Writes down what it is shown and vouches for nothing.
#[derive(Debug)]
struct Looking {
    schemes: Vec<SignatureScheme>,
    go_on: bool,
    seen: Mutex<Vec<Vec<u8>>>,
}

impl Looking {
    fn new(schemes: &[SignatureScheme], go_on: bool) -> Looking {
        Looking {
            schemes: schemes.to_vec(),
            go_on,
            seen: Mutex::default(),
        }
    }

    fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            chain.map(|certificate| certificate.to_vec()).collect();
        if self.go_on {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("only looked at".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
