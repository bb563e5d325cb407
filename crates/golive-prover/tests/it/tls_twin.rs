//! A TLS server that is right, and can be made wrong in one way; with an authority of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use golive_config::{Target, TargetFormat};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub const GOOD_HSTS: &str = "strict-transport-security: max-age=31536000; includeSubDomains\r\n";

/// What a leaf says.
pub struct Leaf {
    pub names: Vec<&'static str>,
    pub from: (i32, u8, u8),
    pub until: (i32, u8, u8),
    pub for_servers: bool,
}

impl Default for Leaf {
    fn default() -> Leaf {
        Leaf {
            names: vec!["localhost"],
            from: (2024, 1, 1),
            until: (2090, 1, 1),
            for_servers: true,
        }
    }
}

/// How the server is made.
pub struct Shape {
    pub versions: Vec<&'static SupportedProtocolVersion>,
    pub leaf: Leaf,
    pub send_intermediate: bool,
    pub self_signed: bool,
    pub hsts: &'static str,
    /// Whether the prover is told of the authority.
    pub ca_known: bool,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            versions: vec![&version::TLS13],
            leaf: Leaf::default(),
            send_intermediate: true,
            self_signed: false,
            hsts: GOOD_HSTS,
            ca_known: true,
        }
    }
}

/// A chain with its key, as PEM and as rustls takes it.
pub struct Made {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: KeyPair,
    pub root_pem: String,
}

/// Makes root, intermediate and leaf.
pub fn certified(leaf: &Leaf, send_intermediate: bool, self_signed: bool) -> Made {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (params, KeyPair::generate().unwrap())
    };
    let (root_params, root_key) = authority("twin root");
    let root = root_params.self_signed(&root_key).unwrap();
    let root_issuer = Issuer::new(root_params, root_key);
    let (inter_params, inter_key) = authority("twin intermediate");
    let inter = inter_params.signed_by(&inter_key, &root_issuer).unwrap();
    let inter_issuer = Issuer::new(inter_params, inter_key);

    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "twin");
    params.subject_alt_names = leaf
        .names
        .iter()
        .map(|name| match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName((*name).try_into().unwrap()),
        })
        .collect();
    params.not_before = rcgen::date_time_ymd(leaf.from.0, leaf.from.1, leaf.from.2);
    params.not_after = rcgen::date_time_ymd(leaf.until.0, leaf.until.1, leaf.until.2);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![if leaf.for_servers {
        ExtendedKeyUsagePurpose::ServerAuth
    } else {
        ExtendedKeyUsagePurpose::ClientAuth
    }];
    let key = KeyPair::generate().unwrap();
    let certificate = if self_signed {
        params.self_signed(&key).unwrap()
    } else {
        params.signed_by(&key, &inter_issuer).unwrap()
    };
    let mut chain = vec![certificate.der().clone()];
    if send_intermediate && !self_signed {
        chain.push(inter.der().clone());
    }
    Made {
        chain,
        key,
        root_pem: root.pem(),
    }
}

/// A running server.
pub struct TlsTwin {
    pub addr: SocketAddr,
    pub folder: TempDir,
    ca_known: bool,
    stop: CancellationToken,
}

impl TlsTwin {
    pub async fn start(shape: Shape) -> TlsTwin {
        let made = certified(&shape.leaf, shape.send_intermediate, shape.self_signed);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), &made.root_pem).unwrap();
        let config = config(&made, &shape.versions);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let hsts = shape.hsts;
        #[expect(clippy::disallowed_methods, reason = "ends with the twin")]
        tokio::spawn(async move {
            loop {
                let (socket, _) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    () = stopped.cancelled() => return,
                };
                let acceptor = TlsAcceptor::from(Arc::clone(&config));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(socket).await {
                        answer(stream, &format!("HTTP/1.1 401 Unauthorized\r\n{hsts}")).await;
                    }
                });
            }
        });
        TlsTwin {
            addr,
            folder,
            ca_known: shape.ca_known,
            stop,
        }
    }

    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// As a target at this host.
    pub fn target(&self, host: &str) -> Target {
        let url = format!("https://{host}:{}/v1", self.addr.port()).parse().unwrap();
        let mut target = Target::bare("twin", url, TargetFormat::OpenAi);
        target.ca_file = self.ca_known.then(|| self.ca());
        target
    }
}

impl Drop for TlsTwin {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A server configuration of rustls.
pub fn config(made: &Made, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(made.key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(made.chain.clone(), key)
        .unwrap();
    Arc::new(config)
}

/// Reads a head and answers with this one, without a body.
pub async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, head: &str) {
    let mut seen = Vec::new();
    let mut chunk = [0; 1024];
    while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => seen.extend_from_slice(&chunk[..count]),
        }
    }
    let whole = format!("{head}content-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(whole.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A server in clear that hands each connection to `serve`; gives its port.
pub async fn bytes_server<F, R>(serve: F) -> (u16, CancellationToken)
where
    F: Fn(tokio::net::TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    tokio::spawn(async move {
        loop {
            let (socket, _) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                () = stopped.cancelled() => return,
            };
            tokio::spawn(serve(socket));
        }
    });
    (port, stop)
}
