//! S5: good traffic alone, then the same with a flood of wrong keys beside it: its latency, and the growth of the store.
//!
//! The flood comes from the same address as the good traffic, on connections of its own, as fast as it is answered:
//! the gateway may slow it down, and must not slow the good traffic down with it.
//!
//! Never: a wrong key that could be right.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use golive_load::http::{Pool, PoolOptions, StatusOnly};
use serde::Serialize;

use crate::Failed;
use crate::client::{Route, now};
use crate::open_loop::{Offer, Series, interleave};
use crate::report::table;
use crate::sizes::Sizes;
use crate::stage::Stage;
use crate::upstream::PLAIN;

/// Connections of the flood, each with one request at a time.
const CONNECTIONS: usize = 64;

/// What it showed.
#[derive(Debug, Serialize)]
pub struct Flood {
    rate_per_s: f64,
    hold_s: f64,
    alone: Calm,
    beside: Calm,
    refused: u64,
    refused_per_s: f64,
}

/// Good traffic over one run.
#[derive(Debug, Serialize)]
struct Calm {
    series: Series,
    /// Bytes that the store grew by.
    store_grew: u64,
}

/// Measures it.
pub async fn measure(stage: &Stage, sizes: &Sizes) -> Result<Flood, Failed> {
    let home = stage.home(false).await?;
    let golive = home.start().await?;
    let good = Route::new("golive", golive.address, &golive.key).await?;
    // Written backwards it has no key's form: it is refused by its looks, without a look-up.
    let wrong: String = golive.key.chars().rev().collect();
    let bad = Route::new("flood", golive.address, &wrong).await?;
    let offer = Offer {
        model: PLAIN,
        stream: false,
        rate_per_s: sizes.latency_rate,
        hold: sizes.latency_hold,
        rounds: sizes.latency_rounds,
    };
    let run = async || -> Result<Calm, Failed> {
        let before = home.store_bytes()?;
        let routes = std::slice::from_ref(&good);
        let mut all = interleave(routes, offer, |done| Some(done.latency()), |_| StatusOnly).await?;
        Ok(Calm {
            series: all.pop().ok_or("nothing was measured")?,
            store_grew: home.store_bytes()?.saturating_sub(before),
        })
    };
    let alone = run().await?;
    let (refused, began) = (Cell::new(0_u64), now());
    let pool = Pool::new(bad.endpoint.clone(), PoolOptions::default());
    let request = bad.chat(PLAIN, false);
    let one = async || loop {
        let reply = pool.exchange(request(0), &mut StatusOnly).await;
        if reply.status == Some(401) {
            refused.set(refused.get() + 1);
        }
    };
    let mut flood: FuturesUnordered<_> = (0..CONNECTIONS).map(|_| one()).collect();
    let beside = tokio::select! {
        beside = run() => beside?,
        _ = flood.next() => return Err("the flood ended".into()), // it never does
    };
    let took = began.elapsed();
    drop(flood);
    pool.close().await;
    golive.server.stop().await?;
    if refused.get() == 0 {
        return Err("no wrong key was refused with 401".into());
    }
    Ok(Flood {
        rate_per_s: offer.rate_per_s,
        hold_s: offer.hold.as_secs_f64(),
        alone,
        beside,
        refused: refused.get(),
        refused_per_s: refused.get() as f64 / took.max(Duration::from_millis(1)).as_secs_f64(),
    })
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "1 KB chat, {} requests/s, open loop; beside it {CONNECTIONS} connections that send wrong keys as fast as they are \
             refused: {} refusals, {:.0}/s",
            self.rate_per_s, self.refused, self.refused_per_s
        )?;
        let row = |name: &str, calm: &Calm| {
            vec![
                name.to_owned(),
                calm.series.samples.to_string(),
                calm.series.p50_us.to_string(),
                calm.series.p95_us.to_string(),
                calm.series.p99_us.to_string(),
                format!(
                    "{:.0}",
                    calm.store_grew as f64 / calm.series.samples.max(1) as f64
                ),
            ]
        };
        let rows = vec![
            row("good traffic alone", &self.alone),
            row("beside the flood", &self.beside),
        ];
        let heads = [
            "",
            "samples",
            "p50 µs",
            "p95 µs",
            "p99 µs",
            "store bytes a good request",
        ];
        writeln!(f, "{}", table(&heads, rows))
    }
}
