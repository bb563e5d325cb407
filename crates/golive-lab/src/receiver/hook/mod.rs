//! E3: the lab as the receiver of webhooks: a generic one at `http://LAB/_hook/NAME`, and one that takes messages as Slack's
//! incoming webhooks do at `http://LAB/_slack/NAME`. Each records all that reaches it, and can be down.
//!
//! Never: forgets silently what it could not keep, answers well while it is told to be down, or checks a signature for
//! its sender: [`verify`] is for whoever reads the record.

mod desk;
pub(crate) mod serve;
mod signature;

use serde::{Deserialize, Serialize};

pub(crate) use desk::Desks;
pub use signature::{BadSignature, sign, verify};

/// How a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reception {
    /// It takes what comes: 200.
    #[default]
    Takes,
    /// Status 500.
    Error,
    /// Status 429 with `Retry-After: 1`.
    Limited,
    /// The request is read and never answered.
    Hang,
    /// The connection is reset.
    Refuse,
}

impl Reception {
    /// As written in the control.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reception::Takes => "takes",
            Reception::Error => "error",
            Reception::Limited => "limited",
            Reception::Hang => "hang",
            Reception::Refuse => "refuse",
        }
    }
}

/// One delivery that reached a receiver, taken or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// From 1, in order, of this receiver.
    pub seq: u64,
    /// By the lab's clock, in microseconds.
    pub at_us: u64,
    /// By the clock of day, in seconds: what a signature's time is compared with.
    pub at_unix_s: u64,
    /// Its method.
    pub method: String,
    /// Its path behind the receiver's, with its query.
    pub path: String,
    /// Its headers in lower case; credentials are replaced.
    pub headers: Vec<(String, String)>,
    /// Its body, exactly, as far as it is UTF-8; at most [`BODY_MAX`] bytes.
    pub body: String,
    /// The body was longer.
    pub cut: bool,
    /// How it was answered: [`Reception::Takes`] is the only one that took it.
    pub reception: Reception,
    /// The status that was sent; none if the connection was left or reset.
    pub status: Option<u16>,
}

impl Delivery {
    /// A header, the first of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The receiver said that it has it.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.reception == Reception::Takes && self.status == Some(200)
    }
}

/// The deliveries of a receiver after a number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Deliveries {
    /// In order; at most the last [`DELIVERIES_MAX`].
    pub deliveries: Vec<Delivery>,
    /// The number of the last one there ever was.
    pub last: u64,
    /// How many fell out because the record is bounded.
    pub dropped: u64,
    /// How it answers now.
    pub reception: Reception,
}

/// Deliveries kept per receiver.
pub const DELIVERIES_MAX: usize = 1_000;

/// Bytes kept of one body: ten times what an event with ten messages takes.
pub const BODY_MAX: usize = 256 << 10;

/// Receivers of one lab: they are made at their first use.
pub(crate) const RECEIVERS_MAX: usize = 64;
