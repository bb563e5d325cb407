//! M2: the metrics, proven from outside: not that they are there, but that their numbers are right.
//!
//! **Proves** that the count of requests and of errors, the latency histogram and the count of tokens move by exactly
//! what was sent.
//!
//! **How**: the metrics are scraped until they stand still. Then a known batch is sent through the lab, which answers
//! with exact usage after exact times and fails a twentieth of it; a quarter are streams, half of those without asking
//! for usage. Then the metrics are scraped again until they have caught up. Names are looked up in a table of known
//! dialects (golive, LiteLLM, OpenTelemetry GenAI, vLLM) and summed over all labels. The sum of latencies must lie
//! between what the lab waited and what the client measured; the bucket of the 95th percentile must hold the known
//! one.
//!
//! **Positive control**: every request of the batch was answered or failed as told, and was seen at the lab.
//! **Negative control**: without requests the counters stand still, before and after.
//! **Evidence**: each figure before and after, with the difference that was expected.
//! **Cannot tell**: the cost (`M2.cost`) and gauges (`M2.gauges`); the sum over nodes behind a balancer of which one is
//! scraped: that looks like numbers that are too small. Other traffic makes it unproven.

mod batch;
mod dialect;
pub(super) mod exposition;
mod judge;

use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::report::PartReport;
use golive_config::TargetFormat;

use super::{Proof, When};
use crate::clock;
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};
use crate::target::{Call, Credential, Exchange};
use batch::Batch;
use dialect::Figures;
use exposition::Exposition;

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::M2,
    parts: PARTS,
    doc: include_str!("m2_metrics.rs"),
    when: When::InOrder,
    attacks: false,
    oracles: &[],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PARTS: &[&str] = &["M2.requests", "M2.latency", "M2.tokens"];

/// Two scrapes this far apart with the same count: nobody else is calling.
const STILL: Duration = Duration::from_millis(400);

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let requests = batch::size(target.scaled) as u64 + 20;
    PARTS
        .iter()
        .map(|part| {
            if target.metrics_url.is_none() {
                PartPlan::no(
                    part,
                    "the address of its metrics (metrics_url)",
                    "whether the numbers are right",
                )
            } else if target.lab_url.is_none() {
                PartPlan::no(
                    part,
                    "the lab as its model (lab_url)",
                    "only answers of known length, time and usage can be counted after",
                )
            } else if *part == "M2.tokens" && target.format == TargetFormat::Http {
                PartPlan::no(
                    part,
                    "a wire format that reports usage",
                    "an agent's own JSON has no tokens",
                )
            } else {
                // One batch serves the three parts.
                PartPlan::yes(
                    part,
                    if *part == "M2.requests" { requests } else { 0 },
                    Duration::from_secs(5),
                )
            }
        })
        .collect()
}

/// The longest the metrics may lag behind: exporters that push write every 15 s.
fn patience(scaled: bool) -> Duration {
    if scaled {
        Duration::from_millis(1_500)
    } else {
        Duration::from_secs(20)
    }
}

/// What was scraped around the batch.
struct Scraped {
    before: Figures,
    after: Figures,
    pages: [Exchange; 2],
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    match measure(&ctx).await {
        Ok((scraped, batch)) => judge::parts(&ctx, &scraped, &batch),
        Err((reason, page)) => PARTS
            .iter()
            .map(|part| {
                let draft = ctx.part(part);
                let draft = match &page {
                    Some(page) => draft.evidence(page.evidence("the metrics")),
                    None => draft,
                };
                draft.unproven(&reason)
            })
            .collect(),
    }
}

type Unmeasured = (String, Option<Box<Exchange>>);

async fn measure(ctx: &Ctx) -> Result<(Scraped, Batch), Unmeasured> {
    ctx.waiting("the metrics to stand still");
    let (first, page) = scrape(ctx).await?;
    let _ = ctx.sleep(STILL).await;
    let (before, before_page) = scrape(ctx).await?;
    if moved(&first, &before) {
        let reason = "other traffic: the count of requests moved while nothing was sent; run it alone";
        return Err((reason.to_owned(), Some(Box::new(page))));
    }
    let batch = batch::send(ctx).await.map_err(|reason| (reason, None))?;
    let started = clock::now();
    let expected = batch.sent() as f64;
    let was = before.requests.as_ref().map_or(0.0, |found| found.value);
    loop {
        ctx.waiting("the metrics to catch up");
        let (now, _) = scrape(ctx).await?;
        let caught_up = now
            .requests
            .as_ref()
            .is_none_or(|found| found.value - was >= expected);
        let late = clock::now().saturating_duration_since(started) > patience(ctx.config.scaled);
        if caught_up || late || !ctx.sleep(STILL / 4).await {
            break;
        }
    }
    // Counted late or counted twice: both show only once the numbers stand still again.
    let (settled, _) = scrape(ctx).await?;
    let _ = ctx.sleep(STILL).await;
    let (after, after_page) = scrape(ctx).await?;
    if moved(&settled, &after) {
        let reason = "other traffic: the count of requests moved after the batch was answered; run it alone";
        return Err((reason.to_owned(), Some(Box::new(after_page))));
    }
    Ok((
        Scraped {
            before,
            after,
            pages: [before_page, after_page],
        },
        batch,
    ))
}

fn moved(before: &Figures, after: &Figures) -> bool {
    let count = |figures: &Figures| figures.requests.as_ref().map_or(0.0, |found| found.value);
    count(before) != count(after)
}

async fn scrape(ctx: &Ctx) -> Result<(Figures, Exchange), Unmeasured> {
    let mut page = ctx
        .target
        .send(Call::metrics().deadline(Duration::from_secs(10)))
        .await;
    if matches!(page.status(), Some(401 | 403)) {
        // Metrics may be guarded by the same key as everything else.
        let call = Call::metrics()
            .credential(Credential::Default)
            .deadline(Duration::from_secs(10));
        page = ctx.target.send(call).await;
    }
    let text = match page.answer() {
        Some(answer) if answer.status.is_success() && !answer.truncated => answer.text(),
        _ => {
            return Err((
                format!("the metrics cannot be read: {}", page.in_short()),
                Some(Box::new(page)),
            ));
        }
    };
    match Exposition::parse(&text) {
        Ok(exposition) => Ok((Figures::of(&exposition), page)),
        Err(error) => Err((
            format!("the metrics cannot be read: {error}"),
            Some(Box::new(page)),
        )),
    }
}
