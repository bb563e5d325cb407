//! P4: the breaker, call by call.

use super::*;

mod model;

const POLICY: BreakerPolicy = BreakerPolicy {
    failures: 5,
    open: Duration::from_secs(30),
    successes: 3,
    probe_lease: Duration::from_secs(35),
};

fn at(seconds: u64) -> Tick {
    Tick(seconds * 1_000_000)
}

fn permit(breaker: &mut Breaker, now: Tick) -> Permit {
    match breaker.admit(&POLICY, now) {
        Admit::Yes(permit) => permit,
        Admit::No { next_probe } => panic!("refused until {next_probe:?}"),
    }
}

fn refused(breaker: &mut Breaker, now: Tick) -> Tick {
    match breaker.admit(&POLICY, now) {
        Admit::Yes(_) => panic!("admitted"),
        Admit::No { next_probe } => next_probe,
    }
}

fn attempt(breaker: &mut Breaker, health: Health, now: Tick) -> bool {
    let permit = permit(breaker, now);
    breaker.record(&POLICY, permit, health, now)
}

fn opened(now: Tick) -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..5 {
        attempt(&mut breaker, Health::Bad, now);
    }
    breaker
}

#[test]
fn opens_on_the_fifth_failure_in_a_row_and_refuses_for_thirty_seconds() {
    let mut breaker = Breaker::default();
    for _ in 0..4 {
        assert!(!attempt(&mut breaker, Health::Bad, at(1)));
    }
    assert_eq!(breaker.state(at(1)), State::Closed);
    assert!(attempt(&mut breaker, Health::Bad, at(2)));
    assert_eq!(breaker.state(at(2)), State::Open { until: at(32) });
    assert_eq!(refused(&mut breaker, at(2)), at(32));
    assert_eq!(refused(&mut breaker, Tick(at(32).0 - 1)), at(32));
    assert_eq!(breaker.state(at(32)), State::HalfOpen);
    assert!(permit(&mut breaker, at(32)).is_probe());
}

#[test]
fn four_failures_a_success_and_four_failures_stay_closed() {
    let mut breaker = Breaker::default();
    for health in [
        [Health::Bad; 4].as_slice(),
        &[Health::Good],
        [Health::Bad; 4].as_slice(),
    ]
    .concat()
    {
        attempt(&mut breaker, health, at(0));
    }
    assert_eq!(breaker.state(at(0)), State::Closed);
    assert!(
        attempt(&mut breaker, Health::Bad, at(0)),
        "and the fifth opens it"
    );
}

#[test]
fn what_proves_nothing_neither_counts_nor_breaks_a_row() {
    let mut breaker = Breaker::default();
    for _ in 0..100 {
        attempt(&mut breaker, Health::Silent, at(0));
    }
    assert_eq!(breaker.state(at(0)), State::Closed);
    for _ in 0..4 {
        attempt(&mut breaker, Health::Bad, at(0));
        attempt(&mut breaker, Health::Silent, at(0));
    }
    assert!(attempt(&mut breaker, Health::Bad, at(0)));
}

#[test]
fn exactly_one_probe_goes_out_though_fifty_callers_wait() {
    let mut breaker = opened(at(0));
    let admitted = (0..50)
        .filter(|_| matches!(breaker.admit(&POLICY, at(30)), Admit::Yes(_)))
        .count();
    assert_eq!(admitted, 1);
    assert_eq!(
        refused(&mut breaker, at(30)),
        at(31),
        "its answer is awaited, not its lease"
    );
}

#[test]
fn closes_after_three_good_probes_one_after_the_other() {
    let mut breaker = opened(at(0));
    assert!(!attempt(&mut breaker, Health::Good, at(30)));
    assert!(!attempt(&mut breaker, Health::Good, at(31)));
    assert_eq!(breaker.state(at(31)), State::HalfOpen);
    assert!(attempt(&mut breaker, Health::Good, at(32)));
    assert_eq!(breaker.state(at(32)), State::Closed);
    for _ in 0..4 {
        attempt(&mut breaker, Health::Bad, at(33));
    }
    assert_eq!(breaker.state(at(33)), State::Closed, "the count began anew");
}

