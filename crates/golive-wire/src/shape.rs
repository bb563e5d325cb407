//! S3: what is wrong with a request's structure, and where; the rules that OpenAI and Anthropic bodies share.
//!
//! Never: looks at meaning. Unknown fields pass; known ones must be of their type and in their range.

use crate::error::ApiError;
use crate::take::{Scalar, Seed, Take, next_name};
use crate::tools::FileScan;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess};
use std::{borrow::Cow, fmt};

/// The first thing that is wrong with a request's structure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Shape {
    /// `invalid_json`, `missing_field`, `invalid_type`, `invalid_value` or `duplicate_field`.
    pub code: &'static str,
    /// A sentence for the caller; it names the field, never its content.
    pub message: String,
    /// JSON pointer (RFC 6901) to the field: `/messages/0/role`. Empty for the body itself.
    pub pointer: String,
}

impl Shape {
    /// The field as OpenAI's `param` writes it: `messages[0].role`. `None` for the body itself.
    pub fn param(&self) -> Option<String> {
        let mut param = String::new();
        for step in self.pointer.split('/').skip(1) {
            if !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()) {
                param += &format!("[{step}]");
            } else {
                if !param.is_empty() {
                    param.push('.');
                }
                param += step;
            }
        }
        (!param.is_empty()).then_some(param)
    }
}

impl From<Shape> for ApiError {
    fn from(shape: Shape) -> ApiError {
        ApiError {
            param: shape.param(),
            should_retry: Some(false),
            ..ApiError::new(400, shape.code, shape.message)
        }
    }
}

/// A place in the body, kept on the stack and written out only when something is wrong there.
#[derive(Clone, Copy)]
pub(crate) enum Path<'p> {
    Root,
    Name(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Name(parent, name) => write!(f, "{parent}/{name}"),
            Path::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// What is learnt while a body is read: the first fault, and how much text it carries.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) fault: Option<Shape>,
    /// UTF-8 bytes of all text that a model would read in messages and system prompts.
    pub(crate) text_bytes: u64,
    /// Whether a part speaks of a file that the provider keeps.
    pub(crate) stored_files: bool,
}

impl Notes {
    pub(crate) fn wrong_type(&mut self, at: &Path<'_>, expected: &str, found: &Scalar<'_>) {
        self.fault("invalid_type", at, |field| {
            format!("{field} must be {expected}, not {}.", found.kind())
        });
    }

    pub(crate) fn missing(&mut self, at: &Path<'_>) {
        self.fault("missing_field", at, |field| format!("{field} is required."));
    }

    pub(crate) fn invalid(&mut self, at: &Path<'_>, rule: &str) {
        self.fault("invalid_value", at, |field| format!("{field} must be {rule}."));
    }

    pub(crate) fn twice(&mut self, at: &Path<'_>) {
        self.fault("duplicate_field", at, |field| format!("{field} is given twice."));
    }

    fn fault(&mut self, code: &'static str, at: &Path<'_>, message: impl FnOnce(&str) -> String) {
        if self.fault.is_none() {
            let mut shape = Shape {
                code,
                message: String::new(),
                pointer: at.to_string(),
            };
            let field = shape
                .param()
                .map_or_else(|| "The body".to_owned(), |param| format!("`{param}`"));
            shape.message = message(&field);
            self.fault = Some(shape);
        }
    }
}

/// Reads a whole body: syntax errors become a [`Shape`], then the first fault that was noted.
pub(crate) fn read_body<'de, T>(body: &'de [u8], take: T) -> Result<T::Out, Shape>
where
    T: Take<'de>,
{
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    Seed::new(take)
        .deserialize(&mut deserializer)
        .and_then(|out| deserializer.end().map(|()| out))
        .map_err(|error| Shape {
            code: "invalid_json",
            message: format!(
                "The body is not valid JSON (line {}, column {}).",
                error.line(),
                error.column()
            ),
            pointer: String::new(),
        })
}

/// What a known field may hold. `null` counts as not given.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    Text,
    Bool,
    /// A whole number in this range.
    Whole(u64, u64),
    /// Any whole number, negative ones too.
    Integer,
    /// A number in this range.
    Number(f64, f64),
    Array,
    Object,
    TextOrArray,
    TextOrObject,
}

