//! P3, E4: plans over chains whose links fail in every way, with real breakers, no clock and no network.

use super::*;
use crate::backoff::RetryPolicy;
use crate::backoff::tests::dice;
use crate::breaker::{Admit, Breaker, BreakerPolicy, Permit};
use crate::failure::{Health, UpstreamClass};

mod equals;
mod properties;
mod retry_first;

const POLICY: BreakerPolicy = BreakerPolicy {
    failures: 5,
    open: Duration::from_secs(30),
    successes: 3,
    probe_lease: Duration::from_secs(35),
};

struct World {
    breakers: Vec<Breaker>,
    retries_left: u32,
    loads: Vec<Load>,
}

impl World {
    fn of(links: usize) -> Self {
        Self {
            breakers: (0..links).map(|_| Breaker::default()).collect(),
            retries_left: u32::MAX,
            loads: vec![Load::default(); links],
        }
    }

    /// Opens the breaker of `link` at `now`.
    fn open(&mut self, link: usize, now: Tick) {
        for _ in 0..POLICY.failures {
            if let Admit::Yes(permit) = self.breakers[link].admit(&POLICY, now) {
                self.breakers[link].record(&POLICY, permit, Health::Bad, now);
            }
        }
    }
}

impl Links for World {
    type Permit = Permit;

    fn admit(&mut self, link: usize, again: bool, now: Tick) -> Leave<Permit> {
        match self.breakers[link].admit(&POLICY, now) {
            Admit::No { next_probe } => Leave::Open { next_probe },
            Admit::Yes(permit) if again && self.retries_left == 0 => {
                self.breakers[link].abandon(permit);
                Leave::OverBudget
            }
            Admit::Yes(permit) => {
                self.retries_left -= u32::from(again);
                Leave::Yes(permit)
            }
        }
    }

    fn would_admit(&self, link: usize, now: Tick) -> Result<(), Tick> {
        self.breakers[link].would_admit(now)
    }

    fn load(&self, link: usize) -> Load {
        self.loads[link]
    }
}

const MODEL: UpstreamClass = UpstreamClass::Model;
const AGENT: UpstreamClass = UpstreamClass::Agent;
const DOWN: Failure = Failure::NotConnected;

fn status(code: u16) -> Failure {
    Failure::Status {
        code,
        hinted: false,
        hopeless: false,
    }
}

/// No jitter: the times are exact.
fn exact() -> RetryPolicy {
    RetryPolicy {
        jitter_percent: 0,
        ..RetryPolicy::default()
    }
}

fn chain(classes: &[UpstreamClass], retry: RetryPolicy) -> Arc<Chain> {
    let links = classes.iter().zip(0..).map(|(&class, rank)| Link {
        class,
        rank,
        weight: 1,
    });
    Arc::new(Chain::new(links.collect(), retry).unwrap())
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(seconds: u64) -> Tick {
    Tick(seconds * 1_000_000)
}

/// What a plan does against links that fail as `fails` says: (when in ms, link) of each attempt, and its end.
fn played(
    world: &mut World,
    plan: &mut Plan,
    start: Tick,
    mut fails: impl FnMut(usize, Tick) -> Option<(Failure, Option<Duration>)>,
) -> (Vec<(u64, usize)>, Option<GiveUp>) {
    let mut now = start;
    let mut attempts = Vec::new();
    let mut dice = dice(1);
    for _ in 0..1_000 {
        match plan.next(world, &mut dice, now) {
            Step::Attempt { link, permit, .. } => {
                attempts.push((now.since(start).as_millis() as u64, link));
                let Some((failure, hint)) = fails(link, now) else {
                    world.breakers[link].record(&POLICY, permit, Health::Good, now);
                    return (attempts, None);
                };
                let verdict = plan.failed(link, failure, hint, now);
                world.breakers[link].record(&POLICY, permit, verdict.health, now);
            }
            Step::Wait { until } => {
                assert!(until > now && until < plan.deadline());
                now = until;
            }
            Step::GiveUp(end) => return (attempts, Some(end)),
        }
    }
    panic!("the plan never ends");
}

#[test]
fn a_chain_of_one_link_is_asked_four_times_at_one_two_and_four_seconds() {
    let mut plan = Plan::new(chain(&[MODEL], exact()), at(120));
    let (attempts, end) = played(&mut World::of(1), &mut plan, at(0), |_, _| {
        Some((status(500), None))
    });
    assert_eq!(attempts, [(0, 0), (1000, 0), (3000, 0), (7000, 0)]);
    assert_eq!(
        end,
        Some(GiveUp {
            why: Why::RoundsSpent,
            retry_after: None
        })
    );
    assert_eq!(plan.attempts(), 4);
    assert_eq!(plan.last(), Some((0, status(500))));
}

#[test]
fn jitter_spreads_the_waits_between_four_fifths_and_six_fifths() {
    let mut firsts = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut plan = Plan::new(chain(&[MODEL], RetryPolicy::default()), at(120));
        let (mut world, mut dice) = (World::of(1), dice(seed));
        let Step::Attempt { link, .. } = plan.next(&mut world, &mut dice, at(0)) else {
            panic!("no attempt")
        };
        plan.failed(link, DOWN, None, at(0));
        let Step::Wait { until } = plan.next(&mut world, &mut dice, at(0)) else {
            panic!("no wait")
        };
        assert!((800_000..=1_200_000).contains(&until.0));
        firsts.insert(until);
    }
    assert_eq!(firsts.len(), 50);
}

