//! S1: tells when the configuration on disk is another one, so that it can be loaded again.
//!
//! The *folder* is watched, not the file: editors replace the file, and Kubernetes swaps a symlink
//! beside it (`..data`). After any event the contents of the file and of the `.env` are compared with
//! those seen last, and only a real and finished change is told.
//!
//! Never: judges the new contents; tells the same contents twice; queues more than one event.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use thiserror::Error;

/// Quiet for this long, a change counts as finished. Editors write in several steps, all within a few
/// milliseconds.
const QUIET: Duration = Duration::from_millis(150);
/// A file that is rewritten without pause is told about after this many quiet spans all the same.
const PATIENCE: u32 = 20;

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
}

/// Why a file cannot be watched.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The system refused.
    #[error("cannot watch {}; send SIGHUP after a change instead", folder.display())]
    Refused {
        /// The folder of the configuration.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: notify::Error,
    },
    /// No thread for it.
    #[error("cannot start the thread that watches the configuration")]
    Thread(#[source] std::io::Error),
}

/// Calls `on_change`, from a thread of its own, each time `path` or the `.env` beside it holds
/// something else than before. Ends when the [`Watch`] is dropped.
///
/// Watch first, load second: then no change falls between the two.
pub fn watch(path: &Path, on_change: impl FnMut() + Send + 'static) -> Result<Watch, WatchError> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let folder = parent.to_owned();
    let refused = |source| WatchError::Refused {
        folder: folder.clone(),
        source,
    };
    // One event is as good as many: what does not fit is dropped.
    let (wake, events) = sync_channel::<()>(1);
    let mut watcher = notify::recommended_watcher(waker(wake)).map_err(refused)?;
    // What stands there before the watch is armed is what the caller has loaded, or will be compared.
    let files = [path.to_owned(), folder.join(".env")];
    let seen = fingerprint(&files);
    watcher
        .watch(&folder, RecursiveMode::NonRecursive)
        .map_err(refused)?;
    std::thread::Builder::new()
        .name("config-watch".to_owned())
        .spawn(move || run(&events, &files, seen, on_change))
        .map_err(WatchError::Thread)?;
    Ok(Watch { _watcher: watcher })
}

fn waker(wake: SyncSender<()>) -> impl FnMut(notify::Result<notify::Event>) {
    move |event| match event {
        // Reading the files is an event, too: it must not wake the reader again.
        Ok(event) if event.kind.is_access() => {}
        // Full: the reader is about to look anyway.
        Ok(_) => _ = wake.try_send(()),
        Err(error) => {
            tracing::warn!(%error, "lost sight of the configuration's folder; send SIGHUP after a change");
            _ = wake.try_send(());
        }
    }
}

fn run(events: &Receiver<()>, files: &[PathBuf], mut seen: Print, mut on_change: impl FnMut()) {
    // The other end goes away with the watcher.
    while events.recv().is_ok() {
        for _ in 0..PATIENCE {
            match events.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        let now = fingerprint(files);
        if now != seen {
            seen = now;
            on_change();
        }
    }
}

type Print = Vec<Option<[u8; 32]>>;

/// The contents of each file, hashed; `None` for one that cannot be read.
fn fingerprint(files: &[PathBuf]) -> Print {
    let one = |path: &PathBuf| {
        let bytes = zeroize::Zeroizing::new(crate::load::read_bounded(path).ok()?);
        <[u8; 32]>::try_from(digest(&SHA256, &bytes).as_ref()).ok()
    };
    files.iter().map(one).collect()
}
