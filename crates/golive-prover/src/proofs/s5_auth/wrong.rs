//! S5: the wrong credentials, made from a right one. Source of the list: reference/auth.md, PROVER.md S5.
//!
//! Never: makes one that a correct target may accept.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::target::{Call, Credential};

/// How many wrong credentials [`all`] makes.
pub(super) const COUNT: u64 = 42;

/// One wrong credential: how it changes a request that would otherwise be let in.
pub(super) struct Wrong {
    /// What is wrong, in words.
    pub(super) name: &'static str,
    apply: Box<dyn Fn(Call) -> Call + Send + Sync>,
}

impl Wrong {
    /// The request with the wrong credential.
    pub(super) fn on(&self, call: Call) -> Call {
        (self.apply)(call)
    }
}

/// Every wrong credential, made from `key`, which works.
pub(super) fn all(key: &str, dice: &mut StdRng) -> Vec<Wrong> {
    let unknown = like(key, dice);
    let mut out = Vec::new();
    let mut add = |name, apply: Box<dyn Fn(Call) -> Call + Send + Sync>| out.push(Wrong { name, apply });

    add(
        "no credential",
        Box::new(|call| call.credential(Credential::None)),
    );
    // Raw Authorization values; every one of them is redacted in evidence.
    let basic = format!("Basic {}", STANDARD.encode(format!("user:{key}")));
    let raw: Vec<(&'static str, String)> = vec![
        ("an empty Authorization header", String::new()),
        ("a scheme without a key", "Bearer".to_owned()),
        ("a scheme and a space", "Bearer ".to_owned()),
        ("the right key without a scheme, misspelt", format!("Bearr {key}")),
        ("the right key under another scheme", format!("Token {key}")),
        ("the right key as Basic password", basic),
        ("the right key as Digest", format!("Digest {key}")),
        ("the scheme twice", format!("Bearer Bearer {key}")),
        (
            "the right key and another behind a comma",
            format!("Bearer {unknown}, Bearer {key}"),
        ),
        (
            "the right key with a comma behind it",
            format!("Bearer {key},{unknown}"),
        ),
        (
            "a forged token without a signature",
            format!("Bearer {}", token(r#"{"alg":"none","typ":"JWT"}"#, "")),
        ),
        (
            "a forged token with an empty last part",
            format!("Bearer {}", token(r#"{"alg":"nOnE"}"#, "x")),
        ),
        (
            "a forged token that points to its own key",
            format!(
                "Bearer {}",
                token(r#"{"alg":"RS256","kid":"../../dev/null"}"#, "AAAA")
            ),
        ),
    ];
    for (name, value) in raw {
        add(
            name,
            Box::new(move |call| {
                call.credential(Credential::None)
                    .secret(value.clone())
                    .header("authorization", &value)
            }),
        );
    }
    // Key texts in the format's usual header.
    let keys: Vec<(&'static str, String)> = vec![
        ("an unknown key of the right shape", unknown.clone()),
        (
            "the right key, last character missing",
            key[..last(key)].to_owned(),
        ),
        ("the right key, one character more", format!("{key}A")),
        (
            "the right key, last character changed",
            format!("{}{}", &key[..last(key)], other(&key[last(key)..])),
        ),
        (
            "the right key, a middle character changed",
            changed_in_the_middle(key),
        ),
        ("the right key, upper and lower case swapped", swapped(key)),
        ("the right key backwards", key.chars().rev().collect()),
        ("the right key twice", format!("{key}{key}")),
        (
            "the first twelve characters of the right key",
            key.chars().take(12).collect(),
        ),
        ("the digest of the right key", digest(key)),
        ("the word null", "null".to_owned()),
        ("the word undefined", "undefined".to_owned()),
        ("a star", "*".to_owned()),
        ("a path", "../../../../etc/passwd".to_owned()),
        ("a quote", "' OR '1'='1' -- ".to_owned()),
        ("a key with a percent-encoded NUL", format!("{key}%00")),
        ("a key of 6,000 characters", "A".repeat(6_000)),
    ];
    for (name, value) in keys {
        // A key of twelve characters is its own beginning.
        if value == key {
            continue;
        }
        add(
            name,
            Box::new(move |call| call.credential(Credential::Key(value.clone()))),
        );
    }
    // The right key where no key belongs.
    for (name, parameter) in [
        ("the right key in the query, as key", "key"),
        ("the right key in the query, as api_key", "api_key"),
        ("the right key in the query, as access_token", "access_token"),
    ] {
        let (parameter, key) = (parameter, key.to_owned());
        add(
            name,
            Box::new(move |call| {
                let path = format!("{}?{parameter}={key}", call.path_str());
                call.credential(Credential::None).secret(key.clone()).path(path)
            }),
        );
    }
    let cookie = format!("api_key={key}; Authorization={key}; session={key}");
    add(
        "the right key in a cookie",
        Box::new(move |call| {
            call.credential(Credential::None)
                .secret(cookie.clone())
                .header("cookie", &cookie)
        }),
    );
    let both = unknown.clone();
    add(
        "unknown keys in two headers",
        Box::new(move |call| {
            call.credential(Credential::None)
                .secret(both.clone())
                .header("authorization", &format!("Bearer {both}"))
                .header("x-api-key", &both)
                .header("api-key", &both)
        }),
    );
    // Somebody's name instead of a key.
    let people: [(&'static str, &[(&str, &str)]); 6] = [
        (
            "a user name in a proxy's header",
            &[
                ("x-forwarded-user", "admin"),
                ("x-remote-user", "admin"),
                ("remote-user", "admin"),
            ],
        ),
        (
            "a principal in golive's own words",
            &[
                ("golive-principal", "admin"),
                ("golive-user", "admin"),
                ("x-golive-key", "admin"),
            ],
        ),
        (
            "an address from inside",
            &[
                ("x-forwarded-for", "127.0.0.1"),
                ("x-real-ip", "127.0.0.1"),
                ("forwarded", "for=127.0.0.1"),
            ],
        ),
        (
            "another path in a rewrite header",
            &[("x-original-url", "/livez"), ("x-rewrite-url", "/livez")],
        ),
        (
            "another method in an override header",
            &[("x-http-method-override", "OPTIONS")],
        ),
        (
            "a client certificate in a header",
            &[
                ("x-forwarded-client-cert", "Subject=\"CN=admin\""),
                ("client-cert", ":AAAA:"),
                ("x-ssl-client-verify", "SUCCESS"),
            ],
        ),
    ];
    for (name, headers) in people {
        add(
            name,
            Box::new(move |call| {
                headers
                    .iter()
                    .fold(call.credential(Credential::None), |call, (name, value)| {
                        call.header(name, value)
                    })
            }),
        );
    }
    out
}

/// A key of the same shape: the same prefix, each letter and digit of the rest thrown anew.
fn like(key: &str, dice: &mut StdRng) -> String {
    let prefix = key.rfind(['_', '-']).map_or(0, |at| at + 1);
    let thrown = key[prefix..].chars().map(|c| match c {
        'a'..='z' => char::from(b'a' + dice.random_range(0..26_u8)),
        'A'..='Z' => char::from(b'A' + dice.random_range(0..26_u8)),
        '0'..='9' => char::from(b'0' + dice.random_range(0..10_u8)),
        other => other,
    });
    let made: String = key[..prefix].chars().chain(thrown).collect();
    if made == key { format!("{made}x") } else { made }
}

fn last(key: &str) -> usize {
    key.char_indices().last().map_or(0, |(at, _)| at)
}

fn other(character: &str) -> char {
    if character == "A" { 'B' } else { 'A' }
}

fn changed_in_the_middle(key: &str) -> String {
    let middle = key.chars().count() / 2;
    key.chars()
        .enumerate()
        .map(|(at, c)| if at == middle { other(&c.to_string()) } else { c })
        .collect()
}

fn swapped(key: &str) -> String {
    let swapped: String = key
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    // A key of digits only has no case: then this is one more unknown key.
    if swapped == key {
        format!("{key}0")
    } else {
        swapped
    }
}

fn digest(key: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn token(header: &str, signature: &str) -> String {
    let claims = r#"{"sub":"admin","role":"admin","iss":"https://issuer.invalid","exp":4102444800}"#;
    format!(
        "{}.{}.{signature}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    )
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_key_made_like_another_has_its_shape_and_is_not_it() {
        let key = "glv_live_GOLIVEexampleTOKEN0000000000001pkdFF";
        let made = like(key, &mut StdRng::seed_from_u64(1));
        assert!(made.starts_with("glv_live_") && made.len() == key.len() && made != key);
        assert_eq!(
            made,
            like(key, &mut StdRng::seed_from_u64(1)),
            "the same dice throw the same key"
        );
    }

    #[test]
    fn the_plan_counts_what_is_tried() {
        let key = "glv_live_GOLIVEexampleTOKEN0000000000001pkdFF";
        assert_eq!(all(key, &mut StdRng::seed_from_u64(1)).len() as u64, COUNT);
    }

    #[test]
    fn every_near_miss_is_a_miss() {
        for key in ["A", "0000", "glv_live_x", "sk-1", "é"] {
            assert_ne!(changed_in_the_middle(key), key);
            assert_ne!(swapped(key), key);
            assert_ne!(format!("{}{}", &key[..last(key)], other(&key[last(key)..])), key);
        }
    }
}
