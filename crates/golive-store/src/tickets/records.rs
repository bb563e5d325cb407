//! E3: conversations and tickets as rows.
//!
//! Never: opens two tickets of one conversation, or changes one that is resolved.

use uuid::Uuid;

use super::{
    ConversationKey, ConversationRecord, NewEvent, NewMessage, Ticket, TicketError, messages, open, outbox,
    seal,
};
use crate::backend::{Failure, FailureKind, Row, Statement, Value};
use crate::seal::Keyring;
use crate::writer::Work;
use crate::{Store, UserHash};

/// Conversations that are read at a start at the most: those that changed last.
const CONVERSATIONS_MAX: i64 = 65_536;
/// Tickets of a page at the most.
const PAGE_MAX: u32 = 1000;

const NAME: (&str, &str) = ("conversations", "name");
const SUMMARY: (&str, &str) = ("tickets", "summary");
const TRANSCRIPT: (&str, &str) = ("tickets", "transcript");

/// Which tickets to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketFilter {
    /// Resolved ones too.
    pub resolved: bool,
    /// How many at the most; 0 is 100.
    pub limit: u32,
}

impl Store {
    /// The conversations that a person has or in which an attempt failed, those that changed last.
    pub async fn conversations(&self) -> Result<Vec<ConversationRecord>, TicketError> {
        let rows = self
            .backend()
            .query(CONVERSATIONS, vec![CONVERSATIONS_MAX.into()])
            .await?;
        let keyring = self.keyring();
        rows.iter().map(|row| read_conversation(row, &keyring)).collect()
    }

    /// One conversation.
    pub async fn conversation(
        &self,
        key: ConversationKey,
    ) -> Result<Option<ConversationRecord>, TicketError> {
        let rows = self
            .backend()
            .query(CONVERSATION, vec![Value::bytes(&key)])
            .await?;
        let keyring = self.keyring();
        rows.first()
            .map(|row| read_conversation(row, &keyring))
            .transpose()
    }

    /// Writes down how a conversation stands.
    pub async fn keep_conversation(&self, conversation: &ConversationRecord) -> Result<(), TicketError> {
        let mut work = Work::default();
        work.statements.push(keep(conversation, &self.keyring())?);
        self.writer().work(work).await?;
        Ok(())
    }

    /// Opens a ticket: its conversation, what its user was told, and its events, all or nothing. False: one of this
    /// conversation is open already, and nothing was written.
    pub async fn open_ticket(
        &self,
        conversation: &ConversationRecord,
        ticket: &Ticket,
        told: &NewMessage,
        events: &[NewEvent],
    ) -> Result<bool, TicketError> {
        let keyring = self.keyring();
        let mut work = Work::default();
        work.statements
            .push(Statement::new(OPEN, columns(ticket, &keyring)?));
        // The rest is written only where this ticket is.
        work.statements.push(keep(conversation, &keyring)?);
        work.statements
            .push(messages::insert(ticket.key, ticket.id, told, &keyring)?);
        for event in events {
            work.statements.push(outbox::insert(ticket.id, event, &keyring)?);
        }
        let done = self.writer().work(work).await?;
        Ok(done.changed.first() == Some(&1))
    }

    /// Writes down how an open ticket and its conversation stand, with what was said and what is to be sent. False: it
    /// is resolved already, and nothing was written of the ticket.
    pub async fn change_ticket(
        &self,
        conversation: &ConversationRecord,
        ticket: &Ticket,
        said: Option<&NewMessage>,
        events: &[NewEvent],
    ) -> Result<bool, TicketError> {
        let keyring = self.keyring();
        let mut work = Work::default();
        if let Some(said) = said {
            work.statements
                .push(messages::insert(ticket.key, ticket.id, said, &keyring)?);
        }
        for event in events {
            work.statements.push(outbox::insert(ticket.id, event, &keyring)?);
        }
        work.statements.push(keep(conversation, &keyring)?);
        // Last: what goes before asks whether the ticket is still open.
        work.statements.push(Statement::new(
            CHANGE,
            vec![
                Value::bytes(ticket.id.as_bytes()),
                Value::text(&ticket.state),
                Value::text(&ticket.priority),
                ticket.waiting_since_us.into(),
                ticket.due_us.into(),
                ticket.first_answer_us.into(),
                ticket.snoozed_until_us.into(),
                Value::maybe_text(ticket.assigned_to.as_deref()),
                ticket.resolved_us.into(),
                Value::maybe_text(ticket.resolved_by.as_deref()),
            ],
        ));
        let done = self.writer().work(work).await?;
        Ok(done.changed.last() == Some(&1))
    }

