//! S5: the keys and client certificates that are valid now, as the request path looks them up.
//!
//! A keyring is immutable; creating, rotating or revoking a key swaps in a new one, so that the next request sees it
//! and none waits for a lock. Look-up is by the SHA-256 of the whole key, compared in constant time.
//!
//! Never: holds the text of a key.

use std::collections::HashMap;
use std::sync::Arc;

use golive_config::{Config, Grant, San};
use golive_resilience::Tick;
use golive_store::{ApiKey, BadKey, KeyHash, KeyRecord, Store};
use secrecy::ExposeSecret;

use super::failure::Failure;
use super::principal::{Kind, Principal};

/// All keys that are valid, by hash, and all certificates that are known, by name.
#[derive(Debug, Default)]
pub struct Keyring {
    by_hash: HashMap<KeyHash, Opens>,
    by_san: HashMap<San, Known>,
    certificates: usize,
}

#[derive(Debug)]
struct Opens {
    principal: Arc<Principal>,
    until_us: Option<i64>,
}

/// A caller known by its certificate.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// Whether requests over it may bring another identity.
    pub carries_others: bool,
}

impl Keyring {
    /// The keyring of all keys in the store that are not revoked, and all keys and certificates of the configuration.
    #[must_use]
    pub fn assemble(stored: &[KeyRecord], config: &Config, store: &Store) -> Self {
        let mut by_hash = HashMap::new();
        for record in stored.iter().filter(|record| record.revoked_at_us.is_none()) {
            let grant = Grant {
                agents: record.agents.clone(),
                models: record.models.clone(),
                may_assert_users: record.may_assert_users,
            };
            let principal = Principal::new(
                store,
                Kind::StoredKey,
                record.id.clone(),
                record.roles.clone(),
                record.team.clone(),
                &grant,
            );
            let principal = Arc::new(principal.used_at(record.last_used_at_us));
            if let Some(previous) = &record.previous {
                let opens = Opens {
                    principal: Arc::clone(&principal),
                    until_us: Some(previous.until_us),
                };
                by_hash.insert(previous.hash, opens);
            }
            let opens = Opens {
                principal,
                until_us: record.expires_at_us,
            };
            by_hash.insert(record.hash, opens);
        }
        for key in config.keys.values() {
            let hash = KeyHash::of(key.secret.expose_secret());
            // A key of the configuration that was revoked in the store, or rotated away there, stays so.
            let in_store = |record: &KeyRecord| {
                record.hash == hash || record.previous.as_ref().is_some_and(|p| p.hash == hash)
            };
            if stored.iter().any(in_store) {
                continue;
            }
            let grant = Grant {
                agents: key.agents.clone(),
                models: key.models.clone(),
                may_assert_users: key.may_assert_users,
            };
            let id = format!("config/{}", key.name);
            let principal = Principal::new(
                store,
                Kind::ConfiguredKey,
                id,
                key.roles.clone(),
                key.team.clone(),
                &grant,
            );
            let opens = Opens {
                principal: Arc::new(principal),
                until_us: None,
            };
            by_hash.insert(hash, opens);
        }
        let mut by_san = HashMap::new();
        for one in config.certificates.values() {
            let id = format!("certificate/{}", one.name);
            let principal = Principal::new(
                store,
                Kind::Certificate,
                id,
                one.roles.clone(),
                one.team.clone(),
                &one.grant,
            );
            let known = Known {
                principal: Arc::new(principal),
                carries_others: one.carries_others,
            };
            by_san.extend(one.sans.iter().map(|san| (san.clone(), known.clone())));
        }
        Self {
            by_hash,
            by_san,
            certificates: config.certificates.len(),
        }
    }

    /// The principal of a key's text.
    ///
    /// # Errors
    /// Why it opens nothing; for counters and logs only.
    pub fn find(&self, text: &str, now: Tick) -> Result<&Arc<Principal>, Failure> {
        let hash = ApiKey::parse(text).map_err(|_: BadKey| Failure::Malformed)?;
        let opens = self.by_hash.get(&hash).ok_or(Failure::Unknown)?;
        let now = i64::try_from(now.0).unwrap_or(i64::MAX);
        if opens.until_us.is_some_and(|at| now >= at) {
            return Err(Failure::Expired);
        }
        Ok(&opens.principal)
    }

    /// The caller that a certificate with these names is; `None`: none that is known.
    ///
    /// # Errors
    /// The names belong to more than one caller.
    pub fn certified(&self, sans: &[San]) -> Result<Option<&Known>, Failure> {
        let mut found: Option<&Known> = None;
        for known in sans.iter().filter_map(|san| self.by_san.get(san)) {
            if found.is_some_and(|other| other.principal.id != known.principal.id) {
                return Err(Failure::CertificateConflict);
            }
            found = Some(known);
        }
        Ok(found)
    }

    /// How many keys are valid, the old texts of rotated ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// How many callers are known by a certificate.
    #[must_use]
    pub fn certificates(&self) -> usize {
        self.certificates
    }

    /// Whether no key and no certificate is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty() && self.certificates == 0
    }
}
