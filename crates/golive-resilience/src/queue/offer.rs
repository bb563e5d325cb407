//! E5, P2: what is offered to a queue and what it says to it.
//!
//! Never: decides.

use std::time::Duration;

use super::{Place, Priority};
use crate::Tick;

/// The driver's name for one waiting request; never used twice while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A request that wants a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub ticket: Ticket,
    /// How urgent it is.
    pub priority: Priority,
    /// Who asks, as a number: fairness is between these.
    pub principal: u64,
    /// When its answer must have begun.
    pub deadline: Tick,
    /// How long the beginning of its answer usually takes once it has a place; zero if nobody knows.
    pub needs: Duration,
}

/// What becomes of an offer.
#[derive(Debug, PartialEq, Eq)]
pub enum Offered {
    /// It has its place.
    Admitted(Place),
    /// It waits.
    Queued {
        /// This one waits no more: its place in the queue was taken. Its request is refused as [`Reason::Full`].
        displaced: Option<Ticket>,
    },
    /// It has no place and may not wait for one.
    Refused {
        /// Why.
        why: Reason,
        /// When it is worth asking again; at least a second.
        retry_after: Duration,
    },
}

/// Why an offer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The queue is full.
    Full,
    /// It would not be served in time.
    Late,
}

impl Reason {
    /// The word for it in metrics and the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Late => "late",
        }
    }
}

/// Who is called out of the queue.
#[derive(Debug, PartialEq, Eq)]
pub enum Called {
    /// Its turn has come.
    Start(Ticket, Place),
    /// It has waited as long as it may.
    TimedOut(Ticket),
}

/// What a queue shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauges {
    /// Requests that wait.
    pub length: u32,
    /// How long the oldest of them has waited.
    pub oldest: Duration,
    /// Places in use.
    pub in_flight: u32,
    /// Places there are.
    pub limit: u32,
}
