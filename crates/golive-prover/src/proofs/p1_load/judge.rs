//! P1: what a finished ramp says. Pure: it reads a report of the generator, nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use golive_checklist::judge::{Allowance, Rule, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_checklist::threshold::{ERROR_RATE, Estimate, LOAD, Zone};
use golive_load::histogram::Percentile;
use golive_load::interval::share;
use golive_load::ramp::{breaking_point, recovery};
use golive_load::report::CONFIDENCE;
use golive_load::{Ended, Failure, Invalid, Role, RunReport, StageReport};

use serde_json::{Value, json};

use super::headroom::Headroom;
use super::picture;
use crate::control::Controls;
use crate::ctx::Ctx;
use crate::part::PartDraft;
use crate::target::millis;

/// Below this many samples no p95 is judged (PROVER §3.3).
const SAMPLES: u64 = 100;

/// p95 must come back within this factor of the first stage's (PROVER §3.2)…
const RECOVERED: f64 = 1.5;

/// …or within this much of it: a person notices no difference below, and a machine that does other things makes one.
const RECOVERED_FLOOR: Duration = Duration::from_millis(50);

/// Fewest samples of a stretch of the recovery: below 20 the 95th percentile is the maximum.
const STRETCH: u64 = 20;

/// Why the generator cannot be believed, stage by stage; empty: it did its part.
pub(super) fn generator_faults(run: &RunReport) -> Vec<String> {
    let its_own = |invalid: &&Invalid| !matches!(invalid, Invalid::NothingFinished | Invalid::Interrupted);
    let mut faults = Vec::new();
    // Beyond the declared load the generator may give way before the target does: then nobody knows what would have.
    for stage in run.stages.iter().filter(|stage| stage.role != Role::Beyond) {
        faults.extend(
            stage
                .invalid
                .iter()
                .filter(its_own)
                .map(|invalid| format!("stage {}: {invalid}", stage.name)),
        );
    }
    faults
}

/// Requests that a rate limit refused, in any stage but those beyond the declared load: they say nothing about load, and they hide what the others would
/// have met without them.
fn limited(run: &RunReport) -> u64 {
    run.stages
        .iter()
        .filter(|stage| stage.role != Role::Beyond)
        .map(|stage| stage.all.count(&Failure::Status(429)))
        .sum()
}

pub(super) fn parts(
    ctx: &Ctx,
    run: &RunReport,
    controls: &Controls,
    headroom: Option<&Headroom>,
) -> Vec<PartReport> {
    let judge = Judge {
        ctx,
        run,
        controls,
        headroom,
    };
    let refused = limited(run);
    if refused > 0 {
        let reason = format!(
            "{refused} requests met a rate limit (429) and not the load: raise the limits of staging, for each person \
             and in all"
        );
        let ids = ["P1.simple", "P1.complex", "P1.errors", "P1.recovery"];
        return ids
            .into_iter()
            .map(|id| judge.draft(id).unproven(&reason))
            .collect();
    }
    vec![
        judge.latency("P1.simple", 0),
        judge.latency("P1.complex", 1),
        judge.errors(),
        judge.recovery(),
    ]
}

struct Judge<'a> {
    ctx: &'a Ctx,
    run: &'a RunReport,
    controls: &'a Controls,
    headroom: Option<&'a Headroom>,
}

