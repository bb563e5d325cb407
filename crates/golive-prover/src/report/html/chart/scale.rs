//! From a value to a place on the page, and the round values that are written beside it. Pure.
//!
//! Never: gives a place that is no number.

use golive_checklist::chart::Axis;

/// One axis of a drawing.
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    /// The values `low..=high` between the places `from` and `to`; with some air around them if `air`.
    pub(super) fn new(axis: &Axis, low: f64, high: f64, from: f64, to: f64, air: bool) -> Scale {
        let logarithmic = axis.logarithmic && low > 0.0;
        let least = low;
        let (mut low, mut high) = if logarithmic {
            (low.log10(), high.log10())
        } else {
            (low, high)
        };
        let span = high - low;
        if span <= 0.0 {
            // One value: it stands in the middle.
            let around = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low, high) = (low - around, high + around);
        } else if air {
            (low, high) = (low - span * 0.08, high + span * 0.08);
        }
        if axis.from_zero && !logarithmic {
            (low, high) = (low.min(0.0), high.max(f64::MIN_POSITIVE));
            if least >= 0.0 {
                low = 0.0;
            }
        }
        Scale {
            low,
            high,
            from,
            to,
            logarithmic,
        }
    }

    /// Where a value stands. What is no number stands at the begin.
    pub(super) fn place(&self, value: f64) -> f64 {
        let value = if self.logarithmic {
            value.max(1e-12).log10()
        } else {
            value
        };
        let share = (value - self.low) / (self.high - self.low);
        if share.is_finite() {
            self.from + (self.to - self.from) * share.clamp(-2.0, 3.0)
        } else {
            self.from
        }
    }

    /// About so many round values with their labels.
    pub(super) fn ticks(&self, about: usize) -> Vec<(f64, String)> {
        if self.logarithmic {
            return self.logarithmic_ticks();
        }
        let step = round_step((self.high - self.low) / about.max(1) as f64);
        let first = (self.low / step - 1e-9).ceil();
        (0..=3 * about)
            .map(|n| (first + n as f64) * step)
            .take_while(|value| *value <= self.high + step * 1e-6)
            .map(|value| (value, label(value, step)))
            .collect()
    }

    /// 1, 2 and 5 of each power of ten; over more than three powers the powers alone.
    fn logarithmic_ticks(&self) -> Vec<(f64, String)> {
        let factors: &[f64] = if self.high - self.low > 3.0 {
            &[1.0]
        } else {
            &[1.0, 2.0, 5.0]
        };
        let powers = self.low.floor() as i32..=self.high.ceil() as i32;
        powers
            .flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)))
            .filter(|value| (self.low..=self.high).contains(&value.log10()))
            .map(|value| (value, label(value, value)))
            .collect()
    }
}

/// 1, 2, 2.5 or 5 times a power of ten, not below `least`.
fn round_step(least: f64) -> f64 {
    let least = if least.is_finite() && least > 0.0 {
        least
    } else {
        1.0
    };
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least * 0.999_999)
        .unwrap_or(10.0 * power)
}

/// A value with as many digits as its neighbours differ in.
fn label(value: f64, step: f64) -> String {
    let digits = (0..6)
        .find(|digits| {
            let scaled = step * 10_f64.powi(*digits);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1.0)
        })
        .unwrap_or(6);
    let value = if value == 0.0 { 0.0 } else { value }; // no −0
    let text = format!("{value:.*}", digits as usize);
    match text.split_once('.') {
        Some((whole, rest)) => format!("{}.{rest}", grouped(whole)),
        None => grouped(&text),
    }
}

/// `12 000`, with a narrow space that does not break, from five digits on.
fn grouped(whole: &str) -> String {
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("−", digits));
    if digits.len() < 5 {
        return format!("{sign}{digits}");
    }
    let head = digits.len() % 3;
    let mut groups: Vec<&str> = Vec::new();
    if head > 0 {
        groups.push(&digits[..head]);
    }
    groups.extend((head..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
    format!("{sign}{}", groups.join("\u{202f}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(axis: &Axis, low: f64, high: f64) -> Vec<String> {
        let scale = Scale::new(axis, low, high, 0.0, 100.0, false);
        scale.ticks(5).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_as_exact_as_they_differ() {
        let linear = Axis::new("x", "");
        assert_eq!(labels(&linear, 0.0, 10.0), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(labels(&linear, 61.2, 61.9), ["61.2", "61.4", "61.6", "61.8"]);
        assert_eq!(labels(&linear, 0.0, 50_000.0)[1], "10\u{202f}000");
        assert_eq!(
            labels(&Axis::new("x", "").logarithmic(), 3.0, 300.0),
            ["5", "10", "20", "50", "100", "200"]
        );
    }

    #[test]
    fn an_axis_from_zero_begins_there() {
        let scale = Scale::new(&Axis::new("x", "").from_zero(), 40.0, 90.0, 0.0, 100.0, true);
        assert_eq!(scale.place(0.0), 0.0);
    }

    proptest! {
        #[test]
        fn every_place_is_a_number_and_ticks_are_few(low in -1e9_f64..1e9, span in 0.0_f64..1e9, value in proptest::num::f64::ANY) {
            for axis in [Axis::new("x", ""), Axis::new("x", "").logarithmic(), Axis::new("x", "").from_zero()] {
                let scale = Scale::new(&axis, low, low + span, 10.0, 90.0, true);
                prop_assert!(scale.place(value).is_finite());
                prop_assert!(scale.ticks(5).len() <= 40);
            }
        }
    }
}
