//! S5: when something fetched from elsewhere (an issuer's keys) is fetched again.
//!
//! Ahead of time and with jitter while all is well; soon, then ever more seldom, after a failure; at once, but not
//! more often than the cool-down allows, when somebody asks for what is not there yet. One flight at a time.
//!
//! Never: fetches, or forgets what was fetched: how long the last good set may be used is its holder's to judge.

use std::time::Duration;

use crate::Tick;

/// The least and most a source's own word on its lifetime is followed.
pub const LIFETIME: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(24 * 3600));
/// The lifetime where the source says none.
pub const LIFETIME_UNSAID: Duration = Duration::from_secs(3600);
/// Between two fetches that were asked for.
pub const COOL_DOWN: Duration = Duration::from_secs(60);

const RETRY_FIRST: Duration = Duration::from_secs(2);
const RETRY_LONGEST: Duration = Duration::from_secs(300);

/// The schedule of one source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refresh {
    longest: Option<Duration>,
    next: Tick,
    asked_at: Option<Tick>,
    failures: u32,
    in_flight: bool,
}

impl Refresh {
    /// A schedule that fetches anew after `longest` at the latest, whatever the source says of the lifetime.
    #[must_use]
    pub fn at_least_every(longest: Option<Duration>) -> Self {
        Self {
            longest,
            ..Self::default()
        }
    }

    /// Whether a fetch is to begin now. If so, it counts as begun.
    pub fn begin(&mut self, now: Tick) -> bool {
        let begins = !self.in_flight && now >= self.next;
        self.in_flight |= begins;
        begins
    }

    /// Somebody needs what the last fetch did not bring. Returns whether waiting for a fetch makes sense: one is in
    /// flight, or will begin with the next [`Refresh::begin`].
    pub fn ask(&mut self, now: Tick) -> bool {
        if self.in_flight {
            return true;
        }
        if self.asked_at.is_some_and(|asked| now.since(asked) < COOL_DOWN) {
            return false;
        }
        self.asked_at = Some(now);
        self.next = self.next.min(now);
        true
    }

    /// The fetch brought something that may be used for `lifetime`. `jitter` is any number.
    pub fn succeeded(&mut self, lifetime: Option<Duration>, jitter: u8, now: Tick) {
        let lifetime = lifetime.unwrap_or(LIFETIME_UNSAID).clamp(LIFETIME.0, LIFETIME.1);
        let lifetime = self.longest.map_or(lifetime, |longest| lifetime.min(longest));
        // Between 70 and 90 % of the lifetime: ahead of its end, and not all processes at once.
        let share = 700 + u32::from(jitter) * 200 / 255;
        self.next = now.plus(lifetime * share / 1000);
        self.failures = 0;
        self.in_flight = false;
    }

    /// The fetch failed. The next wait is up to twice as long, and at most five minutes.
    pub fn failed(&mut self, jitter: u8, now: Tick) {
        let wait = RETRY_FIRST
            .saturating_mul(1 << self.failures.min(10))
            .min(self.longest.unwrap_or(RETRY_LONGEST).max(RETRY_FIRST))
            .min(RETRY_LONGEST);
        let share = 750 + u32::from(jitter) * 250 / 255;
        self.next = now.plus(wait * share / 1000);
        self.failures = self.failures.saturating_add(1);
        self.in_flight = false;
    }

    /// Failed fetches since the last good one.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Tick = Tick(1_000_000_000_000);

    #[test]
    fn one_flight_at_a_time_and_the_next_ahead_of_the_end() {
        let mut refresh = Refresh::default();
        assert!(refresh.begin(NOW) && !refresh.begin(NOW));
        refresh.succeeded(None, 255, NOW);
        let end = NOW.plus(LIFETIME_UNSAID);
        assert!(!refresh.begin(NOW.plus(LIFETIME_UNSAID * 6 / 10)));
        assert!(refresh.begin(NOW.plus(LIFETIME_UNSAID * 9 / 10)));
        assert!(end.since(NOW) == LIFETIME_UNSAID);
    }

    #[test]
    fn who_asks_again_within_the_cool_down_gets_nothing_new() {
        let mut refresh = Refresh::default();
        refresh.begin(NOW);
        assert!(refresh.ask(NOW), "one is in flight");
        refresh.succeeded(None, 0, NOW);
        let soon = NOW.plus(Duration::from_secs(1));
        assert!(refresh.ask(soon) && refresh.begin(soon));
        refresh.succeeded(None, 0, soon);
        for second in 2..61 {
            let at = NOW.plus(Duration::from_secs(second));
            assert!(!refresh.ask(at) && !refresh.begin(at), "{second}");
        }
        let later = soon.plus(COOL_DOWN);
        assert!(refresh.ask(later) && refresh.begin(later));
    }

    #[test]
    fn a_source_that_is_down_is_asked_ever_more_seldom_and_at_least_every_five_minutes() {
        let mut refresh = Refresh::default();
        let (mut now, mut fetches) = (NOW, 0);
        while now.since(NOW) < Duration::from_secs(3600) {
            if refresh.begin(now) {
                fetches += 1;
                refresh.failed(255, now);
            }
            now = now.plus(Duration::from_secs(1));
        }
        assert!((15..25).contains(&fetches), "{fetches}");
        assert!(refresh.failures() > 10);
    }

    #[test]
    fn an_operator_who_wants_news_sooner_gets_it_sooner() {
        let mut refresh = Refresh::at_least_every(Some(Duration::from_secs(3)));
        refresh.begin(NOW);
        refresh.succeeded(Some(Duration::from_secs(3600)), 255, NOW);
        assert!(!refresh.begin(NOW.plus(Duration::from_secs(2))));
        assert!(refresh.begin(NOW.plus(Duration::from_secs(3))));
    }

    proptest! {
        #[test]
        fn whatever_a_source_says_of_its_lifetime_is_kept_in_bounds(said in 0_u64..u64::MAX / 2, jitter in any::<u8>()) {
            let mut refresh = Refresh::default();
            refresh.begin(NOW);
            refresh.succeeded(Some(Duration::from_secs(said)), jitter, NOW);
            prop_assert!(!refresh.begin(NOW.plus(LIFETIME.0 * 6 / 10)));
            prop_assert!(refresh.begin(NOW.plus(LIFETIME.1)));
        }
    }
}
