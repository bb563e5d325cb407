//! E1: what a caller was told, read from the bytes: its words, its form, whether it says that it is degraded.
//!
//! Never: takes silence for a message, or a stream that stops for one that ended.

use golive_checklist::judge::{Scored, UnscoredReason};
use golive_config::{Surface, Target, TargetFormat};
use http::HeaderMap;
use serde_json::Value;

use crate::target::{Answer, Exchange, Words};

/// What one caller was told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The status; 0 if no head came.
    pub(crate) status: u16,
    /// The sentence for people: the reply's text, or the error's message.
    pub(crate) words: String,
    /// Every string of the answer, and what of it was not JSON: what is searched for the inside.
    pub(crate) texts: Vec<String>,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// It says that it is degraded.
    pub(crate) marked: bool,
    form: Form,
}

/// The form it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// A reply, whole.
    Reply,
    /// A typed error of the format, or its error event.
    Error,
    /// Neither, and why.
    Wrong(String),
}

impl Told {
    /// What an exchange told.
    pub(crate) fn of(exchange: &Exchange, target: &Target) -> Told {
        match (&exchange.outcome, &exchange.partial) {
            (Scored::Scored(answer), _) => Told::whole(answer, target),
            (Scored::Unscored(reason), Some(part)) => Told::cut(part, reason, target),
            (Scored::Unscored(reason), None) => Told {
                status: 0,
                words: String::new(),
                texts: Vec::new(),
                headers: HeaderMap::new(),
                marked: false,
                form: Form::Wrong(match reason {
                    UnscoredReason::Timeout => "nothing was told in time".to_owned(),
                    reason => format!("no answer at all ({reason})"),
                }),
            },
        }
    }

    /// What a whole answer told.
    pub(crate) fn whole(answer: &Answer, target: &Target) -> Told {
        let marked = answer.header(&target.replies.marker_header).is_some();
        let stream = answer.media_type() == "text/event-stream";
        let texts = texts(answer);
        let (form, words) = if stream {
            of_stream(answer, target, marked)
        } else if answer.status.is_success() {
            of_reply(answer, target)
        } else {
            of_error(answer, target)
        };
        Told {
            status: answer.status.as_u16(),
            words,
            texts,
            headers: answer.headers.clone(),
            marked,
            form,
        }
    }

    /// What an answer told that did not end: an error event before the break is still a word.
    fn cut(part: &Answer, reason: &UnscoredReason, target: &Target) -> Told {
        let mut told = Told::whole(part, target);
        if told.form != Form::Error || part.media_type() != "text/event-stream" {
            told.form = Form::Wrong(match reason {
                UnscoredReason::Timeout => "an answer that does not end in time".to_owned(),
                _ => "the connection breaks off without a word".to_owned(),
            });
        }
        told
    }

    /// Whether it is in the caller's format and says what it is: a marked reply, or a typed error of the provider's side.
    pub(crate) fn shape(&self, target: &Target) -> Result<(), String> {
        let mut wanted = target.replies.surface;
        // A stream that has begun can only end with an error event, whoever is asking.
        if self.form == Form::Error && self.status == 200 {
            wanted = None;
        }
        match (&self.form, wanted) {
            (Form::Wrong(why), _) => Err(why.clone()),
            (Form::Reply, _) if !self.marked => Err(format!(
                "a reply that does not say that it is degraded (no {})",
                target.replies.marker_header
            )),
            (Form::Reply, Some(Surface::Model)) => {
                Err("a reply where a typed error is declared (surface = \"model\")".to_owned())
            }
            (Form::Reply, _) => Ok(()),
            (Form::Error, Some(Surface::Agent)) => Err(format!(
                "status {} where people are told in a reply (surface = \"agent\")",
                self.status
            )),
            (Form::Error, _) if self.status != 200 && !ours(self.status) => Err(format!(
                "status {}, which says that the caller was at fault",
                self.status
            )),
            (Form::Error, _) => Ok(()),
        }
    }

    /// Which of the two it is, if it is one: for telling whether a target always does the same.
    pub(crate) fn surface(&self) -> Option<Surface> {
        match self.form {
            Form::Reply if self.marked => Some(Surface::Agent),
            Form::Error if self.status != 200 => Some(Surface::Model),
            _ => None,
        }
    }
}

