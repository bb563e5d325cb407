//! The ledger while all is well.

use std::time::Duration;

use bytes::Bytes;
use golive_store::{
    Admission, CommitRefused, Committed, LedgerFilter, LedgerRow, Retained, Retention, UserHash, Uuid,
};

use crate::world::{World, all, open_row, row, with_content};

#[tokio::test]
async fn a_row_comes_back_as_it_was_and_its_content_only_when_asked_for() {
    let world = World::new();
    let store = world.open().await.store;
    let written = LedgerRow {
        user_hash: Some(store.user_hash("key_a", "ann")),
        prompt: Some(Bytes::from_static(b"where is my parcel, I am Ann")),
        reply: Some(Bytes::from_static(b"in the post")),
        client_request_id: Some("sealed, with a \0 inside".into()),
        trace_id: Some("in clear, with a \0 inside".into()),
        ..row(1)
    };
    store.writer().commit(written.clone()).await.unwrap();
    let stored = LedgerRow {
        trace_id: Some("in clear, with a \u{fffd} inside".into()),
        ..written
    };
    assert_eq!(
        store.ledger_row(stored.id, true).await.unwrap(),
        Some(stored.clone())
    );
    let bare = LedgerRow {
        prompt: None,
        reply: None,
        ..stored
    };
    assert_eq!(
        store.ledger_row(bare.id, false).await.unwrap(),
        Some(bare.clone())
    );
    assert_eq!(store.ledger(&LedgerFilter::default()).await.unwrap(), [bare]);
    assert_eq!(store.ledger_row(Uuid::from_u128(9), true).await.unwrap(), None);
    store.close().await;
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [&b"parcel"[..], b"in the post", b"ann"] {
            assert!(
                !bytes
                    .windows(secret.len())
                    .any(|window| window.eq_ignore_ascii_case(secret)),
                "stands in clear"
            );
        }
    }
}

