//! M1.refused, M1.hung, M1.healed: the dependency is broken in two ways, and healed after each.
//!
//! Never: leaves it broken, whatever happens between.

use std::time::{Duration, Instant};

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_checklist::threshold::Zone;
use tokio::task::JoinHandle;

use super::breaker::{Breaker, How};
use super::healthy::Baseline;
use super::naming::{self, Naming};
use super::{ANSWER_WITHIN, ask_health, pause, question, reading};
use crate::clock;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::target::{Call, Credential, Exchange, millis};

/// Real requests that are sent while it is broken: what counts failures in a row needs a few.
const REQUESTS: usize = 5;

/// Where liveness is found; the first that answers 200 is held to it. golive and Kubernetes, LiteLLM, Spring.
const LIVENESS: &[&str] = &[
    "/livez",
    "/health/liveliness",
    "/actuator/health/liveness",
    "/health/live",
];

/// One break and its healing.
struct Cycle {
    how: How,
    confirmed: Scored<bool>,
    /// When health said 503, and how long after the break.
    detected: Option<(Exchange, Duration)>,
    naming: Naming,
    probes: u64,
    slow: Vec<u64>,
    liveness: Option<Exchange>,
    healed: Option<Duration>,
    last: Exchange,
    lines: Vec<String>,
}

pub(super) async fn prove(ctx: &Ctx, baseline: &Baseline) -> Vec<PartReport> {
    let reason = match Breaker::of(ctx).await {
        Err(reason) => reason,
        Ok(_) if !baseline.well => format!(
            "health does not say that all is well to begin with ({}): nothing can turn bad",
            baseline.health.in_short()
        ),
        Ok(breaker) => return with(ctx, baseline, &breaker).await,
    };
    ["M1.refused", "M1.hung", "M1.healed"]
        .into_iter()
        .map(|part| ctx.part(part).unproven(&reason))
        .collect()
}

async fn with(ctx: &Ctx, baseline: &Baseline, breaker: &Breaker) -> Vec<PartReport> {
    let liveness = liveness(ctx).await;
    let mut parts = Vec::new();
    let mut cycles = Vec::new();
    for (how, part) in [(How::Refuse, "M1.refused"), (How::Hang, "M1.hung")] {
        if ctx.cancel.is_cancelled() {
            break;
        }
        if !breaker.can(how) {
            parts.push(ctx.part(part).unproven(
                "needs a way to make it hang: a provider of the lab with a port of its own, or {how} in commands.break",
            ));
            continue;
        }
        match cycle(ctx, baseline, breaker, how, liveness).await {
            Ok(cycle) => {
                parts.push(report(ctx, baseline, part, &cycle));
                cycles.push(cycle);
            }
            Err(reason) => parts.push(ctx.part(part).unproven(reason)),
        }
    }
    parts.push(healed(ctx, baseline, &cycles));
    parts
}

/// The target's liveness address, if it has one.
async fn liveness(ctx: &Ctx) -> Option<&'static str> {
    for path in LIVENESS {
        if ask_liveness(ctx, path).await.status() == Some(200) {
            return Some(path);
        }
    }
    None
}

async fn ask_liveness(ctx: &Ctx, path: &str) -> Exchange {
    ctx.target
        .send(
            Call::get(path)
                .credential(Credential::None)
                .deadline(ANSWER_WITHIN * 3),
        )
        .await
}

/// Breaks, watches, heals, watches.
async fn cycle(
    ctx: &Ctx,
    baseline: &Baseline,
    breaker: &Breaker,
    how: How,
    liveness: Option<&'static str>,
) -> Result<Cycle, String> {
    ctx.waiting(format!("health to notice a provider that {}s", how.word()));
    if let Err(reason) = breaker.break_it(ctx, how).await {
        let _ = breaker.heal(ctx).await;
        return Err(reason);
    }
    let broken_at = clock::now();
    let mut cycle = Cycle {
        how,
        confirmed: breaker.confirm(how).await,
        detected: None,
        naming: Naming::Nobody,
        probes: 0,
        slow: Vec::new(),
        liveness: None,
        healed: None,
        last: baseline.health.clone(),
        lines: Vec::new(),
    };
    let patience = allowed(ctx, how);
    let mut calls: Vec<JoinHandle<Exchange>> = (0..REQUESTS)
        .map(|_| call(ctx, how.word(), patience * 2))
        .collect();
    watch_break(ctx, baseline, &mut cycle, broken_at, patience).await;
    if let (Some(path), Some(_)) = (liveness, &cycle.detected) {
        cycle.liveness = Some(ask_liveness(ctx, path).await);
    }

    ctx.waiting("health to notice that the provider is back");
    let healed = breaker.heal(ctx).await;
    for call in calls.drain(..) {
        call.abort();
    }
    healed?;
    watch_healing(ctx, &mut cycle).await;
    Ok(cycle)
}

