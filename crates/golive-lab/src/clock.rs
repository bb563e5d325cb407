//! The lab's one clock: microseconds since its start.

use std::time::Instant;

/// Reads the time. A driver's: everything pure takes microseconds as an argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the lab's only reading of the clock")]
    pub(crate) fn start() -> Self {
        Clock(Instant::now())
    }

    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
