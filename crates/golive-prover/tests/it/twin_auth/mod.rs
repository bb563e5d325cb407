//! S5, S6: a little gateway that takes keys and the lab's tokens, knows roles and looks at tools; and a switch that makes
//! it wrong in exactly one way.
//!
//! It is written for these tests alone and shares no code with golive's gateway, so that no proof is tuned to it.

mod roles;
mod token;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use golive_checklist::{CheckReport, ItemId};
use golive_config::{Capability, Target, TargetFormat, TargetIssuer, TokenRole};
use golive_lab::{Lab, LabOptions};
use golive_prover::{CheckOptions, Selection, check};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::token::Issuer;

/// The keys, by role.
const KEYS: [(&str, &str); 3] = [
    ("viewer", "glv_test_GOLIVEviewerTOKEN0000000000001abcdeF"),
    ("caller", "glv_test_GOLIVEcallerTOKEN0000000000001abcdeF"),
    ("admin", "glv_test_GOLIVEadminTOKEN00000000000001abcdeF"),
];

/// What is wrong with the twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    // Degenerate: no proof may pass any of them.
    YesToAll,
    NoToAll,
    ProseNo,
    Echo,
    Never,
    // S5.tokens
    AlgNone,
    HmacWithPublicKey,
    IgnoresExp,
    IgnoresNbf,
    IgnoresAud,
    IgnoresIss,
    FollowsJku,
    TrustsEmbeddedJwk,
    IgnoresCrit,
    KeepsRemovedKeys,
    NeverLearns,
    DownWithIssuer,
    TokenInQuery,
    AsksModelFirst,
    // S6
    ProseWhileCalling,
    BelievesHeaders,
    OpenBehindASlash,
    RoleFromEditedToken,
    StripsWholeOnly,
    PassesOfferedTools,
    PassesCalledTools,
    EveryonesRows,
    RefusesWhatMay,
    ListsMore,
}

/// A lab with a twin before it.
pub struct AuthWorld {
    pub lab: Arc<Lab>,
    pub addr: SocketAddr,
    stop: CancellationToken,
}

pub struct Gateway {
    flaw: Flaw,
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    issuer: Issuer,
    rows: Mutex<Vec<(String, String)>>,
}

/// Who asks.
struct Principal {
    id: String,
    role: String,
}

impl AuthWorld {
    pub async fn start(flaw: Flaw) -> AuthWorld {
        AuthWorld::before(Arc::new(Lab::start(LabOptions::default()).await.unwrap()), flaw).await
    }

