//! S3: reads the body, bounded in size and time, and checks its structure before anything else looks at it.
//!
//! Never: unpacks an encoded body, reads past the limit, or hands on JSON that two parsers could read differently.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use golive_config::Inbound;
use golive_screen::validate::json::{self, Bounds};
use golive_wire::{ApiError, anthropic, openai};
use http::{HeaderMap, header};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;

use super::Step;
use super::count::{self, Counted};
use super::guard_tools::Offered;
use crate::call::{Call, Surface};
use crate::reply::Refused;

/// A request whose body was read and is sound. Made only here.
#[derive(Debug)]
pub struct Read {
    pub(super) call: Box<Call>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) ask: Ask,
}

/// What the body asks for.
#[derive(Debug, Default)]
pub struct Ask {
    /// The agent or model by name.
    pub model: String,
    /// Whether usage was asked for at the end of a stream (OpenAI).
    pub include_usage: bool,
    /// Bytes of text a model would read, for an estimate where the provider reports nothing.
    pub text_bytes: u64,
    /// Input that came as tokens: no screen can read it.
    pub tokens: u64,
    /// Bytes that cannot be fewer than the input tokens: the text with its roles, or the whole body where tools stand in
    /// it.
    pub bound_bytes: u64,
    /// The most output tokens the request allows, over all its choices; `None`: it names no maximum.
    pub max_output: Option<u64>,
    /// The tools that it offers or asks for.
    pub tools: Offered,
}

/// A request that was refused when its body had been read: somebody over a limit may ask for a person.
#[derive(Debug)]
pub struct Unheard {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) ask: Ask,
}

/// What a format adds to each message in tokens (roles, separators), with room to spare.
const MESSAGE_BYTES: u64 = 16;

fn bound_bytes(body: &[u8], text_bytes: u64, messages: usize, has_tools: bool) -> u64 {
    let text = text_bytes + (messages as u64 + 1) * MESSAGE_BYTES;
    if has_tools {
        text.max(body.len() as u64)
    } else {
        text
    }
}

/// Reads and checks. A request without a body (a list of models) passes with an empty one.
///
/// # Errors
/// Too large, too slow, encoded, not JSON, or not the structure of its format.
pub async fn run<B>(counted: Counted<B>) -> Step<Read>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    let Counted {
        mut call,
        headers,
        body,
    } = counted;
    let inbound = call.gateway.runtime().config.inbound;
    let read = match call.surface {
        Surface::Models(_) | Surface::Model(..) | Surface::Conversation(_) => {
            Ok((Bytes::new(), Ask::default(), None))
        }
        Surface::Chat
        | Surface::Messages
        | Surface::Embeddings
        | Surface::CountTokens
        | Surface::Agent(_)
        | Surface::Feedback => read_json(&mut call, &headers, body, &inbound).await,
    };
    match read {
        Ok((body, ask, user)) => {
            let mut call = match count::late(call, user.as_deref(), Some(&ask.model)).await {
                Ok(call) => call,
                Err(mut refused) => {
                    refused.call.unheard = Some(Box::new(Unheard { headers, body, ask }));
                    return Err(refused);
                }
            };
            if !body.is_empty() {
                call.decide("read", format!("{} bytes, sound", body.len()));
            }
            Ok(Read {
                call,
                headers,
                body,
                ask,
            })
        }
        Err(error) => {
            // A flood of broken bodies counts too, or it would be the cheap way around the limit.
            let call = count::late(call, None, None).await?;
            Err(Refused::by_rule(call, "read", error))
        }
    }
}

async fn read_json<B>(
    call: &mut Call,
    headers: &HeaderMap,
    body: B,
    inbound: &Inbound,
) -> Result<(Bytes, Ask, Option<String>), ApiError>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    check_headers(headers, inbound.body_size.0)?;
    let bytes = tokio::time::timeout(inbound.body_timeout, collect(body, inbound.body_size.0))
        .await
        .unwrap_or_else(|_| Err(too_slow(inbound.body_timeout)))?;
    call.bytes_in = bytes.len() as u64;
    let bounds = Bounds {
        depth: inbound.json_depth as usize,
        nodes: inbound.json_nodes as usize,
        string_bytes: usize::try_from(inbound.json_string.0).unwrap_or(usize::MAX),
        ..Bounds::default()
    };
    json::check(&bytes, &bounds).map_err(|rejection| {
        let error = ApiError::new(400, rejection.code, rejection.message.clone()).with_should_retry(false);
        if rejection.pointer.is_empty() {
            error
        } else {
            error.with_param(rejection.pointer)
        }
    })?;
    let (ask, user) = view(call, headers, &bytes)?;
    if call.gateway.runtime().config.store.content {
        call.prompt = Some(bytes.clone());
    }
    Ok((bytes, ask, user))
}

fn check_headers(headers: &HeaderMap, limit: u64) -> Result<(), ApiError> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(ApiError::new(
            415,
            "encoded_body",
            "Encoded request bodies are not accepted. Send the JSON as it is, without Content-Encoding.",
        )
        .with_should_retry(false));
    }
    let is_json = headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|b| *b == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    if !is_json {
        return Err(ApiError::new(
            415,
            "not_json",
            "Send the body as JSON, with `Content-Type: application/json`.",
        )
        .with_should_retry(false));
    }
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    Ok(())
}

