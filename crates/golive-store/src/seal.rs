//! S7: sealing: AES-256-GCM under data keys that the master key wraps.
//!
//! A sealed value is `version (1 byte, 1) | key id (4 bytes, big endian) | nonce (12) | ciphertext | tag (16)`.
//! The associated data is `table NUL column NUL row id`: a value moved to another row or column does
//! not open. Each purpose has data keys of its own; the newest one seals, all of them open, so a key
//! can be replaced without touching what stands. The user-hash key is rewrapped when the master key
//! changes, but never replaced: hashes must stay comparable.
//!
//! Random 96-bit nonces: one key may seal 2^32 values (NIST SP 800-38D §8.3) before it must be retired.
//!
//! Never: prints a key, seals under a retired key, or opens a value under a key of another purpose.

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{self, HKDF_SHA256};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::UserHash;
use crate::backend::{Backend, Failure, FailureKind, Row, Statement, Value};

const VERSION: u8 = 1;
const HEADER: usize = 1 + 4;
const TAG: usize = 16;

/// Bytes by which a sealed value is longer than the plain one.
pub(crate) const OVERHEAD: usize = HEADER + NONCE_LEN + TAG;

/// The key that wraps all data keys: 32 bytes, wiped on drop, never printed.
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// The master key has another length than 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the master key has {0} bytes; it must be 32 random bytes, written in base64")]
pub struct BadMasterKey(pub usize);

impl MasterKey {
    /// Takes the 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<MasterKey, BadMasterKey> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(BadMasterKey(bytes.len()));
        }
        key.copy_from_slice(bytes);
        Ok(MasterKey(key))
    }

    fn derive(&self, info: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let salt = hkdf::Salt::new(HKDF_SHA256, b"golive/store/1");
        let mut out = Zeroizing::new([0; 32]);
        salt.extract(&self.0[..])
            .expand(&[info], HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut out[..]))
            .map_err(|_| SealError::Library)?;
        Ok(out)
    }

    /// Tells one master key from another and nothing else about it: 16 hexadecimal digits.
    fn fingerprint(&self) -> Result<String, SealError> {
        Ok(self.derive(b"fingerprint")?[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    fn wrapping_key(&self) -> Result<RandomizedNonceKey, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, &self.derive(b"wrap")?[..]).map_err(|_| SealError::Library)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// Why a value could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Shorter than any sealed value.
    #[error("a sealed value is cut short")]
    Short,
    /// Sealed by a later format.
    #[error("a sealed value has format {0}, which this version does not know")]
    Version(u8),
    /// The key is not in this store.
    #[error("a sealed value names data key {0}, which this store does not have for that purpose")]
    UnknownKey(u32),
    /// Changed, moved to another row, or sealed under another key of the same id.
    #[error("a sealed value was changed or moved from its row")]
    Forged,
    /// The wrapped keys belong to another master key.
    #[error("the master key is not the one this store was sealed with")]
    WrongMaster,
    /// The cryptographic library refused, or gave no randomness.
    #[error("the cryptographic library failed")]
    Library,
}

/// What a data key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Prompts and replies.
    Content,
    /// Records of the spill file.
    Spill,
    /// The keyed hash of users.
    UserHash,
}

impl Purpose {
    const ALL: [Purpose; 3] = [Purpose::Content, Purpose::Spill, Purpose::UserHash];

    fn as_str(self) -> &'static str {
        match self {
            Purpose::Content => "content",
            Purpose::Spill => "spill",
            Purpose::UserHash => "user_hash",
        }
    }
}

/// Where a sealed value stands; it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
    pub(crate) row: &'a [u8],
}

impl Place<'_> {
    fn associated(&self) -> Vec<u8> {
        [
            self.table.as_bytes(),
            b"\0",
            self.column.as_bytes(),
            b"\0",
            self.row,
        ]
        .concat()
    }
}

/// The data keys of a store, unwrapped.
pub(crate) struct Keyring {
    opening: HashMap<(Purpose, u32), RandomizedNonceKey>,
    content: u32,
    spill: u32,
    user_hash: hmac::Key,
}

