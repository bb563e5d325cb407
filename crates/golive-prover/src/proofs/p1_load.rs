//! P1: load, proven from outside.
//!
//! **Proves** that at ten times the expected traffic simple and complex requests stay below their declared 95th
//! percentiles, that the error rate stays within its threshold, and that the target is as quick as before afterwards.
//!
//! **How**: an open loop: requests are due by a seeded Poisson process whatever the answers do, 1× → 2× → 5× → 10× of
//! the declared peak, beyond it by halves where the budget of requests allows, until something gives way, and back to
//! 1×; latency counts from the instant a request was *due*. Half are simple, half complex
//! (tools offered, some 4 KB of input); a third of each are streams. A request fails by its status, by an error within
//! a 200, by a stream without its end. Each is sent on behalf of a person of its own and with the target's usual key.
//! Stages hold 60 s after their warm-up; a target that is `scaled = true` gets a few seconds, and the report says so.
//! A percentile passes only if the upper end of its 95 % interval is below the line, over at least 100 samples; between
//! the ends it is a warning.
//!
//! **Positive control**: a simple and a complex request are answered before the load.
//! **Negative control**: a broken request, sent by the generator, counts as a failure there.
//! **Evidence**: per stage what was due, sent and answered, the percentiles with their intervals, what failed and how;
//! latency over time and against the load; the breaking point; both latency and service time; how far the provider's
//! own limits reach, where its headers come through.
//! **Cannot tell**: whether the expected traffic is the right one; anything, if the generator itself was late, short of
//! processor time or refused by a limit (429): then it is unproven, and a generator that was too weak makes the whole
//! run INVALID.

mod headroom;
mod judge;
#[cfg(test)]
mod modelled;
pub(super) mod offer;
mod picture;

use std::time::Duration;

use golive_checklist::gate::LoadOffered;
use golive_checklist::item::ItemId;
use golive_checklist::report::PartReport;
use golive_config::Target;
use golive_load::ramp::Ramp;
use golive_load::{Plan, Role};

use super::{Proof, When};
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};
use crate::target::default_role;
use headroom::Headroom;

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::P1,
    parts: PARTS,
    doc: include_str!("p1_load.rs"),
    when: When::Alone,
    attacks: true,
    oracles: &[],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PARTS: &[&str] = &["P1.simple", "P1.complex", "P1.errors", "P1.recovery"];

/// Scaled runs are so much shorter: 1.8 s instead of 60 s per stage.
const SCALE: f64 = 0.03;

/// Requests the last stage of the ramp must have: 100 answered ones of each class, and 300 for an error rate.
const LAST_SAMPLES: u64 = 320;

/// Requests the first stage must have for a p95 to come back to: 20 have one at all, 100 have one with an interval.
const FIRST_SAMPLES: [u64; 2] = [24, 100];

/// Most stages beyond 10×, each of one and a half times the load before it: to 33.75×. A scaled target gets one.
const BEYOND: [u32; 2] = [1, 3];

/// The search for the breaking point may cost this share of the budget of requests, with all else that the ramp sends.
const BEYOND_SHARE: f64 = 0.5;

/// The plan of the load for a target and its rate: beyond 10× as far as the budget of requests allows.
fn load_plan(target: &Target, rate: f64, seed: u64) -> Plan {
    let affordable =
        |plan: &Plan| plan.expectation().requests as f64 <= target.budget.requests as f64 * BEYOND_SHARE;
    (0..=BEYOND[usize::from(!target.scaled)])
        .rev()
        .map(|beyond| ramp_plan(target, rate, seed, beyond))
        .find(affordable)
        .unwrap_or_else(|| ramp_plan(target, rate, seed, 0))
}

