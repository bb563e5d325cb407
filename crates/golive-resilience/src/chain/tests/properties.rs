//! P3, E4: what holds for every plan, over whatever chain, and however its links fail.

use proptest::prelude::*;

use super::*;

/// How one attempt goes: how it fails, if it does, how long it takes, and for how long the link asks to be left alone.
#[derive(Clone, Debug)]
struct Turn {
    failure: Option<Failure>,
    takes_ms: u64,
    hint_ms: Option<u64>,
}

fn failure() -> impl Strategy<Value = Failure> {
    let named = prop::sample::select(vec![
        Failure::NoPlace,
        Failure::NotExpressible,
        Failure::NotConnected,
        Failure::FirstByteTimeout,
        Failure::Reset,
        Failure::NoCredit,
        Failure::Broken,
        Failure::Blocked { fall_back: true },
        Failure::Blocked { fall_back: false },
        Failure::CallerLeft,
    ]);
    let code = prop::sample::select(vec![400, 401, 404, 408, 429, 500, 502, 503, 529, 302]);
    let status = (code, any::<bool>(), any::<bool>()).prop_map(|(code, hinted, hopeless)| Failure::Status {
        code,
        hinted,
        hopeless,
    });
    prop_oneof![2 => Just(Failure::NotConnected), 2 => Just(super::status(500)), 1 => named, 1 => status]
}

fn turn() -> impl Strategy<Value = Turn> {
    (
        prop::option::weighted(0.95, failure()),
        0_u64..3_000,
        prop::option::weighted(0.2, 0_u64..8_000),
    )
        .prop_map(|(failure, takes_ms, hint_ms)| Turn {
            failure,
            takes_ms,
            hint_ms,
        })
}

fn any_chain() -> impl Strategy<Value = Vec<Link>> {
    let class = prop::sample::select(vec![MODEL, MODEL, AGENT, UpstreamClass::IdempotentAgent]);
    let link = (class, any::<bool>(), 0_u32..4);
    prop::collection::vec(link, 1..6).prop_map(|links| {
        let mut rank = 0;
        let place = |(class, new_rank, weight)| {
            rank += u32::from(new_rank);
            Link { class, rank, weight }
        };
        links.into_iter().map(place).collect()
    })
}