impl Keyring {
    /// Reads and unwraps the data keys. `None` if the store has none yet.
    pub(crate) async fn load(
        backend: &dyn Backend,
        master: &MasterKey,
    ) -> Result<Option<Keyring>, KeyringError> {
        let rows = backend.query(SELECT, vec![]).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let (wrapping, fingerprint) = (master.wrapping_key()?, master.fingerprint()?);
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            if row.text(2)? != fingerprint {
                return Err(SealError::WrongMaster.into());
            }
            keys.push(unwrap(row, &wrapping)?);
        }
        Keyring::of(keys).map(Some)
    }

    /// Makes the data keys of a new store.
    pub(crate) async fn create(
        backend: &dyn Backend,
        master: &MasterKey,
        now_us: i64,
    ) -> Result<Keyring, KeyringError> {
        let (wrapping, fingerprint) = (master.wrapping_key()?, master.fingerprint()?);
        let mut rows = Vec::new();
        for (id, purpose) in (1u32..).zip(Purpose::ALL) {
            let mut key = Zeroizing::new([0; 32]);
            aws_lc_rs::rand::fill(&mut key[..]).map_err(|_| SealError::Library)?;
            let wrapped = seal_with(
                &wrapping,
                id,
                &wrapped_place(&id.to_be_bytes(), purpose),
                &key[..],
            )?;
            rows.push(vec![
                Value::Int(Some(id.into())),
                Value::text(purpose.as_str()),
                Value::text(&fingerprint),
                Value::bytes(&wrapped),
                Value::Int(Some(now_us)),
            ]);
        }
        backend
            .transact(&[Statement::Rows {
                head: INSERT,
                rows: &rows,
                tail: "",
            }])
            .await?;
        Keyring::load(backend, master)
            .await?
            .ok_or(KeyringError::Missing("content"))
    }

    fn of(keys: Vec<DataKey>) -> Result<Keyring, KeyringError> {
        let current = |purpose: Purpose| {
            let living = keys.iter().filter(|key| key.purpose == purpose && !key.retired);
            living
                .max_by_key(|key| key.id)
                .ok_or(KeyringError::Missing(purpose.as_str()))
        };
        let (content, spill) = (current(Purpose::Content)?.id, current(Purpose::Spill)?.id);
        let user_hash = hmac::Key::new(hmac::HMAC_SHA256, &current(Purpose::UserHash)?.key[..]);
        let mut opening = HashMap::new();
        for key in keys {
            let aead = RandomizedNonceKey::new(&AES_256_GCM, &key.key[..]).map_err(|_| SealError::Library)?;
            opening.insert((key.purpose, key.id), aead);
        }
        Ok(Keyring {
            opening,
            content,
            spill,
            user_hash,
        })
    }

    /// Seals under the newest key of the purpose.
    pub(crate) fn seal(
        &self,
        purpose: Purpose,
        place: &Place<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let id = match purpose {
            Purpose::Content => self.content,
            Purpose::Spill => self.spill,
            Purpose::UserHash => return Err(SealError::Library), // hashes, does not seal
        };
        let key = self
            .opening
            .get(&(purpose, id))
            .ok_or(SealError::UnknownKey(id))?;
        seal_with(key, id, place, plain)
    }

    /// Opens what any key of the purpose has sealed for this place.
    pub(crate) fn open(
        &self,
        purpose: Purpose,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let id = key_id(sealed)?;
        let key = self
            .opening
            .get(&(purpose, id))
            .ok_or(SealError::UnknownKey(id))?;
        open_with(key, place, sealed)
    }

    /// The keyed hash of a user. The length goes in front, so that no two pairs give the same bytes.
    pub(crate) fn user_hash(&self, principal: &str, user: &str) -> UserHash {
        let mut context = hmac::Context::with_key(&self.user_hash);
        context.update(&(principal.len() as u64).to_be_bytes());
        context.update(principal.as_bytes());
        context.update(user.as_bytes());
        let mut hash = [0; 16];
        hash.copy_from_slice(&context.sign().as_ref()[..16]);
        UserHash(hash)
    }
}

/// Why the data keys are not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyringError {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Database(#[from] Failure),
    #[error("the store has no data key for `{0}`")]
    Missing(&'static str),
}

struct DataKey {
    id: u32,
    purpose: Purpose,
    retired: bool,
    key: Zeroizing<Vec<u8>>,
}

fn unwrap(row: &Row, wrapping: &RandomizedNonceKey) -> Result<DataKey, KeyringError> {
    let damaged = || Failure::new(FailureKind::Damaged, "a data key has an unknown purpose or id");
    let id = u32::try_from(row.int(0)?).map_err(|_| damaged())?;
    let name = row.text(1)?;
    let purpose = Purpose::ALL
        .into_iter()
        .find(|purpose| purpose.as_str() == name)
        .ok_or_else(damaged)?;
    let wrapped = row.maybe_bytes(3)?.ok_or(SealError::Short)?;
    let key = Zeroizing::new(open_with(
        wrapping,
        &wrapped_place(&id.to_be_bytes(), purpose),
        &wrapped,
    )?);
    Ok(DataKey {
        id,
        purpose,
        retired: row.maybe_int(4)?.is_some(),
        key,
    })
}

fn wrapped_place(id: &[u8; 4], purpose: Purpose) -> Place<'_> {
    Place {
        table: "data_keys",
        column: purpose.as_str(),
        row: id,
    }
}

fn key_id(sealed: &[u8]) -> Result<u32, SealError> {
    let Some(([version, id @ ..], rest)) = sealed.split_first_chunk::<HEADER>() else {
        return Err(SealError::Short);
    };
    if *version != VERSION {
        return Err(SealError::Version(*version));
    }
    if rest.len() < NONCE_LEN + TAG {
        return Err(SealError::Short);
    }
    Ok(u32::from_be_bytes(*id))
}

