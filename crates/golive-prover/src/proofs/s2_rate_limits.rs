//! S2: rate limits, proven from outside.
//!
//! **Proves** that a user is served as often as declared and no more, that one user's limit is not another's, that
//! `Retry-After` tells the truth, that no made-up address or name restarts the count, and that all users together are
//! served as often as declared and no more. Needs a role `service` whose key may say for whom it calls (`golive-user`,
//! `user`, `metadata.user_id`); without it each key counts as one user, and the limit of everybody is not tried.
//!
//! **How**: a user nobody has seen yet asks at once and then one by one until the first refusal; what was admitted is
//! counted. While that user is refused, other new users ask, and the refused one asks again behind other addresses,
//! names and spellings. One second before the time of `Retry-After` it must still be refused, and after it admitted.
//! With a lab, a refused request must not be seen there, and a 429 that comes from there is no limit of the target.
//! Where the window is short, one user asks in two bursts around its border: a fixed window lets nearly twice the limit
//! through. Last of all, more users than the limit of everybody needs ask, each less than its own limit, until a user
//! nobody has seen is refused too; only with a lab, where these requests cost nothing.
//!
//! **Positive control**: the first request of each new user is answered.
//! **Negative control**: a new user is answered while the first one is refused, so a refusal is told from an outage and
//! a count that restarts would be noticed; what is admitted is seen at the lab.
//! **Evidence**: the counts, the first refusal, each try that got past the limit, the two tries around `Retry-After`.
//! **Cannot tell**: whether a window longer than half a minute is fixed, unless its border falls into the run (then a
//! warning with the measured number); whether several nodes share one count; of the limit of everybody, whether it was
//! one of the key `service` where no other key is given.

mod border;
mod exhaust;
mod global;
mod headers;
mod isolation;
mod people;
mod spoofing;
mod user;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_checklist::unit::Rate;

use self::people::Crowd;
use super::{Proof, When};
use crate::ctx::Ctx;
use crate::part::PartDraft;
use crate::plan::{PartPlan, PlanInput};
use crate::self_test::{Oracle, Reading};
use crate::target::ASSERTING_ROLE;
use crate::target::Answer;

const PARTS: &[&str] = &[
    "S2.user",
    "S2.isolation",
    "S2.headers",
    "S2.spoofing",
    "S2.global",
];

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::S2,
    parts: PARTS,
    doc: include_str!("s2_rate_limits.rs"),
    when: When::Last,
    attacks: false,
    oracles: &[LIMITED],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

/// The longest one wait for a window may take. A longer window is proven as far as it can be, with a warning.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Limits above this cost more requests than a proof may take of the budget.
const COUNT_MAX: u64 = 2_000;

/// Refused by the limit: good. Let in, whatever it says: bad. Another refusal says nothing about the limit.
const LIMITED: Oracle = Oracle {
    name: "S2: refused by the limit",
    read: |sample| limited(&sample.answer).into(),
    obedient: Reading::Bad,
    echoing: Reading::Bad,
    refusing: Reading::Unscored,
    excusing: Reading::Bad,
    empty: Reading::Bad,
};

/// The limit that is proven: as declared, or the checklist's where the target declares to have none.
fn limit_of(target: &golive_config::Target) -> Rate {
    target
        .declares
        .user_limit
        .unwrap_or_else(|| Rate::per_hour(CHECKLIST))
}

/// The checklist's number for one user.
const CHECKLIST: std::num::NonZeroU32 = std::num::NonZeroU32::new(100).unwrap();

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let limit = limit_of(input.target);
    let count = u64::from(limit.count.get());
    if count > COUNT_MAX {
        let missing = format!(
            "a scaled limit of at most {COUNT_MAX} requests per user (declares.user_limit is {limit})"
        );
        return PARTS
            .iter()
            .map(|part| {
                PartPlan::no(
                    part,
                    missing.clone(),
                    "the proof uses the whole limit up several times",
                )
            })
            .collect();
    }
    let Some(crowd) = Crowd::of(input.target) else {
        let missing = "a key that works (credentials.<role>.key_env)";
        return PARTS
            .iter()
            .map(|part| PartPlan::no(part, missing, "without it nothing is ever admitted"))
            .collect();
    };
    let sends = exhaust::sends(limit);
    let wait = limit.period.min(PATIENCE);
    let second = |part, requests| {
        if crowd.has_two() {
            PartPlan::yes(part, requests, Duration::from_secs(5))
        } else {
            PartPlan::no(
                part,
                format!("a key of role `{ASSERTING_ROLE}` that may assert users, or the keys of two roles"),
                "one user is used up while another one asks",
            )
        }
    };
    vec![
        PartPlan::yes("S2.user", 5 * sends + 4, Duration::from_secs(10)),
        second("S2.isolation", sends + 10),
        second("S2.spoofing", 2 * sends + 40),
        PartPlan::yes("S2.headers", sends + 6, wait),
        plan_global(input.target, &crowd),
    ]
}

