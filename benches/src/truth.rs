//! How far the load generator can be trusted: its own example `truth`, run as a child, and its figures beside ours.
//!
//! Never: measured by the generator against itself alone: the example's server writes its latencies down.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use tokio::process::Command;

use crate::Failed;
use crate::report::table;
use crate::sizes::Sizes;

/// What the example printed.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Truth(Option<Value>);

/// Runs it; `None` is said, not passed over.
pub async fn measure(example: Option<&Path>, sizes: &Sizes) -> Result<Truth, Failed> {
    let Some(example) = example else {
        return Ok(Truth(None));
    };
    let said = Command::new(example)
        .args(["--json", "--seconds", &sizes.truth_seconds.to_string()])
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("cannot run {}: {error}", example.display()))?;
    if !said.status.success() {
        return Err(String::from_utf8_lossy(&said.stderr).into_owned().into());
    }
    Ok(Truth(Some(serde_json::from_slice(&said.stdout)?)))
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(figures) = &self.0 else {
            return writeln!(
                f,
                "NOT MEASURED: `--truth PATH` names the built example (`cargo build --release -p golive-load --example truth`)"
            );
        };
        let rows = figures["truth"].as_array().into_iter().flatten().map(|row| {
            let error = |key: &str| format!("{:+.2} %", row[key].as_f64().unwrap_or(f64::NAN));
            vec![
                row["latencies"].as_str().unwrap_or("").to_owned(),
                row["samples"].to_string(),
                row["true_p50_us"].to_string(),
                error("p50_error_percent"),
                row["true_p99_us"].to_string(),
                error("p99_error_percent"),
                row["lag_p99_us"].to_string(),
            ]
        });
        let heads = [
            "latencies",
            "samples",
            "true p50 µs",
            "error",
            "true p99 µs",
            "error",
            "lag p99 µs",
        ];
        writeln!(f, "{}", table(&heads, rows.collect()))?;
        for row in figures["truth"].as_array().into_iter().flatten() {
            for why in row["invalid"].as_array().into_iter().flatten() {
                writeln!(f, "WARNING: {}: {}", row["latencies"], why)?;
            }
        }
        let rate = |key: &str| figures["rate"][key].as_f64().unwrap_or(f64::NAN);
        writeln!(
            f,
            "rate: {:.0}/s flat out; {:.0} per second of its own processor time; highest valid stage {:.0}/s",
            rate("flat_out_per_s"),
            rate("per_core_second"),
            rate("highest_valid_per_s")
        )
    }
}
