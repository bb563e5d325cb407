//! S3: the view of a Responses request, and the rules of its structure.
//!
//! Never: refuses a field it does not know, or an order of fields.

use crate::shape::{Content, Notes, Path, Rule, Shape, ToolList, known, read_body, ruled, tool_name};
use crate::take::{Scalar, Seed, Take, next_name};
use crate::tools::{Choice, ChoiceTake};
use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use std::borrow::Cow;

/// What a gateway must know of a request; text is borrowed from the body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestView<'a> {
    /// The model asked for; never empty.
    pub model: Cow<'a, str>,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// `max_output_tokens`, reasoning included.
    pub max_tokens: Option<u64>,
    /// Items of the input; a plain text is one.
    pub items: usize,
    /// UTF-8 bytes of text in the input and the instructions, for a token estimate.
    pub text_bytes: u64,
    /// Whether there are `instructions`, the system prompt.
    pub has_instructions: bool,
    /// Names of the functions and custom tools offered, in order.
    pub tool_names: Vec<Cow<'a, str>>,
    /// Kinds of the tools that the provider itself would run, and of those it describes itself (`web_search`, …).
    pub hosted_tools: Vec<Cow<'a, str>>,
    /// Capabilities asked for outside of `tools`, as [`crate::tools::capability`] calls them.
    pub features: Vec<&'static str>,
    /// Whether an item speaks of a file that the provider keeps.
    pub stored_files: bool,
    /// What the model is told to call.
    pub choice: Choice<'a>,
    /// Whether any tool is offered.
    pub has_tools: bool,
    /// Whether reasoning is asked for.
    pub reasoning: bool,
    /// `user`, the older name of the person's id.
    pub user: Option<Cow<'a, str>>,
    /// `safety_identifier`, its newer name.
    pub safety_identifier: Option<Cow<'a, str>>,
    /// The answer that this one goes on from, which the provider keeps.
    pub previous_response_id: Option<Cow<'a, str>>,
    /// The conversation, which the provider keeps, by its id.
    pub conversation: Option<Cow<'a, str>>,
    /// An item of the input stands for one that the provider keeps.
    pub item_references: bool,
    /// Whether the provider is to keep the answer; absent means that it is.
    pub store: Option<bool>,
    /// Whether the answer is to be made in the background and fetched later.
    pub background: bool,
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

    /// Whether the request leans on what the provider keeps of earlier ones.
    pub fn uses_stored_state(&self) -> bool {
        self.previous_response_id.is_some() || self.conversation.is_some() || self.item_references
    }
}

const ROLES: &[&str] = &["user", "assistant", "system", "developer"];

