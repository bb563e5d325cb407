//! S5: tokens of an issuer, whose keys stand in a file or are fetched from a server of the test's own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::gate::{Format, Gate, Setup};
use crate::world::{eventually, folder};

/// A key that signs, under a name.
struct Signer(&'static str, EcdsaKeyPair);

impl Signer {
    fn new(kid: &'static str) -> Self {
        Self(
            kid,
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"),
        )
    }

    fn jwk(&self) -> Value {
        let point = self.1.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "kid": self.0, "use": "sig", "alg": "ES256",
               "x": encode(&point[1..33]), "y": encode(&point[33..])})
    }

    /// A good token of `issuer` for golive, with some claims changed; `null` takes one out.
    fn token(&self, issuer: &str, changed: Value) -> String {
        let now = golive_store::now_us() / 1_000_000;
        let mut claims = json!({"iss": issuer, "aud": "golive", "sub": "ada@example.com", "exp": now + 600, "iat": now,
                                "roles": ["caller"], "team": "sales"});
        for (name, value) in changed.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        let claims = claims
            .as_object()
            .expect("an object")
            .iter()
            .filter(|(_, value)| !value.is_null());
        self.raw(
            &json!({"alg": "ES256", "kid": self.0}),
            &claims
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        )
    }

    fn raw(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self
            .1
            .sign(&SystemRandom::new(), signed.as_bytes())
            .expect("a signature");
        format!("{signed}.{}", encode(signature.as_ref()))
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

const ISS: &str = "https://id.example";

async fn with_file(signer: &Signer, more: &str) -> Gate {
    let folder = folder();
    let keys = json!({ "keys": [signer.jwk()] }).to_string();
    std::fs::write(folder.path().join("keys.json"), keys).expect("a file");
    let toml = format!(
        "[issuers.idp]\nissuer = \"{ISS}\"\naudience = [\"golive\"]\njwks_file = \"keys.json\"\nroles_claim = \"roles\"\n\
         team_claim = \"team\"\n{more}"
    );
    Setup::default().folder(folder).with(&toml).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_token_opens_every_door_and_its_subject_stands_nowhere_in_clear() {
    let signer = Signer::new("k1");
    let gate = with_file(&signer, "").await;
    let token = signer.token(ISS, json!({}));
    for format in Format::ALL {
        let answer = gate.call(format).key(&token).send().await;
        answer.said(format);
        let row = gate.row(&answer.id()).await;
        let principal = row["principal"].as_str().expect("a principal");
        assert!(principal.starts_with("jwt/idp/"), "{principal}");
        assert!(!row.to_string().contains("ada@"), "{row}");
    }
    assert!(!gate.log().contains("ada@example.com") && !gate.log().contains(&token));
    let other = signer.token(ISS, json!({"sub": "bob@example.com"}));
    let answer = gate.chat().key(&other).send().await;
    let rows = gate.rows().await;
    let mine = rows.iter().find(|row| row["id"] == answer.id()).expect("a row");
    assert!(
        rows.iter()
            .filter(|row| row["principal"] == mine["principal"])
            .count()
            == 1,
        "another principal"
    );
    assert_eq!(gate.arrived(&token), 0, "no credential of a caller passes");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_token_reads_the_same_and_reaches_nobody() {
    let signer = Signer::new("k1");
    let gate = with_file(&signer, "").await;
    let now = golive_store::now_us() / 1_000_000;
    let header = json!({"alg": "ES256", "kid": "k1"});
    let good = signer.token(ISS, json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let bad = [
        signer.token(ISS, json!({"exp": now - 61})),
        signer.token(ISS, json!({"exp": null})),
        signer.token(ISS, json!({"exp": 1e300})),
        signer.token(ISS, json!({"nbf": now + 4000})),
        signer.token(ISS, json!({"aud": ["another"]})),
        signer.token(ISS, json!({"sub": null})),
        signer.token(ISS, json!({"roles": vec!["r"; 1500]})),
        signer.token("https://id.example/", json!({})),
        Signer::new("k1").token(ISS, json!({})),
        Signer::new("k2").token(ISS, json!({})),
        signer.raw(&json!({"alg": "none"}), &json!({})),
        signer.raw(&json!({"alg": "ES256", "kid": "k1", "crit": ["x"]}), &json!({})),
        signer.raw(&header, &json!({"iss": ISS, "aud": "golive", "sub": "x"})),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], encode([0; 64])),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(20_000)),
    ];
    let body = |text: String, id: String| text.replace(&id, "ID");
    let unknown = gate.chat().key(&crate::world::key()).send().await;
    for token in &bad {
        let answer = gate.chat().key(token).send().await;
        answer.is_error(Format::OpenAi, 401, "invalid_api_key");
        assert_eq!(
            answer.header("www-authenticate"),
            r#"Bearer realm="golive", error="invalid_token""#
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(
            body(answer.text(), answer.id()),
            body(unknown.text(), unknown.id())
        );
    }
    assert_eq!(gate.arrived(""), 0);
    assert!(gate.rows().await.is_empty(), "nobody was identified: no row");
    gate.chat().key(&good).send().await.said(Format::OpenAi);
    let two = gate
        .chat()
        .only_header("authorization", &format!("Bearer {good}"))
        .only_header("x-api-key", &gate.key);
    two.send()
        .await
        .is_error(Format::OpenAi, 401, "credential_conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_windows_of_a_tokens_subject_and_of_its_user_are_its_own() {
    let signer = Signer::new("k1");
    let gate = with_file(
        &signer,
        "user_claim = \"email\"\n[limits]\nuser = \"2/h\"\nglobal = \"off\"\n",
    )
    .await;
    let of = |email: &str, n: u64| signer.token(ISS, json!({"email": email, "jti": n}));
    for n in 0..2 {
        gate.chat()
            .key(&of("a@x.example", n))
            .send()
            .await
            .said(Format::OpenAi);
    }
    let refused = gate.chat().key(&of("a@x.example", 9)).send().await;
    refused.is_error(Format::OpenAi, 429, "rate_limit_exceeded");
    gate.chat()
        .key(&of("b@x.example", 1))
        .send()
        .await
        .said(Format::OpenAi);
    let nobody = gate.chat().key(&signer.token(ISS, json!({}))).send().await;
    nobody.is_error(Format::OpenAi, 401, "invalid_api_key");
}

#[derive(Clone)]
enum Says {
    Keys(String),
    Hangs,
    Huge,
}

/// Plays an issuer: discovery and keys, and counts what is asked of it.
struct IssuerServer {
    url: String,
    says: Arc<Mutex<Says>>,
    asked: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl IssuerServer {
    async fn start(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (says, asked) = (Arc::new(Mutex::new(says)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        let (state, count, own) = (Arc::clone(&says), Arc::clone(&asked), url.clone());
        tasks.spawn(async move {
            let mut talks = JoinSet::new();
            loop {
                let Ok((mut stream, _)) = listener.accept().await else {
                    return;
                };
                let (state, count, own) = (Arc::clone(&state), Arc::clone(&count), own.clone());
                talks.spawn(async move {
                    let mut head = vec![0; 4096];
                    let n = stream.read(&mut head).await.unwrap_or(0);
                    let discovery =
                        String::from_utf8_lossy(&head[..n]).contains("/.well-known/openid-configuration");
                    let says = state.lock().expect("whole").clone();
                    let body = match says {
                        _ if discovery => {
                            json!({"issuer": own, "jwks_uri": format!("{own}/keys")}).to_string()
                        }
                        Says::Keys(body) => body,
                        Says::Huge => "x".repeat(50 << 20),
                        Says::Hangs => {
                            count.fetch_add(1, Ordering::SeqCst);
                            return std::future::pending().await;
                        }
                    };
                    if !discovery {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                    let head = format!(
                        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    // A client that has had enough closes: that is what some tests want.
                    let _ = stream.write_all(head.as_bytes()).await;
                    let _ = stream.write_all(body.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self {
            url,
            says,
            asked,
            _tasks: tasks,
        }
    }

    fn say(&self, says: Says) {
        *self.says.lock().expect("whole") = says;
    }

    async fn gate(&self) -> Gate {
        let toml = format!(
            "[issuers.idp]\nissuer = \"{}\"\naudience = [\"golive\"]\nprivate_addresses = [\"127.0.0.0/8\"]\n",
            self.url
        );
        let gate = Setup::default().with(&toml).start().await;
        eventually("the first fetch", async || {
            (self.asked.load(Ordering::SeqCst) > 0).then_some(())
        })
        .await;
        gate
    }
}

fn keys(signers: &[&Signer]) -> Says {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    Says::Keys(json!({ "keys": keys }).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_discovered_and_a_new_one_is_found_when_a_token_names_it() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let issuer = IssuerServer::start(keys(&[&old])).await;
    let gate = issuer.gate().await;
    gate.chat()
        .key(&old.token(&issuer.url, json!({})))
        .send()
        .await
        .said(Format::OpenAi);
    issuer.say(keys(&[&new]));
    gate.chat()
        .key(&new.token(&issuer.url, json!({})))
        .send()
        .await
        .said(Format::OpenAi);
    let withdrawn = gate.chat().key(&old.token(&issuer.url, json!({}))).send().await;
    withdrawn.is_error(Format::OpenAi, 401, "invalid_api_key");
    let asked = issuer.asked.load(Ordering::SeqCst);
    for n in 0..20 {
        let stranger = Signer::new("stranger").token(&issuer.url, json!({"jti": n}));
        gate.chat()
            .key(&stranger)
            .send()
            .await
            .is_error(Format::OpenAi, 401, "invalid_api_key");
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), asked, "the cool-down holds");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_hangs_or_talks_nonsense_leaves_its_last_keys_in_use() {
    let signer = Signer::new("k1");
    let issuer = IssuerServer::start(keys(&[&signer])).await;
    let gate = issuer.gate().await;
    let good = signer.token(&issuer.url, json!({}));
    gate.chat().key(&good).send().await.said(Format::OpenAi);
    for says in [Says::Huge, Says::Keys("<html>".into()), Says::Hangs] {
        issuer.say(says);
        let stranger = Signer::new("k2").token(&issuer.url, json!({}));
        gate.chat()
            .key(&stranger)
            .send()
            .await
            .is_error(Format::OpenAi, 401, "invalid_api_key");
        let fresh = signer.token(&issuer.url, json!({"jti": "fresh"}));
        gate.chat().key(&fresh).send().await.said(Format::OpenAi);
    }
    let (status, health) = gate.health().await;
    assert_eq!(status, 200, "{health}");
    assert!(
        health["checks"]["issuer/idp:keys"][0]["status"].is_string(),
        "{health}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_key_a_token_is_told_to_come_again_and_health_names_the_issuer() {
    let issuer = IssuerServer::start(Says::Huge).await;
    let gate = issuer.gate().await;
    let token = Signer::new("k1").token(&issuer.url, json!({}));
    let answer = gate.chat().key(&token).send().await;
    answer.is_error(Format::OpenAi, 503, "issuer_unavailable");
    let (status, health) = gate.health().await;
    assert_eq!(status, 503, "{health}");
    assert_eq!(
        health["checks"]["issuer/idp:keys"][0]["status"], "fail",
        "{health}"
    );
    gate.chat().send().await.said(Format::OpenAi);
}
