//! S3, P2: callers that are slow, too many, or gone, and answers that nobody reads: what they hold is given back, the
//! upstream is let go, and each request has its row.

use golive_lab::State;

use crate::caller::Raw;
use crate::gate::{Format, Setup};
use crate::world::eventually;

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
