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
}

impl Default for Retention {
    /// 30 and 400 days (DESIGN §5).
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        Retention {
            content: days(30),
            ledger: days(400),
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
    /// Answers under an idempotency key that were forgotten.
    pub answers_forgotten: u64,
}

impl Store {
    /// Empties content and deletes rows that are too old at `now_us`, until none is left.
    pub async fn retain(&self, retention: Retention, now_us: i64) -> Result<Retained, StoreError> {
        let before =
            |age: Duration| now_us.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
        Ok(Retained {
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
