//! M1: what the store can say about itself without touching the disk for longer than a `statvfs`.
//!
//! Never: names a row, a principal or a secret.

use serde::Serialize;

/// How the store is, at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoreHealth {
    /// Whether the last write reached the database.
    pub database: DatabaseHealth,
    /// Bytes of the spill file that hold rows not yet in the database.
    pub spill_used: u64,
    /// Bytes the spill file can hold.
    pub spill_size: u64,
    /// True when a new request could not be recorded any more.
    pub full: bool,
    /// Free bytes on the file system of the store; `None` if it cannot be asked.
    pub disk_free: Option<u64>,
    /// Rows waiting for the writer.
    pub queue_len: usize,
    /// Final rows that were answered without a record since the start (only with `when_full = Unrecorded`).
    pub unrecorded: u64,
    /// Open rows that found the queue full since the start: had the process died, they would be missing.
    pub dropped_opens: u64,
    /// Records of the spill file that someone had changed; they were left out.
    pub forged: u64,
}

/// Whether the database takes rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum DatabaseHealth {
    /// The last write was committed.
    Up,
    /// Writes fail; rows go to the spill file.
    Down {
        /// Since when, in microseconds since the Unix epoch.
        since_us: i64,
        /// What the database said.
        error: String,
    },
}
