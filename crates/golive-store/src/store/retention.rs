//! S7: what ages out: kept answers and prompts and replies first, whole rows later, in batches so small that the
//! writer between them never waits long.
//!
//! Never: touches a row younger than it was told.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Store, StoreError, now_us};
use crate::answers::FORGET;
use crate::backend::Statement;

/// Rows per transaction: a few milliseconds of the write lock.
const BATCH: i64 = 500;
/// Between two runs, and before the first.
const EVERY: Duration = Duration::from_secs(3600);
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// What ages out, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Prompts and replies are emptied after this time.
    pub content: Duration,
    /// Rows are deleted after this time.
    pub ledger: Duration,
    /// Resolved tickets are deleted after this time, with what was said in them.
    pub tickets: Duration,
}

impl Default for Retention {
    /// 30, 400 and 180 days (DESIGN §5).
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        Retention {
            content: days(30),
            ledger: days(400),
            tickets: days(180),
        }
    }
}

/// What a retention run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Rows whose prompt and reply were emptied.
    pub content_cleared: u64,
    /// Rows that were deleted.
    pub rows_deleted: u64,
    /// Tickets that were deleted.
    pub tickets_deleted: u64,
    /// Answers under an idempotency key that were forgotten.
    pub answers_forgotten: u64,
}

impl Store {
    /// Empties content and deletes rows that are too old at `now_us`, until none is left.
    pub async fn retain(&self, retention: Retention, now_us: i64) -> Result<Retained, StoreError> {
        let before =
            |age: Duration| now_us.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
        let tickets = before(retention.tickets);
        let tickets_deleted = self.repeat(DELETE_TICKETS, tickets).await?;
        for gone in [DELETE_MESSAGES, DELETE_EVENTS, DELETE_CONVERSATIONS] {
            self.repeat(gone, tickets).await?;
        }
        Ok(Retained {
            tickets_deleted,
            rows_deleted: self.repeat(DELETE, before(retention.ledger)).await?,
            content_cleared: self.repeat(CLEAR, before(retention.content)).await?,
            answers_forgotten: self.repeat(FORGET, now_us).await?,
        })
    }

    /// Retention once an hour until `stop`. A run that fails is logged, and tried again in an hour.
    pub async fn run_retention(&self, retention: Retention, stop: CancellationToken) {
        let mut pause = FIRST_AFTER;
        while stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_some()
        {
            pause = EVERY;
            match stop.run_until_cancelled(self.retain(retention, now_us())).await {
                Some(Ok(done)) if done != Retained::default() => {
                    tracing::info!(
                        content_cleared = done.content_cleared,
                        rows_deleted = done.rows_deleted,
                        tickets_deleted = done.tickets_deleted,
                        answers_forgotten = done.answers_forgotten,
                        "old rows aged out"
                    );
                }
                Some(Err(error)) => tracing::error!(%error, "old rows could not be removed"),
                Some(Ok(_)) | None => {}
            }
        }
    }

    async fn repeat(&self, sql: &'static str, before_us: i64) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let changed = self
                .backend()
                .transact(&[Statement::new(sql, vec![before_us.into(), BATCH.into()])])
                .await?;
            let changed: u64 = changed.iter().sum();
            total += changed;
            if changed < BATCH as u64 {
                return Ok(total);
            }
            tokio::task::yield_now().await; // the writer's turn
        }
    }
}

const DELETE: &str =
    "DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE at_us < $1 ORDER BY at_us LIMIT $2)";
const CLEAR: &str = "UPDATE ledger SET prompt = NULL, reply = NULL, content_bytes = 0 WHERE id IN \
    (SELECT id FROM ledger WHERE content_bytes > 0 AND at_us < $1 ORDER BY at_us LIMIT $2)";
const DELETE_TICKETS: &str = "DELETE FROM tickets WHERE id IN \
    (SELECT id FROM tickets WHERE resolved_us IS NOT NULL AND resolved_us < $1 LIMIT $2)";
const DELETE_MESSAGES: &str = "DELETE FROM conversation_messages WHERE id IN (SELECT m.id FROM conversation_messages m \
    WHERE m.at_us < $1 AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.id = m.ticket) LIMIT $2)";
/// An event that still waits is not old enough, whatever its age.
const DELETE_EVENTS: &str = "DELETE FROM outbox WHERE id IN \
    (SELECT id FROM outbox WHERE next_us IS NULL AND at_us < $1 LIMIT $2)";
const DELETE_CONVERSATIONS: &str = "DELETE FROM conversations WHERE id IN \
    (SELECT id FROM conversations WHERE state = 'bot' AND changed_us < $1 LIMIT $2)";
