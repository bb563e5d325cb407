//! S3, S7: the sections that stand once.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate;
use super::secrets::{self, Found, Owner};
use super::{Need, Table, Walk};
use crate::base_url::BaseUrl;
use crate::meant::{
    ClientCertificates, Durability, ErrorLog, Inbound, Log, LogFormat, LogLevel, MasterKey, Probes, Server,
    StoreSection, Transport, WhenFull,
};

/// HSTS for a year, the least that browsers' preload lists take.
const HSTS: Duration = Duration::from_secs(365 * 24 * 3600);
/// A certificate or authority file is at most this long: Mozilla's whole bundle is 250 KiB.
const PEM_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(super) fn server(walk: &mut Walk<'_>, root: &Table<'_>) -> Server {
    let table = root.child(walk, "server");
    let preset = Server::default();
    let listen = table.listen(walk, "listen");
    let listen_span = listen.as_ref().map_or(table.span.clone(), |at| at.span.clone());
    let listen = listen.map_or(preset.listen, |at| at.value);
    let transport = transport(walk, &table);
    if transport == Transport::Plain && !listen.ip().is_loopback() && !table.has("tls") {
        walk.mistake(
            listen_span,
            "plain_http",
            format!("plain HTTP on {listen} would send keys and prompts in the clear"),
        )
        .help(
            "set certificate_file and private_key_file, or tls = \"terminated_by_proxy\" behind a proxy \
                 that ends TLS, or listen on 127.0.0.1",
        );
    }
    let host = host(walk, &table);
    if let (Some(host), Transport::Tls { cert_file, .. }) = (&host, &transport)
        && walk.need == Need::Gateway
    {
        certificate::name(walk, cert_file, host, table.place("host"));
    }
    let redirect_from = redirect_from(walk, &table, &transport, host.is_some(), listen);
    let proxies = table.networks(walk, "trusted_proxies").unwrap_or_default();
    if transport == Transport::ProxyTerminated && proxies.is_empty() {
        let span = table.place("tls");
        walk.mistake(span, "no_trusted_proxies", "behind a proxy, but no `trusted_proxies`: all clients share the connections of one address".to_owned())
            .help("name the proxy's range, as in trusted_proxies = [\"10.0.0.0/8\"]; `inbound.connections_per_address` binds the proxy otherwise")
            .as_warning();
    }
    let client_certificates = client_certificates(walk, &table, &transport);
    Server {
        client_certificates,
        listen,
        transport,
        host,
        redirect_from,
        trusted_proxies: proxies.into_iter().map(|at| at.value).collect(),
        drain: table.duration(walk, "drain").unwrap_or(preset.drain),
        diagnostics: table.flag(walk, "diagnostics").unwrap_or(preset.diagnostics),
    }
}

/// `agents.example.com`, or with its port. Kept as the https address that it is.
fn host(walk: &mut Walk<'_>, table: &Table<'_>) -> Option<BaseUrl> {
    let written = table.text(walk, "host")?;
    match format!("https://{}", written.value).parse::<BaseUrl>() {
        Ok(url) if url.path.is_empty() => Some(url),
        _ => {
            let message = "`server.host` is no host name".to_owned();
            walk.mistake(written.span, "bad_value", message).help(
                "write a name and, if it is not 443, the port, as in host = \"agents.example.com:8443\"",
            );
            None
        }
    }
}

fn redirect_from(
    walk: &mut Walk<'_>,
    table: &Table<'_>,
    transport: &Transport,
    has_host: bool,
    listen: SocketAddr,
) -> Option<SocketAddr> {
    let at = table.listen(walk, "redirect_from")?;
    if !matches!(transport, Transport::Tls { .. }) {
        let message = "`server.redirect_from` redirects to TLS, and golive does not end TLS here".to_owned();
        walk.mistake(at.span, "no_effect", message)
            .help("add certificate_file and private_key_file, or remove it");
    } else if !has_host && !table.has("host") {
        walk.mistake(
            at.span,
            "missing_key",
            "`[server]` lacks `host`: where to redirect to".to_owned(),
        )
        .help(
            "add host = \"agents.example.com\"; the name in a request is the caller's word and is not used",
        );
    } else if at.value == listen && listen.port() != 0 {
        let message = format!("`server.redirect_from` and `server.listen` are both {listen}");
        walk.mistake(at.span, "same_address", message)
            .help("give the redirects a port of their own, as in \"0.0.0.0:80\"");
    }
    Some(at.value)
}

