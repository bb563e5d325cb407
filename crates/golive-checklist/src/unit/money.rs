//! Money, `"25 USD"` or `"0.0025 USD"`.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::serde_as_text;

/// Digits behind the point of a [`MicroUsd`].
const MICRO_DIGITS: usize = 6;
/// Digits behind the point of a [`NanoUsd`].
const NANO_DIGITS: usize = 9;

/// Money in millionths of a US dollar: sums are exact, and 2^63 of them is 9 trillion dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroUsd(pub i64);

/// What was spent, in billionths of a US dollar: the cost of one request is a whole number of them within a billionth
/// of a dollar, sums are exact, and 2^64 of them is 18 billion dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(pub u64);

serde_as_text!(MicroUsd, "an amount such as \"25 USD\"");
serde_as_text!(NanoUsd, "an amount such as \"0.0000125 USD\"");

impl NanoUsd {
    /// The sum; stays at the largest amount there is.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }

    /// In dollars, for statistics and charts; not for sums.
    #[must_use]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// An amount that was written down, as one that can be spent; a negative one is nothing.
impl From<MicroUsd> for NanoUsd {
    fn from(written: MicroUsd) -> Self {
        Self(u64::try_from(written.0).unwrap_or(0).saturating_mul(1000))
    }
}

impl FromStr for MicroUsd {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let parts = read(text, MICRO_DIGITS, Because::TooFine)?;
        i64::try_from(parts)
            .map(Self)
            .map_err(|_| refused(text, Because::TooMuch))
    }
}

impl FromStr for NanoUsd {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let parts = read(text, NANO_DIGITS, Because::FinerThanNano)?;
        u64::try_from(parts).map(Self).map_err(|_| {
            let because = if parts < 0 {
                Because::Negative
            } else {
                Because::TooMuch
            };
            refused(text, because)
        })
    }
}

/// Reads an amount as a whole number of its smallest part, which has `digits` digits behind the point.
fn read(text: &str, digits: usize, too_fine: Because) -> Result<i128, NotMoney> {
    let Some(amount) = text.trim().strip_suffix("USD").map(str::trim_end) else {
        return Err(refused(text, Because::Currency));
    };
    let (negative, number) = match amount.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, amount),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return Err(refused(text, Because::Shape));
    }
    if fraction.len() > digits {
        return Err(refused(text, too_fine));
    }
    let parts = format!("{whole}{fraction:0<digits$}")
        .parse::<i128>()
        .map_err(|_| refused(text, Because::TooMuch))?;
    Ok(if negative { -parts } else { parts })
}

/// Cents are written when there are any, finer digits as far as they go.
fn write(f: &mut fmt::Formatter<'_>, negative: bool, parts: u64, digits: usize) -> fmt::Result {
    let sign = if negative { "-" } else { "" };
    let one = 10_u64.pow(u32::try_from(digits).unwrap_or(0));
    let (whole, fraction) = (parts / one, parts % one);
    if fraction == 0 {
        return f.pad(&format!("{sign}{whole} USD"));
    }
    let text = format!("{fraction:0digits$}");
    let finest = text.trim_end_matches('0').len().max(2);
    f.pad(&format!("{sign}{whole}.{} USD", &text[..finest]))
}

impl fmt::Display for MicroUsd {
    /// Cents are written when there are any, finer digits as far as they go: `25 USD`, `0.50 USD`, `0.0025 USD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0 < 0, self.0.unsigned_abs(), MICRO_DIGITS)
    }
}

impl fmt::Display for NanoUsd {
    /// As [`MicroUsd`], to nine digits: `0.0000125 USD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, false, self.0, NANO_DIGITS)
    }
}

fn refused(text: &str, because: Because) -> NotMoney {
    NotMoney {
        text: text.to_owned(),
        because,
    }
}

