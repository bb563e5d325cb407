//! From the spawn of `golive serve` to its first served chat request: with no store yet, and with one that holds rows.
//!
//! Never: from the moment it listens: a person waits from the moment of the command.

use std::fmt;
use std::time::Duration;

use golive_load::http::{Pool, PoolOptions, StatusOnly};
use serde::Serialize;

use crate::child::LOOK_EVERY;
use crate::client::{Route, closed_loop, now};
use crate::golive::{Golive, Home};
use crate::report::{Spread, table};
use crate::sizes::Sizes;
use crate::stage::Stage;
use crate::upstream::PLAIN;
use crate::{Failed, words};

/// Times to the first answer, milliseconds.
#[derive(Debug, Serialize)]
pub struct Start {
    starts: usize,
    rows: u64,
    fresh_ms: Spread,
    existing_ms: Spread,
}

/// Measures it.
pub async fn measure(stage: &Stage, sizes: &Sizes) -> Result<Start, Failed> {
    let filled = stage.home(true).await?;
    fill(&filled, sizes).await?;
    let (mut fresh, mut existing) = (Vec::new(), Vec::new());
    for _ in 0..sizes.starts {
        fresh.push(once(&stage.home(true).await?).await?);
        existing.push(once(&filled).await?);
    }
    let ms = |times: Vec<Duration>| Spread::of(times.into_iter().map(|time| time.as_secs_f64() * 1e3));
    Ok(Start {
        starts: sizes.starts,
        rows: sizes.start_rows,
        fresh_ms: ms(fresh),
        existing_ms: ms(existing),
    })
}

/// Rows for the store that is opened again.
async fn fill(home: &Home, sizes: &Sizes) -> Result<(), Failed> {
    let golive = home.start().await?;
    let route = Route::new("golive", golive.address, &golive.key).await?;
    let pool = Pool::new(route.endpoint.clone(), PoolOptions::default());
    closed_loop(
        &pool,
        &route.chat(PLAIN, false),
        sizes.start_rows,
        sizes.cpu_connections,
    )
    .await?;
    pool.close().await;
    golive.server.stop().await
}

/// One start; then it is stopped, so that the next finds a store that was closed.
async fn once(home: &Home) -> Result<Duration, Failed> {
    let route = Route::new("golive", home.address, &home.key).await?;
    let began = now();
    let golive = home.spawn()?;
    let served = tokio::time::timeout(Duration::from_secs(60), first_answer(&route)).await;
    let took = began.elapsed();
    match served {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(failed(&golive, &words(&*error))),
        Err(_) => return Err(failed(&golive, "nothing was served within a minute")),
    }
    golive.server.stop().await?;
    Ok(took)
}

/// Connects until somebody listens; then sends one request.
async fn first_answer(route: &Route) -> Result<(), Failed> {
    let pool = Pool::new(route.endpoint.clone(), PoolOptions::default());
    while pool.open(1).await.is_err() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let reply = pool.exchange(route.chat(PLAIN, false)(0), &mut StatusOnly).await;
    reply.failure.map_or(Ok(()), |why| {
        Err(format!("the first request failed: {why}").into())
    })
}

fn failed(golive: &Golive, why: &str) -> Failed {
    format!("golive serve: {why}: {}", golive.server.said()).into()
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |name: String, ms: &Spread| vec![name, format!("{:.0}", ms.median), ms.range(0)];
        let rows = vec![
            row("no store yet".to_owned(), &self.fresh_ms),
            row(format!("a store with {} requests", self.rows), &self.existing_ms),
        ];
        writeln!(f, "{} starts of each, interleaved", self.starts)?;
        writeln!(f, "{}", table(&["", "ms", "range"], rows))
    }
}
