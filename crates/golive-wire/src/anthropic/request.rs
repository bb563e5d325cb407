//! S3: the view of a Messages request, and the rules of its structure (reference: anthropic-api.md "Request").
//!
//! Never: refuses a field it does not know, or an order of fields.

use crate::shape::{
    Content, Messages, Notes, Path, Rule, Shape, ToolList, known, read_body, ruled, tool_name,
};
use crate::take::{Scalar, Seed, Take, next_name};
use crate::tools::{ANTHROPIC_FEATURES, Choice, ChoiceTake};
use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use std::borrow::Cow;

/// What a gateway must know of a request; text is borrowed from the body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestView<'a> {
    /// The model asked for; never empty.
    pub model: Cow<'a, str>,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// Most tokens of the answer; required here, unlike OpenAI's.
    pub max_tokens: u64,
    /// Number of messages, at least one.
    pub messages: usize,
    /// UTF-8 bytes of text in the messages and the system prompt, for a token estimate.
    pub text_bytes: u64,
    /// Whether there is a system prompt.
    pub has_system: bool,
    /// Names of the caller's own tools, in order.
    pub tool_names: Vec<Cow<'a, str>>,
    /// Kinds of the tools that the provider itself would run (`web_search_20250305`, …).
    pub hosted_tools: Vec<Cow<'a, str>>,
    /// Names that those have of their own; calls of the ones that the caller runs come under them.
    pub hosted_names: Vec<Cow<'a, str>>,
    /// Capabilities asked for outside of `tools`, as [`crate::tools::capability`] calls them.
    pub features: Vec<&'static str>,
    /// Whether a message speaks of a file that the provider keeps.
    pub stored_files: bool,
    /// What the model is told to call.
    pub choice: Choice<'a>,
    /// Whether any tool is offered.
    pub has_tools: bool,
    /// Whether thinking is asked for.
    pub reasoning: bool,
    /// `metadata.user_id`, the person's id.
    pub user: Option<Cow<'a, str>>,
}