#[tokio::test]
async fn a_row_that_comes_twice_counts_once_and_the_first_stands() {
    let world = World::new();
    let store = world.open().await.store;
    store.writer().commit(row(1)).await.unwrap();
    store
        .writer()
        .commit(LedgerRow {
            outcome: "error:late".into(),
            ..row(1)
        })
        .await
        .unwrap();
    store.writer().open(open_row(1));
    store.writer().commit(row(2)).await.unwrap();
    let rows = all(&store).await;
    assert_eq!(
        rows.iter().map(|row| &*row.outcome).collect::<Vec<_>>(),
        ["ok", "ok"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_at_once_each_get_their_row() {
    let world = World::new();
    let store = world.open().await.store;
    let tasks = tokio_util::task::TaskTracker::new();
    for caller in 0..64u128 {
        let writer = store.writer().clone();
        tasks.spawn(async move {
            for n in 0..20 {
                writer.open(open_row(caller * 100 + n));
                assert_eq!(writer.commit(row(caller * 100 + n)).await, Ok(Committed::Stored));
            }
        });
    }
    tasks.close();
    tasks.wait().await;
    let rows = all(&store).await;
    assert_eq!(rows.len(), 64 * 20);
    assert!(rows.iter().all(|row| row.outcome == "ok"));
    assert!(
        rows.is_sorted_by_key(|row| std::cmp::Reverse((row.at_us, row.id))),
        "newest first"
    );
}

#[tokio::test]
async fn filters_narrow_and_pages_go_on_where_the_last_one_ended() {
    let world = World::new();
    let store = world.open().await.store;
    let ann = store.user_hash("key_a", "ann");
    for n in 0..50u128 {
        let mut row = row(n);
        row.at_us = (n / 3) as i64; // several rows share a moment
        match n % 5 {
            0 => row.callee = Some("model/fast".into()),
            1 => row.principal = "key_b".into(),
            2 => row.user_hash = Some(ann),
            3 => row.outcome = format!("error:code_{n}"),
            _ => {}
        }
        store.writer().commit(row).await.unwrap();
    }
    let count = async |filter: LedgerFilter| store.ledger(&filter).await.unwrap().len();
    assert_eq!(
        count(LedgerFilter {
            callee: Some("model/fast".into()),
            ..Default::default()
        })
        .await,
        10
    );
    assert_eq!(
        count(LedgerFilter {
            principal: Some("key_b".into()),
            ..Default::default()
        })
        .await,
        10
    );
    assert_eq!(
        count(LedgerFilter {
            user_hash: Some(ann),
            ..Default::default()
        })
        .await,
        10
    );
    assert_eq!(
        count(LedgerFilter {
            outcome_prefix: Some("error:".into()),
            ..Default::default()
        })
        .await,
        10
    );
    assert_eq!(
        count(LedgerFilter {
            outcome_prefix: Some("error:code_13".into()),
            ..Default::default()
        })
        .await,
        1
    );
    assert_eq!(
        count(LedgerFilter {
            since_us: Some(3),
            until_us: Some(5),
            ..Default::default()
        })
        .await,
        6
    );

    let whole = all(&store).await;
    let mut paged = Vec::new();
    loop {
        let after = paged.last().map(LedgerRow::cursor);
        let page = store
            .ledger(&LedgerFilter {
                limit: 7,
                after,
                ..Default::default()
            })
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, whole);
}

#[tokio::test]
async fn windows_are_rebuilt_from_rows_that_count_folded_ones_with_their_number() {
    let world = World::new();
    let store = world.open().await.store;
    let user = UserHash([3; 16]);
    store
        .writer()
        .commit(LedgerRow {
            counted: false,
            ..row(1)
        })
        .await
        .unwrap();
    store
        .writer()
        .commit(LedgerRow {
            user_hash: Some(user),
            ..row(2)
        })
        .await
        .unwrap();
    for n in 0..30 {
        let refused = LedgerRow {
            outcome: "refused:admit:busy".into(),
            status: 503,
            ..row(100 + n)
        };
        store.writer().commit(refused).await.unwrap();
    }
    let since = row(2).at_us;
    let admissions = store.admissions_since(since).await.unwrap();
    let first = Admission {
        at_us: since,
        principal: "key_a".into(),
        user_hash: Some(user),
        callee: row(2).callee,
        count: 1,
        counted: true,
        tokens: 12,
        latency_us: row(2).latency_us,
    };
    assert_eq!(admissions[0], first);
    assert_eq!(
        admissions.iter().map(|admission| admission.count).sum::<u32>(),
        31
    );
    assert_eq!(
        admissions.len(),
        1 + 11,
        "ten refusals with rows of their own, the rest in one"
    );
}

#[tokio::test]
async fn a_refusal_after_its_open_row_never_ends_as_lost() {
    let world = World::new();
    let store = world.open().await.store;
    for n in 0..20 {
        store.writer().open(open_row(n));
        store
            .writer()
            .commit(LedgerRow {
                outcome: "refused:dispatch:x".into(),
                ..row(n)
            })
            .await
            .unwrap();
    }
    store.close().await;
    let opened = world.open().await;
    assert_eq!((opened.lost, all(&opened.store).await.len()), (0, 20));
}

#[tokio::test]
async fn open_rows_of_a_process_that_is_gone_are_settled_as_lost_at_their_estimate() {
    let world = World::new();
    let store = world.open().await.store;
    store.writer().open(open_row(1));
    store.writer().open(open_row(2));
    store.writer().commit(row(2)).await.unwrap();
    assert_eq!(
        store
            .ledger_row(Uuid::from_u128(1), false)
            .await
            .unwrap()
            .unwrap()
            .outcome,
        "open"
    );
    store.close().await;
    let opened = world.open().await;
    assert_eq!(opened.lost, 1);
    let lost = opened
        .store
        .ledger_row(Uuid::from_u128(1), false)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (&*lost.outcome, lost.tokens.input, lost.counted),
        ("lost", Some(100), true)
    );
    assert_eq!(opened.store.admissions_since(0).await.unwrap().len(), 2);
}

#[tokio::test]
async fn content_ages_out_before_its_row_and_young_rows_stay() {
    let world = World::new();
    let store = world.open().await.store;
    let day = 24 * 3600 * 1_000_000i64;
    let now = 1000 * day;
    for n in 0..1300u128 {
        let age = if n < 600 {
            500
        } else if n < 1200 {
            40
        } else {
            10
        };
        let row = LedgerRow {
            at_us: now - age * day,
            ..with_content(n, 10)
        };
        if n % 50 != 0 {
            store.writer().open(open_row(n)); // most come together, some are waited for
        }
        let writer = store.writer().clone();
        let committed = writer.commit(row);
        assert_eq!(committed.await, Ok(Committed::Stored));
    }
    let done = store.retain(Retention::default(), now).await.unwrap();
    assert_eq!(
        done,
        Retained {
            tickets_deleted: 0,
            content_cleared: 600,
            rows_deleted: 600,
            answers_forgotten: 0,
        }
    );
    let rows = all(&store).await;
    assert_eq!(rows.len(), 700);
    let content = async |id| {
        store
            .ledger_row(Uuid::from_u128(id), true)
            .await
            .unwrap()
            .unwrap()
            .prompt
    };
    assert_eq!(
        (content(700).await, content(1250).await.map(|prompt| prompt.len())),
        (None, Some(10))
    );
    let again = store
        .retain(
            Retention {
                content: Duration::ZERO,
                ..Retention::default()
            },
            now,
        )
        .await
        .unwrap();
    assert_eq!(
        again,
        Retained {
            tickets_deleted: 0,
            content_cleared: 100,
            rows_deleted: 0,
            answers_forgotten: 0,
        }
    );
}

#[tokio::test]
async fn a_closed_store_refuses_and_what_was_queued_before_is_written() {
    let world = World::new();
    let store = world.open().await.store;
    for n in 0..500 {
        store.writer().open(open_row(n));
    }
    store.close().await;
    assert_eq!(store.writer().commit(row(1)).await, Err(CommitRefused::Closed));
    assert_eq!(store.writer().can_record(), Err(CommitRefused::Closed));
    assert_eq!(world.open().await.lost, 500);
}
