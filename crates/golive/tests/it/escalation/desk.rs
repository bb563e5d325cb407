//! E3: a desk that takes events as a receiver of webhooks would, and the world before it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::caller::{Answer, Ask};
use crate::gate::{Gate, Setup};
use crate::world::eventually;

pub const SECRET: &str = "what-only-the-desk-and-golive-know";
pub const AGENT: &str = "[agents.support]\nchain = [\"openai/lab-model\"]\n";

/// A receiver of webhooks that answers with a status of the test's choice.
#[derive(Clone)]
pub struct Desk {
    pub url: String,
    pub got: Arc<Mutex<Vec<Event>>>,
    pub status: Arc<Mutex<u16>>,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub answered: u16,
}

impl Desk {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/golive", listener.local_addr().expect("an address"));
        let desk = Self {
            url,
            got: Arc::default(),
            status: Arc::new(Mutex::new(200)),
        };
        let one = desk.clone();
        TaskTracker::new().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let desk = one.clone();
                TaskTracker::new().spawn(async move {
                    let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                        let desk = desk.clone();
                        async move { Ok::<_, std::convert::Infallible>(desk.take(request).await) }
                    });
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        desk
    }

    pub async fn take(
        &self,
        request: http::Request<hyper::body::Incoming>,
    ) -> http::Response<Full<bytes::Bytes>> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let answered = *self.status.lock().expect("a status");
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        self.got.lock().expect("a list").push(Event {
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            answered,
        });
        let mut response = http::Response::new(Full::default());
        *response.status_mut() = http::StatusCode::from_u16(answered).expect("a status");
        response
    }

    pub fn answers(&self, status: u16) {
        *self.status.lock().expect("a status") = status;
    }

    pub fn taken(&self) -> Vec<Event> {
        let got = self.got.lock().expect("a list");
        got.iter()
            .filter(|event| event.answered == 200)
            .cloned()
            .collect()
    }

    pub fn tried(&self) -> usize {
        self.got.lock().expect("a list").len()
    }

    pub async fn one(&self) -> Event {
        eventually("an event at the desk", async || self.taken().into_iter().next()).await
    }

    pub fn toml(&self) -> String {
        format!(
            "[webhooks.desk]\nkind = \"generic\"\nurl = \"{}\"\nsecret_env = \"DESK_SECRET\"\nprivate_addresses = [\"127.0.0.0/8\"]\n",
            self.url
        )
    }
}

pub async fn with_desk(more: &str) -> (Gate, Desk) {
    let desk = Desk::open().await;
    let gate = Setup::default()
        .with(AGENT)
        .with(&desk.toml())
        .with(more)
        .env("DESK_SECRET", SECRET)
        .start()
        .await;
    (gate, desk)
}

pub fn chat(gate: &Gate, conversation: &str, words: &str) -> Ask {
    gate.chat()
        .with("model", "support")
        .header("golive-conversation", conversation)
        .saying(words)
}

pub async fn poll(gate: &Gate, conversation: &str) -> Value {
    let answer = gate.get(&format!("/v1/conversations/{conversation}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

pub async fn inbox(gate: &Gate, args: &[&str]) -> Value {
    let args: Vec<&str> = ["inbox"]
        .iter()
        .chain(args)
        .chain(&["--format", "json"])
        .copied()
        .collect();
    gate.command(&args).await.json()
}

pub async fn only_ticket(gate: &Gate) -> String {
    let listed = inbox(gate, &["list"]).await;
    let tickets = listed["tickets"].as_array().expect("tickets");
    assert_eq!(tickets.len(), 1, "{listed}");
    tickets[0]["id"].as_str().expect("an id").to_owned()
}

pub fn is_escalated(answer: &Answer) -> bool {
    answer.header("golive-degraded") == "escalated"
}
