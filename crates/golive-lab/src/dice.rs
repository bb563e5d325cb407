//! The lab's chance: every throw is a function of the seed, the provider and a count, so that a run can be
//! repeated whatever the order in which connections are served.
//!
//! Never: keeps state, or asks the system for randomness.

/// One of the uses of chance; each has throws of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Throw {
    /// Whether a rule fires: number of the rule, number of the match.
    Rule { rule: u64, nth: u64 },
    /// A latency: number of the request at its provider.
    Latency { nth: u64 },
}

/// A number of `0.0..1.0`.
pub(crate) fn uniform(seed: u64, provider: &str, throw: Throw) -> f64 {
    let (kind, a, b) = match throw {
        Throw::Rule { rule, nth } => (1, rule, nth),
        Throw::Latency { nth } => (2, 0, nth),
    };
    let mut state = mix(seed ^ kind);
    for byte in provider.bytes() {
        state = mix(state ^ u64::from(byte));
    }
    let bits = mix(mix(state ^ a) ^ b);
    // 53 bits: all that an f64 holds below 1.0.
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// A log-normal duration in milliseconds from a uniform throw, by its median and its 95th percentile.
pub(crate) fn lognormal_ms(median_ms: u64, p95_ms: u64, throw: f64) -> f64 {
    let sigma = (p95_ms as f64 / median_ms as f64).ln() / NORMAL_P95;
    median_ms as f64 * (sigma * normal(throw)).exp()
}

/// SplitMix64's finalizer with its increment: a bijection of `u64`, so different inputs stay different.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The 95th percentile of the standard normal distribution.
const NORMAL_P95: f64 = 1.644_853_626_951_472;

/// The standard normal quantile by Acklam's rational approximation (relative error below 1.15e-9).
fn normal(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e+01,
        2.209460984245205e+02,
        -2.759285104469687e+02,
        1.383_577_518_672_69e2,
        -3.066479806614716e+01,
        2.506628277459239e+00,
    ];
    const B: [f64; 5] = [
        -5.447609879822406e+01,
        1.615858368580409e+02,
        -1.556989798598866e+02,
        6.680131188771972e+01,
        -1.328068155288572e+01,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-03,
        -3.223964580411365e-01,
        -2.400758277161838e+00,
        -2.549732539343734e+00,
        4.374664141464968e+00,
        2.938163982698783e+00,
    ];
    const D: [f64; 4] = [
        7.784695709041462e-03,
        3.224671290700398e-01,
        2.445134137142996e+00,
        3.754408661907416e+00,
    ];
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    let tail = |q: f64| {
        (((((C[0] * q + C[1]) * q + C[2]) * q + C[3]) * q + C[4]) * q + C[5])
            / ((((D[0] * q + D[1]) * q + D[2]) * q + D[3]) * q + 1.0)
    };
    if p < 0.02425 {
        tail((-2.0 * p.ln()).sqrt())
    } else if p > 1.0 - 0.02425 {
        -tail((-2.0 * (1.0 - p).ln()).sqrt())
    } else {
        let q = p - 0.5;
        let r = q * q;
        (((((A[0] * r + A[1]) * r + A[2]) * r + A[3]) * r + A[4]) * r + A[5]) * q
            / (((((B[0] * r + B[1]) * r + B[2]) * r + B[3]) * r + B[4]) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_and_another_does_not() {
        let throw = |seed, nth| uniform(seed, "a", Throw::Latency { nth });
        assert_eq!(throw(7, 1), throw(7, 1));
        assert_ne!(throw(7, 1), throw(8, 1));
        assert_ne!(throw(7, 1), throw(7, 2));
        assert_ne!(throw(7, 1), uniform(7, "b", Throw::Latency { nth: 1 }));
    }

    #[test]
    fn half_of_the_lognormal_latencies_lie_below_the_median_and_95_of_100_below_the_p95() {
        let mut drawn: Vec<f64> = (0..10_000)
            .map(|nth| lognormal_ms(100, 400, uniform(3, "p", Throw::Latency { nth })))
            .collect();
        drawn.sort_by(f64::total_cmp);
        assert!((drawn[5_000] - 100.0).abs() < 5.0, "{}", drawn[5_000]);
        assert!((drawn[9_500] - 400.0).abs() < 25.0, "{}", drawn[9_500]);
    }
}
