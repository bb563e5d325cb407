//! S5: the other end of a connection: its address, and the certificate it showed in the handshake.
//!
//! A certificate is what the TLS session verified, never what a header says: `client-cert` and its like are read by
//! nobody and pass to no upstream. A client's address behind a proxy is read from headers only where the peer is one
//! of `trusted_proxies`, from right to left, up to the first hop that is not.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use golive_config::San;
use http::{HeaderMap, header};
use ipnet::IpNet;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// What it showed, if it was asked and had one.
    pub certificate: Option<Arc<ClientCertificate>>,
}

/// A client certificate whose chain, purpose and dates were verified in the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its names: URIs, DNS names and e-mail addresses. The common name is none.
    pub sans: Vec<San>,
    /// SHA-256 of the whole certificate, which a token may be bound to (RFC 8705 §3.1).
    pub thumbprint: [u8; 32],
    /// Its last second, Unix time. A connection may outlive it, a request may not.
    pub ends_s: i64,
}

impl ClientCertificate {
    /// Reads what the handshake verified. One whose names cannot be read has none, and is nobody's.
    #[must_use]
    pub fn read(der: &[u8]) -> Self {
        let mut thumbprint = [0; 32];
        thumbprint.copy_from_slice(digest(&SHA256, der).as_ref());
        let parsed = X509Certificate::from_der(der)
            .ok()
            .map(|(_, certificate)| certificate);
        let names = parsed
            .as_ref()
            .and_then(|certificate| certificate.subject_alternative_name().ok()?)
            .map(|names| names.value.general_names.iter());
        let san = |name: &GeneralName<'_>| match name {
            GeneralName::URI(text) => Some(San::Uri((*text).to_owned())),
            GeneralName::DNSName(text) => Some(San::Dns(text.to_ascii_lowercase())),
            GeneralName::RFC822Name(text) => Some(San::Email((*text).to_owned())),
            _ => None,
        };
        Self {
            sans: names
                .map(|names| names.filter_map(san).collect())
                .unwrap_or_default(),
            thumbprint,
            ends_s: parsed
                .as_ref()
                .map_or(0, |certificate| certificate.validity().not_after.timestamp()),
        }
    }
}

/// The address a request really comes from, as far as trusted proxies say.
#[must_use]
pub fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) && !is_trusted(peer) {
        return client;
    }
    let hops: Vec<&str> = if headers.contains_key("x-forwarded-for") {
        words(headers, "x-forwarded-for").collect()
    } else {
        words(headers, header::FORWARDED.as_str())
            .filter_map(for_of)
            .collect()
    };
    for hop in hops.into_iter().rev() {
        // What cannot be read was not written by a proxy that is to be trusted.
        let Some(address) = address(hop) else { break };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// The key of an address in what is remembered of addresses: an IPv6 household is one.
#[must_use]
pub fn household(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
    }
}

fn words<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
}

/// The `for` of one hop in `Forwarded` (RFC 7239 §4).
fn for_of(hop: &str) -> Option<&str> {
    hop.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| value.trim().trim_matches('"'))
    })
}

/// `1.2.3.4`, `1.2.3.4:5`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:5`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()))
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(peer: &str, pairs: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        client_of(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        assert_eq!(of("9.9.9.9", &[("x-forwarded-for", "1.2.3.4")]), "9.9.9.9");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("::ffff:9.9.9.9", &[("x-forwarded-for", "1.2.3.4")]), "9.9.9.9");
    }

    #[test]
    fn hops_are_read_from_right_to_left_up_to_the_first_that_is_not_trusted() {
        for (header, value, client) in [
            ("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.7", "1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4:5678", "1.2.3.4"),
            ("x-forwarded-for", "6.6.6.6, nonsense", "10.0.0.1"),
            ("x-forwarded-for", "[2001:db8::1]:99", "2001:db8::1"),
            ("forwarded", "for=6.6.6.6, for=1.2.3.4;proto=https", "1.2.3.4"),
            (
                "forwarded",
                "proto=https;For=\"[2001:db8::2]:4711\"",
                "2001:db8::2",
            ),
            ("forwarded", "for=_hidden", "10.0.0.1"),
        ] {
            assert_eq!(of("10.0.0.1", &[(header, value)]), client, "{header}: {value}");
        }
        let twice = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4")];
        assert_eq!(of("fd00::1", &twice), "1.2.3.4", "later lines are later hops");
    }

    #[test]
    fn an_ipv6_household_is_one_and_neighbours_are_not() {
        let of = |text: &str| household(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:1.2.3.4"), of("1.2.3.4"));
        assert_ne!(of("1.2.3.4"), of("1.2.3.5"));
    }
}
