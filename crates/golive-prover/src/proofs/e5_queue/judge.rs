//! E5: the reports over what the rounds found.
//!
//! Never: takes a balancer's refusal for the target's, or counts a call neither as answered nor as refused nor as lost.

use std::collections::BTreeMap;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;

use super::offer::{Kind, Offered, Stage, count};
use super::rounds::{BUSY, Found, HIGH, LOW, Ordered, SECOND, THIRD};
use crate::control::{Controls, Negative};
use crate::proofs::e1_degradation::{Told, is_sentence};
use crate::target::millis;

/// Jain's index of equal shares is 1; of one who has all among three, a third.
const FAIR: f64 = 0.9;

/// Pairs in the wrong order that are borne: calls let through at the same moment arrive in any order.
const WRONG_PAIRS_PERCENT: usize = 10;

pub(super) async fn reports(stage: &Stage, wanted: &[&'static str], found: &Found) -> Vec<PartReport> {
    let (after, _) = stage.healthy("after").await;
    let held = found.served > 0;
    let controls = Controls::new()
        .positive(stage.control.clone())
        .positive(after)
        .negative(Negative::new(
            "the lab really held calls while more came",
            Scored::Scored(held),
            format!(
                "{} at the lab at once, {} in the target",
                found.served, found.capacity
            ),
        ));
    let mut reports = vec![
        refusal(stage, found, controls.clone()),
        completion(stage, found, controls.clone()),
    ];
    if wanted.contains(&"E5.priority") {
        reports.push(priority(stage, found, controls.clone()));
    }
    if wanted.contains(&"E5.fairness") {
        reports.push(fairness(stage, found, controls));
    }
    reports
}

fn refusal(stage: &Stage, found: &Found, controls: Controls) -> PartReport {
    let queue = &stage.ctx.config.queue;
    let within = queue.refused_within;
    let draft = stage
        .ctx
        .part("E5.refusal")
        .measured("capacity", found.capacity)
        .measured("served_at_once", found.served)
        .measured("slack_ms", millis(stage.slack))
        .declared("refused_within_ms", millis(within))
        .checklist("refused_within_ms", 100)
        .fix(
            "bound the queue and refuse what finds no place at once: 503 (or a degraded reply) with a sentence and \
             Retry-After; golive: [queue] length; LiteLLM has no queue of its own, so put one in front; own code: \
             try_acquire on a semaphore instead of waiting for it",
        )
        .controls(controls);
    let all = &found.overflow;
    let (mut tally, mut bad) = (Tally::new(), Vec::new());
    let mut slowest = std::time::Duration::ZERO;
    for one in all {
        let Some(exchange) = &one.exchange else { continue };
        match &one.kind {
            Kind::Foreign(by) => tally.add_unscored(&UnscoredReason::Unexpected(by.clone())),
            Kind::Limited => tally.add_unscored(&crate::target::limited()),
            // Who waited as long as the queue lets anyone wait was not refused for want of a place.
            Kind::Refused if one.elapsed + stage.slack >= queue.wait => {}
            Kind::Refused => {
                slowest = slowest.max(one.elapsed);
                let wrong = wrong_with(stage, one);
                if !wrong.is_empty() {
                    bad.push(exchange.evidence(format!("{}: {}", one.id, wrong.join(", "))));
                }
                tally.add(Scored::Scored(()), |()| {
                    if wrong.is_empty() {
                        Ok(())
                    } else {
                        Err(wrong.join(", "))
                    }
                });
            }
            Kind::Answered | Kind::Lost(_) => {}
        }
    }
    if tally.scored() + tally.unscored() == 0 {
        return endless(stage, found, draft);
    }
    if let (Some(served), Some(waiting)) = (queue.concurrency, queue.length) {
        let declared = (served + waiting) as usize;
        // Places are freed while the last of them are being taken.
        if found.capacity > declared + declared / 10 + 2 {
            tally.add_bad(format!(
                "{} calls were let in, and {declared} places are declared",
                found.capacity
            ));
        }
    }
    if let Some(leaving) = &found.leaving {
        let next = &leaving.offered[leaving.next];
        tally.add(Scored::Scored(next.kind == Kind::Refused), |refused| {
            if refused {
                Err("one who left the queue did not free a place".to_owned())
            } else {
                Ok(())
            }
        });
    }
    draft
        .headline(format!(
            "{} refused of {} offered to {} places, the slowest in {} ms",
            count(all, &Kind::Refused),
            all.len(),
            found.capacity,
            millis(slowest)
        ))
        .measured("slowest_refusal_ms", millis(slowest))
        .evidences(bad)
        .evidences(first(all, &Kind::Refused, "a refusal"))
        .judged(&tally.judge(&Rule::all_of(3)))
}

/// Nothing was refused: no end was found.
fn endless(stage: &Stage, found: &Found, draft: crate::part::PartDraft) -> PartReport {
    let queue = &stage.ctx.config.queue;
    let offered = found.overflow.len();
    let declared = queue
        .concurrency
        .zip(queue.length)
        .map(|(served, waiting)| served + waiting);
    let at_once = found.capacity;
    // So many at the model and none that waits: whatever bound there may be, it protects nothing.
    let unbounded = found.served * 10 >= at_once * 9 && at_once * 2 >= super::OFFERED_MAX;
    match declared {
        _ if found.overflow.iter().any(|one| one.exchange.is_none()) && found.served == 0 => {
            draft.unproven("calls were neither answered nor refused, and none reached the lab")
        }
        None if !unbounded => draft.unproven(format!(
            "none of {offered} calls was refused, {at_once} of them at once; declare queue.length and queue.concurrency"
        )),
        _ => {
            let mut tally = Tally::new();
            tally.add_bad(match declared {
                Some(places) => format!("nothing was refused of {offered} calls, and {places} places are declared"),
                None => format!("nothing holds calls back: {} of {at_once} were at the model at once", found.served),
            });
            draft.judged(&tally.judge(&Rule::all_of(1)))
        }
    }
}

/// What is wrong with one refusal.
fn wrong_with(stage: &Stage, one: &Offered) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(answer) = one.exchange.as_ref().and_then(|exchange| exchange.answer()) else {
        return wrong;
    };
    let within = stage.ctx.config.queue.refused_within;
    if one.elapsed > within + stage.slack {
        wrong.push(format!("refused only after {} ms", millis(one.elapsed)));
    }
    let told = Told::whole(answer, &stage.ctx.config);
    if let Err(why) = told
        .shape(&stage.ctx.config)
        .and_then(|()| is_sentence(&told.words))
    {
        wrong.push(why);
    }
    match answer
        .header("retry-after")
        .map(|value| value.trim().parse::<u64>())
    {
        None => wrong.push("no Retry-After".to_owned()),
        // A date is allowed, too.
        Some(Err(_))
            if answer
                .header("retry-after")
                .is_some_and(|value| value.contains("GMT")) => {}
        Some(Ok(1..)) => {}
        Some(_) => wrong.push("a Retry-After that is no time".to_owned()),
    }
    wrong
}

