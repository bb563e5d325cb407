//! P3, P4, E4, E5: what the resilience stages cost a request when nothing fails: each machine alone, behind the mutex that
//! a gateway puts around it, and all of them as one request meets them.

use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use golive_resilience::Tick;
use golive_resilience::backoff::RetryPolicy;
use golive_resilience::breaker::{Admit, Breaker, BreakerPolicy, Permit};
use golive_resilience::chain::{Chain, Leave, Link, Links, Load, Plan, Step};
use golive_resilience::concurrency::{Adaptive, Limit, LimitPolicy, Sign};
use golive_resilience::failure::{Failure, Health, UpstreamClass};
use golive_resilience::latency::Latency;
use golive_resilience::queue::{Called, Offer, Offered, Priority, Queue, QueuePolicy, Ticket};
use golive_resilience::retry_budget::{RetryBudget, RetryBudgetPolicy};

const NOW: Tick = Tick(1_795_658_400_000_000);
const LATER: Tick = Tick(NOW.0 + 800_000);
const BREAKER: BreakerPolicy = BreakerPolicy {
    failures: 5,
    open: Duration::from_secs(30),
    successes: 3,
    probe_lease: Duration::from_secs(35),
};
const BUDGET: RetryBudgetPolicy = RetryBudgetPolicy {
    floor_per_second: 10,
    share_percent: 20,
};

/// The links as a gateway shares them: each machine behind a mutex of its own.
struct Shared {
    breakers: Vec<Mutex<Breaker>>,
    budget: Mutex<RetryBudget>,
    latency: Mutex<Latency>,
}

impl Shared {
    fn of(links: usize) -> Self {
        Self {
            breakers: (0..links).map(|_| Mutex::default()).collect(),
            budget: Mutex::default(),
            latency: Mutex::default(),
        }
    }

    fn record(&self, link: usize, permit: Permit, health: Health) {
        locked(&self.breakers[link]).record(&BREAKER, permit, health, LATER);
    }
}

impl Links for &Shared {
    type Permit = Permit;

    fn admit(&mut self, link: usize, again: bool, now: Tick) -> Leave<Permit> {
        // In a statement of its own, so that the lock is free again before anything else is asked.
        let admitted = locked(&self.breakers[link]).admit(&BREAKER, now);
        match admitted {
            Admit::No { next_probe } => Leave::Open { next_probe },
            Admit::Yes(permit) => {
                let mut budget = locked(&self.budget);
                if !again {
                    budget.first(now);
                } else if !budget.retry(&BUDGET, now) {
                    locked(&self.breakers[link]).abandon(permit);
                    return Leave::OverBudget;
                }
                Leave::Yes(permit)
            }
        }
    }

    fn would_admit(&self, link: usize, now: Tick) -> Result<(), Tick> {
        locked(&self.breakers[link]).would_admit(now)
    }

