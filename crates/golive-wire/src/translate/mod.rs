//! E4: translation between the wire formats, so that a chain can go on with another maker's model: requests on the way
//! up, answers and streams on the way back.
//!
//! What the other format cannot express is refused, told or dropped as a [`Policy`] declares, parameter by parameter.
//! A stream is ended only where its source says that it is complete; an error in it stays an error.
//!
//! Never: guesses what a caller meant, mends JSON that a model wrote wrongly, or counts tokens.

mod agent;
mod answer_to_chat;
mod answer_to_messages;
mod json;
mod policy;
mod request_to_chat;
mod request_to_messages;
mod stream;
mod thinking;
mod words;

pub use policy::{Agent, HINTS, Loss, Policy, Reasoning};
pub use stream::{Malformed, Stream};
pub use thinking::{UNSIGNED, without_unsigned_thinking};

use crate::usage::Usage;
use crate::{ApiError, Wire};
use json::Json;
use policy::Losses;
use std::borrow::Cow;

/// A request in the other format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// The body to send.
    pub body: Vec<u8>,
    /// Parameters it goes without, of which the caller is to be told. Fit for a header.
    pub warnings: Vec<Cow<'static, str>>,
    /// Parameters it goes without by declaration; for the ledger.
    pub dropped: Vec<Cow<'static, str>>,
}

/// A whole answer in the caller's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The body to send.
    pub body: Vec<u8>,
    /// Parts of the answer that the caller's format has no place for. Fit for a header.
    pub warnings: Vec<&'static str>,
    /// What the source reported. The body may need to say 0 where the source said nothing: count from here.
    pub usage: Usage,
}

/// What an answer is called. Ids of providers do not pass: golive's own stand in their place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Goes behind `chatcmpl-` or `msg_`.
    pub id: String,
    /// Unix time in seconds; OpenAI's format has it.
    pub created_s: u64,
    /// The model's name for the caller; `None`: as the source says it.
    pub model: Option<String>,
    /// The caller did not ask for the chunk with the totals, which OpenAI's format sends only then.
    pub hide_usage: bool,
    /// The pointers, where either side is an HTTP agent.
    pub agent: Option<Agent>,
}

/// Why something was not translated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The other format has no place for it, and the policy is not to go on without.
    #[error("`{parameter}` cannot be expressed for the service that would answer; leave it out")]
    CannotExpress {
        /// As the source format writes it: `seed`, `messages.input_audio`.
        parameter: Cow<'static, str>,
        /// The format in which it has no place.
        to: Wire,
    },
    /// It is not what its own format promises.
    #[error("{why}")]
    Invalid {
        /// JSON pointer to the place; empty for the whole body.
        pointer: String,
        /// What is wrong there: a sentence without its content.
        why: &'static str,
    },
    /// There is no translation between these two.
    #[error("there is no translation from {} to {}", from.as_str(), to.as_str())]
    NoWay {
        /// The source's format.
        from: Wire,
        /// The other one.
        to: Wire,
    },
}

impl Refusal {
    fn invalid(pointer: impl Into<String>, why: &'static str) -> Self {
        Refusal::Invalid {
            pointer: pointer.into(),
            why,
        }
    }
}

/// For a request. An answer that is [`Refusal::Invalid`] is the upstream's failure, not the caller's.
impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        let error = match &refusal {
            Refusal::CannotExpress { parameter, .. } => {
                let message = format!(
                    "`{parameter}` cannot be expressed for the service that would answer now. Leave it out, or ask the operator to allow going on without it."
                );
                ApiError::new(400, "unsupported_parameter", message).with_param(parameter.clone())
            }
            Refusal::Invalid { pointer, why } => {
                let shape = crate::Shape {
                    code: "invalid_value",
                    message: (*why).to_owned(),
                    pointer: pointer.clone(),
                };
                ApiError::from(shape)
            }
            Refusal::NoWay { .. } => ApiError::new(
                400,
                "unsupported_format",
                "No service behind this name speaks the format of this route.",
            ),
        };
        error.with_should_retry(false)
    }
}

/// A request of format `from` for a link that speaks `to`. The model's name stays: the link's own is set afterwards.
///
/// # Errors
/// See [`Refusal`].
pub fn request(from: Wire, to: Wire, body: &[u8], policy: &Policy) -> Result<Translated, Refusal> {
    let source = Json::parse(body)
        .filter(|source| source.is_object())
        .ok_or_else(|| Refusal::invalid("", "The body is not a JSON object."))?;
    let mut losses = Losses::new(policy, to);
    let body = match (from, to) {
        (Wire::OpenAi, Wire::Anthropic) => request_to_messages::translate(source, &mut losses)?,
        (Wire::Anthropic, Wire::OpenAi) => request_to_chat::translate(source, &mut losses)?,
        (Wire::OpenAi | Wire::Anthropic, Wire::Problem) => agent::request_to_agent(source, &mut losses)?,
        (Wire::Problem, Wire::OpenAi | Wire::Anthropic) => agent::request_of_agent(source, &mut losses)?,
        _ => return Err(Refusal::NoWay { from, to }),
    };
    Ok(Translated {
        body,
        warnings: losses.told,
        dropped: losses.dropped,
    })
}

/// A whole answer of format `from` for a caller that speaks `to`.
///
/// # Errors
/// [`Refusal::Invalid`] where the body is no answer of its format (an error object is none), [`Refusal::CannotExpress`]
/// where it is nothing but what the caller's format has no place for.
pub fn answer(from: Wire, to: Wire, body: &[u8], head: &Head) -> Result<Answer, Refusal> {
    let source = Json::parse(body)
        .filter(|source| source.is_object())
        .ok_or_else(|| Refusal::invalid("", "The answer is not a JSON object."))?;
    match (from, to) {
        (Wire::OpenAi, Wire::Anthropic) => answer_to_messages::translate(source, head),
        (Wire::Anthropic, Wire::OpenAi) => answer_to_chat::translate(source, head),
        (Wire::Problem, Wire::OpenAi | Wire::Anthropic) => agent::answer_of_agent(source, to, head),
        (Wire::OpenAi | Wire::Anthropic, Wire::Problem) => agent::answer_to_agent(source, from, head),
        _ => Err(Refusal::NoWay { from, to }),
    }
}