impl Judge<'_> {
    fn draft(&self, id: &'static str) -> PartDraft {
        let declares = &self.ctx.config.declares;
        self.ctx
            .part(id)
            .controls(self.controls.clone())
            .scaled(self.ctx.config.scaled)
            .declared("expected_per_s", declares.expected_rate)
            .checklist("times_expected", 10)
            .lines("the ramp", table(self.run))
    }

    /// The 10× stage, or why there is nothing to judge.
    fn last(&self) -> Result<&StageReport, String> {
        let faults = generator_faults(self.run);
        if !faults.is_empty() {
            return Err(format!(
                "the generator could not offer the load: {}",
                faults.join("; ")
            ));
        }
        let last = self.run.stages.iter().rfind(|stage| stage.role == Role::Ramp);
        match last {
            Some(stage) if self.multiple(stage) >= 9.99 => Ok(stage),
            Some(stage) => Err(format!("the ramp ended at {} ({})", stage.name, self.ending())),
            None => Err("no stage began".to_owned()),
        }
    }

    fn multiple(&self, stage: &StageReport) -> f64 {
        stage.rate_per_s / self.ctx.config.declares.expected_rate.unwrap_or(f64::INFINITY)
    }

    fn ending(&self) -> String {
        match &self.run.ended {
            Ended::Completed => "completed".to_owned(),
            Ended::Budget => "the budget of requests was used up".to_owned(),
            Ended::Aborted { cause } => cause.to_string(),
            Ended::Cancelled => "the run was interrupted".to_owned(),
            Ended::TargetLost => "the target was lost".to_owned(),
        }
    }

    fn latency(&self, id: &'static str, class: usize) -> PartReport {
        let declares = &self.ctx.config.declares;
        let (line, theirs) = match class {
            0 => (declares.p95_simple, Duration::from_secs(3)),
            _ => (declares.p95_complex, Duration::from_secs(10)),
        };
        let draft = self
            .draft(id)
            .declared("p95_ms", millis(line))
            .checklist("p95_ms", millis(theirs))
            .fix("give the way to the provider a bounded pool and bounded concurrency, and refuse early what cannot be served");
        let last = match self.last() {
            Ok(last) => last,
            // A ramp that was stopped because this class was far too slow has its answer.
            Err(reason) => return self.stopped(draft, class, reason),
        };
        let Some(report) = last.classes.iter().find(|report| report.class == class) else {
            return draft.unproven("no request of this class was due in the last stage");
        };
        let mut tally = Tally::new();
        let finite = report.latency.samples.saturating_sub(report.latency.beyond);
        (0..finite).for_each(|_| tally.add_good());
        (0..report.latency.beyond).for_each(|_| tally.add_bad("no answer by the deadline"));
        let rule = Rule {
            min_scored: SAMPLES,
            max_unscored_percent: 0,
            allowed_bad: Allowance::PerMille(50),
        };
        let p95 = &report.p95;
        let judgement = tally.judge(&rule).no_better_than(
            zone(p95, line),
            format!("p95 {} against {} ms", shown(p95), line.as_millis()),
        );
        draft
            .headline(format!("p95 {} at 10×, n {}", shown(p95), p95.samples))
            .measured("p95_ms", p95.point_us.map(ms))
            .measured("p95_lower_ms", ms(p95.lower_us))
            .measured("p95_upper_ms", p95.upper_us.map(ms))
            .measured("samples", p95.samples)
            .measured("widened_by_batches", p95.widened)
            .measured("service_p95_ms", report.service.p95_us.map(ms))
            .measured("first_byte_p95_ms", report.first_byte.p95_us.map(ms))
            .judged(&judgement)
    }

    /// The ramp did not get to its end.
    fn stopped(&self, draft: PartDraft, class: usize, reason: String) -> PartReport {
        let too_slow = self.run.stages.iter().any(|stage| {
            matches!(&stage.aborted, Some(golive_load::abort::Cause::Latency { class: slow, .. }) if *slow == class)
        });
        if !too_slow || !generator_faults(self.run).is_empty() {
            return draft.unproven(reason);
        }
        let mut tally = Tally::new();
        tally.add_bad(reason);
        draft.judged(&tally.judge(&Rule::all_of(1)))
    }

    fn errors(&self) -> PartReport {
        let draft = self
            .draft("P1.errors")
            .checklist("error_rate_pass", ERROR_RATE.pass_line)
            .checklist("error_rate_fail", ERROR_RATE.fail_line)
            .charts(picture::charts(self.run))
            .fix("see which kind of failure stands in the table; bound the work in progress, and size pools for 10×");
        let faults = generator_faults(self.run);
        if !faults.is_empty() {
            return draft.unproven(format!(
                "the generator could not offer the load: {}",
                faults.join("; ")
            ));
        }
        let Some(last) = self.run.stages.iter().rfind(|stage| stage.role == Role::Ramp) else {
            return draft.unproven("no stage began");
        };
        let reached = self.multiple(last);
        let aborted = matches!(self.run.ended, Ended::Aborted { .. });
        if reached < 9.99 && !aborted {
            return draft.unproven(format!("the ramp ended at {} ({})", last.name, self.ending()));
        }
        let mut tally = Tally::new();
        (0..last.all.answered).for_each(|_| tally.add_good());
        for failure in &last.all.failures {
            (0..failure.count).for_each(|_| tally.add_bad(failure.failure.to_string()));
        }
        let rate = share(tally.bad(), tally.scored(), CONFIDENCE);
        let estimate = Estimate {
            point: rate.point,
            low: rate.lower,
            high: rate.upper,
            samples: rate.of,
        };
        // The share decides, by its bounds; the rule only keeps what could not be measured from vanishing.
        let rule = Rule {
            min_scored: ERROR_RATE.min_samples,
            max_unscored_percent: 0,
            allowed_bad: Allowance::PerMille(1000),
        };
        let mut judgement = tally.judge(&rule).no_better_than(
            ERROR_RATE.zone(&estimate),
            format!(
                "error rate {:.2} % [{:.2}, {:.2}]",
                rate.point * 100.0,
                rate.lower * 100.0,
                rate.upper * 100.0
            ),
        );
        if let Some(headroom) = self.headroom {
            let zone = if headroom.times >= 10.0 {
                Zone::Pass
            } else {
                Zone::Warn
            };
            judgement = judgement.no_better_than(zone, headroom.to_string());
        }
        let handled = self.handled();
        judgement = judgement.no_better_than(
            LOAD.zone(&Estimate::exact(handled)),
            format!("{handled}× handled"),
        );
        draft
            .headline(format!(
                "{} of {} failed at {} ({:.2} %)",
                rate.hits,
                rate.of,
                last.name,
                rate.point * 100.0
            ))
            .measured("error_rate", rate.point)
            .measured("error_rate_upper", rate.upper)
            .measured("requests", rate.of)
            .measured("load_handled_times", handled)
            .measured("breaking_point", self.breaking())
            .measured("failures", taxonomy(self.run))
            .measured("cold_share", cold_share(last))
            .measured(
                "provider_stops_at_times",
                self.headroom.map(|headroom| headroom.times),
            )
            .measured("ended", self.ending())
            .judged(&judgement)
    }

    /// Where it broke, or how far it was tried.
    fn breaking(&self) -> String {
        match self.broke() {
            Some(stage) => format!("{} ({}/s)", stage.name, stage.rate_per_s),
            None => match self.run.stages.iter().rfind(|stage| stage.role != Role::Recovery) {
                Some(stage) if stage.invalid.is_empty() => format!("not reached at {}", stage.name),
                Some(stage) => format!("not known: at {} the generator gave way first", stage.name),
                None => "not tried".to_owned(),
            },
        }
    }

    fn broke(&self) -> Option<&StageReport> {
        let declares = &self.ctx.config.declares;
        // Ten times the line is no slowness but a crash; the lines themselves are judged by the other parts.
        let lines = [Some(declares.p95_simple * 10), Some(declares.p95_complex * 10)];
        breaking_point(self.run, ERROR_RATE.fail_line, &lines)
    }

    /// The largest multiple of the ramp before the first that was too much.
    fn handled(&self) -> f64 {
        let broke = self.broke().map_or(f64::INFINITY, |stage| stage.rate_per_s);
        let before = self
            .run
            .stages
            .iter()
            .filter(|stage| stage.role == Role::Ramp && stage.rate_per_s < broke);
        before
            .map(|stage| (self.multiple(stage) * 100.0).round() / 100.0)
            .fold(0.0, f64::max)
    }

    fn recovery(&self) -> PartReport {
        let draft = self
            .draft("P1.recovery")
            .checklist("p95_within_times", RECOVERED)
            .fix("drop what nobody waits for any more, and keep no queue that outlives its callers");
        if let Err(reason) = self.last() {
            return draft.unproven(reason);
        }
        let first = self
            .run
            .stages
            .first()
            .and_then(|stage| stage.all.latency.p95_us)
            .unwrap_or(0)
            .max(1);
        let floor = (first as f64 + RECOVERED_FLOOR.as_micros() as f64) / first as f64;
        let Some(recovery) = recovery(self.run, RECOVERED.max(floor), STRETCH) else {
            return draft.unproven("the first stage has no 95th percentile to come back to");
        };
        let Some(stage) = self.run.stages.iter().find(|stage| stage.role == Role::Recovery) else {
            return draft.unproven("the recovery was not measured");
        };
        let mut tally = Tally::new();
        let allowed = Duration::from_micros(stage.held_us);
        match recovery.recovered_after_us {
            Some(_) => tally.add_good(),
            None if stage.all.errors.of < STRETCH => tally.add_unscored(&UnscoredReason::Unexpected(
                format!("only {} requests finished after the load", stage.all.errors.of),
            )),
            None => tally.add_bad(format!(
                "p95 did not come back below {} ms within {:.1} s after the load",
                ms(recovery.line_us),
                allowed.as_secs_f64()
            )),
        }
        if recovery.error_share > ERROR_RATE.fail_line {
            tally.add_bad(format!(
                "{:.1} % of the requests after the load failed",
                recovery.error_share * 100.0
            ));
        }
        let rule = Rule {
            min_scored: 1,
            max_unscored_percent: 0,
            ..Rule::all_of(1)
        };
        let judgement = tally.judge(&rule);
        let after = recovery.recovered_after_us.map(ms);
        draft
            .headline(match after {
                Some(after) => format!("as quick as before {after} ms after the load"),
                None => "not as quick as before".to_owned(),
            })
            .measured("recovered_after_ms", after)
            .measured("first_p95_ms", ms(recovery.first_p95_us))
            .measured("line_ms", ms(recovery.line_us))
            .measured("error_share", recovery.error_share)
            .judged(&judgement)
    }
}

