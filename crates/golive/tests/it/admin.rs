//! S6, S5: the admin listener: who may see and change what, driven by the table of its routes.

use golive_ops::admin::ROUTES;
use http::Method;
use serde_json::{Value, json};

use crate::caller::{self, Answer, Ask};
use crate::gate::{Format, Gate, Setup};
use crate::world::eventually;

async fn gate() -> (Gate, String) {
    let gate = Setup::default()
        .with("[admin]\nlisten = \"127.0.0.1:0\"\nhosts = [\"golive.internal\"]")
        .start()
        .await;
    let url = eventually("the admin listener's line", async || {
        let log = gate.log();
        let (_, rest) = log.split_once("operators: ")?;
        let (url, _) = rest.split_once("/admin")?;
        Some(url.to_owned())
    })
    .await;
    (gate, url)
}

async fn key(gate: &Gate, name: &str, roles: &[&str]) -> String {
    let mut args = vec!["keys", "create", name];
    for role in roles {
        args.extend(["--role", role]);
    }
    gate.command(&args).await.good().trim().to_owned()
}

/// A request to the admin listener, without a key.
fn at(url: &str, method: &Method, path: &str) -> Ask {
    let ask = Ask::new(&caller::http(), url, Format::Agent);
    ask.method(method.clone()).path(path).raw("")
}

