//! S7 M1 M2: the open store: what is checked before anything is written, in which order, and how it ends.
//!
//! Order of opening: lock; is the schema not too new; is it this master key; then migrate, spill
//! file, drain, settle what a dead process left open. A refusal before `migrate` changes nothing.
//!
//! Never: overwrites what it cannot read.

mod lock;
mod retention;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio_util::task::TaskTracker;

pub use lock::Holder;
pub use retention::{Retained, Retention};

use crate::backend::{self, Backend, Failure, NEWEST, Sqlite, Value};
use crate::seal::uses::Uses;
use crate::seal::{Keyring, KeyringError, MasterKey, REPLACED, SealError};
use crate::spill::{Spill, SpillError};
use crate::writer::{DRAINED, Shared, Task, Writer};
use crate::{StoreHealth, UserHash};

/// Maintains the database beside the writer, until that has ended.
async fn maintain(backend: Arc<dyn Backend>, ended: tokio_util::sync::CancellationToken) {
    while ended
        .run_until_cancelled(tokio::time::sleep(backend::MAINTAIN_EVERY))
        .await
        .is_some()
    {
        backend.maintain().await;
    }
}

/// How the store is to be opened.
#[derive(Debug)]
pub struct StoreOptions {
    /// The SQLite file. Beside it stand `PATH.lock` and `PATH.spill`.
    pub path: PathBuf,
    /// What a committed row survives.
    pub durability: Durability,
    /// Wraps the data keys.
    pub master_key: MasterKey,
    /// Bytes of the spill file, reserved on disk at once; at least 64 KiB are taken.
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
    /// The loss of power (`synchronous = FULL`, the spill synced per append).
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

/// The open store. Cheap to clone. The lock is held until [`Store::close`], or until the last clone
/// (and the last [`Writer`]) is gone and the queue is written.
#[derive(Clone)]
pub struct Store {
    writer: Writer,
    backend: Arc<dyn Backend>,
    path: Arc<Path>,
    tasks: TaskTracker,
}

/// Why the store cannot be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process owns the store.
    #[error(
        "the store {store} is in use by {holder}, which holds {lock}; stop it, or run the command against the one that serves"
    )]
    Held {
        /// The store.
        store: PathBuf,
        /// Who holds it.
        holder: Holder,
        /// The file that is locked.
        lock: PathBuf,
    },
    /// The lock file cannot be made.
    #[error("cannot lock {path}; does its folder exist, and may this user write there?")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A later golive has changed the store so that this one must not touch it.
    #[error(
        "the store {path} needs a golive that knows schema {needs}; this one knows {NEWEST}: install the newer version, or restore a backup"
    )]
    TooNew {
        /// The store.
        path: PathBuf,
        /// The oldest schema whose binary may open it.
        needs: u32,
    },
    /// The data keys were wrapped by another master key.
    #[error(
        "the master key is not the one that {path} was sealed with; nothing was changed: give the right key, or take another `store.path`"
    )]
    WrongMasterKey {
        /// The store.
        path: PathBuf,
    },
    /// The master key was replaced, and this is the one before.
    #[error(
        "this is the master key that `golive seal rotate --master` replaced; {path} opens only with the new one. Nothing was changed: put the new key where `[store]` reads it"
    )]
    ReplacedMasterKey {
        /// The store.
        path: PathBuf,
    },
    /// The data keys are damaged or missing.
    #[error("the data keys of {path} cannot be read; restore a backup")]
    DataKeys {
        /// The store.
        path: PathBuf,
        /// Why.
        #[source]
        source: SealError,
    },
    /// The store has rows and no data key for a purpose.
    #[error("the store {path} has lost its data key for `{purpose}`; restore a backup")]
    NoDataKey {
        /// The store.
        path: PathBuf,
        /// What the key was for.
        purpose: &'static str,
    },
    /// The spill file.
    #[error(transparent)]
    Spill(#[from] SpillError),
    /// The database file cannot be opened.
    #[error("cannot open the store {path}")]
    Open {
        /// The store.
        path: PathBuf,
        /// What the database said.
        #[source]
        source: Failure,
    },
    /// The database failed while it was asked.
    #[error("the store's database failed")]
    Database(#[from] Failure),
    /// The system gave no randomness.
    #[error("the system gave no randomness")]
    Randomness,
}

/// The wall clock, microseconds since the Unix epoch. For drivers.
pub fn now_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

impl Store {
    /// Opens the SQLite store at `options.path`, or makes it.
    pub async fn open(options: StoreOptions) -> Result<Opened, StoreError> {
        let lock = lock::take(&options.path)?;
        let opened = Sqlite::open(&options.path, options.durability).await;
        let backend = opened.map_err(|source| StoreError::Open {
            path: options.path.clone(),
            source,
        })?;
        Store::open_on(options, Arc::new(backend), Some(lock)).await
    }

    /// Opens a store on any database. `lock` is held until the store is closed; a database that many
    /// processes share needs none. `options.path` names the spill file.
    pub async fn open_on(
        options: StoreOptions,
        backend: Arc<dyn Backend>,
        lock: Option<std::fs::File>,
    ) -> Result<Opened, StoreError> {
        let (keyring, uses, spill) = match unlock(&options, &*backend).await {
            Ok(unlocked) => unlocked,
            Err(error) => {
                backend.close().await;
                return Err(error);
            }
        };
        let mut run = [0; 8];
        if getrandom::fill(&mut run).is_err() {
            backend.close().await;
            return Err(StoreError::Randomness);
        }
        let shared = Arc::new(Shared::new(
            keyring,
            options.master_key,
            uses,
            i64::from_le_bytes(run),
            options.when_full,
        ));
        let (writer, inbox) = Writer::new(Arc::clone(&shared));
        let mut task = Task::new(Arc::clone(&backend), shared, spill, lock);
        let (drained, lost) = task.mend().await;
        let tasks = TaskTracker::new();
        let ended = tokio_util::sync::CancellationToken::new();
        tasks.spawn(maintain(Arc::clone(&backend), ended.clone()));
        tasks.spawn(async move {
            let _ends_with_the_writer = ended.drop_guard();
            task.run(inbox).await;
        });
        tasks.close();
        let store = Store {
            writer,
            backend,
            path: options.path.into(),
            tasks,
        };
        Ok(Opened { store, lost, drained })
    }

    /// The way to the writer.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The keyed hash under which the ledger knows a user of a principal.
    pub fn user_hash(&self, principal: &str, user: &str) -> UserHash {
        self.keyring().user_hash(principal, user)
    }

    /// How the store is. Does not wait for the database.
    pub fn health(&self) -> StoreHealth {
        let shared = self.writer.shared();
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        StoreHealth {
            database: shared.database(),
            spill_used: shared.spill_used.load(Relaxed),
            spill_size: shared.spill_size.load(Relaxed),
            full: shared.is_full(),
            disk_free: rustix::fs::statvfs(folder)
                .ok()
                .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
            queue_len: self.writer.waiting(),
            unrecorded: shared.unrecorded.load(Relaxed),
            dropped_opens: shared.dropped_opens.load(Relaxed),
            forged: shared.forged.load(Relaxed),
        }
    }

    /// Writes what is queued, closes the database and lets the lock go. Later commits are refused as
    /// closed.
    pub async fn close(&self) {
        self.writer.shared().stop.cancel();
        self.tasks.wait().await;
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        self.writer.shared().keyring.load_full()
    }
}

/// Everything that may refuse a store, before the first row moves.
async fn unlock(options: &StoreOptions, backend: &dyn Backend) -> Result<(Keyring, Uses, Spill), StoreError> {
    let path = || options.path.clone();
    let at_open = |source| StoreError::Open { path: path(), source };
    let standing = backend::standing(backend).await.map_err(at_open)?;
    if let Some(standing) = standing
        && standing.oldest_reader > NEWEST
    {
        return Err(StoreError::TooNew {
            path: path(),
            needs: standing.oldest_reader,
        });
    }
    let refused = |error| match error {
        KeyringError::Seal(source) => StoreError::DataKeys { path: path(), source },
        KeyringError::Missing(purpose) => StoreError::NoDataKey {
            path: path(),
            purpose,
        },
        KeyringError::Database(source) => StoreError::Open { path: path(), source },
    };
    let uses = Uses::load(backend).await.map_err(at_open)?;
    let known = match standing {
        Some(_) => match Keyring::load(backend, &options.master_key, &uses).await {
            Err(KeyringError::Seal(SealError::WrongMaster)) => return Err(wrong_key(options, backend).await),
            known => known.map_err(refused)?,
        },
        None => None,
    };
    backend::prepare(backend, standing).await.map_err(at_open)?;
    let spill_path = lock::beside(&options.path, "spill");
    let sync = options.durability == Durability::Power;
    let mut spill = Spill::open(&spill_path, options.spill_size, sync)?;
    let keyring = match known {
        Some(keyring) => keyring,
        None if !spill.is_empty() => return Err(SpillError::Orphan(spill_path).into()),
        None => Keyring::create(backend, &options.master_key, &uses, now_us())
            .await
            .map_err(refused)?,
    };
    let mark = backend
        .query(
            "SELECT value FROM meta WHERE key = $1",
            vec![Value::text(DRAINED)],
        )
        .await;
    if let Some(row) = mark.map_err(at_open)?.first() {
        spill.skip_to(&row.text(0)?);
    }
    if !spill.belongs_to(&keyring).map_err(|source| SpillError::Io {
        path: spill_path.clone(),
        source,
    })? {
        return Err(SpillError::Orphan(spill_path).into());
    }
    Ok((keyring, uses, spill))
}

/// The master key does not open the store: is it the one before?
async fn wrong_key(options: &StoreOptions, backend: &dyn Backend) -> StoreError {
    let path = options.path.clone();
    let note = backend.query(
        "SELECT value FROM meta WHERE key = $1",
        vec![Value::text(REPLACED)],
    );
    // Without the note there is less to say, and the key is as wrong.
    let note = note.await.ok().and_then(|rows| rows.first()?.text(0).ok());
    match (note, options.master_key.fingerprint()) {
        (Some(note), Ok(given)) if note.split(' ').next() == Some(&*given) => {
            StoreError::ReplacedMasterKey { path }
        }
        _ => StoreError::WrongMasterKey { path },
    }
}
