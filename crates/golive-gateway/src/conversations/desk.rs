//! E3: what people do with conversations that wait for them: look, answer, put off, give back.
//!
//! The same whether a gateway runs, whose memory then follows, or a command holds the store alone.
//!
//! Never: answers a conversation that is the agent's, or shows who answered to the one who asked.

use std::sync::Arc;
use std::time::Duration;

use golive_config::{Config, Escalation, EventKind};
use golive_resilience::Tick;
use golive_resilience::escalation::Conversation;
use golive_store::{Author, ConversationRecord, Message, NewMessage, Store, Ticket, TicketFilter, Uuid};
use serde_json::{Value, json};

use super::{Entry, Inner, event, words};
use crate::gateway::{Gateway, us};
use crate::upstream::chain_of;

/// The longest answer.
pub const ANSWER_MAX: usize = 16 * 1024;
/// Messages of a conversation that are shown with its ticket.
const SHOWN: u32 = 500;

/// One conversation while something is done to it.
pub(super) struct Desk {
    pub(super) machine: Conversation,
    pub(super) ticket: Ticket,
    said: Option<(Author, Option<String>, String)>,
    tells: Option<EventKind>,
}

impl Desk {
    /// golive itself says this.
    pub(super) fn say(&mut self, text: String) {
        self.said = Some((Author::System, None, text));
    }

    /// Webhooks are told.
    pub(super) fn tell(&mut self, kind: EventKind) {
        self.tells = Some(kind);
    }

    /// The ticket is done with.
    pub(super) fn resolve(&mut self, by: &str, now: Tick) {
        self.ticket.state = "resolved".to_owned();
        self.ticket.resolved_us = Some(us(now));
        self.ticket.resolved_by = Some(by.to_owned());
        self.ticket.waiting_since_us = None;
        self.ticket.due_us = None;
    }
}

type Do = Box<dyn FnOnce(&mut Desk, &Escalation) -> Result<(), String> + Send>;

/// What is to be done to a conversation.
pub(super) struct Change(Do);

impl Change {
    pub(super) fn of_time(
        change: impl FnOnce(&mut Desk, &Escalation) -> Result<(), String> + Send + 'static,
    ) -> Self {
        Self(Box::new(change))
    }

    /// An operator answers.
    fn answer(text: String, by: String, now: Tick) -> Self {
        Self(Box::new(move |one, _| {
            if !one.machine.answered(now) {
                return Err(not_a_persons());
            }
            one.ticket.state = one.machine.state().as_str().to_owned();
            one.ticket.first_answer_us.get_or_insert(us(now));
            one.ticket.assigned_to = Some(by.clone());
            (
                one.ticket.waiting_since_us,
                one.ticket.due_us,
                one.ticket.snoozed_until_us,
            ) = (None, None, None);
            one.said = Some((Author::Operator, Some(by), text));
            Ok(())
        }))
    }

    fn snooze(by: String, until: Tick) -> Self {
        Self(Box::new(move |one, _| {
            if !one.machine.snooze(until) {
                return Err(not_a_persons());
            }
            one.ticket.state = one.machine.state().as_str().to_owned();
            one.ticket.snoozed_until_us = Some(us(until));
            one.ticket.assigned_to = Some(by);
            one.ticket.due_us = None;
            Ok(())
        }))
    }

    fn give_back(by: String, note: Option<String>, now: Tick) -> Self {
        Self(Box::new(move |one, _| {
            if !one.machine.resolve() {
                return Err(not_a_persons());
            }
            one.resolve(&by, now);
            one.said = Some(match note {
                Some(note) => (Author::Operator, Some(by), note),
                None => (Author::System, None, words::returned()),
            });
            one.tell(EventKind::Ended);
            Ok(())
        }))
    }

