//! S5: tokens that were checked, so that a signature is checked once and not with each request.
//!
//! Keyed by the SHA-256 of the whole token; what is found is good until the token's end, and only as long as the key
//! set that checked it is the one in use.
//!
//! Never: holds a token, or more than [`TOKENS_MAX`] of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use golive_store::{KeyHash, UserHash};

use crate::auth::principal::Principal;

/// Tokens remembered at once.
pub const TOKENS_MAX: usize = 1 << 14;
const SHARDS: usize = 16;

/// A token that was checked.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Who brought it.
    pub principal: Arc<Principal>,
    /// The user, where a claim named one.
    pub user: Option<UserHash>,
    /// The second from which it is refused.
    pub until_s: f64,
    /// The certificate it is bound to.
    pub bound_to: Option<[u8; 32]>,
    /// The issuer and the key set that checked it.
    pub checked_by: (Arc<super::Trusted>, u64),
}

/// All of them.
#[derive(Debug)]
pub struct Tokens {
    shards: Vec<Mutex<HashMap<KeyHash, Verified>>>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl Tokens {
    /// What is known of a token, if it holds at `now_s`.
    #[must_use]
    pub fn get(&self, token: &KeyHash, now_s: f64) -> Option<Verified> {
        let shard = self.shard(token);
        let found = shard.get(token)?;
        let (issuer, generation) = &found.checked_by;
        (now_s < found.until_s && issuer.generation() == *generation).then(|| found.clone())
    }

    /// Remembers a token.
    pub fn put(&self, token: KeyHash, verified: Verified, now_s: f64) {
        let mut shard = self.shard(&token);
        if shard.len() >= TOKENS_MAX / SHARDS {
            shard.retain(|_, one| now_s < one.until_s && one.checked_by.0.generation() == one.checked_by.1);
            if shard.len() >= TOKENS_MAX / SHARDS {
                // All of them are in use: beginning anew costs each one more check, and never a sweep per request.
                shard.clear();
            }
        }
        shard.insert(token, verified);
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, token: &KeyHash) -> std::sync::MutexGuard<'_, HashMap<KeyHash, Verified>> {
        let shard = usize::from(token.as_bytes()[0]) % SHARDS;
        // A map of whole values cannot be left half-written.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
