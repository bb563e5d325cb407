//! P3, P4, E4, E5: links that fail and heal as the dice say, and a driver that does what the machines tell it, on a
//! clock that jumps from event to event. It knows no policy: what it asserts is what an upstream or a caller would see.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use golive_resilience::Tick;
use golive_resilience::backoff::RetryPolicy;
use golive_resilience::breaker::{Admit, Breaker, BreakerPolicy, Permit, State};
use golive_resilience::chain::{Chain, GiveUp, Leave, Link, Links, Load, Plan, Step};
use golive_resilience::concurrency::{Adaptive, Limit, LimitPolicy, Sign};
use golive_resilience::failure::{Failure, Health, UpstreamClass};
use golive_resilience::latency::Latency;
use golive_resilience::queue::{Called, Offer, Offered, Place, Priority, Queue, QueuePolicy, Ticket};
use golive_resilience::retry_budget::{RetryBudget, RetryBudgetPolicy, WINDOW};

pub const FIRST_BYTE: Duration = Duration::from_secs(30);
pub const REQUEST: Duration = Duration::from_secs(60);
const ARRIVALS_FROM: Tick = Tick(1_000_000_000);

/// How a link behaves for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    Refusing,
    Failing,
    Hanging,
    Limited,
    /// Every other answer is an error.
    Flapping,
}

const MOODS: [Mood; 6] = [
    Mood::Well,
    Mood::Refusing,
    Mood::Failing,
    Mood::Hanging,
    Mood::Limited,
    Mood::Flapping,
];

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Answered {
        link: usize,
    },
    GaveUp(GiveUp),
    Refused,
    Displaced,
    TimedOutInQueue,
    CallerLeft,
    /// The task that served it died.
    Lost,
}

#[derive(Debug)]
enum Stage {
    Queued(Ticket),
    Calling {
        attempt: u64,
        link: usize,
        permit: Permit,
        place: Place,
        since: Tick,
    },
    Waiting,
    Over,
}

pub struct Request {
    principal: u64,
    priority: Priority,
    plan: Plan,
    stage: Stage,
    pub arrived: Tick,
    pub end: Option<(Tick, End)>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrives(usize),
    Wakes(usize),
    /// The attempt of that number is over, with a failure or (none) well.
    Done(usize, u64),
    Leaves(usize),
    QueueDeadline,
}

struct Gate {
    breaker: Breaker,
    budget: RetryBudget,
    latency: Latency,
    in_flight: u32,
    mood: Mood,
    mood_until: Tick,
    calls: u64,
    /// Probes that are out, by when they were let through.
    probes: HashMap<u64, Tick>,
    firsts: Vec<Tick>,
    retries: Vec<Tick>,
}

/// The links, as all requests share them.
struct Gates {
    gates: Vec<Gate>,
    breaker: BreakerPolicy,
    budget: RetryBudgetPolicy,
}

impl Links for Gates {
    type Permit = Permit;

    fn admit(&mut self, link: usize, again: bool, now: Tick) -> Leave<Permit> {
        let gate = &mut self.gates[link];
        let state = gate.breaker.state(now);
        match gate.breaker.admit(&self.breaker, now) {
            Admit::No { next_probe } => Leave::Open { next_probe },
            Admit::Yes(permit) => {
                assert!(!matches!(state, State::Open { .. }), "let through while open");
                if !again {
                    gate.budget.first(now);
                    gate.firsts.push(now);
                } else if gate.budget.retry(&self.budget, now) {
                    gate.retries.push(now);
                } else {
                    gate.breaker.abandon(permit);
                    return Leave::OverBudget;
                }
                Leave::Yes(permit)
            }
        }
    }

    fn would_admit(&self, link: usize, now: Tick) -> Result<(), Tick> {
        self.gates[link].breaker.would_admit(now)
    }

    fn load(&self, link: usize) -> Load {
        let gate = &self.gates[link];
        Load {
            latency: gate.latency.mean().unwrap_or_default(),
            in_flight: gate.in_flight,
        }
    }
}