    /// The user says something to the person.
    pub(super) fn heard(text: String, now: Tick) -> Self {
        Self(Box::new(move |one, _| {
            if !one.machine.is_with_a_person() {
                return Err(not_a_persons());
            }
            one.machine.spoke(now);
            one.ticket.waiting_since_us.get_or_insert(us(now));
            one.said = Some((Author::User, None, text));
            one.tell(EventKind::Message);
            Ok(())
        }))
    }
}

fn not_a_persons() -> String {
    "the conversation is the agent's; its ticket is resolved".to_owned()
}

/// Does something to the conversation of an open ticket; gives the ticket as it then stands.
///
/// # Errors
/// In words: there is no such ticket, it is resolved, or it cannot be written.
pub(super) async fn change(
    store: &Store,
    config: &Config,
    gateway: Option<&Gateway>,
    id: Uuid,
    now: Tick,
    change: Change,
) -> Result<Ticket, String> {
    let words = |error: golive_store::TicketError| chain_of(&error);
    let ticket = store
        .ticket(id)
        .await
        .map_err(words)?
        .ok_or_else(|| unknown(id))?;
    let record = store.conversation(ticket.key).await.map_err(words)?;
    let record = record.ok_or_else(|| unknown(id))?;
    let entry = match gateway {
        Some(gateway) => gateway.conversations.adopt(&record),
        None => Arc::new(Entry::restored(&record)),
    };
    let mut inner = entry.inner.lock().await;
    // Again under the lock: it may have been answered meanwhile.
    let ticket = store
        .ticket(id)
        .await
        .map_err(words)?
        .ok_or_else(|| unknown(id))?;
    if ticket.resolved_us.is_some() || inner.ticket != Some(id) {
        return Err(format!(
            "the ticket {id} is resolved; `golive inbox list --all` shows it"
        ));
    }
    let settings = settings_of(config, &inner.agent);
    let mut desk = Desk {
        machine: inner.machine.clone(),
        ticket,
        said: None,
        tells: None,
    };
    (change.0)(&mut desk, settings)?;
    let next = Inner {
        ticket: desk.machine.is_with_a_person().then_some(id),
        machine: desk.machine,
        ..inner.clone()
    };
    let said = desk.said.map(|(author, by, words)| NewMessage {
        id: Uuid::now_v7(),
        at_us: us(now),
        author,
        by,
        words,
    });
    let events = match (desk.tells, gateway) {
        (Some(kind), Some(gateway)) => event::events(
            &gateway.runtime(),
            kind,
            &desk.ticket,
            &event::More::default(),
            us(now),
        ),
        // Without a gateway nobody would send them before the next start; then they are no news any more.
        _ => Vec::new(),
    };
    let record: ConversationRecord = entry.record(&next, now);
    let written = store
        .change_ticket(&record, &desk.ticket, said.as_ref(), &events)
        .await
        .map_err(words)?;
    if !written {
        return Err(format!("the ticket {id} was resolved meanwhile"));
    }
    entry.settle(&mut inner, next);
    if let Some(gateway) = gateway
        && !events.is_empty()
    {
        gateway.conversations.post();
    }
    Ok(desk.ticket)
}

/// What holds for an agent; an agent that the configuration no longer has keeps what holds for all.
pub(super) fn settings_of<'c>(config: &'c Config, agent: &str) -> &'c Escalation {
    let name = agent.strip_prefix("agent/").unwrap_or(agent);
    config
        .agents
        .get(name)
        .map_or(&config.escalation, |callee| &callee.escalation)
}

fn unknown(id: Uuid) -> String {
    format!("there is no ticket {id}; `golive inbox list` shows those that wait")
}

