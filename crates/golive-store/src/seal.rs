//! S7: sealing.
use zeroize::Zeroizing;

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
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}
