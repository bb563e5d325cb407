//! P4: the circuit breaker of one link and one class of routes.
//!
//! Opens after [`BreakerPolicy::failures`] failed attempts in a row, refuses for [`BreakerPolicy::open`], then lets one
//! probe through at a time, and closes after [`BreakerPolicy::successes`] good ones. A bad probe opens it again for the
//! whole time.
//!
//! A probe holds a lease. One that hangs or is lost is replaced when its lease is over; should it answer after all, the
//! answer still counts, as long as the breaker has not moved on. What was sent before the breaker last changed its
//! state proves nothing about the state it is in now: each change begins a new generation, and a permit of an older one
//! is not heard.
//!
//! Sharing: the machine wants `&mut`; a mutex around it costs less than the call that it guards saves.
//!
//! Never: sleeps, spawns, logs or reads a clock. `now` is handed in.

use std::time::Duration;

use crate::Tick;
use crate::failure::Health;

/// What a caller is told to wait at most while a probe is on its way: its answer decides, and to be refused here again
/// costs the upstream nothing.
const PROBE_UNDER_WAY: Duration = Duration::from_secs(1);

/// The numbers of a breaker. The defaults are the checklist's; the lease is golive's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failed attempts in a row that open it; zero reads as one.
    pub failures: u32,
    /// How long it refuses before a probe.
    pub open: Duration,
    /// Good probes that close it; zero reads as one.
    pub successes: u32,
    /// How long a probe may be out before another one is sent. Should be a little longer than the first-byte clock of
    /// the link: a hung probe is then told as failed before anyone replaces it.
    pub probe_lease: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: 5,
            open: Duration::from_secs(30),
            successes: 3,
            probe_lease: Duration::from_secs(35),
        }
    }
}

/// Leave to make one attempt. Give it back with [`Breaker::record`] or [`Breaker::abandon`]; one that is dropped while
/// the breaker is half-open holds its lease to the end.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    generation: u64,
    /// Which probe of its generation; zero for a call that is none.
    probe: u64,
}

impl Permit {
    /// Whether the attempt is a probe of a link that failed before.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.probe > 0
    }
}

/// What a breaker says to one more attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Admit {
    /// Go on.
    Yes(Permit),
    /// Not now.
    No {
        /// When it is worth asking again.
        next_probe: Tick,
    },
}

/// What a breaker shows to people and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Attempts go through.
    Closed,
    /// Attempts are refused.
    Open {
        /// When a probe is let through.
        until: Tick,
    },
    /// One probe at a time goes through, or may.
    HalfOpen,
}

impl State {
    /// The word for it in metrics, on the console and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The breaker.
#[derive(Debug, Default)]
pub struct Breaker {
    generation: u64,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Closed {
        failures: u32,
    },
    Open {
        until: Tick,
    },
    HalfOpen {
        successes: u32,
        probes: u64,
        lease: Option<Lease>,
    },
}

impl Default for Phase {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    probe: u64,
    until: Tick,
}

impl Breaker {
    /// Asks for leave to make an attempt.
    pub fn admit(&mut self, policy: &BreakerPolicy, now: Tick) -> Admit {
        if let Err(next_probe) = self.would_admit(now) {
            return Admit::No { next_probe };
        }
        if let Phase::Open { .. } = self.phase {
            self.enter(Phase::HalfOpen {
                successes: 0,
                probes: 0,
                lease: None,
            });
        }
        let probe = match &mut self.phase {
            Phase::HalfOpen { probes, lease, .. } => {
                *probes += 1;
                *lease = Some(Lease {
                    probe: *probes,
                    until: now.plus(policy.probe_lease),
                });
                *probes
            }
            Phase::Closed { .. } | Phase::Open { .. } => 0,
        };
        Admit::Yes(Permit {
            generation: self.generation,
            probe,
        })
    }

    /// Whether an attempt would be let through now. Changes nothing.
    ///
    /// # Errors
    /// When it is worth asking again.
    pub fn would_admit(&self, now: Tick) -> Result<(), Tick> {
        match self.phase {
            Phase::Open { until } if now < until => Err(until),
            Phase::HalfOpen {
                lease: Some(lease), ..
            } if now < lease.until => Err(lease.until.min(now.plus(PROBE_UNDER_WAY))),
            _ => Ok(()),
        }
    }

    /// Hears how a permitted attempt ended. For a stream: at its end. Says whether that changed the state.
    pub fn record(&mut self, policy: &BreakerPolicy, permit: Permit, health: Health, now: Tick) -> bool {
        if permit.generation != self.generation {
            return false; // a straggler proves nothing about this state
        }
        let reopen = Phase::Open {
            until: now.plus(policy.open),
        };
        match (&mut self.phase, health) {
            (Phase::Closed { failures }, Health::Good) => *failures = 0,
            (Phase::Closed { failures }, Health::Bad) => {
                *failures += 1;
                if *failures >= policy.failures {
                    self.enter(reopen);
                    return true;
                }
            }
            (Phase::HalfOpen { .. }, Health::Bad) => {
                self.enter(reopen);
                return true;
            }
            (Phase::HalfOpen { successes, lease, .. }, Health::Good) => {
                *successes += 1;
                if *successes >= policy.successes {
                    self.enter(Phase::default());
                    return true;
                }
                give_back(lease, &permit);
            }
            (Phase::HalfOpen { lease, .. }, Health::Silent) => give_back(lease, &permit),
            // Nothing is let through while it is open, so no permit is of this generation.
            (Phase::Closed { .. }, Health::Silent) | (Phase::Open { .. }, _) => {}
        }
        false
    }

    /// The attempt proved nothing (the caller left, or it was never made): its lease is free for another.
    pub fn abandon(&mut self, permit: Permit) {
        if permit.generation == self.generation
            && let Phase::HalfOpen { lease, .. } = &mut self.phase
        {
            give_back(lease, &permit);
        }
    }

    /// The state now. An open breaker whose time is over is half-open, though nobody has come yet.
    #[must_use]
    pub fn state(&self, now: Tick) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { until } if now < until => State::Open { until },
            Phase::Open { .. } | Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.generation += 1;
        self.phase = phase;
    }
}

/// A probe that was replaced has no lease to give back.
fn give_back(lease: &mut Option<Lease>, permit: &Permit) {
    lease.take_if(|held| held.probe == permit.probe);
}

#[cfg(test)]
mod tests;
