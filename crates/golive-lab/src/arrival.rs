//! P2, P3, P4, S2, S3, M2: one request as the lab saw it, and the questions that can be asked of many.
//!
//! Never: holds a secret of the request; values arrive here redacted.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One request that reached the lab, as far as it has come.
///
/// Times are microseconds since the lab's start, by a clock that never goes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// From 1, in the order in which the requests were read whole. Never used twice, also not after a reset.
    pub seq: u64,
    /// When the request was read, its body included.
    pub at_us: u64,
    /// The virtual provider that was asked.
    pub provider: String,
    /// The request's method.
    pub method: String,
    /// Path and query, without the provider's prefix; values of secret-looking parameters are redacted.
    pub path: String,
    /// The model asked for, if the body named one.
    pub model: Option<String>,
    /// In order of arrival, names in lower case; secrets stand as `<redacted sha256:…>`. Empty if brief.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body's first 64 KiB. Empty if brief.
    #[serde(default)]
    pub body: String,
    /// How `body` is written.
    #[serde(default)]
    pub body_encoding: BodyEncoding,
    /// Length of the whole body in bytes.
    pub body_len: u64,
    /// SHA-256 of the whole body in hex, if `body` is not all of it.
    #[serde(default)]
    pub body_sha256: Option<String>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The fault that was done, by its short text.
    pub fault: Option<String>,
    /// The status that was sent, once it was.
    pub status: Option<u16>,
    /// How it went.
    pub outcome: Outcome,
    /// When the first byte of the answer's body was handed to the connection.
    pub first_byte_at_us: Option<u64>,
    /// When the answer was over, for whatever reason.
    pub finished_at_us: Option<u64>,
    /// When the lab noticed that the client had left before its answer was complete.
    pub client_gone_at_us: Option<u64>,
    /// The nonce of the answer, if it carries a text of the model.
    pub nonce: Option<String>,
    /// Input tokens as reported (or as would have been).
    pub tokens_in: u64,
    /// Output tokens as reported (or as would have been).
    pub tokens_out: u64,
    /// The connection it came on; numbers are never used twice.
    pub connection_id: u64,
}

/// How a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not over yet.
    Open,
    /// A fault keeps it waiting, and the client waits too.
    Hung,
    /// The whole answer was handed to the connection.
    Answered,
    /// The lab closed the connection within the answer.
    Cut,
    /// The lab reset the connection.
    Reset,
    /// The client left first.
    ClientGone,
    /// The lab was shut down first.
    Stopped,
}

/// How the body of an [`Arrival`] is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyEncoding {
    /// As it is.
    #[default]
    Text,
    /// It was not UTF-8.
    Base64,
}

/// How far a request must have come to be part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Any.
    #[default]
    Arrived,
    /// The first byte of the answer has been sent.
    FirstByte,
    /// It is over.
    Finished,
    /// The client left.
    ClientGone,
}

/// Which arrivals, how many, and how long to wait for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Only those with a greater `seq`.
    pub since: u64,
    /// Only those of this provider.
    pub provider: Option<String>,
    /// Only those that hold this text in path, headers or the recorded body.
    pub contains: Option<String>,
    /// Only those that have come this far.
    pub state: State,
    /// Waits until so many are there. 1 by default.
    pub count: usize,
    /// Waits no longer than this (at most 60 s at a time over HTTP). Not at all by default.
    pub wait: Duration,
    /// Returns no more than this many, 1 to 10,000. 1,000 by default.
    pub limit: usize,
    /// Leaves out headers and body, for large numbers.
    pub brief: bool,
}

impl Default for Query {
    fn default() -> Self {
        Query {
            since: 0,
            provider: None,
            contains: None,
            state: State::Arrived,
            count: 1,
            wait: Duration::ZERO,
            limit: 1000,
            brief: false,
        }
    }
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// In order of `seq`.
    pub arrivals: Vec<Arrival>,
    /// The `since` that continues after this page.
    pub next: u64,
    /// Whether there was more than the limit.
    pub more: bool,
    /// Arrivals that fell out of the timeline since its start because it is bounded. Those that were asked
    /// for by `since` may be among them when this grows.
    pub dropped: u64,
    /// The smallest `seq` that the timeline still holds, or would hold next.
    pub oldest: u64,
    /// The lab's clock when the page was made.
    pub now_us: u64,
}

/// Totals since the start or the last reset, exact also where the timeline has dropped arrivals.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// The greatest `seq` so far.
    pub seq: u64,
    /// The lab's clock.
    pub now_us: u64,
    /// By provider.
    pub providers: BTreeMap<String, ProviderCounts>,
}

/// Totals of one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProviderCounts {
    /// Requests read.
    pub arrived: u64,
    /// Not over yet.
    pub in_flight: u64,
    /// Answered whole.
    pub answered: u64,
    /// Closed or reset by the lab, or stopped with it.
    pub cut: u64,
    /// Left by the client.
    pub client_gone: u64,
    /// Input tokens reported.
    pub tokens_in: u64,
    /// Output tokens reported.
    pub tokens_out: u64,
}
