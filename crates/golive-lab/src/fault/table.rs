//! A fault in JSON: its short text, or a table with every value.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::text::{DRIP_MS, ENDLESS_MS, HUGE_BODY_BYTES, HUGE_HEADER_BYTES};
use super::{Fault, StatusBody};

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;

        impl<'de> Visitor<'de> for TextOrTable {
            type Value = Fault;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a fault's short text, or a table with its `kind`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Fault, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fault, A::Error> {
                let fault = Table::deserialize(MapAccessDeserializer::new(map))?.fault();
                fault.check().map_err(de::Error::custom)?;
                Ok(fault)
            }
        }

        deserializer.deserialize_any(TextOrTable)
    }
}

/// A fault as a table in JSON.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Table {
    Status {
        code: u16,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        body: StatusBody,
    },
    HangBeforeHeaders {},
    HangAfterHeaders {},
    Stall {
        #[serde(default = "one")]
        after_chunks: u32,
        for_ms: Option<u64>,
    },
    Cut {
        #[serde(default = "one")]
        after_chunks: u32,
        after_bytes: Option<u64>,
    },
    Drip {
        #[serde(default = "drip")]
        interval_ms: u64,
    },
    Malformed {},
    WrongContentType {},
    Slow {
        ms: u64,
    },
    Reset {},
    Refuse {
        for_ms: Option<u64>,
    },
    Endless {
        #[serde(default = "endless")]
        interval_ms: u64,
    },
    HugeHeader {
        #[serde(default = "huge_header")]
        bytes: u32,
    },
    HugeBody {
        #[serde(default = "huge_body")]
        bytes: u64,
    },
    Redirect {
        to: Option<String>,
    },
    #[serde(rename = "html-200")]
    Html200 {},
    HalfBody {},
    NoDone {},
    ErrorEvent {
        #[serde(default = "one")]
        after_chunks: u32,
    },
}

fn one() -> u32 {
    1
}

fn drip() -> u64 {
    DRIP_MS
}

fn endless() -> u64 {
    ENDLESS_MS
}

fn huge_header() -> u32 {
    HUGE_HEADER_BYTES as u32
}

fn huge_body() -> u64 {
    HUGE_BODY_BYTES
}

impl Table {
    fn fault(self) -> Fault {
        match self {
            Table::Status { code, headers, body } => Fault::Status { code, headers, body },
            Table::HangBeforeHeaders {} => Fault::HangBeforeHeaders,
            Table::HangAfterHeaders {} => Fault::HangAfterHeaders,
            Table::Stall { after_chunks, for_ms } => Fault::Stall { after_chunks, for_ms },
            Table::Cut {
                after_chunks,
                after_bytes,
            } => Fault::Cut {
                after_chunks,
                after_bytes,
            },
            Table::Drip { interval_ms } => Fault::Drip { interval_ms },
            Table::Malformed {} => Fault::Malformed,
            Table::WrongContentType {} => Fault::WrongContentType,
            Table::Slow { ms } => Fault::Slow { ms },
            Table::Reset {} => Fault::Reset,
            Table::Refuse { for_ms } => Fault::Refuse { for_ms },
            Table::Endless { interval_ms } => Fault::Endless { interval_ms },
            Table::HugeHeader { bytes } => Fault::HugeHeader { bytes },
            Table::HugeBody { bytes } => Fault::HugeBody { bytes },
            Table::Redirect { to } => Fault::Redirect { to },
            Table::Html200 {} => Fault::Html200,
            Table::HalfBody {} => Fault::HalfBody,
            Table::NoDone {} => Fault::NoDone,
            Table::ErrorEvent { after_chunks } => Fault::ErrorEvent { after_chunks },
        }
    }
}
