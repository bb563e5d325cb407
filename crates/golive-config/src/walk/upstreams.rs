//! P2, S7: `[upstreams.NAME]`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::secrets::{self, Found, Owner};
use super::{At, Need, Table, Walk, gateway};
use crate::base_url::{BaseUrl, Scheme};
use crate::meant::{Clocks, Upstream, UpstreamKind};

/// All upstreams, and which of them are placeholders.
pub(super) struct Upstreams {
    pub known: BTreeMap<String, Arc<Upstream>>,
    /// Their `kind` could not be read: nothing that depends on it is judged.
    pub unsure: BTreeSet<String>,
}

/// Where a provider is when nobody says otherwise.
const OPENAI: &str = "https://api.openai.com/v1";
const ANTHROPIC: &str = "https://api.anthropic.com";
/// The version that Anthropic's SDKs send.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Headers that golive sets itself, that belong to one hop, or that carry the caller's credential:
/// they never pass to an upstream.
const NEVER_FORWARDED: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "cookie",
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "expect",
    "accept-encoding",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "client-cert",
    "client-cert-chain",
    "x-forwarded-client-cert",
    "idempotency-key",
];

pub(super) fn all(walk: &mut Walk<'_>, root: &Table<'_>) -> Upstreams {
    let tables = root.child(walk, "upstreams").named(walk);
    let mut all = Upstreams {
        known: BTreeMap::new(),
        unsure: BTreeSet::new(),
    };
    for (name, table) in tables {
        let (upstream, sure) = one(walk, &name.value, &table);
        if !sure {
            all.unsure.insert(name.value.clone());
        }
        all.known.insert(name.value, Arc::new(upstream));
    }
    all
}

fn one(walk: &mut Walk<'_>, name: &str, table: &Table<'_>) -> (Upstream, bool) {
    let kinds =
        [UpstreamKind::OpenAi, UpstreamKind::Anthropic, UpstreamKind::Http].map(|kind| (kind.as_str(), kind));
    let kind = table.choice(walk, "kind", &kinds);
    let written_url = table.url(walk, "base_url");
    let private = private_addresses(walk, table);
    if let Some(url) = &written_url {
        reachable(walk, url, &private);
    }
    let (api_key, api_key_source) = credential(walk, table, kind, written_url.is_some());
    for (key, only) in [
        ("auth_header", UpstreamKind::Http),
        ("anthropic_version", UpstreamKind::Anthropic),
    ] {
        if table.has(key) && kind.is_some_and(|kind| kind != only) {
            let message = format!(
                "`{}.{key}` has no effect: it is for kind = \"{}\"",
                table.path,
                only.as_str()
            );
            walk.mistake(table.place(key), "no_effect", message).as_warning();
        }
    }
    let upstream = Upstream {
        name: name.to_owned(),
        kind: kind.unwrap_or(UpstreamKind::OpenAi),
        base_url: written_url.map_or_else(|| preset_url(walk, table, kind), |at| at.value),
        api_key,
        api_key_source,
        auth_header: header(walk, table, "auth_header").unwrap_or_else(|| "authorization".to_owned()),
        anthropic_version: version(walk, table),
        timeouts: own_clocks(walk, table, "timeouts").over(Clocks::default()),
        retry_budget: super::resilience::budget(walk, table),
        max_in_flight: table.count32(walk, "max_in_flight").unwrap_or(256),
        adaptive: table.flag(walk, "adaptive").unwrap_or(false),
        private_addresses: private,
        ca_file: gateway::ca_file(walk, table, Need::Gateway),
        forward_headers: forward_headers(walk, table),
        response_size: table
            .size(walk, "response_size")
            .unwrap_or(crate::ByteSize(64 * 1024 * 1024)),
    };
    (upstream, kind.is_some())
}

