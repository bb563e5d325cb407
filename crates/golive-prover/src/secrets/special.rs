//! S1: credentials that no shape of one line describes: private keys, passwords in addresses, authorization headers.
//!
//! Never: looks further than a bounded way.

use std::ops::Range;

use super::check::{Check, decode_loose, entropy, is_placeholder, turns};
use super::judge::Kind;

/// What they begin with, lower case, and who reads them.
pub(super) const GATES: &[(&str, Reader)] = &[
    ("-----begin ", private_key),
    ("://", url_password),
    ("bearer ", bearer),
    ("basic ", basic),
    ("\"auth\":", basic),
    ("putty-user-key-file-", putty),
];

/// Looks at `at`, where a gate begins, of `gate` bytes; gives what is secret there.
pub(super) type Reader = fn(hay: &[u8], at: usize, gate: usize) -> Option<(Kind, Range<usize>)>;

const PRIVATE_KEY: Kind = Kind {
    id: "private-key",
    name: "Private key",
};
const SERVICE_ACCOUNT: Kind = Kind {
    id: "gcp-service-account",
    name: "Google service account key",
};
const URL_PASSWORD: Kind = Kind {
    id: "url-password",
    name: "Password in an address",
};
const BEARER: Kind = Kind {
    id: "bearer-token",
    name: "Bearer token",
};
const BASIC: Kind = Kind {
    id: "basic-credentials",
    name: "Basic credentials",
};
const PUTTY: Kind = Kind {
    id: "putty-private-key",
    name: "PuTTY private key",
};

/// How much of a key's body is taken for its identity.
const BODY: usize = 64;

fn private_key(hay: &[u8], at: usize, gate: usize) -> Option<(Kind, Range<usize>)> {
    let head = &hay[at + gate..hay.len().min(at + gate + 48)];
    let close = memchr::memmem::find(head, b"-----")?;
    let label = &head[..close];
    if !(label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK")) {
        return None;
    }
    let from = at + gate + close + 5;
    let window = &hay[from..hay.len().min(from + 4096)];
    // The body stands on lines of its own, or in a JSON string with `\n` between; header lines hold a colon.
    let mut body: Option<Range<usize>> = None;
    let mut letters = 0;
    let mut pos = 0;
    while pos < window.len() {
        let run = window[pos..]
            .iter()
            .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')))
            .unwrap_or(window.len() - pos);
        let skip = usize::from(pos > 0 && window[pos - 1] == b'\\' && run > 0);
        if run >= 24 {
            let start = pos + skip;
            let range = body.get_or_insert(start..start);
            range.end = (pos + run).min(range.start + BODY);
            letters += run;
        }
        if letters >= 40 || window[pos..].starts_with(b"-----END") {
            break;
        }
        pos += run.max(1);
    }
    let body = body.filter(|_| letters >= 40)?;
    let text = &window[body.clone()];
    if is_placeholder(text) || entropy(text) < 3.0 {
        return None;
    }
    let around = &hay[at.saturating_sub(1024)..hay.len().min(at + 4096)];
    let kind = if memchr::memmem::find(around, b"service_account").is_some() {
        SERVICE_ACCOUNT
    } else {
        PRIVATE_KEY
    };
    Some((kind, from + body.start..from + body.end))
}

fn putty(hay: &[u8], at: usize, gate: usize) -> Option<(Kind, Range<usize>)> {
    let window = &hay[at + gate..hay.len().min(at + gate + 8192)];
    let lines = memchr::memmem::find(window, b"Private-Lines:")?;
    let body = lines + memchr::memchr(b'\n', &window[lines..])? + 1;
    let run = window[body..]
        .iter()
        .take(BODY)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    let length = run.count();
    (length >= 24).then_some((PUTTY, at + gate + body..at + gate + body + length))
}

/// `scheme://user:password@host`.
fn url_password(hay: &[u8], at: usize, gate: usize) -> Option<(Kind, Range<usize>)> {
    let from = at + gate;
    let stops = |b: u8| {
        b.is_ascii_whitespace()
            || b.is_ascii_control()
            || matches!(
                b,
                b'/' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'?' | b'#' | b'\\' | b',' | b'(' | b')'
            )
    };
    let window = &hay[from..hay.len().min(from + 256)];
    let user = window
        .iter()
        .position(|b| *b == b':' || *b == b'@' || stops(*b))?;
    if window[user] != b':' {
        return None;
    }
    let rest = &window[user + 1..];
    let end = rest.iter().position(|b| *b == b'@' || stops(*b))?;
    if rest[end] != b'@' {
        return None;
    }
    let password = &rest[..end];
    let host = &rest[end + 1..];
    let reference = |text: &[u8]| {
        text.iter()
            .any(|b| matches!(b, b'$' | b'{' | b'}' | b'*' | b'[' | b']'))
    };
    let name = &window[..user];
    let lower = password.to_ascii_lowercase();
    const TRIVIAL: &[&[u8]] = &[
        b"pass",
        b"password",
        b"passwd",
        b"pwd",
        b"secret",
        b"user",
        b"username",
        b"token",
        b"admin",
        b"root",
        b"postgres",
        b"guest",
        b"test",
        b"pw",
        b"key",
        b"redis",
        b"mysql",
        b"123456",
    ];
    let trivial =
        TRIVIAL.contains(&&lower[..]) || password.eq_ignore_ascii_case(name) || lower.starts_with(b"my");
    // A host that documents reserve belongs to nobody.
    let nowhere = [&b"example."[..], b"host:", b"host/", b"hostname"]
        .iter()
        .any(|host_| host.starts_with(host_));
    if password.len() < 4
        || reference(password)
        || reference(name)
        || trivial
        || nowhere
        || is_placeholder(password)
        || entropy(password) < 2.0
    {
        return None;
    }
    if !host
        .first()
        .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'[')
    {
        return None;
    }
    let start = from + user + 1;
    Some((URL_PASSWORD, start..start + end))
}

fn bearer(hay: &[u8], at: usize, gate: usize) -> Option<(Kind, Range<usize>)> {
    let from = at + gate;
    let run = hay[from..hay.len().min(from + 1024)]
        .iter()
        .take_while(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=')
        })
        .count();
    let token = &hay[from..from + run];
    let chance = run >= 20 && turns(token) >= 4 && entropy(token) >= 3.5 && !is_placeholder(token);
    // Signed tokens have a rule of their own, which looks into them.
    (chance && !token.starts_with(b"eyJ") && Check::Chance.holds(token)).then_some((BEARER, from..from + run))
}

/// `Basic dXNlcjpwYXNz` and the `auth` of a container registry.
fn basic(hay: &[u8], at: usize, gate: usize) -> Option<(Kind, Range<usize>)> {
    let mut from = at + gate;
    while from - at < gate + 4 && matches!(hay.get(from)?, b' ' | b'"') {
        from += 1;
    }
    let run = hay[from..hay.len().min(from + 512)]
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
        .count();
    let text = &hay[from..from + run];
    if run < 12 {
        return None;
    }
    let plain = decode_loose(text)?;
    let colon = memchr::memchr(b':', &plain)?;
    let password = &plain[colon + 1..];
    let told = plain.iter().all(u8::is_ascii_graphic)
        && colon > 0
        && password.len() >= 6
        && !is_placeholder(password)
        && !password.to_ascii_lowercase().starts_with(b"pass")
        && entropy(password) >= 2.3;
    told.then_some((BASIC, from..from + run))
}
