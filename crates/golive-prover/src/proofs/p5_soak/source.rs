//! P5: where a target's memory, descriptors, threads and database are read, and by what it is known to be the same
//! process still.
//!
//! Never: guesses a figure that cannot be read, or adds up what two sources say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use golive_checklist::judge::{Scored, UnscoredReason};

use crate::ctx::Ctx;
use crate::proofs::m2_metrics::exposition::Exposition;
use crate::target::{Call, Credential};

/// Gauges of memory in use on the heap, as exporters of common runtimes call them: Go's client library, Node's
/// prom-client, Micrometer. What is free there is not counted, so that a collector's slack is no growth.
const HEAPS: &[&str] = &[
    "go_memstats_heap_inuse_bytes",
    "nodejs_heap_size_used_bytes",
    "jvm_memory_used_bytes",
];

/// The conventional names of the Prometheus client libraries.
const RESIDENT: &str = "process_resident_memory_bytes";
const DESCRIPTORS: &str = "process_open_fds";
const DESCRIPTORS_MAX: &str = "process_max_fds";
const THREADS: &[&str] = &["process_threads", "go_goroutines", "jvm_threads_live_threads"];
const STARTED: &str = "process_start_time_seconds";

/// No process is smaller: a gauge below it is in another unit, or of something else.
const SMALLEST: f64 = 64.0 * 1024.0;

/// Most files of a database that are added up; more is a pattern that matches too much.
const FILES_MAX: usize = 10_000;

/// What was read at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Figures {
    /// Bytes.
    pub(super) memory: f64,
    pub(super) descriptors: Option<f64>,
    pub(super) threads: Option<f64>,
    /// Bytes.
    pub(super) database: Option<f64>,
    /// Differs when it is another process.
    pub(super) process: Option<u64>,
}

/// The most of each that there may be, where that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Limits {
    pub(super) memory: Option<f64>,
    pub(super) descriptors: Option<f64>,
}

/// Where they are read.
#[derive(Debug, Clone)]
pub(super) struct Source {
    memory: Gauge,
    /// The metrics are read too.
    metrics: bool,
    pid_file: Option<PathBuf>,
    cgroup: Option<PathBuf>,
    database: Vec<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Gauge {
    Metric(String),
    Cgroup(PathBuf),
    Process,
    Command(Vec<String>),
}

impl Source {
    /// The first of the declared places that says something.
    ///
    /// # Errors
    /// What was tried and what it said, in words.
    pub(super) async fn find(ctx: &Ctx) -> Result<(Source, Figures, Limits), String> {
        let declared = &ctx.config.memory;
        let page = if ctx.config.metrics_url.is_some() {
            scrape(ctx).await
        } else {
            Err("no metrics_url".to_owned())
        };
        let named = |name: &str| page.as_ref().is_ok_and(|page| page.named(name).next().is_some());
        let mut gauges = Vec::new();
        gauges.extend(declared.metric.clone().map(Gauge::Metric));
        gauges.extend(
            HEAPS
                .iter()
                .copied()
                .find(|name| named(name))
                .map(|name| Gauge::Metric(name.to_owned())),
        );
        gauges.extend(declared.cgroup.clone().map(Gauge::Cgroup));
        gauges.extend(declared.pid_file.as_ref().map(|_| Gauge::Process));
        gauges.extend(named(RESIDENT).then(|| Gauge::Metric(RESIDENT.to_owned())));
        gauges.extend(declared.command.clone().map(Gauge::Command));
        let mut tried = Vec::new();
        for memory in gauges {
            let source = Source {
                memory,
                metrics: page.is_ok(),
                pid_file: declared.pid_file.clone(),
                cgroup: declared.cgroup.clone(),
                database: declared.database_files.clone(),
            };
            match source.read(ctx).await {
                Ok(figures) if figures.memory >= SMALLEST => {
                    let limits = source.limits(ctx, page.as_ref().ok());
                    return Ok((source, figures, limits));
                }
                Ok(figures) => tried.push(format!(
                    "{} says {} bytes, which no process is small enough for",
                    source.name(),
                    figures.memory
                )),
                Err(why) => tried.push(format!("{}: {why}", source.name())),
            }
        }
        if let Err(why) = page {
            tried.push(format!("metrics: {why}"));
        }
        Err(format!(
            "its memory cannot be read ({}); declare one of memory.pid_file, memory.cgroup, memory.metric and \
             memory.command",
            tried.join("; ")
        ))
    }

