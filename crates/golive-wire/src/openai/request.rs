//! S3: the view of a Chat Completions request, and the rules of its structure (reference: openai-api.md §3).
//!
//! Never: refuses a field it does not know, or an order of fields.

use crate::shape::{Messages, Notes, Path, Rule, Shape, ToolList, known, read_body, ruled, tool_name};
use crate::take::{Scalar, Seed, Take, next_name};
use crate::tools::{Choice, ChoiceTake, OPENAI_FEATURES};
use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use std::borrow::Cow;

/// What a gateway must know of a request; text is borrowed from the body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestView<'a> {
    /// The model asked for; never empty.
    pub model: Cow<'a, str>,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// `stream_options.include_usage`, if given.
    pub include_usage: Option<bool>,
    /// `max_completion_tokens`, else `max_tokens`: tokens per choice.
    pub max_tokens: Option<u64>,
    /// `n`: number of choices asked for.
    pub choices: Option<u64>,
    /// Number of messages, at least one.
    pub messages: usize,
    /// UTF-8 bytes of text in the messages, for a token estimate.
    pub text_bytes: u64,
    /// Names of the functions offered, in order.
    pub tool_names: Vec<Cow<'a, str>>,
    /// Kinds of the tools that the provider itself would run (`web_search`, …).
    pub hosted_tools: Vec<Cow<'a, str>>,
    /// Capabilities asked for outside of `tools`, as [`crate::tools::capability`] calls them.
    pub features: Vec<&'static str>,
    /// Whether a message speaks of a file that the provider keeps.
    pub stored_files: bool,
    /// What the model is told to call.
    pub choice: Choice<'a>,
    /// Whether any tool or function is offered.
    pub has_tools: bool,
    /// Whether reasoning is asked for (`reasoning_effort` other than `none`, or a `reasoning` object).
    pub reasoning: bool,
    /// `user`, the older name of the person's id.
    pub user: Option<Cow<'a, str>>,
    /// `safety_identifier`, its newer name.
    pub safety_identifier: Option<Cow<'a, str>>,
}

