//! P3, P4, E4, E5: minutes of links that fail at random, in an instant: whatever happens, each request ends once and in
//! time, nothing is lost, no rule towards an upstream is broken, and when the links heal the service does.

use std::collections::HashMap;
use std::time::Duration;

use golive_resilience::queue::{Overflow, QueuePolicy};

use crate::world::{End, REQUEST, World};

/// Requests of one run: about five minutes of arrivals, the last half of it after the links have healed.
const REQUESTS: usize = 3_000;

fn kind(end: End) -> &'static str {
    match end {
        End::Answered { link: 0 | 1 } => "answered by the first links",
        End::Answered { .. } => "answered by a fallback",
        End::GaveUp(end) => end.why.as_str(),
        End::Refused => "refused",
        End::Displaced => "displaced",
        End::TimedOutInQueue => "timed out in the queue",
        End::CallerLeft => "caller left",
        End::Lost => "lost",
    }
}

/// Plays one run and counts how its requests ended.
fn play(seed: u64, queue: QueuePolicy) -> HashMap<&'static str, usize> {
    let mut world = World::new(seed, 3, REQUESTS, queue);
    world.run();
    let mut ends = HashMap::new();
    // A call that hangs when the links heal fails 30 s later, and the breaker it opens is probed 30 s after that; a
    // probe that was lost just before the healing is replaced after 35 s.
    let recovered = world.heal_at().plus(Duration::from_secs(70));
    let mut after = 0;
    for request in &world.requests {
        let (at, end) = request.end.expect("every request ends");
        assert!(at.since(request.arrived) <= REQUEST, "seed {seed}: a hang");
        if request.arrived >= recovered {
            after += 1;
            let well = matches!(end, End::Answered { .. } | End::CallerLeft);
            assert!(well, "seed {seed}: {end:?} though all is well again");
        }
        *ends.entry(kind(end)).or_insert(0) += 1;
    }
    assert_eq!(ends.values().sum::<usize>(), REQUESTS);
    assert!(after > 200, "{after} requests came after the recovery");
    assert!(
        world.first_links_are_closed(),
        "seed {seed}: a healed link stays out of service"
    );
    world.check_retry_budgets();
    *ends.entry("retries").or_insert(0) += world.retries();
    ends
}

#[test]
fn whatever_the_links_do_every_request_ends_once_and_in_time() {
    let mut all: HashMap<&str, usize> = HashMap::new();
    for seed in 0..20 {
        let overflow = if seed % 2 == 0 {
            Overflow::Reject
        } else {
            Overflow::Displace
        };
        let queue = QueuePolicy {
            length: 60,
            wait: Duration::from_secs(20),
            overflow,
        };
        for (kind, count) in play(seed, queue) {
            *all.entry(kind).or_default() += count;
        }
    }
    // The runs went everywhere: a chaos that never reaches a corner proves nothing about it.
    for kind in [
        "answered by the first links",
        "answered by a fallback",
        "circuit_open",
        "retries_spent",
        "retries",
        "refused",
        "displaced",
        "caller left",
        "lost",
    ] {
        assert!(all.get(kind).is_some_and(|n| *n > 20), "{kind}: {all:?}");
    }
}

#[test]
fn the_same_seed_plays_the_same_run() {
    let queue = QueuePolicy::default();
    assert_eq!(play(7, queue), play(7, queue));
}
