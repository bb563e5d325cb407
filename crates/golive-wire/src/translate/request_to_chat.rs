//! E4: a Messages request as a Chat Completions request (reference: anthropic-api.md, translation table).
//!
//! Never: sends thinking to a provider that did not think it, or a tool's result before its call.

mod messages;

use super::Refusal;
use super::json::{Json, Object, item, string};
use super::policy::{Losses, Reasoning, named};

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
    system: Option<Json<'a>>,
    messages: Option<Json<'a>>,
    stream: bool,
    max_tokens: Option<Json<'a>>,
    temperature: Option<Json<'a>>,
    top_p: Option<Json<'a>>,
    stop: Option<Json<'a>>,
    tools: Option<Json<'a>>,
    tool_choice: Option<Json<'a>>,
    /// Tokens of thinking that were allowed; 0: as the effort says.
    thinking: Option<u64>,
    effort: Option<Json<'a>>,
    schema: Option<Json<'a>>,
    user: Option<Json<'a>>,
    service_tier: Option<&'static str>,
}

impl<'a> Ask<'a> {
    fn take(&mut self, name: &str, value: Json<'a>, losses: &mut Losses<'_>) -> Result<(), Refusal> {
        match name {
            "model" => self.model = Some(value),
            "system" => self.system = Some(value),
            "messages" => self.messages = Some(value),
            "stream" => self.stream = value.is_true(),
            "max_tokens" => self.max_tokens = Some(value),
            "temperature" => self.temperature = Some(value),
            "top_p" => self.top_p = Some(value),
            "stop_sequences" => self.stop = Some(value),
            "tools" => self.tools = Some(value),
            "tool_choice" => self.tool_choice = Some(value),
            "thinking" => match value.word("type").as_deref() {
                Some("disabled") => {}
                _ => self.thinking = Some(value.get("budget_tokens").and_then(Json::count).unwrap_or(0)),
            },
            "output_config" => {
                for (name, value) in value.members().filter(|(_, value)| !value.is_null()) {
                    match &*name {
                        "effort" => self.effort = Some(value),
                        "format" => self.take_format(value, losses)?,
                        name => losses.lose_named("output_config", name)?,
                    }
                }
            }
            "output_format" => self.take_format(value, losses)?, // its older place
            "metadata" => {
                for (name, value) in value.members().filter(|(_, value)| !value.is_null()) {
                    match &*name {
                        "user_id" => self.user = Some(value),
                        _ => losses.lose("metadata")?,
                    }
                }
            }
            "service_tier" => match value.text().as_deref() {
                Some("auto") => self.service_tier = Some("auto"),
                Some("standard_only") => self.service_tier = Some("default"),
                _ => losses.lose("service_tier")?,
            },
            "mcp_servers" if value.is_array() && value.items().next().is_none() => {}
            name => losses.lose_named("", name)?,
        }
        Ok(())
    }

    fn take_format(&mut self, format: Json<'a>, losses: &mut Losses<'_>) -> Result<(), Refusal> {
        match (format.word("type").as_deref(), format.get("schema")) {
            (Some("json_schema"), Some(schema)) => self.schema = Some(schema),
            _ => losses.lose("output_config.format")?,
        }
        Ok(())
    }

