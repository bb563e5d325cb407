//! What the kernel counts of other processes, read from `/proc`: processor time, memory, open files.
//!
//! Never: estimates. Where the kernel does not say, the measurement fails with a word.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Failed;

/// Open files for a thousand streams through a proxy, at both ends, with room to spare.
const OPEN_FILES: u64 = 16_384;

/// Processor time of some processes at one moment.
#[derive(Debug)]
pub struct CpuReading {
    /// By process and thread, nanoseconds on a processor.
    threads: BTreeMap<(u32, u32), u64>,
    /// User and system time of the processes, threads that ended included; in clock ticks.
    ticks: u64,
}

impl CpuReading {
    /// Reads it for these processes and their children (nginx works in a child).
    pub fn take(root: u32) -> Result<Self, Failed> {
        let (mut threads, mut ticks) = (BTreeMap::new(), 0);
        for process in family(root)? {
            ticks += ticks_of(process)?;
            for thread in numbers(&format!("/proc/{process}/task"))? {
                // A thread may end while the list is read; its time is in the ticks.
                if let Ok(line) = fs::read_to_string(format!("/proc/{process}/task/{thread}/schedstat"))
                    && let Some(ns) = line.split(' ').next().and_then(|ns| ns.parse().ok())
                {
                    threads.insert((process, thread), ns);
                }
            }
        }
        Ok(Self { threads, ticks })
    }

    /// What was used between this reading and a later one. From the threads' nanoseconds; from the processes' ticks
    /// if a thread ended in between or the kernel does not count the threads.
    pub fn until(&self, later: &Self) -> Duration {
        let same = self.threads.keys().all(|key| later.threads.contains_key(key));
        if same && !later.threads.is_empty() {
            let used = later.threads.iter().map(|(key, ns)| {
                let before = self.threads.get(key).copied().unwrap_or(0);
                ns.saturating_sub(before)
            });
            return Duration::from_nanos(used.sum());
        }
        let ticks = later.ticks.saturating_sub(self.ticks);
        Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }
}

/// Processor time of this process and of all children that have ended, in clock ticks.
pub fn own_ticks() -> Result<u64, Failed> {
    let text = read("/proc/self/stat")?;
    let fields = stat_fields(&text).skip(11).take(4); // 14 to 17
    Ok(fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum())
}

/// Resident memory of one process, KiB.
pub fn resident_kib(process: u32) -> Result<u64, Failed> {
    status_kib(process, "VmRSS")
}

/// The most that it ever was, KiB.
pub fn resident_most_kib(process: u32) -> Result<u64, Failed> {
    status_kib(process, "VmHWM")
}

/// How many files a process has open, sockets included.
pub fn open_files(process: u32) -> Result<usize, Failed> {
    Ok(numbers(&format!("/proc/{process}/fd"))?.len())
}

/// Allows this process, and those that it starts, the open files that the streams need.
pub fn raise_open_files() -> Result<(), Failed> {
    let now = getrlimit(Resource::Nofile);
    let wanted = now
        .maximum
        .map_or(OPEN_FILES, |maximum| maximum.min(OPEN_FILES))
        .max(now.current.unwrap_or(OPEN_FILES));
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(wanted),
            maximum: now.maximum,
        },
    )
    .map_err(|error| format!("cannot raise the limit of open files: {error}").into())
}

fn status_kib(process: u32, name: &str) -> Result<u64, Failed> {
    let text = read(&format!("/proc/{process}/status"))?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value
        .and_then(|value| value.trim().strip_suffix("kB")?.trim().parse().ok())
        .ok_or_else(|| format!("the kernel does not tell {name} of process {process}").into())
}

/// A process and its children, as they are now.
fn family(root: u32) -> Result<Vec<u32>, Failed> {
    let mut all = vec![root];
    for process in numbers("/proc")? {
        if parent(process) == Some(root) {
            all.push(process);
        }
    }
    Ok(all)
}

/// Field 4 of `stat`; `None`: it has ended.
fn parent(process: u32) -> Option<u32> {
    stat_fields(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
        .nth(1)?
        .parse()
        .ok()
}

/// Fields 14 and 15 of `stat`.
fn ticks_of(process: u32) -> Result<u64, Failed> {
    let text = read(&format!("/proc/{process}/stat"))?;
    let mut fields = stat_fields(&text).skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    match (next(), next()) {
        (Some(user), Some(system)) => Ok(user + system),
        _ => Err(format!("the kernel does not tell the processor time of process {process}").into()),
    }
}

/// From field 3 on: the name before it may hold anything, a closing parenthesis too.
fn stat_fields(text: &str) -> impl Iterator<Item = &str> {
    let rest = text.rsplit_once(") ").map_or("", |(_, rest)| rest);
    rest.split_ascii_whitespace()
}

/// The entries of a folder whose names are numbers.
fn numbers(folder: &str) -> Result<Vec<u32>, Failed> {
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read {folder}: {error}"))?;
    Ok(entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect())
}

fn read(file: &str) -> Result<String, Failed> {
    fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_a_name_that_holds_parentheses() {
        let text = "7 (a) b) S 3 7 7 0 -1 0 9 0 0 0 12 34 0 0 20";
        assert_eq!(stat_fields(text).nth(1), Some("3"));
        assert_eq!(stat_fields(text).nth(11), Some("12"));
    }

    #[test]
    fn time_of_threads_that_were_born_in_between_counts_whole() {
        let before = CpuReading {
            threads: BTreeMap::from([((1, 1), 5_000)]),
            ticks: 0,
        };
        let after = CpuReading {
            threads: BTreeMap::from([((1, 1), 6_000), ((1, 2), 500)]),
            ticks: 0,
        };
        assert_eq!(before.until(&after), Duration::from_nanos(1_500));
    }

    #[test]
    fn ticks_count_where_a_thread_has_ended() {
        let before = CpuReading {
            threads: BTreeMap::from([((1, 1), 5_000), ((1, 2), 9_000)]),
            ticks: 10,
        };
        let after = CpuReading {
            threads: BTreeMap::from([((1, 1), 6_000)]),
            ticks: 10 + rustix::param::clock_ticks_per_second(),
        };
        assert_eq!(before.until(&after), Duration::from_secs(1));
    }

    #[test]
    fn this_process_can_be_read() {
        let me = std::process::id();
        let before = CpuReading::take(me).unwrap();
        assert!(resident_kib(me).unwrap() > 100);
        assert!(resident_most_kib(me).unwrap() >= resident_kib(me).unwrap() / 2);
        assert!(open_files(me).unwrap() >= 3);
        before.until(&CpuReading::take(me).unwrap());
    }
}
