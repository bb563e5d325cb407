//! S7: TLS on the public listener: 1.3, and 1.2 only if asked for, with forward-secret AEAD suites alone.
//!
//! Certificates are read from files and read again when they change; a broken file leaves the old one in use.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
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
    /// Certificate and key do not fit, or use what is not supported.
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
}

/// The TLS of the public listener, reloadable.
#[derive(Debug)]
pub struct Tls {
    current: ArcSwap<ServerConfig>,
    certificate: PathBuf,
    key: PathBuf,
    allow_tls12: bool,
    clients: Option<ClientCertificates>,
    read_at: std::sync::Mutex<[Option<SystemTime>; 3]>,
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
        let config = read(cert_file, key_file, *allow_tls12, clients)?;
        Ok(Some(Arc::new(Self {
            current: ArcSwap::from_pointee(config),
            read_at: std::sync::Mutex::new([
                modified(cert_file),
                modified(key_file),
                clients.and_then(|clients| modified(&clients.ca_file)),
            ]),
            certificate: cert_file.clone(),
            key: key_file.clone(),
            allow_tls12: *allow_tls12,
            clients: clients.cloned(),
        })))
    }

    /// The configuration for the next handshake.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// The certificate's file, for its expiry in `/health`.
    #[must_use]
    pub fn certificate_file(&self) -> &Path {
        &self.certificate
    }

    /// Reads the files again if they changed. Returns whether a new certificate is in use.
    ///
    /// # Errors
    /// The new files cannot be used; the old certificate stays in use.
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let clients = self.clients.as_ref();
        let now = [
            modified(&self.certificate),
            modified(&self.key),
            clients.and_then(|clients| modified(&clients.ca_file)),
        ];
        {
            let mut seen = self
                .read_at
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if *seen == now {
                return Ok(false);
            }
            *seen = now;
        }
        self.current.store(Arc::new(read(
            &self.certificate,
            &self.key,
            self.allow_tls12,
            clients,
        )?));
        Ok(true)
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|meta| meta.modified()).ok()
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
) -> Result<ServerConfig, TlsError> {
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
    if chain.is_empty() {
        return Err(TlsError::File {
            path: certificate.to_owned(),
            why: "it holds no certificate".to_owned(),
        });
    }
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
    let unusable = |source| TlsError::Unusable {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
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
    Ok(config)
}
