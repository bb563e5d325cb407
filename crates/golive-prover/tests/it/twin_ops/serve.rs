//! What the gateway with operations answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State as Given;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::{FIRST_BYTE, Flaw, KEY, Kept, State};

pub(super) async fn serve(
    Given(state): Given<Arc<State>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match state.flaw {
        Flaw::YesToAll => return json(200, &completion("Sure, here you are.")),
        Flaw::NoToAll => return error(403, "no"),
        Flaw::Echo => return (StatusCode::OK, body).into_response(),
        Flaw::Never => std::future::pending().await,
        _ => {}
    }
    match (method, uri.path()) {
        (Method::GET, "/health") => state.health().await,
        (Method::GET, "/livez") => match state.is_down() && state.flaw == Flaw::LivenessFallsToo {
            true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            false => "ok".into_response(),
        },
        (Method::GET, "/metrics") => state.metrics().into_response(),
        (Method::POST, "/v1/chat/completions") => {
            let key = headers.get("authorization").and_then(|value| value.to_str().ok());
            if key != Some(&format!("Bearer {KEY}")) {
                return error(401, "this key is not valid");
            }
            state.chat(body).await
        }
        _ => error(404, "no such route"),
    }
}

impl State {
    fn is_down(&self) -> bool {
        self.failures.load(Ordering::SeqCst) >= 3
    }

    async fn health(&self) -> Response {
        match self.flaw {
            Flaw::HangsWithProvider => {
                let _ = self.forward(asked()).await;
                if self.is_down() {
                    tokio::time::sleep(Duration::from_millis(1_200)).await;
                }
            }
            Flaw::CallsThePaidModel => drop(self.forward(asked()).await),
            _ => {}
        }
        let down = self.is_down() && self.flaw != Flaw::AlwaysWell;
        let mark = |bad: bool| json!([{"status": if bad { "fail" } else { "pass" }}]);
        let mut checks = json!({
            "store:writes": mark(down && self.flaw == Flaw::BlamesTheStore),
            "upstream/main:reachable": mark(down && self.flaw != Flaw::BlamesTheStore),
        });
        match self.flaw {
            Flaw::NamesNothing if down => checks = json!({}),
            Flaw::ShowsAHost => checks["store:writes"][0]["output"] = json!("postgres://db.internal/golive"),
            Flaw::ShowsAKey => checks["store:writes"][0]["output"] = json!(KEY),
            _ => {}
        }
        let status = if down { "fail" } else { "pass" };
        json(
            if down { 503 } else { 200 },
            &json!({"status": status, "checks": checks}),
        )
    }

