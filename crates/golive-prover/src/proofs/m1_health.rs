//! M1: the health endpoint, proven from outside.
//!
//! **Proves** that health says 200 and names its dependencies when all is well; that it says 503 and names *that*
//! dependency when one refuses and when one hangs, within the declared time and without hanging itself; that it says
//! 200 again when it is back; that asking makes no paid call; and that no secret and no host stands in it.
//!
//! **How**: the provider behind the target is broken by the lab, on its own port: it refuses connections, then it
//! accepts them and never answers. Without such a port the declared commands `break` and `heal` do it (`{how}` in a
//! word becomes `refuse` or `hang`). A few real requests are sent meanwhile, for a dependency that hangs shows in real
//! calls only; so the time allowed for a hang is the declared first-byte clock plus the declared time to detect.
//! Health is asked without pause; each answer must come within a second.
//!
//! **Positive control**: a real request is answered before; the lab confirms that its port really refuses or hangs.
//! **Negative control**: before the break the same address said 200; an address made up beside it does not; a real
//! request is seen at the lab, so a paid call of the health endpoint would be seen too.
//! **Evidence**: the health answers before, while broken and after, with their times; liveness while health fails.
//! **Cannot tell**: whether a dependency that is not the model's provider is noticed; whether a check in the
//! background costs money at other times; which dependency a name means if it resembles none: that is a warning.

mod breaker;
mod broken;
mod healthy;
mod naming;
mod quiet;
mod reading;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::report::PartReport;

use super::{Proof, When};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};
use crate::self_test::{Oracle, Reading};
use crate::target::{Ask, Call, Exchange};

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::M1,
    parts: &["M1.healthy", "M1.refused", "M1.hung", "M1.healed", "M1.quiet"],
    doc: include_str!("m1_health.rs"),
    when: When::InOrder,
    // Only three of its parts break anything; those ask for staging in the plan.
    attacks: false,
    oracles: &[HEALTHY],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

/// None of the answers of a model is a health document, however friendly.
const HEALTHY: Oracle = Oracle {
    name: "M1: healthy",
    read: |sample| match reading::wrong_with(&sample.answer).is_empty() {
        true => Reading::Good,
        false => Reading::Bad,
    },
    obedient: Reading::Bad,
    echoing: Reading::Bad,
    refusing: Reading::Bad,
    excusing: Reading::Bad,
    empty: Reading::Bad,
};

/// A health answer that takes longer has hung with its dependency, for a balancer that asks every few seconds.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// How long a health answer is waited for at all.
const PATIENCE: Duration = Duration::from_secs(3);

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let missing = |part| {
        PartPlan::no(
            part,
            "the address of its health (health_url)",
            "whether it tells the truth",
        )
    };
    if target.health_url.is_none() {
        return PROOF.parts.iter().map(|part| missing(part)).collect();
    }
    let detect = target.declares.health_detect;
    let broken = |part, time: Duration| {
        let by_command = target.commands.break_.is_some() && target.commands.heal.is_some();
        if target.lab_url.is_none() && !by_command {
            PartPlan::no(
                part,
                "a way to break a dependency: the lab as its model (lab_url), or commands.break and commands.heal",
                "a health that is always 200 looks like a good one until something breaks",
            )
        } else if !target.staging {
            PartPlan::no(
                part,
                "staging = true for this target",
                "this part breaks a dependency",
            )
        } else {
            // Health is asked a few times a second until it speaks.
            PartPlan::yes(part, 30 + time.as_secs() * 3, time)
        }
    };
    let hang = target.declares.first_byte + detect;
    let quiet = if target.lab_url.is_some() {
        PartPlan::yes("M1.quiet", quiet::PROBES + 2, Duration::from_secs(3))
    } else {
        PartPlan::no(
            "M1.quiet",
            "the lab as its model (lab_url)",
            "it counts the calls that health makes",
        )
    };
    vec![
        PartPlan::yes("M1.healthy", 10, Duration::from_secs(2)),
        broken("M1.refused", detect),
        broken("M1.hung", hang),
        broken("M1.healed", detect),
        quiet,
    ]
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let baseline = healthy::baseline(&ctx).await;
    let mut parts = vec![healthy::prove(&ctx, &baseline).await];
    if ctx.lab.is_some() && !ctx.cancel.is_cancelled() {
        parts.push(quiet::prove(&ctx, &baseline).await);
    }
    if ctx.config.staging && !ctx.cancel.is_cancelled() {
        parts.extend(broken::prove(&ctx, &baseline).await);
    }
    parts
}

/// Asks health once, without a credential.
async fn ask_health(ctx: &Ctx) -> Exchange {
    ctx.target.send(Call::health().deadline(PATIENCE)).await
}

/// A real request, to be sent with the patience of its caller.
fn question(ctx: &Ctx, purpose: &str) -> Call {
    let ask = Ask::new(format!("Say hello. {}", ctx.marker(purpose))).user(ctx.user(purpose));
    ctx.target.call(&ask)
}

/// Between two questions to health: a twentieth of the time to detect, so that the time found is exact enough.
fn pause(ctx: &Ctx) -> Duration {
    (ctx.config.declares.health_detect / 20).clamp(Duration::from_millis(20), Duration::from_millis(500))
}
