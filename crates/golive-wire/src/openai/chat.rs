//! S3, M2: `POST /v1/chat/completions`: the view of a request, the view of an answer, and the edit that asks for usage.
//!
//! Never: copies a text that stands unescaped in the body, or changes a byte that need not change.

use crate::edit::set_member;
use crate::few::Few;
use crate::take::{Scalar, Seed, Take, next_name, read_object};
use crate::usage::Usage;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use std::borrow::Cow;

pub use super::request::RequestView;
pub use crate::edit::replace_model;

/// The body with `stream_options.include_usage` set to `true`: inserted or overwritten, every other byte as it was.
pub fn with_include_usage(body: &[u8]) -> Vec<u8> {
    set_member(body, "stream_options", |options| match options {
        Some(options) if options.starts_with(b"{") => {
            set_member(options, "include_usage", |_| b"true".to_vec())
        }
        _ => br#"{"include_usage":true}"#.to_vec(),
    })
}

/// What a gateway must know of an answer's body. Fields that are missing or odd are simply not there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResponseView<'a> {
    /// The answer's own id.
    pub id: Option<Cow<'a, str>>,
    /// The model that answered.
    pub model: Option<Cow<'a, str>>,
    /// Token counts, if given.
    pub usage: Option<Usage>,
    /// The first choice's `finish_reason`.
    pub finish_reason: Option<Cow<'a, str>>,
    /// The first choice's text (content, or the refusal if there is no content).
    pub text: Cow<'a, str>,
    /// Tool calls of all choices.
    pub tool_calls: usize,
    /// Number of choices.
    pub choices: usize,
    /// The body is an answer: an object with a `choices` array, and no error.
    pub is_answer: bool,
    /// The body is an error object, whatever the status said.
    pub is_error_object: bool,
    /// The error's `code`, else its `type`.
    pub error_code: Option<Cow<'a, str>>,
    /// The error's message. For logs; never for a caller.
    pub error_message: Option<Cow<'a, str>>,
}

/// Reads an answer's body, that of a Responses answer too. Bytes that are not a JSON object give the empty view.
pub fn read_response(body: &[u8]) -> ResponseView<'_> {
    let Some(raw) = read_object::<RawResponse<'_>>(body) else {
        return ResponseView::default();
    };
    if matches!(&raw.object, Scalar::Text(object) if object == "response") && raw.choices.is_none() {
        return super::responses::read_response(body);
    }
    let mut view = ResponseView {
        id: raw.id.words(),
        model: raw.model.words(),
        usage: raw.usage.map(Usage::from),
        is_answer: raw.choices.is_some() && raw.error.is_none(),
        ..ResponseView::default()
    };
    if let Some(error) = raw.error {
        view.is_error_object = true;
        view.error_code = error.code;
        view.error_message = error.message;
    } else if matches!(&raw.object, Scalar::Text(object) if object == "error") {
        view.is_error_object = true;
        view.error_message = raw.message.words();
    }
    let (one, many) = raw.choices.unwrap_or_default().into_parts();
    for (index, choice) in one.into_iter().chain(many).enumerate() {
        let message = choice.message.unwrap_or_default();
        view.tool_calls += match message.tool_calls {
            Scalar::Array(len) => len,
            other => usize::from(other.is_filled()),
        };
        view.tool_calls += usize::from(message.function_call.is_filled());
        if index == 0 {
            view.finish_reason = choice.finish_reason.words();
            view.text = message.content.0.or(message.refusal.words()).unwrap_or_default();
        }
        view.choices += 1;
    }
    view
}

#[derive(Deserialize)]
struct RawResponse<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    object: Scalar<'a>,
    #[serde(borrow, default)]
    model: Scalar<'a>,
    #[serde(borrow, default)]
    message: Scalar<'a>,
    #[serde(borrow, default)]
    choices: Option<Few<RawChoice<'a>>>,
    #[serde(default)]
    usage: Option<RawUsage>,
    #[serde(borrow, default, deserialize_with = "truthy_error")]
    error: Option<Box<RawError<'a>>>,
}

#[derive(Deserialize)]
struct RawChoice<'a> {
    #[serde(borrow, default)]
    message: Option<RawMessage<'a>>,
    #[serde(borrow, default)]
    finish_reason: Scalar<'a>,
}

#[derive(Deserialize, Default)]
struct RawMessage<'a> {
    #[serde(borrow, default)]
    content: Text<'a>,
    #[serde(borrow, default)]
    refusal: Scalar<'a>,
    #[serde(borrow, default)]
    tool_calls: Scalar<'a>,
    #[serde(borrow, default)]
    function_call: Scalar<'a>,
}

