//! The body of an answer: nothing, one piece, or a relayed stream behind a bounded channel.
//!
//! Never: holds more of a stream than the channel's few chunks: an unread answer slows its upstream down. Never ends
//! cleanly when its sender stopped half-way: a cut answer must not look like a whole one.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::mpsc;

/// What the gateway answers with.
#[derive(Debug)]
pub enum Body {
    /// One piece, or nothing.
    Whole(Option<Bytes>),
    /// Chunks of a stream, as they come.
    Stream(Chunks),
}

/// The receiving end of a relayed body.
#[derive(Debug)]
pub struct Chunks {
    received: mpsc::Receiver<Bytes>,
    sending: Arc<Sending>,
}

/// How far the sending end is.
#[derive(Debug, Default)]
pub struct Sending {
    complete: AtomicBool,
    over: AtomicBool,
}

impl Sending {
    /// Whether the sender is gone: what is left is for the caller to read.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// The sending end of a relayed body.
#[derive(Debug)]
pub struct ChunkSender {
    /// Where chunks go.
    pub to_caller: mpsc::Sender<Bytes>,
    sending: Arc<Sending>,
}

impl Drop for ChunkSender {
    fn drop(&mut self) {
        self.sending.over.store(true, Ordering::Relaxed);
    }
}

impl ChunkSender {
    /// Everything was sent: the end of the channel is the end of the body. Without this call it is a cut.
    pub fn complete(&self) {
        self.sending.complete.store(true, Ordering::Release);
    }
}

/// The body stopped half-way.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the answer was cut")]
pub struct Cut;

impl Body {
    /// An empty body.
    #[must_use]
    pub fn empty() -> Self {
        Self::Whole(None)
    }

    /// A body that is sent chunk by chunk, `held` of them at the most in memory.
    #[must_use]
    pub fn channel(held: usize) -> (ChunkSender, Self) {
        let (to_caller, received) = mpsc::channel(held);
        let sending = Arc::new(Sending::default());
        let sender = ChunkSender {
            to_caller,
            sending: Arc::clone(&sending),
        };
        (sender, Self::Stream(Chunks { received, sending }))
    }

    /// What its sender still does; `None` for a body that was whole from the beginning.
    #[must_use]
    pub fn sending(&self) -> Option<Weak<Sending>> {
        match self {
            Self::Whole(_) => None,
            Self::Stream(chunks) => Some(Arc::downgrade(&chunks.sending)),
        }
    }

    /// A body of one piece.
    #[must_use]
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(chunks) => chunks.received.poll_recv(cx).map(|chunk| match chunk {
                Some(bytes) => Some(Ok(Frame::data(bytes))),
                None if chunks.sending.complete.load(Ordering::Acquire) => None,
                None => Some(Err(Cut)),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
