//! P4: the cases' findings as parts.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_config::Counted;

use super::closes::Whole;
use super::opens::Opened;
use super::trial::Trial;
use super::{Found, part};
use crate::control::{Controls, Negative};
use crate::line::{Line, ms, timeline};
use crate::target::millis;

/// A refusal that asks nobody: some milliseconds, and room for a busy machine.
const AT_ONCE: Duration = Duration::from_millis(100);

const FIX: &str = "keep a breaker for each link: closed until the declared failures in a row, then open for the declared \
                   time, then one leased trial call at a time, closed after the declared successes; count the provider's \
                   own failures alone";

pub(super) fn all(line: &Line, found: Found) -> Vec<PartReport> {
    let whole = found.whole.as_ref();
    vec![
        opens(line, whole),
        probe(line, whole),
        closes(line, whole),
        reopens(line, &found),
        counts(line, &found),
        isolation(line, whole),
    ]
}

/// Healthy before, failing then, and refused or not: what every part of this item rests on.
fn controls(line: &Line, opened: Option<&Opened>) -> Controls {
    let failed = opened.map_or(0, |opened| {
        opened.attempts.iter().filter(|at| at.fault.is_some()).count()
    });
    let all = opened.map_or(0, |opened| opened.attempts.len());
    Controls::new()
        .positive(line.control.clone())
        .negative(Negative::new(
            "the lab really failed the calls, and they arrived",
            Scored::Scored(failed > 0 && failed == all),
            format!("{failed} of {all} attempts"),
        ))
}

/// Why a case says nothing.
fn missed(tally: &mut Tally, why: &str) {
    tally.add_unscored(&UnscoredReason::Unexpected(why.to_owned()));
}

fn opens(line: &Line, whole: Option<&Whole>) -> PartReport {
    let mut tally = Tally::new();
    let mut draft = part(line, "P4.opens");
    match whole {
        None => missed(
            &mut tally,
            "the breaker's case was not run: its link could not be healed first",
        ),
        Some(Whole { opened, .. }) if opened.missed.is_some() => {
            missed(&mut tally, opened.missed.as_deref().unwrap_or_default());
        }
        Some(Whole { opened, silence, .. }) => {
            let declared = line.ctx.config.dispatch.breaker.counts;
            match opened.counted(line) {
                Ok(counted) if counted == declared => tally.add_good(),
                Ok(Counted::Calls) => tally.add_bad(format!(
                    "it counts whole calls and attempts are declared: {} attempts reached the provider before it opened",
                    opened.attempts.len()
                )),
                Ok(Counted::Attempts) => tally.add_bad("it counts attempts and whole calls are declared"),
                Err(why) => tally.add_bad(why),
            }
            if opened.opened {
                if silence.arrived.is_empty() {
                    tally.add_good();
                } else {
                    let first = Duration::from_micros(silence.arrived[0].at_us.saturating_sub(opened.at_us));
                    tally.add_bad(format!(
                        "{} calls reached the provider while it was to be left in peace, the first after {}",
                        silence.arrived.len(),
                        ms(first)
                    ));
                }
                let bound = AT_ONCE + line.jitter * 8 + line.healthy;
                match silence.refusals.get(silence.refusals.len() / 2) {
                    None => missed(&mut tally, "no call could be sent while it was open"),
                    Some(median) if *median <= bound => tally.add_good(),
                    Some(median) => tally.add_bad(format!(
                        "callers learn only after {} that the provider is not asked ({} is at once)",
                        ms(*median),
                        ms(bound)
                    )),
                }
                for odd in silence.odd.iter().take(3) {
                    tally.add_bad(format!("a refused caller got {odd}"));
                }
                draft = draft
                    .measured("refusals", silence.refusals.len())
                    .measured(
                        "refusal_median_ms",
                        millis(
                            silence
                                .refusals
                                .get(silence.refusals.len() / 2)
                                .copied()
                                .unwrap_or_default(),
                        ),
                    )
                    .measured("silence_ms", millis(silence.lasted));
            }
            draft = draft
                .measured("attempts_until_open", opened.attempts.len())
                .measured("calls_until_open", opened.calls)
                .evidence(timeline("the failures until it opened", &opened.attempts));
        }
    }
    draft
        .headline(format!(
            "{} of {} as declared: opening, silence, refusals",
            tally.good(),
            tally.scored()
        ))
        .fix(FIX)
        .controls(controls(line, whole.map(|whole| &whole.opened)))
        .judged(&tally.judge(&Rule::all_of(3)))
}