/// The provider's own address; an HTTP agent has none.
fn preset_url(walk: &mut Walk<'_>, table: &Table<'_>, kind: Option<UpstreamKind>) -> BaseUrl {
    if kind == Some(UpstreamKind::Http) && !table.has("base_url") {
        walk.mistake(
            table.span.clone(),
            "missing_key",
            format!("`[{}]` lacks `base_url`", table.path),
        )
        .help("an `http` upstream has no address of its own; add base_url = \"https://…\"");
    }
    let text = if kind == Some(UpstreamKind::Anthropic) {
        ANTHROPIC
    } else {
        OPENAI
    };
    #[expect(clippy::expect_used, reason = "both are constants, parsed by a test")]
    text.parse().expect("a provider's own address")
}

fn credential(
    walk: &mut Walk<'_>,
    table: &Table<'_>,
    kind: Option<UpstreamKind>,
    elsewhere: bool,
) -> (Option<secrecy::SecretString>, Option<String>) {
    match secrets::read(walk, table, ["api_key_env", "api_key_file"], None, Owner::Gateway) {
        Found::Here(secret) => (Some(secret.text), Some(secret.source)),
        Found::Missing(source) => (None, Some(source)),
        Found::NotNamed => {
            let preset = match kind {
                Some(UpstreamKind::OpenAi) => "OPENAI_API_KEY",
                Some(UpstreamKind::Anthropic) => "ANTHROPIC_API_KEY",
                Some(UpstreamKind::Http) | None => return (None, None),
            };
            if !elsewhere && !table.has_literal_secret() {
                let message = format!(
                    "`[{}]` lacks `api_key_env`: the provider refuses calls without a key",
                    table.path
                );
                walk.mistake(table.span.clone(), "missing_key", message)
                    .help(format!("add api_key_env = \"{preset}\""));
            }
            (None, None)
        }
    }
}

/// Ranges that are private indeed: naming a public one would switch off the guard for the internet.
pub(super) fn private_addresses(walk: &mut Walk<'_>, table: &Table<'_>) -> Vec<IpNet> {
    let written = table.networks(walk, "private_addresses").unwrap_or_default();
    for network in &written {
        if !private_ranges().any(|range| range.contains(&network.value)) {
            let message = format!("{} is not inside a private range", network.value);
            walk.mistake(network.span.clone(), "public_range", message).help(
                "private ranges are 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 127.0.0.0/8, 169.254.0.0/16, \
                 100.64.0.0/10, ::1, fc00::/7 and fe80::/10; public addresses need no entry",
            );
        }
    }
    written.into_iter().map(|at| at.value).collect()
}

/// What no address on the internet is in (RFC 6890 and its updates).
fn private_ranges() -> impl Iterator<Item = IpNet> {
    [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    ]
    .into_iter()
    .filter_map(|text| text.parse().ok())
}

/// Plain http, and private addresses, only where `private_addresses` says so.
pub(super) fn reachable(walk: &mut Walk<'_>, url: &At<BaseUrl>, private: &[IpNet]) {
    let host = &url.value.host;
    let addresses: Vec<IpAddr> = match url.value.ip() {
        Some(ip) => vec![ip],
        None if host == "localhost" => vec![
            IpAddr::from([127, 0, 0, 1]),
            IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16]),
        ],
        None => Vec::new(), // a name: the egress client checks what it resolves to
    };
    let named = addresses
        .iter()
        .any(|ip| private.iter().any(|range| range.contains(ip)));
    let is_private = addresses
        .iter()
        .any(|ip| private_ranges().any(|range| range.contains(ip)));
    let plain = url.value.scheme == Scheme::Http;
    let may_be_private = if addresses.is_empty() {
        !private.is_empty()
    } else {
        named
    };
    if is_private && !named {
        let range = match addresses.first() {
            Some(ip) if ip.is_loopback() && ip.is_ipv4() => "127.0.0.0/8".to_owned(),
            Some(ip) => ip.to_string(),
            None => String::new(),
        };
        walk.mistake(
            url.span.clone(),
            "private_address",
            format!("{host} is a private address that `private_addresses` does not name"),
        )
        .help(format!(
            "add private_addresses = [\"{range}\"] to this upstream, if it is meant"
        ));
    } else if plain && !may_be_private {
        walk.mistake(
            url.span.clone(),
            "plain_http",
            format!("plain http to {host} would send prompts and the key in the clear"),
        )
        .help("write https://, or name the private range it is in by private_addresses = [\"10.0.0.0/8\"]");
    }
}

