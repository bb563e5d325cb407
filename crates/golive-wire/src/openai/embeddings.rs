//! S3, M2: `POST /v1/embeddings`: the view of a request and of an answer (reference: openai-api.md §6).
//!
//! Never: reads the vectors.

use super::chat::{RawError, RawUsage, truthy_error};
use crate::error::json;
use crate::few::Few;
use crate::shape::{Notes, Path, Rule, Shape, known, read_body, ruled};
use crate::take::{Filled, Scalar, Seed, Take, Words, next_name, read_object};
use crate::usage::Usage;
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess};
use std::borrow::Cow;

pub use crate::edit::replace_model;

/// What a gateway must know of a request; text is borrowed from the body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestView<'a> {
    /// The model asked for; never empty.
    pub model: Cow<'a, str>,
    /// Number of inputs, at least one.
    pub inputs: usize,
    /// UTF-8 bytes of text in the inputs, for a token estimate.
    pub text_bytes: u64,
    /// Inputs that come as tokens: their number. No screen can read them.
    pub tokens: u64,
    /// `encoding_format`, if given: `float` or `base64`.
    pub encoding: Option<Cow<'a, str>>,
    /// The person's id.
    pub user: Option<Cow<'a, str>>,
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
                ..view
            }),
        }
    }
}

/// What a gateway must know of an answer's body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResponseView<'a> {
    /// The model that answered.
    pub model: Option<Cow<'a, str>>,
    /// Token counts, if given; there is no output.
    pub usage: Option<Usage>,
    /// Number of vectors.
    pub vectors: usize,
    /// The body is an answer: an object with a `data` array, and no error.
    pub is_answer: bool,
    /// The body is an error object, whatever the status said.
    pub is_error_object: bool,
    /// The error's `code`, else its `type`.
    pub error_code: Option<Cow<'a, str>>,
    /// The error's message. For logs; never for a caller.
    pub error_message: Option<Cow<'a, str>>,
}

/// Reads an answer's body. Bytes that are not a JSON object give the empty view.
pub fn read_response(body: &[u8]) -> ResponseView<'_> {
    let Some(raw) = read_object::<RawResponse<'_>>(body) else {
        return ResponseView::default();
    };
    let usage = raw.usage.map(|usage| Usage {
        output: Some(0), // vectors take none
        ..Usage::from(usage)
    });
    let (error_code, error_message) = match raw.error {
        Some(ref error) => (error.code.clone(), error.message.clone()),
        None => (None, None),
    };
    ResponseView {
        model: raw.model.0,
        usage: usage.filter(|usage| usage.input.is_some()),
        vectors: raw.data.as_ref().map_or(0, |data| data.as_slice().len()),
        is_answer: raw.data.is_some() && raw.error.is_none(),
        is_error_object: raw.error.is_some(),
        error_code,
        error_message,
    }
}

/// The body of an answer, for the lab.
pub fn response(model: &str, vectors: &[Vec<f32>], input_tokens: u64) -> Vec<u8> {
    let data: Vec<_> = vectors
        .iter()
        .enumerate()
        .map(
            |(index, vector)| serde_json::json!({"object": "embedding", "index": index, "embedding": vector}),
        )
        .collect();
    json(&serde_json::json!({
        "object": "list", "data": data, "model": model,
        "usage": {"prompt_tokens": input_tokens, "total_tokens": input_tokens},
    }))
}

#[derive(Deserialize)]
struct RawResponse<'a> {
    #[serde(borrow, default)]
    model: Words<'a>,
    #[serde(default)]
    data: Option<Few<Filled>>,
    #[serde(default)]
    usage: Option<RawUsage>,
    #[serde(borrow, default, deserialize_with = "truthy_error")]
    error: Option<Box<RawError<'a>>>,
}

/// Fields that are held to a type and a range but not used.
const KNOWN: &[(&str, Rule)] = &[("dimensions", Rule::Whole(1, u64::MAX))];
/// OpenAI's own bound of inputs in one request (openapi.yaml, CreateEmbeddingRequest).
const INPUTS_MAX: usize = 2048;

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
        let (mut model, mut input) = (None, None);
        while let Some(name) = next_name(&mut map)? {
            let at = Path::Name(&Path::Root, &name);
            let twice = match &*name {
                "model" => model.replace(ruled(&mut map, Rule::Text, &at, notes)?).is_some(),
                "input" => {
                    let found = map.next_value_seed(Seed::new(Input { notes, at }))?;
                    input.replace(found).is_some()
                }
                "encoding_format" => {
                    view.encoding = ruled(&mut map, Rule::Text, &at, notes)?.words();
                    if view
                        .encoding
                        .as_deref()
                        .is_some_and(|word| !matches!(word, "float" | "base64"))
                    {
                        notes.invalid(&at, "`float` or `base64`");
                    }
                    false
                }
                "user" => {
                    let found = ruled(&mut map, Rule::Text, &at, notes)?.words();
                    std::mem::replace(&mut view.user, found).is_some()
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
            Some((inputs, tokens)) => (view.inputs, view.tokens) = (inputs, tokens),
            None => notes.missing(&Path::Name(&Path::Root, "input")),
        }
        Ok((view, noted))
    }
}

/// `input`: a text, texts, tokens, or lists of tokens. Gives the number of inputs, and of tokens.
struct Input<'r> {
    notes: &'r mut Notes,
    at: Path<'r>,
}

impl<'de> Take<'de> for Input<'_> {
    type Out = (usize, u64);

    fn scalar(self, found: Scalar<'de>) -> Self::Out {
        match &found {
            Scalar::Text(text) => self.notes.text_bytes += text.len() as u64,
            Scalar::Null => self.notes.missing(&self.at),
            other => self.notes.wrong_type(&self.at, "a string or an array", other),
        }
        (1, 0)
    }

    fn array<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        let (mut texts, mut lists, mut bare, mut index) = (0, 0, 0, 0);
        let mut tokens = 0;
        while let Some(found) = seq.next_element::<Scalar<'de>>()? {
            match &found {
                Scalar::Text(text) => {
                    self.notes.text_bytes += text.len() as u64;
                    texts += 1;
                }
                Scalar::Whole(_) => bare += 1,
                Scalar::Array(len) => {
                    lists += 1;
                    tokens += *len as u64;
                }
                other => self.notes.wrong_type(
                    &Path::Index(&self.at, index),
                    "a string, a token or an array of tokens",
                    other,
                ),
            }
            index += 1;
        }
        let kinds = [texts, lists, bare].iter().filter(|count| **count > 0).count();
        if kinds == 0 && index == 0 {
            self.notes.invalid(&self.at, "an array with at least one input");
        } else if kinds > 1 {
            self.notes.invalid(&self.at, "an array of one kind of input");
        }
        let inputs = if bare > 0 { 1 } else { texts + lists };
        if inputs > INPUTS_MAX {
            self.notes.invalid(&self.at, "an array of at most 2048 inputs");
        }
        Ok((inputs, tokens + bare as u64))
    }
}
