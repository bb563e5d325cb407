//! P2, E1, M1: whatever an upstream does, the caller gets a typed error in its own format (or, within a stream, the
//! format's error event and no end), nothing of the upstream's, and the ledger says what happened.

use futures_util::future::join_all;
use golive_lab::{Fault, ListenerState, Rule, Script, State, StatusBody};

use crate::gate::{Format, Gate, Setup};
use crate::world::eventually;

/// Clocks at a scale at which a test can wait for them.
const CLOCKS: &str =
    "connect = \"1s\"\nfirst_byte = \"2s\"\nidle = \"1s\"\ntotal_request = \"4s\"\ntotal_stream = \"5s\"\n";

async fn scaled() -> Gate {
    let upstreams = ["openai", "anthropic", "http"];
    let clocks: String = upstreams
        .iter()
        .map(|name| format!("[upstreams.{name}.timeouts]\n{CLOCKS}\n"))
        .collect();
    Setup::default()
        .with(&clocks)
        .response_size("64 KiB")
        .start()
        .await
}

/// A fault before the commit point: what the caller is told.
struct Case {
    fault: &'static str,
    status: u16,
    code: &'static str,
}

const fn case(fault: &'static str, status: u16, code: &'static str) -> Case {
    Case { fault, status, code }
}

const WHOLE: &[Case] = &[
    case("reset", 502, "upstream_broken"),
    case("hang-before-headers", 504, "upstream_timeout"),
    case("hang-after-headers", 504, "upstream_timeout"),
    case("stall", 504, "upstream_timeout"),
    case("drip-500", 504, "upstream_timeout"),
    case("slow-60000", 504, "upstream_timeout"),
    case("cut", 502, "upstream_broken"),
    case("half-body", 502, "upstream_broken"),
    case("malformed", 502, "upstream_broken"),
    case("html-200", 502, "upstream_broken"),
    case("wrong-content-type", 502, "upstream_broken"),
    case("no-done", 502, "upstream_broken"),
    case("error-event", 502, "upstream_broken"),
    case("huge-header-600000", 502, "upstream_broken"),
    case("huge-body", 502, "upstream_broken"),
    case("redirect", 502, "upstream_broken"),
    case("status-401", 502, "upstream_credential"),
    case("status-403", 502, "upstream_credential"),
    case("status-204", 502, "upstream_broken"),
    case("status-304", 502, "upstream_broken"),
    case("status-999", 502, "upstream_broken"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_answer_that_fails_is_a_typed_error_in_each_format() {
    let gate = scaled().await;
    let asked = Format::ALL
        .iter()
        .flat_map(|format| WHOLE.iter().map(|case| (*format, case)));
    join_all(asked.map(async |(format, case)| {
        let answer = gate.call(format).fault(case.fault).send().await;
        eprintln!("{format:?} {} came: {}", case.fault, answer.status); // shown when the test fails
        answer.is_error(format, case.status, case.code);
        let row = gate.row(&answer.id()).await;
        assert_eq!(
            row["outcome"],
            format!("error:{}", case.code),
            "{format:?} {}: {row}",
            case.fault
        );
        assert_eq!(
            (&row["status"], &row["attempts"]),
            (&case.status.into(), &1.into()),
            "{row}"
        );
    }))
    .await;
    assert_eq!(gate.arrived("/redirected"), 0, "a redirect is never followed");
    gate.metric_is("golive_in_flight", 0.0).await;
}

const BEFORE_CONTENT: &[Case] = &[
    case("reset", 502, "upstream_broken"),
    case("hang-before-headers", 504, "upstream_timeout"),
    case("hang-after-headers", 504, "upstream_timeout"),
    case("drip-500", 504, "upstream_timeout"),
    case("html-200", 502, "upstream_broken"),
    case("wrong-content-type", 502, "upstream_broken"),
    case("huge-header-600000", 502, "upstream_broken"),
    case("redirect", 502, "upstream_broken"),
    case("status-401", 502, "upstream_credential"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_before_its_first_content_is_a_typed_error_with_a_status() {
    let gate = scaled().await;
    let asked = Format::ALL
        .iter()
        .flat_map(|format| BEFORE_CONTENT.iter().map(|case| (*format, case)));
    join_all(asked.map(async |(format, case)| {
        let answer = gate.call(format).stream().fault(case.fault).send().await;
        eprintln!("{format:?} {} came: {}", case.fault, answer.status);
        answer.is_error(format, case.status, case.code);
        let row = gate.row(&answer.id()).await;
        assert_eq!(
            row["outcome"],
            format!("error:{}", case.code),
            "{format:?} {}: {row}",
            case.fault
        );
    }))
    .await;
    gate.metric_is("golive_in_flight", 0.0).await;
}

/// A fault after the commit point, and the code of the error event. Six events come before it: up to three of them
/// hold no content.
const WITHIN: &[(&str, &str)] = &[
    ("cut-6", "upstream_stream_interrupted"),
    ("stall-6", "upstream_idle_timeout"),
    ("endless-50", "upstream_total_timeout"),
    ("endless-0", "upstream_stream_interrupted"), // longer than the response may be
];

/// Faults of a format: an HTTP agent's stream has neither a terminator nor an error of its own.
const WITHIN_A_FORMAT: &[(&str, &str)] = &[
    ("no-done", "upstream_stream_interrupted"),
    ("error-event-6", "upstream_stream_interrupted"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_within_ends_with_the_formats_error_event_and_no_end() {
    let gate = scaled().await;
    let of_a_format = [Format::OpenAi, Format::Anthropic];
    let of_a_format = of_a_format
        .iter()
        .flat_map(|format| WITHIN_A_FORMAT.iter().map(|case| (*format, *case)));
    let of_all = Format::ALL
        .iter()
        .flat_map(|format| WITHIN.iter().map(|case| (*format, *case)));
    join_all(of_all.chain(of_a_format).map(async |(format, (fault, code))| {
        let answer = gate.call(format).stream().fault(fault).send().await;
        eprintln!("{format:?} {fault} came: {} bytes", answer.body.len());
        answer.broke_off(format, code);
        let row = gate.row(&answer.id()).await;
        assert_eq!(
            row["outcome"],
            format!("error:{code}"),
            "{format:?} {fault}: {row}"
        );
        assert!(
            row["tokens"]["output"].as_u64() > Some(0),
            "what came is settled: {row}"
        );
    }))
    .await;
    gate.arrivals("endless", State::ClientGone, 6).await;
    gate.metric_is("golive_in_flight", 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_refuses_connections_is_unreachable_and_health_names_it() {
    let gate = Setup::default()
        .own_port()
        .with("[upstreams.own]\nkind = \"openai\"\nbase_url = \"{own}/v1\"\nprivate_addresses = [\"127.0.0.0/8\"]\n")
        .with("[models.own]\nchain = [\"own/lab-model\"]\n")
        .start()
        .await;
    let ask = || gate.chat().with("model", "own");
    ask().send().await.said(Format::OpenAi);
    gate.lab
        .listener("own", ListenerState::Refuse)
        .await
        .expect("a port of its own");
    for stream in [false, true, false] {
        let ask = if stream { ask().stream() } else { ask() };
        let answer = ask.send().await;
        // The first may still meet the connection that the lab reset.
        let code = if answer.text().contains("upstream_broken") {
            "upstream_broken"
        } else {
            "upstream_unreachable"
        };
        answer.is_error(Format::OpenAi, 502, code);
        assert_eq!(gate.row(&answer.id()).await["outcome"], format!("error:{code}"));
    }
    let (status, body) = eventually("health says so", async || {
        let (status, body) = gate.health().await;
        (status == 503).then_some((status, body))
    })
    .await;
    assert_eq!(
        (status, &body["checks"]["upstream/own:reachable"][0]["status"]),
        (503, &"fail".into()),
        "{body}"
    );
    assert_eq!(
        body["checks"]["upstream/openai:reachable"][0]["status"], "pass",
        "{body}"
    );
    assert!(!body.to_string().contains("127.0.0.1"), "{body}");
    gate.chat().send().await.said(Format::OpenAi);
    gate.lab
        .listener("own", ListenerState::Open)
        .await
        .expect("a port of its own");
    ask().send().await.said(Format::OpenAi);
    eventually("health is well again", async || {
        (gate.health().await.0 == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_the_upstreams_passes_with_its_hint() {
    let gate = Setup::default().start().await;
    for format in Format::ALL {
        for stream in [false, true] {
            let ask = gate.call(format).fault("status-429-retry-after-7");
            let ask = if stream { ask.stream() } else { ask };
            let answer = ask.send().await;
            assert_eq!(
                (answer.status, answer.header("retry-after")),
                (429, "7"),
                "{}",
                answer.text()
            );
            answer.shows_nothing_of_the_upstream();
        }
    }
    let row = gate.row_with("refused:upstream:429").await;
    assert_eq!(row["status"], 429);
    assert_eq!(gate.health().await.0, 200, "an upstream that says so is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_failures_of_the_upstreams_keep_their_status_and_its_pages_stay_behind() {
    let gate = Setup::default().start().await;
    for (fault, status) in [
        ("status-400", 400),
        ("status-404", 404),
        ("status-422", 422),
        ("status-500", 500),
    ] {
        for format in Format::ALL {
            let answer = gate.call(format).fault(fault).send().await;
            assert_eq!(answer.status, status, "{}", answer.text());
            answer.shows_nothing_of_the_upstream();
        }
    }
    let overloaded = gate.call(Format::Anthropic).fault("status-529").send().await;
    assert_eq!(overloaded.status, 529);
    assert!(!overloaded.header("retry-after").is_empty());
    assert_eq!(
        gate.chat().fault("status-529").send().await.status,
        503,
        "a word only Anthropic's clients know"
    );
    for (status, code) in [
        (400, "upstream_refused"),
        (502, "upstream_error"),
        (503, "upstream_error"),
    ] {
        let fault = Fault::Status {
            code: status,
            headers: [
                ("set-cookie".into(), "lab=1".into()),
                ("location".into(), "http://lab".into()),
            ]
            .into(),
            body: StatusBody::Html,
        };
        let rule = Rule {
            fault: Some(fault),
            ..Rule::default()
        };
        let script = Script {
            rules: vec![rule],
            ..Script::default()
        };
        gate.lab.script("default", script).expect("a script");
        for format in Format::ALL {
            gate.call(format).send().await.is_error(format, status, code);
            gate.call(format)
                .stream()
                .send()
                .await
                .is_error(format, status, code);
        }
    }
}
