//! S7: whether a chain leads to an authority that is known, and if not, where it ends.
//!
//! Signatures are checked with weak algorithms too: that one is weak is another section's finding and must not look
//! like a missing authority.
//!
//! Never: judges dates, names or strength.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::chain::names_of;

/// Where a chain leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// To a known authority.
    Known,
    /// Nowhere: the leaf signed itself.
    SelfSigned,
    /// To a root that was sent and is not known.
    UnknownRoot(String),
    /// It breaks off: this issuer was neither sent nor is it known.
    Open(String),
    /// A signature in it is not by the one it names.
    Forged(String),
}

/// Follows a chain from its leaf, whatever order the rest was sent in.
#[must_use]
pub fn find(chain: &[X509Certificate<'_>], roots: &RootCertStore) -> Path {
    let Some(mut at) = chain.first() else {
        return Path::Open("nobody".to_owned());
    };
    // A path is never longer than what was sent.
    for _ in 0..=chain.len() {
        if known(at, roots) {
            return Path::Known;
        }
        let own = at.subject() == at.issuer();
        if own {
            return if std::ptr::eq(at, &raw const chain[0]) {
                Path::SelfSigned
            } else {
                Path::UnknownRoot(at.subject().to_string())
            };
        }
        let mut named = chain
            .iter()
            .filter(|other| other.subject() == at.issuer())
            .peekable();
        if named.peek().is_none() {
            return Path::Open(at.issuer().to_string());
        }
        match named.find(|issuer| signed_by(at, issuer.public_key()) != Some(false)) {
            Some(issuer) => at = issuer,
            None => return Path::Forged(at.subject().to_string()),
        }
    }
    Path::Open(at.issuer().to_string())
}

/// Whether a known authority signed it, or it is one.
fn known(certificate: &X509Certificate<'_>, roots: &RootCertStore) -> bool {
    let issuer = inside(certificate.issuer().as_raw());
    roots.roots.iter().any(|anchor| {
        if issuer != Some(anchor.subject.as_ref()) {
            return false;
        }
        let spki = sequence(anchor.subject_public_key_info.as_ref());
        SubjectPublicKeyInfo::from_der(&spki)
            .is_ok_and(|(_, spki)| signed_by(certificate, &spki) != Some(false))
    })
}

/// `None`: by an algorithm that is not known here; its strength is judged by its name.
fn signed_by(certificate: &X509Certificate<'_>, key: &SubjectPublicKeyInfo<'_>) -> Option<bool> {
    let curve = key.algorithm.parameters.as_ref();
    let curve = curve
        .and_then(|any| any.as_oid().ok())
        .map(|oid| oid.to_id_string());
    let algorithm: &dyn VerificationAlgorithm = match (
        certificate.signature_algorithm.algorithm.to_id_string().as_str(),
        curve.as_deref(),
    ) {
        ("1.2.840.113549.1.1.5" | "1.3.14.3.2.29", _) => {
            &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY
        }
        ("1.2.840.113549.1.1.11", _) => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        ("1.2.840.113549.1.1.12", _) => &signature::RSA_PKCS1_2048_8192_SHA384,
        ("1.2.840.113549.1.1.13", _) => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        ("1.2.840.10045.4.3.2", Some("1.2.840.10045.3.1.7")) => &signature::ECDSA_P256_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", Some("1.2.840.10045.3.1.7")) => &signature::ECDSA_P256_SHA384_ASN1,
        ("1.2.840.10045.4.3.2", Some("1.3.132.0.34")) => &signature::ECDSA_P384_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", Some("1.3.132.0.34")) => &signature::ECDSA_P384_SHA384_ASN1,
        ("1.2.840.10045.4.3.4", Some("1.3.132.0.35")) => &signature::ECDSA_P521_SHA512_ASN1,
        ("1.3.101.112", _) => &signature::ED25519,
        _ => return None,
    };
    let key = UnparsedPublicKey::new(algorithm, &key.subject_public_key.data);
    Some(
        key.verify(
            certificate.tbs_certificate.as_ref(),
            &certificate.signature_value.data,
        )
        .is_ok(),
    )
}

/// What today's library has against the chain, its dates, the name and weak algorithms apart.
#[must_use]
pub fn strict_refusal(
    chain: &[Vec<u8>],
    leaf: &X509Certificate<'_>,
    roots: &RootCertStore,
    now_s: i64,
) -> Option<String> {
    let name = ServerName::try_from(names_of(leaf).first()?.example()).ok()?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots.clone()), provider)
        .build()
        .ok()?;
    let validity = leaf.validity();
    let at = now_s.clamp(validity.not_before.timestamp(), validity.not_after.timestamp());
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).ok()?));
    let certificates: Vec<CertificateDer<'_>> = chain
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let (leaf, rest) = certificates.split_first()?;
    match verifier.verify_server_cert(leaf, rest, &name, &[], at) {
        Ok(_) => None,
        Err(rustls::Error::InvalidCertificate(
            rustls::CertificateError::Expired
            | rustls::CertificateError::ExpiredContext { .. }
            | rustls::CertificateError::NotValidYet
            | rustls::CertificateError::NotValidYetContext { .. }
            | rustls::CertificateError::NotValidForName
            | rustls::CertificateError::NotValidForNameContext { .. }
            | rustls::CertificateError::InvalidPurpose
            | rustls::CertificateError::InvalidPurposeContext { .. },
        )) => None,
        Err(error) if weak_algorithm(&error) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// An algorithm that the library does not take is a finding about strength.
fn weak_algorithm(error: &rustls::Error) -> bool {
    let text = format!("{error:?}");
    text.contains("UnsupportedSignatureAlgorithm") || text.contains("UnsupportedPublicKey")
}

/// The contents of a DER sequence.
fn inside(der: &[u8]) -> Option<&[u8]> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *tag != 0x30 {
        return None;
    }
    match first {
        0..=0x7f => Some(rest),
        0x81 => rest.get(1..),
        0x82 => rest.get(2..),
        _ => None,
    }
}

/// A DER sequence around these contents.
fn sequence(contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut out = vec![0x30];
    match length {
        0..=0x7f => out.push(length as u8),
        0x80..=0xff => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend(contents);
    out
}
