//! P2, E1: what was answered goes to the caller: whole, or as a stream, in the bytes the upstream sent.
//!
//! The last byte waits for the row: a plain answer is sent after it was committed, a stream's end likewise. A break
//! after the commit point is told in the wire format's own error event and never dressed up as a clean end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use golive_resilience::concurrency::Sign;
use golive_resilience::deadline::Deadline;
use golive_resilience::failure::{Failure, Health};
use golive_wire::{ApiError, Wire, error};
use http::Response;
use http::header::{self, HeaderValue};
use tokio::sync::mpsc;

use super::dispatch::{self, Begun, Dispatched, Plain, Streaming};
use super::{Block, converse, settle};
use crate::body::{Body, ChunkSender};
use crate::call::{Call, Outcome};
use crate::error_log::{self, Attempt};
use crate::gateway::Gateway;
use crate::idempotency::{self, Keeping};
use crate::reply;
use crate::upstream::reader::{Piece, StreamReader};

/// A whole answer up to this size is handed to the connection in one piece. A larger one may wait in an HTTP/2 window
/// (65,535 bytes to begin with, RFC 9113 §6.9.2) that the caller never opens, so it is sent in chunks, each with the
/// clock of an unread answer.
pub(super) const ONE_PIECE_MAX: usize = 64 * 1024;
/// Chunks of a stream between the upstream and a caller that reads slowly.
const CHUNKS_HELD: usize = 16;

/// Answers.
pub async fn run(dispatched: Dispatched) -> Response<Body> {
    match dispatched {
        Dispatched::Plain(plain) => whole(plain).await,
        Dispatched::Stream(streaming) => stream(*streaming),
        Dispatched::Spoken(response) => response,
    }
}

async fn whole(plain: Plain) -> Response<Body> {
    let Plain {
        mut call,
        content_type,
        body,
    } = plain;
    call.bytes_out = body.len() as u64;
    call.settle_tokens(&Outcome::Ok); // before the headers, which tell what is left
    let gateway = Arc::clone(&call.gateway);
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    reply::put_call_headers(response.headers_mut(), &call);
    idempotency::keep(&mut call, 200, response.headers(), body.clone()).await;
    let (wire, id) = (call.surface.wire(), call.id.to_string());
    match settle::run(call, &Outcome::Ok, 200).await {
        Ok(()) => {
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            *response.body_mut() = if body.len() <= ONE_PIECE_MAX {
                Body::whole(body)
            } else {
                in_chunks(&gateway, body)
            };
            response
        }
        Err(refusal) => reply::bare_error(wire, &reply::unrecorded(&refusal), &id),
    }
}

pub(super) fn in_chunks(gateway: &Arc<Gateway>, mut body: Bytes) -> Body {
    let (to_caller, chunks) = Body::channel(CHUNKS_HELD);
    let mut out = Out {
        to_caller,
        unread: gateway.runtime().config.inbound.unread_timeout,
        sent: 0,
        keeping: None,
    };
    gateway.tasks.spawn(async move {
        while !body.is_empty() {
            let chunk = body.split_to(body.len().min(ONE_PIECE_MAX));
            if out.send(chunk).await.is_err() {
                return; // cut: the sender is dropped without having completed
            }
        }
        out.to_caller.complete();
    });
    chunks
}

fn stream(streaming: Streaming) -> Response<Body> {
    let (to_caller, chunks) = Body::channel(CHUNKS_HELD);
    let mut response = Response::new(chunks);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no")); // nginx would gather the events
    reply::put_call_headers(headers, &streaming.call);
    let keeping = Keeping::of(&streaming.call, headers);
    let gateway = Arc::clone(&streaming.call.gateway);
    gateway.tasks.spawn(relay(streaming, to_caller, keeping));
    response
}

/// Why a relay ended before the upstream did.
enum Stop {
    /// The caller left, or did not read for too long.
    CallerGone,
    /// Shutdown cut it.
    Cut,
    /// It holds what may not be told.
    Blocked(Block),
    /// The upstream broke off or fell silent.
    Broken { error: ApiError, why: String },
}

