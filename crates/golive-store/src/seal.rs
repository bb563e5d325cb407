//! S7: sealing: AES-256-GCM under data keys that the master key wraps.
//!
//! A sealed value is `version (1 byte, 1) | key id (4 bytes, big endian) | nonce (12) | ciphertext | tag (16)`.
//! The associated data is `table NUL column NUL row id`: a value moved to another row or column does
//! not open. Each purpose has data keys of its own; the newest one seals, all of them open, so a key
//! can be replaced without touching what stands. The user-hash key is rewrapped when the master key
//! changes, but never replaced: hashes must stay comparable.
//!
//! Random 96-bit nonces: one key may seal 2^32 values (NIST SP 800-38D §8.3). [`uses`] counts them over restarts, and
//! a key that has sealed so many seals no more.
//!
//! What is sealed, column by column:
//!
//! | column | how |
//! | --- | --- |
//! | `ledger.prompt`, `ledger.reply` | sealed |
//! | `ledger.client_request_id` | sealed, as text (`§` and hexadecimal digits): callers put into it what they like |
//! | `ledger.user_hash` | a keyed hash under a key of its own |
//! | `conversations.name`, `tickets.summary`, `tickets.transcript`, `conversation_messages.words`, `outbox.body` | sealed |
//! | `idempotent_answers.answer` | sealed; gone within a day, so it is not sealed anew at a rotation |
//! | `idempotent_answers.id` | a keyed hash under the key of the users' |
//! | every record of the spill file | sealed whole, its content a second time |
//! | `data_keys.wrapped` | sealed under the master key |
//! | `api_keys.hash` | SHA-256 of 256 random bits: nothing to guess |
//!
//! In clear stand the words of golive and of its operators, which the indexes and the limits read: times, outcomes,
//! decisions (never a caller's text), token counts, the names of agents, models, keys and teams, a trace id (checked to
//! be 32 hexadecimal digits), the first 12 characters of a key (18 of its 256 random bits), and the definition of each
//! release, which holds no secret.
//!
//! Never: prints a key, seals under a retired key, or opens a value under a key of another purpose.

mod command;
mod data_keys;
mod master;
mod reseal;
mod reseal_tickets;
mod rewrap;
mod rotate;
mod status;
pub(crate) mod uses;

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;

pub use command::{CommandFailed, run_master_key_command};
use data_keys::DataKey;
pub(crate) use data_keys::KeyringError;
pub use master::{BadMasterKey, MasterKey};
pub(crate) use rewrap::REPLACED;
pub use rewrap::Replaced;
pub(crate) use rotate::Rotations;
pub use rotate::{Pace, Progress, Rotated, SealChange};
pub use status::{KeyStatus, RotationStatus, SealStatus, SpillStatus};
use uses::{Use, Uses};

use crate::UserHash;

const VERSION: u8 = 1;
const HEADER: usize = 1 + 4;
const TAG: usize = 16;

/// Begins a sealed text. No value of these columns can begin so: they are visible ASCII.
pub(crate) const MARK: char = '§';
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Bytes by which a sealed value is longer than the plain one.
pub(crate) const OVERHEAD: usize = HEADER + NONCE_LEN + TAG;

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
    /// The key has sealed as many values as it may.
    #[error("data key {0} has sealed 2^32 values and may seal no more; `golive seal rotate` makes a new one")]
    Exhausted(u32),
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
    content: (u32, Arc<Use>),
    spill: (u32, Arc<Use>),
    user_hash: hmac::Key,
}

