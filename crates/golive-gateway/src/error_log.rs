//! E2: the log of what went wrong, one JSON object a line: when, for whom (by a keyed hash), with what in hand (redacted),
//! what failed link by link, what was done about it, and where to look it up.
//!
//! A thread of its own writes; requests hand their entry to a bounded queue and never wait. What the queue has no room
//! for is counted. The file is rotated by size and by age, and so many old ones are kept.
//!
//! Never: holds a user in clear, a credential, or personal data that the screens know; slows a request down.

mod entry;
mod file;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::Duration;

use golive_config::ErrorLog as Settings;

pub use entry::{Attempt, Entry, summary};
use file::Rotated;

/// Entries that wait for the disk.
const QUEUE: usize = 1024;
/// So long the writer sleeps at most before it looks whether a file is due to be rotated.
const TICK: Duration = Duration::from_secs(60);

/// The way to the log.
#[derive(Debug)]
pub struct ErrorLog {
    entries: Option<SyncSender<Box<Entry>>>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    written: AtomicU64,
    dropped: AtomicU64,
    failing: std::sync::Mutex<Option<String>>,
}

impl ErrorLog {
    /// Opens the log; `None`: there is none.
    ///
    /// # Errors
    /// The file cannot be opened, or the thread that writes it cannot be started.
    pub fn open(settings: Option<&Settings>) -> std::io::Result<Self> {
        let state = Arc::new(State::default());
        let Some(settings) = settings else {
            return Ok(Self { entries: None, state });
        };
        let file = Rotated::open(settings)?;
        let (entries, queue) = mpsc::sync_channel(QUEUE);
        let shared = Arc::clone(&state);
        std::thread::Builder::new()
            .name("error-log".to_owned())
            .spawn(move || write(&queue, file, &shared))?;
        Ok(Self {
            entries: Some(entries),
            state,
        })
    }

    /// Whether anything is to be written at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.entries.is_some()
    }

    /// Hands over an entry. One that finds no room is counted.
    pub fn write(&self, entry: Entry) {
        let Some(entries) = &self.entries else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = entries.try_send(Box::new(entry))
        {
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Entries that were written, and those that were lost because there was no room or no disk.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (
            self.state.written.load(Ordering::Relaxed),
            self.state.dropped.load(Ordering::Relaxed),
        )
    }

    /// Why the last entry could not be written, if it could not.
    #[must_use]
    pub fn failing(&self) -> Option<String> {
        self.state
            .failing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

/// Ends when the last sender is gone, with everything written.
fn write(queue: &Receiver<Box<Entry>>, mut file: Rotated, state: &State) {
    loop {
        let result = match queue.recv_timeout(TICK) {
            Ok(entry) => file.append(&entry).inspect(|()| {
                state.written.fetch_add(1, Ordering::Relaxed);
            }),
            Err(RecvTimeoutError::Timeout) => file.rotate_if_due(),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut failing = state
            .failing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match result {
            Ok(()) => *failing = None,
            Err(error) => {
                state.dropped.fetch_add(1, Ordering::Relaxed);
                if failing.is_none() {
                    tracing::error!(%error, "the error log cannot be written");
                }
                *failing = Some(error.to_string());
            }
        }
    }
}
