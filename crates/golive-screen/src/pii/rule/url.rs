//! S4: URLs that are secrets: with a user and a password in them, or with the secret in their path.
//!
//! Never: takes a URL whose password is a placeholder.

use super::super::kind::Kind;
use super::super::text::{ALNUM, Text, WEB64, is};

/// The longest user and password that are looked at, in bytes.
const USER_MAX: usize = 160;
/// The longest rest of a URL.
const REST_MAX: usize = 300;

/// A secret URL whose scheme begins at `at` and ends before `://` at `scheme_end`.
pub(crate) fn find(text: &Text, at: usize, scheme_end: usize) -> Option<(Kind, usize)> {
    let from = scheme_end + 3;
    if text.goes_on(from, b"hooks.slack.com/", true) {
        let mut end = from + 16;
        while end - from < 160 && text.get(end).is_some_and(|b| is(b, WEB64) || b == b'/') {
            end += 1;
        }
        return (end - from >= 50).then_some((Kind::SecretSlackWebhook, end));
    }
    let (mut pos, mut colon) = (from, None);
    loop {
        match text.get(pos)? {
            b'@' => break,
            b':' => colon = colon.or(Some(pos)),
            b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'|' => return None,
            byte if byte <= b' ' => return None,
            _ => {}
        }
        pos += 1;
        if pos - from > USER_MAX {
            return None;
        }
    }
    let colon = colon?;
    let password = text.bytes.get(colon + 1..pos)?;
    let told = password.is_empty()
        || matches!(password[0], b'$' | b'<' | b'{' | b'*' | b'[')
        || [
            &b"password"[..],
            b"pass",
            b"pwd",
            b"secret",
            b"xxx",
            b"xxxx",
            b"changeme",
        ]
        .iter()
        .any(|word| password.eq_ignore_ascii_case(word));
    if told || !text.is(pos + 1, ALNUM) {
        return None;
    }
    Some((Kind::SecretDbUrl, rest(text, at, pos + 1)))
}

fn rest(text: &Text, at: usize, from: usize) -> usize {
    let mut end = from;
    while end - from < REST_MAX {
        match text.get(end) {
            None
            | Some(
                0..=b' '
                | b'"'
                | b'\''
                | b'<'
                | b'>'
                | b'`'
                | b'|'
                | b')'
                | b']'
                | b'}'
                | b'*'
                | b'\\'
                | 0x7f..,
            ) => break,
            Some(_) => end += 1,
        }
    }
    while end > at + 1 && matches!(text.bytes[end - 1], b'.' | b',' | b';' | b':' | b'!' | b'?') {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> Option<(Kind, &str)> {
        let scheme = text.find("://").unwrap();
        find(&Text::new(text.as_bytes(), true), 0, scheme).map(|(kind, end)| (kind, &text[..end]))
    }

    #[test]
    fn a_url_with_a_password_ends_where_it_ends() {
        let url = format!("postgres://shop:{}@db.internal:5432/shop", "k3Jx9-made-up");
        assert_eq!(on(&format!("{url}, and")), Some((Kind::SecretDbUrl, &url[..])));
        assert_eq!(on(&format!("{url}\"")), Some((Kind::SecretDbUrl, &url[..])));
        for none in [
            "https://example.com/a:b@c",
            "https://user@example.com",
            "postgres://u:${PASSWORD}@db/x",
            "postgres://u:password@db/x",
        ] {
            assert_eq!(on(none), None, "{none}");
        }
        let hook = format!(
            "https://hooks.slack.com/{}/T00000000/B00000000/{}",
            "services",
            "Zz9".repeat(8)
        );
        assert_eq!(
            on(&format!("{hook}.")),
            Some((Kind::SecretSlackWebhook, &hook[..]))
        );
    }
}
