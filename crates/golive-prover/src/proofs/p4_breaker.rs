//! P4: the circuit breaker, proven from outside.
//!
//! **Proves** that after the declared failures in a row the target leaves a provider in peace and tells its callers so
//! at once; that when the declared time is over exactly the declared trial calls try it again, though many callers
//! wait; that it is back in service after the declared successes; that a trial call which fails opens it again and one
//! which hangs does not block it for ever; that only failures in a row count, and only the provider's own; and that one
//! provider's failures leave the others in service.
//!
//! **How**: the lab plays the provider behind single links and fails on command; only its timeline of arrivals is read.
//! One call after the other fails until none arrives; then comes the silence, in which calls are refused; then, from
//! just before the declared time, fifty callers ask again and again, of a provider that takes its time, so that two
//! trial calls at once would be seen side by side. Crowds of ten then show with which success it closes. With several
//! single links (`links.one`) the cases run side by side.
//!
//! **Positive control**: a healthy call is one attempt, before the faults, on each link.
//! **Negative control**: the lab's record shows that the failures were really done, and that without them calls arrive.
//! **Evidence**: the timeline from the first failure to the last trial, the longest silence, the time of the trial call,
//! the time of the refusals.
//! **Cannot tell**: a breaker kept by each of several processes behind a balancer: it is seen as one that opens late. What
//! is counted, attempts or whole calls, is told by how many attempts it took, and compared with the declaration.

mod closes;
mod counts;
mod judge;
mod opens;
mod trial;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::report::PartReport;
use golive_config::{Counted, Target};

use super::{Proof, When};
use crate::ctx::Ctx;
use crate::line::{Line, models_for, open_all};
use crate::part::PartDraft;
use crate::plan::{PartPlan, PlanInput, Provable};
use crate::target::millis;

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::P4,
    parts: PARTS,
    doc: include_str!("p4_breaker.rs"),
    when: When::InOrder,
    attacks: true,
    oracles: &[],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PARTS: &[&str] = &[
    "P4.opens",
    "P4.probe",
    "P4.closes",
    "P4.reopens",
    "P4.counts",
    "P4.isolation",
];

/// The longest that a breaker may stay open for a run to wait for it.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let open = target.dispatch.breaker.open;
    let part = |id: &'static str, requests: u64, time: Duration| {
        if target.lab_url.is_none() {
            PartPlan::no(
                id,
                "the lab as the target's model (lab_url)",
                "only a provider that fails on command shows when it is left in peace",
            )
        } else if open > PATIENCE {
            PartPlan::no(
                id,
                format!(
                    "a declared breaker.open of at most {} min",
                    PATIENCE.as_secs() / 60
                ),
                "declare a shorter time for staging; the report then says scaled",
            )
        } else if id == "P4.isolation" && target.dispatch.links.one.is_empty() {
            PartPlan::no(
                id,
                "a model with a single link beside the target's own (links.one)",
                "a second link shows whether the failures of the first leave it in service",
            )
        } else {
            PartPlan::yes(id, requests, time)
        }
    };
    let lanes = u32::try_from(models_for(target, ItemId::P4).len()).unwrap_or(1);
    // The longest case is the trial call that hangs; with one link they all follow one another.
    let one = opening(target) + open * 2 + target.declares.first_byte + Duration::from_secs(3);
    let time = if lanes >= 4 { one } else { one * 4 / lanes.max(1) };
    vec![
        part("P4.opens", 60, time),
        part("P4.probe", 400, Duration::ZERO),
        part("P4.closes", 80, Duration::ZERO),
        part("P4.reopens", 300, Duration::ZERO),
        part("P4.counts", 60, Duration::ZERO),
        part("P4.isolation", 20, Duration::ZERO),
    ]
}

/// How long it takes to fail as often as opens a breaker.
fn opening(target: &Target) -> Duration {
    let retry = &target.dispatch.retry;
    let call: Duration = retry.backoff.iter().sum();
    let per_call = retry.backoff.len() as u32 + 1;
    let calls = match target.dispatch.breaker.counts {
        Counted::Attempts => target.dispatch.breaker.failures.div_ceil(per_call),
        Counted::Calls => target.dispatch.breaker.failures,
    };
    call * calls
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
    let lines = match open_all(&ctx, "breaker", models_for(&ctx.config, ItemId::P4)).await {
        Ok(lines) => lines,
        Err(reason) => {
            return PARTS
                .iter()
                .map(|part| ctx.part(part).unproven(reason.clone()))
                .collect();
        }
    };
    let other = if wanted("P4.isolation") {
        Line::open(&ctx, "other", None, vec![ctx.config.lab_provider.clone()])
            .await
            .ok()
    } else {
        None
    };
    ctx.waiting(format!(
        "breakers to open, to try again after {} s, and to close, on {} links at a time",
        ctx.config.dispatch.breaker.open.as_secs_f32(),
        lines.len()
    ));
    let found = on_lanes(&lines, other.as_ref()).await;
    for line in &lines {
        line.clear().await;
    }
    let mut parts = judge::all(&lines[0], found);
    parts.retain(|part| wanted(part.id().as_str()));
    parts
}

/// The cases, longest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    Hung,
    Failed,
    Whole,
    Counting,
    Streams,
}

const JOBS: [Job; 5] = [Job::Hung, Job::Failed, Job::Whole, Job::Counting, Job::Streams];

/// What all cases found.
#[derive(Default)]
struct Found {
    whole: Option<closes::Whole>,
    failed: Option<trial::Again>,
    hung: Option<trial::Hung>,
    counting: Vec<counts::Counting>,
    streams: Option<opens::Opened>,
}

/// Deals the cases out to the lines; what one line gets runs one after the other.
async fn on_lanes(lines: &[Line], other: Option<&Line>) -> Found {
    let lane = |n: usize| async move {
        let mut found = Found::default();
        for (_, job) in JOBS.iter().enumerate().filter(|(at, _)| at % lines.len() == n) {
            let line = &lines[n];
            // The last case left the breaker as it was; what cannot be healed leaves the rest unmeasured.
            if line.ctx.cancel.is_cancelled() || line.heal().await.is_err() {
                break;
            }
            match job {
                Job::Whole => found.whole = Some(closes::whole(line, other).await),
                Job::Failed => found.failed = Some(trial::failed(line).await),
                Job::Hung => found.hung = Some(trial::hung(line).await),
                Job::Counting => found.counting = counts::all(line).await,
                Job::Streams => found.streams = Some(opens::by_streams(line).await),
            }
            line.clear().await;
        }
        found
    };
    let mut all = Found::default();
    for found in futures_util::future::join_all((0..lines.len()).map(lane)).await {
        all.whole = all.whole.or(found.whole);
        all.failed = all.failed.or(found.failed);
        all.hung = all.hung.or(found.hung);
        all.streams = all.streams.or(found.streams);
        all.counting.extend(found.counting);
    }
    all
}

/// The draft of a part with what is declared.
fn part(line: &Line, id: &'static str) -> PartDraft {
    let breaker = line.ctx.config.dispatch.breaker;
    let counts = match breaker.counts {
        Counted::Attempts => "attempts",
        Counted::Calls => "calls",
    };
    line.ctx
        .part(id)
        .declared("failures", breaker.failures)
        .declared("open_ms", millis(breaker.open))
        .declared("successes", breaker.successes)
        .declared("probes", breaker.probes)
        .declared("counts", counts)
        .checklist("failures", 5)
        .checklist("open_ms", 30_000)
        .checklist("successes", 3)
        .measured("slack_ms", millis(line.slack))
        .scaled(line.ctx.config.scaled)
}
