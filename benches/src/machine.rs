//! On what machine the figures were taken, and whether it had something else to do.
//!
//! Never: hides a busy machine: its figures are printed, with a warning.

use std::fmt;
use std::fs;
use std::time::Duration;

use serde::Serialize;

use crate::{Failed, process};

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
    /// Share of all processor time that others used in the second before the run.
    busy: f64,
    /// Nothing else ran.
    idle: bool,
}

/// Looks for a second.
pub async fn look() -> Result<Machine, Failed> {
    let others = Others::watch()?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let busy = others.share()?;
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

/// What others do with the machine while the bench runs.
#[derive(Debug)]
pub struct Others {
    ticks: Ticks,
    own: u64,
}

impl Others {
    /// From now on.
    pub fn watch() -> Result<Self, Failed> {
        Ok(Self {
            ticks: Ticks::now()?,
            own: process::own_ticks()?,
        })
    }

    /// The share of all processor time that neither the bench nor its children used. To be asked when the children
    /// have ended: the kernel adds their time to ours then.
    pub fn share(&self) -> Result<f64, Failed> {
        let (now, own) = (Ticks::now()?, process::own_ticks()?);
        let used = now.used.saturating_sub(self.ticks.used);
        let theirs = used.saturating_sub(own.saturating_sub(self.own));
        Ok(theirs as f64 / now.all.saturating_sub(self.ticks.all).max(1) as f64)
    }
}

/// The sentence about them for the end of a run.
pub fn others_line(share: f64) -> String {
    let warning = if share > BUSY_MAX {
        "\nWARNING     the machine had something else to do: do not publish figures of this run.\n"
    } else {
        "\n"
    };
    format!(
        "others      used {:.1} % of the machine during the run{warning}",
        share * 100.0
    )
}

/// Of all processors together, since the machine started.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    /// By processes, or taken by the host. Interrupts are left out: those of the loopback network are our own.
    used: u64,
    all: u64,
}

impl Ticks {
    fn now() -> Result<Self, Failed> {
        let text = fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().unwrap_or("").split_ascii_whitespace();
        // User, nice, system, idle, waiting, interrupts (two), stolen; the guests' time behind is in the first two.
        let ticks: Vec<u64> = line
            .skip(1)
            .take(8)
            .filter_map(|tick| tick.parse().ok())
            .collect();
        let [user, nice, system, _, _, _, _, stolen] = ticks[..] else {
            return Err("the kernel does not tell the processors' time".into());
        };
        Ok(Self {
            used: user + nice + system + stolen,
            all: ticks.iter().sum(),
        })
    }
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
