//! M2 M1: the one writer: takes what waits, writes it as one multi-row insert, answers; when the
//! database fails, appends to the spill file instead and drains it, in order, as soon as the
//! database is back. A driver: it reads the clock and decides nothing that `outage`, `fold` and
//! `batch` do not say.
//!
//! Never: lets a row overtake the spill file, or answers before a row is kept.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::batch::Batch;
use super::fold::Folder;
use super::opens::Opens;
use super::outage::Outage;
use super::work::{Done, NotDone, Work};
use super::{CommitRefused, Committed, Message, Shared};
use crate::backend::{Backend, Failure, FailureKind, SET_META, Statement, Value, good_length};
use crate::keys::touch_statement;
use crate::ledger::{self, INSERT_HEAD, INSERT_TAIL};
use crate::spill::{Chunk, Spill};
use crate::store::now_us;

/// Rows of one commit: past this the cost per row no longer falls.
const MAX_ROWS: usize = 512;
/// Looks for more rows before a commit, so that the first one cannot wait for ever behind a busy runtime.
const GATHER_LOOKS: usize = 8;
/// Bytes of one commit, so that large prompts do not make everyone wait for one transaction.
const MAX_BYTES: usize = 4 << 20;
/// Chunks drained between two looks at the queue: more than one, so that the spill file empties
/// even while new rows come as fast as they can be written.
const DRAIN_STEPS: usize = 4;
/// A database that takes longer is out: its disk hangs. (The row may still arrive; it counts once.)
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the use of keys is written.
const TOUCH_EVERY: Duration = Duration::from_secs(10);
/// Keys whose use is remembered between two writings.
const MAX_TOUCHED: usize = 10_000;
/// An idle writer asks the database whether it is there: health must not be news of yesterday.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// Ids of open rows that are remembered, so that their refusals are not folded away.
const MAX_OPEN: usize = 100_000;

/// `meta` entry: up to where the spill file is in the database.
pub(crate) const DRAINED: &str = "spill_drained";

const SETTLE: &str = "UPDATE ledger SET outcome = 'lost' WHERE outcome = 'open' AND run <> $1";
const ASK_WRITE: &str = "UPDATE meta SET value = value WHERE key = 'schema_version'";
const ASK_READ: &str = "SELECT value FROM meta WHERE key = 'schema_version'";

pub(crate) struct Task {
    backend: Arc<dyn Backend>,
    shared: Arc<Shared>,
    /// Only this task uses it; the lock is for the blocking thread that writes it.
    spill: Arc<Mutex<Spill>>,
    folder: Folder,
    outage: Outage,
    open: HashSet<u128>,
    /// Open rows that are not written yet.
    held: Opens,
    touched: HashMap<String, i64>,
    touch_due: Option<Instant>,
    /// Open rows of dead processes still have to be settled.
    settle: bool,
    drained: u64,
    lost: u64,
    /// Keeps other processes out; goes with the task.
    _lock: Option<File>,
}

