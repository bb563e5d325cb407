//! S3: a socket with three clocks: the head of a request, the rest between requests, and an answer nobody reads.
//!
//! hyper's own head clock runs while a kept-alive connection merely rests, so a rest longer than a head may take
//! would be cut. This guard knows whether a request is in progress and starts the clock that applies. It also knows
//! whether an answer is out: over HTTP/2 a caller that opens no window blocks no write, so the clock of a blocked
//! write never runs, and nobody asks the body again.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use golive_config::Inbound;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::body::{Body, Sending};

/// How many requests of a connection are in progress, from their head to the last byte of their answer, and since
/// when there is none.
#[derive(Debug)]
pub(super) struct Activity {
    requests: AtomicU32,
    began: Instant,
    /// Microseconds after `began` at which the last request ended.
    at_rest_since: AtomicU64,
    /// Whole bodies that were not taken yet.
    whole: AtomicU32,
    /// Streams, each as long as its body lives.
    streams: Mutex<Vec<Weak<Sending>>>,
    /// Pieces of bodies that were taken.
    taken: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            requests: AtomicU32::new(0),
            began: now(),
            at_rest_since: AtomicU64::new(0),
            whole: AtomicU32::new(0),
            streams: Mutex::default(),
            taken: AtomicU64::new(0),
        }
    }
}

impl Activity {
    /// A request has begun; it ends when the value is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    fn is_busy(&self) -> bool {
        self.requests.load(Ordering::Acquire) > 0
    }

    /// Whether an answer, complete on our side, is still to be taken.
    fn owes(&self) -> bool {
        let is_over = |stream: &Weak<Sending>| stream.upgrade().is_some_and(|stream| stream.is_over());
        self.whole.load(Ordering::Relaxed) > 0 || self.streams().iter().any(is_over)
    }

    fn streams(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Sending>>> {
        // A list cannot be left half-written.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at_rest_since(&self) -> Instant {
        self.began + Duration::from_micros(self.at_rest_since.load(Ordering::Relaxed))
    }
}

/// A request in progress.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    /// Keeps the request in progress until its answer's body is done with.
    pub(super) fn around(self, body: Body) -> BusyBody {
        match body.sending() {
            None => {
                self.0.whole.fetch_add(1, Ordering::Relaxed);
            }
            Some(stream) => {
                let mut streams = self.0.streams();
                streams.retain(|stream| stream.strong_count() > 0);
                streams.push(stream);
            }
        }
        BusyBody { body, busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let since = now().duration_since(self.0.began).as_micros() as u64;
        self.0.at_rest_since.store(since, Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Release);
    }
}

/// A body that keeps its connection busy.
#[derive(Debug)]
pub(super) struct BusyBody {
    body: Body,
    busy: Busy,
}

impl Drop for BusyBody {
    fn drop(&mut self) {
        if matches!(self.body, Body::Whole(_)) {
            self.busy.0.whole.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl HttpBody for BusyBody {
    type Data = Bytes;
    type Error = crate::body::Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.busy.0.taken.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The guarded socket.
pub(super) struct Guarded<S> {
    inner: S,
    activity: Arc<Activity>,
    http2: bool,
    head_timeout: Duration,
    idle_timeout: Duration,
    unread_timeout: Duration,
    waiting: Waiting,
    reading: Alarm,
    writing: Alarm,
    /// What was taken of bodies when the alarm last found one owed.
    owed_at: Option<u64>,
}

/// What the reading side waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// The first byte of the first request.
    First,
    /// The rest of a head.
    Head,
    /// The next request.
    Rest,
    /// Nothing: a request is in progress, and its own clocks run. The alarm runs on, because hyper does not ask the
    /// socket again when an answer is out: it only looks whether the connection has come to rest meanwhile.
    Busy,
}

impl<S> Guarded<S> {
    pub(super) fn new(inner: S, activity: Arc<Activity>, http2: bool, inbound: &Inbound) -> Self {
        Self {
            inner,
            activity,
            http2,
            head_timeout: inbound.head_timeout,
            idle_timeout: inbound.idle_timeout,
            unread_timeout: inbound.unread_timeout,
            waiting: Waiting::First,
            reading: Alarm::default(),
            writing: Alarm::default(),
            owed_at: None,
        }
    }

    /// No byte came. Fails when the clock that applies has run out.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match (self.activity.is_busy(), self.waiting) {
                (true, Waiting::First | Waiting::Head | Waiting::Rest) => {
                    self.waiting = Waiting::Busy;
                    self.reading.stop();
                }
                (false, Waiting::Busy) => {
                    self.waiting = Waiting::Rest;
                    self.reading
                        .set(self.activity.at_rest_since() + self.idle_timeout);
                }
                (true, Waiting::Busy) | (false, _) => {}
            }
            let patience = match self.waiting {
                Waiting::First | Waiting::Head => self.head_timeout,
                Waiting::Rest => self.idle_timeout,
                Waiting::Busy => self.unread_timeout.min(self.idle_timeout),
            };
            if self.reading.poll(patience, cx).is_pending() {
                return Poll::Pending;
            }
            if self.waiting != Waiting::Busy {
                return Poll::Ready(Err(timed_out("no request came in time")));
            }
            if self.is_unread() {
                return Poll::Ready(Err(timed_out("the answer was not read in time")));
            }
            self.reading.stop();
        }
    }

