//! M1 M2: when to try a failing database again. Pure: `now` is handed in.
//!
//! Never: sleeps or reads a clock.

use std::time::{Duration, Instant};

use crate::DatabaseHealth;

/// First pause after a failure: long enough not to spin, short enough that a hiccup is over unseen.
const FIRST: Duration = Duration::from_millis(100);
/// Longest pause: health must be seen to heal within seconds.
const LONGEST: Duration = Duration::from_secs(2);

/// Whether the database is out, and when to ask it again.
#[derive(Default)]
pub(super) struct Outage(Option<Down>);

struct Down {
    since_us: i64,
    error: String,
    pause: Duration,
    again: Instant,
}

impl Outage {
    pub(super) fn is_down(&self) -> bool {
        self.0.is_some()
    }

    /// A write failed at `now`. The pause doubles with each failure in a row.
    pub(super) fn failed(&mut self, error: String, now: Instant, now_us: i64) {
        let (since_us, pause) = match &self.0 {
            Some(down) => (down.since_us, (down.pause * 2).min(LONGEST)),
            None => (now_us, FIRST),
        };
        self.0 = Some(Down {
            since_us,
            error,
            pause,
            again: now + pause,
        });
    }

    /// A part of the recovery worked: go on at once, and begin with short pauses if it fails again.
    pub(super) fn progressed(&mut self, now: Instant) {
        if let Some(down) = &mut self.0 {
            (down.pause, down.again) = (FIRST, now);
        }
    }

    pub(super) fn mended(&mut self) {
        self.0 = None;
    }

    /// When to try again, if it is down.
    pub(super) fn again(&self) -> Option<Instant> {
        self.0.as_ref().map(|down| down.again)
    }

    pub(super) fn health(&self) -> DatabaseHealth {
        match &self.0 {
            None => DatabaseHealth::Up,
            Some(down) => DatabaseHealth::Down {
                since_us: down.since_us,
                error: down.error.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test needs some instant to begin with"
    )]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_progress() {
        let start = Instant::now();
        let mut outage = Outage::default();
        let mut pauses = Vec::new();
        for _ in 0..7 {
            outage.failed("full".into(), start, 5);
            pauses.push((outage.again().unwrap() - start).as_millis());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(
            outage.health(),
            DatabaseHealth::Down {
                since_us: 5,
                error: "full".into()
            }
        );
        outage.progressed(start);
        assert_eq!(outage.again(), Some(start));
        outage.mended();
        assert!(!outage.is_down());
    }
}
