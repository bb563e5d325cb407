//! P3.hints: a provider that says when to come back is heard, in each form that providers use.

use std::collections::BTreeMap;
use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally};
use golive_checklist::report::PartReport;
use golive_lab::{Arrival, Fault, StatusBody};

use super::{Case, Expects, Hint, Seen, Stage, idempotent};
use crate::control::{Controls, Negative};
use crate::line::{Got, gaps, ms, timeline};

/// How much too early a return may be seen: two stamps on two sockets.
const EARLY: Duration = Duration::from_millis(20);

/// A date has whole seconds, and two machines two clocks.
const DATE_GRAIN: Duration = Duration::from_millis(100);

/// A wait that no call has the time for.
const FAR: Duration = Duration::from_secs(3_600);

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    if stage.waits.is_empty() {
        return Vec::new();
    }
    let (_, most) = stage.window(0);
    // In whole seconds, and longer than the target would have waited by itself.
    let hint = Duration::from_secs(most.as_secs() + 1 + u64::from(most.subsec_millis() > 700));
    let seconds = hint.as_secs().to_string();
    let case = |name: &str, status, header: &str, value: String, hint| {
        let fault = Fault::Status {
            code: status,
            headers: BTreeMap::from([(header.to_owned(), value)]),
            body: StatusBody::Wire,
        };
        Case::new("P3.hints", name, fault, Expects::Hint(hint)).times(1)
    };
    let after = Hint::After(hint);
    let (date, at) = date(stage, hint + Duration::from_secs(1));
    let mut cases = vec![
        case("a 429 with seconds", 429, "retry-after", seconds.clone(), after),
        case("a 429 with a date", 429, "retry-after", date, Hint::At(at)),
        case(
            "a 429 with milliseconds",
            429,
            "retry-after-ms",
            hint.as_millis().to_string(),
            after,
        ),
        case("a 503 with seconds", 503, "retry-after", seconds, after).counting(),
    ];
    if idempotent(&stage.line.ctx.config) {
        let far = FAR.as_secs().to_string();
        cases.push(case("a 429 with an hour", 429, "retry-after", far, Hint::Never));
    }
    cases
}

/// An HTTP date at least so far ahead, and the lab's clock at it.
fn date(stage: &Stage, ahead: Duration) -> (String, u64) {
    let (lab_us, wall) = stage.lab_at;
    let now = crate::clock::wall();
    let due = now.as_second() + i64::try_from(ahead.as_secs()).unwrap_or(1);
    let text = jiff::Timestamp::from_second(due)
        .map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default();
    let until = i128::from(due) * 1_000_000 - i128::from(wall.as_microsecond());
    (text, u64::try_from(i128::from(lab_us) + until).unwrap_or(lab_us))
}

/// The longest that a hint makes a call wait beyond its retries.
pub(super) fn longest(case: &Case) -> Duration {
    match case.expects {
        Expects::Hint(Hint::After(hint)) => hint * 2,
        Expects::Hint(Hint::At(_)) => Duration::from_secs(30),
        _ => Duration::ZERO,
    }
}

pub(super) fn prove(stage: &Stage, seen: &[&Seen]) -> PartReport {
    let mut tally = Tally::new();
    let mut table = Vec::new();
    for one in seen {
        let Expects::Hint(hint) = one.case.expects else {
            continue;
        };
        match one.attempts() {
            Err(reason) => tally.add_unscored(&reason),
            Ok(attempts) => {
                let judged = judge(stage, one, attempts, hint);
                table.push(format!(
                    "{:<28} {}",
                    one.case.name,
                    match (&judged, gaps(attempts).first()) {
                        (Ok(()), Some(gap)) => format!("came back after {}", ms(*gap)),
                        (Ok(()), None) => format!("did not wait: {}", one.exchange.in_short()),
                        (Err(why), _) => why.clone(),
                    }
                ));
                match judged {
                    Ok(()) => tally.add_good(),
                    Err(why) => tally.add_bad(format!("{}: {why}", one.case.name)),
                }
            }
        }
    }
    let told = seen.iter().filter(|one| one.attempts().is_ok()).count();
    stage
        .part("P3.hints")
        .headline(format!("{} of {} hints were heard", tally.good(), tally.scored()))
        .lines("what became of each hint", table)
        .evidences(seen.iter().filter_map(|one| Some(timeline(one.case.name.clone(), one.attempts().ok()?))))
        .fix(
            "read Retry-After (seconds and dates) and retry-after-ms, wait the longer of the hint and your own backoff, and \
             give up at once where the hint is longer than the call has left",
        )
        .controls(
            Controls::new()
                .positive(stage.line.control.clone())
                .negative(stage.noticed.clone())
                .negative(Negative::new(
                    "the lab really gave the hints",
                    Scored::Scored(told == seen.len()),
                    format!("{told} of {}", seen.len()),
                )),
        )
        .judged(&tally.judge(&Rule::all_of(1)))
}

fn judge(stage: &Stage, one: &Seen, attempts: &[Arrival], hint: Hint) -> Result<(), String> {
    let slack = stage.line.slack + stage.window(0).1 + Duration::from_secs(1);
    let back = gaps(attempts).first().copied();
    let (least, most) = match hint {
        Hint::Never => {
            return match back {
                Some(gap) => Err(format!(
                    "told to stay away for an hour, it came back after {}",
                    ms(gap)
                )),
                None if matches!(one.got, Got::Nothing(_)) => Err(format!(
                    "no answer while an hour was to be waited ({})",
                    one.exchange.in_short()
                )),
                None => Ok(()),
            };
        }
        Hint::After(hint) => (
            hint.saturating_sub(EARLY),
            hint.mul_f64(1.0 + stage.jitter) + slack,
        ),
        Hint::At(due) => {
            let failed = attempts
                .first()
                .map_or(0, |first| first.finished_at_us.unwrap_or(first.at_us));
            let until = Duration::from_micros(due.saturating_sub(failed));
            (
                until.saturating_sub(DATE_GRAIN),
                until.mul_f64(1.0 + stage.jitter) + slack,
            )
        }
    };
    match back {
        None => Err("it did not come back at all".to_owned()),
        Some(gap) if gap < least => Err(format!(
            "it came back after {}, told to wait {}",
            ms(gap),
            ms(least)
        )),
        Some(gap) if gap > most => Err(format!(
            "it came back only after {}, told to wait {}",
            ms(gap),
            ms(least)
        )),
        Some(_) => match one.got {
            Got::Answer(_) => Ok(()),
            ref got => Err(format!("it came back in time and the caller got {got:?}")),
        },
    }
}
