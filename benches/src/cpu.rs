//! Processor time per request: fixed batches in a closed loop, interleaved, read from the kernel's counters of the
//! server's processes. Two nginx of the same configuration show how far two equal servers differ.
//!
//! Never: the caller's or the upstream's time; both are in the bench's own process.

use std::fmt;
use std::time::Duration;

use golive_load::http::{Outgoing, Pool, PoolOptions};
use serde::Serialize;

use crate::client::{Route, closed_loop};
use crate::process::CpuReading;
use crate::report::{Spread, table};
use crate::sizes::Sizes;
use crate::stage::Stage;
use crate::upstream::PLAIN;
use crate::{Failed, words};

/// What a server does after its last answer belongs to the request too.
const SETTLE: Duration = Duration::from_millis(100);

/// Processor time of every server.
#[derive(Debug, Serialize)]
pub struct Cpu {
    requests_per_batch: u64,
    batches: usize,
    connections: usize,
    servers: Vec<Row>,
}

/// One server.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    us_per_request: Spread,
    requests_per_second: Spread,
    /// Over the mean of both nginx in the same round; for nginx B, over nginx A.
    ratio: Option<Spread>,
}

/// A server under measurement.
struct Server<R> {
    name: &'static str,
    process: u32,
    pool: Pool,
    request: R,
    us: Vec<f64>,
    per_second: Vec<f64>,
}

const NGINX_A: &str = "nginx A";
const NGINX_B: &str = "nginx B";

/// Measures it.
pub async fn measure(stage: &Stage, sizes: &Sizes) -> Result<Cpu, Failed> {
    let (home, lean) = (stage.home(true).await?, stage.home(false).await?);
    let (golive, without) = (home.start().await?, lean.start().await?);
    let (a, b) = (stage.nginx().await?, stage.nginx().await?);
    let mut routes = vec![
        ("golive", golive.server.id(), golive.address, &golive.key),
        (
            "golive, content off",
            without.server.id(),
            without.address,
            &without.key,
        ),
    ];
    if let (Some(a), Some(b)) = (&a, &b) {
        routes.insert(0, (NGINX_A, a.server.id(), a.buffered, &golive.key));
        routes.insert(2, (NGINX_B, b.server.id(), b.buffered, &golive.key));
    }
    let mut servers = Vec::new();
    for (name, process, address, key) in routes {
        let route = Route::new(name, address, key).await?;
        servers.push(Server {
            name,
            process,
            request: route.chat(PLAIN, false),
            pool: Pool::new(route.endpoint, PoolOptions::default()),
            us: Vec::new(),
            per_second: Vec::new(),
        });
    }
    for server in &mut servers {
        server.batch(sizes).await?; // opens connections, fills caches
        server.us.clear();
        server.per_second.clear();
    }
    for round in 0..sizes.cpu_rounds {
        // Each begins once, so that what a batch leaves behind does not always meet the same one.
        let first = round % servers.len();
        for turn in 0..servers.len() {
            let at = (first + turn) % servers.len();
            servers[at].batch(sizes).await?;
        }
    }
    let rows = servers.iter().map(|server| row(server, &servers)).collect();
    for server in servers {
        server.pool.close().await;
    }
    for gateway in [golive, without] {
        gateway.server.stop().await?;
    }
    for nginx in [a, b].into_iter().flatten() {
        nginx.server.stop().await?;
    }
    Ok(Cpu {
        requests_per_batch: sizes.cpu_batch,
        batches: sizes.cpu_rounds,
        connections: sizes.cpu_connections,
        servers: rows,
    })
}

impl<R: Fn(u64) -> Outgoing> Server<R> {
    async fn batch(&mut self, sizes: &Sizes) -> Result<(), Failed> {
        let before = CpuReading::take(self.process)?;
        let took = closed_loop(&self.pool, &self.request, sizes.cpu_batch, sizes.cpu_connections)
            .await
            .map_err(|error| format!("{}: {}", self.name, words(&*error)))?;
        tokio::time::sleep(SETTLE).await;
        let used = before.until(&CpuReading::take(self.process)?);
        self.us.push(used.as_secs_f64() * 1e6 / sizes.cpu_batch as f64);
        self.per_second.push(sizes.cpu_batch as f64 / took.as_secs_f64());
        Ok(())
    }
}

fn row<R>(server: &Server<R>, all: &[Server<R>]) -> Row {
    let of = |name| {
        all.iter()
            .find(|server| server.name == name)
            .map(|server| &server.us)
    };
    let ratio = of(NGINX_A).zip(of(NGINX_B)).and_then(|(a, b)| {
        let base: Vec<f64> = match server.name {
            NGINX_A => return None,
            NGINX_B => a.clone(),
            _ => a.iter().zip(b).map(|(a, b)| (a + b) / 2.0).collect(),
        };
        Some(Spread::of(server.us.iter().zip(base).map(|(us, base)| us / base)))
    });
    Row {
        name: server.name,
        us_per_request: Spread::of(server.us.iter().copied()),
        requests_per_second: Spread::of(server.per_second.iter().copied()),
        ratio,
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "1 KB chat, plain answer; {} batches of {} requests each, {} connections, closed loop, interleaved",
            self.batches, self.requests_per_batch, self.connections
        )?;
        let rows = self.servers.iter().map(|row| {
            vec![
                row.name.to_owned(),
                format!("{:.1}", row.us_per_request.median),
                row.us_per_request.range(1),
                row.ratio.map_or("–".to_owned(), |ratio| {
                    format!("{:.2} ({})", ratio.median, ratio.range(2))
                }),
                format!("{:.0}", row.requests_per_second.median),
            ]
        });
        let heads = ["", "µs/request", "range", "× nginx (range)", "requests/s"];
        writeln!(f, "{}", table(&heads, rows.collect()))?;
        if self.servers.iter().all(|row| row.ratio.is_none()) {
            return Ok(()); // there is no nginx
        }
        writeln!(
            f,
            "× nginx: over the mean of both nginx in the same round, median of the rounds; nginx B over nginx A is the noise"
        )
    }
}
