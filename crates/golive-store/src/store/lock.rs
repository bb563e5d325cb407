//! S7: one process owns a store at a time.
//!
//! Never: waits for the lock, or deletes the lock file (two processes could then each hold one).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::StoreError;

/// `PATH.lock`, held until the file is dropped; the system lets go when the process dies.
pub(super) fn take(store: &Path) -> Result<File, StoreError> {
    let path = beside(store, "lock");
    let failed = |source| StoreError::Lock {
        path: path.clone(),
        source,
    };
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text); // only to name the other one
            return Err(StoreError::Held {
                store: store.to_owned(),
                holder: Holder(text.trim().parse().ok()),
                lock: path,
            });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    // Whose lock it is, for the message above. On a full disk the old number stays: better than no lock.
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

/// A file beside the store: `golive.db` and `lock` give `golive.db.lock`.
pub(super) fn beside(store: &Path, suffix: &str) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// The process that holds a lock, if it left its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder(pub Option<u32>);

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(id) => write!(f, "process {id}"),
            None => f.write_str("another process"),
        }
    }
}
