//! E1: graceful degradation, proven from outside.
//!
//! **Proves** that whoever asks while the model fails is told so in a sentence for people, in the wire format that was
//! asked for, in streams too, with nothing of the inside in it; and that a healthy answer does not call itself degraded.
//!
//! **How**: the lab fails in every way it can for marked requests only: error statuses (their bodies full of stack traces,
//! addresses and keys), silence, cut connections, garbage, streams that break off. Each is asked for plainly and as a
//! stream, some in each declared language. Every text and header that comes back is read for some forty shapes of the inside.
//! Agents reply under 200 and mark it; models answer with a typed error. A broken stream must end with an error event.
//!
//! **Positive control**: before and after, a healthy call is answered with the lab's own mark and without a mark of
//! degradation, so a canned answer to everything is not taken for a friendly one.
//! **Negative control**: the lab's record shows that most faults, and some of each kind, were really done; and the search
//! finds the inside in a text that is made of it.
//! **Evidence**: each message that was wrong, with its request; the table of all faults and what the caller was told.
//! **Cannot tell**: whether the tone suits the house (`E1.tone` is a person's), what failures of the target's own parts
//! say, or whether a rarely used path tells more; a fallback outside the lab
//! is taken for a reply that hides the failure. The caller's own mistakes (400, 404, 422) are not failures and not tried.

mod cases;
mod judge;
mod leaks;
mod sentence;
mod shapes;
mod told;

use std::time::Duration;

use futures_util::future::join_all;
use golive_checklist::item::ItemId;
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_lab::{Match, Query, Rule};

use self::cases::Case;
use self::judge::Seen;
use super::{Proof, When};
use crate::clock;
use crate::ctx::Ctx;
use crate::lab_scripts::LabScripts;
use crate::plan::{PartPlan, PlanInput};
use crate::self_test::{Oracle, Reading};
use crate::target::{Ask, Exchange};

pub(crate) use self::sentence::is_sentence;
pub(crate) use self::told::Told;

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::E1,
    parts: PARTS,
    doc: include_str!("e1_degradation.rs"),
    when: When::InOrder,
    attacks: true,
    oracles: &[TELLS],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PARTS: &[&str] = &["E1.sentence", "E1.wire", "E1.leaks"];

/// Under a mark of degradation prose is a message and one word is none; a 403 blames the caller, and without the mark all
/// of them would pretend to be answers.
const TELLS: Oracle = Oracle {
    name: "E1: tells a failure",
    read: |sample| {
        let unmarked = Told::whole(&sample.answer, &sample.target);
        let mut answer = sample.answer.clone();
        answer
            .headers
            .insert("golive-degraded", http::HeaderValue::from_static("unavailable"));
        let told = Told::whole(&answer, &sample.target);
        let pretends = unmarked.shape(&sample.target).is_ok();
        let tells = told.shape(&sample.target).is_ok() && is_sentence(&told.words).is_ok();
        if tells && !pretends {
            Reading::Good
        } else {
            Reading::Bad
        }
    },
    obedient: Reading::Bad,
    echoing: Reading::Good,
    refusing: Reading::Bad,
    excusing: Reading::Good,
    empty: Reading::Bad,
};

/// Faults that were not reached because a breaker was open are tried again this often.
const ROUNDS: usize = 3;

/// Side by side when tried again: few enough that a breaker of five lets them all through.
const SIDE_BY_SIDE: usize = 5;

/// The longest that a target may take to answer well again between two rounds.
const HEALS_WITHIN: Duration = Duration::from_secs(45);

/// A caller waits no longer than this for a fault's answer, whatever the declared clocks are.
const PATIENCE: Duration = Duration::from_secs(150);

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    if target.lab_url.is_none() {
        return PARTS
            .iter()
            .map(|part| {
                PartPlan::no(
                    part,
                    "the lab as the target's model (lab_url)",
                    "only a model that fails on command shows what people are told then",
                )
            })
            .collect();
    }
    let requests = cases::all(target, input.quick).len() as u64;
    let time = patience(target) + Duration::from_secs(10);
    vec![
        PartPlan::yes("E1.sentence", requests + 20, time),
        PartPlan::yes("E1.wire", 0, Duration::ZERO),
        PartPlan::yes("E1.leaks", 0, Duration::ZERO),
    ]
}

/// The longest of the declared clocks, and a little.
fn patience(target: &golive_config::Target) -> Duration {
    let declares = &target.declares;
    let longest = declares.total_request.max(declares.first_byte + declares.idle);
    (longest + Duration::from_secs(3)).min(PATIENCE)
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let none = |reason: String| {
        PARTS
            .iter()
            .map(|part| ctx.part(part).unproven(reason.clone()))
            .collect()
    };
    let scripts = match LabScripts::of(&ctx).await {
        Ok(scripts) => scripts,
        Err(reason) => return none(reason),
    };
    let before = match healthy(&ctx, &scripts, "before").await {
        Ok(healthy) => healthy,
        Err(reason) => return none(reason),
    };
    let cases = cases::all(&ctx.config, ctx.quick);
    let rules: Vec<Rule> = cases.iter().map(|case| rule(&ctx, case)).collect();
    if let Err(error) = scripts.teach(&rules).await {
        scripts.restore(&ctx).await;
        return none(format!("the lab could not be told to misbehave ({error})"));
    }
    let seen = all(&ctx, &scripts, cases, before.by_lab).await;
    scripts.restore(&ctx).await;
    if !before.by_lab && seen.iter().all(|one| !one.reached) {
        return none("calls are answered but never reach the lab, so it cannot fail them; point the target's model at lab_url".to_owned());
    }
    if before.by_lab {
        settle(&ctx, &scripts).await;
    }
    let after = healthy(&ctx, &scripts, "after").await;
    judge::reports(&ctx, &before, after.as_ref(), &seen)
}

