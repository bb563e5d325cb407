//! S2: using a user's limit up, at once or one by one, and counting what was admitted.
//!
//! Never: takes a request that came to nothing for one that was admitted or refused.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_checklist::unit::Rate;
use golive_lab::Query;

use super::people::{Crowd, Person};
use super::{PATIENCE, limit_of, limited};
use crate::clock;
use crate::ctx::Ctx;
use crate::target::{Call, Exchange, millis};

/// Requests of a burst in flight at once: more than a serial caller has, and far from a load test.
const AT_ONCE: usize = 16;

/// A short question is answered by then, or the count is not worth having.
const DEADLINE: Duration = Duration::from_secs(20);

/// What the parts share.
pub(super) struct World {
    pub(super) ctx: Ctx,
    pub(super) crowd: Crowd,
    pub(super) limit: Rate,
    /// With one user per key there is no fresh one for each part: the used-up one is kept.
    kept: Option<UsedUp>,
    /// The slowest answer so far: what a try near the edge of a window must keep away from it.
    pub(super) slowest: Duration,
}

/// One request with its times.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) tag: String,
    pub(super) exchange: Exchange,
    pub(super) sent: Instant,
    pub(super) done: Instant,
}

/// A user, and all that was asked for it until it was refused (or was not).
#[derive(Debug, Clone)]
pub(super) struct UsedUp {
    pub(super) person: Person,
    pub(super) sent: Vec<Sent>,
}

/// What a count came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Count {
    /// As many as declared.
    Exact,
    /// More, but no more than what refilled meanwhile: a bucket and not a window.
    Refilled(u64),
    /// More than declared.
    Over(u64),
    /// Nobody was refused.
    Never(u64),
    /// The first refusal came too early.
    Under(u64),
    /// Too many came to nothing.
    Unmeasured(UnscoredReason),
}

/// Requests that use a limit up for certain: the limit, and some more to see that it stays refused.
pub(super) fn sends(limit: Rate) -> u64 {
    let count = u64::from(limit.count.get());
    count + (count / 10).clamp(3, 20)
}

impl World {
    pub(super) fn new(ctx: Ctx, crowd: Crowd) -> World {
        let limit = limit_of(&ctx.config);
        World {
            ctx,
            crowd,
            limit,
            kept: None,
            slowest: Duration::ZERO,
        }
    }

    /// Why not even a first request is answered, if it is not: then every burst would wait for nothing. Being over
    /// the limit at once is an answer here.
    pub(super) async fn is_silent(&mut self) -> Option<UnscoredReason> {
        let person = self.crowd.another(&self.ctx, "first");
        let first = self.send(person, "first", 0).await;
        match &first.exchange.outcome {
            Scored::Scored(answer) if answer.is_limited() => None,
            Scored::Scored(answer) => answer.reply(&self.ctx.config).into_result().err(),
            Scored::Unscored(reason) => Some(reason.clone()),
        }
    }

    /// The window can be waited for.
    pub(super) fn is_short(&self) -> bool {
        self.limit.period <= PATIENCE
    }

    /// Requests one by one come fast enough to use the limit up before it refills.
    pub(super) fn is_quick(&self) -> bool {
        self.slowest * self.limit.count.get() < self.limit.period / 4
    }

    /// A user whose limit is used up now.
    pub(super) async fn used_up(&mut self, purpose: &str) -> UsedUp {
        let made_up = matches!(self.crowd, Crowd::Asserted { .. });
        if let (Some(kept), false) = (&self.kept, made_up) {
            let mut kept = kept.clone();
            let again = self.send(kept.person.clone(), purpose, 0).await;
            let still = again.exchange.answer().is_some_and(super::Answer::is_limited);
            kept.sent.push(again);
            if still {
                return kept;
            }
        }
        let person = self.crowd.used_up(&self.ctx, purpose);
        let used_up = self.burst(person, purpose).await;
        self.kept = Some(used_up.clone());
        used_up
    }

