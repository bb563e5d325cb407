//! E1: what people are told when an agent cannot answer: a reply in the caller's format, in its language, with a header
//! that says what it is.
//!
//! Never: tells why, or dresses up an answer that broke off: what was begun ends with an error.

use bytes::Bytes;
use golive_config::{Messages, OnFailure, Sentences};
use golive_wire::Wire;
use golive_wire::said::{self, Said};
use http::HeaderValue;

use crate::call::{Call, Outcome};

/// Why an answer is degraded; the values of `golive-degraded`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No link could answer.
    Unavailable,
    /// No link answered in time.
    Timeout,
    /// There is no room.
    Overloaded,
}

impl Reason {
    /// As the header says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Overloaded => "overloaded",
        }
    }

    /// Why this outcome degrades an answer; `None`: it is none that a link or a queue is the cause of.
    #[must_use]
    pub fn of(outcome: &Outcome, status: u16) -> Option<Self> {
        match outcome {
            Outcome::Error("over_capacity" | "queue_full" | "queue_timeout") => Some(Self::Overloaded),
            Outcome::Error("shutting_down" | "ledger_unavailable" | "screen_failed") => None,
            Outcome::Error(_) if status == 504 => Some(Self::Timeout),
            Outcome::Error(_) => Some(Self::Unavailable),
            Outcome::UpstreamRefused(429) => Some(Self::Unavailable),
            _ => None,
        }
    }
}

/// A reply in place of an answer.
#[derive(Debug)]
pub struct Reply {
    /// Its content type.
    pub content_type: HeaderValue,
    /// Its body.
    pub body: Bytes,
}

/// The reply to the people behind this call, if its agent replies to them.
#[must_use]
pub fn reply(call: &Call, reason: Reason) -> Option<Reply> {
    let route = call.route.as_ref()?;
    if !call.surface.is_dialogue() {
        return None; // there is no place for words in vectors and counts
    }
    if route.callee.on_failure != OnFailure::Reply || reason == Reason::Overloaded {
        return None; // an overflow stays a refusal: balancers and clients must see it as one
    }
    let text = sentence(call, reason)?;
    let said = Said {
        id: &call.id.simple().to_string(),
        created_s: call.at.0 / 1_000_000,
        model: &route.callee.name,
        text,
        usage: call.usage.map(|(usage, _)| usage).unwrap_or_default(),
    };
    let wire = call.surface.wire();
    let pointers = route.pointers.as_ref();
    let stream_at = pointers.and_then(|pointers| pointers.stream.as_ref());
    if call.stream && (wire != Wire::Problem || stream_at.is_some()) {
        return Some(Reply {
            content_type: HeaderValue::from_static("text/event-stream"),
            body: said::events(wire, &said, call.include_usage, stream_at),
        });
    }
    Some(Reply {
        content_type: HeaderValue::from_static("application/json"),
        body: said::whole(wire, &said, pointers.map(|pointers| &pointers.output)).into(),
    })
}

/// The sentence for this reason in the language that the caller prefers.
#[must_use]
pub fn sentence(call: &Call, reason: Reason) -> Option<&str> {
    let messages = &call.route.as_ref()?.callee.messages;
    let accepted = call
        .accept_language
        .as_ref()
        .and_then(|value| value.to_str().ok());
    let sentences = preferred(messages, accepted.unwrap_or_default())?;
    Some(match reason {
        Reason::Unavailable | Reason::Timeout => &sentences.unavailable,
        Reason::Overloaded => &sentences.overloaded,
    })
}

/// The sentences in the language that `Accept-Language` (RFC 9110 §12.5.4) prefers, of those there are; English stands
/// in. A longer tag is looked up by its beginning as RFC 4647 §3.4 has it.
fn preferred<'m>(messages: &'m Messages, accepted: &str) -> Option<&'m Sentences> {
    let mut ranges: Vec<(f32, String)> = accepted
        .split(',')
        .take(16)
        .filter_map(|range| {
            let mut parts = range.split(';');
            let tag = parts.next()?.trim().to_ascii_lowercase();
            let quality = parts
                .find_map(|part| part.trim().strip_prefix("q=")?.parse().ok())
                .unwrap_or(1.0);
            (quality > 0.0 && !tag.is_empty()).then_some((quality, tag))
        })
        .collect();
    ranges.sort_by(|(one, _), (other, _)| other.total_cmp(one)); // stable: equals stay in order
    for (_, tag) in &ranges {
        let mut tag = tag.as_str();
        loop {
            if let Some(found) = messages.get(tag) {
                return Some(found);
            }
            match tag.rfind('-') {
                Some(dash) => tag = &tag[..dash],
                None => break,
            }
        }
    }
    messages.get("en").or_else(|| messages.values().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages() -> Messages {
        ["en", "de", "pt-br"]
            .iter()
            .map(|tag| {
                let said = Sentences {
                    unavailable: (*tag).to_owned(),
                    overloaded: String::new(),
                };
                ((*tag).to_owned(), said)
            })
            .collect()
    }

    #[test]
    fn the_preferred_language_is_chosen_and_english_stands_in() {
        let messages = messages();
        for (accepted, chosen) in [
            ("de", "de"),
            ("de-AT, en;q=0.8", "de"),
            ("fr, de;q=0.5, en;q=0.9", "en"),
            ("pt-BR", "pt-br"),
            ("pt", "en"),
            ("", "en"),
            ("*", "en"),
            ("de;q=0", "en"),
            ("xx;q=nonsense, DE", "de"),
            (";;;,,,=", "en"),
        ] {
            assert_eq!(
                preferred(&messages, accepted).map(|said| said.unavailable.as_str()),
                Some(chosen),
                "{accepted:?}"
            );
        }
    }
}
