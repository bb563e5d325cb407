//! S5: the keys of an issuer (JSON Web Key Set, RFC 7517): those that may check a signature, each for the algorithms
//! it is for, parsed once.
//!
//! Left out are symmetric keys, keys for encryption, RSA below 2048 bits, unknown curves, and keys whose private half
//! stands beside them: whoever has read the set could sign.

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use golive_config::Algorithm;
use golive_resilience::Tick;
use golive_screen::validate::json::{self, Bounds};
use serde_json::Value;

use crate::auth::failure::Failure;

/// Keys of one set; issuers have two or three.
const KEYS_MAX: usize = 100;
/// RSA moduli that are accepted, in bytes: 2048 to 8192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// The keys of an issuer.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
    /// Keys that were left out, each with the reason.
    pub left_out: Vec<&'static str>,
    /// When they were had.
    pub at: Tick,
    /// Counts the sets of one issuer: what was checked by another is not checked by this one.
    pub generation: u64,
}

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    /// One parsed form per algorithm: the library binds a key to one.
    forms: Vec<(Algorithm, ParsedPublicKey)>,
}

/// Why no key of a set fits a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// None is named so; a newer set may have it.
    UnknownKid,
    /// The one that is named is not for this algorithm.
    NotForThis,
    /// The token names none, and not exactly one would fit.
    Ambiguous,
}

/// Why a text is no set of keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// Not strict JSON.
    #[error("the keys are not sound JSON: {0}")]
    Json(String),
    /// No `keys`.
    #[error("the answer is no JSON Web Key Set: it has no list `keys`")]
    Shape,
    /// Too many.
    #[error("the key set has more than {KEYS_MAX} keys")]
    TooMany,
}

impl KeySet {
    /// Reads a set. Keys that cannot be used are left out, as RFC 7517 §5 wants it.
    ///
    /// # Errors
    /// The text is no set at all.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadKeys> {
        let bounds = Bounds {
            depth: 16,
            ..Bounds::default()
        };
        json::check(bytes, &bounds).map_err(|why| BadKeys::Json(why.message))?;
        let set: Value = serde_json::from_slice(bytes).map_err(|why| BadKeys::Json(why.to_string()))?;
        let list = set.get("keys").and_then(Value::as_array).ok_or(BadKeys::Shape)?;
        if list.len() > KEYS_MAX {
            return Err(BadKeys::TooMany);
        }
        let mut keys = Self::default();
        for one in list {
            match key(one) {
                Ok(key) => keys.keys.push(key),
                Err(why) => keys.left_out.push(why),
            }
        }
        Ok(keys)
    }

    /// How many keys can be used.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none can be used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The one key for a token.
    ///
    /// # Errors
    /// See [`NoKey`].
    pub fn select(&self, algorithm: Algorithm, kid: Option<&str>) -> Result<&ParsedPublicKey, NoKey> {
        let named = |key: &&Key| kid.is_none() || key.kid.as_deref() == kid;
        let mut fitting = self
            .keys
            .iter()
            .filter(named)
            .flat_map(|key| &key.forms)
            .filter(|(one, _)| *one == algorithm);
        match (fitting.next(), fitting.next()) {
            (Some((_, key)), None) => Ok(key),
            (Some(_), Some(_)) => Err(NoKey::Ambiguous),
            (None, _) if kid.is_none() => Err(NoKey::Ambiguous),
            (None, _) if self.keys.iter().any(|key| key.kid.as_deref() == kid) => Err(NoKey::NotForThis),
            (None, _) => Err(NoKey::UnknownKid),
        }
    }
}

/// Checks a signature. Lengths are those of the key; ECDSA's two halves have a fixed width (RFC 7518 §3.4).
///
/// # Errors
/// It is wrong.
pub fn verify(key: &ParsedPublicKey, signed: &[u8], signature: &[u8]) -> Result<(), Failure> {
    key.verify_sig(signed, signature)
        .map_err(|_| Failure::TokenSignature)
}

