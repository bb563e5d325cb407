//! E1, R1: the end of a gateway: what is in progress is finished, what cannot be is told so and counted, and nothing
//! goes unrecorded.

use rustix::process::Signal;

use crate::caller::Raw;
use crate::gate::{Format, Gate, Setup};
use crate::world::eventually;

async fn drains(gate: &Gate) {
    eventually("it drains", async || {
        (gate.probe("/readyz").await.status == 503).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_signal_finishes_what_is_in_progress() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut gate = Setup::default().start().await;
        let mut stream = gate.chat().with("model", "paced").stream().open().await;
        stream.until("\"content\"").await;
        let id = stream.id();
        gate.signal(signal);
        let answer = stream.rest().await;
        assert!(
            answer.whole && answer.text().contains("[DONE]"),
            "{}",
            answer.text()
        );
        let status = gate.ended().await;
        assert_eq!(status.code(), Some(0), "{}", gate.log());
        assert!(
            gate.log().contains("1 requests in progress were finished"),
            "{}",
            gate.log()
        );
        assert!(!gate.file("golive.db.sock").exists(), "its socket goes with it");
        gate.start_again().await;
        assert_eq!(gate.row(&id).await["outcome"], "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_it_is_not_ready_says_so_and_takes_nothing_new() {
    let mut gate = Setup::default().start().await;
    assert_eq!(gate.probe("/readyz").await.status, 200);
    assert_eq!(gate.get("/readyz").await.status, 200);
    // Begun before the signal: the head is there, the body is not.
    let ask = gate.chat();
    let body = ask.body();
    let mut late = Raw::connect(&gate.url).await;
    late.write(ask.head(body.len()).as_bytes()).await;
    late.write(&body[..1]).await;
    gate.metric_is("golive_in_flight", 1.0).await;
    let mut held = gate.chat().stream().fault("endless-20").open().await;
    held.until("\"content\"").await;
    let before = gate.arrived("");
    gate.signal(Signal::TERM);
    drains(&gate).await;
    let (status, health) = gate.health().await;
    assert_eq!(
        (status, &health["checks"]["gateway:serving"][0]["status"]),
        (503, &"fail".into()),
        "{health}"
    );
    assert_eq!(
        gate.probe("/livez").await.status,
        200,
        "a draining gateway is alive"
    );
    assert!(
        gate.chat().try_send().await.is_none(),
        "nobody listens for new callers"
    );
    late.write(&body[1..]).await;
    let told = late.until("shutting_down").await;
    assert!(
        told.starts_with("HTTP/1.1 503") && told.contains("retry-after"),
        "{told}"
    );
    gate.row_with("error:shutting_down").await;
    assert_eq!(
        gate.arrived(""),
        before,
        "what comes too late does not reach the upstream"
    );
    gate.command(&["keys", "list"]).await.good(); // operators' doors stay open
    held.until("\"content\"").await;
    drop(held);
    let status = gate.ended().await;
    assert_eq!(status.code(), Some(0), "{}", gate.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_cuts_and_says_how_many() {
    let mut gate = Setup::default().start().await;
    let mut streams = Vec::new();
    for format in Format::ALL {
        let mut stream = gate.call(format).stream().fault("endless-20").open().await;
        stream.until("data:").await;
        streams.push((format, stream));
    }
    let hanging = gate.chat().fault("hang-before-headers").on_a_socket().await;
    gate.arrivals("hang-before-headers", golive_lab::State::Arrived, 1)
        .await;
    gate.signal(Signal::INT);
    drains(&gate).await;
    gate.signal(Signal::INT);
    let mut ids = Vec::new();
    for (format, stream) in streams {
        ids.push(stream.id());
        stream.rest().await.broke_off(format, "shutting_down");
    }
    let mut hanging = hanging;
    let told = String::from_utf8_lossy(&hanging.until_closed().await).into_owned();
    assert!(told.starts_with("HTTP/1.1 503"), "{told}");
    assert!(
        told.contains(r#""error":{"#),
        "in the caller's own format: {told}"
    );
    assert!(told.contains("shutting_down"), "{told}");
    let id = told
        .split("x-request-id: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next());
    ids.push(id.expect("an id").to_owned());
    let status = gate.ended().await;
    assert_eq!(status.code(), Some(0), "{}", gate.log());
    let log = gate.log();
    assert!(log.contains("of 4 requests in progress 4 were cut"), "{log}");
    gate.start_again().await;
    for id in ids {
        assert_eq!(gate.row(&id).await["outcome"], "error:shutting_down");
    }
    let outcomes: Vec<_> = gate
        .rows()
        .await
        .iter()
        .map(|row| row["outcome"].clone())
        .collect();
    assert_eq!(outcomes.len(), 4, "every one has its row: {outcomes:?}");
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome != "lost" && outcome != "open"),
        "{outcomes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_has_a_deadline() {
    let mut gate = Setup::default().with("[server]\ndrain = \"500ms\"").start().await;
    let mut stream = gate.chat().stream().fault("endless-20").open().await;
    stream.until("\"content\"").await;
    gate.signal(Signal::TERM);
    stream.rest().await.broke_off(Format::OpenAi, "shutting_down");
    let status = gate.ended().await;
    assert_eq!(status.code(), Some(0), "{}", gate.log());
    assert!(
        gate.log().contains("of 1 requests in progress 1 were cut"),
        "{}",
        gate.log()
    );
}