impl<'a> RequestView<'a> {
    /// Reads a request's body, once, in place.
    ///
    /// # Errors
    /// The first thing wrong with its structure, with a pointer to the field.
    pub fn read(body: &'a [u8]) -> Result<RequestView<'a>, Shape> {
        let (view, notes) = read_body(body, Request)?;
        match notes.fault {
            Some(fault) => Err(fault),
            None => Ok(RequestView {
                text_bytes: notes.text_bytes,
                stored_files: notes.stored_files,
                ..view
            }),
        }
    }

    /// The asserted user: `safety_identifier`, else `user`.
    pub fn asserted_user(&self) -> Option<&str> {
        self.safety_identifier.as_deref().or(self.user.as_deref())
    }
}

const ROLES: &[&str] = &["system", "developer", "user", "assistant", "tool", "function"];
/// An assistant that only called tools says nothing; a function's result may be null.
const MAY_BE_SILENT: &[&str] = &["assistant", "function"];

/// Fields that are held to a type and a range but not used.
const KNOWN: &[(&str, Rule)] = &[
    ("temperature", Rule::Number(0.0, 2.0)),
    ("top_p", Rule::Number(0.0, 1.0)),
    ("presence_penalty", Rule::Number(-2.0, 2.0)),
    ("frequency_penalty", Rule::Number(-2.0, 2.0)),
    ("seed", Rule::Integer),
    ("stop", Rule::TextOrArray),
    ("logit_bias", Rule::Object),
    ("logprobs", Rule::Bool),
    ("top_logprobs", Rule::Whole(0, 20)),
    ("response_format", Rule::Object),
    ("parallel_tool_calls", Rule::Bool),
    ("service_tier", Rule::Text),
    ("store", Rule::Bool),
    ("metadata", Rule::Object),
    ("modalities", Rule::Array),
];

/// OpenAI's own bound of `n` (openapi.yaml, CreateChatCompletionRequest).
const CHOICES_MAX: u64 = 128;

struct Request;

impl<'de> Take<'de> for Request {
    type Out = (RequestView<'de>, Notes);

    fn scalar(self, found: Scalar<'de>) -> Self::Out {
        let mut notes = Notes::default();
        notes.wrong_type(&Path::Root, "an object", &found);
        (RequestView::default(), notes)
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        let (mut view, mut noted) = (RequestView::default(), Notes::default());
        let notes = &mut noted;
        let (mut model, mut messages, mut stream, mut options) = (None, None, None, None);
        let (mut max_tokens, mut max_completion_tokens) = (None, None);
        let mut tools = ToolList::default();
        while let Some(name) = next_name(&mut map)? {
            let at = Path::Name(&Path::Root, &name);
            let twice = match &*name {
                "model" => model.replace(ruled(&mut map, Rule::Text, &at, notes)?).is_some(),
                "messages" => {
                    let take = Messages {
                        notes,
                        at,
                        roles: ROLES,
                        may_be_silent: MAY_BE_SILENT,
                    };
                    messages.replace(map.next_value_seed(Seed::new(take))?).is_some()
                }
                "stream" => stream.replace(ruled(&mut map, Rule::Bool, &at, notes)?).is_some(),
                "stream_options" => {
                    let take = StreamOptions { notes, at };
                    options.replace(map.next_value_seed(Seed::new(take))?).is_some()
                }
                "max_tokens" => max_tokens
                    .replace(ruled(&mut map, Rule::Whole(1, u64::MAX), &at, notes)?)
                    .is_some(),
                "max_completion_tokens" => max_completion_tokens
                    .replace(ruled(&mut map, Rule::Whole(1, u64::MAX), &at, notes)?)
                    .is_some(),
                "n" => {
                    let found = ruled(&mut map, Rule::Whole(1, CHOICES_MAX), &at, notes)?.count();
                    std::mem::replace(&mut view.choices, found).is_some()
                }
                "tools" | "functions" => {
                    let bare = name == "functions";
                    let found = map.next_value_seed(Seed::new(Tools { notes, at, bare }))?;
                    tools.names.extend(found.names);
                    tools.hosted.extend(found.hosted);
                    false
                }
                "tool_choice" | "function_call" => {
                    let (found, whole) = map.next_value_seed(Seed::new(ChoiceTake))?;
                    Rule::TextOrObject.check(&whole, &at, notes);
                    view.choice.names.extend(found.names);
                    view.choice.mode = found.mode.or(view.choice.mode);
                    false
                }
                name if OPENAI_FEATURES.iter().any(|(known, _)| *known == name) => {
                    let asked = map.next_value::<Scalar<'de>>()?.is_filled();
                    let named = OPENAI_FEATURES
                        .iter()
                        .filter(|(known, _)| asked && *known == name);
                    view.features.extend(named.map(|(_, feature)| *feature));
                    false
                }
                "user" => {
                    let found = ruled(&mut map, Rule::Text, &at, notes)?.words();
                    std::mem::replace(&mut view.user, found).is_some()
                }
                "safety_identifier" => {
                    let found = ruled(&mut map, Rule::Text, &at, notes)?.words();
                    std::mem::replace(&mut view.safety_identifier, found).is_some()
                }
                "reasoning_effort" => {
                    let found = ruled(&mut map, Rule::Text, &at, notes)?;
                    view.reasoning |= found.words().is_some_and(|effort| effort != "none");
                    false
                }
                "reasoning" => {
                    view.reasoning |= matches!(map.next_value::<Scalar<'de>>()?, Scalar::Object);
                    false
                }
                _ => known(&mut map, &name, KNOWN, &Path::Root, notes).map(|()| false)?,
            };
            if twice {
                notes.twice(&Path::Name(&Path::Root, &name));
            }
        }
        match model.and_then(Scalar::words) {
            Some(model) => view.model = model,
            None => notes.missing(&Path::Name(&Path::Root, "model")),
        }
        match messages {
            Some(count) => view.messages = count,
            None => notes.missing(&Path::Name(&Path::Root, "messages")),
        }
        view.stream = matches!(stream, Some(Scalar::Bool(true)));
        view.include_usage = options.flatten();
        view.max_tokens = [max_completion_tokens, max_tokens]
            .into_iter()
            .flatten()
            .find_map(|max| max.count());
        view.has_tools = !(tools.names.is_empty() && tools.hosted.is_empty());
        (view.tool_names, view.hosted_tools) = (tools.names, tools.hosted);
        Ok((view, noted))
    }
}

struct StreamOptions<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
}

impl<'de> Take<'de> for StreamOptions<'_> {
    type Out = Option<bool>;

