//! What an answer says, whole or streamed, complete or broken off: every text and every tool call that a caller would
//! get out of it, put together from wherever they stand.
//!
//! Never: refuses an answer for its form. A proof that looks for what must not be there looks at all that came.

use std::collections::BTreeMap;

use golive_config::{Target, TargetFormat};
use serde_json::Value;

use super::Answer;

/// The words of one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Its text, the pieces of a stream joined.
    pub text: String,
    /// Its tool calls.
    pub calls: Vec<ToolUse>,
    /// Why it ended, if it says so.
    pub finish: Option<String>,
    /// Texts in it that are no answer's: thoughts, refusals, errors.
    pub aside: String,
}

/// One tool call, its pieces joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolUse {
    /// The tool.
    pub name: String,
    /// Its arguments as JSON text.
    pub arguments: String,
}

impl Words {
    /// Reads an answer of `target`'s format.
    #[must_use]
    pub fn of(answer: &Answer, target: &Target) -> Words {
        let mut reader = Reader {
            target,
            words: Words::default(),
            calls: BTreeMap::new(),
        };
        let body = answer.text();
        if answer.media_type() == "text/event-stream" {
            for data in body.lines().filter_map(|line| line.strip_prefix("data:")) {
                if let Ok(value) = serde_json::from_str(data.trim()) {
                    reader.take(&value);
                }
            }
        } else if let Ok(value) = serde_json::from_str(&body) {
            reader.take(&value);
        } else {
            reader.words.aside.push_str(&body);
        }
        reader.words.calls = reader.calls.into_values().collect();
        reader.words
    }

    /// All of it: text, arguments, asides.
    #[must_use]
    pub fn all(&self) -> String {
        let calls = self
            .calls
            .iter()
            .map(|call| format!("{} {}", call.name, call.arguments));
        let parts = [self.text.clone()]
            .into_iter()
            .chain(calls)
            .chain([self.aside.clone()]);
        parts
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// It says nothing and calls nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.calls.is_empty()
    }
}

struct Reader<'a> {
    target: &'a Target,
    words: Words,
    /// By their place in the answer.
    calls: BTreeMap<u64, ToolUse>,
}

impl Reader<'_> {
    fn take(&mut self, value: &Value) {
        if let Some(error) = value.pointer("/error/message").and_then(Value::as_str) {
            self.words.aside.push_str(error);
        }
        match self.target.format {
            TargetFormat::OpenAi => self.openai(value),
            TargetFormat::Anthropic => self.anthropic(value),
            TargetFormat::Http => self.agent(value),
        }
    }

    fn openai(&mut self, value: &Value) {
        let choices = value.get("choices").and_then(Value::as_array);
        for choice in choices.into_iter().flatten() {
            if let Some(finish) = choice.get("finish_reason").and_then(Value::as_str) {
                self.words.finish = Some(finish.to_owned());
            }
            let Some(said) = choice.get("message").or_else(|| choice.get("delta")) else {
                continue;
            };
            push(&mut self.words.text, said.get("content"));
            for aside in ["reasoning_content", "reasoning", "refusal"] {
                push(&mut self.words.aside, said.get(aside));
            }
            let calls = said.get("tool_calls").and_then(Value::as_array);
            for (n, call) in calls.into_iter().flatten().enumerate() {
                let at = call.get("index").and_then(Value::as_u64).unwrap_or(n as u64);
                let use_ = self.calls.entry(at).or_default();
                push(&mut use_.name, call.pointer("/function/name"));
                push(&mut use_.arguments, call.pointer("/function/arguments"));
            }
        }
    }

    fn anthropic(&mut self, value: &Value) {
        for stop in ["/stop_reason", "/delta/stop_reason"] {
            if let Some(finish) = value.pointer(stop).and_then(Value::as_str) {
                self.words.finish = Some(finish.to_owned());
            }
        }
        let blocks = value.get("content").and_then(Value::as_array);
        for (n, block) in blocks.into_iter().flatten().enumerate() {
            self.block(n as u64, block);
        }
        let at = value.get("index").and_then(Value::as_u64).unwrap_or(0);
        if let Some(block) = value.get("content_block") {
            self.block(at, block);
        }
        if let Some(delta) = value.get("delta") {
            push(&mut self.words.text, delta.get("text"));
            push(&mut self.words.aside, delta.get("thinking"));
            if let Some(piece) = delta.get("partial_json") {
                push(&mut self.calls.entry(at).or_default().arguments, Some(piece));
            }
        }
    }

    fn block(&mut self, at: u64, block: &Value) {
        match block.get("type").and_then(Value::as_str) {
            Some("tool_use") => {
                let use_ = self.calls.entry(at).or_default();
                push(&mut use_.name, block.get("name"));
                // A stream begins with an empty object and sends the arguments in pieces.
                if let Some(input) = block
                    .get("input")
                    .filter(|input| **input != serde_json::json!({}))
                {
                    use_.arguments.push_str(&input.to_string());
                }
            }
            Some("thinking") => push(&mut self.words.aside, block.get("thinking")),
            _ => push(&mut self.words.text, block.get("text")),
        }
    }

    fn agent(&mut self, value: &Value) {
        let pointers = self.target.pointers.as_ref();
        let whole = pointers.map_or("/reply", |pointers| pointers.output.as_str());
        let piece = pointers
            .and_then(|pointers| pointers.stream.as_deref())
            .unwrap_or("/delta");
        let before = self.words.text.len();
        push(&mut self.words.text, value.pointer(whole));
        if self.words.text.len() == before {
            push(&mut self.words.text, value.pointer(piece));
        }
        if let Some(call) = value.get("tool_call") {
            let use_ = self.calls.entry(0).or_default();
            push(&mut use_.name, call.get("name"));
            push(&mut use_.arguments, call.get("arguments"));
        }
    }
}