/// The time health has: a hang shows only when the target's own clock gives a real call up.
fn allowed(ctx: &Ctx, how: How) -> Duration {
    let declares = &ctx.config.declares;
    match how {
        How::Refuse => declares.health_detect,
        How::Hang => declares.first_byte + declares.health_detect,
    }
}

fn call(ctx: &Ctx, purpose: &str, deadline: Duration) -> JoinHandle<Exchange> {
    let (target, call) = (ctx.target.clone(), question(ctx, purpose).deadline(deadline));
    clock::start(async move { target.send(call).await })
}

/// Asks health until it names what is broken, or its time is over. A 503 that names nothing yet may be half of the
/// way: it is looked at until the end.
async fn watch_break(
    ctx: &Ctx,
    baseline: &Baseline,
    cycle: &mut Cycle,
    broken_at: Instant,
    patience: Duration,
) {
    let hints = [
        ctx.config.lab_provider.as_str(),
        ctx.config.model.as_deref().unwrap_or_default(),
    ];
    loop {
        let exchange = ask_health(ctx).await;
        let after = clock::now().saturating_duration_since(broken_at);
        cycle.probes += 1;
        if exchange.elapsed > ANSWER_WITHIN {
            cycle.slow.push(millis(exchange.elapsed));
        }
        cycle.note(after, &exchange);
        let unwell = exchange.status() == Some(503);
        if unwell {
            let named = exchange.answer().map(reading::named).unwrap_or_default();
            cycle.naming = naming::judge(&hints, &baseline.named, &named);
            cycle.detected.get_or_insert_with(|| (exchange.clone(), after));
        }
        cycle.last = exchange;
        let settled = unwell && matches!(cycle.naming, Naming::Right(_) | Naming::Unclear(_));
        if settled || after > patience || !ctx.sleep(pause(ctx)).await {
            return;
        }
    }
}

/// Asks health until it is well again, with a real request now and then: some targets learn only from those.
async fn watch_healing(ctx: &Ctx, cycle: &mut Cycle) {
    let (started, allowed) = (clock::now(), ctx.config.declares.health_detect);
    let mut call_in_flight: Option<JoinHandle<Exchange>> = None;
    loop {
        if call_in_flight.as_ref().is_none_or(JoinHandle::is_finished) {
            call_in_flight = Some(call(ctx, "healing", allowed));
        }
        let exchange = ask_health(ctx).await;
        let after = clock::now().saturating_duration_since(started);
        cycle.note(after, &exchange);
        if exchange
            .answer()
            .is_some_and(|answer| reading::wrong_with(answer).is_empty())
        {
            cycle.healed = Some(after);
        }
        if cycle.healed.is_some() || after > allowed || !ctx.sleep(pause(ctx)).await {
            break;
        }
    }
    if let Some(call) = call_in_flight {
        call.abort();
    }
}

impl Cycle {
    fn note(&mut self, after: Duration, exchange: &Exchange) {
        let line = format!(
            "health {}",
            exchange
                .status()
                .map_or_else(|| "no answer".to_owned(), |s| s.to_string())
        );
        // Only changes: a thousand equal lines say nothing.
        if self.lines.last().is_none_or(|last| !last.ends_with(&line)) {
            self.lines.push(format!("{:>7} ms  {line}", millis(after)));
        }
    }
}

