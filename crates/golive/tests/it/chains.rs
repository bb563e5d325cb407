//! P3, P4, E1, E4: what becomes of a request whose first link fails: tried again, tried elsewhere in another format, or
//! answered in words; and what never is: asked twice for nothing, spliced, or ended as if it were whole.

use futures_util::future::join_all;
use golive_lab::{Fault, Match, Rule, Script, State, StatusBody};
use serde_json::json;

use crate::gate::{Format, Gate, Setup};
use crate::world::eventually;

/// One upstream that a test breaks, and others to fall back to; waits at a scale at which a test can wait.
const CHAINS: &str = r#"
[upstreams.first]
kind = "openai"
base_url = "{own}/v1"
private_addresses = ["127.0.0.0/8"]
api_key_env = "LAB_KEY"

[models.one]
chain = ["first/lab-model"]

[models.duo]
chain = ["first/lab-model", "anthropic/lab-model"]

[models.only-claude]
chain = ["anthropic/lab-model"]
[models.only-claude.translation]
warn = ["seed"]

[models.last-resort]
chain = ["first/lab-model", "http"]
[models.last-resort.pointers]
input = "/message"
output = "/reply"
stream = "/delta"

[agents.support]
chain = ["first/lab-model"]
[agents.support.messages.fr]
unavailable = "Un instant, s'il vous plaît."

[agents.desk]
chain = ["http"]
[agents.desk.pointers]
input = "/message"
output = "/reply"
stream = "/delta"

[retry]
backoff = ["20ms", "40ms", "80ms"]

[server]
diagnostics = true
"#;

/// `breaker`: the numbers of all breakers.
async fn start(breaker: &str) -> Gate {
    let toml = format!("{CHAINS}\n[breaker]\n{breaker}\n");
    Setup::default().with(&toml).own_port().start().await
}

fn status(code: u16) -> Fault {
    Fault::Status {
        code,
        headers: Default::default(),
        body: StatusBody::default(),
    }
}

