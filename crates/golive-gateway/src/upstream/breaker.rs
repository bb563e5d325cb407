//! P4, E4: the breaker of one link as many requests share it, with what is known of its load.
//!
//! Never: decides; [`golive_resilience::breaker`] does. Never: is held across an await.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use golive_resilience::Tick;
use golive_resilience::breaker::{Admit, Breaker, BreakerPolicy, Permit, State};
use golive_resilience::chain::Load;
use golive_resilience::failure::Health;
use golive_resilience::latency::Latency;

use crate::metrics::LinkMetrics;

/// A breaker and the load of its link.
#[derive(Debug)]
pub struct LinkBreaker {
    link: String,
    policy: BreakerPolicy,
    state: Mutex<Shared>,
    in_flight: AtomicU32,
    metrics: LinkMetrics,
}

#[derive(Debug, Default)]
struct Shared {
    breaker: Breaker,
    latency: Latency,
}

impl LinkBreaker {
    /// A closed one.
    #[must_use]
    pub fn new(link: String, policy: BreakerPolicy, metrics: LinkMetrics) -> Self {
        Self {
            link,
            policy,
            state: Mutex::default(),
            in_flight: AtomicU32::new(0),
            metrics,
        }
    }

    /// Its numbers.
    #[must_use]
    pub fn policy(&self) -> &BreakerPolicy {
        &self.policy
    }

    /// Leave to make an attempt.
    ///
    /// # Errors
    /// When it is worth asking again.
    pub fn admit(self: &Arc<Self>, now: Tick) -> Result<Lease, Tick> {
        match self.lock().breaker.admit(&self.policy, now) {
            Admit::Yes(permit) => {
                self.in_flight.fetch_add(1, Ordering::Relaxed);
                Ok(Lease {
                    of: Arc::clone(self),
                    permit: Some(permit),
                    began: now,
                })
            }
            Admit::No { next_probe } => {
                self.metrics.short_circuited.inc();
                Err(next_probe)
            }
        }
    }

    /// Whether an attempt would be let through now.
    ///
    /// # Errors
    /// When it is worth asking again.
    pub fn would_admit(&self, now: Tick) -> Result<(), Tick> {
        self.lock().breaker.would_admit(now)
    }

    /// How busy the link is.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            latency: self.lock().latency.mean().unwrap_or_default(),
            in_flight: self.in_flight.load(Ordering::Relaxed),
        }
    }

    /// Its state now.
    #[must_use]
    pub fn state(&self, now: Tick) -> State {
        self.lock().breaker.state(now)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Every change is made by one call of the machine, which does not panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to make one attempt. Dropped without a word it proves nothing about the link: the caller left.
#[derive(Debug)]
pub struct Lease {
    of: Arc<LinkBreaker>,
    permit: Option<Permit>,
    began: Tick,
}

impl Lease {
    /// The first content has come, or the whole answer: so long it took.
    pub fn answered(&self, now: Tick) {
        self.of.lock().latency.observe(now.since(self.began));
    }

    /// Tells how the attempt ended; for a stream, at its end.
    pub fn end(mut self, health: Health, now: Tick) {
        let Some(permit) = self.permit.take() else { return };
        let changed = self
            .of
            .lock()
            .breaker
            .record(&self.of.policy, permit, health, now);
        if changed {
            let state = self.of.state(now);
            if matches!(state, State::Open { .. }) {
                self.of.metrics.opened.inc();
            }
            tracing::warn!(
                link = self.of.link,
                state = state.as_str(),
                "a circuit breaker changed"
            );
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.of.in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(permit) = self.permit.take() {
            self.of.lock().breaker.abandon(permit);
        }
    }
}

/// How much longer than the first-byte clock a probe may be out: a hung one is told as failed before it is replaced.
const LEASE_SLACK: Duration = Duration::from_secs(5);

/// The policy of a link with this first-byte clock.
#[must_use]
pub fn policy(numbers: &golive_config::BreakerNumbers, first_byte: Duration) -> BreakerPolicy {
    BreakerPolicy {
        failures: numbers.failures,
        open: numbers.open,
        successes: numbers.successes,
        probe_lease: first_byte.saturating_add(LEASE_SLACK),
    }
}
