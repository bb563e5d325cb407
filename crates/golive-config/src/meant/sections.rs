//! S5, S7, M1: the sections that stand once: `[server]`, `[inbound]`, `[probes]`, `[log]`,
//! `[store]`, and the shape of one `[keys.NAME]`.
//!
//! Defaults stand here, beside the field, as `Default`; `reference::KEYS` repeats them for people and
//! a test compares the two.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{SecretSlice, SecretString};

use super::ClientCertificates;
use crate::base_url::BaseUrl;
use crate::units::ByteSize;

/// `[server]`: the public listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where callers connect. Port 0 asks the system for a free one.
    pub listen: SocketAddr,
    /// How bytes travel to it.
    pub transport: Transport,
    /// Name (and port, if not 443) by which callers reach it: where redirects lead, and what its certificate must be
    /// for.
    pub host: Option<BaseUrl>,
    /// A second, plain port that answers with a redirect to `https://` of `host` and nothing else. Only with TLS.
    pub redirect_from: Option<SocketAddr>,
    /// Addresses that speak for many callers: connections from them are bound by
    /// `inbound.connections` alone, not by `inbound.connections_per_address`. Of their headers, only
    /// the client's address is believed, and only to slow that client's refusals.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether callers are asked for a certificate of their own; only where golive ends TLS.
    pub client_certificates: Option<ClientCertificates>,
    /// How long shutdown waits for requests and streams in flight.
    pub drain: Duration,
    /// Tell callers of link, attempts and overhead in response headers.
    pub diagnostics: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            transport: Transport::Plain,
            host: None,
            redirect_from: None,
            trusted_proxies: Vec::new(),
            client_certificates: None,
            drain: Duration::from_secs(30),
            diagnostics: false,
        }
    }
}

/// S7: how bytes travel to the public listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Plain HTTP. Only on a loopback address.
    Plain,
    /// Plain HTTP behind a proxy that ends TLS (`tls = "terminated_by_proxy"`).
    ProxyTerminated,
    /// TLS ended by golive. Both files were read once and hold what they should.
    Tls {
        /// PEM file: the certificate chain, leaf first.
        cert_file: PathBuf,
        /// PEM file: the private key of the leaf.
        key_file: PathBuf,
        /// Accept TLS 1.2 too; otherwise 1.3 only.
        allow_tls12: bool,
        /// `max-age` of `strict-transport-security`; `None` sends no such header.
        hsts: Option<Duration>,
    },
}

/// `[inbound]`: what a client may use up, most of it before it is identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inbound {
    /// From connect (or the end of the last request) to the last byte of the head.
    pub head_timeout: Duration,
    /// Largest request head.
    pub head_size: ByteSize,
    /// TLS handshake.
    pub handshake_timeout: Duration,
    /// Largest request body.
    pub body_size: ByteSize,
    /// From the end of the head to the last byte of the body.
    pub body_timeout: Duration,
    /// Open connections in all.
    pub connections: u32,
    /// Open connections of one client address.
    pub connections_per_address: u32,
    /// HTTP/2: concurrent streams of one connection.
    pub h2_streams: u32,
    /// HTTP/2: streams reset by the client that may wait to be accepted, before the connection is
    /// closed (rapid reset, CVE-2023-44487; hyper's default is 20).
    pub h2_resets: u32,
    /// A response that the client does not read is cut after this long without progress.
    pub unread_timeout: Duration,
    /// Deepest nesting of a JSON body.
    pub json_depth: u32,
    /// Most values (objects, arrays, strings, numbers, literals) of a JSON body.
    pub json_nodes: u32,
    /// Longest string of a JSON body, in bytes.
    pub json_string: ByteSize,
    /// A kept-alive connection without a request is closed after this long. Longer than the 60 s
    /// that common balancers keep theirs, so that the balancer closes first.
    pub idle_timeout: Duration,
    /// Requests with a wrong credential that one address is told of at once; beyond, it waits.
    pub failures_free: u32,
    /// The longest wait for such a refusal; zero: none waits.
    pub failure_delay: Duration,
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            head_size: ByteSize(32 * 1024),
            handshake_timeout: Duration::from_secs(10),
            body_size: ByteSize(4 * 1024 * 1024),
            body_timeout: Duration::from_secs(30),
            connections: 4096,
            connections_per_address: 256,
            h2_streams: 128,
            h2_resets: 20,
            unread_timeout: Duration::from_secs(60),
            json_depth: 64,
            json_nodes: 100_000,
            json_string: ByteSize(1024 * 1024),
            idle_timeout: Duration::from_secs(75),
            failures_free: 100,
            failure_delay: Duration::from_secs(1),
        }
    }
}

