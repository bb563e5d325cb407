//! E4: a Chat Completions request as a Messages request (reference: anthropic-api.md, translation table).
//!
//! Never: moves a user's words into the system prompt, or lets a tool's result stand before its call.

mod turns;

use super::Refusal;
use super::json::{Json, Object, item};
use super::policy::{Losses, Reasoning, named};
use std::borrow::Cow;
use turns::Turns;

/// Said to the model where JSON mode has no other expression.
const JSON_ONLY: &str = "Answer with one JSON object and nothing else.";

pub(super) fn translate(source: Json<'_>, losses: &mut Losses<'_>) -> Result<Vec<u8>, Refusal> {
    let mut ask = Ask::default();
    for (name, value) in source.members() {
        if !value.is_null() {
            ask.take(&name, value, losses)?;
        }
    }
    ask.write(losses)
}

#[derive(Default)]
struct Ask<'a> {
    model: Option<Json<'a>>,
    messages: Option<Json<'a>>,
    stream: bool,
    max_completion_tokens: Option<Json<'a>>,
    max_tokens: Option<Json<'a>>,
    temperature: Option<Json<'a>>,
    top_p: Option<Json<'a>>,
    stop: Option<Json<'a>>,
    tools: Option<Json<'a>>,
    tool_choice: Option<Json<'a>>,
    one_call: bool,
    effort: Option<Cow<'a, str>>,
    format: Option<Json<'a>>,
    user: Option<Json<'a>>,
    safety_identifier: Option<Json<'a>>,
    service_tier: Option<&'static str>,
}

impl<'a> Ask<'a> {
    fn take(&mut self, name: &str, value: Json<'a>, losses: &mut Losses<'_>) -> Result<(), Refusal> {
        match name {
            "model" => self.model = Some(value),
            "messages" => self.messages = Some(value),
            "stream" => self.stream = value.is_true(),
            // A Messages stream always tells its usage, and the padding is OpenAI's own.
            "stream_options" => {}
            "max_completion_tokens" => self.max_completion_tokens = Some(value),
            "max_tokens" => self.max_tokens = Some(value),
            "temperature" => self.temperature = Some(value),
            "top_p" => self.top_p = Some(value),
            "stop" => self.stop = Some(value),
            "tools" => self.tools = Some(value),
            "tool_choice" => self.tool_choice = Some(value),
            "parallel_tool_calls" => self.one_call = value.raw() == b"false",
            "reasoning_effort" => self.effort = value.text().filter(|effort| effort != "none"),
            "response_format" => self.format = Some(value),
            "user" => self.user = Some(value),
            "safety_identifier" => self.safety_identifier = Some(value),
            "service_tier" => match value.text().as_deref() {
                Some("auto") => self.service_tier = Some("auto"),
                Some("default") => self.service_tier = Some("standard_only"),
                _ => losses.lose("service_tier")?,
            },
            "n" if value.count() == Some(1) => {}
            name if says_nothing(name, value) => {}
            name => losses.lose_named("", name)?,
        }
        Ok(())
    }

    fn write(self, losses: &mut Losses<'_>) -> Result<Vec<u8>, Refusal> {
        let messages = self
            .messages
            .filter(|messages| messages.is_array())
            .ok_or_else(|| Refusal::invalid("/messages", "`messages` must be an array."))?;
        let mut turns = Turns::default();
        for (index, message) in messages.items().enumerate() {
            turns.take(index, message, losses)?;
        }
        let max_tokens = [self.max_completion_tokens, self.max_tokens]
            .into_iter()
            .flatten()
            .find_map(Json::count)
            .unwrap_or(losses.policy.max_tokens);
        let tools = self.tools.map(|tools| write_tools(tools, losses)).transpose()?;
        let tools = tools.filter(|tools| !tools.is_empty());
        let choice = match &tools {
            Some(_) => choice(self.tool_choice, losses)?,
            None => Choice::Default,
        };
        let thinking = thinking(self.effort.as_deref(), max_tokens, &choice, &turns, losses)?;
        let format = format(self.format, losses)?;
        if matches!(format, Format::Object) {
            turns.system(JSON_ONLY);
        }
        let turns = turns.finish(losses)?;

        let mut out = Vec::with_capacity(turns.messages.len() + 512);
        let mut body = Object::begin(&mut out);
        if let Some(model) = self.model {
            body.raw("model", model.raw());
        }
        body.number("max_tokens", max_tokens);
        if let Some(system) = &turns.system {
            body.raw("system", system);
        }
        body.raw("messages", &turns.messages);
        if self.stream {
            body.raw("stream", b"true");
        }
        if let Some(tools) = &tools {
            let list = body.name("tools");
            list.push(b'[');
            list.extend_from_slice(tools);
            list.push(b']');
            choice.write(self.one_call, &mut body);
        }
        self.write_sampling(&thinking, losses, &mut body)?;
        write_output(&thinking, &format, &mut body);
        if let Some(user) = self.safety_identifier.or(self.user).and_then(Json::text) {
            Object::begin(body.name("metadata")).with_text("user_id", &user);
        }
        if let Some(tier) = self.service_tier {
            body.text("service_tier", tier);
        }
        body.end();
        Ok(out)
    }

