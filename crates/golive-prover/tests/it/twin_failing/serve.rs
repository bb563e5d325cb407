//! What the agent answers, and what it says when its model fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use golive_config::Surface;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Agent, Flaw, SERVICE, SILENCE};

/// What became of the call to the model.
pub enum Outcome {
    Whole(Bytes),
    /// The events that came, and why there are no more if they broke off.
    Events(Vec<Value>, Option<Failure>),
    Failed(Failure),
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub struct Failure {
    pub kind: &'static str,
    pub chain: Vec<String>,
    /// What the provider said.
    pub said: String,
}

pub(super) async fn serve(
    State(agent): State<Arc<Agent>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match agent.flaw {
        Flaw::YesToAll => return whole(200, &reply("Sure, here you are.")),
        Flaw::ProseNo => return whole(200, &reply("I am sorry, I cannot do that.")),
        Flaw::NoToAll => return whole(401, &error("This key is not valid.", "invalid_api_key")),
        Flaw::Echo => return whole(200, &reply(&String::from_utf8_lossy(&body))),
        Flaw::Never => std::future::pending().await,
        _ => {}
    }
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    if text("authorization") != format!("Bearer {SERVICE}") {
        return whole(401, &error("This key is not valid.", "invalid_api_key"));
    }
    if method != Method::POST || uri.path() != "/v1/chat/completions" {
        return whole(404, &error("There is no such route.", "not_found"));
    }
    let id = format!("req-{}", agent.number.fetch_add(1, Ordering::SeqCst));
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let stream = asked["stream"] == json!(true);
    let call = super::log::Call {
        id: id.clone(),
        user: text("golive-user"),
        trace: text("traceparent"),
        prompt: asked["messages"][0]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        key: text("authorization"),
    };
    let german = text("accept-language").starts_with("de") && agent.flaw != Flaw::OneLanguageOnly;
    let mut response = match agent.ask(body, stream).await {
        Outcome::Whole(_) | Outcome::Events(_, None) if agent.flaw == Flaw::Canned => {
            whole(200, &reply(SORRY))
        }
        Outcome::Whole(answer) => {
            if agent.flaw == Flaw::LogsHealthyOnesToo {
                agent.log(&call, &failure("none", &["all is well"]));
            }
            json_of(200, answer)
        }
        Outcome::Events(events, None) => events_of(&events, None, true),
        Outcome::Events(events, Some(failure)) => {
            agent.log(&call, &failure);
            agent.broken_stream(&events, &failure)
        }
        Outcome::Failed(failure) => {
            agent.log(&call, &failure);
            agent.failed(&failure, stream, german)
        }
    };
    if agent.flaw == Flaw::MarksHealthyOnes {
        response
            .headers_mut()
            .insert("golive-degraded", "unavailable".parse().unwrap());
    }
    response.headers_mut().insert("x-request-id", id.parse().unwrap());
    response
}

impl Agent {
    /// Asks the model, under its clocks. A stream is put together before anything is passed on.
    async fn ask(&self, body: Bytes, stream: bool) -> Outcome {
        let request = axum::http::Request::post(format!("{}/v1/chat/completions", self.upstream))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .unwrap();
        let response = match timeout(SILENCE, self.client.request(request)).await {
            Err(_) => return Outcome::Failed(failure("timeout", &["no answer in time"])),
            Ok(Err(error)) => {
                return Outcome::Failed(failure("unreachable", &["no connection", &error.to_string()]));
            }
            Ok(Ok(response)) => response,
        };
        let status = response.status();
        let is = |kind: &str| {
            let value = response
                .headers()
                .get("content-type")
                .and_then(|value| value.to_str().ok());
            value.is_some_and(|value| value.starts_with(kind))
        };
        let events = is("text/event-stream");
        let (bytes, ending) = read(response.into_body()).await;
        if status != StatusCode::OK {
            let mut failure = failure("refused", &["the model answered with an error", status.as_str()]);
            failure.said = String::from_utf8_lossy(&bytes).into_owned();
            return Outcome::Failed(failure);
        }
        match (stream && events, ending) {
            (false, Some(failure)) => Outcome::Failed(failure),
            (false, None) => match serde_json::from_slice::<Value>(&bytes) {
                Ok(answer) if answer["choices"][0]["message"].is_object() => Outcome::Whole(bytes),
                _ => Outcome::Failed(failure("garbage", &["the model's answer is not one"])),
            },
            (true, ending) => split(&String::from_utf8_lossy(&bytes), ending),
        }
    }