async fn collect<B>(mut body: B, limit: u64) -> Result<Bytes, ApiError>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    let mut total = 0_u64;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            ApiError::new(
                400,
                "body_broken",
                "The request's body broke off before its end. Send it again.",
            )
        })?;
        let Ok(data) = frame.into_data() else { continue };
        total += data.len() as u64;
        if total > limit {
            return Err(too_large(limit));
        }
        match (&mut rest, first.is_empty()) {
            (None, true) => first = data,
            (None, false) => {
                let mut joined = BytesMut::with_capacity(first.len() + data.len() * 2);
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&data);
                rest = Some(joined);
            }
            (Some(joined), _) => joined.extend_from_slice(&data),
        }
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}

/// What the body asks for, and the user it names.
fn view(call: &mut Call, headers: &HeaderMap, bytes: &[u8]) -> Result<(Ask, Option<String>), ApiError> {
    match &call.surface {
        Surface::Chat => {
            let view = openai::chat::RequestView::read(bytes).map_err(hopeless)?;
            call.stream = view.stream;
            call.include_usage = view.include_usage == Some(true);
            let user = view
                .safety_identifier
                .as_deref()
                .or(view.user.as_deref())
                .map(str::to_owned);
            let ask = Ask {
                model: view.model.into_owned(),
                include_usage: view.include_usage == Some(true),
                text_bytes: view.text_bytes,
                tokens: 0,
                bound_bytes: bound_bytes(bytes, view.text_bytes, view.messages, view.has_tools),
                max_output: view
                    .max_tokens
                    .map(|most| most.saturating_mul(view.choices.unwrap_or(1))),
                tools: Offered::of(
                    view.tool_names,
                    view.hosted_tools,
                    Vec::new(),
                    view.features,
                    view.stored_files,
                    &view.choice,
                ),
            };
            Ok((ask, user))
        }
        Surface::Embeddings => {
            let view = openai::embeddings::RequestView::read(bytes).map_err(hopeless)?;
            let user = view.user.as_deref().map(str::to_owned);
            let ask = Ask {
                model: view.model.into_owned(),
                text_bytes: view.text_bytes,
                tokens: view.tokens,
                bound_bytes: bound_bytes(bytes, view.text_bytes, view.inputs, false),
                max_output: Some(0), // vectors take none
                ..Ask::default()
            };
            Ok((ask, user))
        }
        Surface::Messages | Surface::CountTokens => {
            let counts = call.surface == Surface::CountTokens;
            let view = match counts {
                true => anthropic::count_tokens::read_request(bytes),
                false => anthropic::messages::RequestView::read(bytes),
            };
            let view = view.map_err(hopeless)?;
            call.stream = view.stream && !counts;
            let user = view.user.as_deref().map(str::to_owned);
            Ok((
                Ask {
                    model: view.model.into_owned(),
                    include_usage: true,
                    text_bytes: view.text_bytes,
                    tokens: 0,
                    bound_bytes: bound_bytes(bytes, view.text_bytes, view.messages, view.has_tools),
                    max_output: Some(view.max_tokens),
                    tools: Offered::of(
                        view.tool_names,
                        view.hosted_tools,
                        view.hosted_names,
                        view.features,
                        view.stored_files,
                        &view.choice,
                    ),
                },
                user,
            ))
        }
        Surface::Agent(name) => {
            if !bytes.trim_ascii_start().starts_with(b"{") {
                return Err(
                    ApiError::new(400, "invalid_type", "The body must be a JSON object.")
                        .with_should_retry(false),
                );
            }
            call.stream = headers.get_all(header::ACCEPT).iter().any(|v| {
                v.as_bytes()
                    .split(|b| *b == b',')
                    .any(|part| part.trim_ascii().starts_with(b"text/event-stream"))
            });
            Ok((
                Ask {
                    model: name.clone(),
                    include_usage: false,
                    text_bytes: bytes.len() as u64,
                    tokens: 0,
                    bound_bytes: bytes.len() as u64,
                    max_output: None,
                    tools: Offered::default(),
                },
                None,
            ))
        }
        Surface::Models(_) | Surface::Model(..) | Surface::Conversation(_) | Surface::Feedback => {
            Ok((Ask::default(), None))
        }
    }
}

/// A structure that is wrong stays wrong: SDKs are told not to send it again.
fn hopeless(shape: golive_wire::Shape) -> ApiError {
    ApiError::from(shape).with_should_retry(false)
}

fn too_large(limit: u64) -> ApiError {
    let limit = golive_checklist::unit::ByteSize(limit);
    ApiError::new(
        413,
        "request_too_large",
        format!("The request's body is larger than {limit}, the most that is accepted here."),
    )
    .with_should_retry(false)
}

fn too_slow(limit: Duration) -> ApiError {
    let limit = golive_checklist::unit::format_duration(limit);
    ApiError::new(
        408,
        "body_timeout",
        format!("The request's body did not arrive within {limit}. Send it again."),
    )
}
