//! The twin's rate limit: a log of instants per user, that slides, and one of everybody.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Default)]
pub struct Limits {
    sliding: Mutex<HashMap<String, VecDeque<Instant>>>,
    fixed: Mutex<HashMap<(String, u128), u32>>,
}

impl Limits {
    /// Counts a request in all these, or says how long to wait. What is refused is not counted.
    pub fn count(&self, limits: &[(String, u32)], period: Duration) -> Option<Duration> {
        #[expect(clippy::disallowed_methods, reason = "a server of the tests, in real time")]
        let now = Instant::now();
        let mut logs = self.sliding.lock().unwrap();
        let mut wait = None;
        for (who, limit) in limits {
            let log = logs.entry(who.clone()).or_default();
            while log.front().is_some_and(|at| now.duration_since(*at) >= period) {
                log.pop_front();
            }
            if log.len() >= *limit as usize {
                let own = log
                    .front()
                    .map(|at| period.saturating_sub(now.duration_since(*at)));
                wait = wait.max(own);
            }
        }
        if wait.is_none() {
            for (who, _) in limits {
                logs.entry(who.clone()).or_default().push_back(now);
            }
        }
        wait
    }

    /// Counts it in a window that begins with the clock's full period and forgets all at its end.
    pub fn count_fixed(&self, who: String, limit: u32, period: Duration) -> Option<Duration> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let mut counts = self.fixed.lock().unwrap();
        let count = counts.entry((who, now / period.as_nanos())).or_default();
        if *count < limit {
            *count += 1;
            return None;
        }
        let left = period.as_nanos() - now % period.as_nanos();
        Some(Duration::from_nanos(u64::try_from(left).unwrap()))
    }
}
