//! E3: an event as the receiver got it: whose it is, whether it is complete, signed and told once.
//!
//! Never: takes a delivery that was not taken for one that arrived.

use std::collections::BTreeSet;

use golive_config::{HookKind, TargetEscalation};
use golive_lab::{Delivery, hook};
use secrecy::ExposeSecret as _;
use serde_json::Value;

/// A signature older than this when it arrives could be one that was recorded. Source: Stripe's and Slack's five minutes.
const SIGNATURE_AGE_S: u64 = 300;

/// What an event must hold: (what it is, its pointers in the dialects that are known).
const COMPLETE: &[(&str, &[&str])] = &[
    ("an id", &["/id", "/event_id"]),
    ("a type", &["/type", "/event"]),
    ("a time", &["/occurred_at", "/created_at", "/timestamp"]),
    ("a conversation", &["/conversation_id", "/conversation/id"]),
    ("a ticket", &["/ticket_id", "/ticket/id"]),
    ("a reason", &["/reason/code", "/reason"]),
    ("a summary", &["/summary"]),
    (
        "a transcript",
        &["/transcript/messages", "/transcript", "/messages"],
    ),
    ("a user", &["/user/hash", "/user"]),
];

/// The codes of golive's reasons.
const REASONS: &[&str] = &[
    "user_asked",
    "failed_attempts",
    "low_confidence",
    "policy",
    "tool_failure",
    "operator",
];

/// One event, by its deliveries that were taken.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) delivery: Delivery,
    pub(super) body: Value,
}

impl Event {
    pub(super) fn of(delivery: &Delivery) -> Event {
        Event {
            delivery: delivery.clone(),
            body: serde_json::from_str(&delivery.body).unwrap_or_default(),
        }
    }

    /// What tells two events apart: the header's id, else the body's, else the whole of it.
    pub(super) fn id(&self, escalation: &TargetEscalation) -> String {
        let header = self.delivery.header(&escalation.event_header).map(str::to_owned);
        header
            .or_else(|| self.text("an id"))
            .unwrap_or_else(|| self.delivery.body.clone())
    }

    /// What an operator answers to.
    pub(super) fn ticket(&self) -> Option<String> {
        self.text("a ticket").or_else(|| self.text("an id"))
    }

    pub(super) fn conversation(&self) -> Option<String> {
        self.text("a conversation")
    }

    pub(super) fn reason(&self) -> Option<String> {
        self.text("a reason")
    }

    fn value(&self, what: &str) -> Option<&Value> {
        let (_, pointers) = COMPLETE.iter().find(|(name, _)| *name == what)?;
        let found = pointers.iter().filter_map(|pointer| self.body.pointer(pointer));
        found.into_iter().find(|value| !is_empty(value))
    }

