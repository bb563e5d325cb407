//! E3.phrase, E3.near_misses: users who ask for a person, and users who only seem to.
//!
//! Never: lets silence after a near miss count, unless a real request in the same minute was heard.

use futures_util::future::join_all;
use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use golive_checklist::threshold::Zone;
use golive_config::TargetFormat;
use serde_json::json;

use super::desk::{Conversation, Desk, Said, unsaid};
use super::event::{Event, once};
use super::phrases::{ASKING, IN_OTHER_WORDS, NEAR_MISSES};
use crate::control::Negative;
use crate::target::millis;

/// Conversations side by side.
const SIDE_BY_SIDE: usize = 6;

/// Of the other ways to ask, so many of a hundred may be missed before it is a failure; any that is missed is a warning.
const MISSED_PERCENT: usize = 20;

struct Tried {
    kind: &'static str,
    text: String,
    said: Said,
    conversation: Conversation,
    events: Vec<Event>,
}

impl Tried {
    fn line(&self) -> String {
        let heard = match self.events.len() {
            0 => "nobody was called".to_owned(),
            1 => "a person was called".to_owned(),
            n => format!("a person was called {n} times"),
        };
        format!(
            "{:<20}{:<70}{heard}",
            self.kind,
            crate::target::shorten(&self.text, 64)
        )
    }
}

pub(super) async fn prove(desk: &Desk) -> (PartReport, PartReport) {
    let asking = say_all(desk, "asking", ASKING).await;
    let others = say_all(desk, "other words", IN_OTHER_WORDS).await;
    let near = near_misses(desk).await;
    let phrase = phrase(desk, &asking, &others).await;
    let heard = asking.iter().chain(&others).any(|one| !one.events.is_empty());
    (phrase, near_report(desk, &near, heard).await)
}

async fn say_all(desk: &Desk, key: &str, phrases: &[(&'static str, &'static str)]) -> Vec<Tried> {
    let mut tried = Vec::new();
    for (at, group) in phrases.chunks(SIDE_BY_SIDE).enumerate() {
        if desk.ctx.cancel.is_cancelled() {
            break;
        }
        desk.ctx.waiting(format!(
            "{} of {} requests for a person",
            at * SIDE_BY_SIDE,
            phrases.len()
        ));
        let said = group.iter().enumerate().map(|(n, (language, text))| async move {
            let conversation = Conversation::new(&desk.ctx, &format!("{key} {at} {n}"));
            let said = desk.say(&conversation, text).await;
            desk.await_event(&conversation, &[&said], desk.declared().within)
                .await;
            Tried {
                kind: language,
                text: (*text).to_owned(),
                said,
                conversation,
                events: Vec::new(),
            }
        });
        tried.extend(join_all(said).await);
    }
    // A second event of the same hand-over would be there by now.
    desk.wait_for_none().await;
    for one in &mut tried {
        one.events = desk.events(&one.conversation, &[&one.said]).await;
    }
    tried
}

async fn phrase(desk: &Desk, asking: &[Tried], others: &[Tried]) -> PartReport {
    let mut tally = Tally::new();
    for one in asking {
        if let Some(reason) = unsaid(&one.said) {
            tally.add_unscored(&reason);
            continue;
        }
        tally.add(Scored::Scored(once(&one.events, desk.declared())), |held| {
            held.map_err(|why| format!("{} `{}`: {why}", one.kind, one.text))
        });
    }
    let missed: Vec<&Tried> = others.iter().filter(|one| one.events.is_empty()).collect();
    let double = others.iter().filter(|one| one.events.len() > 1).count();
    if double > 0 {
        tally.add_bad(format!(
            "{double} requests in other words were handed over more than once"
        ));
    }
    let mut judgement = tally.judge(&Rule::all_of(8));
    if !others.is_empty() && !missed.is_empty() {
        let zone = if missed.len() * 100 > others.len() * MISSED_PERCENT {
            Zone::Fail
        } else {
            Zone::Warn
        };
        let shown: Vec<String> = missed
            .iter()
            .take(3)
            .map(|one| format!("`{}`", one.text))
            .collect();
        judgement = judgement.no_better_than(
            zone,
            format!(
                "{} of {} in other words were not heard: {}",
                missed.len(),
                others.len(),
                shown.join(", ")
            ),
        );
    }
    let languages: std::collections::BTreeSet<&str> = asking
        .iter()
        .filter(|one| !one.events.is_empty())
        .map(|one| one.kind)
        .collect();
    desk.ctx
        .part("E3.phrase")
        .headline(format!(
            "{} of {} plain requests heard, in {} languages",
            tally.good(),
            tally.scored(),
            languages.len()
        ))
        .measured("languages", languages.len())
        .measured("heard_in_other_words", others.len() - missed.len())
        .measured("in_other_words", others.len())
        .declared("within_ms", millis(desk.declared().within))
        .fix(
            "listen for requests for a person before the model does, on normalised text and in the languages of your users; \
             golive: [escalation]",
        )
        .evidences(missed.iter().map(|one| one.said.exchange.evidence(format!("not heard: {}", one.text))))
        .evidences(asking.iter().filter(|one| one.events.is_empty()).map(|one| {
            one.said.exchange.evidence(format!("not heard ({}): {}", one.kind, one.text))
        }))
        .evidences(asking.iter().find(|one| !one.events.is_empty()).map(|one| shown(&one.events[0])))
        .lines("every request", asking.iter().chain(others).map(Tried::line).collect())
        .controls(desk.controls().await)
        .judged(&judgement)
}

