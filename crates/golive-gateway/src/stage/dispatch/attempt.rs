//! P2, P4, E4: one attempt at one link, up to the commit point, under four clocks; its answer sorted into what it is.
//!
//! Never: forwards a provider's own page, follows a redirect, or waits longer than the request may take.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use golive_resilience::Tick;
use golive_resilience::concurrency::Sign;
use golive_resilience::deadline::{Clock, Deadline};
use golive_resilience::failure::{Failure, Health};
use golive_wire::said::{self, Said};
use golive_wire::translate::{self, Head, Refusal};
use golive_wire::{ApiError, Wire};
use http::header::HeaderValue;
use http::{Response, StatusCode};
use hyper::body::Incoming;

use super::answer::{self, Media, NoAnswer, collect, media_type};
use super::failed::{Failed, Told, succeeded};
use super::{Begun, Dispatched, Plain, Streaming, Trip, request, settled_usage};
use crate::call::{Call, Outcome};
use crate::conversations::speak;
use crate::gateway::Gateway;
use crate::stage::admit::Places;
use crate::stage::{Block, converse, screen_output};
use crate::upstream::breaker::Lease;
use crate::upstream::hop::{Hop, Work};
use crate::upstream::reader::{Piece, Source, StreamReader};
use crate::upstream::{chain_of, is_connect_timeout};

/// Events without content that are held before the commit point, those among them whose text the screens hold back; a
/// provider that sends more is broken.
const HELD_EVENTS_MAX: usize = 4096;
/// Bytes of such events.
const HELD_BYTES_MAX: usize = 1 << 20;
/// What a token is taken for where bytes are counted, as in [`settled_usage`].
const BYTES_A_TOKEN: u64 = 4;
/// The longest error body of an upstream that is passed on.
const ERROR_BODY_MAX: usize = 64 * 1024;

/// An attempt that reached the commit point.
pub(super) enum Answered {
    /// A whole answer, in the caller's format.
    Whole { content_type: HeaderValue, body: Bytes },
    /// A stream with its first content.
    Stream(Box<Begun>),
    /// An answer that was not sure enough: what the user is told instead.
    Unsure(String),
}

impl Answered {
    /// What goes on to the caller. A whole answer is over; a stream keeps its lease and its places to its end.
    pub(super) async fn committed(
        self,
        call: Box<Call>,
        lease: Lease,
        places: Places,
        text_bytes_in: u64,
    ) -> Dispatched {
        let now = call.gateway.now();
        match self {
            Self::Whole { content_type, body } => {
                lease.end(Health::Good, now);
                places.leave(took(&call, now), now);
                Dispatched::Plain(Plain {
                    call,
                    content_type,
                    body,
                })
            }
            Self::Unsure(told) => {
                lease.end(Health::Good, now);
                places.leave(took(&call, now), now);
                Dispatched::Spoken(speak(call, &told, Outcome::Ok).await)
            }
            Self::Stream(begun) => Dispatched::Stream(Box::new(Streaming {
                call,
                begun: *begun,
                lease,
                places,
                text_bytes_in,
            })),
        }
    }
}

/// That it answered, and after how long.
fn took(call: &Call, now: Tick) -> Sign {
    let called = call.called.unwrap_or(now);
    Sign::Answered(call.first_byte.unwrap_or(now).since(called))
}

