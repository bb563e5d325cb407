//! S7: new data keys: a new one seals at once, then every row is sealed anew, then the old ones are retired.
//!
//! Steps, each one transaction through the one writer:
//!
//! 1. **begin**: a new key for content and one for the spill file stand beside the old ones, and [`STATE`] says that
//!    this has begun;
//! 2. **reseal**, many times: a bounded batch of rows, together with the place reached;
//! 3. **retire**: the old keys may never seal again, and [`STATE`] goes.
//!
//! A process that dies between any two of them leaves a store in which every value opens and the newest key seals;
//! asked again, the rotation goes on where it stopped and makes no further key. Rows that callers had sealed under the
//! old key before the new one stood are found by another sweep. The spill file is not sealed anew: rows leave it
//! within seconds of the database's return, and only then can a rotation begin or go on. Kept answers are not sealed
//! anew either: each is gone within a day of its making, and the retired key opens it until then.
//!
//! Never: writes a row that was changed since it was read, holds the writer for longer than one small batch, or
//! retires a key while a value of the ledger stands under it.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reseal::{LOAD, RESEAL_HEAD, RESEAL_TAIL, Resealed};
use super::{Keyring, KeyringError, MARK, Purpose, SealError, data_keys};
use crate::backend::{Failure, Row, SET_META, Statement, Value};
use crate::writer::{NotDone, Work};
use crate::{Store, StoreError};

/// `meta` entry: a rotation that has begun and not ended.
pub(crate) const STATE: &str = "seal_rotation";
/// Rows of one batch, and bytes of their content: the writer is held for a few milliseconds, and a number of rows that
/// comes again stays prepared.
const BATCH_ROWS: i64 = 32;
const BATCH_BYTES: u64 = 128 * 1024;
/// Sweeps before it is given up: the second finds what was in flight when the first began, and there is no third
/// source of old values.
const SWEEPS: u32 = 8;

/// Why a change of keys did not happen, or did not end. What was done stands, and every value opens.
#[derive(Debug, thiserror::Error)]
pub enum SealChange {
    /// One at a time.
    #[error("another rotation is under way; `golive seal status` shows how far it is")]
    Busy,
    /// The new master key is the old one.
    #[error("the new master key is the one in use; nothing was changed")]
    SameMasterKey,
    /// Nobody knows whether the new wrappings were written.
    #[error(
        "the database failed while the master key was replaced, and cannot say which key it has now; keep both keys, and see with which one `golive seal status` works"
    )]
    Unknown,
    /// Rows wait in the spill file.
    #[error(
        "rows wait in the spill file, sealed under the old keys; run `golive seal rotate` again when the database takes rows"
    )]
    SpillWaits,
    /// Old values came faster than they could be sealed anew.
    #[error("{0} values still stand under an old key after {SWEEPS} sweeps; run `golive seal rotate` again")]
    StillOld(u64),
    /// The writer did not do it.
    #[error(transparent)]
    NotDone(#[from] NotDone),
    /// The database could not be read.
    #[error(
        "the store's database failed; what was sealed anew stays so, and the command goes on when it is run again"
    )]
    Database(#[from] Failure),
    /// A key could not be used.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The keys could not be read back.
    #[error("the store has no data key for `{0}`")]
    Missing(&'static str),
}

impl From<KeyringError> for SealChange {
    fn from(error: KeyringError) -> SealChange {
        match error {
            KeyringError::Seal(error) => error.into(),
            KeyringError::Database(failure) => failure.into(),
            KeyringError::Missing(purpose) => SealChange::Missing(purpose),
        }
    }
}

/// How far a rotation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// When it began, microseconds since the Unix epoch.
    pub since_us: i64,
    /// Rows that were sealed anew.
    pub rows: u64,
    /// Values that stood under an old key when this process began or went on with it.
    pub values_at_start: u64,
    /// Values that were sealed anew since then.
    pub values: u64,
}

/// What a rotation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    /// It had begun before, in this process or another one.
    pub resumed: bool,
    /// Rows that were sealed anew, also before an interruption.
    pub rows: u64,
    /// Keys that were retired.
    pub retired: u64,
    /// Values that no key opens: damaged, or forged. They were left as they are.
    pub unreadable: u64,
}

/// Keeps two changes of keys apart, and tells others how far one is.
#[derive(Debug, Default)]
pub(crate) struct Rotations {
    alone: Arc<tokio::sync::Mutex<()>>,
    progress: Mutex<Option<Progress>>,
}

impl Rotations {
    pub(super) fn alone(&self) -> Result<tokio::sync::OwnedMutexGuard<()>, SealChange> {
        Arc::clone(&self.alone)
            .try_lock_owned()
            .map_err(|_| SealChange::Busy)
    }

