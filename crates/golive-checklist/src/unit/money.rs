//! Money, `"25 USD"` or `"0.0025 USD"`.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::serde_as_text;

const MICROS: u64 = 1_000_000;

/// Money in millionths of a US dollar: sums are exact, and 2^63 of them is 9 trillion dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroUsd(pub i64);

serde_as_text!(MicroUsd, "an amount such as \"25 USD\"");

impl FromStr for MicroUsd {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let refuse = |because| NotMoney {
            text: text.to_owned(),
            because,
        };
        let Some(amount) = text.trim().strip_suffix("USD").map(str::trim_end) else {
            return Err(refuse(Because::Currency));
        };
        let (negative, digits) = match amount.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, amount),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err(refuse(Because::Shape));
        }
        if fraction.len() > 6 {
            return Err(refuse(Because::TooFine));
        }
        let micros = format!("{whole}{fraction:0<6}")
            .parse::<i128>()
            .map_err(|_| refuse(Because::TooMuch))?;
        let signed = if negative { -micros } else { micros };
        i64::try_from(signed)
            .map(Self)
            .map_err(|_| refuse(Because::TooMuch))
    }
}

impl fmt::Display for MicroUsd {
    /// Cents are written when there are any, finer digits as far as they go: `25 USD`, `0.50 USD`, `0.0025 USD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.unsigned_abs() / MICROS, self.0.unsigned_abs() % MICROS);
        if fraction == 0 {
            return f.pad(&format!("{sign}{whole} USD"));
        }
        let digits = format!("{fraction:06}");
        let finest = digits.trim_end_matches('0').len().max(2);
        f.pad(&format!("{sign}{whole}.{} USD", &digits[..finest]))
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
    #[error("it is more than can be counted: the most is about 9 trillion dollars")]
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

    proptest! {
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
