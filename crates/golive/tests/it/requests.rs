//! S3, S5, P2: requests that are wrong, hostile, slow or abandoned: a clear answer in the caller's own format, a row
//! with the right outcome once the caller is known, and nothing of it at the upstream.

use golive_lab::State;
use http::Method;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::caller::{Opened, Raw};
use crate::gate::{Format, Gate, Setup};
use crate::world::{self, eventually};

/// The outcome in the ledger of an answer's request.
async fn outcome(gate: &Gate, id: &str) -> String {
    gate.row(id).await["outcome"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_request_in_each_format_is_answered_and_recorded() {
    let gate = Setup::default().start().await;
    for format in Format::ALL {
        let answer = gate.call(format).send().await;
        assert!(
            golive_lab::nonce::find(&answer.said(format)).is_some(),
            "the lab's own words"
        );
        assert_eq!(outcome(&gate, &answer.id()).await, "ok");
        assert!(!answer.header("golive-release").is_empty());
        answer.shows_nothing_of_the_upstream();
        let stream = gate.call(format).stream().send().await;
        assert!(stream.whole && stream.status == 200, "{}", stream.text());
        let end = if format == Format::Anthropic {
            "message_stop"
        } else {
            "[DONE]"
        };
        assert!(stream.text().contains(end), "{}", stream.text());
        assert_eq!(outcome(&gate, &stream.id()).await, "ok");
    }
    for arrival in gate.arrivals("", State::Arrived, 6).await.arrivals {
        let seen = format!("{:?}{}", arrival.headers, arrival.body);
        assert!(!seen.contains(&gate.key), "the caller's key stays here: {seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_in_the_query_is_refused_even_beside_a_good_one() {
    let gate = Setup::default().start().await;
    for format in Format::ALL {
        for query in ["api_key=x", "key=x", "a=1&access_token=x"] {
            let path = format!("{}?{query}", format.path());
            let answer = gate.call(format).path(&path).send().await;
            answer.is_error(format, 401, "credential_in_query");
        }
        let path = format!("{}?next={}", format.path(), gate.key);
        let answer = gate.call(format).anonymous().path(&path).send().await;
        answer.is_error(format, 401, "credential_in_query");
        assert!(!answer.text().contains(&gate.key));
    }
    assert_eq!(gate.arrived(""), 0);
    assert!(gate.rows().await.is_empty(), "nobody was identified: no row");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_a_wrong_one_and_two_that_differ_are_refused() {
    let gate = Setup::default().start().await;
    for format in Format::ALL {
        let missing = gate.call(format).anonymous().send().await;
        missing.is_error(format, 401, "credential_missing");
        assert!(missing.header("www-authenticate").starts_with("Bearer"));
        let stranger = world::key();
        let mut mistyped = gate.key.clone();
        mistyped.pop();
        for wrong in [stranger.as_str(), &mistyped, "sk-something-else"] {
            let answer = gate.call(format).key(wrong).send().await;
            answer.is_error(format, 401, "invalid_api_key");
        }
        let both = gate
            .call(format)
            .only_header("authorization", &format!("Bearer {}", gate.key))
            .only_header("x-api-key", &stranger);
        both.send().await.is_error(format, 401, "credential_conflict");
        let same_twice = gate.call(format).header("api-key", &gate.key).send().await;
        assert_eq!(same_twice.status, 200, "the same one in two places is one");
    }
    assert_eq!(gate.arrived(""), Format::ALL.len());
    gate.metric_is("golive_unauthenticated_total", 15.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn encoded_bodies_and_other_types_than_json_are_refused() {
    let gate = Setup::default().start().await;
    for format in Format::ALL {
        for encoding in ["gzip", "br", "deflate", "zstd"] {
            let answer = gate
                .call(format)
                .header("content-encoding", encoding)
                .send()
                .await;
            answer.is_error(format, 415, "encoded_body");
        }
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
        ] {
            let answer = gate.call(format).only_header("content-type", kind).send().await;
            answer.is_error(format, 415, "not_json");
        }
        let fine = gate.call(format).header("content-encoding", "identity");
        let fine = fine.only_header("content-type", "Application/JSON; charset=utf-8");
        fine.send().await.said(format);
    }
    assert_eq!(gate.arrived(""), Format::ALL.len());
    gate.row_with("refused:read:encoded_body").await;
    gate.row_with("refused:read:not_json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_by_its_announcement_and_by_its_size() {
    let gate = Setup::default()
        .with("[inbound]\nbody_size = \"8 KiB\"")
        .start()
        .await;
    for format in Format::ALL {
        // The announced one is refused before a byte of it has come.
        let mut raw = Raw::connect(&gate.url).await;
        raw.write(gate.call(format).head(9000).as_bytes()).await;
        let answer = raw.until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        // The other says nothing of its length.
        let mut raw = Raw::connect(&gate.url).await;
        let head = gate.call(format).head(0);
        let head = head.replace("content-length: 0", "transfer-encoding: chunked");
        raw.write(head.as_bytes()).await;
        let chunk = format!("{:x}\r\n{}\r\n", 5000, " ".repeat(5000));
        raw.write(chunk.as_bytes()).await;
        raw.write(chunk.as_bytes()).await;
        let answer = raw.until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        let whole = gate.call(format).saying(&"x".repeat(9000)).send().await;
        whole.is_error(format, 413, "request_too_large");
    }
    assert_eq!(gate.arrived(""), 0);
    gate.row_with("refused:read:request_too_large").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_two_parsers_could_read_differently_is_refused_in_each_format() {
    let gate = Setup::default()
        .with("[inbound]\njson_depth = 16\njson_nodes = 1000\njson_string = \"4 KiB\"")
        .start()
        .await;
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(20), "]".repeat(20));
    let wide = format!(r#"{{"a":[{}0]}}"#, "0,".repeat(1000));
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(5000));
    let broken: &[&[u8]] = &[
        b"",
        b"{",
        b"{\"a\":1} {}",
        b"{\"a\":1,\"a\":2}",
        b"{\"a\":1,\"\\u0061\":2}",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\\ud800\"}",
        b"\xef\xbb\xbf{}",
        b"{\"a\":1e999}",
        b"{\"a\":NaN}",
        b"{\"a\":\"\x01\"}",
        deep.as_bytes(),
        wide.as_bytes(),
        long.as_bytes(),
    ];
    for format in Format::ALL {
        for body in broken {
            let answer = gate.call(format).raw(body.to_vec()).send().await;
            let told = answer.json();
            let code = match format {
                Format::OpenAi => told["error"]["code"].clone(),
                _ => told["code"].clone(),
            };
            let code = code.as_str().unwrap_or("any").to_owned();
            answer.is_error(format, 400, &code);
            assert_eq!(
                answer.header("x-should-retry"),
                "false",
                "it stays wrong: {}",
                answer.text()
            );
        }
        for shape in ["[]", "1", "null"] {
            let answer = gate.call(format).raw(shape).send().await;
            assert_eq!(answer.status, 400, "{shape}: {}", answer.text());
        }
    }
    assert_eq!(gate.arrived(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_format_demands_and_is_not_there_is_named() {
    let gate = Setup::default().start().await;
    let chat = gate
        .chat()
        .raw(r#"{"messages":[{"role":"user","content":"x"}]}"#)
        .send()
        .await;
    assert_eq!(
        (chat.status, &chat.json()["error"]["param"]),
        (400, &"model".into()),
        "{}",
        chat.text()
    );
    let chat = gate.chat().with("messages", "hello").send().await;
    assert_eq!(
        (chat.status, &chat.json()["error"]["param"]),
        (400, &"messages".into()),
        "{}",
        chat.text()
    );
    let message = gate
        .call(Format::Anthropic)
        .raw(r#"{"model":"claude","messages":[{"role":"user","content":"x"}]}"#)
        .send()
        .await;
    assert_eq!(message.status, 400);
    assert!(message.text().contains("max_tokens"), "{}", message.text());
    assert_eq!(gate.arrived(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_names_paths_methods_and_formats_are_told_apart() {
    let gate = Setup::default().start().await;
    let nobody = gate.chat().with("model", "nobody").send().await;
    nobody.is_error(Format::OpenAi, 404, "model_not_found");
    assert_eq!(
        outcome(&gate, &nobody.id()).await,
        "refused:authorise:model_not_found"
    );
    gate.call(Format::Anthropic)
        .with("model", "nobody")
        .send()
        .await
        .is_error(Format::Anthropic, 404, "model_not_found");
    gate.call(Format::Agent)
        .path("/agents/nobody")
        .send()
        .await
        .is_error(Format::Agent, 404, "model_not_found");
    let wrong = gate.chat().with("model", "claude").send().await;
    wrong.is_error(Format::OpenAi, 400, "wrong_format");
    assert!(
        wrong.text().contains("/v1/messages"),
        "it says where: {}",
        wrong.text()
    );
    for path in [
        "/v1/embeddings",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/V1/chat/completions",
    ] {
        let answer = gate.chat().path(path).send().await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
    for format in Format::ALL {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = gate.call(format).method(method).send().await;
            answer.is_error(format, 405, "use_post");
            assert_eq!(answer.header("allow"), "POST");
        }
    }
    assert_eq!(gate.chat().path("/v1/models").send().await.header("allow"), "GET");
    assert_eq!(gate.arrived(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_protocol_is_spoken_by_prior_knowledge() {
    let gate = Setup::default().start().await;
    let (mut sender, mut tasks) = http2_to(&gate).await;
    for _ in 0..3 {
        let response = sender
            .send_request(gate.chat().request())
            .await
            .expect("an answer");
        assert_eq!(response.version(), http::Version::HTTP_2);
        Opened::new(response).rest().await.said(Format::OpenAi);
    }
    let streamed = sender
        .send_request(gate.chat().stream().request())
        .await
        .expect("an answer");
    assert!(Opened::new(streamed).rest().await.text().contains("[DONE]"));
    drop(sender);
    while tasks.join_next().await.is_some() {}
}

type Sender = http2::SendRequest<http_body_util::Full<bytes::Bytes>>;

async fn http2_to(gate: &Gate) -> (Sender, JoinSet<()>) {
    let stream = TcpStream::connect(gate.url.trim_start_matches("http://")).await;
    let io = TokioIo::new(stream.expect("it listens"));
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io)
        .await
        .expect("a handshake");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let _ = connection.await; // its end is the test's to judge, by what it receives
    });
    (sender, tasks)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_resets_its_streams_as_fast_as_it_opens_them_is_shut_out_alone() {
    let gate = Setup::default().start().await;
    let mut raw = Raw::connect(&gate.url).await;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend_from_slice(&frame(SETTINGS, 0, 0, &[]));
    for n in 0..2000_u32 {
        let stream = 2 * n + 1;
        bytes.extend_from_slice(&frame(HEADERS, END_HEADERS, stream, &head(&gate, "endless-0")));
        bytes.extend_from_slice(&frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())); // 8: CANCEL
    }
    raw.write(&bytes).await;
    let told = frames(&raw.until_closed().await);
    let away = told.iter().find(|(kind, _)| *kind == GOAWAY);
    let (_, payload) = away.expect("it is told to go away");
    assert_eq!(payload[4..8], 11_u32.to_be_bytes(), "ENHANCE_YOUR_CALM"); // RFC 9113 §7
    gate.chat().send().await.said(Format::OpenAi);
    gate.metric_is("golive_in_flight", 0.0).await;
    assert_eq!(gate.arrived(""), 1, "none of them reached the upstream");
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The head of a call whose body is still to come: names of the static table, values as they are (RFC 7541).
fn head(gate: &Gate, fault: &str) -> Vec<u8> {
    let mut block = vec![0x83, 0x86]; // :method POST, :scheme http
    let key = format!("Bearer {}", gate.key);
    for (name, value) in [
        (4, "/v1/chat/completions"),
        (1, "golive"),
        (31, "application/json"),
        (23, key.as_str()),
    ] {
        if name < 15 {
            block.push(name);
        } else {
            block.extend_from_slice(&[15, name - 15]);
        }
        block.extend_from_slice(&string(value));
    }
    [block, vec![0], string("x-lab-fault"), string(fault)].concat()
}

fn string(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    [&[length], text.as_bytes()].concat()
}

fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            break;
        };
        found.push((head[3], payload.to_vec()));
        bytes = rest;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_and_a_connection_at_rest_are_closed() {
    let gate = Setup::default()
        .with("[inbound]\nhead_timeout = \"300ms\"\nidle_timeout = \"300ms\"\nhandshake_timeout = \"300ms\"")
        .start()
        .await;
    let mut silent = Raw::connect(&gate.url).await;
    let mut half = Raw::connect(&gate.url).await;
    half.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n")
        .await;
    let mut at_rest = Raw::connect(&gate.url).await;
    at_rest.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await;
    at_rest.until("ok\n").await;
    silent.until_closed().await;
    half.until_closed().await;
    at_rest.until_closed().await;
    gate.metric_is("golive_connections", 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_at_rest_is_given_longer_than_a_head_in_both_protocols() {
    let gate = Setup::default()
        .with("[inbound]\nhead_timeout = \"300ms\"\nidle_timeout = \"60s\"")
        .start()
        .await;
    let (mut sender, _tasks) = http2_to(&gate).await;
    let mut at_rest = gate.chat().on_a_socket().await;
    at_rest.until("[lab:").await;
    let response = sender.send_request(gate.chat().request()).await;
    Opened::new(response.expect("an answer"))
        .rest()
        .await
        .said(Format::OpenAi);
    // A head that begins now is cut when its time is over; those at rest are not.
    for _ in 0..2 {
        let mut half = Raw::connect(&gate.url).await;
        half.write(b"GET /livez HTTP/1.1\r\n").await;
        half.until_closed().await;
    }
    let response = sender.send_request(gate.chat().request()).await;
    Opened::new(response.expect("an answer"))
        .rest()
        .await
        .said(Format::OpenAi);
    at_rest.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await;
    at_rest.until("ok\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_or_no_http_is_refused() {
    let gate = Setup::default()
        .with("[inbound]\nhead_size = \"8 KiB\"")
        .start()
        .await;
    let mut large = Raw::connect(&gate.url).await;
    let line = format!("x-filler: {}\r\n", "x".repeat(1000));
    large
        .write(format!("GET /livez HTTP/1.1\r\nhost: x\r\n{}\r\n", line.repeat(12)).as_bytes())
        .await;
    let answer = String::from_utf8_lossy(&large.until_closed().await).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    let mut nonsense = Raw::connect(&gate.url).await;
    nonsense.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n").await;
    let answer = String::from_utf8_lossy(&nonsense.until_closed().await).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    gate.chat().send().await.said(Format::OpenAi);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_told_so_and_recorded() {
    let gate = Setup::default()
        .with("[inbound]\nbody_timeout = \"300ms\"")
        .start()
        .await;
    for format in Format::ALL {
        let mut raw = Raw::connect(&gate.url).await;
        let ask = gate.call(format);
        raw.write(ask.head(ask.body().len()).as_bytes()).await;
        raw.write(b"{").await;
        let answer = raw.until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    gate.row_with("refused:read:body_timeout").await;
    assert_eq!(gate.arrived(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_recorded_and_goes_nowhere() {
    let gate = Setup::default().start().await;
    let mut raw = Raw::connect(&gate.url).await;
    raw.write(gate.chat().head(1000).as_bytes()).await;
    raw.write(b"{\"model\":").await;
    drop(raw);
    eventually("its row", async || {
        let rows = gate.rows().await;
        rows.first().filter(|row| row["outcome"] != "open").cloned()
    })
    .await;
    assert_eq!(gate.arrived(""), 0);
    gate.metric_is("golive_in_flight", 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_nobody_reads_is_cut_and_settled_and_the_upstream_is_let_go() {
    let gate = Setup::default()
        .with("[inbound]\nunread_timeout = \"500ms\"")
        .start()
        .await;
    let unread = gate.chat().stream().fault("endless-0").on_a_socket().await;
    let row = gate.row_with("cancelled").await;
    assert!(
        row["tokens"]["output"].as_u64() > Some(0),
        "what was consumed is settled: {row}"
    );
    let page = gate.arrivals("endless", State::ClientGone, 1).await;
    assert_eq!(page.arrivals.len(), 1);
    gate.metric_is("golive_connections", 0.0).await;
    drop(unread);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_answer_that_nobody_reads_does_not_hold_its_connection() {
    let gate = Setup::default()
        .with("[inbound]\nunread_timeout = \"500ms\"")
        .start()
        .await;
    // More than the sockets' buffers between here and there take.
    let unread = gate.chat().fault("huge-body-33554432").on_a_socket().await;
    let row = gate.row_with("ok").await;
    assert!(row["bytes_out"].as_u64() > Some(33_000_000), "{row}");
    gate.metric_is("golive_connections", 0.0).await;
    drop(unread);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_whose_window_is_never_opened_do_not_hold_their_connection() {
    for (fault, stream) in [
        ("slow-1", false),
        ("huge-body-1048576", false),
        ("endless-0", true),
    ] {
        let gate = Setup::default()
            .with("[inbound]\nunread_timeout = \"500ms\"\nidle_timeout = \"1h\"")
            .start()
            .await;
        let no_window = [0, 4, 0, 0, 0, 0]; // SETTINGS_INITIAL_WINDOW_SIZE = 0 (RFC 9113 §6.5.2)
        let ask = if stream { gate.chat().stream() } else { gate.chat() };
        let bytes = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            frame(SETTINGS, 0, 0, &no_window),
            frame(HEADERS, END_HEADERS, 1, &head(&gate, fault)),
            frame(DATA, END_STREAM, 1, &ask.body()),
        ];
        let mut raw = Raw::connect(&gate.url).await;
        raw.write(&bytes.concat()).await;
        gate.row_with(if stream { "cancelled" } else { "ok" }).await;
        raw.until_closed().await;
        gate.metric_is("golive_connections", 0.0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_before_the_answer_ends_the_call_upstream() {
    let gate = Setup::default().start().await;
    for (format, fault) in [
        (Format::OpenAi, "hang-before-headers"),
        (Format::Anthropic, "hang-after-headers"),
        (Format::Agent, "stall"),
    ] {
        let leaving = gate.call(format).fault(fault).on_a_socket().await;
        gate.arrivals(fault, State::Arrived, 1).await;
        drop(leaving);
        gate.arrivals(fault, State::ClientGone, 1).await;
    }
    eventually("three rows, all cancelled", async || {
        let rows = gate.rows().await;
        (rows.len() == 3 && rows.iter().all(|row| row["outcome"] == "cancelled")).then_some(())
    })
    .await;
    gate.metric_is("golive_in_flight", 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_within_a_stream_ends_it_upstream_and_pays_for_what_came() {
    let gate = Setup::default().start().await;
    for format in Format::ALL {
        let mut opened = gate.call(format).stream().fault("endless-20").open().await;
        opened.until("data:").await;
        let id = opened.id();
        drop(opened);
        let row = gate.row(&id).await;
        assert_eq!(row["outcome"], "cancelled", "{row}");
        assert!(row["tokens"]["output"].as_u64() > Some(0), "{row}");
        assert!(row["first_byte_us"].as_u64() > Some(0), "{row}");
    }
    gate.arrivals("endless", State::ClientGone, Format::ALL.len())
        .await;
    gate.metric_is("golive_in_flight", 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_one_address_may_have_are_closed_and_the_others_stay() {
    let gate = Setup::default()
        .with("[inbound]\nconnections_per_address = 3")
        .start()
        .await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::connect(&gate.url).await;
        raw.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await;
        raw.until("ok\n").await;
        held.push(raw);
    }
    let mut refused = Raw::connect(&gate.url).await;
    refused.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(refused.until_closed().await.is_empty());
    held[0].write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await;
    held[0].until("ok\n").await;
    held.clear();
    gate.metric_is("golive_connections", 0.0).await;
    gate.chat().send().await.said(Format::OpenAi);
}
