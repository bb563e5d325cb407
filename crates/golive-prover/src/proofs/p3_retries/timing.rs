//! P3.timing: the law of the waits, from many calls that fail until their last retry.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally};
use golive_checklist::report::PartReport;
use golive_lab::{Arrival, Fault, Rule as LabRule};

use super::Stage;
use crate::control::{Controls, Negative};
use crate::line::{gaps, ms, timeline};
use crate::target::millis;

/// Sequences: with twenty, a wait that does not vary is told from one that does beyond any doubt.
const SEQUENCES: usize = 24;

/// Between the starts of two sequences, so that no budget of retries is spent: at most ten retries a second.
const APART: Duration = Duration::from_millis(300);

/// Waits that vary by chance over a window cover, without the two shortest and the two longest of two dozen, about
/// three quarters of it. A quarter is what they must cover at least.
const LEAST_COVER: f64 = 0.25;

/// How much too early a wait may be seen: two stamps on two sockets, and a timer's grain.
const EARLY: Duration = Duration::from_millis(15);

pub(super) fn rules(stage: &Stage) -> Vec<LabRule> {
    (0..SEQUENCES)
        .map(|n| LabRule {
            times: Some(stage.waits.len() as u64),
            ..stage.line.rule(&key(n), Fault::status(stage.crowd))
        })
        .collect()
}

/// The attempts of each sequence.
pub(super) async fn sequences(stage: &Stage) -> Vec<Scored<Vec<Arrival>>> {
    let line = &stage.line;
    let one = |n: usize| async move {
        let start = APART.mul_f64(n as f64);
        line.ctx.sleep(start).await;
        line.ctx
            .target
            .send(line.call(&key(n)).deadline(line.patience()))
            .await;
        line.attempts(&key(n)).await
    };
    if stage.waits.is_empty() {
        return Vec::new();
    }
    futures_util::future::join_all((0..SEQUENCES).map(one)).await
}

fn key(n: usize) -> String {
    format!("timing-{n}")
}

pub(super) fn prove(stage: &Stage, sequences: Vec<Scored<Vec<Arrival>>>) -> PartReport {
    let mut tally = Tally::new();
    let mut waits: Vec<Vec<Duration>> = vec![Vec::new(); stage.waits.len()];
    let mut short = 0;
    let mut shown = None;
    for sequence in sequences {
        match sequence {
            Scored::Unscored(reason) => tally.add_unscored(&reason),
            Scored::Scored(attempts) => {
                short += usize::from(attempts.len() <= stage.waits.len());
                for (n, gap) in gaps(&attempts).into_iter().enumerate().take(waits.len()) {
                    waits[n].push(gap);
                }
                let longer = shown
                    .as_ref()
                    .is_none_or(|have: &Vec<Arrival>| have.len() < attempts.len());
                if longer {
                    shown = Some(attempts);
                }
            }
        }
    }
    let mut draft = stage.part("P3.timing");
    let mut table = Vec::new();
    for (n, all) in waits.iter_mut().enumerate() {
        all.sort_unstable();
        let (least, most) = stage.window(n);
        for gap in all.iter() {
            if *gap + EARLY < least {
                tally.add_bad(format!(
                    "wait {} was {}, at least {} are declared",
                    n + 1,
                    ms(*gap),
                    ms(least)
                ));
            } else if *gap > most + stage.line.slack {
                match stage.starved() {
                    Some(reason) => tally.add_unscored(&reason),
                    None => tally.add_bad(format!(
                        "wait {} was {}, at most {} are declared",
                        n + 1,
                        ms(*gap),
                        ms(most)
                    )),
                }
            } else {
                tally.add_good();
            }
        }
        if all.len() >= 8 {
            let starved = stage.starved();
            match (
                varies(all, stage.waits[n], stage.jitter, starved.is_some()),
                starved,
            ) {
                (Varies::Yes, _) => tally.add_good(),
                (Varies::No(why), _) => tally.add_bad(format!("wait {}: {why}", n + 1)),
                (Varies::Unclear, Some(busy)) => tally.add_unscored(&busy),
                (Varies::Unclear, None) => tally.add_good(), // only a busy machine makes it unclear
            }
        }
        let at = |share: f64| {
            all.get(((all.len().max(1) - 1) as f64 * share) as usize)
                .copied()
                .unwrap_or_default()
        };
        table.push(format!(
            "wait {}: {} seen, {} … {} … {} (declared {} … {})",
            n + 1,
            all.len(),
            ms(at(0.0)),
            ms(at(0.5)),
            ms(at(1.0)),
            ms(least),
            ms(most)
        ));
        draft = draft.measured(&format!("wait_{}_median_ms", n + 1), millis(at(0.5)));
    }
    let (least, most) = stage.window(0);
    let uniform = waits.first().map_or(1.0, |all| uniform_p(all, least, most));
    let controls = Controls::new()
        .positive(stage.line.control.clone())
        .negative(stage.noticed.clone())
        .negative(Negative::new(
            "enough waits were seen to tell chance from a constant",
            Scored::Scored(waits.iter().all(|all| all.len() >= 8)),
            format!("{short} of {SEQUENCES} calls made fewer attempts than declared"),
        ));
    draft
        .headline(format!("{} of {} waits within their windows", tally.good(), tally.scored()))
        .measured("sequences", SEQUENCES)
        .measured("sequences_cut_short", short)
        .measured("uniform_p_of_wait_1", (uniform * 1_000.0).round() / 1_000.0)
        .lines("the waits", table)
        .evidences(shown.map(|attempts| timeline("one call's attempts", &attempts)))
        .fix(
            "wait the declared times between attempts, each multiplied by a random factor of its own: without it all \
             callers that failed together come back together",
        )
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(8)))
}

