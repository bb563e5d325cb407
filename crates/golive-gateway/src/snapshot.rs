//! M1: what the operations plane may see of the gateway: a copy, taken when asked.
//!
//! Never: waits for a dependency; names a host, a credential or a person.

use std::sync::Arc;

pub use golive_resilience::Tick;
use golive_store::StoreHealth;

pub use crate::auth::issuer::IssuerReading;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::upstream::health::Reading;

/// The gateway at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When.
    pub now: Tick,
    /// Whether shutdown has begun.
    pub draining: bool,
    /// Each upstream by name, with its health.
    pub links: Vec<(String, Reading)>,
    /// Each screen outside of golive by name, with its health, and whether texts pass without it.
    pub screens: Vec<(String, Reading, bool)>,
    /// The store.
    pub store: StoreHealth,
    /// Windows of limits in memory.
    pub windows: usize,
    /// Issuers of tokens, by name.
    pub issuers: Vec<IssuerReading>,
    /// Callers known by a certificate.
    pub certificates: usize,
    /// Keys that are valid.
    pub keys: usize,
}

impl Gateway {
    /// A copy of what matters, without waiting for anything.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            now: self.now(),
            draining: self.is_draining(),
            links: self
                .runtime()
                .links
                .iter()
                .map(|(name, link)| (name.clone(), link.health.read()))
                .collect(),
            screens: self
                .runtime()
                .external
                .iter()
                .map(|(name, screen)| (name.clone(), screen.health.read(), screen.fails_open()))
                .collect(),
            store: self.store.health(),
            windows: self.limiter.tracked(),
            issuers: self.issuers().read(self.now()),
            certificates: self.keyring().certificates(),
            keys: self.keyring().len(),
        }
    }

    /// The metrics, to be printed: what changes with time alone is brought up to date.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        let (now, runtime) = (self.now(), self.runtime());
        for link in runtime.links.values() {
            link.room.refresh(now);
        }
        for room in runtime.routes().filter_map(|route| route.room.as_ref()) {
            room.refresh(now);
        }
        for (link, breaker) in runtime.breakers.all() {
            self.metrics.breaker_state(link, breaker.state(now).as_str());
        }
        &self.metrics
    }
}
