//! S5: API keys: their text, their hash and their records.
//!
//! Never: stores, logs or compares a key's text; only its SHA-256 is kept.

use secrecy::SecretString;
use serde::Serialize;

/// SHA-256 of a key's text. Compared in constant time.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

/// The text format of golive's keys.
pub struct ApiKey;

/// Why a text is no golive key. Says nothing about the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Another prefix, length or alphabet.
    #[error("not a golive key: expected `glv_live_` and 49 letters or digits")]
    Shape,
    /// The checksum does not fit: a typo.
    #[error("the key's checksum does not fit: it was mistyped or cut")]
    Checksum,
}

impl ApiKey {
    /// A fresh key: its text, to be shown once, and its hash, to be kept.
    pub fn generate() -> Result<(SecretString, KeyHash), KeyError> {
        todo!()
    }
    /// Checks the form and the checksum offline.
    pub fn parse(_text: &str) -> Result<KeyHash, BadKey> {
        todo!()
    }
}

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    /// `key_…`: the principal's id in the ledger.
    pub id: String,
    /// Unique among the keys that are not revoked.
    pub name: String,
    /// The first 12 characters of the text, to recognise it by.
    pub prefix: String,
    /// SHA-256 of the text.
    #[serde(skip)]
    pub hash: KeyHash,
    /// Roles of the principal.
    pub roles: Vec<String>,
    /// Team of the principal.
    pub team: Option<String>,
    /// Agents it may call; `*` is all.
    pub agents: Vec<String>,
    /// Models it may call; `*` is all.
    pub models: Vec<String>,
    /// Whether a request may say on whose behalf it is.
    pub may_assert_users: bool,
    /// Microseconds since the Unix epoch.
    pub created_at_us: i64,
    /// Refused from then on.
    pub expires_at_us: Option<i64>,
    /// Refused since then.
    pub revoked_at_us: Option<i64>,
    /// Last call with it, to about ten seconds.
    pub last_used_at_us: Option<i64>,
    /// Who made it: `cli`, `config`, `admin`.
    pub source: String,
}

impl KeyRecord {
    /// Neither revoked nor expired at `now_us`.
    pub fn is_live(&self, now_us: i64) -> bool {
        self.revoked_at_us.is_none_or(|at| now_us < at) && self.expires_at_us.is_none_or(|at| now_us < at)
    }
}

/// What a new key is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Unique among the keys that are not revoked.
    pub name: String,
    /// Roles of the principal.
    pub roles: Vec<String>,
    /// Team of the principal.
    pub team: Option<String>,
    /// Agents it may call; `*` is all.
    pub agents: Vec<String>,
    /// Models it may call; `*` is all.
    pub models: Vec<String>,
    /// Whether a request may say on whose behalf it is.
    pub may_assert_users: bool,
    /// Refused from then on, microseconds since the Unix epoch.
    pub expires_at_us: Option<i64>,
    /// Who makes it: `cli`, `config`, `admin`.
    pub source: String,
}

/// Why a key was not made or not revoked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A living key has that name.
    #[error("a key named `{0}` exists; revoke it first or take another name")]
    NameTaken(String),
    /// No key has that id or name.
    #[error("no key has the id or name `{0}`; `golive keys list` shows them")]
    Unknown(String),
    /// The name is empty, too long or has unusual characters.
    #[error("`{0}` cannot name a key; use 1 to 64 letters, digits, `.`, `_` or `-`")]
    BadName(String),
    /// The system gave no randomness.
    #[error("the system gave no randomness")]
    Randomness,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::StoreError),
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        bool::from(subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]))
    }
}
impl Eq for KeyHash {}
impl std::hash::Hash for KeyHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl std::fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyHash(..)")
    }
}

impl KeyHash {
    /// The hash of any credential text, for keys that come from the configuration.
    pub fn of(_text: &str) -> KeyHash {
        todo!()
    }
    /// The 32 bytes of the SHA-256.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
