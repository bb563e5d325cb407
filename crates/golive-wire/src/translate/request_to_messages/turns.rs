//! E4: the messages of a Chat Completions request as turns of a Messages request: system prompts taken out, tools'
//! results in front of the user's words, neighbours of one role in one message.
//!
//! Never: parses a tool's arguments leniently. What is not a JSON object is refused.

use super::super::Refusal;
use super::super::json::{Json, Object, item, string};
use super::super::policy::Losses;
use std::borrow::Cow;

#[derive(Default)]
pub(super) struct Turns<'a> {
    system: Vec<(Cow<'a, str>, Option<Json<'a>>)>,
    /// Whole messages, with commas.
    written: Vec<u8>,
    open: Option<Turn>,
    /// The last turn of the assistant called tools.
    called: bool,
}

/// A message in the making.
struct Turn {
    role: &'static str,
    /// Results of tools, which must stand first.
    results: Vec<u8>,
    blocks: Vec<u8>,
}

/// What is sent.
pub(super) struct Written {
    pub(super) system: Option<Vec<u8>>,
    pub(super) messages: Vec<u8>,
}

impl<'a> Turns<'a> {
    pub(super) fn take(
        &mut self,
        index: usize,
        message: Json<'a>,
        losses: &mut Losses<'_>,
    ) -> Result<(), Refusal> {
        let at = format!("/messages/{index}");
        let content = message.get("content");
        match message.word("role").as_deref() {
            Some("system" | "developer") => {
                if !self.written.is_empty() || self.open.is_some() {
                    losses.lose("messages.system")?; // its place is lost, its authority is not
                }
                self.take_system(content, losses)?;
                rest(message, &["role", "content"], losses)
            }
            Some("user") => {
                let turn = self.turn("user");
                if let Some(content) = content {
                    blocks(content, &at, &mut turn.blocks, losses)?;
                }
                rest(message, &["role", "content"], losses)
            }
            Some("assistant") => {
                self.take_assistant(&at, message, losses)?;
                rest(
                    message,
                    &["role", "content", "refusal", "tool_calls", "annotations"],
                    losses,
                )
            }
            Some("tool") => {
                let id = message.word("tool_call_id").ok_or_else(|| {
                    Refusal::invalid(format!("{at}/tool_call_id"), "`tool_call_id` is required.")
                })?;
                let mut inner = Vec::new();
                if let Some(content) = content {
                    blocks(content, &at, &mut inner, losses)?;
                }
                let turn = self.turn("user");
                let mut out = Object::begin(item(&mut turn.results));
                out.text("type", "tool_result");
                out.text("tool_use_id", &id_of(&id));
                if !inner.is_empty() {
                    out.raw("content", &[b"[", &inner[..], b"]"].concat());
                }
                out.end();
                rest(message, &["role", "content", "tool_call_id", "name"], losses)
            }
            Some("function") => losses.lose("messages.function"),
            _ => Err(Refusal::invalid(format!("{at}/role"), "This role is not known.")),
        }
    }

    /// One more system prompt.
    pub(super) fn system(&mut self, text: &'static str) {
        self.system.push((Cow::Borrowed(text), None));
    }

    /// Whether the request answers a call of tools.
    pub(super) fn answers_a_call(&self) -> bool {
        self.called
    }

    pub(super) fn finish(mut self, losses: &mut Losses<'_>) -> Result<Written, Refusal> {
        let speaks_last = self
            .open
            .as_ref()
            .is_some_and(|turn| turn.role == "assistant" && !turn.is_empty());
        self.close();
        if self.written.is_empty() {
            return Err(Refusal::invalid(
                "/messages",
                "No message holds anything that could be sent.",
            ));
        }
        if speaks_last {
            losses.lose("messages.prefill")?; // Anthropic goes on within it, OpenAI answers it
        }
        Ok(Written {
            system: self.write_system(),
            messages: [b"[", &self.written[..], b"]"].concat(),
        })
    }

