//! E5, P2: the queue, call by call, and against a naive model of itself.

use super::*;

mod model;
mod overflow;

const SECOND: u64 = 1_000_000;

fn at(seconds: u64) -> Tick {
    Tick(seconds * SECOND)
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn policy(length: u32) -> QueuePolicy {
    QueuePolicy {
        length,
        ..QueuePolicy::default()
    }
}

fn offer(ticket: u64, priority: Priority, principal: u64) -> Offer {
    Offer {
        ticket: Ticket(ticket),
        priority,
        principal,
        deadline: at(1_000_000),
        needs: Duration::ZERO,
    }
}

fn normal(ticket: u64, principal: u64) -> Offer {
    offer(ticket, Priority::NORMAL, principal)
}

fn admitted(offered: Offered) -> Place {
    match offered {
        Offered::Admitted(place) => place,
        other => panic!("{other:?}"),
    }
}

fn queued(offered: Offered) -> Option<u64> {
    match offered {
        Offered::Queued { displaced } => displaced.map(|ticket| ticket.0),
        other => panic!("{other:?}"),
    }
}

fn refused(offered: Offered) -> (Reason, Duration) {
    match offered {
        Offered::Refused { why, retry_after } => (why, retry_after),
        other => panic!("{other:?}"),
    }
}

fn started(queue: &mut Queue, now: Tick) -> Option<(u64, Place)> {
    match queue.next(now)? {
        Called::Start(ticket, place) => Some((ticket.0, place)),
        Called::TimedOut(ticket) => panic!("{ticket:?} timed out"),
    }
}

/// The order in which those who wait are started when the one place is released again and again.
fn order(queue: &mut Queue, mut place: Place, now: Tick) -> Vec<u64> {
    let mut order = Vec::new();
    loop {
        queue.release(place, now);
        let Some((ticket, next)) = started(queue, now) else {
            return order;
        };
        order.push(ticket);
        place = next;
    }
}

#[test]
fn places_are_given_until_there_are_none_and_then_people_wait() {
    let mut queue = Queue::new(policy(10), 2);
    let first = admitted(queue.offer(normal(1, 1), at(0)));
    let _second = admitted(queue.offer(normal(2, 2), at(0)));
    assert_eq!(queued(queue.offer(normal(3, 3), at(1))), None);
    assert_eq!(queue.next(at(2)), None);
    let gauges = queue.gauges(at(5));
    assert_eq!(
        (gauges.length, gauges.oldest, gauges.in_flight, gauges.limit),
        (1, s(4), 2, 2)
    );
    queue.release(first, at(6));
    assert!(matches!(queue.next(at(6)), Some(Called::Start(Ticket(3), _))));
    assert_eq!(queue.gauges(at(6)).length, 0);
}

#[test]
fn the_order_is_that_of_priority_and_then_of_arrival() {
    let mut queue = Queue::new(policy(10), 1);
    let place = admitted(queue.offer(normal(0, 9), at(0)));
    for (ticket, priority) in [
        (1, Priority::LOW),
        (2, Priority::NORMAL),
        (3, Priority::HIGH),
        (4, Priority::NORMAL),
        (5, Priority::HIGH),
        (6, Priority::LOW),
    ] {
        queued(queue.offer(offer(ticket, priority, ticket), at(ticket)));
    }
    assert_eq!(order(&mut queue, place, at(10)), [3, 5, 2, 4, 1, 6]);
}

#[test]
fn principals_take_turns_and_nobody_jumps_their_own_line() {
    let mut queue = Queue::new(policy(100), 1);
    let place = admitted(queue.offer(normal(0, 1), at(0)));
    for ticket in 1..=4 {
        queued(queue.offer(normal(ticket, 1), at(1)));
    }
    queued(queue.offer(normal(21, 2), at(2)));
    queued(queue.offer(normal(22, 2), at(2)));
    queued(queue.offer(normal(31, 3), at(3)));
    assert_eq!(order(&mut queue, place, at(4)), [1, 21, 31, 2, 22, 3, 4]);
}

#[test]
fn a_newcomer_joins_at_the_end_so_that_ever_new_ones_starve_nobody() {
    let mut queue = Queue::new(policy(100), 1);
    let mut place = admitted(queue.offer(normal(0, 1), at(0)));
    for ticket in 1..=3 {
        queued(queue.offer(normal(ticket, 1), at(0)));
    }
    let mut order = Vec::new();
    for newcomer in 100..110 {
        queued(queue.offer(normal(newcomer, newcomer), at(1)));
        queue.release(place, at(1));
        let (ticket, next) = started(&mut queue, at(1)).unwrap();
        order.push(ticket);
        place = next;
    }
    assert_eq!(order[..6], [1, 100, 2, 101, 102, 3]);
}

#[test]
fn who_holds_all_places_gets_no_further_one_while_another_waits() {
    let mut queue = Queue::new(policy(100), 3);
    let mut places: Vec<Place> = (0..3)
        .map(|ticket| admitted(queue.offer(normal(ticket, 1), at(0))))
        .collect();
    for ticket in 3..50 {
        queued(queue.offer(normal(ticket, 1), at(1)));
    }
    queued(queue.offer(normal(100, 2), at(2)));
    queue.release(places.pop().unwrap(), at(3));
    let (ticket, _kept) = started(&mut queue, at(3)).unwrap();
    assert_eq!(ticket, 100);
}

#[test]
fn nobody_slips_past_those_who_wait_between_a_release_and_the_call() {
    let mut queue = Queue::new(policy(100), 1);
    let place = admitted(queue.offer(normal(0, 1), at(0)));
    queued(queue.offer(normal(1, 1), at(0)));
    queue.release(place, at(1));
    queued(queue.offer(normal(2, 1), at(1)));
    assert_eq!(started(&mut queue, at(1)).unwrap().0, 1);
}

#[test]
fn what_waited_too_long_times_out_before_anyone_starts() {
    let mut queue = Queue::new(policy(10), 1);
    let place = admitted(queue.offer(normal(0, 1), at(0)));
    queued(queue.offer(normal(1, 1), at(0)));
    let mut soon = normal(2, 2);
    soon.deadline = at(10);
    queued(queue.offer(soon, at(0)));
    assert_eq!(queue.next_deadline(), Some(at(10)));
    assert_eq!(queue.next(at(9)), None);
    assert_eq!(queue.next(at(10)), Some(Called::TimedOut(Ticket(2))));
    assert_eq!(
        queue.next_deadline(),
        Some(at(300)),
        "five minutes, whatever the deadline"
    );
    queue.release(place, at(300));
    assert_eq!(queue.next(at(300)), Some(Called::TimedOut(Ticket(1))));
    assert_eq!(queue.next(at(300)), None);
    assert_eq!(queue.next_deadline(), None);
}

#[test]
fn whoever_leaves_frees_the_place_in_the_queue_at_once() {
    let mut queue = Queue::new(policy(1), 1);
    let place = admitted(queue.offer(normal(0, 1), at(0)));
    queued(queue.offer(normal(1, 1), at(0)));
    assert_eq!(refused(queue.offer(normal(2, 2), at(0))).0, Reason::Full);
    assert!(queue.leave(Ticket(1)));
    assert!(!queue.leave(Ticket(1)), "once");
    queued(queue.offer(normal(2, 2), at(0)));
    assert_eq!(order(&mut queue, place, at(1)), [2]);
}

#[test]
fn what_cannot_be_answered_in_time_is_refused_now_and_not_after_its_wait() {
    let mut queue = Queue::new(policy(100), 1);
    let place = admitted(queue.offer(normal(0, 1), at(0)));
    queue.release(place, at(10));
    let place = admitted(queue.offer(normal(1, 1), at(10)));
    let mut hurried = normal(2, 2);
    hurried.deadline = at(25);
    hurried.needs = s(2);
    queued(queue.offer(hurried, at(10))); // ten seconds for the place, two for the answer: just in time
    hurried.ticket = Ticket(3);
    assert_eq!(
        refused(queue.offer(hurried, at(10))),
        (Reason::Late, s(7)),
        "twenty and two are seven more than there are"
    );
    // Who has the turn before the long line of another is not judged by that line.
    for ticket in 10..40 {
        let _ = queue.offer(normal(ticket, 2), at(10));
    }
    let mut other = normal(50, 3);
    other.deadline = at(45);
    queued(queue.offer(other, at(10)));
    queue.release(place, at(20));
    assert_eq!(started(&mut queue, at(20)).unwrap().0, 2);
    let mut over = normal(60, 4);
    over.deadline = at(20);
    assert_eq!(refused(queue.offer(over, at(20))).0, Reason::Late);
}

#[test]
fn nobody_joins_a_queue_that_is_longer_than_the_longest_wait() {
    let mut queue = Queue::new(policy(1000), 1);
    let place = admitted(queue.offer(normal(0, 1), at(0)));
    queue.release(place, at(100));
    let _place = admitted(queue.offer(normal(1, 1), at(100)));
    for ticket in 2..5 {
        queued(queue.offer(normal(ticket, 1), at(100)));
    }
    assert_eq!(
        refused(queue.offer(normal(5, 1), at(100))),
        (Reason::Late, s(100))
    );
}

#[test]
fn a_higher_limit_starts_those_who_wait_and_a_lower_one_takes_no_place_away() {
    let mut queue = Queue::new(policy(10), 2);
    let mut places: Vec<Place> = (0..2)
        .map(|ticket| admitted(queue.offer(normal(ticket, 1), at(0))))
        .collect();
    for ticket in 2..6 {
        queued(queue.offer(normal(ticket, 1), at(0)));
    }
    queue.set_limit(4);
    for expected in [2, 3] {
        let (ticket, place) = started(&mut queue, at(1)).unwrap();
        assert_eq!(ticket, expected);
        places.push(place);
    }
    assert_eq!(queue.next(at(1)), None);
    queue.set_limit(1);
    for place in places.drain(..3) {
        queue.release(place, at(2));
        assert_eq!(queue.next(at(2)), None);
    }
    queue.release(places.pop().unwrap(), at(2));
    assert_eq!(started(&mut queue, at(2)).unwrap().0, 4);
}

#[test]
fn a_ticket_that_waits_already_is_not_taken_twice() {
    let mut queue = Queue::new(policy(10), 1);
    let place = admitted(queue.offer(normal(0, 1), at(0)));
    queued(queue.offer(normal(1, 1), at(0)));
    refused(queue.offer(normal(1, 2), at(0)));
    assert_eq!(order(&mut queue, place, at(1)), [1]);
}

#[test]
fn priorities_are_ten() {
    assert_eq!(Priority::new(5), Some(Priority::NORMAL));
    assert_eq!(Priority::new(10), None);
    assert!(Priority::HIGH > Priority::NORMAL && Priority::NORMAL > Priority::LOW);
}
