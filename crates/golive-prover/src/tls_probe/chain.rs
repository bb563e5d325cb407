//! S7: what is wrong with a chain of certificates, in three sections that never answer for each other: key (strength),
//! trust (who vouches, until when, for what use) and name.
//!
//! Never: connects, reads a clock, or lets one fault hide another.

use std::fmt;
use std::net::IpAddr;

use rustls::RootCertStore;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;

use super::path::{self, Path};

/// Seconds of a day.
const DAY: i64 = 86_400;
/// A month is the usual notice; testssl.sh warns at 30 days too.
const NOTICE_DAYS: i64 = 30;
/// NIST SP 800-131A: below this RSA is no longer allowed.
const RSA_BITS_MIN: usize = 2048;
/// The strength of RSA 2048 begins at 224; 256 is the smallest curve in use above it.
const EC_BITS_MIN: usize = 256;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What kind.
    pub fault: Fault,
    /// In words, with the figures.
    pub text: String,
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Its key is too short or of a kind nobody should use.
    WeakKey,
    /// It, or one that vouches for it, is signed over MD5 or SHA-1.
    WeakSignature,
    /// It ran out, or one that vouches for it did.
    Expired,
    /// It runs out soon: a warning.
    ExpiresSoon,
    /// It is not valid yet.
    NotYetValid,
    /// It vouches for itself.
    SelfSigned,
    /// Its chain ends in an authority that is not known.
    UnknownAuthority,
    /// Its chain breaks off before an authority that is known.
    Incomplete,
    /// It is not for servers.
    WrongUse,
    /// A strict client refuses the chain for another reason.
    Refused,
    /// It is not for the name that was called.
    WrongName,
}

impl Fault {
    /// Its word in reports: `expired`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::WeakKey => "weak_key",
            Fault::WeakSignature => "weak_signature",
            Fault::Expired => "expired",
            Fault::ExpiresSoon => "expires_soon",
            Fault::NotYetValid => "not_yet_valid",
            Fault::SelfSigned => "self_signed",
            Fault::UnknownAuthority => "unknown_authority",
            Fault::Incomplete => "incomplete",
            Fault::WrongUse => "wrong_use",
            Fault::Refused => "refused",
            Fault::WrongName => "wrong_name",
        }
    }

    /// Whether it only warns.
    #[must_use]
    pub fn only_warns(self) -> bool {
        self == Fault::ExpiresSoon
    }
}

/// What is wrong with a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Strength of keys and signatures.
    pub key: Vec<Complaint>,
    /// Who vouches for it, until when, for what use.
    pub trust: Vec<Complaint>,
    /// The name.
    pub name: Vec<Complaint>,
    /// One line each: what the chain is.
    pub lines: Vec<String>,
    /// Whole days until the leaf runs out; negative once it did.
    pub days_left: i64,
    /// Days of its whole life.
    pub days_of_life: i64,
}

impl Findings {
    /// All faults, sorted.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let all = self.key.iter().chain(&self.trust).chain(&self.name);
        let mut faults: Vec<Fault> = all.map(|complaint| complaint.fault).collect();
        faults.sort_unstable();
        faults.dedup();
        faults
    }
}

/// Why a chain cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No certificate.
    #[error("the server showed no certificate")]
    None,
    /// Not X.509.
    #[error("certificate {0} of the chain cannot be read: {1}")]
    Broken(usize, String),
}

/// Judges `chain` (DER, leaf first) for `host` against `roots`. `now_s`: Unix seconds.
///
/// # Errors
/// It cannot be read.
pub fn judge(
    chain: &[Vec<u8>],
    roots: &RootCertStore,
    host: &str,
    now_s: i64,
) -> Result<Findings, Unreadable> {
    let mut read = Vec::with_capacity(chain.len());
    for (at, der) in chain.iter().enumerate() {
        let (_, certificate) = x509_parser::parse_x509_certificate(der)
            .map_err(|error| Unreadable::Broken(at + 1, error.to_string()))?;
        read.push(certificate);
    }
    let leaf = read.first().ok_or(Unreadable::None)?;
    let mut found = Findings {
        lines: read.iter().map(describe).collect(),
        ..Findings::default()
    };
    strength(&mut found.key, &read);
    dates(&mut found, &read, now_s);
    usage(&mut found.trust, leaf);
    authority(&mut found.trust, chain, &read, roots, now_s);
    name(&mut found.name, leaf, host);
    Ok(found)
}

