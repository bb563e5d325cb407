//! P5: memory under a long constant load, proven from outside.
//!
//! **Proves** that at constant load the target's memory does not grow towards its limit, nor its descriptors and
//! threads, nor its database towards the space it may use; that it is the same process at the end; and that nothing
//! grows while nothing is asked for.
//!
//! **How**: an open loop offers a constant rate, a third of it streams, half of it complex, from a fixed number of
//! people. Beside it the figures are read from the first source that says something: a gauge of the heap, the control
//! group without file cache, the process's proportional set size, a gauge of resident memory, a declared command. The
//! first quarter is dropped; what is left is taken together in blocks of two autocorrelation times, and the slope
//! between block medians (Theil and Sen, 90 % interval) is held against two lines: the limit reached within 72 h fails,
//! within 14 days warns; without a known limit 25 % and 5 % a day. A series may show neither, and then it is not
//! decided: below 4 h a growth fails only if memory doubles, for a cache that fills looks the same. `golive soak` runs
//! in full and can be interrupted; `golive check` takes its record if there is one of this release, and soaks for
//! `soak.in_check` otherwise, which warns at best. A target that is `scaled = true` stands in for its declared length:
//! that length counts as a day.
//!
//! **Positive control**: a request is answered and the memory can be read before the load. **Negative control**: a leak
//! of one and a half times the fail line, planted into the very readings, is not taken for none.
//! **Evidence**: the curve with the fitted line and its band, the figures of each resource, what the load came to.
//! **Cannot tell**: what leaks by the hour, from a run that was shorter by the clock than by its requests; whose memory
//! a balancer's other nodes use; what lies outside the process that is read.

mod drive;
mod judge;
#[cfg(test)]
mod modelled;
mod picture;
mod record;
mod source;

use std::path::PathBuf;
use std::time::Duration;

use golive_checklist::item::ItemId;
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_checklist::unit::format_duration;
use golive_config::Target;
use serde_json::json;

use self::judge::{Judged, Terms, What};
use self::record::{Head, Keeper, Record, SCHEMA};
use self::source::{Limits, Source};
use super::p1_load::offer::Offer;
use super::{Proof, When};
use crate::clock;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::plan::{PartPlan, PlanInput};
use crate::target::{Ask, default_role};

/// This proof's row.
pub const PROOF: Proof = Proof {
    item: ItemId::P5,
    parts: &[PART],
    doc: include_str!("p5_soak.rs"),
    when: When::Alone,
    attacks: true,
    oracles: &[],
    plan,
    run: |ctx| Box::pin(run(ctx)),
};

const PART: &str = "P5.soak";

/// A finished record of a `golive soak` counts for so long: an older one is of another system.
const RECORD_DAYS: i64 = 30;

/// Fewest people that ask: less would find no cache that grows with people.
const PEOPLE_MIN: u64 = 100;

/// Requests per second of a soak.
fn rate(target: &Target) -> f64 {
    target.soak.rate.or(target.declares.expected_rate).unwrap_or(1.0)
}

/// In a short run no soak is longer: it could not pass in either case.
const QUICK: Duration = Duration::from_secs(60);

/// How long the load of this run is.
fn length(target: &Target, quick: bool) -> Duration {
    let most = if quick { QUICK } else { Duration::MAX };
    match target.soak.record {
        Some(_) => target.soak.duration,
        None => target.soak.in_check.min(target.soak.duration).min(most),
    }
}

/// So many people that none comes near half of the declared limit of one.
fn people(target: &Target, rate: f64) -> u64 {
    let each = target
        .declares
        .user_limit
        .map(|limit| f64::from(limit.count.get()) / limit.period.as_secs_f64() / 2.0);
    let wanted = each.map_or(0.0, |each| rate / each.max(1e-9));
    (wanted.ceil() as u64).clamp(PEOPLE_MIN, 1_000_000)
}

/// The requests that a soak of this target sends, readings of its metrics included: what `golive soak` allows itself.
#[must_use]
pub fn requests(target: &Target) -> u64 {
    requests_in(target, length(target, false))
}

fn requests_in(target: &Target, load: Duration) -> u64 {
    let readings = if target.metrics_url.is_some() {
        load.as_secs_f64() / drive::every(load).as_secs_f64() + 70.0
    } else {
        0.0
    };
    // A Poisson process sends more than its mean in some runs; four deviations are never met.
    let mean = rate(target) * load.as_secs_f64();
    (mean + 4.0 * mean.sqrt() + readings) as u64 + 50
}

