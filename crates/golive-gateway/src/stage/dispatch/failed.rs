//! P3, P4, E1: an attempt that failed: what it was, what its caller would be told, and what becomes of both.
//!
//! Never: tells a caller why an upstream failed.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use golive_resilience::chain::{GiveUp, Why};
use golive_resilience::deadline::Clock;
use golive_resilience::failure::{Failure, Health};
use golive_wire::ApiError;

use crate::call::{Call, Outcome};
use crate::reply::Refused;
use crate::stage::Block;
use crate::upstream::hop::Hop;

/// A failed attempt.
pub(super) struct Failed {
    /// What retries, breakers and fallback know of it.
    pub failure: Failure,
    /// What its caller is told if it was the last one.
    pub told: Told,
    /// In words, for the log and the ledger.
    pub why: Cow<'static, str>,
    /// How long the upstream asked to be left alone.
    pub hint: Option<Duration>,
}

/// What the caller is told of a failed attempt.
pub(super) enum Told {
    /// It failed.
    Error(ApiError),
    /// The upstream does not accept the request: with this status, and in its own words where they may pass.
    Refused {
        status: u16,
        error: ApiError,
        verbatim: Option<Bytes>,
    },
    /// The answer may not be told.
    Blocked(Block),
}

impl Failed {
    pub(super) fn new(failure: Failure, error: ApiError, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            failure,
            told: Told::Error(error),
            why: why.into(),
            hint: None,
        }
    }

    /// What came is not what its format promises.
    pub(super) fn broken(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Failure::Broken, broken(), why)
    }

    /// A clock ran out.
    pub(super) fn timed_out(clock: Clock) -> Self {
        let failure = match clock {
            Clock::Connect => Failure::ConnectTimeout,
            Clock::FirstByte => Failure::FirstByteTimeout,
            Clock::Idle => Failure::IdleTimeout,
            Clock::Total => Failure::TotalTimeout,
        };
        Self::new(failure, timed_out(clock), clock.as_str())
    }

    /// The upstream has no place for one more call.
    pub(super) fn no_place(full: ApiError) -> Self {
        Self::new(Failure::NoPlace, full, "no place for one more call")
    }

    /// The answer may not be told.
    pub(super) fn blocked(block: Block) -> Self {
        Self {
            failure: Failure::Blocked { fall_back: false },
            told: Told::Blocked(block),
            why: Cow::Borrowed("the answer may not be told"),
            hint: None,
        }
    }

    /// Writes down what it was: in the row, in the log, in the health of its upstream.
    pub(super) fn note(&self, call: &mut Call, hop: &Hop, health: Health) {
        match (&self.told, health) {
            (Told::Refused { .. } | Told::Blocked(_), Health::Good | Health::Silent) => {
                // The upstream is there and has judged: that is no failure of its health.
                hop.link.health.success(call.gateway.now(), true);
                match self.told {
                    Told::Refused { .. } => hop.link.metrics.refused.inc(),
                    _ => hop.link.metrics.ok.inc(),
                };
                call.decide("dispatch", self.why.clone());
            }
            (Told::Error(_), Health::Silent) if self.failure == Failure::NoPlace => {
                call.decide("dispatch", format!("{}: {}", hop.name, self.why));
            }
            _ => note_failure(call, hop, &self.why),
        }
    }
}

/// The upstream failed: counts it, remembers it, and says so in the ledger and the log; the caller is told less.
pub(in crate::stage) fn note_failure(call: &mut Call, hop: &Hop, why: &str) {
    let why: String = why.chars().filter(|c| !c.is_control()).take(300).collect();
    let callee = call.route.as_ref().map_or("", |route| route.id.as_str());
    tracing::warn!(request = %call.id, callee, link = hop.name, why, "an upstream call failed");
    hop.link.health.failure(call.gateway.now(), true, why.clone());
    hop.link.metrics.error.inc();
    call.decide("dispatch", why);
}

/// The upstream answered well: counts it and remembers it.
pub(in crate::stage) fn succeeded(call: &Call, hop: &Hop) {
    hop.link.health.success(call.gateway.now(), true);
    hop.link.metrics.ok.inc();
}

/// Nothing more is tried: what the caller is told.
pub(super) fn give_up(mut call: Box<Call>, end: GiveUp, last: Option<Failed>) -> Box<Refused> {
    if end.why != Why::Ended {
        call.decide("dispatch", format!("gave up: {}", end.why.as_str()));
    }
    match last.map(|failed| failed.told) {
        Some(Told::Blocked(block)) => block.refuse(call),
        Some(Told::Refused {
            status,
            error,
            verbatim,
        }) => Box::new(Refused {
            call,
            outcome: Outcome::UpstreamRefused(status),
            error: with_hint(error, end),
            verbatim,
        }),
        Some(Told::Error(error)) => {
            // golive has spent its own retries: another layer's would only multiply them.
            let error = match end.why {
                Why::AllOpen => error,
                _ => error.with_should_retry(false),
            };
            Refused::by_failure(call, with_hint(error, end))
        }
        None => {
            let error = match end.why {
                Why::AllOpen => circuit_open(),
                _ => timed_out(Clock::Total),
            };
            Refused::by_failure(call, with_hint(error, end))
        }
    }
}

fn with_hint(error: ApiError, end: GiveUp) -> ApiError {
    match end.retry_after {
        Some(after) if matches!(error.status, 429 | 503 | 529) || end.why == Why::AllOpen => {
            error.with_retry_after(after)
        }
        _ => error,
    }
}

pub(in crate::stage) fn timed_out(clock: Clock) -> ApiError {
    let code = match clock {
        Clock::Connect => "upstream_connect_timeout",
        Clock::FirstByte => "upstream_timeout",
        Clock::Idle => "upstream_idle_timeout",
        Clock::Total => "upstream_total_timeout",
    };
    ApiError::new(
        504,
        code,
        "The service behind this one did not answer in time. Please try again in a moment.",
    )
}

pub(super) fn broken() -> ApiError {
    ApiError::new(
        502,
        "upstream_broken",
        "The service behind this one gave no usable answer. Please try again in a moment.",
    )
}

fn circuit_open() -> ApiError {
    ApiError::new(
        503,
        "circuit_open",
        "The service behind this one is failing, and is not being asked for a moment. Please try again soon.",
    )
}