/// Every case once, and those that did not reach the lab again when the target is well.
async fn all(ctx: &Ctx, scripts: &LabScripts, cases: Vec<Case>, again: bool) -> Vec<Seen> {
    ctx.waiting(format!(
        "{} failures, at most {} s",
        cases.len(),
        patience(&ctx.config).as_secs()
    ));
    let mut seen = join_all(cases.into_iter().map(|case| one(ctx, scripts, case))).await;
    for _ in 1..ROUNDS {
        let missed: Vec<usize> = (0..seen.len()).filter(|n| !seen[*n].reached).collect();
        if missed.is_empty() || !again {
            break;
        }
        for group in missed.chunks(SIDE_BY_SIDE) {
            if ctx.cancel.is_cancelled() || !settle(ctx, scripts).await {
                return seen;
            }
            ctx.waiting(format!("{} failures that met an open breaker", group.len()));
            let again = group.iter().map(|n| one(ctx, scripts, seen[*n].case.clone()));
            for (n, found) in group.iter().zip(join_all(again).await) {
                // What was told while the breaker was open was told to a caller, too: it stays in judgement.
                let first = std::mem::replace(&mut seen[*n], found);
                if seen[*n].reached {
                    seen.push(Seen {
                        case: Case {
                            name: "an open breaker",
                            ..first.case.clone()
                        },
                        counts: false,
                        ..first
                    });
                }
            }
        }
    }
    seen
}

async fn one(ctx: &Ctx, scripts: &LabScripts, case: Case) -> Seen {
    let marker = ctx.marker(&case.key());
    let mut ask = Ask::new(format!("Say hello. {marker}")).user(ctx.user(&case.key()));
    ask.stream = case.stream;
    let mut call = ctx
        .target
        .call(&ask)
        .deadline(patience(&ctx.config))
        .body_max(1024 * 1024)
        .on_fresh_connection();
    if let Some(locale) = &case.locale {
        call = call.header("accept-language", locale);
    }
    let exchange = ctx.target.send(call).await;
    let reached = arrived(scripts, &marker).await;
    let told = Told::of(&exchange, &ctx.config);
    Seen {
        case,
        reached,
        told,
        exchange,
        counts: true,
    }
}

async fn arrived(scripts: &LabScripts, marker: &str) -> bool {
    let query = Query {
        contains: Some(marker.to_owned()),
        brief: true,
        limit: 1,
        ..Query::default()
    };
    let page = scripts.lab().timeline(&query).await;
    page.is_ok_and(|page| page.arrivals.iter().any(|at| at.fault.is_some()))
}

fn rule(ctx: &Ctx, case: &Case) -> Rule {
    Rule {
        matches: Match {
            contains: Some(ctx.marker(&case.key())),
            ..Match::default()
        },
        fault: Some(case.fault.clone()),
        ..Rule::default()
    }
}

/// A healthy call: the exchange, and whether the lab itself answered it.
pub(super) struct Healthy {
    pub(super) exchange: Exchange,
    pub(super) told: Told,
    /// Its text holds a mark that this lab made.
    pub(super) by_lab: bool,
}

async fn healthy(ctx: &Ctx, scripts: &LabScripts, when: &str) -> Result<Healthy, String> {
    let ask = Ask::new(format!("Say hello. {}", ctx.marker(when))).user(ctx.user(when));
    let call = ctx.target.call(&ask).deadline(patience(&ctx.config));
    let exchange = ctx.send_patiently(call).await;
    let told = match &exchange.outcome {
        Scored::Scored(answer) if answer.status.is_success() => Told::whole(answer, &ctx.config),
        Scored::Scored(_) | Scored::Unscored(_) => {
            return Err(format!(
                "a healthy call is not answered ({}); what is said of failures then says nothing",
                exchange.in_short()
            ));
        }
    };
    let by_lab = match golive_lab::nonce::find(&told.words) {
        Some(mark) => scripts.lab().verify(&mark).await.unwrap_or(false),
        None => false,
    };
    Ok(Healthy {
        exchange,
        told,
        by_lab,
    })
}

/// Waits until three healthy calls in a row are answered by the lab, so that a breaker is closed again.
async fn settle(ctx: &Ctx, scripts: &LabScripts) -> bool {
    let started = clock::now();
    let (mut good, mut n) = (0, 0);
    while good < 3 {
        n += 1;
        let found = healthy(ctx, scripts, &format!("settle-{n}")).await;
        if found.is_ok_and(|one| one.by_lab) {
            good += 1;
            continue;
        }
        good = 0;
        ctx.waiting("the target to answer well again");
        let late = clock::now().saturating_duration_since(started) > HEALS_WITHIN;
        if late || !ctx.sleep(Duration::from_millis(400)).await {
            return false;
        }
    }
    true
}

/// Why an exchange cannot be judged at all, if so.
pub(super) fn not_sent(exchange: &Exchange) -> Option<UnscoredReason> {
    match &exchange.outcome {
        Scored::Unscored(reason @ (UnscoredReason::Interrupted | UnscoredReason::OverBudget)) => {
            Some(reason.clone())
        }
        _ => None,
    }
}
