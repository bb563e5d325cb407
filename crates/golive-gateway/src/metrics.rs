//! M2, P6: what the gateway counts, with closed label sets.
//!
//! Handles are resolved when a configuration is loaded; the request path only adds to atomics and observes
//! histograms it already holds.
//!
//! Never: takes a user, a key, a free model name or any text of a caller as a label.

mod handles;
mod labels;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};

use golive_checklist::unit::NanoUsd;
use golive_store::{Cost, CostBasis};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::auth::failure::Failure;

pub use handles::*;
use labels::*;

/// Boundaries in seconds, with the checklist's lines (3, 5, 10, 15) among them, so that a share below a line is
/// exact and not interpolated.
const SECONDS: [f64; 16] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0,
];

/// The classes a trip can end in; the label `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeClass {
    /// Answered as the upstream meant it.
    Ok,
    /// Refused by a rule: the caller's doing.
    Refused,
    /// An error by the definition of the design: 5xx, timeout, broken stream.
    Error,
    /// The caller left.
    Cancelled,
    /// The upstream refused the caller's request (4xx) and that was passed on.
    UpstreamRefused,
}

impl OutcomeClass {
    /// All of them, in the order of [`CalleeMetrics`]' arrays.
    pub const ALL: [Self; 5] = [
        Self::Ok,
        Self::Refused,
        Self::Error,
        Self::Cancelled,
        Self::UpstreamRefused,
    ];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::UpstreamRefused => "upstream_refused",
        }
    }
}

