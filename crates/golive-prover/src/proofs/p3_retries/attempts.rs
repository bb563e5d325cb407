//! P3.attempts: how many attempts each kind of failure makes.

use golive_checklist::judge::{Rule, Scored, Tally};
use golive_checklist::report::PartReport;
use golive_lab::Fault;

use super::{Case, Expects, Seen, Stage, idempotent};
use crate::control::{Controls, Negative};
use crate::line::{Got, timeline};

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    let part = "P3.attempts";
    let retries = stage.waits.len();
    let mut cases = Vec::new();
    if retries > 0 {
        let once = |name: &str, fault| Case::new(part, name, fault, Expects::Healed(2)).times(1);
        cases.push(once("a 429, once", Fault::status(429)));
        if idempotent(&stage.line.ctx.config) {
            for status in [408, 500, 502, 503, 529] {
                cases.push(once(&format!("a {status}, once"), Fault::status(status)).counting());
            }
            cases.push(once("a connection reset, once", Fault::Reset).counting());
        }
    }
    let (status, name) = if idempotent(&stage.line.ctx.config) {
        (503, "503")
    } else {
        (429, "429")
    };
    let to_the_last = Case::new(
        part,
        format!("a {name} until the last retry"),
        Fault::status(status),
        Expects::Healed(retries + 1),
    )
    .times(retries as u64);
    let for_ever = Case::new(
        part,
        format!("a {name} for ever"),
        Fault::status(status),
        Expects::GivenUp(retries + 1),
    );
    if retries > 0 {
        cases.push(to_the_last.counting());
    }
    cases.push(for_ever.counting());
    cases
}

pub(super) fn prove(stage: &Stage, seen: &[&Seen]) -> PartReport {
    let mut tally = Tally::new();
    let mut most = 0;
    for one in seen {
        match one.attempts() {
            Err(reason) => tally.add_unscored(&reason),
            Ok(attempts) => {
                most = most.max(attempts.len());
                match judge(one, attempts.len(), stage.waits.len()) {
                    Ok(()) => tally.add_good(),
                    Err(why) => tally.add_bad(format!("{}: {why}", one.case.name)),
                }
            }
        }
    }
    let done = seen.iter().filter(|one| one.attempts().is_ok()).count();
    let controls = Controls::new()
        .positive(stage.line.control.clone())
        .negative(Negative::new(
            "the lab really failed the first attempts",
            Scored::Scored(done == seen.len()),
            format!("{done} of {}", seen.len()),
        ));
    let (bad, good): (Vec<&&Seen>, Vec<&&Seen>) = seen
        .iter()
        .partition(|one| judge(one, one.count(), stage.waits.len()).is_err());
    let table = seen
        .iter()
        .map(|one| {
            format!(
                "{:<34} {} attempts, {}",
                one.case.name,
                one.count(),
                one.exchange.in_short()
            )
        })
        .collect();
    stage
        .part("P3.attempts")
        .headline(format!("{} of {} failures were tried as often as declared", tally.good(), tally.scored()))
        .declared("retries", stage.waits.len())
        .checklist("retries", 3)
        .measured("attempts_per_call_max", most)
        .lines("attempts of each call", table)
        .evidences(bad.iter().chain(&good).filter_map(|one| {
            let attempts = one.attempts().ok()?;
            Some(timeline(one.case.name.clone(), attempts))
        }))
        .fix(
            "retry connection errors, 408, 429 and 5xx as often as declared, in one layer alone: switch off the retries \
             of the SDK or of the gateway, whichever is not meant to own them",
        )
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(1)))
}

fn judge(one: &Seen, attempts: usize, retries: usize) -> Result<(), String> {
    let (expected, answered) = match one.case.expects {
        Expects::Healed(n) => (n, true),
        Expects::GivenUp(n) => (n, false),
        Expects::Once | Expects::Hint(_) => (1, false),
    };
    let all = retries + 1;
    if attempts > expected {
        let layers = if attempts == all * all {
            format!(" ({all} × {all}: two layers retry)")
        } else if attempts > all {
            // A breaker, or the caller's patience, may have ended the product early.
            format!(" (more than one layer makes of {all}: two layers retry)")
        } else {
            String::new()
        };
        return Err(format!(
            "{attempts} attempts where {expected} are declared{layers}"
        ));
    }
    if attempts < expected {
        return Err(format!("{attempts} attempts where {expected} are declared"));
    }
    match (&one.got, answered) {
        (Got::Answer(_), true) => Ok(()),
        (got, true) => Err(format!(
            "the last attempt was answered and the caller got {got:?}"
        )),
        (Got::Answer(_), false) => {
            Err("every attempt failed and the caller got an answer all the same".to_owned())
        }
        (_, false) => Ok(()),
    }
}