    fn write_sampling(
        &self,
        thinking: &Thinking,
        losses: &mut Losses<'_>,
        body: &mut Object<'_>,
    ) -> Result<(), Refusal> {
        let thinks = !matches!(thinking, Thinking::Off);
        if let Some(temperature) = self.temperature {
            let hot = temperature.number().is_some_and(|number| number > 1.0);
            match (thinks, hot) {
                // With thinking Anthropic takes no temperature but 1.
                (true, _) if temperature.number() == Some(1.0) => {}
                (true, _) => losses.lose("temperature")?,
                (false, true) => {
                    losses.lose("temperature")?;
                    body.raw("temperature", b"1");
                }
                (false, false) => body.raw("temperature", temperature.raw()),
            }
        }
        if let Some(top_p) = self.top_p {
            // With thinking Anthropic takes 0.95 to 1.
            match thinks && top_p.number().is_some_and(|number| number < 0.95) {
                true => losses.lose("top_p")?,
                false => body.raw("top_p", top_p.raw()),
            }
        }
        if let Some(stop) = self.stop {
            let mut list = Vec::new();
            let one = Some(stop).filter(|stop| stop.is_text());
            for text in one.into_iter().chain(stop.items()).filter_map(Json::text) {
                // Anthropic refuses one of white space alone.
                match text.trim().is_empty() {
                    true => losses.lose("stop")?,
                    false => super::json::string(item(&mut list), &text),
                }
            }
            if !list.is_empty() {
                body.raw("stop_sequences", &[b"[", &list[..], b"]"].concat());
            }
        }
        Ok(())
    }
}

/// Values that ask for what happens anyway.
fn says_nothing(name: &str, value: Json<'_>) -> bool {
    match name {
        "presence_penalty" | "frequency_penalty" | "top_logprobs" => value.number() == Some(0.0),
        "logprobs" | "store" => value.raw() == b"false",
        "logit_bias" | "metadata" => value.is_object() && value.members().next().is_none(),
        "modalities" => value.items().all(|one| one.raw() == b"\"text\""),
        "functions" => value.items().next().is_none(),
        "verbosity" => value.raw() == b"\"medium\"",
        _ => false,
    }
}

/// The tools as Messages has them, without the brackets of the list.
fn write_tools(tools: Json<'_>, losses: &mut Losses<'_>) -> Result<Vec<u8>, Refusal> {
    let mut list = Vec::new();
    for (index, tool) in tools.items().enumerate() {
        let kind = tool.word("type").unwrap_or_default();
        if kind != "function" {
            losses.lose(named("tools", &crate::tools::capability(&kind)))?;
            continue;
        }
        let at = || format!("/tools/{index}/function");
        let function = tool
            .get("function")
            .filter(|function| function.is_object())
            .ok_or_else(|| Refusal::invalid(at(), "A function tool needs its `function`."))?;
        let mut out = Object::begin(item(&mut list));
        let mut schema = None;
        for (name, value) in function.members().filter(|(_, value)| !value.is_null()) {
            match &*name {
                "name" | "description" => out.raw(&name, value.raw()),
                "parameters" => schema = Some(value),
                "strict" if value.raw() == b"false" => {}
                "strict" => out.raw("strict", value.raw()),
                name => losses.lose_named("tools", name)?,
            }
        }
        match schema {
            Some(schema) if schema.word("type").is_none() && schema.is_object() => {
                // OpenAI takes `{}` for "no parameters"; Anthropic wants to hear that it is an object.
                let typed = crate::edit::set_member(schema.raw(), "type", |_| b"\"object\"".to_vec());
                out.raw("input_schema", &typed);
            }
            Some(schema) => out.raw("input_schema", schema.raw()),
            None => out.raw("input_schema", br#"{"type":"object","properties":{}}"#),
        }
        if let Some(cache) = tool.get("cache_control") {
            out.raw("cache_control", cache.raw()); // Anthropic's own, which some callers write here
        }
        out.end();
        for (name, _) in tool.members() {
            if !matches!(&*name, "type" | "function" | "cache_control") {
                losses.lose_named("tools", &name)?;
            }
        }
    }
    Ok(list)
}

enum Choice<'a> {
    Default,
    None,
    Any,
    Named(Cow<'a, str>),
}

impl Choice<'_> {
    fn demands(&self) -> bool {
        matches!(self, Choice::Any | Choice::Named(_))
    }

    fn write(&self, one_call: bool, body: &mut Object<'_>) {
        if matches!(self, Choice::Default) && !one_call {
            return;
        }
        let mut out = Object::begin(body.name("tool_choice"));
        match self {
            Choice::Default => out.text("type", "auto"),
            Choice::None => out.text("type", "none"),
            Choice::Any => out.text("type", "any"),
            Choice::Named(name) => {
                out.text("type", "tool");
                out.text("name", name);
            }
        }
        if one_call && !matches!(self, Choice::None) {
            out.raw("disable_parallel_tool_use", b"true");
        }
        out.end();
    }
}

