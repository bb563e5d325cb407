//! M2: the one writer.
use crate::{LedgerRow, OpenRow};

/// How a final row was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// In the database.
    Stored,
    /// In the spill file; it reaches the database when that works again.
    Spilled,
    /// Nowhere: both are full, and the configuration says to go on (`when_full = Unrecorded`).
    Unrecorded,
}

/// Why a final row could not be kept, or a request should not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitRefused {
    /// The database fails and the spill file has no room.
    #[error(
        "the ledger cannot take rows: the database fails and the spill file is full ({used} of {size} bytes)"
    )]
    Full {
        /// Bytes used.
        used: u64,
        /// Bytes in all.
        size: u64,
    },
    /// The writer's queue stayed full for the time a caller waits.
    #[error("the ledger's queue is full; try again in a second")]
    Busy,
    /// The store was closed.
    #[error("the ledger is closed")]
    Closed,
}

/// The way to the writer task. Cheap to clone.
#[derive(Clone)]
pub struct Writer {}

impl Writer {
    /// Hands over an open row. Never waits and never fails; dropped (and counted) if the queue is full.
    pub fn open(&self, _row: OpenRow) {
        todo!()
    }
    /// Hands over a final row and resolves once it is kept.
    pub async fn commit(&self, _row: LedgerRow) -> Result<Committed, CommitRefused> {
        todo!()
    }
    /// Whether a new request could be recorded. Cheap: reads two atomics.
    pub fn can_record(&self) -> Result<(), CommitRefused> {
        todo!()
    }
}
