//! P3, E4: the links of a chain: what a plan knows of them, and what it asks of them.
//!
//! Never: decides what is asked next.

use std::time::Duration;

use crate::Tick;
use crate::backoff::RetryPolicy;
use crate::failure::UpstreamClass;

/// Links of one chain at the most: a plan keeps one bit for each.
pub const LINKS_MAX: usize = 64;

/// One link of a chain, as far as planning goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it leads to.
    pub class: UpstreamClass,
    /// Neighbours with the same rank are equals, among which load is shared; a chain in plain order counts 0, 1, 2 …
    pub rank: u32,
    /// The share among equals; zero reads as one.
    pub weight: u32,
}

/// The chain of an agent or a model with its retry policy; made once for each configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    links: Vec<Link>,
    retry: RetryPolicy,
    /// The bits of those links that may act.
    pub(super) agents: u64,
}

/// A chain that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoChain {
    /// It has no link.
    Empty,
    /// It has more than [`LINKS_MAX`].
    TooLong(usize),
}

impl std::fmt::Display for NoChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("a chain needs at least one link"),
            Self::TooLong(n) => write!(f, "a chain of {n} links is too long; {LINKS_MAX} are the most"),
        }
    }
}

impl std::error::Error for NoChain {}

impl Chain {
    /// A chain in the order of `links`.
    ///
    /// # Errors
    /// There is no link, or there are more than [`LINKS_MAX`].
    pub fn new(links: Vec<Link>, retry: RetryPolicy) -> Result<Self, NoChain> {
        match links.len() {
            0 => Err(NoChain::Empty),
            1..=LINKS_MAX => Ok(Self {
                agents: bits(&links, |link| link.class != UpstreamClass::Model),
                links,
                retry,
            }),
            n => Err(NoChain::TooLong(n)),
        }
    }

    /// Its links in order.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Its retry policy.
    #[must_use]
    pub fn retry(&self) -> &RetryPolicy {
        &self.retry
    }

    /// The bits of its links.
    pub(super) fn all(&self) -> u64 {
        bits(&self.links, |_| true)
    }
}

/// The links as a plan meets them: breakers, retry budgets and load, which are shared by all requests.
pub trait Links {
    /// Leave to make one attempt; it should abandon itself when dropped.
    type Permit;

    /// Asks the breaker of `link`; if it says yes and the link is asked `again` by the same request, takes a retry from
    /// the budget of its upstream, else notes a first attempt there.
    fn admit(&mut self, link: usize, again: bool, now: Tick) -> Leave<Self::Permit>;

    /// Whether the breaker of `link` would let an attempt through now. Changes nothing.
    ///
    /// # Errors
    /// When it is worth asking again.
    fn would_admit(&self, link: usize, now: Tick) -> Result<(), Tick>;

    /// How busy `link` is; asked only about equals.
    fn load(&self, link: usize) -> Load;
}

/// What the links say to one more attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Leave<P> {
    /// Go on.
    Yes(P),
    /// The breaker refuses.
    Open {
        /// When it is worth asking again.
        next_probe: Tick,
    },
    /// The retry budget of the upstream is spent.
    OverBudget,
}

/// How busy a link is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// The mean time to its answer; zero if nothing is known, which makes it worth a try.
    pub latency: Duration,
    /// Calls in progress.
    pub in_flight: u32,
}

impl Load {
    /// Less than four fifths of the other's work in line: smaller differences are noise, and chance shares the load
    /// better.
    pub(super) fn is_clearly_better_than(self, that: Self) -> bool {
        let line = |load: Self| load.latency.as_micros().max(1) * (u128::from(load.in_flight) + 1);
        line(self) * 5 < line(that) * 4
    }
}

/// The bit of a link: its place is below [`LINKS_MAX`] by construction of the chain.
pub(super) fn bit(link: usize) -> u64 {
    1 << link
}

fn bits(links: &[Link], which: impl Fn(&Link) -> bool) -> u64 {
    links
        .iter()
        .enumerate()
        .filter(|(_, link)| which(link))
        .fold(0, |set, (place, _)| set | bit(place))
}
