//! S5.certificates: client certificates from files, and the wrong ones that need nobody's authority: made after the
//! right one, with its names, so that only the signature above it tells them apart.
//!
//! Never: uses a wrong certificate's key twice, or lets a private key out.

use golive_config::ClientCertificate;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;

/// A certificate to show, with its chain, and its key.
pub(super) struct Shown {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// Reads both files.
///
/// # Errors
/// In words, naming the file.
pub(super) fn from_files(files: &ClientCertificate) -> Result<Shown, String> {
    let (cert, key) = (&files.cert_file, &files.key_file);
    let cannot = |path: &std::path::Path, why: String| format!("cannot read {}: {why}", path.display());
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| cannot(cert, error.to_string()))?;
    if chain.is_empty() {
        return Err(format!("{} holds no certificate", cert.display()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| cannot(key, error.to_string()))?;
    Ok(Shown { chain, key })
}

/// The names that a certificate carries and the one above it.
struct Names {
    common: String,
    others: Vec<SanType>,
    issuer: String,
}

/// Signed by itself, with the names of `right`.
///
/// # Errors
/// When `right` cannot be read, or no certificate made.
pub(super) fn self_signed(right: &Shown) -> Result<Shown, String> {
    let names = names_of(right)?;
    let key = KeyPair::generate().map_err(words)?;
    let certificate = leaf(&names).self_signed(&key).map_err(words)?;
    Ok(Shown {
        chain: vec![certificate.der().clone()],
        key: der(&key)?,
    })
}

/// Signed by an authority of the same name as the right one's, which nobody trusts.
///
/// # Errors
/// When `right` cannot be read, or no certificate made.
pub(super) fn other_authority(right: &Shown) -> Result<Shown, String> {
    let names = names_of(right)?;
    let authority_key = KeyPair::generate().map_err(words)?;
    let mut authority = params(&names.issuer);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let above = authority.self_signed(&authority_key).map_err(words)?;
    let key = KeyPair::generate().map_err(words)?;
    let issuer = Issuer::new(authority, authority_key);
    let certificate = leaf(&names).signed_by(&key, &issuer).map_err(words)?;
    Ok(Shown {
        chain: vec![certificate.der().clone(), above.der().clone()],
        key: der(&key)?,
    })
}

fn leaf(names: &Names) -> CertificateParams {
    let mut leaf = params(&names.common);
    leaf.subject_alt_names = names.others.clone();
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    leaf
}

/// Of this name, good for today.
fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    let day = std::time::Duration::from_secs(86_400);
    let now = std::time::SystemTime::now();
    params.not_before = (now - day).into();
    params.not_after = (now + day).into();
    params
}

fn names_of(right: &Shown) -> Result<Names, String> {
    let der = right.chain.first().ok_or("no certificate")?;
    let (_, read) = x509_parser::parse_x509_certificate(der)
        .map_err(|error| format!("the right certificate cannot be read: {error}"))?;
    let common = |name: &x509_parser::x509::X509Name<'_>| {
        let first = name.iter_common_name().next();
        first
            .and_then(|common| common.as_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let listed = read.subject_alternative_name().ok().flatten();
    let listed = listed.map(|names| names.value.general_names.as_slice());
    let text = |text: &str| Ia5String::try_from(text.to_owned()).ok();
    let others = listed.unwrap_or_default().iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => text(name).map(SanType::DnsName),
        GeneralName::RFC822Name(name) => text(name).map(SanType::Rfc822Name),
        GeneralName::URI(name) => text(name).map(SanType::URI),
        _ => None,
    });
    Ok(Names {
        common: common(read.subject()),
        others: others.collect(),
        issuer: common(read.issuer()),
    })
}

fn der(key: &KeyPair) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::try_from(key.serialize_der()).map_err(str::to_owned)
}

fn words(error: rcgen::Error) -> String {
    format!("no certificate could be made: {error}")
}
