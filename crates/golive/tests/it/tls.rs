//! S7: the public listener with a certificate of its own.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::caller::{Answer, Opened, Raw};
use crate::gate::{Format, Gate, Setup};
use crate::world::{eventually, folder};

const FILES: &str = "[server]\ncertificate_file = \"chain.pem\"\nprivate_key_file = \"key.pem\"\n";

/// Writes a fresh certificate for `localhost` and its key; gives the certificate.
fn certificate(folder: &Path) -> CertificateDer<'static> {
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    fs::write(folder.join("key.pem"), key.serialize_pem()).expect("a file");
    fs::write(folder.join("chain.pem"), certificate.pem()).expect("a file");
    certificate.der().clone()
}

async fn start(more: &str) -> (Gate, CertificateDer<'static>) {
    let folder = folder();
    let root = certificate(folder.path());
    let gate = Setup::default()
        .folder(folder)
        .with(&format!("{FILES}{more}"))
        .start()
        .await;
    assert!(gate.url.starts_with("https://"), "{}", gate.url);
    (gate, root)
}

/// Shakes hands as a client that trusts this certificate alone.
async fn shake_hands(
    gate: &Gate,
    root: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(gate.url.trim_start_matches("https://")).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// One chat over a connection that stands, by the protocol that was agreed on.
async fn chat(gate: &Gate, stream: TlsStream<TcpStream>) -> Answer {
    let by_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let request: http::Request<Full<Bytes>> = gate.chat().request();
    let io = TokioIo::new(stream);
    let mut tasks = JoinSet::new();
    let response = if by_http2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
        tasks.spawn(async move { drop(connection.await) });
        sender.send_request(request).await
    } else {
        let (mut sender, connection) = http1::handshake(io).await.expect("HTTP/1.1");
        tasks.spawn(async move { drop(connection.await) });
        sender.send_request(request).await
    };
    Opened::new(response.expect("an answer")).rest().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_version_is_served_in_both_protocols_with_strict_transport_security() {
    let (gate, root) = start("").await;
    for alpn in [&["h2", "http/1.1"][..], &["http/1.1"], &[]] {
        let stream = shake_hands(&gate, &root, &[&version::TLS13], alpn)
            .await
            .expect("a handshake");
        let agreed = stream
            .get_ref()
            .1
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned());
        assert_eq!(agreed.as_deref(), alpn.first().copied());
        let answer = chat(&gate, stream).await;
        answer.said(Format::OpenAi);
        let policy = answer.header("strict-transport-security");
        assert!(policy.starts_with("max-age=31536000"), "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_version_is_refused_unless_it_was_asked_for() {
    let (gate, root) = start("").await;
    let refused = shake_hands(&gate, &root, &[&version::TLS12], &[]).await;
    assert!(refused.is_err(), "TLS 1.2 by default");
    let (gate, root) = start("allow_tls12 = true\n").await;
    for versions in [&[&version::TLS12][..], &[&version::TLS13]] {
        let stream = shake_hands(&gate, &root, versions, &[])
            .await
            .expect("a handshake");
        chat(&gate, stream).await.said(Format::OpenAi);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_and_a_handshake_that_does_not_come_are_cut_and_others_are_served() {
    let (gate, root) = start("[inbound]\nhandshake_timeout = \"300ms\"\nhead_timeout = \"300ms\"").await;
    let mut plain = Raw::connect(&gate.url).await;
    plain
        .write(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    let told = plain.until_closed().await;
    assert!(!told.starts_with(b"HTTP/"), "no word in clear: {told:?}");
    let mut silent = Raw::connect(&gate.url).await;
    silent.until_closed().await;
    let stream = shake_hands(&gate, &root, &[&version::TLS13], &[])
        .await
        .expect("a handshake");
    chat(&gate, stream).await.said(Format::OpenAi);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_over_and_a_broken_one_is_not() {
    let (gate, old) = start("").await;
    fs::write(gate.file("chain.pem"), "no certificate").expect("a file");
    eventually("the broken file is told", async || {
        gate.log().contains("chain.pem").then_some(())
    })
    .await;
    let still = shake_hands(&gate, &old, &[&version::TLS13], &[])
        .await
        .expect("the old one is in use");
    chat(&gate, still).await.said(Format::OpenAi);
    let new = certificate(gate.file("").as_path());
    eventually("the new certificate is served", async || {
        shake_hands(&gate, &new, &[&version::TLS13], &[]).await.ok()
    })
    .await;
    assert!(
        shake_hands(&gate, &old, &[&version::TLS13], &[]).await.is_err(),
        "the old one is gone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn health_watches_the_certificate() {
    let (gate, _) = start("").await;
    let (status, health) = gate.health().await;
    assert_eq!(status, 200, "{health}");
    assert_eq!(
        health["checks"]["certificate:lifetime"][0]["status"], "pass",
        "{health}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_without_its_key_or_past_its_day_is_told_in_the_log_and_in_health_and_not_used() {
    let (gate, old) = start("").await;
    let renewal = async || {
        let (status, health) = gate.health().await;
        assert_eq!(status, 200, "a refused renewal breaks nothing yet: {health}");
        health["checks"]["certificate:renewal"][0].clone()
    };
    assert_eq!(renewal().await["status"], "pass");
    let key_of_another = KeyPair::generate().expect("a key");
    let fresh = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let fresh = fresh.self_signed(&key_of_another).expect("a certificate");
    fs::write(gate.file("chain.pem"), fresh.pem()).expect("a file");
    eventually("the mismatch is told", async || {
        let told = gate.log().contains("is not the key of the certificate");
        (told && renewal().await["status"] == "warn").then_some(())
    })
    .await;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    let key = KeyPair::generate().expect("a key");
    fs::write(gate.file("key.pem"), key.serialize_pem()).expect("a file");
    let past = params.self_signed(&key).expect("a certificate");
    fs::write(gate.file("chain.pem"), past.pem()).expect("a file");
    eventually("the expired one is told", async || {
        let told = gate.log().contains("ran out before the one in use");
        let output = renewal().await["output"].to_string();
        (told && output.contains("has run out")).then_some(())
    })
    .await;
    let still = shake_hands(&gate, &old, &[&version::TLS13], &[])
        .await
        .expect("the old one is in use");
    chat(&gate, still).await.said(Format::OpenAi);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_of_symlinks_as_kubernetes_makes_it_is_seen() {
    let folder = folder();
    let versions = ["first", "second"].map(|name| {
        let dir = folder.path().join(name);
        fs::create_dir(&dir).expect("a folder");
        let der = certificate(&dir);
        (dir, der)
    });
    let data = folder.path().join("..data");
    std::os::unix::fs::symlink(&versions[0].0, &data).expect("a link");
    for file in ["chain.pem", "key.pem"] {
        std::os::unix::fs::symlink(data.join(file), folder.path().join(file)).expect("a link");
        // Of one age, so that only what they hold tells them apart.
        let age = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        for (dir, _) in &versions {
            let file = fs::File::options()
                .write(true)
                .open(dir.join(file))
                .expect("a file");
            file.set_modified(age).expect("an age");
        }
    }
    let gate = Setup::default().folder(folder).with(FILES).start().await;
    shake_hands(&gate, &versions[0].1, &[&version::TLS13], &[])
        .await
        .expect("the first one");
    let swap = gate.file("..data_tmp");
    std::os::unix::fs::symlink(&versions[1].0, &swap).expect("a link");
    fs::rename(swap, gate.file("..data")).expect("a swap");
    eventually("the second certificate is served", async || {
        shake_hands(&gate, &versions[1].1, &[&version::TLS13], &[])
            .await
            .ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plain_port_redirects_to_the_configured_host_and_serves_nothing() {
    let (gate, _) = start("host = \"agents.example.com:8443\"\nredirect_from = \"127.0.0.1:0\"\n").await;
    let log = gate.log();
    let (_, rest) = log.split_once("\n  http://").expect("the plain port is told");
    let plain = format!("http://{}", rest.split(' ').next().expect("an address"));
    let request = format!(
        "POST /v1/chat/completions?a=b HTTP/1.1\r\nhost: evil.example\r\nauthorization: Bearer {}\r\ncontent-length: 2\r\n\r\n{{}}",
        gate.key
    );
    let mut raw = Raw::connect(&plain).await;
    raw.write(request.as_bytes()).await;
    let told = String::from_utf8_lossy(&raw.until_closed().await).to_ascii_lowercase();
    assert!(told.starts_with("http/1.1 308 "), "{told}");
    assert!(
        told.contains("location: https://agents.example.com:8443/v1/chat/completions?a=b\r\n"),
        "{told}"
    );
    assert!(!told.contains("evil"), "{told}");
    for path in ["/livez", "/readyz", "/v1/models", "/", "//evil.example/x"] {
        let mut raw = Raw::connect(&plain).await;
        raw.write(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes())
            .await;
        let told = String::from_utf8_lossy(&raw.until_closed().await).to_ascii_lowercase();
        assert!(told.starts_with("http/1.1 308 "), "{path}: {told}");
        assert!(
            told.contains("location: https://agents.example.com:8443/"),
            "{path}: {told}"
        );
    }
    assert_eq!(gate.arrived(""), 0, "nothing came through");
}

#[tokio::test(flavor = "multi_thread")]
async fn config_check_tells_a_foreign_key_an_expired_certificate_and_one_for_another_name() {
    let folder = folder();
    certificate(folder.path());
    let toml = format!("{FILES}host = \"localhost\"\n[store]\npath = \"golive.db\"\n");
    fs::write(folder.path().join("golive.toml"), &toml).expect("a config");
    let environment = [("GOLIVE_MASTER_KEY", crate::world::MASTER_KEY)];
    let check = async || crate::world::run(folder.path(), &["config", "check"], &environment).await;
    let good = check().await;
    assert!(good.code == 0 && !good.err.contains("certificate"), "{good:?}");
    let other = toml.replace("\"localhost\"", "\"agents.example.com\"");
    fs::write(folder.path().join("golive.toml"), other).expect("a config");
    let named = check().await;
    assert!(
        named.code == 0
            && named
                .err
                .contains("is not for `agents.example.com`: it is for localhost"),
        "{named:?}"
    );
    fs::write(folder.path().join("golive.toml"), &toml).expect("a config");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let past = params.self_signed(&key).expect("a certificate");
    fs::write(folder.path().join("chain.pem"), past.pem()).expect("a file");
    let foreign = check().await;
    assert_eq!(foreign.code, 2, "{foreign:?}");
    assert!(
        foreign.err.contains("is not the key of the certificate"),
        "{foreign:?}"
    );
    fs::write(folder.path().join("key.pem"), key.serialize_pem()).expect("a file");
    let expired = check().await;
    assert!(
        expired.code == 0 && expired.err.contains("ran out"),
        "{expired:?}"
    );
}
