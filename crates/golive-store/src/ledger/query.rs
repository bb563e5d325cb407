//! M2 E2 S2: the questions that are asked of the ledger.
//!
//! Never: opens a prompt or a reply that was not asked for, or reads without a limit.

use bytes::Bytes;
use uuid::Uuid;

use super::columns::{decode, later_columns, plain_columns};
use super::{Admission, LedgerFilter, LedgerRow, UserHash};
use crate::backend::Value;
use crate::{Store, StoreError};

/// Rows of a page when the filter does not say, and at most.
const PAGE: (u32, u32) = (100, 1000);

impl Store {
    /// Rows of the ledger, newest first, without prompts and replies. A page ends where its last
    /// row's [`cursor`](LedgerRow::cursor) stands; hand it back as `after` for the next one. Rows
    /// that wait in the spill file are not among them yet.
    pub async fn ledger(&self, filter: &LedgerFilter) -> Result<Vec<LedgerRow>, StoreError> {
        let limit = if filter.limit == 0 {
            PAGE.0
        } else {
            filter.limit.min(PAGE.1)
        };
        let after = filter
            .after
            .map(|cursor| (cursor.at_us, Value::bytes(cursor.id.as_bytes())));
        let (after_us, after_id) = after.unwrap_or((i64::MAX, Value::bytes(&[0xff; 16])));
        let args = vec![
            filter.since_us.unwrap_or(i64::MIN).into(),
            filter.until_us.unwrap_or(i64::MAX).into(),
            Value::maybe_text(filter.callee.as_deref()),
            Value::maybe_text(filter.principal.as_deref()),
            Value::Bytes(filter.user_hash.map(|hash| Bytes::copy_from_slice(&hash.0))),
            Value::maybe_text(filter.outcome_prefix.as_deref()),
            after_us.into(),
            after_id,
            i64::from(limit).into(),
        ];
        let rows = self
            .backend()
            .query(LIST, args)
            .await
            .map_err(StoreError::Database)?;
        let keyring = self.keyring();
        rows.iter()
            .map(|row| decode(row, &keyring, false))
            .collect::<Result<_, _>>()
            .map_err(StoreError::Database)
    }

    /// One row; with its prompt and reply unsealed if asked.
    pub async fn ledger_row(&self, id: Uuid, with_content: bool) -> Result<Option<LedgerRow>, StoreError> {
        let rows = self
            .backend()
            .query(ONE, vec![Value::bytes(id.as_bytes())])
            .await
            .map_err(StoreError::Database)?;
        let keyring = self.keyring();
        rows.first()
            .map(|row| decode(row, &keyring, with_content))
            .transpose()
            .map_err(StoreError::Database)
    }

    /// What the windows must be told after a restart: rows at or after `at_us` that count or used tokens,
    /// oldest first, lost ones among them.
    pub async fn admissions_since(&self, at_us: i64) -> Result<Vec<Admission>, StoreError> {
        let rows = self
            .backend()
            .query(ADMISSIONS, vec![at_us.into()])
            .await
            .map_err(StoreError::Database)?;
        let read = |row: &crate::backend::Row| {
            Ok(Admission {
                at_us: row.int(0)?,
                principal: row.text(1)?,
                user_hash: row.maybe_array(2)?.map(UserHash),
                count: u32::try_from(row.int(3)?).unwrap_or(u32::MAX),
                callee: row.maybe_text(4)?,
                counted: row.int(5)? != 0,
                tokens: row
                    .maybe_count(6)?
                    .unwrap_or(0)
                    .saturating_add(row.maybe_count(7)?.unwrap_or(0)),
                latency_us: row.count(8)?,
            })
        };
        rows.iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(StoreError::Database)
    }
}

const LIST: &str = concat!(
    "SELECT ",
    plain_columns!(),
    ", ",
    later_columns!(),
    " FROM ledger WHERE at_us >= $1 AND at_us < $2 \
      AND ($3 IS NULL OR callee = $3) AND ($4 IS NULL OR principal = $4) AND ($5 IS NULL OR user_hash = $5) \
      AND ($6 IS NULL OR substr(outcome, 1, length($6)) = $6) \
      AND at_us <= $7 AND (at_us < $7 OR id < $8) \
      ORDER BY at_us DESC, id DESC LIMIT $9"
);

const ONE: &str = concat!(
    "SELECT ",
    plain_columns!(),
    ", prompt, reply, ",
    later_columns!(),
    " FROM ledger WHERE id = $1"
);

const ADMISSIONS: &str = "SELECT at_us, principal, user_hash, folded, callee, counted, tokens_input, tokens_output, \
    latency_us FROM ledger \
    WHERE at_us >= $1 AND (counted = 1 OR tokens_input IS NOT NULL OR tokens_output IS NOT NULL) ORDER BY at_us, id";