pub struct World {
    pub now: Tick,
    events: BinaryHeap<Reverse<(Tick, u64, Event)>>,
    sequence: u64,
    seed: u64,
    gates: Gates,
    queue: Queue,
    limit: Limit,
    tickets: HashMap<Ticket, usize>,
    /// The deadline of the queue that an event is scheduled for.
    armed: Option<Tick>,
    chain: Arc<Chain>,
    pub requests: Vec<Request>,
    /// From then on every link is well.
    heal_at: Tick,
    pub started: u64,
}

impl World {
    /// A chain of `links`, the first two of them equals; `requests` arrive, about ten a second.
    pub fn new(seed: u64, links: usize, requests: usize, queue: QueuePolicy) -> Self {
        let link = |n: usize| Link {
            class: UpstreamClass::Model,
            rank: u32::try_from(n.max(1)).unwrap(),
            weight: 1,
        };
        let chain = Chain::new((0..links).map(link).collect(), RetryPolicy::default()).unwrap();
        let limit = Limit::new(LimitPolicy::Adaptive(Adaptive {
            min: 4,
            max: 60,
            start: 30,
            latency_max: None,
        }));
        let gate = |_| Gate {
            breaker: Breaker::default(),
            budget: RetryBudget::default(),
            latency: Latency::default(),
            in_flight: 0,
            mood: Mood::Well,
            mood_until: ARRIVALS_FROM,
            calls: 0,
            probes: HashMap::new(),
            firsts: Vec::new(),
            retries: Vec::new(),
        };
        let mut world = Self {
            now: ARRIVALS_FROM,
            events: BinaryHeap::new(),
            sequence: 0,
            seed,
            gates: Gates {
                gates: (0..links).map(gate).collect(),
                breaker: BreakerPolicy::default(),
                budget: RetryBudgetPolicy::default(),
            },
            queue: Queue::new(queue, limit.now()),
            limit,
            tickets: HashMap::new(),
            armed: None,
            chain: Arc::new(chain),
            requests: Vec::new(),
            heal_at: ARRIVALS_FROM,
            started: 0,
        };
        let mut at = ARRIVALS_FROM;
        for n in 0..requests {
            at = at.plus(Duration::from_micros(world.below(200_000)));
            let priority = Priority::new(u8::try_from(world.below(3) * 3 + 2).unwrap()).unwrap();
            let principal = world.below(6);
            world.requests.push(Request {
                principal,
                priority,
                plan: Plan::new(Arc::clone(&world.chain), at.plus(REQUEST)),
                stage: Stage::Waiting,
                arrived: at,
                end: None,
            });
            world.schedule(at, Event::Arrives(n));
            if world.below(20) == 0 {
                let patience = Duration::from_millis(world.below(20_000));
                world.schedule(at.plus(patience), Event::Leaves(n));
            }
        }
        world.heal_at = world.requests[requests / 2].arrived;
        world
    }

