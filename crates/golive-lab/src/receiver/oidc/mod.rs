//! S5, S6: the lab as an OIDC issuer: discovery, keys, rotation, outage, and tokens of any making, forged ones too.
//!
//! Its address is `http://LAB/_oidc/NAME`. An issuer is made, keys and all, at its first use.
//!
//! Never: lets a private key out, fetches anything, or forgets silently who fetched from it.

mod issuer;
mod keys;
mod mint;
pub(crate) mod serve;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use issuer::{Issuer, Issuers};

/// A token as it is to be made. What is left out is what a right token has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mint {
    /// The key that signs: its `kid`, or an algorithm's name (`RS256`, `ES256`, `EdDSA`) for the current key of it;
    /// `stranger-RS256` and so on for keys that the issuer never publishes. `ES256` by default.
    pub key: Option<String>,
    /// Claims, laid over `iss`, `sub`, `aud`, `iat`, `exp` (in five minutes) and `jti`; `null` takes one away.
    pub claims: Map<String, Value>,
    /// Members of the header, laid over `alg`, `kid` and `typ`; `null` takes one away.
    pub header: Map<String, Value>,
    /// The claims as this text, as it is: for duplicate names and numbers that are none.
    pub raw_claims: Option<String>,
    /// The header as this text, as it is.
    pub raw_header: Option<String>,
    /// What stands in the signature's place.
    pub signature: Signature,
    /// Claims that are changed after signing.
    pub tamper: Map<String, Value>,
}

/// What stands in the place of a token's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// The right one.
    #[default]
    Right,
    /// Nothing behind the last dot.
    Empty,
    /// Not even the last dot.
    Absent,
    /// The right one with one bit turned.
    Flipped,
    /// Zeros, as many as the right one has bytes.
    Zeros,
    /// An HMAC-SHA-256 whose secret is the public key as PEM.
    HmacPem,
    /// The same, its PEM without the line break at its end.
    HmacPemTrimmed,
    /// An HMAC-SHA-256 whose secret is the public key as DER.
    HmacDer,
    /// An HMAC-SHA-256 whose secret is the number that the JWK of the public key holds (`n`, `x`).
    HmacNumber,
}

/// An issuer as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerInfo {
    /// Its identifier, as discovery tells it to whoever asked on this address.
    pub issuer: String,
    /// Its keys, the oldest first.
    pub keys: Vec<IssuerKey>,
    /// Public keys that it never publishes, as JWKs: one per algorithm.
    pub strangers: Vec<Value>,
    /// Where a token's `jku` or `x5u` may point: nobody may ever fetch from there.
    pub trap: String,
    /// What it does instead of answering.
    pub outage: Outage,
    /// Requests that reached it since its start or its reset.
    pub fetches: u64,
}

/// One key of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerKey {
    /// Its name.
    pub kid: String,
    /// Its algorithm: `RS256`, `ES256` or `EdDSA`.
    pub alg: String,
    /// It stands in the published set.
    pub published: bool,
    /// It signs what names its algorithm.
    pub current: bool,
}

/// What an issuer does instead of answering with its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// It answers.
    #[default]
    None,
    /// The connection is reset.
    Refuse,
    /// The request is read and never answered.
    Hang,
    /// Status 500.
    Error,
    /// Status 200 and a web page.
    Garbage,
    /// Status 200 and 50 MB of JSON.
    Huge,
}

impl Outage {
    /// All that are outages.
    pub const ALL: [Outage; 5] = [
        Outage::Refuse,
        Outage::Hang,
        Outage::Error,
        Outage::Garbage,
        Outage::Huge,
    ];

    /// As written in the control.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outage::None => "none",
            Outage::Refuse => "refuse",
            Outage::Hang => "hang",
            Outage::Error => "error",
            Outage::Garbage => "garbage",
            Outage::Huge => "huge",
        }
    }
}

/// One request that reached an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// From 1, in order.
    pub seq: u64,
    /// By the lab's clock, in microseconds.
    pub at_us: u64,
    /// Its method.
    pub method: String,
    /// Its path behind the issuer's, with its query.
    pub path: String,
    /// What was asked for.
    pub what: Fetched,
    /// The outage that it met.
    pub outage: Outage,
}

/// What a request to an issuer asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fetched {
    /// The discovery document.
    Discovery,
    /// The published keys.
    Keys,
    /// An address that only a forged token names.
    Trap,
    /// Anything else.
    Other,
}

/// The recorded requests of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetches {
    /// In order; at most the last [`FETCHES_MAX`].
    pub fetches: Vec<Fetch>,
    /// How many there were in all.
    pub total: u64,
}

/// Requests kept per issuer; older ones are only counted.
pub const FETCHES_MAX: usize = 2_000;

/// The audience of a token for which none was asked.
pub const DEFAULT_AUDIENCE: &str = "golive";
