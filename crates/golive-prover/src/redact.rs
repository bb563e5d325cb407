//! S1: what the prover itself must never print. Every string that goes into evidence passes here first: the
//! credentials of the target, anything shaped like a key, and the values of headers that carry secrets.
//!
//! Never: shortens a secret to something that could be completed. What stands in its place is a digest.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

/// Headers whose values are secrets whatever they hold.
const SECRET_HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "cookie",
    "set-cookie",
    "x-goog-api-key",
];

/// Beginnings of vendor keys; what follows (at least [`KEY_TAIL`] key characters) is replaced.
const KEY_PREFIXES: &[&str] = &["glv_", "sk-", "xoxb-", "ghp_", "AKIA", "AIza"];

/// Fewer characters than this after a prefix is prose ("sk-learn"), not a key.
const KEY_TAIL: usize = 16;

/// Secrets shorter than this are not searched for: replacing `a` everywhere would ruin the evidence.
const SHORTEST: usize = 6;

/// Knows the secrets of one run.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Redactor {
    /// A redactor of these secrets; those under six characters are only caught in secret headers.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Redactor {
        let mut secrets: Vec<String> = secrets.into_iter().filter(|s| s.len() >= SHORTEST).collect();
        // Longest first: a secret that contains another is replaced whole.
        secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        secrets.dedup();
        Redactor { secrets }
    }

    /// The same, knowing more.
    #[must_use]
    pub fn with(&self, more: &[String]) -> Redactor {
        Redactor::new(self.secrets.iter().chain(more).cloned())
    }

    /// `text` without known secrets and without anything shaped like a key.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for secret in &self.secrets {
            if out.contains(secret.as_str()) {
                out = out.replace(secret.as_str(), &mark(secret));
            }
            let encoded = percent(secret);
            if encoded != *secret && out.contains(&encoded) {
                out = out.replace(&encoded, &mark(secret));
            }
        }
        shapes(&out)
    }

    /// One header line, `name: value`.
    #[must_use]
    pub fn header(&self, name: &str, value: &[u8]) -> String {
        let value = String::from_utf8_lossy(value);
        if SECRET_HEADERS
            .iter()
            .any(|secret| name.eq_ignore_ascii_case(secret))
            && !value.is_empty()
        {
            return format!("{name}: {}", mark(&value));
        }
        format!("{name}: {}", self.text(&value))
    }
}

/// What stands in a secret's place: enough to see that two are the same, never enough to find one.
#[must_use]
pub fn mark(secret: &str) -> String {
    let hash = digest(&SHA256, secret.as_bytes());
    let mut out = String::from("<redacted sha256:");
    for byte in &hash.as_ref()[..4] {
        let _ = write!(out, "{byte:02x}");
    }
    out.push('>');
    out
}

fn shapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = KEY_PREFIXES.iter().filter_map(|prefix| rest.find(prefix)).min() {
        out.push_str(&rest[..at]);
        let found = &rest[at..];
        let end = found
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
            .unwrap_or(found.len());
        if end >= KEY_TAIL {
            out.push_str(&mark(&found[..end]));
        } else {
            out.push_str(&found[..end.max(1)]);
        }
        rest = &found[end.max(1)..];
    }
    out.push_str(rest);
    out
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_secret_vanishes_plain_and_percent_encoded() {
        let redactor = Redactor::new(["s3cret/with=signs".to_owned()]);
        let out = redactor.text("key=s3cret/with=signs and ?k=s3cret%2Fwith%3Dsigns");
        assert!(!out.contains("s3cret"), "{out}");
        assert_eq!(out.matches("<redacted sha256:").count(), 2);
    }

    #[test]
    fn a_near_miss_of_a_key_is_no_hint_at_the_key() {
        let out = Redactor::default().text("used glv_live_GOLIVEexampleTOKEN0000000000001pkdFX today");
        assert!(!out.contains("GOLIVEexample"), "{out}");
        assert!(out.ends_with(" today"));
    }

    #[test]
    fn secret_headers_are_replaced_whole_and_prose_is_left_alone() {
        let redactor = Redactor::default();
        assert!(!redactor.header("Authorization", b"Bearer abc").contains("abc"));
        assert_eq!(redactor.header("accept", b"text/html"), "accept: text/html");
        assert_eq!(
            redactor.text("we use sk-learn and glv_ keys"),
            "we use sk-learn and glv_ keys"
        );
    }
}