/// The provider of the first link does this from now on: for `times` requests, or for all.
fn breaks(gate: &Gate, fault: Fault, times: Option<u64>) {
    let rule = Rule {
        matches: Match {
            path: Some("/v1".into()),
            ..Match::default()
        },
        times,
        fault: Some(fault),
        ..Rule::default()
    };
    let script = Script {
        rules: vec![rule],
        ..Script::default()
    };
    gate.lab.script("own", script).expect("a script");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_first_link_is_answered_by_the_next_in_the_callers_own_format() {
    let gate = start("failures = 1000").await;
    breaks(&gate, status(500), None);
    for stream in [false, true] {
        let asks = [Format::OpenAi, Format::Anthropic].map(async |format| {
            let ask = gate.call(format).with("model", "duo");
            let ask = if stream { ask.stream() } else { ask };
            let answer = ask.send().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let text = answer.text();
            assert!(golive_lab::nonce::find(&text).is_some(), "{text}");
            if stream {
                let end = match format {
                    Format::OpenAi => "data: [DONE]",
                    _ => "event: message_stop",
                };
                assert!(text.trim_end().ends_with(end) || text.contains(end), "{text}");
            } else {
                answer.said(format);
            }
            assert_eq!(answer.header("golive-link"), "anthropic/lab-model");
            assert_eq!(answer.header("golive-attempts"), "2");
            let row = gate.row(&answer.id()).await;
            assert_eq!(
                (&row["link"], &row["attempts"], &row["outcome"]),
                (&"anthropic/lab-model".into(), &2.into(), &"ok".into()),
                "{row}"
            );
            assert_eq!(
                row["basis"], "reported",
                "the usage of the link that answered: {row}"
            );
        });
        join_all(asks).await;
    }
    breaks(&gate, status(500), Some(0));
    let answer = gate.chat().with("model", "duo").send().await;
    assert_eq!(
        answer.header("golive-link"),
        "first/lab-model",
        "back to the first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_agent_is_a_last_resort_for_callers_of_either_format() {
    let gate = start("failures = 1000").await;
    breaks(&gate, Fault::Reset, None);
    for format in [Format::OpenAi, Format::Anthropic] {
        let ask = gate.call(format).with("model", "last-resort");
        let answer = ask.send().await;
        assert!(golive_lab::nonce::find(&answer.said(format)).is_some());
        assert_eq!(answer.header("golive-link"), "http");
        let streamed = gate
            .call(format)
            .with("model", "last-resort")
            .stream()
            .send()
            .await;
        let text = streamed.text();
        let end = match format {
            Format::OpenAi => "data: [DONE]",
            _ => "event: message_stop",
        };
        assert!(streamed.status == 200 && text.contains(end), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_fails_twice_is_asked_a_third_time() {
    let gate = start("failures = 1000").await;
    for fault in [status(503), status(429), status(408), status(529), Fault::Reset] {
        gate.lab.timeline().clear();
        breaks(&gate, fault.clone(), Some(2));
        let answer = gate.chat().with("model", "one").send().await;
        answer.said(Format::OpenAi);
        assert_eq!(answer.header("golive-attempts"), "3", "{fault:?}");
        assert_eq!(gate.arrived("lab-model"), 3, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_attempts_are_the_most_and_no_sdk_is_asked_to_multiply_them() {
    let gate = start("failures = 1000").await;
    breaks(&gate, status(503), None);
    let answer = gate.chat().with("model", "one").send().await;
    answer.is_error(Format::OpenAi, 503, "upstream_error");
    assert_eq!(answer.header("x-should-retry"), "false");
    assert!(
        !answer.header("retry-after").is_empty(),
        "a 503 says when to come back"
    );
    assert_eq!(gate.arrived("lab-model"), 4);
    let row = gate.row(&answer.id()).await;
    assert_eq!(row["attempts"], 4, "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_own_mistakes_are_neither_tried_again_nor_elsewhere() {
    let gate = start("failures = 1").await;
    for code in [400, 404, 409, 413, 422] {
        gate.lab.timeline().clear();
        breaks(&gate, status(code), None);
        let answer = gate.chat().with("model", "duo").send().await;
        assert_eq!(answer.status, code, "{}", answer.text());
        let arrived = gate.arrived("lab-model");
        assert_eq!(arrived, 1, "{code}");
    }
    // Nor do they open a breaker that opens at the first failure.
    breaks(&gate, status(500), Some(0));
    let answer = gate.chat().with("model", "one").send().await;
    answer.said(Format::OpenAi);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_is_never_begun_again() {
    let gate = start("failures = 1000").await;
    breaks(
        &gate,
        Fault::Cut {
            after_chunks: 10, // what the screens hold back of the first ones was not begun
            after_bytes: None,
        },
        None,
    );
    let answer = gate.chat().with("model", "duo").stream().send().await;
    answer.broke_off(Format::OpenAi, "upstream_stream_interrupted");
    assert_eq!(gate.arrived("lab-model"), 1, "no second answer is spliced on");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_failures_open_the_breaker_and_three_probes_close_it() {
    let gate = start("failures = 5\nopen = \"400ms\"\nsuccesses = 3").await;
    breaks(&gate, status(500), None);
    // Four attempts of the first request and one of the second.
    let first = gate.chat().with("model", "one").send().await;
    first.is_error(Format::OpenAi, 500, "upstream_error");
    let second = gate.chat().with("model", "one").send().await;
    assert!(second.status >= 500, "{}", second.text());
    let silent = gate.arrived("lab-model");
    assert_eq!(silent, 5, "attempts count, not requests");
    let refused = gate.chat().with("model", "one").send().await;
    if gate.arrived("lab-model") == silent {
        refused.is_error(Format::OpenAi, 503, "circuit_open");
        assert!(!refused.header("retry-after").is_empty());
    }
    breaks(&gate, status(500), Some(0));
    eventually("a probe is let through and answered", async || {
        let answer = gate.chat().with("model", "one").send().await;
        (answer.status == 200).then_some(())
    })
    .await;
    for _ in 0..2 {
        gate.chat().with("model", "one").send().await;
    }
    let closed = join_all((0..8).map(async |_| gate.chat().with("model", "one").send().await.status)).await;
    assert!(closed.iter().all(|status| *status == 200), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_breaker_of_one_link_leaves_the_next_one_alone() {
    let gate = start("failures = 1\nopen = \"1h\"").await;
    breaks(&gate, status(500), None);
    for attempts in ["2", "1", "1"] {
        let answer = gate.chat().with("model", "duo").send().await;
        assert_eq!(answer.header("golive-link"), "anthropic/lab-model");
        assert_eq!(answer.header("golive-attempts"), attempts);
    }
    gate.metric_is("golive_breaker_opened_total{link=\"first/lab-model\"}", 1.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_cannot_answer_says_so_in_words_and_in_the_callers_language() {
    let gate = start("failures = 1000").await;
    breaks(&gate, status(500), None);
    let languages = [
        ("", "trouble answering"),
        ("de-AT,en;q=0.5", "Ich kann gerade nicht antworten"),
        ("fr", "Un instant, s'il vous plaît."),
        ("tlh", "trouble answering"),
    ];
    for (language, sentence) in languages {
        for format in [Format::OpenAi, Format::Anthropic] {
            let ask = || {
                gate.call(format)
                    .with("model", "support")
                    .header("accept-language", language)
            };
            let answer = ask().send().await;
            assert!(answer.said(format).contains(sentence), "{}", answer.text());
            assert_eq!(answer.header("golive-degraded"), "unavailable");
            answer.shows_nothing_of_the_upstream();
            let row = gate.row(&answer.id()).await;
            assert_eq!(
                (&row["outcome"], &row["status"]),
                (&"error:upstream_error".into(), &200.into()),
                "a degraded answer is an error: {row}"
            );
            let streamed = ask().stream().send().await;
            assert_eq!(streamed.header("content-type"), "text/event-stream");
            assert!(streamed.text().contains(sentence), "{}", streamed.text());
            assert_eq!(streamed.header("golive-degraded"), "unavailable");
        }
    }
    breaks(&gate, status(500), Some(0));
    let healthy = gate.chat().with("model", "support").send().await;
    assert_eq!(healthy.header("golive-degraded"), "", "{}", healthy.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_agent_that_fails_says_so_in_its_own_json_and_is_not_asked_twice() {
    let gate = start("failures = 1000").await;
    let ask = || gate.call(Format::Agent).path("/agents/desk").fault("status-500");
    let answer = ask().send().await;
    assert!(answer.said(Format::Agent).contains("trouble answering"));
    assert_eq!(answer.header("golive-degraded"), "unavailable");
    assert_eq!(answer.header("golive-attempts"), "", "it is no answer of a link");
    let arrived = gate.arrivals("", State::Finished, 1).await.arrivals.len();
    assert_eq!(arrived, 1, "it may have acted");
    let streamed = ask().stream().send().await;
    assert!(streamed.text().contains("\"delta\":"), "{}", streamed.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_link_cannot_express_is_refused_or_told_and_never_dropped_in_silence() {
    let gate = start("failures = 1000").await;
    let refused = gate
        .chat()
        .with("model", "only-claude")
        .with("logit_bias", json!({"1": 2}))
        .send()
        .await;
    refused.is_error(Format::OpenAi, 400, "unsupported_parameter");
    assert_eq!(refused.json()["error"]["param"], "logit_bias");
    let told = gate
        .chat()
        .with("model", "only-claude")
        .with("seed", 7)
        .send()
        .await;
    told.said(Format::OpenAi);
    assert_eq!(told.header("golive-untranslated"), "seed");
    // Where another link can express it, that one is asked.
    let other = gate
        .call(Format::OpenAi)
        .with("model", "duo")
        .with("seed", 7)
        .send()
        .await;
    assert_eq!(other.header("golive-link"), "first/lab-model");
}
