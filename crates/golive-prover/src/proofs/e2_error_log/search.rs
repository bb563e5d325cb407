//! E2: what must not stand in a log: the user, what was confided, keys; and the plain hashes by which a user is found.
//!
//! Never: repeats a value it found; the report says what it is.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::ExposeSecret as _;

use crate::ctx::Ctx;
use crate::md5::md5_hex;

/// Made-up things that a prompt confides, and keys.
pub(super) struct Secrets {
    /// (what it is, the value).
    confided: Vec<(&'static str, String)>,
    /// A key that stands in the prompt.
    pub(super) key: String,
    /// The target's own credentials.
    credentials: Vec<String>,
}

impl Secrets {
    pub(super) fn of(ctx: &Ctx) -> Secrets {
        let digits = ctx.marker("confided");
        let digits: String = digits
            .bytes()
            .map(|byte| char::from(b'0' + byte % 10))
            .skip(7)
            .collect();
        let confided = vec![
            ("an e-mail address", format!("ann.{}@mail.example", &digits[..8])),
            ("a phone number", format!("+49 151 {}", &digits[..8])),
            ("a card number", card(&digits)),
        ];
        let key = crate::secrets::made("github-token", ctx.seed ^ ctx.run);
        let credentials = ctx.config.credentials.values();
        Secrets {
            confided,
            key,
            credentials: credentials.map(|key| key.expose_secret().to_owned()).collect(),
        }
    }

    /// A prompt that confides it all.
    pub(super) fn prompt(&self) -> String {
        let values: Vec<&str> = self.confided.iter().map(|(_, value)| value.as_str()).collect();
        format!(
            "My details are {}. My token is {}. What do you make of it?",
            values.join(" and "),
            self.key
        )
    }

    /// What of it stands in `text`, by its kind.
    pub(super) fn found_in(&self, text: &str, users: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for user in users {
            if stands(text, user) {
                found.push("the user in clear".to_owned());
            }
        }
        for (what, value) in &self.confided {
            if stands(text, value) {
                found.push(format!("{what} in clear"));
            }
        }
        if stands(text, &self.key) {
            found.push("a key out of the prompt in clear".to_owned());
        }
        if self
            .credentials
            .iter()
            .any(|key| key.len() >= 8 && stands(text, key))
        {
            found.push("the caller's credential in clear".to_owned());
        }
        found.sort();
        found.dedup();
        found
    }
}

/// The plain hash by which a user can be found in `text`, if there is one: whoever has a list of users undoes it.
pub(super) fn plain_hash(text: &str, user: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    let sha = |algorithm| digest(algorithm, user.as_bytes()).as_ref().to_vec();
    let hashes = [
        ("MD5", md5_hex(user.as_bytes()), None),
        ("SHA-1", String::new(), Some(sha(&SHA1_FOR_LEGACY_USE_ONLY))),
        ("SHA-256", String::new(), Some(sha(&SHA256))),
        ("SHA-512", String::new(), Some(sha(&SHA512))),
    ];
    for (name, hex_text, bytes) in hashes {
        let hex_text = bytes.as_ref().map_or(hex_text, |bytes| hex(bytes));
        // Often only the beginning is kept.
        if lower.contains(&hex_text[..KEPT_OF_HASH]) {
            return Some(name);
        }
        let encoded = bytes.map(|bytes| STANDARD_NO_PAD.encode(bytes));
        if encoded.is_some_and(|encoded| text.contains(&encoded[..KEPT_OF_HASH])) {
            return Some(name);
        }
    }
    None
}

/// Sixteen hex digits do not occur by chance.
const KEPT_OF_HASH: usize = 16;

/// Whether a value stands in a text: as it is, without its spaces, in base64, in hex.
fn stands(text: &str, value: &str) -> bool {
    let bare: String = value.chars().filter(|c| !c.is_whitespace()).collect();
    let squeezed = || {
        text.chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .collect::<String>()
    };
    let encoded = || {
        (0..3).any(|shift| {
            let padded = [&b"   "[..shift], value.as_bytes()].concat();
            let encoded = STANDARD_NO_PAD.encode(padded);
            // The characters at both ends depend on what stands beside it.
            let inner = encoded
                .get(4.min(encoded.len())..encoded.len().saturating_sub(2))
                .unwrap_or_default();
            inner.len() >= 12 && text.contains(inner)
        })
    };
    text.contains(value)
        || (bare != value && squeezed().contains(&bare))
        || encoded()
        || text.to_ascii_lowercase().contains(&hex(value.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Sixteen digits under a test prefix, the last of them the Luhn check digit.
fn card(digits: &str) -> String {
    let body = format!("400000{}", &digits[..9]);
    let sum: u32 = body
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .enumerate()
        .map(|(n, digit)| match (n % 2, digit * 2) {
            (0, twice) if twice > 9 => twice - 9,
            (0, twice) => twice,
            _ => digit,
        })
        .sum();
    let all = format!("{body}{}", (10 - sum % 10) % 10);
    format!("{} {} {} {}", &all[..4], &all[4..8], &all[8..12], &all[12..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        Secrets {
            confided: vec![("a phone number", "+49 151 12345678".to_owned())],
            key: "k-0123456789abcdef".to_owned(),
            credentials: vec!["credential-0123".to_owned()],
        }
    }

    #[test]
    fn what_was_confided_is_found_in_several_dresses() {
        let user = "glv-check-e2-0123456789ab";
        for text in [
            "user=glv-check-e2-0123456789ab".to_owned(),
            STANDARD_NO_PAD.encode(user),
            hex(user.as_bytes()),
        ] {
            assert_eq!(
                secrets().found_in(&text, &[user]),
                ["the user in clear"],
                "{text}"
            );
        }
        assert_eq!(
            secrets().found_in("call +4915112345678", &[user]),
            ["a phone number in clear"]
        );
        assert!(secrets().found_in("call +49 *** ****5678", &[user]).is_empty());
        assert_eq!(secrets().found_in("k-0123456789abcdef", &[user]).len(), 1);
        assert_eq!(secrets().found_in("Bearer credential-0123", &[user]).len(), 1);
    }

    #[test]
    fn plain_hashes_whole_or_cut_are_named_and_keyed_ones_are_not() {
        let user = "ann";
        let sha = hex(digest(&SHA256, user.as_bytes()).as_ref());
        assert_eq!(plain_hash(&sha, user), Some("SHA-256"));
        assert_eq!(plain_hash(&sha[..20].to_uppercase(), user), Some("SHA-256"));
        assert_eq!(plain_hash(&md5_hex(user.as_bytes()), user), Some("MD5"));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"key");
        assert_eq!(
            plain_hash(&hex(aws_lc_rs::hmac::sign(&key, b"ann").as_ref()), user),
            None
        );
    }
}
