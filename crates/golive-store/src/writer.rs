//! M2 S5: the way of a row to the one writer task: a bounded queue in, an answer back.
//!
//! Sealing is done here, in the caller's task; the writer only groups and writes. There is no lock
//! between callers.
//!
//! Never: blocks a thread, keeps a caller waiting longer than [`QUEUE_WAIT`] and [`ANSWER_WAIT`], or
//! says `Stored` before the commit.

mod batch;
mod fold;
mod opens;
mod outage;
mod task;
mod work;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::Value;
use crate::ledger::{self, REFUSED};
use crate::seal::uses::Uses;
use crate::seal::{Keyring, MasterKey, Rotations};
use crate::{DatabaseHealth, LedgerRow, OpenRow, WhenFull};

pub(crate) use task::{DRAINED, Task};
pub use work::NotDone;
pub(crate) use work::Work;

/// Rows that may wait for the writer: about 0.2 s of the slowest disk that still keeps up.
const QUEUE: usize = 8192;
/// How long a caller waits for a place in a full queue.
const QUEUE_WAIT: Duration = Duration::from_secs(2);
/// How long a caller waits for the answer: the writer gives a hanging database up after 5 s, and
/// then has the spill file to write.
const ANSWER_WAIT: Duration = Duration::from_secs(15);
/// Room of the spill file that is kept for requests already under way: below it no new one begins.
const RESERVE: u64 = 1 << 20;

/// How a final row was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// In the database.
    Stored,
    /// In the spill file; it reaches the database when that works again. (When the file has too
    /// little room left, without its prompt and reply.)
    Spilled,
    /// Nowhere: both are full, and the configuration says to go on (`when_full = Unrecorded`).
    Unrecorded,
}

/// Why a final row could not be kept, or a request should not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitRefused {
    /// The database fails and the spill file has no room.
    #[error(
        "the ledger cannot take rows: its database fails and its spill file is full ({used} of {size} bytes); make room on the disk"
    )]
    Full {
        /// Bytes used.
        used: u64,
        /// Bytes in all.
        size: u64,
    },
    /// Neither the database nor the spill file could be written.
    #[error("the ledger cannot take rows: its database and its spill file both fail; look at the disk")]
    Unwritable,
    /// The writer's queue stayed full, or its disk gave no answer, for as long as a caller waits.
    /// (In the second case the row may still be kept later.)
    #[error("the ledger is too slow to take this row; try again in a second")]
    Busy,
    /// The store was closed.
    #[error("the ledger is closed")]
    Closed,
}

/// The way to the writer task. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Message>,
    shared: Arc<Shared>,
    /// Waits for a place in a full queue. Bounded by the requests in flight.
    late: TaskTracker,
}

impl Writer {
    /// The handle, and the other end of its queue.
    pub(crate) fn new(shared: Arc<Shared>) -> (Writer, mpsc::Receiver<Message>) {
        let (queue, inbox) = mpsc::channel(QUEUE);
        (
            Writer {
                queue,
                shared,
                late: TaskTracker::new(),
            },
            inbox,
        )
    }

    /// Hands over an open row. Never waits and never fails. If the queue is full the row is dropped
    /// and counted: then a request that dies with the process leaves no `lost` row.
    pub fn open(&self, row: OpenRow) {
        self.hand_over_open(row, false);
    }

    /// Hands over an open row that may be held for 20 ms: most requests of a fast upstream end before, and then one row
    /// is written instead of two. For requests that have reserved nothing: of one that a kill meets within its first
    /// 20 ms, no `lost` row remains. Never waits and never fails, as [`Writer::open`].
    pub fn open_soon(&self, row: OpenRow) {
        self.hand_over_open(row, true);
    }

    fn hand_over_open(&self, row: OpenRow, may_be_held: bool) {
        let values = ledger::encode_open(&row, self.shared.run);
        if self
            .queue
            .try_send(Message::Open {
                id: row.id.as_u128(),
                values,
                may_be_held,
            })
            .is_err()
        {
            self.shared.dropped_opens.fetch_add(1, Relaxed);
        }
    }

    /// Hands over a final row and resolves once it is kept. A second row of the same id is ignored.
    /// A caller that stops waiting (a dropped future) after the row was queued does not lose it.
    pub async fn commit(&self, row: LedgerRow) -> Result<Committed, CommitRefused> {
        let (answer, told) = oneshot::channel();
        let message = if row.outcome.starts_with(REFUSED) {
            Message::Refusal {
                row: Box::new(row),
                answer,
            }
        } else {
            Message::Final {
                id: row.id.as_u128(),
                values: self.shared.encode(&row),
                answer,
            }
        };
        let committed = match self.enqueue(message).await {
            Ok(()) => match tokio::time::timeout(ANSWER_WAIT, told).await {
                Ok(told) => told.unwrap_or(Err(CommitRefused::Closed)),
                Err(_) => Err(CommitRefused::Busy),
            },
            Err(refused) => Err(refused),
        };
        match committed {
            Err(CommitRefused::Full { .. } | CommitRefused::Unwritable | CommitRefused::Busy)
                if self.shared.when_full == WhenFull::Unrecorded =>
            {
                self.shared.unrecorded.fetch_add(1, Relaxed);
                Ok(Committed::Unrecorded)
            }
            committed => committed,
        }
    }

