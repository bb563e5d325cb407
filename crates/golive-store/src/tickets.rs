//! E3: what must not be lost of an escalation: conversations that are not simply the bot's, tickets, what was said
//! while a person had a conversation, and the events on their way to webhooks.
//!
//! A ticket, its conversation's state and its events are written in one transaction: a ticket that was promised is
//! there after a kill at any moment, and so are its events. Of one conversation at most one ticket is open; the
//! database itself holds that.
//!
//! Never: keeps what anybody said, or how a caller names a conversation, in clear.

mod messages;
mod outbox;
mod records;

use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

pub use messages::{Author, Message, NewMessage};
pub use outbox::{Delivery, NewEvent};
pub use records::TicketFilter;

use crate::backend::Failure;
use crate::seal::{Keyring, Place, Purpose, SealError};
use crate::{NotDone, UserHash};

/// The keyed hash under which a conversation is known.
pub type ConversationKey = [u8; 16];

/// Why something of a ticket could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// It was not written.
    #[error(transparent)]
    NotDone(#[from] NotDone),
    /// It could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database could not be read.
    #[error("the store's database failed")]
    Database(#[from] Failure),
}

/// A conversation, as far as escalation goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationRecord {
    /// Its key.
    pub key: ConversationKey,
    /// How its owner names it.
    pub name: String,
    /// Whose key it belongs to.
    pub principal: String,
    /// The person, where one was asserted.
    pub user_hash: Option<UserHash>,
    /// `agent/NAME` it is held with.
    pub agent: String,
    /// `bot`, `offered`, `assigned` or `snoozed`.
    pub state: String,
    /// Since when it is offered, and until when a person should have answered or it is put off.
    pub since_us: Option<i64>,
    /// See `since_us`.
    pub until_us: Option<i64>,
    /// When anybody said anything, while it is a person's.
    pub active_us: i64,
    /// When attempts failed, oldest first.
    pub failures_us: Vec<i64>,
    /// Its open ticket.
    pub ticket: Option<Uuid>,
    /// When this was written.
    pub changed_us: i64,
}

/// A conversation that was handed to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ticket {
    /// Its id (UUID v7).
    #[serde(serialize_with = "as_text")]
    pub id: Uuid,
    /// Which conversation.
    #[serde(skip)]
    pub key: ConversationKey,
    /// How its owner names it.
    pub conversation: String,
    /// `agent/NAME`.
    pub agent: String,
    /// Digest of the release that served.
    pub release: Option<String>,
    /// Whose key it belongs to.
    pub principal: String,
    /// The person, where one was asserted.
    pub user_hash: Option<UserHash>,
    /// `user_asked`, `failed_attempts`, `low_confidence` or `operator`.
    pub reason: String,
    /// How many attempts had failed.
    pub attempts: u32,
    /// The agent's confidence, in millionths.
    pub confidence: Option<u32>,
    /// `offered`, `assigned`, `snoozed` or `resolved`.
    pub state: String,
    /// `low`, `normal`, `high` or `urgent`.
    pub priority: String,
    /// When it was opened, microseconds since the Unix epoch.
    pub opened_us: i64,
    /// Since when the user waits for a person's word; `None`: it is not his turn.
    pub waiting_since_us: Option<i64>,
    /// When a person should have answered.
    pub due_us: Option<i64>,
    /// When a person first answered.
    pub first_answer_us: Option<i64>,
    /// Until when it is put off.
    pub snoozed_until_us: Option<i64>,
    /// Who answered last.
    pub assigned_to: Option<String>,
    /// When it was done with.
    pub resolved_us: Option<i64>,
    /// By whom; `idle`: nobody had said anything for long.
    pub resolved_by: Option<String>,
    /// The request that led to it.
    #[serde(serialize_with = "as_text")]
    pub request: Uuid,
    /// Its W3C trace id.
    pub trace_id: Option<String>,
    /// What it is about; only where content was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The last messages, personal data taken out: a JSON array; only where content was asked for.
    #[serde(skip)]
    pub transcript: Option<String>,
}

fn as_text<S: serde::Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// Seals a value of one of these tables.
fn seal(
    keyring: &Keyring,
    (table, column): (&str, &str),
    row: &[u8],
    plain: &str,
) -> Result<crate::backend::Value, SealError> {
    let place = Place { table, column, row };
    let sealed = keyring.seal(Purpose::Content, &place, plain.as_bytes())?;
    Ok(crate::backend::Value::Bytes(Some(Bytes::from(sealed))))
}

/// Opens one.
fn open(
    keyring: &Keyring,
    (table, column): (&str, &str),
    row: &[u8],
    sealed: &[u8],
) -> Result<String, SealError> {
    let place = Place { table, column, row };
    let plain = keyring.open(Purpose::Content, &place, sealed)?;
    String::from_utf8(plain).map_err(|_| SealError::Forged)
}
