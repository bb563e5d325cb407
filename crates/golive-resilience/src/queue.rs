//! E5, P2: the bounded queue before an agent or an upstream: who gets the next place, who waits, and who is refused now.
//!
//! The order of admission is the order of priority. Within a priority the next place goes to the principal who holds
//! the fewest places; among those who hold as many, turn by turn, and whoever joins the line joins at its end. So no
//! principal keeps all places while another one waits: the next place that becomes free is the other's. Within a
//! principal it is the order of arrival.
//!
//! Nobody fills the queue so that the others find no place in it: its last tenth is kept for principals who have nobody in
//! line in that priority, as long as more than one has come lately.
//!
//! What cannot be served in time is refused at once: by the observed time a place is held, an offer that would not
//! have its answer by its deadline, or would wait longer than [`QueuePolicy::wait`], never joins. A full queue refuses
//! the newcomer, or displaces whoever it is fair to displace (see [`Overflow`]).
//!
//! The driver keeps the waiting futures. After each [`Queue::offer`] that queued, [`Queue::release`],
//! [`Queue::leave`] and [`Queue::set_limit`], and when [`Queue::next_deadline`] has come, it drains [`Queue::next`] and
//! wakes those it names. A woken waiter who is gone gives the place back by `release`.
//!
//! Every operation takes time logarithmic in the length of the queue, and memory is bounded by it.
//!
//! Never: sleeps, wakes anyone, reads a clock, or forgets a ticket: each one offered is refused, or started once, or
//! timed out once, or displaced once, or left.

mod lane;
mod offer;
mod policy;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use lane::Lane;
pub use offer::{Called, Gauges, Offer, Offered, Reason, Ticket};
pub use policy::{Overflow, PRIORITIES, Priority, QueuePolicy};

use crate::Tick;
use crate::latency::Latency;

/// Nobody is told to come back sooner.
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);

/// The last so-manieth of a queue that rejects is kept for those who have nobody in line yet.
const KEPT_FOR_NEWCOMERS: usize = 10;

/// It is kept while another principal has come so lately: whoever is alone has the whole queue.
const LATELY: Duration = Duration::from_secs(60);

/// From this share of its length on, a queue asks for more capacity.
const SCALE_OUT_SHARE: (usize, usize) = (4, 5);

/// So long after the last overflow a queue goes on asking for more capacity: whoever polls once a minute sees it.
const SCALE_OUT_HOLD: Duration = Duration::from_secs(60);

/// A place in use. Give it back with [`Queue::release`].
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    principal: u64,
    since: Tick,
}

/// The queue and the places behind it.
#[derive(Debug)]
pub struct Queue {
    policy: QueuePolicy,
    limit: u32,
    in_flight: u32,
    /// Places in use by each principal who has any.
    held: HashMap<u64, u32>,
    waiting: HashMap<Ticket, Waiter>,
    /// One for each priority, by its number.
    lanes: Vec<Lane>,
    arrivals: BTreeMap<u64, Ticket>,
    deadlines: BTreeSet<(Tick, Ticket)>,
    /// How long a place is held.
    service: Latency,
    next_number: u64,
    overflowed: Option<Tick>,
    comers: Comers,
}

/// The last two different principals who asked for a place.
#[derive(Debug, Default)]
struct Comers {
    latest: Option<(u64, Tick)>,
    another: Option<Tick>,
}

impl Comers {
    fn note(&mut self, principal: u64, now: Tick) {
        if let Some((latest, at)) = self.latest
            && latest != principal
        {
            self.another = Some(at);
        }
        self.latest = Some((principal, now));
    }

    /// Whether someone else than the latest has come lately.
    fn are_several(&self, now: Tick) -> bool {
        self.another.is_some_and(|at| now.since(at) < LATELY)
    }
}

#[derive(Clone, Copy, Debug)]
struct Waiter {
    lane: usize,
    principal: u64,
    number: u64,
    arrived: Tick,
    until: Tick,
}

