//! S1: a value that is given to a name: `api_key = "…"`, `password: …`, `<token>…</token>`, `--secret …`.
//!
//! Reads around a keyword; decides nothing about the value. Every look is bounded by the line and by a length.
//!
//! Never: takes an expression of a program for a value.

use std::ops::Range;

/// The parts of names that are looked at, lower case. A bare `key` is not among them: it is a word of every program.
pub(super) const KEYWORDS: &[&str] = &[
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "accesskey",
    "access-key",
    "auth_key",
    "authkey",
    "private_key",
    "privatekey",
    "encryption_key",
    "encryptionkey",
    "signing_key",
    "signingkey",
    "master_key",
    "masterkey",
    "salt_key",
    "routing_key",
    "token",
    "credential",
    "become_pass",
    "ssh_pass",
];

/// The longest name.
const NAME: usize = 100;
/// The longest value.
const VALUE: usize = 1024;

/// What was read around one keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assigned {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
    pub(super) quoted: bool,
}

/// The value that the name around `at..at + length` is given, if it is given one.
pub(super) fn read(hay: &[u8], at: usize, length: usize) -> Option<Assigned> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let mut from = at;
    while from > 0 && at - from < NAME && is_name(&hay[from - 1]) {
        from -= 1;
    }
    let mut to = at + length;
    while to < hay.len() && to - at < NAME && is_name(&hay[to]) {
        to += 1;
    }
    let name = from..to;
    let mut pos = to;
    let mut closed = false;
    for _ in 0..8 {
        match hay.get(pos)? {
            b'"' | b'\'' | b'`' => closed = true,
            b']' | b'\\' => {}
            b' ' | b'\t' => {}
            _ => break,
        }
        pos += 1;
    }
    let spaced = pos > to && !closed;
    match hay.get(pos)? {
        b'=' if matches!(hay.get(pos + 1), Some(b'=')) => return None,
        b'=' if matches!(hay.get(pos + 1), Some(b'>')) => pos += 2,
        b'=' => pos += 1,
        b'?' | b'|' if hay.get(pos + 1) == Some(&b'=') || hay.get(pos + 1) == Some(&b'|') => {
            pos += 2;
            if hay.get(pos) == Some(&b'=') {
                pos += 1;
            }
        }
        b':' if hay.get(pos + 1) == Some(&b':') => return None,
        b':' => {
            pos += 1;
            if hay.get(pos) == Some(&b'=') {
                pos += 1;
            } else {
                pos = past_type(hay, pos);
            }
        }
        b',' if closed => return quoted_only(hay, pos + 1, name),
        b'(' if !closed => return quoted_only(hay, pos + 1, name),
        b'>' if from > 0 && hay[from - 1] == b'<' => {
            let end = until(hay, pos + 1, |b| matches!(b, b'<' | b'\n'));
            return Some(Assigned {
                name,
                value: pos + 1..end,
                quoted: true,
            });
        }
        b'\n' | b'\r' if from > 0 => return next_line(hay, pos, name),
        _ if spaced && is_flag_or_netrc(hay, &name) => {}
        _ => return None,
    }
    value_at(hay, pos, name)
}

/// `--api-key VALUE`, and `machine HOST login NAME password VALUE`.
fn is_flag_or_netrc(hay: &[u8], name: &Range<usize>) -> bool {
    if hay[name.clone()].starts_with(b"--") {
        return true;
    }
    let line = line_start(hay, name.start);
    hay[name.clone()] == *b"password" && hay[line..name.start].windows(6).any(|w| w == b"login ")
}

/// `: &str = "…"`: what stands between the colon and the sign of equality is a type.
fn past_type(hay: &[u8], pos: usize) -> usize {
    let end = hay.len().min(pos + 48);
    for (step, byte) in hay[pos..end].iter().enumerate() {
        match byte {
            b'=' if step > 0 => return pos + step + 1,
            b' ' | b'&' | b'<' | b'>' | b'[' | b']' | b'\'' | b'.' | b'_' | b'?' | b'|' => {}
            b if b.is_ascii_alphanumeric() => {}
            _ => return pos,
        }
    }
    pos
}

/// `- name: API_TOKEN` and `value: …` in the next line, as container platforms write it.
fn next_line(hay: &[u8], pos: usize, name: Range<usize>) -> Option<Assigned> {
    let line = line_start(hay, name.start);
    let before = hay[line..name.start].trim_ascii_start();
    let before = before.strip_prefix(b"- ").unwrap_or(before);
    if !before.starts_with(b"name:") && !before.starts_with(b"\"name\"") {
        return None;
    }
    let start = pos + hay[pos..].iter().position(|b| !b.is_ascii_whitespace())?;
    let rest = &hay[start..];
    let skip = if rest.starts_with(b"value:") {
        6
    } else {
        return None;
    };
    value_at(hay, start + skip, name)
}