impl Keyring {
    fn of(keys: Vec<DataKey>, uses: &Uses) -> Result<Keyring, KeyringError> {
        let current = |purpose: Purpose| {
            let living = keys.iter().filter(|key| key.purpose == purpose && !key.retired);
            living
                .max_by_key(|key| key.id)
                .ok_or(KeyringError::Missing(purpose.as_str()))
        };
        let sealing = |purpose| current(purpose).map(|key| (key.id, uses.of(key.id)));
        let (content, spill) = (sealing(Purpose::Content)?, sealing(Purpose::Spill)?);
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
        let (id, uses) = match purpose {
            Purpose::Content => (self.content.0, &self.content.1),
            Purpose::Spill => (self.spill.0, &self.spill.1),
            Purpose::UserHash => return Err(SealError::Library), // hashes, does not seal
        };
        if !uses.one_more() {
            return Err(SealError::Exhausted(id));
        }
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

    /// The key that seals values of this purpose; `None` for a purpose that seals nothing.
    fn sealing(&self, purpose: Purpose) -> Option<u32> {
        match purpose {
            Purpose::Content => Some(self.content.0),
            Purpose::Spill => Some(self.spill.0),
            Purpose::UserHash => None,
        }
    }

    /// Values that the sealing keys may still seal: the smaller of the two.
    fn seals_left(&self) -> u64 {
        let most = self.content.1.count().max(self.spill.1.count());
        uses::BOUND.saturating_sub(most)
    }

    /// Seals a text for a column of texts: [`MARK`], then hexadecimal digits.
    pub(crate) fn seal_text(&self, place: &Place<'_>, plain: &str) -> Result<String, SealError> {
        let sealed = self.seal(Purpose::Content, place, plain.as_bytes())?;
        let mut text = String::with_capacity(MARK.len_utf8() + sealed.len() * 2);
        text.push(MARK);
        for byte in sealed {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        Ok(text)
    }

    /// Opens what [`Keyring::seal_text`] gave. A text without the mark was written before this column was sealed.
    pub(crate) fn open_text(&self, place: &Place<'_>, text: &str) -> Result<String, SealError> {
        let Some(digits) = text.strip_prefix(MARK) else {
            return Ok(text.to_owned());
        };
        let sealed = from_hex(digits).ok_or(SealError::Short)?;
        let plain = self.open(Purpose::Content, place, &sealed)?;
        String::from_utf8(plain).map_err(|_| SealError::Forged)
    }

    /// The key of all keyed hashes. It is never replaced.
    pub(crate) fn hash_key(&self) -> &hmac::Key {
        &self.user_hash
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

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| HEX.iter().position(|known| *known == digit).map(|at| at as u8);
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(nibble(*high)? << 4 | nibble(*low)?);
    if rest.is_empty() {
        pairs.iter().map(byte).collect()
    } else {
        None
    }
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

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::*;

    /// A keyring that lives in memory, with two content keys: 1 is retired, 4 is current.
    pub(crate) fn keyring() -> Keyring {
        let key = |id, purpose, retired| DataKey {
            id,
            purpose,
            retired,
            key: Zeroizing::new(vec![id as u8; 32]),
        };
        Keyring::of(
            vec![
                key(1, Purpose::Content, true),
                key(2, Purpose::Spill, false),
                key(3, Purpose::UserHash, false),
                key(4, Purpose::Content, false),
            ],
            &Uses::default(),
        )
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
    fn a_sealed_text_is_text_opens_in_its_place_only_and_one_from_before_reads_as_it_is() {
        let ring = keyring();
        let sealed = ring
            .seal_text(&place("client_request_id", b"r"), "ada@example.org")
            .unwrap();
        assert!(
            sealed.starts_with("§0100000004") && !sealed.contains("ada"),
            "{sealed}"
        );
        let open = |text: &str, row: &[u8]| ring.open_text(&place("client_request_id", row), text);
        assert_eq!(open(&sealed, b"r").unwrap(), "ada@example.org");
        assert_eq!(open(&sealed, b"s"), Err(SealError::Forged));
        assert_eq!(open(&sealed[..sealed.len() - 1], b"r"), Err(SealError::Short));
        assert_eq!(open("§zz", b"r"), Err(SealError::Short));
        assert_eq!(open("their-1", b"r").unwrap(), "their-1");
    }

    #[test]
    fn a_key_that_has_sealed_as_often_as_it_may_seals_no_more_and_still_opens() {
        let ring = keyring();
        let sealed = ring.seal(Purpose::Content, &place("prompt", b"r"), b"x").unwrap();
        ring.content.1.begin_at(uses::BOUND);
        assert_eq!(
            ring.seal(Purpose::Content, &place("prompt", b"r"), b"y"),
            Err(SealError::Exhausted(4))
        );
        assert!(
            ring.open(Purpose::Content, &place("prompt", b"r"), &sealed)
                .is_ok()
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
