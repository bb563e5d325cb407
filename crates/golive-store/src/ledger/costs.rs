//! P6: the questions about money: what was spent in a period, for the budgets, and what each request cost.
//!
//! Never: takes a cost that is not known for 0, or reads without a limit.

use golive_checklist::unit::NanoUsd;

use super::columns::cost_basis_of;
use super::{Cost, CostRow, Cursor, Spent, Tokens, UserHash};
use crate::backend::{Row, Value};
use crate::{Store, StoreError};

/// A request that ended in a period began at most this long before it: longer than any call may take.
const LONGEST_US: i64 = 86_400_000_000;
/// Rows of one page of costs.
const PAGE: i64 = 10_000;

impl Store {
    /// What was spent since `since_us`, by who spent it, in slices of `slice_us`; 0: all in one. A request counts at its
    /// end; one that was lost, or that is under way, `unknown_end_us` after its begin.
    pub async fn spent_since(
        &self,
        since_us: i64,
        slice_us: i64,
        unknown_end_us: i64,
    ) -> Result<Vec<Spent>, StoreError> {
        let slice = if slice_us <= 0 { i64::MAX } else { slice_us };
        let args = vec![
            since_us.saturating_sub(LONGEST_US).into(),
            since_us.into(),
            slice.into(),
            unknown_end_us.into(),
        ];
        let rows = self
            .backend()
            .query(SPENT, args)
            .await
            .map_err(StoreError::Database)?;
        let read = |row: &Row| {
            Ok(Spent {
                at_us: row.int(0)?,
                principal: row.text(1)?,
                user_hash: row.maybe_array(2)?.map(UserHash),
                callee: row.maybe_text(3)?,
                amount: NanoUsd(row.count(4)?),
            })
        };
        rows.iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(StoreError::Database)
    }

    /// What each request of a time cost that called an upstream, newest first: at most `most` of them.
    pub async fn costs(&self, since_us: i64, until_us: i64, most: usize) -> Result<Vec<CostRow>, StoreError> {
        let mut costs: Vec<CostRow> = Vec::new();
        let mut after: Option<Cursor> = None;
        while costs.len() < most {
            let page = PAGE.min(i64::try_from(most - costs.len()).unwrap_or(PAGE));
            let (after_us, after_id) = after.map_or((i64::MAX, Value::bytes(&[0xff; 16])), |cursor| {
                (cursor.at_us, Value::bytes(cursor.id.as_bytes()))
            });
            let args = vec![
                since_us.into(),
                until_us.into(),
                after_us.into(),
                after_id,
                page.into(),
            ];
            let rows = self
                .backend()
                .query(COSTS, args)
                .await
                .map_err(StoreError::Database)?;
            let full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= page;
            for row in &rows {
                costs.push(read_cost(row).map_err(StoreError::Database)?);
            }
            match rows.last() {
                Some(last) if full => {
                    after = Some(Cursor {
                        at_us: last.int(1).map_err(StoreError::Database)?,
                        id: uuid::Uuid::from_bytes(last.array(0).map_err(StoreError::Database)?),
                    });
                }
                _ => break,
            }
        }
        Ok(costs)
    }
}

fn read_cost(row: &Row) -> Result<CostRow, crate::backend::Failure> {
    Ok(CostRow {
        at_us: row.int(1)?,
        principal: row.text(2)?,
        callee: row.maybe_text(3)?,
        link: row.maybe_text(4)?,
        cost: Cost {
            nano_usd: row.maybe_count(5)?.map(NanoUsd),
            basis: cost_basis_of(row.maybe_text(6)?.as_deref()),
        },
        tokens: Tokens {
            input: row.maybe_count(7)?,
            cached_input: row.maybe_count(8)?,
            output: row.maybe_count(9)?,
            reasoning: row.maybe_count(10)?,
            cache_write: row.maybe_count(11)?,
        },
        attempts: u16::try_from(row.int(12)?).unwrap_or(u16::MAX),
    })
}

const SPENT: &str = "SELECT MAX(ended), principal, user_hash, callee, SUM(cost_nano) FROM ( \
        SELECT at_us + CASE WHEN outcome IN ('lost', 'open') THEN $4 ELSE latency_us END AS ended, \
            principal, user_hash, callee, cost_nano \
        FROM ledger WHERE at_us >= $1 AND cost_nano > 0 \
    ) AS costs WHERE ended >= $2 GROUP BY ended / $3, principal, user_hash, callee";

const COSTS: &str = "SELECT id, at_us, principal, callee, link, cost_nano, cost_basis, tokens_input, tokens_cached, \
        tokens_output, tokens_reasoning, tokens_cache_write, attempts FROM ledger \
    WHERE at_us >= $1 AND at_us < $2 AND at_us <= $3 AND (at_us < $3 OR id < $4) \
        AND (attempts > 0 OR cost_nano IS NOT NULL) AND outcome <> 'open' \
    ORDER BY at_us DESC, id DESC LIMIT $5";
