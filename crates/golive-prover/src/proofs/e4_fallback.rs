//! E4: the fallback chain, proven from outside.
//!
//! **Proves** that when a provider is down the next one of the chain answers, in the declared order, whatever it is that
//! brought the first one down; that the caller gets a valid answer in its own format, with tools, images, streams,
//! reasons to stop and usage, though the next provider speaks another one; that a stream which has begun is never
//! continued by another answer and never dressed up as a clean end; that the record names the link that answered, at
//! its price; that the first link is used again when it is well; and that the caller's own mistakes, and a provider's
//! refusal, do not travel down the chain.
//!
//! **How**: three virtual providers of the lab stand behind one model name, and each signs its answers. Marked calls
//! kill them in turn, by each fault, and after each of them a healthy call must be answered by the first again. What
//! each provider was asked, and by whom an answer is signed, is read at the lab.
//!
//! **Positive control**: a healthy call is answered by the first link, by one attempt.
//! **Negative control**: the lab's record shows that the first provider was asked and really failed.
//! **Evidence**: per fault who was asked in which order and who signed; the invalid answers; the records.
//! **Cannot tell**: a chain whose links all lead to one provider (they sign alike). Prices are compared only where the
//! target declares them (`links.prices`) and a command reads its records (`commands.read_back`).

mod broken;
mod callers;
mod order;
mod settlement;
mod shape;
mod validity;
mod watch;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::report::PartReport;

use super::{Proof, When};
use crate::ctx::Ctx;
use crate::line::Line;
use crate::plan::{PartPlan, PlanInput, Provable};

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::E4,
    parts: PARTS,
    doc: include_str!("e4_fallback.rs"),
    when: When::InOrder,
    attacks: true,
    oracles: &[],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PARTS: &[&str] = &[
    "E4.order",
    "E4.validity",
    "E4.settlement",
    "E4.return",
    "E4.caller_errors",
];

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let links = &target.dispatch.links;
    let declares = &target.declares;
    let part = |id: &'static str, requests: u64, time: Duration| {
        if target.lab_url.is_none() {
            PartPlan::no(
                id,
                "the lab as the target's models (lab_url)",
                "only providers that fail on command show who answers instead",
            )
        } else if links.chain.is_none() || links.providers.len() < 2 {
            PartPlan::no(
                id,
                "a model with a chain (links.chain) and the lab's providers behind it (links.providers)",
                "its first provider is killed in turn by each fault, and the next one must answer",
            )
        } else if id == "E4.settlement" && (target.commands.read_back.is_none() || links.prices.is_empty()) {
            PartPlan::no(
                id,
                "the prices of the links (links.prices) and a command that reads a record (commands.read_back)",
                "the record of each call is compared with the link that signed it, and with its price",
            )
        } else {
            PartPlan::yes(id, requests, time)
        }
    };
    vec![
        part("E4.order", 70, declares.first_byte * 3 + Duration::from_secs(5)),
        part("E4.validity", 40, declares.idle + Duration::from_secs(2)),
        part("E4.settlement", 8, Duration::from_secs(2)),
        part("E4.return", 0, Duration::ZERO),
        part("E4.caller_errors", 8, Duration::from_secs(1)),
    ]
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
            .any(|part| part.part == id && part.provable == Provable::Yes)
    };
    let links = &ctx.config.dispatch.links;
    let line = match Line::open(&ctx, "chain", links.chain.clone(), links.providers.clone()).await {
        Ok(line) => line,
        Err(reason) => {
            return PARTS
                .iter()
                .map(|part| ctx.part(part).unproven(reason.clone()))
                .collect();
        }
    };
    let mut stage = watch::Stage::new(line).await;
    let mut parts = Vec::new();
    let (order, mut validity) = (order::cases(&stage), validity::cases(&stage));
    validity.extend(broken::cases(&stage));
    let callers = callers::cases(&stage);
    let taught = stage.teach([&order, &validity, &callers]).await;
    if let Err(reason) = taught {
        let reason = format!("the lab could not be told to fail ({reason})");
        parts.extend(PARTS.iter().map(|part| ctx.part(part).unproven(reason.clone())));
    } else {
        ctx.waiting("each provider of the chain to be killed in turn");
        stage.heal_links().await;
        let order = stage.watch_all(order).await;
        stage.heal_links().await;
        let validity = stage.watch_all(validity).await;
        let callers = stage.watch_all(callers).await;
        parts.push(order::prove(&stage, &order));
        parts.push(validity::prove(&stage, &validity));
        if wanted("E4.settlement") {
            parts.push(settlement::prove(&stage).await);
        }
        parts.push(order::prove_return(&stage));
        parts.push(callers::prove(&stage, &callers));
    }
    stage.line.clear().await;
    parts.retain(|part| wanted(part.id().as_str()));
    parts
}
