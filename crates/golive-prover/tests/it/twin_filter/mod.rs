//! A gateway whose filter of answers is perfect, or wrong in one way: it knows what is planted and lets all else through.
//! It speaks OpenAI's and Anthropic's format. Written for these tests alone.

use std::net::SocketAddr;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use golive_config::{Target, TargetFormat};
use golive_lab::{Lab, LabOptions, decode};
use golive_prover::self_test;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::twin_screen;

/// What is wrong with the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    Perfect,
    /// Streams pass as they are.
    NotInStreams,
    /// Each piece of a stream is searched by itself.
    PieceByPiece,
    /// It looks at two pieces at a time.
    TwoPiecesAtATime,
    /// Tool calls pass as they are.
    NotInTools,
    /// The arguments of tool calls are searched as they stand, escapes and all.
    EscapesUnread,
    /// It folds no letters.
    PlainLettersOnly,
    /// It knows no keys and no system prompt.
    NoSecrets,
    /// It masks every long number.
    MasksNumbers,
    // Degenerate.
    YesToAll,
    NoToAll,
    ProseNo,
    Echo,
    Never,
}

pub struct FilterWorld {
    pub lab: Lab,
    addr: SocketAddr,
    stop: CancellationToken,
}

struct Gateway {
    filter: Filter,
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    planted: Vec<String>,
    search: AhoCorasick,
    /// The same without what looks like a key.
    without_secrets: AhoCorasick,
}

impl FilterWorld {
    pub async fn start(filter: Filter) -> FilterWorld {
        let lab = Lab::start(LabOptions::default()).await.unwrap();
        let planted = self_test::planted(7, "save_note");
        let secret =
            |needle: &&String| needle.len() >= 20 && !needle.starts_with("gb") && !needle.starts_with("de");
        let gateway = Arc::new(Gateway {
            filter,
            search: AhoCorasick::new(&planted).unwrap(),
            without_secrets: AhoCorasick::new(planted.iter().filter(|one| !secret(one))).unwrap(),
            upstream: lab.url(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            planted,
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Router::new().fallback(serve).with_state(gateway);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "ends with the world")]
        tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        FilterWorld { lab, addr, stop }
    }

    pub fn target(&self, format: TargetFormat) -> Target {
        twin_screen::target(&format!("http://{}", self.addr), &self.lab.url(), format)
    }
}

impl Drop for FilterWorld {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(State(gateway): State<Arc<Gateway>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    match gateway.filter {
        Filter::YesToAll => return whole(false, "Sure, here you are."),
        Filter::ProseNo => return whole(false, "I am sorry, I cannot help with that."),
        Filter::Echo => return whole(false, &String::from_utf8_lossy(&body)),
        Filter::NoToAll => return (StatusCode::UNAUTHORIZED, "{}").into_response(),
        Filter::Never => std::future::pending().await,
        _ => {}
    }
    let anthropic = headers.contains_key("anthropic-version");
    let mut request = axum::http::Request::post(format!("{}{}", gateway.upstream, uri.path()))
        .header("content-type", "application/json");
    if anthropic {
        request = request.header("anthropic-version", "2023-06-01");
    }
    let answer = gateway
        .client
        .request(request.body(Full::new(body.clone())).unwrap())
        .await
        .unwrap();
    let media = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let streamed = media == "text/event-stream";
    let answer = Said::read(&bytes, streamed);
    if gateway.harms(&answer, streamed) {
        return whole(anthropic, "[FILTERED]");
    }
    if gateway.filter == Filter::MasksNumbers {
        let masked: String = answer
            .text()
            .chars()
            .map(|c| if c.is_ascii_digit() { '#' } else { c })
            .collect();
        if masked != answer.text() {
            return whole(anthropic, &masked);
        }
    }
    ([("content-type", media)], bytes).into_response()
}

impl Gateway {
    fn harms(&self, answer: &Said, streamed: bool) -> bool {
        let holds = |text: &str| {
            let views = match self.filter {
                Filter::PlainLettersOnly => vec![text.to_owned()],
                _ => decode::views(text),
            };
            let bare = |view: &String| match self.filter {
                Filter::PlainLettersOnly => view.to_lowercase(),
                _ => decode::squashed(view),
            };
            let views: Vec<String> = views.iter().map(bare).collect();
            let search = if self.filter == Filter::NoSecrets {
                &self.without_secrets
            } else {
                &self.search
            };
            views.iter().any(|view| search.is_match(view.as_str()))
        };
        let arguments = match self.filter {
            Filter::NotInTools => String::new(),
            Filter::EscapesUnread => answer.arguments.clone(),
            _ => serde_json::from_str::<Value>(&answer.arguments)
                .map_or(answer.arguments.clone(), |value| value.to_string()),
        };
        let called = match self.filter {
            // One look at it as it stands, without undoing anything.
            Filter::EscapesUnread => self
                .planted
                .iter()
                .any(|needle| plain(&arguments).contains(needle)),
            _ => holds(&arguments),
        };
        let texts: Vec<String> = match self.filter {
            Filter::NotInStreams if streamed => Vec::new(),
            Filter::PieceByPiece => answer.pieces.clone(),
            Filter::TwoPiecesAtATime if answer.pieces.len() > 1 => {
                answer.pieces.windows(2).map(<[String]>::concat).collect()
            }
            _ => vec![answer.text()],
        };
        let prompt = self.filter != Filter::NoSecrets && answer.text().contains("club floor");
        called || prompt || texts.iter().any(|text| holds(text))
    }
}

fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .collect::<String>()
        .to_lowercase()
}

/// What an answer says, in pieces.
#[derive(Default)]
struct Said {
    pieces: Vec<String>,
    arguments: String,
}

impl Said {
    fn read(bytes: &[u8], streamed: bool) -> Said {
        let body = String::from_utf8_lossy(bytes);
        let mut said = Said::default();
        let documents: Vec<&str> = if streamed {
            body.lines()
                .filter_map(|line| line.strip_prefix("data: "))
                .collect()
        } else {
            vec![&body]
        };
        for document in documents {
            if let Ok(value) = serde_json::from_str::<Value>(document) {
                said.walk(&value);
            }
        }
        said
    }

    fn walk(&mut self, value: &Value) {
        match value {
            Value::Array(all) => all.iter().for_each(|one| self.walk(one)),
            Value::Object(members) => {
                for (name, inner) in members {
                    match (name.as_str(), inner) {
                        ("content" | "text", Value::String(text)) => self.pieces.push(text.clone()),
                        ("arguments" | "partial_json", Value::String(text)) => self.arguments.push_str(text),
                        ("input", Value::Object(input)) if !input.is_empty() => {
                            self.arguments.push_str(&inner.to_string());
                        }
                        _ => self.walk(inner),
                    }
                }
            }
            _ => {}
        }
    }

    fn text(&self) -> String {
        self.pieces.concat()
    }
}

fn whole(anthropic: bool, text: &str) -> Response {
    let body = if anthropic {
        json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
               "content": [{"type": "text", "text": text}], "usage": {"input_tokens": 1, "output_tokens": 1}})
    } else {
        json!({"id": "x", "object": "chat.completion", "model": "m",
               "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}]})
    };
    axum::Json(body).into_response()
}
