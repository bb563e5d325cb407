//! P1: how far the load generator can be trusted. Against a server that writes down its own latencies: the
//! error of p50 and p99. Against one that answers at once: the highest rate from one core.
//!
//! `truth [--seconds N] [--json]`. Run with optimisation; `cargo xtask bench` does.
//!
//! Never: judges. The figures to hold are in DESIGN §10.

mod server;

use golive_load::arrivals::Pattern;
use golive_load::http::{Endpoint, HttpWorkload, Outgoing, Pool, PoolOptions, StatusOnly};
use golive_load::thread::run_alone;
use golive_load::{Plan, Stage, StageReport, Stops};
use http::Request;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use server::{Delay, TruthServer};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[derive(Serialize)]
struct Figures {
    truth: Vec<Truth>,
    rate: RateFigure,
}

/// Measured against written down.
#[derive(Serialize)]
struct Truth {
    latencies: &'static str,
    rate_per_s: f64,
    samples: u64,
    true_p50_us: u64,
    true_p99_us: u64,
    p50_us: u64,
    p99_us: u64,
    p50_error_percent: f64,
    p99_error_percent: f64,
    /// Without the generator's lag: what is left of the error is the network and the wake-ups of both sides.
    service_p50_us: u64,
    service_p99_us: u64,
    lag_p50_us: u64,
    lag_p99_us: u64,
    busy_percent: f64,
    invalid: Vec<String>,
}

/// The highest rate.
#[derive(Serialize)]
struct RateFigure {
    /// Answered a second, flat out, by the wall.
    flat_out_per_s: f64,
    /// Answered per second of the generator's own processor time: what one undisturbed core would do.
    per_core_second: f64,
    /// The highest offered rate whose stage was valid.
    highest_valid_per_s: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seconds = match arguments.iter().position(|a| a == "--seconds") {
        Some(at) => arguments.get(at + 1).ok_or("--seconds needs a number")?.parse()?,
        None => 10,
    };
    let hold = Duration::from_secs(seconds);
    let constant: Delay = Arc::new(|_| Duration::from_millis(20));
    let figures = Figures {
        truth: vec![
            compare("constant 20 ms", constant, 500.0, hold).await?,
            compare(
                "lognormal, median 30 ms, sigma 0.6",
                lognormal(0.030, 0.6),
                500.0,
                hold,
            )
            .await?,
        ],
        rate: rate(Duration::from_secs(seconds.clamp(1, 3))).await?,
    };
    if arguments.iter().any(|a| a == "--json") {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print(&figures);
    }
    Ok(())
}

fn print(figures: &Figures) {
    for t in &figures.truth {
        println!("{} at {}/s, {} samples", t.latencies, t.rate_per_s, t.samples);
        println!(
            "  p50  true {:>7} µs  measured {:>7} µs  {:+.2} %",
            t.true_p50_us, t.p50_us, t.p50_error_percent
        );
        println!(
            "  p99  true {:>7} µs  measured {:>7} µs  {:+.2} %",
            t.true_p99_us, t.p99_us, t.p99_error_percent
        );
        println!(
            "  service p50 {} µs, p99 {} µs; lag p50 {} µs, p99 {} µs",
            t.service_p50_us, t.service_p99_us, t.lag_p50_us, t.lag_p99_us
        );
        println!(
            "  generator {:.0} % busy, invalid: {:?}",
            t.busy_percent, t.invalid
        );
    }
    let r = &figures.rate;
    println!(
        "rate: {:.0}/s flat out; {:.0} per second of its own processor time; highest valid stage {:.0}/s",
        r.flat_out_per_s, r.per_core_second, r.highest_valid_per_s
    );
}

