//! S6: roles and policies, as an operator sets them and as callers feel them.

use std::fs;

use serde_json::Value;

use crate::gate::{Format, Gate, Setup};
use crate::world::{MASTER_KEY, eventually, folder, run};

/// Makes a key with these roles; gives its text.
async fn key(gate: &Gate, name: &str, roles: &[&str]) -> String {
    let mut args = vec!["keys", "create", name];
    for role in roles {
        args.extend(["--role", role]);
    }
    gate.command(&args).await.good().trim().to_owned()
}

/// A gate whose policies stand in `roles.cedar`.
async fn with_policies(policies: &str) -> Gate {
    let folder = folder();
    fs::write(folder.path().join("roles.cedar"), policies).expect("policies");
    let setup = Setup::default().folder(folder);
    setup.with("[policies]\nfiles = [\"roles.cedar\"]").start().await
}

async fn models(gate: &Gate, key: &str) -> Vec<String> {
    let url = format!("{}/v1/models", gate.url);
    let answer = crate::caller::get(&crate::caller::http(), &url, Some(key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let names = body["data"].as_array().expect("a list").iter();
    names
        .map(|one| one["id"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_and_admins_call_and_viewers_and_operators_do_not() {
    let gate = Setup::default().start().await;
    for (role, calls) in [
        ("viewer", false),
        ("caller", true),
        ("operator", false),
        ("admin", true),
        ("nobody", false),
    ] {
        let key = key(&gate, role, &[role]).await;
        let sent = gate.arrived("");
        for format in Format::ALL {
            let answer = gate.call(format).key(&key).send().await;
            if calls {
                answer.said(format);
            } else {
                answer.is_error(format, 403, "permission_denied");
            }
        }
        assert_eq!(models(&gate, &key).await.is_empty(), !calls, "{role}");
        if !calls {
            assert_eq!(gate.arrived(""), sent, "nothing of it reached the upstream");
        }
    }
    let without = key(&gate, "without", &[]).await;
    gate.chat().key(&without).send().await.said(Format::OpenAi);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_file_adds_and_forbids_and_is_taken_over_when_it_alone_changes() {
    let gate = with_policies(
        "@id(\"no-echo\")\nforbid (principal, action == Action::\"call\", resource == Model::\"echo\");",
    )
    .await;
    gate.chat().send().await.said(Format::OpenAi);
    let answer = gate.chat().with("model", "echo").send().await;
    answer.is_error(Format::OpenAi, 403, "permission_denied");
    assert!(!models(&gate, &gate.key).await.contains(&"echo".to_owned()));

    let args = [
        "auth",
        "explain",
        "--as",
        "main",
        "--action",
        "call",
        "--resource",
        "model/echo",
    ];
    let said = gate.command(&args).await.good();
    assert!(
        said.starts_with("denied: config/main (caller)")
            && said.contains("forbid by no-echo (roles.cedar:1)"),
        "{said}"
    );
    let matrix = gate.command(&["auth", "matrix", "--format", "json"]).await.json();
    let cell = |role: &str, resource: &str| {
        let cells = matrix.as_array().expect("cells");
        let found = cells
            .iter()
            .find(|cell| cell["role"] == role && cell["resource"] == resource);
        found.unwrap_or_else(|| panic!("no cell {role} {resource}"))["permitted"].clone()
    };
    assert_eq!(
        (cell("caller", "model/plain"), cell("caller", "model/echo")),
        (Value::Bool(true), Value::Bool(false))
    );

    fs::write(gate.file("roles.cedar"), "// nothing is forbidden any more\n").expect("policies");
    eventually("the changed policies hold", async || {
        let answer = gate.chat().with("model", "echo").send().await;
        (answer.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_denies_all_leaves_health_and_the_operators_door_open() {
    let gate = with_policies("forbid (principal, action, resource);").await;
    for format in Format::ALL {
        let answer = gate.call(format).send().await;
        answer.is_error(format, 403, "permission_denied");
        assert!(
            answer.text().contains("This key may not call"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(gate.health().await.0, 200);
    assert!(
        gate.log().contains("let no role call any agent or model"),
        "{}",
        gate.log()
    );
    let key = key(&gate, "late", &["admin"]).await;
    gate.chat()
        .key(&key)
        .send()
        .await
        .is_error(Format::OpenAi, 403, "permission_denied");
    let row = gate.row_with("refused:authorise:permission_denied").await;
    assert!(
        row["decisions"].to_string().contains("the policies do not allow"),
        "{row}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_policy_file_on_reload_keeps_the_old_set_and_says_so() {
    let gate =
        with_policies("forbid (principal, action == Action::\"call\", resource == Model::\"echo\");").await;
    fs::write(
        gate.file("roles.cedar"),
        "permit (principal,\n  action == Action::\"cal\", resource);",
    )
    .expect("policies");
    gate.metric_is("golive_reload_failures_total", 1.0).await;
    assert!(
        gate.log().contains("roles.cedar:") && gate.log().contains("cal"),
        "{}",
        gate.log()
    );
    gate.chat().send().await.said(Format::OpenAi);
    let answer = gate.chat().with("model", "echo").send().await;
    answer.is_error(Format::OpenAi, 403, "permission_denied");
    fs::write(gate.file("roles.cedar"), "").expect("policies");
    eventually("the mended policies hold", async || {
        let answer = gate.chat().with("model", "echo").send().await;
        (answer.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_policies_are_a_refusal_at_the_start_with_line_and_column() {
    let folder = folder();
    let config = "[policies]\nfiles = [\"roles.cedar\"]\n";
    fs::write(folder.path().join("golive.toml"), config).expect("a config");
    fs::write(
        folder.path().join("roles.cedar"),
        "\npermit (principal in Rolle::\"x\", action, resource);",
    )
    .expect("policies");
    let environment = [("GOLIVE_MASTER_KEY", MASTER_KEY)];
    for args in [&["serve"][..], &["config", "check"], &["auth", "matrix"]] {
        let said = run(folder.path(), args, &environment).await;
        assert_ne!(said.code, 0, "{args:?}");
        assert!(
            said.err.contains("roles.cedar:2:") && said.err.contains("Rolle"),
            "{args:?}: {}",
            said.err
        );
    }
    fs::remove_file(folder.path().join("roles.cedar")).expect("it was there");
    let said = run(folder.path(), &["config", "check"], &environment).await;
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("cannot read") && said.err.contains("golive.toml:2"),
        "{}",
        said.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_roles_than_a_decision_looks_at_are_refused_where_they_are_given() {
    let gate = Setup::default().start().await;
    let roles: Vec<String> = (0..300).map(|n| format!("role-{n}")).collect();
    let mut args = vec!["keys", "create", "greedy"];
    for role in &roles {
        args.extend(["--role", role]);
    }
    let said = gate.command(&args).await;
    assert!(said.code != 0 && said.err.contains("300 roles"), "{}", said.err);
    let many: Vec<String> = (0..10_000).map(|n| format!("\"role-{n}\"")).collect();
    let good = gate.config();
    let bad = good.replace(
        "key_env = \"MAIN_KEY\"",
        &format!("key_env = \"MAIN_KEY\"\nroles = [{}]", many.join(", ")),
    );
    gate.rewrite_config(&bad);
    gate.metric_is("golive_reload_failures_total", 1.0).await;
    assert!(
        gate.log().contains("holds 10000 roles; 256 are the most"),
        "{}",
        gate.log()
    );
    gate.chat().send().await.said(Format::OpenAi);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_explained_without_a_gateway_and_for_roles_alone() {
    let folder = folder();
    fs::write(
        folder.path().join("golive.toml"),
        "[tools.pay]\nroles = [\"lead\"]\n",
    )
    .expect("a config");
    let environment = [("GOLIVE_MASTER_KEY", MASTER_KEY)];
    let ask = async |role: &str, action: &str, resource: &str| {
        let args = [
            "auth",
            "explain",
            "--as",
            "anyone",
            "--role",
            role,
            "--action",
            action,
            "--resource",
            resource,
        ];
        run(folder.path(), &args, &environment).await
    };
    let said = ask("lead", "use", "tool/pay").await.good();
    assert!(
        said.starts_with("permitted: anyone (lead) may use tool/pay")
            && said.contains("permit by tool-roles (built in)"),
        "{said}"
    );
    let said = ask("caller", "use", "hosted/web_search").await.good();
    assert!(
        said.starts_with("denied:") && said.contains("no policy permits it"),
        "{said}"
    );
    for (action, resource, word) in [
        ("fly", "policy", "no action"),
        ("read", "nonsense", "no resource"),
        ("call", "ledger/all", "nothing that can be done"),
    ] {
        let said = ask("admin", action, resource).await;
        assert!(
            format!("{}{}", said.out, said.err).contains(word),
            "{}{}",
            said.out,
            said.err
        );
    }
    let policies = run(folder.path(), &["auth", "policies"], &environment)
        .await
        .good();
    assert!(policies.contains("@id(\"caller-calls\")"), "{policies}");
    assert!(
        !folder.path().join("golive.db").exists(),
        "no store was opened for it"
    );
}