fn client_certificates(
    walk: &mut Walk<'_>,
    table: &Table<'_>,
    transport: &Transport,
) -> Option<ClientCertificates> {
    let file = table.text(walk, "client_ca_file");
    let required = table.choice(
        walk,
        "client_certificates",
        &[("optional", false), ("required", true)],
    );
    let ends_here = matches!(transport, Transport::Tls { .. });
    for name in ["client_ca_file", "client_certificates"] {
        if table.has(name) && !(ends_here && file.is_some()) {
            let message = format!("`server.{name}` has no effect: no caller is asked for a certificate");
            walk.mistake(table.place(name), "no_effect", message)
                .help("it needs certificate_file, private_key_file and client_ca_file");
        }
    }
    let file = file?;
    let ca_file = walk.join(&file.value);
    if walk.need == Need::Gateway {
        certificates(walk, &ca_file, file.span);
    }
    ends_here.then(|| ClientCertificates {
        ca_file,
        required: required.unwrap_or(false),
    })
}

fn transport(walk: &mut Walk<'_>, table: &Table<'_>) -> Transport {
    let by_proxy = table
        .choice(walk, "tls", &[("terminated_by_proxy", ())])
        .is_some();
    let certificate = table.text(walk, "certificate_file");
    let key = table.text(walk, "private_key_file");
    let allow_tls12 = table.flag(walk, "allow_tls12").unwrap_or(false);
    let hsts = Some(table.duration(walk, "hsts").unwrap_or(HSTS)).filter(|age| !age.is_zero());
    match (certificate, key) {
        (Some(certificate), _) if by_proxy => {
            walk.mistake(
                certificate.span,
                "two_transports",
                "TLS ends either at a proxy or here, not at both".to_owned(),
            )
            .help("remove `tls = \"terminated_by_proxy\"` or the certificate");
            Transport::ProxyTerminated
        }
        (Some(certificate), Some(key)) => {
            let (cert_file, key_file) = (walk.join(&certificate.value), walk.join(&key.value));
            if walk.need == Need::Gateway {
                certificates(walk, &cert_file, certificate.span.clone());
                certificate::dates(walk, &cert_file, certificate.span);
                private_key(walk, &key_file, key.span);
            }
            Transport::Tls {
                cert_file,
                key_file,
                allow_tls12,
                hsts,
            }
        }
        (Some(one), None) | (None, Some(one)) => {
            let lacks = if table.has("certificate_file") {
                "private_key_file"
            } else {
                "certificate_file"
            };
            walk.mistake(
                one.span,
                "missing_key",
                format!("TLS needs both files: `[server]` lacks `{lacks}`"),
            )
            .help(format!("add {lacks} = \"tls/….pem\""));
            Transport::ProxyTerminated // nothing more to say about this listener
        }
        (None, None) => {
            for name in ["allow_tls12", "hsts"].into_iter().filter(|name| table.has(name)) {
                let message = format!("`server.{name}` has no effect: golive does not end TLS here");
                walk.mistake(table.place(name), "no_effect", message)
                    .help("it needs certificate_file and private_key_file")
                    .as_warning();
            }
            if by_proxy {
                Transport::ProxyTerminated
            } else {
                Transport::Plain
            }
        }
    }
}

/// Notes a file that cannot be read or holds no certificate.
pub(super) fn certificates(walk: &mut Walk<'_>, path: &Path, span: Range<usize>) {
    let Some(bytes) = pem(walk, path, span.clone(), "unreadable_certificate") else {
        return;
    };
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        if certificate.is_err() {
            count = 0;
            break;
        }
        count += 1;
    }
    if count == 0 {
        walk.mistake(
            span,
            "unreadable_certificate",
            format!("{} holds no certificate that can be read", path.display()),
        )
        .help("it must be PEM: blocks between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----");
    }
}

fn private_key(walk: &mut Walk<'_>, path: &Path, span: Range<usize>) {
    let Some(bytes) = pem(walk, path, span.clone(), "unreadable_private_key") else {
        return;
    };
    if PrivateKeyDer::from_pem_slice(&bytes).is_err() {
        walk.mistake(
            span,
            "unreadable_private_key",
            format!("{} holds no private key that can be read", path.display()),
        )
        .help("it must be PEM without a passphrase: PKCS#8, PKCS#1 or SEC1");
    }
}

