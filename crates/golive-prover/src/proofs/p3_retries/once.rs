//! P3.once: a tool with side effects runs once: its call reaches the caller once, an agent that may have acted is not
//! asked again, and the attempts of one call carry one key.

use golive_checklist::judge::{Rule, Scored, Tally};
use golive_checklist::report::PartReport;
use golive_config::TargetFormat;
use golive_lab::{Behaviour, Brain, Fault, Query};
use serde_json::{Value, json};

use super::{Case, Expects, Seen, Stage};
use crate::control::{Controls, Negative};
use crate::line::{streams, timeline};
use crate::target::Words;

/// Events of a stream of a tool call before it breaks: within its arguments.
const WITHIN_ARGUMENTS: u32 = 4;

/// The lab's model calls the tool that it is offered.
pub(super) fn calls_a_tool() -> Behaviour {
    Behaviour {
        brain: Some(Brain::ToolCall {
            name: None,
            arguments: json!({"order": "A-1047", "note": "a text that is long enough to come in several pieces"}),
        }),
        ..Behaviour::default()
    }
}

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    let config = &stage.line.ctx.config;
    let part = "P3.once";
    let mut cases = Vec::new();
    if config.format == TargetFormat::Http {
        if !super::idempotent(config) {
            // The lab has read the whole request each time: an agent would have acted.
            for (name, fault) in [
                ("an agent that acted and then failed", Fault::status(500)),
                ("an agent that acted and then broke off", Fault::Reset),
                ("an agent that acted and answered half", Fault::HalfBody),
            ] {
                cases.push(Case::new(part, name, fault, Expects::Once).counting());
            }
        }
        return cases;
    }
    let retried = Case::new(
        part,
        "a tool call after a failed attempt",
        Fault::status(stage.crowd),
        Expects::Healed(2),
    );
    cases.push(Case {
        tool: true,
        ..retried.times(1)
    });
    if streams(config) {
        let cut = Fault::Cut {
            after_chunks: WITHIN_ARGUMENTS,
            after_bytes: None,
        };
        let broken = Case::new(
            part,
            "a stream that breaks within a tool call",
            cut,
            Expects::Once,
        );
        cases.push(
            Case {
                tool: true,
                stream: true,
                ..broken
            }
            .counting(),
        );
    }
    cases
}

pub(super) async fn prove(stage: &Stage, seen: &[&Seen]) -> PartReport {
    let mut tally = Tally::new();
    let mut table = Vec::new();
    for one in seen {
        match one.attempts() {
            Err(reason) => tally.add_unscored(&reason),
            Ok(attempts) => {
                let judged = judge(stage, one, attempts.len());
                table.push(format!(
                    "{:<44} {} attempts, {} tool calls at the caller",
                    one.case.name,
                    attempts.len(),
                    calls(stage, one)
                ));
                match judged {
                    Ok(()) => tally.add_good(),
                    Err(why) => tally.add_bad(format!("{}: {why}", one.case.name)),
                }
            }
        }
    }
    // A provider that knows such keys can tell a second attempt from a second order.
    tally.add(
        one_key(stage, &format!("noticed-{}", stage.crowd)).await,
        |same| same,
    );
    let done = seen.iter().filter(|one| one.attempts().is_ok()).count();
    let draft = stage.part("P3.once");
    if seen.is_empty() {
        return draft.unproven(
            "the agent is declared idempotent, and offers no tool calls that could be counted here; a person can attest \
             to what its tools do",
        );
    }
    draft
        .headline(format!("{} of {} acted once", tally.good(), tally.scored()))
        .lines("each call and what became of it", table)
        .evidences(seen.iter().filter_map(|one| Some(timeline(one.case.name.clone(), one.attempts().ok()?))))
        .fix(
            "do not repeat a call whose answer has begun or whose request an agent has read; where it must be repeated, send \
             one idempotency key with all attempts",
        )
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
        .judged(&tally.judge(&Rule::all_of(1)))
}

/// The tool calls that a caller would carry out: those whose arguments came whole.
fn calls(stage: &Stage, one: &Seen) -> usize {
    let answer = match (&one.exchange.outcome, &one.exchange.partial) {
        (Scored::Scored(answer), _) => answer,
        (Scored::Unscored(_), Some(part)) => part,
        (Scored::Unscored(_), None) => return 0,
    };
    let words = Words::of(answer, &stage.line.ctx.config);
    let whole =
        |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|value| value.get("order").is_some());
    words.calls.iter().filter(|call| whole(&call.arguments)).count()
}

/// Whether the caller saw no piece of an answer, neither text nor of a call.
fn nothing_came(stage: &Stage, one: &Seen) -> bool {
    let came = match (&one.exchange.outcome, &one.exchange.partial) {
        (Scored::Scored(answer), _) => answer,
        (Scored::Unscored(_), Some(part)) => part,
        (Scored::Unscored(_), None) => return true,
    };
    let words = Words::of(came, &stage.line.ctx.config);
    words.text.is_empty() && words.calls.is_empty()
}

fn judge(stage: &Stage, one: &Seen, attempts: usize) -> Result<(), String> {
    match (one.case.expects, one.case.tool) {
        // A gateway that holds a call until it is whole may ask again: nothing of the first one had gone out.
        (Expects::Once, true) if attempts > 1 && nothing_came(stage, one) => Ok(()),
        (Expects::Once, _) if attempts > 1 => Err(format!("it was asked {attempts} times")),
        (Expects::Once, true) if calls(stage, one) > 0 => {
            Err("the call was broken off, and the caller got it whole".to_owned())
        }
        (Expects::Healed(_), true) => match calls(stage, one) {
            1 => Ok(()),
            n => Err(format!("the caller got {n} tool calls")),
        },
        _ => Ok(()),
    }
}

/// The idempotency keys of a call's attempts: none, or one and the same.
async fn one_key(stage: &Stage, key: &str) -> Scored<Result<(), String>> {
    let query = Query {
        contains: Some(stage.line.marker(key)),
        limit: 50,
        ..Query::default()
    };
    stage.line.ctx.timeline(&query).await.map(|page| {
        let of = |headers: &[(String, String)]| {
            headers
                .iter()
                .find(|(name, _)| name == "idempotency-key")
                .map(|(_, value)| value.clone())
        };
        let keys: Vec<Option<String>> = page.arrivals.iter().map(|at| of(&at.headers)).collect();
        match keys.split_first() {
            Some((first, rest)) if rest.iter().any(|key| key != first) => {
                Err("its attempts carry different idempotency keys".to_owned())
            }
            _ => Ok(()),
        }
    })
}
