//! E4: the turns of a Messages request as messages of a Chat Completions request: the system prompt in front, each
//! tool's result in a message of its own, images out of results into the user's message that follows.
//!
//! Never: sends thinking, signed or not.

use super::super::Refusal;
use super::super::json::{Json, Object, item, string};
use super::super::policy::Losses;
use super::super::thinking::UNSIGNED;
use super::joined;
use std::borrow::Cow;

/// The whole array.
pub(super) fn write(
    system: Option<Json<'_>>,
    messages: Json<'_>,
    losses: &mut Losses<'_>,
) -> Result<Vec<u8>, Refusal> {
    let mut list = Vec::new();
    if let Some(system) = system {
        write_system(system, &mut list, losses)?;
    }
    let before = list.len();
    let mut last_is_assistant = false;
    for (index, message) in messages.items().enumerate() {
        let at = format!("/messages/{index}");
        let content = message
            .get("content")
            .ok_or_else(|| Refusal::invalid(format!("{at}/content"), "`content` is required."))?;
        last_is_assistant = false;
        match message.word("role").as_deref() {
            Some("user") => write_user(content, &at, &mut list, losses)?,
            Some("assistant") => {
                write_assistant(content, &at, &mut list, losses)?;
                last_is_assistant = true;
            }
            Some("system") => write_system(content, &mut list, losses)?,
            _ => return Err(Refusal::invalid(format!("{at}/role"), "This role is not known.")),
        }
        for (name, value) in message.members() {
            if !value.is_null() && !matches!(&*name, "role" | "content") {
                losses.lose_named("messages", &name)?;
            }
        }
    }
    if list.len() == before {
        return Err(Refusal::invalid(
            "/messages",
            "No message holds anything that could be sent.",
        ));
    }
    if last_is_assistant {
        losses.lose("messages.prefill")?; // Anthropic goes on within it, OpenAI answers it
    }
    Ok([b"[", &list[..], b"]"].concat())
}

fn write_system(content: Json<'_>, list: &mut Vec<u8>, losses: &mut Losses<'_>) -> Result<(), Refusal> {
    let mut texts: Vec<Cow<'_, str>> = content.text().into_iter().collect();
    for block in content.items() {
        match block.word("text") {
            Some(text) => texts.push(text),
            None => losses.lose("system")?,
        }
        extras(block, &["type", "text"], "messages", losses)?;
    }
    texts.retain(|text| !text.is_empty());
    if !texts.is_empty() {
        let mut out = Object::begin(item(list));
        out.text("role", "system");
        out.raw("content", &joined(&texts, "\n\n"));
        out.end();
    }
    Ok(())
}

/// Parts of a user's message.
#[derive(Default)]
struct Parts<'a> {
    /// While every part is text.
    texts: Vec<Cow<'a, str>>,
    written: Vec<u8>,
    others: bool,
}

impl<'a> Parts<'a> {
    fn text(&mut self, text: Cow<'a, str>) {
        let mut out = Object::begin(item(&mut self.written));
        out.text("type", "text");
        out.text("text", &text);
        out.end();
        self.texts.push(text);
    }
}

fn write_user(
    content: Json<'_>,
    at: &str,
    list: &mut Vec<u8>,
    losses: &mut Losses<'_>,
) -> Result<(), Refusal> {
    let mut parts = Parts::default();
    if let Some(text) = content.text() {
        parts.text(text);
    }
    for (index, block) in content.items().enumerate() {
        let at = format!("{at}/content/{index}");
        match block.word("type").as_deref() {
            Some("tool_result") => write_result(block, &at, list, &mut parts, losses)?,
            Some("text") => {
                parts.text(block.word("text").unwrap_or_default());
                extras(block, &["type", "text"], "messages", losses)?;
            }
            Some("image") => write_image(block, &at, &mut parts, losses)?,
            Some("document") => write_document(block, &mut parts, losses)?,
            Some("mid_conv_system") => {
                if let Some(inner) = block.get("content") {
                    write_system(inner, list, losses)?;
                }
            }
            Some(kind) => losses.lose_named("messages", kind)?,
            None => return Err(Refusal::invalid(at, "A block needs its `type`.")),
        }
    }
    if parts.written.is_empty() {
        return Ok(());
    }
    let mut out = Object::begin(item(list));
    out.text("role", "user");
    match &parts.texts[..] {
        [only] if !parts.others => string(out.name("content"), only),
        _ => out.raw("content", &[b"[", &parts.written[..], b"]"].concat()),
    }
    out.end();
    Ok(())
}

/// A tool's result as a message; its images follow in the user's, for a `tool` message holds text alone.
fn write_result<'a>(
    block: Json<'a>,
    at: &str,
    list: &mut Vec<u8>,
    parts: &mut Parts<'a>,
    losses: &mut Losses<'_>,
) -> Result<(), Refusal> {
    let id = block
        .word("tool_use_id")
        .ok_or_else(|| Refusal::invalid(format!("{at}/tool_use_id"), "`tool_use_id` is required."))?;
    let content = block.get("content");
    let mut texts: Vec<Cow<'_, str>> = content.and_then(Json::text).into_iter().collect();
    for (index, inner) in content.into_iter().flat_map(Json::items).enumerate() {
        match inner.word("type").as_deref() {
            Some("text") => texts.push(inner.word("text").unwrap_or_default()),
            Some("image") => {
                losses.lose("messages.tool_result.image")?; // not lost, but moved
                parts.text(format!("Image that the tool call {id} gave back:").into());
                write_image(inner, &format!("{at}/content/{index}"), parts, losses)?;
            }
            Some(kind) => losses.lose_named("messages.tool_result", kind)?,
            None => return Err(Refusal::invalid(at, "A block needs its `type`.")),
        }
    }
    if block.get("is_error").is_some_and(Json::is_true) {
        losses.lose("messages.tool_result.is_error")?;
    }
    extras(
        block,
        &["type", "tool_use_id", "content", "is_error"],
        "messages",
        losses,
    )?;
    let mut out = Object::begin(item(list));
    out.text("role", "tool");
    out.text("tool_call_id", &id);
    out.raw("content", &joined(&texts, "\n"));
    out.end();
    Ok(())
}