fn completion(stage: &Stage, found: &Found, controls: Controls) -> PartReport {
    let mut tally = Tally::new();
    let mut bad = Vec::new();
    let empty = Vec::new();
    let leaving = found.leaving.as_ref().map_or(&empty, |leaving| &leaving.offered);
    let mut nonces: BTreeMap<String, &str> = BTreeMap::new();
    for one in found.overflow.iter().chain(leaving) {
        let verdict = match &one.kind {
            _ if one.left => match one.arrivals.len() {
                0 => continue,
                _ => Err("it had left the queue, and was asked all the same".to_owned()),
            },
            Kind::Limited | Kind::Foreign(_) => continue,
            Kind::Refused if one.arrivals.is_empty() => continue,
            Kind::Refused if one.elapsed + stage.slack >= stage.ctx.config.queue.wait => continue,
            Kind::Refused => Err("refused, and asked all the same".to_owned()),
            Kind::Lost(how) if one.arrivals.is_empty() => Err(format!(
                "accepted and lost: {how}, and it never reached the model"
            )),
            Kind::Lost(how) => Err(format!("accepted and lost: {how}")),
            Kind::Answered if one.arrivals.len() > 1 => {
                Err(format!("asked {} times for one answer", one.arrivals.len()))
            }
            Kind::Answered => own_answer(stage, one, &mut nonces),
        };
        if let (Err(why), Some(exchange)) = (&verdict, &one.exchange) {
            bad.push(exchange.evidence(format!("{}: {why}", one.id)));
        }
        tally.add(Scored::Scored(verdict), |held| {
            held.map_err(|why| format!("{}: {why}", one.id))
        });
    }
    let all = &found.overflow;
    let (answered, refused) = (count(all, &Kind::Answered), count(all, &Kind::Refused));
    let others = all.len() - answered - refused;
    stage
        .ctx
        .part("E5.completion")
        .headline(format!(
            "{} in, {answered} answered, {refused} refused, {others} neither",
            all.len()
        ))
        .measured("offered", all.len())
        .measured("answered", answered)
        .measured("refused", refused)
        .measured("neither", others)
        .measured("arrivals_at_the_lab", all.iter().map(|one| one.arrivals.len()).sum::<usize>())
        .fix(
            "give a call that was let in its answer or a refusal, exactly one; take it out of the queue when its caller \
             leaves, and do not ask the model again for a call that has its answer",
        )
        .evidences(bad)
        .evidences(first(all, &Kind::Answered, "an accepted call"))
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(3)))
}

