//! S6, E1: an HTTP agent behind the gateway: its own JSON goes through byte by byte, and pointers say what in it is text.

use golive_lab::{Behaviour, Brain, Script};
use serde_json::json;

use crate::gate::{Format, Gate, Setup};

/// More agents before the same upstream, which differ in where their text is said to stand.
const AGENTS: &str = r#"
[agents.silent]
on_failure = "error"
chain = ["http"]
[agents.silent.pointers]
input = "/message"
output = "/reply"

[agents.astray]
on_failure = "error"
chain = ["http"]
[agents.astray.pointers]
input = "/message"
output = "/nowhere/0/text"
stream = "/nowhere"

[agents.deeper]
on_failure = "error"
chain = ["http"]
[agents.deeper.pointers]
input = "/message"
output = "/reply/0"
"#;

async fn start() -> Gate {
    Setup::default().with(AGENTS).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_goes_through_as_it_is_and_so_does_the_answer() {
    let gate = start().await;
    let body = "{ \"message\" : \"h\\u00e9llo\", \"session\":{\"b\":1.50,\"a\":[ ]} }";
    let answer = gate.call(Format::Agent).raw(body).send().await;
    let reply = answer.said(Format::Agent);
    assert!(golive_lab::nonce::find(&reply).is_some(), "{reply}");
    assert_eq!(answer.header("content-type"), "application/json");
    let seen = gate
        .arrivals("", golive_lab::State::Finished, 1)
        .await
        .arrivals
        .remove(0);
    assert_eq!((seen.body.as_str(), seen.path.as_str()), (body, "/agent"));
    let row = gate.row(&answer.id()).await;
    assert_eq!(
        (&row["callee"], &row["wire"], &row["outcome"]),
        (&"agent/helper".into(), &"http".into(), &"ok".into())
    );
    assert_eq!(row["basis"], "estimated", "an agent reports no tokens: {row}");
    let told = gate
        .command(&["explain", &answer.id(), "--content", "--format", "json"])
        .await
        .json();
    assert_eq!(told["prompt"], body);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_events_go_through_and_their_text_is_counted() {
    let gate = start().await;
    let answer = gate.call(Format::Agent).stream().send().await;
    assert!(answer.header("content-type").starts_with("text/event-stream"));
    let text: String = answer
        .text()
        .split("\n\n")
        .filter_map(|event| serde_json::from_str::<serde_json::Value>(event.strip_prefix("data: ")?).ok())
        .filter_map(|event| event["delta"].as_str().map(str::to_owned))
        .collect();
    assert!(golive_lab::nonce::find(&text).is_some(), "{text}");
    let told = gate
        .command(&["explain", &answer.id(), "--content", "--format", "json"])
        .await
        .json();
    assert_eq!(told["reply"], text, "the ledger keeps the text alone");
    assert_eq!(told["tokens"]["output"], text.len().div_ceil(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_pointer_into_its_events_it_does_not_stream() {
    let gate = start().await;
    let answer = gate
        .call(Format::Agent)
        .path("/agents/silent")
        .stream()
        .send()
        .await;
    answer.said(Format::Agent);
    let seen = gate
        .arrivals("", golive_lab::State::Finished, 1)
        .await
        .arrivals
        .remove(0);
    assert!(!seen.stream, "the agent was not asked for events");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_text_where_its_pointer_points_is_no_answer() {
    let gate = start().await;
    for agent in ["astray", "deeper"] {
        let answer = gate
            .call(Format::Agent)
            .path(&format!("/agents/{agent}"))
            .send()
            .await;
        answer.is_error(Format::Agent, 502, "upstream_broken");
        let row = gate.row(&answer.id()).await;
        assert_eq!(row["outcome"], "error:upstream_broken");
        assert!(
            row.to_string().contains("output pointer"),
            "explain says why: {row}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pointer_that_is_none_is_refused_at_the_start() {
    let gate = start().await;
    gate.rewrite_config(&gate.config().replace("output = \"/reply\"", "output = \"reply\""));
    let said = gate.command(&["config", "check"]).await;
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("reply"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_object_or_what_the_agent_refuses_is_told_as_a_problem() {
    let gate = start().await;
    for body in ["[]", "\"hello\"", "17"] {
        let answer = gate.call(Format::Agent).raw(body).send().await;
        answer.is_error(Format::Agent, 400, "invalid_type");
    }
    assert_eq!(gate.arrived(""), 0);
    let refused = gate.call(Format::Agent).fault("status-422").send().await;
    refused.is_error(Format::Agent, 422, "upstream_refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_headers_pass_either_way() {
    let gate = start().await;
    let brain = Some(Brain::Reply("fine".into()));
    let behaviour = Behaviour {
        brain,
        ..Behaviour::default()
    };
    gate.lab
        .script("default", Script::behaving(behaviour))
        .expect("a script");
    let answer = gate
        .call(Format::Agent)
        .header("cookie", "session=1")
        .header("x-forwarded-for", "10.9.8.7")
        .header("x-request-id", "callers-own")
        .header("x-anything", "else")
        .header(
            "traceparent",
            "00-5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c13-01",
        )
        .send()
        .await;
    assert!(answer.said(Format::Agent).starts_with("fine"));
    assert_ne!(answer.id(), "callers-own", "a caller's id is kept, never used");
    let seen = gate
        .arrivals("", golive_lab::State::Finished, 1)
        .await
        .arrivals
        .remove(0);
    let names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "cookie",
        "x-forwarded-for",
        "x-request-id",
        "x-anything",
        "golive-user",
    ] {
        assert!(!names.contains(&name), "{name} passed: {names:?}");
    }
    let trace = seen.headers.iter().find(|(name, _)| name == "traceparent");
    let trace = trace.map(|(_, value)| value.as_str()).unwrap_or_default();
    assert!(
        trace.starts_with("00-5b8aa5a2d2c872e8321cf37308d69df2-"),
        "the trace goes on: {trace}"
    );
    assert!(
        !trace.contains("051581bf3cb55c13"),
        "under a span of golive's own: {trace}"
    );
    assert_eq!(seen.body, json!({"message": "hello"}).to_string());
    let ours = [
        "content-type",
        "content-length",
        "date",
        "x-request-id",
        "golive-release",
        "cache-control",
    ];
    for name in answer.headers.keys() {
        assert!(ours.contains(&name.as_str()), "{name} is not golive's");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_text_at_the_input_pointer_is_refused_and_never_reaches_the_agent() {
    let gate = start().await;
    for body in [r#"{"question":"hello"}"#, r#"{"message":7}"#, "{}"] {
        let answer = gate.call(Format::Agent).raw(body).send().await;
        answer.is_error(Format::Agent, 400, "missing_field");
        assert!(answer.text().contains("/message"), "{}", answer.text());
    }
    assert_eq!(gate.arrived(""), 0);
}
