//! P6: how far the mean of a heavy-tailed sample can be trusted: Efron's bias-corrected and accelerated bootstrap
//! (Efron, *Better Bootstrap Confidence Intervals*, JASA 1987; Efron and Tibshirani, *An Introduction to the
//! Bootstrap*, 1993, ch. 14), and how much of the whole its largest hundredth makes up.
//!
//! Costs of requests have long tails: the interval of a normal distribution around their mean is too short on its
//! upper side.
//!
//! Never: draws without a seed, or gives an interval that the sample cannot support.

use serde::Serialize;

/// Below this many samples no interval is given: the tail was most probably not seen at all.
pub const LEAST: usize = 20;

/// A mean with the ends of its interval, and how much of the sum the largest make up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// Samples.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Lower end; `None`: fewer than [`LEAST`] samples.
    pub lower: Option<f64>,
    /// Upper end; `None`: fewer than [`LEAST`] samples.
    pub upper: Option<f64>,
    /// The mean without the smallest and the largest 5 %.
    pub trimmed: f64,
    /// The share of the sum that the largest 1 % of the samples make up (at least one of them), 0 to 1.
    pub top_percent: f64,
}

/// The mean of `samples` (finite, in any order) with its two-sided interval at `confidence` (`0.0..1.0`), from
/// `resamples` draws by `seed`. `None`: there are no samples.
#[must_use]
pub fn mean(samples: &[f64], confidence: f64, resamples: usize, seed: u64) -> Option<Mean> {
    let n = samples.len();
    if n == 0 {
        return None;
    }
    let sum: f64 = samples.iter().sum();
    let mean = sum / n as f64;
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = n / 20;
    let middle = &sorted[cut..n - cut];
    let top: f64 = sorted[n - n.div_ceil(100)..].iter().sum();
    let ends = (n >= LEAST && resamples > 0).then(|| bca(samples, mean, confidence, resamples, seed));
    Some(Mean {
        n,
        mean,
        lower: ends.map(|(lower, _)| lower),
        upper: ends.map(|(_, upper)| upper),
        trimmed: middle.iter().sum::<f64>() / middle.len() as f64,
        top_percent: if sum > 0.0 { top / sum } else { 0.0 },
    })
}

fn bca(samples: &[f64], mean: f64, confidence: f64, resamples: usize, seed: u64) -> (f64, f64) {
    let n = samples.len();
    let mut dice = SplitMix(seed);
    let mut means: Vec<f64> = (0..resamples)
        .map(|_| (0..n).map(|_| samples[dice.below(n)]).sum::<f64>() / n as f64)
        .collect();
    means.sort_by(f64::total_cmp);
    // Ties count half: a sample of few different values would look biased otherwise.
    let below = means.partition_point(|value| *value < mean) as f64;
    let ties = means.partition_point(|value| *value <= mean) as f64 - below;
    let least = 0.5 / resamples as f64;
    let share = ((below + ties / 2.0) / resamples as f64).clamp(least, 1.0 - least);
    let bias = normal_quantile(share);
    // Of a mean, the jackknife's acceleration is a sixth of its skewness.
    let (squares, cubes) = samples.iter().fold((0.0, 0.0), |(squares, cubes), value| {
        let off = value - mean;
        (squares + off * off, cubes + off * off * off)
    });
    let acceleration = if squares > 0.0 {
        cubes / (6.0 * squares.powf(1.5))
    } else {
        0.0
    };
    let end = |level: f64| {
        let z = bias + normal_quantile(level);
        let moved = normal(bias + z / (1.0 - acceleration * z));
        let at = (moved * resamples as f64)
            .floor()
            .clamp(0.0, resamples as f64 - 1.0);
        means[at as usize]
    };
    let tail = (1.0 - confidence) / 2.0;
    (end(tail), end(1.0 - tail))
}

/// The normal distribution function, to 1.2e-7 (Numerical Recipes, `erfcc`).
#[must_use]
pub fn normal(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    const TERMS: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let series = TERMS.iter().rev().fold(0.0, |sum, term| sum * t + term);
    let tail = 0.5 * t * (-x * x + series).exp();
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// Its inverse, for `0.0 < p < 1.0`, by bisection: forty steps are plenty, and there is no table to get wrong.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if normal(middle) < p {
            low = middle
        } else {
            high = middle
        }
    }
    (low + high) / 2.0
}

