//! P2.first_byte, P2.idle, P2.total: the cases of each clock, and their judgement.

use std::time::Duration;

use futures_util::future::join_all;
use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_config::Declares;
use golive_lab::{Arrival, Fault};

use super::watch::{CLOSED_WITHIN, Case, From, Seen, Stage, can_stream};
use crate::control::{Controls, Negative, Positive};
use crate::target::millis;

/// Chunks before a stream falls silent: beyond the opening events of every format, within every answer.
const CHUNKS: u32 = 5;

/// Silent before and after the headers.
pub(super) fn first_byte(stage: &Stage) -> Vec<Case> {
    let declares = &stage.ctx.config.declares;
    let mut cases = vec![
        case(
            "silent before the headers",
            "p2-hang-plain",
            Fault::HangBeforeHeaders,
            false,
            declares.first_byte,
        ),
        case(
            "silent after the headers",
            "p2-body-plain",
            Fault::HangAfterHeaders,
            false,
            declares.first_byte,
        ),
    ];
    if can_stream(&stage.ctx.config) {
        cases.push(case(
            "a stream, silent before the headers",
            "p2-hang-stream",
            Fault::HangBeforeHeaders,
            true,
            declares.first_byte,
        ));
        cases.push(case(
            "a stream, silent after the headers",
            "p2-body-stream",
            Fault::HangAfterHeaders,
            true,
            declares.first_byte,
        ));
    }
    let slow = half(declares.first_byte.min(declares.total_request));
    cases.push(Case {
        within: true,
        ..case(
            "slow, but within the clock",
            "p2-slow",
            Fault::Slow { ms: millis(slow) },
            false,
            declares.first_byte,
        )
    });
    cases
}

/// Silent in the middle.
pub(super) fn idle(stage: &Stage) -> Vec<Case> {
    let declares = &stage.ctx.config.declares;
    let stall = |for_ms| Fault::Stall {
        after_chunks: CHUNKS,
        for_ms,
    };
    let mut cases = Vec::new();
    if can_stream(&stage.ctx.config) {
        cases.push(Case {
            from: From::LastByte,
            ..case(
                "a stream that falls silent",
                "p2-stall-stream",
                stall(None),
                true,
                declares.idle,
            )
        });
        let pause = half(declares.idle.min(declares.total_stream));
        cases.push(Case {
            within: true,
            ..case(
                "a stream that pauses, but within the clock",
                "p2-pause",
                stall(Some(millis(pause))),
                true,
                declares.idle,
            )
        });
    } else {
        cases.push(Case {
            within: true,
            ..case(
                "a body that pauses, but within the clock",
                "p2-pause",
                stall(Some(millis(half(declares.idle.min(declares.first_byte))))),
                false,
                declares.idle,
            )
        });
    }
    // Half a body counts as one that has not come, so the clock of the first byte may also be the one that ends it.
    cases.push(case(
        "half a body, then silent",
        "p2-stall-plain",
        stall(None),
        false,
        declares.idle.max(declares.first_byte),
    ));
    cases
}

/// Never silent, and never done.
pub(super) fn total(stage: &Stage) -> Vec<Case> {
    let declares = &stage.ctx.config.declares;
    let interval = beat(declares);
    let mut cases = vec![case(
        "a body that drips byte by byte",
        "p2-drip-plain",
        Fault::Drip {
            interval_ms: interval,
        },
        false,
        declares.total_request,
    )];
    if can_stream(&stage.ctx.config) {
        cases.push(case(
            "a stream without end",
            "p2-endless",
            Fault::Endless {
                interval_ms: interval,
            },
            true,
            declares.total_stream,
        ));
    }
    let slow = half(declares.first_byte.min(declares.total_request));
    cases.push(Case {
        within: true,
        ..case(
            "slow, but within the clock",
            "p2-slow-total",
            Fault::Slow { ms: millis(slow) },
            false,
            declares.total_request,
        )
    });
    cases
}

/// One byte at a time and never silent for long: only a clock over the whole ends that.
fn beat(declares: &Declares) -> u64 {
    millis(declares.idle / 4).clamp(20, 1_000)
}

/// Half a clock, and at least so much less that jitter does not decide.
fn half(clock: Duration) -> Duration {
    clock / 2
}

fn case(name: &'static str, key: &'static str, fault: Fault, stream: bool, clock: Duration) -> Case {
    Case {
        name,
        key,
        fault,
        stream,
        clock,
        from: From::Start,
        within: false,
    }
}

