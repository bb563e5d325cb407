//! M2, P5: figures of the process itself, in OpenMetrics text beside the gateway's own.

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
    }
}
