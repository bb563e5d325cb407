//! S3: a socket with three clocks: the head of a request, the rest between requests, and an answer nobody reads.
//!
//! hyper's own head clock runs while a kept-alive connection merely rests, so a rest longer than a head may take
//! would be cut. This guard knows whether a request is in progress and starts the clock that applies.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use golive_config::Inbound;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::body::Body;

/// How many requests of a connection are in progress, from their head to the last byte of their answer.
#[derive(Debug, Default)]
pub(super) struct Activity(AtomicU32);

impl Activity {
    /// A request has begun; it ends when the value is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.0.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    fn is_busy(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// A request in progress.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    /// Keeps the request in progress until its answer's body is done with.
    pub(super) fn around(self, body: Body) -> BusyBody {
        BusyBody { body, _busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that keeps its connection busy.
#[derive(Debug)]
pub(super) struct BusyBody {
    body: Body,
    _busy: Busy,
}

impl HttpBody for BusyBody {
    type Data = Bytes;
    type Error = crate::body::Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
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
    head_timeout: Duration,
    idle_timeout: Duration,
    unread_timeout: Duration,
    waiting: Waiting,
    reading: Alarm,
    writing: Alarm,
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
    /// Nothing: a request is in progress, and its own clocks run.
    Busy,
}

impl<S> Guarded<S> {
    pub(super) fn new(inner: S, activity: Arc<Activity>, inbound: &Inbound) -> Self {
        Self {
            inner,
            activity,
            head_timeout: inbound.head_timeout,
            idle_timeout: inbound.idle_timeout,
            unread_timeout: inbound.unread_timeout,
            waiting: Waiting::First,
            reading: Alarm::default(),
            writing: Alarm::default(),
        }
    }

    /// No byte came. Fails when the clock that applies has run out.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let now_waiting = match (self.activity.is_busy(), self.waiting) {
            (true, _) => Waiting::Busy,
            (false, Waiting::Busy) => Waiting::Rest,
            (false, same) => same,
        };
        if now_waiting != self.waiting {
            self.waiting = now_waiting;
            self.reading.stop();
        }
        let patience = match self.waiting {
            Waiting::Busy => return Poll::Pending,
            Waiting::First | Waiting::Head => self.head_timeout,
            Waiting::Rest => self.idle_timeout,
        };
        self.reading
            .poll(patience, cx)
            .map(|()| Err(timed_out("no request came in time")))
    }

    fn note_bytes(&mut self) {
        if self.activity.is_busy() {
            self.waiting = Waiting::Busy;
            self.reading.stop();
        } else if self.waiting != Waiting::Head {
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

    #[expect(
        clippy::disallowed_methods,
        reason = "the guard is the driver of its own timer"
    )]
    fn poll(&mut self, patience: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if !self.armed {
            sleep.as_mut().reset(Instant::now() + patience);
            self.armed = true;
        }
        sleep.as_mut().poll(cx)
    }
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
        let mut guarded = Guarded::new(server, Arc::new(Activity::default()), &inbound());
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
        let mut guarded = Guarded::new(server, Arc::clone(&activity), &inbound());
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
    async fn an_answer_nobody_reads_is_cut_after_sixty_seconds() {
        let (_client, server) = tokio::io::duplex(16);
        let mut guarded = Guarded::new(server, Arc::new(Activity::default()), &inbound());
        let start = tokio::time::Instant::now();
        let error = guarded.write_all(&[0; 1024]).await.unwrap_err();
        assert_eq!(
            (error.kind(), start.elapsed().as_secs()),
            (io::ErrorKind::TimedOut, 60)
        );
    }
}
