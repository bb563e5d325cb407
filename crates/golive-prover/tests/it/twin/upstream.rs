//! The twin's call to the lab, under four clocks.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::time::{Instant, timeout, timeout_at};

use super::answers::{error, with_body};
use super::{Flaw, Gateway, Reply, Settings};

/// A clock that is left out by a flaw.
const NEVER: Duration = Duration::from_secs(3_600);

impl Gateway {
    pub async fn forward(&self, body: Bytes, stream: bool) -> Reply {
        let clocks = self.clocks();
        #[expect(clippy::disallowed_methods, reason = "a server of the tests, in real time")]
        let started = Instant::now();
        let total = started
            + if stream {
                clocks.total_stream
            } else {
                clocks.total_request
            };
        let request = Request::post(format!("{}/v1/chat/completions", self.upstream))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .unwrap();
        let first = total.min(started + clocks.first_byte);
        let response = match timeout_at(first, self.client.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => return error(502, "upstream_failed", "The model cannot be reached."),
            Err(_) => return too_late(),
        };
        let (head, body) = response.into_parts();
        if stream && head.status.is_success() {
            let pump = Pump {
                body,
                first,
                total,
                idle: clocks.idle,
                begun: false,
                over: false,
                flaw: self.flaw,
            };
            let frames = stream::unfold(pump, |mut pump| async { Some((pump.next().await?, pump)) });
            return Response::builder()
                .status(head.status)
                .header("content-type", "text/event-stream")
                .body(StreamBody::new(frames).boxed_unsync())
                .unwrap();
        }
        let mut body = body;
        let mut whole = Vec::new();
        loop {
            #[expect(clippy::disallowed_methods, reason = "a server of the tests, in real time")]
            let idle = if whole.is_empty() {
                first
            } else {
                Instant::now() + clocks.idle
            };
            match timeout_at(total.min(idle), body.frame()).await {
                Err(_) => return too_late(),
                Ok(None) => return with_body(head.status.as_u16(), "application/json", whole),
                Ok(Some(Err(_))) => return error(502, "upstream_failed", "The model broke off."),
                Ok(Some(Ok(frame))) => whole.extend_from_slice(&frame.into_data().unwrap_or_default()),
            }
        }
    }

    /// The flaw of a call that outlives its caller: a task of its own drives it.
    pub async fn forward_and_forget(&self, body: Bytes, stream: bool) -> Reply {
        let (give, take) = tokio::sync::oneshot::channel();
        let alone = Gateway {
            flaw: Flaw::None,
            settings: self.settings,
            upstream: self.upstream.clone(),
            client: self.client.clone(),
            limits: super::limits::Limits::default(),
        };
        #[expect(clippy::disallowed_methods, reason = "the flaw: it outlives its caller")]
        tokio::spawn(async move {
            let reply = alone.forward(body, stream).await;
            let (head, mut body) = reply.into_parts();
            let (frames, rest) = tokio::sync::mpsc::channel(1_024);
            let rest = stream::unfold(rest, |mut rest: tokio::sync::mpsc::Receiver<_>| async {
                Some((rest.recv().await?, rest))
            });
            let _ = give.send(Response::from_parts(head, StreamBody::new(rest).boxed_unsync()));
            while let Some(frame) = body.frame().await {
                let _ = frames.try_send(frame);
            }
        });
        take.await.unwrap_or_else(|_| too_late())
    }

    fn clocks(&self) -> Settings {
        let mut clocks = self.settings;
        match self.flaw {
            Flaw::NoFirstByteClock => {
                clocks.first_byte = NEVER;
                clocks.total_request = NEVER;
                clocks.total_stream = NEVER;
            }
            Flaw::NoIdleClock => {
                clocks.idle = NEVER;
                clocks.total_request = NEVER;
                clocks.total_stream = NEVER;
            }
            Flaw::NoTotalClock => {
                clocks.total_request = NEVER;
                clocks.total_stream = NEVER;
            }
            Flaw::HalvesItsClocks => {
                clocks.first_byte /= 4;
                clocks.idle /= 4;
            }
            _ => {}
        }
        clocks
    }
}

/// A stream on its way through.
struct Pump {
    body: Incoming,
    first: Instant,
    total: Instant,
    idle: Duration,
    begun: bool,
    over: bool,
    flaw: Flaw,
}

impl Pump {
    async fn next(&mut self) -> Option<std::io::Result<Frame<Bytes>>> {
        if self.over {
            return None;
        }
        let left = if self.begun {
            timeout_at(self.total, timeout(self.idle, self.body.frame())).await
        } else {
            timeout_at(
                self.first.min(self.total),
                timeout(Duration::MAX, self.body.frame()),
            )
            .await
        };
        match left {
            Ok(Ok(Some(Ok(frame)))) => {
                self.begun = true;
                Some(Ok(Frame::data(frame.into_data().unwrap_or_default())))
            }
            Ok(Ok(None)) => None,
            Ok(Ok(Some(Err(error)))) => {
                self.over = true;
                Some(Err(std::io::Error::other(error)))
            }
            Ok(Err(_)) | Err(_) => {
                self.over = true;
                match self.flaw {
                    Flaw::BreaksOffSilently => None,
                    Flaw::PretendsToEnd => Some(Ok(Frame::data(Bytes::from_static(b"data: [DONE]\n\n")))),
                    _ => Some(Ok(Frame::data(Bytes::from_static(
                        b"data: {\"error\":{\"message\":\"The model fell silent.\",\"type\":\"server_error\",\"code\":\"upstream_timeout\"}}\n\n",
                    )))),
                }
            }
        }
    }
}

fn too_late() -> Reply {
    error(
        504,
        "upstream_timeout",
        "The model did not answer in time. Try again.",
    )
}