    pub(super) fn progress(&self) -> Option<Progress> {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, progress: Option<Progress>) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
}

/// Whether the requests of others come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// After each batch the writer is left alone for as long as the batch took.
    Gentle,
    /// Nobody else is there.
    Full,
}

/// What [`STATE`] holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) since_us: i64,
    pub(super) rows: u64,
    /// The last row that was looked at, as 32 hexadecimal digits.
    after: String,
}

impl Store {
    /// Makes new data keys and seals every row anew under them; or goes on with what was interrupted.
    ///
    /// # Errors
    /// Why it stopped. Nothing is lost by it: asked again, it goes on.
    pub async fn rotate_data_keys(&self, pace: Pace, now_us: i64) -> Result<Rotated, SealChange> {
        let rotations = &self.writer().shared().rotations;
        let _alone = rotations.alone()?;
        let rotated = self.rotate(pace, now_us).await;
        rotations.tell(None);
        rotated
    }

    /// How far the rotation is that runs in this process.
    pub fn rotation(&self) -> Option<Progress> {
        self.writer().shared().rotations.progress()
    }

    /// Whether a rotation has begun, here or in a process that died, and not ended.
    pub async fn rotation_unfinished(&self) -> Result<bool, StoreError> {
        Ok(self.rotation_state().await?.is_some())
    }