impl Rule {
    /// Notes a fault if the value breaks the rule.
    pub(crate) fn check(self, found: &Scalar<'_>, at: &Path<'_>, notes: &mut Notes) {
        let (fits, expected) = match (self, found) {
            (_, Scalar::Null) => return,
            (Rule::Text, found) => (matches!(found, Scalar::Text(_)), "a string"),
            (Rule::Bool, found) => (matches!(found, Scalar::Bool(_)), "a boolean"),
            (Rule::Array, found) => (matches!(found, Scalar::Array(_)), "an array"),
            (Rule::Object, found) => (matches!(found, Scalar::Object), "an object"),
            (Rule::TextOrArray, found) => (
                matches!(found, Scalar::Text(_) | Scalar::Array(_)),
                "a string or an array",
            ),
            (Rule::TextOrObject, found) => (
                matches!(found, Scalar::Text(_) | Scalar::Object),
                "a string or an object",
            ),
            (Rule::Integer, Scalar::Whole(_)) => return,
            (Rule::Integer, Scalar::Number(number)) if number.fract() == 0.0 => return,
            (Rule::Whole(min, max), Scalar::Whole(_) | Scalar::Number(_)) => {
                if !found.count().is_some_and(|count| (min..=max).contains(&count)) {
                    let rule = match max {
                        u64::MAX => format!("a whole number of at least {min}"),
                        _ => format!("a whole number from {min} to {max}"),
                    };
                    notes.invalid(at, &rule);
                }
                return;
            }
            (Rule::Number(min, max), Scalar::Whole(_) | Scalar::Number(_)) => {
                let number = match *found {
                    Scalar::Whole(whole) => whole as f64,
                    Scalar::Number(number) => number,
                    _ => return,
                };
                if !(min..=max).contains(&number) {
                    notes.invalid(at, &format!("a number from {min} to {max}"));
                }
                return;
            }
            (Rule::Whole(..) | Rule::Integer, _) => (false, "a whole number"),
            (Rule::Number(..), _) => (false, "a number"),
        };
        if !fits {
            notes.wrong_type(at, expected, found);
        }
    }
}

/// Reads one value as a scalar, holds it to a rule, and hands it back.
pub(crate) fn ruled<'de, A: MapAccess<'de>>(
    map: &mut A,
    rule: Rule,
    at: &Path<'_>,
    notes: &mut Notes,
) -> Result<Scalar<'de>, A::Error> {
    let found: Scalar<'de> = map.next_value()?;
    rule.check(&found, at, notes);
    Ok(found)
}

/// Reads the value of a field that is only checked: by the table if it is known, skipped if not.
pub(crate) fn known<'de, A: MapAccess<'de>>(
    map: &mut A,
    name: &str,
    table: &[(&str, Rule)],
    at: &Path<'_>,
    notes: &mut Notes,
) -> Result<(), A::Error> {
    match table.iter().find(|(known, _)| *known == name) {
        Some((_, rule)) => ruled(map, *rule, &Path::Name(at, name), notes).map(drop),
        None => map.next_value::<IgnoredAny>().map(drop),
    }
}

/// `messages`: a non-empty array of objects with a known role and content. Gives the number of messages.
pub(crate) struct Messages<'r> {
    pub(crate) notes: &'r mut Notes,
    pub(crate) at: Path<'r>,
    pub(crate) roles: &'static [&'static str],
    /// Roles whose content may be absent or null (an assistant that only called tools).
    pub(crate) may_be_silent: &'static [&'static str],
}

impl<'de> Take<'de> for Messages<'_> {
    type Out = usize;

    fn scalar(self, found: Scalar<'de>) -> usize {
        self.notes.wrong_type(&self.at, "an array", &found);
        0
    }

    fn array<A: SeqAccess<'de>>(self, mut seq: A) -> Result<usize, A::Error> {
        let mut count = 0;
        loop {
            let message = Message {
                notes: &mut *self.notes,
                at: Path::Index(&self.at, count),
                roles: self.roles,
                may_be_silent: self.may_be_silent,
            };
            if seq.next_element_seed(Seed::new(message))?.is_none() {
                break;
            }
            count += 1;
        }
        if count == 0 {
            self.notes.invalid(&self.at, "an array with at least one message");
        }
        Ok(count)
    }
}

struct Message<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
    roles: &'static [&'static str],
    may_be_silent: &'static [&'static str],
}

