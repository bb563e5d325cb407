//! P2, P3, P4, E4: a gateway with retries, breakers, a queue and a chain of its own, right or wrong in exactly one way.
//!
//! It is written for these tests alone and shares no code with golive's gateway, so that no proof is tuned to it.

mod breaker;
mod chain;
mod speak;
mod stream;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use golive_checklist::{CheckReport, ItemId};
use golive_config::{LinkPrice, Target, TargetFormat};
use golive_lab::{Lab, LabOptions};
use golive_prover::{CheckOptions, Selection, check};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::breaker::Breaker;

/// The key that may name users.
const SERVICE: &str = "glv_test_GOLIVElinesTOKEN00000000000001abcdeF";

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
    // P3
    NoRetry,
    RetriesTwice,
    TwoLayers,
    NoJitter,
    WrongWaits,
    Retries400,
    IgnoresHints,
    IgnoresDates,
    RetriesAfterCommit,
    NewKeyEachTime,
    HandsOutToolTwice,
    // P4
    NeverOpens,
    CountsSix,
    OpensTooEarly,
    ProbesTooEarly,
    TwoProbes,
    NeverCloses,
    ClosesAtOnce,
    HungProbeBlocks,
    FailedProbeCloses,
    Counts429,
    CountsAll,
    IgnoresStreams,
    OneBreakerForAll,
    RefusesSlowly,
    // E4
    NoFallback,
    FallsBackOn400,
    FallsBackOnRefusal,
    LastLinkFirst,
    NeverReturns,
    Splices,
    PretendsToEnd,
    BreaksOffSilently,
    CommitsTooEarly,
    ForgetsTools,
    ForgetsImages,
    WrongUsage,
    WrongFinish,
    NamesFirstLink,
    PricesFirstLink,
    // P2
    QueueWaitsForEver,
    QueueTellsTooEarly,
    QueueLetsAllIn,
}

/// The numbers the twin keeps to.
#[derive(Debug, Clone)]
pub struct Settings {
    pub backoff: Vec<Duration>,
    pub jitter_percent: u32,
    pub failures: u32,
    pub open: Duration,
    pub successes: u32,
    pub first_byte: Duration,
    pub idle: Duration,
    pub total: Duration,
    pub concurrency: u32,
    pub queue_wait: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            backoff: [300, 600].map(Duration::from_millis).to_vec(),
            jitter_percent: 50,
            failures: 4,
            open: Duration::from_millis(2_500),
            successes: 2,
            first_byte: Duration::from_millis(1_500),
            idle: Duration::from_millis(800),
            total: Duration::from_secs(8),
            concurrency: 2,
            queue_wait: Duration::from_millis(1_500),
        }
    }
}

/// One link: a provider of the lab and how it is spoken to.
pub struct Link {
    name: &'static str,
    provider: &'static str,
    anthropic: bool,
    breaker: Arc<Mutex<Breaker>>,
    price: (f64, f64),
}

pub struct Gateway {
    flaw: Flaw,
    settings: Settings,
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    chains: HashMap<String, Arc<Vec<Link>>>,
    queue: Semaphore,
    records: tempfile::TempDir,
    /// The chain has left its first link, and this twin's flaw is that it never comes back.
    moved_on: std::sync::atomic::AtomicBool,
}

/// A lab with a twin before it.
pub struct LinesWorld {
    pub lab: Lab,
    pub addr: SocketAddr,
    pub settings: Settings,
    records: std::path::PathBuf,
    stop: CancellationToken,
}

/// The single links of the twin.
const LINES: [&str; 6] = ["line-1", "line-2", "line-3", "line-4", "line-5", "line-6"];
/// The links of its chain: name, provider, Anthropic's format, dollars for a million tokens.
const CHAIN: [(&str, &str, bool, (f64, f64)); 3] = [
    ("alpha/big", "alpha", false, (2.5, 10.0)),
    ("beta/claude", "beta", true, (3.0, 15.0)),
    ("gamma/small", "gamma", false, (0.15, 0.6)),
];

