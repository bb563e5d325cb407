//! S7: what a rotation of the data keys costs: rows sealed anew per second, and what callers who commit at a fixed rate
//! feel of it. `cargo run --release -p golive-store --example rotation [ROWS] [PER_SECOND]`
//!
//! Never: asserts a time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use golive_store::{
    Basis, Committed, Cost, Durability, LedgerRow, MasterKey, Pace, Store, StoreOptions, Tokens, Uuid,
    WhenFull,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u64>().expect("a number"));
    let rows = numbers.next().unwrap_or(100_000);
    let per_second = numbers.next().unwrap_or(200);
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    fill(&store, rows).await;

    let quiet = CancellationToken::new();
    let calm = callers(&store, per_second, 1 << 64, quiet.clone());
    let (calm, ()) = tokio::join!(calm, async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        quiet.cancel();
    });
    told("commit while nothing else runs", calm);

    let over = CancellationToken::new();
    let busy = callers(&store, per_second, 2 << 64, over.clone());
    let (busy, ()) = tokio::join!(busy, async {
        rotate(&store, Pace::Gentle).await;
        over.cancel();
    });
    told("commit while a rotation runs", busy);

    rotate(&store, Pace::Full).await;
    store.close().await;
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
async fn rotate(store: &Store, pace: Pace) {
    let start = Instant::now();
    let rotated = store.rotate_data_keys(pace, 2).await.expect("a rotation");
    let took = start.elapsed();
    println!(
        "rotation ({pace:?}): {} rows in {:.1} s, {:.0} rows/s",
        rotated.rows,
        took.as_secs_f64(),
        rotated.rows as f64 / took.as_secs_f64()
    );
}

/// One commit every so often, each timed from the moment it was due, until `stop`.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
async fn callers(store: &Store, per_second: u64, first: u128, stop: CancellationToken) -> Vec<Duration> {
    let tasks = TaskTracker::new();
    let (took, mut all) = tokio::sync::mpsc::channel(1 << 20);
    let mut tick = tokio::time::interval(Duration::from_secs(1) / u32::try_from(per_second).expect("a rate"));
    let mut id = first;
    while let Some(due) = stop.run_until_cancelled(tick.tick()).await {
        let (store, took, row) = (store.clone(), took.clone(), row(id));
        id += 1;
        tasks.spawn(async move {
            assert_eq!(store.writer().commit(row).await, Ok(Committed::Stored));
            let _ = took.try_send(Instant::now().duration_since(due.into_std()));
        });
    }
    tasks.close();
    tasks.wait().await;
    drop(took);
    let mut sorted = Vec::new();
    while let Some(one) = all.recv().await {
        sorted.push(one);
    }
    sorted.sort();
    sorted
}

fn told(what: &str, sorted: Vec<Duration>) {
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what}: {} commits, p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, longest {:.1} ms",
        sorted.len(),
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0)
    );
}

async fn fill(store: &Store, rows: u64) {
    let tasks = TaskTracker::new();
    for caller in 0..64 {
        let writer = store.writer().clone();
        tasks.spawn(async move {
            for id in (caller..rows).step_by(64) {
                assert_eq!(writer.commit(row(id.into())).await, Ok(Committed::Stored));
            }
        });
    }
    tasks.close();
    tasks.wait().await;
}

async fn open(folder: &std::path::Path) -> Store {
    let options = StoreOptions {
        path: folder.join("golive.db"),
        durability: Durability::Process,
        master_key: MasterKey::new(&[7; 32]).expect("32 bytes"),
        spill_size: 64 << 20,
        when_full: WhenFull::Refuse,
    };
    Store::open(options).await.expect("a store").store
}

/// A row as the gateway writes it, with a 1 KB prompt, a 2 KB reply and the caller's own id.
fn row(id: u128) -> LedgerRow {
    LedgerRow {
        id: Uuid::from_u128(id),
        at_us: 1_700_000_000_000_000 + (id & 0xffff_ffff) as i64,
        principal: "key_0123456789abcdef".into(),
        user_hash: None,
        callee: Some("agent/support".into()),
        release: Some("0123456789abcdef".repeat(4)),
        wire: "openai".into(),
        route: "POST /v1/chat/completions".into(),
        stream: true,
        outcome: "ok".into(),
        status: 200,
        link: Some("openai/gpt-4o".into()),
        attempts: 1,
        tokens: Tokens::default(),
        basis: Basis::Reported,
        cost: Cost::default(),
        latency_us: 1_500_000,
        first_byte_us: Some(300_000),
        bytes_in: 1024,
        bytes_out: 2048,
        counted: true,
        folded: 1,
        client_request_id: Some("their-own-0123456789".into()),
        trace_id: Some("0af7651916cd43dd8448eb211c80319c".into()),
        decisions: "[]".into(),
        prompt: Some(Bytes::from_static(&[b'p'; 1024])),
        reply: Some(Bytes::from_static(&[b'r'; 2048])),
    }
}
