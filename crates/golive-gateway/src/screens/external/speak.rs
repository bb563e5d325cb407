//! S3, S4, S8: what a screen outside of golive is asked, and what its answer means.
//!
//! Never: does I/O, or takes an answer that is not in the screen's own form for a pass.

use golive_config::{ExternalScreen, FindingAction, ScreenKind};
use golive_wire::texts::Voice;
use serde::Deserialize;
use serde_json::{Value, json};

/// Which way a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the model.
    Input,
    /// To the caller.
    Output,
}

/// One text that a screen is asked about.
#[derive(Debug, Clone)]
pub struct Question {
    /// Which way it goes.
    pub direction: Direction,
    /// Who speaks in it.
    pub voice: Voice,
    /// The text.
    pub text: String,
}

/// What all questions of one request share.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// `agent/NAME` or `model/NAME`.
    pub callee: &'a str,
    /// What the user asked last, where the question is about the answer.
    pub asked: &'a str,
}

/// What a screen says of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It may pass.
    Pass,
    /// It may pass, with a note.
    Flag,
    /// It may not pass.
    Block,
    /// This may pass in its place.
    Replace(String),
}

/// What is behind a screen's base address.
pub(super) fn path(kind: ScreenKind, direction: Direction) -> &'static str {
    match (kind, direction) {
        (ScreenKind::Presidio, _) => "/analyze",
        (ScreenKind::LlmGuard, Direction::Input) => "/analyze/prompt",
        (ScreenKind::LlmGuard, Direction::Output) => "/analyze/output",
        (ScreenKind::Webhook, _) => "",
    }
}

/// The body of the question.
pub(super) fn body(screen: &ExternalScreen, question: &Question, about: About<'_>) -> Vec<u8> {
    let text = &question.text;
    let value = match (screen.kind, question.direction) {
        (ScreenKind::Presidio, _) => json!({
            "text": text,
            "language": screen.language,
            "score_threshold": f64::from(screen.threshold) / 100.0,
        }),
        (ScreenKind::LlmGuard, Direction::Input) => json!({ "prompt": text }),
        (ScreenKind::LlmGuard, Direction::Output) => json!({ "prompt": about.asked, "output": text }),
        (ScreenKind::Webhook, direction) => json!({
            "version": 1,
            "direction": match direction { Direction::Input => "input", Direction::Output => "output" },
            "speaker": speaker(question.voice),
            "callee": about.callee,
            "text": text,
        }),
    };
    value.to_string().into_bytes()
}

fn speaker(voice: Voice) -> &'static str {
    match voice {
        Voice::User => "user",
        Voice::Assistant => "assistant",
        Voice::System => "system",
        Voice::Tool => "tool",
        Voice::Document => "document",
    }
}

/// What its answer means.
///
/// # Errors
/// It is not in the screen's own form; the words are for operators and hold nothing of it.
pub(super) fn said(screen: &ExternalScreen, question: &Question, answer: &[u8]) -> Result<Said, String> {
    match screen.kind {
        ScreenKind::Presidio => presidio(screen, &question.text, answer),
        ScreenKind::LlmGuard => llm_guard(screen, question, answer),
        ScreenKind::Webhook => webhook(answer),
    }
}

#[derive(Deserialize)]
struct Recognised {
    entity_type: String,
    /// In characters.
    start: usize,
    end: usize,
    score: f64,
}

fn presidio(screen: &ExternalScreen, text: &str, answer: &[u8]) -> Result<Said, String> {
    let mut found: Vec<Recognised> = serde_json::from_slice(answer)
        .map_err(|_| "its answer is no list of recognised entities".to_owned())?;
    found.retain(|one| one.score * 100.0 >= f64::from(screen.threshold));
    if found.is_empty() {
        return Ok(Said::Pass);
    }
    match screen.action {
        FindingAction::Block => Ok(Said::Block),
        FindingAction::Flag => Ok(Said::Flag),
        FindingAction::Redact => redacted(text, found).map(Said::Replace),
    }
}

