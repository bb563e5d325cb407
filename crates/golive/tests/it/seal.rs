//! S7: the keys of data at rest, as an operator replaces them under a gateway that serves, that dies in the middle, or
//! that is given the wrong ones.

use std::fs;
use std::path::Path;

use futures_util::future::join_all;
use golive_gateway::socket::Ask;
use golive_store::{
    Basis, Cost, Durability, LedgerRow, MasterKey, Store, StoreOptions, Tokens, Uuid, WhenFull,
};
use serde_json::Value;

use crate::gate::{Format, Gate, Setup};
use crate::world::{self, MASTER_KEY, Said, eventually};

/// Base64 of 32 other bytes that are no secret.
const OTHER_KEY: &str = "b3RoZXItdGVzdHMtbWFzdGVyLWtleS0zMi1ieXRlcyE=";

async fn status(gate: &Gate) -> Value {
    gate.command(&["seal", "status", "--format", "json"]).await.json()
}

/// State and values of each key for content.
fn content(status: &Value) -> Vec<(String, u64)> {
    let keys = status["keys"].as_array().expect("keys").iter();
    let content = keys.filter(|key| key["purpose"] == "content");
    content
        .map(|key| {
            let state = key["state"].as_str().expect("a state").to_owned();
            (state, key["values"].as_u64().expect("a count"))
        })
        .collect()
}

async fn prompt_of(gate: &Gate, id: &str) -> String {
    let told = gate
        .command(&["explain", id, "--content", "--format", "json"])
        .await
        .json();
    told["prompt"].as_str().unwrap_or_default().to_owned()
}

