//! The first 24 hours after a launch: four phases, and when to look.
//!
//! Never: reads a clock. The time since launch is handed in, so a watch that was restarted goes on where it was.

use std::time::Duration;

/// The four phases of the watch, without gap or overlap, from the launch to its 24th hour.
pub const PHASES: [WatchPhase; 4] = [
    // "Continuous" in the checklist: a minute is the shortest span over which an error rate says anything.
    WatchPhase {
        name: "hour 0 to 1, continuous",
        from: hours(0),
        to: hours(1),
        every: minutes(1),
    },
    WatchPhase {
        name: "hour 1 to 4, every 15 min",
        from: hours(1),
        to: hours(4),
        every: minutes(15),
    },
    WatchPhase {
        name: "hour 4 to 12, hourly",
        from: hours(4),
        to: hours(12),
        every: hours(1),
    },
    WatchPhase {
        name: "hour 12 to 24, every 4 h",
        from: hours(12),
        to: hours(24),
        every: hours(4),
    },
];

/// One phase of the watch. Its ticks fall at `from + every`, `from + 2 × every`, … up to and including `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchPhase {
    /// For people.
    pub name: &'static str,
    /// Begin, since launch, included.
    pub from: Duration,
    /// End, since launch, excluded; the next phase begins there.
    pub to: Duration,
    /// Time between two ticks. Divides the phase without remainder.
    pub every: Duration,
}

/// The phase at this time since launch; none once the watch is over.
pub fn phase_at(since_launch: Duration) -> Option<&'static WatchPhase> {
    PHASES.iter().find(|phase| since_launch < phase.to)
}

/// The first tick strictly after this time since launch; none once the watch is over.
pub fn next_tick(since_launch: Duration) -> Option<Duration> {
    let phase = phase_at(since_launch)?;
    let done = (since_launch - phase.from).as_nanos() / phase.every.as_nanos();
    // At most 60 ticks lie in a phase, so the count fits.
    Some(phase.from + phase.every * (u32::try_from(done).ok()? + 1))
}

/// Every tick of the watch, since launch, in order.
pub fn ticks() -> impl Iterator<Item = Duration> {
    std::iter::successors(next_tick(Duration::ZERO), |tick| next_tick(*tick))
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

const fn hours(count: u64) -> Duration {
    minutes(count * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_follow_each_other_without_gap_or_overlap_for_24_hours() {
        assert_eq!(PHASES[0].from, Duration::ZERO);
        assert_eq!(PHASES[3].to, hours(24));
        for pair in PHASES.windows(2) {
            assert_eq!(pair[0].to, pair[1].from);
        }
        for phase in PHASES {
            assert_eq!((phase.to - phase.from).as_nanos() % phase.every.as_nanos(), 0);
        }
    }

    #[test]
    fn looks_60_then_12_then_8_then_3_times_and_last_when_the_day_is_over() {
        let ticks: Vec<_> = ticks().collect();
        let in_phase = |phase: &WatchPhase| {
            ticks
                .iter()
                .filter(|t| **t > phase.from && **t <= phase.to)
                .count()
        };
        assert_eq!(PHASES.iter().map(in_phase).collect::<Vec<_>>(), [60, 12, 8, 3]);
        assert_eq!(ticks.last(), Some(&hours(24)));
        assert!(ticks.is_sorted());
    }

    #[test]
    fn a_restarted_watch_goes_on_with_the_next_tick() {
        assert_eq!(next_tick(Duration::from_millis(90_500)), Some(minutes(2)));
        assert_eq!(next_tick(minutes(60)), Some(minutes(75)));
        assert_eq!(next_tick(minutes(61)), Some(minutes(75)));
        assert_eq!(next_tick(hours(23)), Some(hours(24)));
    }

    #[test]
    fn after_24_hours_there_is_nothing_to_look_at() {
        assert_eq!(phase_at(hours(24)), None);
        assert_eq!(next_tick(hours(24)), None);
        assert_eq!(next_tick(Duration::MAX), None);
    }
}
