//! Sizes in bytes, `"64 KiB"` or `"10 MB"`.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::serde_as_text;

/// Units with their bytes, the largest first; binary before decimal.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// A number of bytes. `KiB` is 1,024 of them, `kB` 1,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

serde_as_text!(ByteSize, "a size such as \"64 KiB\" or \"10 MB\"");

impl FromStr for ByteSize {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let refuse = |because| NotASize {
            text: text.to_owned(),
            because,
        };
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = trimmed.split_at(digits);
        let unit = unit.trim_start();
        if number.is_empty() {
            return Err(refuse(Because::Shape));
        }
        if unit.starts_with(['.', ',', '_']) {
            return Err(refuse(Because::Fraction));
        }
        if unit.is_empty() {
            return Err(refuse(Because::NoUnit(number.to_owned())));
        }
        // `KB` is what many write for `kB`; no other letter may change its case, for `Mb` and `mb` are other units.
        let unit = if unit == "KB" { "kB" } else { unit };
        let Some((_, bytes)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(refuse(Because::UnknownUnit(unit.to_owned())));
        };
        number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*bytes))
            .map(Self)
            .ok_or_else(|| refuse(Because::TooLarge))
    }
}

impl fmt::Display for ByteSize {
    /// The unit that needs the smallest whole number: `4 MiB`, `10 MB`, `1500 B`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS
            .iter()
            .filter(|(_, bytes)| self.0 > 0 && self.0.is_multiple_of(*bytes));
        let (name, bytes) = whole.min_by_key(|(_, bytes)| self.0 / bytes).unwrap_or(&("B", 1));
        f.pad(&format!("{} {name}", self.0 / bytes))
    }
}

/// A text that is no size.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a size; {because}")]
pub struct NotASize {
    text: String,
    because: Because,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Because {
    #[error("write a whole number and B, KiB, MiB, GiB, kB, MB or GB, as in \"64 KiB\"")]
    Shape,
    #[error(
        "its unit is missing: write \"{0} B\" for bytes, \"{0} KiB\" for 1,024 of them, \"{0} MiB\" for 1,024 of those"
    )]
    NoUnit(String),
    #[error("`{0}` is no unit of size; write B, KiB, MiB, GiB, kB, MB or GB, as in \"64 KiB\"")]
    UnknownUnit(String),
    #[error(
        "write a whole number in digits alone with the next smaller unit, as in \"1536 KiB\" for 1.5 MiB"
    )]
    Fraction,
    #[error("it is larger than can be counted; did you mean a smaller unit?")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_writes_sizes_as_people_do() {
        for (text, bytes, written) in [
            ("64 KiB", 65_536, "64 KiB"),
            ("10 MB", 10_000_000, "10 MB"),
            ("4MiB", 4_194_304, "4 MiB"),
            ("1 KB", 1_000, "1 kB"),
            ("1 kB", 1_000, "1 kB"),
            ("1500 B", 1_500, "1500 B"),
            ("0 B", 0, "0 B"),
            ("2 TiB", 2 << 40, "2 TiB"),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
            assert_eq!(ByteSize(bytes).to_string(), written);
        }
    }

    #[test]
    fn refuses_the_rest_and_says_how_to_write_it() {
        for (text, hint) in [
            ("", "as in \"64 KiB\""),
            ("KiB", "as in \"64 KiB\""),
            ("-1 B", "as in \"64 KiB\""),
            ("64", "write \"64 B\" for bytes"),
            ("64 Mb", "`Mb` is no unit of size"),
            ("64 kib", "`kib` is no unit of size"),
            ("1.5 MiB", "\"1536 KiB\""),
            ("10,000 B", "digits alone"),
            ("99999999999999999999 B", "larger than can be counted"),
            ("99999999999 GiB", "larger than can be counted"),
        ] {
            let message = text.parse::<ByteSize>().unwrap_err().to_string();
            assert!(message.contains(hint), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: u64, shift in 0u32..64) {
            let size = ByteSize(bytes >> shift << (shift / 2));
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[0-9 KMGTiB.]{0,20}") {
            let _ = text.parse::<ByteSize>();
        }
    }
}
