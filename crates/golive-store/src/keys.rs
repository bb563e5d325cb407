//! S5: API keys: their text, their hash and their records.
//!
//! The text is `glv_live_`, 43 random characters of base 62 (256 bits), and 6 characters of base 62
//! that are the CRC-32 of those 43: scanners find it, and a typo is refused without asking anyone.
//!
//! Never: stores, logs or prints a key's text; only its SHA-256 is kept, and that is compared in
//! constant time.

mod records;

use std::fmt;
use std::hash::{Hash, Hasher};

use aws_lc_rs::digest::{SHA256, digest};
use secrecy::SecretString;
use serde::Serialize;
use subtle::ConstantTimeEq;

pub(crate) use records::touch_statement;

const PREFIX: &str = "glv_live_";
/// 62^43 is a little more than 2^256.
const RANDOM: usize = 43;
/// 62^6 is more than 2^32.
const CHECKSUM: usize = 6;
const LENGTH: usize = PREFIX.len() + RANDOM + CHECKSUM;
/// How much of the text a record keeps, to recognise the key by.
const SHOWN: usize = 12;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The text format of golive's keys.
#[derive(Clone, Copy, Debug)]
pub struct ApiKey;

impl ApiKey {
    /// A fresh key: its text, to be shown once, and its hash, to be kept.
    pub fn generate() -> Result<(SecretString, KeyHash), KeyError> {
        // Exactly as long as it gets: growing, or shrinking into a boxed str, would leave a copy behind.
        let mut text = String::with_capacity(LENGTH);
        text.push_str(PREFIX);
        push_random(&mut text, RANDOM)?;
        let sum = checksum(&text.as_bytes()[PREFIX.len()..]);
        text.extend(sum.into_iter().map(char::from));
        let hash = KeyHash::of(&text);
        Ok((SecretString::from(text), hash))
    }

    /// Checks form and checksum offline, and hashes. Whether the key exists is another question.
    pub fn parse(text: &str) -> Result<KeyHash, BadKey> {
        let body = text.strip_prefix(PREFIX).ok_or(BadKey::Shape)?.as_bytes();
        if body.len() != RANDOM + CHECKSUM || !body.iter().all(u8::is_ascii_alphanumeric) {
            return Err(BadKey::Shape);
        }
        let (random, sum) = body.split_at(RANDOM);
        if checksum(random) != sum {
            return Err(BadKey::Checksum);
        }
        Ok(KeyHash::of(text))
    }
}

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

/// SHA-256 of a key's text: the text has 256 random bits, so one fast hash is enough. Compared in
/// constant time; usable as the key of a map.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of any credential's text, whatever its form.
    pub fn of(text: &str) -> KeyHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        KeyHash(hash)
    }

    /// The 32 bytes of the SHA-256.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0[..].ct_eq(&other.0[..]).into()
    }
}

impl Eq for KeyHash {}

impl Hash for KeyHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(..)")
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
    /// When it last got a new text.
    pub rotated_at_us: Option<i64>,
    /// The text it had before, while that opens too.
    #[serde(flatten)]
    pub previous: Option<PreviousKey>,
}

/// The text a key had before it was rotated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreviousKey {
    /// The first 12 characters of the text.
    #[serde(rename = "previous_prefix")]
    pub prefix: String,
    /// SHA-256 of the text.
    #[serde(skip)]
    pub hash: KeyHash,
    /// Refused from then on.
    #[serde(rename = "previous_until_us")]
    pub until_us: i64,
}

/// How a key gets a new text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long the old text still opens, in microseconds; 0: not at all.
    pub overlap_us: i64,
    /// A new end of the key; `None` leaves the one it has.
    pub expires_at_us: Option<i64>,
}

impl KeyRecord {
    /// Neither revoked nor expired at `now_us`. A revoked key stays so when the clock steps back.
    pub fn is_live(&self, now_us: i64) -> bool {
        self.revoked_at_us.is_none() && self.expires_at_us.is_none_or(|at| now_us < at)
    }
}