/// Failures of all stages by where they come from.
fn taxonomy(run: &RunReport) -> Value {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let failures = run.stages.iter().flat_map(|stage| &stage.all.failures);
    for one in failures {
        let kind = match &one.failure {
            Failure::Generator(_) => "generator",
            Failure::Connect => "no connection",
            Failure::Tls => "no TLS session",
            Failure::Timeout => "no answer in time",
            Failure::Status(429) => "limited (429)",
            Failure::Status(status) if *status >= 500 => "status 5xx",
            Failure::Status(_) => "status 4xx",
            Failure::ClosedEarly => "closed early",
            Failure::Protocol => "broken protocol",
            Failure::TooLarge => "too large",
            Failure::Semantic(_) => "not what was asked for",
        };
        *kinds.entry(kind).or_default() += one.count;
    }
    if kinds.is_empty() {
        json!("none")
    } else {
        json!(kinds)
    }
}

/// Share of the requests that had to open a connection: a keep-alive that does not hold shows here.
fn cold_share(stage: &StageReport) -> f64 {
    (stage.cold as f64 / stage.sent.max(1) as f64 * 1_000.0).round() / 1_000.0
}

/// Where a percentile lies: pass only if the upper end of its interval is below the line.
fn zone(p95: &Percentile, line: Duration) -> Zone {
    let line = u64::try_from(line.as_micros()).unwrap_or(u64::MAX);
    match (p95.point_us, p95.upper_us) {
        (None, _) if p95.samples >= SAMPLES => Zone::Fail, // beyond every measured value
        _ if p95.lower_us > line => Zone::Fail,
        _ if p95.samples < SAMPLES => Zone::NoData,
        (Some(_), Some(upper)) if upper < line => Zone::Pass,
        _ => Zone::Warn,
    }
}

