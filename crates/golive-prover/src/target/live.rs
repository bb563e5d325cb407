//! An answer while it arrives: chunks with their times, for proofs about streams, clocks and hanging up.
//!
//! Never: waits longer than it was told for one chunk.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use golive_checklist::judge::{Scored, UnscoredReason};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Exchange};
use crate::clock;
use crate::redact::Redactor;

/// An answer whose head has arrived. Dropping it hangs up: the connection closes.
#[derive(Debug)]
pub struct Live {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// From the start of sending until the head was there.
    pub head_after: Duration,
    pub(crate) body: Incoming,
    pub(crate) started: Instant,
    pub(crate) first_byte_after: Option<Duration>,
    pub(crate) kept: BytesMut,
    pub(crate) body_max: usize,
    pub(crate) sent: String,
    pub(crate) redactor: Redactor,
    pub(crate) cancel: CancellationToken,
}

/// What came next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Bytes, and when they came, counted from the start of sending.
    Chunk(Bytes, Duration),
    /// The body ended as HTTP says it should.
    End(Duration),
    /// The connection broke.
    Broken(String, Duration),
    /// Nothing came in the time given.
    Silence(Duration),
    /// The run is being interrupted.
    Interrupted,
}

impl Live {
    /// The next bytes, at most `wait` from now.
    pub async fn next(&mut self, wait: Duration) -> Step {
        loop {
            let frame = tokio::select! {
                frame = tokio::time::timeout(wait, self.body.frame()) => frame,
                () = self.cancel.cancelled() => return Step::Interrupted,
            };
            let at = self.age();
            match frame {
                Err(_) => return Step::Silence(at),
                Ok(None) => return Step::End(at),
                Ok(Some(Err(error))) => return Step::Broken(chain(&error), at),
                Ok(Some(Ok(frame))) => {
                    let Ok(bytes) = frame.into_data() else { continue };
                    if bytes.is_empty() {
                        continue;
                    }
                    self.first_byte_after.get_or_insert(at);
                    let room = self.body_max.saturating_sub(self.kept.len());
                    self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
                    return Step::Chunk(bytes, at);
                }
            }
        }
    }

    /// Since the start of sending.
    #[must_use]
    pub fn age(&self) -> Duration {
        clock::now().saturating_duration_since(self.started)
    }

    /// Everything kept so far, at most the call's `body_max`.
    #[must_use]
    pub fn so_far(&self) -> &[u8] {
        &self.kept
    }

    /// Reads to the end, at most until `deadline` after the start of sending.
    pub async fn finish(mut self, deadline: Duration) -> Exchange {
        let missed = loop {
            // One byte over the limit shows that there was more.
            if self.kept.len() >= self.body_max {
                return self.into_exchange(None, true);
            }
            match self.next(deadline.saturating_sub(self.age())).await {
                Step::Chunk(bytes, _) if bytes.len() > self.body_max => {
                    return self.into_exchange(None, true);
                }
                Step::Chunk(..) => {}
                Step::End(_) => break None,
                Step::Broken(_, _) if self.first_byte_after.is_some() => {
                    break Some(UnscoredReason::Truncated);
                }
                Step::Broken(what, _) => break Some(UnscoredReason::Transport(what)),
                Step::Silence(_) => break Some(UnscoredReason::Timeout),
                Step::Interrupted => break Some(UnscoredReason::Interrupted),
            }
        };
        self.into_exchange(missed, false)
    }

    /// Hangs up, and gives what had arrived as an exchange for evidence. Its outcome is `Truncated`.
    #[must_use]
    pub fn hang_up(self) -> Exchange {
        self.into_exchange(Some(UnscoredReason::Truncated), false)
    }

    fn into_exchange(self, missed: Option<UnscoredReason>, truncated: bool) -> Exchange {
        let elapsed = self.age();
        let answer = Answer {
            status: self.status,
            headers: self.headers,
            body: self.kept.freeze(),
            truncated,
            head_after: self.head_after,
            first_byte_after: self.first_byte_after,
            elapsed,
        };
        let (outcome, partial) = match missed {
            None => (Scored::Scored(answer), None),
            Some(reason) => (Scored::Unscored(reason), Some(answer)),
        };
        Exchange {
            outcome,
            partial,
            elapsed,
            sent: self.sent,
            redactor: self.redactor,
        }
    }
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !out.ends_with(&text) {
            out.push_str(": ");
            out.push_str(&text);
        }
        cause = next.source();
    }
    out
}
