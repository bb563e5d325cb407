//! E5: the rounds: overflow, one who leaves, two priorities, three users.
//!
//! Never: judges an order among calls of which some were let through before the others waited.

use std::time::Duration;

use super::offer::{Kind, Offered, Round, Sender, Stage, count, most_at_once};
use super::{EXCESS_MAX, OFFERED_MAX};
use crate::clock;

/// What the rounds found.
pub(super) struct Found {
    pub(super) overflow: Vec<Offered>,
    /// Calls that were in the target at once when the first was refused; all that were offered if none was.
    pub(super) capacity: usize,
    /// Calls that were at the lab at once.
    pub(super) served: usize,
    pub(super) leaving: Option<Leaving>,
    pub(super) priority: Option<Result<Ordered, String>>,
    pub(super) fairness: Option<Result<Ordered, String>>,
}

/// One who left, and the one who came after.
pub(super) struct Leaving {
    pub(super) offered: Vec<Offered>,
    pub(super) next: usize,
}

/// A round whose order counts.
pub(super) struct Ordered {
    pub(super) offered: Vec<Offered>,
    /// Of the calls whose order counts, those that reached the lab before all of them waited.
    pub(super) early: usize,
    /// Calls of each group.
    pub(super) each: usize,
}

pub(super) async fn all(stage: &Stage, wanted: &[&'static str]) -> Result<Found, String> {
    let (overflow, capacity, served) = overflow(stage).await?;
    let mut found = Found {
        overflow,
        capacity,
        served,
        leaving: None,
        priority: None,
        fairness: None,
    };
    let full = count(&found.overflow, &Kind::Refused) > 0;
    if full && capacity > served {
        found.leaving = leaving(stage, capacity).await?;
    }
    // Without a call that waits there is no order to look at.
    if !full && served * 10 >= capacity * 9 {
        let why = format!("no call waits: {served} of {capacity} were at the model at once");
        found.priority = Some(Err(why.clone()));
        found.fairness = Some(Err(why));
        return Ok(found);
    }
    let places = if full {
        capacity.saturating_sub(served)
    } else {
        usize::MAX
    };
    if wanted.contains(&"E5.priority") {
        found.priority = Some(priority(stage, served, places).await);
    }
    if wanted.contains(&"E5.fairness") {
        found.fairness = Some(fairness(stage, served, places).await);
    }
    Ok(found)
}

/// Between two calls while the queue is being filled: each is in its place before the next comes.
const GAP: Duration = Duration::from_millis(2);

/// Between two calls of the excess: a refusal is timed, not a crowd.
const EXCESS_GAP: Duration = Duration::from_millis(4);

async fn overflow(stage: &Stage) -> Result<(Vec<Offered>, usize, usize), String> {
    let mut round = stage.begin("overflow").await?;
    let (capacity, served) = fill(&mut round, most(stage)).await;
    let excess = if round.refused() > 0 {
        (4 * capacity).min(EXCESS_MAX)
    } else {
        0
    };
    stage
        .ctx
        .waiting(format!("{excess} calls beyond {capacity} places"));
    for n in 0..excess {
        if stage.ctx.cancel.is_cancelled() {
            break;
        }
        round.send(stranger(stage, "the excess", n));
        round.run_for(EXCESS_GAP).await;
    }
    Ok((round.drain().await?, capacity, served))
}

/// The most that is offered before the first refusal.
fn most(stage: &Stage) -> usize {
    let queue = &stage.ctx.config.queue;
    match (queue.concurrency, queue.length) {
        (Some(served), Some(waiting)) => (5 * (served + waiting) as usize).min(OFFERED_MAX * 4),
        _ => OFFERED_MAX,
    }
}

/// Offers calls until the first is refused; how many were in the target then, and how many of them at the lab.
async fn fill(round: &mut Round<'_>, most: usize) -> (usize, usize) {
    let stage = round.stage();
    stage.ctx.waiting("the queue to fill");
    // All of them within the first half of the time for which the lab holds a call.
    let moments = (stage.hold.as_millis() / (2 * GAP.as_millis())).max(1);
    let together = most
        .div_ceil(usize::try_from(moments).unwrap_or(usize::MAX))
        .max(1);
    for n in 0..most {
        if round.refused() > 0 || stage.ctx.cancel.is_cancelled() {
            break;
        }
        round.send(stranger(stage, "the first ones", n));
        if n % together == together - 1 {
            round.run_for(GAP).await;
        }
    }
    // The last ones may still be on their way to a refusal.
    round.run_for(stage.slack.min(Duration::from_millis(300))).await;
    let capacity = if round.refused() > 0 {
        round.open()
    } else {
        round.most_open
    };
    let served = most_at_once(&round.at_the_lab().await);
    (capacity, served)
}

async fn leaving(stage: &Stage, capacity: usize) -> Result<Option<Leaving>, String> {
    let mut round = stage.begin("leaving").await?;
    fill(&mut round, capacity * 2 + 4).await;
    let reached = round.at_the_lab().await;
    let waits = |one: &Offered| {
        matches!(one.kind, Kind::Lost(_)) && one.exchange.is_none() && !reached.contains_key(&one.id)
    };
    let Some(left) = round.offered.iter().rposition(waits) else {
        round.drain().await?;
        return Ok(None);
    };
    round.leave(left);
    round.run_for(Duration::from_millis(250)).await;
    round.send(stranger(stage, "after one left", 0));
    let next = round.offered.len() - 1;
    round
        .run_for(stage.ctx.config.queue.refused_within + stage.slack)
        .await;
    let offered = round.drain().await?;
    Ok(Some(Leaving { offered, next }))
}

async fn priority(stage: &Stage, served: usize, places: usize) -> Result<Ordered, String> {
    let each = (places / 2).min(8);
    if each < 2 {
        return Err(format!(
            "the queue has {places} places, and an order needs four that wait"
        ));
    }
    let queue = &stage.ctx.config.queue;
    let (first, last) = match &queue.priority_header {
        Some(name) => {
            let value = |at: Option<&String>| at.map(|value| (Some((name.clone(), value.clone())), None));
            (value(queue.priorities.first()), value(queue.priorities.last()))
        }
        None => {
            let role = |at: Option<&String>| at.map(|role| (None, Some(role.clone())));
            (
                role(queue.priority_roles.first()),
                role(queue.priority_roles.last()),
            )
        }
    };
    let (Some(first), Some(last)) = (first, last) else {
        return Err("two priorities must be declared".to_owned());
    };
    let mut round = stage.begin("priority").await?;
    block(&mut round, served).await;
    for (group, (header, role)) in [(LOW, last), (HIGH, first)] {
        for n in 0..each {
            round.send(Sender {
                header: header.clone(),
                role: role.clone(),
                ..stranger(stage, group, n)
            });
            round.run_for(GAP).await;
        }
        // All of these wait before the next ones come.
        round.run_for(Duration::from_millis(60)).await;
    }
    ended(round, each).await
}

pub(super) const LOW: &str = "low";
pub(super) const HIGH: &str = "high";
pub(super) const BUSY: &str = "the busy user";
pub(super) const SECOND: &str = "the second user";
pub(super) const THIRD: &str = "the third user";

async fn fairness(stage: &Stage, served: usize, places: usize) -> Result<Ordered, String> {
    let limit = stage.ctx.config.declares.user_limit;
    let limit = limit.map_or(usize::MAX, |limit| limit.count.get() as usize);
    let each = (places / 5).min(6).min(limit / 4);
    if each < 2 {
        return Err(format!(
            "the queue has {places} places and a user {limit} calls, and fairness needs ten that wait, six of them of one user"
        ));
    }
    let mut round = stage.begin("fairness").await?;
    block(&mut round, served).await;
    for (group, times) in [(BUSY, 3 * each), (SECOND, each), (THIRD, each)] {
        for _ in 0..times {
            round.send(Sender {
                user: stage.ctx.user(group),
                ..stranger(stage, group, 0)
            });
            round.run_for(GAP).await;
        }
        round.run_for(Duration::from_millis(40)).await;
    }
    ended(round, each).await
}

/// Calls that take every place at the model, so that all others wait.
async fn block(round: &mut Round<'_>, served: usize) {
    let stage = round.stage();
    for n in 0..served {
        round.send(stranger(stage, BLOCKER, n));
        round.run_for(GAP).await;
    }
    let end = clock::now() + Duration::from_secs(2);
    while round.at_the_lab().await.len() < served && clock::now() < end {
        round.run_for(Duration::from_millis(20)).await;
    }
}

const BLOCKER: &str = "in the way";

async fn ended(round: Round<'_>, each: usize) -> Result<Ordered, String> {
    let reached = round.at_the_lab().await;
    let early = round
        .offered
        .iter()
        .filter(|one| one.group != BLOCKER && reached.contains_key(&one.id))
        .count();
    let offered = round.drain().await?;
    Ok(Ordered { offered, early, each })
}

/// Somebody whom no limit has met yet.
fn stranger(stage: &Stage, group: &'static str, n: usize) -> Sender {
    Sender {
        group,
        user: stage.ctx.user(&format!("{group}-{n}")),
        header: None,
        role: None,
    }
}
