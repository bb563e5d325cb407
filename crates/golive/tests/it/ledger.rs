//! M2, S7, E2: what the ledger tells an operator, and what its files never show.

use std::fs;

use serde_json::Value;

use crate::gate::{Format, Gate, Setup};
use crate::world::{self, eventually};

async fn listed(gate: &Gate, args: &[&str]) -> Vec<Value> {
    let args = [&["ledger", "--format", "json"], args].concat();
    let rows = gate.command(&args).await.json();
    rows.as_array().expect("rows").clone()
}

/// One row of each kind: answered by a model, answered by an agent, refused, failed.
async fn some_rows(gate: &Gate, other: &str) {
    gate.chat().send().await.said(Format::OpenAi);
    gate.call(Format::Agent).send().await.said(Format::Agent);
    gate.chat().with("model", "nobody").send().await;
    let failed = gate.chat().key(other).fault("html-200").send().await;
    gate.row(&failed.id()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_found_by_each_filter_running_or_not() {
    let other = world::key();
    let config = "[keys.other]\nkey_env = \"OTHER_KEY\"\nmay_assert_users = true";
    let mut gate = Setup::default()
        .with(config)
        .env("OTHER_KEY", &other)
        .start()
        .await;
    some_rows(&gate, &other).await;
    let ada = gate.chat().key(&other).header("golive-user", "ada").send().await;
    let hash = gate.row(&ada.id()).await["user_hash"]
        .as_str()
        .expect("a hash")
        .to_owned();
    for running in [true, false] {
        if !running {
            gate.stop().await;
        }
        let all = listed(&gate, &[]).await;
        assert_eq!(all.len(), 5, "{all:?}");
        let times: Vec<_> = all.iter().map(|row| row["at_us"].as_i64()).collect();
        assert!(
            times.is_sorted_by(|newer, older| newer >= older),
            "newest first: {times:?}"
        );
        for (args, count) in [
            (&["--outcome", "ok"][..], 3),
            (&["--outcome", "refused:"], 1),
            (&["--outcome", "error:upstream_broken"], 1),
            (&["--outcome", "cancelled"], 0),
            (&["--callee", "agent/helper"], 1),
            (&["--callee", "model/plain"], 3),
            (&["--principal", "config/other"], 2),
            (&["--principal", "config/other", "--outcome", "error:"], 1),
            (&["--user", &hash], 1),
            (&["--since", "1h"], 5),
            (&["--until", "1h"], 0),
            (&["--limit", "2"], 2),
        ] {
            let rows = listed(&gate, args).await;
            assert_eq!(rows.len(), count, "{args:?}: {rows:?}");
        }
        let table = gate.command(&["ledger"]).await.good();
        assert!(table.contains("refused:authorise:model_not_found"), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_filter_is_refused() {
    let gate = Setup::default().start().await;
    for args in [
        &["ledger", "--since", "yesterday"][..],
        &["ledger", "--user", "xyz"],
        &["ledger", "--limit", "0"],
    ] {
        let said = gate.command(args).await;
        assert_ne!(said.code, 0, "{args:?}");
        assert!(said.out.is_empty() && !said.err.is_empty(), "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_tells_what_each_stage_decided() {
    let gate = Setup::default().start().await;
    let answer = gate.chat().header("x-request-id", "callers-own-7").send().await;
    gate.row(&answer.id()).await;
    let told = gate
        .command(&["explain", &answer.id(), "--format", "json"])
        .await
        .json();
    let stages: Vec<_> = told["decisions"]
        .as_array()
        .expect("decisions")
        .iter()
        .map(|decision| decision["stage"].as_str().unwrap_or_default())
        .collect();
    let order = [
        "accept",
        "identify",
        "count",
        "read",
        "authorise",
        "admit",
        "dispatch",
    ];
    let first = order
        .iter()
        .map(|stage| stages.iter().position(|told| told == stage));
    let first: Vec<_> = first.collect();
    assert!(
        first.iter().all(Option::is_some) && first.is_sorted(),
        "{stages:?}"
    );
    assert_eq!(told["client_request_id"], "callers-own-7");
    assert_eq!(
        (&told["callee"], &told["link"]),
        (&"model/plain".into(), &"openai/lab-model".into())
    );
    assert!(
        told["prompt"].is_null() && told["reply"].is_null(),
        "content only when it is asked for"
    );
    let text = gate.command(&["explain", &answer.id()]).await.good();
    for word in order {
        assert!(text.contains(word), "{word}: {text}");
    }
    let refused = gate.chat().with("model", "nobody").send().await;
    gate.row(&refused.id()).await;
    let text = gate.command(&["explain", &refused.id()]).await.good();
    assert!(text.contains("refused:authorise:model_not_found"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_of_nothing_says_so() {
    let gate = Setup::default().start().await;
    let said = gate
        .command(&["explain", "019ab2c4-0000-7000-8000-000000000000"])
        .await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("x-request-id"), "{}", said.err);
    let said = gate.command(&["explain", "nonsense"]).await;
    assert_eq!(said.code, 2);
    let item = gate.command(&["explain", "S5"]).await.good();
    assert!(item.contains("S5.keys"), "{item}");
}

/// Every file beside the store, and all that is in it.
fn files(gate: &Gate) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(gate.file("")).expect("a folder");
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = fs::read(&path).expect("a file");
            files.push((path.display().to_string(), bytes));
        }
    }
    assert!(files.iter().any(|(name, _)| name.ends_with("golive.db")));
    files
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_and_replies_are_read_by_explain_and_stand_nowhere_in_clear() {
    let canary = "the-heron-that-nobody-may-see";
    let mut gate = Setup::default().start().await;
    let mut ids = Vec::new();
    for stream in [false, true] {
        let ask = gate.chat().with("model", "echo").saying(canary);
        let answer = if stream {
            ask.stream().send().await
        } else {
            ask.send().await
        };
        assert!(answer.whole && answer.status == 200);
        ids.push(answer.id());
    }
    ids.push(gate.call(Format::Agent).saying(canary).send().await.id());
    for id in &ids {
        gate.row(id).await;
        let told = gate
            .command(&["explain", id, "--content", "--format", "json"])
            .await
            .json();
        assert!(
            told["prompt"].as_str().is_some_and(|text| text.contains(canary)),
            "{told}"
        );
        let reply = told["reply"].as_str().unwrap_or_default();
        assert!(reply.contains("[lab:"), "{told}");
    }
    for stopped in [false, true] {
        if stopped {
            gate.stop().await;
        }
        for (name, bytes) in files(&gate) {
            for secret in [canary, &gate.key, crate::gate::LAB_KEY] {
                assert!(!holds(&bytes, secret), "{secret} stands in {name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_content_nothing_of_it_is_kept() {
    let gate = Setup::default().with("[store]\ncontent = false").start().await;
    let answer = gate.chat().saying("hello heron").send().await;
    gate.row(&answer.id()).await;
    let told = gate
        .command(&["explain", &answer.id(), "--content", "--format", "json"])
        .await
        .json();
    assert!(told["prompt"].is_null() && told["reply"].is_null(), "{told}");
    assert_eq!(told["outcome"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refusals_folds_into_one_counted_row() {
    let gate = Setup::default().start().await;
    for _ in 0..30 {
        gate.chat().with("model", "nobody").send().await;
    }
    eventually("all are accounted for", async || {
        let rows = gate.rows().await;
        let of = |row: &Value| row["folded"].as_u64().unwrap_or(0);
        (rows.iter().map(of).sum::<u64>() == 30 && rows.len() < 30).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_who_ask_are_told_of_link_and_overhead_and_other_callers_are_not() {
    let gate = Setup::default().start().await;
    assert_eq!(gate.chat().send().await.header("golive-link"), "");
    let gate = Setup::default()
        .with("[server]\ndiagnostics = true")
        .start()
        .await;
    for answer in [gate.chat().send().await, gate.chat().stream().send().await] {
        assert_eq!(answer.header("golive-link"), "openai/lab-model");
        assert_eq!(answer.header("golive-attempts"), "1");
        assert!(answer.header("golive-overhead-us").parse::<u64>().is_ok());
    }
}
