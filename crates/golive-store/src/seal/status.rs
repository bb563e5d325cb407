//! S7: what stands under which key: what `golive seal status` prints.
//!
//! Never: opens a value, or says of a key more than its number.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;

use super::rotate::Progress;
use super::uses::BOUND;
use super::{MARK, Purpose};
use crate::backend::{Failure, FailureKind, Row};
use crate::{Store, StoreError};

/// How the store is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealStatus {
    /// Tells the master key from another one: 16 hexadecimal digits, which say nothing about the key.
    pub master: String,
    /// All data keys, oldest first.
    pub keys: Vec<KeyStatus>,
    /// Values in clear that a later version seals: `golive seal rotate` seals them.
    pub clear: u64,
    /// Values that name a key this store does not have.
    pub orphaned: u64,
    /// Rows that wait for the database.
    pub spill: SpillStatus,
    /// A rotation that has begun and not ended.
    pub rotation: Option<RotationStatus>,
}

/// One data key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyStatus {
    /// Its number.
    pub id: u64,
    /// What it is for: `content`, `spill` or `user_hash`.
    pub purpose: String,
    /// `seals`, `opens` (older, and its values are not all sealed anew), `retired` (it opens what may still turn up),
    /// or `hashes`.
    pub state: &'static str,
    /// Microseconds since the Unix epoch.
    pub created_at_us: i64,
    /// Since then it may never seal again.
    pub retired_at_us: Option<i64>,
    /// Values of the ledger, of tickets and of conversations that stand under it; `None` where there is nothing to count.
    pub values: Option<u64>,
    /// Values it has sealed; after a kill too many by up to 65,536, never too few but for an outage of the database
    /// that ended with one.
    pub sealed: Option<u64>,
    /// Values it may still seal (of 2^32, NIST SP 800-38D).
    pub left: Option<u64>,
}

/// The spill file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SpillStatus {
    /// Bytes of records that wait, all of them sealed under a key of `spill`.
    pub used: u64,
    /// Bytes it can hold.
    pub size: u64,
}

/// A rotation that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RotationStatus {
    /// When, microseconds since the Unix epoch.
    pub since_us: i64,
    /// Rows it has sealed anew.
    pub rows: u64,
    /// How far it is, if it runs at this moment; else `golive seal rotate` goes on with it.
    pub running: Option<Progress>,
}

impl Store {
    /// Counts what stands under each key. Reads the whole ledger.
    pub async fn seal_status(&self) -> Result<SealStatus, StoreError> {
        let shared = self.writer().shared();
        let mut counted = self.backend().query(COUNT, vec![]).await?;
        counted.extend(self.backend().query(super::reseal_tickets::COUNT, vec![]).await?);
        let mut by_key: BTreeMap<u64, u64> = BTreeMap::new();
        let mut clear = 0;
        for row in &counted {
            match key_of(row)? {
                Some(id) => *by_key.entry(id).or_default() += row.count(2)?,
                None => clear += row.count(2)?,
            }
        }
        let keys = self.backend().query(KEYS, vec![]).await?;
        let newest = |purpose: &str| -> Result<i64, Failure> {
            let mut newest = 0;
            for row in &keys {
                if row.text(1)? == purpose {
                    newest = row.int(0)?;
                }
            }
            Ok(newest)
        };
        let mut list = Vec::with_capacity(keys.len());
        for row in &keys {
            let (id, purpose, retired_at_us) = (row.count(0)?, row.text(1)?, row.maybe_int(3)?);
            let hashes = purpose == Purpose::UserHash.as_str();
            let sealed = shared.uses.of(u32::try_from(id).unwrap_or(u32::MAX)).count();
            let counted =
                (purpose == Purpose::Content.as_str()).then(|| by_key.remove(&id).unwrap_or_default());
            list.push(KeyStatus {
                id,
                state: match retired_at_us {
                    _ if hashes => "hashes",
                    Some(_) => "retired",
                    None if row.int(0)? == newest(&purpose)? => "seals",
                    None => "opens",
                },
                purpose,
                created_at_us: row.int(2)?,
                retired_at_us,
                values: counted,
                sealed: (!hashes).then_some(sealed),
                left: (!hashes).then(|| BOUND.saturating_sub(sealed)),
            });
        }
        let rotation = self.rotation_state().await?.map(|state| RotationStatus {
            since_us: state.since_us,
            rows: state.rows,
            running: self.rotation(),
        });
        let fingerprint = shared.master().fingerprint();
        Ok(SealStatus {
            master: fingerprint.map_err(|error| Failure::new(FailureKind::Other, error.to_string()))?,
            keys: list,
            clear,
            orphaned: by_key.values().sum(),
            spill: SpillStatus {
                used: shared.spill_used.load(Relaxed),
                size: shared.spill_size.load(Relaxed),
            },
            rotation,
        })
    }

    /// Values that the key of content, and the one of the spill file, may still seal: the smaller of the two.
    pub fn seals_left(&self) -> u64 {
        self.keyring().seals_left()
    }
}

/// The key that the first columns of a row of [`COUNT`] name; `None`: in clear.
fn key_of(row: &Row) -> Result<Option<u64>, Failure> {
    if let Some(id) = row.maybe_array::<4>(0)? {
        return Ok(Some(u32::from_be_bytes(id).into()));
    }
    let digits = row.maybe_text(1)?.unwrap_or_default();
    let digits = digits.strip_prefix(MARK).and_then(|digits| digits.get(2..));
    Ok(digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()))
}

const KEYS: &str = "SELECT id, purpose, created_us, retired_us FROM data_keys ORDER BY id";
const COUNT: &str = "SELECT substr(prompt, 2, 4) AS k, NULL, count(*) FROM ledger \
      WHERE content_bytes > 0 AND prompt IS NOT NULL GROUP BY 1 \
    UNION ALL SELECT substr(reply, 2, 4) AS k, NULL, count(*) FROM ledger \
      WHERE content_bytes > 0 AND reply IS NOT NULL GROUP BY 1 \
    UNION ALL SELECT NULL, k, count(*) FROM (SELECT CASE WHEN substr(client_request_id, 1, 1) = '§' \
      THEN substr(client_request_id, 1, 11) ELSE '' END AS k FROM ledger WHERE client_request_id IS NOT NULL) AS texts \
      GROUP BY 2";
