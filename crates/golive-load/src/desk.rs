//! P1: the state of a load run: which stage it is in, which request is due, who waits for a place, when to stop.
//!
//! Never: sleeps, sends or reads a clock. `now` is handed in; [`crate::driver`] does what it says.

use std::collections::VecDeque;
use std::time::Duration;

use crate::abort::{Cause, Watch};
use crate::arrivals::Schedule;
use crate::driver::{Ended, Event, Finished};
use crate::plan::{Plan, Role};
use crate::report::RunReport;
use crate::tally::Tally;
use crate::warm_up::Warming;

/// Leave to send one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    pub(crate) number: u64,
    pub(crate) stage: usize,
    pub(crate) class: usize,
    /// Belongs to the measured part.
    pub(crate) held: bool,
    pub(crate) intended: Duration,
}

/// Reads the processor time used; only asked at the ends of a stage.
pub(crate) type Busy<'a> = &'a (dyn Fn() -> Option<Duration> + Sync);

pub(crate) struct Desk<'a> {
    plan: &'a Plan,
    schedule: Schedule,
    stage: usize,
    part: Part,
    tallies: Vec<Tally>,
    /// Due, but no place was free. At most [`BACKLOG`].
    backlog: VecDeque<Ticket>,
    watch: Watch,
    number: u64,
    sent: u64,
    ended: Option<Ended>,
}

/// Most requests waiting for a place, about 3 MiB. `latest_start` empties it long before at any rate below
/// 65,000 a second; beyond, the oldest are given up early and counted like the others.
const BACKLOG: usize = 65_536;

enum Part {
    Warming(Warming),
    Holding { end: Duration },
}