async fn relay(streaming: Streaming, to_caller: ChunkSender, keeping: Option<Keeping>) {
    let Streaming {
        mut call,
        begun,
        lease,
        places,
        text_bytes_in,
    } = streaming;
    let Begun {
        mut reader,
        deadline,
        held,
        ended,
    } = begun;
    let gateway = Arc::clone(&call.gateway);
    let unread = gateway.runtime().config.inbound.unread_timeout;
    let mut out = Out {
        to_caller,
        unread,
        sent: 0,
        keeping,
    };
    if let Some(route) = &call.route
        && let Some(at) = call.first_byte
    {
        route.metrics.first_byte.observe(at.since(call.at).as_secs_f64());
    }
    let outcome = match out.send_all(held).await {
        Err(stop) => Err(stop),
        Ok(()) => match ended {
            Some(end) => Ok(end),
            None => until_end(&gateway, &mut reader, deadline, &mut out).await,
        },
    };
    let (usage, content_bytes) = reader.consumed();
    call.usage = Some(dispatch::settled_usage(usage, text_bytes_in, content_bytes));
    if gateway.runtime().config.store.content {
        call.reply = Some(reader.take_reply());
    }
    places.leave(sign(&call, &outcome), gateway.now());
    if let Some(health) = proves(&outcome) {
        lease.end(health, gateway.now());
    } // else the lease is given back: a caller who left, or a shutdown, proves nothing about the link
    finish(call, out, outcome).await;
}

/// What the end of a stream proves about its link.
fn proves(outcome: &Result<Bytes, Stop>) -> Option<Health> {
    match outcome {
        Ok(_) | Err(Stop::Blocked(_)) => Some(Health::Good),
        Err(Stop::Broken { .. }) => Some(Health::Bad),
        Err(Stop::CallerGone | Stop::Cut) => None,
    }
}

/// What the end of a stream shows of the load behind it.
fn sign(call: &Call, outcome: &Result<Bytes, Stop>) -> Sign {
    match (outcome, call.called, call.first_byte) {
        (Ok(_), Some(called), Some(first)) => Sign::Answered(first.since(called)),
        _ => Sign::Silent,
    }
}

/// Notes in the health of the link that was called how its answer ended.
fn note_end(call: &mut Call, failed: Option<&str>) {
    let Some(route) = call.route.clone() else { return };
    let Some(hop) = call.hop.and_then(|hop| route.hops.get(hop)) else {
        return;
    };
    match failed {
        None => dispatch::succeeded(call, hop),
        Some(why) => {
            dispatch::note_failure(call, hop, why);
            if call.gateway.error_log.is_on() {
                call.failures.push(Attempt {
                    link: hop.name.clone(),
                    failure: Failure::AfterCommit.as_str(),
                    why: why.to_owned(),
                });
                if let Some(asked) = call.asked.take() {
                    call.input_summary = error_log::summary(&route.screens, call.surface.wire(), &asked);
                }
            }
        }
    }
}

async fn until_end(
    gateway: &Gateway,
    reader: &mut StreamReader,
    mut deadline: Deadline,
    out: &mut Out,
) -> Result<Bytes, Stop> {
    loop {
        let (tick, clock) = deadline.next();
        let step = tokio::select! {
            biased;
            () = gateway.cut.cancelled() => return Err(Stop::Cut),
            () = out.to_caller.to_caller.closed() => return Err(Stop::CallerGone),
            step = tokio::time::timeout_at(gateway.clock().instant_of(tick), reader.next()) => step,
        };
        match step {
            Ok(Piece::Quiet(bytes) | Piece::Content(bytes)) => {
                tokio::select! {
                    biased;
                    sent = out.send(bytes) => sent?,
                    () = gateway.cut.cancelled() => return Err(Stop::Cut),
                }
                // After it was sent: the time a caller takes to read is no silence of the upstream.
                deadline.bytes(gateway.now());
            }
            Ok(Piece::End(bytes)) => return Ok(bytes),
            Ok(Piece::Blocked(block)) => return Err(Stop::Blocked(block)),
            Ok(Piece::Broken(why)) => {
                return Err(Stop::Broken {
                    error: interrupted(),
                    why,
                });
            }
            Err(_) => {
                return Err(Stop::Broken {
                    error: dispatch::timed_out(clock),
                    why: clock.as_str().to_owned(),
                });
            }
        }
    }
}

