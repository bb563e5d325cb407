//! P2: the lab notices at once, in every state, that a client has left; and it leaves nothing behind itself.

use std::time::Duration;

use golive_lab::{Outcome, Query, State};
use tokio::io::AsyncWriteExt as _;

use crate::http::*;

/// Far above what it takes (well below a millisecond), far below what P2 demands (2 s).
const PROMPT_US: u64 = 500_000;

async fn leaves(model: &str, stream: bool, after: Option<&str>) {
    let lab = lab().await;
    let body = chat(model, stream).to_string();
    let mut client = send(lab.addr(), "POST", "/v1/chat/completions", "", &body).await;
    match after {
        Some(text) => read_until(&mut client, text).await,
        None => drop(arrival(&lab, State::Arrived).await),
    }
    let left_at = lab.now_us();
    drop(client);
    let seen = arrival(&lab, State::ClientGone).await;
    assert_eq!(seen.outcome, Outcome::ClientGone, "{model}");
    let noticed = seen.client_gone_at_us.unwrap() - left_at;
    assert!(noticed < PROMPT_US, "{model}: noticed after {noticed} µs");
    assert_eq!(lab.timeline().counts().providers["default"].in_flight, 0);
    tokio::time::timeout(PATIENCE, lab.shutdown())
        .await
        .expect("a task stayed behind");
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_before_the_headers() {
    leaves("fault-hang-before-headers", false, None).await;
    leaves("fault-hang-before-headers", true, None).await;
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_while_the_answer_is_slow() {
    leaves("fault-slow-60000", false, None).await;
    leaves("brain-latency-60000", true, None).await;
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_after_the_headers_and_within_a_stall() {
    leaves("fault-hang-after-headers", true, Some("\r\n\r\n")).await;
    leaves("fault-stall-2", true, Some("This")).await;
    leaves("fault-stall-2-60000", true, Some("This")).await;
    leaves("fault-stall", false, Some("{\"id\"")).await;
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_within_a_stream_that_goes_on() {
    leaves("fault-endless-5", true, Some("This")).await;
    leaves("fault-drip-50", true, Some("data")).await;
    leaves("brain-paced-5", true, Some("This")).await;
}

#[tokio::test]
async fn a_client_that_leaves_without_reading_a_full_window_is_noticed() {
    // It never reads: the lab is blocked on writing when the client goes.
    leaves("fault-endless-0", true, None).await;
}

#[tokio::test]
async fn a_client_that_leaves_within_its_own_request_is_recorded_with_what_came() {
    let lab = lab().await;
    let mut client = send(lab.addr(), "POST", "/v1/chat/completions", "", "").await;
    drop(receive(client).await);
    client = tokio::net::TcpStream::connect(lab.addr()).await.unwrap();
    client
        .write_all(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"mod")
        .await
        .unwrap();
    client.flush().await.unwrap();
    drop(client);
    let seen = lab
        .timeline()
        .wait(&Query {
            since: 1,
            state: State::ClientGone,
            wait: PATIENCE,
            ..Query::default()
        })
        .await
        .arrivals
        .remove(0);
    assert_eq!((seen.outcome, seen.status), (Outcome::ClientGone, None));
    assert!(seen.body.is_empty() || seen.body == "{\"mod");
}

#[tokio::test]
async fn a_client_that_leaves_over_http2_is_noticed_by_its_stream() {
    use http_body_util::Full;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let lab = lab().await;
    let tcp = tokio::net::TcpStream::connect(lab.addr()).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tcp))
            .await
            .unwrap();
    let driver = tokio_util::task::TaskTracker::new();
    driver.spawn(connection);
    for model in ["fault-hang-before-headers", "fault-stall-2"] {
        let request = http::Request::post(format!("http://{}/v1/chat/completions", lab.addr()))
            .body(Full::new(bytes::Bytes::from(chat(model, true).to_string())))
            .unwrap();
        let answer = tokio::time::timeout(Duration::from_millis(200), client.send_request(request)).await;
        drop(answer);
    }
    let query = Query {
        count: 2,
        state: State::ClientGone,
        wait: PATIENCE,
        ..Query::default()
    };
    assert_eq!(lab.timeline().wait(&query).await.arrivals.len(), 2);
}

#[tokio::test]
async fn a_shutdown_ends_hung_requests_and_waits_for_every_task() {
    let lab = lab().await;
    let mut clients = Vec::new();
    for model in [
        "fault-hang-before-headers",
        "fault-stall-2",
        "fault-endless-5",
        "brain-latency-60000",
    ] {
        let body = chat(model, true).to_string();
        clients.push(send(lab.addr(), "POST", "/v1/chat/completions", "", &body).await);
    }
    lab.timeline()
        .wait(&Query {
            count: 4,
            wait: PATIENCE,
            ..Query::default()
        })
        .await;
    let addr = lab.addr();
    tokio::time::timeout(PATIENCE, lab.shutdown())
        .await
        .expect("a task stayed behind");
    assert!(
        tokio::net::TcpStream::connect(addr).await.is_err(),
        "the port is still open"
    );
}
