//! M1, P3: a provider on a port of its own that is down, stuck, and back.

use std::net::SocketAddr;
use std::time::Duration;

use golive_lab::{LabError, ListenerState, Outcome, Query, State};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::*;

async fn models(addr: SocketAddr) -> u16 {
    get(addr, "/v1/models").await.status
}

#[tokio::test]
async fn a_refusing_port_refuses_new_connections_and_resets_those_that_stand() {
    let (lab, addr) = lab_with_own_port().await;
    assert_eq!(models(addr).await, 200);
    let mut kept = TcpStream::connect(addr).await.unwrap();
    kept.write_all(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut kept, "lab-model").await; // served: it stands, and idles

    lab.listener("own", ListenerState::Refuse).await.unwrap();
    assert!(TcpStream::connect(addr).await.is_err());
    let mut rest = Vec::new();
    let ended = kept.read_to_end(&mut rest).await;
    assert!(ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
    assert_eq!(
        get(lab.addr(), "/own/v1/models").await.status,
        200,
        "the main port serves on"
    );

    for _ in 0..3 {
        lab.listener("own", ListenerState::Open).await.unwrap();
        assert_eq!(models(addr).await, 200);
        lab.listener("own", ListenerState::Refuse).await.unwrap();
        assert!(TcpStream::connect(addr).await.is_err());
    }
}

#[tokio::test]
async fn a_hanging_port_accepts_and_says_nothing_until_it_is_opened() {
    let (lab, addr) = lab_with_own_port().await;
    lab.listener("own", ListenerState::Hang).await.unwrap();
    let mut leaving = send(addr, "GET", "/v1/models", "", "").await;
    let mut byte = [0];
    assert!(
        tokio::time::timeout(Duration::from_millis(50), leaving.read(&mut byte))
            .await
            .is_err()
    );
    let seen = arrival(&lab, State::Arrived).await;
    assert_eq!((seen.provider.as_str(), seen.outcome), ("own", Outcome::Hung));
    drop(leaving);
    assert_eq!(arrival(&lab, State::ClientGone).await.seq, seen.seq);

    let waiting = send(addr, "GET", "/v1/models", "", "").await;
    lab.timeline()
        .wait(&Query {
            since: seen.seq,
            wait: PATIENCE,
            ..Query::default()
        })
        .await;
    lab.listener("own", ListenerState::Open).await.unwrap();
    assert_eq!(receive(waiting).await.status, 200);
}

#[tokio::test]
async fn the_fault_refuse_closes_the_port_for_a_while_and_opens_it_again() {
    let (lab, addr) = lab_with_own_port().await;
    let body = chat("fault-refuse-150", false).to_string();
    let got = receive(send(addr, "POST", "/v1/chat/completions", "", &body).await).await;
    assert!(got.reset, "{got:?}");
    let client = lab.client().unwrap();
    let state = async |wanted: ListenerState| {
        while client.health().await.unwrap().providers[0].listener != Some(wanted) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, state(ListenerState::Open))
        .await
        .unwrap();
    assert_eq!(models(addr).await, 200);
}

#[tokio::test]
async fn a_port_of_its_own_shows_no_control_and_no_other_provider() {
    let (lab, addr) = lab_with_own_port().await;
    assert_eq!(get(addr, "/_lab/health").await.status, 404);
    assert_eq!(get(addr, "/other/v1/models").await.status, 404);
    assert!(
        lab.timeline()
            .page(&Query::default())
            .arrivals
            .iter()
            .all(|arrival| arrival.provider == "own")
    );
}

#[tokio::test]
async fn a_provider_without_a_port_of_its_own_cannot_hang() {
    let lab = lab().await;
    let refused = lab.listener("default", ListenerState::Hang).await;
    assert!(matches!(refused, Err(LabError::NoOwnPort(_))));
}

#[tokio::test]
async fn a_reset_opens_the_ports_and_forgets_all() {
    let (lab, addr) = lab_with_own_port().await;
    assert_eq!(models(addr).await, 200);
    lab.listener("own", ListenerState::Refuse).await.unwrap();
    lab.reset().await.unwrap();
    assert!(lab.timeline().page(&Query::default()).arrivals.is_empty());
    assert_eq!(models(addr).await, 200);
    assert_eq!(
        arrival(&lab, State::Arrived).await.seq,
        2,
        "numbers are never used twice"
    );
}
