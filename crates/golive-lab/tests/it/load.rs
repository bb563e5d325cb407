//! P1: the lab under load keeps count, keeps time, and keeps nothing else.

use golive_lab::{Behaviour, Latency, Query, Script};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::*;

/// Sends `rounds` requests on one connection, each after the answer to the one before.
async fn caller(addr: std::net::SocketAddr, rounds: usize) {
    let body = chat("gpt-x", false).to_string();
    let request = format!(
        "POST /load/v1/chat/completions HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\nauthorization: Bearer sk-load\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut part = vec![0; 16 << 10];
    for _ in 0..rounds {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = 0;
        loop {
            bytes += stream.read(&mut part[bytes..]).await.unwrap();
            if parse(&part[..bytes]).is_some_and(|got| got.complete) {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_every_request_is_counted_and_answered() {
    let rounds: usize = std::env::var("LAB_LOAD_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(100);
    let lab = lab().await;
    let started = now();
    let callers = tokio_util::task::TaskTracker::new();
    for _ in 0..32 {
        callers.spawn(caller(lab.addr(), rounds));
    }
    callers.close();
    callers.wait().await;
    let rate = (32 * rounds) as f64 / started.elapsed().as_secs_f64();
    println!("{rate:.0} requests per second, client included");
    let counts = lab.timeline().counts().providers["load"];
    assert_eq!(
        (counts.arrived, counts.answered, counts.in_flight),
        (32 * rounds as u64, 32 * rounds as u64, 0)
    );
    lab.shutdown().await;
}

#[tokio::test]
async fn latencies_follow_the_script() {
    let latency = Some(Latency::Constant { ms: 40 });
    let lab = lab_scripted(Script::behaving(Behaviour {
        latency,
        ..Behaviour::default()
    }))
    .await;
    let one = async || post(&lab, "/v1/chat/completions", &chat("m", false)).await.status;
    // At the same time: they do not add up.
    let started = now();
    let all = tokio::join!(one(), one(), one(), one(), one());
    assert_eq!(all, (200, 200, 200, 200, 200));
    assert!(started.elapsed().as_millis() >= 40);
    for arrival in lab.timeline().page(&Query::default()).arrivals {
        let took = arrival.first_byte_at_us.unwrap() - arrival.at_us;
        assert!((40_000..5_000_000).contains(&took), "{took}");
    }
    assert!(get(lab.addr(), "/v1/models").await.status == 200);
}
