//! S7: TLS on the public listener: 1.3, and 1.2 only if asked for, with forward-secret AEAD suites alone.
//!
//! Certificates are read from files and read again when they change; a broken, foreign or expired file leaves the old
//! one in use, and `/health` says so.
//!
//! Never: offers a suite without forward secrecy, or early data, which can be replayed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use aws_lc_rs::digest::{SHA256, digest};
use golive_config::{ClientCertificates, Transport};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::cipher_suite as suite;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("cannot read {path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The key is another certificate's.
    #[error("{key} is not the key of the certificate in {certificate}; both must be renewed together")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Certificate and key use what is not supported.
    #[error("the certificate {certificate} and the key {key} cannot be used: {source}")]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        #[source]
        source: rustls::Error,
    },
    /// The new certificate ran out, and the one in use did not.
    #[error("the certificate in {certificate} ran out before the one in use")]
    Expired {
        /// The certificate's file.
        certificate: PathBuf,
    },
}

impl TlsError {
    /// What is wrong, without a path: for `/health`, which anyone on the host may read.
    #[must_use]
    pub fn in_short(&self) -> &'static str {
        match self {
            Self::File { .. } => "a file cannot be read",
            Self::Mismatch { .. } => "the key is not the certificate's",
            Self::Unusable { .. } => "it cannot be used",
            Self::Expired { .. } => "it has run out",
        }
    }
}

/// The TLS of the public listener, reloadable.
#[derive(Debug)]
pub struct Tls {
    current: ArcSwap<InUse>,
    certificate: PathBuf,
    key: PathBuf,
    allow_tls12: bool,
    clients: Option<ClientCertificates>,
    /// What the files held when they were last looked at, used or not.
    seen: Mutex<Prints>,
    /// Why the files, as they are now, are not in use.
    refused: ArcSwapOption<&'static str>,
}

#[derive(Debug)]
struct InUse {
    config: Arc<ServerConfig>,
    leaf: CertificateDer<'static>,
    prints: Prints,
}

/// Hashes of certificate, key and client authorities; `None` for one that cannot be read. Times would miss a swap of symlinks whose targets are of
/// one age, as Kubernetes makes them.
type Prints = [Option<[u8; 32]>; 3];

/// The certificate that callers are shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The leaf, as DER.
    pub leaf: CertificateDer<'static>,
    /// Why a newer one in the files is not shown.
    pub refused: Option<&'static str>,
}

impl Tls {
    /// Reads the files a transport names; `None` for a plain one.
    ///
    /// # Errors
    /// See [`TlsError`]; each names its file.
    pub fn of(
        transport: &Transport,
        clients: Option<&ClientCertificates>,
    ) -> Result<Option<Arc<Self>>, TlsError> {
        let Transport::Tls {
            cert_file,
            key_file,
            allow_tls12,
            ..
        } = transport
        else {
            return Ok(None);
        };
        let prints = prints(cert_file, key_file, clients);
        let in_use = read(cert_file, key_file, *allow_tls12, clients, prints)?;
        Ok(Some(Arc::new(Self {
            current: ArcSwap::from_pointee(in_use),
            seen: Mutex::new(prints),
            refused: ArcSwapOption::empty(),
            certificate: cert_file.clone(),
            key: key_file.clone(),
            allow_tls12: *allow_tls12,
            clients: clients.cloned(),
        })))
    }

