//! A world for proofs: a lab, a small honest gateway before it, and a knob that makes the gateway wrong in one way.
//!
//! The gateway is written for these tests alone: it is not golive's, so that a proof is never tuned to golive.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use golive_checklist::report::PartReport;
use golive_checklist::{CheckReport, ItemId, Verdict};
use golive_config::{Target, TargetFormat};
use golive_lab::{Lab, LabOptions};
use golive_prover::{CheckOptions, Selection, check};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

/// The keys of the world, by role.
pub const KEYS: &[(&str, &str)] = &[
    ("default", "glv_test_GOLIVEdefaultTOKEN000000000001abcdeF"),
    ("admin", "glv_test_GOLIVEadminTOKEN00000000000001abcdeF"),
    ("revoked", "glv_test_GOLIVErevokedTOKEN000000000001abcdeF"),
    ("revocable", "glv_test_GOLIVErevocableTOKEN0000000001abcdeF"),
];

/// What is wrong with the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    /// Nothing.
    Good,
    /// It compares all but the last character of a key.
    LastCharacterIgnored,
    /// It takes a key from the query string.
    KeyInQuery,
    /// It asks the model first and the key afterwards.
    AsksModelFirst,
    /// It breaks over a forged token.
    BreaksOverTokens,
    /// It checks keys on the plain route only.
    StreamIsOpen,
    /// It believes a proxy's header.
    BelievesProxies,
    /// It lets a key through that was revoked.
    RevokedStillWorks,
    /// It tells a revoked key apart from an unknown one.
    TellsRevokedApart,
    /// It tells its own key in the errors of a wrong request.
    LeaksInErrors,
    /// It serves the folder it lies in.
    ShowsItsFolder,
    /// It says something in its errors that may be a password.
    HintsInErrors,
    /// Everything is answered with a friendly 200.
    YesToAll,
    /// Everything is refused.
    NoToAll,
    /// Everything is answered with its own body.
    Echo,
    /// Nothing is ever answered.
    Never,
    /// Everything is refused in prose under a 200.
    ProseNo,
}

/// A lab with a gateway before it.
pub struct World {
    pub lab: Lab,
    pub addr: SocketAddr,
    pub gateway: Arc<Gateway>,
    stop: CancellationToken,
}

/// The gateway's state, to be changed while it runs.
pub struct Gateway {
    twin: Twin,
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    pub revoked: Mutex<Vec<String>>,
    /// Told of each request that will never be answered.
    pub kept_waiting: tokio::sync::Notify,
}

