//! S1, M1: what is wrong with a start or a reload is said with its place and what to do, and nothing is lost by it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use rustix::process::Signal;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::caller::{self, Ask};
use crate::gate::{Format, Setup};
use crate::world::{self, MASTER_KEY, Said, eventually, folder, run};

/// A configuration that would start, with its listeners on free ports.
const GOOD: &str = r#"[server]
listen = "127.0.0.1:0"

[probes]
listen = "127.0.0.1:0"

[upstreams.openai]
kind = "openai"
base_url = "https://llm.invalid/v1"

[agents.support]
chain = ["openai/gpt-4o"]
"#;

/// Runs `golive serve`, which must refuse this configuration.
async fn refused(config: &str) -> Said {
    let folder = folder();
    fs::write(folder.path().join("golive.toml"), config).expect("a config");
    let said = serve(folder.path(), &[("GOLIVE_MASTER_KEY", MASTER_KEY)]).await;
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        !folder.path().join("golive.db").exists(),
        "nothing is made before the configuration is good"
    );
    said
}

async fn serve(folder: &Path, environment: &[(&str, &str)]) -> Said {
    run(folder, &["serve", "--config", "golive.toml"], environment).await
}

#[track_caller]
fn says(said: &Said, words: &[&str]) {
    // miette breaks lines and draws a frame: the words matter, not where they stand.
    let plain: Vec<&str> = said
        .err
        .split_whitespace()
        .filter(|word| !["│", "×", "╰─▶", "·"].contains(word))
        .collect();
    let plain = plain.join(" ");
    for words in words {
        assert!(plain.contains(words), "`{words}` is missing in: {}", said.err);
    }
}

#[tokio::test]
async fn a_missing_file_is_named_with_the_command_that_writes_one() {
    let said = serve(folder().path(), &[]).await;
    assert_eq!(said.code, 2, "{}", said.err);
    says(&said, &["golive.toml", "golive init"]);
}

#[tokio::test]
async fn an_unknown_key_comes_with_its_line_and_the_one_that_was_meant() {
    let said = refused(&GOOD.replace("[probes]\nlisten", "[probes]\nlissen")).await;
    says(&said, &["lissen", "did you mean `listen`", "golive.toml:5:1"]);
}

#[tokio::test]
async fn a_wrong_unit_comes_with_the_right_way_to_write_it() {
    let said = refused(&format!("{GOOD}\n[limits]\nuser = \"100\"\n")).await;
    says(&said, &["100", "\"100/h\""]);
}

