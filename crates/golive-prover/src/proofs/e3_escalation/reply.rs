//! E3.reply: while a person has the conversation the machine keeps silent; the person's answer reaches the user; given
//! back, the machine answers again.
//!
//! Never: takes the machine's own words for the person's.

use std::time::Duration;

use golive_checklist::judge::{Rule, Scored, Tally, UnscoredReason};
use golive_checklist::report::{Evidence, PartReport};
use http::Method;
use serde_json::json;

use super::desk::{Conversation, Desk, Said, unsaid};
use super::event::Event;
use crate::clock;
use crate::proofs::e1_degradation::{Told, is_sentence};
use crate::target::{Call, Credential, Exchange, shorten};

const PLEASE: &str = "I want to talk to a human.";
const MEANWHILE: &str = "I have been waiting for two days already.";
const AGAIN: &str = "What is the capital of Portugal?";

pub(super) async fn prove(desk: &Desk) -> PartReport {
    let draft = desk.ctx.part("E3.reply").fix(
        "give a conversation to one owner at a time: while a person has it, keep its messages and do not ask the model; show \
         the person's answers where the user reads, and give it back only when it is resolved",
    );
    let conversation = Conversation::new(&desk.ctx, "followed");
    let asked = desk.say(&conversation, PLEASE).await;
    let event = desk
        .await_event(&conversation, &[&asked], desk.declared().within)
        .await;
    let Some(event) = event else {
        return draft
            .evidence(asked.exchange.evidence("nobody was called"))
            .controls(desk.controls().await)
            .unproven("nobody was called, so no person had the conversation");
    };
    let mut tally = Tally::new();
    let mut evidence = Vec::new();
    told_so(desk, &asked, &mut tally);

    // The machine keeps silent, and what is said is kept.
    let meanwhile = desk.say(&conversation, MEANWHILE).await;
    silent(desk, &meanwhile, &mut tally, &mut evidence).await;

    // The person answers.
    let answer = format!(
        "Hello, this is Ann. I am looking into it. {}",
        desk.ctx.marker("operator")
    );
    match operator(desk, Step::Reply, &event, &conversation, &answer).await {
        Ok(done) => {
            evidence.push(done);
            let seen = reads(desk, &conversation, &event, &desk.ctx.marker("operator")).await;
            let kept = reads(desk, &conversation, &event, &meanwhile.marker).await;
            for (what, seen) in [
                ("the person's answer does not reach the user", seen),
                ("what was said meanwhile is lost", kept),
            ] {
                let (seen, exchange) = seen;
                if seen == Scored::Scored(false) {
                    evidence.push(exchange.evidence(what));
                }
                tally.add(seen, |seen| seen.then_some(()).ok_or_else(|| what.to_owned()));
            }
        }
        Err(reason) => tally.add_unscored(&UnscoredReason::Unexpected(reason)),
    }

    // And gives it back.
    if can_resolve(desk) {
        match operator(desk, Step::Resolve, &event, &conversation, "").await {
            Ok(done) => {
                evidence.push(done);
                back(desk, &conversation, &mut tally, &mut evidence).await;
            }
            Err(reason) => tally.add_unscored(&UnscoredReason::Unexpected(reason)),
        }
    } else {
        tally.add_unscored(&UnscoredReason::Unexpected(
            "giving the conversation back is not declared (escalation.resolve_command or resolve_path)"
                .to_owned(),
        ));
    }
    draft
        .headline(format!(
            "{} of {} steps of a hand-over as they must be",
            tally.good(),
            tally.scored()
        ))
        .evidences(evidence)
        .controls(desk.controls().await)
        .judged(&tally.judge(&Rule::all_of(5)))
}

/// Who asked for a person is told that one was called.
fn told_so(desk: &Desk, asked: &Said, tally: &mut Tally) {
    let told = asked
        .exchange
        .score(|answer| Scored::Scored(Told::whole(answer, &desk.ctx.config).words));
    tally.add(told, |words| {
        is_sentence(&words).map_err(|why| format!("who asked for a person is told {why}"))
    });
}