impl<'de> Take<'de> for Message<'_> {
    type Out = ();

    fn scalar(self, found: Scalar<'de>) {
        self.notes.wrong_type(&self.at, "an object", &found);
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (notes, at) = (self.notes, self.at);
        let (mut role, mut content, mut tool_call_id) = (None, None, false);
        while let Some(name) = next_name(&mut map)? {
            let here = Path::Name(&at, &name);
            match &*name {
                "role" => {
                    let found = ruled(&mut map, Rule::Text, &here, notes)?;
                    if role.replace(found.text()).is_some() {
                        notes.twice(&here);
                    }
                }
                "content" => {
                    let found = map.next_value_seed(Seed::new(Content {
                        notes,
                        at: here,
                        nested: false,
                    }))?;
                    if content.replace(found).is_some() {
                        notes.twice(&here);
                    }
                }
                "tool_call_id" => {
                    tool_call_id = ruled(&mut map, Rule::Text, &here, notes)?.is_filled();
                }
                _ => known(
                    &mut map,
                    &name,
                    &[("name", Rule::Text), ("tool_calls", Rule::Array)],
                    &at,
                    notes,
                )?,
            }
        }
        let Some(Some(role)) = role else {
            notes.missing(&Path::Name(&at, "role"));
            return Ok(());
        };
        if !self.roles.contains(&&*role) {
            notes.invalid(
                &Path::Name(&at, "role"),
                &format!("one of {}", self.roles.join(", ")),
            );
        }
        if content != Some(true) && !self.may_be_silent.contains(&&*role) {
            notes.missing(&Path::Name(&at, "content"));
        }
        if role == "tool" && !tool_call_id {
            notes.missing(&Path::Name(&at, "tool_call_id"));
        }
        Ok(())
    }
}

/// Content: a string, or an array of parts. Gives whether there was any (not null).
pub(crate) struct Content<'r> {
    pub(crate) notes: &'r mut Notes,
    pub(crate) at: Path<'r>,
    /// Whether it stands in a part: results of hosted tools may be a bare object there.
    pub(crate) nested: bool,
}

impl<'de> Take<'de> for Content<'_> {
    type Out = bool;

    fn scalar(self, found: Scalar<'de>) -> bool {
        match &found {
            Scalar::Null => return false,
            Scalar::Text(text) => self.notes.text_bytes += text.len() as u64,
            Scalar::Object if self.nested => {}
            other => self
                .notes
                .wrong_type(&self.at, "a string or an array of parts", other),
        }
        true
    }

    fn array<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut index = 0;
        while seq
            .next_element_seed(Seed::new(Part {
                notes: &mut *self.notes,
                at: Path::Index(&self.at, index),
            }))?
            .is_some()
        {
            index += 1;
        }
        Ok(true)
    }
}

/// One part of content: an object with a `type`; its text is counted, nested content is walked.
struct Part<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
}

impl<'de> Take<'de> for Part<'_> {
    type Out = ();

    fn scalar(self, found: Scalar<'de>) {
        self.notes.wrong_type(&self.at, "an object", &found);
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (notes, at) = (self.notes, self.at);
        let mut typed = false;
        while let Some(name) = next_name(&mut map)? {
            let here = Path::Name(&at, &name);
            match &*name {
                "type" => typed = ruled(&mut map, Rule::Text, &here, notes)?.is_filled(),
                "text" | "refusal" | "thinking" => {
                    if let Scalar::Text(text) = ruled(&mut map, Rule::Text, &here, notes)? {
                        notes.text_bytes += text.len() as u64;
                    }
                }
                "file_id" => notes.stored_files |= map.next_value::<Scalar<'de>>()?.is_filled(),
                "file" | "source" | "image_file" | "image_url" | "input_file" | "input_image" => {
                    notes.stored_files |= map.next_value_seed(Seed::new(FileScan))?;
                }
                "content" => drop(map.next_value_seed(Seed::new(Content {
                    notes,
                    at: here,
                    nested: true,
                }))?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if !typed {
            notes.missing(&Path::Name(&at, "type"));
        }
        Ok(())
    }
}

/// The tools that a request offers: names of the caller's own functions, and kinds that the provider hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ToolList<'a> {
    pub(crate) names: Vec<Cow<'a, str>>,
    pub(crate) hosted: Vec<Cow<'a, str>>,
    /// Names that hosted tools have of their own.
    pub(crate) hosted_names: Vec<Cow<'a, str>>,
}

/// Longest name of a tool: both providers' own limit is 64, Anthropic's newer one 128.
const TOOL_NAME_MAX: usize = 128;

/// Notes a fault unless the name is of letters, digits, `_` and `-`.
pub(crate) fn tool_name(name: &str, at: &Path<'_>, notes: &mut Notes) {
    let fits = (1..=TOOL_NAME_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !fits {
        notes.invalid(at, "1 to 128 letters, digits, `_` or `-`");
    }
}
