//! P1: where the driver gets its time from. [`WallClock`] for real load, [`VirtualClock`] (tokio's, which a test
//! can pause) for tests.
//!
//! Tokio's timer wakes up to a millisecond late, always late and never early: on a 50 ms target that alone is
//! 2 % of every latency. [`WallClock`] therefore leaves the last stretch before a send to a thread that sleeps
//! on a condition variable, which the kernel wakes within tens of microseconds, and spins nowhere: a generator
//! that spins looks busy, and could not tell when it really is.
//!
//! Never: read by the pure parts; they are handed the time.

use std::future::Future;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Time since the clock was made, and how to wait for it.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Time since the clock was made. Never goes back.
    fn now(&self) -> Duration;
    /// Waits until [`Clock::now`] has reached `at`. One waiter at a time: the driver.
    fn sleep_until(&self, at: Duration) -> impl Future<Output = ()> + Send;
    /// Processor time the generator has used so far, as a share of what it may use: one second for each second
    /// of the wall means that it is fully busy. `None`: cannot be read here.
    fn busy(&self) -> Option<Duration>;
}

/// Tokio's clock: runs with the paused time of a test. Computing takes no time on it, so it is never busy.
#[derive(Debug, Clone, Copy)]
pub struct VirtualClock {
    start: tokio::time::Instant,
}

impl VirtualClock {
    /// Starts at zero now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that drivers are handed"
    )]
    pub fn new() -> Self {
        Self {
            start: tokio::time::Instant::now(),
        }
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep_until(&self, at: Duration) {
        tokio::time::sleep_until(self.start + at).await;
    }

    fn busy(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

/// The system's monotonic clock, with sends on time to tens of microseconds.
#[derive(Debug, Clone)]
pub struct WallClock {
    start: Instant,
    busy: Busy,
    pacer: Arc<Pacer>,
}

/// Whose processor time counts as the generator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// The calling thread's: for a generator alone on its own thread ([`crate::thread`]).
    Thread,
    /// The whole process', spread over the cores it may use: for a generator inside a larger runtime.
    Process,
}

impl WallClock {
    /// Starts at zero now, with a pacing thread that ends when the last clone is dropped.
    ///
    /// # Errors
    /// When the system gives no thread.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that drivers are handed"
    )]
    pub fn new(busy: Busy) -> std::io::Result<Self> {
        Ok(Self {
            start: Instant::now(),
            busy,
            pacer: Pacer::start()?,
        })
    }
}

impl Clock for WallClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep_until(&self, at: Duration) {
        let now = self.now();
        if at > now + COARSE {
            tokio::time::sleep(at - now - COARSE).await;
        }
        while self.now() < at {
            let due = self.pacer.due.notified();
            self.pacer.arm(self.start + at);
            due.await; // a permit left over from an earlier wait only costs one more turn
        }
    }

    fn busy(&self) -> Option<Duration> {
        cpu(self.busy)
    }
}

/// From here on tokio's timer is too coarse: its millisecond, twice, and one for a late thread.
const COARSE: Duration = Duration::from_millis(3);

/// How soon the pacing thread notices that its clock is gone.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug)]
struct Pacer {
    order: Mutex<Order>,
    changed: Condvar,
    due: Notify,
}

#[derive(Debug, Default)]
struct Order {
    at: Option<Instant>,
    /// The thread waits without a time: it must be told of a new one.
    idle: bool,
}

impl Pacer {
    fn start() -> std::io::Result<Arc<Self>> {
        let pacer = Arc::new(Self {
            order: Mutex::default(),
            changed: Condvar::new(),
            due: Notify::new(),
        });
        // The thread holds the pacer only weakly between two looks, so that the last clock can end it.
        let weak = Arc::downgrade(&pacer);
        std::thread::Builder::new()
            .name("golive-pacer".into())
            .spawn(move || {
                while let Some(pacer) = weak.upgrade() {
                    pacer.turn();
                }
            })?;
        Ok(pacer)
    }

    fn arm(&self, at: Instant) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let sooner = order.at.is_some_and(|old| at < old);
        order.at = Some(at);
        if order.idle || sooner {
            self.changed.notify_one();
        }
    }

    /// One wait of the thread. Bounded, so that a clock dropped meanwhile is noticed.
    #[expect(clippy::disallowed_methods, reason = "the pacing thread is part of the clock")]
    fn turn(&self) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = order.at else {
            order.idle = true;
            let waited = self.changed.wait_timeout(order, LOOK);
            waited.unwrap_or_else(PoisonError::into_inner).0.idle = false;
            return;
        };
        let now = Instant::now();
        if at <= now {
            order.at = None;
            drop(order);
            self.due.notify_one();
            return;
        }
        let left = (at - now).min(LOOK);
        drop(
            self.changed
                .wait_timeout(order, left)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }
}

fn cpu(whose: Busy) -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    let (id, cores) = match whose {
        Busy::Thread => (ClockId::ThreadCPUTime, 1),
        Busy::Process => (
            ClockId::ProcessCPUTime,
            u32::try_from(std::thread::available_parallelism().ok()?.get()).ok()?,
        ),
    };
    let used = clock_gettime(id);
    let used = Duration::new(
        u64::try_from(used.tv_sec).ok()?,
        u32::try_from(used.tv_nsec).ok()?,
    );
    Some(used / cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_wall_clock_never_wakes_early() {
        let clock = WallClock::new(Busy::Process).unwrap();
        for ms in [0, 1, 4, 9] {
            let at = clock.now() + Duration::from_millis(ms);
            clock.sleep_until(at).await;
            assert!(clock.now() >= at);
        }
    }

    #[tokio::test]
    async fn processor_time_is_read_for_a_thread_and_for_the_process() {
        for whose in [Busy::Thread, Busy::Process] {
            let clock = WallClock::new(whose).unwrap();
            let before = clock.busy().unwrap();
            let sum: u64 = (0..3_000_000_u64).map(std::hint::black_box).sum();
            assert!(sum > 0 && clock.busy().unwrap() > before);
        }
    }
}
