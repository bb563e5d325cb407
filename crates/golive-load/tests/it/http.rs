//! P1: the HTTP sender against small servers on loopback.

use crate::server::TruthServer;
use bytes::Bytes;
use golive_load::http::{
    Content, Endpoint, Examine, Head, HttpWorkload, Outgoing, Pool, PoolOptions, StatusOnly,
};
use golive_load::thread::run_alone;
use golive_load::{Failure, Invalid, Plan, Reply, Stage, Stops, Workload};
use http::Request;
use http_body_util::Full;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Answers every request on every connection with these pieces, one write each, and closes if told so.
async fn server(pieces: &'static [&'static str], close: bool) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            connections.spawn(async move {
                let mut seen = Vec::new();
                while stream.read_buf(&mut seen).await.is_ok_and(|n| n > 0) {
                    if !seen.ends_with(b"\r\n\r\n") {
                        continue;
                    }
                    seen.clear();
                    for piece in pieces {
                        stream.write_all(piece.as_bytes()).await.unwrap();
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    if close {
                        return;
                    }
                }
            });
        }
    });
    (address, tasks)
}

async fn pool(address: SocketAddr, options: PoolOptions) -> Pool {
    Pool::new(
        Endpoint::resolve(&format!("http://{address}"), b"")
            .await
            .unwrap(),
        options,
    )
}

fn get() -> Outgoing {
    Request::get("/").body(Full::new(Bytes::new())).unwrap()
}

async fn ask(pieces: &'static [&'static str], close: bool, options: PoolOptions) -> Reply {
    let (address, _server) = server(pieces, close).await;
    pool(address, options)
        .await
        .exchange(get(), &mut StatusOnly)
        .await
}