impl LinesWorld {
    pub async fn start(flaw: Flaw, settings: Settings) -> LinesWorld {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let lab = Lab::start(LabOptions {
            // With ports of their own, so that they can refuse.
            providers: CHAIN.map(|(_, provider, ..)| (provider.to_owned(), any)).to_vec(),
            ..LabOptions::default()
        })
        .await
        .unwrap();
        let shared = Arc::new(Mutex::new(Breaker::default()));
        let breaker = || match flaw {
            Flaw::OneBreakerForAll => Arc::clone(&shared),
            _ => Arc::default(),
        };
        let link = |name, provider, anthropic, price| Link {
            name,
            provider,
            anthropic,
            breaker: breaker(),
            price,
        };
        let mut chains = HashMap::new();
        for line in LINES.into_iter().chain(["narrow", "twin"]) {
            let one = link("only", "default", false, (1.0, 1.0));
            chains.insert(line.to_owned(), Arc::new(vec![one]));
        }
        let links = CHAIN.map(|(name, provider, anthropic, price)| link(name, provider, anthropic, price));
        chains.insert("fallback".to_owned(), Arc::new(links.into_iter().collect()));
        let records = tempfile::tempdir().unwrap();
        let folder = records.path().to_owned();
        let gateway = Arc::new(Gateway {
            flaw,
            queue: Semaphore::new(settings.concurrency as usize),
            settings: settings.clone(),
            upstream: lab.url(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            chains,
            records,
            moved_on: false.into(),
        });
        // The providers of the chain are called at their own ports.
        let ports: HashMap<String, String> = CHAIN
            .iter()
            .map(|(_, provider, ..)| ((*provider).to_owned(), lab.provider_url(provider).unwrap()))
            .collect();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Router::new()
            .fallback(serve)
            .with_state((gateway, Arc::new(ports)));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "ends with the world")]
        tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        });
        LinesWorld {
            lab,
            addr,
            settings,
            records: folder,
            stop,
        }
    }

    /// The twin as a target that declares the twin's own numbers.
    pub fn target(&self) -> Target {
        let url = format!("http://{}", self.addr).parse().unwrap();
        let mut target = Target::bare("lines", url, TargetFormat::OpenAi);
        target.staging = true;
        target.scaled = true;
        target.model = Some("twin".to_owned());
        target.lab_url = Some(self.lab.url().parse().unwrap());
        target
            .credentials
            .insert("service".to_owned(), SecretString::from(SERVICE));
        let settings = self.settings.clone();
        // Its clock rings late where many calls of a proof end at the same moment; what it claims leaves room for that.
        target.declares.first_byte = settings.first_byte + Duration::from_millis(700);
        target.declares.idle = settings.idle;
        target.declares.total_request = settings.total;
        target.declares.total_stream = settings.total;
        target.queue.wait = settings.queue_wait;
        target.queue.concurrency = Some(settings.concurrency);
        let dispatch = &mut target.dispatch;
        dispatch.links.one = LINES.map(str::to_owned).to_vec();
        dispatch.links.chain = Some("fallback".to_owned());
        dispatch.links.providers = CHAIN.map(|(_, provider, ..)| provider.to_owned()).to_vec();
        dispatch.links.names = CHAIN.map(|(name, ..)| name.to_owned()).to_vec();
        dispatch.links.prices = CHAIN
            .map(|(.., (input, output))| LinkPrice { input, output })
            .to_vec();
        dispatch.links.queued = Some("narrow".to_owned());
        dispatch.retry.backoff = settings.backoff;
        dispatch.retry.jitter_percent = settings.jitter_percent;
        dispatch.breaker.failures = settings.failures;
        dispatch.breaker.open = settings.open;
        dispatch.breaker.successes = settings.successes;
        target.commands.read_back = Some(vec![
            "cat".to_owned(),
            format!("{}/{{id}}", self.records.display()),
        ]);
        target
    }

    /// Runs one item against the twin.
    pub async fn prove(&self, item: ItemId, target: Target) -> CheckReport {
        self.prove_all(&[item], target).await
    }

    /// Runs items against the twin.
    pub async fn prove_all(&self, items: &[ItemId], target: Target) -> CheckReport {
        let mut options = CheckOptions::new(Arc::new(target), 7);
        options.selection = Selection {
            items: items.to_vec(),
            phases: Vec::new(),
        };
        options.keep_going = true;
        check(options, CancellationToken::new()).await.unwrap().report
    }
}

impl Drop for LinesWorld {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

type Shared = (Arc<Gateway>, Arc<HashMap<String, String>>);

async fn serve(
    State((gateway, ports)): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match gateway.flaw {
        Flaw::YesToAll => return speak::friendly("Sure, here you are."),
        Flaw::ProseNo => return speak::friendly("I am sorry, I cannot do that."),
        Flaw::Echo => return speak::friendly(&String::from_utf8_lossy(&body)),
        Flaw::NoToAll => return speak::error(401, "invalid_api_key", "This key is not valid."),
        Flaw::Never => std::future::pending().await,
        _ => {}
    }
    let key = headers.get("authorization").and_then(|value| value.to_str().ok());
    if key != Some(&format!("Bearer {SERVICE}")) {
        return speak::error(401, "invalid_api_key", "This key is not valid.");
    }
    if uri.path() != "/v1/chat/completions" {
        return speak::error(404, "not_found", "There is no such route.");
    }
    let Ok(asked) = serde_json::from_slice::<serde_json::Value>(&body) else {
        return speak::error(400, "invalid_json", "The body is no JSON.");
    };
    let model = asked["model"].as_str().unwrap_or_default().to_owned();
    let Some(chain) = gateway.chains.get(&model).cloned() else {
        return speak::error(404, "model_not_found", "There is no such model.");
    };
    let _slot = if model == "narrow" && gateway.flaw != Flaw::QueueLetsAllIn {
        let wait = match gateway.flaw {
            Flaw::QueueWaitsForEver => Duration::from_secs(3_600),
            Flaw::QueueTellsTooEarly => gateway.settings.queue_wait / 4,
            _ => gateway.settings.queue_wait,
        };
        match tokio::time::timeout(wait, gateway.queue.acquire()).await {
            Ok(slot) => Some(slot.unwrap().forget_later(&gateway)),
            Err(_) => {
                return speak::unavailable("queue_timeout", "You waited too long. Please come back.", 5);
            }
        }
    } else {
        None
    };
    chain::Call {
        gateway,
        ports,
        chain,
        asked,
        slot: _slot,
    }
    .answer()
    .await
}

/// A place among those that are served, given back when dropped, also when that is a stream's end.
pub struct Slot(Arc<Gateway>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.queue.add_permits(1);
    }
}

trait ForgetLater {
    fn forget_later(self, gateway: &Arc<Gateway>) -> Slot;
}

impl ForgetLater for tokio::sync::SemaphorePermit<'_> {
    fn forget_later(self, gateway: &Arc<Gateway>) -> Slot {
        self.forget();
        Slot(Arc::clone(gateway))
    }
}
