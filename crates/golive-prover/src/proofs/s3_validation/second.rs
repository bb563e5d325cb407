//! S3: the same broken bodies over HTTP/2, where another parser frames them.
//!
//! A target without TLS is spoken to as one that is known to speak it (RFC 9113 §3.3); whether it does is found out by
//! the plain request. One that speaks HTTP/1.1 alone has nothing here to prove.
//!
//! Never: follows a case with another one on the same connection.

use std::time::Duration;

use bytes::Bytes;
use golive_checklist::judge::UnscoredReason;
use http::Request;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::corpus::{Case, Maker};
use super::judge;
use super::wire::Came;
use crate::clock;
use crate::ctx::Ctx;
use crate::target::Answer;

/// Cases that go over HTTP/2, too: one of each way in which a body can be broken.
const AGAIN: &[&str] = &[
    "array-body",
    "null-body",
    "duplicate-member",
    "duplicate-escaped",
    "utf8-invalid",
    "utf8-overlong",
    "lone-high",
    "raw-newline",
    "number-huge",
    "number-nan",
    "messages-string",
    "stream-string",
    "encoded-gzip",
    "type-text",
    "deep-arrays",
    "many-nodes",
    "bomb-gzip",
    "body-too-large",
];

/// The cases of a part that are sent over HTTP/2, under names of their own.
pub(super) fn of(cases: &[Case]) -> Vec<Case> {
    let again = cases
        .iter()
        .filter(|case| AGAIN.contains(&case.id.as_str()) && case.is_a_body());
    again
        .cloned()
        .map(|mut case| {
            case.id = format!("h2 {}", case.id);
            case
        })
        .collect()
}

/// Whether the plain request is served over HTTP/2.
pub(super) async fn is_spoken(ctx: &Ctx, maker: &Maker) -> bool {
    if ctx.config.url.scheme != golive_config::Scheme::Http {
        return false; // it is negotiated there, and the raw connections of this proof do not ask for it
    }
    let case = Case::plain(maker.part);
    let came = send(ctx, maker, &case, &ctx.marker("s3-h2-plain")).await;
    came.answer.is_some_and(|answer| answer.status.is_success())
}

/// Sends the body of a case, and reads until the answer is whole or `patience` is over.
pub(super) async fn send(ctx: &Ctx, maker: &Maker, case: &Case, tag: &str) -> Came {
    let mut came = Came::nothing();
    let socket = match ctx.target.socket().await {
        Ok(socket) => socket,
        Err(reason) => {
            came.missed = Some(reason);
            return came;
        }
    };
    let mut request = Request::post(format!(
        "http://{}{}",
        ctx.config.url.authority(),
        ctx.target.route()
    ));
    for (name, value) in maker.headers(case, tag) {
        request = request.header(name, value);
    }
    let Ok(request) = request.body(Full::new(Bytes::from(maker.body(case, tag)))) else {
        came.missed = Some(UnscoredReason::Unexpected(
            "the case cannot be written in HTTP/2".to_owned(),
        ));
        return came;
    };
    let started = clock::now();
    let exchange = async {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .ok()?;
        let driving = clock::start(connection);
        let answered = async {
            let response = sender.send_request(request).await.ok()?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, READ_MAX).collect().await.ok()?.to_bytes();
            Some((head, body))
        };
        let answered = answered.await;
        driving.abort();
        answered
    };
    let ended = tokio::select! {
        ended = tokio::time::timeout(judge::patience(case.expect), exchange) => ended,
        () = ctx.cancel.cancelled() => {
            came.missed = Some(UnscoredReason::Interrupted);
            return came;
        }
    };
    came.after = clock::now()
        .saturating_duration_since(started)
        .max(Duration::from_micros(1));
    match ended {
        Ok(Some((head, body))) => {
            came.show(&body);
            came.answer = Some(Answer {
                headers: head.headers,
                elapsed: came.after,
                head_after: came.after,
                ..Answer::made(head.status, body)
            });
        }
        Ok(None) => came.closed = true,
        Err(_) => {}
    }
    came
}

/// The most that is read of an answer.
const READ_MAX: usize = 1024 * 1024;