/// Fields that are held to a type and a range but not used.
const KNOWN: &[(&str, Rule)] = &[
    ("temperature", Rule::Number(0.0, 2.0)),
    ("top_p", Rule::Number(0.0, 1.0)),
    ("top_logprobs", Rule::Whole(0, 20)),
    ("max_tool_calls", Rule::Whole(1, u64::MAX)),
    ("parallel_tool_calls", Rule::Bool),
    ("text", Rule::Object),
    ("truncation", Rule::Text),
    ("include", Rule::Array),
    ("metadata", Rule::Object),
    ("service_tier", Rule::Text),
    ("stream_options", Rule::Object),
];

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
        let (mut model, mut input, mut stream, mut prompt) = (None, None, None, false);
        while let Some(name) = next_name(&mut map)? {
            let at = Path::Name(&Path::Root, &name);
            let twice = match &*name {
                "model" => model.replace(ruled(&mut map, Rule::Text, &at, notes)?).is_some(),
                "input" => {
                    let found = map.next_value_seed(Seed::new(Input { notes, at }))?;
                    input.replace(found).is_some()
                }
                "instructions" => {
                    let take = Content {
                        notes,
                        at,
                        nested: false,
                    };
                    view.has_instructions = map.next_value_seed(Seed::new(take))?;
                    false
                }
                "stream" => stream.replace(ruled(&mut map, Rule::Bool, &at, notes)?).is_some(),
                "max_output_tokens" => {
                    let found = ruled(&mut map, Rule::Whole(1, u64::MAX), &at, notes)?.count();
                    std::mem::replace(&mut view.max_tokens, found).is_some()
                }
                "tools" => {
                    let found = map.next_value_seed(Seed::new(Tools { notes, at }))?;
                    let twice = view.has_tools;
                    view.has_tools = !(found.names.is_empty() && found.hosted.is_empty());
                    (view.tool_names, view.hosted_tools) = (found.names, found.hosted);
                    twice
                }
                "tool_choice" => {
                    let (found, whole) = map.next_value_seed(Seed::new(ChoiceTake))?;
                    Rule::TextOrObject.check(&whole, &at, notes);
                    view.choice = found;
                    false
                }
                "reasoning" => {
                    view.reasoning |= map.next_value_seed(Seed::new(Reasoning { notes, at }))?;
                    false
                }
                "prompt" => {
                    prompt = ruled(&mut map, Rule::Object, &at, notes)?.is_filled();
                    if prompt {
                        view.features.push("stored_prompt");
                    }
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
                "previous_response_id" => {
                    let found = ruled(&mut map, Rule::Text, &at, notes)?.words();
                    std::mem::replace(&mut view.previous_response_id, found).is_some()
                }
                "conversation" => {
                    let found = map.next_value_seed(Seed::new(Conversation { notes, at }))?;
                    std::mem::replace(&mut view.conversation, found).is_some()
                }
                "store" | "background" => {
                    let found = match ruled(&mut map, Rule::Bool, &at, notes)? {
                        Scalar::Bool(found) => Some(found),
                        _ => None,
                    };
                    match &*name {
                        "store" => std::mem::replace(&mut view.store, found).is_some(),
                        _ => std::mem::replace(&mut view.background, found == Some(true)),
                    }
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
        match input {
            Some((items, references)) => (view.items, view.item_references) = (items, references),
            // A stored prompt, an earlier answer or a conversation may hold all that is to be answered.
            None if prompt || view.uses_stored_state() => {}
            None => notes.missing(&Path::Name(&Path::Root, "input")),
        }
        view.stream = matches!(stream, Some(Scalar::Bool(true)));
        Ok((view, noted))
    }
}

/// `input`: a text, or items. Gives their number, and whether one stands for one that the provider keeps.
struct Input<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
}

impl<'de> Take<'de> for Input<'_> {
    type Out = (usize, bool);

    fn scalar(self, found: Scalar<'de>) -> Self::Out {
        match &found {
            Scalar::Text(text) => self.notes.text_bytes += text.len() as u64,
            Scalar::Null => self.notes.missing(&self.at),
            other => self
                .notes
                .wrong_type(&self.at, "a string or an array of items", other),
        }
        (1, false)
    }

    fn array<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        let (mut count, mut references) = (0, false);
        loop {
            let item = Item {
                notes: &mut *self.notes,
                at: Path::Index(&self.at, count),
            };
            match seq.next_element_seed(Seed::new(item))? {
                Some(reference) => references |= reference,
                None => break,
            }
            count += 1;
        }
        if count == 0 {
            self.notes.invalid(&self.at, "an array with at least one item");
        }
        Ok((count, references))
    }
}

/// One item: a message, or what its `type` says. Gives whether it is a reference.
struct Item<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
}

