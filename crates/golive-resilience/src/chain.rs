//! P3, E4: the plan of one request over its chain of links: what to ask next, how long to wait, and when to give up.
//!
//! A plan goes in **rounds**: each round asks every admitting link once, in order; between rounds it waits. So a dead
//! first link costs a request nothing but the failure, and a chain of one link gets the checklist's retries. With
//! [`Patience::RetryFirst`] it stays on a link until that link's retries are spent. Links of equal rank share the load:
//! two are drawn by weight, and the one that is clearly quicker and less busy is asked.
//!
//! The machine owns every decision; the driver only does what it is told:
//!
//! ```text
//! loop {
//!     match plan.next(&mut links, &mut dice, clock.now()) {
//!         Step::Attempt { link, permit, .. } => match call(link).await {      // take a place, send, await the commit point
//!             Ok(answer) => return permit.keep_until_the_end_of(answer),     // record(Good) at the end of a stream
//!             Err(failed) => {
//!                 let verdict = plan.failed(link, failed.failure, failed.hint, clock.now());
//!                 permit.record(verdict.health);
//!             }
//!         },
//!         Step::Wait { until } => { drop(place); sleep_until(until).await }   // a waiting retry holds no place
//!         Step::GiveUp(why) => return degrade(why, plan.last()),
//!     }
//! }
//! ```
//!
//! A driver that is dropped half-way leaves nothing behind but the permit, which abandons itself when dropped.
//!
//! Never: sends, sleeps, reads a clock or rolls dice of its own.

mod links;

use std::sync::Arc;
use std::time::Duration;

use crate::Tick;
use crate::backoff::{Dice, Patience, below};
use crate::failure::{Failure, Next, Verdict};

use links::bit;
pub use links::{Chain, LINKS_MAX, Leave, Link, Links, Load, NoChain};

/// What the driver must do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<P> {
    /// Ask this link, and report a failure to [`Plan::failed`].
    Attempt {
        /// Its place in the chain.
        link: usize,
        /// Leave from its breaker.
        permit: P,
        /// The request has asked this link before.
        again: bool,
    },
    /// Give the places back, sleep, and ask again.
    Wait {
        /// Until then.
        until: Tick,
    },
    /// Answer the caller without any link.
    GiveUp(GiveUp),
}

/// The end of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GiveUp {
    /// Why nothing more is tried.
    pub why: Why,
    /// When it is worth asking again, if anyone said so.
    pub retry_after: Option<Duration>,
}

/// Why nothing more is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Every link that is left is refused by its breaker.
    AllOpen,
    /// The request's time is over, or would be before the next attempt.
    Deadline,
    /// The request has made as many attempts as it may.
    AttemptsSpent,
    /// Every round was made.
    RoundsSpent,
    /// The retry budgets of the upstreams are spent.
    OverBudget,
    /// The last failure ends the request.
    Ended,
    /// No link is left that may be asked.
    NoLinkLeft,
}

impl Why {
    /// The word for it in the ledger and in `golive explain`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllOpen => "circuit_open",
            Self::Deadline => "deadline",
            Self::AttemptsSpent => "attempts_spent",
            Self::RoundsSpent => "retries_spent",
            Self::OverBudget => "retry_budget",
            Self::Ended => "ended",
            Self::NoLinkLeft => "no_link_left",
        }
    }
}

/// The plan of one request.
#[derive(Debug)]
pub struct Plan {
    chain: Arc<Chain>,
    deadline: Tick,
    stage: Stage,
    /// Waits made: over the chain, or (retry-first) on the link it stays on.
    round: usize,
    /// Links that are done with in this round, or (retry-first) for good.
    tried: u64,
    /// Links that may not be asked again for this request.
    out: u64,
    /// Links that were asked at least once.
    asked: u64,
    attempts: u32,
    attempts_in_round: u32,
    over_budget: bool,
    /// Retry-first: a link was left because its next attempt would have come too late.
    late: bool,
    /// When a link may be asked again by its own word; empty until the first hint.
    not_before: Vec<Tick>,
    last: Option<(usize, Failure)>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Ready,
    /// Retry-first: this link failed and may be asked again.
    Staying(usize),
    Waiting {
        until: Tick,
        then: Option<usize>,
    },
    Over(GiveUp),
}

