//! A gateway with its operations: health, liveness and metrics, before a lab whose provider has a port of its own. One
//! knob makes it wrong in one way. Written for these tests alone; its health and metrics only look like golive's.

mod serve;

use std::collections::BTreeMap;
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

pub const KEY: &str = "glv_test_GOLIVEopsTOKEN00000000000001abcdeF";

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    // health
    AlwaysWell,
    HangsWithProvider,
    CallsThePaidModel,
    BlamesTheStore,
    NamesNothing,
    ShowsAHost,
    ShowsAKey,
    NeverHeals,
    LivenessFallsToo,
    // metrics
    OffByOne,
    TokensDoubled,
    StreamsNotTimed,
    TimesInMilliseconds,
    NoMetricsKnown,
    ErrorsNotCounted,
    // answers
    TruncatesStreams,
    TruncatesText,
    // load
    FailsTwoPercent,
    FailsTenPercent,
    LimitsTheLoad,
    // soak
    KeepsMemory,
    KeepsDescriptors,
    // degenerate
    YesToAll,
    NoToAll,
    Echo,
    Never,
}

impl Flaw {
    pub const DEGENERATE: [Flaw; 3] = [Flaw::YesToAll, Flaw::NoToAll, Flaw::Echo];
}

/// A lab with the gateway before it.
pub struct Ops {
    pub lab: Lab,
    pub addr: SocketAddr,
    stop: CancellationToken,
}

/// The gateway's state.
pub struct State {
    pub flaw: Flaw,
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    failures: AtomicU64,
    number: AtomicU64,
    counts: Mutex<Counts>,
    /// What a leaking gateway never lets go of.
    kept: Mutex<Vec<Kept>>,
}

/// One thing that is kept for ever.
pub enum Kept {
    Memory(#[expect(dead_code, reason = "it is only there to be there")] Vec<u8>),
    Descriptor(#[expect(dead_code, reason = "it is only there to be open")] std::fs::File),
}

#[derive(Default)]
struct Counts {
    ok: u64,
    error: u64,
    tokens: [u64; 2],
    seconds: Vec<f64>,
}

/// The clock the gateway gives its provider.
pub const FIRST_BYTE: Duration = Duration::from_millis(400);

impl Ops {
    pub async fn start(flaw: Flaw) -> Ops {
        let own = SocketAddr::from(([127, 0, 0, 1], 0));
        let options = LabOptions {
            providers: vec![("primary".to_owned(), own)],
            ..LabOptions::default()
        };
        let lab = Lab::start(options).await.unwrap();
        let state = Arc::new(State {
            flaw,
            upstream: lab.provider_url("primary").unwrap(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            failures: AtomicU64::new(0),
            number: AtomicU64::new(0),
            counts: Mutex::default(),
            kept: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Router::new().fallback(serve::serve).with_state(state);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "ends with the world")]
        tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        Ops { lab, addr, stop }
    }

    /// The gateway as a target that declares all it has.
    pub fn target(&self) -> Target {
        let url = |path: &str| format!("http://{}{path}", self.addr).parse().unwrap();
        let mut target = Target::bare("ops", url(""), TargetFormat::OpenAi);
        target.staging = true;
        target.scaled = true;
        target.health_url = Some(url("/health"));
        target.metrics_url = Some(url("/metrics"));
        target.lab_url = Some(self.lab.url().parse().unwrap());
        target.lab_provider = "primary".to_owned();
        target.declares.first_byte = FIRST_BYTE;
        target.declares.health_detect = Duration::from_secs(2);
        target.declares.total_request = Duration::from_secs(5);
        target.credentials = BTreeMap::from([("default".to_owned(), SecretString::from(KEY))]);
        target
    }

    /// Runs one item against it.
    pub async fn prove(&self, item: ItemId, target: Target) -> CheckReport {
        let mut options = CheckOptions::new(Arc::new(target), 7);
        options.selection = Selection {
            items: vec![item],
            phases: Vec::new(),
        };
        check(options, CancellationToken::new()).await.unwrap().report
    }
}

impl Drop for Ops {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
