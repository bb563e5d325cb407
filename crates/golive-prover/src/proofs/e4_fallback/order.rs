//! E4.order and E4.return: the first provider is killed by each fault; who answers, and who answers afterwards.

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_lab::Fault;

use super::watch::{Case, Seen, Stage, signed};
use crate::control::{Controls, Negative};
use crate::line::{Got, ms, streams};

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    let all = stage.line.providers.len();
    let mut cases = Vec::new();
    // First: the cases after it let the second answer, before a breaker has counted enough of its failures.
    if all > 2 {
        let two = Case::new("the first and the second down", Some(2));
        cases.push(two.fault(0, Fault::status(503)).fault(1, Fault::status(503)));
    }
    let by_next = |name: &str, fault| Case::new(name, Some(1)).fault(0, fault);
    for status in [500, 502, 503, 529, 429, 408] {
        cases.push(by_next(
            &format!("a {status} of the first"),
            Fault::status(status),
        ));
    }
    cases.push(by_next("a connection reset by the first", Fault::Reset));
    cases.push(Case {
        refused: true,
        ..Case::new("a first that refuses connections", Some(1))
    });
    cases.push(by_next("a first that is silent", Fault::HangBeforeHeaders));
    cases.push(by_next("half a body of the first", Fault::HalfBody));
    cases.push(by_next("a body of the first that is no JSON", Fault::Malformed));
    cases.push(by_next("a web page of the first with status 200", Fault::Html200));
    if streams(&stage.line.ctx.config) {
        let cut = Fault::Cut {
            after_chunks: 1,
            after_bytes: None,
        };
        let streamed = [
            ("a stream of the first that breaks before its first words", cut),
            (
                "a stream of the first that is silent after its headers",
                Fault::HangAfterHeaders,
            ),
            (
                "a stream of the first with a broken piece before its words",
                Fault::Malformed,
            ),
            (
                "a stream of the first that begins with an error",
                Fault::ErrorEvent { after_chunks: 1 },
            ),
        ];
        for (name, fault) in streamed {
            cases.push(by_next(name, fault).asked(|ask, _| ask.streamed()));
        }
    }
    // Last: it fails every link in each round, and what that opens is healed before anything else is asked.
    let none = Case::new("all of them down", None);
    cases.push((0..all).fold(none, |case, at| case.fault(at, Fault::status(503))));
    // Only a provider with a port of its own can refuse.
    cases.retain(|case| !case.refused || stage.own_port);
    cases
}

pub(super) fn prove(stage: &Stage, seen: &[Seen]) -> PartReport {
    let mut tally = Tally::new();
    let mut bad = Vec::new();
    for one in seen {
        match one.arrivals() {
            Err(reason) => tally.add_unscored(&reason),
            Ok(_) => match judge(stage, one) {
                Ok(()) => tally.add_good(),
                Err(why) => {
                    tally.add_bad(format!("{}: {why}", one.case.name));
                    bad.push(one.evidence());
                }
            },
        }
    }
    unwatched(&mut tally, cases(stage).len() - seen.len());
    stage
        .part("E4.order")
        .headline(format!("{} of {} faults were answered by the next link", tally.good(), tally.scored()))
        .lines("who was asked and who signed", seen.iter().map(|one| one.in_short(&stage.line)).collect())
        .evidences(bad)
        .fix(
            "try the links of a chain in order, hold a stream back until its first words, and take a broken, silent or \
             unreadable answer for the failure it is",
        )
        .controls(stage.controls(seen))
        .judged(&tally.judge(&Rule::all_of(6)))
}

fn judge(stage: &Stage, one: &Seen) -> Result<(), String> {
    let providers = &stage.line.providers;
    let asked = one.asked();
    let last = one.case.answered_by.unwrap_or(providers.len() - 1);
    let from = usize::from(one.case.refused);
    let expected: Vec<&str> = providers[from..=last].iter().map(String::as_str).collect();
    if asked != expected {
        return Err(format!(
            "asked were {}, the declared order is {}",
            if asked.is_empty() {
                "none".to_owned()
            } else {
                asked.join(" → ")
            },
            expected.join(" → ")
        ));
    }
    match one.case.answered_by {
        None if matches!(one.got, Got::Answer(_)) => {
            Err("all of them failed and the caller got an answer".to_owned())
        }
        None => Ok(()),
        Some(at) if signed(&one.marks(&stage.line), &providers[at]) => Ok(()),
        Some(at) => Err(format!(
            "{} was asked, and the caller got {}",
            providers[at],
            one.exchange.in_short()
        )),
    }
}

/// Cases that were not watched, because the first link never came back.
pub(super) fn unwatched(tally: &mut Tally, count: usize) {
    for _ in 0..count {
        tally.add_unscored(&UnscoredReason::Unexpected(
            "not tried: the first link was not used again after an earlier fault".to_owned(),
        ));
    }
}

/// After each fault: the first link again.
pub(super) fn prove_return(stage: &Stage) -> PartReport {
    let mut tally = Tally::new();
    let mut table = Vec::new();
    let mut longest = std::time::Duration::ZERO;
    for (after, back) in &stage.returns {
        match back {
            Ok(time) => {
                longest = longest.max(*time);
                tally.add_good();
                table.push(format!("{after:<56} after {}", ms(*time)));
            }
            Err(why) => {
                tally.add_bad(why);
                table.push(format!("{after:<56} never"));
            }
        }
    }
    let left = stage.returns.len();
    stage
        .part("E4.return")
        .headline(format!("{} of {} times the first link was used again", tally.good(), tally.scored()))
        .measured("longest_way_back_ms", crate::target::millis(longest))
        .lines("how long until the first link answered again", table)
        .fix("begin each call with the first link that its breaker lets through, and let a breaker that is open try again")
        .controls(
            Controls::new()
                .positive(stage.line.control.clone())
                .negative(Negative::new(
                    "the chain had really left its first link, or was made to fail there",
                    Scored::Scored(left > 0),
                    format!("{left} times"),
                )),
        )
        .judged(&tally.judge(&Rule::all_of(3)))
}