fn plan_global(target: &golive_config::Target, crowd: &Crowd) -> PartPlan {
    const PART: &str = "S2.global";
    let limit = global::global_of(target);
    let count = u64::from(limit.count.get());
    if count > global::COUNT_MAX {
        let missing = format!(
            "a scaled limit of at most {} requests (declares.global_limit is {limit})",
            global::COUNT_MAX
        );
        return PartPlan::no(PART, missing, "the proof uses the limit of everybody up");
    }
    if target.lab_url.is_none() {
        return PartPlan::no(
            PART,
            "a lab as the target's model (lab_url)",
            "the proof sends as many requests as all users together may, which a real model would charge for",
        );
    }
    if !matches!(crowd, Crowd::Asserted { .. }) {
        return PartPlan::no(
            PART,
            format!("a key of role `{ASSERTING_ROLE}` that may assert users"),
            "one user may not ask as often as all together",
        );
    }
    // About 200 requests a second, and the window that is waited for.
    let sending = Duration::from_secs(count / 200);
    PartPlan::yes(
        PART,
        2 * global::sends(limit) + 2,
        sending + limit.period.min(PATIENCE),
    )
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let Some(crowd) = Crowd::of(&ctx.config) else {
        return Vec::new(); // the plan said so
    };
    let mut world = exhaust::World::new(ctx, crowd);
    if let Some(reason) = world.is_silent().await {
        let reason =
            format!("a new user's first request is not answered ({reason}), so nothing can be counted");
        return PARTS
            .iter()
            .map(|id| part(&world.ctx, id).unproven(reason.clone()))
            .collect();
    }
    // The border of a window is waited for while the others are at work, with a user of its own.
    let mut aside = exhaust::World::new(world.ctx.clone(), world.crowd.clone());
    let (border, mut parts) = tokio::join!(border::measure(&mut aside), single(&mut world));
    parts.insert(0, user::prove(&mut world, border).await);
    let has_global = plan_global(&world.ctx.config, &world.crowd).provable == crate::plan::Provable::Yes;
    if has_global && !world.ctx.cancel.is_cancelled() {
        parts.push(global::prove(&mut world).await);
    }
    parts
}

/// The parts in which one user is used up, but for the count itself.
async fn single(world: &mut exhaust::World) -> Vec<PartReport> {
    let mut parts = Vec::new();
    if !world.ctx.cancel.is_cancelled() && world.crowd.has_two() {
        parts.push(isolation::prove(world).await);
        parts.push(spoofing::prove(world).await);
    }
    if !world.ctx.cancel.is_cancelled() {
        parts.push(headers::prove(world).await);
    }
    parts
}

/// The report of one part, with the limit as declared and as the checklist has it.
fn part(ctx: &Ctx, id: &'static str) -> PartDraft {
    let limit = limit_of(&ctx.config);
    ctx.part(id)
        .declared("user_limit", limit.to_string())
        .checklist("user_limit", Rate::per_hour(CHECKLIST).to_string())
        .scaled(ctx.config.scaled && limit != Rate::per_hour(CHECKLIST))
}

/// Whether an answer is the limit's refusal. `false`: the request was let in.
fn limited(answer: &Answer) -> Scored<bool> {
    match answer.status.as_u16() {
        429 => Scored::Scored(true),
        200..=299 => Scored::Scored(false),
        other => Scored::Unscored(UnscoredReason::Unexpected(format!(
            "status {other} is neither admitted nor over the limit"
        ))),
    }
}
