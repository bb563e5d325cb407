//! Latency that a server adds to a direct call at a steady rate, from the moment a request was due to its last byte.
//!
//! Never: a closed loop: it would not see the requests that a slow server keeps from being sent.

use std::fmt;

use golive_load::http::StatusOnly;
use serde::Serialize;

use crate::Failed;
use crate::open_loop::{Offer, Series, Ways, interleave};
use crate::report::table;
use crate::sizes::Sizes;
use crate::stage::Stage;
use crate::upstream::PLAIN;

/// Latencies of every route.
#[derive(Debug, Serialize)]
pub struct Latency {
    rate_per_s: f64,
    rounds: usize,
    hold_s: f64,
    routes: Vec<Series>,
    /// What golive adds to the median over what nginx adds (the mean of both).
    added_p50_ratio: Option<f64>,
    /// The same of nginx B over nginx A: the noise.
    added_p50_ratio_of_equals: Option<f64>,
}

/// Measures it.
pub async fn measure(stage: &Stage, sizes: &Sizes) -> Result<Latency, Failed> {
    let ways = Ways::open(stage, false).await?;
    let offer = Offer {
        model: PLAIN,
        stream: false,
        rate_per_s: sizes.latency_rate,
        hold: sizes.latency_hold,
        rounds: sizes.latency_rounds,
    };
    let routes = interleave(&ways.routes, offer, |done| Some(done.latency()), |_| StatusOnly).await?;
    ways.close().await?;
    let added = |name| {
        let found = routes.iter().find(|series| series.name == name);
        found.map(|series| series.added_p50_us.median)
    };
    let (a, b, golive) = (added("nginx A"), added("nginx B"), added("golive"));
    let mean = a.zip(b).map(|(a, b)| (a + b) / 2.0);
    Ok(Latency {
        rate_per_s: offer.rate_per_s,
        rounds: offer.rounds,
        hold_s: offer.hold.as_secs_f64(),
        added_p50_ratio: ratio(golive, mean),
        added_p50_ratio_of_equals: ratio(b, a),
        routes,
    })
}

/// `None` where the divisor is no time at all: such a ratio says nothing.
fn ratio(of: Option<f64>, over: Option<f64>) -> Option<f64> {
    of.zip(over)
        .filter(|(_, over)| *over >= 1.0)
        .map(|(of, over)| of / over)
}

/// The rows of all routes.
pub fn rows(routes: &[Series]) -> String {
    let rows = routes.iter().map(|series| {
        vec![
            series.name.to_owned(),
            series.samples.to_string(),
            series.p50_us.to_string(),
            series.p99_us.to_string(),
            format!(
                "{:+.0} ({})",
                series.added_p50_us.median,
                series.added_p50_us.range(0)
            ),
            format!("{:+}", series.added_p99_us),
        ]
    });
    let heads = [
        "",
        "samples",
        "p50 µs",
        "p99 µs",
        "added p50 (range)",
        "added p99",
    ];
    let doubts = routes.iter().flat_map(|series| &series.doubts);
    let doubts: String = doubts.map(|why| format!("WARNING: {why}\n")).collect();
    format!("{}\n{doubts}", table(&heads, rows.collect()))
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "1 KB chat, plain answer; {} requests/s, open loop, {} rounds of {} s on each, interleaved",
            self.rate_per_s, self.rounds, self.hold_s
        )?;
        write!(f, "{}", rows(&self.routes))?;
        if self.added_p50_ratio.is_none() {
            return Ok(()); // there is no nginx, or it adds nothing that can be measured
        }
        let said = |ratio: Option<f64>| ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
        writeln!(
            f,
            "added p50: median of the rounds; golive over nginx {}, nginx B over nginx A (the noise) {}",
            said(self.added_p50_ratio),
            said(self.added_p50_ratio_of_equals)
        )
    }
}