/// Whether waits vary.
#[derive(Debug, PartialEq, Eq)]
enum Varies {
    /// As chance makes them.
    Yes,
    /// Not, and why.
    No(String),
    /// A busy machine may have made all of the spread.
    Unclear,
}

/// Whether sorted waits around `base` vary as chance makes them. On a busy machine they vary by what delays them, and
/// then only the ones that are shorter than their base show chance.
fn varies(sorted: &[Duration], base: Duration, jitter: f64, busy: bool) -> Varies {
    if jitter == 0.0 {
        return Varies::No("it is declared without jitter, and the checklist asks for it".to_owned());
    }
    let window = base.mul_f64(2.0 * jitter);
    let cut = if sorted.len() >= 16 { 2 } else { 1 };
    let inner = &sorted[cut..sorted.len() - cut];
    let cover = match (inner.first(), inner.last()) {
        (Some(first), Some(last)) => last.saturating_sub(*first),
        _ => Duration::ZERO,
    };
    if cover < window.mul_f64(LEAST_COVER) {
        return Varies::No(format!(
            "{} waits lie within {} of each other, and the declared window is {}: there is no jitter",
            sorted.len(),
            ms(cover),
            ms(window)
        ));
    }
    let short = base.mul_f64(1.0 - jitter / 4.0);
    if busy && sorted.iter().all(|wait| *wait >= short) {
        return Varies::Unclear;
    }
    Varies::Yes
}

/// The probability that waits drawn evenly from the window lie as unevenly as these: Kolmogorov and Smirnov's test, by
/// its asymptotic series with Stephens's correction for few samples.
fn uniform_p(sorted: &[Duration], least: Duration, most: Duration) -> f64 {
    let (n, width) = (sorted.len() as f64, most.saturating_sub(least).as_secs_f64());
    if sorted.is_empty() || width == 0.0 {
        return 1.0;
    }
    let mut distance: f64 = 0.0;
    for (i, wait) in sorted.iter().enumerate() {
        let even = ((wait.as_secs_f64() - least.as_secs_f64()) / width).clamp(0.0, 1.0);
        distance = distance
            .max((even - i as f64 / n).abs())
            .max(((i + 1) as f64 / n - even).abs());
    }
    let lambda = (n.sqrt() + 0.12 + 0.11 / n.sqrt()) * distance;
    let term = |k: i32| {
        let k = f64::from(k);
        (-1.0_f64).powi(k as i32 - 1) * (-2.0 * k * k * lambda * lambda).exp()
    };
    if lambda < 0.2 {
        return 1.0;
    }
    (2.0 * (1..=50).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(all: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        all.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn an_even_spread_looks_even_and_a_constant_does_not() {
        let (least, most) = (Duration::from_millis(800), Duration::from_millis(1_200));
        let even = waits((0..24).map(|n| 808 + n * 16));
        assert!(uniform_p(&even, least, most) > 0.9);
        let constant = waits([1_000; 24]);
        assert!(uniform_p(&constant, least, most) < 0.001);
        let base = Duration::from_secs(1);
        let is_constant = |verdict| matches!(verdict, Varies::No(_));
        assert_eq!(varies(&even, base, 0.2, true), Varies::Yes);
        assert!(is_constant(varies(&constant, base, 0.2, false)));
        assert!(is_constant(varies(&constant, base, 0.2, true)));
        assert!(is_constant(varies(&even, base, 0.0, false)));
        let delayed = waits((0..24).map(|n| 1_000 + n * 20));
        assert_eq!(
            varies(&delayed, base, 0.2, true),
            Varies::Unclear,
            "noise is neither jitter nor its absence"
        );
        assert_eq!(
            varies(&delayed, base, 0.2, false),
            Varies::Yes,
            "on a quiet machine it is the target's doing"
        );
    }

    #[test]
    fn two_stragglers_do_not_make_a_constant_vary() {
        let mut mostly = waits([1_000; 22]);
        mostly.extend(waits([1_150, 1_190]));
        let verdict = varies(&mostly, Duration::from_secs(1), 0.2, false);
        assert!(matches!(verdict, Varies::No(_)), "{verdict:?}");
    }
}
