//! The same open-loop load on several routes in turn, round by round, with the same due times on each.
//!
//! Never: compares figures of different rounds, or keeps a round in which requests failed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use golive_load::driver::Finished;
use golive_load::histogram::Latencies;
use golive_load::http::{Examine, HttpWorkload, Pool, PoolOptions};
use golive_load::thread::run_alone;
use golive_load::warm_up::WarmUp;
use golive_load::{Event, Plan, Stage, StageReport, Stops};
use serde::Serialize;

use crate::Failed;
use crate::client::Route;
use crate::golive::Golive;
use crate::nginx::Nginx;
use crate::report::Spread;
use crate::stage;

/// What to offer.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// The model asked for.
    pub model: &'static str,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// Requests a second, as a Poisson process.
    pub rate_per_s: f64,
    /// How long each route is measured in one round.
    pub hold: Duration,
    /// Rounds.
    pub rounds: usize,
}

/// What one route gave.
#[derive(Debug, Serialize)]
pub struct Series {
    /// The route.
    pub name: &'static str,
    /// Requests measured.
    pub samples: u64,
    /// Median of all rounds together, microseconds.
    pub p50_us: u64,
    /// 95 of 100 are faster.
    pub p95_us: u64,
    /// 99 of 100 are faster.
    pub p99_us: u64,
    /// More than the first route's median in the same round, microseconds.
    pub added_p50_us: Spread,
    /// More than the first route's 99th percentile, all rounds together, microseconds.
    pub added_p99_us: i64,
    /// Why a round shows little: the generator's own words.
    pub doubts: Vec<String>,
}

/// The four ways that are compared, and the servers behind them.
pub struct Ways {
    /// Direct, nginx A, golive, nginx B; without nginx only two.
    pub routes: Vec<Route>,
    golive: Golive,
    nginx: [Option<Nginx>; 2],
    _home: crate::golive::Home,
}

/// The name of the first route.
pub const DIRECT: &str = "direct";

impl Ways {
    /// Starts the servers. `stream` takes nginx where it does not buffer.
    pub async fn open(stage: &stage::Stage, stream: bool) -> Result<Self, Failed> {
        let home = stage.home(true).await?;
        let golive = home.start().await?;
        let nginx = [stage.nginx().await?, stage.nginx().await?];
        let through = |nginx: &Nginx| if stream { nginx.unbuffered } else { nginx.buffered };
        let mut ways = vec![(DIRECT, stage.upstream.address), ("golive", golive.address)];
        if let [Some(a), Some(b)] = &nginx {
            ways.insert(1, ("nginx A", through(a)));
            ways.push(("nginx B", through(b)));
        }
        let mut routes = Vec::new();
        for (name, address) in ways {
            routes.push(Route::new(name, address, &golive.key).await?);
        }
        Ok(Self {
            routes,
            golive,
            nginx,
            _home: home,
        })
    }

    /// Ends the servers.
    pub async fn close(self) -> Result<(), Failed> {
        self.golive.server.stop().await?;
        for nginx in self.nginx.into_iter().flatten() {
            nginx.server.stop().await?;
        }
        Ok(())
    }
}

/// Offers it to each route in turn. `sample` says what is measured of a request; `examine` what its content is.
pub async fn interleave<E: Examine + 'static>(
    routes: &[Route],
    offer: Offer,
    sample: fn(&Finished) -> Option<Duration>,
    examine: fn(u64) -> E,
) -> Result<Vec<Series>, Failed> {
    let mut taken: Vec<Taken> = routes.iter().map(|_| Taken::default()).collect();
    for round in 0..offer.rounds {
        for turn in 0..routes.len() {
            let at = (round + turn) % routes.len(); // each begins once
            let (samples, report) = one_round(&routes[at], offer, round, sample, examine).await?;
            taken[at].add(samples, &report, routes[at].name)?;
        }
    }
    let base = &taken[0];
    let added_p99 = |own: &Taken| own.all.quantile_us(0.99).unwrap_or(0).cast_signed();
    Ok(routes
        .iter()
        .zip(&taken)
        .map(|(route, own)| Series {
            name: route.name,
            samples: own.all.samples(),
            p50_us: own.all.quantile_us(0.5).unwrap_or(0),
            p95_us: own.all.quantile_us(0.95).unwrap_or(0),
            p99_us: own.all.quantile_us(0.99).unwrap_or(0),
            added_p50_us: Spread::of(
                own.medians
                    .iter()
                    .zip(&base.medians)
                    .map(|(own, base)| own - base),
            ),
            added_p99_us: added_p99(own) - added_p99(base),
            doubts: own.doubts.clone(),
        })
        .collect())
}

#[derive(Default)]
struct Taken {
    all: Latencies,
    medians: Vec<f64>,
    doubts: Vec<String>,
}

impl Taken {
    fn add(&mut self, round: Latencies, report: &StageReport, name: &str) -> Result<(), Failed> {
        if let Some(failure) = report.all.failures.first() {
            return Err(format!("{name}: {} requests failed: {}", failure.count, failure.failure).into());
        }
        let median = round.quantile_us(0.5).ok_or("nothing was measured")?;
        self.medians.push(median as f64);
        self.all.merge(&round);
        self.doubts
            .extend(report.invalid.iter().map(|why| format!("{name}: {why}")));
        Ok(())
    }
}

async fn one_round<E: Examine + 'static>(
    route: &Route,
    offer: Offer,
    round: usize,
    sample: fn(&Finished) -> Option<Duration>,
    examine: fn(u64) -> E,
) -> Result<(Latencies, StageReport), Failed> {
    let mut stage = Stage::new(route.name, offer.rate_per_s, offer.hold);
    stage.warm_up = Some(WARM_UP);
    let plan = Plan::new(round as u64, vec![stage]); // the same due times for each route
    let pool = Pool::new(route.endpoint.clone(), PoolOptions::default());
    let workload = HttpWorkload::new(pool, route.chat(offer.model, offer.stream), examine);
    let samples = Arc::new(Mutex::new(Latencies::new()));
    let into = Arc::clone(&samples);
    let note = move |event: Event<'_>| {
        if let Event::Finished(done) = event
            && done.held
            && let Some(time) = sample(done)
        {
            into.lock().unwrap_or_else(PoisonError::into_inner).record(time);
        }
    };
    let mut run = run_alone(plan, workload, Stops::default(), note).await?;
    let report = run.stages.pop().ok_or("the load run has no stage")?;
    let samples = samples.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((samples, report))
}

/// Connections are opened and caches filled; nothing here needs longer.
const WARM_UP: WarmUp = WarmUp {
    least: Duration::from_millis(500),
    most: Duration::from_millis(500),
    window: Duration::from_millis(250),
    agreement: 1.0,
};