async fn finish(mut call: Box<Call>, mut out: Out, ended: Result<Bytes, Stop>) {
    let wire = call.surface.wire();
    let id = call.id.to_string();
    let gateway = Arc::clone(&call.gateway);
    match ended {
        Ok(end) => {
            note_end(&mut call, None);
            call.bytes_out = out.sent + end.len() as u64;
            if let Some(keeping) = out.keeping.take() {
                keeping.end(&mut call, &end).await;
            }
            let last = match settle::run(call, &Outcome::Ok, 200).await {
                Ok(()) => end,
                Err(refusal) => event(wire, &reply::unrecorded(&refusal), &id),
            };
            if !last.is_empty() {
                // The caller may have left meanwhile; its row stands.
                let _ = out.send(last).await;
            }
            out.to_caller.complete();
        }
        Err(Stop::CallerGone) => {
            call.bytes_out = out.sent;
            call.decide("relay", "the caller left or did not read");
            // Nobody is left to tell; settle logs what it could not record.
            let _ = settle::run(call, &Outcome::Cancelled, 200).await;
        }
        Err(Stop::Blocked(block)) => {
            note_end(&mut call, None);
            let last = block.end_of_stream(&mut call);
            call.bytes_out = out.sent + last.len() as u64;
            let outcome = block.outcome();
            converse::broke_off(&mut call, &outcome).await;
            let last = match settle::run(call, &outcome, 200).await {
                Ok(()) => last,
                Err(refusal) => event(wire, &reply::unrecorded(&refusal), &id),
            };
            // The caller may have left meanwhile; its row stands.
            let _ = out.send(last).await;
            out.to_caller.complete();
        }
        Err(Stop::Cut) => {
            gateway.count_cut();
            let error = ApiError::new(
                503,
                "shutting_down",
                "The answer was cut because this server is restarting. Please ask again.",
            );
            tell_break(call, &mut out, &error).await;
        }
        Err(Stop::Broken { error, why }) => {
            note_end(&mut call, Some(&why));
            tell_break(call, &mut out, &error).await;
        }
    }
}

async fn tell_break(mut call: Box<Call>, out: &mut Out, error: &ApiError) {
    converse::broke_off(&mut call, &Outcome::Error(error.code)).await;
    let (wire, id) = (call.surface.wire(), call.id.to_string());
    let last = event(wire, error, &id);
    call.bytes_out = out.sent + last.len() as u64;
    // The row first, the last byte after it; a row that cannot be kept was logged, and the break is told either way.
    let _ = settle::run(call, &Outcome::Error(error.code), 200).await;
    let _ = out.send(last).await;
    // The break was told in the format's own words; the body as such is whole.
    out.to_caller.complete();
}

fn event(wire: Wire, error: &ApiError, id: &str) -> Bytes {
    error::stream_error(wire, error, id)
}

fn interrupted() -> ApiError {
    ApiError::new(
        502,
        "upstream_stream_interrupted",
        "The answer broke off before its end. What came is not complete; please ask again.",
    )
}

/// The way to the caller.
struct Out {
    to_caller: ChunkSender,
    unread: Duration,
    sent: u64,
    /// What was sent, where it may be asked for again.
    keeping: Option<Keeping>,
}

impl Out {
    async fn send_all(&mut self, chunks: Vec<Bytes>) -> Result<(), Stop> {
        for chunk in chunks {
            self.send(chunk).await?;
        }
        Ok(())
    }

    async fn send(&mut self, chunk: Bytes) -> Result<(), Stop> {
        if chunk.is_empty() {
            return Ok(()); // a call is held; an empty chunk would be an end on the wire of HTTP/1.1
        }
        self.sent += chunk.len() as u64;
        if let Some(keeping) = &mut self.keeping {
            keeping.add(&chunk);
        }
        // The common case costs no timer.
        match self.to_caller.to_caller.try_send(chunk) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Stop::CallerGone),
            Err(mpsc::error::TrySendError::Full(chunk)) => {
                match tokio::time::timeout(self.unread, self.to_caller.to_caller.send(chunk)).await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(_)) | Err(_) => Err(Stop::CallerGone),
                }
            }
        }
    }
}
