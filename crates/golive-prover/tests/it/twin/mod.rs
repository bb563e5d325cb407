//! A correct little gateway in front of a lab, and a switch that makes it wrong in exactly one way: what the proofs of
//! S2, S3 and P2 must tell apart.
//!
//! It is written for these tests alone and shares no code with golive's gateway, so that no proof is tuned to it.

mod answers;
mod limits;
mod strict;
mod upstream;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use golive_checklist::{CheckReport, ItemId};
use golive_config::{Target, TargetFormat};
use golive_lab::{Lab, LabOptions};
use golive_prover::{CheckOptions, Selection, check};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use self::answers::{error, friendly};
use self::limits::Limits;

pub type Reply = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// The key that may name users.
const SERVICE: &str = "glv_test_GOLIVEserviceTOKEN000000000001abcdeF";
/// A key that may not.
const PLAIN: &str = "glv_test_GOLIVEplainTOKEN00000000000001abcdeF";

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
    // S2
    NoLimit,
    NoGlobalLimit,
    GlobalCountsOneMore,
    FixedWindow,
    CountsOneMore,
    SharedCount,
    RetryAfterLies,
    RetryAfterOfOneSecond,
    NoRetryAfter,
    BelievesForwardedFor,
    BelievesAnyName,
    AsksModelFirst,
    // S3
    DuplicatesAccepted,
    LoneSurrogatesAccepted,
    BreaksOverDepth,
    ForwardsRefused,
    TellsTheInside,
    BelievesEncodings,
    PageInsteadOfError,
    RefusesEmoji,
    KeepsHidden,
    RefusesHidden,
    PassesAddresses,
    LoadsAddresses,
    FormUnchecked,
    DeniedTextPasses,
    DeveloperMayOrder,
    RefusesEveryForm,
    // P2
    NoFirstByteClock,
    NoIdleClock,
    NoTotalClock,
    NoCancel,
    HalvesItsClocks,
    BreaksOffSilently,
    PretendsToEnd,
}

/// The numbers the twin keeps to.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub limit: u32,
    /// Of all users together.
    pub global: u32,
    pub period: Duration,
    pub first_byte: Duration,
    pub idle: Duration,
    pub total_request: Duration,
    pub total_stream: Duration,
    pub body_size: usize,
    pub body_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            limit: 100_000,
            global: 100_000,
            period: Duration::from_secs(60),
            first_byte: Duration::from_millis(1_200),
            idle: Duration::from_millis(800),
            total_request: Duration::from_millis(2_000),
            total_stream: Duration::from_millis(3_000),
            body_size: 300_000,
            body_timeout: Duration::from_secs(1),
        }
    }
}

/// A lab with a twin before it.
pub struct TwinWorld {
    pub lab: Lab,
    pub addr: SocketAddr,
    pub settings: Settings,
    stop: CancellationToken,
}

pub struct Gateway {
    flaw: Flaw,
    settings: Settings,
    upstream: String,
    client: Client<HttpConnector, http_body_util::Full<Bytes>>,
    limits: Limits,
}