type SecondsFamily = Family<CalleeOnly, Histogram, fn() -> Histogram>;

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// Every metric of the gateway and the registry that prints them.
pub struct Metrics {
    registry: Registry,
    requests: Family<CalleeOutcome, Counter>,
    duration: SecondsFamily,
    first_byte: SecondsFamily,
    tokens: Family<CalleeDirection, Counter>,
    refused: Family<StageCode, Counter>,
    attempts: Family<UpstreamOutcome, Counter>,
    queue_length: Family<OfQueue, Gauge<i64, AtomicI64>>,
    queue_in_flight: Family<OfQueue, Gauge<i64, AtomicI64>>,
    queue_places: Family<OfQueue, Gauge<i64, AtomicI64>>,
    queue_oldest: Family<OfQueue, Gauge<f64, AtomicU64>>,
    queue_scale_out: Family<OfQueue, Gauge<i64, AtomicI64>>,
    queue_overflowed: Family<OfQueue, Counter>,
    queue_timed_out: Family<OfQueue, Counter>,
    breaker_states: Family<LinkState, Gauge<i64, AtomicI64>>,
    breakers_opened: Family<LinkOnly, Counter>,
    short_circuited: Family<LinkOnly, Counter>,
    cost: Family<CalleeBasis, Dollars>,
    cost_unknown: Family<CalleeOnly, Counter>,
    budget_refused: Family<OfBudget, Counter>,
    budget_near: Family<OfBudget, Counter>,
    budget_used: Family<OfBudget, Gauge<f64, AtomicU64>>,
    escalations: Family<CalleeReason, Counter>,
    webhooks: Family<WebhookOutcome, Counter>,
    /// Requests refused before anybody was identified: no row, only this. In the order of [`Failure::ALL`].
    unauthenticated: [Counter; Failure::ALL.len()],
    /// Requests between accept and their last byte.
    pub in_flight: Gauge<i64, AtomicI64>,
    /// Open connections of callers.
    pub connections: Gauge<i64, AtomicI64>,
    /// Ledger rows that went to the spill because the database did not take them.
    pub spilled: Counter<u64, AtomicU64>,
    /// Reloads of the configuration that failed; the old one runs on.
    pub reload_failures: Counter<u64, AtomicU64>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("golive");
        let requests = Family::default();
        let duration = SecondsFamily::new_with_constructor(seconds);
        let first_byte = SecondsFamily::new_with_constructor(seconds);
        let tokens = Family::default();
        let refused = Family::default();
        let attempts = Family::default();
        let queue_length = Family::<OfQueue, Gauge<i64, AtomicI64>>::default();
        let queue_in_flight = Family::<OfQueue, Gauge<i64, AtomicI64>>::default();
        let queue_places = Family::<OfQueue, Gauge<i64, AtomicI64>>::default();
        let queue_oldest = Family::<OfQueue, Gauge<f64, AtomicU64>>::default();
        let queue_scale_out = Family::<OfQueue, Gauge<i64, AtomicI64>>::default();
        registry.register_with_unit(
            "queue_oldest",
            "How long the oldest request has waited for a place",
            Unit::Seconds,
            queue_oldest.clone(),
        );
        registry.register(
            "queue_scale_out",
            "1 while more capacity is wanted: the queue is nearly full, or had to refuse a moment ago",
            queue_scale_out.clone(),
        );
        let breaker_states = Family::<LinkState, Gauge<i64, AtomicI64>>::default();
        registry.register(
            "breaker_state",
            "1 for the state in which the circuit breaker of a link is",
            breaker_states.clone(),
        );
        let queue_overflowed = Family::<OfQueue, Counter>::default();
        let queue_timed_out = Family::<OfQueue, Counter>::default();
        registry.register(
            "queue_length",
            "Requests that wait for a place",
            queue_length.clone(),
        );
        registry.register(
            "queue_in_flight",
            "Places that are taken",
            queue_in_flight.clone(),
        );
        registry.register("queue_places", "Places that there are", queue_places.clone());
        registry.register(
            "queue_overflowed",
            "Requests refused or displaced because the queue was full or too slow for them",
            queue_overflowed.clone(),
        );
        registry.register(
            "queue_timed_out",
            "Requests that waited for as long as they may",
            queue_timed_out.clone(),
        );
        let breakers_opened = Family::default();
        let short_circuited = Family::default();
        let cost = Family::<CalleeBasis, Dollars>::default();
        let cost_unknown = Family::<CalleeOnly, Counter>::default();
        let budget_refused = Family::<OfBudget, Counter>::default();
        let budget_near = Family::<OfBudget, Counter>::default();
        let budget_used = Family::<OfBudget, Gauge<f64, AtomicU64>>::default();
        registry.register(
            "cost_usd",
            "Dollars spent; basis tells reported from estimated",
            cost.clone(),
        );
        registry.register(
            "cost_unknown_requests",
            "Requests that bought something at a price nobody knows",
            cost_unknown.clone(),
        );
        registry.register(
            "budget_refused",
            "Requests that a budget refused",
            budget_refused.clone(),
        );
        registry.register(
            "budget_near",
            "Accounts that came near the end of their budget, once per period each",
            budget_near.clone(),
        );
        registry.register(
            "budget_used_ratio",
            "The spent part of a budget over all, when last something was spent of it",
            budget_used.clone(),
        );
        let escalations = Family::default();
        let webhooks = Family::default();
        let in_flight = Gauge::default();
        let connections = Gauge::default();
        let reasons = Family::<Reason, Counter>::default();
        let unauthenticated = Failure::ALL.map(|failure| {
            let reason = failure.as_str();
            reasons.get_or_create(&Reason { reason }).clone()
        });
        let spilled = Counter::default();
        let reload_failures = Counter::default();
        registry.register(
            "requests",
            "Requests by agent or model and by how they ended",
            requests.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "From the request's head to the last byte of its answer",
            Unit::Seconds,
            duration.clone(),
        );
        registry.register_with_unit(
            "first_byte",
            "From the request's head to the first byte of content of a stream",
            Unit::Seconds,
            first_byte.clone(),
        );
        registry.register(
            "tokens",
            "Tokens by direction; basis tells reported from estimated",
            tokens.clone(),
        );
        registry.register(
            "refused",
            "Refusals by the stage and the code that refused",
            refused.clone(),
        );
        registry.register(
            "upstream_attempts",
            "Calls to upstreams and how they ended",
            attempts.clone(),
        );
        registry.register(
            "breaker_opened",
            "How often the circuit breaker of a link opened",
            breakers_opened.clone(),
        );
        registry.register(
            "breaker_refused",
            "Attempts that the circuit breaker of a link refused",
            short_circuited.clone(),
        );
        registry.register(
            "escalations",
            "Conversations that were handed to a person, by agent and reason",
            escalations.clone(),
        );
        registry.register(
            "webhook_events",
            "Events for webhooks and what became of each attempt to send one",
            webhooks.clone(),
        );
        registry.register("in_flight", "Requests in progress", in_flight.clone());
        registry.register("connections", "Open connections of callers", connections.clone());
        registry.register(
            "unauthenticated",
            "Requests refused without a valid credential, by what was wrong with it",
            reasons,
        );
        registry.register(
            "ledger_spilled",
            "Ledger rows written to the spill file",
            spilled.clone(),
        );
        registry.register(
            "reload_failures",
            "Reloads refused because the file was wrong",
            reload_failures.clone(),
        );
        Self {
            registry,
            requests,
            duration,
            first_byte,
            tokens,
            refused,
            attempts,
            queue_length,
            queue_in_flight,
            queue_places,
            queue_oldest,
            queue_scale_out,
            breaker_states,
            queue_overflowed,
            queue_timed_out,
            breakers_opened,
            short_circuited,
            cost,
            cost_unknown,
            budget_refused,
            budget_near,
            budget_used,
            escalations,
            webhooks,
            in_flight,
            connections,
            unauthenticated,
            spilled,
            reload_failures,
        }
    }
}

