//! M2: what a durable row costs: how many final rows a second one store commits, by how many callers
//! wait at the same time (each waits for its own commit, so one caller alone shows the latency), and
//! what sealing and a key's check cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use golive_store::{
    ApiKey, Basis, Committed, Cost, Durability, LedgerRow, MasterKey, OpenRow, Store, StoreOptions, Tokens,
    Uuid, WhenFull,
};
use secrecy::ExposeSecret as _;

/// Rows per measured round.
const ROWS: u64 = 4096;

fn commit(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut group = criterion.benchmark_group("commit");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3))
        .throughput(Throughput::Elements(ROWS));
    for (durability, name) in [(Durability::Process, "process"), (Durability::Power, "power")] {
        for callers in [1, 64, 512] {
            if durability == Durability::Power && callers == 1 {
                continue; // 4096 syncs one after the other measure the disk, not the store
            }
            let folder = tempfile::tempdir().unwrap();
            let store = runtime.block_on(open(folder.path(), durability));
            let next = Arc::new(AtomicU64::new(1));
            group.bench_function(BenchmarkId::new(name, callers), |bencher| {
                bencher.iter_custom(|rounds| {
                    (0..rounds)
                        .map(|_| runtime.block_on(round(&store, &next, callers)))
                        .sum::<Duration>()
                });
            });
            runtime.block_on(store.close());
        }
    }
    group.finish();
}

/// All rows, shared among the callers; each opens, commits and waits.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
async fn round(store: &Store, next: &Arc<AtomicU64>, callers: u64) -> Duration {
    let tasks = tokio_util::task::TaskTracker::new();
    let start = Instant::now();
    for _ in 0..callers {
        let (writer, next) = (store.writer().clone(), Arc::clone(next));
        tasks.spawn(async move {
            for _ in 0..ROWS / callers {
                let id = Uuid::from_u128(u128::from(next.fetch_add(1, Relaxed)));
                writer.open(open_row(id));
                assert_eq!(writer.commit(row(id)).await, Ok(Committed::Stored));
            }
        });
    }
    tasks.close();
    tasks.wait().await;
    start.elapsed()
}

fn seal_and_keys(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = runtime.block_on(open(folder.path(), Durability::Process));
    criterion.bench_function("user_hash", |bencher| {
        bencher.iter(|| store.user_hash("key_0123456789abcdef", "user-42"))
    });
    let (text, _) = ApiKey::generate().unwrap();
    criterion.bench_function("key_parse", |bencher| {
        bencher.iter(|| ApiKey::parse(text.expose_secret()))
    });
    runtime.block_on(store.close());
}

async fn open(folder: &std::path::Path, durability: Durability) -> Store {
    let options = StoreOptions {
        path: folder.join("golive.db"),
        durability,
        master_key: MasterKey::new(&[7; 32]).unwrap(),
        spill_size: 64 << 20,
        when_full: WhenFull::Refuse,
    };
    Store::open(options).await.unwrap().store
}

fn open_row(id: Uuid) -> OpenRow {
    OpenRow {
        id,
        at_us: 1_700_000_000_000_000,
        principal: "key_0123456789abcdef".into(),
        user_hash: None,
        callee: Some("agent/support".into()),
        estimate: Tokens::default(),
        cost: Cost::default(),
        counted: true,
    }
}

/// A row as the gateway writes it, with a 1 KB prompt and a 2 KB reply.
fn row(id: Uuid) -> LedgerRow {
    LedgerRow {
        id,
        at_us: 1_700_000_000_000_000,
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
        tokens: Tokens {
            input: Some(250),
            output: Some(500),
            ..Tokens::default()
        },
        basis: Basis::Reported,
        cost: Cost::default(),
        latency_us: 1_500_000,
        first_byte_us: Some(300_000),
        bytes_in: 1024,
        bytes_out: 2048,
        counted: true,
        folded: 1,
        client_request_id: None,
        trace_id: Some("0af7651916cd43dd8448eb211c80319c".into()),
        decisions: r#"[{"stage":"identify","decided":"key"},{"stage":"authorise","decided":"allowed"}]"#
            .into(),
        prompt: Some(Bytes::from_static(&[b'p'; 1024])),
        reply: Some(Bytes::from_static(&[b'r'; 2048])),
    }
}

criterion_group!(benches, commit, seal_and_keys);
criterion_main!(benches);
