//! E3: events on their way to webhooks: written with what they tell of, taken out when the receiver has said yes.
//!
//! At least once: a process that dies between the receiver's yes and the note of it sends again, under the same event
//! id.
//!
//! Never: forgets an event that nobody took, before it is given up by its deadline.

use uuid::Uuid;

use super::{TicketError, open, seal};
use crate::Store;
use crate::backend::{Statement, Value};
use crate::seal::Keyring;
use crate::writer::Work;

const BODY: (&str, &str) = ("outbox", "body");
/// The longest word of a receiver's failure that is kept.
const ERROR_MAX: usize = 300;

/// An event for one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Of this delivery (UUID v7).
    pub id: Uuid,
    /// Of the event, the same for every webhook: what receivers know it by.
    pub event: Uuid,
    /// `[webhooks.NAME]`.
    pub webhook: String,
    /// When it happened, microseconds since the Unix epoch.
    pub at_us: i64,
    /// What is sent.
    pub body: String,
}

/// An event that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Of this delivery.
    pub id: Uuid,
    /// Of the event.
    pub event: Uuid,
    /// `[webhooks.NAME]`.
    pub webhook: String,
    /// When it happened.
    pub at_us: i64,
    /// How often it was tried.
    pub attempts: u32,
    /// What is sent.
    pub body: String,
}

impl Store {
    /// The events that are due at `now_us`, oldest first. One that does not open is given up and left out.
    pub async fn due_events(&self, now_us: i64, limit: u32) -> Result<Vec<Delivery>, TicketError> {
        let args = vec![now_us.into(), i64::from(limit).into()];
        let keyring = self.keyring();
        let mut due = Vec::new();
        for row in self.backend().query(DUE, args).await? {
            let id: [u8; 16] = row.array(0)?;
            let sealed = row.maybe_bytes(5)?.unwrap_or_default();
            match open(&keyring, BODY, &id, &sealed) {
                Ok(body) => due.push(Delivery {
                    id: Uuid::from_bytes(id),
                    event: Uuid::from_bytes(row.array(1)?),
                    webhook: row.text(2)?,
                    at_us: row.int(3)?,
                    attempts: u32::try_from(row.int(4)?).unwrap_or(u32::MAX),
                    body,
                }),
                Err(error) => {
                    tracing::error!(%error, "an event of the outbox cannot be opened and is given up");
                    self.give_up_event(Uuid::from_bytes(id), "it cannot be opened", now_us)
                        .await?;
                }
            }
        }
        Ok(due)
    }

    /// When the next event is due; `None`: none waits.
    pub async fn next_event_us(&self) -> Result<Option<i64>, TicketError> {
        let rows = self.backend().query(NEXT, vec![]).await?;
        Ok(rows.first().map_or(Ok(None), |row| row.maybe_int(0))?)
    }

    /// The receiver took it.
    pub async fn event_delivered(&self, id: Uuid, now_us: i64) -> Result<(), TicketError> {
        let args = vec![Value::bytes(id.as_bytes()), now_us.into()];
        self.event_work(Statement::new(DELIVERED, args)).await
    }

    /// The receiver did not take it; it is tried again at `next_us`.
    pub async fn event_failed(&self, id: Uuid, why: &str, next_us: i64) -> Result<(), TicketError> {
        let args = vec![Value::bytes(id.as_bytes()), next_us.into(), cut(why)];
        self.event_work(Statement::new(FAILED, args)).await
    }

    /// It is not tried again.
    pub async fn give_up_event(&self, id: Uuid, why: &str, now_us: i64) -> Result<(), TicketError> {
        let args = vec![Value::bytes(id.as_bytes()), now_us.into(), cut(why)];
        self.event_work(Statement::new(GIVEN_UP, args)).await
    }

    /// Events that wait, and events that were given up.
    pub async fn events_waiting(&self) -> Result<(u64, u64), TicketError> {
        let rows = self.backend().query(COUNT, vec![]).await?;
        Ok(match rows.first() {
            Some(row) => (row.count(0)?, row.count(1)?),
            None => (0, 0),
        })
    }

    async fn event_work(&self, statement: Statement<'static>) -> Result<(), TicketError> {
        let mut work = Work::default();
        work.statements.push(statement);
        self.writer().work(work).await?;
        Ok(())
    }
}

fn cut(why: &str) -> Value {
    let mut end = why.len().min(ERROR_MAX);
    while !why.is_char_boundary(end) {
        end -= 1;
    }
    Value::text(&why[..end])
}

/// Only where the ticket is there.
pub(super) fn insert(
    ticket: Uuid,
    one: &NewEvent,
    keyring: &Keyring,
) -> Result<Statement<'static>, TicketError> {
    Ok(Statement::new(
        INSERT,
        vec![
            Value::bytes(one.id.as_bytes()),
            Value::bytes(one.event.as_bytes()),
            Value::bytes(ticket.as_bytes()),
            Value::text(&one.webhook),
            one.at_us.into(),
            seal(keyring, BODY, one.id.as_bytes(), &one.body)?,
        ],
    ))
}

const INSERT: &str = "INSERT INTO outbox (id, event, ticket, webhook, at_us, attempts, next_us, body) \
     SELECT $1, $2, $3, $4, $5, 0, $5, $6 \
     WHERE EXISTS (SELECT 1 FROM tickets WHERE id = $3 AND resolved_us IS NULL) ON CONFLICT DO NOTHING";
const DUE: &str = "SELECT id, event, webhook, at_us, attempts, body FROM outbox \
     WHERE next_us IS NOT NULL AND next_us <= $1 ORDER BY at_us, id LIMIT $2";
const NEXT: &str = "SELECT MIN(next_us) FROM outbox WHERE next_us IS NOT NULL";
const DELIVERED: &str = "UPDATE outbox SET delivered_us = $2, next_us = NULL, attempts = attempts + 1, last_error = NULL WHERE id = $1";
const FAILED: &str = "UPDATE outbox SET next_us = $2, attempts = attempts + 1, last_error = $3 WHERE id = $1 AND delivered_us IS NULL";
const GIVEN_UP: &str = "UPDATE outbox SET given_up_us = $2, next_us = NULL, last_error = $3 \
     WHERE id = $1 AND delivered_us IS NULL";
const COUNT: &str = "SELECT (SELECT count(*) FROM outbox WHERE next_us IS NOT NULL), \
     (SELECT count(*) FROM outbox WHERE given_up_us IS NOT NULL)";
