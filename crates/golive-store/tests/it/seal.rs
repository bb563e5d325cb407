//! S7: keys are replaced while the store serves, and whatever dies in between, every value opens: the old state stands
//! or the new one, never a third.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use bytes::Bytes;
use golive_store::backend::{Backend, Sqlite, Statement, Value};
use golive_store::{
    Committed, Durability, LedgerRow, MasterKey, NotDone, Pace, Rotated, SealChange, SealStatus, Store,
    StoreError, StoreOptions, Uuid,
};

use crate::world::{Flaky, World, all, eventually, open_row, options, row};

fn full(id: u128) -> LedgerRow {
    LedgerRow {
        prompt: Some(Bytes::from(format!("prompt {id}"))),
        reply: (!id.is_multiple_of(3)).then(|| Bytes::from(format!("reply {id}"))),
        client_request_id: id.is_multiple_of(2).then(|| format!("theirs-{id}")),
        ..row(id)
    }
}

async fn fill(store: &Store, ids: std::ops::Range<u128>) {
    for id in ids {
        store.writer().commit(full(id)).await.unwrap();
    }
}

/// Every row as it was written: nothing is lost, nothing is changed.
async fn stands(store: &Store, ids: std::ops::Range<u128>) {
    let listed: BTreeMap<Uuid, LedgerRow> = all(store).await.into_iter().map(|row| (row.id, row)).collect();
    for id in ids {
        let id = Uuid::from_u128(id);
        let read = store.ledger_row(id, true).await.unwrap().unwrap();
        assert_eq!(read, full(id.as_u128()));
        assert_eq!(listed[&id].client_request_id, read.client_request_id);
    }
}

async fn rotate(store: &Store) -> Result<Rotated, SealChange> {
    store.rotate_data_keys(Pace::Full, 5_000_000).await
}

/// The ids and states of the keys for content.
fn content(status: &SealStatus) -> Vec<(u64, &'static str, u64)> {
    let keys = status.keys.iter().filter(|key| key.purpose == "content");
    keys.map(|key| (key.id, key.state, key.values.unwrap())).collect()
}

fn user_key(status: &SealStatus) -> Vec<u64> {
    let keys = status.keys.iter().filter(|key| key.purpose == "user_hash");
    keys.map(|key| key.id).collect()
}

#[tokio::test]
async fn a_rotation_seals_every_value_anew_and_the_old_key_is_retired() {
    let world = World::new();
    let store = world.open().await.store;
    fill(&store, 0..300).await;
    store.writer().commit(row(1000)).await.unwrap(); // nothing of it is sealed
    let hash = store.user_hash("key_a", "ada");
    let before = store.seal_status().await.unwrap();
    assert_eq!(content(&before), [(1, "seals", 300 + 200 + 150)]);

    let rotated = rotate(&store).await.unwrap();
    let expected = Rotated {
        resumed: false,
        rows: 300,
        retired: 2,
        unreadable: 0,
    };
    assert_eq!(rotated, expected);
    let after = store.seal_status().await.unwrap();
    assert_eq!(content(&after), [(1, "retired", 0), (4, "seals", 650)]);
    assert_eq!(user_key(&after), [3], "it is never replaced");
    assert_eq!((after.rotation, after.clear, after.orphaned), (None, 0, 0));
    stands(&store, 0..300).await;
    store.close().await;

    let store = world.open().await.store;
    stands(&store, 0..300).await;
    assert_eq!(
        store.user_hash("key_a", "ada"),
        hash,
        "a user stays the same user"
    );
    fill(&store, 300..310).await;
    rotate(&store).await.unwrap();
    stands(&store, 0..310).await;
    assert_eq!(
        content(&store.seal_status().await.unwrap())[2].1,
        "seals",
        "and once more"
    );
}

