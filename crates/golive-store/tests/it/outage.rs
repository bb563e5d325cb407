//! The database fails, the disk is full, and then it is well again.

use golive_store::{CommitRefused, Committed, DatabaseHealth, LedgerRow, StoreOptions, Uuid, WhenFull};

use crate::world::{World, all, eventually, open_row, row, with_content};

#[tokio::test]
async fn rows_spill_while_the_database_fails_and_drain_when_it_is_back_with_health_telling_so() {
    let world = World::new();
    let (opened, flaky) = world.open_flaky().await;
    let store = opened.store;
    assert_eq!(store.writer().commit(row(1)).await, Ok(Committed::Stored));
    flaky.fail();
    for n in 2..20 {
        store.writer().open(open_row(n));
        assert_eq!(store.writer().commit(row(n)).await, Ok(Committed::Spilled));
    }
    let health = store.health();
    assert!(
        matches!(&health.database, DatabaseHealth::Down { error, .. } if error.contains("full")),
        "{health:?}"
    );
    assert!(
        health.spill_used > 0 && health.spill_size >= health.spill_used && !health.full,
        "{health:?}"
    );
    assert_eq!(store.writer().can_record(), Ok(()));
    flaky.heal();
    eventually(&store, "the database is up", |health| {
        health.database == DatabaseHealth::Up
    })
    .await;
    assert_eq!(store.health().spill_used, 0);
    let rows = all(&store).await;
    assert_eq!(rows.len(), 19);
    assert!(rows.iter().all(|row| row.outcome == "ok"));
    assert_eq!(store.writer().commit(row(50)).await, Ok(Committed::Stored));
}

#[tokio::test]
async fn nothing_overtakes_the_spill_file_while_it_drains() {
    let world = World::new();
    let (opened, flaky) = world.open_flaky().await;
    let store = opened.store;
    flaky.fail();
    // The open row is in the spill file; its final row must come behind it, wherever it goes.
    store.writer().open(open_row(1));
    for n in 100..400 {
        assert_eq!(store.writer().commit(row(n)).await, Ok(Committed::Spilled));
    }
    flaky.heal();
    let mut told = Vec::new();
    for n in 400..500 {
        told.push(store.writer().commit(row(n)).await.unwrap());
    }
    store.writer().commit(row(1)).await.unwrap();
    eventually(&store, "all is drained", |health| {
        health.spill_used == 0 && health.database == DatabaseHealth::Up
    })
    .await;
    assert_eq!(
        store
            .ledger_row(Uuid::from_u128(1), false)
            .await
            .unwrap()
            .unwrap()
            .outcome,
        "ok"
    );
    assert_eq!(all(&store).await.len(), 401);
}

#[tokio::test]
async fn a_row_that_was_stored_and_spilled_counts_once() {
    let world = World::new();
    let (opened, flaky) = world.open_flaky().await;
    let store = opened.store;
    flaky.commit_and_fail();
    for n in 0..5 {
        assert_eq!(store.writer().commit(row(n)).await, Ok(Committed::Spilled));
    }
    for n in 100..140 {
        let refused = LedgerRow {
            outcome: "refused:admit:busy".into(),
            ..row(n)
        };
        assert_eq!(store.writer().commit(refused).await, Ok(Committed::Spilled));
    }
    flaky.heal();
    eventually(&store, "all is drained", |health| {
        health.database == DatabaseHealth::Up
    })
    .await;
    let rows = all(&store).await;
    assert_eq!(rows.iter().filter(|row| row.outcome == "ok").count(), 5);
    assert_eq!(rows.iter().map(|row| row.folded).sum::<u32>(), 45);
}

