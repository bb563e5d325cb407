//! The store.
use crate::*;
use std::path::PathBuf;
use std::time::Duration;

/// How the store is to be opened.
#[derive(Debug)]
pub struct StoreOptions {
    /// The SQLite file. Beside it stand `PATH.lock` and `PATH.spill`.
    pub path: PathBuf,
    /// What a committed row survives.
    pub durability: Durability,
    /// Wraps the data keys.
    pub master_key: MasterKey,
    /// Bytes of the spill file, reserved on disk at once.
    pub spill_size: u64,
    /// What happens when database and spill are full.
    pub when_full: WhenFull,
}

/// What a committed row survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The death of the process (`synchronous = NORMAL`).
    #[default]
    Process,
    /// The loss of power (`synchronous = FULL`, the spill synced per batch).
    Power,
}

/// What happens when neither database nor spill can take a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// Requests are refused.
    #[default]
    Refuse,
    /// Requests go on without a record; [`StoreHealth::unrecorded`] counts them.
    Unrecorded,
}

/// A store that stands, and what had to be mended.
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Requests that were open when the last process died; now settled as `lost`.
    pub lost: u64,
    /// Rows that came from the spill file into the database.
    pub drained: u64,
}

/// The open store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    writer: Writer,
}

/// Why the store cannot be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Unknown.
    #[error("unknown")]
    Unknown,
}

/// What ages out, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Prompts and replies are emptied after this time.
    pub content: Duration,
    /// Rows are deleted after this time.
    pub ledger: Duration,
}

/// What a retention run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Rows whose prompt and reply were emptied.
    pub content_cleared: u64,
    /// Rows that were deleted.
    pub rows_deleted: u64,
}

/// The wall clock, microseconds since the Unix epoch. For drivers.
pub fn now_us() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_micros() as i64)
}

impl Store {
    /// Opens the store: lock, master key, migrations, spill, leftovers.
    pub async fn open(_options: StoreOptions) -> Result<Opened, StoreError> {
        todo!()
    }
    /// The way to the writer.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }
    /// The keyed hash under which the ledger knows a user of a principal.
    pub fn user_hash(&self, _principal: &str, _user: &str) -> UserHash {
        todo!()
    }
    /// Makes a key; the text is given once.
    pub async fn create_key(
        &self,
        _key: NewKey,
        _now_us: i64,
    ) -> Result<(KeyRecord, SecretString), KeyError> {
        todo!()
    }
    /// All keys, oldest first, revoked ones included.
    pub async fn list_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        todo!()
    }
    /// Revokes by id or by name; a key revoked before keeps its first time.
    pub async fn revoke_key(&self, _id_or_name: &str, _now_us: i64) -> Result<KeyRecord, KeyError> {
        todo!()
    }
    /// Notes that a key was used; written in batches.
    pub fn touch_key(&self, _id: &str, _at_us: i64) {
        todo!()
    }
    /// Registers what the configuration says an agent or model is.
    pub async fn register_release(
        &self,
        _callee: &str,
        _digest: &str,
        _definition: &str,
        _now_us: i64,
    ) -> Result<Release, StoreError> {
        todo!()
    }
    /// The releases of an agent or model, oldest first.
    pub async fn releases(&self, _callee: &str) -> Result<Vec<Release>, StoreError> {
        todo!()
    }
    /// Rows of the ledger, newest first, without prompts and replies.
    pub async fn ledger(&self, _filter: &LedgerFilter) -> Result<Vec<LedgerRow>, StoreError> {
        todo!()
    }
    /// One row; with its prompt and reply unsealed if asked.
    pub async fn ledger_row(&self, _id: Uuid, _with_content: bool) -> Result<Option<LedgerRow>, StoreError> {
        todo!()
    }
    /// What the request windows must be told after a restart, oldest first.
    pub async fn admissions_since(&self, _at_us: i64) -> Result<Vec<Admission>, StoreError> {
        todo!()
    }
    /// Empties old content and deletes old rows, in small batches.
    pub async fn retain(&self, _retention: Retention, _now_us: i64) -> Result<Retained, StoreError> {
        todo!()
    }
    /// How the store is. Does not wait for the database.
    pub fn health(&self) -> StoreHealth {
        todo!()
    }
    /// Writes what is queued, then lets the lock go. Later commits are refused as closed.
    pub async fn close(&self) {
        todo!()
    }
}
