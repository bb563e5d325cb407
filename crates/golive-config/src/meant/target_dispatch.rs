//! P2, P3, P4, E4: what a target claims of the way to its models: retries, breakers, its queue, and which of its model
//! names lead down which chain.
//!
//! Never: says anything of golive's own dispatch; a target is any deployment.

use std::time::Duration;

/// What a target claims of the way to its models.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dispatch {
    /// Which model names lead where.
    pub links: Links,
    /// Its retries (P3).
    pub retry: ClaimedRetry,
    /// Its circuit breakers (P4).
    pub breaker: ClaimedBreaker,
}

/// Which model names of the target lead down which chain.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Links {
    /// Models whose chain has one link each, to `lab_provider`, every one with a breaker of its own. Empty: the
    /// target's `model` is taken for one.
    pub one: Vec<String>,
    /// A model whose chain has several links.
    pub chain: Option<String>,
    /// The lab's virtual providers behind `chain`, in its order.
    pub providers: Vec<String>,
    /// How records and headers name those links, in the same order. Empty: as `providers`.
    pub names: Vec<String>,
    /// What those links cost, in the same order. Empty: not declared.
    pub prices: Vec<LinkPrice>,
    /// A model whose calls wait in a queue.
    pub queued: Option<String>,
}

/// The price of one link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkPrice {
    /// US dollars for a million input tokens.
    pub input: f64,
    /// US dollars for a million output tokens.
    pub output: f64,
}

/// Retries as a target claims them.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedRetry {
    /// The waits before the retries: as many as there are retries.
    pub backoff: Vec<Duration>,
    /// Each wait may be longer or shorter by this share, in percent.
    pub jitter_percent: u32,
    /// Whatever failed may be sent again. If not, only what was certainly not acted upon is: 429, and 503 with a
    /// time to come back. `None`: so for models, and not for agents.
    pub idempotent: Option<bool>,
}

/// A circuit breaker as a target claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimedBreaker {
    /// It opens after so many failures in a row.
    pub failures: u32,
    /// It stays open for so long.
    pub open: Duration,
    /// It closes after so many good trial calls.
    pub successes: u32,
    /// Trial calls at a time.
    pub probes: u32,
    /// What it counts.
    pub counts: Counted,
}

/// What a breaker counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Each attempt at the provider.
    Attempts,
    /// Each call of a caller, with all its retries.
    Calls,
}

/// The checklist's own: three retries after 1, 2 and 4 s; ± 20 % is golive's.
impl Default for ClaimedRetry {
    fn default() -> Self {
        Self {
            backoff: [1, 2, 4].map(Duration::from_secs).to_vec(),
            jitter_percent: 20,
            idempotent: None,
        }
    }
}

/// The checklist's own: 5 failures, 30 s, 3 successes.
impl Default for ClaimedBreaker {
    fn default() -> Self {
        Self {
            failures: 5,
            open: Duration::from_secs(30),
            successes: 3,
            probes: 1,
            counts: Counted::Attempts,
        }
    }
}
