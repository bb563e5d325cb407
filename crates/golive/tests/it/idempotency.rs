//! P3: a request that carries an `Idempotency-Key` is served once, whatever becomes of its caller or of golive; and what
//! failed is not kept.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use golive_lab::{Behaviour, Fault, Latency, Match, Rule, Script, StatusBody};

use crate::caller::{Answer, Ask};
use crate::gate::{Format, Gate, Setup};
use crate::world;

const MODELS: &str = r#"
[upstreams.first]
kind = "openai"
base_url = "{own}/v1"
private_addresses = ["127.0.0.0/8"]
api_key_env = "LAB_KEY"

[models.one]
chain = ["first/lab-model"]

[models.two]
chain = ["first/lab-model", "first/lab-other", "openai/lab-model"]

[agents.support]
chain = ["first/lab-model"]

[keys.other]
key_env = "OTHER_KEY"

[keys.desk]
key_env = "DESK_KEY"
may_assert_users = true

[retry]
backoff = ["10ms", "20ms", "40ms"]
"#;

struct Keys {
    gate: Gate,
    other: String,
    desk: String,
}

async fn start() -> Keys {
    let (other, desk) = (world::key(), world::key());
    let gate = Setup::default()
        .with(MODELS)
        .own_port()
        .env("OTHER_KEY", &other)
        .env("DESK_KEY", &desk)
        .start()
        .await;
    Keys { gate, other, desk }
}

/// The provider of the first link takes its time, and fails so often first.
fn provider(gate: &Gate, ms: u64, fault: Option<(Fault, u64)>) {
    let matches = Match {
        path: Some("/v1".into()),
        ..Match::default()
    };
    let rules = fault.map(|(fault, times)| Rule {
        matches,
        times: Some(times),
        fault: Some(fault),
        ..Rule::default()
    });
    let script = Script {
        rules: rules.into_iter().collect(),
        ..Script::behaving(Behaviour {
            latency: Some(Latency::Constant { ms }),
            ..Behaviour::default()
        })
    };
    gate.lab.script("own", script).expect("a script");
}

fn status(code: u16) -> Fault {
    Fault::Status {
        code,
        headers: Default::default(),
        body: StatusBody::default(),
    }
}

fn once(gate: &Gate, model: &str, key: &str) -> Ask {
    gate.chat().with("model", model).header("idempotency-key", key)
}

/// The keys that reached the lab, in the order of their requests.
fn keys_upstream(gate: &Gate) -> Vec<String> {
    let query = golive_lab::Query {
        contains: Some("lab-".into()),
        limit: 1000,
        ..golive_lab::Query::default()
    };
    let page = gate.lab.timeline().page(&query);
    let key = |headers: &[(String, String)]| {
        let found = headers.iter().find(|(name, _)| name == "idempotency-key");
        found.map(|(_, value)| value.clone()).expect("a key upstream")
    };
    page.arrivals
        .iter()
        .map(|arrival| key(&arrival.headers))
        .collect()
}