    fn load(&self, _link: usize) -> Load {
        Load {
            latency: locked(&self.latency).mean().unwrap_or_default(),
            in_flight: 3,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn chain(links: u32, equal: bool) -> Arc<Chain> {
    let link = |n| Link {
        class: UpstreamClass::Model,
        rank: if equal { 0 } else { n },
        weight: 1,
    };
    Arc::new(Chain::new((0..links).map(link).collect(), RetryPolicy::default()).unwrap())
}

fn offer(ticket: u64, principal: u64) -> Offer {
    Offer {
        ticket: Ticket(ticket),
        priority: Priority::NORMAL,
        principal,
        deadline: NOW.plus(Duration::from_secs(86_400)),
        needs: Duration::from_millis(800),
    }
}

/// Dice that cost what a gateway's would.
fn dice(seed: &mut u64) -> impl FnMut() -> u64 {
    move || {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *seed
    }
}

fn nothing_fails(c: &mut Criterion) {
    let mut seed = 1;

    let mut breaker = Breaker::default();
    c.bench_function("closed/breaker", |b| {
        b.iter(|| {
            let Admit::Yes(permit) = breaker.admit(&BREAKER, black_box(NOW)) else {
                panic!("it is closed")
            };
            breaker.record(&BREAKER, permit, Health::Good, LATER)
        });
    });

    let mut queue = Queue::new(QueuePolicy::default(), 512);
    c.bench_function("closed/queue", |b| {
        b.iter(|| {
            let Offered::Admitted(place) = queue.offer(black_box(offer(1, 7)), NOW) else {
                panic!("there is room")
            };
            queue.release(place, LATER);
            queue.next(LATER)
        });
    });

    let mut budget = RetryBudget::default();
    c.bench_function("closed/retry_budget", |b| b.iter(|| budget.first(black_box(NOW))));

    for (name, chain) in [
        ("plan_of_3", chain(3, false)),
        ("plan_of_3_equals", chain(3, true)),
    ] {
        let shared = Shared::of(3);
        c.bench_function(&format!("closed/{name}"), |b| {
            b.iter(|| {
                let mut plan = Plan::new(Arc::clone(&chain), NOW.plus(Duration::from_secs(120)));
                match plan.next(&mut &shared, &mut dice(&mut seed), black_box(NOW)) {
                    Step::Attempt { link, permit, .. } => shared.record(link, permit, Health::Good),
                    other => panic!("{other:?}"),
                }
            });
        });
    }

    let chain = chain(3, false);
    let shared = Shared::of(3);
    let queues = [
        Mutex::new(Queue::new(QueuePolicy::default(), 512)),
        Mutex::new(Queue::new(QueuePolicy::default(), 512)),
    ];
    let limit = Mutex::new(Limit::new(LimitPolicy::Adaptive(Adaptive {
        min: 8,
        max: 512,
        start: 512,
        latency_max: None,
    })));
    // One request: a place at the agent and at the upstream, the plan, the breaker, the budget, latency and limit.
    c.bench_function("closed/whole_request", |b| {
        b.iter(|| {
            let places = [0, 1].map(|n| match locked(&queues[n]).offer(black_box(offer(1, 7)), NOW) {
                Offered::Admitted(place) => place,
                other => panic!("{other:?}"),
            });
            let mut plan = Plan::new(Arc::clone(&chain), NOW.plus(Duration::from_secs(120)));
            let Step::Attempt { link, permit, .. } = plan.next(&mut &shared, &mut dice(&mut seed), NOW)
            else {
                panic!("all is well")
            };
            shared.record(link, permit, Health::Good);
            locked(&shared.latency).observe(LATER.since(NOW));
            let sign = Sign::Answered(LATER.since(NOW));
            locked(&limit).finished(sign, NOW, 1, LATER);
            for (queue, place) in queues.iter().zip(places) {
                let mut queue = locked(queue);
                queue.release(place, LATER);
                assert!(queue.next(LATER).is_none());
            }
        });
    });
}

fn trouble(c: &mut Criterion) {
    let mut seed = 1;

    let shared = Shared::of(2);
    for _ in 0..BREAKER.failures {
        let admitted = locked(&shared.breakers[0]).admit(&BREAKER, NOW);
        if let Admit::Yes(permit) = admitted {
            shared.record(0, permit, Health::Bad);
        }
    }
    let chain_of_2 = chain(2, false);
    c.bench_function("trouble/first_link_open", |b| {
        b.iter(|| {
            let mut plan = Plan::new(Arc::clone(&chain_of_2), NOW.plus(Duration::from_secs(120)));
            match plan.next(&mut &shared, &mut dice(&mut seed), black_box(NOW)) {
                Step::Attempt { link: 1, permit, .. } => shared.record(1, permit, Health::Good),
                other => panic!("{other:?}"),
            }
        });
    });

    let one = chain(1, false);
    c.bench_function("trouble/four_attempts_and_three_waits", |b| {
        b.iter(|| {
            let shared = Shared::of(1);
            let mut plan = Plan::new(Arc::clone(&one), NOW.plus(Duration::from_secs(120)));
            let mut now = NOW;
            loop {
                match plan.next(&mut &shared, &mut dice(&mut seed), now) {
                    Step::Attempt { link, permit, .. } => {
                        let verdict = plan.failed(link, Failure::NotConnected, None, now);
                        shared.record(link, permit, verdict.health);
                    }
                    Step::Wait { until } => now = until,
                    Step::GiveUp(end) => return end,
                }
            }
        });
    });

    // A queue that stays full of a hundred principals: each turn one is started and one joins.
    for length in [100_u64, 1_000, 10_000] {
        let policy = QueuePolicy {
            length: u32::try_from(length).unwrap(),
            wait: Duration::from_secs(86_400),
            ..QueuePolicy::default()
        };
        let mut queue = Queue::new(policy, 1);
        let Offered::Admitted(place) = queue.offer(offer(0, 0), NOW) else {
            panic!("there is room")
        };
        let mut place = Some(place);
        for ticket in 1..=length {
            assert!(matches!(
                queue.offer(offer(ticket, ticket % 100), NOW),
                Offered::Queued { .. }
            ));
        }
        let mut ticket = length;
        c.bench_function(&format!("trouble/turn_in_a_queue_of_{length}"), |b| {
            b.iter(|| {
                if let Some(place) = place.take() {
                    queue.release(place, NOW);
                }
                let Some(Called::Start(_, next)) = queue.next(NOW) else {
                    panic!("someone waits")
                };
                place = Some(next);
                ticket += 1;
                let joined = queue.offer(offer(ticket, ticket % 100), NOW);
                assert!(matches!(joined, Offered::Queued { .. }));
            });
        });
    }
}

criterion_group!(benches, nothing_fails, trouble);
criterion_main!(benches);
