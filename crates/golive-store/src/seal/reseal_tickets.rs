//! S7, E3: the sealed values of conversations, tickets, messages and events on their way from an old key to the newest.
//!
//! Few beside those of the ledger: column by column, in batches as small.
//!
//! Never: writes over a value that was changed since it was read.

use std::time::Duration;

use super::reseal::is_of_the_value;
use super::rotate::{Pace, Progress, SealChange};
use super::{Keyring, Place, Purpose};
use crate::Store;
use crate::backend::{Statement, Value};
use crate::writer::Work;

/// Rows of one batch.
const BATCH: i64 = 32;

/// One sealed column.
struct Column {
    table: &'static str,
    column: &'static str,
    /// The next old values behind an id.
    load: &'static str,
    /// Another value, where the one that was read still stands.
    update: &'static str,
    /// How many are old.
    count: &'static str,
}

macro_rules! column {
    ($table:literal, $column:literal) => {
        Column {
            table: $table,
            column: $column,
            load: concat!(
                "SELECT id, ",
                $column,
                " FROM ",
                $table,
                " WHERE id > $1 AND substr(",
                $column,
                ", 2, 4) <> $2 ORDER BY id LIMIT $3"
            ),
            update: concat!(
                "UPDATE ",
                $table,
                " SET ",
                $column,
                " = $2 WHERE id = $1 AND substr(",
                $column,
                ", 1, 17) = $3"
            ),
            count: concat!(
                "SELECT count(*) FROM ",
                $table,
                " WHERE substr(",
                $column,
                ", 2, 4) <> $1"
            ),
        }
    };
}

const COLUMNS: [Column; 5] = [
    column!("conversations", "name"),
    column!("tickets", "summary"),
    column!("tickets", "transcript"),
    column!("conversation_messages", "words"),
    column!("outbox", "body"),
];

/// What [`super::status`] counts beside the ledger: key id, null, number.
pub(super) const COUNT: &str = "SELECT substr(name, 2, 4) AS k, NULL, count(*) FROM conversations GROUP BY 1 \
    UNION ALL SELECT substr(summary, 2, 4) AS k, NULL, count(*) FROM tickets GROUP BY 1 \
    UNION ALL SELECT substr(transcript, 2, 4) AS k, NULL, count(*) FROM tickets GROUP BY 1 \
    UNION ALL SELECT substr(words, 2, 4) AS k, NULL, count(*) FROM conversation_messages GROUP BY 1 \
    UNION ALL SELECT substr(body, 2, 4) AS k, NULL, count(*) FROM outbox GROUP BY 1";

impl Store {
    /// Seals every old value of these columns anew; gives how many cannot be opened.
    pub(super) async fn sweep_tickets(
        &self,
        keyring: &Keyring,
        progress: &mut Progress,
        pace: Pace,
    ) -> Result<u64, SealChange> {
        let newest = newest(keyring);
        let mut unreadable = 0;
        for one in COLUMNS {
            let mut after = Vec::new();
            loop {
                let args = vec![Value::bytes(&after), newest.clone(), BATCH.into()];
                let page = self.backend().query(one.load, args).await?;
                let mut work = Work::default();
                for row in &page {
                    let id: [u8; 16] = row.array(0)?;
                    after = id.to_vec();
                    let Some(stands) = row.maybe_bytes(1)? else {
                        continue;
                    };
                    let place = Place {
                        table: one.table,
                        column: one.column,
                        row: &id,
                    };
                    match keyring.renewed(&place, &stands) {
                        Ok(None) => {}
                        Ok(Some(sealed)) => work.statements.push(Statement::new(
                            one.update,
                            vec![
                                Value::bytes(&id),
                                Value::bytes(&sealed),
                                Value::bytes(&stands[..stands.len().min(super::reseal::BEGIN)]),
                            ],
                        )),
                        Err(error) if is_of_the_value(error) => unreadable += 1,
                        Err(error) => return Err(error.into()),
                    }
                }
                if !work.statements.is_empty() {
                    progress.values += work.statements.len() as u64;
                    let took = self.writer().work(work).await?.took;
                    if pace == Pace::Gentle {
                        tokio::time::sleep(took.min(Duration::from_secs(1))).await;
                    }
                }
                if page.is_empty() {
                    break;
                }
            }
        }
        Ok(unreadable)
    }

    /// Values of these columns that stand under another key than the newest.
    pub(super) async fn old_ticket_values(&self, keyring: &Keyring) -> Result<u64, SealChange> {
        let mut old = 0;
        for one in COLUMNS {
            let rows = self.backend().query(one.count, vec![newest(keyring)]).await?;
            old += rows.first().map_or(Ok(0), |row| row.count(0))?;
        }
        Ok(old)
    }
}

fn newest(keyring: &Keyring) -> Value {
    Value::bytes(&keyring.sealing(Purpose::Content).unwrap_or(0).to_be_bytes())
}