/// Asks one link.
pub(super) async fn run(call: &mut Call, trip: &Trip, hop: &Hop) -> Result<Answered, Failed> {
    let gateway = Arc::clone(&call.gateway);
    let deadline = deadline(&gateway, trip, hop);
    let request = request::of(call, trip, hop).map_err(not_expressible)?;
    let response = match until(&gateway, &deadline, hop.link.client.request(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(unreachable(&error)),
        Err(clock) => return Err(Failed::timed_out(clock)),
    };
    if response.status() != StatusCode::OK {
        return Err(not_ok(call, hop, response, &deadline).await);
    }
    let source = trip.route.confidence.as_ref();
    let confidence = source.and_then(|source| source.in_head(response.headers()));
    if let Some(told) = unsure(call, confidence).await {
        succeeded(call, hop);
        call.first_byte = Some(gateway.now());
        return Ok(Answered::Unsure(told));
    }
    let streamed = request::streams(call, trip, hop);
    match (streamed, media_type(response.headers())) {
        (true, Media::EventStream) => open_stream(call, trip, hop, response, deadline).await,
        (false, Media::Json) => whole(call, trip, hop, response, &deadline).await,
        // An HTTP agent that was asked for a stream may answer whole: its callers must read both.
        (true, Media::Json) if hop.wire() == Wire::Problem => {
            whole(call, trip, hop, response, &deadline).await
        }
        _ => Err(Failed::broken(
            "the answer has another content type than its format promises",
        )),
    }
}

/// What the user is told in the place of an answer of this confidence, if that is too little.
async fn unsure(call: &mut Call, confidence: Option<u32>) -> Option<String> {
    let told = converse::unsure(call, confidence?).await?;
    Some(told.text)
}

/// The clocks of this attempt: the link's own, and no longer than the request has left.
fn deadline(gateway: &Gateway, trip: &Trip, hop: &Hop) -> Deadline {
    let now = gateway.now();
    let mut clocks = hop.clocks;
    clocks.total_request = clocks.total_request.min(trip.deadline.since(now));
    Deadline::start(clocks, now)
}

fn not_expressible(refusal: Refusal) -> Failed {
    let why = refusal.to_string();
    let error = ApiError::from(refusal);
    Failed {
        failure: Failure::NotExpressible,
        told: Told::Refused {
            status: error.status,
            error,
            verbatim: None,
        },
        why: why.into(),
        hint: None,
    }
}

fn unreachable(error: &hyper_util::client::legacy::Error) -> Failed {
    let why = chain_of(error);
    if is_connect_timeout(error) {
        let mut failed = Failed::timed_out(Clock::Connect);
        failed.why = why.into();
        return failed;
    }
    if error.is_connect() {
        let error = ApiError::new(
            502,
            "upstream_unreachable",
            "The service behind this one cannot be reached right now. Please try again in a moment.",
        );
        return Failed::new(Failure::NotConnected, error, why);
    }
    Failed::new(Failure::Reset, super::failed::broken(), why)
}

/// Waits for `future` until the tightest clock runs out, and names that clock.
async fn until<F: Future>(gateway: &Gateway, deadline: &Deadline, future: F) -> Result<F::Output, Clock> {
    let (tick, clock) = deadline.next();
    tokio::time::timeout_at(gateway.clock().instant_of(tick), future)
        .await
        .map_err(|_| clock)
}

/// What a translated answer is called: golive's own names, for a provider's do not pass.
fn head(call: &Call, trip: &Trip) -> Head {
    Head {
        id: call.id.simple().to_string(),
        created_s: call.at.0 / 1_000_000,
        model: Some(trip.ask.model.clone()),
        hide_usage: !trip.ask.include_usage,
        agent: trip.route.translation.agent.clone(),
    }
}

async fn whole(
    call: &mut Call,
    trip: &Trip,
    hop: &Hop,
    response: Response<Incoming>,
    deadline: &Deadline,
) -> Result<Answered, Failed> {
    let gateway = Arc::clone(&call.gateway);
    let mut content_type = answer::content_type_of(&response);
    let limit = usize::try_from(hop.link.upstream.response_size.0).unwrap_or(usize::MAX);
    let mut body = match until(&gateway, deadline, collect(response.into_body(), limit)).await {
        Ok(Ok(body)) => body,
        Ok(Err(why)) => return Err(Failed::broken(why)),
        Err(clock) => return Err(Failed::timed_out(clock)),
    };
    let work = call.surface.work();
    let read = answer::read(work, hop.wire(), &trip.route, &body).map_err(|no| match no {
        NoAnswer::NotItsFormat(why) => Failed::broken(why),
        NoAnswer::ErrorObject => Failed::new(
            Failure::ErrorObject,
            super::failed::broken(),
            "a 200 that holds an error object",
        ),
    })?;
    let wire = call.surface.wire();
    if hop.wire() != wire {
        let told = translate::answer(hop.wire(), wire, &body, &head(call, trip))
            .map_err(|refusal| Failed::broken(refusal.to_string()))?;
        call.lost_of_answer(&told.warnings);
        body = told.body.into();
        content_type = HeaderValue::from_static("application/json");
    }
    succeeded(call, hop);
    if !call.surface.is_free() {
        let text_bytes = trip.ask.text_bytes + trip.ask.tokens * BYTES_A_TOKEN;
        call.usage = Some(settled_usage(read.usage, text_bytes, read.text_bytes));
    }
    call.first_byte = Some(gateway.now());
    call.decide("dispatch", "a whole answer");
    if work != Work::Answer {
        // Numbers, and nothing that anybody reads.
        return Ok(Answered::Whole { content_type, body });
    }
    if read.tool_calls > 0
        && let Some(called) = golive_wire::tools::not_held(wire, &body, &trip.tools)
    {
        return Err(Failed::blocked(Block::Tool(called.name().to_owned())));
    }
    let withheld = |withheld| Failed::blocked(Block::Text(withheld));
    let body = screen_output::run(call, &trip.route, body).map_err(withheld)?;
    let body = screen_output::outside(call, &trip.route, body)
        .await
        .map_err(withheld)?;
    let source = trip.route.confidence.as_ref();
    let confidence = source.and_then(|source| source.in_body(&body));
    if let Some(told) = unsure(call, confidence).await {
        return Ok(Answered::Unsure(told));
    }
    if gateway.runtime().config.store.content {
        call.reply = Some(body.clone());
    }
    if call.stream && wire != Wire::Problem {
        // Its caller reads events only.
        return Ok(Answered::Whole {
            content_type: HeaderValue::from_static("text/event-stream"),
            body: as_events(call, trip, &body),
        });
    }
    Ok(Answered::Whole { content_type, body })
}

/// The text of a whole answer as the events of a stream.
fn as_events(call: &Call, trip: &Trip, body: &[u8]) -> Bytes {
    let wire = call.surface.wire();
    let text = match wire {
        Wire::Anthropic => golive_wire::anthropic::messages::read_response(body).text,
        Wire::OpenAi | Wire::Problem => golive_wire::openai::chat::read_response(body).text,
    };
    let said = Said {
        id: &call.id.simple().to_string(),
        created_s: call.at.0 / 1_000_000,
        model: &trip.ask.model,
        text: &text,
        usage: call.usage.map(|(usage, _)| usage).unwrap_or_default(),
    };
    said::events(wire, &said, trip.ask.include_usage, None)
}

async fn open_stream(
    call: &mut Call,
    trip: &Trip,
    hop: &Hop,
    response: Response<Incoming>,
    mut deadline: Deadline,
) -> Result<Answered, Failed> {
    let gateway = Arc::clone(&call.gateway);
    let source = Source {
        body: response.into_body(),
        wire: hop.wire(),
        limit: hop.link.upstream.response_size.0,
    };
    let to = call.surface.wire();
    let translated = match hop.wire() == to {
        true => None,
        false => Some(
            translate::Stream::new(hop.wire(), to, head(call, trip))
                .ok_or_else(|| Failed::broken("there is no translation of its streams"))?,
        ),
    };
    let hide_usage = to == Wire::OpenAi && !trip.ask.include_usage;
    let mut reader = StreamReader::new(
        source,
        to,
        translated,
        Arc::clone(&trip.route),
        hide_usage,
        Arc::clone(&trip.tools),
        call.guarded.clone(),
    );
    let mut held = Vec::new();
    let mut held_bytes = 0;
    let ended = loop {
        let piece = match until(&gateway, &deadline, reader.next()).await {
            Ok(piece) => piece,
            Err(clock) => return Err(Failed::timed_out(clock)),
        };
        match piece {
            Piece::Quiet(bytes) => {
                held_bytes += bytes.len();
                held.push(bytes);
                if held.len() > HELD_EVENTS_MAX || held_bytes > HELD_BYTES_MAX {
                    return Err(Failed::broken("too many events before any content"));
                }
            }
            Piece::Content(bytes) => {
                held.push(bytes);
                break None;
            }
            Piece::End(bytes) => break Some(bytes), // an empty answer is an answer
            Piece::Blocked(block) => {
                let (usage, content_bytes) = reader.consumed();
                call.usage = Some(settled_usage(usage, trip.ask.text_bytes, content_bytes));
                call.first_byte = Some(gateway.now());
                return Err(Failed::blocked(block));
            }
            Piece::Broken(why) => return Err(Failed::broken(why)),
        }
    };
    let now = gateway.now();
    deadline.content(now);
    call.first_byte = Some(now);
    call.decide("dispatch", "the first content of a stream");
    Ok(Answered::Stream(Box::new(Begun {
        reader,
        deadline,
        held,
        ended,
    })))
}

/// An answer that is no 200: passed on where it is the caller's business, told in golive's words where not.
async fn not_ok(call: &mut Call, hop: &Hop, response: Response<Incoming>, deadline: &Deadline) -> Failed {
    let gateway = Arc::clone(&call.gateway);
    let status = response.status().as_u16();
    let unix_now = Duration::from_micros(gateway.now().0);
    let hint = answer::hint(status, response.headers(), unix_now);
    let hinted = answer::is_told(response.headers());
    let hopeless = response
        .headers()
        .get("x-should-retry")
        .is_some_and(|value| value == "false");
    let is_json = media_type(response.headers()) == Media::Json;
    let body = until(&gateway, deadline, collect(response.into_body(), ERROR_BODY_MAX)).await;
    let body = body.ok().and_then(Result::ok).filter(|_| is_json);
    let no_credit = status == 429 && body.as_deref().is_some_and(golive_wire::error::is_out_of_credit);
    // A refusal in the caller's own format is passed on, for it says what to mend; a page or a stranger's JSON is not.
    let verbatim = body
        .filter(|_| hop.wire() == call.surface.wire() && hop.wire() != Wire::Problem)
        .and_then(|body| error_object(&body, call));
    let failure = match no_credit {
        true => Failure::NoCredit,
        false => Failure::Status {
            code: status,
            hinted,
            hopeless,
        },
    };
    let refused = |error: ApiError| Told::Refused {
        status,
        error,
        verbatim,
    };
    let (told, why) = match status {
        401 | 403 => {
            let error = ApiError::new(
                502,
                "upstream_credential",
                "The service behind this one refused us. The operator has been told.",
            )
            .with_should_retry(false);
            let why = format!("the upstream refused golive's own credential with {status}");
            (Told::Error(error), why)
        }
        300..=399 => (
            Told::Error(super::failed::broken()),
            "the upstream redirected; redirects are never followed".to_owned(),
        ),
        429 => {
            let error = ApiError::new(
                429,
                "upstream_rate_limited",
                "The service behind this one is at its limit. Please try again later.",
            )
            .with_retry_after(hint.unwrap_or(Duration::from_secs(1)));
            (refused(error), "the upstream answered 429".to_owned())
        }
        400..=499 => {
            let error = ApiError::new(
                status,
                "upstream_refused",
                "The service behind this one does not accept this request.",
            );
            (refused(error), format!("the upstream answered {status}"))
        }
        500..=599 => {
            let error = ApiError::new(
                status,
                "upstream_error",
                "The service behind this one failed. Please try again in a moment.",
            );
            let error = if status == 503 || status == 529 {
                error.with_retry_after(hint.unwrap_or(Duration::from_secs(1)))
            } else {
                error
            };
            (Told::Error(error), format!("the upstream answered {status}"))
        }
        _ => (
            Told::Error(super::failed::broken()),
            "the upstream answered with a status that is no answer".to_owned(),
        ),
    };
    Failed {
        failure,
        told,
        why: why.into(),
        hint,
    }
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
