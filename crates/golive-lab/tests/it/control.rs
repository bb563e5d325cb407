//! P2, P3, S2, S3, S1: the control over HTTP, by the client that the prover uses.

use std::time::Duration;

use golive_lab::client::{ClientError, LabClient};
use golive_lab::{Fault, LabError, LabOptions, ListenerState, Query, Scenario, Script, State, nonce, redact};
use serde_json::json;

use crate::http::*;

#[tokio::test]
async fn the_client_scripts_asks_verifies_and_resets() {
    let lab = lab().await;
    let client = lab.client().unwrap();
    let health = client.health().await.unwrap();
    assert_eq!((health.ok, health.seed), (true, 1));
    client
        .set_script("primary", &Script::first(1, Fault::status(503)))
        .await
        .unwrap();
    let path = "/primary/v1/chat/completions";
    assert_eq!(post(&lab, path, &chat("m", false)).await.status, 503);
    let got = post(&lab, path, &chat("m", false)).await.json();
    let mut mark = nonce::find(got["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert!(client.verify(&mark).await.unwrap());
    mark.provider = "backup".into();
    assert!(!client.verify(&mark).await.unwrap());

    let page = client
        .timeline(&Query {
            provider: Some("primary".into()),
            ..Query::default()
        })
        .await
        .unwrap();
    assert_eq!(
        page.arrivals
            .iter()
            .map(|arrival| arrival.status)
            .collect::<Vec<_>>(),
        [Some(503), Some(200)]
    );
    assert_eq!(page.next, 2);
    assert_eq!(client.counts().await.unwrap().providers["primary"].answered, 2);

    client.clear_timeline().await.unwrap();
    assert!(
        client
            .timeline(&Query::default())
            .await
            .unwrap()
            .arrivals
            .is_empty()
    );
    client
        .set_script("primary", &Script::always(Fault::Reset))
        .await
        .unwrap();
    client.clear_script("primary").await.unwrap();
    assert_eq!(post(&lab, path, &chat("m", false)).await.status, 200);
    client.reset().await.unwrap();
    assert_eq!(client.counts().await.unwrap().providers["primary"].arrived, 0);
}

#[tokio::test]
async fn a_long_poll_ends_when_enough_have_arrived_and_not_before() {
    let lab = lab().await;
    let client = lab.client().unwrap();
    let query = Query {
        contains: Some("needle \"7\"".into()),
        count: 2,
        wait: PATIENCE,
        ..Query::default()
    };
    let waiting = client.timeline(&query);
    let sending = async {
        for text in ["hay", "needle", "hay"] {
            let mut body = chat("m", false);
            body["messages"][0]["content"] = text.into();
            body["user"] = "x".into();
            post(&lab, "/v1/chat/completions", &body).await;
        }
        for _ in 0..2 {
            let body = r#"{"model":"m","messages":[],"note":"needle "7""}"#; // as bytes; not JSON
            receive(send(lab.addr(), "POST", "/v1/chat/completions", "", body).await).await;
        }
    };
    let (page, ()) = tokio::join!(waiting, sending);
    assert_eq!(
        page.unwrap()
            .arrivals
            .iter()
            .map(|arrival| arrival.seq)
            .collect::<Vec<_>>(),
        [4, 5]
    );
    let soon = Query {
        since: 5,
        wait: Duration::from_millis(30),
        ..Query::default()
    };
    assert!(client.timeline(&soon).await.unwrap().arrivals.is_empty());
}

#[tokio::test]
async fn a_long_poll_waits_for_a_state() {
    let lab = lab().await;
    let client = lab.client().unwrap();
    let body = chat("fault-stall-2", true).to_string();
    let mut caller = send(lab.addr(), "POST", "/v1/chat/completions", "", &body).await;
    read_until(&mut caller, "This").await;
    let query = Query {
        state: State::ClientGone,
        wait: PATIENCE,
        ..Query::default()
    };
    let (page, ()) = tokio::join!(client.timeline(&query), async { drop(caller) });
    assert!(page.unwrap().arrivals[0].client_gone_at_us.is_some());
}

#[tokio::test]
async fn secrets_are_redacted_wherever_they_stand_and_can_be_recognised() {
    let lab = lab().await;
    let headers = "authorization: Bearer sk-very-secret\r\nx-api-key: other-secret\r\ncookie: a=third-secret\r\nx-tenant: blue\r\n";
    let path = "/v1/chat/completions?api_key=fourth-secret&x=1";
    receive(send(lab.addr(), "POST", path, headers, &chat("m", false).to_string()).await).await;
    let seen = get(lab.addr(), "/_lab/timeline").await.text();
    assert!(!seen.contains("secret"), "{seen}");
    let arrival = arrival(&lab, State::Arrived).await;
    let header = |name: &str| {
        arrival
            .headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    assert_eq!(
        header("authorization"),
        Some(format!("Bearer {}", redact::mark(b"sk-very-secret")))
    );
    assert_eq!(header("x-api-key"), Some(redact::mark(b"other-secret")));
    assert_eq!(header("x-tenant").as_deref(), Some("blue"));
}

#[tokio::test]
async fn a_large_body_is_kept_in_part_with_its_length_and_digest_and_brief_leaves_it_out() {
    let lab = lab().await;
    let mut body = chat("m", false);
    body["messages"][0]["content"] = "é".repeat(100_000).into();
    assert_eq!(post(&lab, "/v1/chat/completions", &body).await.status, 200);
    let seen = arrival(&lab, State::Arrived).await;
    assert_eq!(seen.body_len as usize, body.to_string().len());
    assert!(seen.body.len() <= 64 << 10 && body.to_string().starts_with(&seen.body));
    assert_eq!(seen.body_sha256.map(|hex| hex.len()), Some(64));
    let brief = lab.timeline().page(&Query {
        brief: true,
        ..Query::default()
    });
    assert!(brief.arrivals[0].body.is_empty() && brief.arrivals[0].headers.is_empty());
    let oversized = send(
        lab.addr(),
        "POST",
        "/v1/chat/completions",
        "",
        &"x".repeat((32 << 20) + 1),
    )
    .await;
    assert_eq!(receive(oversized).await.status, 413);
}

#[tokio::test]
async fn what_the_control_refuses_it_explains() {
    let lab = lab().await;
    let client = lab.client().unwrap();
    let refused = client.set_script("v1", &Script::default()).await.unwrap_err();
    assert!(
        matches!(refused, ClientError::Refused { status: 400, .. }),
        "{refused}"
    );
    let refused = client
        .set_listener("default", ListenerState::Refuse)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("no port of its own"), "{refused}");
    for (method, path, body) in [
        (
            "PUT",
            "/_lab/providers/a/script",
            r#"{"rules":[{"fault":"stahl"}]}"#,
        ),
        ("PUT", "/_lab/providers/a/script", r#"{"rule":[]}"#),
        ("POST", "/_lab/providers/a/listener", r#"{"state":"shut"}"#),
        ("GET", "/_lab/timeline?since=x", ""),
    ] {
        let got = receive(send(lab.addr(), method, path, "", body).await).await;
        assert_eq!(got.status, 400, "{path} {body}");
        assert!(got.json()["error"]["message"].is_string());
    }
    assert_eq!(get(lab.addr(), "/_lab/nothing").await.status, 404);
    assert!(
        lab.timeline().page(&Query::default()).arrivals.is_empty(),
        "the control is no arrival"
    );
}

#[tokio::test]
async fn the_client_says_who_did_not_answer() {
    assert!(matches!(
        LabClient::new("localhost:1"),
        Err(ClientError::BadUrl(_))
    ));
    assert!(matches!(
        LabClient::new("http://x/path"),
        Err(ClientError::BadUrl(_))
    ));
    let lab = lab().await;
    let client = lab.client().unwrap();
    lab.shutdown().await;
    assert!(matches!(
        client.health().await,
        Err(ClientError::Unreachable { .. })
    ));
}

#[tokio::test]
async fn a_scenario_file_makes_providers_with_scripts_and_ports() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.json");
    let text = json!({"providers": {
        "primary": {"listen": "127.0.0.1:0", "script": {"rules": [{"fault": "status-503", "times": 1}]}},
        "backup": {"script": {"behaviour": {"brain": "echo"}}}}});
    std::fs::write(&file, text.to_string()).unwrap();
    let script = Scenario::load(&file).unwrap();
    let lab = Lab::start(LabOptions {
        script,
        seed: 9,
        ..LabOptions::default()
    })
    .await
    .unwrap();
    let own = lab.provider_url("primary").unwrap()["http://".len()..]
        .parse()
        .unwrap();
    let body = chat("m", false).to_string();
    assert_eq!(
        receive(send(own, "POST", "/v1/chat/completions", "", &body).await)
            .await
            .status,
        503
    );
    let echo = post(&lab, "/backup/v1/chat/completions", &chat("m", false))
        .await
        .json();
    assert!(
        echo["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .starts_with("Hello there")
    );
    let missing = Scenario::load(&folder.path().join("none.json")).unwrap_err();
    assert!(missing.to_string().contains("none.json"));
    let taken = Lab::start(LabOptions {
        listen: lab.addr(),
        ..LabOptions::default()
    })
    .await;
    assert!(matches!(taken.err(), Some(LabError::Listen { .. })));
}

#[tokio::test]
async fn two_labs_of_one_seed_answer_the_same_but_for_the_key_of_their_marks() {
    let rule = golive_lab::Rule {
        probability: Some(0.5),
        fault: Some(Fault::status(500)),
        ..Default::default()
    };
    let script = Script {
        rules: vec![rule],
        ..Script::default()
    };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let lab = lab_scripted(script.clone()).await;
        let mut run = Vec::new();
        for _ in 0..30 {
            let got = post(&lab, "/v1/chat/completions", &chat("m", false)).await;
            let mark = nonce::find(&got.text());
            run.push((got.status, mark.map(|mark| mark.nonce)));
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(
        runs[0].iter().any(|(status, _)| *status == 500) && runs[0].iter().any(|(status, _)| *status == 200)
    );
}

use golive_lab::Lab;
