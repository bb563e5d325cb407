//! M2, P5: figures of the process itself, in OpenMetrics text beside the gateway's own: memory, start, descriptors,
//! threads.
//!
//! Never: says zero for what the system will not say.

use std::fmt::Write;
use std::sync::Mutex;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Reads this process's memory and start time when asked.
pub(crate) struct Process {
    system: Mutex<System>,
    pid: Pid,
}

impl Process {
    /// A reader, if the system lets itself be read.
    pub(crate) fn new() -> Option<Self> {
        Some(Self {
            system: Mutex::new(System::new().ok()?),
            pid: Pid::from_u32(std::process::id()),
        })
    }

    /// Appends the figures; leaves them out where the system will not say.
    pub(crate) fn write_to(&self, out: &mut String) {
        let mut system = self
            .system
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let only = ProcessesToUpdate::Some(&[self.pid]);
        let _ = system.refresh_processes_specifics(
            only,
            false,
            ProcessRefreshKind::nothing().with_memory().with_cpu(),
        );
        let Some(process) = system.process(self.pid) else {
            return;
        };
        // Writing into a string cannot fail.
        let _ = write!(
            out,
            "# HELP process_resident_memory_bytes Resident memory.\n\
             # TYPE process_resident_memory_bytes gauge\n\
             # UNIT process_resident_memory_bytes bytes\n\
             process_resident_memory_bytes {}\n\
             # HELP process_start_time_seconds When the process started, in Unix time.\n\
             # TYPE process_start_time_seconds gauge\n\
             # UNIT process_start_time_seconds seconds\n\
             process_start_time_seconds {}\n",
            process.memory(),
            process.start_time(),
        );
        for (name, help, value) in [
            ("process_open_fds", "Open file descriptors.", open_files()),
            (
                "process_max_fds",
                "The most file descriptors it may open.",
                most_files(),
            ),
            ("process_threads", "Threads.", threads()),
        ] {
            if let Some(value) = value {
                let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
            }
        }
    }
}

/// Counted in the kernel's own listing; less the one that reads it.
fn open_files() -> Option<u64> {
    let listed = std::fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(listed.saturating_sub(1)).ok()
}

/// The soft limit; none where there is none.
fn most_files() -> Option<u64> {
    field("/proc/self/limits", "Max open files")
}

fn threads() -> Option<u64> {
    field("/proc/self/status", "Threads:")
}

/// The first number behind a name in a file of the kernel. `None` elsewhere than on Linux.
fn field(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn descriptors_and_threads_stand_beside_memory() {
        let mut page = String::new();
        Process::new().unwrap().write_to(&mut page);
        for name in [
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_max_fds",
            "process_threads",
        ] {
            let value = page
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            assert!(
                value.is_some_and(|value| value.parse::<u64>().is_ok_and(|value| value > 0)),
                "{name}: {page}"
            );
        }
    }
}
