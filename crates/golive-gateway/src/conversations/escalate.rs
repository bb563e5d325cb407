//! E3: what happens when a conversation is to go to a person: the ticket is kept first, then the user is told.
//!
//! Never: promises what was not kept, counts one request twice, or leaves half of it done when the caller leaves.

use std::sync::Arc;

use golive_resilience::Tick;
use golive_resilience::escalation::{Conversation, Reason, State};
use golive_store::{Author, LedgerFilter, NewMessage, Store, Ticket, Uuid};
use golive_wire::ApiError;
use golive_wire::texts::{self, Voice};
use serde_json::{Value, json};

use super::identity::cut;
use super::{Entry, Inner, desk, event, words};
use crate::call::{Call, Surface};
use crate::gateway::{Gateway, us};
use crate::runtime::Route;

/// Messages of a transcript.
const TRANSCRIPT: usize = 10;
/// Bytes of one message of it, and of the last request in a summary.
const MESSAGE_MAX: usize = 1000;
/// How far back the ledger is read for what was said before, and how many of its rows.
const HISTORY_US: i64 = 24 * 3600 * 1_000_000;
const HISTORY_ROWS: u32 = 50;

/// What may hand a conversation over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// An attempt to answer failed, with this code.
    Failed(&'static str),
    /// The user asked for a person, in this language if it is known.
    Asked(Option<&'static str>),
    /// The answer came with this confidence, in millionths.
    Confidence(u32),
}

/// What the user is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The words.
    pub(crate) text: String,
    /// Why, for the ledger.
    pub(crate) decided: String,
}

/// Weighs a trigger against the conversation of a call. `Some`: a person has it, now or since before, and the user is to
/// be told.
pub(crate) async fn trigger(call: &mut Call, trigger: Trigger) -> Option<Told> {
    let route = Arc::clone(call.route.as_ref()?);
    let (id, trace_id, surface) = (call.id, call.trace.trace_id_hex(), call.surface.clone());
    let held = call.conversation.as_mut()?;
    if std::mem::replace(&mut held.weighed, true) || (held.resent && matches!(trigger, Trigger::Failed(_))) {
        return None;
    }
    let case = Case {
        gateway: Arc::clone(&call.gateway),
        entry: Arc::clone(&held.entry),
        route,
        trigger,
        said: held.said.clone(),
        body: held.body.clone(),
        locale: held.locale.clone(),
        surface,
        request: id,
        trace_id,
    };
    // A task of its own: what has begun is finished though the caller leaves.
    let gateway = Arc::clone(&call.gateway);
    let told = gateway.tasks.spawn(case.decide()).await;
    let told = told
        .inspect_err(|error| tracing::error!(%error, "an escalation broke off"))
        .ok()??;
    call.decide("converse", told.decided.clone());
    Some(told)
}

/// What the user said to a person who has the conversation: kept for the inbox, and the user is told so. `None`: the
/// conversation was given back meanwhile.
///
/// # Errors
/// It could not be kept: then nobody is told that it was.
pub(crate) async fn passed_on(
    call: &mut Call,
    entry: &Arc<Entry>,
    said: Option<String>,
) -> Result<Option<Told>, ApiError> {
    let Some(route) = call.route.clone() else {
        return Ok(None);
    };
    if let Some(held) = call.conversation.as_mut() {
        held.weighed = true;
    }
    let told = Told {
        text: words::waiting(&route.callee.escalation),
        decided: "a person has it; what was said waits in the inbox".to_owned(),
    };
    let ticket = entry.inner.lock().await.ticket;
    // A result of a tool, or nothing at all: nothing was said to anybody.
    if let (Some(ticket), Some(said)) = (ticket, said) {
        let gateway = Arc::clone(&call.gateway);
        let now = gateway.now();
        let kept = call.gateway.tasks.spawn(async move {
            let runtime = gateway.runtime();
            let change = desk::Change::heard(said, now);
            desk::change(
                &gateway.store,
                &runtime.config,
                Some(&gateway),
                ticket,
                now,
                change,
            )
            .await
        });
        match kept.await {
            Ok(Ok(_)) => {}
            _ if !entry.is_with_a_person() => return Ok(None),
            Ok(Err(why)) => {
                tracing::error!(request = %call.id, why, "a message for a person could not be kept");
                return Err(not_kept());
            }
            Err(_) => return Err(not_kept()),
        }
    } else if ticket.is_none() {
        return Ok(None);
    }
    call.decide("converse", told.decided.clone());
    Ok(Some(told))
}

fn not_kept() -> ApiError {
    ApiError::new(
        503,
        "message_not_kept",
        "Your message for the person who has this conversation could not be kept. Please send it again in a moment.",
    )
    .with_retry_after(std::time::Duration::from_secs(2))
}

