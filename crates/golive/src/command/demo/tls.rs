//! S7 S5: the certificates of a demo: an authority of its own, the gateway's certificate, and client certificates, right
//! and wrong, for the proofs. Made anew for each run.
//!
//! Never: keeps the authority's key: nobody can sign with it once the demo has started.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// The folder of them, in the demo's.
pub(super) const FOLDER: &str = "tls";
/// The name of the client that is somebody; `[certificates.user]` knows it.
pub(super) const CLIENT: &str = "user.demo.golive";

const DAY: i64 = 24;

/// A certificate to be made: its file's name, what it is for, and what it lasts from and to, in hours from now.
struct Wanted {
    file: &'static str,
    names: &'static [&'static str],
    common_name: &'static str,
    purpose: ExtendedKeyUsagePurpose,
    lasts: (i64, i64),
}

/// Makes them.
pub(super) fn write(folder: &Path) -> Result<(), String> {
    let failed = |error: rcgen::Error| format!("cannot make the demo's certificates: {error}");
    fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    let mut params = CertificateParams::new(vec![]).map_err(failed)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "golive demo authority");
    (params.not_before, params.not_after) = (hence(-DAY).into(), hence(90 * DAY).into());
    let key = KeyPair::generate().map_err(failed)?;
    let authority = params.self_signed(&key).map_err(failed)?;
    put(&folder.join("ca.pem"), &authority.pem(), 0o644)?;
    let issuer = Issuer::new(params, key);
    for wanted in ALL {
        let names: Vec<String> = wanted.names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(failed)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![wanted.purpose.clone()];
        params
            .distinguished_name
            .push(DnType::CommonName, wanted.common_name);
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (hence(wanted.lasts.0).into(), hence(wanted.lasts.1).into());
        let key = KeyPair::generate().map_err(failed)?;
        let signed = params.signed_by(&key, &issuer).map_err(failed)?;
        put(&folder.join(format!("{}.pem", wanted.file)), &signed.pem(), 0o644)?;
        put(
            &folder.join(format!("{}.key", wanted.file)),
            &key.serialize_pem(),
            0o600,
        )?;
    }
    Ok(())
}

/// The gateway's, the client that is somebody, and three that must be refused.
const ALL: &[Wanted] = &[
    Wanted {
        file: "gateway",
        names: &["localhost", "127.0.0.1"],
        common_name: "localhost",
        purpose: ExtendedKeyUsagePurpose::ServerAuth,
        lasts: (-DAY, 89 * DAY),
    },
    client(
        "client-user",
        &[CLIENT],
        "user",
        ExtendedKeyUsagePurpose::ClientAuth,
        (-DAY, 89 * DAY),
    ),
    client(
        "client-expired",
        &[CLIENT],
        "user",
        ExtendedKeyUsagePurpose::ClientAuth,
        (-30 * DAY, -2 * DAY),
    ),
    client(
        "client-wrong-use",
        &[CLIENT],
        "user",
        ExtendedKeyUsagePurpose::ServerAuth,
        (-DAY, 89 * DAY),
    ),
    client(
        "client-name-only",
        &[],
        CLIENT,
        ExtendedKeyUsagePurpose::ClientAuth,
        (-DAY, 89 * DAY),
    ),
];

const fn client(
    file: &'static str,
    names: &'static [&'static str],
    common_name: &'static str,
    purpose: ExtendedKeyUsagePurpose,
    lasts: (i64, i64),
) -> Wanted {
    Wanted {
        file,
        names,
        common_name,
        purpose,
        lasts,
    }
}

/// So many hours from now.
fn hence(hours: i64) -> SystemTime {
    let span = Duration::from_secs(hours.unsigned_abs() * 3600);
    let now = SystemTime::now();
    if hours < 0 { now - span } else { now + span }
}

fn put(path: &Path, text: &str, mode: u32) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}
