//! P4: any interleaving of attempts, answers, losses and time, against a model that keeps the whole history and
//! recounts it each time.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Admit,
    /// One of the permits that are out is answered.
    Record(usize, Health),
    Abandon(usize),
    /// Its holder died: nobody will ever hear of it.
    Lose(usize),
    Pass(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let health = prop_oneof![4 => Just(Health::Bad), 4 => Just(Health::Good), 1 => Just(Health::Silent)];
    let op = prop_oneof![
        8 => Just(Op::Admit),
        8 => (any::<usize>(), health).prop_map(|(which, health)| Op::Record(which, health)),
        1 => any::<usize>().prop_map(Op::Abandon),
        1 => any::<usize>().prop_map(Op::Lose),
        4 => (0_u64..12).prop_map(Op::Pass),
    ];
    prop::collection::vec(op, 1..120)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Closed,
    Open { since: Tick },
    HalfOpen,
}

/// What has happened since the state last changed.
struct Era {
    number: usize,
    kind: Kind,
    heard: Vec<Health>,
    /// The probes that were let through: when, and whether they have reported.
    probes: Vec<(Tick, bool)>,
}

impl Era {
    fn row_of_failures(&self) -> usize {
        let heard = self.heard.iter().rev().filter(|h| **h != Health::Silent);
        heard.take_while(|h| **h == Health::Bad).count()
    }

    fn count(&self, health: Health) -> usize {
        self.heard.iter().filter(|h| **h == health).count()
    }

    fn probe_is_out(&self, policy: &BreakerPolicy, now: Tick) -> bool {
        let out = |(since, done): &(Tick, bool)| !done && now < since.plus(policy.probe_lease);
        self.probes.iter().any(out)
    }

    fn next(&self, kind: Kind) -> Self {
        Self {
            number: self.number + 1,
            kind,
            heard: Vec::new(),
            probes: Vec::new(),
        }
    }
}

/// A permit that is out, the era it was given in, and which probe of it.
struct Out {
    permit: Permit,
    era: usize,
    probe: Option<usize>,
}

proptest! {
    #[test]
    fn the_breaker_does_what_its_history_says(
        ops in ops(),
        failures in 1_u32..5,
        successes in 1_u32..4,
        open_s in 1_u64..20,
        lease_s in 1_u64..20,
    ) {
        let policy = BreakerPolicy {
            failures,
            successes,
            open: Duration::from_secs(open_s),
            probe_lease: Duration::from_secs(lease_s),
        };
        let mut breaker = Breaker::default();
        let mut era = Era { number: 0, kind: Kind::Closed, heard: Vec::new(), probes: Vec::new() };
        let mut out: Vec<Out> = Vec::new();
        let mut now = at(1);
        for op in ops {
            match op {
                Op::Admit => {
                    if let Kind::Open { since } = era.kind && now >= since.plus(policy.open) {
                        era = era.next(Kind::HalfOpen);
                    }
                    let expected = match era.kind {
                        Kind::Closed => true,
                        Kind::Open { .. } => false,
                        Kind::HalfOpen => !era.probe_is_out(&policy, now),
                    };
                    prop_assert_eq!(breaker.would_admit(now).is_ok(), expected);
                    match breaker.admit(&policy, now) {
                        Admit::Yes(permit) => {
                            prop_assert!(expected, "let through in {:?}", era.kind);
                            prop_assert_eq!(permit.is_probe(), era.kind == Kind::HalfOpen);
                            let probe = permit.is_probe().then(|| {
                                era.probes.push((now, false));
                                era.probes.len() - 1
                            });
                            out.push(Out { permit, era: era.number, probe });
                        }
                        Admit::No { next_probe } => {
                            prop_assert!(!expected);
                            prop_assert!(next_probe > now);
                            if let Kind::Open { since } = era.kind {
                                prop_assert_eq!(next_probe, since.plus(policy.open));
                            }
                        }
                    }
                    let leased = era.probes.iter()
                        .filter(|(since, done)| !done && now < since.plus(policy.probe_lease));
                    prop_assert!(leased.count() <= 1, "more than one probe is leased");
                }
                Op::Record(which, health) if !out.is_empty() => {
                    let Out { permit, era: given, probe } = out.swap_remove(which % out.len());
                    let current = given == era.number;
                    if current {
                        era.heard.push(health);
                        if let Some(probe) = probe {
                            era.probes[probe].1 = true;
                        }
                    }
                    let then = match era.kind {
                        _ if !current => None,
                        Kind::Closed if era.row_of_failures() >= failures as usize => {
                            Some(Kind::Open { since: now })
                        }
                        Kind::HalfOpen if era.count(Health::Bad) > 0 => Some(Kind::Open { since: now }),
                        Kind::HalfOpen if era.count(Health::Good) >= successes as usize => Some(Kind::Closed),
                        _ => None,
                    };
                    prop_assert_eq!(breaker.record(&policy, permit, health, now), then.is_some());
                    if let Some(kind) = then {
                        era = era.next(kind);
                    }
                }
                Op::Abandon(which) if !out.is_empty() => {
                    let Out { permit, era: given, probe } = out.swap_remove(which % out.len());
                    if let Some(probe) = probe && given == era.number {
                        era.probes[probe].1 = true;
                    }
                    breaker.abandon(permit);
                }
                Op::Lose(which) if !out.is_empty() => {
                    out.swap_remove(which % out.len());
                }
                Op::Pass(seconds) => now = now.plus(Duration::from_secs(seconds)),
                Op::Record(..) | Op::Abandon(_) | Op::Lose(_) => {}
            }
            let shown = match era.kind {
                Kind::Closed => State::Closed,
                Kind::Open { since } if now < since.plus(policy.open) => {
                    State::Open { until: since.plus(policy.open) }
                }
                Kind::Open { .. } | Kind::HalfOpen => State::HalfOpen,
            };
            prop_assert_eq!(breaker.state(now), shown);
        }
        // Whatever was lost, nothing blocks for ever.
        let later = now.plus(policy.open).plus(policy.probe_lease);
        prop_assert!(breaker.would_admit(later).is_ok());
    }
}