impl World {
    pub async fn start(twin: Twin) -> World {
        let lab = Lab::start(LabOptions::default()).await.unwrap();
        let gateway = Arc::new(Gateway {
            twin,
            upstream: lab.url(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            revoked: Mutex::new(vec![KEYS[2].1.to_owned()]),
            kept_waiting: tokio::sync::Notify::new(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Router::new().fallback(serve).with_state(Arc::clone(&gateway));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "ends with the world")]
        tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        World {
            lab,
            addr,
            gateway,
            stop,
        }
    }

    /// The gateway as a target, with all keys and the lab.
    pub fn target(&self) -> Target {
        let url = format!("http://{}", self.addr).parse().unwrap();
        let mut target = Target::bare("world", url, TargetFormat::OpenAi);
        target.staging = true;
        target.lab_url = Some(self.lab.url().parse().unwrap());
        target.credentials = KEYS
            .iter()
            .map(|(role, key)| ((*role).to_owned(), SecretString::from(*key)))
            .collect::<BTreeMap<_, _>>();
        target
    }

    /// Runs one item against the gateway.
    pub async fn prove(&self, item: ItemId, target: Target) -> CheckReport {
        let mut options = CheckOptions::new(Arc::new(target), 7);
        options.selection = Selection {
            items: vec![item],
            phases: Vec::new(),
        };
        check(options, CancellationToken::new()).await.unwrap().report
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One part of a report.
pub fn part<'a>(report: &'a CheckReport, id: &str) -> &'a PartReport {
    report
        .items
        .iter()
        .flat_map(|item| &item.parts)
        .find(|part| part.id().as_str() == id)
        .unwrap()
}

/// Asserts a part's verdict, and shows its reason if it is another.
pub fn assert_verdict(report: &CheckReport, id: &str, verdict: Verdict) {
    let part = part(report, id);
    assert_eq!(
        part.verdict(),
        verdict,
        "{id}: {} {:?} {:#?}",
        part.summary,
        part.reason,
        part.controls()
    );
}

async fn serve(
    State(gateway): State<Arc<Gateway>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let twin = gateway.twin;
    let known = [
        ("/v1/chat/completions", Method::POST),
        ("/v1/models", Method::GET),
    ];
    match twin {
        Twin::YesToAll => return friendly("Sure, here you are."),
        Twin::ProseNo => return friendly("I am sorry, you are not authorised."),
        Twin::NoToAll => return refuse("unknown key"),
        Twin::Echo => return friendly(&String::from_utf8_lossy(&body)),
        Twin::ShowsItsFolder if uri.path() == "/.env" => {
            return "MODE=production\nGREETING=hello\n".into_response();
        }
        Twin::LeaksInErrors | Twin::HintsInErrors
            if method == Method::POST && body.ends_with(b"\"model\": ") =>
        {
            let key = golive_prover::secrets::made("github-token", 3);
            let said = match twin {
                Twin::LeaksInErrors => format!("cannot parse; settings: {{GITHUB: {key}}}"),
                // golive:allow-secret made up for this test
                _ => "cannot connect with db_password = 'tR9!kelp-Oven'".to_owned(),
            };
            return (StatusCode::BAD_REQUEST, said).into_response();
        }
        Twin::Never => {
            gateway.kept_waiting.notify_one();
            std::future::pending().await
        }
        _ => {}
    }
    if twin == Twin::AsksModelFirst {
        let _ = gateway.forward(&method, uri.path(), body.clone()).await;
    }
    let stream = String::from_utf8_lossy(&body).contains("\"stream\":true");
    if let Err(refusal) = gateway.admits(&headers, &uri, stream) {
        return *refusal;
    }
    if !known
        .iter()
        .any(|(path, verb)| *path == uri.path() && *verb == method)
    {
        return (StatusCode::NOT_FOUND, "{}").into_response();
    }
    gateway.forward(&method, uri.path(), body).await
}

impl Gateway {
    fn admits(&self, headers: &HeaderMap, uri: &Uri, stream: bool) -> Result<(), Box<Response>> {
        if self.twin == Twin::StreamIsOpen && stream {
            return Ok(());
        }
        if self.twin == Twin::BelievesProxies && headers.contains_key("x-forwarded-user") {
            return Ok(());
        }
        let header = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let mut key = header.strip_prefix("Bearer ").unwrap_or_default().to_owned();
        if self.twin == Twin::BreaksOverTokens && key.starts_with("eyJ") {
            return Err(Box::new(
                (StatusCode::INTERNAL_SERVER_ERROR, "{}").into_response(),
            ));
        }
        if self.twin == Twin::KeyInQuery
            && let Some((_, value)) = uri.query().and_then(|query| query.split_once('='))
        {
            key = value.to_owned();
        }
        let right = |known: &str| match self.twin {
            Twin::LastCharacterIgnored => {
                !key.is_empty() && known[..known.len() - 1] == key[..key.len().min(known.len() - 1)]
            }
            _ => known == key,
        };
        if !KEYS.iter().any(|(_, known)| right(known)) {
            return Err(Box::new(refuse("this key is not valid")));
        }
        let revoked = self.revoked.lock().unwrap().contains(&key);
        match (revoked, self.twin) {
            (true, Twin::RevokedStillWorks) | (false, _) => Ok(()),
            (true, Twin::TellsRevokedApart) => Err(Box::new(refuse("this key was revoked on Monday"))),
            (true, _) => Err(Box::new(refuse("this key is not valid"))),
        }
    }

    async fn forward(&self, method: &Method, path: &str, body: Bytes) -> Response {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.upstream))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .unwrap();
        match self.client.request(request).await {
            Ok(response) => response.map(|body| Body::new(body.map_err(axum::Error::new))),
            Err(_) => (StatusCode::BAD_GATEWAY, "{}").into_response(),
        }
    }
}

fn friendly(text: &str) -> Response {
    let body = serde_json::json!({
        "id": "x", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    });
    (
        StatusCode::OK,
        [("content-type", "application/json")],
        body.to_string(),
    )
        .into_response()
}

fn refuse(message: &str) -> Response {
    let body = serde_json::json!({"error": {
        "message": message, "type": "authentication_error", "param": null, "code": "invalid_api_key"
    }});
    (
        StatusCode::UNAUTHORIZED,
        [("content-type", "application/json")],
        body.to_string(),
    )
        .into_response()
}
