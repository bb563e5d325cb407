//! S5: callers that bring no API key: `[issuers.NAME]` for tokens, `[certificates.NAME]` for client certificates.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::base_url::BaseUrl;

/// What a caller may do, whichever way it proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Agents it may call; `*` is all.
    pub agents: Vec<String>,
    /// Models it may call; `*` is all.
    pub models: Vec<String>,
    /// It may say on behalf of which user it calls.
    pub may_assert_users: bool,
}

/// `[issuers.NAME]`: who issues tokens (JWT) that are accepted, and by which rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The name of its table.
    pub name: String,
    /// The `iss` of its tokens, to the letter.
    pub issuer: String,
    /// Where its keys are.
    pub keys: IssuerKeys,
    /// One of these must be among a token's `aud`.
    pub audience: Vec<String>,
    /// The algorithms its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// The `typ` its tokens must have; `None`: `JWT`, `at+jwt` or none at all.
    pub typ: Option<String>,
    /// The claim that holds the roles: a name, or a JSON pointer.
    pub roles_claim: Option<String>,
    /// The claim that holds the team.
    pub team_claim: Option<String>,
    /// The claim that names the user; `None`: the subject is the user.
    pub user_claim: Option<String>,
    /// What each of its subjects may do.
    pub grant: Grant,
    /// How far its clock and ours may be apart.
    pub leeway: Duration,
    /// The oldest token that is accepted, by `iat`.
    pub max_age: Option<Duration>,
    /// The longest its keys are used before they are fetched again, whatever it says of their lifetime.
    pub keys_max_age: Option<Duration>,
    /// Private ranges it may be in.
    pub private_addresses: Vec<IpNet>,
    /// The authorities that vouch for it, instead of Mozilla's.
    pub ca_file: Option<PathBuf>,
}

/// Where an issuer's keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerKeys {
    /// Where its discovery document says. Holds the issuer's address.
    Discovery(BaseUrl),
    /// At this address.
    Url(BaseUrl),
    /// In this file.
    File(PathBuf),
}

/// Signature algorithms (RFC 7518 §3.1, RFC 8037). None is symmetric: an issuer's secret has no place here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    Rs512,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// RSA-PSS with SHA-384.
    Ps384,
    /// RSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256.
    Es256,
    /// ECDSA on P-384.
    Es384,
    /// ECDSA on P-521.
    Es512,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];
    /// Those that hold where none are named.
    pub const PRESET: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The word of it in `alg`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of a word, case and all. `Ed25519` is EdDSA's newer name (RFC 9864).
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        if word == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// `[certificates.NAME]`: a caller that shows a client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientName {
    /// The name of its table.
    pub name: String,
    /// Names in the certificate, any of which is this caller.
    pub sans: Vec<San>,
    /// Roles of the principal.
    pub roles: Vec<String>,
    /// Team of the principal.
    pub team: Option<String>,
    /// What it may do.
    pub grant: Grant,
    /// Requests over it may bring a key or token of their own, and are then that caller's.
    pub carries_others: bool,
}

/// One subject alternative name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum San {
    /// A URI: `spiffe://…`.
    Uri(String),
    /// A DNS name, in lower case.
    Dns(String),
    /// An e-mail address.
    Email(String),
}

impl San {
    /// As the configuration writes it: `uri:…`, `dns:…`, `email:…`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':')?;
        if name.is_empty() || name.contains('*') {
            return None;
        }
        match kind {
            "uri" => Some(Self::Uri(name.to_owned())),
            "dns" => Some(Self::Dns(name.to_ascii_lowercase())),
            "email" => Some(Self::Email(name.to_owned())),
            _ => None,
        }
    }
}

impl std::fmt::Display for San {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uri(name) => write!(f, "uri:{name}"),
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Email(name) => write!(f, "email:{name}"),
        }
    }
}

/// `server.client_ca_file` and `server.client_certificates`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificates {
    /// PEM file: the authorities whose certificates callers may show.
    pub ca_file: PathBuf,
    /// A caller without one gets no connection.
    pub required: bool,
}