    fn text(&self, what: &str) -> Option<String> {
        match self.value(what)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// What is wrong with it: missing fields, a reason of another trigger, a signature that does not hold.
    pub(super) fn wrong_with(&self, escalation: &TargetEscalation, reason: &str) -> Vec<String> {
        let mut wrong = match escalation.kind {
            HookKind::Signed => self.incomplete(),
            HookKind::Slack if self.delivery.body.chars().count() < 40 => {
                vec!["the message says hardly anything".to_owned()]
            }
            HookKind::Slack => return Vec::new(), // Slack's incoming webhooks carry no signature of their sender
        };
        if let Some(told) = self.reason().filter(|told| REASONS.contains(&told.as_str()))
            && told != reason
        {
            wrong.push(format!("its reason is {told} instead of {reason}"));
        }
        if let Some(secret) = &escalation.secret {
            let header = self.delivery.header(&escalation.signature_header);
            let verified = header
                .ok_or_else(|| format!("no signature ({})", escalation.signature_header))
                .and_then(|signature| {
                    let arrived = self.delivery.at_unix_s;
                    let secret = secret.expose_secret();
                    hook::verify(secret, signature, &self.delivery.body, arrived, SIGNATURE_AGE_S)
                        .map_err(|error| error.to_string())
                });
            wrong.extend(verified.err());
        }
        let header = self.delivery.header(&escalation.event_header);
        if header.is_none() {
            wrong.push(format!("no {} to know it again by", escalation.event_header));
        }
        wrong
    }

    fn incomplete(&self) -> Vec<String> {
        if !self.body.is_object() {
            return vec!["the event is not JSON".to_owned()];
        }
        let missing = COMPLETE.iter().filter(|(what, _)| self.value(what).is_none());
        missing.map(|(what, _)| format!("it lacks {what}")).collect()
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// Whether a conversation's deliveries are one event, taken once.
pub(super) fn once(events: &[Event], escalation: &TargetEscalation) -> Result<(), String> {
    let ids: BTreeSet<String> = events.iter().map(|event| event.id(escalation)).collect();
    match (ids.len(), events.len()) {
        (0, _) => Err("nobody was called".to_owned()),
        (1, 1) => Ok(()),
        (1, times) => Err(format!(
            "the same event was delivered {times} times though it was taken"
        )),
        (events, _) => Err(format!("handed over {events} times")),
    }
}

#[cfg(test)]
mod tests {
    use golive_lab::Reception;
    use serde_json::json;

    use super::*;

    fn event(body: &Value, id: &str) -> Event {
        let body = body.to_string();
        Event::of(&Delivery {
            seq: 1,
            at_us: 0,
            at_unix_s: 1_000,
            method: "POST".to_owned(),
            path: String::new(),
            headers: vec![
                ("golive-event-id".to_owned(), id.to_owned()),
                ("golive-signature".to_owned(), hook::sign("s", 1_000, &body)),
            ],
            body,
            cut: false,
            reception: Reception::Takes,
            status: Some(200),
        })
    }

    fn whole() -> Value {
        json!({"id": "e1", "type": "conversation.handed_over", "occurred_at": "2026-01-01T00:00:00Z", "ticket_id": "t1",
            "conversation_id": "c1", "reason": {"code": "user_asked"}, "summary": "asked for a person",
            "transcript": [{"role": "user", "text": "hi"}], "user": {"hash": "ab"}})
    }

    #[test]
    fn a_whole_signed_event_is_well_and_each_missing_thing_is_named() {
        let escalation = TargetEscalation {
            secret: Some("s".to_owned().into()),
            ..TargetEscalation::default()
        };
        assert_eq!(
            event(&whole(), "e1").wrong_with(&escalation, "user_asked"),
            Vec::<String>::new()
        );
        let reason = event(&whole(), "e1").wrong_with(&escalation, "low_confidence");
        assert_eq!(reason, ["its reason is user_asked instead of low_confidence"]);
        let mut poor = whole();
        poor["summary"] = json!("");
        poor["transcript"] = json!([]);
        let wrong = event(&poor, "e1").wrong_with(&escalation, "user_asked");
        assert_eq!(wrong, ["it lacks a summary", "it lacks a transcript"]);
        let other = TargetEscalation {
            secret: Some("other".to_owned().into()),
            ..TargetEscalation::default()
        };
        assert!(event(&whole(), "e1").wrong_with(&other, "user_asked")[0].contains("signature"));
    }

    #[test]
    fn one_event_is_one_two_are_two_and_none_is_none() {
        let escalation = TargetEscalation::default();
        let (one, again) = (event(&whole(), "e1"), event(&whole(), "e2"));
        assert_eq!(once(std::slice::from_ref(&one), &escalation), Ok(()));
        assert_eq!(
            once(&[one.clone(), again], &escalation),
            Err("handed over 2 times".to_owned())
        );
        assert!(
            once(&[one.clone(), one], &escalation)
                .unwrap_err()
                .contains("though it was taken")
        );
        assert_eq!(once(&[], &escalation), Err("nobody was called".to_owned()));
    }
}
