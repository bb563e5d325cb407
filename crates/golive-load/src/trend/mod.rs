//! P5: whether a series of measurements grows, said only as far as the series can show it.
//!
//! Trend tests call nearly every process leaking that has an allocator or a cache (a plain Mann–Kendall test at 5 %
//! calls 17 to 100 % of leak-free two-hour runs so), because the samples of one process are not independent and its
//! first hour is not its second. So: the start is dropped, samples are taken together in blocks of about two
//! integrated autocorrelation times, the slope between block medians is Theil and Sen's with its 90 % interval, and
//! the answer is one of three: it grows, it does not, or the series does not show which ([`Growth::call`]).
//!
//! Sources: Sen, *Estimates of the regression coefficient based on Kendall's tau*, JASA 1968 (slope and interval);
//! Sokal, *Monte Carlo Methods in Statistical Mechanics*, 1996, §3 (integrated autocorrelation time, automatic
//! window). The rule itself was chosen by the simulation that stands in [`simulation`] as a test.
//!
//! Never: reads a clock, or takes "not shown" for "does not grow".

mod outlook;
#[cfg(test)]
mod simulation;
mod slope;

use serde::Serialize;

pub use outlook::{Lines, Outlook, days_until, outlook};
pub use slope::{Slope, autocorrelation_time, theil_sen};

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Seconds after the first.
    pub at_s: f64,
    /// In whatever unit: bytes, descriptors, threads.
    pub value: f64,
}

/// Share of the run that is dropped as its warm-up.
pub const WARM_UP: f64 = 0.25;
/// Fewest blocks that have a slope worth an interval.
pub const LEAST_BLOCKS: usize = 10;
/// More blocks would cost time and narrow nothing.
const MOST_BLOCKS: usize = 200;
/// Fewest measurements after the warm-up: two a block.
pub const LEAST_POINTS: usize = 2 * LEAST_BLOCKS;
/// More are taken together by medians first, so that the cost is bounded however long the run was.
const MOST_POINTS: usize = 6_000;
/// From here on a run may be judged by its ends where the interval of the slope is too wide, and may fail: 4 h, less a
/// hundredth, for the last measurement comes before the end.
const LONG_RUN_S: f64 = 4.0 * 3_600.0 * 0.99;
/// Below 8 h a growth is extrapolated more than threefold, and the lower end must be so many times the limit: a
/// high-water mark may rise for four hours as evenly as a leak.
const MARGIN: f64 = 1.5;
const DAY_S: f64 = 86_400.0;

/// What a series says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// It grows by less than the limit.
    Flat,
    /// It grows by more than the limit.
    Grows,
    /// It does not show which.
    Undecided,
}

/// How a series grows. All slopes are per day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Growth {
    /// Between all blocks.
    pub slope: Slope,
    /// Between the blocks of the last half alone.
    pub last_half: Slope,
    /// From the median of the first sixth to that of the last.
    pub sixths_per_day: f64,
    /// Median of the last sixth: where it stands now.
    pub level: f64,
    /// Median of the first sixth.
    pub first_level: f64,
    /// Median of the whole after the warm-up.
    pub median: f64,
    /// Length of the run in seconds, warm-up included.
    pub run_s: f64,
    /// Measurements after the warm-up.
    pub points: usize,
}

/// Why a series says nothing at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{have} measurements after the warm-up, and {LEAST_POINTS} are the fewest that show anything: measure longer"
)]
pub struct TooFew {
    /// How many there were.
    pub have: usize,
}

impl Growth {
    /// Reads a series in order of time, the first `warm_up` of its time (0.0 to 1.0; [`WARM_UP`] as a rule) dropped.
    /// What is not finite is left out.
    ///
    /// # Errors
    /// [`TooFew`].
    pub fn of(series: &[Point], warm_up: f64) -> Result<Growth, TooFew> {
        let finite = series
            .iter()
            .copied()
            .filter(|point| point.at_s.is_finite() && point.value.is_finite());
        let mut points: Vec<Point> = finite.collect();
        points.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else {
            return Err(TooFew { have: 0 });
        };
        let run_s = last.at_s - first.at_s;
        points.retain(|point| point.at_s >= first.at_s + run_s * warm_up);
        if points.len() < LEAST_POINTS || run_s <= 0.0 {
            return Err(TooFew { have: points.len() });
        }
        let count = points.len();
        let points = blocks(&points, count.div_ceil(MOST_POINTS));
        let tau = autocorrelation_time(&points);
        let most = (points.len() / LEAST_BLOCKS).max(1);
        let length = ((2.0 * tau).ceil() as usize).clamp(points.len().div_ceil(MOST_BLOCKS), most);
        let blocks = blocks(&points, length);
        let spacing = run_s * (1.0 - warm_up) / points.len() as f64;
        let mut slope = theil_sen(&blocks);
        slope.block_s = spacing * length as f64;
        slope.autocorrelation_s = spacing * tau;
        let sixth = points.len() / 6;
        let (head, tail) = (middle(&points[..sixth]), middle(&points[points.len() - sixth..]));
        Ok(Growth {
            slope: slope.times(DAY_S),
            last_half: theil_sen(&blocks[blocks.len() / 2..]).times(DAY_S),
            sixths_per_day: (tail.value - head.value) / (tail.at_s - head.at_s) * DAY_S,
            level: tail.value,
            first_level: head.value,
            median: middle(&points).value,
            run_s,
            points: count,
        })
    }

