//! A small gateway that keeps books: it prices tokens, reserves before it asks and settles afterwards. One knob makes it
//! wrong in one way. Written for these tests alone; it shares no code with golive's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Given;
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use golive_checklist::unit::MicroUsd;
use golive_checklist::{CheckReport, ItemId};
use golive_config::{Target, TargetFormat};
use golive_lab::{Lab, LabOptions};
use golive_prover::{CheckOptions, Selection, check};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const KEY: &str = "glv_test_GOLIVEmoneyTOKEN0000000000001abcdeF";
const PAUPER: &str = "glv_test_GOLIVEpauperTOKEN000000000001abcdeF";

/// Dollars per million tokens: fresh, cached, written.
const PRICES: [f64; 3] = [2.5, 1.25, 10.0];
/// Dollars.
const BUDGET: f64 = 0.02;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    NoBudget,
    /// It looks at what was spent and reserves nothing.
    LooksOnlyBefore,
    StreamsFree,
    CachedInFull,
    UnknownFree,
    /// It asks the provider first and refuses then.
    RefusedAndSent,
    YesToAll,
}

#[derive(Default)]
struct Books {
    total: f64,
    pauper: f64,
    reserved: f64,
}

struct Gateway {
    flaw: Flaw,
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    books: Mutex<Books>,
}

/// A lab with the gateway before it, and a folder for samples.
pub struct Money {
    lab: Lab,
    addr: SocketAddr,
    folder: tempfile::TempDir,
    stop: CancellationToken,
}