#[tokio::test]
async fn connections_are_kept_and_only_the_first_request_is_cold() {
    let (address, _server) = server(&["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"], false).await;
    let warm = pool(address, PoolOptions::default()).await;
    let cold: Vec<bool> = [
        warm.exchange(get(), &mut StatusOnly).await,
        warm.exchange(get(), &mut StatusOnly).await,
    ]
    .map(|reply| {
        assert_eq!((reply.failure, reply.status, reply.bytes), (None, Some(200), 2));
        assert!(reply.wrote.unwrap() <= reply.first_byte.unwrap());
        reply.cold
    })
    .into();
    assert_eq!(cold, [true, false]);
    warm.close().await;

    let never = pool(
        address,
        PoolOptions {
            keep_alive: false,
            ..PoolOptions::default()
        },
    )
    .await;
    for _ in 0..2 {
        assert!(never.exchange(get(), &mut StatusOnly).await.cold);
    }

    let opened = pool(address, PoolOptions::default()).await;
    opened.open(2).await.unwrap();
    assert!(!opened.exchange(get(), &mut StatusOnly).await.cold);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_passed_over() {
    let pieces = &["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"];
    let (address, _server) = server(pieces, true).await;
    let pool = pool(address, PoolOptions::default()).await;
    for _ in 0..3 {
        assert_eq!(pool.exchange(get(), &mut StatusOnly).await.failure, None);
        // The server closes after its pause; wait until the pool has seen that.
        while pool.idle_open() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Counts as content what is not a comment; wants `[DONE]`.
#[derive(Default)]
struct Stream {
    event_stream: bool,
    done: bool,
}

impl Examine for Stream {
    fn head(&mut self, head: &Head<'_>) {
        self.event_stream = head
            .headers
            .get("content-type")
            .is_some_and(|t| t == "text/event-stream");
    }
    fn piece(&mut self, bytes: &Bytes) -> Content {
        self.done |= bytes.windows(6).any(|w| w == b"[DONE]");
        if bytes.starts_with(b":") {
            Content::Filler
        } else {
            Content::Useful
        }
    }
    fn complete(&mut self) -> Option<Failure> {
        (!(self.event_stream && self.done)).then(|| Failure::Semantic("no end of stream".into()))
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_stream_is_timed_from_its_first_useful_piece() {
    let pieces = &[
        HEAD,
        "7\r\n: ping\n\r\n",
        "3\r\none\r\n",
        "3\r\ntwo\r\n",
        "6\r\n[DONE]\r\n",
        "0\r\n\r\n",
    ];
    let (address, _server) = server(pieces, false).await;
    let reply = pool(address, PoolOptions::default())
        .await
        .exchange(get(), &mut Stream::default())
        .await;
    assert_eq!((reply.failure, reply.gaps.len(), reply.bytes), (None, 2, 19));
    // Head and comment come 5 ms apart and are not content.
    assert!(reply.first_byte.unwrap() >= Duration::from_millis(10));
    assert!(
        reply.gaps.iter().all(|gap| *gap >= Duration::from_millis(1)),
        "{:?}",
        reply.gaps
    );
}

#[tokio::test]
async fn a_stream_without_its_end_is_a_failure_although_its_status_is_200() {
    let (address, _server) = server(&[HEAD, "3\r\none\r\n", "0\r\n\r\n"], false).await;
    let pool = pool(address, PoolOptions::default()).await;
    let reply = pool.exchange(get(), &mut Stream::default()).await;
    assert_eq!(reply.failure, Some(Failure::Semantic("no end of stream".into())));
}

#[tokio::test]
async fn each_way_to_fail_has_its_name() {
    let options = PoolOptions::default();
    let cut = ask(
        &["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"],
        true,
        options,
    )
    .await;
    assert_eq!((cut.failure, cut.status), (Some(Failure::ClosedEarly), Some(200)));
    assert_eq!(ask(&[], true, options).await.failure, Some(Failure::ClosedEarly));
    assert_eq!(
        ask(&["SSH-2.0-no\r\n\r\n"], true, options).await.failure,
        Some(Failure::Protocol)
    );
    let limited = ask(&["HTTP/1.1 429 No\r\ncontent-length: 0\r\n\r\n"], false, options).await;
    assert_eq!(limited.failure, Some(Failure::Status(429)));
    let small = PoolOptions { body: 3, ..options };
    let large = ask(
        &["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour"],
        false,
        small,
    )
    .await;
    assert_eq!(large.failure, Some(Failure::TooLarge));
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let refused = pool(nobody, options).await.exchange(get(), &mut StatusOnly).await;
    assert_eq!(refused.failure, Some(Failure::Connect));
    let none = PoolOptions {
        connections: 0,
        ..options
    };
    let full = pool(nobody, none).await.exchange(get(), &mut StatusOnly).await;
    assert!(matches!(full.failure, Some(Failure::Generator(_))));
}

#[tokio::test]
async fn tls_is_verified_against_the_authority_given_and_refused_without_it() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(tcp).await else {
                continue;
            };
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\n") && stream.read_buf(&mut seen).await.is_ok_and(|n| n > 0) {}
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await
                .unwrap();
            stream.flush().await.unwrap();
        }
    });
    let ask = async |ca: &str| {
        // The listener is on IPv4; resolving `localhost` may give IPv6 first.
        let mut endpoint = Endpoint::resolve(&format!("https://localhost:{}", address.port()), ca.as_bytes())
            .await
            .unwrap();
        endpoint = endpoint.at(address);
        Pool::new(endpoint, PoolOptions::default())
            .exchange(get(), &mut StatusOnly)
            .await
    };
    assert_eq!(ask(&certified.cert.pem()).await.failure, None);
    assert_eq!(ask("").await.failure, Some(Failure::Tls));
}

#[tokio::test]
async fn a_whole_run_on_its_own_thread_offers_its_load_over_kept_connections() {
    let server = TruthServer::start(Arc::new(|_| Duration::from_millis(2))).unwrap();
    let mut plan = Plan::new(1, vec![Stage::new("one", 200.0, Duration::from_secs(1))]);
    // The machine may be busy with other tests: this is about the counts.
    plan.validity.max_lag = Duration::from_secs(1);
    plan.validity.max_busy = 2.0;
    let workload = HttpWorkload::new(
        pool(server.address, PoolOptions::default()).await,
        |_| get(),
        |_| StatusOnly,
    );
    let run = run_alone(plan, workload, Stops::default(), |_| ()).await.unwrap();
    let stage = &run.stages[0];
    assert_eq!(stage.invalid, [] as [Invalid; 0]);
    assert_eq!((stage.all.answered, stage.all.errors.hits), (stage.intended, 0));
    assert!(
        stage.cold < stage.sent && stage.busy.is_some(),
        "{} of {}",
        stage.cold,
        stage.sent
    );
    assert!(stage.all.latency.min_us >= 2_000 && stage.all.service.min_us >= 2_000);
    // What the server wrote down and what was measured are the same requests.
    assert_eq!(server.truth.lock().unwrap().samples(), stage.sent);
}

#[tokio::test]
async fn dropping_the_run_cancels_it() {
    let server = TruthServer::start(Arc::new(|_| Duration::from_millis(1))).unwrap();
    let workload = HttpWorkload::new(
        pool(server.address, PoolOptions::default()).await,
        |_| get(),
        |_| StatusOnly,
    );
    let plan = Plan::new(1, vec![Stage::new("long", 50.0, Duration::from_secs(3_600))]);
    let (told, heard) = tokio::sync::oneshot::channel();
    let mut told = Some(told);
    let gone = Gone(Arc::new(()));
    let watch = Arc::downgrade(&gone.0);
    let run = run_alone(plan, Watched(workload, gone), Stops::default(), move |_| {
        told.take().map(|told| told.send(()));
    });
    tokio::select! { _ = run => panic!("ended"), _ = heard => {} }
    while watch.upgrade().is_some() {
        tokio::task::yield_now().await;
    }
}

/// Dropped with the workload, when the thread is done.
struct Gone(Arc<()>);
struct Watched<W>(W, #[expect(dead_code, reason = "its drop is what counts")] Gone);

impl<W: Workload> Workload for Watched<W> {
    fn send(&self, number: u64) -> impl Future<Output = Reply> + Send {
        self.0.send(number)
    }
}