fn shown(p95: &Percentile) -> String {
    let end = |us: Option<u64>| us.map_or_else(|| "∞".to_owned(), |us| ms(us).to_string());
    format!(
        "{} ms [{}, {}]",
        end(p95.point_us),
        ms(p95.lower_us),
        end(p95.upper_us)
    )
}

/// Milliseconds with one digit.
fn ms(us: u64) -> f64 {
    (us as f64 / 100.0).round() / 10.0
}

/// The ramp as a table: both times, so that a generator that was late shows.
fn table(run: &RunReport) -> Vec<String> {
    let mut lines = vec![format!(
        "seed {}, {} requests in {:.1} s",
        run.seed,
        run.sent,
        run.took_us as f64 / 1e6
    )];
    for stage in &run.stages {
        let p95 = |class: usize| {
            stage
                .classes
                .iter()
                .find(|report| report.class == class)
                .map(|report| shown(&report.p95))
        };
        lines.push(format!(
            "{:<9} {:>7.1}/s  due {} sent {} answered {}  p95 simple {}  complex {}  service p95 {} ms  lag p99 {} ms{}",
            stage.name,
            stage.rate_per_s,
            stage.intended,
            stage.sent,
            stage.all.answered,
            p95(0).unwrap_or_else(|| "–".into()),
            p95(1).unwrap_or_else(|| "–".into()),
            stage.all.service.p95_us.map_or(0.0, ms),
            stage.lag.p99_us.map_or(0.0, ms),
            if stage.aborted.is_some() { "  stopped here" } else { "" },
        ));
        let failures = stage
            .all
            .failures
            .iter()
            .map(|one| format!("          {} × {}", one.count, one.failure));
        lines.extend(failures);
    }
    lines
}