fn choice<'a>(choice: Option<Json<'a>>, losses: &mut Losses<'_>) -> Result<Choice<'a>, Refusal> {
    let Some(choice) = choice else {
        return Ok(Choice::Default);
    };
    let named = choice.get("function").and_then(|function| function.word("name"));
    Ok(match (choice.text().as_deref(), named) {
        (Some("auto"), _) => Choice::Default,
        (Some("none"), _) => Choice::None,
        (Some("required" | "any"), _) => Choice::Any,
        (_, Some(name)) => Choice::Named(name),
        _ => {
            losses.lose("tool_choice")?; // a list of allowed tools, a custom tool
            Choice::Default
        }
    })
}

enum Thinking {
    Off,
    Effort(&'static str),
    Budget(u64),
}

/// The least budget that Anthropic takes.
const BUDGET_MIN: u64 = 1024;

fn thinking(
    effort: Option<&str>,
    max_tokens: u64,
    choice: &Choice<'_>,
    turns: &Turns<'_>,
    losses: &mut Losses<'_>,
) -> Result<Thinking, Refusal> {
    let (word, budget) = match effort {
        None => return Ok(Thinking::Off),
        Some("minimal") => ("low", BUDGET_MIN),
        Some("low") => ("low", 2_048),
        Some("medium") => ("medium", 8_192),
        Some("high") => ("high", 16_384),
        Some("xhigh") => ("xhigh", 32_768),
        Some("max") => ("max", 32_768),
        Some(_) => ("", 0),
    };
    // Thinking counts into `max_tokens` and must leave room for the answer.
    let budget = budget.min(max_tokens / 2);
    let known = !word.is_empty() && !choice.demands(); // Anthropic does not think where a tool is demanded
    match losses.policy.reasoning {
        Reasoning::Effort if known => Ok(Thinking::Effort(word)),
        // With a budget the turn that calls tools must begin with its signed thinking, which OpenAI's format lost.
        Reasoning::Budget if known && budget >= BUDGET_MIN && !turns.answers_a_call() => {
            Ok(Thinking::Budget(budget))
        }
        _ => {
            losses.lose("reasoning_effort")?;
            Ok(Thinking::Off)
        }
    }
}

enum Format<'a> {
    Text,
    Object,
    Schema(Json<'a>),
}

fn format<'a>(format: Option<Json<'a>>, losses: &mut Losses<'_>) -> Result<Format<'a>, Refusal> {
    let Some(format) = format else {
        return Ok(Format::Text);
    };
    match format.word("type").as_deref() {
        Some("text") => Ok(Format::Text),
        Some("json_schema") => format
            .get("json_schema")
            .and_then(|inner| inner.get("schema"))
            .filter(|schema| schema.is_object())
            .map(Format::Schema)
            .ok_or_else(|| {
                Refusal::invalid(
                    "/response_format/json_schema/schema",
                    "A schema is required here.",
                )
            }),
        Some("json_object") => {
            losses.lose("response_format")?;
            Ok(Format::Object)
        }
        _ => {
            losses.lose("response_format")?;
            Ok(Format::Text)
        }
    }
}

fn write_output(thinking: &Thinking, format: &Format<'_>, body: &mut Object<'_>) {
    match thinking {
        Thinking::Off => {}
        Thinking::Effort(_) => body.raw("thinking", br#"{"type":"adaptive"}"#),
        Thinking::Budget(budget) => {
            let mut out = Object::begin(body.name("thinking"));
            out.text("type", "enabled");
            out.number("budget_tokens", *budget);
            out.end();
        }
    }
    let schema = match format {
        Format::Schema(schema) => Some(schema),
        Format::Text | Format::Object => None,
    };
    let effort = match thinking {
        Thinking::Effort(word) => Some(word),
        Thinking::Off | Thinking::Budget(_) => None,
    };
    if schema.is_none() && effort.is_none() {
        return;
    }
    let mut config = Object::begin(body.name("output_config"));
    if let Some(effort) = effort {
        config.text("effort", effort);
    }
    if let Some(schema) = schema {
        let mut out = Object::begin(config.name("format"));
        out.text("type", "json_schema");
        out.raw("schema", schema.raw());
        out.end();
    }
    config.end();
}
