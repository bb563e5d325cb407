//! S5, S6: API keys as an operator makes and revokes them, while the gateway runs and while it does not.

use serde_json::Value;

use crate::gate::{Format, Gate, Setup};
use crate::world::eventually;

/// Makes a key by the command; gives its text.
async fn create(gate: &Gate, args: &[&str]) -> String {
    let args = [&["keys", "create"], args].concat();
    let key = gate.command(&args).await.good().trim().to_owned();
    assert!(
        key.starts_with("glv_live_") && !key.contains(char::is_whitespace),
        "the key alone on stdout"
    );
    key
}

async fn list(gate: &Gate) -> Value {
    gate.command(&["keys", "list", "--format", "json"]).await.json()
}

fn named<'a>(keys: &'a Value, name: &str) -> &'a Value {
    let keys = keys.as_array().expect("a list");
    keys.iter()
        .find(|key| key["name"] == name)
        .unwrap_or_else(|| panic!("no key {name} in {keys:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_when_its_command_returns_and_is_refused_when_it_was_revoked() {
    let gate = Setup::default().start().await;
    for round in 0..3 {
        let name = format!("web-{round}");
        let key = create(&gate, &[&name]).await;
        for format in Format::ALL {
            gate.call(format).key(&key).send().await.said(format);
        }
        let keys = list(&gate).await;
        assert!(named(&keys, &name)["revoked_at_us"].is_null());
        assert!(!keys.to_string().contains(&key), "its text is shown once");
        gate.command(&["keys", "revoke", &name]).await.good();
        for format in Format::ALL {
            let answer = gate.call(format).key(&key).send().await;
            answer.is_error(format, 401, "invalid_api_key");
        }
        assert!(named(&list(&gate).await, &name)["revoked_at_us"].is_i64());
    }
    gate.chat().send().await.said(Format::OpenAi);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_and_revoked_while_no_gateway_runs() {
    let mut gate = Setup::default().start().await;
    gate.stop().await;
    let key = create(&gate, &["batch"]).await;
    assert_eq!(named(&list(&gate).await, "batch")["revoked_at_us"], Value::Null);
    gate.start_again().await;
    gate.chat().key(&key).send().await.said(Format::OpenAi);
    gate.stop().await;
    gate.command(&["keys", "revoke", "batch"]).await.good();
    gate.start_again().await;
    let answer = gate.chat().key(&key).send().await;
    answer.is_error(Format::OpenAi, 401, "invalid_api_key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_calls_the_agents_and_models_it_was_made_for_and_no_other() {
    let gate = Setup::default().start().await;
    let agent_only = create(&gate, &["agent-only", "--agents", "helper", "--models", ""]).await;
    let models_only = create(
        &gate,
        &["models-only", "--agents", "", "--models", "plain,claude"],
    )
    .await;
    gate.call(Format::Agent)
        .key(&agent_only)
        .send()
        .await
        .said(Format::Agent);
    gate.chat().key(&models_only).send().await.said(Format::OpenAi);
    gate.call(Format::Anthropic)
        .key(&models_only)
        .send()
        .await
        .said(Format::Anthropic);
    let sent = gate.arrived("");
    for (key, format, model) in [
        (&agent_only, Format::OpenAi, "plain"),
        (&agent_only, Format::Anthropic, "claude"),
        (&models_only, Format::OpenAi, "echo"),
    ] {
        let answer = gate.call(format).key(key).with("model", model).send().await;
        answer.is_error(format, 403, "permission_denied");
        let row = gate.row(&answer.id()).await;
        assert_eq!(row["outcome"], "refused:authorise:permission_denied", "{row}");
    }
    let answer = gate.call(Format::Agent).key(&models_only).send().await;
    answer.is_error(Format::Agent, 403, "permission_denied");
    assert_eq!(gate.arrived(""), sent, "nothing of it reached the upstream");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_past_its_expiry_is_refused_in_the_same_words_as_any_other() {
    let gate = Setup::default().start().await;
    let key = create(&gate, &["short", "--expires", "3s"]).await;
    let refused = eventually("it expires", async || {
        let answer = gate.chat().key(&key).send().await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    refused.is_error(Format::OpenAi, 401, "invalid_api_key");
    let rows = gate.rows().await;
    assert!(
        rows.iter().any(|row| row["outcome"] == "ok"),
        "it opened before: {rows:?}"
    );
    let table = gate.command(&["keys", "list"]).await.good();
    assert!(table.contains("expired"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_key_is_refused_with_a_reason() {
    let gate = Setup::default().start().await;
    create(&gate, &["taken"]).await;
    for (args, word) in [
        (&["keys", "create", "taken"][..], "taken"),
        (&["keys", "create", "a b"], "a b"),
        (&["keys", "create", "x", "--agents", "nobody"], "nobody"),
        (&["keys", "create", "x", "--expires", "soon"], "--expires"),
        (&["keys", "revoke", "nobody"], "nobody"),
        (&["keys", "revoke", "config/main"], "[keys.main]"),
    ] {
        let said = gate.command(args).await;
        assert_ne!(said.code, 0, "{args:?}");
        assert!(
            said.err.contains(word) && said.out.is_empty(),
            "{args:?}: {} {}",
            said.out,
            said.err
        );
    }
    gate.chat().send().await.said(Format::OpenAi);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_has_two_texts_for_the_overlap_and_one_id() {
    let gate = Setup::default().start().await;
    let old = create(&gate, &["web"]).await;
    let new = gate
        .command(&["keys", "rotate", "web"])
        .await
        .good()
        .trim()
        .to_owned();
    assert_ne!(old, new);
    let mut principals = Vec::new();
    for key in [&old, &new] {
        let answer = gate.chat().key(key).send().await;
        answer.said(Format::OpenAi);
        principals.push(gate.row(&answer.id()).await["principal"].clone());
    }
    assert_eq!(principals[0], principals[1], "its id, and so its limits, go on");
    let keys = list(&gate).await;
    let web = named(&keys, "web");
    assert!(
        web["rotated_at_us"].is_i64() && web["previous_until_us"].is_i64(),
        "{web}"
    );
    assert!(!keys.to_string().contains(&new) && !keys.to_string().contains(&old));
    let newest = gate
        .command(&["keys", "rotate", "web", "--overlap", "0s"])
        .await
        .good();
    for key in [&old, &new] {
        let answer = gate.chat().key(key).send().await;
        answer.is_error(Format::OpenAi, 401, "invalid_api_key");
    }
    gate.chat().key(newest.trim()).send().await.said(Format::OpenAi);
    gate.command(&["keys", "revoke", "web"]).await.good();
    assert_eq!(gate.command(&["keys", "rotate", "web"]).await.code, 1);
    for verb in ["rotate", "revoke"] {
        let said = gate.command(&["keys", verb, "main"]).await;
        assert!(
            said.code == 1 && said.err.contains("stands in the configuration"),
            "{}",
            said.err
        );
    }
}