fn plan(input: &PlanInput<'_>) -> Vec<PartPlan> {
    let target = input.target;
    let memory = &target.memory;
    let readable = target.metrics_url.is_some()
        || memory.cgroup.is_some()
        || memory.pid_file.is_some()
        || memory.command.is_some();
    let no = |missing: &str, unlocks: &str| vec![PartPlan::no(PART, missing, unlocks)];
    if !readable {
        return no(
            "a place where its memory can be read (memory.pid_file, memory.cgroup, memory.command or metrics_url)",
            "whether it grows under load",
        );
    }
    if default_role(target).is_none() {
        return no(
            "a key that works (credentials.<role>.key_env)",
            "the load needs one",
        );
    }
    let load = length(target, input.quick);
    vec![PartPlan::yes(
        PART,
        requests_in(target, load),
        load + drive::idle(load, target.soak.idle),
    )]
}

async fn run(ctx: Ctx) -> Vec<PartReport> {
    let part = match soak(&ctx).await {
        Ok(part) => part,
        Err(reason) => ctx.part(PART).scaled(ctx.config.scaled).unproven(reason),
    };
    vec![part]
}

async fn soak(ctx: &Ctx) -> Result<PartReport, String> {
    let found = Source::find(ctx).await;
    let (answered, detail, release) = try_one(ctx).await;
    let controls = Controls::new().positive(Positive::new("a request is answered", answered, detail));
    if ctx.config.soak.record.is_none()
        && let Some((record, path)) = earlier(ctx, release.as_deref())
    {
        let (limits, kernel) = match &found {
            Ok((source, _, limits)) => (*limits, source.is_kernel()),
            Err(_) => (Limits::default(), false),
        };
        let controls = controls.positive(Positive::new(
            "the memory was read",
            Scored::Scored(!record.readings.is_empty()),
            format!("{} readings in {}", record.readings.len(), path.display()),
        ));
        return Ok(report(ctx, &record, &terms(ctx, limits, kernel), controls));
    }
    let (source, figures, limits) = found?;
    let controls = controls.positive(Positive::new(
        "the memory can be read",
        Scored::Scored(true),
        format!("{}: {}", source.name(), What::Memory.shown(figures.memory)),
    ));
    if !controls.positive_held() {
        return Ok(ctx
            .part(PART)
            .controls(controls)
            .unproven("a control did not hold, so nothing was soaked: it would have shown nothing"));
    }
    let (rate, load) = (rate(&ctx.config), length(&ctx.config, ctx.quick));
    let head = Head {
        schema: SCHEMA.to_owned(),
        url: ctx.config.url.to_string(),
        rate,
        load_s: load.as_secs_f64(),
        source: source.name(),
    };
    let mut keeper = match &ctx.config.soak.record {
        Some(path) => Keeper::open(path, head).map_err(|error| error.to_string())?,
        None => Keeper::in_memory(head),
    };
    if let Some(release) = &release {
        keeper.release(release).map_err(|error| error.to_string())?;
    }
    let soaked = Duration::from_secs_f64(keeper.record.soaked_s());
    let left = load.saturating_sub(soaked).max(Duration::from_secs(1));
    let deadline = ctx.config.declares.p95_complex * 2;
    let plan = drive::load_plan(deadline, rate, left, ctx.seed ^ soaked.as_secs());
    let offer = Offer::new(ctx, &plan).await?.asked_by(people(&ctx.config, rate));
    drive::soak(ctx, &source, &mut keeper, &offer, plan, load).await?;
    let record = keeper.record;
    let terms = terms(ctx, limits, source.is_kernel());
    if record.readings.is_empty() {
        return Err("nothing could be read during the load".to_owned());
    }
    if record.soaked_s() < load.as_secs_f64() * 0.99 && ctx.cancel.is_cancelled() {
        ctx.warn(format!(
            "interrupted after {}; the same command goes on from there",
            judge::seconds(record.soaked_s())
        ));
    } else if record.soaked_s() < terms.declared_s * 0.99 {
        ctx.warn(format!(
            "soaked {} of the declared {}: `golive soak` runs in full",
            judge::seconds(record.soaked_s()),
            judge::seconds(terms.declared_s)
        ));
    }
    Ok(report(ctx, &record, &terms, controls))
}

