//! S4: what becomes of what was found: let through, redacted, masked, replaced by a stable token, or the text blocked.
//!
//! Never: puts a value, or a part of one beyond its last four characters, into what it gives back.

use std::collections::HashSet;
use std::fmt;

use aws_lc_rs::hmac;

use crate::pii::{Detector, Finding, Kind, comparable};

/// What becomes of one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It stays.
    Allow,
    /// `[EMAIL]` stands in its place.
    Redact,
    /// Stars stand in its place, the last four letters or digits stay. What is shorter than nine, or has no fixed form,
    /// becomes stars altogether.
    Mask,
    /// A token stands in its place that is the same for the same value: `[EMAIL:3f9a…]`.
    Hash,
    /// The text must not be passed on.
    Block,
}

/// How many hexadecimal digits a token has: 64 bits, so that two values of a conversation do not meet.
const TOKEN_DIGITS: usize = 16;
/// How many characters a mask leaves.
const MASK_LEAVES: usize = 4;
/// From how many letters and digits on a mask leaves any: less than half of the value may stay.
const MASK_FROM: usize = 9;

/// What becomes of each kind.
#[derive(Clone)]
pub struct Policy {
    actions: [Action; Kind::SLOTS],
    key: Option<hmac::Key>,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("keyed", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

impl Policy {
    /// The same for every kind.
    #[must_use]
    pub fn new(default: Action) -> Policy {
        Policy {
            actions: [default; Kind::SLOTS],
            key: None,
        }
    }

    /// Another action for one kind.
    #[must_use]
    pub fn with(mut self, kind: Kind, action: Action) -> Policy {
        self.actions[kind.slot()] = action;
        self
    }

    /// The key of the tokens. Without it, [`Action::Hash`] redacts: a token anyone can compute gives the value away.
    #[must_use]
    pub fn keyed(mut self, key: &[u8]) -> Policy {
        self.key = Some(hmac::Key::new(hmac::HMAC_SHA256, key));
        self
    }

    /// What becomes of a kind.
    #[must_use]
    pub fn action(&self, kind: Kind) -> Action {
        self.actions[kind.slot()]
    }
}

/// Values that were seen in a conversation and may be said back to whoever said them.
#[derive(Clone, Default)]
pub struct Seen {
    values: HashSet<String>,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen")
            .field("values", &self.values.len())
            .finish()
    }
}

/// How many values of one conversation are remembered; later ones are not let through.
pub const SEEN_MAX: usize = 1024;

impl Seen {
    /// Remembers the values found in what a caller sent. Credentials are not remembered.
    pub fn add(&mut self, findings: &[Finding]) {
        for finding in findings.iter().filter(|finding| finding.kind.has_values()) {
            if self.values.len() < SEEN_MAX {
                self.values.insert(comparable(finding.value()));
            }
        }
    }

    /// Whether the caller sent this value.
    #[must_use]
    pub fn has(&self, finding: &Finding) -> bool {
        !self.values.is_empty() && self.values.contains(&comparable(finding.value()))
    }
}

/// How often something was done to a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The kind.
    pub kind: Kind,
    /// What was done.
    pub action: Action,
    /// How often.
    pub times: usize,
}

/// A text after the policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redacted {
    /// The text. If it is blocked: what stood before the finding that blocks.
    pub text: String,
    /// What was done, per kind and action; what was let through is counted too.
    pub counts: Vec<Count>,
    /// The kind that blocks the text.
    pub blocked: Option<Kind>,
}

impl Redacted {
    pub(crate) fn count(&mut self, kind: Kind, action: Action) {
        count(&mut self.counts, kind, action);
    }
}

pub(crate) fn count(counts: &mut Vec<Count>, kind: Kind, action: Action) {
    match counts
        .iter_mut()
        .find(|count| count.kind == kind && count.action == action)
    {
        Some(count) => count.times += 1,
        None => counts.push(Count {
            kind,
            action,
            times: 1,
        }),
    }
}

/// Applies the policy to `text` and what the detector found in it. Findings must be in order and not overlap, as
/// [`Detector::find_in`] gives them; one that does not fit the text is passed over by redacting nothing of it twice.
#[must_use]
pub fn apply(
    detector: &Detector,
    text: &str,
    findings: &[Finding],
    policy: &Policy,
    seen: Option<&Seen>,
) -> Redacted {
    let mut out = Redacted {
        text: String::with_capacity(text.len()),
        ..Redacted::default()
    };
    let mut done = 0;
    for finding in findings {
        let Some(before) = text.get(done..finding.at.start) else {
            continue;
        };
        let Some(original) = text.get(finding.at.clone()) else {
            continue;
        };
        out.text.push_str(before);
        done = finding.at.end;
        let action = decide(finding, policy, seen);
        out.count(finding.kind, action);
        if action == Action::Block {
            out.blocked = Some(finding.kind);
            return out;
        }
        replace(detector, finding, original, action, policy, &mut out.text);
    }
    out.text.push_str(text.get(done..).unwrap_or_default());
    out
}