/// One trigger with all that it takes.
pub(super) struct Case {
    pub(super) gateway: Arc<Gateway>,
    pub(super) entry: Arc<Entry>,
    pub(super) route: Arc<Route>,
    pub(super) trigger: Trigger,
    pub(super) said: Option<String>,
    pub(super) body: bytes::Bytes,
    pub(super) locale: Option<String>,
    pub(super) surface: Surface,
    pub(super) request: Uuid,
    pub(super) trace_id: String,
}

impl Case {
    /// Decides and does it.
    pub(super) async fn decide(self) -> Option<Told> {
        let settings = &self.route.callee.escalation;
        let now = self.gateway.now();
        let mut inner = self.entry.inner.lock().await;
        let language = match self.trigger {
            Trigger::Asked(language) => language,
            _ => self.locale.as_deref(),
        };
        let handed = |decided: String| Told {
            text: words::handed(settings, language, now),
            decided,
        };
        if inner.machine.is_with_a_person() {
            return Some(handed("a person has this conversation already".to_owned()));
        }
        let mut next = inner.clone();
        next.agent.clone_from(&self.route.id);
        let reason = match self.trigger {
            Trigger::Failed(code) => {
                next.last_error = Some(code);
                next.machine.failed(&settings.policy, now)
            }
            Trigger::Asked(_) => next.machine.asked(&settings.policy, now),
            Trigger::Confidence(confidence) => next.machine.answered_with(&settings.policy, confidence, now),
        };
        let Some(reason) = reason else {
            if next.machine != inner.machine {
                self.entry.settle(&mut inner, next);
                let record = self.entry.record(&inner, now);
                drop(inner);
                // It counts from now on; that it also counts after a restart is worth a note in the log if it fails.
                if let Err(error) = self.gateway.store.keep_conversation(&record).await {
                    let error = crate::upstream::chain_of(&error);
                    tracing::warn!(error, "a failed attempt of a conversation was not written down");
                }
            }
            return None;
        };
        let told = handed(format!("handed over to a person: {}", reason.code()));
        match self.open(&mut next, reason, &told.text, now).await {
            Ok(true) => {
                self.entry.settle(&mut inner, next);
                self.gateway.conversations.post();
                self.gateway.metrics.escalation(&self.route.id, reason.code());
                tracing::info!(request = %self.request, callee = self.route.id, reason = reason.code(), "a conversation waits for a person");
                Some(told)
            }
            Ok(false) => {
                // Another process of this store was first.
                if let Ok(Some(record)) = self.gateway.store.conversation(self.entry.key).await {
                    let mut there = inner.clone();
                    (there.machine, there.ticket) = (super::machine_of(&record), record.ticket);
                    self.entry.settle(&mut inner, there);
                }
                Some(told)
            }
            Err(error) => {
                let error = crate::upstream::chain_of(&error);
                tracing::error!(
                    error,
                    callee = self.route.id,
                    "a conversation could not be handed to a person, and nobody was promised one"
                );
                // The next failure tries again.
                let mut kept = inner.clone();
                kept.machine = Conversation::restored(State::Bot, next.machine.failures().to_vec(), now);
                self.entry.settle(&mut inner, kept);
                None
            }
        }
    }

    async fn open(
        &self,
        next: &mut Inner,
        reason: Reason,
        told: &str,
        now: Tick,
    ) -> Result<bool, golive_store::TicketError> {
        let store = &self.gateway.store;
        let runtime = self.gateway.runtime();
        let settings = &self.route.callee.escalation;
        let mut turns = self.turns();
        if turns.len() < 2 {
            let before = history(store, &self.route, &self.entry, now).await;
            turns.splice(0..0, before);
            let extra = turns.len().saturating_sub(TRANSCRIPT);
            turns.drain(..extra);
        }
        let clean = |text: &str| self.route.screens.without_personal_data(cut(text, MESSAGE_MAX));
        let transcript: Vec<Value> = turns
            .iter()
            .map(|(author, text)| json!({ "author": author, "text": clean(text) }))
            .collect();
        let failed = u32::try_from(next.machine.failures().len()).unwrap_or(u32::MAX);
        let last = self.said.as_deref().or_else(|| {
            let users = turns.iter().rev().find(|(author, _)| *author == "user");
            users.map(|(_, text)| text.as_str())
        });
        let summary = summary(reason, last.map(clean).as_deref(), failed, next.last_error);
        let (attempts, confidence) = match reason {
            Reason::LowConfidence(confidence) => (failed, Some(confidence)),
            _ => (failed, None),
        };
        let due = match next.machine.state() {
            State::Offered { due, .. } => due,
            _ => None,
        };
        let ticket = Ticket {
            id: Uuid::now_v7(),
            key: self.entry.key,
            conversation: self.entry.name.clone(),
            agent: self.route.id.clone(),
            release: Some(self.route.release.clone()),
            principal: self.entry.owner.principal.clone(),
            user_hash: self.entry.owner.user,
            reason: reason.code().to_owned(),
            attempts,
            confidence,
            state: next.machine.state().as_str().to_owned(),
            priority: settings.priority.as_str().to_owned(),
            opened_us: us(now),
            waiting_since_us: Some(us(now)),
            due_us: due.map(us),
            first_answer_us: None,
            snoozed_until_us: None,
            assigned_to: None,
            resolved_us: None,
            resolved_by: None,
            request: self.request,
            trace_id: Some(self.trace_id.clone()),
            summary: Some(summary),
            transcript: Some(Value::Array(transcript).to_string()),
        };
        next.ticket = Some(ticket.id);
        let record = self.entry.record(next, now);
        let message = NewMessage {
            id: Uuid::now_v7(),
            at_us: us(now),
            author: Author::System,
            by: None,
            words: told.to_owned(),
        };
        let more = event::More {
            locale: self.locale.as_deref(),
            channel: Some(self.surface.route()),
        };
        let events = event::events(
            &runtime,
            golive_config::EventKind::Handoff,
            &ticket,
            &more,
            us(now),
        );
        store.open_ticket(&record, &ticket, &message, &events).await
    }