impl Plan {
    /// A plan for one request that must have reached its commit point by `deadline`.
    #[must_use]
    pub fn new(chain: Arc<Chain>, deadline: Tick) -> Self {
        Self {
            chain,
            deadline,
            stage: Stage::Ready,
            round: 0,
            tried: 0,
            out: 0,
            asked: 0,
            attempts: 0,
            attempts_in_round: 0,
            over_budget: false,
            late: false,
            not_before: Vec::new(),
            last: None,
        }
    }

    /// What to do now.
    pub fn next<L: Links>(&mut self, links: &mut L, dice: &mut impl Dice, now: Tick) -> Step<L::Permit> {
        let mut stay = None;
        match self.stage {
            Stage::Over(end) => return Step::GiveUp(end),
            Stage::Waiting { until, .. } if now < until => return Step::Wait { until },
            Stage::Waiting { then, .. } => stay = then,
            Stage::Staying(link) => match self.wait_for(link, links, dice, now) {
                Some(until) => return self.wait(until, Some(link)),
                None => self.leave(),
            },
            Stage::Ready => {}
        }
        self.stage = Stage::Ready;
        loop {
            if now >= self.deadline {
                return Step::GiveUp(self.give_up(Why::Deadline, now));
            }
            if self.attempts >= self.chain.retry().attempts_max.max(1) {
                return Step::GiveUp(self.give_up(Why::AttemptsSpent, now));
            }
            let Some(link) = stay.take().or_else(|| self.pick(links, dice, now)) else {
                return self.round_is_over(links, dice, now);
            };
            self.tried |= bit(link);
            let again = self.asked & bit(link) != 0;
            match links.admit(link, again, now) {
                Leave::Yes(permit) => {
                    self.asked |= bit(link);
                    self.attempts += 1;
                    self.attempts_in_round += 1;
                    return Step::Attempt { link, permit, again };
                }
                Leave::Open { .. } => {}
                Leave::OverBudget => self.over_budget = true,
            }
            self.leave();
        }
    }

    /// Hears that the attempt at `link` failed. `hint`: how long the link asked to be left alone. The verdict's health
    /// is for the link's breaker.
    pub fn failed(&mut self, link: usize, failure: Failure, hint: Option<Duration>, now: Tick) -> Verdict {
        let verdict = failure.verdict(self.chain.links()[link].class);
        self.last = Some((link, failure));
        self.stage = Stage::Ready;
        if let Some(hint) = hint.filter(|hint| !hint.is_zero()) {
            self.not_before.resize(self.chain.links().len(), Tick(0));
            self.not_before[link] = now.plus(hint);
        }
        match verdict.next {
            Next::Retry => {
                if self.chain.retry().patience == Patience::RetryFirst {
                    self.stage = Stage::Staying(link);
                }
            }
            Next::Rotate => self.rule_out(bit(link)),
            Next::RotateToModels => self.rule_out(bit(link) | self.chain.agents),
            Next::End => {
                self.give_up(Why::Ended, now);
            }
        }
        verdict
    }

    /// Attempts made so far.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The last failure, and the link it came from.
    #[must_use]
    pub fn last(&self) -> Option<(usize, Failure)> {
        self.last
    }

    /// When the request must have reached its commit point: no attempt may take longer.
    #[must_use]
    pub fn deadline(&self) -> Tick {
        self.deadline
    }

    /// The link to ask next in this round.
    fn pick<L: Links>(&self, links: &L, dice: &mut impl Dice, now: Tick) -> Option<usize> {
        let all = self.chain.links();
        let due = |link: usize| self.due(link) <= now;
        let open = self.chain.all() & !self.tried & !self.out;
        let first = (0..all.len()).find(|&link| open & bit(link) != 0 && due(link))?;
        let end = (first..all.len())
            .find(|&link| all[link].rank != all[first].rank)
            .unwrap_or(all.len());
        let weight = |link: usize| {
            let counts = open & bit(link) != 0 && due(link);
            if counts {
                u64::from(all[link].weight.max(1))
            } else {
                0
            }
        };
        let total: u64 = (first..end).map(weight).sum();
        if total == weight(first) {
            return Some(first); // no equal to draw from
        }
        let mut draw = || {
            let mut rest = below(dice, total);
            for link in first..end {
                match rest.checked_sub(weight(link)) {
                    Some(left) => rest = left,
                    None => return link,
                }
            }
            first
        };
        let (one, other) = (draw(), draw());
        Some(
            if one != other && links.load(other).is_clearly_better_than(links.load(one)) {
                other
            } else {
                one
            },
        )
    }

