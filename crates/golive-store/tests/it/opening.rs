//! Opening: what is refused, with which words, and that a refusal changes nothing.

use golive_store::backend::{Backend as _, Sqlite, Statement, Value};
use golive_store::{Committed, Durability, Store, StoreError};

use crate::world::{World, all, open_row, options, row};

#[tokio::test]
async fn a_store_held_by_another_is_refused_with_its_file_and_what_to_do() {
    let world = World::new();
    let first = world.open().await.store;
    let error = Store::open(world.options()).await.err().unwrap();
    let text = error.to_string();
    let me = format!("process {}", std::process::id());
    assert!(
        text.contains("golive.db.lock") && text.contains(&me) && text.contains("stop it"),
        "{text}"
    );
    first.close().await;
    world.open().await.store.close().await;
}

#[tokio::test]
async fn a_store_whose_handles_are_all_gone_lets_its_lock_go() {
    let world = World::new();
    let opened = world.open().await;
    assert_eq!(opened.store.writer().commit(row(1)).await, Ok(Committed::Stored));
    drop(opened);
    for _ in 0..2000 {
        match Store::open(world.options()).await {
            Ok(opened) => return assert_eq!(all(&opened.store).await.len(), 1),
            Err(StoreError::Held { .. }) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the lock was never let go");
}

#[tokio::test]
async fn a_wrong_master_key_is_refused_and_nothing_is_overwritten() {
    let world = World::new();
    let store = world.open().await.store;
    store.writer().open(open_row(2));
    store.writer().commit(row(1)).await.unwrap();
    store.close().await;
    let files = || {
        ["golive.db", "golive.db.spill"].map(|name| std::fs::read(world.folder.path().join(name)).unwrap())
    };
    let before = files();

    let error = Store::open(options(&world.path(), 8)).await.err().unwrap();
    assert!(matches!(error, StoreError::WrongMasterKey { .. }), "{error}");
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    assert!(files() == before, "a file was changed");

    let opened = world.open().await;
    assert_eq!((opened.lost, all(&opened.store).await.len()), (1, 2));
}

#[tokio::test]
async fn a_store_that_needs_a_later_golive_is_refused_and_one_that_does_not_is_opened() {
    let world = World::new();
    world.open().await.store.close().await;
    let set = async |key: &str, value: &str| {
        let backend = Sqlite::open(&world.path(), Durability::Process).await.unwrap();
        let args = vec![Value::text(key), Value::text(value)];
        backend
            .transact(&[Statement::new("UPDATE meta SET value = $2 WHERE key = $1", args)])
            .await
            .unwrap();
        backend.close().await;
    };
    set("schema_version", "9").await;
    let store = world.open().await.store;
    assert_eq!(
        store.writer().commit(row(1)).await,
        Ok(Committed::Stored),
        "a later schema that this version can read"
    );
    store.close().await;
    set("oldest_reader", "8").await;
    let error = Store::open(world.options()).await.err().unwrap();
    assert!(matches!(error, StoreError::TooNew { needs: 8, .. }), "{error}");
    assert!(
        error.to_string().contains("needs a golive that knows schema 8"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let world = World::new();
    let text = "dear diary, ".repeat(1000);
    std::fs::write(world.path(), &text).unwrap();
    let error = Store::open(world.options()).await.err().unwrap();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(world.path()).unwrap(), text);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let world = World::new();
    let error = Store::open(options(&world.folder.path().join("nowhere/golive.db"), 7))
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("nowhere/golive.db.lock"), "{error}");
}

#[tokio::test]
async fn spilled_rows_whose_database_is_gone_are_not_thrown_away() {
    let world = World::new();
    let (opened, flaky) = world.open_flaky().await;
    flaky.fail();
    assert_eq!(opened.store.writer().commit(row(1)).await, Ok(Committed::Spilled));
    opened.store.close().await;
    let aside = world.folder.path().join("aside.db");
    std::fs::rename(world.path(), &aside).unwrap();

    let error = Store::open(world.options()).await.err().unwrap();
    assert!(
        error
            .to_string()
            .contains("golive.db.spill holds rows that belong to another store"),
        "{error}"
    );

    let again = Store::open(world.options()).await.err().unwrap();
    assert_eq!(
        again.to_string(),
        error.to_string(),
        "an empty database in its place changes nothing"
    );
    std::fs::rename(&aside, world.path()).unwrap();
    let opened = world.open().await;
    assert_eq!((opened.drained, all(&opened.store).await.len()), (1, 1));
}

#[tokio::test]
async fn all_files_of_the_store_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let store = world.open().await.store;
    store.writer().commit(row(1)).await.unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
        seen += 1;
    }
    assert!(seen >= 4, "database, log, lock and spill, but only {seen} files");
}
