//! The budget of one run: every request that leaves for the target takes a permit first.
//!
//! Never: sends, sleeps or refunds. A request that failed was still sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

/// The requests a run may send, shared by all its proofs. Cloning shares the count.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: u64,
    used: Arc<AtomicU64>,
}

/// Leave to send one request. Made only by [`Budget::take`] and [`Grant::next`], and used up by sending.
#[must_use]
#[derive(Debug)]
pub struct Permit(());

/// Leave to send many requests, taken at once so that a load stage cannot run dry half-way.
#[derive(Debug)]
pub struct Grant {
    left: AtomicU64,
}

/// The run's requests are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the budget of {limit} requests is used up ({asked} more were asked for); raise budget.requests of the target"
)]
pub struct OverBudget {
    /// The run's limit.
    pub limit: u64,
    /// What was asked for and not given.
    pub asked: u64,
}

impl Budget {
    /// A budget of `limit` requests, none used.
    #[must_use]
    pub fn new(limit: u64) -> Budget {
        Budget {
            limit,
            used: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Takes leave for one request.
    ///
    /// # Errors
    /// [`OverBudget`] when none is left.
    pub fn take(&self) -> Result<Permit, OverBudget> {
        self.reserve(1).map(|()| Permit(()))
    }

    /// Takes leave for `count` requests, or for none.
    ///
    /// # Errors
    /// [`OverBudget`] when fewer than `count` are left.
    pub fn take_many(&self, count: u64) -> Result<Grant, OverBudget> {
        self.reserve(count).map(|()| Grant {
            left: AtomicU64::new(count),
        })
    }

    /// Requests taken so far.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The most this run may send.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used())
    }

    fn reserve(&self, count: u64) -> Result<(), OverBudget> {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(count).filter(|sum| *sum <= self.limit)
            })
            .map(|_| ())
            .map_err(|_| OverBudget {
                limit: self.limit,
                asked: count,
            })
    }
}

impl Grant {
    /// The next permit of this grant, `None` when it is used up.
    pub fn next(&self) -> Option<Permit> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .ok()
            .map(|_| Permit(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_request_is_sent_past_the_limit_and_a_grant_is_whole_or_nothing() {
        let budget = Budget::new(3);
        let _first = budget.take().unwrap();
        assert_eq!(
            budget.take_many(3).unwrap_err(),
            OverBudget { limit: 3, asked: 3 }
        );
        assert_eq!(budget.used(), 1, "a refused grant costs nothing");
        let grant = budget.take_many(2).unwrap();
        assert!(grant.next().is_some() && grant.next().is_some() && grant.next().is_none());
        assert_eq!(budget.take().unwrap_err(), OverBudget { limit: 3, asked: 1 });
        assert_eq!(budget.left(), 0);
    }
}