    fn write_system(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if self.system.iter().all(|(_, cache)| cache.is_none()) {
            let texts: Vec<&str> = self.system.iter().map(|(text, _)| &**text).collect();
            if texts.is_empty() {
                return None;
            }
            string(&mut out, &texts.join("\n\n"));
            return Some(out);
        }
        for (text, cache) in &self.system {
            write_text(text, *cache, &mut out);
        }
        Some([b"[", &out[..], b"]"].concat())
    }

    fn take_system(&mut self, content: Option<Json<'a>>, losses: &mut Losses<'_>) -> Result<(), Refusal> {
        let Some(content) = content else { return Ok(()) };
        for part in content.items() {
            match part.word("text") {
                Some(text) => self.system.push((text, part.get("cache_control"))),
                None => losses.lose("messages.system")?,
            }
        }
        self.system.extend(content.text().map(|text| (text, None)));
        self.system.retain(|(text, _)| !text.is_empty());
        Ok(())
    }

    fn take_assistant(
        &mut self,
        at: &str,
        message: Json<'a>,
        losses: &mut Losses<'_>,
    ) -> Result<(), Refusal> {
        let turn = self.turn("assistant");
        if let Some(content) = message.get("content") {
            blocks(content, at, &mut turn.blocks, losses)?;
        }
        if let Some(refusal) = message.word("refusal") {
            write_text(&refusal, None, &mut turn.blocks);
        }
        let mut called = false;
        let calls = message.get("tool_calls");
        for (index, call) in calls.into_iter().flat_map(Json::items).enumerate() {
            let at = || format!("{at}/tool_calls/{index}/function/arguments");
            let Some(function) = call.get("function") else {
                losses.lose("messages.tool_calls.custom")?;
                continue;
            };
            let arguments = function.word("arguments").unwrap_or_default();
            let mut out = Object::begin(item(&mut turn.blocks));
            out.text("type", "tool_use");
            out.text("id", &id_of(&call.word("id").unwrap_or_default()));
            out.text("name", &function.word("name").unwrap_or_default());
            match Json::parse(arguments.as_bytes()) {
                Some(input) if input.is_object() => out.raw("input", input.raw()),
                None if arguments.trim().is_empty() => out.raw("input", b"{}"),
                _ => return Err(Refusal::invalid(at(), "The arguments are not a JSON object.")),
            }
            out.end();
            called = true;
        }
        self.called |= called;
        Ok(())
    }

    fn turn(&mut self, role: &'static str) -> &mut Turn {
        if self.open.as_ref().is_some_and(|open| open.role != role) {
            self.close();
        }
        if role == "assistant" {
            self.called = false;
        }
        self.open.get_or_insert_with(|| Turn {
            role,
            results: Vec::new(),
            blocks: Vec::new(),
        })
    }

    fn close(&mut self) {
        // Anthropic takes no empty message; one of OpenAI's says nothing.
        let Some(turn) = self.open.take().filter(|turn| !turn.is_empty()) else {
            return;
        };
        let mut out = Object::begin(item(&mut self.written));
        out.text("role", turn.role);
        let content = out.name("content");
        content.push(b'[');
        content.extend_from_slice(&turn.results);
        if !turn.results.is_empty() && !turn.blocks.is_empty() {
            content.push(b',');
        }
        content.extend_from_slice(&turn.blocks);
        content.push(b']');
        out.end();
    }
}

impl Turn {
    fn is_empty(&self) -> bool {
        self.results.is_empty() && self.blocks.is_empty()
    }
}

/// Members of a message that have no place.
fn rest(message: Json<'_>, known: &[&str], losses: &mut Losses<'_>) -> Result<(), Refusal> {
    for (name, value) in message.members() {
        if !value.is_null() && !known.contains(&&*name) {
            losses.lose_named("messages", &name)?;
        }
    }
    Ok(())
}