impl TwinWorld {
    pub async fn start(flaw: Flaw, settings: Settings) -> TwinWorld {
        let lab = Lab::start(LabOptions::default()).await.unwrap();
        let gateway = Arc::new(Gateway {
            flaw,
            settings,
            upstream: lab.url(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            limits: Limits::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the world")]
        tokio::spawn(async move {
            loop {
                let (socket, _) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    () = stopped.cancelled() => return,
                };
                let gateway = Arc::clone(&gateway);
                let stopped = stopped.clone();
                tokio::spawn(async move {
                    let service =
                        hyper::service::service_fn(move |request| serve(Arc::clone(&gateway), request));
                    let mut builder = auto::Builder::new(TokioExecutor::new());
                    builder
                        .http1()
                        .timer(TokioTimer::new())
                        .header_read_timeout(Duration::from_secs(1));
                    tokio::select! {
                        _ = builder.serve_connection(TokioIo::new(socket), service) => {}
                        () = stopped.cancelled() => {}
                    }
                });
            }
        });
        TwinWorld {
            lab,
            addr,
            settings,
            stop,
        }
    }

    /// The twin as a target that declares the twin's own numbers.
    pub fn target(&self) -> Target {
        let url = format!("http://{}", self.addr).parse().unwrap();
        let mut target = Target::bare("twin", url, TargetFormat::OpenAi);
        target.staging = true;
        target.scaled = true;
        target.lab_url = Some(self.lab.url().parse().unwrap());
        for (role, key) in [("service", SERVICE), ("default", PLAIN)] {
            target
                .credentials
                .insert(role.to_owned(), SecretString::from(key));
        }
        let settings = self.settings;
        let declares = &mut target.declares;
        declares.user_limit = Some(golive_checklist::unit::Rate {
            count: settings.limit.try_into().unwrap(),
            period: settings.period,
        });
        declares.global_limit = Some(golive_checklist::unit::Rate {
            count: settings.global.try_into().unwrap(),
            period: settings.period,
        });
        declares.first_byte = settings.first_byte;
        declares.idle = settings.idle;
        declares.total_request = settings.total_request;
        declares.total_stream = settings.total_stream;
        declares.body_size = golive_checklist::unit::ByteSize(settings.body_size as u64);
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

impl Drop for TwinWorld {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(gateway: Arc<Gateway>, request: Request<Incoming>) -> Result<Reply, Infallible> {
    Ok(gateway.answer(request).await)
}

impl Gateway {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        match self.flaw {
            Flaw::YesToAll => return friendly("Sure, here you are."),
            Flaw::ProseNo => return friendly("I am sorry, I cannot do that."),
            Flaw::NoToAll => return error(401, "invalid_api_key", "This key is not valid."),
            Flaw::Never => std::future::pending().await,
            Flaw::Echo => {
                let body = request
                    .into_body()
                    .collect()
                    .await
                    .map(|body| body.to_bytes())
                    .unwrap_or_default();
                return friendly(&String::from_utf8_lossy(&body));
            }
            _ => {}
        }
        let (head, body) = request.into_parts();
        let key = head
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .unwrap_or_default();
        let may_name = match key {
            SERVICE => true,
            PLAIN => false,
            _ => return error(401, "invalid_api_key", "This key is not valid."),
        };
        if head.method != Method::POST || head.uri.path() != "/v1/chat/completions" {
            return error(404, "not_found", "There is no such route.");
        }
        let refused_first = self.refused_by_head(&head.headers);
        let body = match refused_first {
            Some(refusal) => Err(Box::new(refusal)),
            None => self.read(body).await,
        };
        let named = body
            .as_ref()
            .ok()
            .and_then(|body| named_user(&head.headers, body));
        if self.flaw == Flaw::AsksModelFirst
            && let Ok(body) = &body
        {
            drop(self.forward(body.clone(), false).await);
        }
        if let Some(refusal) = self.over_limit(key, may_name, named, &head.headers) {
            return refusal;
        }
        let body = match body {
            Ok(body) => body,
            Err(refusal) => return *refusal,
        };
        match strict::check(&body, self.flaw).and_then(|stream| {
            strict::formed(&body, self.flaw)?;
            Ok(stream)
        }) {
            Err(refusal) => {
                if self.flaw == Flaw::ForwardsRefused {
                    drop(self.forward(body, false).await);
                }
                *refusal
            }
            Ok(stream) if self.flaw != Flaw::NoCancel => {
                if self.flaw == Flaw::LoadsAddresses {
                    self.load_addresses(&body).await;
                }
                match strict::clean(&body, self.flaw) {
                    Ok(body) => self.forward(body.into(), stream).await,
                    Err(refusal) => *refusal,
                }
            }
            Ok(stream) => self.forward_and_forget(body, stream).await,
        }
    }

    /// The flaw of looking at an address before deciding about it.
    async fn load_addresses(&self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let Some(at) = text
            .find("http://127.0.0.1:")
            .filter(|_| text.contains("/bait/picture.png"))
        else {
            return;
        };
        let url: String = text[at..].chars().take_while(|c| *c != '"').collect();
        let request = Request::get(url)
            .body(http_body_util::Full::new(Bytes::new()))
            .unwrap();
        drop(self.client.request(request).await);
    }

    fn refused_by_head(&self, headers: &HeaderMap) -> Option<Reply> {
        let encoded = headers.contains_key("content-encoding") && self.flaw != Flaw::BelievesEncodings;
        let json = headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.to_ascii_lowercase().starts_with("application/json"));
        let length = headers
            .get("content-length")
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if encoded {
            return Some(error(
                415,
                "encoded_body",
                "Send the JSON as it is, without Content-Encoding.",
            ));
        }
        if !json {
            return Some(error(415, "not_json", "Send JSON with its content type."));
        }
        // What can be read and thrown away is, so that the refusal is not lost in a reset.
        (length? > DRAINED_MAX).then(|| error(413, "too_large", "The body is too large."))
    }

    async fn read(&self, mut body: Incoming) -> Result<Bytes, Box<Reply>> {
        let reading = async {
            let mut bytes = BytesMut::new();
            let mut total = 0_u64;
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else {
                    return Err(Box::new(error(400, "body_broken", "The body broke off.")));
                };
                let Ok(data) = frame.into_data() else { continue };
                total += data.len() as u64;
                if total > DRAINED_MAX {
                    break;
                }
                if bytes.len() <= self.settings.body_size {
                    bytes.extend_from_slice(&data);
                }
            }
            if total > self.settings.body_size as u64 {
                return Err(Box::new(error(413, "too_large", "The body is too large.")));
            }
            Ok(bytes.freeze())
        };
        tokio::time::timeout(self.settings.body_timeout, reading)
            .await
            .unwrap_or_else(|_| Err(Box::new(error(408, "too_slow", "The body took too long."))))
    }

    fn over_limit(
        &self,
        key: &str,
        may_name: bool,
        named: Option<String>,
        headers: &HeaderMap,
    ) -> Option<Reply> {
        let mut who = match named {
            Some(user) if may_name || self.flaw == Flaw::BelievesAnyName => format!("user {user}"),
            _ => format!("key {key}"),
        };
        if let (Flaw::BelievesForwardedFor, Some(from)) = (self.flaw, headers.get("x-forwarded-for")) {
            who = format!("{who} from {from:?}");
        }
        if self.flaw == Flaw::SharedCount {
            who = "everybody".to_owned();
        }
        let limit = match self.flaw {
            Flaw::CountsOneMore => self.settings.limit + 1,
            Flaw::NoLimit => return None,
            _ => self.settings.limit,
        };
        let global = match self.flaw {
            Flaw::NoGlobalLimit => u32::MAX,
            Flaw::GlobalCountsOneMore => self.settings.global + 1,
            _ => self.settings.global,
        };
        let period = self.settings.period;
        let wait = match self.flaw {
            Flaw::FixedWindow => self.limits.count_fixed(who, limit, period),
            _ => self
                .limits
                .count(&[(who, limit), ("all".to_owned(), global)], period),
        }?;
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let told = match self.flaw {
            Flaw::RetryAfterLies => seconds + 5,
            Flaw::RetryAfterOfOneSecond => 1,
            _ => seconds,
        };
        let mut refusal = error(429, "rate_limit_exceeded", "You have asked too often.");
        if self.flaw != Flaw::NoRetryAfter {
            refusal.headers_mut().insert("retry-after", told.into());
        }
        Some(refusal)
    }
}

/// A body up to this is read to its end even when it is refused.
const DRAINED_MAX: u64 = 8 * 1024 * 1024;

fn named_user(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let header = headers.get("golive-user").and_then(|value| value.to_str().ok());
    let in_body = || {
        let json: serde_json::Value = serde_json::from_slice(body).ok()?;
        json.get("user")
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned)
    };
    header.map(str::to_owned).or_else(in_body)
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}