/// Vigna's SplitMix64: the same draws for the same seed on every machine and in every version.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A place in a list of `n`. The bias of this product is below n/2^64.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_normal_distribution_has_its_known_values() {
        for (z, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_7),
            (-1.0, 0.158_655_3),
            (1.959_964, 0.975),
            (-3.0, 0.001_349_9),
        ] {
            assert!((normal(z) - p).abs() < 3e-7, "{z}");
            assert!((normal_quantile(p) - z).abs() < 1e-4, "{p}");
        }
    }

    #[test]
    fn the_interval_agrees_with_a_published_example() {
        // Efron and Tibshirani 1993, table 2.1: the treated mice; their BCa interval for the mean at 90 % is about
        // (61, 127) by 2000 draws.
        let mice = [94.0, 197.0, 16.0, 38.0, 99.0, 141.0, 23.0];
        let (lower, upper) = bca(&mice, mice.iter().sum::<f64>() / 7.0, 0.9, 4000, 7);
        assert!((50.0..70.0).contains(&lower), "{lower}");
        assert!((120.0..140.0).contains(&upper), "{upper}");
    }

    #[test]
    fn a_heavy_tail_reaches_further_up_than_down_and_its_top_is_named() {
        let mut samples = vec![1.0; 198];
        samples.extend([100.0, 200.0]);
        let mean = mean(&samples, 0.95, 2000, 1).unwrap();
        assert!((mean.mean - 2.49).abs() < 1e-9);
        let (lower, upper) = (mean.lower.unwrap(), mean.upper.unwrap());
        assert!(upper - mean.mean > mean.mean - lower, "{lower} {upper}");
        assert!(
            (mean.top_percent - 300.0 / 498.0).abs() < 1e-9,
            "two of two hundred"
        );
        assert!((mean.trimmed - 1.0).abs() < 1e-9);
    }

    #[test]
    fn ninety_five_of_a_hundred_intervals_hold_the_true_mean() {
        // Exponential with mean 1: skewed, as costs are. By 400 samples of 60 the share has a standard error of 1.1 %.
        let mut dice = SplitMix(42);
        let mut holds = 0;
        for round in 0..400 {
            let samples: Vec<f64> = (0..60)
                .map(|_| {
                    -((dice.next() >> 11) as f64 / (1_u64 << 53) as f64)
                        .mul_add(-1.0, 1.0)
                        .ln()
                })
                .collect();
            let mean = mean(&samples, 0.95, 400, round).unwrap();
            if mean.lower.unwrap() <= 1.0 && mean.upper.unwrap() >= 1.0 {
                holds += 1;
            }
        }
        assert!((360..=392).contains(&holds), "{holds} of 400");
    }

    #[test]
    fn too_few_samples_have_a_mean_and_no_interval() {
        assert_eq!(mean(&[], 0.95, 100, 1), None);
        let few = mean(&[1.0, 3.0], 0.95, 100, 1).unwrap();
        assert_eq!((few.mean, few.lower, few.upper), (2.0, None, None));
        let equal = mean(&[5.0; 50], 0.95, 100, 1).unwrap();
        assert_eq!((equal.lower, equal.upper), (Some(5.0), Some(5.0)));
    }

    proptest! {
        #[test]
        fn the_same_seed_gives_the_same_ends_and_they_hold_the_mean(
            samples in prop::collection::vec(0.0_f64..1e6, 20..80),
            seed: u64,
        ) {
            let one = mean(&samples, 0.95, 300, seed).unwrap();
            prop_assert_eq!(mean(&samples, 0.95, 300, seed).unwrap(), one);
            let (low, high) = samples.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
            prop_assert!(low - 1e-6 <= one.lower.unwrap() && one.lower.unwrap() <= one.upper.unwrap() && one.upper.unwrap() <= high + 1e-6);
        }
    }
}