#[tokio::test]
async fn killed_before_or_after_any_step_the_old_state_stands_or_the_new_and_it_goes_on() {
    let (mut steps, mut begun) = (0, 0);
    for unheard in [false, true] {
        for step in 0.. {
            let world = World::new();
            let store = world.open().await.store;
            fill(&store, 0..300).await; // ten batches
            store.close().await;
            let flaky = Flaky::open(&world.path()).await;
            let opened = Store::open_on(world.options(), flaky.clone(), None)
                .await
                .unwrap();
            if unheard {
                flaky.fail_after_an_unheard(step);
            } else {
                flaky.fail_after(step);
            }
            let ended = rotate(&opened.store).await;
            drop(opened); // as a kill leaves it: nothing is closed
            if ended.is_ok() && !flaky.used_up() {
                break;
            }
            steps += 1;

            let store = world.open().await.store;
            stands(&store, 0..300).await;
            let status = store.seal_status().await.unwrap();
            let states: Vec<_> = content(&status).iter().map(|key| key.1).collect();
            match (&states[..], status.rotation.is_some()) {
                (["seals"], false) | (["opens", "seals"], true) | (["retired", "seals"], false) => {}
                third => panic!("step {step}, unheard {unheard}: {third:?}"),
            }
            let resumes = status.rotation.is_some();
            begun += u32::from(resumes);
            if states != ["retired", "seals"] {
                let rotated = rotate(&store).await.unwrap();
                assert_eq!((rotated.resumed, rotated.rows), (resumes, 300));
            }
            let status = store.seal_status().await.unwrap();
            assert_eq!(
                content(&status),
                [(1, "retired", 0), (4, "seals", 650)],
                "step {step}"
            );
            stands(&store, 0..300).await;
            store.close().await;
        }
    }
    assert!(
        steps >= 10 && begun >= 6,
        "{steps} steps, {begun} of them in the middle"
    );
}

#[tokio::test]
async fn rows_that_come_while_it_runs_are_kept_and_readers_never_miss_one() {
    let world = World::new();
    let store = world.open().await.store;
    fill(&store, 0..400).await;
    let (stop, tasks) = (
        Arc::new(AtomicBool::new(false)),
        tokio_util::task::TaskTracker::new(),
    );
    for caller in 1..=4u128 {
        let (store, stop) = (store.clone(), Arc::clone(&stop));
        tasks.spawn(async move {
            let mut id = caller * 10_000;
            while !stop.load(SeqCst) {
                store.writer().open(open_row(id));
                assert_eq!(store.writer().commit(full(id)).await, Ok(Committed::Stored));
                let old = Uuid::from_u128(id % 400);
                assert_eq!(
                    store.ledger_row(old, true).await.unwrap().unwrap(),
                    full(old.as_u128())
                );
                id += 1;
            }
            id
        });
    }
    tasks.close();
    for _ in 0..2 {
        let rotated = store.rotate_data_keys(Pace::Gentle, 1).await.unwrap();
        assert_eq!(rotated.unreadable, 0);
    }
    stop.store(true, SeqCst);
    tasks.wait().await;
    stands(&store, 0..400).await;
    let rows = all(&store).await;
    for row in &rows {
        let read = store.ledger_row(row.id, true).await.unwrap().unwrap();
        assert_eq!(read, full(row.id.as_u128()));
    }
    // What a caller had sealed just before may have come just after; the next one takes it.
    rotate(&store).await.unwrap();
    let keys = content(&store.seal_status().await.unwrap());
    let sealed: Vec<_> = keys.iter().filter(|key| key.2 > 0).collect();
    assert_eq!(sealed.len(), 1, "{keys:?}");
}

#[tokio::test]
async fn two_rotations_at_once_are_one_and_a_refusal() {
    let world = World::new();
    let (opened, flaky) = world.open_flaky().await;
    let store = opened.store;
    fill(&store, 0..50).await;
    let held = flaky.hang.lock().await;
    let (first, second, third) = (store.clone(), store.clone(), store.clone());
    let running = async { rotate(&first).await };
    let late = async {
        let refused = rotate(&second).await;
        assert!(matches!(refused, Err(SealChange::Busy)), "{refused:?}");
        let key = MasterKey::new(&[9; 32]).unwrap();
        let refused = third.replace_master_key(key, 1).await;
        assert!(matches!(refused, Err(SealChange::Busy)), "{refused:?}");
        drop(held);
    };
    let (done, ()) = tokio::join!(running, late);
    assert_eq!(done.unwrap().rows, 50);
    assert_eq!(
        content(&store.seal_status().await.unwrap()).len(),
        2,
        "one new key"
    );
}

