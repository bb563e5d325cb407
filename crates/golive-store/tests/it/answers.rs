//! P3, S7: answers that are kept under an idempotency key: sealed, for as long as they were promised, in bounded room.

use bytes::Bytes;
use golive_store::backend::{Backend, Sqlite};
use golive_store::{Durability, IdempotencyKey, KEPT_BODY_MAX, KeptAnswer, NotKept, Retention, Store, Uuid};

use crate::world::World;

fn answer(body: &[u8]) -> KeptAnswer {
    KeptAnswer {
        request: Uuid::from_u128(7),
        asked: [3; 32],
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: Bytes::copy_from_slice(body),
    }
}

async fn keep(store: &Store, principal: &str, name: &str, body: &[u8]) -> IdempotencyKey {
    let key = store.idempotency_key(&[principal.as_bytes(), name.as_bytes()]);
    store
        .keep_answer(principal, key, &answer(body), 1000, 2000)
        .await
        .unwrap();
    key
}

async fn rows(world: &World) -> i64 {
    let database = Sqlite::open(&world.path(), Durability::Process).await.unwrap();
    let count = database.query("SELECT COUNT(*) FROM idempotent_answers", vec![]);
    count.await.unwrap()[0].int(0).unwrap()
}

#[tokio::test]
async fn an_answer_is_there_until_it_expires_over_a_restart_and_then_it_is_swept() {
    let world = World::new();
    let store = world.open().await.store;
    let key = keep(&store, "key_a", "k", b"hello").await;
    store.close().await;
    let store = world.open().await.store;
    assert_eq!(
        store.idempotency_key(&[b"key_a", b"k"]),
        key,
        "the hash stays the same"
    );
    assert_eq!(
        store.kept_answer(&key, 1999).await.unwrap(),
        Some(answer(b"hello"))
    );
    assert_eq!(store.kept_answer(&key, 2000).await.unwrap(), None);
    let retained = store.retain(Retention::default(), 1999).await.unwrap();
    assert_eq!((retained.answers_forgotten, rows(&world).await), (0, 1));
    let retained = store.retain(Retention::default(), 2000).await.unwrap();
    assert_eq!((retained.answers_forgotten, rows(&world).await), (1, 0));
}

#[tokio::test]
async fn the_first_answer_stays_and_an_expired_one_makes_room_for_the_next() {
    let world = World::new();
    let store = world.open().await.store;
    let key = keep(&store, "key_a", "k", b"first").await;
    keep(&store, "key_a", "k", b"second").await;
    assert_eq!(
        store.kept_answer(&key, 1500).await.unwrap(),
        Some(answer(b"first"))
    );
    store
        .keep_answer("key_a", key, &answer(b"third"), 2000, 3000)
        .await
        .unwrap();
    assert_eq!(
        store.kept_answer(&key, 2500).await.unwrap(),
        Some(answer(b"third"))
    );
}

#[tokio::test]
async fn of_one_principal_only_so_much_is_kept_the_newest_and_nobody_elses_goes() {
    let world = World::new();
    let store = world.open().await.store;
    let other = keep(&store, "key_b", "k", b"theirs").await;
    let large = vec![b'x'; KEPT_BODY_MAX];
    let mut keys = Vec::new();
    for n in 0..160 {
        keys.push(keep(&store, "key_a", &n.to_string(), &large).await);
    }
    let kept = rows(&world).await - 1;
    assert!((150..=157).contains(&kept), "{kept} of a MiB in 156 MiB and one");
    assert_eq!(store.kept_answer(&keys[0], 1500).await.unwrap(), None);
    assert!(store.kept_answer(&keys[159], 1500).await.unwrap().is_some());
    assert!(store.kept_answer(&other, 1500).await.unwrap().is_some());
}

#[tokio::test]
async fn one_that_is_too_long_is_not_kept_and_one_that_the_database_does_not_take_is_not_promised() {
    let world = World::new();
    let (opened, flaky) = world.open_flaky().await;
    let store = opened.store;
    let key = store.idempotency_key(&[b"k"]);
    let long = answer(&vec![0; KEPT_BODY_MAX + 1]);
    let refused = store.keep_answer("key_a", key, &long, 1000, 2000).await;
    assert!(matches!(refused, Err(NotKept::TooLong)), "{refused:?}");
    flaky.fail();
    let refused = store.keep_answer("key_a", key, &answer(b"x"), 1000, 2000).await;
    assert!(matches!(refused, Err(NotKept::Write(_))), "{refused:?}");
    assert_eq!(store.kept_answer(&key, 1500).await.unwrap(), None);
}

#[tokio::test]
async fn neither_key_nor_body_nor_header_stands_in_clear_and_a_row_moved_does_not_open() {
    let world = World::new();
    let store = world.open().await.store;
    let key = keep(&store, "key_a", "the-callers-key", b"the answer's own words").await;
    let other = keep(&store, "key_a", "another", b"other").await;
    store.close().await;
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let raw = std::fs::read(entry.unwrap().path()).unwrap();
        for clear in ["the-callers-key", "own words", "application/json"] {
            let found = holds(&raw, clear.as_bytes());
            assert!(!found, "`{clear}` stands in clear");
        }
    }
    let database = Sqlite::open(&world.path(), Durability::Process).await.unwrap();
    let swap = golive_store::backend::Statement::new(
        "UPDATE idempotent_answers SET answer = (SELECT answer FROM idempotent_answers ORDER BY id LIMIT 1)",
        vec![],
    );
    database.transact(&[swap]).await.unwrap();
    database.close().await;
    let store = world.open().await.store;
    let opened = [
        store.kept_answer(&key, 1500).await.unwrap(),
        store.kept_answer(&other, 1500).await.unwrap(),
    ];
    assert_eq!(
        opened.iter().flatten().count(),
        1,
        "only the one in its own place"
    );
}

#[tokio::test]
async fn no_two_lists_of_parts_have_one_key() {
    let store = World::new().open().await.store;
    let keys = [
        store.idempotency_key(&[b"ab", b"c"]),
        store.idempotency_key(&[b"a", b"bc"]),
        store.idempotency_key(&[b"abc"]),
        store.idempotency_key(&[b"abc", b""]),
    ];
    for (n, key) in keys.iter().enumerate() {
        assert!(!keys[..n].contains(key), "{n}");
    }
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
