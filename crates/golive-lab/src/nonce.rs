//! L1, E1, E4: the mark at the end of each answer, by which a proof knows that an answer was made by this
//! lab, now, and by which provider: ` [lab:PROVIDER:NONCE:MAC8]`.
//!
//! Never: lets a mark of another run, or one made up, verify. The key is the lab's own and never leaves it.

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

use crate::dice;
use crate::redact::hex;

/// A mark as found in a text. It proves nothing before the lab has verified it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// Who answered.
    pub provider: String,
    /// 16 hex digits, different for each answer of a lab.
    pub nonce: String,
    /// 8 hex digits.
    pub mac: String,
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[lab:{}:{}:{}]", self.provider, self.nonce, self.mac)
    }
}

/// The last mark in a text, if there is one.
pub fn find(text: &str) -> Option<Mark> {
    find_all(text).pop()
}

/// All marks in a text, in order: two of them in one answer mean that answers were spliced.
pub fn find_all(text: &str) -> Vec<Mark> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(OPENING) {
        let rest = &text[at + OPENING.len()..];
        let Some(end) = rest.bytes().take(MARK_LEN_MAX).position(|b| b == b']') else {
            continue;
        };
        let mut parts = rest[..end].split(':');
        let (Some(provider), Some(nonce), Some(mac), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
        if nonce.len() == 16 && mac.len() == 8 && is_hex(nonce) && is_hex(mac) && !provider.is_empty() {
            found.push(Mark {
                provider: provider.into(),
                nonce: nonce.into(),
                mac: mac.into(),
            });
        }
    }
    found
}

/// Makes and checks marks.
pub(crate) struct Marks {
    key: hmac::Key,
    seed: u64,
}

impl Marks {
    /// With a random key, whatever the seed: a mark must not be predictable.
    pub(crate) fn new(seed: u64) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let rng = aws_lc_rs::rand::SystemRandom::new();
        Ok(Marks {
            key: hmac::Key::generate(hmac::HMAC_SHA256, &rng)?,
            seed,
        })
    }

    /// The nonce of the answer to arrival `seq`; repeatable by the seed.
    pub(crate) fn nonce(&self, seq: u64) -> u64 {
        dice::mix(dice::mix(self.seed) ^ seq)
    }

    /// The mark of an answer.
    pub(crate) fn mark(&self, provider: &str, nonce: u64) -> Mark {
        let nonce = format_nonce(nonce);
        let mac = self.mac(provider, &nonce);
        Mark {
            provider: provider.to_owned(),
            nonce,
            mac,
        }
    }

    /// Whether this lab made the mark.
    pub(crate) fn verify(&self, mark: &Mark) -> bool {
        self.mac(&mark.provider, &mark.nonce) == mark.mac
    }

    fn mac(&self, provider: &str, nonce: &str) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(provider.as_bytes());
        context.update(b":");
        context.update(nonce.as_bytes());
        hex(&context.sign().as_ref()[..4])
    }
}

pub(crate) fn format_nonce(nonce: u64) -> String {
    hex(&nonce.to_be_bytes())
}

const OPENING: &str = "[lab:";
/// Longest provider name, nonce, MAC and the colons.
const MARK_LEN_MAX: usize = 64 + 16 + 8 + 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_in_a_text_and_verifies_only_as_it_was_made() {
        let marks = Marks::new(1).unwrap();
        let mark = marks.mark("primary", marks.nonce(1));
        let found = find(&format!("Hello. [lab:x:y:z] {mark} and on")).unwrap();
        assert_eq!(found, mark);
        assert!(marks.verify(&found));
        assert!(!marks.verify(&Mark {
            provider: "backup".into(),
            ..mark.clone()
        }));
        assert!(
            !Marks::new(1).unwrap().verify(&mark),
            "the key must not depend on the seed"
        );
    }

    #[test]
    fn each_answer_has_a_nonce_of_its_own_and_the_seed_repeats_them() {
        let (one, two) = (Marks::new(5).unwrap(), Marks::new(5).unwrap());
        let nonces: std::collections::HashSet<u64> = (0..10_000).map(|seq| one.nonce(seq)).collect();
        assert_eq!(nonces.len(), 10_000);
        assert_eq!(one.nonce(42), two.nonce(42));
    }

    #[test]
    fn a_text_full_of_openings_has_no_mark() {
        assert_eq!(find(&"[lab:".repeat(1000)), None);
        assert_eq!(find("[lab:é:0123456789abcdef:0123456é]"), None);
    }
}