#[track_caller]
fn refused(said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    for word in words {
        assert!(said.err.contains(word), "`{word}` is not in: {}", said.err);
    }
    for key in [MASTER_KEY, OTHER_KEY] {
        assert!(
            !said.err.contains(&key[..12]) && !said.out.contains(&key[..12]),
            "a key is shown"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_keys_are_replaced_while_the_gateway_serves_and_while_it_does_not() {
    let mut gate = Setup::default().start().await;
    let first = gate
        .chat()
        .saying("remember the heron")
        .header("x-request-id", "ada-7")
        .send()
        .await
        .id();
    gate.row(&first).await;
    let before = status(&gate).await;
    assert_eq!(content(&before), [("seals".to_owned(), 3)], "{before}");

    let calls = join_all((0..20).map(|n| gate.call(Format::ALL[n % 3]).send()));
    let (said, answers) = tokio::join!(gate.command(&["seal", "rotate", "--format", "json"]), calls);
    assert_eq!(said.json()["unreadable"], 0);
    assert!(answers.iter().all(|answer| answer.status == 200));
    for answer in &answers {
        assert_eq!(gate.row(&answer.id()).await["outcome"], "ok");
    }
    gate.command(&["seal", "rotate"]).await.good();
    let after = status(&gate).await;
    let keys = content(&after);
    assert_eq!(keys.len(), 3, "{after}");
    assert_eq!(
        (&*keys[0].0, keys[0].1, &*keys[1].0, keys[1].1, &*keys[2].0),
        ("retired", 0, "retired", 0, "seals")
    );
    assert_eq!(after["rotation"], Value::Null);
    assert!(prompt_of(&gate, &first).await.contains("remember the heron"));
    assert_eq!(gate.row(&first).await["client_request_id"], "ada-7");

    gate.stop().await;
    let said = gate.command(&["seal", "rotate"]).await.good();
    assert!(said.contains("21 rows are sealed under new keys"), "{said}");
    let text = gate.command(&["seal", "status"]).await.good();
    for word in ["user_hash", "hashes", "retired", "master key", "spill file"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    gate.start_again().await;
    assert!(prompt_of(&gate, &first).await.contains("remember the heron"));
}

/// `now_us` is of this day: the gateway removes rows that are older than it keeps them.
fn bulk(id: u128, now_us: i64) -> LedgerRow {
    LedgerRow {
        id: Uuid::from_u128(id),
        at_us: now_us,
        principal: "key_bulk".into(),
        user_hash: None,
        callee: Some("model/plain".into()),
        release: None,
        wire: "openai".into(),
        route: "POST /v1/chat/completions".into(),
        stream: false,
        outcome: "ok".into(),
        status: 200,
        link: None,
        attempts: 1,
        tokens: Tokens::default(),
        basis: Basis::None,
        cost: Cost::default(),
        latency_us: 1,
        first_byte_us: None,
        bytes_in: 1,
        bytes_out: 1,
        counted: false,
        folded: 1,
        client_request_id: None,
        trace_id: None,
        decisions: "[]".into(),
        prompt: Some(format!("prompt number {id}").into()),
        reply: None,
    }
}

async fn open(path: &Path) -> Store {
    let options = StoreOptions {
        path: path.to_owned(),
        durability: Durability::Process,
        master_key: MasterKey::new(b"golive-tests-master-key-32-bytes").expect("32 bytes"),
        spill_size: 1 << 20,
        when_full: WhenFull::Refuse,
    };
    Store::open(options).await.expect("a store").store
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_every_row_opens_and_the_rotation_goes_on_where_it_was() {
    const ROWS: u128 = 6000;
    let now_us = golive_store::now_us();
    let mut gate = Setup::default().start().await;
    let hers = gate.chat().saying("remember the heron").send().await.id();
    gate.row(&hers).await;
    gate.stop().await;
    let store = open(&gate.file("golive.db")).await;
    join_all((0..64).map(async |caller| {
        for id in (caller..ROWS).step_by(64) {
            store.writer().commit(bulk(id, now_us)).await.expect("it is kept");
        }
    }))
    .await;
    store.close().await;
    gate.start_again().await;

    let middle = async {
        eventually("it is under way", async || {
            let progress = gate.ask(Ask::SealProgress {}).await;
            (progress["rows"].as_u64() > Some(0)).then_some(())
        })
        .await;
        let second = gate.command(&["seal", "rotate"]).await;
        refused(&second, 1, &["another rotation is under way"]);
        gate.signal(rustix::process::Signal::KILL);
    };
    let (first, ()) = tokio::join!(gate.command(&["seal", "rotate"]), middle);
    refused(&first, 1, &["did not answer"]);
    gate.ended().await;

    gate.start_again().await;
    assert!(
        gate.log().contains("`golive seal rotate` goes on with it"),
        "{}",
        gate.log()
    );
    let interrupted = status(&gate).await;
    let states: Vec<_> = content(&interrupted).into_iter().map(|key| key.0).collect();
    assert_eq!(states, ["opens", "seals"], "{interrupted}");
    assert!(prompt_of(&gate, &hers).await.contains("remember the heron"));
    let rotated = gate.command(&["seal", "rotate", "--format", "json"]).await.json();
    assert_eq!(
        (&rotated["resumed"], &rotated["retired"]),
        (&Value::Bool(true), &2.into()),
        "{rotated}"
    );
    let done = status(&gate).await;
    let keys = content(&done);
    assert_eq!(
        (keys.len(), &*keys[0].0, keys[0].1),
        (2, "retired", 0),
        "no third key: {done}"
    );
    gate.stop().await;
    let store = open(&gate.file("golive.db")).await;
    for id in 0..ROWS {
        let row = store
            .ledger_row(Uuid::from_u128(id), true)
            .await
            .expect("it opens");
        assert_eq!(row.expect("it is there"), bulk(id, now_us));
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_key_is_replaced_under_a_gateway_that_serves_and_the_next_start_needs_the_new_one() {
    let mut gate = Setup::default().start().await;
    let id = gate.chat().saying("remember the heron").send().await.id();
    gate.row(&id).await;
    let before = status(&gate).await;
    fs::write(gate.file("old.key"), MASTER_KEY).expect("a file");
    fs::write(gate.file("short.key"), "AAAAAAAAAAAAAAAAAAAAAA==\n").expect("a file");
    fs::write(gate.file("bad.key"), "n0t-base64!\n").expect("a file");
    fs::write(gate.file("empty.key"), "\n").expect("a file");
    let rotate = |args: &'static [&'static str]| {
        let args = [&["seal", "rotate"], args].concat();
        let gate = &gate;
        async move { gate.command(&args).await }
    };
    for (args, code, word) in [
        (
            &["--master", "--new-master-key-file", "short.key"][..],
            1,
            "16 bytes long, not 32",
        ),
        (&["--master", "--new-master-key-file", "bad.key"], 1, "not base64"),
        (
            &["--master", "--new-master-key-file", "old.key"],
            1,
            "is the one in use",
        ),
        (&["--master", "--new-master-key-file", "empty.key"], 2, "is empty"),
        (
            &["--master", "--new-master-key-file", "none.key"],
            2,
            "cannot read",
        ),
        (
            &["--master", "--new-master-key-env", "NOT_SET"],
            2,
            "`NOT_SET` is not set",
        ),
        (&["--master"], 2, "--new-master-key"),
        (&["--new-master-key-file", "old.key"], 2, "--master"),
    ] {
        refused(&rotate(args).await, code, &[word]);
    }
    assert_eq!(status(&gate).await, before, "nothing was changed");

    fs::write(gate.file("new.key"), OTHER_KEY).expect("a file");
    let said = rotate(&["--master", "--new-master-key-file", "new.key"]).await;
    assert!(said.err.contains("the next start needs it"), "{}", said.err);
    said.good();
    let after = status(&gate).await;
    assert_ne!(after["master"], before["master"]);
    assert_eq!(after["keys"], before["keys"], "the data keys are the same ones");
    gate.chat().send().await.said(Format::OpenAi);
    gate.command(&["seal", "rotate"]).await.good();
    assert!(prompt_of(&gate, &id).await.contains("remember the heron"));
    gate.stop().await;

    let said = gate.command(&["serve"]).await;
    refused(
        &said,
        1,
        &["`golive seal rotate --master` replaced", "Nothing was changed"],
    );
    let config = format!("{}\n[store]\nmaster_key_file = \"new.key\"\n", gate.config());
    gate.rewrite_config(&config);
    gate.start_again().await;
    assert!(prompt_of(&gate, &id).await.contains("remember the heron"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_master_key_stops_the_start_and_nothing_of_the_store_is_touched() {
    let mut gate = Setup::default().start().await;
    let id = gate.chat().saying("remember the heron").send().await.id();
    gate.row(&id).await;
    gate.stop().await;
    let bytes = || ["golive.db", "golive.db.spill"].map(|name| fs::read(gate.file(name)).expect("a file"));
    let before = bytes();
    let environment = [("MAIN_KEY", gate.key.as_str()), ("LAB_KEY", "x")];
    for command in [
        &["serve"][..],
        &["seal", "status"],
        &["seal", "rotate"],
        &["config", "check"],
    ] {
        let said = world::run(gate.file("").as_path(), command, &environment).await;
        refused(&said, 2, &["GOLIVE_MASTER_KEY"]);
    }
    assert!(bytes() == before, "a file was changed");
    gate.start_again().await;
    assert!(prompt_of(&gate, &id).await.contains("remember the heron"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_may_know_the_master_key_and_one_that_does_not_stops_the_start() {
    let folder = world::folder();
    fs::write(folder.path().join("master.key"), format!("{MASTER_KEY}\n")).expect("a file");
    let mut gate = Setup::default()
        .folder(folder)
        .with("[store]\nmaster_key_command = [\"cat\", \"master.key\"]")
        .start()
        .await;
    let id = gate.chat().saying("remember the heron").send().await.id();
    gate.row(&id).await;
    gate.command(&["config", "check"]).await.good();
    let shown = gate.command(&["config", "show"]).await.good();
    assert!(
        shown.contains("command") && shown.contains("cat") && !shown.contains(MASTER_KEY),
        "{shown}"
    );
    gate.command(&["seal", "rotate"]).await.good();
    let (good, path) = (gate.config(), gate.file("master.key"));
    fs::rename(&path, gate.file("elsewhere.key")).expect("a move");
    // A gateway that runs needs no master key to be asked.
    status(&gate).await;
    gate.stop().await;
    for (command, word) in [
        (r#"["cat", "master.key"]"#.to_owned(), "master.key"),
        (r#"["no-such-vault"]"#.to_owned(), "`no-such-vault`"),
        (
            r#"["sh", "-c", "echo denied >&2; cat elsewhere.key; exit 4"]"#.to_owned(),
            "denied",
        ),
        (
            r#"["sh", "-c", "cat elsewhere.key >&2; exit 4"]"#.to_owned(),
            "***",
        ),
        (r#"["echo", "bm90IGEga2V5"]"#.to_owned(), "9 bytes long, not 32"),
        (r#"["echo", "n0t-base64!"]"#.to_owned(), "not base64"),
        (
            r#"["head", "-c", "1000000", "/dev/zero"]"#.to_owned(),
            "more than 1024 bytes",
        ),
        (r#"["true"]"#.to_owned(), "nothing"),
    ] {
        gate.rewrite_config(&good.replace(r#"["cat", "master.key"]"#, &command));
        refused(&gate.command(&["config", "check"]).await, 2, &[word]);
        refused(&gate.command(&["serve"]).await, 1, &[word]);
    }
    let json = gate.command(&["config", "check", "--format", "json"]).await;
    assert!(
        json.code == 2 && json.out.contains("bad_master_key"),
        "{}",
        json.out
    );
    gate.rewrite_config(&good.replace("master.key", "elsewhere.key"));
    gate.start_again().await;
    assert!(prompt_of(&gate, &id).await.contains("remember the heron"));
}
