//! P2, P3, M1: one TCP connection with a handle by which a fault reaches the socket under hyper: close it,
//! reset it, now or after what was written has left.
//!
//! Never: reads or changes the bytes that pass.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// The handle of one connection.
#[derive(Clone)]
pub(crate) struct Control(Arc<Inner>);

struct Inner {
    id: u64,
    /// Cancelled to end the connection at once; also by the listener or the lab above it.
    stop: CancellationToken,
    reset: AtomicBool,
    close_when_flushed: AtomicBool,
}

impl Control {
    pub(crate) fn new(id: u64, stop: CancellationToken) -> Self {
        let inner = Inner {
            id,
            stop,
            reset: AtomicBool::new(false),
            close_when_flushed: AtomicBool::new(false),
        };
        Control(Arc::new(inner))
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    /// Ends the connection with a RST.
    pub(crate) fn reset(&self) {
        self.0.reset.store(true, Ordering::Release);
        self.0.stop.cancel();
    }

    /// Marks that the connection's end, whenever it comes, is a RST.
    pub(crate) fn will_reset(&self) {
        self.0.reset.store(true, Ordering::Release);
    }

    /// Ends the connection with a FIN once hyper has written what it holds.
    pub(crate) fn close_when_flushed(&self) {
        self.0.close_when_flushed.store(true, Ordering::Release);
    }

    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Whether the lab, not the client, ended the connection.
    pub(crate) fn was_stopped(&self) -> bool {
        self.0.stop.is_cancelled()
    }

    pub(crate) fn was_reset(&self) -> bool {
        self.0.reset.load(Ordering::Acquire)
    }
}

/// A TCP stream that obeys its [`Control`].
pub(crate) struct Socket {
    stream: TcpStream,
    control: Control,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, control: Control) -> Self {
        Socket { stream, control }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes the socket only when its own buffer is empty: here is where "after what was written"
    /// is known.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if self.control.0.close_when_flushed.load(Ordering::Acquire) {
            self.control.0.stop.cancel();
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.control.was_reset() {
            // Without it the close is a FIN; the error means that the socket is gone already.
            let _ = self.stream.set_zero_linger();
        }
    }
}
