//! S5, S6: tokens of any making.
//!
//! Never: makes a token other than the one that was asked for.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::keys::SigningKey;
use super::{DEFAULT_AUDIENCE, Issuer, Mint, Signature};
use crate::redact::hex;

/// Why a token was not made.
#[derive(Debug, Error)]
pub(crate) enum NoToken {
    #[error("the issuer has no key `{0}`; write a kid, or RS256, ES256 or EdDSA")]
    NoKey(String),
    #[error("the crypto library refused")]
    Crypto(#[from] Unspecified),
    #[error("`{0}` needs claims that are not `raw_claims`")]
    TamperRaw(&'static str),
}

/// Makes the token. `now` is in seconds since 1970.
pub(crate) fn mint(issuer: &Issuer, address: &str, now: u64, wanted: &Mint) -> Result<String, NoToken> {
    let name = wanted.key.as_deref().unwrap_or(DEFAULT_KEY);
    let key = issuer
        .key(name)
        .ok_or_else(|| NoToken::NoKey(name.chars().take(100).collect()))?;
    if wanted.raw_claims.is_some() && !wanted.tamper.is_empty() {
        return Err(NoToken::TamperRaw("tamper"));
    }
    let header = wanted.raw_header.clone().unwrap_or_else(|| {
        let right = json!({"alg": key.alg(), "kid": key.kid, "typ": "JWT"});
        over(right, &wanted.header).to_string()
    });
    let claims = right_claims(address, now)?;
    let claims = over(claims, &wanted.claims);
    let text = wanted.raw_claims.clone().unwrap_or_else(|| claims.to_string());
    let header = URL_SAFE_NO_PAD.encode(header);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(&text));
    let signature = sign(&key, wanted.signature, signed.as_bytes())?;
    let shown = if wanted.tamper.is_empty() {
        signed
    } else {
        format!(
            "{header}.{}",
            URL_SAFE_NO_PAD.encode(over(claims, &wanted.tamper).to_string())
        )
    };
    Ok(match signature {
        Some(signature) => format!("{shown}.{}", URL_SAFE_NO_PAD.encode(signature)),
        None => shown,
    })
}

fn right_claims(address: &str, now: u64) -> Result<Value, Unspecified> {
    let mut id = [0_u8; 12];
    aws_lc_rs::rand::fill(&mut id)?;
    Ok(json!({
        "iss": address, "sub": "lab-subject", "aud": DEFAULT_AUDIENCE, "iat": now, "exp": now + LIFETIME_S,
        "jti": hex(&id)
    }))
}

fn sign(key: &SigningKey, how: Signature, message: &[u8]) -> Result<Option<Vec<u8>>, Unspecified> {
    let mac = |secret: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Some(hmac::sign(&key, message).as_ref().to_vec())
    };
    Ok(match how {
        Signature::Right => Some(key.sign(message)?),
        Signature::Empty => Some(Vec::new()),
        Signature::Absent => None,
        Signature::Flipped => {
            let mut signature = key.sign(message)?;
            let middle = signature.len() / 2;
            if let Some(byte) = signature.get_mut(middle) {
                *byte ^= 1;
            }
            Some(signature)
        }
        Signature::Zeros => Some(vec![0; key.sign(message)?.len()]),
        Signature::HmacPem => mac(key.pem()?.as_bytes()),
        Signature::HmacPemTrimmed => mac(key.pem()?.trim_end().as_bytes()),
        Signature::HmacDer => mac(&key.der()?),
        Signature::HmacNumber => mac(&key.number()),
    })
}

/// `right` with `changes` laid over it; a `null` takes a member away.
fn over(right: Value, changes: &Map<String, Value>) -> Value {
    let Value::Object(mut members) = right else {
        return right;
    };
    for (name, value) in changes {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    Value::Object(members)
}

/// How long a right token is good for, in seconds.
const LIFETIME_S: u64 = 300;
const DEFAULT_KEY: &str = "ES256";
