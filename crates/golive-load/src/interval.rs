//! P1, S8: how far a measured share or percentile can be trusted.
//!
//! Shares: Clopper and Pearson's exact interval. Percentiles: the distribution-free interval between two order
//! statistics, with exact binomial ranks. Both assume independent samples; under load they are not, see
//! [`crate::batch`].
//!
//! Never: rounds in the direction that looks better, or gives an end that the sample cannot support.

use crate::beta;

/// A share with the ends of its interval, all in `0.0..=1.0`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Share {
    /// Trials that count.
    pub hits: u64,
    /// Trials.
    pub of: u64,
    /// `hits / of`; 0 when nothing was tried.
    pub point: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end; 1 when nothing was tried.
    pub upper: f64,
}

/// Clopper–Pearson, two-sided: each end leaves out `(1 - confidence) / 2`. `confidence` lies in `0.0..1.0`.
/// `hits` above `of` counts as `of`. With nothing tried the interval is everything: `0..=1`.
#[must_use]
pub fn share(hits: u64, of: u64, confidence: f64) -> Share {
    let hits = hits.min(of);
    let tail = (1.0 - confidence) / 2.0;
    let point = if of == 0 { 0.0 } else { hits as f64 / of as f64 };
    Share {
        hits,
        of,
        point,
        lower: lower_end(hits, of, tail),
        upper: upper_end(hits, of, tail),
    }
}

/// The largest share still compatible with `hits` of `of`, one-sided at `confidence`: "0 of 50 bounds the error
/// rate at 5.8 %". 1 when nothing was tried.
#[must_use]
pub fn share_at_most(hits: u64, of: u64, confidence: f64) -> f64 {
    upper_end(hits.min(of), of, 1.0 - confidence)
}

/// How many trials without a single hit show, one-sided at `confidence`, that the share is below `share`:
/// 299 for 1 %, 598 for 0.5 % at 95 %. `share` lies in `0.0..1.0`, both ends excluded.
#[must_use]
pub fn clean_trials_for(share: f64, confidence: f64) -> u64 {
    ((1.0 - confidence).ln() / (-share).ln_1p()).ceil() as u64
}

/// Ranks (from 1, in ascending order) of the samples between which a quantile lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranks {
    /// Rank of the lower end; `None`: the sample supports none, the lower end is 0.
    pub lower: Option<u64>,
    /// Rank of the upper end; `None`: the sample supports no finite upper end.
    pub upper: Option<u64>,
}

/// The ranks that hold the `quantile` (`0.0..1.0`) of the population with at least `confidence`, two-sided, each
/// end leaving out at most `(1 - confidence) / 2`. Exact: no normal approximation.
#[must_use]
pub fn quantile_ranks(samples: u64, quantile: f64, confidence: f64) -> Ranks {
    let tail = (1.0 - confidence) / 2.0;
    // X_(r) lies above the quantile unless at least r samples are below it.
    let below = |rank: u64| beta::binomial_at_most(rank - 1, samples, quantile);
    // The largest rank with P(X_(r) > quantile) <= tail; `below` grows with the rank.
    let lower = partition(samples, |rank| below(rank) <= tail);
    // The smallest rank with P(X_(r) >= quantile) >= 1 - tail.
    let upper = partition(samples, |rank| below(rank) < 1.0 - tail) + 1;
    Ranks {
        lower: (lower > 0).then_some(lower),
        upper: (upper <= samples).then_some(upper),
    }
}

/// The fewest samples for which [`quantile_ranks`] has a finite upper end: 72 for p95 at 95 %.
#[must_use]
pub fn samples_for_upper_end(quantile: f64, confidence: f64) -> u64 {
    let tail = (1.0 - confidence) / 2.0;
    (tail.ln() / quantile.ln()).ceil() as u64
}

/// How many ranks of `1..=samples` satisfy `holds`, which must be true up to some rank and false from there.
fn partition(samples: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut yes, mut no) = (0, samples + 1);
    while no - yes > 1 {
        let middle = yes + (no - yes) / 2;
        if holds(middle) {
            yes = middle;
        } else {
            no = middle;
        }
    }
    yes
}

fn lower_end(hits: u64, of: u64, tail: f64) -> f64 {
    if hits == 0 {
        0.0
    } else {
        beta::inverse(hits as f64, (of - hits + 1) as f64, tail)
    }
}