#[test]
fn a_round_asks_every_link_once_in_order_and_then_waits() {
    let mut plan = Plan::new(chain(&[MODEL; 3], exact()), at(120));
    let (attempts, _) = played(&mut World::of(3), &mut plan, at(0), |_, now| {
        (now < at(3)).then_some((DOWN, None))
    });
    assert_eq!(
        attempts,
        [(0, 0), (0, 1), (0, 2), (1000, 0), (1000, 1), (1000, 2), (3000, 0)]
    );
}

#[test]
fn a_healed_first_link_is_the_first_again() {
    let mut world = World::of(2);
    world.open(0, at(0));
    let mut asked = |now| {
        let mut plan = Plan::new(chain(&[MODEL; 2], exact()), at(500));
        played(&mut world, &mut plan, now, |_, _| None).0
    };
    assert_eq!(asked(at(1)), [(0, 1)], "an open first link costs no attempt");
    assert_eq!(asked(at(30)), [(0, 0)], "a probe");
    assert_eq!(asked(at(31)), [(0, 0)]);
}

#[test]
fn the_callers_own_error_ends_the_request_at_the_first_link() {
    for code in [400, 404, 409, 413, 422] {
        let mut plan = Plan::new(chain(&[MODEL; 2], exact()), at(120));
        let (attempts, end) = played(&mut World::of(2), &mut plan, at(0), |_, _| {
            Some((status(code), None))
        });
        assert_eq!(attempts, [(0, 0)]);
        assert_eq!(end.unwrap().why, Why::Ended);
    }
}

#[test]
fn a_refused_credential_goes_on_to_the_next_link_and_never_comes_back() {
    let mut plan = Plan::new(chain(&[MODEL; 2], exact()), at(120));
    let (attempts, end) = played(&mut World::of(2), &mut plan, at(0), |link, _| {
        Some((if link == 0 { status(401) } else { status(500) }, None))
    });
    assert_eq!(attempts, [(0, 0), (0, 1), (1000, 1), (3000, 1), (7000, 1)]);
    assert_eq!(end.unwrap().why, Why::RoundsSpent);
    let mut plan = Plan::new(chain(&[MODEL], exact()), at(120));
    let (attempts, end) = played(&mut World::of(1), &mut plan, at(0), |_, _| {
        Some((status(403), None))
    });
    assert_eq!((attempts.len(), end.unwrap().why), (1, Why::NoLinkLeft));
}

#[test]
fn an_agent_that_may_have_acted_is_followed_by_models_only() {
    let mut plan = Plan::new(chain(&[AGENT, AGENT, MODEL], exact()), at(120));
    let (attempts, _) = played(&mut World::of(3), &mut plan, at(0), |link, _| {
        (link != 2).then_some((Failure::Reset, None))
    });
    assert_eq!(attempts, [(0, 0), (0, 2)]);
    let mut plan = Plan::new(chain(&[AGENT, AGENT], exact()), at(120));
    let (attempts, end) = played(&mut World::of(2), &mut plan, at(0), |_, _| {
        Some((status(500), None))
    });
    assert_eq!((attempts.len(), end.unwrap().why), (1, Why::NoLinkLeft));
    let mut plan = Plan::new(chain(&[AGENT, AGENT], exact()), at(120));
    let (attempts, _) = played(&mut World::of(2), &mut plan, at(0), |link, _| {
        (link == 0).then_some((DOWN, None))
    });
    assert_eq!(
        attempts,
        [(0, 0), (0, 1)],
        "nothing was sent, so nothing was done"
    );
}

#[test]
fn all_links_open_degrade_at_once_until_the_next_probe() {
    let mut world = World::of(2);
    world.open(0, at(0));
    world.open(1, at(4));
    let mut plan = Plan::new(chain(&[MODEL; 2], exact()), at(500));
    let (attempts, end) = played(&mut world, &mut plan, at(10), |_, _| None);
    assert_eq!(attempts, []);
    assert_eq!(
        end,
        Some(GiveUp {
            why: Why::AllOpen,
            retry_after: Some(s(20))
        })
    );
}

#[test]
fn a_breaker_that_opens_mid_request_ends_it_without_a_further_wait() {
    let mut world = World::of(1);
    let mut run = |now| {
        let mut plan = Plan::new(chain(&[MODEL], exact()), at(500));
        played(&mut world, &mut plan, now, |_, _| Some((status(500), None)))
    };
    assert_eq!(run(at(0)).0.len(), 4);
    let (attempts, end) = run(at(10));
    assert_eq!(attempts, [(0, 0)], "the fifth failure in a row");
    assert_eq!(
        end,
        Some(GiveUp {
            why: Why::AllOpen,
            retry_after: Some(s(30))
        })
    );
}