fn ramp_plan(target: &Target, rate: f64, seed: u64, beyond: u32) -> Plan {
    let ramp = Ramp {
        min_samples: 0,
        time_scale: if target.scaled { SCALE } else { 1.0 },
        beyond,
        ..Ramp::new(rate)
    };
    let mut plan = ramp.plan(seed);
    let declares = &target.declares;
    let last = plan.stages.iter().rposition(|stage| stage.role == Role::Ramp);
    for (at, stage) in plan.stages.iter_mut().enumerate() {
        stage.min_samples = match stage.role {
            Role::Ramp if at == 0 => FIRST_SAMPLES[usize::from(!target.scaled)],
            Role::Ramp if Some(at) == last => LAST_SAMPLES,
            // Enough for the recovery to have a 95th percentile.
            Role::Recovery => FIRST_SAMPLES[0] * 2,
            Role::Ramp | Role::Beyond => stage.min_samples,
        };
    }
    plan.abort.p95_lines = [Some(declares.p95_simple), Some(declares.p95_complex), None, None];
    // Past twice its line an answer is of no use to anybody.
    plan.deadline =
        (declares.p95_complex.max(declares.p95_simple) * 2).clamp(Duration::from_secs(1), plan.deadline);
    if target.scaled {
        // In a demo all runs on one machine; a hundredth of the line of a latency is nothing to it.
        let shortest = declares.p95_simple.min(declares.p95_complex);
        plan.validity.max_lag = plan.validity.max_lag.max(shortest / 100);
    }
    plan
}

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let no = |missing: &str, unlocks: &str| {
        PARTS
            .iter()
            .map(|part| PartPlan::no(part, missing, unlocks))
            .collect()
    };
    let Some(rate) = target.declares.expected_rate else {
        return no(
            "the expected peak in requests per second (declares.expected_rate)",
            "ten times nothing is nothing",
        );
    };
    if default_role(target).is_none() {
        return no(
            "a key that works (credentials.<role>.key_env)",
            "the load needs one",
        );
    }
    let expected = load_plan(target, rate, 0).expectation();
    PARTS
        .iter()
        .enumerate()
        // One ramp serves all parts.
        .map(|(at, part)| match at {
            0 => PartPlan::yes(part, expected.requests + 3, expected.shortest),
            _ => PartPlan::yes(part, 0, Duration::ZERO),
        })
        .collect()
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let Some(rate) = ctx.config.declares.expected_rate else {
        return Vec::new(); // the plan says so
    };
    let unproven = |reason: &str, controls: &Controls| -> Vec<PartReport> {
        PARTS
            .iter()
            .map(|part| ctx.part(part).controls(controls.clone()).unproven(reason))
            .collect()
    };
    let mut plan = load_plan(&ctx.config, rate, ctx.seed);
    let offer = match offer::Offer::new(&ctx, &plan).await {
        Ok(offer) => offer,
        Err(reason) => return unproven(&reason, &Controls::new()),
    };
    plan.budget = Some(offer.budget());
    let (controls, headroom) = controls(&ctx, &offer, rate).await;
    if !controls.both_held() {
        return unproven(
            "a control did not hold, so no load was offered: it would have shown nothing",
            &controls,
        );
    }
    let run = match offer.run(&ctx, plan).await {
        Ok(run) => run,
        Err(reason) => return unproven(&reason, &controls),
    };
    let weak = judge::generator_faults(&run);
    if !run.stages.is_empty() && !ctx.cancel.is_cancelled() {
        ctx.load_offered(if weak.is_empty() {
            LoadOffered::Yes
        } else {
            LoadOffered::No
        });
    }
    judge::parts(&ctx, &run, &controls, headroom.as_ref())
}

/// A request of each class is answered, and the generator notices one that is not. What the answers say of the
/// provider's own limits is read by the way.
async fn controls(ctx: &Ctx, offer: &offer::Offer, rate: f64) -> (Controls, Option<Headroom>) {
    let mut controls = Controls::new();
    let mut answers = Vec::new();
    for (class, name) in [
        (0, "a simple request is answered"),
        (1, "a complex request is answered"),
    ] {
        let (observed, detail, answer) = offer.try_one(ctx, class).await;
        controls = controls.positive(Positive::new(name, observed, detail));
        answers.extend(answer);
    }
    let (noticed, detail) = offer.try_broken(ctx).await;
    let controls = controls.negative(Negative::new(
        "a broken request counts as failed",
        noticed,
        detail,
    ));
    (controls, Headroom::read(&answers, &ctx.config, rate))
}
