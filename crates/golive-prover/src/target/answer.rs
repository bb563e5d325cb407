//! What came back: the answer as bytes and times, and the exchange that holds it together with what was sent.
//!
//! Never: calls a missing answer an answer. What did not arrive is `Unscored`, with its reason.

use std::time::Duration;

use bytes::Bytes;
use golive_checklist::judge::{Scored, UnscoredReason};
use golive_checklist::report::Evidence;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::redact::Redactor;

/// The most of a body that evidence shows, in bytes.
pub const SHOWN: usize = 2_000;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, up to the call's `body_max`.
    pub body: Bytes,
    /// The body was longer than what was kept.
    pub truncated: bool,
    /// From the start of sending until the head was there.
    pub head_after: Duration,
    /// From the start of sending until the first body byte, if there was one.
    pub first_byte_after: Option<Duration>,
    /// From the start of sending until the last byte.
    pub elapsed: Duration,
}

impl Answer {
    /// An answer that did not come from the target: the lab's own, for a control.
    #[must_use]
    pub fn made(status: StatusCode, body: Bytes) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body,
            truncated: false,
            head_after: Duration::ZERO,
            first_byte_after: None,
            elapsed: Duration::ZERO,
        }
    }

    /// A header as text, if it is there once or more (the first one).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON, if it is.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as text, what is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The media type without parameters, lower case; empty if none was sent.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }

    /// The answer is the target's rate limit and says nothing about what was asked. Every proof but S2 counts it
    /// as unscored.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
    }
}

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The answer, or why there is none.
    pub outcome: Scored<Answer>,
    /// What had arrived of an answer that broke off or came too late.
    pub partial: Option<Answer>,
    /// From the start of sending until the outcome was known.
    pub elapsed: Duration,
    /// The request as it may be shown, redacted.
    pub sent: String,
    pub(crate) redactor: Redactor,
}

impl Answer {
    /// How long the target's own rate limit asks to be left alone, if that is what answered, with a moment more.
    #[must_use]
    pub fn limited_for(&self) -> Option<Duration> {
        let seconds = self
            .is_limited()
            .then(|| self.header("retry-after")?.trim().parse().ok())??;
        Some(Duration::from_secs(seconds) + Duration::from_millis(200))
    }
}

impl Exchange {
    /// The answer, if there is one.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        match &self.outcome {
            Scored::Scored(answer) => Some(answer),
            Scored::Unscored(_) => None,
        }
    }

    /// The status of the answer, if there is one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.answer().map(|answer| answer.status.as_u16())
    }

    /// Reads the answer with `read`; a missing answer stays unscored, and so does the target's own rate limit.
    pub fn score<T>(&self, read: impl FnOnce(&Answer) -> Scored<T>) -> Scored<T> {
        match &self.outcome {
            Scored::Scored(answer) if answer.is_limited() => Scored::Unscored(limited()),
            Scored::Scored(answer) => read(answer),
            Scored::Unscored(reason) => Scored::Unscored(reason.clone()),
        }
    }

    /// `answered 401 in 12 ms`, or why not.
    #[must_use]
    pub fn in_short(&self) -> String {
        match &self.outcome {
            Scored::Scored(answer) => {
                format!("{} in {} ms", answer.status.as_u16(), self.elapsed.as_millis())
            }
            Scored::Unscored(reason) => {
                format!("no answer after {} ms: {reason}", self.elapsed.as_millis())
            }
        }
    }

    /// This exchange as evidence: redacted, and the body cut at [`SHOWN`] bytes.
    #[must_use]
    pub fn evidence(&self, title: impl Into<String>) -> Evidence {
        let received = match (&self.outcome, &self.partial) {
            (Scored::Scored(answer), _) => self.shown(answer),
            (Scored::Unscored(reason), Some(part)) => {
                format!("({reason})\n{}", self.shown(part))
            }
            (Scored::Unscored(reason), None) => format!("({reason})"),
        };
        Evidence {
            title: title.into(),
            sent: Some(self.sent.clone()),
            received: Some(received),
            lines: Vec::new(),
            elapsed_ms: Some(millis(self.elapsed)),
        }
    }

    fn shown(&self, answer: &Answer) -> String {
        let mut out = format!("HTTP {}\n", answer.status);
        for (name, value) in &answer.headers {
            out.push_str(&self.redactor.header(name.as_str(), value.as_bytes()));
            out.push('\n');
        }
        out.push('\n');
        out.push_str(&shorten(&self.redactor.text(&answer.text()), SHOWN));
        if answer.truncated {
            out.push_str("\n(the answer was longer than what was read)");
        }
        out
    }
}

/// Why a limited answer does not count.
#[must_use]
pub fn limited() -> UnscoredReason {
    UnscoredReason::Unexpected(
        "the target's own rate limit answered (429); raise it for this credential".into(),
    )
}

/// `text` cut at a character at or below `max` bytes, saying how much is missing.
#[must_use]
pub fn shorten(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes more)", &text[..end], text.len() - end)
}

/// Whole milliseconds, saturating.
#[must_use]
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