impl Task {
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        shared: Arc<Shared>,
        spill: Spill,
        lock: Option<File>,
    ) -> Task {
        let task = Task {
            backend,
            shared,
            spill: Arc::new(Mutex::new(spill)),
            folder: Folder::default(),
            outage: Outage::default(),
            open: HashSet::new(),
            held: Opens::default(),
            touched: HashMap::new(),
            touch_due: None,
            settle: true,
            drained: 0,
            lost: 0,
            _lock: lock,
        };
        task.publish();
        task
    }

    /// What a start has to mend: drains the spill file and settles leftovers. Gives drained and lost.
    /// If the database does not take it now (a full disk), the writer begins in that state, and goes on.
    pub(crate) async fn mend(&mut self) -> (u64, u64) {
        while self.settle && !self.outage.is_down() {
            self.recover().await;
        }
        (self.drained, self.lost)
    }

    /// Runs until the store is closed or all its handles are gone.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        let stop = self.shared.stop.clone();
        let mut messages = Vec::with_capacity(MAX_ROWS);
        let mut last_work = clock();
        loop {
            let wake = self.next_wake(last_work);
            tokio::select! {
                biased;
                count = inbox.recv_many(&mut messages, MAX_ROWS) => {
                    if count == 0 {
                        break;
                    }
                    last_work = clock();
                    gather(&mut inbox, &mut messages).await;
                    self.take(&mut messages).await;
                }
                () = stop.cancelled(), if !inbox.is_closed() => inbox.close(),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            let now = clock();
            let due = self.held.due(now);
            self.write_opens(due).await;
            for _ in 0..DRAIN_STEPS {
                if self.outage.again().is_none_or(|at| at > clock()) {
                    break;
                }
                self.recover().await;
            }
            if self.touch_due.is_some_and(|at| at <= now) {
                self.write_touches().await;
            }
            if !self.outage.is_down() && now.duration_since(last_work) >= PROBE_EVERY {
                last_work = now;
                let asked = tokio::time::timeout(WRITE_TIMEOUT, self.backend.query(ASK_READ, vec![])).await;
                if let Err(failure) = asked.unwrap_or_else(|_| Err(silent())) {
                    self.database_failed(&failure);
                }
            }
        }
        let left = self.held.all();
        self.write_opens(left).await;
        self.write_touches().await;
        let marks = self.shared.uses.exact();
        if !marks.is_empty() && !self.outage.is_down() {
            let work: Vec<_> = marks.statements().collect();
            if let Err(failure) = self.transact(&work).await {
                tracing::warn!(error = %failure, "how often the data keys have sealed was not written down exactly");
            }
        }
        self.backend.close().await;
    }

    fn next_wake(&self, last_work: Instant) -> Instant {
        let probe = last_work + PROBE_EVERY;
        let probe = if self.outage.is_down() { None } else { Some(probe) };
        [probe, self.outage.again(), self.touch_due, self.held.next()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(last_work + PROBE_EVERY)
    }

    async fn take(&mut self, messages: &mut Vec<Message>) {
        let mut batch = Batch::default();
        let mut works = Vec::new();
        let now = clock();
        for message in messages.drain(..) {
            match message {
                Message::Open {
                    id,
                    values,
                    may_be_held: true,
                } => self.held.hold(id, values, now),
                Message::Open { id, values, .. } => {
                    if self.open.len() < MAX_OPEN {
                        self.open.insert(id);
                    }
                    batch.add(values, None);
                }
                Message::Final { id, values, answer } => {
                    if !self.held.settle(id) {
                        self.open.remove(&id);
                    }
                    batch.add(values, Some(answer));
                }
                Message::Refusal { row, answer } => {
                    // One that had an open row keeps its own id, or the open one would end as `lost`.
                    let id = row.id.as_u128();
                    let had_open =
                        !self.held.settle(id) && (self.open.remove(&id) || self.open.len() >= MAX_OPEN);
                    let row = if had_open { *row } else { self.folder.fold(*row) };
                    batch.add(self.shared.encode(&row), Some(answer));
                }
                Message::Touch { key, at_us } => self.note(key, at_us),
                Message::Work { work, answer } => works.push((work, answer)),
            }
            if batch.weight() >= MAX_BYTES {
                self.write(std::mem::take(&mut batch)).await;
            }
        }
        // A statement is prepared once per number of rows; a batch of another number is written in parts.
        while !batch.is_empty() {
            let rest = batch.split_off(good_length(batch.rows.len()));
            self.write(batch).await;
            batch = rest;
        }
        for (work, answer) in works {
            let _ = answer.send(self.work(work).await); // who asked may be gone; what is done stays done
        }
    }

    async fn work(&mut self, work: Work) -> Result<Done, NotDone> {
        if self.outage.is_down() {
            return Err(NotDone::DatabaseOut);
        }
        let (begun, mut rows) = (clock(), Vec::new());
        match self.transact(&work.take(&mut rows)).await {
            Ok(changed) => Ok(Done {
                changed,
                took: clock().duration_since(begun),
            }),
            Err(failure) => {
                self.database_failed(&failure);
                Err(NotDone::Failed(failure))
            }
        }
    }

    async fn write_opens(&mut self, rows: Vec<(u128, Vec<Value>)>) {
        if rows.is_empty() {
            return;
        }
        let mut batch = Batch::default();
        for (id, row) in rows {
            if self.open.len() < MAX_OPEN {
                self.open.insert(id);
            }
            batch.add(row, None);
        }
        self.write(batch).await;
    }

    async fn write(&mut self, mut batch: Batch) {
        if !self.outage.is_down() {
            let marks = self.shared.uses.due();
            let rows = Statement::Rows {
                head: INSERT_HEAD,
                rows: &batch.rows,
                tail: INSERT_TAIL,
            };
            let mut work = vec![rows];
            for mark in marks.statements() {
                work.push(mark);
            }
            match self.transact(&work).await {
                Ok(_) => {
                    self.shared.uses.marked(&marks);
                    return batch.answer_all(Ok(Committed::Stored));
                }
                Err(failure) => self.database_failed(&failure),
            }
        }
        self.spill(batch).await;
    }

    /// Keeps the rows of a batch in the spill file: whole, else without content, else not.
    async fn spill(&mut self, mut batch: Batch) {
        let mut places: Vec<usize> = (0..batch.rows.len()).collect();
        if self.shared.spill_free() < self.shared.reserve() {
            // The reserve is for those who wait. An open row only says what will be lost.
            places.retain(|place| !batch.open_at(*place));
        }
        for whole in [true, false] {
            let rows = places.iter().map(|place| &batch.rows[*place]);
            let rows: Vec<_> = rows
                .map(|row| {
                    if whole {
                        row.clone()
                    } else {
                        ledger::keep_without_content(row)
                    }
                })
                .collect();
            let shared = Arc::clone(&self.shared);
            let appended = self
                .with_spill(move |spill| {
                    let rows: Vec<&[Value]> = rows.iter().map(Vec::as_slice).collect();
                    spill.append(&rows, &shared.keyring.load())
                })
                .await;
            let kept = match appended {
                Some(Ok(kept)) => kept,
                other => {
                    let error = other.and_then(Result::err).map(|error| error.to_string());
                    tracing::error!(error, "the spill file cannot be written");
                    self.shared.spill_broken.store(true, Relaxed);
                    return batch.answer_all(Err(CommitRefused::Unwritable));
                }
            };
            self.publish();
            let mut left = Vec::new();
            for (place, kept) in places.into_iter().zip(kept) {
                if kept {
                    batch.answer(place, Ok(Committed::Spilled))
                } else {
                    left.push(place)
                }
            }
            places = left;
            if places.is_empty() {
                break;
            }
        }
        batch.answer_all(Err(self.shared.full())); // those that are left; the others were told
    }

    /// One step towards a database that has everything. The outage ends when no step is left.
    async fn recover(&mut self) {
        let step = match self.drain().await {
            Ok(true) => {
                self.outage.progressed(clock());
                return;
            }
            Ok(false) if self.settle => {
                let settled = self
                    .transact(&[Statement::new(SETTLE, vec![self.shared.run.into()])])
                    .await;
                settled.map(|changed| {
                    self.settle = false;
                    self.lost += changed.iter().sum::<u64>();
                })
            }
            Ok(false) => self
                .transact(&[Statement::new(ASK_WRITE, vec![])])
                .await
                .map(drop),
            Err(failure) => Err(failure),
        };
        match step {
            Ok(()) => {
                if self.outage.is_down() {
                    tracing::info!(
                        drained = self.drained,
                        "the ledger's database is back and has all rows"
                    );
                }
                self.outage.mended();
                self.shared.spill_broken.store(false, Relaxed);
                self.publish();
            }
            Err(failure) => self.database_failed(&failure),
        }
    }

    /// Moves the next rows from the spill file to the database, together with the mark up to where
    /// it has them. False when there was nothing to move.
    async fn drain(&mut self) -> Result<bool, Failure> {
        let shared = Arc::clone(&self.shared);
        let read = self.with_spill(move |spill| {
            if spill.is_empty() {
                return Ok(None);
            }
            let chunk = spill.read(MAX_ROWS, MAX_BYTES, &shared.keyring.load())?;
            Ok::<_, std::io::Error>(Some((spill.mark(chunk.next), chunk)))
        });
        let other = |error: String| Failure::new(FailureKind::Other, error);
        let read = read
            .await
            .ok_or_else(|| other("reading the spill file was interrupted".into()))?;
        let read = read.map_err(|error| other(format!("cannot read the spill file: {error}")))?;
        let Some((mark, Chunk { rows, forged, next })) = read else {
            return Ok(false);
        };
        let (count, mut batch) = (rows.len() as u64, Batch::default());
        for row in rows {
            match ledger::fit(row) {
                Some(row) => batch.add(row, None),
                None => drop(self.shared.forged.fetch_add(1, Relaxed)),
            }
        }
        if forged > 0 {
            tracing::error!(
                forged,
                "records of the spill file were changed by someone and are left out"
            );
            self.shared.forged.fetch_add(forged, Relaxed);
        }
        let mut work = vec![Statement::new(
            SET_META,
            vec![Value::text(DRAINED), Value::text(&mark)],
        )];
        if !batch.is_empty() {
            work.push(Statement::Rows {
                head: INSERT_HEAD,
                rows: &batch.rows,
                tail: INSERT_TAIL,
            });
        }
        self.transact(&work).await?;
        self.drained += count;
        let done = self.with_spill(move |spill| spill.drained_to(next)).await;
        if let Some(Err(error)) = done {
            // The database has the rows and the mark: reading them again would only be work.
            tracing::warn!(%error, "the spill file could not be emptied");
        }
        self.publish();
        Ok(true)
    }

    fn note(&mut self, key: String, at_us: i64) {
        if self.touched.len() >= MAX_TOUCHED && !self.touched.contains_key(&key) {
            return;
        }
        let at = self.touched.entry(key).or_insert(at_us);
        *at = at_us.max(*at);
        self.touch_due.get_or_insert_with(|| clock() + TOUCH_EVERY);
    }

    async fn write_touches(&mut self) {
        self.touch_due = None;
        if self.touched.is_empty() {
            return;
        }
        if self.outage.is_down() {
            self.touch_due = Some(clock() + TOUCH_EVERY);
            return;
        }
        let touched: Vec<(String, i64)> = self.touched.drain().collect();
        for some in touched.chunks(MAX_ROWS) {
            let work: Vec<_> = some
                .iter()
                .map(|(key, at_us)| touch_statement(key, *at_us))
                .collect();
            if let Err(failure) = self.transact(&work).await {
                // When a key was last used is not worth a retry; that the database fails is worth knowing.
                return self.database_failed(&failure);
            }
        }
    }

    async fn transact(&self, work: &[Statement<'_>]) -> Result<Vec<u64>, Failure> {
        tokio::time::timeout(WRITE_TIMEOUT, self.backend.transact(work))
            .await
            .unwrap_or_else(|_| Err(silent()))
    }

    fn database_failed(&mut self, failure: &Failure) {
        if !self.outage.is_down() {
            tracing::error!(error = %failure, "the ledger's database fails; rows go to the spill file");
        }
        self.outage.failed(failure.message.clone(), clock(), now_us());
        self.publish();
    }

    /// Tells health and callers how it stands.
    fn publish(&self) {
        let (used, size) = {
            let spill = self.spill.lock().unwrap_or_else(PoisonError::into_inner);
            (spill.used(), spill.size())
        };
        self.shared.spill_used.store(used, Relaxed);
        self.shared.spill_size.store(size, Relaxed);
        self.shared.set_database(self.outage.health());
    }

    /// Works on the spill file where blocking is allowed. `None` if that thread died.
    async fn with_spill<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Spill) -> T + Send + 'static,
    ) -> Option<T> {
        let spill = Arc::clone(&self.spill);
        tokio::task::spawn_blocking(move || work(&mut spill.lock().unwrap_or_else(PoisonError::into_inner)))
            .await
            .ok()
    }
}

/// Requests that are ready at this moment hand over their rows first: one commit for all of them costs little more than
/// one for the first. Each look lets every ready task run once; where it brings nothing new there is nobody to wait for,
/// and nobody waits for a clock.
async fn gather(inbox: &mut mpsc::Receiver<Message>, messages: &mut Vec<Message>) {
    for _ in 0..GATHER_LOOKS {
        tokio::task::yield_now().await;
        let before = messages.len();
        while messages.len() < MAX_ROWS
            && let Ok(message) = inbox.try_recv()
        {
            messages.push(message);
        }
        if messages.len() == before || messages.len() == MAX_ROWS {
            return;
        }
    }
}

/// The disk hangs.
fn silent() -> Failure {
    Failure::new(
        FailureKind::Other,
        format!("no answer within {} s", WRITE_TIMEOUT.as_secs()),
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "the driver of the writer: it hands `now` to what decides"
)]
fn clock() -> Instant {
    Instant::now()
}