#[tokio::test]
async fn a_full_disk_stops_it_loses_nothing_and_it_goes_on_when_there_is_room() {
    let world = World::new();
    let (opened, flaky) = world.open_flaky().await;
    let store = opened.store;
    fill(&store, 0..300).await;
    flaky.fail();
    let refused = rotate(&store).await;
    assert!(
        matches!(&refused, Err(SealChange::NotDone(NotDone::Failed(failure))) if failure.message.contains("full")),
        "{refused:?}"
    );
    assert_eq!(content(&store.seal_status().await.unwrap()), [(1, "seals", 650)]);
    flaky.heal();
    let up = |health: &golive_store::StoreHealth| health.database == golive_store::DatabaseHealth::Up;
    eventually(&store, "the database is up", up).await;
    flaky.fail_after(2); // it begins, and seals one batch
    assert!(rotate(&store).await.is_err());
    // Rows come all the same, and wait sealed in the spill file under the newest keys.
    assert_eq!(store.writer().commit(full(300)).await, Ok(Committed::Spilled));
    let refused = rotate(&store).await;
    assert!(
        matches!(
            refused,
            Err(SealChange::SpillWaits | SealChange::NotDone(NotDone::DatabaseOut))
        ),
        "{refused:?}"
    );
    flaky.heal();
    eventually(&store, "the database is up", up).await;
    let rotated = rotate(&store).await.unwrap();
    assert!(rotated.resumed);
    stands(&store, 0..301).await;
}

#[tokio::test]
async fn rows_in_a_spill_file_that_an_old_key_sealed_are_taken_in_and_sealed_anew() {
    let world = World::new();
    let (opened, flaky) = world.open_flaky().await;
    fill(&opened.store, 0..5).await;
    flaky.fail();
    fill(&opened.store, 5..20).await;
    drop(opened);
    let store = world.open().await.store;
    stands(&store, 0..20).await;
    rotate(&store).await.unwrap();
    assert_eq!(content(&store.seal_status().await.unwrap())[0], (1, "retired", 0));
    stands(&store, 0..20).await;
}

#[tokio::test]
async fn a_damaged_value_stays_as_it_is_is_counted_and_stops_nothing() {
    let world = World::new();
    let store = world.open().await.store;
    fill(&store, 0..20).await;
    let sql = Sqlite::open(&world.path(), Durability::Process).await.unwrap();
    let change = async |text: &'static str| sql.transact(&[Statement::new(text, vec![])]).await.unwrap();
    // Another row's prompt: it opens only in its own.
    change(
        "UPDATE ledger SET prompt = (SELECT prompt FROM ledger WHERE at_us = 1000001) WHERE at_us = 1000007",
    )
    .await;
    // Written before the column was sealed.
    change("UPDATE ledger SET client_request_id = 'in-clear' WHERE at_us = 1000004").await;
    assert_eq!(store.seal_status().await.unwrap().clear, 1);
    let rotated = rotate(&store).await.unwrap();
    assert_eq!((rotated.unreadable, rotated.rows), (1, 20));
    let status = store.seal_status().await.unwrap();
    assert_eq!(content(&status)[0], (1, "retired", 1));
    assert_eq!(status.clear, 0);
    let told = store
        .ledger_row(Uuid::from_u128(4), false)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(told.client_request_id.as_deref(), Some("in-clear"));
    assert!(
        store.ledger_row(Uuid::from_u128(7), true).await.is_err(),
        "said, not hidden"
    );
    sql.close().await;
}

