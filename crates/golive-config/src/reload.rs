//! S1: tells when the configuration on disk is another one, so that it can be loaded again.
//!
//! Twice a second the files are looked at by name: editors replace a file, Kubernetes swaps a symlink beside it
//! (`..data`), and both are seen. Only if size, time or identity differ are contents compared. A folder watch would
//! wake at every write to the database, which usually stands in the same folder: measured, that was 8 % of the whole
//! gateway's time.
//!
//! Never: judges the new contents; tells the same contents twice; tells a change that is still being written.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use thiserror::Error;

use crate::meant::PolicyFile;

/// Between two looks. A change is told after one to two of them.
const EVERY: Duration = Duration::from_millis(500);
/// Between the looks of a change that is being written: it is told when two in a row find the same. Editors write in
/// several steps, all within a few milliseconds.
const QUIET: Duration = Duration::from_millis(150);
/// A file that is rewritten without pause is told about after so many looks all the same.
const PATIENCE: u32 = 20;

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    _ends_when_dropped: SyncSender<()>,
    more: Arc<Mutex<Vec<Named>>>,
}

impl Watch {
    /// Watches these files too, in place of those named before: the ones that a configuration names. Each is told of
    /// once it holds something else than what was loaded.
    pub fn also(&self, files: &[PolicyFile]) {
        let named = files.iter().map(|file| Named {
            path: file.path.clone(),
            loaded: print_of(file.text.as_bytes()),
        });
        *self.more.lock().unwrap_or_else(PoisonError::into_inner) = named.collect();
    }
}

/// A file that the configuration names, and the print of what was loaded from it.
#[derive(Clone, Debug)]
struct Named {
    path: PathBuf,
    loaded: Option<[u8; 32]>,
}

/// Why a file cannot be watched.
#[derive(Debug, Error)]
pub enum WatchError {
    /// No thread for it.
    #[error("cannot start the thread that watches the configuration; send SIGHUP after a change instead")]
    Thread(#[source] std::io::Error),
}

/// Calls `on_change`, from a thread of its own, each time `path` or the `.env` beside it holds
/// something else than before. Ends when the [`Watch`] is dropped.
///
/// Watch first, load second: then no change falls between the two.
///
/// # Errors
/// See [`WatchError`].
pub fn watch(path: &Path, on_change: impl FnMut() + Send + 'static) -> Result<Watch, WatchError> {
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let more: Arc<Mutex<Vec<Named>>> = Arc::default();
    let first = [path.to_owned(), folder.join(".env")];
    let (alive, ended) = sync_channel::<()>(1);
    // What stands there now is what the caller has loaded, or will be compared.
    let (looks, seen) = (glance(&first), fingerprint(&first));
    let named = Arc::clone(&more);
    std::thread::Builder::new()
        .name("config-watch".to_owned())
        .spawn(move || run(&ended, &first, &named, looks, seen, on_change))
        .map_err(WatchError::Thread)?;
    Ok(Watch {
        _ends_when_dropped: alive,
        more,
    })
}

fn run(
    ended: &Receiver<()>,
    first: &[PathBuf],
    named: &Mutex<Vec<Named>>,
    mut looks: Looks,
    mut seen: Print,
    mut on_change: impl FnMut(),
) {
    let mut files = first.to_vec();
    // Nothing is ever sent: the other end goes away with the `Watch`.
    while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let named = named.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !files[first.len()..].iter().eq(named.iter().map(|one| &one.path)) {
            files = first
                .iter()
                .chain(named.iter().map(|one| &one.path))
                .cloned()
                .collect();
            // No look at a file that was just named: its contents are compared with what was loaded.
            looks.truncate(first.len());
            looks.resize(files.len(), None);
            seen.truncate(first.len());
            seen.extend(named.iter().map(|one| one.loaded));
        }
        let files = files.as_slice();
        let mut now = glance(files);
        if now == looks {
            continue;
        }
        for _ in 0..PATIENCE {
            if ended.recv_timeout(QUIET) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let then = std::mem::replace(&mut now, glance(files));
            if then == now {
                break;
            }
        }
        looks = now;
        let print = fingerprint(files);
        if print != seen {
            seen = print;
            on_change();
        }
    }
}

/// What tells cheaply that a file is another one: identity, size, and time of change. `None`: it is not there.
type Looks = Vec<Option<(u64, u64, u64, i64, i64)>>;

fn glance(files: &[PathBuf]) -> Looks {
    let one = |path: &PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        Some((
            meta.dev(),
            meta.ino(),
            meta.size(),
            meta.ctime(),
            meta.ctime_nsec(),
        ))
    };
    files.iter().map(one).collect()
}

type Print = Vec<Option<[u8; 32]>>;

/// The contents of each file, hashed; `None` for one that cannot be read.
fn fingerprint(files: &[PathBuf]) -> Print {
    let one = |path: &PathBuf| {
        let bytes = zeroize::Zeroizing::new(crate::load::read_bounded(path).ok()?);
        print_of(&bytes)
    };
    files.iter().map(one).collect()
}

fn print_of(bytes: &[u8]) -> Option<[u8; 32]> {
    <[u8; 32]>::try_from(digest(&SHA256, bytes).as_ref()).ok()
}