/// The text with each entity's type in its place; of entities that overlap the first and longest stands for all.
fn redacted(text: &str, mut found: Vec<Recognised>) -> Result<String, String> {
    // Where each character begins, and the end: places are told in characters.
    let places: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    found.sort_by_key(|one| (one.start, std::cmp::Reverse(one.end)));
    let (mut out, mut done) = (String::new(), 0);
    for one in found {
        let (Some(&start), Some(&end)) = (places.get(one.start), places.get(one.end)) else {
            return Err("it found something outside of the text".to_owned());
        };
        if end <= done {
            continue; // inside of what is gone already
        }
        out.push_str(text.get(done..start.max(done)).unwrap_or_default());
        let name = one.entity_type.bytes();
        let is_name = name.len() <= 40
            && name
                .clone()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        out.push('[');
        out.push_str(if is_name { &one.entity_type } else { "REDACTED" });
        out.push(']');
        done = end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Ok(out)
}

fn llm_guard(screen: &ExternalScreen, question: &Question, answer: &[u8]) -> Result<Said, String> {
    let value: Value = serde_json::from_slice(answer).map_err(|_| "its answer is no JSON".to_owned())?;
    let valid = value
        .get("is_valid")
        .and_then(Value::as_bool)
        .ok_or_else(|| "its answer lacks `is_valid`".to_owned())?;
    let name = match question.direction {
        Direction::Input => "sanitized_prompt",
        Direction::Output => "sanitized_output",
    };
    let sanitized = value.get(name).and_then(Value::as_str);
    let changed = sanitized.filter(|text| *text != question.text);
    Ok(match (screen.action, valid, changed) {
        (FindingAction::Redact, _, Some(text)) => Said::Replace(text.to_owned()),
        (_, true, _) => Said::Pass,
        (FindingAction::Flag, false, _) => Said::Flag,
        (FindingAction::Block | FindingAction::Redact, false, _) => Said::Block,
    })
}

fn webhook(answer: &[u8]) -> Result<Said, String> {
    let value: Value = serde_json::from_slice(answer).map_err(|_| "its answer is no JSON".to_owned())?;
    let text = value.get("text").and_then(Value::as_str);
    match (value.get("verdict").and_then(Value::as_str), text) {
        (Some("pass"), _) => Ok(Said::Pass),
        (Some("flag"), _) => Ok(Said::Flag),
        (Some("block"), _) => Ok(Said::Block),
        (Some("replace"), Some(text)) => Ok(Said::Replace(text.to_owned())),
        _ => Err("its `verdict` is none of pass, flag, block, or replace with a `text`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use golive_config::{Fail, Streams};

    use super::*;

    fn screen(kind: ScreenKind, action: FindingAction) -> ExternalScreen {
        ExternalScreen {
            name: "outside".to_owned(),
            kind,
            url: "https://screen.example".parse().expect("an address"),
            api_key: None,
            api_key_source: None,
            deadline: Duration::from_secs(2),
            fail: Fail::Closed,
            input: true,
            output: true,
            action,
            threshold: 50,
            language: "en".to_owned(),
            streams: Streams::Refuse,
            failures: 5,
            open: Duration::from_secs(30),
            private_addresses: Vec::new(),
            ca_file: None,
        }
    }

    fn asked(text: &str, direction: Direction) -> Question {
        Question {
            direction,
            voice: Voice::User,
            text: text.to_owned(),
        }
    }

    #[test]
    fn presidio_counts_in_characters_and_only_from_the_threshold_on() {
        let text = "Grüße an José und Ann Lee.";
        let answer = br#"[{"entity_type":"PERSON","start":9,"end":13,"score":0.85},
            {"entity_type":"PERSON","start":18,"end":25,"score":0.9},
            {"entity_type":"PERSON","start":22,"end":25,"score":0.6},
            {"entity_type":"US_SSN","start":0,"end":5,"score":0.2}]"#;
        let question = asked(text, Direction::Input);
        let said = |action| said(&screen(ScreenKind::Presidio, action), &question, answer);
        assert_eq!(
            said(FindingAction::Redact),
            Ok(Said::Replace("Grüße an [PERSON] und [PERSON].".to_owned()))
        );
        assert_eq!(said(FindingAction::Block), Ok(Said::Block));
        assert_eq!(said(FindingAction::Flag), Ok(Said::Flag));
    }

    #[test]
    fn an_answer_in_another_form_is_a_failure_and_no_pass() {
        for (kind, answer) in [
            (ScreenKind::Presidio, &br#"{"error":"no"}"#[..]),
            (
                ScreenKind::Presidio,
                br#"[{"entity_type":"PERSON","start":0,"end":999,"score":1.0}]"#,
            ),
            (ScreenKind::LlmGuard, br#"{"valid":true}"#),
            (ScreenKind::LlmGuard, b"<html>"),
            (ScreenKind::Webhook, br#"{"verdict":"ok"}"#),
            (ScreenKind::Webhook, br#"{"verdict":"replace"}"#),
            (ScreenKind::Webhook, b""),
        ] {
            let screen = screen(kind, FindingAction::Redact);
            assert!(said(&screen, &asked("hello", Direction::Input), answer).is_err());
        }
    }

    #[test]
    fn llm_guard_passes_what_is_valid_and_gives_its_own_text_where_that_is_asked_for() {
        let invalid = br#"{"is_valid":false,"scanners":{"PromptInjection":1.0},"sanitized_prompt":"hello"}"#;
        let cleaned = br#"{"is_valid":true,"scanners":{},"sanitized_output":"[NAME] says hello"}"#;
        let of = |action, direction, text, answer: &[u8]| {
            said(
                &screen(ScreenKind::LlmGuard, action),
                &asked(text, direction),
                answer,
            )
        };
        use FindingAction::{Block, Flag, Redact};
        assert_eq!(of(Block, Direction::Input, "hello", invalid), Ok(Said::Block));
        assert_eq!(of(Flag, Direction::Input, "hello", invalid), Ok(Said::Flag));
        assert_eq!(of(Redact, Direction::Input, "hello", invalid), Ok(Said::Block));
        assert_eq!(
            of(Block, Direction::Output, "Ann says hello", cleaned),
            Ok(Said::Pass)
        );
        assert_eq!(
            of(Redact, Direction::Output, "Ann says hello", cleaned),
            Ok(Said::Replace("[NAME] says hello".to_owned()))
        );
    }

    #[test]
    fn each_kind_is_asked_in_its_own_form() {
        let about = About {
            callee: "agent/shop",
            asked: "who are you?",
        };
        let body = |kind, direction| {
            let bytes = body(
                &screen(kind, FindingAction::Block),
                &asked("hello", direction),
                about,
            );
            let value: Value = serde_json::from_slice(&bytes).expect("JSON");
            value
        };
        assert_eq!(
            body(ScreenKind::Presidio, Direction::Input),
            json!({"text": "hello", "language": "en", "score_threshold": 0.5})
        );
        assert_eq!(
            body(ScreenKind::LlmGuard, Direction::Input),
            json!({"prompt": "hello"})
        );
        assert_eq!(
            body(ScreenKind::LlmGuard, Direction::Output),
            json!({"prompt": "who are you?", "output": "hello"})
        );
        assert_eq!(
            body(ScreenKind::Webhook, Direction::Output),
            json!({"version": 1, "direction": "output", "speaker": "user", "callee": "agent/shop", "text": "hello"})
        );
    }
}
