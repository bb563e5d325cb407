//! S7: the master key: what it wraps with, and how one is told from another.
//!
//! Never: printed, written to disk, or used to seal anything but data keys.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::hkdf::{self, HKDF_SHA256};
use zeroize::Zeroizing;

use super::SealError;

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

    /// The same key once more: for the moment of a change, so that no lock is held over it.
    pub(super) fn duplicate(&self) -> MasterKey {
        MasterKey(self.0.clone())
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
    pub(crate) fn fingerprint(&self) -> Result<String, SealError> {
        Ok(self.derive(b"fingerprint")?[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    pub(super) fn wrapping_key(&self) -> Result<RandomizedNonceKey, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, &self.derive(b"wrap")?[..]).map_err(|_| SealError::Library)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_of_another_length_is_refused_and_none_is_printed() {
        assert_eq!(MasterKey::new(&[7; 31]).unwrap_err(), BadMasterKey(31));
        assert_eq!(
            format!("{:?}", MasterKey::new(&[7; 32]).unwrap()),
            "MasterKey(..)"
        );
    }
}