pub(crate) fn decide(finding: &Finding, policy: &Policy, seen: Option<&Seen>) -> Action {
    if seen.is_some_and(|seen| finding.kind.has_values() && seen.has(finding)) {
        return Action::Allow;
    }
    policy.action(finding.kind)
}

/// Writes what stands in the place of a finding.
pub(crate) fn replace(
    detector: &Detector,
    finding: &Finding,
    original: &str,
    action: Action,
    policy: &Policy,
    out: &mut String,
) {
    match (action, &policy.key) {
        (Action::Allow, _) => out.push_str(original),
        (Action::Mask, _) => mask(finding, out),
        (Action::Hash, Some(key)) => {
            let value = comparable(finding.value());
            let tag = hmac::sign(
                key,
                format!("{}\0{value}", detector.name(finding.kind)).as_bytes(),
            );
            out.push('[');
            out.push_str(detector.tag(finding.kind));
            out.push(':');
            for byte in &tag.as_ref()[..TOKEN_DIGITS / 2] {
                out.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
                out.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
            }
            out.push(']');
        }
        (Action::Redact | Action::Hash | Action::Block, _) => {
            out.push('[');
            out.push_str(detector.tag(finding.kind));
            out.push(']');
        }
    }
}

/// Stars for letters and digits; separators stay, so that a card still looks like one.
fn mask(finding: &Finding, out: &mut String) {
    let value = finding.value();
    let characters = value.chars().filter(|c| c.is_alphanumeric()).count();
    let whole = characters < MASK_FROM
        || finding.kind.by_context_only()
        || finding.kind == Kind::SecretPrivateKey
        || finding.kind == Kind::SecretJwt;
    if whole || value.len() > 128 {
        out.push_str("********");
        return;
    }
    let mut left = characters;
    for c in value.chars() {
        if !c.is_alphanumeric() {
            out.push(c);
            continue;
        }
        out.push(if left <= MASK_LEAVES { c } else { '*' });
        left -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pii::Options;

    fn redacted(text: &str, policy: &Policy) -> Redacted {
        let detector = Detector::new(&Options::default()).unwrap();
        apply(&detector, text, &detector.find_in(text), policy, None)
    }

    #[test]
    fn each_action_does_what_it_says() {
        let text = "Pay with 4111 1111 1111 1111, write to ann@example.com.";
        assert_eq!(redacted(text, &Policy::new(Action::Allow)).text, text);
        assert_eq!(
            redacted(text, &Policy::new(Action::Redact)).text,
            "Pay with [CARD], write to [EMAIL]."
        );
        assert_eq!(
            redacted(text, &Policy::new(Action::Mask)).text,
            "Pay with **** **** **** 1111, write to ***@******e.com."
        );
        let blocked = redacted(
            text,
            &Policy::new(Action::Redact).with(Kind::EmailAddress, Action::Block),
        );
        assert_eq!(
            (blocked.text.as_str(), blocked.blocked),
            ("Pay with [CARD], write to ", Some(Kind::EmailAddress))
        );
    }

    #[test]
    fn tokens_are_the_same_for_the_same_value_however_it_is_written_and_differ_by_key() {
        let policy = Policy::new(Action::Hash).keyed(b"one key");
        let one = redacted("card 4111 1111 1111 1111", &policy).text;
        assert_eq!(one, redacted("card 4111-1111-1111-1111", &policy).text);
        assert_eq!(
            one,
            redacted("card ４１１１１１１１１１１１１１１１", &policy).text
        );
        assert_ne!(
            one,
            redacted(
                "card 4111 1111 1111 1111",
                &Policy::new(Action::Hash).keyed(b"another")
            )
            .text
        );
        assert_eq!(
            redacted("card 4111 1111 1111 1111", &Policy::new(Action::Hash)).text,
            "card [CARD]"
        );
        assert_eq!(one.len(), "card [CARD:]".len() + TOKEN_DIGITS);
    }

    #[test]
    fn what_the_caller_said_is_said_back_but_no_credential() {
        let detector = Detector::new(&Options::default()).unwrap();
        let key = format!("{}{}", "ghp_", "a1B2c3D4e5".repeat(4));
        let mut seen = Seen::default();
        seen.add(&detector.find_in(&format!("I am ann@example.com, {key}")));
        let text = format!("ANN@example.com, bob@example.com, {key}");
        let out = apply(
            &detector,
            &text,
            &detector.find_in(&text),
            &Policy::new(Action::Redact),
            Some(&seen),
        );
        assert_eq!(out.text, "ANN@example.com, [EMAIL], [GITHUB_TOKEN]");
        assert_eq!(out.counts.len(), 3);
    }

    #[test]
    fn debug_output_shows_no_value() {
        let detector = Detector::new(&Options::default()).unwrap();
        let findings = detector.find_in("ann@example.com");
        assert!(!format!("{findings:?}").contains("ann"));
    }
}
