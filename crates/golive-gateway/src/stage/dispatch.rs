//! P2: the call upstream: one link, one attempt, four clocks, and the upstream's answer sorted into what it is.
//!
//! A caller that leaves drops this future, and with it the connection upstream. Nothing reaches the caller before
//! the commit point, the first content byte of a stream or the whole of a plain body.
//!
//! Never: forwards a header that is not on the list, follows a redirect, or shows an upstream's page to a caller.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use golive_config::UpstreamKind;
use golive_resilience::deadline::{Clock, Deadline};
use golive_store::Basis;
use golive_wire::tools::ToolSet;
use golive_wire::usage::Usage;
use golive_wire::{ApiError, anthropic, openai};
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use super::admit::{Admitted, Places};
use super::read::Ask;
use super::reserve::Reserved;
use super::{Block, Step, converse, screen_output};
use crate::body::Body;
use crate::call::{Call, Outcome, Surface};
use crate::conversations::speak;
use crate::gateway::Gateway;
use crate::names;
use crate::reply::Refused;
use crate::runtime::Route;
use crate::upstream::reader::{Piece, StreamReader};
use crate::upstream::{chain_of, is_connect_timeout};

/// Events without content that are held before the commit point, those among them whose text the screens hold back; a
/// provider that sends more is broken.
const HELD_EVENTS_MAX: usize = 4096;
/// Bytes of such events.
const HELD_BYTES_MAX: usize = 1 << 20;
/// The longest error body of an upstream that is passed on.
const ERROR_BODY_MAX: usize = 64 * 1024;

/// What the upstream answered. Made only here.
pub enum Dispatched {
    /// A whole body.
    Plain(Plain),
    /// A stream past its commit point.
    Stream(Box<Streaming>),
    /// An answer of golive's own in the place of one that was not sure enough: settled, ready to go.
    Spoken(Response<Body>),
}

/// A whole answer.
pub struct Plain {
    pub(super) call: Box<Call>,
    pub(super) content_type: HeaderValue,
    pub(super) body: Bytes,
}

/// A stream whose first content has come.
pub struct Streaming {
    pub(super) call: Box<Call>,
    pub(super) reader: StreamReader,
    pub(super) deadline: Deadline,
    /// What was held before the commit point, with the piece that reached it.
    pub(super) held: Vec<Bytes>,
    /// The stream was complete before any of it was sent.
    pub(super) ended: Option<Bytes>,
    pub(super) places: Places,
    pub(super) text_bytes_in: u64,
}

/// Calls the upstream and waits for the commit point.
///
/// # Errors
/// The upstream could not be reached, failed, refused, or answered what nobody can use.
pub async fn run(reserved: Reserved) -> Step<Dispatched> {
    let Admitted {
        mut call,
        headers,
        body,
        ask,
        route,
        tools,
        places,
    } = reserved.admitted;
    let gateway = Arc::clone(&call.gateway);
    let deadline = Deadline::start(route.clocks, gateway.now());
    let request = upstream_request(&call, &headers, body, &ask, &route);
    call.open_row();
    call.attempts = 1;
    call.called = Some(gateway.now());
    call.decide("dispatch", format!("called {}", route.link_name));

    let response = match until(&gateway, &deadline, route.link.client.request(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            let why = chain_of(&error);
            let failure = if is_connect_timeout(&error) {
                timed_out(Clock::Connect)
            } else if error.is_connect() {
                ApiError::new(
                    502,
                    "upstream_unreachable",
                    "The service behind this one cannot be reached right now. Please try again in a moment.",
                )
            } else {
                broken()
            };
            return Err(failed(call, &route, failure, &why));
        }
        Err(clock) => return Err(failed(call, &route, timed_out(clock), clock.as_str())),
    };
    if response.status() != StatusCode::OK {
        return Err(not_ok(call, &route, response, &deadline).await);
    }
    let kind = media_type(response.headers());
    let confidence = route
        .confidence
        .as_ref()
        .and_then(|source| source.in_head(response.headers()));
    if let Some(confidence) = confidence
        && let Some(told) = converse::unsure(&mut call, confidence).await
    {
        succeeded(&call, &route);
        call.first_byte = Some(gateway.now());
        return Ok(Dispatched::Spoken(speak(call, &told.text, Outcome::Ok).await));
    }
    match (call.stream && streams(&route), kind) {
        (true, Media::EventStream) => open_stream(call, route, response, deadline, places, &ask, tools).await,
        (false, Media::Json) => plain(call, route, response, &deadline, &ask, &tools).await,
        // An HTTP agent that was asked for a stream may answer whole: its callers must read both.
        (true, Media::Json) if route.kind() == UpstreamKind::Http => {
            plain(call, route, response, &deadline, &ask, &tools).await
        }
        _ => Err(failed(
            call,
            &route,
            broken(),
            "the answer has another content type than its format promises",
        )),
    }
}

