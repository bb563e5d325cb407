//! S5, S6: who calls, and what that caller may do, whichever way it proved who it is.
//!
//! Never: holds a credential, or a subject of an issuer in clear.

use std::sync::atomic::{AtomicI64, Ordering};

use golive_config::Grant;
use golive_resilience::Tick;
use golive_store::{Store, UserHash};

/// A last use is written again only when the one written is this old.
const TOUCH_EVERY_US: i64 = 10_000_000;

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An API key of the store.
    StoredKey,
    /// An API key of the configuration.
    ConfiguredKey,
    /// A token of an issuer.
    Token,
    /// A client certificate.
    Certificate,
}

impl Kind {
    /// The word for it, for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StoredKey | Self::ConfiguredKey => "key",
            Self::Token => "token",
            Self::Certificate => "certificate",
        }
    }
}

/// Who calls, with what it may do.
#[derive(Debug)]
pub struct Principal {
    /// `key_…` for keys of the store, `config/NAME` for keys of the configuration, `jwt/ISSUER/HASH` for subjects of
    /// an issuer, `certificate/NAME` for client certificates.
    pub id: String,
    /// The keyed hash under which this principal's own windows run.
    pub hash: u128,
    /// How it proved who it is.
    pub kind: Kind,
    /// Whether its requests may say on whose behalf they are.
    pub may_assert_users: bool,
    /// Roles, for policies.
    pub roles: Vec<String>,
    /// Team, for limits and reports.
    pub team: Option<String>,
    agents: Names,
    models: Names,
    touched_at_us: AtomicI64,
}

impl Principal {
    /// A principal under this id.
    #[must_use]
    pub fn new(
        store: &Store,
        kind: Kind,
        id: String,
        roles: Vec<String>,
        team: Option<String>,
        grant: &Grant,
    ) -> Self {
        Self {
            hash: principal_hash(store, &id),
            id,
            kind,
            may_assert_users: grant.may_assert_users,
            roles,
            team,
            agents: Names::of(&grant.agents),
            models: Names::of(&grant.models),
            touched_at_us: AtomicI64::new(0),
        }
    }

    /// The same, last used at that time.
    #[must_use]
    pub fn used_at(self, us: Option<i64>) -> Self {
        self.touched_at_us.store(us.unwrap_or(0), Ordering::Relaxed);
        self
    }

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
        self.kind == Kind::StoredKey
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