/// What a new key is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Unique among the keys that are not revoked: 1 to 64 letters, digits, `.`, `_`, `-`.
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
    /// The key is revoked or expired, so a new text would open nothing.
    #[error("the key `{0}` is revoked or expired; make a new one with `golive keys create`")]
    Dead(String),
    /// The name is empty, too long, has unusual characters, or looks like an id.
    #[error(
        "`{0}` cannot name a key; use 1 to 64 letters, digits, `.`, `_` or `-`, not beginning with `key_`"
    )]
    BadName(String),
    /// The system gave no randomness.
    #[error("the system gave no randomness")]
    Randomness,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::StoreError),
}

/// Appends uniformly random characters of base 62. Bytes of 248 and more are thrown away: taking
/// them modulo 62 would favour the first eight characters.
fn push_random(text: &mut String, count: usize) -> Result<(), KeyError> {
    let mut wanted = count;
    let mut bytes = zeroize::Zeroizing::new([0u8; 64]);
    while wanted > 0 {
        getrandom::fill(&mut bytes[..]).map_err(|_| KeyError::Randomness)?;
        for byte in bytes.iter().filter(|byte| **byte < 248).take(wanted) {
            text.push(ALPHABET[usize::from(byte % 62)].into());
            wanted -= 1;
        }
    }
    Ok(())
}

/// CRC-32 (IEEE) in base 62, most significant first, padded with `0`.
fn checksum(random: &[u8]) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(random);
    let mut text = [b'0'; CHECKSUM];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_reference() {
        assert_eq!(&checksum(b"GOLIVEexampleTOKEN000000000000"), b"1pkdFF");
    }

    #[test]
    fn fresh_keys_differ_parse_and_are_hashed_whole() {
        let (text, hash) = ApiKey::generate().unwrap();
        let (other, _) = ApiKey::generate().unwrap();
        assert_eq!(text.expose_secret().len(), LENGTH);
        assert_ne!(text.expose_secret(), other.expose_secret());
        assert_eq!(ApiKey::parse(text.expose_secret()), Ok(hash));
        assert_eq!(KeyHash::of(text.expose_secret()), hash);
        assert_eq!(format!("{hash:?} {text:?}").matches("glv").count(), 0);
    }

    #[test]
    fn what_is_no_key_is_refused_by_shape() {
        for text in [
            "",
            "glv_live_",
            "sk-abc",
            "glv_test_0000",
            &format!("glv_live_{}", "é".repeat(24)),
            &"x".repeat(LENGTH),
        ] {
            assert_eq!(ApiKey::parse(text), Err(BadKey::Shape), "{text}");
        }
    }

    #[test]
    fn a_key_that_was_revoked_stays_dead_when_the_clock_steps_back() {
        let record = KeyRecord {
            id: "key_1".into(),
            name: "a".into(),
            prefix: "glv_live_abc".into(),
            hash: KeyHash::of("x"),
            roles: vec![],
            team: None,
            agents: vec![],
            models: vec![],
            may_assert_users: false,
            created_at_us: 0,
            expires_at_us: Some(100),
            revoked_at_us: None,
            last_used_at_us: None,
            source: "cli".into(),
            rotated_at_us: None,
            previous: None,
        };
        assert!(record.is_live(99) && !record.is_live(100));
        assert!(
            !KeyRecord {
                revoked_at_us: Some(50),
                ..record
            }
            .is_live(10)
        );
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_always_noticed(at in 0..LENGTH, put in any::<char>()) {
            let (text, _) = ApiKey::generate().unwrap();
            let mut typo: Vec<char> = text.expose_secret().chars().collect();
            prop_assume!(typo[at] != put);
            typo[at] = put;
            prop_assert!(ApiKey::parse(&typo.into_iter().collect::<String>()).is_err());
        }

        #[test]
        fn two_swapped_neighbours_are_always_noticed(at in PREFIX.len()..LENGTH - 1) {
            let (text, _) = ApiKey::generate().unwrap();
            let mut typo = text.expose_secret().as_bytes().to_vec();
            prop_assume!(typo[at] != typo[at + 1]);
            typo.swap(at, at + 1);
            prop_assert_eq!(ApiKey::parse(std::str::from_utf8(&typo).unwrap()), Err(BadKey::Checksum));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
            let _ = ApiKey::parse(&text);
        }
    }
}