async fn get(url: &str, key: &str, path: &str) -> Answer {
    at(url, &Method::GET, path).key(key).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_closed_to_strangers_and_to_roles_without_the_right() {
    let (gate, url) = gate().await;
    let nobody = key(&gate, "nobody", &["nobody"]).await;
    let admin = key(&gate, "admin", &["admin"]).await;
    for route in ROUTES {
        let path = route.path.replace("{id}", "key_unknown");
        let ask = || at(&url, &route.method, &path);
        ask()
            .send()
            .await
            .is_error(Format::Agent, 401, "credential_missing");
        ask()
            .key("glv_live_wrong")
            .send()
            .await
            .is_error(Format::Agent, 401, "invalid_api_key");
        let both = ask().key(&admin).header("x-api-key", &nobody).send().await;
        both.is_error(Format::Agent, 401, "credential_conflict");
        let in_query = at(&url, &route.method, &format!("{path}?api_key={admin}"))
            .key(&admin)
            .send()
            .await;
        in_query.is_error(Format::Agent, 401, "credential_in_query");
        let spoofed = ask()
            .key(&nobody)
            .header("x-role", "admin")
            .header("x-forwarded-user", "admin")
            .send()
            .await;
        spoofed.is_error(Format::Agent, 403, "permission_denied");
        let open = ask().key(&admin).send().await;
        assert!(
            ![401, 403, 405].contains(&open.status),
            "{} {path}: {}",
            route.method,
            open.text()
        );
        let other = at(&url, &Method::DELETE, &path).key(&admin).send().await;
        assert_eq!(other.status, 405, "{path}");
    }
    assert!(gate.log().contains("admin"), "each is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_built_in_role_sees_its_part() {
    let (gate, url) = gate().await;
    for (role, expected) in [
        // ledger, keys, matrix
        ("viewer", [200, 403, 200]),
        ("caller", [200, 403, 403]),
        ("operator", [200, 200, 200]),
        ("admin", [200, 200, 200]),
    ] {
        let key = key(&gate, role, &[role]).await;
        for (path, expected) in ["/admin/ledger", "/admin/keys", "/admin/policy/matrix"]
            .into_iter()
            .zip(expected)
        {
            let answer = get(&url, &key, path).await;
            assert_eq!(answer.status, expected, "{role} {path}: {}", answer.text());
            assert_eq!(answer.header("cache-control"), "no-store");
        }
        let new = json!({"name": format!("by-{role}"), "roles": ["admin"], "team": null, "agents": ["*"], "models": ["*"], "may_assert_users": true, "expires_in_s": null});
        let made = at(&url, &Method::POST, "/admin/keys")
            .key(&key)
            .raw(new.to_string())
            .send()
            .await;
        assert_eq!(
            made.status,
            if role == "admin" { 200 } else { 403 },
            "{role}: {}",
            made.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_sees_its_own_rows_and_nobody_elses() {
    let (gate, url) = gate().await;
    let (one, other) = (key(&gate, "one", &[]).await, key(&gate, "other", &[]).await);
    let viewer = key(&gate, "viewer", &["viewer"]).await;
    let asked = gate.chat().key(&one).send().await;
    let id = asked.id();
    gate.row(&id).await;
    gate.chat().key(&other).send().await.said(Format::OpenAi);
    let rows = get(&url, &one, "/admin/ledger").await.json();
    let ids = |rows: &Value| {
        rows.as_array()
            .expect("rows")
            .iter()
            .map(|row| row["id"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&rows), std::slice::from_ref(&id));
    let own = rows[0]["principal"].as_str().expect("a principal").to_owned();
    let path = format!("/admin/ledger/{id}");
    assert_eq!(get(&url, &one, &path).await.json()["id"], id.as_str());
    get(&url, &other, &path)
        .await
        .is_error(Format::Agent, 404, "not_found");
    let peek = get(&url, &other, &format!("/admin/ledger?principal={own}")).await;
    peek.is_error(Format::Agent, 403, "permission_denied");
    assert_eq!(get(&url, &viewer, &path).await.status, 200);
    assert_eq!(
        ids(
            &get(&url, &viewer, &format!("/admin/ledger?principal={own}&limit=5"))
                .await
                .json()
        ),
        [id]
    );
    for bad in [
        "/admin/ledger?limit=x",
        "/admin/ledger?nonsense=1",
        "/admin/ledger?limit=100000",
    ] {
        assert_eq!(get(&url, &viewer, bad).await.status, 400, "{bad}");
    }
    for missing in [
        "/admin/ledger/0",
        "/admin/ledger/00000000-0000-0000-0000-000000000000",
    ] {
        get(&url, &viewer, missing)
            .await
            .is_error(Format::Agent, 404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_trick_with_a_path_opens_anything() {
    let (gate, url) = gate().await;
    let (admin, caller) = (
        key(&gate, "admin", &["admin"]).await,
        key(&gate, "caller", &["caller"]).await,
    );
    for path in [
        "/admin/keys/",
        "//admin/keys",
        "/admin//keys",
        "/admin/./keys",
        "/admin/x/../keys",
        "/Admin/keys",
        "/admin/KEYS",
        "/admin%2fkeys",
        "/admin/%6beys",
        "/admin/keys;x=1",
        "/admin/ledger/../keys",
        "/admin/ledger/%2e%2e/keys",
        "/admin",
        "/",
    ] {
        assert_eq!(
            at(&url, &Method::GET, path).send().await.status,
            401,
            "{path} without a key"
        );
        for key in [&admin, &caller] {
            get(&url, key, path)
                .await
                .is_error(Format::Agent, 404, "unknown_route");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_and_revoked_and_hold_at_once() {
    let (gate, url) = gate().await;
    let admin = key(&gate, "admin", &["admin"]).await;
    let new = json!({"name": "web", "roles": ["caller"], "team": null, "agents": ["*"], "models": ["plain"], "may_assert_users": false, "expires_in_s": null});
    let post = |path: &str| at(&url, &Method::POST, path).key(&admin);
    let made = post("/admin/keys").raw(new.to_string()).send().await.json();
    let text = made["key"].as_str().expect("the text of the key").to_owned();
    gate.chat().key(&text).send().await.said(Format::OpenAi);
    let listed = get(&url, &admin, "/admin/keys").await.text();
    assert!(
        listed.contains("\"web\"") && !listed.contains(&text),
        "its text is shown once"
    );
    let revoked = post("/admin/keys/web/revoke").send().await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    gate.chat()
        .key(&text)
        .send()
        .await
        .is_error(Format::OpenAi, 401, "invalid_api_key");
    assert_eq!(post("/admin/keys/nobody/revoke").send().await.status, 404);
    for (body, content_type, status) in [
        ("{}", "application/json", 400),
        ("{", "application/json", 400),
        ("{}", "text/plain", 415),
    ] {
        let answer = post("/admin/keys")
            .only_header("content-type", content_type)
            .raw(body)
            .send()
            .await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_only_resolves_here_is_not_believed() {
    let (gate, url) = gate().await;
    let admin = key(&gate, "admin", &["admin"]).await;
    for (host, status) in [
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("golive.internal", 200),
        ("localhost:1", 200),
    ] {
        let answer = at(&url, &Method::GET, "/admin/keys")
            .key(&admin)
            .header("host", host)
            .send()
            .await;
        assert_eq!(answer.status, status, "{host}: {}", answer.text());
    }
}