impl Metrics {
    /// All metrics in OpenMetrics 1.0 text.
    ///
    /// # Errors
    /// Only if formatting into the string fails, which a string does not.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::with_capacity(16 * 1024);
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }

    /// The handles of one agent or model, made when the configuration is loaded. They start at zero, so that a
    /// rate exists before the first error.
    #[must_use]
    pub fn callee(&self, callee: &str) -> CalleeMetrics {
        let only = CalleeOnly {
            callee: callee.to_owned(),
        };
        let tokens = |direction, basis| {
            self.tokens
                .get_or_create(&CalleeDirection {
                    callee: callee.to_owned(),
                    direction,
                    basis,
                })
                .clone()
        };
        CalleeMetrics {
            outcomes: OutcomeClass::ALL.map(|class| {
                self.requests
                    .get_or_create(&CalleeOutcome {
                        callee: callee.to_owned(),
                        outcome: class.as_str(),
                    })
                    .clone()
            }),
            duration: self.duration.get_or_create(&only).clone(),
            first_byte: self.first_byte.get_or_create(&only).clone(),
            tokens_reported: [tokens("input", "reported"), tokens("output", "reported")],
            tokens_estimated: [tokens("input", "estimated"), tokens("output", "estimated")],
            cost: ["reported", "estimated"].map(|basis| {
                self.cost
                    .get_or_create(&CalleeBasis {
                        callee: callee.to_owned(),
                        basis,
                    })
                    .clone()
            }),
            cost_unknown: self.cost_unknown.get_or_create(&only).clone(),
        }
    }

    /// The handles of one budget. One over all has a gauge of how much of it is used.
    #[must_use]
    pub fn budget(&self, name: &str, over_all: bool) -> BudgetMetrics {
        let label = OfBudget {
            budget: name.to_owned(),
        };
        BudgetMetrics {
            refused: self.budget_refused.get_or_create(&label).clone(),
            near: self.budget_near.get_or_create(&label).clone(),
            used: over_all.then(|| self.budget_used.get_or_create(&label).clone()),
        }
    }

    /// The counters of one upstream's attempts: ok, refused (4xx), error.
    #[must_use]
    pub fn upstream(&self, upstream: &str) -> UpstreamMetrics {
        let counter = |outcome| {
            self.attempts
                .get_or_create(&UpstreamOutcome {
                    upstream: upstream.to_owned(),
                    outcome,
                })
                .clone()
        };
        UpstreamMetrics {
            ok: counter("ok"),
            refused: counter("refused"),
            error: counter("error"),
        }
    }

    /// What one queue shows: `agent/NAME`, `model/NAME` or `upstream/NAME`.
    #[must_use]
    pub fn queue(&self, queue: &str) -> QueueMetrics {
        let of = OfQueue {
            queue: queue.to_owned(),
        };
        QueueMetrics {
            length: self.queue_length.get_or_create(&of).clone(),
            in_flight: self.queue_in_flight.get_or_create(&of).clone(),
            places: self.queue_places.get_or_create(&of).clone(),
            oldest: self.queue_oldest.get_or_create(&of).clone(),
            scale_out: self.queue_scale_out.get_or_create(&of).clone(),
            overflowed: self.queue_overflowed.get_or_create(&of).clone(),
            timed_out: self.queue_timed_out.get_or_create(&of).clone(),
        }
    }

    /// Shows the state of a link's breaker.
    pub fn breaker_state(&self, link: &str, now: &'static str) {
        for state in ["closed", "open", "half_open"] {
            let of = LinkState {
                link: link.to_owned(),
                state,
            };
            self.breaker_states
                .get_or_create(&of)
                .set(i64::from(state == now));
        }
    }

    /// The counters of one link of a chain.
    #[must_use]
    pub fn link(&self, link: &str) -> LinkMetrics {
        let link = LinkOnly {
            link: link.to_owned(),
        };
        LinkMetrics {
            opened: self.breakers_opened.get_or_create(&link).clone(),
            short_circuited: self.short_circuited.get_or_create(&link).clone(),
        }
    }

    /// Counts a conversation that was handed to a person.
    pub fn escalation(&self, callee: &str, reason: &'static str) {
        let callee = callee.to_owned();
        self.escalations
            .get_or_create(&CalleeReason { callee, reason })
            .inc();
    }

    /// Counts an attempt to send an event: `delivered`, `failed` or `given_up`. Webhooks are named by the configuration.
    pub fn webhook(&self, webhook: &str, outcome: &'static str) {
        let webhook = webhook.to_owned();
        self.webhooks
            .get_or_create(&WebhookOutcome { webhook, outcome })
            .inc();
    }

    /// Counts a request that nobody vouches for.
    pub fn unauthenticated(&self, failure: Failure) {
        self.unauthenticated[failure as usize].inc();
    }

    /// Counts a refusal. Stage and code are constants of the program, never text from outside.
    pub fn refusal(&self, stage: &'static str, code: &'static str) {
        self.refused.get_or_create(&StageCode { stage, code }).inc();
    }
}

/// Metrics as the rest of the gateway holds them.
pub type Shared = Arc<Metrics>;
