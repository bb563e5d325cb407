//! P1: one request and its whole answer: first useful byte, pauses, size, and how it failed.
//!
//! Never: keeps a body. Who wants to look at it is an [`Examine`] and sees each piece once.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Instant;

use super::Outgoing;
use super::connection::{Connection, Pool, of_io};
use crate::reply::{Failure, GAPS, Reply};

/// What precedes an answer's body.
#[derive(Debug)]
pub struct Head<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
}

/// What a piece of a body was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Something the caller of the service would have seen.
    Useful,
    /// A comment, a ping, an opening event.
    Filler,
}

/// Reads one answer as it comes, and says whether it is a good one. This is where a caller knows the wire
/// format; the sender does not.
pub trait Examine: Send {
    /// The head came.
    fn head(&mut self, head: &Head<'_>) {
        let _ = head;
    }

    /// A piece of the body came, as it was read from the connection: it may end anywhere.
    fn piece(&mut self, bytes: &Bytes) -> Content {
        let _ = bytes;
        Content::Useful
    }

    /// The answer is complete, with a status of 200 to 299. Says what is wrong with it nevertheless.
    fn complete(&mut self) -> Option<Failure> {
        None
    }
}

/// Judges by the status alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct StatusOnly;

impl Examine for StatusOnly {}

impl Pool {
    /// Sends one request and reads the whole answer. Its failures are in the reply.
    #[expect(
        clippy::disallowed_methods,
        reason = "a driver: it measures from its own begin"
    )]
    pub async fn exchange<E: Examine>(&self, mut request: Outgoing, examine: &mut E) -> Reply {
        let began = Instant::now();
        let mut reply = Reply::default();
        if !request.headers().contains_key(HOST) {
            request.headers_mut().insert(HOST, self.endpoint.host.clone());
        }
        let (mut connection, cold) = match self.take().await {
            Ok(taken) => taken,
            Err(failure) => return Reply::failed(failure),
        };
        reply.cold = cold;
        connection.marks.clear();
        let answered = connection.send.send_request(request).await;
        reply.wrote = connection
            .marks
            .wrote()
            .map(|at| at.saturating_duration_since(began));
        let (head, body) = match answered {
            Ok(response) => response.into_parts(),
            Err(error) => {
                return Reply {
                    failure: Some(of_hyper(&error)),
                    ..reply
                };
            }
        };
        reply.status = Some(head.status.as_u16());
        examine.head(&Head {
            status: head.status,
            headers: &head.headers,
        });
        let ended = self.read(body, began, examine, &mut reply).await;
        reply.failure = match ended {
            Err(failure) => Some(failure),
            Ok(()) if !head.status.is_success() => Some(Failure::Status(head.status.as_u16())),
            Ok(()) => examine.complete(),
        };
        if ended_whole(&reply) {
            self.give_back(connection);
        } else {
            drop::<Connection>(connection); // the rest of the answer is not worth reading
        }
        reply
    }

    #[expect(clippy::disallowed_methods, reason = "a driver: it measures its own answer")]
    async fn read<E: Examine>(
        &self,
        mut body: Incoming,
        began: Instant,
        examine: &mut E,
        reply: &mut Reply,
    ) -> Result<(), Failure> {
        let mut last: Option<Instant> = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| of_hyper(&error))?;
            let Ok(bytes) = frame.into_data() else { continue }; // trailers
            if bytes.is_empty() {
                continue;
            }
            reply.bytes += bytes.len() as u64;
            if reply.bytes > self.options.body {
                return Err(Failure::TooLarge);
            }
            if examine.piece(&bytes) == Content::Filler {
                continue;
            }
            let now = Instant::now();
            match last {
                None => reply.first_byte = Some(now - began),
                Some(last) if reply.gaps.len() < GAPS => reply.gaps.push(now - last),
                Some(_) => {}
            }
            last = Some(now);
        }
        Ok(())
    }
}

/// The connection is at the end of an answer and may carry the next.
fn ended_whole(reply: &Reply) -> bool {
    !matches!(
        reply.failure,
        Some(Failure::ClosedEarly | Failure::TooLarge | Failure::Protocol | Failure::Connect)
    )
}

fn of_hyper(error: &hyper::Error) -> Failure {
    use std::error::Error as _;
    let io = error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>());
    if let Some(failure @ Failure::Generator(_)) = io.map(of_io) {
        return failure;
    }
    if error.is_parse() {
        Failure::Protocol
    } else {
        Failure::ClosedEarly
    }
}
