//! E5: any interleaving of offers, releases, departures, limits and time, against a model that is too simple to be
//! wrong: a list, searched from end to end.

use proptest::prelude::*;

use super::*;

/// A tenth of it is one place.
const LENGTH: usize = 10;

#[derive(Clone, Debug)]
enum Op {
    Offer {
        priority: u8,
        principal: u64,
        patience: u64,
        needs: u64,
    },
    /// Gives back one of the places in use.
    Release(usize),
    /// One of those that wait goes away.
    Leave(usize),
    SetLimit(u32),
    Pass(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (0..PRIORITIES, 0_u64..5, 0_u64..400, 0_u64..3)
            .prop_map(|(priority, principal, patience, needs)| Op::Offer { priority: priority / 4, principal, patience, needs }),
        6 => any::<usize>().prop_map(Op::Release),
        1 => any::<usize>().prop_map(Op::Leave),
        1 => (0_u32..6).prop_map(Op::SetLimit),
        4 => (0_u64..40).prop_map(Op::Pass),
    ];
    prop::collection::vec(op, 1..100)
}

#[derive(Clone, Debug)]
struct Waits {
    ticket: u64,
    priority: u8,
    principal: u64,
    number: u64,
    until: Tick,
}

#[derive(Default)]
struct Model {
    waiting: Vec<Waits>,
    /// Principal of each place in use, beside the place.
    places: Vec<(u64, Place)>,
    /// The turn of each line, by priority and principal.
    turns: HashMap<(u8, u64), u64>,
    number: u64,
    /// When each principal came last.
    came: HashMap<u64, Tick>,
}

impl Model {
    fn held(&self, principal: u64) -> usize {
        self.places.iter().filter(|(p, _)| *p == principal).count()
    }

    fn line(&self, priority: u8, principal: u64) -> usize {
        let of = |w: &&Waits| w.priority == priority && w.principal == principal;
        self.waiting.iter().filter(of).count()
    }

    fn join(&mut self, offer: &Offer, until: Tick) {
        self.number += 1;
        let key = (offer.priority.0, offer.principal);
        if self.line(key.0, key.1) == 0 {
            self.turns.insert(key, self.number);
        }
        self.waiting.push(Waits {
            ticket: offer.ticket.0,
            priority: key.0,
            principal: key.1,
            number: self.number,
            until,
        });
    }

    fn room(&self, offer: &Offer, overflow: Overflow, now: Tick) -> usize {
        let another =
            |(principal, at): (&u64, &Tick)| *principal != offer.principal && now.since(*at) < s(60);
        let kept = overflow == Overflow::Reject
            && self.line(offer.priority.0, offer.principal) > 0
            && self.came.iter().any(another);
        LENGTH - usize::from(kept)
    }

    /// Who must be called next: by deadline, else by priority, places held, turn and arrival.
    fn next(&self, limit: u32, now: Tick) -> Option<(u64, bool)> {
        let expired = self.waiting.iter().filter(|w| w.until <= now);
        if let Some(first) = expired.min_by_key(|w| (w.until, w.ticket)) {
            return Some((first.ticket, false));
        }
        if self.places.len() >= limit as usize {
            return None;
        }
        let key = |w: &&Waits| {
            (
                u8::MAX - w.priority,
                self.held(w.principal),
                self.turns[&(w.priority, w.principal)],
                w.number,
            )
        };
        self.waiting.iter().min_by_key(key).map(|w| (w.ticket, true))
    }

    fn take(&mut self, ticket: u64) -> Waits {
        let place = self.waiting.iter().position(|w| w.ticket == ticket).unwrap();
        self.waiting.remove(place)
    }

    /// Whom an offer to a full queue may displace.
    fn victims(&self, offer: &Offer) -> Vec<u64> {
        let lowest = self.waiting.iter().map(|w| w.priority).min().unwrap();
        let lane = lowest.min(offer.priority.0);
        let lengths: Vec<(u64, usize)> = (0..5).map(|p| (p, self.line(lane, p))).collect();
        let longest = lengths.iter().map(|(_, n)| *n).max().unwrap();
        if lowest > offer.priority.0
            || (lowest == offer.priority.0 && longest <= self.line(lane, offer.principal) + 1)
        {
            return Vec::new();
        }
        let of_longest = lengths.iter().filter(|(_, n)| *n == longest).map(|(p, _)| {
            let line = self
                .waiting
                .iter()
                .filter(|w| w.priority == lane && w.principal == *p);
            line.max_by_key(|w| w.number).unwrap().ticket
        });
        of_longest.collect()
    }
}

/// What the offers came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ends {
    offered: usize,
    admitted: usize,
    started: usize,
    timed_out: usize,
    refused: usize,
    displaced: usize,
    left: usize,
}