async fn compare(
    latencies: &'static str,
    delay: Delay,
    rate_per_s: f64,
    hold: Duration,
) -> Result<Truth, Failed> {
    let server = TruthServer::start(delay)?;
    let plan = Plan::new(7, vec![Stage::new(latencies, rate_per_s, hold)]);
    let stage = load(&server, plan).await?;
    let (true_p50_us, true_p99_us) = {
        let truth = server.truth.lock().map_err(|_| "the server panicked")?;
        (
            truth.quantile_us(0.5).unwrap_or(0),
            truth.quantile_us(0.99).unwrap_or(0),
        )
    };
    let (p50_us, p99_us) = (
        stage.all.latency.p50_us.unwrap_or(0),
        stage.all.latency.p99_us.unwrap_or(0),
    );
    let error = |got: u64, truth: u64| (got as f64 / truth as f64 - 1.0) * 100.0;
    Ok(Truth {
        latencies,
        rate_per_s,
        samples: stage.all.latency.samples,
        true_p50_us,
        true_p99_us,
        p50_us,
        p99_us,
        p50_error_percent: error(p50_us, true_p50_us),
        p99_error_percent: error(p99_us, true_p99_us),
        service_p50_us: stage.all.service.p50_us.unwrap_or(0),
        service_p99_us: stage.all.service.p99_us.unwrap_or(0),
        lag_p50_us: stage.lag.p50_us.unwrap_or(0),
        lag_p99_us: stage.lag.p99_us.unwrap_or(0),
        busy_percent: stage.busy.unwrap_or(f64::NAN) * 100.0,
        invalid: stage.invalid.iter().map(ToString::to_string).collect(),
    })
}

async fn rate(hold: Duration) -> Result<RateFigure, Failed> {
    let server = TruthServer::start(Arc::new(|_| Duration::ZERO))?;
    let offer = async |rate_per_s: f64, in_flight: usize| {
        let mut plan = Plan::new(7, vec![Stage::new("rate", rate_per_s, hold)]);
        plan.pattern = Pattern::Constant;
        plan.max_in_flight = in_flight;
        plan.latest_start = Duration::from_millis(100);
        load(&server, plan).await
    };
    // Ten times more than it can: then it is never waiting for a due time.
    let flat = offer(1_000_000.0, 64).await?;
    let flat_out_per_s = flat.all.answered as f64 / (flat.held_us as f64 / 1e6);
    let (mut highest_valid_per_s, mut spoiled) = (0.0, 0);
    for rate in [
        2_000.0, 5_000.0, 10_000.0, 15_000.0, 20_000.0, 25_000.0, 30_000.0, 40_000.0, 50_000.0,
    ] {
        let stage = offer(rate, 1_024).await?;
        if stage.invalid.is_empty() {
            (highest_valid_per_s, spoiled) = (rate, 0);
        } else {
            spoiled += 1; // a busy machine may spoil one that a quiet one would hold
        }
        if spoiled == 3 {
            break;
        }
    }
    let per_core_second = flat_out_per_s / flat.busy.unwrap_or(f64::NAN);
    Ok(RateFigure {
        flat_out_per_s,
        per_core_second,
        highest_valid_per_s,
    })
}

async fn load(server: &TruthServer, plan: Plan) -> Result<StageReport, Failed> {
    let endpoint = Endpoint::resolve(&format!("http://{}", server.address), b"").await?;
    let workload = HttpWorkload::new(Pool::new(endpoint, PoolOptions::default()), get, |_| StatusOnly);
    let mut run = run_alone(plan, workload, Stops::default(), |_| ()).await?;
    Ok(run.stages.remove(0))
}

fn get(_: u64) -> Outgoing {
    Request::new(http_body_util::Full::default())
}

/// The same seed gives the same delays.
fn lognormal(median_s: f64, sigma: f64) -> Delay {
    let dice = Mutex::new(StdRng::seed_from_u64(1));
    Arc::new(move |_| {
        let (a, b): (f64, f64) = dice
            .lock()
            .map_or((0.5, 0.5), |mut dice| (dice.random(), dice.random()));
        // Box and Muller.
        let normal = (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        Duration::from_secs_f64(median_s * (sigma * normal).exp())
    })
}
