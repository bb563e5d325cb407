//! S3, P2: callers that speak HTTP/2, well-behaved and hostile.

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::caller::{Opened, Raw};
use crate::gate::{Format, Gate, Setup};

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