impl<'a> Desk<'a> {
    /// The plan must have passed [`Plan::check`].
    pub(crate) fn new(
        plan: &'a Plan,
        now: Duration,
        busy: Busy<'_>,
        hook: &mut dyn FnMut(Event<'_>),
    ) -> Self {
        let mut desk = Self {
            plan,
            schedule: Schedule::new(plan.pattern, plan.seed, now, plan.stages[0].rate_per_s),
            stage: 0,
            part: Part::Holding { end: now },
            tallies: Vec::with_capacity(plan.stages.len()),
            backlog: VecDeque::new(),
            watch: Watch::new(plan.abort.clone(), now),
            number: 0,
            sent: 0,
            ended: None,
        };
        desk.begin(0, now, now, busy, hook);
        desk
    }

    /// The next request to send, if one is due `now` and `free` places are free. Ask until there is none.
    pub(crate) fn next(
        &mut self,
        now: Duration,
        free: usize,
        class_of: impl Fn(u64) -> usize,
        busy: Busy<'_>,
        hook: &mut dyn FnMut(Event<'_>),
    ) -> Option<Ticket> {
        if let Some(cause) = self.watch.tick(now) {
            self.abort(cause, now, busy, hook);
        }
        loop {
            self.expire(now);
            if free > 0
                && let Some(ticket) = self.backlog.pop_front()
            {
                return Some(self.start(ticket));
            }
            if self.ended.is_some() {
                return None;
            }
            if self.turn(now, busy, hook) {
                continue;
            }
            if self.schedule.next() > now {
                return None;
            }
            let ticket = self.arrive(&class_of);
            if free > 0 {
                return Some(self.start(ticket));
            }
            self.backlog.push_back(ticket);
            if self.backlog.len() > BACKLOG
                && let Some(oldest) = self.backlog.pop_front()
            {
                self.give_up(oldest, now);
            }
        }
    }

    /// When to ask again if nothing finishes before. `None`: nothing more will be due.
    pub(crate) fn wake(&self) -> Option<Duration> {
        if self.ended.is_some() {
            return None;
        }
        let next = self.schedule.next();
        Some(match self.part {
            Part::Holding { end } if self.enough() => next.min(end),
            _ => next,
        })
    }

    /// A request finished.
    pub(crate) fn finished(&mut self, done: &Finished, busy: Busy<'_>, hook: &mut dyn FnMut(Event<'_>)) {
        if done.held {
            self.tallies[done.stage].finished(done);
        }
        if let Part::Warming(warming) = &mut self.part
            && done.stage == self.stage
            && done.reply.failure.is_none()
        {
            warming.finished(done.latency(), done.finished);
        }
        let timed_out = done.reply.failure == Some(crate::Failure::Timeout);
        let latency = (!timed_out).then(|| done.latency());
        let cause = self
            .watch
            .finished(done.class, done.reply.failure.is_some(), latency, done.finished);
        if let Some(cause) = cause {
            self.abort(cause, done.finished, busy, hook);
        }
    }

    /// Ends the run from outside. What is in flight counts as interrupted.
    pub(crate) fn stop(&mut self, why: Ended) {
        self.ended.get_or_insert(why);
        self.backlog.clear();
    }

    /// Someone waits for a place.
    pub(crate) fn waiting(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Nothing more to send, and the run should not wait for what is in flight.
    pub(crate) fn cut_short(&self) -> bool {
        matches!(
            self.ended,
            Some(Ended::Aborted { .. } | Ended::Cancelled | Ended::TargetLost)
        )
    }

    pub(crate) fn report(mut self, now: Duration) -> RunReport {
        // Whoever still waits for a place when nothing is in flight any more was never sent.
        while let Some(ticket) = self.backlog.pop_front() {
            self.give_up(ticket, now);
        }
        let rules = &self.plan.validity;
        RunReport {
            seed: self.plan.seed,
            ended: self.ended.unwrap_or(Ended::Completed),
            sent: self.sent,
            took_us: u64::try_from(now.as_micros()).unwrap_or(u64::MAX),
            stages: (self.tallies.into_iter().zip(&self.plan.stages))
                .filter(|(tally, _)| tally.began)
                .map(|(tally, stage)| tally.report(stage, rules, now))
                .collect(),
        }
    }

    fn arrive(&mut self, class_of: &impl Fn(u64) -> usize) -> Ticket {
        let intended = self.schedule.take();
        let number = self.number;
        self.number += 1;
        let held = matches!(self.part, Part::Holding { .. });
        let tally = &mut self.tallies[self.stage];
        if held {
            tally.intended += 1;
        } else {
            tally.warm_up_requests += 1;
        }
        // A stage that runs on for its samples ends with the last one it needed.
        if let Part::Holding { end } = &mut self.part
            && tally.intended == self.plan.stages[self.stage].min_samples
        {
            *end = (*end).max(intended);
        }
        Ticket {
            number,
            stage: self.stage,
            class: class_of(number),
            held,
            intended,
        }
    }

    fn start(&mut self, ticket: Ticket) -> Ticket {
        self.sent += 1;
        if ticket.held {
            let tally = &mut self.tallies[ticket.stage];
            tally.sent += 1;
            tally.open += 1;
        }
        if self.plan.budget.is_some_and(|budget| self.sent >= budget) {
            self.stop(Ended::Budget);
        }
        ticket
    }

    fn expire(&mut self, now: Duration) {
        while let Some(oldest) = self.backlog.front()
            && now.saturating_sub(oldest.intended) > self.plan.latest_start
        {
            let oldest = *oldest;
            self.backlog.pop_front();
            self.give_up(oldest, now);
        }
    }

    fn give_up(&mut self, ticket: Ticket, now: Duration) {
        if ticket.held {
            let age = now.saturating_sub(ticket.intended);
            self.tallies[ticket.stage].not_sent(ticket.class, ticket.intended, age);
        }
    }

    /// Moves on from warm-up to hold, or from stage to stage. True when it did.
    fn turn(&mut self, now: Duration, busy: Busy<'_>, hook: &mut dyn FnMut(Event<'_>)) -> bool {
        let enough = self.enough();
        match &mut self.part {
            Part::Warming(warming) => {
                let Some(warmed) = warming.over(now) else {
                    return false;
                };
                // Requests that were due before this moment still belong to the warm-up.
                if self.schedule.next() < now {
                    return false;
                }
                self.tallies[self.stage].warm_up = Some(warmed);
                self.hold(now, now, busy, hook);
                true
            }
            Part::Holding { end } => {
                let end = *end;
                // Requests that were due before the end are sent first, however late it is.
                if !enough || now < end || self.schedule.next() < end {
                    return false;
                }
                self.close(end, now, busy, hook);
                if self.stage + 1 == self.plan.stages.len() {
                    self.ended = Some(Ended::Completed);
                } else {
                    self.begin(self.stage + 1, end, now, busy, hook);
                }
                true
            }
        }
    }

    fn enough(&self) -> bool {
        self.tallies[self.stage].intended >= self.plan.stages[self.stage].min_samples
    }

    fn begin(
        &mut self,
        stage: usize,
        at: Duration,
        now: Duration,
        busy: Busy<'_>,
        hook: &mut dyn FnMut(Event<'_>),
    ) {
        // Stages that were jumped over leave an empty tally behind, so that indices stay those of the plan.
        self.tallies.resize_with(stage + 1, Tally::new);
        self.tallies[stage].began = true;
        self.stage = stage;
        let next = &self.plan.stages[stage];
        self.schedule.change(at, next.rate_per_s);
        hook(Event::StageBegan {
            stage,
            name: &next.name,
        });
        match next.warm_up {
            Some(rule) => self.part = Part::Warming(Warming::new(rule, at)),
            None => self.hold(at, now, busy, hook),
        }
    }

    fn hold(&mut self, at: Duration, now: Duration, busy: Busy<'_>, hook: &mut dyn FnMut(Event<'_>)) {
        let stage = &self.plan.stages[self.stage];
        let for_samples = Duration::try_from_secs_f64(stage.min_samples as f64 / stage.rate_per_s);
        let tally = &mut self.tallies[self.stage];
        tally.hold(at, stage.hold.max(for_samples.unwrap_or(stage.hold)));
        tally.busy[0] = Some((now, busy()));
        self.part = Part::Holding {
            end: at.saturating_add(stage.hold),
        };
        hook(Event::HoldBegan {
            stage: self.stage,
            warm_up: tally.warm_up,
        });
    }

    fn close(&mut self, end: Duration, now: Duration, busy: Busy<'_>, hook: &mut dyn FnMut(Event<'_>)) {
        let tally = &mut self.tallies[self.stage];
        if let Some(held) = &mut tally.held {
            held.1 = Some(end);
        }
        tally.busy[1] = Some((now, busy()));
        hook(Event::StageEnded { stage: self.stage });
    }

    fn abort(&mut self, cause: Cause, now: Duration, busy: Busy<'_>, hook: &mut dyn FnMut(Event<'_>)) {
        let role = self.plan.stages[self.stage].role;
        if self.ended.is_some() || role == Role::Recovery {
            return;
        }
        self.tallies[self.stage].aborted = Some(cause.clone());
        let recovery = self
            .plan
            .stages
            .iter()
            .position(|stage| stage.role == Role::Recovery);
        match recovery {
            Some(recovery) if role == Role::Beyond && recovery > self.stage => {
                self.backlog.clear();
                self.close(now, now, busy, hook);
                self.begin(recovery, now, now, busy, hook);
            }
            _ => self.stop(Ended::Aborted { cause }),
        }
    }
}