fn seal_with(
    key: &RandomizedNonceKey,
    id: u32,
    place: &Place<'_>,
    plain: &[u8],
) -> Result<Vec<u8>, SealError> {
    let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
    sealed.push(VERSION);
    sealed.extend_from_slice(&id.to_be_bytes());
    sealed.extend_from_slice(&[0; NONCE_LEN]);
    sealed.extend_from_slice(plain);
    let (head, text) = sealed.split_at_mut(HEADER + NONCE_LEN);
    let (nonce, tag) = key
        .seal_in_place_separate_tag(Aad::from(place.associated()), text)
        .map_err(|_| SealError::Library)?;
    head[HEADER..].copy_from_slice(nonce.as_ref());
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

fn open_with(key: &RandomizedNonceKey, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    key_id(sealed)?;
    let (nonce, text) = sealed[HEADER..].split_at(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Short)?;
    let mut text = text.to_vec();
    let length = key
        .open_in_place(nonce, Aad::from(place.associated()), &mut text)
        .map_err(|_| SealError::Forged)?
        .len();
    text.truncate(length);
    Ok(text)
}

const SELECT: &str = "SELECT id, purpose, master, wrapped, retired_us FROM data_keys ORDER BY id";
const INSERT: &str = "INSERT INTO data_keys (id, purpose, master, wrapped, created_us) ";

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A keyring that lives in memory, with two content keys: 1 is retired, 4 is current.
    pub(crate) fn keyring() -> Keyring {
        let key = |id, purpose, retired| DataKey {
            id,
            purpose,
            retired,
            key: Zeroizing::new(vec![id as u8; 32]),
        };
        Keyring::of(vec![
            key(1, Purpose::Content, true),
            key(2, Purpose::Spill, false),
            key(3, Purpose::UserHash, false),
            key(4, Purpose::Content, false),
        ])
        .unwrap()
    }

    fn place<'a>(column: &'a str, row: &'a [u8]) -> Place<'a> {
        Place {
            table: "ledger",
            column,
            row,
        }
    }

    #[test]
    fn what_a_retired_key_sealed_still_opens_and_new_values_take_the_newest_key() {
        let ring = keyring();
        let old = seal_with(
            &ring.opening[&(Purpose::Content, 1)],
            1,
            &place("prompt", b"r"),
            b"old",
        )
        .unwrap();
        assert_eq!(
            ring.open(Purpose::Content, &place("prompt", b"r"), &old).unwrap(),
            b"old"
        );
        let new = ring
            .seal(Purpose::Content, &place("prompt", b"r"), b"new")
            .unwrap();
        assert_eq!(new[..5], [1, 0, 0, 0, 4]);
    }

    #[test]
    fn a_key_of_another_purpose_does_not_open() {
        let ring = keyring();
        let sealed = ring.seal(Purpose::Content, &place("prompt", b"r"), b"x").unwrap();
        assert_eq!(
            ring.open(Purpose::Spill, &place("prompt", b"r"), &sealed),
            Err(SealError::UnknownKey(4))
        );
    }

    #[test]
    fn principal_and_user_are_told_apart_in_the_hash() {
        let ring = keyring();
        assert_ne!(ring.user_hash("ab", "c"), ring.user_hash("a", "bc"));
        assert_eq!(ring.user_hash("a", "b"), ring.user_hash("a", "b"));
    }

    #[test]
    fn a_master_key_of_another_length_is_refused_and_none_is_printed() {
        assert_eq!(MasterKey::new(&[7; 31]).unwrap_err(), BadMasterKey(31));
        assert_eq!(
            format!("{:?}", MasterKey::new(&[7; 32]).unwrap()),
            "MasterKey(..)"
        );
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_in_its_place_and_only_there(
            plain in proptest::collection::vec(any::<u8>(), 0..300), row in any::<[u8; 16]>(), other in any::<[u8; 16]>()
        ) {
            let ring = keyring();
            let sealed = ring.seal(Purpose::Content, &place("prompt", &row), &plain).unwrap();
            prop_assert_eq!(sealed.len(), plain.len() + OVERHEAD);
            prop_assert_eq!(ring.open(Purpose::Content, &place("prompt", &row), &sealed).unwrap(), plain);
            prop_assert_eq!(ring.open(Purpose::Content, &place("reply", &row), &sealed), Err(SealError::Forged));
            if other != row {
                prop_assert_eq!(ring.open(Purpose::Content, &place("prompt", &other), &sealed), Err(SealError::Forged));
            }
        }

        #[test]
        fn a_flipped_bit_or_a_missing_tail_never_opens(
            plain in proptest::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), bit in 0..8u8,
            cut in any::<prop::sample::Index>()
        ) {
            let ring = keyring();
            let sealed = ring.seal(Purpose::Content, &place("reply", b"row"), &plain).unwrap();
            let mut flipped = sealed.clone();
            flipped[at.index(sealed.len())] ^= 1 << bit;
            prop_assert!(ring.open(Purpose::Content, &place("reply", b"row"), &flipped).is_err());
            prop_assert!(ring.open(Purpose::Content, &place("reply", b"row"), &sealed[..cut.index(sealed.len())]).is_err());
        }
    }
}