/// One simple request, and the name of the release that answered it.
async fn try_one(ctx: &Ctx) -> (Scored<bool>, String, Option<String>) {
    let (since, marker) = (ctx.lab_seq().await, ctx.marker("soak"));
    let ask = Ask::new(format!("Say hello in one short sentence. {marker}")).user(ctx.user("soak"));
    let call = ctx.target.call(&ask).deadline(ctx.config.declares.total_request);
    let exchange = ctx.send_patiently(call).await;
    let answered = exchange.score(|answer| match answer.reply(&ctx.config) {
        Scored::Scored(_) => Scored::Scored(true),
        Scored::Unscored(reason) => Scored::Unscored(UnscoredReason::Unexpected(reason.to_string())),
    });
    let release = exchange
        .answer()
        .and_then(|answer| answer.header("golive-release").map(str::to_owned));
    // A canned answer to everything costs no memory; where the lab is the model, it must have been asked.
    let unseen = ctx.arrived(&marker, since).await == Some(false);
    let answered = if unseen { Scored::Scored(false) } else { answered };
    let detail = if unseen {
        format!("{}, and nothing reached the lab", exchange.in_short())
    } else {
        exchange.in_short()
    };
    (answered, detail, release)
}

/// Where `golive soak` keeps the record of a target, and `golive check` looks for it.
#[must_use]
pub fn record_path(out: &std::path::Path, target: &str) -> PathBuf {
    out.join(format!("soak-{target}.jsonl"))
}

/// The finished record of an earlier `golive soak` of this target, this release and these days.
fn earlier(ctx: &Ctx, release: Option<&str>) -> Option<(Record, PathBuf)> {
    let path = record_path(ctx.out.as_deref()?, &ctx.config.name);
    let record = match Record::read(&path) {
        Ok(record) => record?,
        Err(error) => {
            ctx.warn(format!("{error}; it is not used"));
            return None;
        }
    };
    let finished = record.finished?;
    let days = clock::wall().duration_since(finished).as_hours() / 24;
    let other_release =
        release.is_some_and(|release| !record.releases.is_empty() && record.releases != [release]);
    let refused = if record.head.url != ctx.config.url.to_string() {
        Some("it is of another address".to_owned())
    } else if days >= RECORD_DAYS {
        Some(format!("it is {days} days old"))
    } else if other_release {
        Some("it is of another release".to_owned())
    } else {
        None
    };
    if let Some(why) = refused {
        ctx.warn(format!("the record {} is not used: {why}", path.display()));
        return None;
    }
    Some((record, path))
}

fn terms(ctx: &Ctx, limits: Limits, kernel: bool) -> Terms {
    let config = &ctx.config;
    let declared = match &config.soak.record {
        // A soak may be asked to be shorter than what is declared, never to count for more.
        Some(_) => config.soak.declared.unwrap_or(config.soak.duration),
        None => config.soak.duration,
    };
    Terms {
        declared_s: declared.as_secs_f64(),
        scaled: config.scaled,
        expected_rate: config.declares.expected_rate,
        memory_limit: limits
            .memory
            .or_else(|| config.memory.limit.map(|size| size.0 as f64)),
        descriptors_limit: limits.descriptors,
        database_limit: config.memory.database_limit.map(|size| size.0 as f64),
        kernel,
    }
}

