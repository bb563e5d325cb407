//! E3: escalation to a person, proven from outside.
//!
//! **Proves** that a conversation is handed over to a person after the declared failed attempts, when the user asks for one,
//! and below the declared confidence, and not otherwise; that each hand-over arrives once, complete and signed, also over
//! an outage of its receiver; that the machine then keeps silent, and that the person's answer reaches the user.
//!
//! **How**: the lab plays the model and the receiver of the target's webhook. Made-up users ask for a person in ten
//! languages and in other words, say what only resembles it, meet failures and answers of a stated confidence; every event at
//! the receiver is matched to its conversation by what was said in it. Then the receiver is down: with errors, refusing
//! connections, silent. One conversation is followed on: a message meanwhile, an operator's answer, the way back.
//!
//! **Positive control**: an ordinary conversation is answered by the lab's model; a delivery made by the prover itself is
//! seen at the receiver.
//! **Negative control**: the ordinary conversation hands nothing over; for what must not hand over, a real request for a
//! person in the same minute did.
//! **Evidence**: the events as they came, the conversations that should and should not have made one, all deliveries.
//! **Cannot tell**: whether anybody reads the inbox (`E3.staffing`; a drill with a stop-watch is better than a word), what
//! happens outside office hours, or other ways of asking for a person than those that were tried.

mod asked;
mod desk;
mod event;
mod handed;
mod phrases;
mod reply;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::report::PartReport;
use golive_config::Target;

use self::desk::Desk;
use super::{Proof, When};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::E3,
    parts: PARTS,
    doc: include_str!("e3_escalation.rs"),
    when: When::InOrder,
    attacks: true,
    oracles: &[],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PARTS: &[&str] = &[
    "E3.attempts",
    "E3.phrase",
    "E3.confidence",
    "E3.near_misses",
    "E3.delivery",
    "E3.reply",
];

/// See [`crate::self_test::handover_phrases`].
pub(crate) fn all_phrases() -> impl Iterator<Item = &'static str> {
    phrases::ASKING
        .iter()
        .chain(phrases::IN_OTHER_WORDS)
        .map(|(_, text)| *text)
}

/// Why a part cannot be proven with what is declared.
fn missing(target: &Target, part: &str) -> Option<(&'static str, &'static str)> {
    let escalation = &target.escalation;
    if target.lab_url.is_none() {
        return Some((
            "the lab as the target's model (lab_url)",
            "a model that fails and doubts on command, and a receiver that records",
        ));
    }
    if escalation.receiver.is_none() {
        return Some((
            "the lab as the receiver of its webhook (escalation.receiver)",
            "only at a receiver is it seen that a person was called",
        ));
    }
    match part {
        "E3.confidence"
            if escalation.confidence_header.is_none() && escalation.confidence_pointer.is_none() =>
        {
            Some((
                "where the model's answer states its confidence (escalation.confidence_header or confidence_pointer)",
                "answers just below, at and above the declared confidence",
            ))
        }
        "E3.reply" if escalation.messages_path.is_none() => Some((
            "where a user reads what was said (escalation.messages_path)",
            "the operator's answer is looked for there",
        )),
        "E3.reply" if escalation.reply_path.is_none() && escalation.reply_command.is_none() => Some((
            "how an operator answers (escalation.reply_command or reply_path)",
            "an answer is given and followed to the user",
        )),
        _ => None,
    }
}

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let attempts = u64::from(input.target.escalation.attempts);
    PARTS
        .iter()
        .map(|part| match missing(input.target, part) {
            Some((missing, unlocks)) => PartPlan::no(part, missing, unlocks),
            None => {
                let (requests, seconds) = match *part {
                    "E3.attempts" => (2 * attempts + 3, 25),
                    "E3.phrase" => (
                        phrases::ASKING.len() as u64 + phrases::IN_OTHER_WORDS.len() as u64,
                        8,
                    ),
                    "E3.near_misses" => (phrases::NEAR_MISSES.len() as u64 + 1, 6),
                    "E3.confidence" => (3, 3),
                    "E3.delivery" => (3, 20),
                    _ => (8, 5),
                };
                PartPlan::yes(part, requests, Duration::from_secs(seconds))
            }
        })
        .collect()
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let wanted = |part: &str| missing(&ctx.config, part).is_none();
    let all: Vec<&'static str> = PARTS.iter().copied().filter(|part| wanted(part)).collect();
    let none = |reason: String| {
        all.iter()
            .map(|part| ctx.part(part).unproven(reason.clone()))
            .collect()
    };
    let desk = match Desk::open(&ctx).await {
        Ok(desk) => desk,
        Err(reason) => return none(reason),
    };
    let mut reports = Vec::new();
    // Phrases first: what they show of the deliveries is what the others are timed by. Failures last: they open breakers.
    let (phrase, near) = asked::prove(&desk).await;
    reports.push(phrase);
    reports.push(near);
    if wanted("E3.confidence") && !ctx.cancel.is_cancelled() {
        reports.push(handed::confidence(&desk).await);
    }
    if wanted("E3.reply") && !ctx.cancel.is_cancelled() {
        reports.push(reply::prove(&desk).await);
    }
    if !ctx.cancel.is_cancelled() {
        let outages = handed::outages(&desk).await;
        reports.push(handed::attempts(&desk).await);
        reports.push(handed::delivery(&desk, &outages).await);
    }
    desk.close().await;
    reports
}
