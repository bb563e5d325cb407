//! M2: what the request path holds: counters that were looked up when the configuration was loaded.
//!
//! Never: looks a label up.

use super::*;

/// What is counted per agent or model.
#[derive(Debug)]
pub struct CalleeMetrics {
    pub(super) outcomes: [Counter; 5],
    /// Whole trips, in seconds.
    pub duration: Histogram,
    /// First content bytes of streams, in seconds.
    pub first_byte: Histogram,
    /// Input and output tokens the provider reported.
    pub tokens_reported: [Counter; 2],
    /// Input and output tokens golive had to estimate.
    pub tokens_estimated: [Counter; 2],
    pub(super) cost: [Dollars; 2],
    pub(super) cost_unknown: Counter,
}

impl CalleeMetrics {
    /// Counts what a request cost.
    pub fn spent(&self, cost: &Cost) {
        let amount = cost.nano_usd.map_or(0.0, NanoUsd::dollars);
        match cost.basis {
            CostBasis::Reported => drop(self.cost[0].inc_by(amount)),
            CostBasis::Estimated => drop(self.cost[1].inc_by(amount)),
            CostBasis::Unknown => drop(self.cost_unknown.inc()),
            CostBasis::None => {}
        }
    }

    /// The counter of one outcome.
    #[must_use]
    pub fn outcome(&self, class: OutcomeClass) -> &Counter {
        &self.outcomes[class as usize]
    }
}

/// What is counted per budget.
#[derive(Debug)]
pub struct BudgetMetrics {
    /// Requests it refused.
    pub refused: Counter,
    /// Accounts that came near its end.
    pub near: Counter,
    pub(super) used: Option<Gauge<f64, AtomicU64>>,
}

impl BudgetMetrics {
    /// Shows how much is used of a budget over all.
    pub fn used(&self, spent: u64, amount: u64) {
        if let Some(gauge) = &self.used {
            gauge.set(spent as f64 / amount.max(1) as f64);
        }
    }
}

/// What is counted per upstream.
#[derive(Debug)]
pub struct UpstreamMetrics {
    /// Answered with content.
    pub ok: Counter,
    /// Answered with a refusal of the request.
    pub refused: Counter,
    /// Not answered, or answered with a failure.
    pub error: Counter,
}

/// What is shown of one queue.
#[derive(Debug)]
pub struct QueueMetrics {
    /// Requests that wait.
    pub length: Gauge<i64, AtomicI64>,
    /// Places that are taken.
    pub in_flight: Gauge<i64, AtomicI64>,
    /// Places that there are.
    pub places: Gauge<i64, AtomicI64>,
    /// How long the oldest one has waited, in seconds.
    pub oldest: Gauge<f64, AtomicU64>,
    /// 1 while more capacity is wanted.
    pub scale_out: Gauge<i64, AtomicI64>,
    /// Refused or displaced.
    pub overflowed: Counter,
    /// Waited for too long.
    pub timed_out: Counter,
}

/// What is counted per link of a chain.
#[derive(Debug)]
pub struct LinkMetrics {
    /// Its breaker opened.
    pub opened: Counter,
    /// Its breaker refused an attempt.
    pub short_circuited: Counter,
}
