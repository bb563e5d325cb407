//! P2, P3, P4, E1: each fault as it looks on the wire, by model name, header and script.

use std::time::Duration;

use golive_lab::{Fault, Match, NotAFault, Outcome, Query, Rule, Script, State, StatusBody};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::http::*;

async fn fault(name: &str, stream: bool) -> (Got, golive_lab::Arrival) {
    let lab = lab().await;
    let got = post(
        &lab,
        "/v1/chat/completions",
        &chat(&format!("fault-{name}"), stream),
    )
    .await;
    let seen = arrival(&lab, State::Finished).await;
    assert_eq!(seen.fault.as_deref(), Some(name));
    lab.shutdown().await;
    (got, seen)
}

#[tokio::test]
async fn a_status_is_answered_in_the_words_of_the_wire_format_with_its_hint() {
    let (got, seen) = fault("status-429-retry-after-2", false).await;
    assert_eq!((got.status, got.header("retry-after")), (429, Some("2")));
    assert_eq!(got.json()["error"]["type"], "rate_limit_error");
    assert_eq!((seen.status, seen.nonce), (Some(429), None));
    let lab = lab().await;
    let got = post(&lab, "/v1/messages", &message("fault-status-529", true)).await;
    assert_eq!(
        (got.status, got.json()["error"]["type"].as_str()),
        (529, Some("overloaded_error"))
    );
}

#[tokio::test]
async fn a_status_can_carry_html_text_or_nothing() {
    for (body, wanted) in [
        (StatusBody::Html, "<!doctype html>"),
        (StatusBody::Empty, ""),
        (
            StatusBody::Text("upstream connect error".into()),
            "upstream connect error",
        ),
    ] {
        let lab = lab_scripted(Script::always(Fault::Status {
            code: 502,
            headers: Default::default(),
            body,
        }))
        .await;
        let got = post(&lab, "/v1/chat/completions", &chat("m", false)).await;
        assert_eq!(got.status, 502);
        assert!(got.text().starts_with(wanted));
        assert_eq!(arrival(&lab, State::Finished).await.outcome, Outcome::Answered);
    }
}

#[tokio::test]
async fn a_hang_before_the_headers_sends_nothing_and_shows_as_hung() {
    let lab = lab().await;
    let body = chat("fault-hang-before-headers", false).to_string();
    let mut stream = send(lab.addr(), "POST", "/v1/chat/completions", "", &body).await;
    while arrival(&lab, State::Arrived).await.outcome != Outcome::Hung {
        tokio::task::yield_now().await;
    }
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut byte)).await;
    assert!(read.is_err(), "{read:?}");
    drop(stream);
    let seen = arrival(&lab, State::ClientGone).await;
    assert_eq!((seen.status, seen.outcome), (None, Outcome::ClientGone));
}

#[tokio::test]
async fn a_hang_after_the_headers_promises_a_body_that_does_not_come() {
    for stream in [false, true] {
        let lab = lab().await;
        let body = chat("fault-hang-after-headers", stream).to_string();
        let mut client = send(lab.addr(), "POST", "/v1/chat/completions", "", &body).await;
        read_until(&mut client, "\r\n\r\n").await;
        let mut byte = [0];
        assert!(
            tokio::time::timeout(Duration::from_millis(50), client.read(&mut byte))
                .await
                .is_err()
        );
        let seen = arrival(&lab, State::Arrived).await;
        assert_eq!(
            (seen.status, seen.first_byte_at_us, seen.outcome),
            (Some(200), None, Outcome::Hung)
        );
    }
}