/// Runs the cases side by side: a breaker that opens over the first then spoils none of the others.
pub(super) async fn prove(stage: &Stage, id: &'static str, cases: Vec<Case>) -> PartReport {
    let declares = &stage.ctx.config.declares;
    let longest = cases.iter().map(|case| case.clock).max().unwrap_or_default();
    stage.ctx.waiting(format!(
        "the clocks of {} calls, at most {} s",
        cases.len(),
        longest.as_secs()
    ));
    let draft = part(stage, id);
    if let Err(reason) = stage.teach(&cases).await {
        return draft.unproven(format!("the lab could not be told to misbehave ({reason})"));
    }
    let seen: Vec<Seen> = join_all(cases.into_iter().map(|case| stage.watch(case))).await;

    let mut tally = Tally::new();
    let mut controls = Controls::new().positive(stage.control.clone());
    let mut attempts = 0;
    for one in &seen {
        attempts = attempts.max(one.arrivals.len());
        if one.case.within {
            let held = match &one.exchange.outcome {
                Scored::Unscored(reason @ (UnscoredReason::Interrupted | UnscoredReason::OverBudget)) => {
                    Scored::Unscored(reason.clone())
                }
                _ => Scored::Scored(one.useful.is_ok()),
            };
            // A clock that is far too short fails what it should have let through.
            tally.add(held.clone(), |held| {
                held.then_some(())
                    .ok_or_else(|| format!("{}: {}", one.case.name, one.caller()))
            });
            controls = controls.positive(Positive::new(one.case.name, held, one.caller()));
            continue;
        }
        controls = controls.negative(Negative::new(
            format!("the lab really did it: {}", one.case.name),
            Scored::Scored(one.arrivals.iter().any(|at| at.fault.is_some())),
            format!("{} attempts", one.arrivals.len()),
        ));
        judge(stage, one, declares, &mut tally);
    }
    let (bad, good): (Vec<&Seen>, Vec<&Seen>) = seen
        .iter()
        .partition(|one| one.useful.is_err() || one.ended_after.is_none());
    let table = seen
        .iter()
        .map(|one| format!("{:<44} {}", one.case.name, one.caller()))
        .collect();
    let slowest = seen
        .iter()
        .filter(|one| !one.case.within)
        .filter_map(|one| one.ended_after)
        .max();
    let mut draft = draft
        .headline(format!(
            "{} of {} as they must be; the longest wait {} ms",
            tally.good(),
            tally.scored(),
            slowest.map_or_else(|| "without end".to_owned(), |time| millis(time).to_string())
        ))
        .measured("attempts_per_call_max", attempts)
        .measured("slack_ms", millis(stage.slack))
        .measured("jitter_ms", millis(stage.jitter))
        .measured("healthy_ms", millis(stage.healthy));
    if let Some(slowest) = slowest {
        draft = draft.measured("longest_wait_ms", millis(slowest));
    }
    draft
        .evidences(bad.iter().map(|one| one.evidence()))
        .evidences(good.iter().map(|one| one.evidence()))
        .lines("what each caller got", table)
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(2)))
}

/// The caller's end within the clock, and the lab's end within two seconds more.
fn judge(stage: &Stage, one: &Seen, declares: &Declares, tally: &mut Tally) {
    let case = &one.case;
    let name = case.name;
    if one.arrivals.iter().all(|at| at.fault.is_none()) {
        tally.add_unscored(&UnscoredReason::Unexpected(format!(
            "{name}: the call did not reach the lab"
        )));
        return;
    }
    if let Scored::Unscored(reason @ (UnscoredReason::Interrupted | UnscoredReason::OverBudget)) =
        &one.exchange.outcome
    {
        tally.add_unscored(reason);
        return;
    }
    // Tries again multiply the clock; together they have the total.
    let bound = if one.arrivals.len() > 1 {
        case.clock.max(if case.stream {
            declares.total_stream
        } else {
            declares.total_request
        })
    } else {
        case.clock
    };
    match one.ended_after {
        None => tally.add_bad(format!(
            "{name}: no answer within {} ms (declared {} ms)",
            millis(bound + stage.slack),
            millis(case.clock)
        )),
        Some(after) if after > bound + stage.slack => tally.add_bad(format!(
            "{name}: ended after {} ms, {} ms are declared and {} ms slack",
            millis(after),
            millis(bound),
            millis(stage.slack)
        )),
        Some(_) => match &one.useful {
            Ok(()) => tally.add_good(),
            Err(why) => tally.add_bad(format!("{name}: {why}")),
        },
    }
    for at in &one.arrivals {
        match held_for(at, case.from) {
            Some(held) if held <= case.clock + stage.slack + CLOSED_WITHIN => tally.add_good(),
            Some(held) => tally.add_bad(format!(
                "{name}: the call upstream was held for {} ms ({} ms are declared)",
                millis(held),
                millis(case.clock)
            )),
            None => tally.add_bad(format!(
                "{name}: the call upstream was still open {} s after its deadline",
                CLOSED_WITHIN.as_secs()
            )),
        }
    }
}

/// How long the target held the call, by the lab's clock, once it has closed it.
fn held_for(at: &Arrival, from: From) -> Option<Duration> {
    let gone = at.client_gone_at_us.or(at.finished_at_us)?;
    let start = match from {
        From::Start => at.at_us,
        From::LastByte => at.first_byte_at_us.unwrap_or(at.at_us),
    };
    Some(Duration::from_micros(gone.saturating_sub(start)))
}

/// The report of a part with its clocks.
pub(super) fn part(stage: &Stage, id: &'static str) -> crate::part::PartDraft {
    let declares = &stage.ctx.config.declares;
    stage
        .ctx
        .part(id)
        .declared("first_byte_ms", millis(declares.first_byte))
        .declared("idle_ms", millis(declares.idle))
        .declared("total_request_ms", millis(declares.total_request))
        .declared("total_stream_ms", millis(declares.total_stream))
        .checklist("api_timeout_ms", 30_000)
        .scaled(stage.ctx.config.scaled)
        .fix(
            "give each call upstream four clocks (connect, first content byte, silence between bytes, whole call), \
             answer a typed 504 or an error event when one strikes, and close the call upstream then and when the \
             caller leaves",
        )
}
