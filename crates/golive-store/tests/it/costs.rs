//! P6: what the ledger tells of money: to budgets that are filled again after a restart, and to a reckoning of costs.

use golive_checklist::unit::NanoUsd;
use golive_store::backend::{Backend, Sqlite, Statement, Value};
use golive_store::{Cost, CostBasis, Durability, LedgerRow, OpenRow, Spent, Tokens, UserHash};

use crate::world::{World, all, open_row, row};

const SECOND: i64 = 1_000_000;

fn cost(nano: u64) -> Cost {
    Cost {
        nano_usd: Some(NanoUsd(nano)),
        basis: CostBasis::Reported,
    }
}

fn spent(id: u128, at_s: i64, took_s: i64, nano: u64) -> LedgerRow {
    LedgerRow {
        at_us: at_s * SECOND,
        latency_us: (took_s * SECOND).cast_unsigned(),
        cost: cost(nano),
        ..row(id)
    }
}

#[tokio::test]
async fn what_was_spent_is_summed_by_who_spent_it_from_the_end_of_each_request_on() {
    let world = World::new();
    let store = world.open().await.store;
    let ann = Some(UserHash([1; 16]));
    for row in [
        spent(1, 1000, 10, 5),
        spent(2, 1900, 200, 7),   // began before the period and ended in it
        spent(3, 1900, 50, 1000), // ended before it
        LedgerRow {
            user_hash: ann,
            ..spent(4, 2100, 0, 11)
        },
        LedgerRow {
            user_hash: ann,
            ..spent(5, 2300, 0, 13)
        },
        LedgerRow {
            cost: Cost {
                nano_usd: None,
                basis: CostBasis::Unknown,
            },
            ..spent(6, 2200, 0, 0)
        },
    ] {
        store.writer().commit(row).await.unwrap();
    }
    let mut sums = store.spent_since(2000 * SECOND, 0, 0).await.unwrap();
    sums.sort_by_key(|sum| sum.amount);
    let of = |at_s: i64, user_hash, nano| Spent {
        at_us: at_s * SECOND,
        principal: "key_a".into(),
        user_hash,
        callee: Some("agent/support".into()),
        amount: NanoUsd(nano),
    };
    assert_eq!(sums, [of(2100, None, 7), of(2300, ann, 24)]);
    let sliced = store.spent_since(2000 * SECOND, 150 * SECOND, 0).await.unwrap();
    assert_eq!(
        sliced.len(),
        3,
        "2100 and 2300 lie in slices of their own: {sliced:?}"
    );
}

#[tokio::test]
async fn what_a_dead_process_left_open_counts_at_its_estimate() {
    let world = World::new();
    let store = world.open().await.store;
    store.writer().open(OpenRow {
        cost: Cost {
            nano_usd: Some(NanoUsd(77)),
            basis: CostBasis::Estimated,
        },
        ..open_row(1)
    });
    store.close().await;
    let opened = world.open().await;
    assert_eq!(opened.lost, 1);
    let rows = all(&opened.store).await;
    assert_eq!(
        (rows[0].outcome.as_str(), rows[0].cost.basis),
        ("lost", CostBasis::Estimated)
    );
    let sums = opened.store.spent_since(0, 0, 5 * SECOND).await.unwrap();
    assert_eq!(sums[0].amount, NanoUsd(77));
    assert_eq!(sums[0].at_us, rows[0].at_us + 5 * SECOND);
}

#[tokio::test]
async fn costs_come_newest_first_page_by_page_and_refusals_are_not_among_them() {
    let world = World::new();
    let store = world.open().await.store;
    for n in 0..30_u64 {
        store
            .writer()
            .commit(spent(u128::from(n), 100 + i64::try_from(n).unwrap(), 1, n))
            .await
            .unwrap();
    }
    let refused = LedgerRow {
        outcome: "refused:reserve:over_budget".into(),
        attempts: 0,
        cost: Cost::default(),
        ..spent(99, 105, 0, 0)
    };
    store.writer().commit(refused).await.unwrap();
    let costs = store.costs(0, i64::MAX, 1000).await.unwrap();
    assert_eq!(costs.len(), 30);
    assert!(costs.windows(2).all(|two| two[0].at_us > two[1].at_us));
    assert_eq!(costs[0].cost, cost(29));
    assert_eq!(store.costs(0, i64::MAX, 7).await.unwrap().len(), 7);
    let some = store.costs(110 * SECOND, 120 * SECOND, 1000).await.unwrap();
    assert_eq!((some.len(), some[9].at_us), (10, 110 * SECOND));
}

#[tokio::test]
async fn a_store_from_before_costs_is_brought_up_and_keeps_its_rows() {
    let world = World::new();
    let store = world.open().await.store;
    store.writer().commit(spent(1, 5, 1, 9)).await.unwrap();
    store.close().await;
    let backend = Sqlite::open(&world.path(), Durability::Process).await.unwrap();
    let back = |sql| Statement::new(sql, vec![]);
    backend
        .transact(&[
            back("ALTER TABLE ledger DROP COLUMN cost_nano"),
            back("ALTER TABLE ledger DROP COLUMN cost_basis"),
            back("ALTER TABLE ledger DROP COLUMN tokens_cache_write"),
            // What came after costs was not there either.
            back("DROP TABLE conversations"),
            back("DROP TABLE tickets"),
            back("DROP TABLE conversation_messages"),
            back("DROP TABLE outbox"),
            back("DROP TABLE idempotent_answers"),
            Statement::new(
                "UPDATE meta SET value = $1 WHERE key = 'schema_version'",
                vec![Value::text("2")],
            ),
        ])
        .await
        .unwrap();
    backend.close().await;
    let store = world.open().await.store;
    let old = &all(&store).await[0];
    assert_eq!((old.cost, old.tokens.input), (Cost::default(), Some(5)));
    let new = LedgerRow {
        tokens: Tokens {
            cache_write: Some(3),
            ..row(2).tokens
        },
        ..spent(2, 6, 1, 4)
    };
    store.writer().commit(new.clone()).await.unwrap();
    assert_eq!(store.ledger_row(new.id, false).await.unwrap(), Some(new));
}
