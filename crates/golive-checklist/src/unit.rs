//! Numbers with their units, as people write them in `golive.toml` and read them in reports: `"100/h"`, `"25 USD"`,
//! `"64 KiB"`, `"1h30m"`.
//!
//! Never: guesses. A number without its unit, or one that does not fit, is refused with the way to write it.
//! What is printed is read back as the same value.

mod duration;
mod money;
mod rate;
mod size;

pub use duration::{NotADuration, format_duration, parse_duration};
pub use money::{MicroUsd, NanoUsd, NotMoney};
pub use rate::{NotARate, Rate};
pub use size::{ByteSize, NotASize};

/// Reads and writes a unit as the text that people write.
macro_rules! serde_as_text {
    ($type:ty, $expecting:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}
use serde_as_text;
