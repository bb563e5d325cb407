//! P5: what a growth means: how long it takes to the limit, and whether that is soon. Pure.
//!
//! Never: passes on the middle of an interval. How soon is read from its upper end.

use serde::Serialize;

use super::{Call, Growth};

/// A limit that is reached within this many days fails: the service would end on the third night.
pub const FAIL_DAYS: f64 = 3.0;
/// One that is reached within this many warns: it would end before the next release of many teams.
pub const WARN_DAYS: f64 = 14.0;
/// Without a known limit: this share of the level a day fails…
pub const FAIL_SHARE: f64 = 0.25;
/// …and this one warns.
pub const WARN_SHARE: f64 = 0.05;

/// Growth a day that is too much.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lines {
    /// Above it: a fail.
    pub fail_per_day: f64,
    /// Above it: a warning. Not above `fail_per_day`.
    pub warn_per_day: f64,
}

impl Lines {
    /// By the time to a limit: 72 h and 14 days from where it stands.
    #[must_use]
    pub fn towards(limit: f64, level: f64) -> Lines {
        let room = (limit - level).max(0.0);
        Lines {
            fail_per_day: room / FAIL_DAYS,
            warn_per_day: room / WARN_DAYS,
        }
    }

    /// By the share of where it stands: 25 % and 5 % a day, but never less than `floor` and a fifth of it: three
    /// descriptors more than twelve are no leak.
    #[must_use]
    pub fn relative(level: f64, floor: f64) -> Lines {
        Lines {
            fail_per_day: (level * FAIL_SHARE).max(floor),
            warn_per_day: (level * WARN_SHARE).max(floor / 5.0),
        }
    }
}

/// What a growth comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlook {
    /// It does not grow by as much as would warn.
    Well,
    /// It grows by less than would fail; more cannot be said for it.
    Slow,
    /// The series does not show whether it grows by as much as would fail.
    Undecided,
    /// It grows by more than that, or there is no room left.
    Fails,
}

/// Holds a growth against its lines.
#[must_use]
pub fn outlook(growth: &Growth, lines: &Lines) -> Outlook {
    if lines.fail_per_day <= 0.0 {
        return Outlook::Fails;
    }
    match (growth.call(lines.fail_per_day), growth.call(lines.warn_per_day)) {
        (Call::Grows, _) => Outlook::Fails,
        (Call::Flat, Call::Flat) => Outlook::Well,
        (Call::Flat, _) => Outlook::Slow,
        (Call::Undecided, _) => Outlook::Undecided,
    }
}

/// Days until `limit` is reached from `level` at the upper end of the growth; `None`: it does not grow.
#[must_use]
pub fn days_until(limit: f64, growth: &Growth) -> Option<f64> {
    let per_day = growth.slope.upper;
    (per_day > 0.0).then(|| ((limit - growth.level) / per_day).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trend::{Point, WARM_UP};

    fn growing(per_day: f64) -> Growth {
        let points: Vec<Point> = (0..2_880)
            .map(|n| Point {
                at_s: f64::from(n) * 30.0,
                value: 200.0 + per_day * f64::from(n) / 2_880.0,
            })
            .collect();
        Growth::of(&points, WARM_UP).unwrap()
    }

    #[test]
    fn seventy_two_hours_to_the_limit_fail_and_fourteen_days_warn() {
        // 300 of room: 100 a day is three days, 21.4 a day is fourteen.
        for (per_day, want) in [
            (120.0, Outlook::Fails),
            (60.0, Outlook::Slow),
            (10.0, Outlook::Well),
        ] {
            let growth = growing(per_day);
            let lines = Lines::towards(growth.level + 300.0, growth.level);
            assert_eq!(outlook(&growth, &lines), want, "{per_day} a day");
            let days = days_until(growth.level + 300.0, &growth).unwrap();
            assert!((days - 300.0 / per_day).abs() < 0.1, "{days}");
        }
        assert_eq!(days_until(1e9, &growing(0.0)), None);
    }

    #[test]
    fn without_a_limit_a_quarter_a_day_fails_and_a_twentieth_warns() {
        for (per_day, want) in [
            (90.0, Outlook::Fails),
            (30.0, Outlook::Slow),
            (5.0, Outlook::Well),
        ] {
            let growth = growing(per_day);
            assert_eq!(
                outlook(&growth, &Lines::relative(200.0, 0.0)),
                want,
                "{per_day} a day"
            );
        }
    }

    #[test]
    fn no_room_left_fails_whatever_it_does() {
        assert_eq!(
            outlook(&growing(0.0), &Lines::towards(100.0, 200.0)),
            Outlook::Fails
        );
    }

    #[test]
    fn a_floor_keeps_small_counts_from_looking_like_leaks() {
        let lines = Lines::relative(12.0, 60.0);
        assert_eq!((lines.fail_per_day, lines.warn_per_day), (60.0, 12.0));
    }
}
