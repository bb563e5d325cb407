//! S5: what it costs to know a caller: by an API key, by a token seen before, by a token with its signature to check.

use std::collections::BTreeMap;
use std::hint::black_box;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use golive_gateway::auth::issuer::Issuers;
use golive_gateway::auth::jwt::KeySet;
use golive_gateway::auth::keyring::Keyring;
use golive_resilience::Tick;
use golive_store::{ApiKey, Durability, MasterKey, Store, StoreOptions, WhenFull};
use secrecy::ExposeSecret;
use serde_json::json;

const ISS: &str = "https://id.example";
const NOW_S: f64 = 1_800_000_000.0;
const NOW: Tick = Tick(1_800_000_000_000_000);

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn token(pair: &EcdsaKeyPair, n: u64) -> String {
    let header = json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}).to_string();
    let claims = json!({"iss": ISS, "aud": "golive", "sub": "ada@example.com", "jti": n, "iat": NOW_S, "nbf": NOW_S,
                        "exp": NOW_S + 600.0, "roles": ["user", "operator"], "team": "sales", "scope": "read write"});
    let signed = format!("{}.{}", encode(header), encode(claims.to_string()));
    let signature = pair
        .sign(&SystemRandom::new(), signed.as_bytes())
        .expect("a signature");
    format!("{signed}.{}", encode(signature.as_ref()))
}

fn identify(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let store = runtime
        .block_on(Store::open(StoreOptions {
            path: folder.path().join("golive.db"),
            durability: Durability::Process,
            master_key: MasterKey::new(&[7; 32]).expect("32 bytes"),
            spill_size: 1 << 16,
            when_full: WhenFull::Refuse,
        }))
        .expect("a store")
        .store;
    let (key, _) = ApiKey::generate().expect("randomness");
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let point = pair.public_key().as_ref();
    let keys = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "alg": "ES256", "x": encode(&point[1..33]),
                                "y": encode(&point[33..])}]})
    .to_string();
    std::fs::write(folder.path().join("keys.json"), &keys).expect("a file");
    let file = folder.path().join("golive.toml");
    let toml = format!(
        "[issuers.idp]\nissuer = \"{ISS}\"\naudience = [\"golive\"]\njwks_file = \"keys.json\"\nroles_claim = \"roles\"\n\
         [keys.main]\nkey_env = \"MAIN_KEY\"\n"
    );
    std::fs::write(&file, toml).expect("a file");
    let environment: BTreeMap<String, String> = [
        ("MAIN_KEY".to_owned(), key.expose_secret().to_owned()),
        (
            "GOLIVE_MASTER_KEY".to_owned(),
            "Z29saXZlLXRlc3RzLW1hc3Rlci1rZXktMzItYnl0ZXM=".to_owned(),
        ),
    ]
    .into();
    let config = golive_config::load(&file, &environment)
        .expect("a configuration")
        .config;
    let keyring = Keyring::assemble(&[], &config, &store);
    let issuers = Issuers::assemble(&config, None).expect("issuers");
    let trusted = issuers.get(ISS).expect("the issuer");
    trusted.install(KeySet::parse(keys.as_bytes()).expect("keys"), NOW);

    criterion.bench_function("identify/api_key", |bencher| {
        bencher.iter(|| keyring.find(black_box(key.expose_secret()), NOW).is_ok());
    });
    let seen = token(&pair, 0);
    let ask = |text: &str| {
        runtime
            .block_on(issuers.identify(text, &store, NOW, NOW_S))
            .is_ok()
    };
    assert!(ask(&seen));
    criterion.bench_function("identify/es256_token_seen_before", |bencher| {
        bencher.iter(|| assert!(ask(black_box(&seen))));
    });
    let mut n = 0;
    criterion.bench_function("identify/es256_token_new_with_cached_key", |bencher| {
        bencher.iter_batched(
            || {
                n += 1;
                token(&pair, n)
            },
            |text| assert!(ask(black_box(&text))),
            BatchSize::SmallInput,
        );
    });
    let forged = format!("{}.{}", seen.rsplit_once('.').expect("parts").0, encode([1; 64]));
    criterion.bench_function("identify/es256_token_forged", |bencher| {
        bencher.iter(|| assert!(!ask(black_box(&forged))));
    });
    runtime.block_on(store.close());
}

criterion_group!(benches, identify);
criterion_main!(benches);