fn upper_end(hits: u64, of: u64, tail: f64) -> f64 {
    if hits == of {
        1.0
    } else {
        beta::inverse((hits + 1) as f64, (of - hits) as f64, 1.0 - tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranks(samples: u64) -> (u64, u64) {
        let ranks = quantile_ranks(samples, 0.95, 0.95);
        (ranks.lower.unwrap(), ranks.upper.unwrap())
    }

    #[test]
    fn the_interval_of_p95_has_the_ranks_printed_in_the_papers() {
        // Ranks by an exact sum of binomial terms; in brackets the percent the papers print.
        assert_eq!(ranks(100), (90, 100));
        assert_eq!(ranks(200), (184, 197)); // p92.0…p98.5
        assert_eq!(ranks(500), (465, 485)); // p93.0…p97.0
        assert_eq!(ranks(1_000), (936, 964)); // p93.6…p96.4
        assert_eq!(ranks(2_000), (1_880, 1_920)); // p94…p96
        assert_eq!(ranks(5_000), (4_719, 4_781)); // p94.4…p95.6
    }

    #[test]
    fn below_seventy_two_samples_p95_has_no_upper_end() {
        assert_eq!(samples_for_upper_end(0.95, 0.95), 72);
        assert_eq!(quantile_ranks(60, 0.95, 0.95).upper, None);
        assert_eq!(quantile_ranks(71, 0.95, 0.95).upper, None);
        assert_eq!(quantile_ranks(72, 0.95, 0.95).upper, Some(72));
        assert_eq!(
            quantile_ranks(0, 0.95, 0.95),
            Ranks {
                lower: None,
                upper: None
            }
        );
    }

    #[test]
    fn no_hit_bounds_the_share_as_printed_in_the_papers() {
        for (of, percent) in [
            (10, 25.9),
            (50, 5.8),
            (60, 4.9),
            (100, 3.0),
            (150, 2.0),
            (300, 1.0),
            (600, 0.5),
            (3_000, 0.1),
        ] {
            let bound = (share_at_most(0, of, 0.95) * 1_000.0).round() / 10.0;
            assert_eq!(bound, percent, "0 of {of}");
        }
        assert_eq!(clean_trials_for(0.01, 0.95), 299);
        assert_eq!(clean_trials_for(0.005, 0.95), 598);
    }

    #[test]
    fn clopper_and_pearson_agrees_with_published_intervals() {
        // 10 of 100 and 1 of 20: the values of R's binom.test.
        let ten = share(10, 100, 0.95);
        assert!(
            (ten.lower - 0.049_005).abs() < 1e-6 && (ten.upper - 0.176_223).abs() < 1e-6,
            "{ten:?}"
        );
        let one = share(1, 20, 0.95);
        assert!(
            (one.lower - 0.001_265).abs() < 1e-6 && (one.upper - 0.248_733).abs() < 1e-6,
            "{one:?}"
        );
    }

    #[test]
    fn nothing_tried_shows_nothing() {
        assert_eq!(
            share(0, 0, 0.95),
            Share {
                hits: 0,
                of: 0,
                point: 0.0,
                lower: 0.0,
                upper: 1.0
            }
        );
        assert_eq!(share_at_most(0, 0, 0.95), 1.0);
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_point_and_stays_in_bounds(of in 1_u64..5_000, part in 0.0_f64..=1.0) {
            let hits = (of as f64 * part) as u64;
            let s = share(hits, of, 0.95);
            prop_assert!(0.0 <= s.lower && s.lower <= s.point && s.point <= s.upper && s.upper <= 1.0, "{:?}", s);
        }

        #[test]
        fn ranks_cover_the_quantile_with_the_confidence_asked(samples in 1_u64..20_000, q in 0.5_f64..0.999) {
            let ranks = quantile_ranks(samples, q, 0.95);
            if let Some(lower) = ranks.lower {
                prop_assert!(beta::binomial_at_most(lower - 1, samples, q) <= 0.025 + 1e-9);
            }
            if let Some(upper) = ranks.upper {
                prop_assert!(beta::binomial_at_most(upper - 1, samples, q) >= 0.975 - 1e-9);
                prop_assert!(upper <= samples);
            }
        }
    }
}
