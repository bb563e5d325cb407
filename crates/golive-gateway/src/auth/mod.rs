//! S5: who calls. Credentials are read from the head of a request, in one place, by one rule.
//!
//! Accepted are `Authorization: Bearer`, `x-api-key` and `api-key`; never a query string. Two credentials that
//! differ are refused, not ranked.
//!
//! Never: logs, keeps or forwards a credential.

pub mod caller;
pub mod failure;
pub mod issuer;
pub mod jwt;
pub mod keyring;
pub mod peer;
pub mod principal;

use http::{HeaderMap, header};

/// What the head of a request offers as proof of who calls.
#[derive(Debug, PartialEq, Eq)]
pub enum Offered<'a> {
    /// No credential at all.
    Nothing,
    /// One credential, or the same one in two places.
    Key(&'a str),
    /// Two that differ, or one header twice.
    Conflict,
    /// A scheme or a form that is not understood.
    Malformed,
}

/// Reads the credential of a request. The scheme's name is case-insensitive (RFC 9110 §11.1).
#[must_use]
pub fn offered(headers: &HeaderMap) -> Offered<'_> {
    let mut found: Option<&str> = None;
    for name in [header::AUTHORIZATION.as_str(), "x-api-key", "api-key"] {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            return Offered::Conflict;
        }
        let Ok(text) = value.to_str() else {
            return Offered::Malformed;
        };
        let key = if name == header::AUTHORIZATION.as_str() {
            match text.split_once(' ') {
                Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
                _ => return Offered::Malformed,
            }
        } else {
            text.trim()
        };
        if key.is_empty() {
            return Offered::Malformed;
        }
        if found.is_some_and(|earlier| earlier != key) {
            return Offered::Conflict;
        }
        found = Some(key);
    }
    found.map_or(Offered::Nothing, Offered::Key)
}

/// Whether a query string carries something that looks like a credential. Such requests are refused even when
/// a good header stands beside it: the secret is in every access log on the way by now.
#[must_use]
pub fn credential_in_query(query: Option<&str>) -> bool {
    const NAMES: [&str; 9] = [
        "key",
        "api_key",
        "apikey",
        "api-key",
        "x-api-key",
        "access_token",
        "token",
        "authorization",
        "auth",
    ];
    query.is_some_and(|query| {
        query.split('&').any(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
                || pair.contains("glv_live_")
                || pair.contains("=eyJ")
        })
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn a_key_is_read_from_each_place_and_the_scheme_in_any_case() {
        for pair in [
            ("authorization", "bearer k1"),
            ("authorization", "Bearer k1"),
            ("x-api-key", "k1"),
            ("api-key", " k1 "),
        ] {
            assert_eq!(offered(&headers(&[pair])), Offered::Key("k1"), "{pair:?}");
        }
        assert_eq!(
            offered(&headers(&[("authorization", "Bearer k1"), ("x-api-key", "k1")])),
            Offered::Key("k1")
        );
        assert_eq!(offered(&HeaderMap::new()), Offered::Nothing);
    }

    #[test]
    fn doubt_is_refused() {
        assert_eq!(
            offered(&headers(&[
                ("authorization", "Bearer a"),
                ("authorization", "Bearer a")
            ])),
            Offered::Conflict
        );
        assert_eq!(
            offered(&headers(&[("authorization", "Bearer a"), ("api-key", "b")])),
            Offered::Conflict
        );
        for value in ["Basic abc", "Bearer", "Bearer ", "", "a"] {
            assert_eq!(
                offered(&headers(&[("authorization", value)])),
                Offered::Malformed,
                "{value:?}"
            );
        }
    }

    #[test]
    fn a_credential_in_the_query_is_seen_in_any_spelling() {
        for query in [
            "api_key=x",
            "a=1&TOKEN=x",
            "key",
            "next=glv_live_abc",
            "t=eyJhbGciOi.x.y",
        ] {
            assert!(credential_in_query(Some(query)), "{query}");
        }
        assert!(!credential_in_query(Some("limit=3&monkey=1")));
        assert!(!credential_in_query(None));
    }
}
