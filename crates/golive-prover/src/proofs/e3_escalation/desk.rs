//! E3: the world of this proof: conversations on one side, the receiver on the other, and the matching of the two.
//!
//! Never: matches an event by the order in which it came.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use golive_checklist::judge::{Scored, UnscoredReason};
use golive_config::TargetEscalation;
use golive_lab::{Delivery, Reception, Rule};

use super::event::Event;
use crate::clock;
use crate::control::{Controls, Negative, Positive};
use crate::ctx::Ctx;
use crate::lab_scripts::LabScripts;
use crate::proofs::e1_degradation::Told;
use crate::target::{Ask, Credential, Exchange, USER_HEADER};

/// The lab's receiver and the target's conversations.
pub(super) struct Desk {
    pub(super) ctx: Ctx,
    pub(super) scripts: LabScripts,
    receiver: String,
    /// The last delivery before this proof.
    since: u64,
    positives: Vec<Positive>,
    /// The ordinary conversation, in which nobody is to be called.
    ordinary: Conversation,
    /// The longest that an event has taken so far.
    slowest: Mutex<Duration>,
}

/// One conversation of one made-up user.
#[derive(Debug, Clone)]
pub(super) struct Conversation {
    /// Its purpose in this proof.
    pub(super) key: String,
    /// As the header names it.
    pub(super) name: String,
    pub(super) user: String,
}

/// One message and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// Stands in the message.
    pub(super) marker: String,
    pub(super) exchange: Exchange,
}

impl Desk {
    /// Tries the receiver and an ordinary conversation.
    pub(super) async fn open(ctx: &Ctx) -> Result<Desk, String> {
        let scripts = LabScripts::of(ctx).await?;
        let receiver = ctx.config.escalation.receiver.clone();
        let receiver =
            receiver.ok_or("needs the lab as the receiver of its webhook (escalation.receiver)")?;
        let lab = scripts.lab().clone();
        let asked = lab.set_reception(&receiver, Reception::Takes, None).await;
        asked.map_err(|error| format!("the lab's receiver cannot be asked ({error})"))?;
        let before = lab.deliveries(&receiver, 0, 1, Duration::ZERO).await;
        let since = before
            .map_err(|error| format!("the lab's receiver cannot be asked ({error})"))?
            .last;
        let own = ctx.marker("own delivery");
        // As the target would: by HTTP, at the receiver's own address.
        let body = serde_json::json!({"text": own}).to_string();
        let sent = lab.say("_hook", &format!("/{receiver}"), body.into()).await;
        let found = lab.deliveries(&receiver, since, 1, Duration::from_secs(2)).await;
        let seen = sent.is_ok()
            && found.is_ok_and(|found| found.deliveries.iter().any(|one| one.body.contains(&own)));
        let mut desk = Desk {
            ctx: ctx.clone(),
            scripts,
            receiver,
            since,
            positives: vec![Positive::new(
                "a delivery of the prover's own is seen at the receiver",
                Scored::Scored(seen),
                "",
            )],
            ordinary: Conversation::new(ctx, "ordinary"),
            slowest: Mutex::new(Duration::ZERO),
        };
        let said = desk.say(&desk.ordinary, "What is the capital of France?").await;
        let by_lab = desk.answered_by_lab(&said.exchange).await;
        if !by_lab {
            return Err(format!(
                "an ordinary message is not answered by the lab's model ({}); what else happens says nothing",
                said.exchange.in_short()
            ));
        }
        desk.positives.push(Positive::new(
            "an ordinary conversation is answered by the lab's model",
            Scored::Scored(by_lab),
            said.exchange.in_short(),
        ));
        Ok(desk)
    }

    /// What the target says of its escalation.
    pub(super) fn declared(&self) -> &TargetEscalation {
        &self.ctx.config.escalation
    }

    /// Sends a message, under the declared clocks.
    pub(super) async fn say(&self, conversation: &Conversation, text: &str) -> Said {
        let (marker, exchange) = self.send(conversation, text, Vec::new()).await;
        Said { marker, exchange }
    }

    /// The same, with messages before it: what a tool gave, for one.
    pub(super) async fn say_after(
        &self,
        conversation: &Conversation,
        text: &str,
        before: Vec<serde_json::Value>,
    ) -> Said {
        let (marker, exchange) = self.send(conversation, text, before).await;
        Said { marker, exchange }
    }

    async fn send(
        &self,
        conversation: &Conversation,
        text: &str,
        before: Vec<serde_json::Value>,
    ) -> (String, Exchange) {
        let marker = self.ctx.marker(&format!("{}/{text}", conversation.key));
        let words = format!("{text}\n\nRef: {marker}");
        let mut ask = Ask::new(words.clone()).user(conversation.user.clone());
        if !before.is_empty() {
            let mut messages = before;
            messages.push(serde_json::json!({"role": "user", "content": words}));
            ask = ask.with("messages", serde_json::Value::Array(messages));
        }
        let declares = &self.ctx.config.declares;
        let deadline = (declares.total_request + Duration::from_secs(5)).min(Duration::from_secs(150));
        let call = self
            .ctx
            .target
            .call(&ask)
            .header(&self.declared().conversation_header, &conversation.name)
            .deadline(deadline);
        let exchange = self.ctx.send_patiently(call).await;
        (marker, exchange)
    }

