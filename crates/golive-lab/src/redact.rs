//! E2, S1: secrets that a request carries are replaced before anything is kept, by a mark that still tells
//! whether two of them are the same.
//!
//! Never: lets a credential header pass because its value looks harmless.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, HeaderValue};

/// What stands in a secret's place: `<redacted sha256:1a2b3c4d>`, the first 8 hex digits of its SHA-256.
/// A proof that knows a key makes the same mark of it, to see whether that key was passed on.
pub fn mark(secret: &[u8]) -> String {
    let hash = digest(&SHA256, secret);
    format!("<redacted sha256:{}>", hex(&hash.as_ref()[..4]))
}

/// A header's value as it may be kept. The scheme of an authorization stays: `Bearer <redacted …>`.
pub(crate) fn header<'a>(name: &str, value: &'a HeaderValue) -> Cow<'a, str> {
    if !is_secret_name(name) {
        return String::from_utf8_lossy(value.as_bytes());
    }
    let bytes = value.as_bytes();
    if name.ends_with("authorization")
        && let Some(at) = bytes.iter().position(|b| *b == b' ')
        && bytes[..at].iter().all(u8::is_ascii_alphanumeric)
    {
        let scheme = String::from_utf8_lossy(&bytes[..at]);
        return format!("{scheme} {}", mark(bytes[at..].trim_ascii())).into();
    }
    mark(bytes).into()
}

/// All headers as `name: value` lines: one allocation, since the timeline keeps very many of them.
pub(crate) fn headers(map: &HeaderMap) -> Box<str> {
    let mut lines = String::with_capacity(map.iter().map(|(n, v)| n.as_str().len() + v.len() + 3).sum());
    for (name, value) in map {
        lines.push_str(name.as_str());
        lines.push_str(": ");
        lines.push_str(&header(name.as_str(), value));
        lines.push('\n');
    }
    lines.into_boxed_str()
}

/// A path and query with the values of secret-looking parameters replaced.
pub(crate) fn path(path_and_query: &str) -> Cow<'_, str> {
    let Some((path, query)) = path_and_query.split_once('?') else {
        return path_and_query.into();
    };
    if !query
        .split('&')
        .any(|pair| is_secret_name(pair.split('=').next().unwrap_or_default()))
    {
        return path_and_query.into();
    }
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if is_secret_name(name) => format!("{name}={}", mark(value.as_bytes())),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", pairs.join("&")).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// By part of the name, so that a provider's odd header (`x-goog-api-key`, `ocp-apim-subscription-key`) is
/// caught too. `idempotency-key` is no secret and proofs read it.
fn is_secret_name(name: &str) -> bool {
    let lower = if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    !HARMLESS.contains(&&*lower) && SECRET_PARTS.iter().any(|part| lower.contains(part))
}

/// What nearly every request carries (so that it is not searched), and what only looks like a secret.
const HARMLESS: &[&str] = &[
    "host",
    "accept",
    "content-type",
    "content-length",
    "user-agent",
    "traceparent",
    "idempotency-key",
];
const SECRET_PARTS: &[&str] = &[
    "authorization",
    "key",
    "token",
    "secret",
    "password",
    "cookie",
    "credential",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_replaced_and_the_scheme_stays() {
        let kept =
            |name: &str, value: &'static str| header(name, &HeaderValue::from_static(value)).into_owned();
        assert_eq!(
            kept("authorization", "Bearer sk-1"),
            format!("Bearer {}", mark(b"sk-1"))
        );
        assert_eq!(kept("authorization", "sk-1"), mark(b"sk-1"));
        for name in [
            "x-api-key",
            "cookie",
            "x-goog-api-key",
            "x-auth-token",
            "proxy-authorization",
        ] {
            assert!(!kept(name, "sk-1").contains("sk-1"), "{name}");
        }
        assert_eq!(kept("x-request-id", "abc"), "abc");
        assert_eq!(kept("idempotency-key", "abc"), "abc");
    }

    #[test]
    fn a_key_in_the_query_string_is_replaced() {
        assert_eq!(path("/v1/models?limit=3"), "/v1/models?limit=3");
        assert_eq!(
            path("/v1?api_key=sk-1&a=b"),
            format!("/v1?api_key={}&a=b", mark(b"sk-1"))
        );
    }
}