    /// Plays everything to its end.
    pub fn run(&mut self) {
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            self.now = at;
            match event {
                Event::Arrives(n) | Event::Wakes(n) if matches!(self.requests[n].stage, Stage::Waiting) => {
                    self.ask_for_a_place(n);
                }
                Event::Done(n, attempt) => self.done(n, attempt),
                Event::Leaves(n) => self.leave(n),
                Event::QueueDeadline | Event::Arrives(_) | Event::Wakes(_) => {}
            }
            self.drain();
            let gauges = self.queue.gauges(self.now);
            assert_eq!(gauges.length as usize, self.tickets.len());
        }
        let gauges = self.queue.gauges(self.now);
        assert_eq!(
            (gauges.length, gauges.in_flight),
            (0, 0),
            "places or waiters were lost"
        );
        assert!(self.gates.gates.iter().all(|gate| gate.in_flight == 0));
    }

    /// In no window had an upstream more retries than its budget allows.
    pub fn check_retry_budgets(&self) {
        for gate in &self.gates.gates {
            for (n, end) in gate.retries.iter().enumerate() {
                let since = |times: &[Tick], span: Duration| {
                    times
                        .iter()
                        .filter(|t| **t <= *end && end.since(**t) < span)
                        .count()
                };
                let retries = since(&gate.retries[..=n], WINDOW);
                let firsts = since(&gate.firsts, WINDOW + Duration::from_secs(1));
                assert!(
                    retries <= 100 + firsts / 5,
                    "{retries} retries for {firsts} first attempts"
                );
            }
        }
    }

    /// The first links, which are asked whenever they may be, are in service.
    pub fn first_links_are_closed(&self) -> bool {
        let first = &self.gates.gates[..2];
        first
            .iter()
            .all(|gate| gate.breaker.state(self.now) == State::Closed)
    }

    pub fn retries(&self) -> usize {
        self.gates.gates.iter().map(|gate| gate.retries.len()).sum()
    }

    pub fn heal_at(&self) -> Tick {
        self.heal_at
    }

    fn ask_for_a_place(&mut self, n: usize) {
        let request = &self.requests[n];
        self.started += 1;
        let ticket = Ticket(self.started);
        let offer = Offer {
            ticket,
            priority: request.priority,
            principal: request.principal,
            deadline: request.plan.deadline(),
            needs: Duration::ZERO,
        };
        match self.queue.offer(offer, self.now) {
            Offered::Admitted(place) => self.go_on(n, place),
            Offered::Queued { displaced } => {
                if let Some(victim) = displaced {
                    let victim = self.tickets.remove(&victim).expect("a victim waits");
                    self.finish(victim, End::Displaced);
                }
                self.tickets.insert(ticket, n);
                self.requests[n].stage = Stage::Queued(ticket);
            }
            Offered::Refused { .. } => self.finish(n, End::Refused),
        }
    }

    /// The request has a place: does what its plan says.
    fn go_on(&mut self, n: usize, place: Place) {
        let now = self.now;
        let mut seed = self.seed;
        let mut dice = || roll(&mut seed);
        let step = self.requests[n].plan.next(&mut self.gates, &mut dice, now);
        self.seed = seed;
        match step {
            Step::Attempt { link, permit, .. } => self.call(n, link, permit, place),
            Step::Wait { until } => {
                self.queue.release(place, now);
                self.requests[n].stage = Stage::Waiting;
                self.schedule(until, Event::Wakes(n));
            }
            Step::GiveUp(end) => {
                self.queue.release(place, now);
                self.finish(n, End::GaveUp(end));
            }
        }
    }

    fn call(&mut self, n: usize, link: usize, permit: Permit, place: Place) {
        let (now, lease) = (self.now, self.gates.breaker.probe_lease);
        self.started += 1;
        let attempt = self.started;
        self.change_mood(link);
        let jitter = Duration::from_millis(self.below(400));
        let left = self.requests[n].plan.deadline().since(now);
        let gate = &mut self.gates.gates[link];
        gate.calls += 1;
        gate.in_flight += 1;
        if permit.is_probe() {
            let out = gate.probes.values().filter(|since| now.since(**since) < lease);
            assert_eq!(out.count(), 0, "a second probe while one is out");
            gate.probes.insert(attempt, now);
        }
        let takes = match gate.mood {
            Mood::Well | Mood::Flapping => Duration::from_millis(300) + jitter,
            Mood::Refusing | Mood::Limited => Duration::from_millis(1),
            Mood::Failing => jitter,
            Mood::Hanging => FIRST_BYTE,
        };
        self.requests[n].stage = Stage::Calling {
            attempt,
            link,
            permit,
            place,
            since: now,
        };
        self.schedule(now.plus(takes.min(left)), Event::Done(n, attempt));
    }

    fn done(&mut self, n: usize, number: u64) {
        let stage = std::mem::replace(&mut self.requests[n].stage, Stage::Over);
        let Stage::Calling {
            attempt,
            link,
            permit,
            place,
            since,
        } = stage
        else {
            self.requests[n].stage = stage;
            return;
        };
        if attempt != number {
            self.requests[n].stage = Stage::Calling {
                attempt,
                link,
                permit,
                place,
                since,
            };
            return;
        }
        let (now, hint) = (self.now, Duration::from_secs(self.below(6)));
        let gate = &mut self.gates.gates[link];
        let status = |code, hinted| Failure::Status {
            code,
            hinted,
            hopeless: false,
        };
        let (failure, hint) = match gate.mood {
            _ if now.since(since) >= FIRST_BYTE => (Some(Failure::FirstByteTimeout), None),
            _ if now >= self.requests[n].plan.deadline() => (Some(Failure::TotalTimeout), None),
            Mood::Well | Mood::Hanging => (None, None),
            Mood::Flapping if gate.calls.is_multiple_of(2) => (None, None),
            Mood::Refusing => (Some(Failure::NotConnected), None),
            Mood::Failing | Mood::Flapping => (Some(status(500, false)), None),
            Mood::Limited => (Some(status(429, true)), Some(hint)),
        };
        gate.in_flight -= 1;
        let in_flight = self.queue.gauges(now).in_flight;
        if now < self.heal_at && self.below(20) == 0 {
            // The task died: nobody tells the breaker, and whoever held the place gives it back.
            self.queue.release(place, now);
            return self.finish(n, End::Lost);
        }
        let gate = &mut self.gates.gates[link];
        gate.probes.remove(&attempt);
        let Some(failure) = failure else {
            gate.latency.observe(now.since(since));
            gate.breaker
                .record(&self.gates.breaker, permit, Health::Good, now);
            self.limit
                .finished(Sign::Answered(now.since(since)), since, in_flight, now);
            self.queue.release(place, now);
            return self.finish(n, End::Answered { link });
        };
        let verdict = self.requests[n].plan.failed(link, failure, hint, now);
        let gate = &mut self.gates.gates[link];
        gate.breaker
            .record(&self.gates.breaker, permit, verdict.health, now);
        self.limit.finished(Sign::of(failure), since, in_flight, now);
        self.go_on(n, place);
    }

    /// The caller goes away, whatever the request is doing.
    fn leave(&mut self, n: usize) {
        match std::mem::replace(&mut self.requests[n].stage, Stage::Over) {
            Stage::Queued(ticket) => {
                assert!(self.queue.leave(ticket));
                self.tickets.remove(&ticket);
            }
            Stage::Calling {
                attempt,
                link,
                permit,
                place,
                ..
            } => {
                let gate = &mut self.gates.gates[link];
                gate.in_flight -= 1;
                gate.probes.remove(&attempt);
                gate.breaker.abandon(permit);
                self.queue.release(place, self.now);
            }
            Stage::Waiting => {}
            Stage::Over => return,
        }
        self.finish(n, End::CallerLeft);
    }

    /// Wakes whoever the queue calls.
    fn drain(&mut self) {
        self.queue.set_limit(self.limit.now());
        while let Some(called) = self.queue.next(self.now) {
            match called {
                Called::Start(ticket, place) => {
                    let n = self.tickets.remove(&ticket).expect("who is called waits");
                    self.go_on(n, place);
                }
                Called::TimedOut(ticket) => {
                    let n = self.tickets.remove(&ticket).expect("who is called waits");
                    self.finish(n, End::TimedOutInQueue);
                }
            }
        }
        let next = self.queue.next_deadline();
        if next != self.armed {
            self.armed = next;
            if let Some(deadline) = next {
                self.schedule(deadline, Event::QueueDeadline);
            }
        }
    }

    fn finish(&mut self, n: usize, end: End) {
        let request = &mut self.requests[n];
        request.stage = Stage::Over;
        let before = request.end.replace((self.now, end));
        assert_eq!(before, None, "request {n} ended twice");
    }

    fn change_mood(&mut self, link: usize) {
        let now = self.now;
        if now >= self.heal_at {
            self.gates.gates[link].mood = Mood::Well;
        } else if now >= self.gates.gates[link].mood_until {
            let mood = MOODS[usize::try_from(self.below(6)).unwrap()];
            let lasts = Duration::from_secs(1 + self.below(25));
            let gate = &mut self.gates.gates[link];
            (gate.mood, gate.mood_until) = (mood, now.plus(lasts));
        }
    }

    fn schedule(&mut self, at: Tick, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((at, self.sequence, event)));
    }

    fn below(&mut self, bound: u64) -> u64 {
        roll(&mut self.seed) % bound
    }
}

/// `SplitMix64`.
fn roll(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
