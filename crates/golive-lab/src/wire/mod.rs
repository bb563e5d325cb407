//! The wire formats that the lab speaks, read tolerantly and written completely. They are the lab's own: a
//! mistake in golive's parser must not be answered by the same mistake here.
//!
//! Never: reads a field that it does not need, or refuses what the real provider takes.

pub(crate) mod agent;
pub(crate) mod anthropic;
pub(crate) mod conversation;
pub(crate) mod numbers;
pub(crate) mod openai;

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use serde_json::json;

use crate::answer::Content;
use crate::model::Reply;
use crate::wire::conversation::Conversation;

/// Whose words a route speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    Anthropic,
    Agent,
}

/// What a provider's path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    Chat(Dialect),
    /// OpenAI's alone.
    Embeddings,
    /// Anthropic's alone.
    CountTokens,
    Models,
    Model(&'a str),
    /// A page of the script, by name.
    Page(&'a str),
    /// Whoever is seen here was lured: a picture or link of an attack was loaded, a forbidden tool executed.
    Bait,
    /// Where [`crate::Fault::Redirect`] leads: whoever is seen here followed it.
    Redirected,
    Unknown,
    WrongMethod,
}

/// A request for words, as far as the lab reads it.
pub(crate) struct Asked<'a> {
    pub(crate) model: Cow<'a, str>,
    pub(crate) stream: bool,
    /// Only for OpenAI: whether the usage is to be told at the end of a stream.
    pub(crate) include_usage: bool,
    pub(crate) conversation: Conversation<'a>,
}

/// A body that the provider would refuse, and what it would say.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("We could not parse the JSON body of your request: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("Missing required parameter: '{0}'.")]
    Missing(&'static str),
    #[error("{0}: header is required")]
    MissingHeader(&'static str),
}

/// What is the same in every event and document of one answer.
pub(crate) struct Envelope<'a> {
    pub(crate) model: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) created: u64,
    pub(crate) include_usage: bool,
}

impl<'a> Route<'a> {
    /// By path without the provider's prefix and without the query.
    pub(crate) fn of(method: &Method, path: &'a str) -> Self {
        let (route, wanted) = match path {
            "/v1/chat/completions" => (Route::Chat(Dialect::OpenAi), Method::POST),
            "/v1/messages" => (Route::Chat(Dialect::Anthropic), Method::POST),
            "/v1/embeddings" => (Route::Embeddings, Method::POST),
            "/v1/messages/count_tokens" => (Route::CountTokens, Method::POST),
            "/agent" => (Route::Chat(Dialect::Agent), Method::POST),
            "/v1/models" => (Route::Models, Method::GET),
            "/redirected" => return Route::Redirected,
            _ if path.starts_with("/bait/") => return Route::Bait,
            _ if path.starts_with("/pages/") => (Route::Page(&path["/pages/".len()..]), Method::GET),
            _ => match path.strip_prefix("/v1/models/") {
                Some(model) if !model.is_empty() => (Route::Model(model), Method::GET),
                _ => return Route::Unknown,
            },
        };
        let is_head = *method == Method::HEAD && wanted == Method::GET;
        if *method == wanted || is_head {
            route
        } else {
            Route::WrongMethod
        }
    }

    /// The dialect of the route's errors: by the headers where the path is common to both.
    pub(crate) fn dialect(&self, headers: &http::HeaderMap) -> Dialect {
        match self {
            Route::Chat(dialect) => *dialect,
            Route::Embeddings => Dialect::OpenAi,
            Route::CountTokens => Dialect::Anthropic,
            _ if headers.contains_key("anthropic-version") => Dialect::Anthropic,
            _ => Dialect::OpenAi,
        }
    }
}