/// Whether a trial call came when it was due.
fn on_time(line: &Line, trial: &Trial, tally: &mut Tally) {
    let open = line.ctx.config.dispatch.breaker.open;
    let early = Duration::from_millis(30) + line.jitter;
    let late = line.slack + Duration::from_millis(300) + open / 50;
    match trial.after {
        None => tally.add_bad(format!(
            "no trial call came within {} of the declared time",
            ms(late + Duration::from_secs(3))
        )),
        Some(after) if after + early < open => {
            tally.add_bad(format!(
                "a trial call came after {}, {} are declared",
                ms(after),
                ms(open)
            ));
        }
        Some(after) if after > open + late => {
            tally.add_bad(format!(
                "the trial call came only after {}, {} are declared",
                ms(after),
                ms(open)
            ));
        }
        Some(_) => tally.add_good(),
    }
}

fn probe(line: &Line, whole: Option<&Whole>) -> PartReport {
    let mut tally = Tally::new();
    let mut draft = part(line, "P4.probe");
    match whole {
        Some(Whole { opened, trial, .. }) if opened.opened => {
            let probes = line.ctx.config.dispatch.breaker.probes as usize;
            on_time(line, trial, &mut tally);
            if trial.at_once > probes {
                tally.add_bad(format!(
                    "{} calls tried the provider at once, {probes} are declared",
                    trial.at_once
                ));
            } else if trial.at_once > 0 {
                tally.add_good();
            }
            draft = draft
                .measured("trial_calls_at_once", trial.at_once)
                .measured("trial_after_ms", millis(trial.after.unwrap_or_default()))
                .evidence(timeline(
                    "what arrived of fifty callers who waited",
                    &trial.arrivals,
                ));
        }
        Some(_) => missed(
            &mut tally,
            "it did not open, so there was no trial call to wait for",
        ),
        None => missed(
            &mut tally,
            "the breaker's case was not run: its link could not be healed first",
        ),
    }
    draft
        .headline(format!(
            "{} of {} as declared: when it tries, and with how many calls",
            tally.good(),
            tally.scored()
        ))
        .fix(FIX)
        .controls(controls(line, whole.map(|whole| &whole.opened)))
        .judged(&tally.judge(&Rule::all_of(2)))
}

fn closes(line: &Line, whole: Option<&Whole>) -> PartReport {
    let mut tally = Tally::new();
    let mut draft = part(line, "P4.closes");
    let declared = line.ctx.config.dispatch.breaker.successes as usize;
    match whole {
        Some(whole) if whole.opened.opened && !whole.arrivals.is_empty() => {
            match whole.closed_after {
                Some(after) if after == declared => tally.add_good(),
                Some(after) => tally.add_bad(format!(
                    "it closed after {after} successes, {declared} are declared"
                )),
                None => tally.add_bad(format!(
                    "after {} good trial calls it is still not closed, {declared} are declared",
                    whole.arrivals.len()
                )),
            }
            draft = draft
                .measured("successes_until_closed", whole.closed_after)
                .evidence(timeline(
                    "from the first trial call until it closed",
                    &whole.arrivals,
                ));
        }
        Some(_) => missed(
            &mut tally,
            "it did not open, or was not tried, so there was nothing to close",
        ),
        None => missed(
            &mut tally,
            "the breaker's case was not run: its link could not be healed first",
        ),
    }
    draft
        .headline(format!(
            "{} of {} as declared: back in service",
            tally.good(),
            tally.scored()
        ))
        .fix(FIX)
        .controls(controls(line, whole.map(|whole| &whole.opened)))
        .judged(&tally.judge(&Rule::all_of(1)))
}