impl Queue {
    /// An empty queue before `limit` places; zero reads as one.
    #[must_use]
    pub fn new(policy: QueuePolicy, limit: u32) -> Self {
        Self {
            policy,
            limit: limit.max(1),
            in_flight: 0,
            held: HashMap::new(),
            waiting: HashMap::new(),
            lanes: (0..PRIORITIES).map(|_| Lane::default()).collect(),
            arrivals: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            service: Latency::default(),
            next_number: 0,
            overflowed: None,
            comers: Comers::default(),
        }
    }

    /// A request asks for a place. A ticket that waits already is an error of the driver; the second one is refused as
    /// [`Reason::Full`].
    pub fn offer(&mut self, offer: Offer, now: Tick) -> Offered {
        self.comers.note(offer.principal, now);
        if self.in_flight < self.limit && self.waiting.is_empty() {
            return Offered::Admitted(self.occupy(offer.principal, now));
        }
        if self.waiting.contains_key(&offer.ticket) {
            return self.refuse(Reason::Full, RETRY_AFTER_MIN);
        }
        if self.policy.length == 0 {
            self.overflowed = Some(now);
            return self.refuse(Reason::Full, self.time_for(1));
        }
        let wait = self.expected_wait(&offer);
        let mut displaced = None;
        if self.waiting.len() >= self.room_for(&offer, now) {
            self.overflowed = Some(now);
            displaced = self.victim(&offer);
            if displaced.is_none() {
                return self.refuse(Reason::Full, wait);
            }
        }
        let too_late = now.plus(wait).plus(offer.needs) > offer.deadline || offer.deadline <= now;
        if too_late || wait > self.policy.wait {
            self.overflowed = Some(now);
            let allowed = offer.deadline.since(now.plus(offer.needs)).min(self.policy.wait);
            return self.refuse(Reason::Late, wait.saturating_sub(allowed));
        }
        if let Some(victim) = displaced {
            self.leave(victim);
        }
        self.join(&offer, now);
        Offered::Queued { displaced }
    }

    /// A place is free again.
    pub fn release(&mut self, place: Place, now: Tick) {
        self.service.observe(now.since(place.since));
        self.in_flight = self.in_flight.saturating_sub(1);
        let Some(held) = self.held.get_mut(&place.principal) else {
            return;
        };
        let before = *held;
        *held -= 1;
        if before == 1 {
            self.held.remove(&place.principal);
        }
        self.moved(place.principal, before, before - 1);
    }

    /// A waiting request has gone away. Says whether it was waiting.
    pub fn leave(&mut self, ticket: Ticket) -> bool {
        let Some(waiter) = self.waiting.remove(&ticket) else {
            return false;
        };
        let held = self.held_by(waiter.principal);
        self.lanes[waiter.lane].remove(waiter.principal, waiter.number, held);
        self.arrivals.remove(&waiter.number);
        self.deadlines.remove(&(waiter.until, ticket));
        true
    }

    /// The next one to be woken, if any: first whoever has waited too long, then whoever's turn it is.
    pub fn next(&mut self, now: Tick) -> Option<Called> {
        if let Some((until, ticket)) = self.deadlines.first().copied()
            && until <= now
        {
            self.leave(ticket);
            return Some(Called::TimedOut(ticket));
        }
        if self.in_flight >= self.limit || self.waiting.is_empty() {
            return None;
        }
        let ticket = self.lanes.iter().rev().find_map(Lane::first)?;
        let waiter = *self.waiting.get(&ticket)?;
        self.leave(ticket);
        // Whoever has had a turn goes to the end of the line.
        let held = self.held_by(waiter.principal);
        let turn = self.number();
        self.lanes[waiter.lane].had_its_turn(waiter.principal, turn, held);
        Some(Called::Start(ticket, self.occupy(waiter.principal, now)))
    }