impl Dialect {
    pub(crate) fn read<'a>(self, body: &'a [u8], headers: &http::HeaderMap) -> Result<Asked<'a>, Refused> {
        match self {
            Dialect::OpenAi => openai::read(body),
            Dialect::Anthropic if !headers.contains_key("anthropic-version") => {
                Err(Refused::MissingHeader("anthropic-version"))
            }
            Dialect::Anthropic => anthropic::read(body),
            Dialect::Agent => agent::read(body, headers),
        }
    }

    pub(crate) fn write(self, envelope: &Envelope<'_>, reply: &Reply, stream: bool) -> Content {
        match (self, stream) {
            (Dialect::OpenAi, false) => Content::Whole(openai::whole(envelope, reply)),
            (Dialect::OpenAi, true) => Content::Stream(openai::stream(envelope, reply)),
            (Dialect::Anthropic, false) => Content::Whole(anthropic::whole(envelope, reply)),
            (Dialect::Anthropic, true) => Content::Stream(anthropic::stream(envelope, reply)),
            (Dialect::Agent, false) => Content::Whole(agent::whole(envelope, reply)),
            (Dialect::Agent, true) => Content::Stream(agent::stream(envelope, reply)),
        }
    }

    /// The error object of a whole answer.
    pub(crate) fn error_body(self, status: u16, message: &str, code: &str) -> Bytes {
        let error = match self {
            Dialect::OpenAi => json!({"error": {
                "message": message, "type": openai::error_type(status), "param": null, "code": code,
            }}),
            Dialect::Anthropic => json!({"type": "error", "error": {
                "type": anthropic::error_type(status), "message": message,
            }, "request_id": "req_lab"}),
            Dialect::Agent => json!({"error": {"message": message, "code": code}}),
        };
        error.to_string().into()
    }

    /// The error event of a stream.
    pub(crate) fn error_event(self, status: u16, message: &str) -> Bytes {
        let body = self.error_body(status, message, "lab_fault");
        let body = String::from_utf8_lossy(&body);
        match self {
            Dialect::Anthropic => format!("event: error\ndata: {body}\n\n").into(),
            Dialect::OpenAi | Dialect::Agent => format!("data: {body}\n\n").into(),
        }
    }

    /// The header that carries the request's id.
    pub(crate) fn request_id_header(self) -> http::HeaderName {
        match self {
            Dialect::Anthropic => http::HeaderName::from_static("request-id"),
            Dialect::OpenAi | Dialect::Agent => http::HeaderName::from_static("x-request-id"),
        }
    }

    /// Events of a stream before its first text.
    pub(crate) fn opening_events(self) -> usize {
        match self {
            Dialect::OpenAi => 1,    // the role
            Dialect::Anthropic => 3, // message_start, ping, content_block_start
            Dialect::Agent => 0,
        }
    }

    /// Events without which a stream is not complete: what [`crate::Fault::NoDone`] leaves out.
    pub(crate) fn closing_events(self) -> usize {
        match self {
            Dialect::OpenAi => 1,    // [DONE]
            Dialect::Anthropic => 1, // message_stop
            Dialect::Agent => 1,     // [DONE]
        }
    }
}

/// The list of models, or one of them.
pub(crate) fn models(dialect: Dialect, names: &[String], created: u64) -> Bytes {
    let rows: Vec<serde_json::Value> = names.iter().map(|name| model(dialect, name, created)).collect();
    let list = match dialect {
        Dialect::Anthropic => {
            json!({"data": rows, "has_more": false, "first_id": names.first(), "last_id": names.last()})
        }
        _ => json!({"object": "list", "data": rows}),
    };
    list.to_string().into()
}

/// One entry of the list of models.
pub(crate) fn model(dialect: Dialect, name: &str, created: u64) -> serde_json::Value {
    match dialect {
        Dialect::Anthropic => {
            let at = jiff::Timestamp::from_second(i64::try_from(created).unwrap_or(0)).unwrap_or_default();
            json!({"type": "model", "id": name, "display_name": name, "created_at": at.to_string()})
        }
        _ => json!({"id": name, "object": "model", "created": created, "owned_by": "golive-lab"}),
    }
}