#[tokio::test]
async fn a_stall_falls_silent_after_so_many_chunks_and_goes_on_if_told_when() {
    let lab = lab().await;
    let started = now();
    let got = post(&lab, "/v1/chat/completions", &chat("fault-stall-2-100", true)).await;
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert_eq!(got.events().last().map(String::as_str), Some("[DONE]"));

    let body = chat("fault-stall-2", true).to_string();
    let mut client = send(lab.addr(), "POST", "/v1/chat/completions", "", &body).await;
    read_until(&mut client, "This").await; // the role and the first word
    while lab
        .timeline()
        .page(&Query {
            since: 1,
            ..Query::default()
        })
        .arrivals[0]
        .outcome
        != Outcome::Hung
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_cut_ends_the_connection_within_the_answer_after_all_that_was_sent() {
    let (got, seen) = fault("cut-3", true).await;
    assert_eq!((got.status, got.complete, got.reset), (200, false, false));
    assert_eq!(got.events().len(), 3);
    assert_eq!(seen.outcome, Outcome::Cut);
    let (got, seen) = fault("cut-1", false).await;
    assert!(!got.complete && !got.body.is_empty());
    assert_eq!(seen.outcome, Outcome::Cut);
    let lab = lab_scripted(Script::always(Fault::Cut {
        after_chunks: 1,
        after_bytes: Some(17),
    }))
    .await;
    assert_eq!(
        post(&lab, "/v1/chat/completions", &chat("m", true))
            .await
            .body
            .len(),
        17
    );
}

#[tokio::test]
async fn a_drip_sends_the_right_answer_byte_by_byte() {
    for stream in [false, true] {
        let (got, seen) = fault("drip-0", stream).await;
        assert!(got.complete);
        assert_eq!(seen.outcome, Outcome::Answered);
        if !stream {
            got.json();
        }
    }
    let lab = lab().await;
    let body = chat("fault-drip-20", false).to_string();
    let mut client = send(lab.addr(), "POST", "/v1/chat/completions", "", &body).await;
    read_until(&mut client, "\r\n\r\n").await;
    let started = now();
    let mut part = [0; 4096];
    let mut bytes = 0;
    while bytes < 4 {
        bytes += client.read(&mut part).await.unwrap();
    }
    assert!(
        started.elapsed() >= Duration::from_millis(50),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_malformed_answer_is_no_json_whole_and_streamed() {
    let (got, _) = fault("malformed", false).await;
    assert!(got.complete && serde_json::from_slice::<Value>(&got.body).is_err());
    let (got, _) = fault("malformed", true).await;
    let broken = got
        .events()
        .iter()
        .filter(|event| serde_json::from_str::<Value>(event).is_err())
        .count();
    assert_eq!(broken, 2); // the second event, and [DONE]
}

#[tokio::test]
async fn content_types_and_pages_can_be_wrong() {
    let (got, _) = fault("wrong-content-type", false).await;
    assert_eq!(got.header("content-type"), Some("application/octet-stream"));
    got.json();
    let (got, _) = fault("html-200", false).await;
    assert_eq!(
        (got.status, got.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
}

#[tokio::test]
async fn a_slow_answer_is_right_but_late() {
    let started = now();
    let (got, seen) = fault("slow-120", false).await;
    assert!(started.elapsed() >= Duration::from_millis(120));
    assert_eq!(got.json()["object"], "chat.completion");
    assert!(seen.first_byte_at_us.unwrap() - seen.at_us >= 120_000);
}

#[tokio::test]
async fn a_reset_is_a_rst_and_not_a_fin() {
    let (got, seen) = fault("reset", false).await;
    assert!(got.reset && got.status == 0, "{got:?}");
    assert_eq!((seen.status, seen.outcome), (None, Outcome::Reset));
}

#[tokio::test]
async fn an_endless_answer_goes_on_until_the_client_leaves() {
    for stream in [false, true] {
        let lab = lab().await;
        let body = chat("fault-endless-0", stream).to_string();
        let mut client = send(lab.addr(), "POST", "/v1/chat/completions", "", &body).await;
        let mut part = vec![0; 64 << 10];
        let mut bytes = 0;
        while bytes < 4 << 20 {
            bytes += client.read(&mut part).await.unwrap();
        }
        drop(client);
        assert_eq!(
            arrival(&lab, State::ClientGone).await.outcome,
            Outcome::ClientGone
        );
        lab.shutdown().await;
    }
}

#[tokio::test]
async fn headers_and_bodies_can_be_oversized_and_are_right_otherwise() {
    let (got, _) = fault("huge-header-65536", false).await;
    assert_eq!(got.header("x-lab-padding").map(str::len), Some(65536));
    got.json();
    for stream in [false, true] {
        let (got, seen) = fault("huge-body-3000000", stream).await;
        assert!(got.complete && got.body.len() > 3_000_000);
        assert_eq!(seen.outcome, Outcome::Answered);
        let first = if stream {
            got.events()[0].clone()
        } else {
            got.text()
        };
        assert_eq!(
            serde_json::from_str::<Value>(&first).unwrap()["lab_padding"]
                .as_str()
                .unwrap()
                .len(),
            3_000_000
        );
    }
}

#[tokio::test]
async fn a_redirect_leads_to_a_path_that_shows_who_followed() {
    let lab = lab().await;
    let got = post(
        &lab,
        "/primary/v1/chat/completions",
        &chat("fault-redirect", false),
    )
    .await;
    assert_eq!(
        (got.status, got.header("location")),
        (302, Some("/primary/redirected"))
    );
    assert_eq!(get(lab.addr(), "/primary/redirected").await.status, 200);
    let paths: Vec<String> = lab
        .timeline()
        .page(&Query::default())
        .arrivals
        .into_iter()
        .map(|arrival| arrival.path)
        .collect();
    assert_eq!(paths, ["/v1/chat/completions", "/redirected"]);
}

#[tokio::test]
async fn half_a_body_is_less_than_its_length_promised() {
    for stream in [false, true] {
        let (got, seen) = fault("half-body", stream).await;
        let promised: usize = got.header("content-length").unwrap().parse().unwrap();
        assert!(!got.complete && got.body.len() < promised && !got.body.is_empty());
        assert_eq!(seen.outcome, Outcome::Cut);
    }
}

#[tokio::test]
async fn a_stream_can_end_cleanly_without_its_terminator() {
    let (got, seen) = fault("no-done", true).await;
    assert!(got.complete && !got.text().contains("[DONE]"));
    assert_eq!(seen.outcome, Outcome::Answered);
    let lab = lab().await;
    let got = post(&lab, "/v1/messages", &message("fault-no-done", true)).await;
    assert!(got.complete && !got.text().contains("message_stop") && got.text().contains("message_delta"));
    let (got, _) = fault("no-done", false).await;
    assert!(got.complete && serde_json::from_slice::<Value>(&got.body).is_err());
}

#[tokio::test]
async fn an_error_event_ends_a_stream_in_the_words_of_its_format() {
    let (got, _) = fault("error-event-2", true).await;
    let last: Value = serde_json::from_str(got.events().last().unwrap()).unwrap();
    assert!(last["error"]["message"].is_string());
    assert_eq!(got.events().len(), 3);
    let lab = lab().await;
    let got = post(&lab, "/v1/messages", &message("fault-error-event-4", true)).await;
    assert!(got.text().contains("event: error\n"));
    let (got, _) = fault("error-event-1", false).await;
    assert_eq!(got.status, 200);
    assert!(got.json()["error"]["message"].is_string());
}

#[tokio::test]
async fn refusing_needs_a_port_of_its_own_and_says_so() {
    let (got, _) = fault("refuse", false).await;
    assert_eq!(
        (got.status, got.json()["error"]["code"].as_str()),
        (501, Some("lab_no_own_port"))
    );
}

#[tokio::test]
async fn a_header_chooses_a_fault_for_one_request_and_a_wrong_name_is_told() {
    let lab = lab().await;
    let body = chat("gpt-x", false).to_string();
    let one = send(
        lab.addr(),
        "POST",
        "/v1/chat/completions",
        "x-lab-fault: status-503\r\n",
        &body,
    )
    .await;
    assert_eq!(receive(one).await.status, 503);
    assert_eq!(
        post(&lab, "/v1/chat/completions", &chat("gpt-x", false))
            .await
            .status,
        200
    );
    let wrong = send(
        lab.addr(),
        "POST",
        "/v1/chat/completions",
        "x-lab-fault: stahl\r\n",
        &body,
    )
    .await;
    let wrong = receive(wrong).await;
    assert_eq!(wrong.status, 400);
    let message = "stahl"
        .parse::<Fault>()
        .map_err(|error: NotAFault| error.to_string())
        .unwrap_err();
    assert_eq!(wrong.json()["error"]["message"], message);
}

#[tokio::test]
async fn a_script_fails_so_often_and_only_for_what_it_names() {
    let rule = Rule {
        matches: Match {
            contains: Some("marker-7".into()),
            stream: Some(false),
            ..Match::default()
        },
        times: Some(2),
        fault: Some(Fault::status(500)),
        ..Rule::default()
    };
    let lab = lab_scripted(Script {
        rules: vec![rule],
        ..Script::default()
    })
    .await;
    let mut marked = chat("gpt-x", false);
    marked["messages"][0]["content"] = "with marker-7 in it".into();
    let mut statuses = Vec::new();
    for body in [&chat("gpt-x", false), &marked, &marked, &marked] {
        statuses.push(post(&lab, "/v1/chat/completions", body).await.status);
    }
    assert_eq!(statuses, [200, 500, 500, 200]);
}

#[tokio::test]
async fn over_http2_a_reset_and_a_cut_end_the_stream_and_not_the_connection() {
    use http_body_util::{BodyExt as _, Full};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let lab = lab().await;
    let tcp = tokio::net::TcpStream::connect(lab.addr()).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tcp))
            .await
            .unwrap();
    let driver = tokio_util::task::TaskTracker::new();
    driver.spawn(connection);
    let request = |model: &str, stream| {
        http::Request::post(format!("http://{}/v1/chat/completions", lab.addr()))
            .body(Full::new(bytes::Bytes::from(chat(model, stream).to_string())))
            .unwrap()
    };
    assert!(client.send_request(request("fault-reset", false)).await.is_err());
    let cut = client.send_request(request("fault-cut-2", true)).await.unwrap();
    assert!(cut.into_body().collect().await.is_err());
    let right = client.send_request(request("gpt-x", true)).await.unwrap();
    assert!(right.into_body().collect().await.is_ok());
    let all = lab.timeline().page(&Query::default()).arrivals;
    let outcomes: Vec<Outcome> = all.iter().map(|arrival| arrival.outcome).collect();
    assert_eq!(outcomes, [Outcome::Reset, Outcome::Cut, Outcome::Answered]);
    assert!(
        all.iter()
            .all(|arrival| arrival.connection_id == all[0].connection_id)
    );
}
