//! S3: addresses of pictures and files that somebody else will fetch: https, a host from the list, nothing clever.
//!
//! Read by a stricter grammar than browsers use: whoever fetches the URL must not be able to read another host in it.
//! So there is no user information, no backslash, no character outside RFC 3986, no percent sign in the host, no empty
//! label and no trailing dot; and an address of any spelling (decimal, octal, hexadecimal, shortened, IPv6) is no host.
//!
//! Never: resolves a name, or rewrites a URL.

use super::Refusal;
use std::ops::Range;

/// Which URLs may be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Hosts that may be named; with none, no URL passes.
    pub hosts: Vec<Host>,
    /// Longest URL in bytes. Default 2,048, which every server takes.
    pub bytes: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            bytes: 2_048,
        }
    }
}

/// One entry of the list of hosts: `cdn.example.com`, or `*.example.com` for every name below it (not itself).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    below: bool,
}

/// Why an entry is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is no host: {why}")]
pub struct NotAHost {
    entry: String,
    why: &'static str,
}

/// Every code of a [`Refusal`] from here.
pub const CODES: &[&str] = &[
    "url_too_long",
    "url_bad_character",
    "url_not_https",
    "url_user_information",
    "url_bad_host",
    "url_literal_address",
    "url_bad_port",
    "url_host_not_allowed",
];

/// The parts of a URL that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url<'a> {
    /// The host in lower case.
    pub host: String,
    /// Path and query, as written, without a fragment; `/` if there is none.
    pub path: &'a str,
}

impl Host {
    /// Reads an entry.
    ///
    /// # Errors
    /// What is not a name of at least two labels in ASCII (write other scripts in their `xn--` form), or is an address.
    pub fn parse(entry: &str) -> Result<Self, NotAHost> {
        let (below, name) = match entry.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, entry),
        };
        let name = name.to_ascii_lowercase();
        let why = match host_fault(&name) {
            Some(HostFault::Address) => "an address; a host has a name",
            Some(HostFault::Name) => {
                "write letters, digits, hyphens and dots, other scripts in their `xn--` form"
            }
            None if !name.contains('.') => "write the whole name, with its domain",
            None => return Ok(Self { name, below }),
        };
        Err(NotAHost {
            entry: entry.to_owned(),
            why,
        })
    }

    fn is(&self, host: &str) -> bool {
        if !self.below {
            return host == self.name;
        }
        host.strip_suffix(self.name.as_str())
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    }
}

/// Checks one URL.
///
/// # Errors
/// The first rule it breaks. The message names the rule, never the URL.
pub fn check<'a>(url: &'a str, rules: &Rules) -> Result<Url<'a>, Refusal> {
    let refuse = |code, message: &str, at: Range<usize>| Err(Refusal::new(code, message, at));
    if url.len() > rules.bytes {
        let message = format!("the URL is longer than {} bytes", rules.bytes);
        return Err(Refusal::new(
            "url_too_long",
            message,
            url.floor_char_boundary(rules.bytes)..url.len(),
        ));
    }
    if let Some(at) = url.bytes().position(|byte| !is_url_byte(byte)) {
        let end = url.ceil_char_boundary(at + 1);
        return refuse(
            "url_bad_character",
            "the URL has a character that must be escaped or is none of a URL",
            at..end,
        );
    }
    let scheme = "https://";
    if !url
        .get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    {
        return refuse(
            "url_not_https",
            "the URL does not begin with https://",
            0..url.len().min(scheme.len()),
        );
    }
    let start = scheme.len();
    let rest = url.get(start..).unwrap_or_default();
    let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(length);
    let at = start..start + length;
    if authority.contains('@') {
        return refuse(
            "url_user_information",
            "the URL has a user name before its host",
            at,
        );
    }
    if authority.starts_with('[') {
        return refuse(
            "url_literal_address",
            "the URL names an address instead of a host",
            at,
        );
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    if port != "443" {
        return refuse(
            "url_bad_port",
            "the URL names a port; only 443, the one of https, is allowed",
            at,
        );
    }
    let host = host.to_ascii_lowercase();
    match host_fault(&host) {
        Some(HostFault::Address) => {
            return refuse(
                "url_literal_address",
                "the URL names an address instead of a host",
                at,
            );
        }
        Some(HostFault::Name) => return refuse("url_bad_host", "the URL has no valid host name", at),
        None => {}
    }
    if !rules.hosts.iter().any(|allowed| allowed.is(&host)) {
        return refuse(
            "url_host_not_allowed",
            "the host of the URL is not on the list of allowed hosts",
            at,
        );
    }
    let path = path.split_once('#').map_or(path, |(path, _)| path);
    Ok(Url {
        host,
        path: if path.is_empty() { "/" } else { path },
    })
}

/// What may stand in a URL after RFC 3986. Some clients drop tabs and line breaks and turn backslashes: none passes.
fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HostFault {
    Address,
    Name,
}

/// What keeps a lower-case string from being a host name.
fn host_fault(host: &str) -> Option<HostFault> {
    // Whatever ends in a number is read as an IPv4 address by the URL standard of browsers: `127.1`, `0x7f.1`,
    // `2130706433`, `0177.0.0.1`, with a trailing dot or not.
    let last = host
        .strip_suffix('.')
        .unwrap_or(host)
        .rsplit('.')
        .next()
        .unwrap_or_default();
    let hexadecimal = last
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()) || hexadecimal || host.contains('[')
    {
        return Some(HostFault::Address);
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let valid = host.len() <= 253 && host.split('.').all(is_label);
    (!valid).then_some(HostFault::Name)
}