    /// What the request itself tells of the dialogue.
    fn turns(&self) -> Vec<(&'static str, String)> {
        match (&self.surface, &self.said) {
            (Surface::Agent(_), Some(said)) => vec![("user", said.clone())],
            (Surface::Chat | Surface::Messages, _) => texts::last_turns(&self.body, TRANSCRIPT)
                .into_iter()
                .map(of_turn)
                .collect(),
            _ => Vec::new(),
        }
    }
}

fn of_turn(turn: texts::Turn) -> (&'static str, String) {
    let author = match turn.voice {
        Voice::Assistant => "agent",
        _ => "user",
    };
    (author, turn.text)
}

/// What the ledger remembers of the conversation, where the request alone does not tell it: an HTTP agent is sent one
/// message at a time.
async fn history(store: &Store, route: &Route, entry: &Entry, now: Tick) -> Vec<(&'static str, String)> {
    let filter = LedgerFilter {
        since_us: Some(us(now) - HISTORY_US),
        callee: Some(route.id.clone()),
        principal: Some(entry.owner.principal.clone()),
        user_hash: entry.owner.user,
        limit: HISTORY_ROWS,
        ..LedgerFilter::default()
    };
    let mark = mark(entry);
    let rows = store.ledger(&filter).await.unwrap_or_default();
    let mut turns = Vec::new();
    for row in rows.iter().filter(|row| row.decisions.contains(&mark)) {
        if turns.len() + 2 > TRANSCRIPT {
            break;
        }
        let Ok(Some(row)) = store.ledger_row(row.id, true).await else {
            continue;
        };
        let Some(pointers) = &route.pointers else {
            // The newest request holds the whole dialogue.
            let prompt = row.prompt.unwrap_or_default();
            turns = texts::last_turns(&prompt, TRANSCRIPT)
                .into_iter()
                .map(of_turn)
                .rev()
                .collect();
            break;
        };
        let reply = row
            .reply
            .as_deref()
            .and_then(|reply| pointers.output.read_str(reply));
        turns.extend(reply.map(|text| ("agent", text.into_owned())));
        let said = row
            .prompt
            .as_deref()
            .and_then(|prompt| pointers.input.read_str(prompt));
        turns.extend(said.map(|text| ("user", text.into_owned())));
    }
    turns.reverse();
    turns
}

/// How a request's row names its conversation.
pub(crate) fn mark(entry: &Entry) -> String {
    format!("conversation {:032x}", u128::from_be_bytes(entry.key))
}

/// The same every time: what was asked last, what was tried, what went wrong last, why a person is needed.
fn summary(reason: Reason, last: Option<&str>, failed: u32, error: Option<&str>) -> String {
    let why = match reason {
        Reason::UserAsked => "the user asked for a person".to_owned(),
        Reason::FailedAttempts(count) => format!("{count} attempts to answer failed"),
        Reason::LowConfidence(c) => format!(
            "the agent was only {:.0} % sure of its answer",
            f64::from(c) / 10_000.0
        ),
        Reason::Operator => "an operator took it".to_owned(),
    };
    let tried = match failed {
        0 => "no attempt failed before".to_owned(),
        1 => "1 attempt failed".to_owned(),
        n => format!("{n} attempts failed"),
    };
    let error = error.map_or_else(|| "none".to_owned(), str::to_owned);
    format!(
        "Why: {why}\nLast request: {}\nTried: {tried}\nLast error: {error}",
        last.unwrap_or("(none)")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_why_what_was_asked_what_was_tried_and_what_failed_last() {
        let text = summary(
            Reason::FailedAttempts(3),
            Some("where is it?"),
            3,
            Some("upstream_timeout"),
        );
        assert_eq!(
            text,
            "Why: 3 attempts to answer failed\nLast request: where is it?\nTried: 3 attempts failed\nLast error: upstream_timeout"
        );
        let text = summary(Reason::LowConfidence(420_000), None, 0, None);
        assert!(
            text.contains("only 42 % sure") && text.contains("(none)"),
            "{text}"
        );
    }
}