/// Tickets, those that wait longest first.
///
/// # Errors
/// They cannot be read.
pub async fn list(store: &Store, all: bool, limit: u32, now_us: i64) -> Result<Value, String> {
    let filter = TicketFilter { resolved: all, limit };
    let tickets = store.tickets(filter).await.map_err(|error| chain_of(&error))?;
    let (waiting, given_up) = store.events_waiting().await.map_err(|error| chain_of(&error))?;
    let tickets: Result<Vec<Value>, String> = tickets.iter().map(|ticket| readable(ticket, now_us)).collect();
    Ok(json!({
        "tickets": tickets?,
        "webhook_events": { "waiting": waiting, "given_up": given_up },
    }))
}

/// One ticket, with what was said before and since.
///
/// # Errors
/// There is none, or it cannot be read.
pub async fn show(store: &Store, id: Uuid, now_us: i64) -> Result<Value, String> {
    let words = |error: golive_store::TicketError| chain_of(&error);
    let ticket = store
        .ticket(id)
        .await
        .map_err(words)?
        .ok_or_else(|| unknown(id))?;
    let messages = store.messages(ticket.key, 0, SHOWN).await.map_err(words)?;
    let mut value = readable(&ticket, now_us)?;
    value["transcript"] = ticket
        .transcript
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_else(|| json!([]));
    value["messages"] = serde_json::to_value(&messages).map_err(|error| error.to_string())?;
    Ok(value)
}

fn readable(ticket: &Ticket, now_us: i64) -> Result<Value, String> {
    let mut value = serde_json::to_value(ticket).map_err(|error| error.to_string())?;
    let late = ticket.state == "offered" && ticket.due_us.is_none_or(|due| due <= now_us);
    value["overdue"] = json!(late && ticket.resolved_us.is_none());
    Ok(value)
}

/// An operator answers.
///
/// # Errors
/// In words.
pub async fn answer(
    (store, config, gateway): (&Store, &Config, Option<&Gateway>),
    id: Uuid,
    text: &str,
    by: &str,
    now: Tick,
) -> Result<Value, String> {
    let text = text.trim();
    if text.is_empty() || text.len() > ANSWER_MAX {
        return Err(format!("an answer is 1 to {ANSWER_MAX} bytes of text"));
    }
    let doing = Change::answer(text.to_owned(), by.to_owned(), now);
    let ticket = change(store, config, gateway, id, now, doing).await?;
    log("answered", &ticket, by);
    readable(&ticket, us(now))
}

/// An operator puts it off.
///
/// # Errors
/// In words.
pub async fn snooze(
    (store, config, gateway): (&Store, &Config, Option<&Gateway>),
    id: Uuid,
    by: &str,
    lasts: Duration,
    now: Tick,
) -> Result<Value, String> {
    let doing = Change::snooze(by.to_owned(), now.plus(lasts));
    let ticket = change(store, config, gateway, id, now, doing).await?;
    log("put off", &ticket, by);
    readable(&ticket, us(now))
}

/// An operator gives it back to the agent.
///
/// # Errors
/// In words.
pub async fn resolve(
    (store, config, gateway): (&Store, &Config, Option<&Gateway>),
    id: Uuid,
    by: &str,
    note: Option<&str>,
    now: Tick,
) -> Result<Value, String> {
    let note = note.map(str::trim).filter(|note| !note.is_empty());
    if note.is_some_and(|note| note.len() > ANSWER_MAX) {
        return Err(format!("a last word is at most {ANSWER_MAX} bytes of text"));
    }
    let doing = Change::give_back(by.to_owned(), note.map(str::to_owned), now);
    let ticket = change(store, config, gateway, id, now, doing).await?;
    log("resolved", &ticket, by);
    readable(&ticket, us(now))
}

/// Who did what to which ticket: for the log, until there is a chained one.
fn log(what: &str, ticket: &Ticket, by: &str) {
    tracing::info!(ticket = %ticket.id, callee = ticket.agent, by, "a ticket was {what}");
}

/// The messages of a conversation as its user may see them.
pub(super) fn for_user(messages: Vec<Message>) -> Vec<Message> {
    let mut messages = messages;
    for one in &mut messages {
        one.by = None;
    }
    messages
}
