//! The twin's rate limit: a log of instants per user, that slides.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[derive(Default)]
pub struct Limits(Mutex<HashMap<String, VecDeque<Instant>>>);

impl Limits {
    /// Counts a request, or says how long to wait. What is refused is not counted.
    pub fn count(&self, who: String, limit: u32, period: Duration) -> Option<Duration> {
        #[expect(clippy::disallowed_methods, reason = "a server of the tests, in real time")]
        let now = Instant::now();
        let mut logs = self.0.lock().unwrap();
        let log = logs.entry(who).or_default();
        while log.front().is_some_and(|at| now.duration_since(*at) >= period) {
            log.pop_front();
        }
        if log.len() < limit as usize {
            log.push_back(now);
            return None;
        }
        log.front()
            .map(|at| period.saturating_sub(now.duration_since(*at)))
    }
}