    /// Before a lab that others use, too: its issuer's keys are dear.
    pub async fn before(lab: Arc<Lab>, flaw: Flaw) -> AuthWorld {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let gateway = Arc::new(Gateway {
            flaw,
            upstream: lab.url(),
            issuer: Issuer::new(flaw, lab.issuer_url("default"), client.clone()),
            client,
            rows: Mutex::default(),
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
        AuthWorld { lab, addr, stop }
    }

    /// The twin as a target that declares keys, tokens and the matrix.
    pub fn target(&self) -> Target {
        let url = format!("http://{}", self.addr).parse().unwrap();
        let mut target = Target::bare("twin", url, TargetFormat::OpenAi);
        target.staging = true;
        target.model = Some("open".into());
        target.lab_url = Some(self.lab.url().parse().unwrap());
        for (role, key) in KEYS {
            target
                .credentials
                .insert(role.to_owned(), SecretString::from(key));
        }
        let says = |role: &str| TokenRole {
            claim: vec![role.to_owned()],
            subject: format!("somebody-{role}"),
        };
        target.issuer = Some(TargetIssuer {
            name: "default".into(),
            address: None,
            audience: "golive".into(),
            algorithms: vec!["ES256".into()],
            typ: "JWT".into(),
            roles_claim: "roles".into(),
            learns_within: Duration::from_secs(3),
            forgets_within: Duration::from_secs(3),
            roles: [
                ("viewer".to_owned(), says("viewer")),
                ("admin".to_owned(), says("admin")),
            ]
            .into(),
        });
        for role in ["viewer", "caller", "admin"] {
            let row = roles::row(role).iter().map(|one| one.parse().unwrap());
            target
                .matrix
                .insert(role.to_owned(), row.collect::<Vec<Capability>>());
        }
        target.access.rows_path = Some("/rows".into());
        target
    }

    /// Runs one item against the twin.
    pub async fn prove(&self, item: ItemId, target: Target) -> CheckReport {
        let mut options = CheckOptions::new(Arc::new(target), 7);
        options.selection = Selection {
            items: vec![item],
            phases: Vec::new(),
        };
        check(options, CancellationToken::new()).await.unwrap().report
    }
}

impl Drop for AuthWorld {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(
    State(gateway): State<Arc<Gateway>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match gateway.flaw {
        Flaw::YesToAll => return said("Sure, here you are."),
        Flaw::ProseNo => return said("I am sorry, I cannot do that."),
        Flaw::NoToAll => return refused(401, "This key is not valid."),
        Flaw::Echo => return said(&String::from_utf8_lossy(&body)),
        Flaw::Never => std::future::pending().await,
        _ => {}
    }
    gateway.answer(&method, &uri, &headers, body).await
}

impl Gateway {
    async fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Response {
        if self.flaw == Flaw::AsksModelFirst && method == Method::POST {
            let _ = self.forward(body.clone()).await;
        }
        let Some(principal) = self.principal(uri, headers).await else {
            return refused(401, "This credential is not valid.");
        };
        if self.flaw == Flaw::DownWithIssuer && self.issuer.is_down() {
            return refused(503, "The issuer is down.");
        }
        match (method.as_str(), uri.path()) {
            ("GET", "/v1/models") => {
                let mut ids = vec!["open", "deep"];
                ids.extend((self.flaw == Flaw::ListsMore).then_some("forgotten"));
                let data: Vec<Value> = ids
                    .iter()
                    .map(|id| json!({"id": id, "object": "model"}))
                    .collect();
                answered(json!({"object": "list", "data": data}).to_string())
            }
            ("GET", "/admin/ledger") if principal.role == "admin" => answered(json!({"rows": 3}).to_string()),
            ("GET", "/admin/ledger") => refused(403, "Your role may not read this."),
            ("GET", "/admin/ledger/") if self.flaw == Flaw::OpenBehindASlash => {
                answered(json!({"rows": 3}).to_string())
            }
            ("GET", "/rows") => self.rows_of(&principal),
            ("POST", "/v1/chat/completions") => self.chat(&principal, body).await,
            _ => refused(404, "There is no such path."),
        }
    }

    async fn principal(&self, uri: &Uri, headers: &HeaderMap) -> Option<Principal> {
        let given: Vec<&str> = headers
            .get_all("authorization")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let query = uri.query().and_then(|query| query.strip_prefix("access_token="));
        let bearer = match (given.as_slice(), query) {
            ([one], _) => one.strip_prefix("Bearer ")?,
            ([], Some(token)) if self.flaw == Flaw::TokenInQuery => token,
            _ => return None,
        };
        let mut principal = match KEYS.iter().find(|(_, key)| *key == bearer) {
            Some((role, _)) => Principal {
                id: (*role).to_owned(),
                role: (*role).to_owned(),
            },
            None => {
                let claims = self.issuer.verify(bearer).await?;
                let role = claims["roles"].as_array()?.iter().filter_map(Value::as_str);
                let role =
                    role.max_by_key(|role| ["viewer", "caller", "admin"].iter().position(|one| one == role))?;
                Principal {
                    id: claims["sub"].as_str().filter(|sub| !sub.is_empty())?.to_owned(),
                    role: role.to_owned(),
                }
            }
        };
        if self.flaw == Flaw::BelievesHeaders
            && let Some(role) = headers.get("x-user-role").and_then(|role| role.to_str().ok())
        {
            principal.role = role.to_owned();
        }
        Some(principal)
    }

    fn rows_of(&self, principal: &Principal) -> Response {
        let rows = self.rows.lock().unwrap();
        let own = |owner: &str| owner == principal.id || self.flaw == Flaw::EveryonesRows;
        let texts: Vec<&String> = rows
            .iter()
            .filter(|(owner, _)| own(owner))
            .map(|(_, text)| text)
            .collect();
        answered(json!(texts).to_string())
    }

    async fn chat(&self, principal: &Principal, body: Bytes) -> Response {
        let Ok(mut asked) = serde_json::from_slice::<Value>(&body) else {
            return refused(400, "This is not JSON.");
        };
        let model = asked["model"].as_str().unwrap_or_default().to_owned();
        let role = principal.role.as_str();
        let refuses_more = self.flaw == Flaw::RefusesWhatMay && model == "deep";
        if !roles::may(role, &format!("model:{model}")) || refuses_more {
            if self.flaw == Flaw::ProseWhileCalling {
                let _ = self.forward(body).await;
                return said("I am sorry, your role does not allow me to answer this.");
            }
            return refused(403, "Your role may not use this model.");
        }
        let stream = asked["stream"] == true;
        if self.flaw != Flaw::PassesOfferedTools && !(self.flaw == Flaw::StripsWholeOnly && stream) {
            roles::strip(role, &mut asked);
        }
        let text = asked.to_string();
        self.rows
            .lock()
            .unwrap()
            .push((principal.id.clone(), text.clone()));
        let Some((status, media_type, answer)) = self.forward(text.into()).await else {
            return refused(502, "The model does not answer.");
        };
        let passes = self.flaw == Flaw::PassesCalledTools || (self.flaw == Flaw::StripsWholeOnly && stream);
        if !passes && roles::calls_denied(role, &String::from_utf8_lossy(&answer)) {
            return refused(403, "The model wanted to use a tool that your role may not.");
        }
        (status, [("content-type", media_type)], answer).into_response()
    }

    async fn forward(&self, body: Bytes) -> Option<(StatusCode, String, Bytes)> {
        let request = axum::http::Request::post(format!("{}/v1/chat/completions", self.upstream))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .unwrap();
        let (head, body) = self.client.request(request).await.ok()?.into_parts();
        let media_type = head.headers.get("content-type")?.to_str().ok()?.to_owned();
        Some((head.status, media_type, body.collect().await.ok()?.to_bytes()))
    }
}

fn said(text: &str) -> Response {
    let body = json!({
        "id": "x", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    });
    answered(body.to_string())
}

fn answered(body: String) -> Response {
    (StatusCode::OK, [("content-type", "application/json")], body).into_response()
}

fn refused(status: u16, message: &str) -> Response {
    let body =
        json!({"error": {"message": message, "type": "permission_error", "param": null, "code": "refused"}});
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}
