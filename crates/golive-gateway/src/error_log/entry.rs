//! E2: one entry of the error log.
//!
//! Never: holds text that was not redacted.

use std::panic::{AssertUnwindSafe, catch_unwind};

use golive_wire::Wire;
use golive_wire::texts::{self, Voice};
use serde::Serialize;

use crate::screens::Screens;

/// Characters kept of what was asked.
const SUMMARY_MAX: usize = 200;

/// What went wrong with one request.
#[derive(Debug, Default, Serialize)]
pub struct Entry {
    /// RFC 3339, in UTC.
    pub timestamp: String,
    /// The id that its answer and its row carry.
    pub request_id: String,
    /// Its place in a distributed trace.
    pub trace_id: String,
    /// Keyed hash of the user, or of the caller where no user is known.
    pub user: String,
    /// The caller's id.
    pub principal: String,
    /// Whom it called.
    pub callee: Option<String>,
    /// The link that was called last.
    pub link: Option<String>,
    /// Its stable code.
    pub error_type: String,
    /// What failed, attempt by attempt, the last one last.
    pub error_chain: Vec<Attempt>,
    /// What was done about it.
    pub recovery_action: String,
    /// The last words of the person, redacted and cut.
    pub input_summary: String,
    /// What each stage decided, as `golive explain` shows it.
    pub spans: serde_json::Value,
    /// The status that the caller saw.
    pub status: u16,
}

/// One attempt that failed.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// The link.
    pub link: String,
    /// What kind of failure it was.
    pub failure: &'static str,
    /// In words.
    pub why: String,
}

impl Entry {
    /// As one line.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() // strings and numbers: nothing that could fail
    }
}

/// The last words of the person in this request, without what the screens know as personal data or a secret.
#[must_use]
pub fn summary(screens: &Screens, wire: Wire, body: &[u8]) -> String {
    let places = match wire {
        Wire::Problem => texts::of_agent_request(body),
        Wire::OpenAi | Wire::Anthropic => texts::of_request(wire, body),
    };
    let last = places
        .iter()
        .rev()
        .find(|place| wire == Wire::Problem || place.voice == Voice::User);
    let Some(last) = last else { return String::new() };
    let text = texts::read(body, &last.literal);
    // Cut after it was redacted: half a number is no number to a detector.
    let bounded: String = text.chars().take(SUMMARY_MAX * 8).collect();
    let redacted = catch_unwind(AssertUnwindSafe(|| screens.for_logs(&bounded)));
    let redacted = redacted.unwrap_or_else(|_| "[not looked at]".to_owned());
    redacted
        .chars()
        .filter(|c| !c.is_control())
        .take(SUMMARY_MAX)
        .collect()
}