fn pem(
    walk: &mut Walk<'_>,
    path: &Path,
    span: Range<usize>,
    code: &'static str,
) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    use std::io::Read;
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let read = std::fs::File::open(path).and_then(|file| file.take(PEM_BYTES_MAX).read_to_end(&mut bytes));
    match read {
        Ok(_) => Some(bytes),
        Err(why) => {
            walk.mistake(span, code, format!("cannot read {}: {why}", path.display()))
                .help("check the path (relative to this file's folder) and that this user may read it");
            None
        }
    }
}

/// A file of authorities that is named and must be readable.
pub(super) fn ca_file(walk: &mut Walk<'_>, table: &Table<'_>, owner: Need) -> Option<PathBuf> {
    let written = table.text(walk, "ca_file")?;
    let path = walk.join(&written.value);
    if walk.need == owner {
        certificates(walk, &path, written.span);
    }
    Some(path)
}

pub(super) fn inbound(walk: &mut Walk<'_>, root: &Table<'_>) -> Inbound {
    let table = root.child(walk, "inbound");
    let preset = Inbound::default();
    let inbound = Inbound {
        head_timeout: table
            .duration(walk, "head_timeout")
            .unwrap_or(preset.head_timeout),
        head_size: table.size(walk, "head_size").unwrap_or(preset.head_size),
        handshake_timeout: table
            .duration(walk, "handshake_timeout")
            .unwrap_or(preset.handshake_timeout),
        body_size: table.size(walk, "body_size").unwrap_or(preset.body_size),
        body_timeout: table
            .duration(walk, "body_timeout")
            .unwrap_or(preset.body_timeout),
        connections: table.count32(walk, "connections").unwrap_or(preset.connections),
        connections_per_address: table
            .count32(walk, "connections_per_address")
            .unwrap_or(preset.connections_per_address),
        h2_streams: table.count32(walk, "h2_streams").unwrap_or(preset.h2_streams),
        h2_resets: table.count32(walk, "h2_resets").unwrap_or(preset.h2_resets),
        unread_timeout: table
            .duration(walk, "unread_timeout")
            .unwrap_or(preset.unread_timeout),
        json_depth: table.count32(walk, "json_depth").unwrap_or(preset.json_depth),
        json_nodes: table.count32(walk, "json_nodes").unwrap_or(preset.json_nodes),
        json_string: table.size(walk, "json_string").unwrap_or(preset.json_string),
        idle_timeout: table
            .duration(walk, "idle_timeout")
            .unwrap_or(preset.idle_timeout),
        failures_free: table
            .count32(walk, "failures_free")
            .unwrap_or(preset.failures_free),
        failure_delay: table
            .duration(walk, "failure_delay")
            .unwrap_or(preset.failure_delay),
    };
    if inbound.connections_per_address > inbound.connections && table.has("connections_per_address") {
        let message =
            "`inbound.connections_per_address` is more than `inbound.connections`: one address may take all"
                .to_owned();
        walk.mistake(table.place("connections_per_address"), "no_effect", message)
            .as_warning();
    }
    inbound
}

pub(super) fn probes(walk: &mut Walk<'_>, root: &Table<'_>, server: &Server) -> Probes {
    let table = root.child(walk, "probes");
    let preset = Probes::default();
    let listen = table.listen(walk, "listen").map_or(preset.listen, |at| at.value);
    let expose = table.flag(walk, "expose").unwrap_or(preset.expose);
    if !listen.ip().is_loopback() && !expose {
        let message = format!("the probes on {listen} are plain HTTP without authentication");
        walk.mistake(table.place("listen"), "plain_http", message)
            .help("listen on 127.0.0.1, or say expose = true if only your own network reaches it");
    }
    if listen == server.listen && listen.port() != 0 {
        let message = format!("`probes.listen` and `server.listen` are both {listen}");
        walk.mistake(table.place("listen"), "same_address", message)
            .help("give the probes a port of their own, as in \"127.0.0.1:8081\"");
    }
    Probes { listen, expose }
}

pub(super) fn log(walk: &mut Walk<'_>, root: &Table<'_>) -> Log {
    let table = root.child(walk, "log");
    let levels = [
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ]
    .map(|level| (level.as_str(), level));
    let formats = [LogFormat::Text, LogFormat::Json].map(|format| (format.as_str(), format));
    Log {
        level: table.choice(walk, "level", &levels).unwrap_or_default(),
        format: table.choice(walk, "format", &formats).unwrap_or_default(),
    }
}