impl Money {
    pub async fn start(flaw: Flaw) -> Money {
        let lab = Lab::start(LabOptions::default()).await.unwrap();
        let gateway = Arc::new(Gateway {
            flaw,
            upstream: lab.url(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            books: Mutex::default(),
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
        Money {
            lab,
            addr,
            folder: tempfile::tempdir().unwrap(),
            stop,
        }
    }

    /// A sample of so many requests, most of them small and some large.
    pub fn sample(&self, requests: usize) -> PathBuf {
        let path = self.folder.path().join(format!("sample-{requests}.jsonl"));
        let line = |n: usize| {
            let output = if n.is_multiple_of(20) { 2_000 } else { 100 + n % 50 };
            format!(
                "{{\"input\":{},\"cached\":{},\"output\":{output}}}\n",
                600 + n % 200,
                n % 300
            )
        };
        std::fs::write(&path, (0..requests).map(line).collect::<String>()).unwrap();
        path
    }

    pub fn target(&self) -> Target {
        let url = |path: &str| format!("http://{}{path}", self.addr).parse().unwrap();
        let mut target = Target::bare("money", url("/v1"), TargetFormat::OpenAi);
        target.staging = true;
        target.scaled = true;
        target.model = Some("support".to_owned());
        target.metrics_url = Some(url("/metrics"));
        target.lab_url = Some(self.lab.url().parse().unwrap());
        target.credentials = BTreeMap::from([
            ("default".to_owned(), SecretString::from(KEY)),
            ("pauper".to_owned(), SecretString::from(PAUPER)),
        ]);
        let usd = |amount: f64| Some(MicroUsd((amount * 1e6).round() as i64));
        let money = &mut target.money;
        (money.input, money.cached_input, money.output) = (usd(PRICES[0]), usd(PRICES[1]), usd(PRICES[2]));
        money.prices_of = Some("2099-01-01".to_owned());
        money.monthly_budget = usd(3_000.0);
        money.volume = Some(0.01);
        money.sample = Some(self.sample(240));
        money.budget_role = Some("pauper".to_owned());
        money.small_budget = usd(BUDGET);
        // One request, about.
        money.overshoot = usd(0.0006);
        money.unpriced_model = Some("brand-new".to_owned());
        (money.input_max, money.output_max) = (Some(100_000), Some(10_000));
        target
    }

    pub async fn prove(&self, item: ItemId, target: Target) -> CheckReport {
        let mut options = CheckOptions::new(Arc::new(target), 7);
        options.selection = Selection {
            items: vec![item],
            phases: Vec::new(),
        };
        check(options, CancellationToken::new()).await.unwrap().report
    }
}

impl Drop for Money {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(
    Given(gateway): Given<Arc<Gateway>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method == Method::GET && uri.path() == "/metrics" {
        let total = gateway.books.lock().unwrap().total;
        return format!("# TYPE litellm_spend_metric counter\nlitellm_spend_metric_total {total}\n")
            .into_response();
    }
    if gateway.flaw == Flaw::YesToAll {
        return json(
            200,
            &json!({
                "id": "x", "object": "chat.completion", "model": "m",
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Sure."}}],
            }),
        );
    }
    let key = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match key {
        Some(KEY) => gateway.chat(&body, false).await,
        Some(PAUPER) => gateway.chat(&body, true).await,
        _ => error(401, "invalid_api_key"),
    }
}

impl Gateway {
    async fn chat(&self, body: &Bytes, pauper: bool) -> Response {
        let Ok(asked) = serde_json::from_slice::<Value>(body) else {
            return error(400, "not_json");
        };
        let unknown = asked["model"] == json!("brand-new");
        if unknown && self.flaw != Flaw::UnknownFree {
            return error(400, "no_price");
        }
        let stream = asked["stream"] == json!(true);
        let most = cost(
            body.len() as u64 / 4,
            0,
            asked["max_tokens"].as_u64().unwrap_or(4_096),
        );
        let reserved = match self.reserve(pauper, most) {
            Some(reserved) => reserved,
            None => {
                if self.flaw == Flaw::RefusedAndSent {
                    drop(self.forward(asked).await);
                }
                return error(429, "budget_exceeded");
            }
        };
        let mut forwarded = asked.clone();
        if stream {
            forwarded["stream_options"] = json!({"include_usage": true});
        }
        let (status, kind, answer) = self.forward(forwarded).await;
        let [input, mut cached, output] = usage(&answer);
        if self.flaw == Flaw::CachedInFull {
            cached = 0;
        }
        let mut spent = cost(input, cached, output);
        if unknown || (stream && self.flaw == Flaw::StreamsFree) {
            spent = 0.0;
        }
        let mut books = self.books.lock().unwrap();
        books.reserved -= reserved;
        books.total += spent;
        if pauper {
            books.pauper += spent;
        }
        drop(books);
        Response::builder()
            .status(status)
            .header("content-type", kind)
            .body(Body::from(answer))
            .unwrap()
    }

    /// What was set aside, or nothing if it does not fit any more.
    fn reserve(&self, pauper: bool, most: f64) -> Option<f64> {
        let mut books = self.books.lock().unwrap();
        let aside = match (pauper, self.flaw) {
            (false, _) | (true, Flaw::NoBudget) => return Some(0.0),
            (true, Flaw::LooksOnlyBefore) => 0.0,
            (true, _) => most,
        };
        let fits = books.pauper + books.reserved + aside <= BUDGET && books.pauper < BUDGET;
        fits.then(|| {
            books.reserved += aside;
            aside
        })
    }

    async fn forward(&self, body: Value) -> (u16, String, Bytes) {
        let request = Request::post(format!("{}/v1/chat/completions", self.upstream))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let response = self.client.request(request).await.unwrap();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        (
            status,
            kind,
            response.into_body().collect().await.unwrap().to_bytes(),
        )
    }
}

fn cost(input: u64, cached: u64, output: u64) -> f64 {
    let fresh = input.saturating_sub(cached);
    (fresh as f64 * PRICES[0] + cached as f64 * PRICES[1] + output as f64 * PRICES[2]) / 1e6
}

/// Input, cached and output tokens of a whole answer, or of the last chunk that has any.
fn usage(answer: &[u8]) -> [u64; 3] {
    let text = String::from_utf8_lossy(answer);
    let documents = text
        .lines()
        .map(|line| line.strip_prefix("data: ").unwrap_or(line))
        .chain([&*text]);
    let of = |body: Value| {
        let usage = &body["usage"];
        Some([
            usage["prompt_tokens"].as_u64()?,
            usage["prompt_tokens_details"]["cached_tokens"]
                .as_u64()
                .unwrap_or(0),
            usage["completion_tokens"].as_u64()?,
        ])
    };
    documents
        .filter_map(|text| serde_json::from_str::<Value>(text).ok())
        .filter_map(of)
        .next_back()
        .unwrap_or_default()
}

fn json(status: u16, body: &Value) -> Response {
    let kind = [("content-type", "application/json")];
    (StatusCode::from_u16(status).unwrap(), kind, body.to_string()).into_response()
}

fn error(status: u16, code: &str) -> Response {
    let body = json!({"error": {"message": "refused", "type": "api_error", "param": null, "code": code}});
    json(status, &body)
}