    /// When [`Queue::next`] will have someone to time out, if nothing else happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        self.deadlines.first().map(|(until, _)| *until)
    }

    /// Sets the number of places; zero reads as one. Places in use above it are not taken away.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit.max(1);
    }

    /// What metrics and the console show.
    #[must_use]
    pub fn gauges(&self, now: Tick) -> Gauges {
        let oldest = self
            .arrivals
            .first_key_value()
            .and_then(|(_, ticket)| self.waiting.get(ticket));
        Gauges {
            length: count(self.waiting.len()),
            oldest: oldest.map_or(Duration::ZERO, |waiter| now.since(waiter.arrived)),
            in_flight: self.in_flight,
            limit: self.limit,
        }
    }

    /// Whether more capacity is wanted: the queue is nearly full, or had to refuse or displace someone a moment ago.
    #[must_use]
    pub fn wants_scale_out(&self, now: Tick) -> bool {
        let (part, whole) = SCALE_OUT_SHARE;
        let length = self.policy.length as usize;
        let nearly_full = length > 0 && self.waiting.len() * whole >= length * part;
        let lately = self.overflowed.is_some_and(|at| now.since(at) < SCALE_OUT_HOLD);
        nearly_full || lately
    }

    fn join(&mut self, offer: &Offer, now: Tick) {
        let number = self.number();
        let until = offer.deadline.min(now.plus(self.policy.wait));
        let waiter = Waiter {
            lane: usize::from(offer.priority.0),
            principal: offer.principal,
            number,
            arrived: now,
            until,
        };
        let held = self.held_by(offer.principal);
        self.lanes[waiter.lane].push(offer.principal, number, offer.ticket, held);
        self.waiting.insert(offer.ticket, waiter);
        self.arrivals.insert(number, offer.ticket);
        self.deadlines.insert((until, offer.ticket));
    }

    /// How long the queue may become for this offer.
    fn room_for(&self, offer: &Offer, now: Tick) -> usize {
        let length = self.policy.length as usize;
        let kept = self.policy.overflow == Overflow::Reject
            && self.comers.are_several(now)
            && self.lanes[usize::from(offer.priority.0)].line_of(offer.principal) > 0;
        if kept {
            length - length / KEPT_FOR_NEWCOMERS
        } else {
            length
        }
    }

    /// How long the offer would wait for a place, at most, by the time that places are held.
    fn expected_wait(&self, offer: &Offer) -> Duration {
        let level = usize::from(offer.priority.0);
        let above: usize = self.lanes[level + 1..].iter().map(Lane::len).sum();
        let lane = &self.lanes[level];
        // Turn by turn, nobody has more turns before this one than it has requests in line and places in use itself.
        let own = lane.line_of(offer.principal) + self.held_by(offer.principal) as usize;
        let turns = (own + 1).saturating_mul(lane.principals());
        self.time_for(above + lane.len().min(turns) + 1)
    }

    /// How long it takes until so many places have become free.
    fn time_for(&self, places: usize) -> Duration {
        let mean = self.service.mean().unwrap_or_default();
        mean.saturating_mul(count(places)) / self.limit
    }

    fn victim(&self, offer: &Offer) -> Option<Ticket> {
        if self.policy.overflow == Overflow::Reject {
            return None;
        }
        let level = usize::from(offer.priority.0);
        let lower = self.lanes[..level].iter().find_map(Lane::last_of_longest);
        lower.or_else(|| {
            let lane = &self.lanes[level];
            let worth_it = lane.longest() > lane.line_of(offer.principal) + 1;
            worth_it.then(|| lane.last_of_longest())?
        })
    }

    fn refuse(&self, why: Reason, retry_after: Duration) -> Offered {
        Offered::Refused {
            why,
            retry_after: retry_after.clamp(RETRY_AFTER_MIN, self.policy.wait.max(RETRY_AFTER_MIN)),
        }
    }

    fn occupy(&mut self, principal: u64, now: Tick) -> Place {
        self.in_flight += 1;
        let held = self.held.entry(principal).or_insert(0);
        let before = *held;
        *held += 1;
        self.moved(principal, before, before + 1);
        Place {
            principal,
            since: now,
        }
    }

    fn held_by(&self, principal: u64) -> u32 {
        self.held.get(&principal).copied().unwrap_or(0)
    }

    /// The lines of `principal` know how many places it holds.
    fn moved(&mut self, principal: u64, before: u32, held: u32) {
        if self.waiting.is_empty() {
            return;
        }
        for lane in &mut self.lanes {
            lane.moved(principal, before, held);
        }
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