impl<'de> Take<'de> for Item<'_> {
    type Out = bool;

    fn scalar(self, found: Scalar<'de>) -> bool {
        self.notes.wrong_type(&self.at, "an object", &found);
        false
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let (notes, at) = (self.notes, self.at);
        let (mut kind, mut role, mut content, mut call_id) = (None, None, false, false);
        while let Some(name) = next_name(&mut map)? {
            let here = Path::Name(&at, &name);
            match &*name {
                "type" => kind = ruled(&mut map, Rule::Text, &here, notes)?.words(),
                "role" => role = ruled(&mut map, Rule::Text, &here, notes)?.words(),
                "content" | "output" | "summary" => {
                    let take = Content {
                        notes,
                        at: here,
                        nested: true,
                    };
                    content |= map.next_value_seed(Seed::new(take))?;
                }
                "call_id" => call_id = ruled(&mut map, Rule::Text, &here, notes)?.is_filled(),
                "arguments" | "input" => {
                    if let Scalar::Text(text) = map.next_value::<Scalar<'de>>()? {
                        notes.text_bytes += text.len() as u64;
                    }
                }
                "file_id" => notes.stored_files |= map.next_value::<Scalar<'de>>()?.is_filled(),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match (kind.as_deref(), &role) {
            (None | Some("message"), Some(role)) => {
                if !ROLES.contains(&&**role) {
                    notes.invalid(&Path::Name(&at, "role"), &format!("one of {}", ROLES.join(", ")));
                }
                if !content {
                    notes.missing(&Path::Name(&at, "content"));
                }
            }
            (Some("message"), None) => notes.missing(&Path::Name(&at, "role")),
            (None, None) => notes.missing(&Path::Name(&at, "type")),
            (Some("function_call" | "function_call_output"), _) if !call_id => {
                notes.missing(&Path::Name(&at, "call_id"));
            }
            (Some(_), _) => {}
        }
        Ok(kind.as_deref() == Some("item_reference"))
    }
}

/// `conversation`: an id, or an object with one.
struct Conversation<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
}

impl<'de> Take<'de> for Conversation<'_> {
    type Out = Option<Cow<'de, str>>;

    fn scalar(self, found: Scalar<'de>) -> Self::Out {
        Rule::TextOrObject.check(&found, &self.at, self.notes);
        found.words()
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        let mut id = None;
        while let Some(name) = next_name(&mut map)? {
            let here = Path::Name(&self.at, &name);
            match &*name {
                "id" => id = ruled(&mut map, Rule::Text, &here, self.notes)?.words(),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(id)
    }
}

/// `reasoning`: asked for unless its effort is `none`.
struct Reasoning<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
}

impl<'de> Take<'de> for Reasoning<'_> {
    type Out = bool;

    fn scalar(self, found: Scalar<'de>) -> bool {
        Rule::Object.check(&found, &self.at, self.notes);
        false
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut asked = true;
        while let Some(name) = next_name(&mut map)? {
            match &*name {
                "effort" => {
                    let found = ruled(&mut map, Rule::Text, &Path::Name(&self.at, &name), self.notes)?;
                    asked = found.words().is_none_or(|effort| effort != "none");
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(asked)
    }
}

/// `tools`, flat here: name and schema stand beside the type.
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
            let tool = Tool {
                notes: &mut *self.notes,
                at: Path::Index(&self.at, index),
            };
            match seq.next_element_seed(Seed::new(tool))? {
                Some((Some(kind), name)) if kind == "function" || kind == "custom" => {
                    tools.names.extend(name)
                }
                Some((Some(kind), _)) => tools.hosted.push(kind),
                Some((None, _)) => {}
                None => return Ok(tools),
            }
            index += 1;
        }
    }
}

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
        let (mut kind, mut tool) = (None, None);
        while let Some(name) = next_name(&mut map)? {
            let here = Path::Name(&at, &name);
            match &*name {
                "type" => kind = ruled(&mut map, Rule::Text, &here, notes)?.words(),
                "name" => tool = ruled(&mut map, Rule::Text, &here, notes)?.words(),
                "parameters" => drop(ruled(&mut map, Rule::Object, &here, notes)?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match kind.as_deref() {
            None => notes.missing(&Path::Name(&at, "type")),
            Some("function" | "custom") => {
                let here = Path::Name(&at, "name");
                match &tool {
                    Some(name) => tool_name(name, &here, notes),
                    None => notes.missing(&here),
                }
            }
            Some(_) => {}
        }
        Ok((kind, tool))
    }
}