proptest! {
    #[test]
    fn no_plan_breaks_the_rules(
        links in any_chain(),
        turns in prop::collection::vec(turn(), 40),
        opened in any::<u8>(),
        retry_first in any::<bool>(),
        attempts_max in 1_u32..20,
        deadline_s in 1_u64..40,
        retries_left in prop_oneof![4 => Just(u32::MAX), 1 => 0_u32..4],
        seed in any::<u64>(),
    ) {
        let ms = Duration::from_millis;
        let retry = RetryPolicy {
            patience: if retry_first { Patience::RetryFirst } else { Patience::Rotate },
            attempts_max,
            ..RetryPolicy::default()
        };
        let mut world = World::of(links.len());
        world.retries_left = retries_left;
        for link in (0..links.len()).filter(|link| opened & (1 << link) != 0) {
            world.open(link, at(100));
        }
        let deadline = at(100 + deadline_s);
        let mut plan = Plan::new(Arc::new(Chain::new(links.clone(), retry).unwrap()), deadline);
        let (mut now, mut dice) = (at(100), dice(seed));
        let (mut attempts, mut retries, mut waits) = (0_u32, 0_u32, 0_u32);
        let mut asked = vec![0_u32; links.len()];
        // What is forbidden from now on, by the failures so far.
        let mut out = vec![false; links.len()];
        let mut not_before = vec![Tick(0); links.len()];
        let mut in_this_round = vec![false; links.len()];
        let mut since_the_wait = Tick(0);
        let mut ended = false;
        let mut turns = turns.into_iter();
        let end = loop {
            match plan.next(&mut world, &mut dice, now) {
                Step::Attempt { link, permit, again } => {
                    prop_assert!(!ended && !out[link], "asked after its end");
                    prop_assert!(now < deadline && now >= not_before[link]);
                    prop_assert!(!in_this_round[link], "asked twice without a wait between");
                    prop_assert_eq!(again, asked[link] > 0);
                    // Every link of a better rank is open, out, held off, or was asked in this round.
                    if !retry_first {
                        for better in (0..links.len()).filter(|&b| links[b].rank < links[link].rank) {
                            let passed_over = out[better]
                                || in_this_round[better]
                                || not_before[better] > now
                                || world.would_admit(better, now).is_err()
                                || world.retries_left == 0;
                            prop_assert!(passed_over, "link {better} was skipped for {link}");
                        }
                    }
                    attempts += 1;
                    retries += u32::from(again);
                    asked[link] += 1;
                    in_this_round[link] = true;
                    prop_assert!(attempts <= attempts_max && asked[link] <= 4);
                    prop_assert!(retries <= retries_left);
                    // More failures than are drawn cannot happen: attempts are bounded below that.
                    let turn = turns.next().unwrap();
                    now = now.plus(ms(turn.takes_ms));
                    let Some(failure) = turn.failure else {
                        world.breakers[link].record(&POLICY, permit, Health::Good, now);
                        break None;
                    };
                    let verdict = plan.failed(link, failure, turn.hint_ms.map(ms), now);
                    prop_assert_eq!(verdict, failure.verdict(links[link].class));
                    world.breakers[link].record(&POLICY, permit, verdict.health, now);
                    if let Some(hint) = turn.hint_ms {
                        not_before[link] = now.plus(ms(hint));
                    }
                    match verdict.next {
                        Next::Retry => {}
                        Next::Rotate => out[link] = true,
                        Next::RotateToModels => {
                            out[link] = true;
                            for (other, of) in links.iter().enumerate() {
                                out[other] |= of.class != MODEL;
                            }
                        }
                        Next::End => ended = true,
                    }
                }
                Step::Wait { until } => {
                    prop_assert!(until < deadline && !ended);
                    prop_assert!(until >= now.plus(ms(800)), "a wait is no shorter than its backoff allows");
                    prop_assert!(since_the_wait < now || waits == 0 || attempts == 0);
                    prop_assert_eq!(
                        plan.next(&mut world, &mut dice, Tick(until.0 - 1)),
                        Step::Wait { until },
                        "asking early changes nothing"
                    );
                    waits += 1;
                    in_this_round.fill(false);
                    now = until;
                    since_the_wait = until;
                }
                Step::GiveUp(end) => break Some(end),
            }
        };
        let rounds = if retry_first { 3 * u32::try_from(links.len()).unwrap() } else { 3 };
        prop_assert!(waits <= rounds, "{waits} waits");
        prop_assert_eq!(plan.attempts(), attempts);
        let Some(end) = end else { return Ok(()) };
        let left: Vec<usize> = (0..links.len()).filter(|&link| !out[link]).collect();
        match end.why {
            Why::Ended => prop_assert!(ended),
            Why::NoLinkLeft => prop_assert!(left.is_empty() && !ended),
            Why::AllOpen => {
                prop_assert!(!left.is_empty());
                prop_assert!(left.iter().all(|&link| world.would_admit(link, now).is_err()));
                prop_assert!(end.retry_after.is_some());
            }
            Why::AttemptsSpent => prop_assert_eq!(attempts, attempts_max),
            Why::OverBudget => prop_assert_eq!(world.retries_left, 0),
            Why::RoundsSpent => prop_assert!(!left.is_empty() && (waits == 3 || retry_first)),
            // No wait that is still due would have ended in time: 4.8 s is the longest, after the last hint.
            Why::Deadline => {
                let due = left.iter().map(|&link| not_before[link]).max().unwrap_or_default().max(now);
                prop_assert!(due.plus(ms(4_800)).plus(ms(800)) >= deadline);
            }
        }
        // Asked again, it says the same.
        prop_assert_eq!(plan.next(&mut world, &mut dice, now.plus(ms(1))), Step::GiveUp(end));
    }
}