#[tokio::test]
async fn another_master_key_opens_the_store_from_then_on_and_the_old_one_no_more() {
    let world = World::new();
    let store = world.open().await.store;
    fill(&store, 0..20).await;
    let (hash, before) = (
        store.user_hash("key_a", "ada"),
        store.seal_status().await.unwrap(),
    );
    let replaced = store
        .replace_master_key(MasterKey::new(&[8; 32]).unwrap(), 1)
        .await
        .unwrap();
    assert_eq!(replaced.data_keys, 3);
    let after = store.seal_status().await.unwrap();
    assert_eq!(
        (after.master.as_str(), after.master == before.master),
        (&*replaced.master, false)
    );
    assert_eq!(after.keys, before.keys, "the data keys are the same ones");
    // The process that did it goes on, and can rotate under the new key.
    fill(&store, 20..30).await;
    rotate(&store).await.unwrap();
    stands(&store, 0..30).await;
    let again = store
        .replace_master_key(MasterKey::new(&[8; 32]).unwrap(), 1)
        .await;
    assert!(matches!(again, Err(SealChange::SameMasterKey)), "{again:?}");
    store.close().await;

    let old = Store::open(options(&world.path(), 7)).await.err().unwrap();
    assert!(matches!(old, StoreError::ReplacedMasterKey { .. }), "{old}");
    let other = Store::open(options(&world.path(), 6)).await.err().unwrap();
    assert!(matches!(other, StoreError::WrongMasterKey { .. }), "{other}");
    let store = Store::open(options(&world.path(), 8)).await.unwrap().store;
    stands(&store, 0..30).await;
    assert_eq!(
        store.user_hash("key_a", "ada"),
        hash,
        "the key of the hashes was kept"
    );
}

#[tokio::test]
async fn killed_around_the_change_of_the_master_key_exactly_one_of_the_two_opens_it() {
    for unheard in [false, true] {
        let world = World::new();
        let store = world.open().await.store;
        fill(&store, 0..20).await;
        store.close().await;
        let flaky = Flaky::open(&world.path()).await;
        let opened = Store::open_on(world.options(), flaky.clone(), None)
            .await
            .unwrap();
        if unheard {
            flaky.fail_after_an_unheard(0);
        } else {
            flaky.fail();
        }
        let told = opened
            .store
            .replace_master_key(MasterKey::new(&[8; 32]).unwrap(), 1)
            .await;
        assert_eq!(
            told.is_ok(),
            unheard,
            "what the database has is what is said: {told:?}"
        );
        drop(opened);
        let (opens, refused) = if unheard { (8, 7) } else { (7, 8) };
        assert!(Store::open(options(&world.path(), refused)).await.is_err());
        let store = Store::open(options(&world.path(), opens)).await.unwrap().store;
        stands(&store, 0..20).await;
        store.close().await;
    }
}

