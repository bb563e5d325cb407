//! S5: the issuer's key pairs, made by the crypto library, and their public halves as JWK, PEM and DER.
//!
//! Never: lets a private half out.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// The algorithms that an issuer has a key for.
pub(crate) const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

/// A key pair with its name.
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl SigningKey {
    /// A fresh key of one of [`ALGORITHMS`].
    ///
    /// # Errors
    /// When the system gives no randomness, or the algorithm is none of them.
    pub(crate) fn generate(alg: &str, kid: String) -> Result<SigningKey, Unspecified> {
        let pair = match alg {
            "RS256" => Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048)?)),
            "ES256" => Pair::P256(Box::new(EcdsaKeyPair::generate(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
            )?)),
            "EdDSA" => Pair::Ed25519(Box::new(Ed25519KeyPair::generate()?)),
            _ => return Err(Unspecified),
        };
        Ok(SigningKey { kid, pair })
    }

    pub(crate) fn alg(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            Pair::P256(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The public half as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let (kid, alg) = (&self.kid, self.alg());
        let number = URL_SAFE_NO_PAD.encode(self.number());
        match &self.pair {
            Pair::Rsa(pair) => {
                let (_, e) = rsa_numbers(pair.public_key().as_ref()).unwrap_or_default();
                json!({"kty": "RSA", "use": "sig", "alg": alg, "kid": kid, "n": number,
                       "e": URL_SAFE_NO_PAD.encode(e)})
            }
            Pair::P256(pair) => {
                // An uncompressed point: 4, then 32 bytes of x and 32 of y.
                let y = pair.public_key().as_ref().get(33..65).unwrap_or_default();
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": alg, "kid": kid, "x": number,
                       "y": URL_SAFE_NO_PAD.encode(y)})
            }
            Pair::Ed25519(_) => {
                json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": alg, "kid": kid, "x": number})
            }
        }
    }

    /// The first number of the JWK: `n` or `x`.
    pub(crate) fn number(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => rsa_numbers(pair.public_key().as_ref()).unwrap_or_default().0,
            Pair::P256(pair) => pair.public_key().as_ref().get(1..33).unwrap_or_default().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The public half as DER (SubjectPublicKeyInfo).
    pub(crate) fn der(&self) -> Result<Vec<u8>, Unspecified> {
        let der = match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der()?,
            Pair::P256(pair) => pair.public_key().as_der()?,
            Pair::Ed25519(pair) => pair.public_key().as_der()?,
        };
        Ok(der.as_ref().to_vec())
    }

    /// The public half as PEM, with a line break at its end.
    pub(crate) fn pem(&self) -> Result<String, Unspecified> {
        let text = STANDARD.encode(self.der()?);
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = more;
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        Ok(pem)
    }
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017): a sequence of two integers.
fn rsa_numbers(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (sequence, _) = element(der, 0x30)?;
    let (n, rest) = element(sequence, 0x02)?;
    let (e, _) = element(rest, 0x02)?;
    Some((unsigned(n), unsigned(e)))
}

/// The content of the first DER element, which must have this tag, and what stands behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if bytes.len() > 4 {
            return None;
        }
        let len = bytes
            .iter()
            .fold(0_usize, |len, byte| len << 8 | usize::from(*byte));
        (len, rest)
    };
    (found == tag).then(|| rest.split_at_checked(len)).flatten()
}

/// Without the zero that keeps an integer positive.
fn unsigned(integer: &[u8]) -> Vec<u8> {
    integer.strip_prefix(&[0]).unwrap_or(integer).to_vec()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

    use super::*;

    #[test]
    fn the_numbers_of_an_rsa_jwk_verify_what_the_key_signed() {
        let key = SigningKey::generate("RS256", "k".into()).unwrap();
        let jwk = key.jwk();
        let number = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let public = RsaPublicKeyComponents {
            n: number("n"),
            e: number("e"),
        };
        let signature = key.sign(b"message").unwrap();
        public
            .verify(&RSA_PKCS1_2048_8192_SHA256, b"message", &signature)
            .unwrap();
        assert_eq!(number("n").len(), 256);
    }

    #[test]
    fn every_algorithm_has_a_key_a_jwk_and_a_pem_and_no_other_has() {
        for alg in ALGORITHMS {
            let key = SigningKey::generate(alg, "k".into()).unwrap();
            assert_eq!(key.alg(), alg);
            assert_eq!(key.jwk()["alg"], alg);
            assert!(key.pem().unwrap().lines().all(|line| line.len() <= 64));
            assert!(key.sign(b"m").unwrap().len() >= 64);
        }
        assert!(SigningKey::generate("HS256", "k".into()).is_err());
    }
}
