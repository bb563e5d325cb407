//! S7: what a certificate file says about itself: how long it lasts, and for which names.
//!
//! All of it is warnings: a certificate that ran out must not keep a gateway from starting, for its file may be
//! renewed while it runs.
//!
//! Never: judges trust. Who vouches for it is the callers' business.

use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::Walk;
use crate::base_url::BaseUrl;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// A month is the usual notice; for a certificate of a short life a third of that life.
const NOTICE_DAYS: i64 = 30;

/// Notes a leaf that has run out, soon will, or is not valid yet.
pub(super) fn dates(walk: &mut Walk<'_>, file: &Path, span: Range<usize>) {
    let Some(der) = leaf(file) else { return }; // told by whoever reads the file
    let Ok((_, leaf)) = x509_parser::parse_x509_certificate(&der) else {
        let message = format!("{} holds no certificate that can be read", file.display());
        walk.mistake(span, "unreadable_certificate", message)
            .help("its first block must be the certificate of this server");
        return;
    };
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX);
    let (from, until) = (
        leaf.validity().not_before.timestamp(),
        leaf.validity().not_after.timestamp(),
    );
    let left = (until - now).div_euclid(DAY);
    let notice = NOTICE_DAYS.min((until - from) / DAY / 3);
    let (message, help) = if until < now {
        (
            format!("the certificate ran out {} days ago", -left),
            "put a renewed one in its place; golive takes it over without a restart",
        )
    } else if from > now {
        (
            format!(
                "the certificate is not valid before {} (in {} days)",
                leaf.validity().not_before,
                (from - now) / DAY + 1
            ),
            "put one in its place that is valid today, or set the clock right",
        )
    } else if left < notice {
        (
            format!("the certificate runs out in {left} days"),
            "renew it; golive takes the new file over without a restart",
        )
    } else {
        return;
    };
    walk.mistake(span, "certificate_dates", message)
        .help(help)
        .as_warning();
}

/// Notes a leaf that is not for `host`.
pub(super) fn name(walk: &mut Walk<'_>, file: &Path, host: &BaseUrl, span: Range<usize>) {
    let Some(der) = leaf(file) else { return };
    let Ok((_, leaf)) = x509_parser::parse_x509_certificate(&der) else {
        return;
    };
    let names = names_of(&leaf);
    let is_for = |name: &Name| match (name, host.ip()) {
        (Name::Address(address), Some(wanted)) => *address == wanted,
        (Name::Dns(pattern), None) => covers(pattern, &host.host),
        _ => false,
    };
    if names.iter().any(is_for) {
        return;
    }
    let listed = names
        .iter()
        .map(|name| match name {
            Name::Dns(name) => name.clone(),
            Name::Address(address) => address.to_string(),
        })
        .collect::<Vec<_>>();
    let listed = if listed.is_empty() {
        "no name at all".to_owned()
    } else {
        listed.join(", ")
    };
    let message = format!("the certificate is not for `{}`: it is for {listed}", host.host);
    walk.mistake(span, "certificate_name", message)
        .help("get one whose subject alternative names hold it; every caller refuses this one")
        .as_warning();
}

enum Name {
    Dns(String),
    Address(IpAddr),
}

/// The subject alternative names; the common name counts for nothing (RFC 9525 §2).
fn names_of(leaf: &X509Certificate<'_>) -> Vec<Name> {
    let Ok(Some(names)) = leaf.subject_alternative_name() else {
        return Vec::new();
    };
    names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(Name::Dns(name.to_ascii_lowercase())),
            GeneralName::IPAddress(bytes) => {
                let address = <[u8; 4]>::try_from(*bytes)
                    .map(IpAddr::from)
                    .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
                address.ok().map(Name::Address)
            }
            _ => None,
        })
        .collect()
}

/// A `*` stands for exactly the leftmost label (RFC 9525 §6.3).
fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(rest) => host.split_once('.').is_some_and(|(_, parent)| parent == rest),
        None => pattern == host,
    }
}

fn leaf(file: &Path) -> Option<CertificateDer<'static>> {
    let bytes = crate::load::read_bounded(file).ok()?;
    CertificateDer::from_pem_slice(&bytes).ok()
}