/// Statuses that put the fault where it lies; 429 is what is left when the provider's own limit is passed on.
fn ours(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

fn of_reply(answer: &Answer, target: &Target) -> (Form, String) {
    let Some(body) = answer.json() else {
        return (Form::Wrong(no_json(answer)), String::new());
    };
    if let Some(message) =
        message_of(&body).filter(|_| body.get("error").is_some_and(|error| !error.is_null()))
    {
        return (
            Form::Wrong("an error object under status 200".to_owned()),
            message,
        );
    }
    let words = Words::of(answer, target);
    let is = |pointer: &str| body.pointer(pointer).is_some_and(Value::is_string);
    let missing = match target.format {
        TargetFormat::OpenAi if !is("/choices/0/message/content") => Some("choices[0].message.content"),
        TargetFormat::OpenAi if !is("/choices/0/finish_reason") => Some("choices[0].finish_reason"),
        TargetFormat::Anthropic if !body["content"].is_array() => Some("content"),
        TargetFormat::Anthropic if !is("/stop_reason") => Some("stop_reason"),
        TargetFormat::Http if words.text.is_empty() => Some("the text of the reply"),
        _ => None,
    };
    match missing {
        Some(what) => (Form::Wrong(format!("a reply without {what}")), words.text),
        None => (Form::Reply, words.text),
    }
}

fn of_error(answer: &Answer, target: &Target) -> (Form, String) {
    let Some(body) = answer.json() else {
        return (Form::Wrong(no_json(answer)), String::new());
    };
    let message = message_of(&body).unwrap_or_default();
    if answer.is_wire_error(target.format) {
        (Form::Error, message)
    } else {
        let why = format!(
            "status {} without the format's error object",
            answer.status.as_u16()
        );
        (Form::Wrong(why), message)
    }
}

fn of_stream(answer: &Answer, target: &Target, marked: bool) -> (Form, String) {
    let text = answer.text();
    if let Some((well_formed, message)) = error_event(&text, target.format) {
        let form = if well_formed {
            Form::Error
        } else {
            Form::Wrong("an error event that is not in the wire format".to_owned())
        };
        return (form, message);
    }
    let words = Words::of(answer, target).text;
    let form = match (ended(&text, target.format), marked) {
        (true, true) => Form::Reply,
        (true, false) => Form::Wrong("a stream that broke off and pretends to have ended well".to_owned()),
        (false, _) => Form::Wrong("a stream that ends without a word".to_owned()),
    };
    (form, words)
}

/// The first error event of a stream: whether it has the format's shape, and its message.
fn error_event(text: &str, format: TargetFormat) -> Option<(bool, String)> {
    let mut named = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("event:") {
            named = Some(name.trim());
        }
        if line.is_empty() {
            named = None;
        }
        let Some(data) = line.strip_prefix("data:") else {
            continue;
        };
        let data: Option<Value> = serde_json::from_str(data.trim()).ok();
        let is_error = |data: &Value| data.get("error").is_some_and(|error| !error.is_null());
        let data = data.filter(|data| is_error(data) || named == Some("error"));
        let Some(data) = data else { continue };
        let is = |pointer: &str| data.pointer(pointer).is_some_and(Value::is_string);
        let well_formed = match format {
            TargetFormat::OpenAi => is("/error/message"),
            TargetFormat::Anthropic => {
                named == Some("error") && data["type"] == "error" && is("/error/type") && is("/error/message")
            }
            TargetFormat::Http => message_of(&data).is_some(),
        };
        return Some((well_formed, message_of(&data).unwrap_or_default()));
    }
    None
}

/// Whether a stream ended as its format says a good one does.
fn ended(text: &str, format: TargetFormat) -> bool {
    match format {
        TargetFormat::Anthropic => text.contains("\"message_stop\""),
        TargetFormat::OpenAi | TargetFormat::Http => text.lines().any(|line| {
            line.strip_prefix("data:")
                .is_some_and(|data| data.trim() == "[DONE]")
        }),
    }
}

/// The sentence of an error in any of the dialects.
fn message_of(body: &Value) -> Option<String> {
    let pointers = ["/error/message", "/detail", "/error", "/title", "/message"];
    pointers
        .into_iter()
        .find_map(|pointer| body.pointer(pointer).and_then(Value::as_str))
        .map(str::to_owned)
}

fn no_json(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    let text = answer.text();
    let begins = text
        .trim_start()
        .get(..60)
        .unwrap_or(text.trim_start())
        .to_ascii_lowercase();
    if text.trim().is_empty() {
        format!("status {status} with nothing in it")
    } else if begins.starts_with("<!doctype") || begins.starts_with("<html") {
        format!("status {status} with a page of HTML")
    } else {
        format!("status {status} with a body that is not JSON")
    }
}