#[test]
fn a_bad_probe_opens_it_for_the_whole_time_again() {
    let mut breaker = opened(at(0));
    attempt(&mut breaker, Health::Good, at(30));
    attempt(&mut breaker, Health::Good, at(30));
    assert!(attempt(&mut breaker, Health::Bad, at(31)));
    assert_eq!(breaker.state(at(31)), State::Open { until: at(61) });
    attempt(&mut breaker, Health::Good, at(61));
    attempt(&mut breaker, Health::Good, at(61));
    assert_eq!(
        breaker.state(at(61)),
        State::HalfOpen,
        "the good ones before it are forgotten"
    );
}

#[test]
fn a_hung_probe_is_replaced_when_its_lease_is_over_and_its_late_answer_still_counts() {
    let mut breaker = opened(at(0));
    let hung = permit(&mut breaker, at(30));
    refused(&mut breaker, at(64));
    let second = permit(&mut breaker, at(65));
    assert!(!breaker.record(&POLICY, hung, Health::Good, at(66)));
    refused(&mut breaker, at(66)); // the late answer does not free the second probe's lease
    breaker.record(&POLICY, second, Health::Good, at(67));
    assert!(
        attempt(&mut breaker, Health::Good, at(68)),
        "that made three good ones"
    );
}

#[test]
fn a_lost_probe_does_not_block_for_ever() {
    let mut breaker = opened(at(0));
    drop(permit(&mut breaker, at(30)));
    assert!(permit(&mut breaker, at(65)).is_probe());
}

#[test]
fn an_abandoned_probe_frees_its_lease_at_once_and_proves_nothing() {
    let mut breaker = opened(at(0));
    for _ in 0..10 {
        let probe = permit(&mut breaker, at(30));
        refused(&mut breaker, at(30));
        breaker.abandon(probe);
    }
    assert!(
        !attempt(&mut breaker, Health::Silent, at(30)),
        "a 429 to a probe proves nothing either"
    );
    assert_eq!(breaker.state(at(30)), State::HalfOpen);
}

#[test]
fn a_straggler_from_before_the_trip_neither_closes_nor_lengthens_anything() {
    let mut breaker = Breaker::default();
    let early: Vec<Permit> = (0..20).map(|_| permit(&mut breaker, at(0))).collect();
    for _ in 0..5 {
        attempt(&mut breaker, Health::Bad, at(1));
    }
    for (n, straggler) in early.into_iter().enumerate() {
        let health = if n % 2 == 0 { Health::Good } else { Health::Bad };
        breaker.record(&POLICY, straggler, health, at(20));
    }
    assert_eq!(breaker.state(at(20)), State::Open { until: at(31) });
}

#[test]
fn a_probe_that_fails_after_the_breaker_has_closed_does_not_open_it() {
    let mut breaker = opened(at(0));
    let slow = permit(&mut breaker, at(30));
    for _ in 0..3 {
        attempt(&mut breaker, Health::Good, at(70));
    }
    assert_eq!(breaker.state(at(70)), State::Closed);
    assert!(!breaker.record(&POLICY, slow, Health::Bad, at(71)));
    assert_eq!(breaker.state(at(71)), State::Closed);
}

#[test]
fn a_policy_of_zeros_reads_as_ones() {
    let zeros = BreakerPolicy {
        failures: 0,
        open: Duration::ZERO,
        successes: 0,
        probe_lease: Duration::ZERO,
    };
    let mut breaker = Breaker::default();
    let Admit::Yes(first) = breaker.admit(&zeros, at(0)) else {
        panic!("refused")
    };
    assert!(breaker.record(&zeros, first, Health::Bad, at(0)));
    let Admit::Yes(probe) = breaker.admit(&zeros, at(0)) else {
        panic!("refused")
    };
    assert!(breaker.record(&zeros, probe, Health::Good, at(0)));
    assert_eq!(breaker.state(at(0)), State::Closed);
}