fn report(ctx: &Ctx, record: &Record, terms: &Terms, controls: Controls) -> PartReport {
    let judged = judge::judge(record, terms);
    let (noticed, detail) = match judged.notices {
        Ok(noticed) => (Scored::Scored(noticed), String::new()),
        Err(few) => (
            Scored::Unscored(UnscoredReason::Unexpected(few.to_string())),
            String::new(),
        ),
    };
    let controls = controls.negative(Negative::new(
        "a leak planted into the readings is not taken for none",
        noticed,
        detail,
    ));
    let sum = |of: fn(&record::Load) -> u64| record.loads.iter().map(of).sum::<u64>();
    let mut draft = ctx
        .part(PART)
        .controls(controls)
        .scaled(ctx.config.scaled)
        .headline(headline(record, &judged))
        .declared("soak_s", terms.declared_s)
        .declared(
            "memory_limit_mib",
            terms.memory_limit.map(|limit| What::Memory.figure(limit)),
        )
        .checklist("soak_s", 86_400)
        .measured("soaked_s", (record.soaked_s() * 10.0).round() / 10.0)
        .measured("requests", sum(|load| load.sent))
        .measured("failed", sum(|load| load.failed))
        .measured("readings", record.readings.len())
        .measured("restarts", judged.restarts.len())
        .measured("interruptions", record.interruptions.len())
        .measured("source", record.head.source.clone())
        .fix(
            "bound every cache and queue by size, and drop what belongs to a request when the request ends; a heap \
             profile taken at two points of the soak shows what was kept between them",
        );
    for finding in &judged.findings {
        let (what, growth) = (finding.what, &finding.growth);
        let shown = |value: f64| what.figure(value);
        draft = draft
            .measured(
                &what.named(""),
                json!([shown(growth.first_level), shown(growth.level)]),
            )
            .measured(
                &what.named("growth_per_day_"),
                json!([
                    shown(growth.slope.lower),
                    shown(growth.slope.point),
                    shown(growth.slope.upper)
                ]),
            );
    }
    if let Some(memory) = judged.memory() {
        let thousands = sum(|load| load.sent) as f64 / 1_000.0;
        let grown = memory.growth.level - memory.growth.first_level;
        draft = draft
            .measured(
                "memory_per_1000_requests_mib",
                (thousands > 0.0).then(|| memory.what.figure(grown / thousands)),
            )
            .measured(
                "memory_fails_from_per_day_mib",
                memory.what.figure(memory.lines.fail_per_day),
            )
            .measured(
                "memory_warns_from_per_day_mib",
                memory.what.figure(memory.lines.warn_per_day),
            );
    }
    draft
        .charts(picture::charts(record, &judged))
        .lines("the soak", lines(record, &judged))
        .judged(&judged.judgement)
}

fn headline(record: &Record, judged: &Judged) -> String {
    let requests: u64 = record.loads.iter().map(|load| load.sent).sum();
    let soaked = judge::seconds(record.soaked_s());
    match judged.memory() {
        Some(memory) => format!(
            "{} after {soaked} and {requests} requests",
            What::Memory.shown(memory.growth.level)
        ),
        None => format!("soaked {soaked}, {requests} requests"),
    }
}

fn lines(record: &Record, judged: &Judged) -> Vec<String> {
    let mut lines = vec![format!(
        "{} for {} at {}/s, read from {}",
        record.head.url,
        judge::seconds(record.soaked_s()),
        record.head.rate,
        record.head.source
    )];
    lines.push(match judged.basis {
        judge::Basis::Clock => "growth is held against the clock".to_owned(),
        judge::Basis::Requests(more) => {
            format!("growth is held against the requests: {more:.1} times those of the expected load")
        }
        judge::Basis::Scaled(more) => format!(
            "scaled: the declared length stands for a day, each second for {}",
            format_duration(Duration::from_secs(more as u64))
        ),
    });
    for finding in &judged.findings {
        let (what, growth) = (finding.what, &finding.growth);
        lines.push(format!(
            "{:<12} first {:>12}  last {:>12}  a day {:>12} [{}, {}]  last half {}  fails at {}  {} blocks of {}",
            what.word(),
            what.shown(growth.first_level),
            what.shown(growth.level),
            what.shown(growth.slope.point),
            what.shown(growth.slope.lower),
            what.shown(growth.slope.upper),
            what.shown(growth.last_half.point),
            what.shown(finding.lines.fail_per_day),
            growth.slope.blocks,
            judge::seconds(growth.slope.block_s / judged.basis.factor()),
        ));
    }
    if let Some(idle) = &judged.idle {
        lines.push(format!(
            "idle         from {} to {}",
            What::Memory.shown(idle.first_level),
            What::Memory.shown(idle.level)
        ));
    }
    for load in &record.loads {
        let mut line = format!(
            "load         sent {} answered {} failed {}",
            load.sent, load.answered, load.failed
        );
        if let Some(commonest) = &load.commonest {
            line.push_str(&format!(", mostly: {commonest}"));
        }
        if let (Some(first), Some(last)) = (load.p95_us.first(), load.p95_us.last()) {
            line.push_str(&format!(", p95 {} ms, then {} ms", first / 1_000, last / 1_000));
        }
        lines.push(line);
    }
    if record.missed > 0 {
        lines.push(format!(
            "{} readings failed: {}",
            record.missed,
            record.first_missed.as_deref().unwrap_or_default()
        ));
    }
    lines
}