fn streams(route: &Route) -> bool {
    route.kind() != UpstreamKind::Http || route.pointers.as_ref().is_some_and(|p| p.stream.is_some())
}

fn upstream_request(
    call: &Call,
    headers: &HeaderMap,
    body: Bytes,
    ask: &Ask,
    route: &Route,
) -> Request<Full<Bytes>> {
    let mut body = body;
    if let Some(model) = route
        .upstream_model
        .as_deref()
        .filter(|model| *model != ask.model)
    {
        body = golive_wire::replace_model(&body, model).into();
    }
    if call.surface == Surface::Chat && call.stream && !ask.include_usage {
        body = openai::chat::with_include_usage(&body).into();
    }
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = route.uri.clone();
    let out = request.headers_mut();
    let common = [
        &header::CONTENT_TYPE,
        &names::ANTHROPIC_VERSION,
        &names::ANTHROPIC_BETA,
        &names::OPENAI_BETA,
    ];
    for name in common.into_iter().chain(&route.link.forward) {
        for value in headers.get_all(name) {
            out.append(name, value.clone());
        }
    }
    let accept = if call.stream && streams(route) {
        "text/event-stream"
    } else {
        "application/json"
    };
    out.insert(header::ACCEPT, HeaderValue::from_static(accept));
    out.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    out.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("golive/", env!("CARGO_PKG_VERSION"))),
    );
    if let Ok(value) = HeaderValue::from_str(&call.trace.traceparent()) {
        out.insert(&names::TRACEPARENT, value);
    }
    if let Some(value) = call
        .trace
        .state
        .as_deref()
        .and_then(|state| HeaderValue::from_str(state).ok())
    {
        out.insert(&names::TRACESTATE, value);
    }
    route.link.sign(out);
    request
}

/// Waits for `future` until the tightest clock runs out, and names that clock.
async fn until<F: Future>(gateway: &Gateway, deadline: &Deadline, future: F) -> Result<F::Output, Clock> {
    let (tick, clock) = deadline.next();
    tokio::time::timeout_at(gateway.clock().instant_of(tick), future)
        .await
        .map_err(|_| clock)
}

async fn plain(
    mut call: Box<Call>,
    route: Arc<Route>,
    response: Response<Incoming>,
    deadline: &Deadline,
    ask: &Ask,
    tools: &ToolSet,
) -> Step<Dispatched> {
    let gateway = Arc::clone(&call.gateway);
    let content_type = content_type_of(&response);
    let limit = usize::try_from(route.link.upstream.response_size.0).unwrap_or(usize::MAX);
    let body = match until(&gateway, deadline, collect(response.into_body(), limit)).await {
        Ok(Ok(body)) => body,
        Ok(Err(why)) => return Err(failed(call, &route, broken(), &why)),
        Err(clock) => return Err(failed(call, &route, timed_out(clock), clock.as_str())),
    };
    let (usage, text_bytes, calls) = match whole_answer(&route, &body) {
        Ok(read) => read,
        Err(why) => return Err(failed(call, &route, broken(), why)),
    };
    succeeded(&call, &route);
    call.usage = Some(settled_usage(usage, ask.text_bytes, text_bytes));
    call.first_byte = Some(gateway.now());
    call.decide("dispatch", "a whole answer");
    if calls > 0
        && let Some(called) = golive_wire::tools::not_held(call.surface.wire(), &body, tools)
    {
        return Err(Block::Tool(called.name().to_owned()).refuse(call));
    }
    let body = match screen_output::run(&mut call, &route, body) {
        Ok(body) => body,
        Err(withheld) => return Err(Block::Text(withheld).refuse(call)),
    };
    if let Some(confidence) = route.confidence.as_ref().and_then(|source| source.in_body(&body))
        && let Some(told) = converse::unsure(&mut call, confidence).await
    {
        return Ok(Dispatched::Spoken(speak(call, &told.text, Outcome::Ok).await));
    }
    if gateway.runtime().config.store.content {
        call.reply = Some(body.clone());
    }
    Ok(Dispatched::Plain(Plain {
        call,
        content_type,
        body,
    }))
}

