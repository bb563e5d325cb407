//! The five rows of "Thresholds", each line from both sides.

use golive_checklist::threshold::{
    ERROR_RATE, Estimate, LOAD, P95, ROLLBACK, SECURITY, THRESHOLDS, Threshold, Zone,
};
use proptest::prelude::*;

fn estimate(point: f64, low: f64, high: f64, samples: u64) -> Estimate {
    Estimate {
        point,
        low,
        high,
        samples,
    }
}

#[test]
fn an_error_rate_passes_below_one_percent_if_its_bound_does_not_reach_five() {
    assert_eq!(ERROR_RATE.zone(&estimate(0.009, 0.004, 0.017, 1000)), Zone::Pass);
    assert_eq!(ERROR_RATE.zone(&estimate(0.01, 0.005, 0.018, 1000)), Zone::Warn);
    assert_eq!(ERROR_RATE.zone(&estimate(0.009, 0.001, 0.06, 300)), Zone::Warn);
    assert_eq!(ERROR_RATE.zone(&estimate(0.05, 0.04, 0.07, 1000)), Zone::Warn);
    assert_eq!(ERROR_RATE.zone(&estimate(0.051, 0.04, 0.07, 1000)), Zone::Fail);
}

#[test]
fn fifty_clean_requests_say_nothing_and_fifty_bad_ones_enough() {
    assert_eq!(ERROR_RATE.zone(&estimate(0.0, 0.0, 0.058, 50)), Zone::NoData);
    assert_eq!(ERROR_RATE.zone(&estimate(0.5, 0.35, 0.65, 50)), Zone::Fail);
    // One error of three at night is no disaster.
    assert_eq!(ERROR_RATE.zone(&estimate(0.333, 0.008, 0.906, 3)), Zone::NoData);
}

#[test]
fn a_p95_needs_a_hundred_samples_and_has_a_zone_from_5_to_15_seconds() {
    assert_eq!(P95.zone(&estimate(4.9, 4.0, 6.0, 100)), Zone::Pass);
    assert_eq!(P95.zone(&estimate(4.9, 4.0, 6.0, 99)), Zone::NoData);
    assert_eq!(P95.zone(&estimate(5.0, 4.0, 6.0, 100)), Zone::Warn);
    assert_eq!(P95.zone(&estimate(4.9, 4.0, f64::INFINITY, 100)), Zone::Warn);
    assert_eq!(P95.zone(&estimate(15.1, 14.0, 16.0, 100)), Zone::Fail);
    assert_eq!(
        P95.with_lines(3.0, 3.0).zone(&estimate(2.9, 2.8, 3.1, 5812)),
        Zone::Warn
    );
    assert_eq!(
        P95.with_lines(3.0, 3.0).zone(&estimate(2.4, 2.3, 2.6, 5812)),
        Zone::Pass
    );
}

#[test]
fn security_has_no_middle() {
    assert_eq!(SECURITY.zone(&Estimate::exact(0.0)), Zone::Pass);
    assert_eq!(SECURITY.zone(&Estimate::exact(1.0)), Zone::Fail);
}

#[test]
fn ten_times_the_load_is_handled_and_a_crash_below_five_fails() {
    for (times, zone) in [
        (10.0, Zone::Pass),
        (12.0, Zone::Pass),
        (9.9, Zone::Warn),
        (5.0, Zone::Warn),
        (4.9, Zone::Fail),
    ] {
        assert_eq!(LOAD.zone(&Estimate::exact(times)), zone, "{times}");
    }
}

#[test]
fn a_rollback_passes_below_five_minutes_and_fails_above_thirty() {
    for (seconds, zone) in [
        (299.9, Zone::Pass),
        (300.0, Zone::Warn),
        (1800.0, Zone::Warn),
        (1800.1, Zone::Fail),
    ] {
        assert_eq!(ROLLBACK.zone(&Estimate::exact(seconds)), zone, "{seconds}");
    }
}

#[test]
fn no_samples_and_figures_that_are_none_are_never_green() {
    for row in THRESHOLDS {
        assert_eq!(
            row.zone(&estimate(0.0, 0.0, 0.0, 0)),
            Zone::NoData,
            "{}",
            row.name
        );
        assert_eq!(row.zone(&estimate(f64::NAN, 0.0, 1.0, 1000)), Zone::NoData);
        assert_eq!(row.zone(&estimate(1.0, f64::NAN, 1.0, 1000)), Zone::NoData);
        assert_eq!(row.zone(&estimate(1.0, 0.0, f64::NAN, 1000)), Zone::NoData);
        assert_eq!(row.zone(&estimate(1.0, 2.0, 3.0, 1000)), Zone::NoData);
    }
}

fn any_row() -> impl Strategy<Value = Threshold> {
    proptest::sample::select(THRESHOLDS.to_vec())
}

proptest! {
    #[test]
    fn fewer_samples_and_wider_bounds_never_make_a_pass(
        row in any_row(), point in 0.0f64..20.0, down in 0.0f64..20.0, up in 0.0f64..20.0, wider in 0.0f64..20.0,
        samples in 0u64..2000, fewer in 0u64..2000,
    ) {
        let sharp = row.zone(&estimate(point, point - down, point + up, samples));
        let fewer = row.zone(&estimate(point, point - down, point + up, samples.saturating_sub(fewer)));
        let wider = row.zone(&estimate(point, point - down - wider, point + up + wider, samples));
        if sharp != Zone::Pass {
            prop_assert_ne!(fewer, Zone::Pass);
            prop_assert_ne!(wider, Zone::Pass);
        }
    }

    #[test]
    fn a_better_figure_is_never_judged_worse(
        row in any_row(), point in 0.0f64..20.0, width in 0.0f64..20.0, by in 0.0f64..20.0, samples in 300u64..2000,
    ) {
        let towards = if row.better == golive_checklist::threshold::Better::Lower { -by } else { by };
        let at = |middle: f64| row.zone(&estimate(middle, middle - width, middle + width, samples));
        prop_assert!(at(point + towards) <= at(point));
    }
}
