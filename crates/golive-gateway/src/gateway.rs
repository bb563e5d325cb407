//! The gateway as a whole: what all requests share.
//!
//! Never: reads a request. That is the pipeline's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use golive_config::{Config, Inbound};
use golive_resilience::Tick;
use golive_resilience::slowdown::{Rule, Slowdown};
use golive_store::{Store, StoreError, TicketError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::failure::Sampled;
use crate::auth::issuer::{IssuerError, Issuers};
use crate::auth::keyring::Keyring;
use crate::clock::Clock;
use crate::conversations::Conversations;
use crate::error_log::ErrorLog;
use crate::idempotency::Flights;
use crate::limits::backend::LimitBackend;
use crate::limits::local::Local;
use crate::limits::rebuild::rebuild;
use crate::metrics::Metrics;
use crate::money;
use crate::money::book::Book;
use crate::runtime::{Runtime, RuntimeError};

/// Answers to strangers that wait at once; more are told at once: waiting must not fill the memory.
const SLOW_PLACES: usize = 4096;

/// Why a gateway cannot start or take a new configuration.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The configuration cannot be put to work.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// An issuer cannot be put to work.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The error log cannot be opened.
    #[error("cannot open the error log {}", .0.display())]
    ErrorLog(std::path::PathBuf, #[source] std::io::Error),
    /// The store cannot be read.
    #[error("cannot read the store")]
    Store(#[from] StoreError),
    /// The conversations cannot be read.
    #[error("cannot read the conversations that people have")]
    Conversations(#[from] TicketError),
}

/// What all requests share.
pub struct Gateway {
    /// The ledger, the keys and the releases.
    pub store: Store,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Everything started that shutdown waits for.
    pub tasks: TaskTracker,
    /// Cancelled when the drain deadline is over or a second signal came: what still runs is cut.
    pub cut: CancellationToken,
    /// What went wrong, for people who look into it.
    pub error_log: ErrorLog,
    /// The conversations with agents.
    pub conversations: Conversations,
    /// The windows of all limits.
    pub limiter: Box<dyn LimitBackend>,
    /// The accounts of all budgets.
    pub book: Book,
    /// The requests with an idempotency key that are being served.
    pub(crate) flights: Arc<Flights>,
    /// Which refusals of strangers are logged.
    pub failures: Sampled,
    /// Places for answers to strangers that wait.
    pub slow_places: Arc<Semaphore>,
    slowdown: std::sync::Mutex<Slowdown>,
    issuers: ArcSwap<Issuers>,
    clock: Clock,
    runtime: ArcSwap<Runtime>,
    keyring: ArcSwap<Keyring>,
    /// Held from reading the keys to using them: a slower reader must not bring a revoked key back.
    changing: tokio::sync::Mutex<()>,
    draining: AtomicBool,
    cut_requests: AtomicU64,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

impl Gateway {
    /// Builds the gateway: registers releases, gathers keys, and counts again what the ledger remembers.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn start(config: Arc<Config>, store: Store) -> Result<Arc<Self>, GatewayError> {
        let clock = Clock::anchored_now();
        let metrics = Arc::new(Metrics::default());
        let runtime = Runtime::build(config, &store, &metrics, None, us(clock.now())).await?;
        let settings = runtime.config.error_log.as_ref();
        let error_log = ErrorLog::open(settings).map_err(|error| {
            let file = settings.map(|settings| settings.file.clone());
            GatewayError::ErrorLog(file.unwrap_or_default(), error)
        })?;
        let keyring = Keyring::assemble(&store.list_keys().await?, &runtime.config, &store);
        let issuers = Issuers::assemble(&runtime.config, None)?;
        let conversations = Conversations::load(&store).await?;
        let gateway = Arc::new(Self {
            conversations,
            failures: Sampled::default(),
            slow_places: Arc::new(Semaphore::new(SLOW_PLACES)),
            slowdown: std::sync::Mutex::default(),
            issuers: ArcSwap::from_pointee(issuers),
            metrics,
            error_log,
            tasks: TaskTracker::new(),
            cut: CancellationToken::new(),
            limiter: Box::new(Local::default()),
            book: Book::default(),
            flights: Arc::default(),
            clock,
            runtime: ArcSwap::from_pointee(runtime),
            keyring: ArcSwap::from_pointee(keyring),
            changing: tokio::sync::Mutex::default(),
            draining: AtomicBool::new(false),
            cut_requests: AtomicU64::new(0),
            store,
        });
        rebuild(&gateway, &gateway.runtime(), None).await?;
        money::rebuild::rebuild(&gateway, &gateway.runtime(), None).await?;
        Ok(gateway)
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Tick {
        self.clock.now()
    }

    /// The clock, for deadlines on tokio's timer.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The generation that serves now.
    #[must_use]
    pub fn runtime(&self) -> Arc<Runtime> {
        self.runtime.load_full()
    }

    /// The keys that are valid now.
    #[must_use]
    pub fn keyring(&self) -> Arc<Keyring> {
        self.keyring.load_full()
    }

    /// The issuers whose tokens are accepted now.
    #[must_use]
    pub fn issuers(&self) -> Arc<Issuers> {
        self.issuers.load_full()
    }

    /// Notes that an address brought a wrong credential, and says how long its answer waits.
    pub fn slow_down(&self, address: u64, inbound: &Inbound, now: Tick) -> Duration {
        let rule = Rule {
            free: inbound.failures_free,
            forget: Duration::from_secs(1),
            first: Duration::from_millis(50),
            longest: inbound.failure_delay,
        };
        // A map of time stamps cannot be left half-written.
        let mut slowdown = self
            .slowdown
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        slowdown.failure(&rule, address, now)
    }

    /// Takes a new configuration. Requests in flight finish on the one they began with.
    ///
    /// # Errors
    /// What is wrong with it; the old one runs on.
    pub async fn reload(&self, config: Arc<Config>) -> Result<(), GatewayError> {
        let _alone = self.changing.lock().await;
        let before = self.runtime();
        let next = Runtime::build(config, &self.store, &self.metrics, Some(&before), us(self.now())).await?;
        let keyring = Keyring::assemble(&self.store.list_keys().await?, &next.config, &self.store);
        rebuild(self, &next, Some(&before)).await?;
        money::rebuild::rebuild(self, &next, Some(&before)).await?;
        let issuers = Issuers::assemble(&next.config, Some(&self.issuers()))?;
        self.issuers.store(Arc::new(issuers));
        self.runtime.store(Arc::new(next));
        self.keyring.store(Arc::new(keyring));
        Ok(())
    }

    /// Reads the keys again. When this returns, the next request sees them.
    ///
    /// # Errors
    /// The store cannot be read; the old keys stay.
    pub async fn refresh_keys(&self) -> Result<(), GatewayError> {
        let _alone = self.changing.lock().await;
        let stored = self.store.list_keys().await?;
        self.keyring.store(Arc::new(Keyring::assemble(
            &stored,
            &self.runtime().config,
            &self.store,
        )));
        Ok(())
    }

    /// Whether shutdown has begun: readiness is gone, requests in flight go on.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Begins shutdown.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Counts a request that shutdown cut.
    pub fn count_cut(&self) {
        self.cut_requests.fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests shutdown cut.
    #[must_use]
    pub fn cut_requests(&self) -> u64 {
        self.cut_requests.load(Ordering::Relaxed)
    }

    /// Connects to upstreams, and screens outside of golive, that nobody called for a while, all at once, every `every`, until `stop`. One that hangs keeps
    /// the others' news back for no longer than `patience`.
    pub async fn watch_links(self: Arc<Self>, every: Duration, patience: Duration, stop: CancellationToken) {
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            let (this, runtime, now) = (&self, self.runtime(), self.now());
            let links = runtime.links.values();
            let links = links.map(|link| (&link.upstream.base_url, &link.connector, &link.health));
            let screens = runtime.external.values();
            let screens = screens.map(|screen| (&screen.settings.url, &screen.connector, &screen.health));
            let due = links
                .chain(screens)
                .filter(|(_, _, health)| health.is_probe_due(now));
            futures_util::future::join_all(due.map(|(base, connector, health)| async move {
                let connecting = connector.connect(&base.host, base.port);
                let failed = match tokio::time::timeout(patience, connecting).await {
                    Ok(Ok(_closed_at_once)) => return health.success(this.now(), false),
                    Ok(Err(error)) => crate::upstream::chain_of(&error),
                    Err(_) => format!("no connection within {patience:?}"),
                };
                health.failure(this.now(), false, failed);
            }))
            .await;
        }
    }
}

/// A tick as the store's time stamp.
#[must_use]
pub fn us(tick: Tick) -> i64 {
    i64::try_from(tick.0).unwrap_or(i64::MAX)
}