    /// Tickets without their content: those that wait longest first, then the newest.
    pub async fn tickets(&self, filter: TicketFilter) -> Result<Vec<Ticket>, TicketError> {
        let limit = match filter.limit {
            0 => 100,
            some => some.min(PAGE_MAX),
        };
        let args = vec![Value::truth(filter.resolved), i64::from(limit).into()];
        let rows = self.backend().query(LIST, args).await?;
        let keyring = self.keyring();
        rows.iter().map(|row| read(row, &keyring, false)).collect()
    }

    /// One ticket with its content.
    pub async fn ticket(&self, id: Uuid) -> Result<Option<Ticket>, TicketError> {
        let rows = self
            .backend()
            .query(ONE, vec![Value::bytes(id.as_bytes())])
            .await?;
        let keyring = self.keyring();
        rows.first().map(|row| read(row, &keyring, true)).transpose()
    }
}

fn keep(one: &ConversationRecord, keyring: &Keyring) -> Result<Statement<'static>, TicketError> {
    let failures = serde_json::Value::from(one.failures_us.clone()).to_string();
    Ok(Statement::new(
        KEEP,
        vec![
            Value::bytes(&one.key),
            seal(keyring, NAME, &one.key, &one.name)?,
            Value::text(&one.principal),
            user(one.user_hash),
            Value::text(&one.agent),
            Value::text(&one.state),
            one.since_us.into(),
            one.until_us.into(),
            one.active_us.into(),
            Value::text(&failures),
            one.ticket
                .map_or(Value::Bytes(None), |id| Value::bytes(id.as_bytes())),
            one.changed_us.into(),
        ],
    ))
}

fn user(hash: Option<UserHash>) -> Value {
    hash.map_or(Value::Bytes(None), |hash| Value::bytes(&hash.0))
}

fn read_conversation(row: &Row, keyring: &Keyring) -> Result<ConversationRecord, TicketError> {
    let key: ConversationKey = row.array(0)?;
    let sealed = row.maybe_bytes(1)?.unwrap_or_default();
    let failures = serde_json::from_str(&row.text(9)?)
        .map_err(|_| Failure::new(FailureKind::Damaged, "the failures of a conversation are no list"))?;
    Ok(ConversationRecord {
        key,
        name: open(keyring, NAME, &key, &sealed)?,
        principal: row.text(2)?,
        user_hash: row.maybe_array(3)?.map(UserHash),
        agent: row.text(4)?,
        state: row.text(5)?,
        since_us: row.maybe_int(6)?,
        until_us: row.maybe_int(7)?,
        active_us: row.int(8)?,
        failures_us: failures,
        ticket: row.maybe_array(10)?.map(Uuid::from_bytes),
        changed_us: row.int(11)?,
    })
}

fn columns(ticket: &Ticket, keyring: &Keyring) -> Result<Vec<Value>, TicketError> {
    let id = ticket.id.as_bytes();
    Ok(vec![
        Value::bytes(id),
        Value::bytes(&ticket.key),
        Value::text(&ticket.agent),
        Value::maybe_text(ticket.release.as_deref()),
        Value::text(&ticket.principal),
        user(ticket.user_hash),
        Value::text(&ticket.reason),
        i64::from(ticket.attempts).into(),
        ticket.confidence.map(i64::from).into(),
        Value::text(&ticket.state),
        Value::text(&ticket.priority),
        ticket.opened_us.into(),
        ticket.waiting_since_us.into(),
        ticket.due_us.into(),
        Value::bytes(ticket.request.as_bytes()),
        Value::maybe_text(ticket.trace_id.as_deref()),
        seal(
            keyring,
            SUMMARY,
            id,
            ticket.summary.as_deref().unwrap_or_default(),
        )?,
        seal(
            keyring,
            TRANSCRIPT,
            id,
            ticket.transcript.as_deref().unwrap_or("[]"),
        )?,
    ])
}

