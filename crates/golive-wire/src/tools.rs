//! S6: tools in requests and answers: which a request offers, how one is taken out, and which an answer calls.
//!
//! A function tool is run by the caller; what a provider runs or keeps (`web_search`, `mcp`, `stored_files`, …) is a
//! capability, called the same for every provider.
//!
//! Never: decides who may use one, or changes a byte of what stays.

mod guard;

pub use guard::{Guard, Passed};

use crate::Wire;
use crate::edit::{elements, members, remove_member, set_member};
use crate::take::{Scalar, Seed, Take, Words, next_name, read_object};
use crate::{anthropic, openai};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use std::borrow::Cow;

/// References to files that the provider keeps.
pub const STORED_FILES: &str = "stored_files";

/// Members of a request that ask the provider to run or bring something, outside of `tools`.
pub(crate) const OPENAI_FEATURES: &[(&str, &str)] =
    &[("web_search_options", "web_search"), ("plugins", "plugins")];
/// The same for Messages.
pub(crate) const ANTHROPIC_FEATURES: &[(&str, &str)] =
    &[("mcp_servers", "mcp"), ("container", "code_execution")];

/// Names that mean the same capability.
const ALIASES: &[(&str, &str)] = &[
    ("code_interpreter", "code_execution"),
    ("computer_use", "computer"),
    ("computer_use_preview", "computer"),
    ("mcp_toolset", "mcp"),
    ("web_search_preview", "web_search"),
];

/// The capability that a kind of hosted tool stands for: without the date of its version, and the same for every
/// provider.
pub fn capability(kind: &str) -> String {
    // `web_search_20250305`, `web_search_preview_2025_03_11`
    let plain = kind.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_' || c == '-');
    let plain = match kind.len() - plain.len() {
        9..=11 => plain,
        _ => kind,
    };
    let plain = plain.to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(known, _)| *known == plain);
    alias.map_or(plain, |(_, name)| (*name).to_owned())
}

/// `tool_choice` or the older `function_call`: what the model is told to call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice<'a> {
    /// The word it is, or its `type`.
    pub mode: Option<Cow<'a, str>>,
    /// Every tool it names.
    pub names: Vec<Cow<'a, str>>,
}

impl Choice<'_> {
    /// Whether the model must call some tool: then a request without tools makes no sense.
    pub fn demands(&self) -> bool {
        !self.names.is_empty() || matches!(self.mode.as_deref(), Some("required" | "any"))
    }
}

/// Reads [`Choice`]; names are looked for at every depth, because OpenAI nests them.
pub(crate) struct ChoiceTake;

impl<'de> Take<'de> for ChoiceTake {
    type Out = (Choice<'de>, Scalar<'de>);

    fn scalar(self, found: Scalar<'de>) -> Self::Out {
        let mode = found.clone().words();
        (
            Choice {
                mode,
                names: Vec::new(),
            },
            found,
        )
    }

    fn array<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        let (mut choice, mut len) = (Choice::default(), 0);
        while let Some((inner, _)) = seq.next_element_seed(Seed::new(ChoiceTake))? {
            choice.names.extend(inner.names);
            len += 1;
        }
        Ok((choice, Scalar::Array(len)))
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        let mut choice = Choice::default();
        while let Some(name) = next_name(&mut map)? {
            match &*name {
                "name" => choice.names.extend(map.next_value::<Words<'de>>()?.0),
                "type" => choice.mode = map.next_value::<Words<'de>>()?.0,
                _ => choice
                    .names
                    .extend(map.next_value_seed(Seed::new(ChoiceTake))?.0.names),
            }
        }
        Ok((choice, Scalar::Object))
    }
}

/// Whether a `file_id` stands anywhere inside.
pub(crate) struct FileScan;

impl<'de> Take<'de> for FileScan {
    type Out = bool;

    fn scalar(self, _: Scalar<'de>) -> bool {
        false
    }

    fn array<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(inner) = seq.next_element_seed(Seed::new(FileScan))? {
            found |= inner;
        }
        Ok(found)
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(name) = next_name(&mut map)? {
            match &*name {
                "file_id" => found |= map.next_value::<Scalar<'de>>()?.is_filled(),
                "data" | "text" => drop(map.next_value::<IgnoredAny>()?),
                _ => found |= map.next_value_seed(Seed::new(FileScan))?,
            }
        }
        Ok(found)
    }
}

/// The tools that an answer may call: those that its request offered, after all that was not permitted was taken out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolSet {
    /// By the name under which the caller is asked to run them.
    pub names: Vec<String>,
    /// Capabilities, as [`capability`] calls them.
    pub hosted: Vec<String>,
}

impl ToolSet {
    /// Whether this call may reach the caller.
    pub fn holds(&self, called: &Called<'_>) -> bool {
        match called {
            Called::Caller(name) => self.names.iter().any(|known| known == name),
            // A hosted tool has helpers of its own: `bash_code_execution`, `tool_search_tool_regex`.
            Called::Provider(name) => {
                let name = capability(name);
                let related =
                    |known: &String| name.starts_with(known.as_str()) || name.ends_with(known.as_str());
                self.hosted.iter().any(related)
            }
        }
    }
}