fn strength(complaints: &mut Vec<Complaint>, chain: &[X509Certificate<'_>]) {
    for certificate in chain {
        let own = certificate.subject() == certificate.issuer() && chain.len() > 1;
        if let Some(text) = weak_key(certificate) {
            complaints.push(complaint(
                Fault::WeakKey,
                format!("{}: {text}", whose(certificate)),
            ));
        }
        // Nobody checks what a root says of itself.
        if !own && let Some(text) = weak_signature(certificate) {
            complaints.push(complaint(
                Fault::WeakSignature,
                format!("{} is signed {text}, which can be forged", whose(certificate)),
            ));
        }
    }
}

fn weak_key(certificate: &X509Certificate<'_>) -> Option<String> {
    match Key::of(certificate) {
        Key::Rsa(bits) if bits < RSA_BITS_MIN => {
            Some(format!("an RSA key of {bits} bits, below {RSA_BITS_MIN}"))
        }
        Key::Elliptic(bits) if bits < EC_BITS_MIN => {
            Some(format!("a curve of {bits} bits, below {EC_BITS_MIN}"))
        }
        Key::Other(what) => Some(format!("a key of a kind that is not in use any more ({what})")),
        Key::Rsa(_) | Key::Elliptic(_) | Key::Edwards => None,
    }
}

enum Key {
    Rsa(usize),
    Elliptic(usize),
    Edwards,
    Other(String),
}

impl Key {
    fn of(certificate: &X509Certificate<'_>) -> Key {
        let spki = certificate.public_key();
        match spki.parsed() {
            Ok(PublicKey::RSA(key)) => Key::Rsa(bits(key.modulus)),
            Ok(PublicKey::EC(point)) => {
                let curve = spki.algorithm.parameters.as_ref();
                let curve = curve
                    .and_then(|any| any.as_oid().ok())
                    .map(|oid| oid.to_id_string());
                Key::Elliptic(match curve.as_deref() {
                    Some("1.2.840.10045.3.1.7" | "1.3.132.0.10") => 256,
                    Some("1.3.132.0.34") => 384,
                    Some("1.3.132.0.35") => 521,
                    _ => point.key_size(),
                })
            }
            _ => match spki.algorithm.algorithm.to_id_string().as_str() {
                "1.3.101.112" | "1.3.101.113" => Key::Edwards,
                other => Key::Other(other.to_owned()),
            },
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Rsa(bits) => write!(f, "RSA {bits}"),
            Key::Elliptic(bits) => write!(f, "EC {bits}"),
            Key::Edwards => f.write_str("Ed25519 or Ed448"),
            Key::Other(oid) => write!(f, "key {oid}"),
        }
    }
}

/// Bits of an unsigned number, whatever zeros it is written with.
fn bits(number: &[u8]) -> usize {
    match number.iter().position(|byte| *byte != 0) {
        Some(first) => (number.len() - first) * 8 - number[first].leading_zeros() as usize,
        None => 0,
    }
}

fn weak_signature(certificate: &X509Certificate<'_>) -> Option<&'static str> {
    const SHA1: &str = "over SHA-1";
    match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.2" => Some("over MD2"),
        "1.2.840.113549.1.1.4" => Some("over MD5"),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => Some(SHA1),
        // PSS names its hash in its parameters, and SHA-1 by leaving them out.
        "1.2.840.113549.1.1.10" => match SignatureAlgorithm::try_from(&certificate.signature_algorithm) {
            Ok(SignatureAlgorithm::RSASSA_PSS(pss))
                if pss.hash_algorithm_oid().to_id_string() != "1.3.14.3.2.26" =>
            {
                None
            }
            _ => Some(SHA1),
        },
        _ => None,
    }
}

fn dates(found: &mut Findings, chain: &[X509Certificate<'_>], now_s: i64) {
    for (at, certificate) in chain.iter().enumerate() {
        let (from, until) = (
            certificate.validity().not_before.timestamp(),
            certificate.validity().not_after.timestamp(),
        );
        let left = (until - now_s).div_euclid(DAY);
        if at == 0 {
            (found.days_left, found.days_of_life) = (left, (until - from) / DAY);
        }
        let whose = whose(certificate);
        if until < now_s {
            let text = format!(
                "{whose} ran out {} days ago ({})",
                -left,
                certificate.validity().not_after
            );
            found.trust.push(complaint(Fault::Expired, text));
        } else if from > now_s {
            let text = format!(
                "{whose} is not valid before {}",
                certificate.validity().not_before
            );
            found.trust.push(complaint(Fault::NotYetValid, text));
        } else if at == 0 && left <= NOTICE_DAYS.min((until - from) / DAY / 3) {
            found.trust.push(complaint(
                Fault::ExpiresSoon,
                format!("{whose} runs out in {left} days"),
            ));
        }
    }
}

fn usage(complaints: &mut Vec<Complaint>, leaf: &X509Certificate<'_>) {
    let extended = leaf.extended_key_usage().ok().flatten();
    let key = leaf.key_usage().ok().flatten();
    if extended.is_some_and(|usage| !usage.value.server_auth && !usage.value.any) {
        let text = "its extended key usage names other uses and not `serverAuth`".to_owned();
        complaints.push(complaint(Fault::WrongUse, text));
    }
    if key.is_some_and(|usage| !usage.value.digital_signature()) {
        let text =
            "its key usage does not allow signatures, which every forward-secret handshake needs".to_owned();
        complaints.push(complaint(Fault::WrongUse, text));
    }
}

fn authority(
    complaints: &mut Vec<Complaint>,
    chain: &[Vec<u8>],
    read: &[X509Certificate<'_>],
    roots: &RootCertStore,
    now_s: i64,
) {
    let (fault, text) = match path::find(read, roots) {
        Path::Known => {
            // Name constraints, path lengths and the rest: what today's library says of the same chain.
            let Some(why) = path::strict_refusal(chain, &read[0], roots, now_s) else {
                return;
            };
            (
                Fault::Refused,
                format!("a strict client refuses the chain: {why}"),
            )
        }
        Path::SelfSigned => (
            Fault::SelfSigned,
            "it is signed by itself, so nobody vouches for it".to_owned(),
        ),
        Path::UnknownRoot(root) => (
            Fault::UnknownAuthority,
            format!("its chain ends at `{root}`, which is no known authority"),
        ),
        Path::Open(issuer) => (
            Fault::Incomplete,
            format!(
                "`{issuer}`, who signed the last certificate sent, was not sent and is no known authority: an \
                 intermediate is missing, or the authority is a private one (ca_file)"
            ),
        ),
        Path::Forged(subject) => (
            Fault::Refused,
            format!("the signature on `{subject}` was not made by the one it names"),
        ),
    };
    complaints.push(complaint(fault, text));
}

fn name(complaints: &mut Vec<Complaint>, leaf: &X509Certificate<'_>, host: &str) {
    let names = names_of(leaf);
    if names.iter().any(|name| name.covers(host)) {
        return;
    }
    let list = names
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let text = if names.is_empty() {
        format!("it has no subject alternative name; callers ask for `{host}` and ignore the common name")
    } else {
        format!("it is for {list}, and callers ask for `{host}`")
    };
    complaints.push(complaint(Fault::WrongName, text));
}

/// A name a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A DNS name, lower case; `*` may stand for its leftmost label.
    Dns(String),
    /// An address.
    Address(IpAddr),
}

impl Name {
    /// Whether it is a name of `host` (RFC 9525 §6.3): a `*` is the whole leftmost label and exactly one, an address
    /// is compared as an address, a trailing dot counts for nothing.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        match (self, host.parse::<IpAddr>()) {
            (Name::Address(mine), Ok(asked)) => *mine == asked,
            (Name::Dns(mine), Err(_)) => {
                let asked = host.trim_end_matches('.').to_ascii_lowercase();
                match mine.strip_prefix("*.") {
                    // `*.com` would be a name of everyone.
                    Some(parent) if !parent.contains('.') => false,
                    Some(parent) => asked
                        .split_once('.')
                        .is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
                    None => *mine == asked,
                }
            }
            _ => false,
        }
    }

    /// A host that it covers.
    #[must_use]
    pub fn example(&self) -> String {
        match self {
            Name::Dns(name) => name.replacen('*', "www", 1),
            Name::Address(address) => address.to_string(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Dns(name) => f.write_str(name),
            Name::Address(address) => write!(f, "{address}"),
        }
    }
}

/// The subject alternative names. The common name is none (RFC 9525 §2).
#[must_use]
pub fn names_of(leaf: &X509Certificate<'_>) -> Vec<Name> {
    let Ok(Some(names)) = leaf.subject_alternative_name() else {
        return Vec::new();
    };
    let read = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(Name::Dns(name.trim_end_matches('.').to_ascii_lowercase())),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from))
            .ok()
            .map(Name::Address),
        _ => None,
    });
    read.collect()
}

