//! S5, S7: callers that show a client certificate.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::caller::{Answer, Opened};
use crate::gate::{Format, Gate, Setup};
use crate::world::{self, folder};

struct Authority(Issuer<'static, KeyPair>, String);

type Shown = (CertificateDer<'static>, PrivateKeyDer<'static>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self(Issuer::new(params, key), pem)
    }

    fn client(&self, uri: &str, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        let uri = uri.try_into().expect("an ASCII name");
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.0).expect("a certificate");
        (
            signed.der().clone(),
            PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        )
    }
}

fn server_certificate(folder: &Path) -> CertificateDer<'static> {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    fs::write(folder.join("key.pem"), key.serialize_pem()).expect("a file");
    fs::write(folder.join("chain.pem"), certificate.pem()).expect("a file");
    certificate.der().clone()
}

async fn start(authority: &Authority, more: &str) -> (Gate, CertificateDer<'static>) {
    let folder = folder();
    let root = server_certificate(folder.path());
    fs::write(folder.path().join("clients.pem"), &authority.1).expect("a file");
    let toml = format!(
        "[server]\ncertificate_file = \"chain.pem\"\nprivate_key_file = \"key.pem\"\nclient_ca_file = \"clients.pem\"\n{more}"
    );
    (Setup::default().folder(folder).with(&toml).start().await, root)
}

const BILLING: &str =
    "[certificates.billing]\nsan = [\"uri:spiffe://example.com/billing\"]\nmodels = [\"plain\"]\n";
const NAME: &str = "spiffe://example.com/billing";

/// One chat over a new connection; `None`: the handshake, or what follows it at once, was refused.
async fn chat(
    gate: &Gate,
    root: &CertificateDer<'static>,
    shown: Option<&Shown>,
    key: Option<&str>,
) -> Option<Answer> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match shown {
        Some((certificate, key)) => builder
            .with_client_auth_cert(vec![certificate.clone()], key.clone_key())
            .expect("a certificate"),
        None => builder.with_no_client_auth(),
    };
    let stream = TcpStream::connect(gate.url.trim_start_matches("https://"))
        .await
        .ok()?;
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .ok()?;
    let mut ask = gate.chat().anonymous();
    if let Some(key) = key {
        ask = ask.key(key);
    }
    let request: http::Request<Full<Bytes>> = ask
        .header("client-cert", ":AAAA:")
        .header("x-forwarded-client-cert", "URI=spiffe://example.com/billing")
        .request();
    let mut tasks = JoinSet::new();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    tasks.spawn(async move { drop(connection.await) });
    Some(Opened::new(sender.send_request(request).await.ok()?).rest().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_the_caller_its_names_say_and_a_header_is_nobody() {
    let authority = Authority::new();
    let (gate, root) = start(&authority, BILLING).await;
    let billing = authority.client(NAME, |_| {});
    let answer = chat(&gate, &root, Some(&billing), None).await.expect("an answer");
    answer.said(Format::OpenAi);
    assert_eq!(gate.row(&answer.id()).await["principal"], "certificate/billing");
    let none = chat(&gate, &root, None, None).await.expect("an answer");
    none.is_error(Format::OpenAi, 401, "credential_missing");
    let stranger = authority.client("spiffe://example.com/other", |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, NAME);
    });
    let answer = chat(&gate, &root, Some(&stranger), None)
        .await
        .expect("an answer");
    answer.is_error(Format::OpenAi, 401, "invalid_api_key");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_an_ended_certificate_and_another_purpose_get_no_answer() {
    let authority = Authority::new();
    let (gate, root) = start(&authority, BILLING).await;
    let ended = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    };
    let early = |params: &mut CertificateParams| params.not_before = rcgen::date_time_ymd(2999, 1, 1);
    let for_servers = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    for shown in [
        Authority::new().client(NAME, |_| {}),
        authority.client(NAME, ended),
        authority.client(NAME, early),
        authority.client(NAME, for_servers),
    ] {
        let answer = chat(&gate, &root, Some(&shown), Some(&gate.key)).await;
        assert!(answer.is_none(), "{answer:?}");
    }
    assert_eq!(gate.arrived(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_is_required_nobody_comes_without() {
    let authority = Authority::new();
    let (gate, root) = start(
        &authority,
        &format!("client_certificates = \"required\"\n{BILLING}"),
    )
    .await;
    assert!(chat(&gate, &root, None, Some(&gate.key)).await.is_none());
    let billing = authority.client(NAME, |_| {});
    let answer = chat(&gate, &root, Some(&billing), None).await.expect("an answer");
    answer.said(Format::OpenAi);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_over_a_certificate_of_another_caller_is_refused_unless_it_carries_others() {
    let authority = Authority::new();
    let mesh = "[certificates.mesh]\nsan = [\"uri:spiffe://example.com/mesh\"]\ncarries_others = true\n";
    let (gate, root) = start(&authority, &format!("{BILLING}{mesh}")).await;
    let (billing, mesh) = (
        authority.client(NAME, |_| {}),
        authority.client("spiffe://example.com/mesh", |_| {}),
    );
    let both = chat(&gate, &root, Some(&billing), Some(&gate.key))
        .await
        .expect("an answer");
    both.is_error(Format::OpenAi, 401, "credential_conflict");
    let carried = chat(&gate, &root, Some(&mesh), Some(&gate.key))
        .await
        .expect("an answer");
    carried.said(Format::OpenAi);
    assert_eq!(gate.row(&carried.id()).await["principal"], "config/main");
    let wrong = chat(&gate, &root, Some(&mesh), Some(&world::key()))
        .await
        .expect("an answer");
    wrong.is_error(Format::OpenAi, 401, "invalid_api_key");
}
