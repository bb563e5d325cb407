//! P1: kept-alive connections, last used first, each served by one task.
//!
//! A connection that the server closed while it lay idle is passed over: nothing was sent on it, so taking
//! another is not a retry.
//!
//! Never: waits for a free connection. A request that would have to wait inside the sender would hide the wait.

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::endpoint::Endpoint;
use crate::reply::Failure;

/// How a pool behaves.
#[derive(Debug, Clone, Copy)]
pub struct PoolOptions {
    /// Most open connections; a request that needs one more fails as [`Failure::Generator`]. Give at least the
    /// plan's `max_in_flight`.
    pub connections: usize,
    /// Keep connections for the next request. Off for a run with cold connections only.
    pub keep_alive: bool,
    /// Longest time to connect and shake hands.
    pub connect: Duration,
    /// Largest body accepted; more fails as [`Failure::TooLarge`].
    pub body: u64,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            connections: 4_096,
            keep_alive: true,
            connect: Duration::from_secs(5),
            body: 64 << 20,
        }
    }
}

/// Connections to one endpoint. They belong to the runtime that opened them: make the pool anywhere, use it on
/// one runtime.
pub struct Pool {
    pub(super) endpoint: Endpoint,
    pub(super) options: PoolOptions,
    /// The last used is taken first: a few hot connections, as a real client has.
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// One open connection.
pub(super) struct Connection {
    pub(super) send: SendRequest<Full<Bytes>>,
    pub(super) marks: Arc<Marks>,
}

/// When the first bytes went out and came in, nanoseconds after `zero` plus one; 0 is "not yet".
pub(super) struct Marks {
    zero: Instant,
    wrote: AtomicU64,
}

impl Pool {
    /// No connection yet.
    #[must_use]
    pub fn new(endpoint: Endpoint, options: PoolOptions) -> Self {
        // Semaphore's own limit is far above any number of ports.
        let places = Arc::new(Semaphore::new(options.connections.min(Semaphore::MAX_PERMITS)));
        Self {
            endpoint,
            options,
            idle: Mutex::default(),
            places,
            tasks: TaskTracker::new(),
        }
    }

    /// Opens connections until `count` are idle, so that the first requests find them warm.
    ///
    /// # Errors
    /// The first that failed; those before it stay.
    pub async fn open(&self, count: usize) -> Result<(), Failure> {
        while self.idle.lock().unwrap_or_else(PoisonError::into_inner).len() < count {
            let connection = self.connect().await?;
            self.give_back(connection);
        }
        Ok(())
    }

    /// Closes idle connections and waits for the tasks of all. Requests still in flight are waited for.
    pub async fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Idle connections that are still open.
    #[must_use]
    pub fn idle_open(&self) -> usize {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|connection| !connection.send.is_closed());
        idle.len()
    }

    /// An idle connection, or a new one; says whether it is new.
    pub(super) async fn take(&self) -> Result<(Connection, bool), Failure> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut connection) = idle else {
                return Ok((self.connect().await?, true));
            };
            // Just after its last answer a connection needs a turn of its task before it is ready.
            if connection.send.is_ready() || connection.send.ready().await.is_ok() {
                return Ok((connection, false));
            }
        }
    }

    pub(super) fn give_back(&self, connection: Connection) {
        if self.options.keep_alive && !connection.send.is_closed() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
        }
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(Failure::Generator("connections allowed".into()));
        };
        tokio::time::timeout(self.options.connect, self.dial(place))
            .await
            .unwrap_or(Err(Failure::Connect))
    }

    async fn dial(&self, place: OwnedSemaphorePermit) -> Result<Connection, Failure> {
        let tcp = TcpStream::connect(self.endpoint.address)
            .await
            .map_err(|e| of_io(&e))?;
        // Nagle's algorithm would add up to 40 ms to a request sent in two pieces.
        tcp.set_nodelay(true).map_err(|e| of_io(&e))?;
        match &self.endpoint.tls {
            None => self.shake_hands(tcp, place).await,
            Some((name, config)) => {
                let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
                let tls = connector
                    .connect(name.clone(), tcp)
                    .await
                    .map_err(|_| Failure::Tls)?;
                self.shake_hands(tls, place).await
            }
        }
    }

    async fn shake_hands<S>(&self, stream: S, place: OwnedSemaphorePermit) -> Result<Connection, Failure>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let marks = Arc::new(Marks::new());
        let io = TokioIo::new(Marked {
            stream,
            marks: Arc::clone(&marks),
        });
        let (send, connection) = http1::handshake(io).await.map_err(|_| Failure::Protocol)?;
        self.tasks.spawn(async move {
            // How it ended is told to the request that was on it.
            let _ = connection.await;
            drop(place);
        });
        Ok(Connection { send, marks })
    }
}

/// Errors of the generator's own machine are told apart: they say nothing about the target.
pub(super) fn of_io(error: &io::Error) -> Failure {
    // EMFILE and ENFILE have the same numbers on every Unix; std has no kind for them.
    match error.raw_os_error() {
        Some(23 | 24) if cfg!(unix) => Failure::Generator("file descriptors".into()),
        _ if error.kind() == io::ErrorKind::AddrNotAvailable => Failure::Generator("local ports".into()),
        _ => Failure::Connect,
    }
}

impl Marks {
    #[expect(
        clippy::disallowed_methods,
        reason = "a driver: it measures its own connection"
    )]
    fn new() -> Self {
        Self {
            zero: Instant::now(),
            wrote: AtomicU64::new(0),
        }
    }

    pub(super) fn clear(&self) {
        self.wrote.store(0, Ordering::Relaxed);
    }

    /// When the first byte since [`Marks::clear`] left.
    pub(super) fn wrote(&self) -> Option<Instant> {
        let after = self.wrote.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.zero + Duration::from_nanos(after))
    }

    fn mark(&self) {
        if self.wrote.load(Ordering::Relaxed) == 0 {
            let after = u64::try_from(self.zero.elapsed().as_nanos()).unwrap_or(u64::MAX - 1);
            self.wrote.store(after + 1, Ordering::Relaxed);
        }
    }
}

/// A stream that notes when it was written to.
struct Marked<S> {
    stream: S,
    marks: Arc<Marks>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Marked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Marked<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.marks.mark();
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.marks.mark();
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