    /// What the report calls it.
    pub(super) fn name(&self) -> String {
        match &self.memory {
            Gauge::Metric(name) => format!("the metric {name}"),
            Gauge::Cgroup(path) => format!("the control group {}, less file cache", path.display()),
            Gauge::Process => "the process of memory.pid_file, proportional set size".to_owned(),
            Gauge::Command(_) => "the declared command".to_owned(),
        }
    }

    /// The kernel itself says it; a figure that never moves is believed from it and from nobody else.
    pub(super) fn is_kernel(&self) -> bool {
        matches!(self.memory, Gauge::Cgroup(_) | Gauge::Process)
    }

    /// Reads everything now.
    pub(super) async fn read(&self, ctx: &Ctx) -> Result<Figures, String> {
        let page = if self.metrics {
            Some(scrape(ctx).await?)
        } else {
            None
        };
        let gauge = |name: &str| page.as_ref().and_then(|page| sum(page, name));
        let pid = self.pid_file.as_deref().map(pid_of).transpose();
        let process = pid.as_ref().ok().copied().flatten();
        let memory = match &self.memory {
            Gauge::Metric(name) => gauge(name).ok_or_else(|| format!("the metrics have no {name}"))?,
            Gauge::Cgroup(path) => cgroup_memory(path)?,
            Gauge::Process => process_memory(pid?.ok_or("no pid_file is declared")?)?,
            Gauge::Command(words) => self.printed(ctx, words).await?,
        };
        let leader = process.or_else(|| self.cgroup.as_deref().and_then(oldest_of));
        Ok(Figures {
            memory,
            descriptors: process.and_then(descriptors_of).or_else(|| gauge(DESCRIPTORS)),
            threads: process
                .and_then(threads_of)
                .or_else(|| THREADS.iter().find_map(|name| gauge(name))),
            database: self.database_size().await,
            process: leader
                .and_then(|pid| Some(u64::from(pid) << 40 ^ started_of(pid)?))
                .or_else(|| gauge(STARTED).map(|seconds| (seconds * 100.0) as u64)),
        })
    }

    fn limits(&self, ctx: &Ctx, page: Option<&Exposition>) -> Limits {
        let declared = ctx.config.memory.limit.map(|size| size.0 as f64);
        let of_group = || number(&self.cgroup.as_ref()?.join("memory.max"));
        let pid = self.pid_file.as_deref().and_then(|path| pid_of(path).ok());
        Limits {
            memory: declared.or_else(of_group),
            descriptors: pid
                .and_then(descriptors_max_of)
                .or_else(|| sum(page?, DESCRIPTORS_MAX)),
        }
    }

    async fn printed(&self, ctx: &Ctx, words: &[String]) -> Result<f64, String> {
        let ran = ctx.run(words, &[]).await.map_err(|error| error.to_string())?;
        if !ran.ok {
            return Err(format!("it ended with {}", ran.ending));
        }
        let said = ran.said.split_whitespace().next().unwrap_or_default();
        said.parse()
            .ok()
            .filter(|bytes: &f64| bytes.is_finite() && *bytes >= 0.0)
            .ok_or_else(|| "it does not print a number of bytes".to_owned())
    }