    /// The configuration for the next handshake.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// The certificate in use, and whether the files hold one that is not, for `/health`.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown {
            leaf: self.current.load().leaf.clone(),
            refused: self.refused.load().as_deref().copied(),
        }
    }

    /// Reads the files again if they hold something else than at the last look. Returns whether a new certificate is in
    /// use. `now_s`: Unix seconds.
    ///
    /// # Errors
    /// The new files cannot be used; the old certificate stays in use. Told once for each content.
    pub fn refresh(&self, now_s: i64) -> Result<bool, TlsError> {
        let now = prints(&self.certificate, &self.key, self.clients.as_ref());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Ok(false);
        }
        *seen = now;
        drop(seen);
        let old = self.current.load();
        if old.prints == now {
            self.refused.store(None); // back to what is in use
            return Ok(false);
        }
        let clients = self.clients.as_ref();
        let taken = read(&self.certificate, &self.key, self.allow_tls12, clients, now).and_then(|new| {
            // Callers are better off with one that still lasts.
            if has_run_out(&new.leaf, now_s) && !has_run_out(&old.leaf, now_s) {
                return Err(TlsError::Expired {
                    certificate: self.certificate.clone(),
                });
            }
            Ok(new)
        });
        match taken {
            Ok(new) => {
                self.current.store(Arc::new(new));
                self.refused.store(None);
                Ok(true)
            }
            Err(error) => {
                self.refused.store(Some(Arc::new(error.in_short())));
                Err(error)
            }
        }
    }

    /// Whether callers are shown a certificate that has run out. `now_s`: Unix seconds.
    #[must_use]
    pub fn has_run_out(&self, now_s: i64) -> bool {
        has_run_out(&self.current.load().leaf, now_s)
    }
}

fn has_run_out(leaf: &CertificateDer<'_>, now_s: i64) -> bool {
    x509_parser::parse_x509_certificate(leaf)
        .is_ok_and(|(_, leaf)| leaf.validity().not_after.timestamp() < now_s)
}

fn prints(certificate: &Path, key: &Path, clients: Option<&ClientCertificates>) -> Prints {
    [
        print(certificate),
        print(key),
        clients.and_then(|clients| print(&clients.ca_file)),
    ]
}

fn print(path: &Path) -> Option<[u8; 32]> {
    let bytes = zeroize::Zeroizing::new(std::fs::read(path).ok()?);
    digest(&SHA256, &bytes).as_ref().try_into().ok()
}

/// Asks callers for a certificate of these authorities alone: chain, dates and purpose (clientAuth) are verified, and
/// none of the system's authorities counts.
fn verifier(
    clients: &ClientCertificates,
    provider: &Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let fail = |why: String| TlsError::File {
        path: clients.ca_file.clone(),
        why,
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&clients.ca_file).map_err(|e| fail(e.to_string()))? {
        let certificate = certificate.map_err(|e| fail(e.to_string()))?;
        roots.add(certificate).map_err(|e| fail(e.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if clients.required {
        builder
    } else {
        builder.allow_unauthenticated()
    };
    builder.build().map_err(|e| fail(e.to_string()))
}

fn read(
    certificate: &Path,
    key: &Path,
    allow_tls12: bool,
    clients: Option<&ClientCertificates>,
    prints: Prints,
) -> Result<InUse, TlsError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |error: rustls::pki_types::pem::Error| TlsError::File {
            path: path.clone(),
            why: error.to_string(),
        }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .map_err(file(certificate))?
        .collect::<Result<_, _>>()
        .map_err(file(certificate))?;
    let Some(leaf) = chain.first().cloned() else {
        return Err(TlsError::File {
            path: certificate.to_owned(),
            why: "it holds no certificate".to_owned(),
        });
    };
    let private = PrivateKeyDer::from_pem_file(key).map_err(file(key))?;
    // The 1.2 suites are the ECDHE ones with AES-GCM or ChaCha20 only (RFC 9325 §4.2).
    let provider = rustls::crypto::CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        ..rustls::crypto::aws_lc_rs::default_provider()
    };
    let versions: &[&rustls::SupportedProtocolVersion] = if allow_tls12 {
        &[&rustls::version::TLS13, &rustls::version::TLS12]
    } else {
        &[&rustls::version::TLS13]
    };
    let unusable = |source| {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        match source {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { certificate, key },
            source => TlsError::Unusable {
                certificate,
                key,
                source,
            },
        }
    };
    let provider = Arc::new(provider);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(unusable)?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(verifier(clients, &provider)?),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, private).map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.max_early_data_size = 0; // a replayed POST would be a second call
    Ok(InUse {
        config: Arc::new(config),
        leaf,
        prints,
    })
}