    /// Whether since the last look, one alarm ago, an answer was owed and nothing of any was taken.
    fn is_unread(&mut self) -> bool {
        let owed_at = self
            .activity
            .owes()
            .then(|| self.activity.taken.load(Ordering::Relaxed));
        let same = owed_at.is_some() && owed_at == self.owed_at;
        self.owed_at = owed_at;
        same
    }

    fn note_bytes(&mut self) {
        if self.activity.is_busy() {
            // Bytes do not stop the alarm of a busy connection: pings would keep an unread answer alive.
            if self.waiting != Waiting::Busy {
                self.waiting = Waiting::Busy;
                self.reading.stop();
            }
        } else if !self.http2 && self.waiting != Waiting::Head {
            // HTTP/2 frames that come at rest are mostly no head but a ping or a window, and no reason to hurry; a
            // head there is bounded by what is left of the rest.
            // The clock of a head runs from its first byte and is not restarted by the next: a byte a second
            // would otherwise hold the connection for ever.
            self.waiting = Waiting::Head;
            self.reading.stop();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.inner).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                if buf.filled().len() > before {
                    self.note_bytes();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_patience(cx),
        }
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    fn watch_write<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.writing.stop();
            return polled;
        }
        self.writing
            .poll(self.unread_timeout, cx)
            .map(|()| Err(timed_out("the answer was not read in time")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watch_write(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watch_write(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        self.watch_write(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.watch_write(cx, polled)
    }
}

fn timed_out(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, why)
}

/// A timer that is armed when first asked and stopped without cost. The sleep itself is made once and reused.
#[derive(Default)]
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: bool,
}

impl Alarm {
    fn stop(&mut self) {
        self.armed = false;
    }

    fn set(&mut self, at: Instant) {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(at))),
        }
        self.armed = true;
    }

    fn poll(&mut self, patience: Duration, cx: &mut Context<'_>) -> Poll<()> {
        if !self.armed {
            self.set(now() + patience);
        }
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending, // it was made above
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the guard is the driver of its own timers"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the paused clock of the test is read to see how long was waited"
)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn inbound() -> Inbound {
        Inbound {
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            unread_timeout: Duration::from_secs(60),
            ..Inbound::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_dripped_byte_by_byte_is_cut_ten_seconds_after_its_first_byte() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut guarded = Guarded::new(server, Arc::new(Activity::default()), false, &inbound());
        let start = tokio::time::Instant::now();
        let drip = async {
            loop {
                if client.write_all(b"x").await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let read = async {
            let mut buf = [0; 1];
            loop {
                if let Err(error) = guarded.read_exact(&mut buf).await {
                    return error;
                }
            }
        };
        let error = tokio::select! { error = read => error, () = drip => unreachable!() };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_at_rest_has_longer_than_a_head_and_a_busy_one_has_no_clock() {
        let (mut client, server) = tokio::io::duplex(64);
        let activity = Arc::new(Activity::default());
        let mut guarded = Guarded::new(server, Arc::clone(&activity), false, &inbound());
        client.write_all(b"GET").await.unwrap();
        let mut buf = [0; 3];
        guarded.read_exact(&mut buf).await.unwrap();
        let busy = activity.begin();
        let waited = tokio::time::timeout(Duration::from_secs(1000), guarded.read_exact(&mut buf)).await;
        assert!(waited.is_err(), "a request in progress is not cut");
        drop(busy);
        let start = tokio::time::Instant::now();
        let error = guarded.read_exact(&mut buf).await.unwrap_err();
        assert_eq!(
            (error.kind(), start.elapsed().as_secs()),
            (io::ErrorKind::TimedOut, 75)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_not_asked_again_after_an_answer_still_ends_its_rest() {
        let (_client, server) = tokio::io::duplex(64);
        let activity = Arc::new(Activity::default());
        let mut guarded = Guarded::new(server, Arc::clone(&activity), false, &inbound());
        let busy = activity.begin();
        let start = tokio::time::Instant::now();
        // In a task of its own: the reader is polled when its own alarm wakes it and at no other time.
        let mut answer = tokio::task::JoinSet::new();
        answer.spawn(async move {
            tokio::time::sleep(Duration::from_secs(200)).await;
            drop(busy);
        });
        let error = guarded.read_exact(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 275);
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_that_comes_at_rest_does_not_shorten_it() {
        let (mut client, server) = tokio::io::duplex(64);
        let activity = Arc::new(Activity::default());
        let mut guarded = Guarded::new(server, Arc::clone(&activity), true, &inbound());
        drop(activity.begin());
        guarded.waiting = Waiting::Busy;
        let start = tokio::time::Instant::now();
        client.write_all(b"ping").await.unwrap();
        let mut buf = [0; 8];
        let error = guarded.read_exact(&mut buf).await.unwrap_err();
        assert_eq!(
            (error.kind(), start.elapsed().as_secs()),
            (io::ErrorKind::TimedOut, 75)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_nobody_reads_is_cut_after_sixty_seconds() {
        let (_client, server) = tokio::io::duplex(16);
        let mut guarded = Guarded::new(server, Arc::new(Activity::default()), false, &inbound());
        let start = tokio::time::Instant::now();
        let error = guarded.write_all(&[0; 1024]).await.unwrap_err();
        assert_eq!(
            (error.kind(), start.elapsed().as_secs()),
            (io::ErrorKind::TimedOut, 60)
        );
    }
}