/// Every string of the answer, unescaped; what is not JSON as it is.
fn texts(answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    let text = answer.text();
    if let Some(body) = answer.json() {
        gather(&body, &mut found);
    } else if answer.media_type() == "text/event-stream" {
        let words = text.lines().filter_map(|line| line.strip_prefix("data:"));
        for data in words {
            match serde_json::from_str::<Value>(data.trim()) {
                Ok(value) => gather(&value, &mut found),
                Err(_) if data.trim() == "[DONE]" => {}
                Err(_) => found.push(data.to_owned()),
            }
        }
    } else {
        found.push(text);
    }
    found
}

fn gather(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|one| gather(one, into)),
        Value::Object(members) => members.iter().for_each(|(name, one)| {
            into.push(name.clone());
            gather(one, into);
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderValue, StatusCode};

    use super::*;

    fn told(
        format: TargetFormat,
        status: u16,
        media: &'static str,
        marked: bool,
        body: &str,
    ) -> Result<(), String> {
        let url = "http://127.0.0.1:1".parse().unwrap();
        let target = Target::bare("t", url, format);
        let status = StatusCode::from_u16(status).unwrap();
        let mut answer = Answer::made(status, Bytes::from(body.to_owned()));
        answer
            .headers
            .insert("content-type", HeaderValue::from_static(media));
        if marked {
            let reason = HeaderValue::from_static("unavailable");
            answer.headers.insert("golive-degraded", reason);
        }
        Told::whole(&answer, &target).shape(&target)
    }

    const JSON: &str = "application/json";
    const SSE: &str = "text/event-stream";

    #[test]
    fn a_stream_that_breaks_off_says_so_in_every_format() {
        use TargetFormat::{Anthropic, Http, OpenAi};
        let openai = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n";
        let anthropic = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"hi\"}}\n\n";
        let agent = "data: {\"delta\":\"hi\"}\n\n";
        let said =
            "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"The answer broke off.\"}}";
        for (format, begun, error, done) in [
            (OpenAi, openai, format!("data: {said}\n\n"), "data: [DONE]\n\n"),
            (
                Anthropic,
                anthropic,
                format!("event: error\ndata: {said}\n\n"),
                "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            ),
            (Http, agent, format!("data: {said}\n\n"), "data: [DONE]\n\n"),
        ] {
            assert_eq!(
                told(format, 200, SSE, false, &format!("{begun}{error}")),
                Ok(()),
                "{format:?}"
            );
            let clean = told(format, 200, SSE, false, &format!("{begun}{done}")).unwrap_err();
            assert!(clean.contains("pretends"), "{format:?}: {clean}");
            let silent = told(format, 200, SSE, false, begun).unwrap_err();
            assert!(silent.contains("without a word"), "{format:?}: {silent}");
            // A degraded reply as a whole stream.
            assert_eq!(
                told(format, 200, SSE, true, &format!("{begun}{done}")),
                Ok(()),
                "{format:?}"
            );
        }
        // Anthropic's clients know an error by the event's name.
        let unnamed = told(
            Anthropic,
            200,
            SSE,
            false,
            &format!("{anthropic}data: {said}\n\n"),
        )
        .unwrap_err();
        assert!(unnamed.contains("not in the wire format"), "{unnamed}");
    }

    #[test]
    fn whole_failures_are_typed_errors_or_marked_replies_in_every_format() {
        use TargetFormat::{Anthropic, Http, OpenAi};
        let anthropic =
            "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Please wait.\"}}";
        assert_eq!(told(Anthropic, 529, JSON, false, anthropic), Ok(()));
        assert_eq!(
            told(OpenAi, 503, JSON, false, anthropic),
            Ok(()),
            "it has message and type"
        );
        let problem = "{\"title\":\"Unavailable\",\"status\":503,\"detail\":\"Please wait.\"}";
        assert_eq!(
            told(Http, 503, "application/problem+json", false, problem),
            Ok(())
        );
        assert!(
            told(OpenAi, 503, JSON, false, problem)
                .unwrap_err()
                .contains("error object")
        );
        let reply = "{\"type\":\"message\",\"role\":\"assistant\",\"stop_reason\":\"end_turn\",\
            \"content\":[{\"type\":\"text\",\"text\":\"I cannot answer just now.\"}]}";
        assert_eq!(told(Anthropic, 200, JSON, true, reply), Ok(()));
        assert!(
            told(Anthropic, 200, JSON, false, reply)
                .unwrap_err()
                .contains("does not say")
        );
        assert_eq!(
            told(Http, 200, JSON, true, "{\"reply\":\"I cannot answer just now.\"}"),
            Ok(())
        );
        assert!(
            told(Http, 200, JSON, true, "{}")
                .unwrap_err()
                .contains("without the text")
        );
    }
}