#[test]
fn a_hint_lengthens_the_wait_and_never_shortens_it() {
    let gaps = |hint| {
        let mut plan = Plan::new(chain(&[MODEL], exact()), at(120));
        played(&mut World::of(1), &mut plan, at(0), |_, now| {
            (now == at(0)).then_some((status(429), Some(hint)))
        })
        .0
    };
    assert_eq!(gaps(s(5)), [(0, 0), (5000, 0)]);
    assert_eq!(gaps(Duration::from_millis(10)), [(0, 0), (1000, 0)]);
}

#[test]
fn callers_who_were_told_the_same_second_do_not_come_back_together() {
    let mut ends = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut plan = Plan::new(chain(&[MODEL], RetryPolicy::default()), at(120));
        let (mut world, mut dice) = (World::of(1), dice(seed));
        plan.next(&mut world, &mut dice, at(0));
        plan.failed(0, status(429), Some(s(5)), at(0));
        let Step::Wait { until } = plan.next(&mut world, &mut dice, at(0)) else {
            panic!("no wait")
        };
        assert!((5_000_000..=5_200_000).contains(&until.0));
        ends.insert(until);
    }
    assert_eq!(ends.len(), 50);
}

#[test]
fn a_link_that_asked_to_be_left_alone_is_passed_over_while_another_is_there() {
    let mut plan = Plan::new(chain(&[MODEL; 2], exact()), at(120));
    let (attempts, _) = played(&mut World::of(2), &mut plan, at(0), |link, _| match link {
        0 => Some((status(429), Some(s(2)))),
        _ => Some((status(500), None)),
    });
    assert_eq!(
        attempts,
        [
            (0, 0),
            (0, 1),
            (1000, 1),
            (3000, 0),
            (3000, 1),
            (7000, 0),
            (7000, 1)
        ]
    );
}

#[test]
fn a_wait_that_would_pass_the_deadline_ends_the_request_at_once() {
    let mut plan = Plan::new(chain(&[MODEL], exact()), at(2));
    let (attempts, end) = played(&mut World::of(1), &mut plan, at(0), |_, _| {
        Some((status(503), None))
    });
    assert_eq!(attempts, [(0, 0), (1000, 0)]);
    assert_eq!(end.unwrap().why, Why::Deadline);
    let mut plan = Plan::new(chain(&[MODEL], exact()), at(60));
    let (attempts, end) = played(&mut World::of(1), &mut plan, at(0), |_, _| {
        Some((status(429), Some(s(90))))
    });
    assert_eq!(attempts.len(), 1);
    assert_eq!(
        end,
        Some(GiveUp {
            why: Why::Deadline,
            retry_after: Some(s(90))
        })
    );
}

#[test]
fn no_attempt_begins_after_the_deadline() {
    let mut plan = Plan::new(chain(&[MODEL; 2], exact()), at(20));
    let mut world = World::of(2);
    let mut dice = dice(1);
    assert!(matches!(
        plan.next(&mut world, &mut dice, at(0)),
        Step::Attempt { .. }
    ));
    plan.failed(0, Failure::FirstByteTimeout, None, at(20));
    let Step::GiveUp(end) = plan.next(&mut world, &mut dice, at(20)) else {
        panic!("it goes on")
    };
    assert_eq!(end.why, Why::Deadline);
    assert_eq!(
        plan.next(&mut world, &mut dice, at(30)),
        Step::GiveUp(end),
        "an end is an end"
    );
}

#[test]
fn one_request_makes_no_more_attempts_than_it_may() {
    let retry = RetryPolicy {
        attempts_max: 5,
        ..exact()
    };
    let mut plan = Plan::new(chain(&[MODEL; 3], retry), at(120));
    let (attempts, end) = played(&mut World::of(3), &mut plan, at(0), |_, _| Some((DOWN, None)));
    assert_eq!((attempts.len(), end.unwrap().why), (5, Why::AttemptsSpent));
}

#[test]
fn a_spent_retry_budget_ends_the_retries_and_not_the_first_attempts() {
    let mut world = World::of(2);
    world.retries_left = 1;
    let mut plan = Plan::new(chain(&[MODEL; 2], exact()), at(120));
    let (attempts, end) = played(&mut world, &mut plan, at(0), |_, _| Some((DOWN, None)));
    assert_eq!(attempts, [(0, 0), (0, 1), (1000, 0)]);
    assert_eq!(end.unwrap().why, Why::OverBudget);
}

#[test]
fn a_chain_has_between_one_and_sixty_four_links() {
    let link = Link {
        class: MODEL,
        rank: 0,
        weight: 0,
    };
    assert_eq!(Chain::new(vec![], exact()), Err(NoChain::Empty));
    assert_eq!(Chain::new(vec![link; 65], exact()), Err(NoChain::TooLong(65)));
    let chain = Arc::new(Chain::new(vec![link; 64], exact()).unwrap());
    let mut plan = Plan::new(chain, at(120));
    let (attempts, _) = played(&mut World::of(64), &mut plan, at(0), |_, _| Some((DOWN, None)));
    assert_eq!(attempts.len(), 16);
}