pub(super) fn error_log(walk: &mut Walk<'_>, root: &Table<'_>) -> Option<ErrorLog> {
    let table = root.child(walk, "error_log");
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let on = table.flag(walk, "enabled").unwrap_or(true);
    let file = table.text(walk, "file");
    let file = file.map_or_else(|| "golive-errors.jsonl".to_owned(), |at| at.value);
    let log = ErrorLog {
        file: walk.join(&file),
        rotate_size: table
            .size(walk, "rotate_size")
            .unwrap_or(crate::ByteSize(64 * 1024 * 1024)),
        rotate_every: table.duration(walk, "rotate_every").unwrap_or(DAY),
        keep: table.count32(walk, "keep").unwrap_or(14),
    };
    on.then_some(log)
}

pub(super) fn store(walk: &mut Walk<'_>, root: &Table<'_>) -> StoreSection {
    let table = root.child(walk, "store");
    let durabilities = [Durability::Process, Durability::Power].map(|one| (one.as_str(), one));
    let when_full = [WhenFull::Refuse, WhenFull::Unrecorded].map(|one| (one.as_str(), one));
    let (master_key, master_key_source) = master_key(walk, &table);
    let path = table
        .text(walk, "path")
        .map_or_else(|| "golive.db".to_owned(), |at| at.value);
    const DAY: u64 = 24 * 3600;
    let store = StoreSection {
        path: walk.join(&path),
        durability: table
            .choice(walk, "durability", &durabilities)
            .unwrap_or_default(),
        content: table.flag(walk, "content").unwrap_or(true),
        retention_content: table
            .duration(walk, "retention_content")
            .unwrap_or(Duration::from_secs(30 * DAY)),
        retention_ledger: table
            .duration(walk, "retention_ledger")
            .unwrap_or(Duration::from_secs(400 * DAY)),
        retention_tickets: table
            .duration(walk, "retention_tickets")
            .unwrap_or(Duration::from_secs(180 * DAY)),
        spill_size: table
            .size(walk, "spill_size")
            .unwrap_or(crate::ByteSize(64 * 1024 * 1024)),
        when_spill_full: table
            .choice(walk, "when_spill_full", &when_full)
            .unwrap_or_default(),
        master_key,
        master_key_source,
    };
    if store.retention_content > store.retention_ledger {
        let name = if table.has("retention_content") {
            "retention_content"
        } else {
            "retention_ledger"
        };
        let message = "`store.retention_content` is longer than `store.retention_ledger`: content stands in ledger rows".to_owned();
        walk.mistake(table.place(name), "out_of_range", message)
            .help("keep the ledger at least as long as the content");
    }
    store
}

/// From exactly one of a variable, a file and a command. The command is not run here: most commands ask a gateway that
/// runs, and a reload needs no key.
fn master_key(walk: &mut Walk<'_>, table: &Table<'_>) -> (MasterKey, String) {
    let by_command = "master_key_command";
    let command = table.names(walk, by_command);
    if !table.has(by_command) {
        let names = ["master_key_env", "master_key_file"];
        let found = secrets::read(walk, table, names, Some("GOLIVE_MASTER_KEY"), Owner::Gateway);
        return match found {
            Found::Here(secret) => (
                MasterKey::Given(secrets::master_key(walk, &secret)),
                secret.source,
            ),
            Found::NotNamed | Found::Missing(_) => (MasterKey::Given(secrets::placeholder()), String::new()),
        };
    }
    if let Some(other) = ["master_key_env", "master_key_file"]
        .into_iter()
        .find(|name| table.has(name))
    {
        let message = format!("`[store]` has both `{by_command}` and `{other}`");
        walk.mistake(table.place(by_command), "two_sources", message)
            .help("keep one of the two");
    }
    let is_list = command.is_some(); // what is none was noted by the reader
    let words: Vec<String> = command.into_iter().flatten().map(|at| at.value).collect();
    if is_list && words.is_empty() {
        let message = format!("`store.{by_command}` names no program");
        walk.mistake(table.place(by_command), "bad_value", message).help(
            "write the program and its arguments, as in master_key_command = [\"vault\", \"read\", \"-field=key\", \"secret/golive\"]",
        );
    }
    let source = format!("command {words:?}");
    let words = words.into_iter().enumerate();
    // A program with a `/` in its name is a path of the file; another one is looked up in PATH.
    let words = words.map(|(at, word)| match at {
        0 if word.contains('/') => walk.join(&word).display().to_string(),
        _ => word,
    });
    (MasterKey::Command(words.collect()), source)
}
