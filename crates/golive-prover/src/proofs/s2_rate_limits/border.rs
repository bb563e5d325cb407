//! S2.user: what a window lets through around its border. A fixed window forgets all at once: a full burst before its
//! border and another behind it are twice the limit within a moment.
//!
//! A window begins with a user's first request or with the clock (the full minute, the full ten seconds). One request
//! sent right behind a border of the clock makes both end at the same time, one period later.

use std::time::Duration;

use golive_checklist::judge::{Scored, UnscoredReason};
use golive_checklist::unit::Rate;

use super::exhaust::{Sent, World};
use super::people::Crowd;
use crate::clock;
use crate::target::millis;

const PURPOSE: &str = "border";

/// Up to two periods are waited for, so only short ones are tried.
const PERIOD_MAX: Duration = Duration::from_secs(30);

/// More than so many at once take too long to stay on one side of a border.
const COUNT_MAX: u32 = 500;

/// Behind a border by this much a request is counted behind it.
const BEHIND: Duration = Duration::from_millis(150);

/// What was admitted on both sides of a border, within less than a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Border {
    pub(super) before: u64,
    pub(super) behind: u64,
    pub(super) within: Duration,
}

impl Border {
    /// What it lets through beyond the limit, if that is more than a bucket refills in the time.
    pub(super) fn excess(&self, limit: Rate) -> Option<String> {
        let share = self.within.as_secs_f64() / limit.period.as_secs_f64().max(0.001);
        let count = f64::from(limit.count.get());
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let admitted = (self.before + self.behind) as f64;
        (admitted > count + (share * count).floor() + 1.0).then(|| {
            format!(
                "a fixed window: {} admitted within {} ms around its border ({} before, {} behind) where {limit} is \
                 declared",
                self.before + self.behind,
                millis(self.within),
                self.before,
                self.behind
            )
        })
    }
}

/// Tries it with a user of its own; `None` where it cannot be tried.
pub(super) async fn measure(world: &mut World) -> Option<Scored<Border>> {
    let (count, period) = (world.limit.count.get(), world.limit.period);
    let asserted = matches!(world.crowd, Crowd::Asserted { .. });
    if !asserted || period > PERIOD_MAX || period < Duration::from_secs(1) || count > COUNT_MAX {
        return None;
    }
    let interrupted = || Some(Scored::Unscored(UnscoredReason::Interrupted));
    let person = world.crowd.used_up(&world.ctx, PURPOSE);
    let since_border = Duration::from_nanos(
        u64::try_from(clock::wall().as_duration().as_nanos() % i128::try_from(period.as_nanos()).ok()?)
            .ok()?,
    );
    if !world.ctx.sleep(period - since_border + BEHIND).await {
        return interrupted();
    }
    let opening = world.send(person.clone(), PURPOSE, 0).await;
    if opening.limited() != Scored::Scored(false) {
        return Some(Scored::Unscored(UnscoredReason::Unexpected(
            "a new user's first request was not admitted".into(),
        )));
    }
    let lead = (period / 5).clamp(Duration::from_millis(250), Duration::from_millis(1_500));
    let until = |at: std::time::Instant| at.saturating_duration_since(clock::now());
    if !world
        .ctx
        .sleep(until(opening.sent + period - BEHIND - lead))
        .await
    {
        return interrupted();
    }
    let before = burst(world, &person, "border-before", count).await;
    if !world.ctx.sleep(until(opening.done + period + BEHIND)).await {
        return interrupted();
    }
    let behind = burst(world, &person, "border-behind", count).await;
    let admitted = |sent: &[Sent]| {
        sent.iter()
            .filter(|one| one.limited() == Scored::Scored(false))
            .count() as u64
    };
    let first = before.iter().map(|one| one.sent).min()?;
    let let_in = behind.iter().filter(|one| one.limited() == Scored::Scored(false));
    let last = let_in.map(|one| one.done).max().unwrap_or(first);
    Some(Scored::Scored(Border {
        before: admitted(&before),
        behind: admitted(&behind),
        within: last.saturating_duration_since(first),
    }))
}

async fn burst(world: &mut World, person: &super::people::Person, purpose: &str, count: u32) -> Vec<Sent> {
    let calls = (0..u64::from(count))
        .map(|n| {
            let tag = world.tag(purpose, n);
            let call = person.call(&world.ctx, &tag);
            (tag, call)
        })
        .collect();
    world.all(calls).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn border(before: u64, behind: u64, ms: u64) -> Border {
        Border {
            before,
            behind,
            within: Duration::from_millis(ms),
        }
    }

    #[test]
    fn twice_the_limit_is_a_fixed_window_and_what_a_bucket_refills_is_none() {
        let limit: Rate = "20/10s".parse().unwrap();
        assert!(
            border(19, 20, 1_800)
                .excess(limit)
                .is_some_and(|text| text.contains("39 admitted within 1800 ms"))
        );
        assert_eq!(border(19, 1, 1_800).excess(limit), None);
        assert_eq!(
            border(19, 4, 1_800).excess(limit),
            None,
            "a bucket gives three back by then"
        );
    }
}
