//! S5: a little gateway that wants client certificates, and a switch that makes it wrong in exactly one way.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use golive_config::{ClientCertificate, Target, TargetFormat};
use golive_lab::{Lab, LabOptions};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use tokio_util::sync::CancellationToken;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    WantsNone,
    TrustsAnyone,
    IgnoresDates,
    IgnoresUse,
    NameFromCn,
    RefusesAll,
}

/// A lab, the gateway before it, and the files of the certificates.
pub struct TlsWorld {
    pub lab: Lab,
    addr: SocketAddr,
    folder: tempfile::TempDir,
    stop: CancellationToken,
}

impl TlsWorld {
    pub async fn start(flaw: Flaw) -> TlsWorld {
        let lab = Lab::start(LabOptions::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let authority = authority();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let day = Duration::from_secs(86_400);
        let client = |name: &str| {
            let mut leaf = CertificateParams::new(vec![format!("{name}.clients.example")]).unwrap();
            leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            leaf.distinguished_name.push(DnType::CommonName, name);
            valid(&mut leaf);
            leaf
        };
        let mut expired = client("expired");
        let now = std::time::SystemTime::now();
        (expired.not_before, expired.not_after) = ((now - 9 * day).into(), (now - 2 * day).into());
        let mut wrong_use = client("wrong_use");
        wrong_use.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let mut name_only = client("name_only");
        name_only.subject_alt_names.clear();
        for (name, leaf) in [
            ("user", client("user")),
            ("expired", expired),
            ("wrong_use", wrong_use),
            ("name_only", name_only),
        ] {
            let key = KeyPair::generate().unwrap();
            let made = leaf.signed_by(&key, &authority).unwrap();
            std::fs::write(folder.path().join(format!("{name}.pem")), made.pem()).unwrap();
            std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        let mut server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        valid(&mut server);
        let key = KeyPair::generate().unwrap();
        let chain = vec![server.signed_by(&key, &authority).unwrap().der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let tls = tls(flaw, authority.der().clone(), chain, key);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, upstream) = (CancellationToken::new(), lab.url());
        let stopped = stop.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the world")]
        tokio::spawn(async move {
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
            loop {
                let (socket, _) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    () = stopped.cancelled() => return,
                };
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(socket).await else {
                        return;
                    };
                    let shown = stream.get_ref().1.peer_certificates();
                    let let_in = flaw != Flaw::RefusesAll
                        && shown.map_or(flaw == Flaw::WantsNone, |chain| named(flaw, &chain[0]));
                    let service =
                        hyper::service::service_fn(move |request| answer(upstream.clone(), let_in, request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        TlsWorld {
            lab,
            addr,
            folder,
            stop,
        }
    }

    /// The gateway as a target with all certificates.
    pub fn target(&self) -> Target {
        let url = format!("https://localhost:{}", self.addr.port()).parse().unwrap();
        let mut target = Target::bare("tls", url, TargetFormat::OpenAi);
        target.staging = true;
        target.lab_url = Some(self.lab.url().parse().unwrap());
        target.ca_file = Some(self.file("ca.pem"));
        for role in ["user", "expired", "wrong_use", "name_only"] {
            let files = ClientCertificate {
                cert_file: self.file(&format!("{role}.pem")),
                key_file: self.file(&format!("{role}.key")),
            };
            target.certificates.insert(role.to_owned(), files);
        }
        target
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for TlsWorld {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "the twin's authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    valid(&mut params);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn valid(params: &mut CertificateParams) {
    let (now, day) = (std::time::SystemTime::now(), Duration::from_secs(86_400));
    params.not_before = (now - day).into();
    params.not_after = (now + day).into();
}

/// Whether a certificate that TLS took names somebody.
fn named(flaw: Flaw, certificate: &CertificateDer<'_>) -> bool {
    let (_, read) = x509_parser::parse_x509_certificate(certificate).unwrap();
    let alternative = read.subject_alternative_name().unwrap().is_some();
    alternative || flaw == Flaw::NameFromCn
}

fn tls(
    flaw: Flaw,
    authority: CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> rustls::ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority).unwrap();
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    if flaw == Flaw::WantsNone {
        builder = builder.allow_unauthenticated();
    }
    let verifier = Arc::new(Lax {
        flaw,
        inner: builder.build().unwrap(),
    });
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap()
}

async fn answer(
    upstream: String,
    let_in: bool,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    if !let_in {
        let mut response = Response::new(Full::new(Bytes::from_static(b"{\"error\":\"forbidden\"}")));
        *response.status_mut() = http::StatusCode::FORBIDDEN;
        return Ok(response);
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let request = Request::post(format!("{upstream}{path}"))
        .header("content-type", "application/json")
        .body(Full::new(body))
        .unwrap();
    let answer = client.request(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Full::new(body)))
}

/// The library's verifier, with one of its refusals ignored.
#[derive(Debug)]
struct Lax {
    flaw: Flaw,
    inner: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for Lax {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let Err(error) = self.inner.verify_client_cert(leaf, above, now) else {
            return Ok(ClientCertVerified::assertion());
        };
        let ignored = match &error {
            Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => self.flaw == Flaw::IgnoresDates,
            Error::InvalidCertificate(
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
            ) => self.flaw == Flaw::IgnoresUse,
            _ => self.flaw == Flaw::TrustsAnyone,
        };
        if ignored {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(error)
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
