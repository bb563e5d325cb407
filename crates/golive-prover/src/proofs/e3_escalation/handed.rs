//! E3.attempts, E3.confidence, E3.delivery: what hands over besides words, and that each hand-over arrives once.
//!
//! Never: counts a failure that the lab did not make.

use std::time::Duration;

use futures_util::future::join_all;
use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::PartReport;
use golive_lab::{Behaviour, Confidence, Delivery, Fault, Match, Reception, Rule as LabRule};

use super::asked::shown;
use super::desk::{Conversation, Desk, Said, unsaid};
use super::event::{Event, once};
use crate::target::{millis, shorten};

/// How long the receiver stays down after it refused the first delivery.
const DOWN: Duration = Duration::from_secs(2);

/// A sender that backs off for long still delivers within this of the recovery: six times what an event may take.
fn recovers_within(desk: &Desk) -> Duration {
    (desk.declared().within * 6).clamp(Duration::from_secs(15), Duration::from_secs(90))
}

/// `E3.attempts`: so many failures hand over, one fewer does not, and more at once do not double.
pub(super) async fn attempts(desk: &Desk) -> PartReport {
    let attempts = desk.declared().attempts;
    let (enough, too_few) = (
        Conversation::new(&desk.ctx, "failed"),
        Conversation::new(&desk.ctx, "failed less"),
    );
    let draft = desk.ctx.part("E3.attempts").fix(
        "count failed attempts (degraded, blocked, thumbs down) per conversation and hand over at the declared number, once",
    );
    // The conversations' headers do not reach the model: each message is known by its own marker.
    let mut rules = Vec::new();
    for conversation in [&enough, &too_few] {
        for text in (0..attempts).map(question).chain(PARALLEL.map(str::to_owned)) {
            rules.push(LabRule {
                matches: Match {
                    contains: Some(desk.ctx.marker(&format!("{}/{text}", conversation.key))),
                    ..Match::default()
                },
                fault: Some(Fault::status(500)),
                ..LabRule::default()
            });
        }
    }
    if let Err(reason) = desk.teach(&rules).await {
        return draft.unproven(reason);
    }
    desk.ctx.waiting(format!("{attempts} failed attempts in a row"));
    let fail = |conversation: Conversation, times: u32| async move {
        let mut said = Vec::new();
        for n in 0..times {
            said.push(desk.say(&conversation, &question(n)).await);
        }
        (conversation, said)
    };
    let ((enough, failed), (too_few, less)) =
        tokio::join!(fail(enough, attempts), fail(too_few, attempts.saturating_sub(1)));
    let all: Vec<&Said> = failed.iter().collect();
    desk.await_event(&enough, &all, desk.declared().within).await;
    // A person has it now: what fails meanwhile calls nobody again.
    join_all(PARALLEL.map(|text| desk.say(&enough, text))).await;
    desk.wait_for_none().await;
    let events = desk.events(&enough, &all).await;
    let none = desk.events(&too_few, &less.iter().collect::<Vec<_>>()).await;
    let _ = desk.teach(&[]).await;

    let mut tally = Tally::new();
    let failures = failed.iter().filter(|said| failed_to_answer(said)).count();
    if failures < failed.len() {
        let why = format!(
            "only {failures} of {} messages failed, so there was nothing to hand over",
            failed.len()
        );
        tally.add_unscored(&UnscoredReason::Unexpected(why));
    } else {
        tally.add(Scored::Scored(once(&events, desk.declared())), |held| {
            held.map_err(|why| format!("after {attempts} failed attempts: {why}"))
        });
    }
    tally.add(Scored::Scored(none.is_empty()), |none| {
        none.then_some(())
            .ok_or_else(|| format!("handed over after {} failed attempts already", attempts - 1))
    });
    draft
        .headline(format!(
            "{attempts} failed attempts call a person once, {} do not",
            attempts - 1
        ))
        .declared("attempts", attempts)
        .checklist("attempts", 3)
        .evidences(events.first().map(shown))
        .evidences(none.first().map(shown))
        .evidences(
            failed
                .iter()
                .map(|said| said.exchange.evidence("a failed attempt")),
        )
        .controls(desk.controls().await)
        .judged(&tally.judge(&Rule::all_of(2)))
}

/// The n-th question of a conversation in which nothing works.
fn question(n: u32) -> String {
    format!("Where is my order number {}?", 4_711 + n)
}

const PARALLEL: [&str; 2] = ["Is anybody there?", "Hello?"];

