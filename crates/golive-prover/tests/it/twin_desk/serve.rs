//! What the agent with a desk answers: to users, and to the operator.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::conversation::{asks_for_a_person, doubts};
use super::{Agent, Flaw, SERVICE};

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
        Flaw::NoToAll => return whole(401, &error("This key is not valid.")),
        Flaw::Never => std::future::pending().await,
        Flaw::Echo => return whole(200, &reply(&String::from_utf8_lossy(&body))),
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
        return whole(401, &error("This key is not valid."));
    }
    let path: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    match (method, path.as_slice()) {
        (Method::POST, ["v1", "chat", "completions"]) => {
            agent
                .chat(&text("golive-conversation"), &text("golive-user"), body, &asked)
                .await
        }
        (Method::GET, ["v1", "conversations", name]) => {
            let all = agent.conversations.lock().unwrap();
            match all.get(*name) {
                Some(conversation) => whole(200, &json!({"messages": conversation.messages})),
                None => whole(404, &error("There is no such conversation.")),
            }
        }
        (Method::POST, ["admin", "tickets", ticket, step]) => agent.operate(ticket, step, &asked),
        _ => whole(404, &error("There is no such route.")),
    }
}

impl Agent {
    async fn chat(self: &Arc<Self>, name: &str, user: &str, body: Bytes, asked: &Value) -> Response {
        let none = Vec::new();
        let messages = asked["messages"].as_array().unwrap_or(&none);
        let said = messages
            .last()
            .and_then(|last| last["content"].as_str())
            .unwrap_or_default();
        let from_tool = messages.iter().any(|one| {
            one["role"] == "tool" && asks_for_a_person(self.flaw, one["content"].as_str().unwrap_or_default())
        });
        let asks = asks_for_a_person(self.flaw, said) || (from_tool && self.flaw == Flaw::HearsTools);
        let waits = {
            let mut all = self.conversations.lock().unwrap();
            let conversation = all.entry(name.to_owned()).or_default();
            let waits = conversation.handed_over;
            if !(waits && self.flaw == Flaw::ForgetsMessages) {
                conversation.keep("user", said);
            }
            waits
        };
        if waits && self.flaw != Flaw::GoesOnTalking {
            return whole(
                200,
                &reply("A person has this conversation now and will answer you here."),
            );
        }
        if asks {
            self.hand_over(name, user, "user_asked");
            if self.flaw == Flaw::HandsOverTwice {
                self.hand_over(name, user, "user_asked");
            }
            let words = if self.flaw == Flaw::SaysNothing {
                ""
            } else {
                "I have called a person, who will answer you here."
            };
            return whole(200, &reply(words));
        }
        match self.ask(body).await {
            Some((answer, confidence)) => {
                if doubts(self.flaw, confidence) {
                    self.hand_over(name, user, "low_confidence");
                }
                json_of(200, answer)
            }
            None => {
                let handed = {
                    let mut all = self.conversations.lock().unwrap();
                    let conversation = all.entry(name.to_owned()).or_default();
                    !conversation.handed_over && conversation.failed(self.flaw)
                };
                if handed {
                    self.hand_over(name, user, "failed_attempts");
                }
                let mut response = whole(
                    200,
                    &reply("I am sorry, I cannot answer just now. Please try again."),
                );
                response
                    .headers_mut()
                    .insert("golive-degraded", "unavailable".parse().unwrap());
                response
            }
        }
    }

    async fn ask(&self, body: Bytes) -> Option<(Bytes, Option<f64>)> {
        let request = axum::http::Request::post(format!("{}/v1/chat/completions", self.upstream))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .unwrap();
        let response = self.client.request(request).await.ok()?;
        let confidence = response
            .headers()
            .get("x-confidence")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let ok = response.status() == StatusCode::OK;
        let bytes = response.into_body().collect().await.ok()?.to_bytes();
        ok.then_some((bytes, confidence))
    }

    fn operate(&self, ticket: &str, step: &str, asked: &Value) -> Response {
        let mut all = self.conversations.lock().unwrap();
        let Some(conversation) = all.values_mut().find(|one| one.ticket == ticket) else {
            return whole(404, &error("There is no such ticket."));
        };
        match step {
            "reply" if self.flaw != Flaw::AnswerIsLost => {
                conversation.keep("operator", asked["text"].as_str().unwrap_or_default());
            }
            "resolve" if self.flaw != Flaw::NeverGivesBack => conversation.handed_over = false,
            _ => {}
        }
        whole(200, &json!({"ok": true}))
    }
}

fn reply(text: &str) -> Value {
    json!({
        "id": "x", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    })
}

fn error(message: &str) -> Value {
    json!({"error": {"message": message, "type": "api_error", "param": null, "code": "twin"}})
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