    fn write(self, losses: &mut Losses<'_>) -> Result<Vec<u8>, Refusal> {
        let list = self
            .messages
            .filter(|messages| messages.is_array())
            .ok_or_else(|| Refusal::invalid("/messages", "`messages` must be an array."))?;
        let messages = messages::write(self.system, list, losses)?;
        let tools = self.tools.map(|tools| write_tools(tools, losses)).transpose()?;
        let tools = tools.filter(|tools| !tools.is_empty());

        let mut out = Vec::with_capacity(messages.len() + 512);
        let mut body = Object::begin(&mut out);
        if let Some(model) = self.model {
            body.raw("model", model.raw());
        }
        body.raw("messages", &messages);
        if self.stream {
            body.raw("stream", b"true");
            body.raw("stream_options", br#"{"include_usage":true}"#); // a Messages stream always tells it
        }
        if let Some(most) = self.max_tokens {
            let name = match losses.policy.older_max_tokens {
                true => "max_tokens",
                false => "max_completion_tokens",
            };
            body.raw(name, most.raw());
        }
        for (name, value) in [("temperature", self.temperature), ("top_p", self.top_p)] {
            if let Some(value) = value {
                body.raw(name, value.raw());
            }
        }
        write_stop(self.stop, losses, &mut body)?;
        if let Some(tools) = &tools {
            let list = body.name("tools");
            list.push(b'[');
            list.extend_from_slice(tools);
            list.push(b']');
            write_choice(self.tool_choice, losses, &mut body)?;
        }
        self.write_effort(losses, &mut body)?;
        if let Some(schema) = self.schema {
            let mut format = Object::begin(body.name("response_format"));
            format.text("type", "json_schema");
            let mut inner = Object::begin(format.name("json_schema"));
            inner.text("name", "answer"); // OpenAI wants a name; the model sees it
            inner.raw("schema", schema.raw());
            inner.raw("strict", b"true"); // Anthropic always holds to the schema
            inner.end();
            format.end();
        }
        if let Some(user) = self.user {
            body.raw("user", user.raw());
        }
        if let Some(tier) = self.service_tier {
            body.text("service_tier", tier);
        }
        body.end();
        Ok(out)
    }

    fn write_effort(&self, losses: &mut Losses<'_>, body: &mut Object<'_>) -> Result<(), Refusal> {
        if self.thinking.is_none() && self.effort.is_none() {
            return Ok(());
        }
        if losses.policy.reasoning == Reasoning::None {
            let asked = match self.thinking {
                Some(_) => "thinking",
                None => "output_config.effort",
            };
            return losses.lose(asked);
        }
        let word = match (self.effort.and_then(Json::text).as_deref(), self.thinking) {
            (Some("max"), _) => "xhigh",
            (Some("low"), _) => "low",
            (Some("medium"), _) => "medium",
            (Some("high"), _) => "high",
            (Some("xhigh"), _) => "xhigh",
            (Some(_), _) => return losses.lose("output_config.effort"),
            (None, Some(1..4_096)) => "low",
            (None, Some(4_096..16_384)) => "medium",
            (None, Some(16_384..)) => "high",
            (None, _) => return Ok(()), // adaptive: the model decides, as it does there by default
        };
        body.text("reasoning_effort", word);
        Ok(())
    }
}

/// OpenAI's own bound of `stop`.
const STOPS_MAX: usize = 4;

fn write_stop(stop: Option<Json<'_>>, losses: &mut Losses<'_>, body: &mut Object<'_>) -> Result<(), Refusal> {
    let all: Vec<_> = stop.into_iter().flat_map(Json::items).collect();
    if all.len() > STOPS_MAX {
        losses.lose("stop_sequences")?;
    }
    let mut list = Vec::new();
    for one in all.into_iter().take(STOPS_MAX) {
        item(&mut list).extend_from_slice(one.raw());
    }
    if !list.is_empty() {
        body.raw("stop", &[b"[", &list[..], b"]"].concat());
    }
    Ok(())
}

/// The tools as Chat Completions has them, without the brackets of the list.
fn write_tools(tools: Json<'_>, losses: &mut Losses<'_>) -> Result<Vec<u8>, Refusal> {
    let mut list = Vec::new();
    for (index, tool) in tools.items().enumerate() {
        if let Some(kind) = tool.word("type").filter(|kind| kind != "custom") {
            losses.lose(named("tools", &crate::tools::capability(&kind)))?;
            continue;
        }
        if tool.word("name").is_none() {
            return Err(Refusal::invalid(
                format!("/tools/{index}/name"),
                "A tool needs its `name`.",
            ));
        }
        let mut out = Object::begin(item(&mut list));
        out.text("type", "function");
        let mut function = Object::begin(out.name("function"));
        for (name, value) in tool.members().filter(|(_, value)| !value.is_null()) {
            match &*name {
                "type" => {}
                "name" | "description" | "strict" => function.raw(&name, value.raw()),
                "input_schema" => function.raw("parameters", value.raw()),
                name => losses.lose_named("tools", name)?,
            }
        }
        function.end();
        out.end();
    }
    Ok(list)
}

fn write_choice(
    choice: Option<Json<'_>>,
    losses: &mut Losses<'_>,
    body: &mut Object<'_>,
) -> Result<(), Refusal> {
    let Some(choice) = choice else { return Ok(()) };
    match (choice.word("type").as_deref(), choice.word("name")) {
        (Some("auto"), _) => {}
        (Some("any"), _) => body.text("tool_choice", "required"),
        (Some("none"), _) => body.text("tool_choice", "none"),
        (Some("tool"), Some(name)) => {
            let mut out = Object::begin(body.name("tool_choice"));
            out.text("type", "function");
            Object::begin(out.name("function")).with_text("name", &name);
            out.end();
        }
        _ => losses.lose("tool_choice")?,
    }
    if choice.get("disable_parallel_tool_use").is_some_and(Json::is_true) {
        body.raw("parallel_tool_calls", b"false");
    }
    Ok(())
}

/// Texts joined into one string.
fn joined(texts: &[impl AsRef<str>], between: &str) -> Vec<u8> {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    let mut out = Vec::new();
    string(&mut out, &texts.join(between));
    out
}
