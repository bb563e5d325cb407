//! Rates, `"100/h"` or `"20/10s"`.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use thiserror::Error;

use super::{duration::parse_duration, format_duration, serde_as_text};

/// A rate: `count` events per `period`. Written `"100/h"` or `"20/10s"`. To switch a limit off is the config's word,
/// not a rate of zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Events in one period.
    pub count: NonZeroU32,
    /// Length of the period; never zero when read from text.
    pub period: Duration,
}

serde_as_text!(Rate, "a rate such as \"100/h\" or \"20/10s\"");

impl Rate {
    /// `count` events an hour, the checklist's way to say it.
    pub const fn per_hour(count: NonZeroU32) -> Self {
        Self {
            count,
            period: Duration::from_secs(3600),
        }
    }
}

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let refuse = |because| NotARate {
            text: text.to_owned(),
            because,
        };
        let Some((count, period)) = text.split_once('/') else {
            return Err(refuse(Because::Shape));
        };
        let (count, period) = (count.trim(), period.trim());
        if count.contains([',', '_', '.', ' ']) {
            let digits: String = count.chars().filter(char::is_ascii_digit).collect();
            return Err(refuse(Because::Separators(digits, period.to_owned())));
        }
        if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse(Because::Shape));
        }
        let count = count.parse::<u32>().map_err(|_| refuse(Because::TooMany))?;
        let count = NonZeroU32::new(count).ok_or_else(|| refuse(Because::Zero))?;
        let period = parse_period(period).ok_or_else(|| refuse(Because::Period(period.to_owned())))?;
        Ok(Self { count, period })
    }
}

/// A unit alone is one of it: `h` is an hour.
fn parse_period(text: &str) -> Option<Duration> {
    let with_number = if text.starts_with(|c: char| c.is_ascii_digit()) {
        text
    } else {
        &format!("1{text}")
    };
    parse_duration(with_number)
        .ok()
        .filter(|period| !period.is_zero())
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = format_duration(self.period);
        let unit = period
            .strip_prefix('1')
            .filter(|rest| rest.bytes().all(|byte| byte.is_ascii_alphabetic()));
        f.pad(&format!("{}/{}", self.count, unit.unwrap_or(&period)))
    }
}

/// A text that is no rate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a rate; {because}")]
pub struct NotARate {
    text: String,
    because: Because,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Because {
    #[error("write a count and s, m, h or d, as in \"100/h\"")]
    Shape,
    #[error("write the count in digits alone, as in \"{0}/{1}\"")]
    Separators(String, String),
    #[error("its count must be at least 1; to switch a limit off write \"off\" where the key allows it")]
    Zero,
    #[error("its count must be at most 4294967295")]
    TooMany,
    #[error("`{0}` is not a period; write s, m, h or d, or a span longer than none, as in \"20/10s\"")]
    Period(String),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(count: u32, seconds: u64) -> Rate {
        Rate {
            count: NonZeroU32::new(count).unwrap(),
            period: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn reads_rates_as_people_write_them() {
        for (text, meant) in [
            ("100/h", rate(100, 3600)),
            ("20/10s", rate(20, 10)),
            ("2/s", rate(2, 1)),
            ("1 / m", rate(1, 60)),
            ("5/1h30m", rate(5, 5400)),
            ("4294967295/d", rate(u32::MAX, 86_400)),
        ] {
            assert_eq!(text.parse(), Ok(meant), "{text}");
        }
        assert_eq!(rate(100, 3600).to_string(), "100/h");
        assert_eq!(rate(20, 10).to_string(), "20/10s");
        assert_eq!(Rate::per_hour(NonZeroU32::MIN).to_string(), "1/h");
        // Eleven seconds are not "1s" with a one before.
        assert_eq!(rate(3, 11).to_string(), "3/11s");
        assert_eq!(rate(3, 3660).to_string(), "3/1h1m");
    }

    #[test]
    fn refuses_the_rest_and_says_how_to_write_it() {
        for (text, hint) in [
            ("", "as in \"100/h\""),
            ("100", "write a count and s, m, h or d, as in \"100/h\""),
            ("100 per hour", "as in \"100/h\""),
            ("/h", "as in \"100/h\""),
            ("-1/h", "as in \"100/h\""),
            ("0/h", "at least 1"),
            ("10,000/h", "as in \"10000/h\""),
            ("10_000/h", "as in \"10000/h\""),
            ("4294967296/h", "at most 4294967295"),
            ("100/", "`` is not a period"),
            ("100/hour", "`hour` is not a period"),
            ("100/0s", "`0s` is not a period"),
            ("100/10", "`10` is not a period"),
        ] {
            let message = text.parse::<Rate>().unwrap_err().to_string();
            assert!(message.contains(hint), "{text}: {message}");
        }
    }

    #[test]
    fn stands_in_json_as_people_write_it() {
        assert_eq!(serde_json::to_value(rate(100, 3600)).unwrap(), "100/h");
        assert_eq!(serde_json::from_str::<Rate>("\"20/10s\"").unwrap(), rate(20, 10));
        let message = serde_json::from_str::<Rate>("100").unwrap_err().to_string();
        assert!(message.contains("expected a rate such as \"100/h\""), "{message}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(count in 1u32.., seconds: u64, nanos in 0u32..1_000_000_000) {
            let rate = Rate { count: NonZeroU32::new(count).unwrap(), period: Duration::new(seconds, nanos) };
            prop_assume!(!rate.period.is_zero());
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[0-9/dhms ]{0,20}") {
            let _ = text.parse::<Rate>();
        }
    }
}
