//! What the queueing gateway answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::{Flaw, Gateway, SERVICE};

pub(super) async fn serve(State(gateway): State<Arc<Gateway>>, headers: HeaderMap, body: Bytes) -> Response {
    match gateway.flaw {
        Flaw::YesToAll => {
            let answer = json!({"id": "x", "object": "chat.completion", "model": "m", "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Sure, here you are."}}]});
            return whole(200, &answer);
        }
        Flaw::NoToAll => {
            return whole(
                503,
                &error("There is no place in the queue just now.", "queue_full"),
            );
        }
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
    let important = text("x-priority") == "high";
    let Some(_place) = gateway.line.enter(text("golive-user"), important).await else {
        return gateway.refuse(body).await;
    };
    let number = gateway.number.fetch_add(1, Ordering::SeqCst);
    if gateway.flaw == Flaw::AsksTwice {
        gateway.ask(body.clone()).await;
    }
    let answer = gateway.ask(body).await;
    let mut last = gateway.last_answer.lock().unwrap();
    let answer = if gateway.flaw == Flaw::GivesAnothersAnswer && number > 6 && number.is_multiple_of(4) {
        last.clone()
    } else {
        answer
    };
    last.clone_from(&answer);
    (StatusCode::OK, [("content-type", "application/json")], answer).into_response()
}

impl Gateway {
    async fn ask(&self, body: Bytes) -> Bytes {
        let request = axum::http::Request::post(format!("{}/v1/chat/completions", self.upstream))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .unwrap();
        let response = self.client.request(request).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    }

    async fn refuse(&self, body: Bytes) -> Response {
        match self.flaw {
            Flaw::RefusesLate => tokio::time::sleep(Duration::from_secs(2)).await,
            Flaw::AsksForTheRefused => drop(self.ask(body).await),
            Flaw::RefusedByABalancer => {
                let page = "<html><head><title>503 Service Temporarily Unavailable</title></head>\
                            <body><center><h1>503</h1></center><hr><center>nginx/1.27</center></body></html>";
                return (
                    StatusCode::SERVICE_UNAVAILABLE,
                    [("content-type", "text/html")],
                    page,
                )
                    .into_response();
            }
            _ => {}
        }
        let words = match self.flaw {
            Flaw::RefusesWithoutAWord => "",
            _ => "Too many are waiting just now. Please come back in a few seconds.",
        };
        let mut response = whole(503, &error(words, "queue_full"));
        if self.flaw != Flaw::NoRetryAfter {
            response.headers_mut().insert("retry-after", 2.into());
        }
        response
    }
}

fn error(message: &str, code: &str) -> Value {
    json!({"error": {"message": message, "type": "overloaded_error", "param": null, "code": code}})
}

fn whole(status: u16, body: &Value) -> Response {
    let kind = [("content-type", "application/json")];
    (StatusCode::from_u16(status).unwrap(), kind, body.to_string()).into_response()
}
