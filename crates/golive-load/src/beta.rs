//! The regularised incomplete beta function, and what the intervals need of it: its inverse, the binomial
//! distribution and Student's t.
//!
//! Written here because the load generator counts samples by the million: the fixed number of terms in the
//! usual implementations (statrs 0.19 stops at 141) does not converge there. Terms needed grow with
//! `sqrt(max(a, b))` (Press et al., *Numerical Recipes*, 3rd ed., §6.4), so the limit does too.
//!
//! Never: does I/O, or is called per request; it costs microseconds to milliseconds.

/// `ln Γ(x)` for `x > 0`: Lanczos' approximation with g = 7 and nine terms (Godfrey's coefficients), relative
/// error below 1e-14.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    let x = x - 1.0;
    let base = x + LANCZOS_G + 0.5;
    let sum = LANCZOS
        .iter()
        .enumerate()
        .skip(1)
        .fold(LANCZOS[0], |sum, (i, c)| sum + c / (x + i as f64));
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * base.ln() - base + sum.ln()
}

/// `I_x(a, b)`, the regularised incomplete beta function: the chance that a Beta(a, b) value is below `x`.
/// `a` and `b` are positive; `x` is clamped to `0..=1`.
///
/// Continued fraction DLMF 8.17.22, evaluated by Lentz' method, on whichever side converges.
#[must_use]
pub fn incomplete(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    }
}

/// The `x` with `I_x(a, b) = p`. Bisection: slow, but it cannot miss.
#[must_use]
pub fn inverse(a: f64, b: f64, p: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    // 200 halvings reach the smallest step between doubles from anywhere in 0..1 that matters here.
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if incomplete(a, b, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The chance that at most `k` of `n` independent trials with chance `p` succeed.
#[must_use]
pub fn binomial_at_most(k: u64, n: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    incomplete((n - k) as f64, (k + 1) as f64, 1.0 - p)
}

/// The `t` that a Student-t value with `freedom` degrees exceeds in size with chance `1 - confidence`
/// (two-sided). `freedom >= 1`, `confidence` in `0..1`.
#[must_use]
pub fn student_t(freedom: u64, confidence: f64) -> f64 {
    let v = freedom as f64;
    // P(|T| > t) = I_{v/(v+t²)}(v/2, 1/2): Abramowitz & Stegun 26.7.1.
    let x = inverse(v / 2.0, 0.5, 1.0 - confidence);
    (v * (1.0 - x) / x).sqrt()
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let keep = |v: f64| if v.abs() < TINY { TINY } else { v };
    let most = 200 + 10 * a.max(b).sqrt() as u64;
    let mut c = 1.0;
    let mut d = 1.0 / keep(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for m in 1..=most {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / keep(1.0 + even * d);
        c = keep(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / keep(1.0 + odd * d);
        c = keep(1.0 + odd / c);
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    h
}

const LANCZOS_G: f64 = 7.0;
/// P. Godfrey, "A note on the computation of the convergent Lanczos complex Gamma approximation" (2001).
#[expect(clippy::excessive_precision, reason = "the digits as published")]
const LANCZOS: [f64; 9] = [
    0.999_999_999_999_809_93,
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_13,
    -176.615_029_162_140_59,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_571_6e-6,
    1.505_632_735_149_311_6e-7,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(got: f64, want: f64, tolerance: f64) {
        assert!(
            (got - want).abs() <= tolerance * want.abs().max(1e-300),
            "{got} is not {want}"
        );
    }

    #[test]
    fn gamma_of_whole_and_half_numbers_is_exact_to_a_dozen_digits() {
        near(ln_gamma(5.0), 24.0_f64.ln(), 1e-13);
        near(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln(), 1e-12);
        near(ln_gamma(101.0), 363.739_375_555_563_5, 1e-14); // ln 100!
    }

    #[test]
    fn the_binomial_agrees_with_a_plain_sum_of_its_terms() {
        for n in [1_u64, 7, 50, 200] {
            for p in [0.01, 0.3, 0.95] {
                let mut term = (1.0_f64 - p).powi(n as i32);
                let mut sum = term;
                for k in 0..n {
                    near(binomial_at_most(k, n, p), sum, 1e-10);
                    term *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
                    sum += term;
                }
            }
        }
    }

    #[test]
    fn the_inverse_undoes_the_function_from_one_sample_to_ten_million() {
        for (a, b) in [(1.0, 1.0), (0.5, 4.5), (3.0, 998.0), (5e5, 2.0), (9.5e6, 5e5)] {
            for p in [0.025, 0.5, 0.975] {
                near(incomplete(a, b, inverse(a, b, p)), p, 1e-6);
            }
        }
    }

    #[test]
    fn student_t_agrees_with_the_printed_table() {
        near(student_t(1, 0.95), 12.706_204_7, 1e-7);
        near(student_t(9, 0.95), 2.262_157_2, 1e-7);
        near(student_t(19, 0.95), 2.093_024_1, 1e-7);
        near(student_t(1_000_000, 0.95), 1.959_966, 1e-5);
    }
}
