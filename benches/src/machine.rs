//! On what machine the figures were taken, and whether it had something else to do.
//!
//! Never: hides a busy machine: its figures are printed, with a warning.

use std::fmt;
use std::fs;
use std::time::Duration;

use serde::Serialize;

use crate::Failed;

/// A share of processor time used by others above this spoils ratios by as much.
const BUSY_MAX: f64 = 0.05;
/// A load average above this: something ran a moment ago, and may again.
const LOAD_MAX: f64 = 0.5;

/// The machine, at the start of the run.
#[derive(Debug, Serialize)]
pub struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    memory_mib: u64,
    /// Of 1, 5 and 15 minutes.
    load: [f64; 3],
    /// Share of all processor time that was used in the second before the run.
    busy: f64,
    /// Nothing else ran.
    idle: bool,
}

/// Looks for a second.
pub async fn look() -> Result<Machine, Failed> {
    let before = busy_and_all()?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = busy_and_all()?;
    let busy = (after.0 - before.0) as f64 / (after.1 - before.1).max(1) as f64;
    let load = load()?;
    Ok(Machine {
        cpu: line_of("/proc/cpuinfo", "model name")
            .or_else(|| line_of("/proc/cpuinfo", "Model"))
            .unwrap_or_else(|| "unknown".to_owned()),
        cores: std::thread::available_parallelism()?.get(),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
            .trim()
            .to_owned(),
        memory_mib: line_of("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
            .unwrap_or(0)
            / 1024,
        load,
        busy,
        idle: busy <= BUSY_MAX && load[0] <= LOAD_MAX,
    })
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, five, fifteen] = self.load;
        writeln!(
            f,
            "machine     {}, {} cores, {} MiB, Linux {}",
            self.cpu, self.cores, self.memory_mib, self.kernel
        )?;
        writeln!(
            f,
            "load        {one:.2} {five:.2} {fifteen:.2}; {:.0} % busy in the second before the run",
            self.busy * 100.0
        )?;
        if !self.idle {
            writeln!(
                f,
                "WARNING     the machine is not idle: do not publish figures of this run. If a build has just ended, wait a minute."
            )?;
        }
        Ok(())
    }
}

/// Ticks of all processors since the machine started: used, and used or idle.
fn busy_and_all() -> Result<(u64, u64), Failed> {
    let text = fs::read_to_string("/proc/stat")?;
    let ticks: Vec<u64> = text
        .lines()
        .next()
        .unwrap_or("")
        .split_ascii_whitespace()
        .skip(1)
        .take(8) // the guests' time behind them is in the first two already
        .filter_map(|tick| tick.parse().ok())
        .collect();
    let all: u64 = ticks.iter().sum();
    let [_, _, _, idle, waiting, ..] = ticks[..] else {
        return Err("the kernel does not tell the processors' time".into());
    };
    Ok((all - idle - waiting, all))
}

fn load() -> Result<[f64; 3], Failed> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let mut fields = text.split(' ').filter_map(|field| field.parse().ok());
    match (fields.next(), fields.next(), fields.next()) {
        (Some(one), Some(five), Some(fifteen)) => Ok([one, five, fifteen]),
        _ => Err("the kernel does not tell the load".into()),
    }
}

/// What stands behind `name` and a colon in a file of such lines.
fn line_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let rest = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(rest.trim().to_owned())
}
