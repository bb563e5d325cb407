//! E4.caller_errors: the caller's own mistakes, and a provider's refusal, end at the first link.

use golive_checklist::judge::{Rule, Tally};
use golive_checklist::report::PartReport;
use golive_config::TargetFormat;
use golive_lab::{Behaviour, Brain, Fault};

use super::order::unwatched;
use super::watch::{Case, Seen, Stage};
use crate::line::Got;

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    let mut cases: Vec<Case> = [400, 413, 422]
        .into_iter()
        .map(|status| Case::new(format!("a {status} of the first"), None).fault(0, Fault::status(status)))
        .collect();
    for case in &mut cases {
        case.key = format!("caller/{}", case.name);
    }
    if stage.line.ctx.config.format != TargetFormat::Http {
        let declines = Behaviour {
            brain: Some(Brain::Refusal),
            ..Behaviour::default()
        };
        cases.push(Case::new("a first that declines by its own filter", Some(0)).says(0, declines));
    }
    cases
}

pub(super) fn prove(stage: &Stage, seen: &[Seen]) -> PartReport {
    let mut tally = Tally::new();
    let mut bad = Vec::new();
    for one in seen {
        let judged = match one.arrivals() {
            Err(reason) => {
                tally.add_unscored(&reason);
                continue;
            }
            Ok(_) => judge(one),
        };
        match judged {
            Ok(()) => tally.add_good(),
            Err(why) => {
                tally.add_bad(format!("{}: {why}", one.case.name));
                bad.push(one.evidence());
            }
        }
    }
    unwatched(&mut tally, cases(stage).len() - seen.len());
    stage
        .part("E4.caller_errors")
        .headline(format!("{} of {} ended at the first link", tally.good(), tally.scored()))
        .lines("who was asked and who signed", seen.iter().map(|one| one.in_short(&stage.line)).collect())
        .evidences(bad)
        .fix("hand 4xx answers and refusals of a provider to the caller: the next link would say the same, at its price")
        .controls(stage.controls(seen))
        .judged(&tally.judge(&Rule::all_of(3)))
}

fn judge(one: &Seen) -> Result<(), String> {
    if let Some(next) = one.asked().get(1) {
        return Err(format!("{next} was asked as well"));
    }
    match (&one.got, one.case.answered_by) {
        (Got::Error(400..=499), None) | (Got::Answer(_) | Got::Words, Some(_)) => Ok(()),
        // A filter's refusal may also be told as an error of the caller's side.
        (Got::Error(400..=499), Some(_)) => Ok(()),
        (got, _) => Err(format!("the caller got {got:?}")),
    }
}
