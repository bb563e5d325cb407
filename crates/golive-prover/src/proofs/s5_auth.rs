//! S5: authentication, proven from outside.
//!
//! **Proves** that every wrong API key, token and client certificate is refused on every route of the target's format,
//! that a revoked key is refused within seconds of its revocation and a token of a withdrawn signing key within the
//! declared time, and that an issuer that is down locks nobody out.
//!
//! **How**: about forty wrong credentials (missing, malformed, one character off, in the query string, forged tokens,
//! identity headers instead of a key, the declared revoked and expired keys) are sent to the plain route, the
//! streaming route and the list of models, each with a marker of its own. A 401 or 403 is a refusal; so are 400, 404,
//! 405 and a redirect, for protected routes may hide. A 200 is an admission whatever its prose says. For revocation
//! the declared command is run on the key of role `revocable`, and the key is tried until it is refused. The lab plays
//! the OIDC issuer: it makes right tokens and about seventy wrong ones (expired, foreign, unsigned, signed with the
//! public key as a secret, with keys of their own), rotates and withdraws its key, and goes down in five ways; it
//! records who fetches what. Wrong client certificates are made by the prover where the target's authority is not
//! needed (none, self-signed, another authority of the same name) and given as files where it is.
//!
//! **Positive control**: the key, token or certificate of every other role works before and after.
//! **Negative control**: the same requests with the right key are let in on each route that is judged, and, with a
//! lab, their markers are seen there; so an admission and a call behind the target's back would both be noticed.
//! **Evidence**: every wrong credential that was let in; one refusal of each route; the lab's arrivals and fetches.
//! **Cannot tell**: whether keys are stored hashed, whether a revocation is heard by every node behind a balancer, and
//! what a target does with tokens of an issuer that the lab does not play.

mod certificates;
mod drills;
mod forged;
mod keys;
mod made;
mod revocation;
mod routes;
mod tokens;
mod wrong;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_config::Target;

use super::{Proof, When};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput, Provable};
use crate::self_test::{Oracle, Reading};
use crate::target::{Answer, DEAD_ROLES, REVOCABLE_ROLE, default_role};

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::S5,
    parts: &["S5.keys", "S5.revocation", "S5.tokens", "S5.certificates"],
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
    vec![keys, revocation, plan_tokens(target), certificates::plan(target)]
}

fn plan_tokens(target: &Target) -> PartPlan {
    let no = |missing: &str, unlocks: &str| PartPlan::no("S5.tokens", missing, unlocks);
    match (&target.issuer, &target.lab_url) {
        (None, _) => no(
            "issuer (the lab's issuer, which the target was told to trust)",
            "the lab makes right tokens and forges the others",
        ),
        (Some(_), None) => no("lab_url", "the lab plays the issuer"),
        (Some(issuer), _) if issuer.roles.is_empty() => no(
            "issuer.roles.<role> (what a right token says)",
            "without a token that works a target that refuses everybody would pass",
        ),
        (Some(issuer), Some(_)) => PartPlan::yes(
            "S5.tokens",
            forged::COUNT * 3 + 60,
            Duration::from_secs(20) + issuer.forgets_within,
        ),
    }
}

async fn run(ctx: Ctx) -> Vec<golive_checklist::report::PartReport> {
    let mut parts = Vec::new();
    if default_role(&ctx.config).is_some() {
        parts.push(keys::prove(&ctx).await);
    }
    let revocable =
        ctx.config.commands.revoke.is_some() && ctx.config.credentials.contains_key(REVOCABLE_ROLE);
    if revocable && !ctx.cancel.is_cancelled() {
        parts.push(revocation::prove(&ctx).await);
    }
    let yes = |plan: PartPlan| plan.provable == Provable::Yes;
    if yes(plan_tokens(&ctx.config)) && !ctx.cancel.is_cancelled() {
        parts.push(tokens::prove(&ctx).await);
    }
    if yes(certificates::plan(&ctx.config)) && !ctx.cancel.is_cancelled() {
        parts.push(certificates::prove(&ctx).await);
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