/// `[probes]`: the listener of `/health` and `/metrics`. Plain HTTP, no authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probes {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Somebody asked for an address other than loopback.
    pub expose: bool,
}

impl Default for Probes {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081),
            expose: false,
        }
    }
}

/// `[log]`: golive's own log on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Log {
    /// The least severe line that is written.
    pub level: LogLevel,
    /// The shape of a line.
    pub format: LogFormat,
}

/// The least severe line that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// Only failures.
    Error,
    /// And what will become a failure.
    Warn,
    /// And what an operator wants to know.
    #[default]
    Info,
    /// And what a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// As written in the file; also what `tracing`'s filters read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// As written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// `[error_log]`: what went wrong, for people who look into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorLog {
    /// Where it is written.
    pub file: PathBuf,
    /// The size at which a new file is begun.
    pub rotate_size: ByteSize,
    /// The age at which a new file is begun.
    pub rotate_every: Duration,
    /// Old files that are kept.
    pub keep: u32,
}

/// `[store]`: where the ledger, the keys and the releases are kept.
#[derive(Debug, Clone)]
pub struct StoreSection {
    /// The SQLite file, joined to the folder of the config file.
    pub path: PathBuf,
    /// What a committed row survives.
    pub durability: Durability,
    /// Keep prompts and replies (sealed).
    pub content: bool,
    /// How long prompts and replies are kept.
    pub retention_content: Duration,
    /// How long ledger rows are kept.
    pub retention_ledger: Duration,
    /// How long resolved tickets are kept, with what was said in them.
    pub retention_tickets: Duration,
    /// Size of the spill file, reserved at start.
    pub spill_size: ByteSize,
    /// What happens when the database is down and the spill is full.
    pub when_spill_full: WhenFull,
    /// Wraps all data keys.
    pub master_key: MasterKey,
    /// Where the master key comes from, for people: `env GOLIVE_MASTER_KEY`, `file /path` or `command ["vault"]`.
    pub master_key_source: String,
}

/// The master key, or who knows it.
#[derive(Debug, Clone)]
pub enum MasterKey {
    /// Always 32 bytes.
    Given(SecretSlice<u8>),
    /// The program that prints it, then its arguments. Only who opens the store runs it: a command that asks the
    /// running gateway needs no master key.
    Command(Vec<String>),
}

/// What a committed row survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The death of the process (SQLite `synchronous = NORMAL` with WAL).
    #[default]
    Process,
    /// A power cut (`synchronous = FULL`): each group commit waits for the disk.
    Power,
}

impl Durability {
    /// As written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Power => "power",
        }
    }
}

/// What happens to a request that can be recorded neither in the database nor in the spill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// It is refused with 503.
    #[default]
    Refuse,
    /// It is served without a record.
    Unrecorded,
}

impl WhenFull {
    /// As written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Unrecorded => "unrecorded",
        }
    }
}

/// `[keys.NAME]`: a caller whose key stands in the environment or in a file.
#[derive(Debug, Clone)]
pub struct ConfiguredKey {
    /// The name of its table.
    pub name: String,
    /// The key as the caller sends it: `glv_live_…`, checksum verified.
    pub secret: SecretString,
    /// Where the key came from, for people: `env NAME` or `file /path`.
    pub secret_source: String,
    /// Roles, for policies. Without any it counts as `caller`.
    pub roles: Vec<String>,
    /// Its team, for policies.
    pub team: Option<String>,
    /// Agents it may call; `*` is all.
    pub agents: Vec<String>,
    /// Models it may call; `*` is all.
    pub models: Vec<String>,
    /// It may say on behalf of which user it calls.
    pub may_assert_users: bool,
}
