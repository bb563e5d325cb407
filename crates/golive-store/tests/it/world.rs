//! A store in a folder of its own, and a database that fails on command.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use golive_store::backend::{Backend, Failure, FailureKind, Row, Sqlite, Statement, Value};
use golive_store::{
    Basis, Cost, Durability, LedgerRow, MasterKey, OpenRow, Opened, Store, StoreOptions, Tokens, Uuid,
    WhenFull,
};

pub const SPILL: u64 = 256 * 1024;

pub struct World {
    pub folder: tempfile::TempDir,
}

impl World {
    pub fn new() -> World {
        World {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("golive.db")
    }

    pub fn options(&self) -> StoreOptions {
        options(&self.path(), 7)
    }

    pub async fn open(&self) -> Opened {
        Store::open(self.options()).await.unwrap()
    }

    /// A store over a database that fails on command.
    pub async fn open_flaky(&self) -> (Opened, Arc<Flaky>) {
        self.open_flaky_with(self.options()).await
    }

    pub async fn open_flaky_with(&self, options: StoreOptions) -> (Opened, Arc<Flaky>) {
        let flaky = Flaky::open(&self.path()).await;
        let opened = Store::open_on(options, Arc::clone(&flaky) as Arc<dyn Backend>, None)
            .await
            .unwrap();
        (opened, flaky)
    }
}

pub fn options(path: &Path, master: u8) -> StoreOptions {
    StoreOptions {
        path: path.to_owned(),
        durability: Durability::Process,
        master_key: MasterKey::new(&[master; 32]).unwrap(),
        spill_size: SPILL,
        when_full: WhenFull::Refuse,
    }
}

pub struct Flaky {
    inner: Sqlite,
    fails: AtomicBool,
    /// Transactions that are still let through after `fail_after`.
    left: AtomicU64,
    commits_then_says_no: AtomicBool,
    /// The last one let through commits, and nobody hears of it.
    last_is_unheard: AtomicBool,
    /// Held by a test while the disk hangs.
    pub hang: tokio::sync::Mutex<()>,
}

impl Flaky {
    pub async fn open(path: &Path) -> Arc<Flaky> {
        Arc::new(Flaky {
            inner: Sqlite::open(path, Durability::Process).await.unwrap(),
            fails: AtomicBool::new(false),
            left: AtomicU64::new(0),
            commits_then_says_no: AtomicBool::new(false),
            last_is_unheard: AtomicBool::new(false),
            hang: tokio::sync::Mutex::new(()),
        })
    }

    pub fn fail(&self) {
        self.fail_after(0);
    }

    pub fn fail_after(&self, transactions: u64) {
        self.left.store(transactions, SeqCst);
        self.fails.store(true, SeqCst);
    }

    /// Lets so many transactions through and one more, whose answer is lost.
    pub fn fail_after_an_unheard(&self, transactions: u64) {
        self.last_is_unheard.store(true, SeqCst);
        self.fail_after(transactions + 1);
    }

    /// All that `fail_after` let through has come.
    pub fn used_up(&self) -> bool {
        self.left.load(SeqCst) == 0
    }

    pub fn heal(&self) {
        self.fails.store(false, SeqCst);
        self.commits_then_says_no.store(false, SeqCst);
    }

    /// The answer to a commit is lost on the way: the row stands, and nobody knows.
    pub fn commit_and_fail(&self) {
        self.commits_then_says_no.store(true, SeqCst);
    }

    fn refuses(&self) -> bool {
        self.fails.load(SeqCst)
            && self
                .left
                .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
                .is_err()
    }
}

impl Backend for Flaky {
    fn transact<'a>(&'a self, work: &'a [Statement<'a>]) -> BoxFuture<'a, Result<Vec<u64>, Failure>> {
        Box::pin(async move {
            let full = || Err(Failure::new(FailureKind::Full, "database or disk is full"));
            drop(self.hang.lock().await);
            if self.refuses() {
                return full();
            }
            let done = self.inner.transact(work).await;
            let unheard = self.last_is_unheard.load(SeqCst) && self.used_up();
            if unheard || self.commits_then_says_no.load(SeqCst) {
                full()
            } else {
                done
            }
        })
    }

    fn query(&self, sql: &'static str, args: Vec<Value>) -> BoxFuture<'_, Result<Vec<Row>, Failure>> {
        self.inner.query(sql, args)
    }

    fn maintain(&self) -> BoxFuture<'_, ()> {
        self.inner.maintain()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

pub fn row(id: u128) -> LedgerRow {
    LedgerRow {
        id: Uuid::from_u128(id),
        at_us: 1_000_000 + id as i64,
        principal: "key_a".into(),
        user_hash: None,
        callee: Some("agent/support".into()),
        release: None,
        wire: "openai".into(),
        route: "POST /v1/chat/completions".into(),
        stream: false,
        outcome: "ok".into(),
        status: 200,
        link: Some("openai/gpt-4o".into()),
        attempts: 1,
        tokens: Tokens {
            input: Some(5),
            output: Some(7),
            ..Tokens::default()
        },
        basis: Basis::Reported,
        cost: Cost::default(),
        latency_us: 1000,
        first_byte_us: None,
        bytes_in: 10,
        bytes_out: 20,
        counted: true,
        folded: 1,
        client_request_id: None,
        trace_id: None,
        decisions: "[]".into(),
        prompt: None,
        reply: None,
    }
}

pub fn with_content(id: u128, bytes: usize) -> LedgerRow {
    LedgerRow {
        prompt: Some(Bytes::from(vec![b'p'; bytes])),
        ..row(id)
    }
}

pub fn open_row(id: u128) -> OpenRow {
    OpenRow {
        id: Uuid::from_u128(id),
        at_us: 1_000_000 + id as i64,
        principal: "key_a".into(),
        user_hash: None,
        callee: Some("agent/support".into()),
        estimate: Tokens {
            input: Some(100),
            ..Tokens::default()
        },
        cost: Cost::default(),
        counted: true,
    }
}

/// Waits until the store is in the state that is asked for.
pub async fn eventually(
    store: &Store,
    what: &str,
    mut holds: impl FnMut(&golive_store::StoreHealth) -> bool,
) {
    for _ in 0..2000 {
        if holds(&store.health()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}; at the end {:?}", store.health());
}

pub async fn all(store: &Store) -> Vec<LedgerRow> {
    let mut rows: Vec<LedgerRow> = Vec::new();
    loop {
        let after = rows.last().map(LedgerRow::cursor);
        let filter = golive_store::LedgerFilter {
            limit: 1000,
            after,
            ..Default::default()
        };
        let page = store.ledger(&filter).await.unwrap();
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}