/// The answer holds the mark of the very arrival that was its own.
fn own_answer<'a>(
    stage: &Stage,
    one: &'a Offered,
    nonces: &mut BTreeMap<String, &'a str>,
) -> Result<(), String> {
    let answer = one.exchange.as_ref().and_then(|exchange| exchange.answer());
    let words = answer
        .map(|answer| Told::whole(answer, &stage.ctx.config).words)
        .unwrap_or_default();
    let Some(mark) = golive_lab::nonce::find(&words) else {
        return Err("answered without the lab's mark".to_owned());
    };
    if let Some(other) = nonces.insert(mark.nonce.clone(), &one.id) {
        return Err(format!("the same answer went to {other}"));
    }
    match one.arrivals.first().and_then(|arrival| arrival.nonce.as_ref()) {
        Some(nonce) if *nonce == mark.nonce => Ok(()),
        Some(_) => Err("it got the answer of another call".to_owned()),
        None => Err("answered though it never reached the lab".to_owned()),
    }
}

/// The groups in the order in which their calls reached the lab.
fn order(ordered: &Ordered, groups: &[&str]) -> Vec<&'static str> {
    let mut arrived: Vec<(u64, &'static str)> = ordered
        .offered
        .iter()
        .filter(|one| groups.contains(&one.group))
        .filter_map(|one| Some((one.arrivals.first()?.at_us, one.group)))
        .collect();
    arrived.sort_unstable();
    arrived.into_iter().map(|(_, group)| group).collect()
}

fn too_early(ordered: &Ordered) -> String {
    format!(
        "{} calls reached the lab before all of them waited, so their order says nothing",
        ordered.early
    )
}

fn all_waited(ordered: &Ordered) -> Negative {
    Negative::new(
        "all whose order counts were waiting before the first of them was let through",
        Scored::Scored(ordered.early == 0),
        format!("{} had reached the lab too early", ordered.early),
    )
}

