//! P3, P4, E1, E5: how an agent or model behaves when what stands behind it fails or is too slow.

use std::collections::BTreeMap;
use std::time::Duration;

pub use golive_resilience::backoff::{Patience, RetryPolicy};

/// What is tried, for how long, and who waits: of the gateway, or of one agent or model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resilience {
    /// `[retry]`.
    pub retry: RetryPolicy,
    /// `retry.idempotent`: asking an HTTP agent twice acts once.
    pub idempotent: bool,
    /// `[breaker]`.
    pub breaker: BreakerNumbers,
    /// `[queue]`.
    pub queue: Queue,
}

/// The numbers of the breakers. The defaults are the checklist's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerNumbers {
    /// Failed attempts in a row that open it.
    pub failures: u32,
    /// How long it refuses before a probe.
    pub open: Duration,
    /// Good probes that close it.
    pub successes: u32,
}

impl Default for BreakerNumbers {
    fn default() -> Self {
        Self {
            failures: 5,
            open: Duration::from_secs(30),
            successes: 3,
        }
    }
}

/// Who waits for a place, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Requests that wait at the same time; zero: nobody waits.
    pub length: u32,
    /// How long one waits at most: the checklist's five minutes.
    pub wait: Duration,
    /// What becomes of one more when it is full.
    pub overflow: Overflow,
    /// Callers with one of these roles go first.
    pub high_roles: Vec<String>,
    /// Callers with one of these roles, and none of those above, go last.
    pub low_roles: Vec<String>,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            length: 1000,
            wait: Duration::from_secs(300),
            overflow: Overflow::Reject,
            high_roles: Vec::new(),
            low_roles: Vec::new(),
        }
    }
}

/// What becomes of a request that finds the queue full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// It is refused at once.
    #[default]
    Reject,
    /// It takes the place of a waiting one of lower priority, which is refused instead.
    Displace,
}

impl Overflow {
    /// As written in the file.
    pub const WORDS: [(&str, Self); 2] = [("reject", Self::Reject), ("displace", Self::Displace)];

    /// As written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Displace => "displace",
        }
    }
}

/// The retry budget of an upstream: against storms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudget {
    /// Retries that are always allowed, in one second.
    pub floor: u32,
    /// Retries beyond them, in percent of the first attempts.
    pub share_percent: u32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            floor: 10,
            share_percent: 20,
        }
    }
}

/// What an agent's callers get when no answer can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// A reply as any other, that says so to people.
    #[default]
    Reply,
    /// An error, as a model's callers get it.
    Error,
}

impl OnFailure {
    /// As written in the file.
    pub const WORDS: [(&str, Self); 2] = [("reply", Self::Reply), ("error", Self::Error)];

    /// As written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Error => "error",
        }
    }
}

/// What people are told, by language tag in lower case (`en`, `pt-br`).
pub type Messages = BTreeMap<String, Sentences>;

/// The sentences of one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentences {
    /// No answer can be given now.
    pub unavailable: String,
    /// There are too many requests.
    pub overloaded: String,
}
