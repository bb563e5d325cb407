//! E3: the signature of a webhook: `t=UNIX,v1=HEX`, where HEX is the HMAC-SHA-256 of `UNIX.BODY`.
//!
//! Never: compares in a time that depends on where the difference is, or takes a signature without its time.

use aws_lc_rs::hmac;
use thiserror::Error;

use crate::redact::hex;

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadSignature {
    /// Not of the form `t=UNIX,v1=HEX`.
    #[error("the signature is not of the form t=UNIX,v1=HEX")]
    Malformed,
    /// Its time is too far from that of its arrival, so that a recorded event could be sent again.
    #[error("the signature is {0} s old")]
    Old(u64),
    /// It was not made of this body with this secret.
    #[error("the signature was not made of this body with the declared secret")]
    Wrong,
}

/// The signature of `body` at a time.
#[must_use]
pub fn sign(secret: &str, unix_s: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{unix_s}.{body}").as_bytes());
    format!("t={unix_s},v1={}", hex(tag.as_ref()))
}

/// Whether a signature was made of this body with this secret, at most `tolerance_s` seconds before or after it arrived.
/// Several `v1` may stand in it, as while a secret is being changed.
///
/// # Errors
/// [`BadSignature`]: which of it does not hold.
pub fn verify(
    secret: &str,
    signature: &str,
    body: &str,
    arrived_unix_s: u64,
    tolerance_s: u64,
) -> Result<(), BadSignature> {
    let parts: Vec<(&str, &str)> = signature
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .collect();
    let time = parts
        .iter()
        .find(|(name, _)| *name == "t")
        .map(|(_, value)| *value);
    let time: u64 = time
        .and_then(|value| value.parse().ok())
        .ok_or(BadSignature::Malformed)?;
    let tags: Vec<Vec<u8>> = parts
        .iter()
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, value)| from_hex(value))
        .collect();
    if tags.is_empty() {
        return Err(BadSignature::Malformed);
    }
    let age = arrived_unix_s.abs_diff(time);
    if age > tolerance_s {
        return Err(BadSignature::Old(age));
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let message = format!("{time}.{body}");
    let holds = |tag: &Vec<u8>| hmac::verify(&key, message.as_bytes(), tag).is_ok();
    if tags.iter().any(holds) {
        Ok(())
    } else {
        Err(BadSignature::Wrong)
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_own_body_secret_and_time_alone() {
        let made = sign("secret", 1_000, "{\"id\":1}");
        assert_eq!(verify("secret", &made, "{\"id\":1}", 1_010, 300), Ok(()));
        assert_eq!(
            verify("other", &made, "{\"id\":1}", 1_010, 300),
            Err(BadSignature::Wrong)
        );
        assert_eq!(
            verify("secret", &made, "{\"id\":2}", 1_010, 300),
            Err(BadSignature::Wrong)
        );
        assert_eq!(
            verify("secret", &made, "{\"id\":1}", 2_000, 300),
            Err(BadSignature::Old(1_000))
        );
        let later = made.replace("t=1000", "t=1001");
        assert_eq!(
            verify("secret", &later, "{\"id\":1}", 1_010, 300),
            Err(BadSignature::Wrong)
        );
    }

    #[test]
    fn two_signatures_stand_in_one_while_a_secret_is_changed() {
        let old = sign("old", 5, "x");
        let new = sign("new", 5, "x");
        let both = format!("{old},{}", new.split_once(',').unwrap().1);
        assert_eq!(verify("old", &both, "x", 5, 1), Ok(()));
        assert_eq!(verify("new", &both, "x", 5, 1), Ok(()));
    }

    #[test]
    fn what_is_no_signature_is_said_to_be_none() {
        for text in ["", "t=1", "v1=ab", "t=x,v1=ab", "t=1,v1=xyz", "t=1,v1=é"] {
            assert_eq!(
                verify("s", text, "x", 1, 1),
                Err(BadSignature::Malformed),
                "{text}"
            );
        }
    }
}
