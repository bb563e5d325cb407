//! S2: what the gateway asks of whoever keeps the windows: this process, or one store for many nodes.
//!
//! One ask is one round trip: a list of (window, rule, cost), answered all-or-nothing with where the caller stands, as
//! one atomic script of a remote store can. What was taken under a hold is settled later by its id; a hold that nobody
//! settles in its time stands as it was taken, which is the strict side.
//!
//! An answer that is there at once is [`Either::Left`]: in-process windows box nothing and wait for nothing.

use std::future::Ready;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either};
use golive_resilience::Tick;
use uuid::Uuid;

use super::{Item, Key, Refusal, Standings};

/// An answer: now, or when it has come back over the network.
pub type Asked<T> = Either<Ready<T>, BoxFuture<'static, T>>;

/// What is asked about a call.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its windows: one per rule, none twice.
    pub items: Vec<Item>,
    /// What becomes of it if all have room.
    pub then: Then,
}

/// What becomes of an ask that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing: it was only a look.
    Look,
    /// It counts, for good.
    Count,
    /// It counts, and what it did not use will be given back.
    Hold {
        /// By which id. A second settlement of one id does nothing.
        id: Uuid,
        /// After this time it can no longer be settled, and stands.
        ttl: Duration,
    },
}

/// An ask that fitted.
#[derive(Debug, Default)]
pub struct Granted {
    /// Where the caller stands now.
    pub standings: Standings,
    /// What is to be settled, if it was asked to be held.
    pub held: Option<Held>,
}

/// What was taken and waits to be settled. Settling uses it up.
#[derive(Debug)]
#[must_use = "what is not settled stands as it was taken"]
pub struct Held {
    /// Its id, for a store that must recognize it.
    pub id: Uuid,
    /// When it stands as it was taken.
    pub until: Tick,
    /// Where it was written.
    pub places: Vec<Place>,
}

/// Where one cost of a hold was written.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// What was asked.
    pub item: Item,
    /// The window that was written: the item's own, or one it shares.
    pub window: Key,
    /// The time it stands under.
    pub at: Tick,
}

/// Keeps windows. Every method is one step: no other call is counted in the middle of it.
pub trait LimitBackend: std::fmt::Debug + Send + Sync {
    /// Checks every window of `ask`, then writes all or none.
    fn judge(&self, ask: Ask, now: Tick) -> Asked<Result<Granted, Box<Refusal>>>;

    /// Replaces each cost of `held` by `real`: gives back what was not used, and counts what was used beyond it though
    /// it does not fit. Answers where its windows stand then.
    fn settle(&self, held: Held, real: u32, now: Tick) -> Asked<Standings>;

    /// Counts what the ledger remembers from before a restart, at its own time, without asking. Backends that outlive
    /// the process need none of it.
    fn replay(&self, items: &[Item], at: Tick, now: Tick);

    /// How many windows are kept.
    fn tracked(&self) -> usize;
}

/// An answer that is there.
#[must_use]
pub fn at_once<T>(answer: T) -> Asked<T> {
    Either::Left(std::future::ready(answer))
}