    async fn database_size(&self) -> Option<f64> {
        if self.database.is_empty() {
            return None;
        }
        let patterns = self.database.clone();
        // Many files on a slow disk must not keep the sender waiting.
        let size = tokio::task::spawn_blocking(move || {
            let files = patterns
                .iter()
                .filter_map(|pattern| glob::glob(pattern.to_str()?).ok())
                .flatten()
                .flatten()
                .take(FILES_MAX);
            files
                .filter_map(|path| std::fs::metadata(path).ok())
                .filter(std::fs::Metadata::is_file)
                .map(|file| file.len())
                .sum::<u64>()
        });
        size.await
            .ok()
            .filter(|bytes| *bytes > 0)
            .map(|bytes| bytes as f64)
    }
}

async fn scrape(ctx: &Ctx) -> Result<Exposition, String> {
    let call = || Call::metrics().deadline(Duration::from_secs(10));
    let mut page = ctx.target.send(call()).await;
    if matches!(page.status(), Some(401 | 403)) {
        page = ctx.target.send(call().credential(Credential::Default)).await;
    }
    match &page.outcome {
        Scored::Scored(answer) if answer.status.is_success() && !answer.truncated => {
            Exposition::parse(&answer.text()).map_err(|error| error.to_string())
        }
        Scored::Unscored(UnscoredReason::OverBudget) => Err("the budget of requests is used up".to_owned()),
        _ => Err(page.in_short()),
    }
}

fn sum(page: &Exposition, name: &str) -> Option<f64> {
    let mut samples = page.named(name).map(|sample| sample.value).peekable();
    samples.peek()?;
    Some(samples.sum()).filter(|value: &f64| value.is_finite())
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn number(path: &Path) -> Option<f64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn pid_of(path: &Path) -> Result<u32, String> {
    text(path)?
        .trim()
        .parse()
        .map_err(|_| format!("{} does not hold the number of a process", path.display()))
}

fn proc(pid: u32, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{file}"))
}

/// Proportional set size where the kernel tells it, else resident memory.
fn process_memory(pid: u32) -> Result<f64, String> {
    let field = |file: &str, name: &str| {
        let text = std::fs::read_to_string(proc(pid, file)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kib * 1024.0)
    };
    field("smaps_rollup", "Pss:")
        .or_else(|| field("status", "VmRSS:"))
        .ok_or_else(|| format!("the process {pid} is not there, or may not be looked at"))
}

fn threads_of(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(proc(pid, "status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"))?;
    line.trim().parse().ok()
}

fn descriptors_of(pid: u32) -> Option<f64> {
    Some(std::fs::read_dir(proc(pid, "fd")).ok()?.count() as f64)
}

fn descriptors_max_of(pid: u32) -> Option<f64> {
    let limits = std::fs::read_to_string(proc(pid, "limits")).ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// When it started, in the kernel's ticks: the 22nd field, counted after the name, which may hold anything.
fn started_of(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(proc(pid, "stat")).ok()?;
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(19)?.parse().ok()
}

fn cgroup_memory(path: &Path) -> Result<f64, String> {
    let file = path.join("memory.current");
    let current = number(&file).ok_or_else(|| format!("cannot read {}", file.display()))?;
    let stat = text(&path.join("memory.stat"))?;
    let cache = stat.lines().find_map(|line| line.strip_prefix("file "));
    // Pages of files are given back when memory is short; they are no leak.
    let cache: f64 = cache.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0.0);
    Ok((current - cache).max(0.0))
}

/// The process of a control group that has run longest: workers may come and go.
fn oldest_of(path: &Path) -> Option<u32> {
    let pids = std::fs::read_to_string(path.join("cgroup.procs")).ok()?;
    let pids = pids.lines().filter_map(|line| line.trim().parse().ok());
    pids.filter_map(|pid| Some((started_of(pid)?, pid)))
        .min()
        .map(|(_, pid)| pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_read_from_the_kernel() {
        let pid = std::process::id();
        assert!(process_memory(pid).unwrap() > SMALLEST);
        assert!(threads_of(pid).unwrap() >= 1.0);
        assert!(descriptors_of(pid).unwrap() >= 3.0);
        assert!(descriptors_max_of(pid).unwrap() >= 64.0);
        assert!(started_of(pid).unwrap() > 0);
        assert!(process_memory(u32::MAX).is_err());
    }

    #[test]
    fn a_control_group_is_read_without_the_files_it_caches() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("memory.current"), "5000000\n").unwrap();
        std::fs::write(
            folder.path().join("memory.stat"),
            "anon 3000000\nfile 1500000\nfile_mapped 7\n",
        )
        .unwrap();
        assert_eq!(cgroup_memory(folder.path()), Ok(3_500_000.0));
        assert!(cgroup_memory(Path::new("/nonexistent")).is_err());
    }
}