fn quoted_only(hay: &[u8], pos: usize, name: Range<usize>) -> Option<Assigned> {
    value_at(hay, pos, name).filter(|assigned| assigned.quoted)
}

fn value_at(hay: &[u8], mut pos: usize, name: Range<usize>) -> Option<Assigned> {
    while matches!(hay.get(pos)?, b' ' | b'\t') {
        pos += 1;
    }
    for scheme in [&b"Bearer "[..], b"bearer ", b"Basic ", b"Token "] {
        if hay[pos..].starts_with(scheme) {
            pos += scheme.len();
        }
    }
    while hay.get(pos) == Some(&b'\\') {
        pos += 1;
    }
    // b"…", r"…", f"…", @"…".
    if matches!(hay.get(pos)?, b'b' | b'r' | b'f' | b'u' | b'@')
        && matches!(hay.get(pos + 1), Some(b'"' | b'\''))
    {
        pos += 1;
    }
    let quote = *hay.get(pos)?;
    if matches!(quote, b'"' | b'\'' | b'`') {
        while hay.get(pos) == Some(&quote) {
            pos += 1;
        }
        let end = until(hay, pos, |b| b == quote || matches!(b, b'\n' | b'\r' | b'\\'));
        return Some(Assigned {
            name,
            value: pos..end,
            quoted: true,
        });
    }
    let end = until(hay, pos, |b| {
        b.is_ascii_whitespace()
            || matches!(
                b,
                b',' | b';'
                    | b'"'
                    | b'\''
                    | b'`'
                    | b'<'
                    | b'>'
                    | b'('
                    | b')'
                    | b'['
                    | b']'
                    | b'{'
                    | b'}'
                    | b'|'
                    | b'\\'
            )
    });
    // `token = fetch(…)`, `token = tokens[0]`: an expression.
    if matches!(hay.get(end), Some(b'(' | b'[' | b'{')) {
        return None;
    }
    Some(Assigned {
        name,
        value: pos..end,
        quoted: false,
    })
}

fn until(hay: &[u8], from: usize, stop: impl Fn(u8) -> bool) -> usize {
    let most = hay.len().min(from + VALUE);
    hay[from.min(most)..most]
        .iter()
        .position(|b| stop(*b))
        .map_or(most, |step| from + step)
}

/// Where the line of `at` begins, looking back a bounded way.
pub(super) fn line_start(hay: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(4096);
    memchr::memrchr(b'\n', &hay[from..at]).map_or(from, |step| from + step + 1)
}

/// Where the line of `at` ends.
pub(super) fn line_end(hay: &[u8], at: usize) -> usize {
    let most = hay.len().min(at + 4096);
    memchr::memchr(b'\n', &hay[at.min(most)..most]).map_or(most, |step| at + step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, keyword: &str) -> Option<String> {
        let at = text.find(keyword).unwrap();
        let read = read(text.as_bytes(), at, keyword.len())?;
        Some(text[read.value].to_owned())
    }

    #[test]
    fn a_value_is_read_in_the_ways_people_write_it() {
        for text in [
            "api_key = \"VALUE\"",
            "\"api_key\": \"VALUE\"",
            "api_key: VALUE\n",
            "export MY_api_key=VALUE\n",
            "<api_key>VALUE</api_key>",
            "config['api_key'] = 'VALUE'",
            "api_key := `VALUE`",
            ":api_key => \"VALUE\"",
            "setx_api_key(\"VALUE\")",
            "const api_key: &str = \"VALUE\";",
            "api_key: str = 'VALUE'",
            "run --api_key VALUE --x",
            "{\\\"api_key\\\": \\\"VALUE\\\"}",
            "os.putenv(\"api_key\", \"VALUE\")",
            "- name: MY_api_key\n  value: \"VALUE\"\n",
            "api_key: Bearer VALUE\n",
            "api_key ||= 'VALUE'",
        ] {
            assert_eq!(value(text, "api_key").as_deref(), Some("VALUE"), "{text}");
        }
        assert_eq!(
            value("machine h login me password VALUE\n", "passw").as_deref(),
            Some("VALUE")
        );
    }

    #[test]
    fn an_expression_or_a_comparison_is_no_value() {
        for text in [
            "api_key == \"x\"",
            "api_key = load(7)",
            "api_key::new()",
            "api_key and more",
            "api_key) {",
        ] {
            assert_eq!(value(text, "api_key"), None, "{text}");
        }
    }
}