/// Content, a string or parts, as blocks.
fn blocks(content: Json<'_>, at: &str, out: &mut Vec<u8>, losses: &mut Losses<'_>) -> Result<(), Refusal> {
    if let Some(text) = content.text() {
        write_text(&text, None, out);
        return Ok(());
    }
    for (index, part) in content.items().enumerate() {
        let at = || format!("{at}/content/{index}");
        match part.word("type").as_deref() {
            Some("text") => write_text(
                &part.word("text").unwrap_or_default(),
                part.get("cache_control"),
                out,
            ),
            Some("refusal") => write_text(&part.word("refusal").unwrap_or_default(), None, out),
            Some("image_url") => image(part, at, out, losses)?,
            Some("file") => file(part, at, out, losses)?,
            Some(kind) => losses.lose_named("messages", kind)?,
            None => return Err(Refusal::invalid(at(), "A part needs its `type`.")),
        }
    }
    Ok(())
}

/// Anthropic takes no empty text.
fn write_text(text: &str, cache: Option<Json<'_>>, out: &mut Vec<u8>) {
    if text.is_empty() {
        return;
    }
    let mut block = Object::begin(item(out));
    block.text("type", "text");
    block.text("text", text);
    if let Some(cache) = cache {
        block.raw("cache_control", cache.raw());
    }
    block.end();
}

fn image(
    part: Json<'_>,
    at: impl Fn() -> String,
    out: &mut Vec<u8>,
    losses: &mut Losses<'_>,
) -> Result<(), Refusal> {
    let image = part.get("image_url");
    let url = image.and_then(|image| image.text().or_else(|| image.word("url")));
    let url =
        url.ok_or_else(|| Refusal::invalid(format!("{}/image_url/url", at()), "An image needs its `url`."))?;
    if image
        .and_then(|image| image.word("detail"))
        .is_some_and(|detail| detail != "auto")
    {
        losses.lose("messages.image_url.detail")?;
    }
    let mut block = Object::begin(item(out));
    block.text("type", "image");
    source(&url, &at, block.name("source"))?;
    if let Some(cache) = part.get("cache_control") {
        block.raw("cache_control", cache.raw());
    }
    block.end();
    Ok(())
}

fn file(
    part: Json<'_>,
    at: impl Fn() -> String,
    out: &mut Vec<u8>,
    losses: &mut Losses<'_>,
) -> Result<(), Refusal> {
    let file = part.get("file");
    let Some(data) = file.and_then(|file| file.word("file_data")) else {
        return losses.lose("messages.file"); // one that the provider keeps
    };
    let mut block = Object::begin(item(out));
    block.text("type", "document");
    source(&data, &at, block.name("source"))?;
    if let Some(name) = file.and_then(|file| file.word("filename")) {
        block.text("title", &name);
    }
    block.end();
    Ok(())
}

/// The bytes of a `data:` address, or the address.
fn source(url: &str, at: impl Fn() -> String, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut source = Object::begin(out);
    match url.strip_prefix("data:") {
        None => {
            source.text("type", "url");
            source.text("url", url);
        }
        Some(rest) => {
            let (kind, data) = rest
                .split_once(";base64,")
                .ok_or_else(|| Refusal::invalid(at(), "A `data:` address must be in base64."))?;
            source.text("type", "base64");
            source.text("media_type", kind.split(';').next().unwrap_or_default());
            source.text("data", data);
        }
    }
    source.end();
    Ok(())
}

/// Anthropic takes letters, digits, `_` and `-` in ids; anything else is spelled out, the same in call and result.
fn id_of(id: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if id.chars().all(plain) {
        return Cow::Borrowed(id);
    }
    let spelled = id.chars().map(|c| match plain(c) {
        true => c.to_string(),
        false => format!("_{:x}_", u32::from(c)),
    });
    Cow::Owned(spelled.collect())
}