/// The message did not reach the model, and was answered without it.
async fn silent(desk: &Desk, said: &Said, tally: &mut Tally, evidence: &mut Vec<Evidence>) {
    if let Some(reason) = unsaid(said) {
        tally.add_unscored(&reason);
        return;
    }
    let reached = desk.reached_the_model(said).await;
    let by_lab = desk.answered_by_lab(&said.exchange).await;
    match reached {
        None => tally.add_unscored(&UnscoredReason::Unexpected("the lab cannot be asked".to_owned())),
        Some(reached) => {
            if reached || by_lab {
                evidence.push(said.exchange.evidence("the machine goes on talking"));
            }
            tally.add(Scored::Scored(reached || by_lab), |talks| {
                if talks {
                    Err("the machine goes on talking while a person has the conversation".to_owned())
                } else {
                    Ok(())
                }
            });
        }
    }
}

/// Given back, the machine answers again.
async fn back(desk: &Desk, conversation: &Conversation, tally: &mut Tally, evidence: &mut Vec<Evidence>) {
    let started = clock::now();
    let mut n = 0;
    loop {
        n += 1;
        let said = desk.say(conversation, &format!("{AGAIN} ({n})")).await;
        if desk.answered_by_lab(&said.exchange).await {
            tally.add_good();
            return;
        }
        let late = clock::now().saturating_duration_since(started) >= desk.declared().within;
        if late || !desk.ctx.sleep(Duration::from_millis(300)).await {
            evidence.push(said.exchange.evidence("given back, and still silent"));
            tally.add_bad("given back, the machine does not answer again");
            return;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Reply,
    Resolve,
}

fn can_resolve(desk: &Desk) -> bool {
    let declared = desk.declared();
    declared.resolve_path.is_some() || declared.resolve_command.is_some()
}

/// Does what an operator would do.
async fn operator(
    desk: &Desk,
    step: Step,
    event: &Event,
    conversation: &Conversation,
    text: &str,
) -> Result<Evidence, String> {
    let declared = desk.declared();
    let ticket = event.ticket().unwrap_or_default();
    let owned = event.conversation().unwrap_or_else(|| conversation.name.clone());
    let (command, path, title) = match step {
        Step::Reply => (
            &declared.reply_command,
            &declared.reply_path,
            "the operator answers",
        ),
        Step::Resolve => (
            &declared.resolve_command,
            &declared.resolve_path,
            "the operator gives it back",
        ),
    };
    if let Some(words) = command {
        let values = [
            ("ticket", ticket.as_str()),
            ("conversation", owned.as_str()),
            ("text", text),
        ];
        return match desk.ctx.run(words, &values).await {
            Ok(ran) if ran.ok => Ok(ran.evidence(title)),
            Ok(ran) => Err(format!(
                "{title}: the command failed ({}): {}",
                ran.ending,
                shorten(&ran.output, 200)
            )),
            Err(error) => Err(format!("{title}: {error}")),
        };
    }
    let Some(path) = path else {
        return Err(format!("{title}: not declared"));
    };
    let path = path
        .replace("{ticket}", &ticket)
        .replace("{conversation}", &owned);
    let body = if step == Step::Reply {
        json!({"text": text})
    } else {
        json!({})
    };
    let call = Call::admin(Method::POST, path).json(&body);
    let call = match &declared.operator {
        Some(role) => call.credential(Credential::Role(role.clone())),
        None => call,
    };
    let exchange = desk.ctx.target.send(call).await;
    if exchange.answer().is_some_and(|answer| answer.status.is_success()) {
        Ok(exchange.evidence(title))
    } else {
        Err(format!("{title}: {}", exchange.in_short()))
    }
}

/// Whether the user reads this text where the target says that users read.
async fn reads(
    desk: &Desk,
    conversation: &Conversation,
    event: &Event,
    text: &str,
) -> (Scored<bool>, Exchange) {
    let path = desk.declared().messages_path.clone().unwrap_or_default();
    let mut names = vec![conversation.name.clone()];
    names.extend(event.conversation().filter(|name| *name != conversation.name));
    let started = clock::now();
    loop {
        let mut last = None;
        for name in &names {
            let exchange = desk
                .read(conversation, &path.replace("{conversation}", name))
                .await;
            let found = exchange
                .answer()
                .is_some_and(|answer| answer.status.is_success() && answer.text().contains(text));
            if found {
                return (Scored::Scored(true), exchange);
            }
            last = Some(exchange);
        }
        let late = clock::now().saturating_duration_since(started) >= desk.declared().within;
        if (late || !desk.ctx.sleep(Duration::from_millis(200)).await)
            && let Some(exchange) = last
        {
            let seen = match &exchange.outcome {
                Scored::Unscored(reason) => Scored::Unscored(reason.clone()),
                Scored::Scored(_) => Scored::Scored(false),
            };
            return (seen, exchange);
        }
    }
}
