//! P1: what the driver asks of whoever sends the requests, and what it gets back.
//!
//! Never: HTTP. A workload may be anything that answers; [`crate::http`] is one.

use serde::Serialize;
use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

/// Sends one request at a time, as often as asked. Any `Fn(u64) -> impl Future<Output = Reply>` is one.
pub trait Workload: Sync {
    /// Which class request `number` belongs to, below [`CLASSES`]; each class has its own percentiles. Must be
    /// the same for the same number: it is also asked for requests that were never sent.
    fn class(&self, number: u64) -> usize {
        let _ = number;
        0
    }

    /// Sends request `number` (from 0, in order of due time) and reads the whole answer. Never retries.
    fn send(&self, number: u64) -> impl Future<Output = Reply> + Send;
}

impl<F, A> Workload for F
where
    F: Fn(u64) -> A + Sync,
    A: Future<Output = Reply> + Send,
{
    fn send(&self, number: u64) -> impl Future<Output = Reply> + Send {
        self(number)
    }
}

/// Most classes of one workload: simple, complex and two to spare.
pub const CLASSES: usize = 4;

/// What became of one request. Times count from the call of [`Workload::send`].
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Why it counts as failed; `None`: answered well.
    pub failure: Option<Failure>,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// When the first byte of the request left.
    pub wrote: Option<Duration>,
    /// When the first byte of useful content came.
    pub first_byte: Option<Duration>,
    /// Pauses between the pieces of a streamed answer, at most [`GAPS`] of them.
    pub gaps: Vec<Duration>,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// A new connection was opened for it.
    pub cold: bool,
}

/// Most gaps kept of one answer.
pub const GAPS: usize = 4_096;

impl Reply {
    /// Answered well, and nothing else is known.
    #[must_use]
    pub fn ok() -> Self {
        Self::default()
    }

    /// Failed, and nothing else is known.
    #[must_use]
    pub fn failed(failure: Failure) -> Self {
        Self {
            failure: Some(failure),
            ..Self::default()
        }
    }
}

/// Why a request failed. The order is the order of the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "class", content = "detail")]
pub enum Failure {
    /// The generator's own resources ran out (ports, files, connections): says nothing about the target, and
    /// makes the stage invalid.
    #[error("the generator ran out of {0}")]
    Generator(Cow<'static, str>),
    /// No connection.
    #[error("cannot connect")]
    Connect,
    /// No TLS session.
    #[error("no TLS session")]
    Tls,
    /// Not done within the plan's deadline, counted from the intended start.
    #[error("not done by the deadline")]
    Timeout,
    /// The answer's status is not a success. 429 is here too: what it means is the caller's to say.
    #[error("status {0}")]
    Status(u16),
    /// The connection ended before the answer did, whatever its status was.
    #[error("closed early")]
    ClosedEarly,
    /// Not HTTP, or broken HTTP.
    #[error("broken protocol")]
    Protocol,
    /// The body is larger than allowed.
    #[error("answer too large")]
    TooLarge,
    /// A success by its status, but not by its content: an error object in a 200, a degradation header.
    #[error("{0}")]
    Semantic(Cow<'static, str>),
}
