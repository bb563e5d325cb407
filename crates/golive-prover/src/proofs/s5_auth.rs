//! S5: authentication, proven from outside.
//!
//! **Proves** that every wrong API key is refused on every route of the target's format, and that a revoked key is
//! refused within seconds of its revocation.
//!
//! **How**: about forty wrong credentials (missing, malformed, one character off, in the query string, forged tokens,
//! identity headers instead of a key, the declared revoked and expired keys) are sent to the plain route, the
//! streaming route and the list of models, each with a marker of its own. A 401 or 403 is a refusal; so are 400, 404,
//! 405 and a redirect, for protected routes may hide. A 200 is an admission whatever its prose says. For revocation
//! the declared command is run on the key of role `revocable`, and the key is tried until it is refused.
//!
//! **Positive control**: the key of every other role works before and after.
//! **Negative control**: the same requests with the right key are let in on each route that is judged, and, with a
//! lab, their markers are seen there; so an admission and a call behind the target's back would both be noticed.
//! **Evidence**: every wrong key that was let in; one refusal of each route; the lab's arrivals.
//! **Cannot tell**: whether keys are stored hashed, and whether a revocation is heard by every node behind a balancer.
//! Tokens and client certificates (`S5.tokens`, `S5.certificates`) are not tried here.

mod keys;
mod revocation;
mod wrong;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::judge::{Scored, UnscoredReason};

use super::{Proof, When};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};
use crate::self_test::{Oracle, Reading};
use crate::target::{Answer, DEAD_ROLES, REVOCABLE_ROLE, default_role};

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::S5,
    parts: &["S5.keys", "S5.revocation"],
    doc: include_str!("s5_auth.rs"),
    when: When::InOrder,
    attacks: false,
    oracles: &[REFUSED],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

/// A wrong key is let in: bad. Refused: good. Anything that is neither says nothing.
const REFUSED: Oracle = Oracle {
    name: "S5: refused",
    read: |sample| refused(&sample.answer).into(),
    obedient: Reading::Bad,
    echoing: Reading::Bad,
    refusing: Reading::Good,
    excusing: Reading::Bad,
    empty: Reading::Bad,
};

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let keys = if default_role(target).is_some() {
        let dead = DEAD_ROLES
            .iter()
            .filter(|role| target.credentials.contains_key(**role))
            .count() as u64;
        let cases = wrong::COUNT + dead;
        PartPlan::yes("S5.keys", cases * 3 + 40, Duration::from_secs(10))
    } else {
        PartPlan::no(
            "S5.keys",
            "a key that works (credentials.<role>.key_env)",
            "without it a target that refuses everybody would pass",
        )
    };
    let revocation = match (
        &target.commands.revoke,
        target.credentials.contains_key(REVOCABLE_ROLE),
    ) {
        (None, _) => PartPlan::no(
            "S5.revocation",
            "commands.revoke",
            "the program that revokes a key",
        ),
        (_, false) => PartPlan::no(
            "S5.revocation",
            "a key that may be revoked for good (credentials.revocable.key_env)",
            "the proof uses it up",
        ),
        (Some(_), true) => PartPlan::yes("S5.revocation", 60, revocation::PATIENCE / 4),
    };
    vec![keys, revocation]
}

async fn run(ctx: Ctx) -> Vec<golive_checklist::report::PartReport> {
    let mut parts = vec![keys::prove(&ctx).await];
    let revocable =
        ctx.config.commands.revoke.is_some() && ctx.config.credentials.contains_key(REVOCABLE_ROLE);
    if revocable && !ctx.cancel.is_cancelled() {
        parts.push(revocation::prove(&ctx).await);
    }
    parts
}

/// Whether an answer refuses a credential. `false`: it let somebody in, or broke over the attempt.
fn refused(answer: &Answer) -> Scored<bool> {
    match answer.status.as_u16() {
        400 | 401 | 403 | 404 | 405 | 300..=399 | 431 => Scored::Scored(true),
        200..=299 => Scored::Scored(false),
        // A wrong key must not be able to break anything.
        500..=599 => Scored::Scored(false),
        other => Scored::Unscored(UnscoredReason::Unexpected(format!(
            "status {other} is neither in nor out"
        ))),
    }
}