    /// Whether a new request could be recorded. Cheap: reads a few atomics. Ask before a request
    /// begins to cost something; those under way have room kept for them.
    pub fn can_record(&self) -> Result<(), CommitRefused> {
        if self.queue.is_closed() {
            return Err(CommitRefused::Closed);
        }
        if self.shared.when_full == WhenFull::Unrecorded {
            return Ok(());
        }
        if self.queue.capacity() == 0 {
            return Err(CommitRefused::Busy);
        }
        if self.shared.is_full() {
            return Err(self.shared.full());
        }
        Ok(())
    }

    /// Notes that a key was used, if there is room to note it.
    pub(crate) fn touch(&self, key: &str, at_us: i64) {
        let _ = self.queue.try_send(Message::Touch {
            key: key.to_owned(),
            at_us,
        });
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Rows in the queue.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    async fn enqueue(&self, message: Message) -> Result<(), CommitRefused> {
        let message = match self.queue.try_send(message) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(CommitRefused::Closed),
            Err(mpsc::error::TrySendError::Full(message)) => message,
        };
        // The wait is a task of its own: a caller that goes away meanwhile must not take the row along.
        let queue = self.queue.clone();
        let waiting = self.late.spawn(async move {
            match tokio::time::timeout(QUEUE_WAIT, queue.reserve()).await {
                Ok(Ok(place)) => {
                    place.send(message);
                    Ok(())
                }
                Ok(Err(_)) => Err(CommitRefused::Closed),
                Err(_) => Err(CommitRefused::Busy),
            }
        });
        waiting.await.unwrap_or(Err(CommitRefused::Closed))
    }
}

/// What callers hand to the writer.
pub(crate) enum Message {
    Open {
        id: u128,
        values: Vec<Value>,
        may_be_held: bool,
    },
    Final {
        id: u128,
        values: Vec<Value>,
        answer: batch::Answer,
    },
    Refusal {
        row: Box<LedgerRow>,
        answer: batch::Answer,
    },
    Touch {
        key: String,
        at_us: i64,
    },
    Work {
        work: Work,
        answer: work::Answer,
    },
}

/// What callers, writer and health share: constants and counters, no lock on a row's way.
pub(crate) struct Shared {
    /// Replaced whole when a key was added or retired.
    pub(crate) keyring: ArcSwap<Keyring>,
    /// Asked only when keys change; never on a row's way.
    pub(crate) master: Mutex<MasterKey>,
    pub(crate) uses: Uses,
    pub(crate) rotations: Rotations,
    /// Tells this process's rows from those of a dead one.
    pub(crate) run: i64,
    pub(crate) when_full: WhenFull,
    pub(crate) stop: CancellationToken,
    pub(crate) unrecorded: AtomicU64,
    pub(crate) dropped_opens: AtomicU64,
    pub(crate) forged: AtomicU64,
    pub(crate) spill_used: AtomicU64,
    pub(crate) spill_size: AtomicU64,
    spill_broken: AtomicBool,
    down: AtomicBool,
    /// Written by the writer when it changes, read by health.
    database: Mutex<DatabaseHealth>,
}

impl Shared {
    pub(crate) fn new(
        keyring: Keyring,
        master: MasterKey,
        uses: Uses,
        run: i64,
        when_full: WhenFull,
    ) -> Shared {
        Shared {
            keyring: ArcSwap::from_pointee(keyring),
            master: Mutex::new(master),
            uses,
            rotations: Rotations::default(),
            run,
            when_full,
            stop: CancellationToken::new(),
            unrecorded: AtomicU64::new(0),
            dropped_opens: AtomicU64::new(0),
            forged: AtomicU64::new(0),
            spill_used: AtomicU64::new(0),
            spill_size: AtomicU64::new(0),
            spill_broken: AtomicBool::new(false),
            down: AtomicBool::new(false),
            database: Mutex::new(DatabaseHealth::Up),
        }
    }

    pub(crate) fn master(&self) -> std::sync::MutexGuard<'_, MasterKey> {
        self.master.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn database(&self) -> DatabaseHealth {
        self.database
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether a new request could not be kept: the database is out, and the spill file broken or
    /// down to its reserve.
    pub(crate) fn is_full(&self) -> bool {
        self.down.load(Relaxed) && (self.spill_broken.load(Relaxed) || self.spill_free() < self.reserve())
    }

    fn set_database(&self, health: DatabaseHealth) {
        self.down.store(health != DatabaseHealth::Up, Relaxed);
        *self.database.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }

    fn full(&self) -> CommitRefused {
        CommitRefused::Full {
            used: self.spill_used.load(Relaxed),
            size: self.spill_size.load(Relaxed),
        }
    }

    fn spill_free(&self) -> u64 {
        self.spill_size
            .load(Relaxed)
            .saturating_sub(self.spill_used.load(Relaxed))
    }

    fn reserve(&self) -> u64 {
        RESERVE.min(self.spill_size.load(Relaxed) / 8)
    }

    /// A row whose content cannot be sealed is kept without it: the account must stand.
    fn encode(&self, row: &LedgerRow) -> Vec<Value> {
        ledger::encode(row, &self.keyring.load(), self.run).unwrap_or_else(|error| {
            tracing::error!(request_id = %row.id, %error, "prompt, reply and the caller's own id were not kept: they could not be sealed");
            ledger::encode_bare(row, self.run)
        })
    }
}