/// A text that is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not an amount of money; {because}")]
pub struct NotMoney {
    text: String,
    because: Because,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Because {
    #[error("write it in US dollars with the currency behind, as in \"25 USD\"")]
    Currency,
    #[error("write digits with at most one point before the currency, as in \"25 USD\" or \"0.50 USD\"")]
    Shape,
    #[error("at most six digits may stand behind the point: a millionth of a dollar is the smallest amount")]
    TooFine,
    #[error("at most nine digits may stand behind the point: a billionth of a dollar is the smallest amount")]
    FinerThanNano,
    #[error("it is negative")]
    Negative,
    #[error("it is more than can be counted")]
    TooMuch,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_writes_money_as_people_do() {
        for (text, micros, written) in [
            ("25 USD", 25_000_000, "25 USD"),
            ("25USD", 25_000_000, "25 USD"),
            ("0.5 USD", 500_000, "0.50 USD"),
            ("0.0025 USD", 2_500, "0.0025 USD"),
            ("-0.000001 USD", -1, "-0.000001 USD"),
            ("0 USD", 0, "0 USD"),
            ("-9223372036854.775808 USD", i64::MIN, "-9223372036854.775808 USD"),
        ] {
            assert_eq!(text.parse(), Ok(MicroUsd(micros)), "{text}");
            assert_eq!(MicroUsd(micros).to_string(), written);
        }
    }

    #[test]
    fn refuses_the_rest_and_says_how_to_write_it() {
        for (text, hint) in [
            ("", "as in \"25 USD\""),
            ("25", "as in \"25 USD\""),
            ("$25", "as in \"25 USD\""),
            ("25 EUR", "in US dollars"),
            ("USD", "write digits"),
            ("25. USD", "write digits"),
            (".5 USD", "write digits"),
            ("1,000 USD", "write digits"),
            ("--1 USD", "write digits"),
            ("1e3 USD", "write digits"),
            ("0.0000001 USD", "six digits"),
            ("9223372036854.775808 USD", "more than can be counted"),
            (
                "99999999999999999999999999999999999999999 USD",
                "more than can be counted",
            ),
        ] {
            let message = text.parse::<MicroUsd>().unwrap_err().to_string();
            assert!(message.contains(hint), "{text}: {message}");
        }
    }

    #[test]
    fn what_was_spent_has_three_digits_more_and_is_never_negative() {
        for (text, nanos, written) in [
            ("25 USD", 25_000_000_000, "25 USD"),
            ("0.0000125 USD", 12_500, "0.0000125 USD"),
            ("0.000000001 USD", 1, "0.000000001 USD"),
            ("18446744073.709551615 USD", u64::MAX, "18446744073.709551615 USD"),
        ] {
            assert_eq!(text.parse(), Ok(NanoUsd(nanos)), "{text}");
            assert_eq!(NanoUsd(nanos).to_string(), written);
        }
        for (text, hint) in [
            ("-1 USD", "it is negative"),
            ("0.0000000001 USD", "nine digits"),
            ("18446744074 USD", "more than can be counted"),
        ] {
            let message = text.parse::<NanoUsd>().unwrap_err().to_string();
            assert!(message.contains(hint), "{text}: {message}");
        }
        assert_eq!(NanoUsd::from(MicroUsd(1)), NanoUsd(1000));
        assert_eq!(NanoUsd::from(MicroUsd(-1)), NanoUsd(0));
        assert_eq!(NanoUsd(u64::MAX).plus(NanoUsd(1)), NanoUsd(u64::MAX));
    }

    proptest! {
        #[test]
        fn what_was_spent_is_read_back(nanos: u64) {
            prop_assert_eq!(NanoUsd(nanos).to_string().parse(), Ok(NanoUsd(nanos)));
        }

        #[test]
        fn what_is_written_is_read_back(micros: i64) {
            prop_assert_eq!(MicroUsd(micros).to_string().parse(), Ok(MicroUsd(micros)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[-0-9. USD]{0,20}") {
            let _ = text.parse::<MicroUsd>();
        }
    }
}