#[tokio::test]
async fn how_often_a_key_has_sealed_is_known_over_restarts_and_never_too_low() {
    let world = World::new();
    let store = world.open().await.store;
    fill(&store, 0..30).await; // 65 values
    store.close().await;
    let store = world.open().await.store;
    let sealed = |status: &SealStatus| status.keys[0].sealed.unwrap();
    assert_eq!(
        sealed(&store.seal_status().await.unwrap()),
        65,
        "exact after an orderly end"
    );
    fill(&store, 30..31).await;
    drop(store); // the lock goes with the writer's task, which ends by itself
    let path = world.path();
    let store = loop {
        match Store::open(options(&path, 7)).await {
            Ok(opened) => break opened.store,
            Err(StoreError::Held { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    let status = store.seal_status().await.unwrap();
    assert!((67..67 + 65_536).contains(&sealed(&status)), "{status:?}");
    assert_eq!(status.keys[0].left.unwrap() + sealed(&status), 1 << 32);
    assert_eq!(store.seals_left(), status.keys[0].left.unwrap());
}

#[tokio::test]
async fn a_key_at_its_bound_seals_no_more_the_account_stands_and_a_rotation_heals_it() {
    let world = World::new();
    world.open().await.store.close().await;
    let sql = Sqlite::open(&world.path(), Durability::Process).await.unwrap();
    let args = vec![Value::text("seals_1"), Value::text(&(1u64 << 32).to_string())];
    let set = "INSERT INTO meta (key, value) VALUES ($1, $2)";
    sql.transact(&[Statement::new(set, args)]).await.unwrap();
    sql.close().await;
    let store = world.open().await.store;
    assert_eq!(store.seals_left(), 0);
    assert_eq!(store.writer().commit(full(2)).await, Ok(Committed::Stored));
    let bare = store.ledger_row(Uuid::from_u128(2), true).await.unwrap().unwrap();
    assert_eq!(
        (bare.prompt, bare.client_request_id, bare.status),
        (None, None, 200)
    );
    rotate(&store).await.unwrap();
    fill(&store, 3..4).await;
    stands(&store, 3..4).await;
}

/// What a search for a text in raw bytes has to try: as it is, in UTF-16 of either order, in hexadecimal, in base64 at
/// each of the three offsets, escaped as JSON may be.
fn encodings(text: &str) -> Vec<Vec<u8>> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let escaped: String = text.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let mut all = vec![
        text.as_bytes().to_vec(),
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        escaped.into_bytes(),
        text.bytes().rev().collect(),
    ];
    for offset in 0..3 {
        for alphabet in [b"+/", b"-_"] {
            all.push(base64(&text.as_bytes()[offset..], alphabet));
        }
    }
    all
}

/// The whole groups of the base64 of a text: what of it does not depend on its neighbours.
fn base64(bytes: &[u8], last: &[u8; 2]) -> Vec<u8> {
    let alphabet: Vec<u8> = (b'A'..=b'Z')
        .chain(b'a'..=b'z')
        .chain(b'0'..=b'9')
        .chain(*last)
        .collect();
    let digits = |group: &[u8]| {
        let word = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        [18, 12, 6, 0].map(|shift| alphabet[(word >> shift & 63) as usize])
    };
    bytes.chunks_exact(3).flat_map(digits).collect()
}

#[test]
fn the_search_finds_what_stands_there_in_any_encoding() {
    assert_eq!(base64(b"the-heron", b"+/"), b"dGhlLWhlcm9u");
    let canary = "the-heron-that-nobody-may-see";
    for encoded in encodings(canary) {
        let file = [&b"noise"[..], &encoded, b"noise"].concat();
        assert!(
            encodings(canary)
                .iter()
                .any(|wanted| file.windows(wanted.len()).any(|at| at == wanted))
        );
    }
}

#[tokio::test]
async fn nothing_sensitive_stands_in_clear_in_database_log_or_spill_in_any_encoding_before_and_after_a_rotation()
 {
    let canaries = [
        "the-heron-that-nobody-may-see",
        "an-otter-in-the-reply",
        "their-id-of-ada-lovelace",
        "ada@example.org",
    ];
    let sensitive = |store: &Store, id| LedgerRow {
        prompt: Some(Bytes::from(format!("{{\"text\":\"{}\"}}", canaries[0]))),
        reply: Some(Bytes::from(canaries[1])),
        client_request_id: Some(canaries[2].into()),
        user_hash: Some(store.user_hash("key_a", canaries[3])),
        ..row(id)
    };
    let world = World::new();
    let (opened, flaky) = world
        .open_flaky_with(StoreOptions {
            spill_size: 1 << 20,
            ..world.options()
        })
        .await;
    let store = opened.store;
    let clear = |when: &str| {
        let mut seen = 0;
        for name in ["golive.db", "golive.db-wal", "golive.db.spill"] {
            let bytes = std::fs::read(world.folder.path().join(name)).unwrap_or_default();
            seen += bytes.len();
            for canary in canaries {
                for encoded in encodings(canary) {
                    let found = bytes.windows(encoded.len()).any(|at| at == encoded);
                    assert!(!found, "{canary} stands in {name} {when}");
                }
            }
        }
        assert!(seen > 1 << 20, "the files were looked at");
    };
    for id in 0..20 {
        store.writer().commit(sensitive(&store, id)).await.unwrap();
    }
    flaky.fail();
    for id in 20..40 {
        assert_eq!(
            store.writer().commit(sensitive(&store, id)).await,
            Ok(Committed::Spilled)
        );
    }
    clear("while rows wait in the spill file");
    flaky.heal();
    eventually(&store, "all is drained", |health| health.spill_used == 0).await;
    clear("after the drain");
    eventually(&store, "the database is up", |health| {
        health.database == golive_store::DatabaseHealth::Up
    })
    .await;
    rotate(&store).await.unwrap();
    clear("after a rotation");
    store.close().await;
    clear("when the store is closed");
    let store = world.open().await.store;
    assert_eq!(
        store
            .ledger_row(Uuid::from_u128(39), true)
            .await
            .unwrap()
            .unwrap(),
        sensitive(&store, 39)
    );
}
