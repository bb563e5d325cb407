//! S7: the way to an upstream under TLS: verified always, against Mozilla's authorities or a private one.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::gate::{Format, Setup};
use crate::world::folder;

/// A provider under TLS: what comes in goes on to the lab in clear. It ends when it is dropped.
struct Provider {
    port: u16,
    _serving: JoinSet<()>,
}

/// An authority of its own, and a certificate that it signed for `name`. The authority goes to `ca`.
fn certified(name: &str, ca: &Path) -> Arc<ServerConfig> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let root = params.self_signed(&key).expect("an authority");
    fs::write(ca, root.pem()).expect("a file");
    let issuer = Issuer::new(params, key);
    let leaf_key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&leaf_key, &issuer).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(leaf_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("a certificate with its key");
    Arc::new(config)
}

impl Provider {
    async fn start(config: Arc<ServerConfig>, lab: std::net::SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(Arc::clone(&config));
                connections.spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let Ok(mut lab) = TcpStream::connect(lab).await else {
                        return;
                    };
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut lab).await;
                });
            }
        });
        Self {
            port,
            _serving: serving,
        }
    }
}

/// Calls a provider with a certificate for `name`, with `ca_file` as written; whether the call was answered.
async fn answered(name: &str, ca_file: &str) -> bool {
    let folder = folder();
    let config = certified(name, &folder.path().join("ca.pem"));
    certified("localhost", &folder.path().join("other-ca.pem"));
    // The provider must be there before the gateway, and the lab before the provider: it plays its part in its own lab.
    let lab = golive_lab::Lab::start(golive_lab::LabOptions::default())
        .await
        .expect("a lab");
    let address = lab
        .url()
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .parse();
    let provider = Provider::start(config, address.expect("an address")).await;
    let gate = Setup::default()
        .folder(folder)
        .with(&format!(
            "[upstreams.private]\nkind = \"openai\"\nbase_url = \"https://localhost:{}/v1\"\n\
             api_key_env = \"LAB_KEY\"\nprivate_addresses = [\"127.0.0.0/8\", \"::1\"]\n{ca_file}\n\
             [models.private]\nchain = [\"private/lab-model\"]\n",
            provider.port
        ))
        .start()
        .await;
    let answer = gate
        .chat()
        .with("model", "private")
        .saying("under TLS")
        .send()
        .await;
    let asked = !lab
        .timeline()
        .page(&golive_lab::Query::default())
        .arrivals
        .is_empty();
    assert_eq!(
        asked,
        answer.status == 200,
        "nothing is said to one that is not verified"
    );
    if answer.status == 200 {
        answer.said(Format::OpenAi);
    } else {
        assert_eq!(answer.status, 502, "{}", answer.text());
        answer.shows_nothing_of_the_upstream();
    }
    answer.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_is_believed_where_it_is_named() {
    assert!(answered("localhost", "ca_file = \"ca.pem\"").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_authority_another_one_and_another_name_are_refused_before_a_word_is_said() {
    assert!(!answered("localhost", "").await, "without the authority");
    assert!(
        !answered("localhost", "ca_file = \"other-ca.pem\"").await,
        "another authority"
    );
    assert!(
        !answered("elsewhere.example", "ca_file = \"ca.pem\"").await,
        "another name"
    );
}

#[test]
fn no_key_of_the_configuration_turns_verification_off() {
    for section in golive_config::reference::KEYS {
        for key in section.keys {
            let name = key.name;
            let off = [
                "insecure",
                "verify",
                "skip",
                "accept_invalid",
                "trust_all",
                "danger",
            ];
            assert!(
                !off.iter().any(|word| name.contains(word)),
                "{}.{name}",
                section.path
            );
        }
    }
}
