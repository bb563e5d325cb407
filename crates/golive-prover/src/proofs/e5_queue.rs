//! E5: queue overflow, proven from outside.
//!
//! **Proves** that the queue before the model has an end; that what finds no place is refused at once, with a sentence and a
//! time to come back; that all that was accepted is answered once; that what matters more goes first, and that one busy
//! user does not push the others out.
//!
//! **How**: the lab holds every marked call for a fixed time, so that the queue fills and stays full. Calls are offered one by
//! one until the first is refused (that is its capacity), then four times as many more. Then the lab lets go, and every
//! call is followed to its end at both sides. Smaller rounds try one caller who leaves, two priorities, three users.
//!
//! **Positive control**: a healthy call before and after is answered by the lab.
//! **Negative control**: the lab's record shows that calls were really held at once, and that the calls whose order is
//! judged were all waiting before the first of them was let through.
//! **Evidence**: the measured capacity, each call that was lost, doubled or refused too late, the order at the lab.
//! **Cannot tell**: a queue in front of the target: a refusal in a page of HTML is a balancer's, and says nothing. How long
//! a call may wait is `P2.queue`. Capacity that adapts while it is measured makes order a matter of chance.

mod judge;
mod offer;
mod rounds;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::report::PartReport;

use super::{Proof, When};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};
use crate::self_test::{Oracle, Reading};
use crate::target::ASSERTING_ROLE;

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::E5,
    parts: PARTS,
    doc: include_str!("e5_queue.rs"),
    when: When::Alone,
    attacks: true,
    oracles: &[REFUSED],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PARTS: &[&str] = &["E5.refusal", "E5.completion", "E5.priority", "E5.fairness"];

/// Offered at most until the first refusal, where no length is declared: the checklist alarms at 1,000 waiting.
pub(super) const OFFERED_MAX: usize = 1_200;

/// Offered beyond the capacity, at most.
pub(super) const EXCESS_MAX: usize = 1_000;

/// An answer is not a refusal, and neither is a 403: that one blames the caller.
const REFUSED: Oracle = Oracle {
    name: "E5: refused for want of a place",
    read: |sample| match offer::kind_of(&sample.answer, &sample.target) {
        offer::Kind::Refused => Reading::Good,
        offer::Kind::Answered | offer::Kind::Lost(_) => Reading::Bad,
        offer::Kind::Limited | offer::Kind::Foreign(_) => Reading::Unscored,
    },
    obedient: Reading::Bad,
    echoing: Reading::Bad,
    refusing: Reading::Bad,
    excusing: Reading::Bad,
    empty: Reading::Bad,
};

/// Why a part cannot be proven with what is declared.
fn missing(target: &golive_config::Target, part: &str) -> Option<(&'static str, &'static str)> {
    let queue = &target.queue;
    if target.lab_url.is_none() {
        return Some((
            "the lab as the target's model (lab_url)",
            "only a model that is held on command fills a queue",
        ));
    }
    match part {
        "E5.priority" if queue.priority_header.is_none() && queue.priority_roles.len() < 2 => Some((
            "how requests ask for a priority (queue.priority_header with priorities, or priority_roles)",
            "the order in which they reach the model is read at the lab",
        )),
        "E5.priority" if queue.priority_header.is_some() && queue.priorities.len() < 2 => Some((
            "at least two values of queue.priorities",
            "the order in which they reach the model is read at the lab",
        )),
        "E5.fairness" if !target.credentials.contains_key(ASSERTING_ROLE) => Some((
            "a credential of role `service` that may name users",
            "fairness is between users, so there must be several",
        )),
        _ => None,
    }
}

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let queue = &input.target.queue;
    let capacity = match (queue.concurrency, queue.length) {
        (Some(served), Some(waiting)) => (served + waiting) as usize,
        _ => 200,
    };
    let offered = capacity + (4 * capacity).min(EXCESS_MAX);
    PARTS
        .iter()
        .map(|part| match missing(input.target, part) {
            Some((missing, unlocks)) => PartPlan::no(part, missing, unlocks),
            None => {
                let requests = match *part {
                    "E5.refusal" => offered + 8,
                    "E5.completion" => capacity + 8,
                    _ => capacity.min(60),
                };
                PartPlan::yes(part, requests as u64, Duration::from_secs(6))
            }
        })
        .collect()
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let wanted: Vec<&'static str> = PARTS
        .iter()
        .copied()
        .filter(|part| missing(&ctx.config, part).is_none())
        .collect();
    let none = |reason: String| {
        wanted
            .iter()
            .map(|part| ctx.part(part).unproven(reason.clone()))
            .collect()
    };
    let stage = match offer::Stage::prepare(&ctx).await {
        Ok(stage) => stage,
        Err(reason) => return none(reason),
    };
    let found = rounds::all(&stage, &wanted).await;
    stage.scripts.restore(&ctx).await;
    match found {
        Ok(found) => judge::reports(&stage, &wanted, &found).await,
        Err(reason) => none(reason),
    }
}