fn report(ctx: &Ctx, baseline: &Baseline, part: &'static str, cycle: &Cycle) -> PartReport {
    let mut tally = Tally::new();
    let patience = allowed(ctx, cycle.how);
    match &cycle.detected {
        Some(_) => tally.add_good(),
        None if ctx.cancel.is_cancelled() => tally.add_unscored(&UnscoredReason::Interrupted),
        None => tally.add_bad(format!(
            "health never said 503 in {} ms with a provider that {}s: {}",
            patience.as_millis(),
            cycle.how.word(),
            cycle.last.in_short()
        )),
    }
    let mut unclear = None;
    if cycle.detected.is_some() {
        match &cycle.naming {
            Naming::Right(_) => tally.add_good(),
            Naming::Unclear(names) => unclear = Some(names.clone()),
            Naming::Nobody => tally.add_bad("it says 503 and names no dependency"),
            Naming::Wrong(names) => tally.add_bad(format!("it blames the wrong dependency: {names}")),
        }
    }
    for ms in &cycle.slow {
        tally.add_bad(format!(
            "health itself took {ms} ms: it hangs with its dependency"
        ));
    }
    for _ in cycle.slow.len() as u64..cycle.probes {
        tally.add_good();
    }
    if let Some(alive) = &cycle.liveness {
        match alive.status() {
            Some(200) => tally.add_good(),
            _ => tally.add_bad(format!(
                "liveness is not 200 while a provider is down: {}",
                alive.in_short()
            )),
        }
    }
    let mut judgement = tally.judge(&Rule::all_of(1));
    if let Some(names) = unclear {
        judgement = judgement.no_better_than(
            Zone::Warn,
            format!("`{names}` turned bad; see whether that is the model's provider"),
        );
    }
    let mut draft = ctx
        .part(part)
        .declared("detect_ms", millis(ctx.config.declares.health_detect))
        .declared("allowed_ms", millis(patience))
        .checklist("status", 503)
        .checklist("answer_within_ms", millis(ANSWER_WITHIN))
        .scaled(ctx.config.scaled)
        .measured("health_answers", cycle.probes)
        .fix(
            "count failed attempts and timeouts of each provider in a row; answer 503 with that provider's entry as \
             `fail` from what is known, without asking the provider while health is asked; keep liveness apart",
        )
        .controls(controls(ctx, baseline, cycle));
    if let Some((exchange, after)) = &cycle.detected {
        let names = match &cycle.naming {
            Naming::Right(names) | Naming::Unclear(names) | Naming::Wrong(names) => names.as_str(),
            Naming::Nobody => "nothing",
        };
        draft = draft
            .headline(format!("503 after {} ms, naming {names}", millis(*after)))
            .measured("detected_ms", millis(*after))
            .evidence(exchange.evidence("the first 503"));
    }
    draft
        .evidence(cycle.last.evidence("the last health answer while broken"))
        .evidence(baseline.health.evidence("health before"))
        .evidence(swim_lane(cycle))
        .judged(&judgement)
}

fn healed(ctx: &Ctx, baseline: &Baseline, cycles: &[Cycle]) -> PartReport {
    let allowed = ctx.config.declares.health_detect;
    let mut tally = Tally::new();
    let mut part = ctx
        .part("M1.healed")
        .declared("detect_ms", millis(allowed))
        .scaled(ctx.config.scaled)
        .fix(
            "let one success, or one bare connect every few seconds, bring a provider back without a restart",
        );
    let mut controls = Controls::new();
    let mut slowest = 0;
    for cycle in cycles {
        let how = cycle.how.word();
        controls = controls
            .positive(Positive::new(
                format!("it was well before the {how}"),
                Scored::Scored(baseline.well),
                "",
            ))
            .negative(Negative::new(
                format!("it was unwell during the {how}"),
                Scored::Scored(cycle.detected.is_some()),
                "what never turned bad cannot turn good again",
            ));
        match (&cycle.detected, cycle.healed) {
            (None, _) => tally.add_unscored(&UnscoredReason::Unexpected(format!(
                "the {how} was never noticed"
            ))),
            (Some(_), Some(after)) => {
                slowest = slowest.max(millis(after));
                tally.add_good();
            }
            (Some(_), None) if ctx.cancel.is_cancelled() => tally.add_unscored(&UnscoredReason::Interrupted),
            (Some(_), None) => tally.add_bad(format!(
                "not well {} ms after the {how} was healed",
                allowed.as_millis()
            )),
        }
        part = part.evidence(swim_lane(cycle));
    }
    part.headline(format!("well again at most {slowest} ms after it was healed"))
        .measured("healed_ms", slowest)
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(1)))
}

fn controls(ctx: &Ctx, baseline: &Baseline, cycle: &Cycle) -> Controls {
    let broken = format!("the provider really {}s", cycle.how.word());
    Controls::new()
        .positive(Positive::new(
            "a real request was answered before",
            baseline.works(ctx),
            baseline.request.in_short(),
        ))
        .positive(Positive::new(
            broken,
            cycle.confirmed.clone(),
            "said by the lab or by the command",
        ))
        .negative(Negative::new(
            "the same address was well before",
            Scored::Scored(baseline.well),
            baseline.health.in_short(),
        ))
}

fn swim_lane(cycle: &Cycle) -> Evidence {
    Evidence {
        title: format!(
            "health over time: the provider {}s, then it is healed (times begin anew)",
            cycle.how.word()
        ),
        lines: cycle.lines.clone(),
        ..Evidence::default()
    }
}