/// A string, or the texts of a list of parts.
fn push(to: &mut String, value: Option<&Value>) {
    match value {
        Some(Value::String(text)) => to.push_str(text),
        Some(Value::Array(parts)) => parts.iter().for_each(|part| push(to, part.get("text"))),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    fn read(format: TargetFormat, media: &'static str, body: &str) -> Words {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(media));
        let answer = Answer {
            status: StatusCode::OK,
            headers,
            body: Bytes::from(body.to_owned()),
            truncated: false,
            head_after: Duration::ZERO,
            first_byte_after: None,
            elapsed: Duration::ZERO,
        };
        let target = Target::bare("t", "http://127.0.0.1:1".parse().unwrap(), format);
        Words::of(&answer, &target)
    }

    #[test]
    fn pieces_of_texts_and_calls_are_joined_in_every_format() {
        let openai = "data: {\"choices\":[{\"delta\":{\"content\":\"he\"}}]}\n\n\
            data: {\"choices\":[{\"delta\":{\"content\":\"llo\",\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"pay\",\"arguments\":\"{\\\"a\\\"\"}}]}}]}\n\n\
            data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";
        let words = read(TargetFormat::OpenAi, "text/event-stream", openai);
        assert_eq!(words.text, "hello");
        assert_eq!(
            words.calls,
            [ToolUse {
                name: "pay".into(),
                arguments: "{\"a\":1}".into()
            }]
        );
        assert_eq!(words.finish.as_deref(), Some("tool_calls"));
        let anthropic = "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"name\":\"pay\",\"input\":{}}}\n\n\
            data: {\"index\":1,\"delta\":{\"partial_json\":\"{}\"}}\n\ndata: {\"index\":0,\"delta\":{\"text\":\"hi\"}}\n\n";
        let words = read(TargetFormat::Anthropic, "text/event-stream", anthropic);
        assert_eq!(
            (words.text.as_str(), words.calls[0].arguments.as_str()),
            ("hi", "{}")
        );
        let agent = read(
            TargetFormat::Http,
            "application/json",
            "{\"reply\":\"yes\",\"nonce\":\"1\"}",
        );
        assert_eq!(agent.text, "yes");
    }

    #[test]
    fn what_is_no_answer_is_kept_aside_and_nothing_is_lost() {
        let words = read(TargetFormat::OpenAi, "text/plain", "<html>oops</html>");
        assert!(words.is_empty() && words.all().contains("oops"));
        let refused = read(
            TargetFormat::OpenAi,
            "application/json",
            "{\"error\":{\"message\":\"no\"}}",
        );
        assert!(refused.is_empty() && refused.aside == "no");
    }
}