    pub(super) async fn rotation_state(&self) -> Result<Option<State>, Failure> {
        let rows = self.backend().query(READ_META, vec![Value::text(STATE)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        // A state that cannot be read costs a sweep from the beginning, and no more.
        Ok(Some(serde_json::from_str(&row.text(0)?).unwrap_or_default()))
    }

    async fn rotate(&self, pace: Pace, now_us: i64) -> Result<Rotated, SealChange> {
        let (mut state, resumed) = match self.rotation_state().await? {
            Some(state) => (state, true),
            None => (self.begin(now_us).await?, false),
        };
        self.take_up_keys().await?;
        self.spill_is_empty()?;
        let keyring = self.keyring();
        let mut progress = Progress {
            since_us: state.since_us,
            rows: state.rows,
            values_at_start: self.old_values(&keyring).await?,
            values: 0,
        };
        let mut sweeps = 0;
        let unreadable = loop {
            let unreadable = self.sweep(&keyring, &mut state, &mut progress, pace).await?
                + self.sweep_tickets(&keyring, &mut progress, pace).await?;
            let old = self.old_values(&keyring).await?;
            if old <= unreadable {
                break old;
            }
            sweeps += 1;
            if sweeps == SWEEPS {
                return Err(SealChange::StillOld(old));
            }
            state.after.clear();
        };
        self.spill_is_empty()?;
        let retired = self.retire(&keyring, now_us).await?;
        self.take_up_keys().await?;
        Ok(Rotated {
            resumed,
            rows: state.rows,
            retired,
            unreadable,
        })
    }

    async fn begin(&self, now_us: i64) -> Result<State, SealChange> {
        let newest = self.backend().query(NEWEST_KEY, vec![]).await?;
        let newest = newest.first().map_or(Ok(0), |row| row.count(0))?;
        let first = u32::try_from(newest + 1).map_err(|_| SealError::Library)?;
        let master = self.writer().shared().master().duplicate();
        let state = State {
            since_us: now_us,
            ..State::default()
        };
        let mut work = Work::rows(data_keys::INSERT, "");
        for (id, purpose) in (first..).zip([Purpose::Content, Purpose::Spill]) {
            work.rows.push(data_keys::fresh(id, purpose, &master, now_us)?);
        }
        work.statements.push(state.statement());
        self.writer().work(work).await?;
        Ok(state)
    }

    fn spill_is_empty(&self) -> Result<(), SealChange> {
        match self.writer().shared().spill_used.load(Relaxed) {
            0 => Ok(()),
            _ => Err(SealChange::SpillWaits),
        }
    }

    /// From now on the newest keys seal.
    async fn take_up_keys(&self) -> Result<(), SealChange> {
        let shared = self.writer().shared();
        let master = shared.master().duplicate();
        let keyring = Keyring::load(self.backend(), &master, &shared.uses).await?;
        shared
            .keyring
            .store(Arc::new(keyring.ok_or(SealChange::Missing("content"))?));
        Ok(())
    }

    /// Looks at every row from the place reached; gives how many values cannot be opened.
    async fn sweep(
        &self,
        keyring: &Keyring,
        state: &mut State,
        progress: &mut Progress,
        pace: Pace,
    ) -> Result<u64, SealChange> {
        let mut unreadable = 0;
        loop {
            self.writer().shared().rotations.tell(Some(*progress));
            let after = state.place();
            let args = vec![Value::bytes(&after), BATCH_ROWS.into()];
            let page = self.backend().query(SIZES, args).await?;
            let Some(last) = end_of_batch(&page)? else {
                return Ok(unreadable);
            };
            state.reach(&last);
            let args = vec![Value::bytes(&after), Value::bytes(&last)];
            let mut work = Work::rows(RESEAL_HEAD, RESEAL_TAIL);
            for row in self.backend().query(LOAD, args).await? {
                let resealed = Resealed::of(&row, keyring)?;
                unreadable += resealed.unreadable;
                if resealed.values > 0 {
                    progress.values += resealed.values;
                    work.rows.push(resealed.columns);
                }
            }
            if work.rows.is_empty() {
                continue; // the place is kept with the next batch; looking again costs little
            }
            state.rows += work.rows.len() as u64;
            progress.rows = state.rows;
            work.statements.push(state.statement());
            let took = self.writer().work(work).await?.took;
            if pace == Pace::Gentle {
                tokio::time::sleep(took.min(Duration::from_secs(1))).await;
            }
        }
    }

    async fn retire(&self, keyring: &Keyring, now_us: i64) -> Result<u64, SealChange> {
        let mut work = Work::default();
        for purpose in [Purpose::Content, Purpose::Spill] {
            let newest = keyring.sealing(purpose).unwrap_or(0);
            work.statements.push(Statement::new(
                RETIRE,
                vec![
                    now_us.into(),
                    Value::text(purpose.as_str()),
                    i64::from(newest).into(),
                ],
            ));
        }
        work.statements
            .push(Statement::new(FORGET, vec![Value::text(STATE)]));
        let done = self.writer().work(work).await?;
        Ok(done.changed.iter().take(2).sum())
    }

    /// Values that stand under another key than the newest, or in clear where they should be sealed.
    async fn old_values(&self, keyring: &Keyring) -> Result<u64, SealChange> {
        let newest = keyring.sealing(Purpose::Content).unwrap_or(0);
        let args = vec![
            Value::bytes(&newest.to_be_bytes()),
            Value::text(&format!("{MARK}01{newest:08x}")),
        ];
        let rows = self.backend().query(OLD, args).await?;
        let of_the_ledger = rows.first().map_or(Ok(0), |row| row.count(0))?;
        Ok(of_the_ledger + self.old_ticket_values(keyring).await?)
    }
}

impl State {
    fn statement(&self) -> Statement<'static> {
        let text = serde_json::json!({ "since_us": self.since_us, "rows": self.rows, "after": self.after });
        Statement::new(SET_META, vec![Value::text(STATE), Value::text(&text.to_string())])
    }

    fn place(&self) -> Vec<u8> {
        u128::from_str_radix(&self.after, 16).map_or_else(|_| Vec::new(), |id| id.to_be_bytes().into())
    }

    fn reach(&mut self, id: &[u8; 16]) {
        self.after = format!("{:032x}", u128::from_be_bytes(*id));
    }
}

/// The last row of the next batch; `None` when no row is left. The first is taken however large it is.
fn end_of_batch(page: &[Row]) -> Result<Option<[u8; 16]>, Failure> {
    let (mut end, mut bytes) = (None, 0);
    for row in page {
        bytes += row.count(1)?;
        if end.is_some() && bytes > BATCH_BYTES {
            break;
        }
        end = Some(row.array(0)?);
    }
    Ok(end)
}

const READ_META: &str = "SELECT value FROM meta WHERE key = $1";
const FORGET: &str = "DELETE FROM meta WHERE key = $1";
const NEWEST_KEY: &str = "SELECT max(id) FROM data_keys";
const RETIRE: &str =
    "UPDATE data_keys SET retired_us = $1 WHERE purpose = $2 AND id < $3 AND retired_us IS NULL";
const SIZES: &str = "SELECT id, content_bytes FROM ledger WHERE id > $1 ORDER BY id LIMIT $2";
/// The key id stands in bytes 2 to 5 of a sealed value, and in the digits 3 to 10 of a sealed text.
const OLD: &str = "SELECT (SELECT count(*) FROM ledger WHERE content_bytes > 0 AND substr(prompt, 2, 4) <> $1) \
    + (SELECT count(*) FROM ledger WHERE content_bytes > 0 AND substr(reply, 2, 4) <> $1) \
    + (SELECT count(*) FROM ledger WHERE client_request_id IS NOT NULL AND substr(client_request_id, 1, 11) <> $2)";