/// Reads a whole answer: its usage, the bytes of its text, and how many tools it calls.
fn whole_answer(route: &Route, body: &[u8]) -> Result<(Usage, u64, usize), &'static str> {
    const NOT_ITS_FORMAT: &str = "the answer is not what its format promises";
    const AN_ERROR: &str = "a 200 that holds an error object";
    match route.kind() {
        UpstreamKind::OpenAi => {
            let view = openai::chat::read_response(body);
            match (view.is_answer, view.is_error_object) {
                (true, false) => Ok((
                    view.usage.unwrap_or_default(),
                    view.text.len() as u64,
                    view.tool_calls,
                )),
                (_, true) => Err(AN_ERROR),
                (false, false) => Err(NOT_ITS_FORMAT),
            }
        }
        UpstreamKind::Anthropic => {
            let view = anthropic::messages::read_response(body);
            match (view.is_answer, view.is_error_object) {
                (true, false) => Ok((
                    view.usage.unwrap_or_default(),
                    view.text.len() as u64,
                    view.tool_calls,
                )),
                (_, true) => Err(AN_ERROR),
                (false, false) => Err(NOT_ITS_FORMAT),
            }
        }
        UpstreamKind::Http => {
            let value: serde_json::Value = serde_json::from_slice(body).map_err(|_| NOT_ITS_FORMAT)?;
            let text = route
                .pointers
                .as_ref()
                .and_then(|p| p.output.get(&value))
                .and_then(serde_json::Value::as_str);
            text.map(|text| (Usage::default(), text.len() as u64, 0))
                .ok_or("no text stands where the output pointer points")
        }
    }
}

async fn open_stream(
    mut call: Box<Call>,
    route: Arc<Route>,
    response: Response<Incoming>,
    mut deadline: Deadline,
    places: Places,
    ask: &Ask,
    tools: Arc<ToolSet>,
) -> Step<Dispatched> {
    let gateway = Arc::clone(&call.gateway);
    let hide_usage = call.surface == Surface::Chat && !ask.include_usage;
    let mut reader = StreamReader::new(
        response.into_body(),
        Arc::clone(&route),
        hide_usage,
        tools,
        call.guarded.clone(),
    );
    let mut held = Vec::new();
    let mut held_bytes = 0;
    let ended = loop {
        let piece = match until(&gateway, &deadline, reader.next()).await {
            Ok(piece) => piece,
            Err(clock) => return Err(failed(call, &route, timed_out(clock), clock.as_str())),
        };
        match piece {
            Piece::Quiet(bytes) => {
                held_bytes += bytes.len();
                held.push(bytes);
                if held.len() > HELD_EVENTS_MAX || held_bytes > HELD_BYTES_MAX {
                    return Err(failed(
                        call,
                        &route,
                        broken(),
                        "too many events before any content",
                    ));
                }
            }
            Piece::Content(bytes) => {
                held.push(bytes);
                break None;
            }
            Piece::End(bytes) => break Some(bytes), // an empty answer is an answer
            Piece::Blocked(block) => {
                succeeded(&call, &route);
                let (usage, content_bytes) = reader.consumed();
                call.usage = Some(settled_usage(usage, ask.text_bytes, content_bytes));
                call.first_byte = Some(gateway.now());
                return Err(block.refuse(call));
            }
            Piece::Broken(why) => return Err(failed(call, &route, broken(), &why)),
        }
    };
    let now = gateway.now();
    deadline.content(now);
    call.first_byte = Some(now);
    call.decide("dispatch", "the first content of a stream");
    Ok(Dispatched::Stream(Box::new(Streaming {
        call,
        reader,
        deadline,
        held,
        ended,
        places,
        text_bytes_in: ask.text_bytes,
    })))
}

/// An answer that is no 200: passed on where it is the caller's business, told in golive's words where not.
async fn not_ok(
    mut call: Box<Call>,
    route: &Arc<Route>,
    response: Response<Incoming>,
    deadline: &Deadline,
) -> Box<Refused> {
    let gateway = Arc::clone(&call.gateway);
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    let is_json = media_type(response.headers()) == Media::Json;
    call.decide("dispatch", format!("the upstream answered {status}"));
    let body = until(&gateway, deadline, collect(response.into_body(), ERROR_BODY_MAX)).await;
    let body = body.ok().and_then(Result::ok).filter(|_| is_json);
    // A refusal in the caller's own format is passed on, for it says what to mend; a page or a stranger's JSON is not.
    let verbatim = body
        .filter(|_| route.kind() != UpstreamKind::Http)
        .and_then(|body| error_object(&body, &call));
    let error = match status {
        401 | 403 => {
            let why = format!("the upstream refused golive's own credential with {status}");
            let error = ApiError::new(
                502,
                "upstream_credential",
                "The service behind this one refused us. The operator has been told.",
            )
            .with_should_retry(false);
            return failed(call, route, error, &why);
        }
        300..=399 => {
            return failed(
                call,
                route,
                broken(),
                "the upstream redirected; redirects are never followed",
            );
        }
        429 => ApiError::new(
            429,
            "upstream_rate_limited",
            "The service behind this one is at its limit. Please try again later.",
        )
        .with_retry_after(retry_after.unwrap_or(Duration::from_secs(1))),
        400..=499 => ApiError::new(
            status,
            "upstream_refused",
            "The service behind this one does not accept this request.",
        ),
        500..=599 => {
            let error = ApiError::new(
                status,
                "upstream_error",
                "The service behind this one failed. Please try again in a moment.",
            );
            let error = if status == 503 || status == 529 {
                error.with_retry_after(retry_after.unwrap_or(Duration::from_secs(1)))
            } else {
                error
            };
            return failed(call, route, error, &format!("the upstream answered {status}"));
        }
        _ => {
            return failed(
                call,
                route,
                broken(),
                "the upstream answered with a status that is no answer",
            );
        }
    };
    // The upstream is there and has judged: that is no failure of its health.
    route.link.health.success(gateway.now(), true);
    route.link.metrics.refused.inc();
    Box::new(Refused {
        call,
        outcome: Outcome::UpstreamRefused(status),
        error,
        verbatim,
    })
}

