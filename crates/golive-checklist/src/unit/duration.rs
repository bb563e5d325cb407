//! Spans of time: `"30s"`, `"250ms"`, `"1h30m"`, `"30d"`.

use std::{fmt::Write as _, time::Duration};

use thiserror::Error;

/// Units from the longest to the shortest, with their nanoseconds. `us` and `ns` are there so that whatever is
/// measured can be printed exactly; the messages name those that people write.
const UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Reads a duration: whole numbers with `d`, `h`, `m`, `s` or `ms`, longest first, nothing between them.
///
/// # Errors
/// Tells what is wrong and how to write it.
pub fn parse_duration(text: &str) -> Result<Duration, NotADuration> {
    let refuse = |because| NotADuration {
        text: text.to_owned(),
        because,
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(refuse(Because::Shape));
    }
    let mut nanos: u128 = 0;
    let mut longest_allowed = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(refuse(Because::Shape));
        }
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        if unit.is_empty() {
            let because = if after.starts_with(['.', ',']) {
                Because::Fraction
            } else if after.is_empty() {
                Because::NoUnit(number.to_owned())
            } else {
                Because::Shape
            };
            return Err(refuse(because));
        }
        let Some(place) = UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(refuse(Because::UnknownUnit(unit.to_owned())));
        };
        if place < longest_allowed {
            return Err(refuse(Because::Order));
        }
        longest_allowed = place + 1;
        nanos = number
            .parse::<u128>()
            .ok()
            .and_then(|number| number.checked_mul(UNITS[place].1))
            .and_then(|more| nanos.checked_add(more))
            .ok_or_else(|| refuse(Because::TooLong))?;
        rest = after;
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| refuse(Because::TooLong))?;
    // The remainder of a division by a thousand million fits.
    Ok(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

/// Writes a duration so that [`parse_duration`] reads the same one back: `1h30m`, `250ms`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (name, nanos) in UNITS {
        if rest >= nanos {
            let _ = write!(text, "{}{name}", rest / nanos);
            rest %= nanos;
        }
    }
    text
}

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a duration; {because}")]
pub struct NotADuration {
    text: String,
    because: Because,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Because {
    #[error("write numbers with ms, s, m, h or d, as in \"30s\" or \"1h30m\"")]
    Shape,
    #[error(
        "its unit is missing: write \"{0}s\" for seconds, \"{0}ms\" for milliseconds, \"{0}m\" for minutes"
    )]
    NoUnit(String),
    #[error("`{0}` is no unit of time; write ms, s, m, h or d, as in \"30s\" or \"1h30m\"")]
    UnknownUnit(String),
    #[error("fractions are not read; write the next smaller unit, as in \"1s500ms\" or \"1h30m\"")]
    Fraction,
    #[error("write each unit once and the longest first, as in \"1h30m\"")]
    Order,
    #[error("it is longer than can be counted; did you mean a smaller number?")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_durations_as_people_write_them() {
        for (text, millis) in [
            ("30s", 30_000),
            ("250ms", 250),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("30d", 2_592_000_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse_duration(" 30s "), Ok(Duration::from_secs(30)));
    }

    #[test]
    fn refuses_the_rest_and_says_how_to_write_it() {
        for (text, hint) in [
            ("", "as in \"30s\""),
            ("30", "write \"30s\" for seconds"),
            ("30 s", "as in \"30s\""),
            ("-5s", "as in \"30s\""),
            ("s", "as in \"30s\""),
            ("30sec", "`sec` is no unit of time"),
            ("30S", "`S` is no unit of time"),
            ("1.5h", "\"1h30m\""),
            ("30m1h", "longest first"),
            ("1s1s", "each unit once"),
            (
                "99999999999999999999999999999999999999999s",
                "longer than can be counted",
            ),
            ("18446744073709551615d", "longer than can be counted"),
            ("3０s", "as in \"30s\""),
        ] {
            let message = parse_duration(text).unwrap_err().to_string();
            assert!(message.contains(hint), "{text}: {message}");
            assert!(
                message.starts_with(&format!("`{text}` is not a duration; ")),
                "{message}"
            );
        }
    }

    #[test]
    fn writes_the_longest_units_first() {
        assert_eq!(format_duration(Duration::from_secs(5400)), "1h30m");
        assert_eq!(format_duration(Duration::from_millis(1500)), "1s500ms");
        assert_eq!(format_duration(Duration::ZERO), "0s");
        assert_eq!(format_duration(Duration::from_nanos(1_000_001)), "1ms1ns");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds: u64, nanos in 0u32..1_000_000_000) {
            let duration = Duration::new(seconds, nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[0-9dhms. ]{0,40}") {
            let _ = parse_duration(&text);
        }
    }
}