fn read(row: &Row, keyring: &Keyring, content: bool) -> Result<Ticket, TicketError> {
    let id: [u8; 16] = row.array(0)?;
    let key: ConversationKey = row.array(1)?;
    let sealed = |column| Ok::<_, Failure>(row.maybe_bytes(column)?.filter(|_| content));
    let summary = sealed(22)?.map(|sealed| open(keyring, SUMMARY, &id, &sealed));
    let transcript = sealed(23)?.map(|sealed| open(keyring, TRANSCRIPT, &id, &sealed));
    let name = row
        .maybe_bytes(24)?
        .map(|sealed| open(keyring, NAME, &key, &sealed));
    Ok(Ticket {
        id: Uuid::from_bytes(id),
        key,
        // The conversation may have aged out before its ticket.
        conversation: name.transpose()?.unwrap_or_default(),
        agent: row.text(2)?,
        release: row.maybe_text(3)?,
        principal: row.text(4)?,
        user_hash: row.maybe_array(5)?.map(UserHash),
        reason: row.text(6)?,
        attempts: u32::try_from(row.int(7)?).unwrap_or(u32::MAX),
        confidence: row.maybe_int(8)?.and_then(|one| u32::try_from(one).ok()),
        state: row.text(9)?,
        priority: row.text(10)?,
        opened_us: row.int(11)?,
        waiting_since_us: row.maybe_int(12)?,
        due_us: row.maybe_int(13)?,
        first_answer_us: row.maybe_int(14)?,
        snoozed_until_us: row.maybe_int(15)?,
        assigned_to: row.maybe_text(16)?,
        resolved_us: row.maybe_int(17)?,
        resolved_by: row.maybe_text(18)?,
        request: Uuid::from_bytes(row.array(19)?),
        trace_id: row.maybe_text(20)?,
        summary: summary.transpose()?,
        transcript: transcript.transpose()?,
    })
}

macro_rules! conversation_columns {
    () => {
        "id, name, principal, user_hash, agent, state, since_us, until_us, active_us, failures, ticket, changed_us"
    };
}

const CONVERSATIONS: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversations WHERE state <> 'bot' OR failures <> '[]' ORDER BY changed_us DESC LIMIT $1"
);
const CONVERSATION: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversations WHERE id = $1"
);
/// A conversation is a person's only by its open ticket: a statement for a ticket that was not written changes nothing.
const KEEP: &str = concat!(
    "INSERT INTO conversations (",
    conversation_columns!(),
    ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 \
     WHERE $11 IS NULL OR EXISTS (SELECT 1 FROM tickets WHERE id = $11 AND resolved_us IS NULL) \
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, agent = excluded.agent, state = excluded.state, \
     since_us = excluded.since_us, until_us = excluded.until_us, active_us = excluded.active_us, \
     failures = excluded.failures, ticket = excluded.ticket, changed_us = excluded.changed_us"
);
/// `tickets_open` is unique: of one conversation one ticket is open.
const OPEN: &str = "INSERT INTO tickets (id, conversation, agent, release_digest, principal, user_hash, reason, \
     attempts, confidence, state, priority, opened_us, waiting_since_us, due_us, request, trace_id, summary, transcript) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT DO NOTHING";
const CHANGE: &str = "UPDATE tickets SET state = $2, priority = $3, waiting_since_us = $4, due_us = $5, \
     first_answer_us = $6, snoozed_until_us = $7, assigned_to = $8, resolved_us = $9, resolved_by = $10 \
     WHERE id = $1 AND resolved_us IS NULL";

macro_rules! select {
    () => {
        "SELECT t.id, t.conversation, t.agent, t.release_digest, t.principal, t.user_hash, t.reason, t.attempts, \
         t.confidence, t.state, t.priority, t.opened_us, t.waiting_since_us, t.due_us, t.first_answer_us, \
         t.snoozed_until_us, t.assigned_to, t.resolved_us, t.resolved_by, t.request, t.trace_id, NULL, \
         t.summary, t.transcript, c.name \
         FROM tickets t LEFT JOIN conversations c ON c.id = t.conversation"
    };
}
const LIST: &str = concat!(
    select!(),
    " WHERE $1 = 1 OR t.resolved_us IS NULL \
      ORDER BY t.resolved_us IS NOT NULL, t.waiting_since_us IS NULL, t.waiting_since_us, t.opened_us DESC LIMIT $2"
);
const ONE: &str = concat!(select!(), " WHERE t.id = $1");
