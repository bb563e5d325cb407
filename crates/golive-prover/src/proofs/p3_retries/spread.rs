//! P3.spread: fifty callers fail at the same moment. When do they come back?

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_lab::{Arrival, Behaviour, Fault, Latency, Rule as LabRule};

use super::Stage;
use crate::control::Controls;
use crate::line::ms;

/// Callers of one wave.
const CALLERS: usize = 50;

/// Waves, as long as too few of the callers were let come back.
const WAVES: usize = 3;

/// Returns that a verdict needs.
const ENOUGH: usize = 20;

/// In no bucket more than so many times the mean of all.
const CROWDED: f64 = 3.0;

/// The lab answers after so long: by then all fifty are there, and fail together.
const GATHER: Duration = Duration::from_millis(300);

pub(super) fn rules(stage: &Stage) -> Vec<LabRule> {
    let slow = Behaviour {
        latency: Some(Latency::Constant {
            ms: u64::try_from(GATHER.as_millis()).unwrap_or(300),
        }),
        ..Behaviour::default()
    };
    let all = (0..WAVES).flat_map(|wave| (0..CALLERS).map(move |n| key(wave, n)));
    all.map(|key| LabRule {
        times: Some(1),
        behaviour: Some(slow.clone()),
        ..stage.line.rule(&key, Fault::status(stage.crowd))
    })
    .collect()
}

fn key(wave: usize, n: usize) -> String {
    format!("spread-{wave}-{n}")
}

/// What became of a wave.
#[derive(Default)]
struct Wave {
    /// From each one's failure to its return, sorted: what it waited of itself, however together they failed.
    returns: Vec<Duration>,
    /// From the first failure to the last.
    failed_within: Duration,
    withheld: usize,
    missed: Vec<UnscoredReason>,
}

pub(super) async fn prove(stage: &Stage) -> PartReport {
    let mut waves: Vec<Wave> = Vec::new();
    for n in 0..WAVES {
        let so_far: usize = waves.iter().map(|wave| wave.returns.len()).sum();
        if so_far >= ENOUGH || stage.waits.is_empty() || stage.line.ctx.cancel.is_cancelled() {
            break;
        }
        if n > 0 {
            // A budget of retries fills up again.
            stage.line.ctx.sleep(Duration::from_secs(3)).await;
        }
        // The calls before it may have opened a breaker: then none of the fifty would arrive.
        if let Err(reason) = stage.line.heal().await {
            stage.line.ctx.warn(format!("before a crowd: {reason}"));
        }
        stage
            .line
            .ctx
            .waiting("fifty callers that fail together to come back");
        waves.push(wave(stage, n).await);
    }
    judge(stage, &waves)
}

async fn wave(stage: &Stage, number: usize) -> Wave {
    let line = &stage.line;
    let one = |n: usize| async move {
        let key = key(number, n);
        line.ctx
            .target
            .send(line.call(&key).deadline(line.patience()))
            .await;
        line.attempts(&key).await
    };
    let seen = futures_util::future::join_all((0..CALLERS).map(one)).await;
    let mut wave = Wave::default();
    let mut pairs: Vec<(u64, u64)> = Vec::new();
    for attempts in seen {
        match attempts {
            Scored::Unscored(reason) => wave.missed.push(reason),
            Scored::Scored(all) => match all.as_slice() {
                [] => wave.missed.push(UnscoredReason::Unexpected(
                    "the call did not reach the lab".into(),
                )),
                [_] => wave.withheld += 1,
                [first, second, ..] => pairs.push((failed_at(first), second.at_us)),
            },
        }
    }
    let failed = pairs.iter().map(|(failed, _)| *failed);
    let (first, last) = (failed.clone().min().unwrap_or(0), failed.max().unwrap_or(0));
    wave.failed_within = Duration::from_micros(last - first);
    wave.returns = pairs
        .iter()
        .map(|(failed, back)| Duration::from_micros(back.saturating_sub(*failed)))
        .collect();
    wave.returns.sort_unstable();
    wave
}

fn failed_at(attempt: &Arrival) -> u64 {
    attempt.finished_at_us.unwrap_or(attempt.at_us)
}