fn version(walk: &mut Walk<'_>, table: &Table<'_>) -> String {
    let Some(written) = table.text(walk, "anthropic_version") else {
        return ANTHROPIC_VERSION.to_owned();
    };
    if !written.value.bytes().all(|byte| byte.is_ascii_graphic()) {
        walk.mistake(
            written.span,
            "bad_value",
            "`anthropic_version` is not a header value".to_owned(),
        )
        .help(format!("write a date, as in \"{ANTHROPIC_VERSION}\""));
    }
    written.value
}

pub(super) fn header(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> Option<String> {
    let written = table.text(walk, name)?;
    header_name(walk, &written)
}

fn header_name(walk: &mut Walk<'_>, written: &At<String>) -> Option<String> {
    match http::HeaderName::try_from(written.value.as_str()) {
        Ok(name) => Some(name.as_str().to_owned()),
        Err(_) => {
            let message = format!(
                "`{}` is not the name of a header",
                super::table::shown(&written.value)
            );
            walk.mistake(written.span.clone(), "bad_value", message)
                .help("write the name alone, as in \"x-tenant\"");
            None
        }
    }
}

fn forward_headers(walk: &mut Walk<'_>, table: &Table<'_>) -> Vec<String> {
    let written = table.names(walk, "forward_headers").unwrap_or_default();
    let mut names: Vec<String> = Vec::with_capacity(written.len());
    for at in written {
        let Some(name) = header_name(walk, &at) else {
            continue;
        };
        if NEVER_FORWARDED.contains(&name.as_str()) || name.starts_with("golive-") {
            walk.mistake(
                at.span,
                "forbidden_header",
                format!("`{name}` never passes to an upstream"),
            )
            .help("credentials, cookies, forwarding and hop-by-hop headers stop at golive, which sends an idempotency key of its own");
        } else if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The clocks that a `[….timeouts]` sets.
#[derive(Default)]
pub(super) struct OwnClocks {
    connect: Option<Duration>,
    first_byte: Option<Duration>,
    idle: Option<Duration>,
    total_request: Option<Duration>,
    total_stream: Option<Duration>,
}

impl OwnClocks {
    /// With what is left out from `preset`.
    pub(super) fn over(&self, preset: Clocks) -> Clocks {
        Clocks {
            connect: self.connect.unwrap_or(preset.connect),
            first_byte: self.first_byte.unwrap_or(preset.first_byte),
            idle: self.idle.unwrap_or(preset.idle),
            total_request: self.total_request.unwrap_or(preset.total_request),
            total_stream: self.total_stream.unwrap_or(preset.total_stream),
        }
    }
}

/// Reads `[….timeouts]`.
pub(super) fn own_clocks(walk: &mut Walk<'_>, table: &Table<'_>, name: &str) -> OwnClocks {
    let table = table.child(walk, name);
    let own = OwnClocks {
        connect: table.duration(walk, "connect"),
        first_byte: table.duration(walk, "first_byte"),
        idle: table.duration(walk, "idle"),
        total_request: table.duration(walk, "total_request"),
        total_stream: table.duration(walk, "total_stream"),
    };
    // A clock that a shorter one always beats never rings.
    let clocks = own.over(Clocks::default());
    let longest: Duration = clocks.total_request.max(clocks.total_stream);
    for (key, clock) in [
        ("first_byte", clocks.first_byte),
        ("idle", clocks.idle),
        ("connect", clocks.connect),
    ] {
        if table.has(key) && clock > longest {
            let message = format!("`{}.{key}` never rings: both totals are shorter", table.path);
            walk.mistake(table.place(key), "no_effect", message).as_warning();
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_what_they_should_be() {
        for text in [OPENAI, ANTHROPIC] {
            assert_eq!(
                text.parse::<BaseUrl>().map(|url| url.to_string()).as_deref(),
                Ok(text)
            );
        }
        assert_eq!(private_ranges().count(), 9);
    }
}
