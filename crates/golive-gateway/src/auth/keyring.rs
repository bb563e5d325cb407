//! S5: the keys that are valid now, as the request path looks them up.
//!
//! A keyring is immutable; creating or revoking a key swaps in a new one, so that the next request sees it and
//! none waits for a lock. Look-up is by the SHA-256 of the whole key, compared in constant time.
//!
//! Never: holds the text of a key.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use golive_config::Config;
use golive_resilience::Tick;
use golive_store::{ApiKey, BadKey, KeyHash, KeyRecord, Store, UserHash};
use secrecy::ExposeSecret;

/// A last use is written again only when the one written is this old.
const TOUCH_EVERY_US: i64 = 10_000_000;

/// Who calls: one API key with what it may do.
#[derive(Debug)]
pub struct Principal {
    /// `key_…` for keys of the store, `config/NAME` for keys of the configuration.
    pub id: String,
    /// The keyed hash under which this principal's own windows run.
    pub hash: u128,
    /// Whether its requests may say on whose behalf they are.
    pub may_assert_users: bool,
    /// Roles, for policies.
    pub roles: Vec<String>,
    /// Team, for limits and reports.
    pub team: Option<String>,
    agents: Names,
    models: Names,
    expires_at_us: Option<i64>,
    stored: bool,
    touched_at_us: AtomicI64,
}

impl Principal {
    /// Whether it may call this agent.
    #[must_use]
    pub fn may_call_agent(&self, name: &str) -> bool {
        self.agents.hold(name)
    }

    /// Whether it may call this model.
    #[must_use]
    pub fn may_call_model(&self, name: &str) -> bool {
        self.models.hold(name)
    }

    /// Whether the use at `now` is worth writing down; remembers it if so.
    pub fn is_touch_due(&self, now: Tick) -> bool {
        let now = i64::try_from(now.0).unwrap_or(i64::MAX);
        let last = self.touched_at_us.load(Ordering::Relaxed);
        self.stored
            && now - last >= TOUCH_EVERY_US
            && self
                .touched_at_us
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

#[derive(Debug)]
enum Names {
    All,
    Only(Vec<String>),
}

impl Names {
    fn of(names: &[String]) -> Self {
        if names.iter().any(|name| name == "*") {
            Self::All
        } else {
            Self::Only(names.to_vec())
        }
    }

    fn hold(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|known| known == name),
        }
    }
}

/// All keys that are valid, by hash.
#[derive(Debug, Default)]
pub struct Keyring {
    by_hash: HashMap<KeyHash, Arc<Principal>>,
}

/// Why a key opens nothing. The caller is told the same sentence for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Not a golive key, or mistyped: its checksum does not fit.
    Malformed,
    /// Well-formed, but not known or revoked.
    NotKnown,
    /// Known, and past its expiry.
    Expired,
}

impl Unknown {
    /// The word for it in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotKnown => "unknown",
            Self::Expired => "expired",
        }
    }
}

impl Keyring {
    /// The keyring of all keys in the store that are not revoked, and all of the configuration.
    #[must_use]
    pub fn assemble(stored: &[KeyRecord], config: &Config, store: &Store) -> Self {
        let mut by_hash = HashMap::new();
        for record in stored.iter().filter(|record| record.revoked_at_us.is_none()) {
            let principal = Principal {
                hash: principal_hash(store, &record.id),
                id: record.id.clone(),
                may_assert_users: record.may_assert_users,
                roles: record.roles.clone(),
                team: record.team.clone(),
                agents: Names::of(&record.agents),
                models: Names::of(&record.models),
                expires_at_us: record.expires_at_us,
                stored: true,
                touched_at_us: AtomicI64::new(record.last_used_at_us.unwrap_or(0)),
            };
            by_hash.insert(record.hash, Arc::new(principal));
        }
        for key in config.keys.values() {
            let hash = KeyHash::of(key.secret.expose_secret());
            // A key of the configuration that was revoked in the store stays revoked.
            if stored.iter().any(|record| record.hash == hash) {
                continue;
            }
            let id = format!("config/{}", key.name);
            let principal = Principal {
                hash: principal_hash(store, &id),
                id,
                may_assert_users: key.may_assert_users,
                roles: key.roles.clone(),
                team: key.team.clone(),
                agents: Names::of(&key.agents),
                models: Names::of(&key.models),
                expires_at_us: None,
                stored: false,
                touched_at_us: AtomicI64::new(0),
            };
            by_hash.insert(hash, Arc::new(principal));
        }
        Self { by_hash }
    }

    /// The principal of a key's text.
    ///
    /// # Errors
    /// Why it opens nothing; for counters and logs only.
    pub fn find(&self, text: &str, now: Tick) -> Result<&Arc<Principal>, Unknown> {
        let hash = ApiKey::parse(text).map_err(|_: BadKey| Unknown::Malformed)?;
        let principal = self.by_hash.get(&hash).ok_or(Unknown::NotKnown)?;
        let now = i64::try_from(now.0).unwrap_or(i64::MAX);
        if principal.expires_at_us.is_some_and(|at| now >= at) {
            return Err(Unknown::Expired);
        }
        Ok(principal)
    }

    /// How many keys are valid.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether no key is valid, so that nobody can call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }
}

/// The name under which a principal's own window runs: its user hash with no user.
#[must_use]
pub fn principal_hash(store: &Store, id: &str) -> u128 {
    user_key(store.user_hash(id, ""))
}

/// A user hash as the limiter's key.
#[must_use]
pub fn user_key(hash: UserHash) -> u128 {
    u128::from_be_bytes(hash.0)
}