/// The first name of the leaf of a chain, as a host that it must cover.
#[must_use]
pub fn own_host(chain: &[Vec<u8>]) -> Option<String> {
    let (_, leaf) = x509_parser::parse_x509_certificate(chain.first()?).ok()?;
    names_of(&leaf).first().map(Name::example)
}

fn describe(certificate: &X509Certificate<'_>) -> String {
    format!(
        "{}, by {}, {}, {} to {}",
        certificate.subject(),
        certificate.issuer(),
        Key::of(certificate),
        certificate.validity().not_before,
        certificate.validity().not_after
    )
}

fn whose(certificate: &X509Certificate<'_>) -> String {
    format!("`{}`", certificate.subject())
}

fn complaint(fault: Fault, text: String) -> Complaint {
    Complaint { fault, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_what_they_should_and_nothing_else() {
        let dns = |name: &str| Name::Dns(name.to_owned());
        for (name, host, covers) in [
            (dns("a.example.com"), "A.example.com.", true),
            (dns("*.example.com"), "a.example.com", true),
            (dns("*.example.com"), "a.b.example.com", false),
            (dns("*.example.com"), "example.com", false),
            (dns("*.com"), "example.com", false),
            (dns("a*.example.com"), "ab.example.com", false),
            (dns("127.0.0.1"), "127.0.0.1", false),
            (Name::Address([127, 0, 0, 1].into()), "127.0.0.1", true),
            (Name::Address([127, 0, 0, 1].into()), "127.0.0.2", false),
            (Name::Address("::1".parse().unwrap()), "0:0:0:0:0:0:0:1", true),
        ] {
            assert_eq!(name.covers(host), covers, "{name} {host}");
        }
    }
}