fn priority(stage: &Stage, found: &Found, controls: Controls) -> PartReport {
    let draft = stage
        .ctx
        .part("E5.priority")
        .fix("take from the queue by priority, then by arrival; own code: a queue per priority");
    let ordered = match &found.priority {
        Some(Ok(ordered)) if ordered.early > 0 => {
            return draft.controls(controls).unproven(too_early(ordered));
        }
        Some(Ok(ordered)) => ordered,
        Some(Err(reason)) => return draft.controls(controls).unproven(reason.clone()),
        None => return draft.unproven("not tried"),
    };
    let order = order(ordered, &[LOW, HIGH]);
    let mut wrong = 0;
    for (n, group) in order.iter().enumerate() {
        if *group == HIGH {
            wrong += order[..n].iter().filter(|before| **before == LOW).count();
        }
    }
    let pairs = ordered.each * ordered.each;
    let mut tally = Tally::new();
    if order.len() < ordered.each {
        let why = format!(
            "only {} of {} calls reached the lab",
            order.len(),
            2 * ordered.each
        );
        tally.add_unscored(&UnscoredReason::Unexpected(why));
    } else {
        tally.add(
            Scored::Scored(wrong * 100 <= pairs * WRONG_PAIRS_PERCENT),
            |held| {
                held.then_some(()).ok_or_else(|| {
                    format!("{wrong} of {pairs} times the unimportant went before the important")
                })
            },
        );
    }
    draft
        .headline(format!(
            "{} important calls before {} others",
            ordered.each, ordered.each
        ))
        .measured("pairs", pairs)
        .measured("pairs_in_the_wrong_order", wrong)
        .lines(
            "in the order in which they reached the lab",
            order.iter().map(|group| (*group).to_owned()).collect(),
        )
        .controls(controls.negative(all_waited(ordered)))
        .judged(&tally.judge(&Rule::all_of(1)))
}

fn fairness(stage: &Stage, found: &Found, controls: Controls) -> PartReport {
    let draft = stage
        .ctx
        .part("E5.fairness")
        .fix("take from the queue of each user in turn; own code: a queue per user, emptied round robin");
    let ordered = match &found.fairness {
        Some(Ok(ordered)) if ordered.early > 0 => {
            return draft.controls(controls).unproven(too_early(ordered));
        }
        Some(Ok(ordered)) => ordered,
        Some(Err(reason)) => return draft.controls(controls).unproven(reason.clone()),
        None => return draft.unproven("not tried"),
    };
    let order = order(ordered, &[BUSY, SECOND, THIRD]);
    // As long as all three still have calls waiting, each of them is due a third.
    let window = &order[..order.len().min(3 * ordered.each)];
    let shares = [BUSY, SECOND, THIRD].map(|user| window.iter().filter(|one| **one == user).count());
    let index = jain(&shares);
    let mut tally = Tally::new();
    if window.len() < 3 * ordered.each {
        let why = format!(
            "only {} of {} calls reached the lab",
            order.len(),
            5 * ordered.each
        );
        tally.add_unscored(&UnscoredReason::Unexpected(why));
    } else {
        tally.add(Scored::Scored(index >= FAIR), |fair| {
            fair.then_some(()).ok_or_else(|| {
                format!(
                    "the busy user had {} of the first {}, the others {} and {} (Jain's index {index:.2})",
                    shares[0],
                    window.len(),
                    shares[1],
                    shares[2]
                )
            })
        });
    }
    draft
        .headline(format!(
            "three users served {shares:?} of the first {}, Jain's index {index:.2}",
            window.len()
        ))
        .measured("jain_index", index)
        .checklist("jain_index", FAIR)
        .lines(
            "in the order in which they reached the lab",
            order.iter().map(|group| (*group).to_owned()).collect(),
        )
        .controls(controls.negative(all_waited(ordered)))
        .judged(&tally.judge(&Rule::all_of(1)))
}

/// Jain's index: the square of the sum over n times the sum of the squares.
fn jain(shares: &[usize]) -> f64 {
    let sum: usize = shares.iter().sum();
    let squares: usize = shares.iter().map(|share| share * share).sum();
    if squares == 0 {
        return 0.0;
    }
    (sum * sum) as f64 / (shares.len() * squares) as f64
}

fn first(all: &[Offered], kind: &Kind, title: &str) -> Option<golive_checklist::report::Evidence> {
    let one = all.iter().find(|one| one.kind == *kind)?;
    Some(one.exchange.as_ref()?.evidence(format!("{title}: {}", one.id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_are_fair_and_one_who_has_all_is_not() {
        assert!((jain(&[4, 4, 4]) - 1.0).abs() < 1e-9);
        assert!((jain(&[12, 0, 0]) - 1.0 / 3.0).abs() < 1e-9);
        assert!(jain(&[5, 4, 3]) > FAIR);
        assert!(jain(&[0, 0, 0]) < FAIR);
    }
}
