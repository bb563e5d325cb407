//! E4, M2: answers that are numbers and no words: OpenAI's embeddings and Anthropic's count of tokens.
//!
//! Never: gives the same vector to two texts, or another one to the same text.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::wire::Refused;
use crate::wire::conversation::Conversation;

/// Numbers of a vector where the request does not say.
const DIMENSIONS: usize = 8;
/// The most that it may ask for: the longest vectors OpenAI gives.
const DIMENSIONS_MAX: usize = 3072;

/// A request for numbers, with its answer.
pub(crate) struct Numbers<'a> {
    pub(crate) model: Cow<'a, str>,
    pub(crate) body: Bytes,
    /// Tokens that are billed.
    pub(crate) input: u64,
}

#[derive(Deserialize)]
struct Embeddings<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    input: Option<Value>,
    encoding_format: Option<String>,
    dimensions: Option<usize>,
}

/// Answers a request for embeddings; a token for four bytes of each input, as everywhere in the lab.
pub(crate) fn embeddings(body: &[u8]) -> Result<Numbers<'_>, Refused> {
    let asked: Embeddings<'_> = serde_json::from_slice(body)?;
    let model = asked.model.ok_or(Refused::Missing("model"))?;
    let inputs = match asked.input.ok_or(Refused::Missing("input"))? {
        Value::Array(many) if !many.iter().all(Value::is_number) => many,
        one => vec![one],
    };
    let size = asked.dimensions.unwrap_or(DIMENSIONS).clamp(1, DIMENSIONS_MAX);
    let in_base64 = asked.encoding_format.as_deref() == Some("base64");
    let mut tokens = 0;
    let data = inputs.iter().enumerate().map(|(index, input)| {
        let text = input.to_string();
        tokens += match input {
            Value::Array(list) => list.len() as u64,
            _ => text.len() as u64 / 4 + 1,
        };
        let vector = vector(&text, size);
        let embedding = if in_base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        } else {
            json!(vector)
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    let data: Vec<Value> = data.collect();
    let answer = json!({
        "object": "list", "data": data, "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    });
    Ok(Numbers {
        model,
        body: answer.to_string().into(),
        input: tokens,
    })
}

#[derive(Deserialize)]
struct Count<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    system: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
}

/// Answers a request to count tokens, by the rule by which the lab counts them in its answers. Nothing is billed.
pub(crate) fn count<'a>(body: &'a [u8], headers: &http::HeaderMap) -> Result<Numbers<'a>, Refused> {
    if !headers.contains_key("anthropic-version") {
        return Err(Refused::MissingHeader("anthropic-version"));
    }
    let asked: Count<'_> = serde_json::from_slice(body)?;
    let conversation = Conversation {
        messages: Some(asked.messages.ok_or(Refused::Missing("messages"))?),
        system: asked.system,
        tools: asked.tools,
    };
    Ok(Numbers {
        model: asked.model.ok_or(Refused::Missing("model"))?,
        body: json!({"input_tokens": conversation.tokens()}).to_string().into(),
        input: 0,
    })
}

/// The vector of a text, of length 1: each number from a hash (FNV-1a) of the text and its place.
fn vector(text: &str, size: usize) -> Vec<f32> {
    let hash = |place: usize| {
        let bytes = text.bytes().chain(place.to_le_bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    // The upper bits: the lower ones of this hash hardly mix.
    let numbers: Vec<f32> = (0..size)
        .map(|place| (hash(place) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0)
        .collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers
        .iter()
        .map(|number| number / length.max(f32::EPSILON))
        .collect()
}