#[tokio::test]
async fn a_dangling_name_comes_with_the_one_that_was_meant() {
    let said = refused(&GOOD.replace("openai/gpt-4o", "openia/gpt-4o")).await;
    says(&said, &["openia", "did you mean `openai`"]);
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_and_check_tells_the_same_as_json() {
    let folder = folder();
    let config = GOOD
        .replace("openai/gpt-4o", "openia/gpt-4o")
        .replace("[probes]\nlisten", "[probes]\nlissen");
    fs::write(folder.path().join("golive.toml"), config).expect("a config");
    let said = run(
        folder.path(),
        &["config", "check", "--format", "json"],
        &[("GOLIVE_MASTER_KEY", MASTER_KEY)],
    )
    .await;
    assert_eq!(said.code, 2);
    let told: serde_json::Value = serde_json::from_str(&said.out).expect("JSON alone on stdout");
    let mistakes = told["mistakes"].as_array().expect("mistakes");
    assert_eq!(mistakes.len(), 2, "{told}");
}

#[tokio::test]
async fn a_secret_in_the_file_is_refused_and_never_echoed() {
    let secret = "sk-live-0123456789abcdef0123456789";
    let config = GOOD.replace(
        "kind = \"openai\"",
        &format!("kind = \"openai\"\napi_key = \"{secret}\""),
    );
    let said = refused(&config).await;
    says(&said, &["api_key_env", ".env"]);
    assert!(
        !said.err.contains(secret) && !said.out.contains(secret),
        "{}",
        said.err
    );
    assert!(
        !said.err.contains("0123456789"),
        "not in part either: {}",
        said.err
    );
}

#[tokio::test]
async fn a_variable_that_is_not_set_is_named() {
    let said = refused(&GOOD.replace(
        "kind = \"openai\"",
        "kind = \"openai\"\napi_key_env = \"NOBODY_SET_THIS\"",
    ))
    .await;
    says(&said, &["NOBODY_SET_THIS"]);
}

#[tokio::test]
async fn a_master_key_that_is_missing_is_named() {
    let folder = folder();
    fs::write(folder.path().join("golive.toml"), GOOD).expect("a config");
    let said = serve(folder.path(), &[]).await;
    assert_eq!(said.code, 2, "{}", said.err);
    says(&said, &["GOLIVE_MASTER_KEY"]);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_named() {
    for present in [false, true] {
        let folder = folder();
        let listen =
            "listen = \"127.0.0.1:0\"\ncertificate_file = \"chain.pem\"\nprivate_key_file = \"key.pem\"\n";
        let config = GOOD.replacen("listen = \"127.0.0.1:0\"\n", listen, 1);
        fs::write(folder.path().join("golive.toml"), config).expect("a config");
        if present {
            fs::write(folder.path().join("chain.pem"), "no certificate").expect("a file");
            fs::write(folder.path().join("key.pem"), "no key").expect("a file");
        }
        let said = serve(folder.path(), &[("GOLIVE_MASTER_KEY", MASTER_KEY)]).await;
        assert_ne!(said.code, 0);
        says(&said, &["chain.pem"]);
        assert!(!said.err.contains("panicked"), "{}", said.err);
    }
}

#[tokio::test]
async fn a_port_in_use_comes_with_the_key_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for (section, key) in [("[server]", "server.listen"), ("[probes]", "probes.listen")] {
        let folder = folder();
        let free = format!("{section}\nlisten = \"127.0.0.1:0\"");
        let config = GOOD.replace(&free, &format!("{section}\nlisten = \"{address}\""));
        fs::write(folder.path().join("golive.toml"), config).expect("a config");
        let said = serve(folder.path(), &[("GOLIVE_MASTER_KEY", MASTER_KEY)]).await;
        assert_eq!(said.code, 1, "{}", said.err);
        says(&said, &[&address, key]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_another_process_holds_is_refused_and_that_one_serves_on() {
    let gate = Setup::default().start().await;
    let said = gate.command(&["serve"]).await;
    assert_eq!(said.code, 1, "{}", said.err);
    says(&said, &["golive.db is in use by process"]);
    gate.chat().send().await.said(Format::OpenAi);
    gate.command(&["keys", "list"]).await.good();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_later_golive_is_refused_and_left_as_it_is() {
    let mut gate = Setup::default().start().await;
    let id = gate.chat().send().await.id();
    gate.row(&id).await;
    gate.stop().await;
    set_oldest_reader(&gate.file("golive.db"), "999").await;
    let said = gate.command(&["serve"]).await;
    assert_eq!(said.code, 1, "{}", said.err);
    says(&said, &["schema 999", "newer version"]);
    set_oldest_reader(&gate.file("golive.db"), "1").await;
    gate.start_again().await;
    assert_eq!(gate.row(&id).await["outcome"], "ok", "nothing was touched");
}

async fn set_oldest_reader(store: &Path, version: &str) {
    let mut database = database(store).await;
    let changed = sqlx::query("UPDATE meta SET value = $1 WHERE key = 'oldest_reader'")
        .bind(version.to_owned())
        .execute(&mut database)
        .await
        .expect("an update");
    assert_eq!(changed.rows_affected(), 1);
    database.close().await.expect("a close");
}

async fn database(store: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(store);
    SqliteConnection::connect_with(&options)
        .await
        .expect("a database")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_master_key_is_refused_and_nothing_is_overwritten() {
    let mut gate = Setup::default().start().await;
    let id = gate.chat().saying("remember the heron").send().await.id();
    gate.row(&id).await;
    gate.stop().await;
    let other = "b3RoZXItdGVzdHMtbWFzdGVyLWtleS0zMi1ieXRlcyE=";
    let environment = [
        ("GOLIVE_MASTER_KEY", other),
        ("MAIN_KEY", &gate.key),
        ("LAB_KEY", "x"),
    ];
    let said = serve(gate.file("").as_path(), &environment).await;
    assert_eq!(said.code, 1, "{}", said.err);
    says(&said, &["master key", "nothing was changed"]);
    gate.start_again().await;
    let told = gate
        .command(&["explain", &id, "--content", "--format", "json"])
        .await
        .json();
    let prompt = told["prompt"].as_str().unwrap_or_default();
    assert!(prompt.contains("remember the heron"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_on_reload_leaves_the_old_one_serving_and_is_counted() {
    let gate = Setup::default().start().await;
    let good = gate.config();
    gate.rewrite_config(&good.replace("openai/lab-model", "nowhere/lab-model"));
    eventually("the refused reload is counted", async || {
        (gate.metric("golive_reload_failures_total").await >= 1.0).then_some(())
    })
    .await;
    gate.chat().send().await.said(Format::OpenAi);
    assert!(
        gate.log().contains("nowhere"),
        "the log names what is wrong: {}",
        gate.log()
    );
    let more = good.replace(
        "[models.plain]",
        "[models.fresh]\nchain = [\"openai/lab-model\"]\n\n[models.plain]",
    );
    gate.rewrite_config(&more);
    eventually("the mended file serves", async || {
        let answer = gate.chat().with("model", "fresh").send().await;
        (answer.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_signal_reads_again_what_the_file_only_names() {
    let (first, second) = (world::key(), world::key());
    let folder = folder();
    fs::write(folder.path().join("web.key"), &first).expect("a key");
    let gate = Setup::default()
        .folder(folder)
        .with("[keys.web]\nkey_file = \"web.key\"\n")
        .start()
        .await;
    let http = caller::http();
    let ask = |key: &str| Ask::new(&http, &gate.url, Format::OpenAi).key(key);
    ask(&first).send().await.said(Format::OpenAi);
    fs::write(gate.file("web.key"), &second).expect("a key");
    gate.signal(Signal::HUP);
    eventually("the new key opens", async || {
        (ask(&second).send().await.status == 200).then_some(())
    })
    .await;
    ask(&first)
        .send()
        .await
        .is_error(Format::OpenAi, 401, "invalid_api_key");
}