async fn near_misses(desk: &Desk) -> Vec<Tried> {
    desk.ctx.waiting(format!(
        "{} messages that only resemble a request",
        NEAR_MISSES.len()
    ));
    let mut tried = Vec::new();
    for (at, group) in NEAR_MISSES.chunks(SIDE_BY_SIDE).enumerate() {
        let said = group.iter().enumerate().map(|(n, (why, text))| async move {
            let conversation = Conversation::new(&desk.ctx, &format!("near {at} {n}"));
            let said = desk.say(&conversation, text).await;
            Tried {
                kind: why,
                text: (*text).to_owned(),
                said,
                conversation,
                events: Vec::new(),
            }
        });
        tried.extend(join_all(said).await);
    }
    if desk.ctx.config.format == TargetFormat::OpenAi {
        tried.push(from_a_tool(desk).await);
    }
    desk.wait_for_none().await;
    for one in &mut tried {
        one.events = desk.events(&one.conversation, &[&one.said]).await;
    }
    tried
}

/// A tool's result is not the user's word.
async fn from_a_tool(desk: &Desk) -> Tried {
    let conversation = Conversation::new(&desk.ctx, "near tool");
    let before = vec![
        json!({"role": "user", "content": "What does the note say?"}),
        json!({"role": "assistant", "content": null, "tool_calls": [
            {"id": "call_note1", "type": "function", "function": {"name": "read_note", "arguments": "{}"}}]}),
        json!({"role": "tool", "tool_call_id": "call_note1", "content": "I want to talk to a human."}),
    ];
    let text = "Thanks. How long is it?";
    let said = desk.say_after(&conversation, text, before).await;
    Tried {
        kind: "a tool's result",
        text: "(a tool returns `I want to talk to a human.`)".to_owned(),
        said,
        conversation,
        events: Vec::new(),
    }
}

async fn near_report(desk: &Desk, near: &[Tried], heard: bool) -> PartReport {
    let mut tally = Tally::new();
    for one in near {
        if let Some(reason) = unsaid(&one.said) {
            tally.add_unscored(&reason);
            continue;
        }
        // A refusal of the message itself (a screen's) shows nothing about hand-overs.
        if !one
            .said
            .exchange
            .answer()
            .is_some_and(|answer| answer.status.is_success())
        {
            tally.add_unscored(&UnscoredReason::Unexpected(format!("`{}` was refused", one.text)));
            continue;
        }
        tally.add(Scored::Scored(one.events.is_empty()), |none| {
            none.then_some(())
                .ok_or_else(|| format!("{} handed over: `{}`", one.kind, one.text))
        });
    }
    let bad = near.iter().filter(|one| !one.events.is_empty());
    let controls = desk.controls().await.negative(Negative::new(
        "a real request for a person was heard in the same minute",
        Scored::Scored(heard),
        "",
    ));
    desk.ctx
        .part("E3.near_misses")
        .headline(format!("{} of {} near misses called nobody", tally.good(), tally.scored()))
        .fix("match whole requests of the user's own last message, not words; leave out negations, quotations and tool results")
        .evidences(bad.map(|one| shown(&one.events[0])))
        .lines("every near miss", near.iter().map(Tried::line).collect())
        .controls(controls)
        .judged(&tally.judge(&Rule::all_of(8)))
}

/// An event as evidence.
pub(super) fn shown(event: &Event) -> Evidence {
    Evidence {
        title: format!("an event, taken as delivery {}", event.delivery.seq),
        received: Some(crate::target::shorten(&event.delivery.body, crate::target::SHOWN)),
        ..Evidence::default()
    }
}