/// The provider's error object under golive's own request id: a provider's id does not pass.
fn error_object(body: &[u8], call: &Call) -> Option<Bytes> {
    let mut value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let object = value.as_object_mut()?;
    object.get("error")?.as_object()?;
    if let Some(id) = object.get_mut("request_id") {
        *id = call.id.to_string().into();
    }
    serde_json::to_vec(&value).ok().map(Bytes::from)
}

/// The upstream failed: counts it, remembers it, and says so in the ledger and the log; the caller is told less.
pub(super) fn failed(mut call: Box<Call>, route: &Arc<Route>, error: ApiError, why: &str) -> Box<Refused> {
    note_failure(&mut call, route, why);
    Refused::by_failure(call, error)
}

/// The part of [`failed`] that is the same after the commit point.
pub(super) fn note_failure(call: &mut Call, route: &Arc<Route>, why: &str) {
    let why: String = why.chars().filter(|c| !c.is_control()).take(300).collect();
    tracing::warn!(request = %call.id, callee = route.id, link = route.link_name, why, "an upstream call failed");
    route.link.health.failure(call.gateway.now(), true, why.clone());
    route.link.metrics.error.inc();
    call.decide("dispatch", why);
}

/// The upstream answered well: counts it and remembers it.
pub(super) fn succeeded(call: &Call, route: &Arc<Route>) {
    route.link.health.success(call.gateway.now(), true);
    route.link.metrics.ok.inc();
}

/// The upstream's own figures if it gave both, else an estimate of four bytes a token, marked as one.
pub(super) fn settled_usage(reported: Usage, text_bytes_in: u64, text_bytes_out: u64) -> (Usage, Basis) {
    if reported.input.is_some() && reported.output.is_some() {
        return (reported, Basis::Reported);
    }
    let estimated = Usage {
        input: reported.input.or(Some(text_bytes_in.div_ceil(4))),
        output: reported.output.or(Some(text_bytes_out.div_ceil(4))),
        ..reported
    };
    (estimated, Basis::Estimated)
}

pub(super) fn timed_out(clock: Clock) -> ApiError {
    let code = match clock {
        Clock::Connect => "upstream_connect_timeout",
        Clock::FirstByte => "upstream_timeout",
        Clock::Idle => "upstream_idle_timeout",
        Clock::Total => "upstream_total_timeout",
    };
    ApiError::new(
        504,
        code,
        "The service behind this one did not answer in time. Please try again in a moment.",
    )
}

pub(super) fn broken() -> ApiError {
    ApiError::new(
        502,
        "upstream_broken",
        "The service behind this one gave no usable answer. Please try again in a moment.",
    )
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, String> {
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|e| chain_of(&e))?.into_data() else {
            continue;
        };
        let so_far = rest.as_ref().map_or(first.len(), BytesMut::len);
        if so_far + data.len() > limit {
            return Err(format!("the answer is longer than {limit} bytes"));
        }
        match &mut rest {
            None if first.is_empty() => first = data,
            None => {
                let mut joined = BytesMut::with_capacity((first.len() + data.len()) * 2);
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&data);
                rest = Some(joined);
            }
            Some(joined) => joined.extend_from_slice(&data),
        }
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Media {
    Json,
    EventStream,
    Other,
}

fn media_type(headers: &HeaderMap) -> Media {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Media::Other;
    };
    let essence = value
        .as_bytes()
        .split(|b| *b == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/json") {
        Media::Json
    } else if essence.eq_ignore_ascii_case(b"text/event-stream") {
        Media::EventStream
    } else {
        Media::Other
    }
}

fn content_type_of(response: &Response<Incoming>) -> HeaderValue {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .cloned()
        .unwrap_or(HeaderValue::from_static("application/json"))
}

/// `Retry-After` in seconds; a date or nonsense is left to the default.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds.min(3600)))
}