fn write_image(
    block: Json<'_>,
    at: &str,
    parts: &mut Parts<'_>,
    losses: &mut Losses<'_>,
) -> Result<(), Refusal> {
    let Some(url) = address(block, at)? else {
        return losses.lose("messages.image"); // one that the provider keeps
    };
    let mut out = Object::begin(item(&mut parts.written));
    out.text("type", "image_url");
    Object::begin(out.name("image_url")).with_text("url", &url);
    out.end();
    parts.others = true;
    extras(block, &["type", "source"], "messages", losses)
}

fn write_document<'a>(
    block: Json<'a>,
    parts: &mut Parts<'a>,
    losses: &mut Losses<'_>,
) -> Result<(), Refusal> {
    let source = block.get("source");
    let title = block.word("title");
    let word = |name: &str| source.and_then(|source| source.word(name));
    match (word("type").as_deref(), word("data")) {
        (Some("text"), Some(text)) => parts.text(match &title {
            Some(title) => format!("{title}\n\n{text}").into(),
            None => text,
        }),
        (Some("base64"), Some(data)) => {
            let kind = word("media_type").unwrap_or(Cow::Borrowed("application/pdf"));
            let mut out = Object::begin(item(&mut parts.written));
            out.text("type", "file");
            let mut file = Object::begin(out.name("file"));
            file.text("filename", title.as_deref().unwrap_or("document.pdf"));
            file.text("file_data", &format!("data:{kind};base64,{data}"));
            file.end();
            out.end();
            parts.others = true;
        }
        _ => return losses.lose("messages.document"), // by address, or kept by the provider
    }
    extras(block, &["type", "source", "title"], "messages", losses)
}

/// The address of an image, a `data:` address for its bytes; `None` for a file that the provider keeps.
fn address(block: Json<'_>, at: &str) -> Result<Option<String>, Refusal> {
    let source = block
        .get("source")
        .ok_or_else(|| Refusal::invalid(format!("{at}/source"), "`source` is required."))?;
    let word = |name: &str| source.word(name).unwrap_or_default();
    Ok(match &*word("type") {
        "url" => Some(word("url").into_owned()),
        "base64" => Some(format!("data:{};base64,{}", word("media_type"), word("data"))),
        _ => None,
    })
}

fn write_assistant(
    content: Json<'_>,
    at: &str,
    list: &mut Vec<u8>,
    losses: &mut Losses<'_>,
) -> Result<(), Refusal> {
    let mut texts: Vec<Cow<'_, str>> = content.text().into_iter().collect();
    let mut calls = Vec::new();
    for (index, block) in content.items().enumerate() {
        match block.word("type").as_deref() {
            Some("text") => {
                texts.push(block.word("text").unwrap_or_default());
                extras(block, &["type", "text"], "messages", losses)?;
            }
            Some("tool_use") => {
                write_call(block, &mut calls);
                extras(block, &["type", "id", "name", "input"], "messages", losses)?;
            }
            // Another provider's reasoning that golive showed as thinking is nobody's loss.
            Some("thinking") if block.word("signature").as_deref() == Some(UNSIGNED) => {}
            Some("thinking" | "redacted_thinking") => losses.lose("messages.thinking")?,
            Some(kind) => losses.lose_named("messages", kind)?,
            None => {
                let at = format!("{at}/content/{index}");
                return Err(Refusal::invalid(at, "A block needs its `type`."));
            }
        }
    }
    texts.retain(|text| !text.is_empty());
    if texts.is_empty() && calls.is_empty() {
        return Ok(());
    }
    let mut out = Object::begin(item(list));
    out.text("role", "assistant");
    match texts.is_empty() {
        true => out.raw("content", b"null"),
        false => out.raw("content", &joined(&texts, "")),
    }
    if !calls.is_empty() {
        out.raw("tool_calls", &[b"[", &calls[..], b"]"].concat());
    }
    out.end();
    Ok(())
}

fn write_call(block: Json<'_>, calls: &mut Vec<u8>) {
    let mut call = Object::begin(item(calls));
    call.text("id", &block.word("id").unwrap_or_default());
    call.text("type", "function");
    let mut function = Object::begin(call.name("function"));
    function.text("name", &block.word("name").unwrap_or_default());
    function.text("arguments", block.get("input").map_or("{}", Json::raw_text));
    function.end();
    call.end();
}

/// Members of a block that have no place.
fn extras(block: Json<'_>, known: &[&str], under: &str, losses: &mut Losses<'_>) -> Result<(), Refusal> {
    for (name, value) in block.members() {
        let says_nothing = value.is_null() || (value.is_array() && value.items().next().is_none());
        if !says_nothing && !known.contains(&&*name) {
            losses.lose_named(under, &name)?;
        }
    }
    Ok(())
}
