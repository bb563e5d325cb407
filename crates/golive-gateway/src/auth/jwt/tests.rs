//! S5: whole tokens against key sets: made here, and from a file of vectors where one is named.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use golive_config::{Algorithm, Grant, Issuer, IssuerKeys};
use serde_json::{Value, json};

use super::form::Jws;
use super::keys::{KeySet, NoKey, verify};
use super::{BadKeys, Claims};
use crate::auth::failure::Failure;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn ec() -> (EcdsaKeyPair, Value) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "ec", "x": encode(&point[1..33]), "y": encode(&point[33..])});
    (pair, jwk)
}

fn rsa_jwk(pair: &RsaKeyPair) -> Value {
    // PKCS#1 of 2048 bits: SEQUENCE (4 bytes), INTEGER (4 bytes and a zero), the modulus, and 65537.
    let der = pair.public_key().as_ref();
    json!({"kty": "RSA", "kid": "rsa", "n": encode(&der[9..265]), "e": "AQAB"})
}

fn set(keys: &[&Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn token(alg: &str, kid: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let header = json!({"alg": alg, "kid": kid}).to_string();
    let signed = format!("{}.{}", encode(header), encode(r#"{"sub":"u"}"#));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", encode(signature))
}

fn accepts(keys: &KeySet, text: &str) -> Result<(), Failure> {
    let token = Jws::parse(text)?;
    let key = keys
        .select(token.algorithm, token.kid.as_deref())
        .map_err(|_| Failure::TokenKey)?;
    verify(key, token.signed, &token.signature)
}

#[test]
fn each_kind_of_key_checks_its_own_signatures_and_no_others() {
    let random = SystemRandom::new();
    let (ec, ec_jwk) = ec();
    let ed = Ed25519KeyPair::generate().unwrap();
    let ed_jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": encode(ed.public_key().as_ref())});
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let keys = set(&[&ec_jwk, &ed_jwk, &rsa_jwk(&rsa)]);
    let rsa_sign = |padding, message: &[u8]| {
        let mut signature = vec![0; 256];
        rsa.sign(padding, &random, message, &mut signature).unwrap();
        signature
    };
    let by_ec = |message: &[u8]| ec.sign(&random, message).unwrap().as_ref().to_vec();
    for text in [
        token("ES256", "ec", by_ec),
        token("EdDSA", "ed", |message| ed.sign(message).as_ref().to_vec()),
        token("RS256", "rsa", |message| rsa_sign(&RSA_PKCS1_SHA256, message)),
        token("PS256", "rsa", |message| rsa_sign(&RSA_PSS_SHA256, message)),
    ] {
        assert_eq!(accepts(&keys, &text), Ok(()));
        let mut bytes = text.clone().into_bytes();
        let middle = bytes.len() - 20;
        bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
        assert_eq!(
            accepts(&keys, std::str::from_utf8(&bytes).unwrap()),
            Err(Failure::TokenSignature)
        );
    }
    let confused = [
        token("RS256", "ec", by_ec),
        token("ES256", "rsa", by_ec),
        token("ES384", "ec", by_ec),
        token("ES256", "other", by_ec),
        token("ES256", "../../dev/null", by_ec),
    ];
    for text in confused {
        assert_eq!(accepts(&keys, &text), Err(Failure::TokenKey));
    }
    let pss_as_pkcs = token("RS256", "rsa", |message| rsa_sign(&RSA_PSS_SHA256, message));
    assert_eq!(accepts(&keys, &pss_as_pkcs), Err(Failure::TokenSignature));
    for forged in [vec![0; 64], vec![1; 63], vec![0xff; 64], vec![0; 72]] {
        assert_eq!(
            accepts(&keys, &token("ES256", "ec", |_| forged)),
            Err(Failure::TokenSignature)
        );
    }
}

#[test]
fn keys_that_must_not_check_signatures_are_left_out_and_the_rest_serve() {
    let (_, good) = ec();
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    for bad in [
        json!({"kty": "oct", "k": encode([7; 32]), "alg": "HS256"}),
        json!({"kty": "RSA", "n": encode([0xff; 128]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": encode([0x7f; 256]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": "", "e": "AQAB"}),
        json!({"kty": "OKP", "crv": "X25519", "x": encode([7; 32])}),
        json!("no key"),
        with("use", json!("enc")),
        with("key_ops", json!(["encrypt"])),
        with("alg", json!("HS256")),
        with("alg", json!("RS256")),
        with("crv", json!("secp256k1")),
        with("crv", json!("P-384")),
        with("x", json!(encode([7; 32]))),
        with("x", json!(encode([7; 31]))),
        with("d", json!(encode([7; 32]))),
        with("kid", json!(7)),
    ] {
        let keys = set(&[&bad, &good]);
        assert_eq!((keys.len(), keys.left_out.len()), (1, 1), "{bad}");
    }
    assert_eq!(set(&[&with("key_ops", json!(["verify"])), &good]).len(), 2);
}

#[test]
fn without_a_name_only_one_fitting_key_will_do() {
    let ((_, one), (_, two)) = (ec(), ec());
    assert!(set(&[&one]).select(Algorithm::Es256, None).is_ok());
    let ambiguous = |keys: KeySet, kid| keys.select(Algorithm::Es256, kid).map(|_| ()).unwrap_err();
    assert_eq!(ambiguous(set(&[&one, &two]), None), NoKey::Ambiguous);
    assert_eq!(ambiguous(set(&[&one, &two]), Some("ec")), NoKey::Ambiguous);
    assert_eq!(ambiguous(set(&[&one]), Some("x")), NoKey::UnknownKid);
}

#[test]
fn garbage_is_no_key_set() {
    for (text, why) in [
        ("{}", BadKeys::Shape),
        (r#"{"keys":{}}"#, BadKeys::Shape),
        ("[]", BadKeys::Shape),
    ] {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), why);
    }
    for text in ["", "<html>", r#"{"keys":[],"keys":[]}"#, "{\"keys\":[]} x"] {
        assert!(
            matches!(KeySet::parse(text.as_bytes()), Err(BadKeys::Json(_))),
            "{text}"
        );
    }
    let many = json!({ "keys": vec![json!({}); 101] }).to_string();
    assert_eq!(KeySet::parse(many.as_bytes()).unwrap_err(), BadKeys::TooMany);
}

/// `GOLIVE_JWT_VECTORS` names a folder with `jwt.jsonl` (`text`, `label`, `config` a line) and `jwt-config.json`.
#[test]
fn vectors_of_others_are_judged_as_they_say() {
    let Some(folder) = std::env::var_os("GOLIVE_JWT_VECTORS").map(std::path::PathBuf::from) else {
        return; // the tests above make their own
    };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let configs: Value = serde_json::from_str(&read("jwt-config.json")).unwrap();
    let (mut agreed, mut by_choice, mut wrong) = (0, Vec::new(), Vec::new());
    for line in read("jwt.jsonl").lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let config = &configs[row["config"].as_str().unwrap()];
        let accepted = judge(row["text"].as_str().unwrap(), config);
        let name = format!("{} {} {} {accepted:?}", row["id"], row["config"], row["comment"]);
        match (row["label"].as_str().unwrap(), &accepted) {
            ("acceptable", _) | ("valid", Ok(())) | ("invalid", Err(_)) => agreed += 1,
            // Symmetric secrets have no place at an issuer, and a key is for the algorithm it says, for no other.
            ("valid", Err(_)) if is_refused_by_choice(row["text"].as_str().unwrap(), config) => {
                by_choice.push(name)
            }
            _ => wrong.push(name),
        }
    }
    println!(
        "{agreed} agreed; {} refused by choice: {by_choice:#?}",
        by_choice.len()
    );
    assert!(wrong.is_empty(), "{} disagree: {wrong:#?}", wrong.len());
}

fn is_refused_by_choice(text: &str, config: &Value) -> bool {
    // A character that is none of base64url's is refused, not skipped (RFC 7515 §2).
    let Ok(header) = URL_SAFE_NO_PAD.decode(text.split('.').next().unwrap()) else {
        return true;
    };
    let Ok(header) = serde_json::from_slice::<Value>(&header) else {
        return false;
    };
    let keys = config["jwks"]["keys"].as_array().unwrap();
    keys.iter()
        .all(|key| key["kty"] == "oct" || key["alg"] != header["alg"])
}

fn judge(text: &str, config: &Value) -> Result<(), Failure> {
    let keys = KeySet::parse(config["jwks"].to_string().as_bytes()).unwrap();
    if config["jws_only"] == true {
        return accepts(&keys, text);
    }
    let words = |name: &str| -> Vec<String> {
        let list = config[name].as_array().unwrap();
        list.iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect()
    };
    let issuer = Issuer {
        name: "vectors".into(),
        issuer: config["issuer"].as_str().unwrap().into(),
        keys: IssuerKeys::File("keys.json".into()),
        audience: vec![config["audience"].as_str().unwrap().into()],
        algorithms: words("algorithms")
            .iter()
            .map(|word| Algorithm::of(word).unwrap())
            .collect(),
        typ: None,
        roles_claim: None,
        team_claim: None,
        user_claim: None,
        grant: Grant {
            agents: vec![],
            models: vec![],
            may_assert_users: false,
        },
        leeway: std::time::Duration::from_secs(config["leeway_s"].as_u64().unwrap()),
        max_age: None,
        keys_max_age: None,
        private_addresses: vec![],
        ca_file: None,
    };
    let token = Jws::parse(text)?;
    if !issuer.algorithms.contains(&token.algorithm) {
        return Err(Failure::TokenAlgorithm);
    }
    if !token.is_of_type(None) {
        return Err(Failure::TokenType);
    }
    Claims::check(&token.claims()?, &issuer, config["now"].as_f64().unwrap())?;
    accepts(&keys, text)
}