    async fn chat(&self, body: Bytes) -> Response {
        #[expect(
            clippy::disallowed_methods,
            reason = "the twin measures itself, as a gateway does"
        )]
        let started = std::time::Instant::now();
        let Ok(asked) = serde_json::from_slice::<Value>(&body) else {
            return error(400, "the body is not JSON");
        };
        let number = self.number.fetch_add(1, Ordering::SeqCst);
        match self.flaw {
            // Beginning later than the controls of a proof.
            Flaw::FailsTwoPercent if number % 50 == 49 => return error(500, "one of fifty"),
            Flaw::FailsTenPercent if number % 10 == 9 => return error(500, "one of ten"),
            Flaw::LimitsTheLoad if number > 20 && number.is_multiple_of(2) => return error(429, "too many"),
            _ => {}
        }
        match self.flaw {
            // Written to, or the system would not give it.
            Flaw::KeepsMemory => self.kept.lock().unwrap().push(Kept::Memory(vec![1; 4 << 20])),
            Flaw::KeepsDescriptors => {
                let open = || Kept::Descriptor(std::fs::File::open("/dev/null").unwrap());
                self.kept
                    .lock()
                    .unwrap()
                    .extend(std::iter::repeat_with(open).take(10));
            }
            _ => {}
        }
        let stream = asked["stream"] == json!(true);
        let mut forwarded = asked.clone();
        if stream {
            forwarded["stream_options"] = json!({"include_usage": true});
        }
        let (status, kind, answer) = self.forward(forwarded.to_string().into()).await;
        self.count(status, stream, &answer, started.elapsed().as_secs_f64());
        let answer = match self.flaw {
            Flaw::TruncatesStreams if stream => answer.slice(..answer.len() / 2),
            Flaw::TruncatesText if !stream => shortened(&answer),
            _ => answer,
        };
        Response::builder()
            .status(status)
            .header("content-type", kind)
            .body(Body::from(answer))
            .unwrap()
    }

    fn count(&self, status: u16, stream: bool, answer: &[u8], seconds: f64) {
        let mut counts = self.counts.lock().unwrap();
        if status < 500 {
            counts.ok += 1;
            let (input, output) = usage(answer);
            let times = if self.flaw == Flaw::TokensDoubled { 2 } else { 1 };
            counts.tokens[0] += input * times;
            counts.tokens[1] += output * times;
        } else if self.flaw != Flaw::ErrorsNotCounted {
            counts.error += 1;
        }
        if self.flaw == Flaw::OffByOne && counts.ok == 17 {
            counts.ok += 1;
        }
        if !(stream && self.flaw == Flaw::StreamsNotTimed) {
            let unit = if self.flaw == Flaw::TimesInMilliseconds {
                1_000.0
            } else {
                1.0
            };
            counts.seconds.push(seconds * unit);
        }
    }

    /// Asks the provider, within the clock, and keeps what is known of it.
    async fn forward(&self, body: Bytes) -> (u16, String, Bytes) {
        let request = axum::http::Request::post(format!("{}/v1/chat/completions", self.upstream))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .unwrap();
        let asked = async {
            let response = self.client.request(request).await.map_err(drop)?;
            let status = response.status().as_u16();
            let kind = response
                .headers()
                .get("content-type")
                .and_then(|kind| kind.to_str().ok())
                .unwrap_or_default();
            let kind = kind.to_owned();
            Ok::<_, ()>((
                status,
                kind,
                response.into_body().collect().await.map_err(drop)?.to_bytes(),
            ))
        };
        match tokio::time::timeout(FIRST_BYTE, asked).await {
            Ok(Ok(answer)) => {
                if self.flaw != Flaw::NeverHeals || !self.is_down() {
                    self.failures.store(0, Ordering::SeqCst);
                }
                answer
            }
            _ => {
                self.failures.fetch_add(1, Ordering::SeqCst);
                let body =
                    json!({"error": {"message": "the provider is down", "type": "api_error"}}).to_string();
                (502, "application/json".to_owned(), body.into())
            }
        }
    }

    fn metrics(&self) -> String {
        if self.flaw == Flaw::NoMetricsKnown {
            return "process_cpu_seconds_total 1\n".to_owned();
        }
        let counts = self.counts.lock().unwrap();
        let mut page = format!(
            "# TYPE golive_requests counter\n\
             golive_requests_total{{callee=\"model/m\",outcome=\"ok\"}} {}\n\
             golive_requests_total{{callee=\"model/m\",outcome=\"error\"}} {}\n\
             golive_tokens_total{{callee=\"model/m\",direction=\"input\",basis=\"reported\"}} {}\n\
             golive_tokens_total{{callee=\"model/m\",direction=\"output\",basis=\"reported\"}} {}\n",
            counts.ok, counts.error, counts.tokens[0], counts.tokens[1]
        );
        for end in [0.005, 0.05, 0.1, 0.25, 0.5, 1.0, f64::INFINITY] {
            let within = counts.seconds.iter().filter(|seconds| **seconds <= end).count();
            let end = if end.is_infinite() {
                "+Inf".to_owned()
            } else {
                end.to_string()
            };
            page += &format!("golive_request_duration_seconds_bucket{{le=\"{end}\"}} {within}\n");
        }
        page += &format!(
            "golive_request_duration_seconds_sum {}\n",
            counts.seconds.iter().sum::<f64>()
        );
        page += &format!(
            "golive_request_duration_seconds_count {}\n# EOF\n",
            counts.seconds.len()
        );
        page
    }
}

fn asked() -> Bytes {
    json!({"model": "m", "messages": [{"role": "user", "content": "ping"}]})
        .to_string()
        .into()
}

/// The usage of a whole answer, or of the last chunk that has one.
fn usage(answer: &[u8]) -> (u64, u64) {
    let text = String::from_utf8_lossy(answer);
    let documents = text
        .lines()
        .map(|line| line.strip_prefix("data: ").unwrap_or(line));
    let of = |body: &Value| {
        Some((
            body["usage"]["prompt_tokens"].as_u64()?,
            body["usage"]["completion_tokens"].as_u64()?,
        ))
    };
    documents
        .chain([&*text])
        .filter_map(|text| serde_json::from_str::<Value>(text).ok())
        .filter_map(|body| of(&body))
        .next_back()
        .unwrap_or_default()
}

/// The answer with half of its text.
fn shortened(answer: &[u8]) -> Bytes {
    let Ok(mut body) = serde_json::from_slice::<Value>(answer) else {
        return Bytes::copy_from_slice(answer);
    };
    let text: String = body["choices"][0]["message"]["content"]
        .as_str()
        .unwrap_or_default()
        .chars()
        .collect();
    let half: String = text.chars().take(text.chars().count() / 2).collect();
    body["choices"][0]["message"]["content"] = json!(half);
    body.to_string().into()
}

fn completion(text: &str) -> Value {
    json!({
        "id": "x", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    })
}

fn json(status: u16, body: &Value) -> Response {
    let kind = [("content-type", "application/json")];
    (StatusCode::from_u16(status).unwrap(), kind, body.to_string()).into_response()
}

fn error(status: u16, message: &str) -> Response {
    json(
        status,
        &json!({"error": {"message": message, "type": "api_error", "param": null, "code": "twin"}}),
    )
}
