//! P2, P3, P4: the body of an answer, done step by step: send, wait, hang, cut, drip, repeat.
//!
//! Never: decides what to send; the steps are made in `answer.rs`.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use crate::answer::Step;
use crate::arrival::Outcome;
use crate::serve::connection::Control;
use crate::world::Record;

/// A body that hyper polls.
pub(crate) struct LabBody {
    steps: VecDeque<Step>,
    asleep: Option<Pin<Box<Sleep>>>,
    /// None for answers of the control, which are not recorded.
    record: Option<Record>,
    /// None over HTTP/2, where a stream is reset instead of the connection.
    control: Option<Control>,
}

impl LabBody {
    /// A whole body that is not recorded.
    pub(crate) fn plain(bytes: Bytes) -> Self {
        let steps = if bytes.is_empty() {
            VecDeque::new()
        } else {
            VecDeque::from([Step::Send(bytes)])
        };
        LabBody {
            steps,
            asleep: None,
            record: None,
            control: None,
        }
    }

    /// A body of steps; `record` is told how it goes. `unseen` bodies (of HEAD, 204, 304) are over at once.
    pub(crate) fn steps(
        steps: VecDeque<Step>,
        mut record: Record,
        control: Option<Control>,
        unseen: bool,
    ) -> Self {
        if unseen || steps.is_empty() {
            record.end(Outcome::Answered);
        }
        LabBody {
            steps,
            asleep: None,
            record: Some(record),
            control,
        }
    }

    /// The bytes that are sent now; when nothing is left to do, the answer is complete.
    fn send(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(record) = &mut self.record {
            record.byte_sent();
            if self.steps.is_empty() {
                record.end(Outcome::Answered);
            }
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    /// Whether a wait of this length is over; begins it at the first call.
    fn waited(&mut self, wait: Duration, cx: &mut Context<'_>) -> bool {
        if wait.is_zero() {
            return true;
        }
        let asleep = self
            .asleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        if asleep.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.asleep = None;
        true
    }
}

impl Body for LabBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        loop {
            let Some(step) = this.steps.pop_front() else {
                return Poll::Ready(None);
            };
            match step {
                Step::Send(bytes) => return this.send(bytes),
                Step::Wait(wait) => {
                    if !this.waited(wait, cx) {
                        this.steps.push_front(Step::Wait(wait));
                        return Poll::Pending;
                    }
                }
                Step::Hang => {
                    this.steps.push_front(Step::Hang);
                    if let Some(record) = &mut this.record {
                        record.hung();
                    }
                    // No waker: only the end of the connection ends this, and that hyper watches for.
                    return Poll::Pending;
                }
                Step::Cut => {
                    if let Some(record) = &mut this.record {
                        record.end(Outcome::Cut);
                    }
                    let Some(control) = &this.control else {
                        // A reset of a stream discards what is still queued: let it leave first.
                        this.steps.extend([Step::Wait(H2_FLUSH), Step::Abort]);
                        continue;
                    };
                    control.close_when_flushed();
                    this.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
                Step::Abort => return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
                Step::Drip { mut bytes, interval } => {
                    if !this.waited(interval, cx) {
                        this.steps.push_front(Step::Drip { bytes, interval });
                        return Poll::Pending;
                    }
                    let drop = bytes.split_to(1);
                    if bytes.has_remaining() {
                        this.steps.push_front(Step::Drip { bytes, interval });
                    }
                    return this.send(drop);
                }
                Step::Repeat { bytes, interval } => {
                    let over = this.waited(interval, cx);
                    this.steps.push_front(Step::Repeat {
                        bytes: bytes.clone(),
                        interval,
                    });
                    if !over {
                        return Poll::Pending;
                    }
                    return this.send(bytes);
                }
                Step::Fill { bytes, left } => {
                    let part = bytes.slice(..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
                    let left = left - part.len() as u64;
                    if left > 0 {
                        this.steps.push_front(Step::Fill { bytes, left });
                    }
                    return this.send(part);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let mut exact = 0;
        for step in &self.steps {
            match step {
                Step::Send(bytes) | Step::Drip { bytes, .. } => exact += bytes.len() as u64,
                Step::Fill { left, .. } => exact += left,
                Step::Wait(_) => {}
                Step::Hang | Step::Cut | Step::Abort | Step::Repeat { .. } => return SizeHint::default(),
            }
        }
        SizeHint::with_exact(exact)
    }
}

/// HTTP/2 does not tell when frames have left; on a loopback they do within a fraction of this.
const H2_FLUSH: Duration = Duration::from_millis(20);