    /// All at once. With one user per key, after a rest of a whole window if that can be waited for.
    pub(super) async fn burst(&mut self, person: Person, purpose: &str) -> UsedUp {
        self.rest(&person).await;
        let total = sends(self.limit);
        self.ctx.waiting(format!("{total} requests at once"));
        let calls: Vec<(String, Call)> = (0..total)
            .map(|n| {
                let tag = self.tag(purpose, n);
                let call = person.call(&self.ctx, &tag);
                (tag, call)
            })
            .collect();
        let sent = self.all(calls).await;
        UsedUp { person, sent }
    }

    /// One after the other, until the first refusal.
    pub(super) async fn one_by_one(&mut self, person: Person, purpose: &str) -> UsedUp {
        self.rest(&person).await;
        let mut sent = Vec::new();
        for n in 0..sends(self.limit) {
            self.ctx.waiting(format!("request {} of one user", n + 1));
            let one = self.send(person.clone(), purpose, n).await;
            let over = one.exchange.answer().is_some_and(super::Answer::is_limited)
                || self.ctx.cancel.is_cancelled();
            sent.push(one);
            if over {
                break;
            }
        }
        UsedUp { person, sent }
    }

    /// These requests, several at a time.
    pub(super) async fn all(&mut self, calls: Vec<(String, Call)>) -> Vec<Sent> {
        let ctx = self.ctx.clone();
        let sent: Vec<Sent> = futures_util::stream::iter(calls)
            .map(|(tag, call)| send(ctx.clone(), tag, call))
            .buffered(AT_ONCE)
            .collect()
            .await;
        let slowest = sent.iter().map(|one| one.exchange.elapsed).max();
        self.slowest = self.slowest.max(slowest.unwrap_or_default());
        sent
    }

    /// One request of a user.
    pub(super) async fn send(&mut self, person: Person, purpose: &str, n: u64) -> Sent {
        let tag = self.tag(purpose, n);
        let call = person.call(&self.ctx, &tag);
        let sent = send(self.ctx.clone(), tag, call).await;
        self.slowest = self.slowest.max(sent.exchange.elapsed);
        sent
    }

    /// Stands in one request only, and can be found at the lab by purpose.
    pub(super) fn tag(&self, purpose: &str, n: u64) -> String {
        format!("{}-{n:05}", self.ctx.marker(purpose))
    }

    /// Of `sent`, those that were refused and yet were seen at the lab; `None` without a lab that can be asked.
    pub(super) async fn refused_at_lab(
        &self,
        purpose: &str,
        sent: &[Sent],
    ) -> Option<Result<Seen, UnscoredReason>> {
        let lab = self.ctx.lab.as_ref()?;
        let query = Query {
            contains: Some(self.ctx.marker(purpose)),
            count: sent.len(),
            wait: Duration::from_millis(300), // late ones: what is refused may be sent on behind the answer
            limit: 10_000,
            ..Query::default()
        };
        let page = match lab.timeline(&query).await {
            Ok(page) => page,
            Err(error) => return Some(Err(UnscoredReason::Transport(error.to_string()))),
        };
        let mut seen = Seen::default();
        for one in sent {
            let Some(arrival) = page.arrivals.iter().find(|at| at.body.contains(&one.tag)) else {
                continue;
            };
            match one.exchange.answer().map(limited) {
                Some(Scored::Scored(false)) => seen.admitted += 1,
                Some(Scored::Scored(true)) => seen.refused.push(format!(
                    "{:>10} µs  {} {} (the lab answered {})",
                    arrival.at_us,
                    arrival.method,
                    one.tag,
                    arrival.status.unwrap_or_default()
                )),
                _ => {}
            }
        }
        Some(Ok(seen))
    }

    async fn rest(&self, person: &Person) {
        if !person.is_asserted() && self.is_short() {
            self.ctx
                .waiting(format!("the window of {} s to pass", self.limit.period.as_secs()));
            self.ctx
                .sleep(self.limit.period + Duration::from_millis(200))
                .await;
        }
    }
}