    /// The three-way rule against a limit of growth per day, in the unit of the values; not negative.
    ///
    /// - grows: the lower end of the interval is above the limit *and* that of the last half alone above half of it: a
    ///   warm-up longer than what was dropped, or a high-water mark that was reached in steps, is not taken for a leak. Below 8 h the lower end must be above 1.5 times the limit. Only over at least 4 h, or if the value has doubled:
    ///   in minutes every cache that fills looks like a leak;
    /// - flat: the upper end is below the limit;
    /// - else, over at least 4 h: flat if both the growth from the first sixth to the last and the slope of the last
    ///   half are below half the limit, grows if they are above three and two times it;
    /// - else it is not decided.
    #[must_use]
    pub fn call(&self, limit: f64) -> Call {
        let half = self.last_half.point;
        let long = self.run_s >= LONG_RUN_S;
        let margin = if self.run_s < 2.0 * LONG_RUN_S {
            MARGIN
        } else {
            1.0
        };
        let rises = self.slope.lower > limit * margin && self.last_half.lower > limit / 2.0;
        if rises && (long || self.has_doubled()) {
            return Call::Grows;
        }
        if self.slope.upper < limit {
            return Call::Flat;
        }
        let sixths = self.sixths_per_day;
        if !long {
            Call::Undecided
        } else if sixths < limit / 2.0 && half < limit / 2.0 {
            Call::Flat
        } else if sixths > 3.0 * limit && half > 2.0 * limit && self.last_half.lower > limit / 2.0 {
            Call::Grows
        } else {
            Call::Undecided
        }
    }

    /// It rises by more than the limit throughout, however short the run: for a time in which nothing should.
    #[must_use]
    pub fn rises(&self, limit: f64) -> bool {
        self.slope.lower > limit && self.last_half.lower > limit / 2.0
    }

    /// It stands at twice what it was after the warm-up: no cache of a service that was sized does that unseen.
    #[must_use]
    pub fn has_doubled(&self) -> bool {
        self.first_level > 0.0 && self.level >= 2.0 * self.first_level
    }
}

/// The medians of neighbours taken together `length` at a time. A shorter rest is left out: it would have another
/// spread than the others.
fn blocks(points: &[Point], length: usize) -> Vec<Point> {
    if length <= 1 {
        return points.to_vec();
    }
    points.chunks_exact(length).map(middle).collect()
}

/// The medians of the times and of the values. `points` is not empty.
fn middle(points: &[Point]) -> Point {
    Point {
        at_s: median(points.iter().map(|point| point.at_s).collect()),
        value: median(points.iter().map(|point| point.value).collect()),
    }
}

/// The median, of two in the middle the upper: a measurement and not a mean of two. 0 of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let half = values.len() / 2;
    *values.select_nth_unstable_by(half, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(of: impl Fn(f64) -> f64, hours: f64) -> Vec<Point> {
        (0..)
            .map(|n| f64::from(n) * 30.0)
            .take_while(|at| *at <= hours * 3_600.0)
            .map(|at_s| Point {
                at_s,
                value: of(at_s / 3_600.0),
            })
            .collect()
    }

    #[test]
    fn a_straight_line_has_its_own_slope_and_no_spread() {
        let growth = Growth::of(&series(|hour| 200.0 + hour, 8.0), WARM_UP).unwrap();
        for slope in [growth.slope.point, growth.slope.lower, growth.slope.upper] {
            assert!((slope - 24.0).abs() < 1e-6, "{growth:?}");
        }
        assert!((growth.last_half.point - 24.0).abs() < 1e-6);
        assert!((growth.sixths_per_day - 24.0).abs() < 1e-6);
        assert_eq!(growth.call(20.0), Call::Grows);
        assert_eq!(growth.call(25.0), Call::Flat);
    }

    #[test]
    fn a_constant_is_flat_however_small_the_limit() {
        let growth = Growth::of(&series(|_| 200.0, 1.0), WARM_UP).unwrap();
        assert_eq!(growth.call(0.001), Call::Flat);
        assert_eq!(
            growth.call(0.0),
            Call::Undecided,
            "nothing is below a limit of nothing"
        );
    }

    #[test]
    fn growth_that_has_ended_is_no_leak() {
        // Fills until the middle of the run and stays there.
        let growth = Growth::of(&series(|hour| 200.0 + 20.0 * hour.min(4.0), 8.0), WARM_UP).unwrap();
        assert_ne!(growth.call(50.0), Call::Grows, "{growth:?}");
    }

    #[test]
    fn in_minutes_only_a_doubling_is_called_growth() {
        let short =
            |per_hour: f64| Growth::of(&series(|hour| 200.0 + per_hour * hour, 0.5), WARM_UP).unwrap();
        assert_eq!(short(100.0).call(50.0), Call::Undecided, "a cache may fill so");
        assert_eq!(short(2_000.0).call(50.0), Call::Grows);
    }

    #[test]
    fn too_few_measurements_say_nothing() {
        let few = series(|_| 1.0, 0.2);
        assert_eq!(Growth::of(&few, WARM_UP), Err(TooFew { have: 19 }));
        assert_eq!(Growth::of(&[], WARM_UP), Err(TooFew { have: 0 }));
        let same = vec![
            Point {
                at_s: 1.0,
                value: 1.0
            };
            100
        ];
        assert!(Growth::of(&same, WARM_UP).is_err(), "a run of no length");
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let mut with = series(|hour| hour, 2.0);
        with[130].value = f64::NAN;
        let growth = Growth::of(&with, WARM_UP).unwrap();
        assert!((growth.slope.point - 24.0).abs() < 1e-6);
    }

    #[test]
    fn medians_are_medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(
            median(vec![4.0, 1.0, 2.0, 3.0]),
            3.0,
            "the upper of two: it is a measurement"
        );
        assert_eq!(median(vec![7.0]), 7.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
