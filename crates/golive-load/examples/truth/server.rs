//! P1: a server whose latencies are known, because it writes them down itself: from the moment a request was
//! read to the moment its answer was written.
//!
//! Never: part of the product. It understands requests without a body and nothing else.

use golive_load::histogram::Latencies;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long an answer takes, by its number.
pub type Delay = Arc<dyn Fn(u64) -> Duration + Send + Sync>;

/// Runs on a thread of its own until the process ends.
pub struct TruthServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it wrote down.
    pub truth: Arc<Mutex<Latencies>>,
}

impl TruthServer {
    /// Answers each request after `delay`; zero answers at once and writes nothing down.
    pub fn start(delay: Delay) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let truth = Arc::new(Mutex::new(Latencies::new()));
        let writes = Arc::clone(&truth);
        std::thread::Builder::new()
            .name("truth-server".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.map(|runtime| runtime.block_on(serve(listener, delay, writes)))
            })?;
        Ok(Self { address, truth })
    }
}

async fn serve(
    listener: std::net::TcpListener,
    delay: Delay,
    truth: Arc<Mutex<Latencies>>,
) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let tasks = tokio_util::task::TaskTracker::new();
    let number = Arc::new(std::sync::atomic::AtomicU64::new(0));
    loop {
        let (stream, _) = listener.accept().await?;
        tasks.spawn(connection(
            stream,
            Arc::clone(&delay),
            Arc::clone(&truth),
            Arc::clone(&number),
        ));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "writing down its own times is what this server is for"
)]
async fn connection(
    mut stream: TcpStream,
    delay: Delay,
    truth: Arc<Mutex<Latencies>>,
    number: Arc<std::sync::atomic::AtomicU64>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::with_capacity(2_048);
    loop {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            if request.len() > 64 << 10 || stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let began = Instant::now();
        let wait = delay(number.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await?;
        if !wait.is_zero()
            && let Ok(mut truth) = truth.lock()
        {
            truth.record(began.elapsed());
        }
    }
}
