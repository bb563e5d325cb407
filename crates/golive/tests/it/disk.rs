//! M1, M2: a database that takes no rows: service goes on, health says so, rows wait sealed in the spill file and come
//! back in order; when that is full too, the answer is a typed refusal and not an unrecorded service.
//!
//! The failing disk is another process that holds SQLite's write lock: every write fails, reading works.

use futures_util::future::join_all;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::gate::{Format, Gate, Setup};
use crate::world::eventually;

/// Takes the database away until it is dropped or given back.
async fn taken(gate: &Gate) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(gate.file("golive.db"));
    let mut database = SqliteConnection::connect_with(&options)
        .await
        .expect("a database");
    eventually("the write lock", async || {
        sqlx::query(AssertSqlSafe("BEGIN EXCLUSIVE"))
            .execute(&mut database)
            .await
            .ok()
    })
    .await;
    database
}

async fn given_back(database: SqliteConnection) {
    database.close().await.expect("a close");
}

fn status_of(health: &serde_json::Value, check: &str) -> String {
    health["checks"][check][0]["status"]
        .as_str()
        .unwrap_or("absent")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_out_service_goes_on_and_no_row_is_lost() {
    let canary = "the-heron-that-nobody-may-see";
    let gate = Setup::default().start().await;
    let mut ids = vec![gate.chat().send().await.id()];
    gate.row(&ids[0]).await;
    let database = taken(&gate).await;
    for n in 0..6 {
        let answer = gate.call(Format::ALL[n % 3]).saying(canary).send().await;
        answer.said(Format::ALL[n % 3]);
        ids.push(answer.id());
    }
    let (status, health) = gate.health().await;
    assert_eq!(
        (status, status_of(&health, "store:writes")),
        (503, "fail".into()),
        "{health}"
    );
    assert_eq!(
        gate.probe("/readyz").await.status,
        200,
        "traffic may come: it is recorded"
    );
    gate.metric_is("golive_ledger_spilled_total", 6.0).await;
    let spill = std::fs::read(gate.file("golive.db.spill")).expect("a spill file");
    let clear = spill
        .windows(canary.len())
        .any(|window| window == canary.as_bytes());
    assert!(!clear, "what waits there waits sealed");
    given_back(database).await;
    eventually("health is well again", async || {
        (gate.health().await.0 == 200).then_some(())
    })
    .await;
    let rows = gate.rows().await;
    let kept: Vec<_> = rows
        .iter()
        .rev()
        .map(|row| row["id"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(kept, ids, "every one once, in order");
    assert!(rows.iter().all(|row| row["outcome"] == "ok"), "{rows:?}");
    let told = gate
        .command(&["explain", &ids[1], "--content", "--format", "json"])
        .await
        .json();
    assert!(
        told["prompt"].as_str().is_some_and(|text| text.contains(canary)),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_wait_in_the_spill_file_survive_a_sudden_death() {
    let mut gate = Setup::default().start().await;
    let database = taken(&gate).await;
    let ids: Vec<_> = join_all((0..5).map(|_| gate.chat().send()))
        .await
        .iter()
        .map(|answer| answer.id())
        .collect();
    gate.metric_is("golive_ledger_spilled_total", 5.0).await;
    gate.kill().await;
    given_back(database).await;
    gate.start_again().await;
    for id in &ids {
        assert_eq!(gate.row(id).await["outcome"], "ok");
    }
    assert_eq!(gate.rows().await.len(), ids.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_spill_file_is_full_too_requests_are_refused_before_they_cost_anything() {
    let gate = Setup::default()
        .with("[store]\nspill_size = \"1 MiB\"")
        .start()
        .await;
    let database = taken(&gate).await;
    let prompt = "all work and no play ".repeat(5_000);
    let mut served = Vec::new();
    let refused = eventually("no room is left", async || {
        let answers = join_all((0..4).map(|_| gate.chat().saying(&prompt).send())).await;
        let (good, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        served.extend(good.iter().map(|answer| answer.id()));
        refused.into_iter().next()
    })
    .await;
    refused.is_error(Format::OpenAi, 503, "ledger_unavailable");
    assert!(!refused.header("retry-after").is_empty());
    let sent = gate.arrived("");
    for format in Format::ALL {
        for stream in [false, true] {
            let ask = if stream {
                gate.call(format).stream()
            } else {
                gate.call(format)
            };
            let answer = ask.send().await;
            answer.is_error(format, 503, "ledger_unavailable");
        }
    }
    assert_eq!(
        gate.arrived(""),
        sent,
        "what cannot be recorded is not asked of the upstream"
    );
    let (status, health) = gate.health().await;
    assert_eq!(status, 503);
    assert_eq!(status_of(&health, "store:writes"), "fail", "{health}");
    assert_eq!(status_of(&health, "spill:utilization"), "fail", "{health}");
    assert_eq!(gate.probe("/readyz").await.status, 503);
    assert_eq!(gate.get("/readyz").await.status, 503);
    given_back(database).await;
    eventually("health is well again", async || {
        (gate.health().await.0 == 200).then_some(())
    })
    .await;
    gate.chat().send().await.said(Format::OpenAi);
    let rows = gate.rows().await;
    for id in &served {
        let of_it: Vec<_> = rows.iter().filter(|row| row["id"] == id.as_str()).collect();
        assert_eq!(of_it.len(), 1, "{id} was answered");
        assert_eq!(of_it[0]["outcome"], "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_prefers_service_to_a_record_gets_it_by_configuration_alone() {
    let config = "[store]\nspill_size = \"1 MiB\"\nwhen_spill_full = \"unrecorded\"";
    let gate = Setup::default().with(config).start().await;
    let database = taken(&gate).await;
    let prompt = "all work and no play ".repeat(5_000);
    eventually("the spill file is full", async || {
        let answers = join_all((0..4).map(|_| gate.chat().saying(&prompt).send())).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
        let (_, health) = gate.health().await;
        (status_of(&health, "spill:utilization") == "fail").then_some(())
    })
    .await;
    gate.chat().send().await.said(Format::OpenAi);
    given_back(database).await;
    eventually("health is well again", async || {
        (gate.health().await.0 == 200).then_some(())
    })
    .await;
}