fn played(overflow: Overflow, ops: Vec<Op>) -> Result<(), TestCaseError> {
    let policy = QueuePolicy {
        length: LENGTH as u32,
        wait: Duration::from_secs(60),
        overflow,
    };
    let mut limit = 2;
    let mut queue = Queue::new(policy, limit);
    let mut model = Model::default();
    let mut ends = Ends::default();
    let mut now = at(1);
    for (ticket, op) in (1..).zip(ops) {
        match op {
            Op::Offer {
                priority,
                principal,
                patience,
                needs,
            } => {
                ends.offered += 1;
                let offer = Offer {
                    ticket: Ticket(ticket),
                    priority: Priority(priority),
                    principal,
                    deadline: now.plus(s(patience)),
                    needs: s(needs),
                };
                let free = model.places.len() < limit as usize && model.waiting.is_empty();
                let full = model.waiting.len() >= model.room(&offer, overflow, now);
                model.came.insert(principal, now);
                match queue.offer(offer, now) {
                    Offered::Admitted(place) => {
                        prop_assert!(free);
                        ends.admitted += 1;
                        model.places.push((principal, place));
                    }
                    Offered::Queued { displaced } => {
                        prop_assert!(!free && offer.deadline > now);
                        prop_assert_eq!(displaced.is_some(), full);
                        if let Some(victim) = displaced {
                            prop_assert_eq!(overflow, Overflow::Displace);
                            prop_assert!(model.victims(&offer).contains(&victim.0));
                            model.take(victim.0);
                            ends.displaced += 1;
                        }
                        model.join(&offer, offer.deadline.min(now.plus(policy.wait)));
                    }
                    Offered::Refused { why, retry_after } => {
                        prop_assert!(!free);
                        prop_assert!(retry_after >= s(1));
                        ends.refused += 1;
                        if why == Reason::Full {
                            prop_assert!(full);
                            let nobody = overflow == Overflow::Reject || model.victims(&offer).is_empty();
                            prop_assert!(nobody);
                        }
                    }
                }
            }
            Op::Release(which) if !model.places.is_empty() => {
                let which = which % model.places.len();
                let (_, place) = model.places.swap_remove(which);
                queue.release(place, now);
            }
            Op::Leave(which) if !model.waiting.is_empty() => {
                let which = which % model.waiting.len();
                let gone = model.waiting.remove(which);
                prop_assert!(queue.leave(Ticket(gone.ticket)));
                prop_assert!(!queue.leave(Ticket(gone.ticket)));
                ends.left += 1;
            }
            Op::SetLimit(to) => {
                limit = to.max(1);
                queue.set_limit(to);
            }
            Op::Pass(seconds) => now = now.plus(s(seconds)),
            Op::Release(_) | Op::Leave(_) => {}
        }
        loop {
            let expected = model.next(limit, now);
            match queue.next(now) {
                Some(Called::Start(ticket, place)) => {
                    prop_assert_eq!(expected, Some((ticket.0, true)));
                    let waiter = model.take(ticket.0);
                    model.number += 1;
                    model
                        .turns
                        .insert((waiter.priority, waiter.principal), model.number);
                    model.places.push((waiter.principal, place));
                    ends.started += 1;
                }
                Some(Called::TimedOut(ticket)) => {
                    prop_assert_eq!(expected, Some((ticket.0, false)));
                    model.take(ticket.0);
                    ends.timed_out += 1;
                }
                None => {
                    prop_assert_eq!(expected, None);
                    break;
                }
            }
        }
        let gauges = queue.gauges(now);
        prop_assert_eq!(gauges.length as usize, model.waiting.len());
        prop_assert_eq!(gauges.in_flight as usize, model.places.len());
        prop_assert!(model.waiting.len() <= LENGTH);
        prop_assert_eq!(queue.next_deadline(), model.waiting.iter().map(|w| w.until).min());
        let over = ends.admitted + ends.started + ends.timed_out + ends.refused + ends.displaced + ends.left;
        prop_assert_eq!(over + model.waiting.len(), ends.offered, "count in = count out");
    }
    // Once everything is given back, nothing is remembered.
    for (_, place) in model.places.drain(..) {
        queue.release(place, now);
    }
    for waiter in model.waiting.drain(..) {
        queue.leave(Ticket(waiter.ticket));
    }
    prop_assert!(queue.held.is_empty() && queue.arrivals.is_empty() && queue.deadlines.is_empty());
    prop_assert!(
        queue
            .lanes
            .iter()
            .all(|lane| lane.len() == 0 && lane.is_forgotten())
    );
    Ok(())
}

proptest! {
    #[test]
    fn a_rejecting_queue_does_what_the_simple_one_does(ops in ops()) {
        played(Overflow::Reject, ops)?;
    }

    #[test]
    fn a_displacing_queue_does_what_the_simple_one_does(ops in ops()) {
        played(Overflow::Displace, ops)?;
    }

    /// Equal users who always want more get the same: the difference of what any two got never exceeds one turn for
    /// each place.
    #[test]
    fn equal_users_get_equal_shares(
        users in 2_u64..6,
        limit in 1_u32..5,
        releases in prop::collection::vec(any::<usize>(), 40..80),
    ) {
        let mut queue = Queue::new(policy(1000), limit);
        let mut places = Vec::new();
        let mut ticket = 0;
        let mut got = vec![0_u32; users as usize];
        for _ in 0..20 {
            for user in 0..users {
                ticket += 1;
                if let Offered::Admitted(place) = queue.offer(normal(ticket, user), at(0)) {
                    places.push(place);
                    got[user as usize] += 1;
                }
            }
        }
        for which in releases {
            let place = places.swap_remove(which % places.len());
            queue.release(place, at(0));
            while let Some(called) = queue.next(at(0)) {
                let Called::Start(done, place) = called else { panic!("{called:?}") };
                // Whoever is served asks again at once.
                let user = place.principal;
                prop_assert!(done.0 > 0);
                got[user as usize] += 1;
                places.push(place);
                ticket += 1;
                queued(queue.offer(normal(ticket, user), at(0)));
            }
        }
        let (least, most) = (got.iter().min().unwrap(), got.iter().max().unwrap());
        // Who happens to be released more often gets more: that is the services' doing. Held places stay even.
        prop_assert!(places.len() == limit as usize);
        let held: Vec<usize> =
            (0..users).map(|u| places.iter().filter(|p| p.principal == u).count()).collect();
        prop_assert!(held.iter().max().unwrap() - held.iter().min().unwrap() <= 1, "{held:?}");
        prop_assert!(*least > 0 && *most > 0);
    }
}