    fn failed(&self, failure: &Failure, stream: bool, german: bool) -> Response {
        let mut words = if german {
            "Leider ist der Dienst gerade nicht erreichbar. Bitte versuchen Sie es später noch einmal."
        } else {
            SORRY
        }
        .to_owned();
        let mut status = 503;
        match self.flaw {
            Flaw::TellsAHost => words += " (cannot reach gpu-7.cluster.local:8000)",
            Flaw::PassesBodiesOn => words = format!("{words} {}", failure.said),
            Flaw::SaysNothing => words = String::new(),
            Flaw::SaysAStatusLine => "Internal Server Error".clone_into(&mut words),
            Flaw::PageOfHtml => {
                let page = "<html><body><h1>We are sorry, please come back later.</h1></body></html>";
                return (
                    StatusCode::SERVICE_UNAVAILABLE,
                    [("content-type", "text/html")],
                    page,
                )
                    .into_response();
            }
            Flaw::BlamesTheCaller => status = 400,
            Flaw::ErrorUnder200 => status = 200,
            Flaw::ClosesTheConnection => {
                let broken = Body::from_stream(futures_util::stream::once(async {
                    Err::<Bytes, _>(std::io::Error::other("closed"))
                }));
                return Response::new(broken);
            }
            _ => {}
        }
        let as_error = match self.flaw {
            Flaw::NowReplyNowError => failure.kind == "timeout",
            Flaw::BlamesTheCaller | Flaw::ErrorUnder200 => true,
            _ => self.surface == Surface::Model,
        };
        if as_error {
            return whole(status, &error(&words, "model_unavailable"));
        }
        let mut response = if stream {
            let chunk = json!({"id": "x", "object": "chat.completion.chunk", "model": "m",
                "choices": [{"index": 0, "delta": {"role": "assistant", "content": words}, "finish_reason": null}]});
            let last = json!({"id": "x", "object": "chat.completion.chunk", "model": "m",
                "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
            events_of(&[chunk, last], None, true)
        } else {
            whole(200, &reply(&words))
        };
        if self.flaw != Flaw::DoesNotMark {
            response
                .headers_mut()
                .insert("golive-degraded", "unavailable".parse().unwrap());
        }
        response
    }

    /// A stream that had begun: its events, then the word that it broke off.
    fn broken_stream(&self, events: &[Value], failure: &Failure) -> Response {
        match self.flaw {
            Flaw::EndsCleanly => events_of(events, None, true),
            Flaw::EndsWithoutAWord => events_of(events, None, false),
            Flaw::TellsAHost => events_of(
                events,
                Some(&error(
                    "The model at gpu-7.cluster.local:8000 fell silent.",
                    "broken",
                )),
                false,
            ),
            _ => {
                let _ = failure;
                events_of(
                    events,
                    Some(&error("The answer broke off. Please ask again.", "broken")),
                    false,
                )
            }
        }
    }
}

/// The body as far as it came, and why not further.
async fn read(mut body: hyper::body::Incoming) -> (Bytes, Option<Failure>) {
    let mut bytes = Vec::new();
    let reading = async {
        loop {
            match timeout(SILENCE, body.frame()).await {
                Err(_) => return Some(failure("timeout", &["the model fell silent"])),
                Ok(None) => return None,
                Ok(Some(Err(error))) => {
                    return Some(failure("broken", &["the model broke off", &error.to_string()]));
                }
                Ok(Some(Ok(frame))) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            }
        }
    };
    let ending = timeout(Duration::from_secs(2), reading).await;
    let ending = ending.unwrap_or_else(|_| Some(failure("timeout", &["the model took too long"])));
    (bytes.into(), ending)
}

/// The events of a stream up to its end or to the first that is none.
fn split(text: &str, ending: Option<Failure>) -> Outcome {
    let mut events = Vec::new();
    let mut ended = false;
    let mut broken = ending;
    for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
        if data == "[DONE]" {
            ended = true;
            break;
        }
        match serde_json::from_str::<Value>(data) {
            Ok(event) if event.get("error").is_none() => events.push(event),
            _ => {
                broken = Some(failure("garbage", &["an event of the model is none"]));
                break;
            }
        }
    }
    if !ended && broken.is_none() {
        broken = Some(failure("broken", &["the stream has no end"]));
    }
    let begun = events.iter().any(|event| {
        event["choices"][0]["delta"]["content"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    });
    match (begun, broken) {
        (false, Some(failure)) => Outcome::Failed(failure),
        (_, broken) => Outcome::Events(events, broken),
    }
}

const SORRY: &str = "I am sorry, I cannot answer just now. Please try again in a minute.";

fn failure(kind: &'static str, chain: &[&str]) -> Failure {
    Failure {
        kind,
        chain: chain.iter().map(|cause| (*cause).to_owned()).collect(),
        said: String::new(),
    }
}

fn events_of(events: &[Value], error: Option<&Value>, ended: bool) -> Response {
    let mut text: String = events
        .iter()
        .chain(error)
        .map(|event| format!("data: {event}\n\n"))
        .collect();
    if ended {
        text += "data: [DONE]\n\n";
    }
    ([("content-type", "text/event-stream")], text).into_response()
}

fn reply(text: &str) -> Value {
    json!({
        "id": "x", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    })
}

fn error(message: &str, code: &str) -> Value {
    json!({"error": {"message": message, "type": "api_error", "param": null, "code": code}})
}

fn whole(status: u16, body: &Value) -> Response {
    json_of(status, body.to_string().into())
}

fn json_of(status: u16, body: Bytes) -> Response {
    (
        StatusCode::from_u16(status).unwrap(),
        [("content-type", "application/json")],
        body,
    )
        .into_response()
}
