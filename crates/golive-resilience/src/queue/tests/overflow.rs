//! E5: what happens when the queue is full, and to whom.

use super::*;

#[test]
fn a_flood_of_one_principal_leaves_room_in_the_queue_for_the_others() {
    let mut queue = Queue::new(policy(20), 1);
    let _place = admitted(queue.offer(normal(0, 1), at(0)));
    for ticket in 1..=20 {
        queued(queue.offer(normal(ticket, 1), at(0))); // whoever is alone has all of it
    }
    refused(queue.offer(normal(21, 2), at(1)));
    for ticket in 19..=20 {
        queue.leave(Ticket(ticket));
    }
    assert_eq!(refused(queue.offer(normal(22, 1), at(2))).0, Reason::Full);
    queued(queue.offer(normal(23, 2), at(3)));
    assert_eq!(
        refused(queue.offer(normal(24, 2), at(3))).0,
        Reason::Full,
        "the second of the same"
    );
    queued(queue.offer(normal(25, 3), at(3)));
    assert_eq!(
        refused(queue.offer(normal(26, 4), at(3))).0,
        Reason::Full,
        "full is full"
    );
    queue.leave(Ticket(23));
    queued(queue.offer(normal(27, 1), at(63))); // the others came a minute ago
}

#[test]
fn under_a_flood_of_one_principal_a_modest_one_is_always_served() {
    let mut queue = Queue::new(policy(50), 2);
    let mut places = std::collections::VecDeque::new();
    let (mut ticket, mut got) = (0, [0, 0]);
    for step in 0..2_000 {
        // Five offers of the flood for each place that becomes free; the modest one asks once in ten steps.
        let offers = if step % 10 == 5 {
            [1, 1, 1, 1, 1, 2].as_slice()
        } else {
            &[1; 5]
        };
        for &principal in offers {
            ticket += 1;
            match queue.offer(normal(ticket, principal), at(step)) {
                Offered::Admitted(place) => {
                    got[principal as usize - 1] += 1;
                    places.push_back(place);
                }
                Offered::Queued { .. } => {}
                Offered::Refused { .. } => assert_eq!(principal, 1, "the modest one was refused"),
            }
        }
        if let Some(place) = places.pop_front() {
            queue.release(place, at(step));
        }
        while let Some((_, place)) = started(&mut queue, at(step)) {
            got[place.principal as usize - 1] += 1;
            places.push_back(place);
        }
    }
    assert!(got[1] >= 199, "{got:?}");
}

#[test]
fn a_full_queue_refuses_and_says_when_to_come_back() {
    let mut queue = Queue::new(policy(3), 2);
    let places: Vec<Place> = (0..2)
        .map(|ticket| admitted(queue.offer(normal(ticket, 1), at(0))))
        .collect();
    for place in places {
        queue.release(place, at(10)); // a place is held for ten seconds
    }
    for ticket in 0..2 {
        let _held = admitted(queue.offer(normal(ticket, 1), at(10)));
    }
    for ticket in 2..5 {
        queued(queue.offer(normal(ticket, 1), at(10)));
    }
    let (why, retry_after) = refused(queue.offer(normal(5, 1), at(10)));
    assert_eq!(
        (why, retry_after),
        (Reason::Full, s(20)),
        "four places, two at a time, ten seconds each"
    );
}

#[test]
fn without_a_queue_what_has_no_place_is_refused() {
    let mut queue = Queue::new(policy(0), 1);
    let place = admitted(queue.offer(normal(0, 1), at(0)));
    assert_eq!(refused(queue.offer(normal(1, 1), at(0))), (Reason::Full, s(1)));
    queue.release(place, at(1));
    let _place = admitted(queue.offer(normal(2, 1), at(1)));
}

#[test]
fn displacing_takes_the_youngest_of_the_lowest_priority() {
    let mut queue = Queue::new(
        QueuePolicy {
            overflow: Overflow::Displace,
            ..policy(4)
        },
        1,
    );
    let place = admitted(queue.offer(normal(0, 9), at(0)));
    for (ticket, priority, principal) in [
        (1, Priority::LOW, 1),
        (2, Priority::LOW, 2),
        (3, Priority::LOW, 2),
        (4, Priority::NORMAL, 3),
    ] {
        queued(queue.offer(offer(ticket, priority, principal), at(1)));
    }
    assert_eq!(
        queued(queue.offer(offer(5, Priority::HIGH, 4), at(2))),
        Some(3),
        "the longest line"
    );
    assert_eq!(queued(queue.offer(normal(6, 4), at(2))), Some(2));
    assert_eq!(queued(queue.offer(normal(7, 4), at(2))), Some(1));
    assert_eq!(
        refused(queue.offer(offer(8, Priority::LOW, 4), at(2))).0,
        Reason::Full
    );
    assert_eq!(order(&mut queue, place, at(3)), [5, 4, 6, 7]);
}

#[test]
fn among_equals_only_a_longer_line_gives_way() {
    let mut queue = Queue::new(
        QueuePolicy {
            overflow: Overflow::Displace,
            ..policy(4)
        },
        1,
    );
    let _place = admitted(queue.offer(normal(0, 9), at(0)));
    for ticket in 1..=4 {
        queued(queue.offer(normal(ticket, 1), at(1)));
    }
    assert_eq!(queued(queue.offer(normal(11, 2), at(1))), Some(4));
    assert_eq!(queued(queue.offer(normal(12, 2), at(1))), Some(3));
    assert_eq!(refused(queue.offer(normal(13, 2), at(1))).0, Reason::Full);
    assert_eq!(refused(queue.offer(normal(5, 1), at(1))).0, Reason::Full);
}

#[test]
fn capacity_is_asked_for_when_the_queue_is_nearly_full_and_for_a_while_after_an_overflow() {
    let mut queue = Queue::new(policy(5), 1);
    let _place = admitted(queue.offer(normal(0, 1), at(0)));
    for ticket in 1..=3 {
        queued(queue.offer(normal(ticket, 1), at(0)));
        assert!(!queue.wants_scale_out(at(0)));
    }
    queued(queue.offer(normal(4, 1), at(0)));
    assert!(queue.wants_scale_out(at(0)));
    queued(queue.offer(normal(5, 1), at(0)));
    refused(queue.offer(normal(6, 1), at(0)));
    for ticket in 1..=5 {
        queue.leave(Ticket(ticket));
    }
    assert!(queue.wants_scale_out(at(59)));
    assert!(!queue.wants_scale_out(at(60)));
}