fn reopens(line: &Line, found: &Found) -> PartReport {
    let mut tally = Tally::new();
    let mut draft = part(line, "P4.reopens");
    match &found.failed {
        Some(again) if again.opened.opened && !again.first.arrivals.is_empty() => {
            if again.silence.arrived.is_empty() {
                tally.add_good();
            } else {
                tally.add_bad(format!(
                    "after a trial call that failed {} calls reached the provider at once",
                    again.silence.arrived.len()
                ));
            }
            on_time(line, &again.second, &mut tally);
            draft = draft
                .measured(
                    "second_trial_after_ms",
                    millis(again.second.after.unwrap_or_default()),
                )
                .evidence(timeline("the trial call that failed", &again.first.arrivals))
                .evidence(timeline("and the one after it", &again.second.arrivals));
        }
        Some(_) => missed(
            &mut tally,
            "it did not open, or was not tried, so no trial call could fail",
        ),
        None => missed(&mut tally, "the case of a failing trial call was not run"),
    }
    match &found.hung {
        Some(hung) if hung.opened.opened && hung.hung => {
            match hung.back_after {
                Some(after) if after <= hung.within => tally.add_good(),
                Some(after) => tally.add_bad(format!(
                    "after a trial call that hung it was back only {} later, {} is enough",
                    ms(after),
                    ms(hung.within)
                )),
                None => tally.add_bad(format!(
                    "a trial call that hung blocks it: no call was let through for {}",
                    ms(hung.within)
                )),
            }
            draft = draft
                .measured("back_after_a_hung_trial_ms", hung.back_after.map(millis))
                .evidence(timeline(
                    "the trial call that hung, and what came after",
                    &hung.arrivals,
                ));
        }
        Some(_) => missed(
            &mut tally,
            "it did not open, or was not tried, so no trial call could hang",
        ),
        None => missed(&mut tally, "the case of a hanging trial call was not run"),
    }
    draft
        .headline(format!(
            "{} of {} as they must be: trial calls that fail and that hang",
            tally.good(),
            tally.scored()
        ))
        .fix(FIX)
        .controls(controls(line, found.failed.as_ref().map(|again| &again.opened)))
        .judged(&tally.judge(&Rule::all_of(3)))
}

fn counts(line: &Line, found: &Found) -> PartReport {
    let mut tally = Tally::new();
    let mut table = Vec::new();
    for case in &found.counting {
        match (case.done, case.refused.first()) {
            (0, _) => missed(&mut tally, &format!("{}: none reached the lab", case.name)),
            (_, None) => tally.add_good(),
            (_, Some(why)) => tally.add_bad(format!("{}: {why}", case.name)),
        }
        table.push(format!(
            "{:<64} {} done, {}",
            case.name,
            case.done,
            case.refused.first().map_or("still closed", String::as_str)
        ));
    }
    let mut draft = part(line, "P4.counts");
    match &found.streams {
        Some(streams) if streams.missed.is_none() => {
            let failures = line.ctx.config.dispatch.breaker.failures as usize;
            let seen = streams.attempts.len();
            if streams.opened && seen == failures {
                tally.add_good();
            } else if streams.opened {
                tally.add_bad(format!(
                    "it opened after {seen} streams that broke, {failures} are declared"
                ));
            } else {
                tally.add_bad(format!(
                    "{seen} streams broke after their first words, and it did not open"
                ));
            }
            draft = draft.measured("broken_streams_until_open", seen);
        }
        _ if !crate::line::streams(&line.ctx.config) => {}
        _ => missed(&mut tally, "the case of streams that break was not run"),
    }
    let done: usize = found.counting.iter().map(|case| case.done).sum();
    draft
        .headline(format!(
            "{} of {} counted as they must be",
            tally.good(),
            tally.scored()
        ))
        .lines("what was counted", table)
        .fix(FIX)
        .controls(
            Controls::new()
                .positive(line.control.clone())
                .negative(Negative::new(
                    "the lab really did what must not count",
                    Scored::Scored(done > 0 && found.counting.iter().all(|case| case.done > 0)),
                    format!("{done} times"),
                )),
        )
        .judged(&tally.judge(&Rule::all_of(4)))
}

fn isolation(line: &Line, whole: Option<&Whole>) -> PartReport {
    let mut tally = Tally::new();
    match whole {
        Some(Whole { opened, silence, .. }) if opened.opened => {
            (0..silence.other.0).for_each(|_| tally.add_good());
            for why in &silence.other.1 {
                tally.add_bad(format!("while one link was open, a call of another got {why}"));
            }
            if tally.scored() == 0 {
                missed(&mut tally, "no other link was well");
            }
        }
        _ => missed(
            &mut tally,
            "the breaker did not open, so nothing could be told apart from it",
        ),
    }
    part(line, "P4.isolation")
        .headline(format!(
            "{} of {} calls of another link were answered meanwhile",
            tally.good(),
            tally.scored()
        ))
        .fix(FIX)
        .controls(controls(line, whole.map(|whole| &whole.opened)))
        .judged(&tally.judge(&Rule::all_of(2)))
}
