//! E4: a whole Messages answer as a Chat Completions answer.
//!
//! Never: shows a part of the answer in a place that means something else.

use super::json::{Json, Object, item};
use super::{Answer, Head, Refusal, words};
use crate::anthropic::messages::RawUsage;
use crate::take::read_object;
use crate::usage::Usage;
use std::borrow::Cow;

pub(super) fn translate(source: Json<'_>, head: &Head) -> Result<Answer, Refusal> {
    let content = source
        .get("content")
        .filter(|content| content.is_array() && source.get("error").is_none())
        .ok_or_else(|| Refusal::invalid("", "This is no answer of the Messages format."))?;
    let mut said = Said::default();
    for block in content.items() {
        said.take(block);
    }
    let raw: Option<RawUsage> = source.get("usage").and_then(|usage| read_object(usage.raw()));
    let cache_written = raw.as_ref().and_then(RawUsage::cache_written);
    let usage = raw.map(Usage::from).unwrap_or_default();
    let stop_reason = source.word("stop_reason").unwrap_or_default();

    let mut out = Vec::with_capacity(source.raw().len() + 512);
    let mut body = Object::begin(&mut out);
    body.text("id", &format!("chatcmpl-{}", head.id));
    body.text("object", "chat.completion");
    body.number("created", head.created_s);
    let model = source.word("model").unwrap_or_default();
    body.text("model", head.model.as_deref().unwrap_or(&model));
    let mut choices = Vec::new();
    let mut choice = Object::begin(&mut choices);
    choice.number("index", 0);
    let refusal = source
        .get("stop_details")
        .filter(|_| stop_reason == "refusal")
        .and_then(|details| details.word("explanation"));
    said.write(refusal, choice.name("message"));
    choice.raw("logprobs", b"null");
    choice.text("finish_reason", words::finish_reason(&stop_reason));
    choice.end();
    body.raw("choices", &[b"[", &choices[..], b"]"].concat());
    if !usage.is_empty() {
        words::openai_usage(body.name("usage"), &usage, cache_written);
    }
    match source
        .get("usage")
        .and_then(|usage| usage.word("service_tier"))
        .as_deref()
    {
        Some("standard") => body.text("service_tier", "default"),
        Some("priority") => body.text("service_tier", "priority"),
        _ => {}
    }
    body.end();
    Ok(Answer {
        body: out,
        warnings: said.lost,
        usage,
    })
}

#[derive(Default)]
struct Said<'a> {
    texts: Vec<Cow<'a, str>>,
    thoughts: Vec<Cow<'a, str>>,
    calls: Vec<u8>,
    lost: Vec<&'static str>,
}

impl<'a> Said<'a> {
    fn take(&mut self, block: Json<'a>) {
        match block.word("type").as_deref() {
            Some("text") => {
                self.texts.extend(block.word("text"));
                if block
                    .get("citations")
                    .is_some_and(|list| list.items().next().is_some())
                {
                    self.lose("citations");
                }
            }
            Some("thinking") => self.thoughts.extend(block.word("thinking")),
            Some("redacted_thinking") => self.lose("redacted_thinking"),
            Some("tool_use") => {
                let mut call = Object::begin(item(&mut self.calls));
                call.text("id", &block.word("id").unwrap_or_default());
                call.text("type", "function");
                let mut function = Object::begin(call.name("function"));
                function.text("name", &block.word("name").unwrap_or_default());
                function.text("arguments", block.get("input").map_or("{}", Json::raw_text));
                function.end();
                call.end();
            }
            _ => self.lose("hosted_tools"), // calls of the provider's own tools, and their results
        }
    }

    fn lose(&mut self, what: &'static str) {
        if !self.lost.contains(&what) {
            self.lost.push(what);
        }
    }

    fn write(&self, refusal: Option<Cow<'_, str>>, out: &mut Vec<u8>) {
        let mut message = Object::begin(out);
        message.text("role", "assistant");
        let text = self.texts.concat();
        match text.is_empty() {
            true => message.raw("content", b"null"),
            false => message.text("content", &text),
        }
        match refusal {
            Some(refusal) => message.text("refusal", &refusal),
            None => message.raw("refusal", b"null"),
        }
        if !self.thoughts.is_empty() {
            // DeepSeek's name for it, which most clients know; OpenAI itself shows no reasoning here.
            message.text("reasoning_content", &self.thoughts.concat());
        }
        if !self.calls.is_empty() {
            message.raw("tool_calls", &[b"[", &self.calls[..], b"]"].concat());
        }
        message.end();
    }
}