fn key(jwk: &Value) -> Result<Key, &'static str> {
    let member = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| {
        member(name)
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .ok_or("a part of it is missing or not base64url")
    };
    if ["d", "p", "q", "dp", "dq", "qi", "k"]
        .iter()
        .any(|name| jwk.get(name).is_some())
    {
        return Err("its secret half is published");
    }
    if jwk.get("use").is_some_and(|usage| usage != "sig") {
        return Err("it is not for signatures");
    }
    if let Some(operations) = jwk.get("key_ops") {
        let verifies = operations
            .as_array()
            .is_some_and(|list| list.iter().any(|one| one == "verify"));
        if !verifies {
            return Err("it is not for checking signatures");
        }
    }
    let only = match jwk.get("alg") {
        None => None,
        Some(Value::String(word)) => Some(Algorithm::of(word).ok_or("its algorithm is not known")?),
        Some(_) => return Err("its algorithm is not a word"),
    };
    let kid = match jwk.get("kid") {
        None => None,
        Some(Value::String(kid)) => Some(kid.clone()),
        Some(_) => return Err("its kid is not a text"),
    };
    let broken = |_: aws_lc_rs::error::KeyRejected| "it is not a sound key";
    let forms: Vec<(Algorithm, ParsedPublicKey)> = match (member("kty"), member("crv")) {
        (Some("RSA"), _) => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            if !RSA_BYTES.contains(&n.len()) || n[0] == 0 || (n.len() == *RSA_BYTES.start() && n[0] < 0x80) {
                return Err("its modulus has not 2048 to 8192 bits");
            }
            let parts = RsaPublicKeyComponents { n, e };
            let mut forms = Vec::with_capacity(RSA.len());
            for (one, rule) in RSA.iter().filter(|(one, _)| only.is_none_or(|only| only == *one)) {
                forms.push((*one, parts.to_parsed_public_key(rule).map_err(broken)?));
            }
            forms
        }
        (Some("EC"), Some(curve)) => {
            let (algorithm, rule, width) = match curve {
                "P-256" => (Algorithm::Es256, &signature::ECDSA_P256_SHA256_FIXED, 32),
                "P-384" => (Algorithm::Es384, &signature::ECDSA_P384_SHA384_FIXED, 48),
                "P-521" => (Algorithm::Es512, &signature::ECDSA_P521_SHA512_FIXED, 66),
                _ => return Err("its curve is not known"),
            };
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != width || y.len() != width {
                return Err("its point has not the width of its curve");
            }
            // Uncompressed (SEC 1 §2.3.3); that the point lies on the curve is checked when it is parsed.
            let point = [&[4][..], &x, &y].concat();
            vec![(algorithm, ParsedPublicKey::new(rule, point).map_err(broken)?)]
        }
        (Some("OKP"), Some("Ed25519")) => {
            let x = bytes("x")?;
            if x.len() != 32 {
                return Err("its point has not the width of its curve");
            }
            vec![(
                Algorithm::EdDsa,
                ParsedPublicKey::new(&signature::ED25519, x).map_err(broken)?,
            )]
        }
        _ => return Err("its kind is not known"),
    };
    if forms.is_empty() || forms.iter().any(|(one, _)| only.is_some_and(|only| only != *one)) {
        return Err("its algorithm is not for its kind of key");
    }
    Ok(Key { kid, forms })
}

const RSA: [(Algorithm, &RsaParameters); 6] = [
    (Algorithm::Rs256, &signature::RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::Rs384, &signature::RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::Rs512, &signature::RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::Ps256, &signature::RSA_PSS_2048_8192_SHA256),
    (Algorithm::Ps384, &signature::RSA_PSS_2048_8192_SHA384),
    (Algorithm::Ps512, &signature::RSA_PSS_2048_8192_SHA512),
];