impl<'a> RequestView<'a> {
    /// Reads a request's body, once, in place.
    ///
    /// # Errors
    /// The first thing wrong with its structure, with a pointer to the field.
    pub fn read(body: &'a [u8]) -> Result<RequestView<'a>, Shape> {
        Self::finish(read_body(body, Request { counting: false })?)
    }

    /// Reads the body of `count_tokens`, where `max_tokens` may be absent (then 0).
    ///
    /// # Errors
    /// As [`RequestView::read`].
    pub fn read_count_tokens(body: &'a [u8]) -> Result<RequestView<'a>, Shape> {
        Self::finish(read_body(body, Request { counting: true })?)
    }

    fn finish((view, notes): (Self, Notes)) -> Result<Self, Shape> {
        match notes.fault {
            Some(fault) => Err(fault),
            None => Ok(RequestView {
                text_bytes: notes.text_bytes,
                stored_files: notes.stored_files,
                ..view
            }),
        }
    }
}

/// `system` inside `messages` is newer; whether a model takes it is the provider's to say.
const ROLES: &[&str] = &["user", "assistant", "system"];

/// Fields that are held to a type and a range but not used.
const KNOWN: &[(&str, Rule)] = &[
    ("temperature", Rule::Number(0.0, 1.0)),
    ("top_p", Rule::Number(0.0, 1.0)),
    ("top_k", Rule::Whole(0, u64::MAX)),
    ("stop_sequences", Rule::Array),
    ("output_config", Rule::Object),
    ("service_tier", Rule::Text),
];

struct Request {
    counting: bool,
}

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
        let (mut model, mut messages, mut stream, mut max_tokens) = (None, None, None, None);
        let mut system = None;
        while let Some(name) = next_name(&mut map)? {
            let at = Path::Name(&Path::Root, &name);
            let twice = match &*name {
                "model" => model.replace(ruled(&mut map, Rule::Text, &at, notes)?).is_some(),
                "messages" => {
                    let take = Messages {
                        notes,
                        at,
                        roles: ROLES,
                        may_be_silent: &[],
                    };
                    messages.replace(map.next_value_seed(Seed::new(take))?).is_some()
                }
                "stream" => stream.replace(ruled(&mut map, Rule::Bool, &at, notes)?).is_some(),
                "max_tokens" => max_tokens
                    .replace(ruled(&mut map, Rule::Whole(1, u64::MAX), &at, notes)?)
                    .is_some(),
                "system" => {
                    let take = Content {
                        notes,
                        at,
                        nested: false,
                    };
                    system.replace(map.next_value_seed(Seed::new(take))?).is_some()
                }
                "metadata" => {
                    let found = map.next_value_seed(Seed::new(Metadata { notes, at }))?;
                    std::mem::replace(&mut view.user, found).is_some()
                }
                "tools" => {
                    let found = map.next_value_seed(Seed::new(Tools { notes, at }))?;
                    let twice = view.has_tools;
                    view.has_tools = !(found.names.is_empty() && found.hosted.is_empty());
                    (view.tool_names, view.hosted_tools) = (found.names, found.hosted);
                    view.hosted_names = found.hosted_names;
                    twice
                }
                "tool_choice" => {
                    let (found, whole) = map.next_value_seed(Seed::new(ChoiceTake))?;
                    Rule::Object.check(&whole, &at, notes);
                    view.choice = found;
                    false
                }
                name if ANTHROPIC_FEATURES.iter().any(|(known, _)| *known == name) => {
                    let asked = map.next_value::<Scalar<'de>>()?.is_filled();
                    let named = ANTHROPIC_FEATURES
                        .iter()
                        .filter(|(known, _)| asked && *known == name);
                    view.features.extend(named.map(|(_, feature)| *feature));
                    false
                }
                "thinking" => {
                    view.reasoning = map.next_value_seed(Seed::new(Thinking { notes, at }))?;
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
        match max_tokens.and_then(|max| max.count()) {
            Some(max) => view.max_tokens = max,
            None if self.counting => {}
            None => notes.missing(&Path::Name(&Path::Root, "max_tokens")),
        }
        view.stream = matches!(stream, Some(Scalar::Bool(true)));
        view.has_system = system == Some(true);
        Ok((view, noted))
    }
}

struct Metadata<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
}

impl<'de> Take<'de> for Metadata<'_> {
    type Out = Option<Cow<'de, str>>;

    fn scalar(self, found: Scalar<'de>) -> Self::Out {
        Rule::Object.check(&found, &self.at, self.notes);
        None
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        let mut user = None;
        while let Some(name) = next_name(&mut map)? {
            let here = Path::Name(&self.at, &name);
            match &*name {
                "user_id" => user = ruled(&mut map, Rule::Text, &here, self.notes)?.words(),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(user)
    }
}

/// `thinking`: on unless its type is `disabled`.
struct Thinking<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
}

impl<'de> Take<'de> for Thinking<'_> {
    type Out = bool;

    fn scalar(self, found: Scalar<'de>) -> bool {
        Rule::Object.check(&found, &self.at, self.notes);
        false
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut on = false;
        while let Some(name) = next_name(&mut map)? {
            let here = Path::Name(&self.at, &name);
            match &*name {
                "type" => {
                    let kind = ruled(&mut map, Rule::Text, &here, self.notes)?.words();
                    on = kind.is_some_and(|kind| kind != "disabled");
                }
                "budget_tokens" => drop(ruled(&mut map, Rule::Whole(0, u64::MAX), &here, self.notes)?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(on)
    }
}

struct Tools<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
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
            let take = Tool {
                notes: &mut *self.notes,
                at: Path::Index(&self.at, index),
            };
            let Some((kind, name)) = seq.next_element_seed(Seed::new(take))? else {
                return Ok(tools);
            };
            match kind {
                Some(kind) if kind != "custom" => {
                    tools.hosted.push(kind);
                    tools.hosted_names.extend(name);
                }
                _ => tools.names.extend(name),
            }
            index += 1;
        }
    }
}

/// One tool: its `type` (absent or `custom` for the caller's own, a dated kind for hosted ones) and its name.
struct Tool<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
}

impl<'de> Take<'de> for Tool<'_> {
    type Out = (Option<Cow<'de, str>>, Option<Cow<'de, str>>);

    fn scalar(self, found: Scalar<'de>) -> Self::Out {
        self.notes.wrong_type(&self.at, "an object", &found);
        (None, None)
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        let (notes, at) = (self.notes, self.at);
        let (mut kind, mut tool, mut schema) = (None, None, false);
        while let Some(name) = next_name(&mut map)? {
            let here = Path::Name(&at, &name);
            match &*name {
                "type" => kind = ruled(&mut map, Rule::Text, &here, notes)?.words(),
                "name" => tool = ruled(&mut map, Rule::Text, &here, notes)?.words(),
                "input_schema" => schema = ruled(&mut map, Rule::Object, &here, notes)?.is_filled(),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if kind.as_deref().is_none_or(|kind| kind == "custom") {
            let here = Path::Name(&at, "name");
            match &tool {
                Some(name) => tool_name(name, &here, notes),
                None => notes.missing(&here),
            }
            if !schema {
                notes.missing(&Path::Name(&at, "input_schema"));
            }
        }
        Ok((kind, tool))
    }
}