    fn scalar(self, found: Scalar<'de>) -> Option<bool> {
        Rule::Object.check(&found, &self.at, self.notes);
        None
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<bool>, A::Error> {
        let mut include = None;
        while let Some(name) = next_name(&mut map)? {
            let here = Path::Name(&self.at, &name);
            match &*name {
                "include_usage" => {
                    if let Scalar::Bool(found) = ruled(&mut map, Rule::Bool, &here, self.notes)? {
                        include = Some(found);
                    }
                }
                "include_obfuscation" => drop(ruled(&mut map, Rule::Bool, &here, self.notes)?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(include)
    }
}

/// `tools`, or the older `functions` (`bare`: without the wrapper).
struct Tools<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
    bare: bool,
}

impl<'de> Take<'de> for Tools<'_> {
    type Out = ToolList<'de>;

    fn scalar(self, found: Scalar<'de>) -> ToolList<'de> {
        Rule::Array.check(&found, &self.at, self.notes);
        ToolList::default()
    }

    fn array<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ToolList<'de>, A::Error> {
        let (mut tools, mut index) = (ToolList::default(), 0);
        loop {
            let tool = Tool {
                notes: &mut *self.notes,
                at: Path::Index(&self.at, index),
                bare: self.bare,
            };
            match seq.next_element_seed(Seed::new(tool))? {
                Some(Some(Offered::Function(name))) => tools.names.push(name),
                Some(Some(Offered::Hosted(kind))) => tools.hosted.push(kind),
                Some(None) => {}
                None => return Ok(tools),
            }
            index += 1;
        }
    }
}

enum Offered<'a> {
    Function(Cow<'a, str>),
    Hosted(Cow<'a, str>),
}

struct Tool<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
    bare: bool,
}

impl<'de> Take<'de> for Tool<'_> {
    type Out = Option<Offered<'de>>;

    fn scalar(self, found: Scalar<'de>) -> Self::Out {
        self.notes.wrong_type(&self.at, "an object", &found);
        None
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        let (notes, at) = (self.notes, self.at);
        let (mut kind, mut inner, mut own) = (None, None, None);
        while let Some(name) = next_name(&mut map)? {
            let here = Path::Name(&at, &name);
            match &*name {
                "type" => kind = ruled(&mut map, Rule::Text, &here, notes)?.words(),
                "name" => own = ruled(&mut map, Rule::Text, &here, notes)?.words(),
                "function" | "custom" => {
                    inner = map.next_value_seed(Seed::new(FunctionName { notes, at: here }))?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let here = match (self.bare, kind) {
            (true, _) => at,
            (false, Some(kind)) if kind == "function" || kind == "custom" => {
                own = inner;
                Path::Name(&at, if kind == "custom" { "custom" } else { "function" })
            }
            (false, Some(kind)) => return Ok(Some(Offered::Hosted(kind))),
            (false, None) => {
                notes.missing(&Path::Name(&at, "type"));
                return Ok(None);
            }
        };
        let here = Path::Name(&here, "name");
        match &own {
            Some(name) => tool_name(name, &here, notes),
            None => notes.missing(&here),
        }
        Ok(own.map(Offered::Function))
    }
}

struct FunctionName<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
}

impl<'de> Take<'de> for FunctionName<'_> {
    type Out = Option<Cow<'de, str>>;

    fn scalar(self, found: Scalar<'de>) -> Self::Out {
        self.notes.wrong_type(&self.at, "an object", &found);
        None
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        let mut found = None;
        while let Some(name) = next_name(&mut map)? {
            let here = Path::Name(&self.at, &name);
            match &*name {
                "name" => found = ruled(&mut map, Rule::Text, &here, self.notes)?.words(),
                "parameters" => drop(ruled(&mut map, Rule::Object, &here, self.notes)?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}