/// The caller was told of a failure, in whatever form.
fn failed_to_answer(said: &Said) -> bool {
    let answered = said.exchange.answer().map(crate::target::Answer::text);
    unsaid(said).is_none() && answered.is_some_and(|text| golive_lab::nonce::find(&text).is_none())
}

/// `E3.confidence`: below the declared one hands over; at it and above it do not.
pub(super) async fn confidence(desk: &Desk) -> PartReport {
    let declared = desk.declared();
    let line = declared.confidence_percent;
    let draft = desk.ctx.part("E3.confidence").fix(
        "read the confidence from the model's answer and hand over below the line; golive: [escalation]",
    );
    let tries: Vec<(u32, bool, Conversation)> =
        [(line.saturating_sub(1), true), (line, false), (line + 1, false)]
            .into_iter()
            .map(|(percent, hands_over)| {
                (
                    percent,
                    hands_over,
                    Conversation::new(&desk.ctx, &format!("sure {percent}")),
                )
            })
            .collect();
    let rules: Vec<LabRule> = tries
        .iter()
        .map(|(percent, _, conversation)| LabRule {
            matches: Match {
                contains: Some(desk.ctx.marker(&format!("{}/{QUESTION}", conversation.key))),
                ..Match::default()
            },
            behaviour: Some(Behaviour {
                confidence: Some(Confidence {
                    value: format!("{}.{:02}", percent / 100, percent % 100),
                    header: declared.confidence_header.clone(),
                    pointer: declared.confidence_pointer.clone(),
                }),
                ..Behaviour::default()
            }),
            ..LabRule::default()
        })
        .collect();
    if let Err(reason) = desk.teach(&rules).await {
        return draft.unproven(reason);
    }
    desk.ctx.waiting("answers of a stated confidence");
    let said = join_all(tries.iter().map(|(_, hands_over, conversation)| async move {
        let said = desk.say(conversation, QUESTION).await;
        if *hands_over {
            desk.await_event(conversation, &[&said], declared.within).await;
        }
        said
    }))
    .await;
    desk.wait_for_none().await;
    let _ = desk.teach(&[]).await;
    let mut tally = Tally::new();
    let mut evidence = Vec::new();
    for ((percent, hands_over, conversation), said) in tries.iter().zip(&said) {
        if let Some(reason) = unsaid(said) {
            tally.add_unscored(&reason);
            continue;
        }
        let events = desk.events(conversation, &[said]).await;
        evidence.extend(events.first().map(shown));
        let verdict = if *hands_over {
            once(&events, declared).map_err(|why| format!("at {percent} of 100: {why}"))
        } else if events.is_empty() {
            Ok(())
        } else {
            Err(format!("handed over at {percent} of 100, and the line is {line}"))
        };
        tally.add(Scored::Scored(verdict), |held| held);
    }
    draft
        .headline(format!(
            "below {line} of 100 a person is called, at {line} and above nobody"
        ))
        .declared("confidence_percent", line)
        .checklist("confidence_percent", 50)
        .evidences(evidence)
        .evidences(
            said.iter()
                .map(|said| said.exchange.evidence("an answer of a stated confidence")),
        )
        .controls(desk.controls().await)
        .judged(&tally.judge(&Rule::all_of(3)))
}

const QUESTION: &str = "Is this plant poisonous for cats?";

const PLEASE: &str = "I want to talk to a human.";

/// One hand-over while the receiver was down.
pub(super) struct Outage {
    how: &'static str,
    said: Said,
    /// Tries while it was down.
    refused: Vec<Delivery>,
    events: Vec<Event>,
    recovered_after: Option<Duration>,
}