#[tokio::test]
async fn both_full_is_a_typed_refusal_and_requests_under_way_have_room_kept_for_them() {
    let world = World::new();
    let (opened, flaky) = world.open_flaky().await;
    let store = opened.store;
    flaky.fail();
    let (mut kept, mut refused_at) = (0u128, None);
    for n in 0..10_000 {
        if refused_at.is_none() && store.writer().can_record().is_err() {
            refused_at = Some(n);
        }
        match store.writer().commit(with_content(n, 2000)).await {
            Ok(Committed::Spilled) => kept += 1,
            Err(CommitRefused::Full { used, size }) => {
                assert!(used <= size && size - used < 1000, "{used} of {size}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    let refused_at = refused_at.unwrap();
    assert!(
        refused_at + 5 < kept,
        "no room was kept: refused at {refused_at}, full at {kept}"
    );
    assert!(store.health().full);
    flaky.heal();
    eventually(&store, "room again", |health| {
        !health.full && health.database == DatabaseHealth::Up
    })
    .await;
    assert_eq!(store.writer().can_record(), Ok(()));
    let rows = all(&store).await;
    assert_eq!(
        rows.len() as u128,
        kept,
        "all that were promised, and the refused one is not among them"
    );
    let content = async |id| {
        store
            .ledger_row(Uuid::from_u128(id), true)
            .await
            .unwrap()
            .unwrap()
            .prompt
    };
    assert!(content(0).await.is_some());
    assert!(
        content(kept - 1).await.is_none(),
        "the last ones were kept without their content"
    );
}

#[tokio::test]
async fn unrecorded_service_is_only_given_when_asked_for_and_is_counted() {
    let world = World::new();
    let options = StoreOptions {
        when_full: WhenFull::Unrecorded,
        ..world.options()
    };
    let (opened, flaky) = world.open_flaky_with(options).await;
    let store = opened.store;
    flaky.fail();
    let mut unrecorded = 0;
    for n in 0..3000 {
        match store.writer().commit(row(n)).await.unwrap() {
            Committed::Unrecorded => unrecorded += 1,
            told => assert_eq!(told, Committed::Spilled),
        }
        assert_eq!(store.writer().can_record(), Ok(()));
    }
    assert!(unrecorded > 0);
    assert_eq!(store.health().unrecorded, unrecorded);
}

#[tokio::test]
async fn a_database_that_fails_at_each_step_of_the_recovery_is_mended_in_the_end() {
    for step in 0..4 {
        let world = World::new();
        let (opened, flaky) = world.open_flaky().await;
        let store = opened.store;
        flaky.fail();
        for n in 0..600 {
            store.writer().commit(row(n)).await.unwrap(); // more than one chunk of the drain
        }
        flaky.fail_after(step);
        eventually(&store, "the steps that were let through are used up", |_| {
            flaky.used_up()
        })
        .await;
        flaky.heal();
        eventually(&store, "the database is up", |health| {
            health.database == DatabaseHealth::Up
        })
        .await;
        assert_eq!(all(&store).await.len(), 600, "step {step}");
    }
}

#[tokio::test]
async fn a_disk_that_hangs_fills_the_queue_and_callers_are_told_instead_of_waiting_on() {
    let world = World::new();
    let (opened, flaky) = world.open_flaky().await;
    let store = opened.store;
    let hang = flaky.hang.lock().await;
    store.writer().open(open_row(0));
    eventually(&store, "the writer has taken the row and hangs", |health| {
        health.queue_len == 0
    })
    .await;
    for n in 1..10_000 {
        store.writer().open(open_row(n)); // never waits
    }
    assert!(store.health().dropped_opens > 0);
    assert_eq!(store.writer().can_record(), Err(CommitRefused::Busy));
    assert_eq!(store.writer().commit(row(20_000)).await, Err(CommitRefused::Busy));
    eventually(&store, "the hanging database is given up", |health| {
        health.database != DatabaseHealth::Up
    })
    .await;
    assert_eq!(store.writer().commit(row(20_001)).await, Ok(Committed::Spilled));
    drop(hang);
    eventually(&store, "the database is up", |health| {
        health.database == DatabaseHealth::Up
    })
    .await;
    let stands = store
        .ledger_row(Uuid::from_u128(20_001), false)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stands.outcome, "ok");
}

#[tokio::test]
async fn a_start_on_a_full_disk_serves_from_the_spill_file_and_settles_later() {
    let world = World::new();
    let store = world.open().await.store;
    store.writer().open(open_row(1));
    store.close().await;
    let flaky = crate::world::Flaky::open(&world.path()).await;
    flaky.fail_after(1); // the look at `meta` passes, then nothing does
    let opened = golive_store::Store::open_on(world.options(), flaky.clone(), None)
        .await
        .unwrap();
    assert_eq!(opened.lost, 0);
    assert_eq!(opened.store.writer().commit(row(2)).await, Ok(Committed::Spilled));
    flaky.heal();
    eventually(&opened.store, "the database is up", |health| {
        health.database == DatabaseHealth::Up
    })
    .await;
    let rows = all(&opened.store).await;
    let outcomes: Vec<_> = rows.iter().map(|row| &*row.outcome).collect();
    assert_eq!(outcomes, ["ok", "lost"]);
}

#[tokio::test]
async fn a_real_full_database_is_noticed_and_outlived() {
    use golive_store::backend::{Backend as _, Statement};
    let world = World::new();
    let (opened, flaky) = world.open_flaky().await;
    let store = opened.store;
    let pages = async |pragma: &'static str| flaky.transact(&[Statement::new(pragma, vec![])]).await.unwrap();
    pages("PRAGMA max_page_count = 30").await;
    let mut told = Vec::new();
    for n in 0..40 {
        told.push(store.writer().commit(with_content(n, 6000)).await.unwrap());
    }
    assert!(
        told.contains(&Committed::Stored) && told.contains(&Committed::Spilled),
        "{told:?}"
    );
    pages("PRAGMA max_page_count = 1000000").await;
    eventually(&store, "all is drained", |health| {
        health.database == DatabaseHealth::Up && health.spill_used == 0
    })
    .await;
    assert_eq!(all(&store).await.len(), 40);
    assert_eq!(
        store
            .ledger_row(Uuid::from_u128(39), true)
            .await
            .unwrap()
            .unwrap()
            .prompt
            .unwrap()
            .len(),
        6000
    );
}