fn judge(stage: &Stage, waves: &[Wave]) -> PartReport {
    let (least, most) = stage.window(0);
    let window = most.saturating_sub(least);
    let mut returns: Vec<Duration> = waves.iter().flat_map(|wave| wave.returns.clone()).collect();
    returns.sort_unstable();
    let withheld: usize = waves.iter().map(|wave| wave.withheld).sum();
    let mut tally = Tally::new();
    for reason in waves.iter().flat_map(|wave| &wave.missed) {
        tally.add_unscored(reason);
    }
    // Buckets of a quarter of the window, at most a tenth of a second.
    let bucket = (window / 4).clamp(Duration::from_millis(10), Duration::from_millis(100));
    let counts = histogram(&returns, least, most + stage.line.slack, bucket);
    let buckets = (window.as_secs_f64() / bucket.as_secs_f64()).ceil().max(1.0);
    let mean = returns.len() as f64 / buckets;
    let crowd = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let inner = inner_width(&returns);
    // Waits that vary both ways are now and then shorter than their base; whatever else keeps a call makes them longer.
    let base = stage.waits.first().copied().unwrap_or_default();
    let short = base.mul_f64(1.0 - stage.jitter / 4.0);
    let early = returns.iter().filter(|wait| **wait < short).count();
    let wide = inner >= window.mul_f64(0.25) && crowd as f64 <= CROWDED * mean;
    let steady = stage.line.jitter * 8 < window;
    if returns.len() >= ENOUGH {
        if stage.jitter > 0.0 && wide && (early * 10 >= returns.len() || steady && early > 0) {
            (0..returns.len()).for_each(|_| tally.add_good());
        } else if stage.jitter > 0.0 && wide && early == 0 && stage.starved().is_none() {
            tally.add_bad(format!(
                "{} callers that failed together came back together: none of them before {}, where the shortest wait \
                 declared is {}",
                returns.len(),
                ms(short),
                ms(least)
            ));
        } else if stage.jitter > 0.0 && wide {
            tally.add_unscored(&UnscoredReason::Unexpected(format!(
                "this machine's clocks are too uneven to tell: naps of 5 ms take up to {} longer",
                ms(stage.line.jitter)
            )));
        } else {
            tally.add_bad(format!(
                "{} callers that failed together came back together: eight of ten waits within {}, where {} are declared; \
                 up to {crowd} in {}",
                returns.len(),
                ms(inner),
                ms(window),
                ms(bucket)
            ));
        }
    } else {
        tally.add_unscored(&UnscoredReason::Unexpected(format!(
            "{} of {} callers came back, {ENOUGH} are needed",
            returns.len(),
            waves.len() * CALLERS
        )));
    }
    let lines = counts
        .iter()
        .map(|(at, count)| format!("{:>7}  {}", ms(*at), "█".repeat(*count)))
        .collect();
    stage
        .part("P3.spread")
        .headline(format!(
            "{} callers failed together, and their waits lie over {}",
            returns.len(),
            ms(inner)
        ))
        .measured("callers", waves.len() * CALLERS)
        .measured("came_back", returns.len())
        .measured("withheld", withheld)
        .measured("most_in_a_bucket", crowd)
        .measured("bucket_ms", crate::target::millis(bucket))
        .measured("failed_within_ms", crate::target::millis(waves.iter().map(|wave| wave.failed_within).max().unwrap_or_default()))
        .lines("how long each of them waited", lines)
        .fix(
            "give each wait a random factor of its own (the declared jitter), drawn for each call and not once for the \
             process",
        )
        .controls(
            Controls::new()
                .positive(stage.line.control.clone())
                .negative(stage.noticed.clone()),
        )
        .judged(&tally.judge(&Rule::all_of(1)))
}

/// From the tenth part of them to the ninth.
fn inner_width(sorted: &[Duration]) -> Duration {
    let tenth = sorted.len() / 10;
    match (
        sorted.get(tenth),
        sorted.len().checked_sub(tenth + 1).and_then(|at| sorted.get(at)),
    ) {
        (Some(first), Some(last)) => last.saturating_sub(*first),
        _ => Duration::ZERO,
    }
}

fn histogram(sorted: &[Duration], from: Duration, to: Duration, bucket: Duration) -> Vec<(Duration, usize)> {
    let mut counts = Vec::new();
    let mut at = from;
    while at < to && counts.len() < 40 {
        let end = at + bucket;
        let count = sorted.iter().filter(|back| **back >= at && **back < end).count();
        counts.push((at, count));
        at = end;
    }
    counts
}