    /// A request of the user whose conversation it is, for a path of the target.
    pub(super) async fn read(&self, conversation: &Conversation, path: &str) -> Exchange {
        let mut call = crate::target::Call::get(path)
            .header(USER_HEADER, &conversation.user)
            .header(&self.declared().conversation_header, &conversation.name);
        if self
            .ctx
            .config
            .credentials
            .contains_key(crate::target::ASSERTING_ROLE)
        {
            call = call.credential(Credential::Role(crate::target::ASSERTING_ROLE.to_owned()));
        }
        self.ctx.send_patiently(call).await
    }

    /// Whether the lab made this answer.
    pub(super) async fn answered_by_lab(&self, exchange: &Exchange) -> bool {
        let Some(answer) = exchange.answer() else {
            return false;
        };
        let words = Told::whole(answer, &self.ctx.config).words;
        match golive_lab::nonce::find(&words) {
            Some(mark) => self.scripts.lab().verify(&mark).await.unwrap_or(false),
            None => false,
        }
    }

    /// Whether a message reached the lab's model.
    pub(super) async fn reached_the_model(&self, said: &Said) -> Option<bool> {
        self.ctx.arrived(&said.marker, 0).await
    }

    /// Makes the lab follow these rules, besides its own.
    pub(super) async fn teach(&self, rules: &[Rule]) -> Result<(), String> {
        let taught = self.scripts.teach(rules).await;
        taught.map_err(|error| format!("the lab could not be told what to do ({error})"))
    }

    /// From now on the receiver answers so.
    pub(super) async fn receives(&self, reception: Reception) -> Result<(), String> {
        let set = self
            .scripts
            .lab()
            .set_reception(&self.receiver, reception, None)
            .await;
        set.map_err(|error| format!("the lab's receiver cannot be told to be down ({error})"))
    }

    /// Everything that came to the receiver in this proof.
    pub(super) async fn deliveries(&self) -> Vec<Delivery> {
        let found = self
            .scripts
            .lab()
            .deliveries(&self.receiver, self.since, 1, Duration::ZERO)
            .await;
        found.map(|found| found.deliveries).unwrap_or_default()
    }

    /// What came about a conversation, taken or not: it names it, its user, or holds what was said in it.
    pub(super) async fn about(&self, conversation: &Conversation, said: &[&Said]) -> Vec<Delivery> {
        let all = self.deliveries().await;
        all.into_iter()
            .filter(|one| {
                let holds = |text: &str| one.body.contains(text);
                holds(&conversation.name)
                    || holds(&conversation.user)
                    || said.iter().any(|said| holds(&said.marker))
            })
            .collect()
    }

    /// The events about a conversation that were taken.
    pub(super) async fn events(&self, conversation: &Conversation, said: &[&Said]) -> Vec<Event> {
        let about = self.about(conversation, said).await;
        about.iter().filter(|one| one.is_taken()).map(Event::of).collect()
    }

    /// Waits until an event about a conversation is taken, at most so long.
    pub(super) async fn await_event(
        &self,
        conversation: &Conversation,
        said: &[&Said],
        most: Duration,
    ) -> Option<Event> {
        let started = clock::now();
        loop {
            let found = self.events(conversation, said).await;
            let took = clock::now().saturating_duration_since(started);
            if let Some(event) = found.into_iter().next() {
                let mut slowest = self.slowest.lock().unwrap_or_else(PoisonError::into_inner);
                *slowest = (*slowest).max(took);
                return Some(event);
            }
            if took >= most || !self.ctx.sleep(Duration::from_millis(50)).await {
                return None;
            }
        }
    }

    /// As long as an event may take, where it is waited for that none comes: well beyond the slowest that did.
    pub(super) async fn wait_for_none(&self) {
        let slowest = *self.slowest.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = (slowest * 3 + Duration::from_secs(1)).min(self.declared().within);
        self.ctx.sleep(wait).await;
    }

    /// The controls that hold for every part.
    pub(super) async fn controls(&self) -> Controls {
        let none = self.events(&self.ordinary, &[]).await.is_empty();
        self.positives
            .iter()
            .cloned()
            .fold(Controls::new(), Controls::positive)
            .negative(Negative::new(
                "an ordinary conversation calls nobody",
                Scored::Scored(none),
                "",
            ))
    }

    /// The lab and its receiver as they were.
    pub(super) async fn close(&self) {
        self.scripts.restore(&self.ctx).await;
        if let Err(reason) = self.receives(Reception::Takes).await {
            self.ctx.warn(reason);
        }
    }
}

impl Conversation {
    pub(super) fn new(ctx: &Ctx, key: &str) -> Conversation {
        let name = ctx
            .marker(&format!("conversation {key}"))
            .replace("glvmark", "glv-conversation-");
        Conversation {
            key: key.to_owned(),
            name,
            user: ctx.user(&format!("conversation {key}")),
        }
    }
}

/// Why a message that got no answer says nothing, if so.
pub(super) fn unsaid(said: &Said) -> Option<UnscoredReason> {
    match &said.exchange.outcome {
        Scored::Unscored(reason) => Some(reason.clone()),
        Scored::Scored(answer) if answer.is_limited() => Some(crate::target::limited()),
        Scored::Scored(_) => None,
    }
}
