//! E3: what was said in a conversation while a person had it.
//!
//! Never: gives two messages of a conversation one number.

use serde::Serialize;
use uuid::Uuid;

use super::{ConversationKey, TicketError, open, seal};
use crate::Store;
use crate::backend::{Statement, Value};
use crate::seal::Keyring;

/// Messages of a page at the most.
const PAGE_MAX: u32 = 500;
const WORDS: (&str, &str) = ("conversation_messages", "words");

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// The person who asked.
    User,
    /// The person who answers.
    Operator,
    /// golive itself: that a person takes over, that nobody is there.
    System,
}

impl Author {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::System => "system",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "user" => Self::User,
            "operator" => Self::Operator,
            _ => Self::System,
        }
    }
}

/// Something that is said now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id (UUID v7): said twice it stands once.
    pub id: Uuid,
    /// When, microseconds since the Unix epoch.
    pub at_us: i64,
    /// By whom.
    pub author: Author,
    /// The operator's principal.
    pub by: Option<String>,
    /// The words.
    pub words: String,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Counts from 1 in its conversation.
    pub number: u64,
    /// When, microseconds since the Unix epoch.
    pub at_us: i64,
    /// By whom.
    pub author: Author,
    /// The operator's principal; not for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The words.
    pub text: String,
}

impl Store {
    /// The messages of a conversation with numbers above `after`, in order.
    pub async fn messages(
        &self,
        conversation: ConversationKey,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Message>, TicketError> {
        let args = vec![
            Value::bytes(&conversation),
            Value::count(after),
            i64::from(limit.clamp(1, PAGE_MAX)).into(),
        ];
        let keyring = self.keyring();
        let mut messages = Vec::new();
        for row in self.backend().query(PAGE, args).await? {
            let id: [u8; 16] = row.array(0)?;
            let sealed = row.maybe_bytes(5)?.unwrap_or_default();
            messages.push(Message {
                number: row.count(1)?,
                at_us: row.int(2)?,
                author: Author::of(&row.text(3)?),
                by: row.maybe_text(4)?,
                text: open(&keyring, WORDS, &id, &sealed)?,
            });
        }
        Ok(messages)
    }
}

/// Only where the ticket is there and open.
pub(super) fn insert(
    conversation: ConversationKey,
    ticket: Uuid,
    one: &NewMessage,
    keyring: &Keyring,
) -> Result<Statement<'static>, TicketError> {
    Ok(Statement::new(
        INSERT,
        vec![
            Value::bytes(one.id.as_bytes()),
            Value::bytes(&conversation),
            Value::bytes(ticket.as_bytes()),
            one.at_us.into(),
            Value::text(one.author.as_str()),
            Value::maybe_text(one.by.as_deref()),
            seal(keyring, WORDS, one.id.as_bytes(), &one.words)?,
        ],
    ))
}

const INSERT: &str = "INSERT INTO conversation_messages (id, conversation, number, ticket, at_us, author, by_whom, words) \
     SELECT $1, $2, (SELECT COALESCE(MAX(number), 0) + 1 FROM conversation_messages WHERE conversation = $2), \
     $3, $4, $5, $6, $7 \
     WHERE EXISTS (SELECT 1 FROM tickets WHERE id = $3 AND resolved_us IS NULL) ON CONFLICT DO NOTHING";
const PAGE: &str = "SELECT id, number, at_us, author, by_whom, words FROM conversation_messages \
     WHERE conversation = $1 AND number > $2 ORDER BY number LIMIT $3";