/// What the lab saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Admitted requests that were seen.
    pub(super) admitted: u64,
    /// Refused ones that were seen: a line each.
    pub(super) refused: Vec<String>,
}

async fn send(ctx: Ctx, tag: String, call: Call) -> Sent {
    let sent = clock::now();
    let exchange = ctx.target.send(call.deadline(DEADLINE)).await;
    Sent {
        tag,
        exchange,
        sent,
        done: clock::now(),
    }
}

impl Sent {
    /// Refused by the limit, or let in.
    pub(super) fn limited(&self) -> Scored<bool> {
        match &self.exchange.outcome {
            Scored::Scored(answer) => limited(answer),
            Scored::Unscored(reason) => Scored::Unscored(reason.clone()),
        }
    }
}

impl UsedUp {
    /// Requests that were let in.
    pub(super) fn admitted(&self) -> u64 {
        self.count_of(false)
    }

    /// Requests the limit refused.
    pub(super) fn refused(&self) -> u64 {
        self.count_of(true)
    }

    /// The first request was answered as the format wants it.
    pub(super) fn first_answered(&self, ctx: &Ctx) -> Scored<bool> {
        match self.sent.first().map(|one| &one.exchange.outcome) {
            Some(Scored::Scored(answer)) => answer.reply(&ctx.config).map(|_| true),
            Some(Scored::Unscored(reason)) => Scored::Unscored(reason.clone()),
            None => Scored::Unscored(UnscoredReason::Interrupted),
        }
    }

    /// The refusal that was answered last: its `Retry-After` is the newest.
    pub(super) fn last_refusal(&self) -> Option<&Sent> {
        self.refusals().max_by_key(|one| one.done)
    }

    /// Every refusal of the limit.
    pub(super) fn refusals(&self) -> impl Iterator<Item = &Sent> {
        self.sent
            .iter()
            .filter(|one| one.limited() == Scored::Scored(true))
    }

    /// What was admitted, against the limit.
    pub(super) fn count(&self, limit: Rate) -> Count {
        let declared = u64::from(limit.count.get());
        let (admitted, refused) = (self.admitted(), self.refused());
        let unscored = self.sent.len() as u64 - admitted - refused;
        let refill = self.refill(limit);
        if admitted > declared + refill {
            return if refused == 0 {
                Count::Never(admitted)
            } else {
                Count::Over(admitted)
            };
        }
        if admitted + unscored < declared && refused > 0 {
            return Count::Under(admitted);
        }
        if unscored > 0 {
            let reason = self.sent.iter().find_map(|one| one.limited().into_result().err());
            return Count::Unmeasured(reason.unwrap_or(UnscoredReason::Empty));
        }
        match admitted {
            _ if refused == 0 => Count::Unmeasured(UnscoredReason::Unexpected(format!(
                "the limit refilled faster than it could be used up ({} ms)",
                millis(self.took())
            ))),
            all if all == declared => Count::Exact,
            all => Count::Refilled(all),
        }
    }

    /// From the first request to the last one that was let in.
    pub(super) fn took(&self) -> Duration {
        let first = self.sent.iter().map(|one| one.sent).min();
        let let_in = self
            .sent
            .iter()
            .filter(|one| one.limited() == Scored::Scored(false));
        match (first, let_in.map(|one| one.done).max()) {
            (Some(first), Some(last)) => last.saturating_duration_since(first),
            _ => Duration::ZERO,
        }
    }

    /// What a bucket of this rate gives back in that time.
    fn refill(&self, limit: Rate) -> u64 {
        let share = self.took().as_secs_f64() / limit.period.as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive count"
        )]
        let refill = (share * f64::from(limit.count.get())).floor() as u64;
        refill
    }

    fn count_of(&self, over: bool) -> u64 {
        self.sent
            .iter()
            .filter(|one| one.limited() == Scored::Scored(over))
            .count() as u64
    }
}
