//! E2: what went wrong is written down with all that helps to understand it, and with nothing of a person in clear.

use golive_lab::State;
use serde_json::Value;

use crate::gate::{Format, Setup};
use crate::world::eventually;

/// A caller that may name users.
const CONFIG: &str = "[keys.front]\nkey_env = \"FRONT_KEY\"\nmay_assert_users = true\n\
                      [error_log]\nfile = \"errors.jsonl\"\n\
                      [models.pair]\nchain = [\"http\", \"openai/lab-model\"]\n\
                      [models.pair.retry]\nidempotent = true\n\
                      [models.pair.pointers]\ninput = \"/message\"\noutput = \"/reply\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_found_with_all_its_fields_and_no_person_in_clear() {
    let front = crate::world::key();
    let gate = Setup::default()
        .with(CONFIG)
        .env("FRONT_KEY", &front)
        .start()
        .await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let ask = gate
        .call(Format::OpenAi)
        .key(&front)
        .with("user", "maria-the-user")
        .saying("my card is 4111 1111 1111 1111 and my order is late")
        .header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"))
        .fault("status-500");
    let answer = ask.send().await;
    answer.is_error(Format::OpenAi, 500, "upstream_error");
    let entry = eventually("an entry of the error log", async || {
        let said = gate
            .command(&["errors", "--request", &answer.id(), "--format", "json"])
            .await;
        said.json().as_array()?.first().cloned()
    })
    .await;
    let row = gate.row(&answer.id()).await;
    assert_eq!(
        entry["user"], row["user_hash"],
        "the same keyed hash as in the ledger: {entry}"
    );
    assert_eq!(entry["trace_id"], trace);
    assert_eq!(entry["error_type"], "upstream_error");
    assert_eq!(entry["callee"], "model/plain");
    assert_eq!(entry["error_chain"][0]["link"], "openai/lab-model");
    assert_eq!(entry["error_chain"][0]["failure"], "status_5xx");
    assert_eq!(
        entry["recovery_action"],
        "an error with status 500 after 1 attempts"
    );
    let summary = entry["input_summary"].as_str().expect("a summary");
    assert!(
        summary.contains("my order is late") && !summary.contains("4111"),
        "{summary}"
    );
    assert!(
        entry["spans"].as_array().is_some_and(|spans| spans.len() > 5),
        "{entry}"
    );
    let at = entry["timestamp"].as_str().expect("a time");
    assert!(
        at.ends_with('Z') && at.len() == "2026-01-01T00:00:00.000Z".len(),
        "{at}"
    );
    let all = std::fs::read_to_string(gate.file("errors.jsonl")).expect("the log");
    assert!(!all.contains("maria-the-user") && !all.contains(&front), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_link_saved_is_an_entry_too_and_what_went_well_is_none() {
    let front = crate::world::key();
    let gate = Setup::default()
        .with(CONFIG)
        .env("FRONT_KEY", &front)
        .start()
        .await;
    gate.chat().send().await.said(Format::OpenAi);
    let refused = gate.chat().with("model", "nobody").send().await;
    assert_eq!(refused.status, 404);
    let rule = golive_lab::Rule {
        matches: golive_lab::Match {
            path: Some("/agent".into()),
            ..Default::default()
        },
        fault: Some("status-500".parse().expect("a fault")),
        ..Default::default()
    };
    let script = golive_lab::Script {
        rules: vec![rule],
        ..Default::default()
    };
    gate.lab.script("default", script).expect("a script");
    let saved = gate.chat().with("model", "pair").send().await;
    saved.said(Format::OpenAi);
    let entries = eventually("one entry", async || {
        let said = gate.command(&["errors", "--format", "json"]).await.json();
        let entries: Vec<Value> = said.as_array().cloned()?;
        (!entries.is_empty()).then_some(entries)
    })
    .await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["request_id"], saved.id());
    assert_eq!(
        entries[0]["recovery_action"],
        "answered by openai/lab-model at attempt 2"
    );
    gate.arrivals("", State::Finished, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_off_says_what_was_asked() {
    let front = crate::world::key();
    let gate = Setup::default()
        .with(CONFIG)
        .env("FRONT_KEY", &front)
        .start()
        .await;
    let answer = gate
        .chat()
        .saying("tell me of the sea")
        .stream()
        .fault("cut-10")
        .send()
        .await;
    answer.broke_off(Format::OpenAi, "upstream_stream_interrupted");
    let entry = eventually("an entry", async || {
        let said = gate
            .command(&[
                "errors",
                "--type",
                "upstream_stream_interrupted",
                "--format",
                "json",
            ])
            .await;
        said.json().as_array()?.first().cloned()
    })
    .await;
    assert_eq!(entry["input_summary"], "tell me of the sea");
    assert_eq!(entry["error_chain"][0]["failure"], "after_commit");
    assert_eq!(
        entry["recovery_action"],
        "the break was told in the stream; nothing was tried again"
    );
}