/// `usage` as OpenAI writes it.
#[derive(Deserialize)]
pub(crate) struct RawUsage {
    #[serde(default, deserialize_with = "count")]
    prompt_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Default, Deserialize)]
struct PromptDetails {
    #[serde(default, deserialize_with = "count")]
    cached_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    cache_write_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    image_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    audio_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct CompletionDetails {
    #[serde(default, deserialize_with = "count")]
    reasoning_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    image_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    audio_tokens: Option<u64>,
}

impl RawUsage {
    /// The part of the input that went into the cache.
    pub(crate) fn cache_written(&self) -> Option<u64> {
        self.prompt_tokens_details.as_ref()?.cache_write_tokens
    }
}

impl From<RawUsage> for Usage {
    fn from(raw: RawUsage) -> Usage {
        let (input, output) = (raw.prompt_tokens_details, raw.completion_tokens_details);
        let (input, output) = (input.unwrap_or_default(), output.unwrap_or_default());
        Usage {
            input: raw.prompt_tokens,
            cached_input: input.cached_tokens,
            output: raw.completion_tokens,
            reasoning: output.reasoning_tokens,
            cache_write: input.cache_write_tokens,
            cache_write_1h: None, // this format has one kind of cache
            image_input: input.image_tokens,
            image_output: output.image_tokens,
            audio_input: input.audio_tokens,
            audio_output: output.audio_tokens,
        }
    }
}

/// A count that may be missing, null, or written with a fraction of zero; anything else is no count.
pub(crate) fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Scalar::deserialize(deserializer)?.count())
}

/// An error object in an answer. Servers also write a bare string or just `true`.
#[derive(Debug, Default)]
pub(crate) struct RawError<'a> {
    pub(crate) code: Option<Cow<'a, str>>,
    pub(crate) message: Option<Cow<'a, str>>,
}

/// `null`, `false`, `""` and 0 are no error: official clients test for truth.
pub(crate) fn truthy_error<'de: 'a, 'a, D>(deserializer: D) -> Result<Option<Box<RawError<'a>>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    struct ErrorTake;
    impl<'de> Take<'de> for ErrorTake {
        type Out = Option<Box<RawError<'de>>>;
        fn scalar(self, found: Scalar<'de>) -> Self::Out {
            match found {
                Scalar::Null | Scalar::Bool(false) | Scalar::Whole(0) => None,
                found if !found.is_filled() => None,
                found => Some(Box::new(RawError {
                    code: None,
                    message: found.text(),
                })),
            }
        }
        fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
            let (mut error, mut kind) = (RawError::default(), None);
            while let Some(name) = next_name(&mut map)? {
                match &*name {
                    "code" => error.code = map.next_value::<Scalar<'de>>()?.words(),
                    "type" => kind = map.next_value::<Scalar<'de>>()?.words(),
                    "message" => error.message = map.next_value::<Scalar<'de>>()?.words(),
                    _ => drop(map.next_value::<IgnoredAny>()?),
                }
            }
            error.code = error.code.or(kind);
            Ok(Some(Box::new(error)))
        }
    }
    serde::de::DeserializeSeed::deserialize(Seed::new(ErrorTake), deserializer)
}

/// Visible text: a string, or the text parts of an array (some compatible servers answer in parts). Never empty.
#[derive(Debug, Default)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::DeserializeSeed::deserialize(Seed::new(TextTake), deserializer)
    }
}

struct TextTake;

impl<'de> Take<'de> for TextTake {
    type Out = Text<'de>;

    fn scalar(self, found: Scalar<'de>) -> Text<'de> {
        Text(found.words())
    }

    fn array<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text<'de>, A::Error> {
        let mut joined: Option<Cow<'de, str>> = None;
        while let Some(Text(part)) = seq.next_element()? {
            joined = match (joined, part) {
                (Some(sofar), Some(part)) => Some(Cow::Owned(sofar.into_owned() + &part)),
                (sofar, part) => sofar.or(part),
            };
        }
        Ok(Text(joined))
    }

    /// A part: its `text`. Parts of other kinds (thinking, images) have none.
    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'de>, A::Error> {
        let mut text = None;
        while let Some(name) = next_name(&mut map)? {
            match &*name {
                "text" => text = map.next_value::<Scalar<'de>>()?.words(),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Text(text))
    }
}
