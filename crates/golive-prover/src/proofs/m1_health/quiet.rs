//! M1.quiet: asking for health makes no paid call, counted by the lab.

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_lab::{Arrival, Query};
use std::time::Duration;

use super::healthy::Baseline;
use super::{ask_health, question};
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;

/// How often health is asked.
pub(super) const PROBES: u64 = 20;

/// A call that a probe causes arrives within this time, and other traffic would show in it.
const SETTLE: Duration = Duration::from_millis(300);

pub(super) async fn prove(ctx: &Ctx, baseline: &Baseline) -> PartReport {
    ctx.waiting("paid calls that health makes");
    let part = ctx.part("M1.quiet").checklist("paid_calls_per_probe", 0).fix(
        "judge providers by the real calls of the last seconds and, when there are none, by a bare connect; never \
         call the model to ask whether it is there",
    );
    // The witness first: a call of the target is seen at the lab at all.
    let marker = ctx.marker("quiet");
    let _ = ctx
        .target
        .send(question(ctx, "quiet").deadline(ctx.config.declares.first_byte * 2))
        .await;
    let seen = ctx
        .timeline(&Query {
            contains: Some(marker),
            wait: Duration::from_secs(2),
            ..Query::default()
        })
        .await;
    let since = match &seen {
        Scored::Scored(page) => page
            .arrivals
            .last()
            .map_or(page.next, |last| last.seq.max(page.next)),
        Scored::Unscored(reason) => return part.unproven(format!("the lab cannot be asked: {reason}")),
    };
    let witnessed = seen.map(|page| !page.arrivals.is_empty());

    let _ = ctx.sleep(SETTLE).await;
    let before = match paid(ctx, since).await {
        Scored::Scored(calls) => calls,
        Scored::Unscored(reason) => return part.unproven(format!("the lab cannot be asked: {reason}")),
    };
    if let Some(other) = before.first() {
        return part.unproven(format!(
            "other traffic reached the lab while nobody asked ({} {}): run it alone",
            other.method, other.path
        ));
    }
    let mut answered = 0;
    for _ in 0..PROBES {
        answered += u64::from(ask_health(ctx).await.answer().is_some());
    }
    let _ = ctx.sleep(SETTLE).await;
    let mut tally = Tally::new();
    let calls = match paid(ctx, since).await {
        Scored::Scored(calls) => calls,
        Scored::Unscored(reason) => return part.unproven(format!("the lab cannot be asked: {reason}")),
    };
    for number in 0..PROBES {
        match number < answered {
            true if (number as usize) < calls.len() => {
                tally.add_bad(format!("{} paid calls for {PROBES} probes", calls.len()));
            }
            true => tally.add_good(),
            false => tally.add_unscored(&UnscoredReason::Unexpected("health did not answer".to_owned())),
        }
    }
    let controls = Controls::new()
        .positive(Positive::new(
            "health says 200 with its dependencies",
            Scored::Scored(baseline.well),
            baseline.health.in_short(),
        ))
        .negative(Negative::new("a real request is seen at the lab", witnessed, ""));
    let lines = calls
        .iter()
        .map(|call| format!("{} {} at {} µs", call.method, call.path, call.at_us))
        .collect();
    let part = part
        .headline(format!("{} paid calls for {answered} probes", calls.len()))
        .measured("paid_calls", calls.len())
        .measured("probes", answered)
        .controls(controls);
    let part = if calls.is_empty() {
        part
    } else {
        part.lines("what reached the lab", lines)
    };
    part.judged(&tally.judge(&Rule::all_of(PROBES)))
}

/// Calls of a model that reached the lab: a list of models costs nothing.
async fn paid(ctx: &Ctx, since: u64) -> Scored<Vec<Arrival>> {
    let query = Query {
        since,
        count: 0,
        brief: true,
        ..Query::default()
    };
    ctx.timeline(&query).await.map(|page| {
        page.arrivals
            .into_iter()
            .filter(|one| one.method == "POST")
            .collect()
    })
}