/// Hand-overs while the receiver is down in three ways, one after the other.
pub(super) async fn outages(desk: &Desk) -> Vec<Outage> {
    let mut found = Vec::new();
    for (how, reception) in [
        ("answered 500", Reception::Error),
        ("refused connections", Reception::Refuse),
        ("never answered", Reception::Hang),
    ] {
        if desk.ctx.cancel.is_cancelled() || (desk.ctx.quick && reception == Reception::Hang) {
            continue;
        }
        desk.ctx.waiting(format!("a hand-over while the receiver {how}"));
        if desk.receives(reception).await.is_err() {
            continue;
        }
        let conversation = Conversation::new(&desk.ctx, how);
        let said = desk.say(&conversation, PLEASE).await;
        let tried = async {
            while desk.about(&conversation, &[&said]).await.is_empty() {
                if !desk.ctx.sleep(Duration::from_millis(50)).await {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(desk.declared().within, tried).await;
        desk.ctx.sleep(DOWN).await;
        let refused = desk.about(&conversation, &[&said]).await;
        if desk.receives(Reception::Takes).await.is_err() {
            continue;
        }
        let started = crate::clock::now();
        let arrived = desk
            .await_event(&conversation, &[&said], recovers_within(desk))
            .await;
        let recovered_after = arrived.map(|_| crate::clock::now().saturating_duration_since(started));
        // A second copy would be sent in the moment in which the first is not yet noted as taken.
        desk.ctx.sleep(Duration::from_secs(2)).await;
        found.push(Outage {
            how,
            events: desk.events(&conversation, &[&said]).await,
            said,
            refused,
            recovered_after,
        });
    }
    found
}

/// `E3.delivery`: every event of the proof is complete and signed; each outage was outlasted, once.
pub(super) async fn delivery(desk: &Desk, outages: &[Outage]) -> PartReport {
    let declared = desk.declared();
    let mut tally = Tally::new();
    let mut evidence = Vec::new();
    let all = desk.deliveries().await;
    let own = |one: &&Delivery| one.is_taken() && !one.body.contains(&desk.ctx.marker("own delivery"));
    let events: Vec<Event> = all.iter().filter(own).map(Event::of).collect();
    for event in &events {
        // Which trigger it was is known by the reason alone; each of them was judged where it was provoked.
        let reason = event.reason().unwrap_or_else(|| "user_asked".to_owned());
        let wrong = event.wrong_with(declared, &reason);
        if !wrong.is_empty() {
            evidence.push(shown(event));
        }
        tally.add(Scored::Scored(wrong), |wrong| {
            if wrong.is_empty() {
                Ok(())
            } else {
                Err(wrong.join(", "))
            }
        });
    }
    for outage in outages {
        if let Some(reason) = unsaid(&outage.said) {
            tally.add_unscored(&reason);
            continue;
        }
        let verdict = match (outage.events.as_slice(), outage.refused.len()) {
            ([], 0) => Err(format!(
                "while the receiver {}, nothing was even tried",
                outage.how
            )),
            ([], tries) => Err(format!(
                "lost: the receiver {} and was well again for {} s, {tries} tries before",
                outage.how,
                recovers_within(desk).as_secs()
            )),
            (events, _) => {
                once(events, declared).map_err(|why| format!("after the receiver {}: {why}", outage.how))
            }
        };
        if verdict.is_ok() && !same_id(outage, desk) {
            tally.add_bad(format!(
                "after the receiver {}, the event had another id",
                outage.how
            ));
        }
        tally.add(Scored::Scored(verdict), |held| held);
    }
    let lines = all.iter().map(|one| {
        let status = one
            .status
            .map_or_else(|| "-".to_owned(), |status| status.to_string());
        let id = one.header(&declared.event_header).unwrap_or("-");
        format!(
            "{:>8} ms  {status:>3}  {:<9} {:<40} {}",
            one.at_us / 1000,
            one.reception.as_str(),
            id,
            shorten(&one.body, 60)
        )
    });
    let slowest = outages.iter().filter_map(|outage| outage.recovered_after).max();
    let mut draft = desk
        .ctx
        .part("E3.delivery")
        .headline(format!("{} events complete, {} outages outlasted", events.len(), outages.len()))
        .measured("events", events.len())
        .measured("signatures_checked", declared.secret.is_some())
        .fix(
            "keep each hand-over before it is sent, send it again until it is taken, under one id, and sign it with a time; \
             golive: [webhooks.NAME]",
        );
    if let Some(slowest) = slowest {
        draft = draft.measured("delivered_after_recovery_ms", millis(slowest));
    }
    draft
        .evidences(evidence)
        .evidences(events.first().map(shown))
        .lines("every delivery", lines.collect())
        .controls(desk.controls().await)
        .judged(&tally.judge(&Rule::all_of(3)))
}

/// Every try of one hand-over carries the same id, so that a receiver can tell that it has it.
fn same_id(outage: &Outage, desk: &Desk) -> bool {
    let header = &desk.declared().event_header;
    let mut ids = outage.refused.iter().filter_map(|one| one.header(header)).chain(
        outage
            .events
            .iter()
            .filter_map(|event| event.delivery.header(header)),
    );
    match ids.next() {
        Some(first) => ids.all(|id| id == first),
        None => true,
    }
}