#[track_caller]
fn is_replay_of(replay: &Answer, first: &Answer) {
    assert_eq!(replay.status, first.status, "{}", replay.text());
    assert_eq!(replay.body, first.body, "the same bytes");
    assert_eq!(replay.header("golive-replayed"), first.id());
    assert_eq!(replay.header("content-type"), first.header("content-type"));
    assert_eq!(replay.header("golive-release"), first.header("golive-release"));
    assert_ne!(replay.id(), first.id(), "a request of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_gets_the_same_answer_and_the_upstream_hears_of_it_once() {
    let Keys { gate, .. } = start().await;
    for format in Format::ALL {
        for stream in [false, true] {
            gate.lab.timeline().clear();
            let key = format!("order-{format:?}-{stream}");
            let ask = gate.call(format).header("idempotency-key", &key);
            let ask = if stream { ask.stream() } else { ask };
            let first = ask.clone().send().await;
            assert_eq!(
                (first.status, first.header("golive-replayed")),
                (200, ""),
                "{}",
                first.text()
            );
            let again = ask.clone().send().await;
            is_replay_of(&again, &first);
            assert_eq!(gate.arrived(""), 1, "{key}");
            let row = gate.row(&again.id()).await;
            assert_eq!(
                (&row["outcome"], &row["attempts"], &row["link"]),
                (&"ok".into(), &0.into(), &serde_json::Value::Null),
                "{row}"
            );
            assert!(
                row["tokens"]["input"].is_null() && row["cost"]["nano_usd"].is_null(),
                "{row}"
            );
            assert!(
                row["decisions"]
                    .to_string()
                    .contains(&format!("replayed {}", first.id())),
                "{row}"
            );
            assert_eq!(row["counted"], true, "{row}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_under_the_same_key_is_refused_also_while_the_first_is_being_answered() {
    let Keys { gate, .. } = start().await;
    provider(&gate, 400, None);
    let asks = join_all([
        once(&gate, "one", "k").send(),
        once(&gate, "one", "k").saying("something else").send(),
    ]);
    let answers = asks.await;
    let (served, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((served.len(), refused.len()), (1, 1));
    refused[0].is_error(Format::OpenAi, 422, "idempotency_mismatch");
    assert_eq!(refused[0].header("x-should-retry"), "false");
    let later = once(&gate, "one", "k").saying("a third thing").send().await;
    later.is_error(Format::OpenAi, 422, "idempotency_mismatch");
    assert_eq!(gate.arrived("lab-model"), 1);
    for bad in ["", "two words"] {
        let refused = once(&gate, "one", bad).send().await;
        refused.is_error(Format::OpenAi, 400, "invalid_idempotency_key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_wait_for_the_first_and_one_call_answers_them_all() {
    let Keys { gate, .. } = start().await;
    provider(&gate, 300, None);
    for stream in [false, true] {
        gate.lab.timeline().clear();
        let key = format!("twins-{stream}");
        let answers = join_all((0..6).map(|_| {
            let ask = once(&gate, "one", &key);
            if stream { ask.stream().send() } else { ask.send() }
        }));
        let answers = answers.await;
        let (first, twins): (Vec<_>, Vec<_>) = answers
            .iter()
            .partition(|answer| answer.header("golive-replayed").is_empty());
        assert_eq!((first.len(), twins.len()), (1, 5));
        for twin in twins {
            is_replay_of(twin, first[0]);
        }
        assert_eq!(gate.arrived("lab-model"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_was_degraded_or_broke_off_gives_the_key_back() {
    let Keys { gate, .. } = start().await;
    let cut = Fault::Cut {
        after_chunks: 10,
        after_bytes: None,
    };
    for (n, (fault, times, model)) in [
        (status(500), 4, "one"),
        (status(500), 4, "support"),
        (status(404), 1, "one"),
        (status(429), 4, "one"),
        (cut, 1, "one"),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("failed-{n}");
        let ask = || match n {
            4 => once(&gate, model, &key).stream(),
            _ => once(&gate, model, &key),
        };
        provider(&gate, 0, Some((fault, times)));
        let failed = ask().send().await;
        let is_good = failed.status == 200 && failed.header("golive-degraded").is_empty() && n != 4;
        assert!(!is_good, "{n}: {}", failed.text());
        let served = ask().send().await;
        assert_eq!(
            (
                served.status,
                served.header("golive-replayed"),
                served.header("golive-degraded")
            ),
            (200, "", ""),
            "{n}: {}",
            served.text()
        );
        is_replay_of(&ask().send().await, &served);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_first_fails_one_of_its_twins_is_served_and_the_others_get_its_answer() {
    let Keys { gate, .. } = start().await;
    provider(&gate, 200, Some((status(404), 1)));
    let answers = join_all((0..5).map(|_| once(&gate, "one", "k").send())).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(404), count(200)), (1, 4));
    let replayed = answers
        .iter()
        .filter(|answer| !answer.header("golive-replayed").is_empty());
    assert_eq!(replayed.count(), 3);
    assert_eq!(gate.arrived("lab-model"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstreams_verdict_on_the_request_itself_is_kept() {
    let Keys { gate, .. } = start().await;
    provider(&gate, 0, Some((status(422), 1)));
    let first = once(&gate, "one", "k").send().await;
    assert_eq!(first.status, 422, "{}", first.text());
    is_replay_of(&once(&gate, "one", "k").send().await, &first);
    assert_eq!(gate.arrived("lab-model"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_its_caller_its_user_and_its_model() {
    let Keys { gate, other, desk } = start().await;
    let asks = [
        once(&gate, "one", "k"),
        once(&gate, "one", "k").key(&other),
        once(&gate, "one", "k").key(&desk).header("golive-user", "ann"),
        once(&gate, "one", "k").key(&desk).header("golive-user", "ben"),
        once(&gate, "support", "k"),
    ];
    let mut bodies = BTreeSet::new();
    for ask in &asks {
        let answer = ask.clone().send().await;
        assert_eq!(
            (answer.status, answer.header("golive-replayed")),
            (200, ""),
            "{}",
            answer.text()
        );
        bodies.insert(answer.text());
    }
    assert_eq!(bodies.len(), asks.len(), "each an answer of its own");
    for ask in &asks {
        let again = ask.clone().send().await;
        assert!(!again.header("golive-replayed").is_empty() && bodies.contains(&again.text()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_came_is_replayed_after_a_kill_too() {
    let Keys { mut gate, .. } = start().await;
    let whole = once(&gate, "one", "whole").send().await;
    let stream = once(&gate, "one", "stream").stream().send().await;
    gate.kill().await;
    gate.start_again().await;
    is_replay_of(&once(&gate, "one", "whole").send().await, &whole);
    is_replay_of(&once(&gate, "one", "stream").stream().send().await, &stream);
    assert_eq!(gate.arrived("lab-model"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_attempts_of_a_request_share_one_key_upstream_that_is_not_the_callers() {
    let Keys { gate, .. } = start().await;
    provider(&gate, 0, Some((status(500), 3)));
    let answer = once(&gate, "one", "the-callers-own").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let keys = keys_upstream(&gate);
    assert_eq!(keys, vec![answer.id(); 4]);
    gate.lab.timeline().clear();
    gate.chat().with("model", "one").send().await;
    let without = keys_upstream(&gate);
    assert!(
        without.len() == 1 && without[0] != answer.id(),
        "each request has another: {without:?}"
    );
    // Two models of one upstream get two bodies: a strict upstream would refuse the second under the same key.
    gate.lab.timeline().clear();
    provider(&gate, 0, Some((status(500), 2)));
    let fell_back = gate.chat().with("model", "two").send().await;
    assert_eq!(fell_back.status, 200, "{}", fell_back.text());
    let id = fell_back.id();
    assert_eq!(keys_upstream(&gate), [id.clone(), format!("{id}-2"), id]);
}
