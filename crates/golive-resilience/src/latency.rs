//! P3, E4, E5: a running mean of how long something takes: enough to compare links and to guess the wait in a queue.
//!
//! Never: is a figure to show to anyone; percentiles come from histograms.

use std::time::Duration;

/// The share of a new observation is one in so many: the last ten or so decide.
const MEMORY: i64 = 8;

/// The running mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    mean_us: Option<i64>,
}

impl Latency {
    /// Takes one observation in. Where links are compared, only what went well should be observed: failures are often
    /// fast, and would make what fails look quick.
    pub fn observe(&mut self, took: Duration) {
        let took = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        self.mean_us = Some(match self.mean_us {
            None => took,
            // Rounded away from the mean, so that it arrives and does not stop a few microseconds short.
            Some(mean) => {
                let step = (took - mean) / MEMORY;
                mean + if step == 0 { (took - mean).signum() } else { step }
            }
        });
    }

    /// The mean; `None` before the first observation.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        self.mean_us.map(|us| Duration::from_micros(us.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_observation_is_the_mean_and_the_last_few_decide() {
        let mut latency = Latency::default();
        assert_eq!(latency.mean(), None);
        latency.observe(Duration::from_millis(800));
        assert_eq!(latency.mean(), Some(Duration::from_millis(800)));
        latency.observe(Duration::ZERO);
        assert_eq!(latency.mean(), Some(Duration::from_millis(700)));
        for _ in 0..60 {
            latency.observe(Duration::from_millis(100));
        }
        let mean = latency.mean().unwrap();
        assert!(mean < Duration::from_millis(101), "{mean:?}");
    }

    #[test]
    fn it_arrives_at_a_constant_and_survives_extremes() {
        let mut latency = Latency::default();
        latency.observe(Duration::MAX);
        latency.observe(Duration::ZERO);
        for _ in 0..2_000 {
            latency.observe(Duration::from_micros(5));
        }
        assert_eq!(latency.mean(), Some(Duration::from_micros(5)));
    }
}
