//! P3.never: what a retry cannot heal, and what has begun to be answered, is not sent again.

use golive_checklist::judge::{Rule, Scored, Tally};
use golive_checklist::report::PartReport;
use golive_lab::Fault;

use super::{Case, Expects, Seen, Stage, idempotent};
use crate::control::{Controls, Negative};
use crate::line::{Got, streams, timeline};

/// Events of a stream before it breaks: beyond the opening of every format.
const BEGUN: u32 = 6;

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    let config = &stage.line.ctx.config;
    let case = |name: String, fault| Case::new("P3.never", name, fault, Expects::Once);
    let mut cases: Vec<Case> = [400, 401, 403, 404, 422]
        .into_iter()
        .map(|status| case(format!("a {status}"), Fault::status(status)))
        .collect();
    if streams(config) {
        let cut = Fault::Cut {
            after_chunks: BEGUN,
            after_bytes: None,
        };
        let streamed = case("a stream that breaks after its first words".to_owned(), cut);
        cases.push(
            Case {
                stream: true,
                ..streamed
            }
            .counting(),
        );
    }
    if !idempotent(config) {
        for status in [408, 500, 502] {
            cases.push(
                case(
                    format!("a {status}, which may have been acted upon"),
                    Fault::status(status),
                )
                .counting(),
            );
        }
        cases.push(
            case(
                "a connection reset, which may have been acted upon".to_owned(),
                Fault::Reset,
            )
            .counting(),
        );
    }
    cases
}

pub(super) fn prove(stage: &Stage, seen: &[&Seen]) -> PartReport {
    let mut tally = Tally::new();
    let mut bad = Vec::new();
    for one in seen {
        match one.attempts() {
            Err(reason) => tally.add_unscored(&reason),
            Ok(attempts) if attempts.len() > 1 => {
                tally.add_bad(format!("{}: {} attempts", one.case.name, attempts.len()));
                bad.push(timeline(one.case.name.clone(), attempts));
            }
            Ok(_) if matches!(one.got, Got::Answer(_)) && !one.case.stream => {
                tally.add_bad(format!(
                    "{}: it failed and the caller got an answer",
                    one.case.name
                ));
                bad.push(one.exchange.evidence(one.case.name.clone()));
            }
            Ok(_) => tally.add_good(),
        }
    }
    let done = seen.iter().filter(|one| one.attempts().is_ok()).count();
    let table = seen
        .iter()
        .map(|one| {
            format!(
                "{:<52} {} attempts, {}",
                one.case.name,
                one.count(),
                one.exchange.in_short()
            )
        })
        .collect();
    stage
        .part("P3.never")
        .headline(format!("{} of {} were asked once", tally.good(), tally.scored()))
        .evidences(bad)
        .lines("attempts of each call", table)
        .fix("retry connection errors, 408, 429 and 5xx alone, and nothing once a byte of the answer has been passed on")
        .controls(
            Controls::new()
                .positive(stage.line.control.clone())
                .negative(stage.noticed.clone())
                .negative(Negative::new(
                    "the lab really failed the calls",
                    Scored::Scored(done == seen.len()),
                    format!("{done} of {}", seen.len()),
                )),
        )
        .judged(&tally.judge(&Rule::all_of(4)))
}
