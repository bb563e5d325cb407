//! P4, E4: the links of a chain that do one kind of work, and how they are tried. A link that does not speak the format
//! is no part of the way: it costs no attempt, no place and no retry.
//!
//! Never: holds a link that cannot be asked.

use std::sync::Arc;

use golive_resilience::Tick;
use golive_resilience::backoff::RetryPolicy;
use golive_resilience::chain::{Chain, Leave, Link, Links, Load, NoChain};

use super::breaker::Lease;
use super::hop::{Door, Hop, Work};
use crate::runtime::Route;

/// The way of one kind of work.
#[derive(Debug)]
pub struct Way {
    work: Work,
    /// How its links are tried.
    pub chain: Arc<Chain>,
    /// The place in the whole chain of each of its links.
    places: Vec<usize>,
}

impl Way {
    /// The ways along `hops`, by [`Work`]; `None`: no link of the chain does that work. `links`: the same links as the
    /// plan of attempts knows them.
    ///
    /// # Errors
    /// The chain is too long.
    pub fn all(
        hops: &[Hop],
        links: &[Link],
        retry: &RetryPolicy,
    ) -> Result<[Option<Self>; Work::ALL.len()], NoChain> {
        let mut ways = [const { None }; Work::ALL.len()];
        for (way, work) in ways.iter_mut().zip(Work::ALL) {
            let able = |place: &usize| hops[*place].door(work).is_some();
            let places: Vec<usize> = (0..hops.len()).filter(able).collect();
            if places.is_empty() {
                continue;
            }
            let links = places.iter().map(|place| links[*place]).collect();
            let chain = Arc::new(Chain::new(links, retry.clone())?);
            *way = Some(Self { work, chain, places });
        }
        Ok(ways)
    }

    /// How many links it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it has none; such a way is never made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The place in the whole chain of this link of the way.
    #[must_use]
    pub fn place(&self, link: usize) -> usize {
        self.places[link]
    }
}

/// The links of a way as the plan of attempts meets them.
#[derive(Debug)]
pub struct Hops<'a> {
    route: &'a Route,
    way: &'a Way,
}

impl<'a> Hops<'a> {
    /// Those of `way`, which is one of `route`'s.
    #[must_use]
    pub fn new(route: &'a Route, way: &'a Way) -> Self {
        Self { route, way }
    }

    fn hop(&self, link: usize) -> (&'a Hop, Option<&'a Door>) {
        let hop = &self.route.hops[self.way.place(link)];
        (hop, hop.door(self.way.work)) // a way holds only links that have the door
    }
}

impl Links for Hops<'_> {
    type Permit = Lease;

    fn admit(&mut self, link: usize, again: bool, now: Tick) -> Leave<Lease> {
        let (hop, door) = self.hop(link);
        match door.map_or(Err(now), |door| door.breaker.admit(now)) {
            Err(next_probe) => Leave::Open { next_probe },
            Ok(_) if again && !hop.link.may_retry(now) => Leave::OverBudget,
            Ok(lease) => {
                if !again {
                    hop.link.first_attempt(now);
                }
                Leave::Yes(lease)
            }
        }
    }

    fn would_admit(&self, link: usize, now: Tick) -> Result<(), Tick> {
        let (_, door) = self.hop(link);
        door.map_or(Err(now), |door| door.breaker.would_admit(now))
    }

    fn load(&self, link: usize) -> Load {
        let (_, door) = self.hop(link);
        door.map_or_else(Load::default, |door| door.breaker.load())
    }
}
