//! A gateway with a bounded queue before a lab: two calls at once, ten that wait, the important ones first, users in turn.
//! One switch makes it wrong in exactly one way: what the proof of E5 must tell apart. It shares no code with golive's.

mod line;
mod serve;

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use golive_checklist::{CheckReport, ItemId};
use golive_config::{Target, TargetFormat};
use golive_lab::{Lab, LabOptions};
use golive_prover::{CheckOptions, Selection, check};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use self::line::Line;

/// The key that may name users.
const SERVICE: &str = "glv_test_GOLIVEqueueTOKEN00000000000001abcdeF";

/// Calls served at once.
pub const SERVED: u32 = 2;
/// Calls that wait.
pub const WAITING: u32 = 10;

/// What is wrong with the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    // Degenerate
    YesToAll,
    NoToAll,
    Never,
    // E5.refusal
    RefusesLate,
    NoRetryAfter,
    RefusesWithoutAWord,
    RefusedByABalancer,
    NoBound,
    NoQueue,
    KeepsThePlaceOfWhoLeft,
    // E5.completion
    LosesOneOfFive,
    AsksTwice,
    GivesAnothersAnswer,
    AsksForTheRefused,
    // E5.priority, E5.fairness
    IgnoresPriority,
    FirstComeFirstServed,
}

/// A lab with the gateway before it.
pub struct Queueing {
    pub lab: Lab,
    pub addr: SocketAddr,
    stop: CancellationToken,
}

pub struct Gateway {
    flaw: Flaw,
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    line: Arc<Line>,
    number: AtomicU64,
    last_answer: Mutex<Bytes>,
}

impl Queueing {
    pub async fn start(flaw: Flaw) -> Queueing {
        let lab = Lab::start(LabOptions::default()).await.unwrap();
        let gateway = Arc::new(Gateway {
            flaw,
            upstream: lab.url(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            line: Arc::new(Line::new(flaw)),
            number: AtomicU64::new(1),
            last_answer: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Router::new().fallback(serve::serve).with_state(gateway);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "ends with the world")]
        tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        Queueing { lab, addr, stop }
    }

    /// The gateway as a target that declares its queue.
    pub fn target(&self) -> Target {
        let url = format!("http://{}", self.addr).parse().unwrap();
        let mut target = Target::bare("queueing", url, TargetFormat::OpenAi);
        target.staging = true;
        target.scaled = true;
        target.lab_url = Some(self.lab.url().parse().unwrap());
        let key = SecretString::from(SERVICE);
        target.credentials.insert("service".to_owned(), key);
        target.declares.user_limit = None;
        target.declares.global_limit = None;
        target.declares.first_byte = Duration::from_secs(5);
        target.declares.total_request = Duration::from_secs(20);
        target.queue.concurrency = Some(SERVED);
        target.queue.length = Some(WAITING);
        target.queue.priority_header = Some("x-priority".to_owned());
        target.queue.priorities = vec!["high".to_owned(), "low".to_owned()];
        target
    }

    /// Runs E5 against it.
    pub async fn prove(&self, target: Target) -> CheckReport {
        let mut options = CheckOptions::new(Arc::new(target), 7);
        options.selection = Selection {
            items: vec![ItemId::E5],
            phases: Vec::new(),
        };
        check(options, CancellationToken::new()).await.unwrap().report
    }
}

impl Drop for Queueing {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