/// A tool that an answer calls. A name that is not given is empty, and held by no set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called<'a> {
    /// The caller is asked to run it.
    Caller(Cow<'a, str>),
    /// The provider runs it.
    Provider(Cow<'a, str>),
}

impl Called<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Called::Caller(name) | Called::Provider(name) => name,
        }
    }
}

/// A tool that a request offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer<'a> {
    /// A function of the caller's.
    Function(&'a str),
    /// A hosted tool, by its capability.
    Hosted(&'a str),
}

/// The body with every offered tool taken out that `keep` does not want; every other byte stays. With no tool left,
/// the members that only make sense beside tools go too.
pub fn strip(wire: Wire, body: &[u8], keep: impl Fn(Offer<'_>) -> bool) -> Vec<u8> {
    let mut body = body.to_vec();
    let features = match wire {
        Wire::OpenAi => OPENAI_FEATURES,
        Wire::Anthropic => ANTHROPIC_FEATURES,
        Wire::Problem => return body,
    };
    for (member, name) in features {
        if !keep(Offer::Hosted(name)) {
            body = without(body, member);
        }
    }
    for member in ["tools", "functions"] {
        let Some(found) = members(&body).find(|found| found.is(&body, member)) else {
            continue;
        };
        let list = &body[found.value];
        let kept: Vec<&[u8]> = elements(list)
            .map(|place| &list[place])
            .filter(|tool| wanted(wire, member == "functions", tool, &keep))
            .collect();
        if kept.is_empty() {
            body = without(body, member);
        } else if kept.len() < elements(list).count() {
            let new = [b"[".as_slice(), &kept.join(&b","[..]), b"]"].concat();
            body = set_member(&body, member, |_| new.clone());
        }
    }
    let left = |body: &[u8], name: &str| members(body).any(|member| member.is(body, name));
    if !left(&body, "tools") {
        for name in ["tool_choice", "parallel_tool_calls"] {
            body = without(body, name);
        }
    }
    if !left(&body, "functions") {
        body = without(body, "function_call");
    }
    body
}

fn without(mut body: Vec<u8>, name: &str) -> Vec<u8> {
    while let Some(member) = members(&body).find(|member| member.is(&body, name)) {
        body = remove_member(&body, &member);
    }
    body
}

fn wanted(wire: Wire, bare: bool, tool: &[u8], keep: &impl Fn(Offer<'_>) -> bool) -> bool {
    let Some(tool) = read_object::<RawTool<'_>>(tool) else {
        return false;
    };
    let kind = tool.kind.0.unwrap_or_default();
    let kind = &*kind;
    let inner = |one: Option<RawName<'_>>| one.and_then(|one| one.name.0).map(Cow::into_owned);
    let own = match (wire, kind) {
        (Wire::OpenAi, _) if bare => Some(tool.name.0.map(Cow::into_owned)),
        // Chat Completions names a tool inside, Responses beside its type; one that does both is of no name.
        (Wire::OpenAi, "function" | "custom") => {
            let nested = inner(if kind == "function" {
                tool.function
            } else {
                tool.custom
            });
            Some(match (nested, tool.name.0.map(Cow::into_owned)) {
                (Some(nested), Some(flat)) if nested != flat => None,
                (nested, flat) => nested.or(flat),
            })
        }
        (Wire::Anthropic, "" | "custom") => Some(tool.name.0.map(Cow::into_owned)),
        _ => None,
    };
    match own {
        Some(name) => keep(Offer::Function(&name.unwrap_or_default())),
        None => keep(Offer::Hosted(&capability(kind))),
    }
}

#[derive(Deserialize)]
struct RawTool<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Words<'a>,
    #[serde(borrow, default)]
    name: Words<'a>,
    #[serde(borrow, default)]
    function: Option<RawName<'a>>,
    #[serde(borrow, default)]
    custom: Option<RawName<'a>>,
}

#[derive(Deserialize)]
struct RawName<'a> {
    #[serde(borrow, default)]
    name: Words<'a>,
}

/// The first tool that a whole answer calls and that is not in the set. To be asked of an answer that calls some: one
/// whose calls cannot be read counts as calling a tool without a name.
pub fn not_held<'a>(wire: Wire, body: &'a [u8], set: &ToolSet) -> Option<Called<'a>> {
    let called = match wire {
        Wire::OpenAi => openai::calls::of_answer(body),
        Wire::Anthropic => anthropic::calls::of_answer(body),
        Wire::Problem => return None,
    };
    match called {
        Some(called) => called.into_iter().find(|call| !set.holds(call)),
        None => Some(Called::Caller(Cow::Borrowed(""))),
    }
}

/// What ends a stream in which a call was blocked: the format's own words for a refusal, and its terminator.
/// `output_tokens`: what the answer took, as far as known.
pub fn refused_end(wire: Wire, model: &str, created_s: u64, output_tokens: u64) -> Bytes {
    match wire {
        Wire::OpenAi => {
            let chunk = serde_json::json!({
                "id": "chatcmpl-blocked", "object": "chat.completion.chunk", "created": created_s, "model": model,
                "choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}],
            });
            format!("data: {chunk}\n\ndata: [DONE]\n\n").into()
        }
        Wire::Anthropic => [
            anthropic::build::message_delta("refusal", output_tokens),
            anthropic::build::message_stop(),
        ]
        .concat()
        .into(),
        Wire::Problem => Bytes::new(),
    }
}