    /// Every link that may be asked now was asked: waits for the next round, or ends.
    fn round_is_over<L: Links>(&mut self, links: &L, dice: &mut impl Dice, now: Tick) -> Step<L::Permit> {
        let left = self.chain.all() & !self.out;
        if left == 0 {
            return Step::GiveUp(self.give_up(Why::NoLinkLeft, now));
        }
        let mut earliest: Option<Tick> = None;
        let mut next_probe: Option<Tick> = None;
        for link in (0..self.chain.links().len()).filter(|&link| left & bit(link) != 0) {
            match links.would_admit(link, now) {
                Ok(()) => keep_least(&mut earliest, self.due(link)),
                Err(at) => keep_least(&mut next_probe, at),
            }
        }
        let Some(earliest) = earliest else {
            return Step::GiveUp(self.over(Why::AllOpen, next_probe.map(|at| at.since(now))));
        };
        let retry_first = self.chain.retry().patience == Patience::RetryFirst;
        if self.over_budget && (self.attempts_in_round == 0 || retry_first) {
            return Step::GiveUp(self.give_up(Why::OverBudget, now));
        }
        if retry_first {
            let why = if self.late {
                Why::Deadline
            } else {
                Why::RoundsSpent
            };
            return Step::GiveUp(self.give_up(why, now));
        }
        let Some(until) = self.next_time(earliest, dice, now) else {
            return Step::GiveUp(self.give_up(Why::RoundsSpent, now));
        };
        if until >= self.deadline {
            return Step::GiveUp(self.give_up(Why::Deadline, now));
        }
        self.tried = 0;
        self.attempts_in_round = 0;
        self.over_budget = false;
        self.wait(until, None)
    }

    /// Retry-first: when to ask `link` again; `None` if another link is the better hope.
    fn wait_for(&mut self, link: usize, links: &impl Links, dice: &mut impl Dice, now: Tick) -> Option<Tick> {
        links.would_admit(link, now).ok()?;
        let until = self.next_time(self.due(link), dice, now)?;
        self.late |= until >= self.deadline;
        (until < self.deadline).then_some(until)
    }

    /// The end of the wait after this round: the backoff, or later if the link that is due first asked for it.
    fn next_time(&self, due: Tick, dice: &mut impl Dice, now: Tick) -> Option<Tick> {
        let retry = self.chain.retry();
        let until = now.plus(retry.wait(self.round, dice)?);
        Some(if due > until {
            due.plus(retry.after_hint(self.round, dice))
        } else {
            until
        })
    }

    fn wait<P>(&mut self, until: Tick, then: Option<usize>) -> Step<P> {
        self.round += 1;
        self.stage = Stage::Waiting { until, then };
        Step::Wait { until }
    }

    /// Retry-first: done with a link; the next one has all its retries before it.
    fn leave(&mut self) {
        if self.chain.retry().patience == Patience::RetryFirst {
            self.round = 0;
        }
    }

    /// Asks none of `links` again for this request.
    fn rule_out(&mut self, links: u64) {
        self.out |= links;
        self.leave();
    }

    fn due(&self, link: usize) -> Tick {
        self.not_before.get(link).copied().unwrap_or_default()
    }

    /// Ends the plan; whoever comes back after the earliest hint is welcome.
    fn give_up(&mut self, why: Why, now: Tick) -> GiveUp {
        let hinted = self.not_before.iter().filter(|at| **at > now).min();
        self.over(why, hinted.map(|at| at.since(now)))
    }

    fn over(&mut self, why: Why, retry_after: Option<Duration>) -> GiveUp {
        let end = GiveUp { why, retry_after };
        self.stage = Stage::Over(end);
        end
    }
}

fn keep_least(least: &mut Option<Tick>, at: Tick) {
    *least = Some(least.map_or(at, |so_far| so_far.min(at)));
}

#[cfg(test)]
mod tests;
