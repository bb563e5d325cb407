//! P2: timeouts, proven from outside.
//!
//! **Proves** that a provider that hangs, stalls or drips cannot hold a caller for longer than the declared clocks (first
//! byte, idle, total), that the caller gets an answer it can use, and that the call to the provider ends with the
//! clock, and with the caller who leaves.
//!
//! **How**: the lab plays the model and misbehaves for marked requests only: silent before the headers and after them,
//! silent in the middle of a stream, dripping byte by byte, streaming for ever. The caller's time to a useful answer
//! (a typed error, an error event, a degraded reply) must stay within the declared time and a slack that is derived
//! from the jitter and the latency just measured. Then the lab must see its connection closed within two seconds.
//! For cancellation the caller hangs up while the lab is still busy.
//!
//! **Positive control**: a healthy call is answered and seen at the lab; a call that takes half of its clock is answered
//! whole, so the clocks are not simply short.
//! **Negative control**: the lab's record shows that each fault was really done and the call really held.
//! **Evidence**: per case the caller's time, the lab's time of arrival and of the closed connection, the attempts.
//! **Cannot tell**: a clock longer than a quarter of an hour (the plan says so); how a hop before the target adds its
//! own. A target that tries again multiplies its clocks: then each attempt is held to the clock, and the whole to the
//! declared total. For the queue's clock a model is needed that serves few calls at a time (`links.queued`).

mod cancel;
mod clocks;
mod queue;
mod watch;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::report::PartReport;
use golive_config::{Target, TargetFormat};

use super::{Proof, When};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};
use crate::self_test::{Oracle, Reading};

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::P2,
    parts: PARTS,
    doc: include_str!("p2_timeouts.rs"),
    when: When::InOrder,
    attacks: true,
    oracles: &[USEFUL],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PARTS: &[&str] = &["P2.first_byte", "P2.idle", "P2.total", "P2.cancel", "P2.queue"];

/// The longest clock a run waits for.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Of a provider that hangs, only a typed error or a reply that says so is useful; silence is not. A 200 with prose is
/// a degraded reply: that the provider really hung is the lab's to say, not this oracle's.
const USEFUL: Oracle = Oracle {
    name: "P2: useful answer",
    read: |sample| {
        watch::useful_whole(&sample.answer, &sample.target).map_or(Reading::Bad, |()| Reading::Good)
    },
    obedient: Reading::Good,
    echoing: Reading::Good,
    refusing: Reading::Bad,
    excusing: Reading::Good,
    empty: Reading::Bad,
};

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let declares = &target.declares;
    let part = |id: &'static str, requests: u64, clock: Duration| {
        if target.lab_url.is_none() {
            PartPlan::no(
                id,
                "the lab as the target's model (lab_url)",
                "only a provider that hangs on command shows what the target does then",
            )
        } else if clock > PATIENCE {
            PartPlan::no(
                id,
                format!(
                    "a declared clock of at most {} min: proving {} min takes as long",
                    PATIENCE.as_secs() / 60,
                    clock.as_secs().div_ceil(60)
                ),
                "declare a shorter clock for staging; the report then says scaled",
            )
        } else {
            PartPlan::yes(id, requests, clock + Duration::from_secs(4))
        }
    };
    vec![
        part("P2.first_byte", 12, declares.first_byte.max(declares.idle)),
        part("P2.idle", 6, declares.idle + declares.first_byte / 4),
        part("P2.total", 6, total_of(target)),
        part("P2.cancel", 8, Duration::from_secs(3)),
        queue::plan(target),
    ]
}

/// How long the proof of the totals takes: both run side by side.
fn total_of(target: &Target) -> Duration {
    let declares = &target.declares;
    if streams(target) {
        declares.total_request.max(declares.total_stream)
    } else {
        declares.total_request
    }
}

/// Whether the target's format has streams.
fn streams(target: &Target) -> bool {
    target.format != TargetFormat::Http || target.pointers.as_ref().is_some_and(|at| at.stream.is_some())
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let planned = plan(&PlanInput {
        target: &ctx.config,
        may_attack: true,
        quick: false,
    });
    let wanted = |id: &str| {
        planned
            .iter()
            .any(|part| part.part == id && part.provable == crate::plan::Provable::Yes)
    };
    // Its calls wait beside those of the clocks: another model, which nothing else asks for.
    let queue = async {
        match wanted("P2.queue") {
            true => Some(queue::prove(&ctx).await),
            false => None,
        }
    };
    let clocks = async {
        let clocks = PARTS.iter().filter(|part| **part != "P2.queue");
        match watch::Stage::prepare(&ctx).await {
            Ok(stage) => clocks_of(&stage, &wanted).await,
            Err(reason) => clocks
                .map(|part| ctx.part(part).unproven(reason.clone()))
                .collect(),
        }
    };
    let (mut parts, queue) = tokio::join!(clocks, queue);
    parts.extend(queue);
    parts
}

async fn clocks_of(stage: &watch::Stage, wanted: &(dyn Fn(&str) -> bool + Sync)) -> Vec<PartReport> {
    let ctx = &stage.ctx;
    let mut parts = Vec::new();
    for (id, cases) in [
        ("P2.first_byte", clocks::first_byte(stage)),
        ("P2.idle", clocks::idle(stage)),
        ("P2.total", clocks::total(stage)),
    ] {
        if wanted(id) && !ctx.cancel.is_cancelled() {
            parts.push(clocks::prove(stage, id, cases).await);
        }
    }
    if wanted("P2.cancel") && !ctx.cancel.is_cancelled() {
        parts.push(cancel::prove(stage).await);
    }
    stage.clear().await;
    parts
}
