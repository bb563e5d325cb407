//! P2, P3, P4, M1: what can go wrong at a provider, as data. A fault has one name, the same in a script, in
//! the header `x-lab-fault` and after `fault-` in a model's name.
//!
//! Never: acts. The answer that a fault turns into is made in `answer.rs`, and done in `serve/`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

mod table;
mod text;

/// One way to misbehave.
///
/// In JSON either a table (`{"kind": "stall", "after_chunks": 3}`) or the short text that headers and model
/// names use (`"stall-3"`). Times are in milliseconds, sizes in bytes, `null` or absent means "for ever".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fault {
    /// Answers with a status other than 200: `status-503`, `status-429-retry-after-2`.
    Status {
        /// 200 to 999.
        code: u16,
        /// Further response headers, such as `retry-after`.
        headers: BTreeMap<String, String>,
        /// What stands in the body.
        body: StatusBody,
    },
    /// Reads the request and never answers: `hang-before-headers`.
    HangBeforeHeaders,
    /// Sends status and headers, then nothing: `hang-after-headers`.
    HangAfterHeaders,
    /// Sends some chunks, falls silent, and goes on after `for_ms` if that is given: `stall-3`,
    /// `stall-3-2000`. A body that is not a stream stalls at its middle.
    Stall {
        /// Chunks (events of a stream) sent before the silence.
        after_chunks: u32,
        /// Length of the silence; for ever when absent.
        for_ms: Option<u64>,
    },
    /// Sends some chunks or bytes, then closes the connection: `cut-3`.
    Cut {
        /// Chunks sent before the cut. A body that is not a stream is cut at its middle.
        after_chunks: u32,
        /// Bytes of the body sent before the cut; wins over `after_chunks`.
        after_bytes: Option<u64>,
    },
    /// Sends the body one byte at a time: `drip`, `drip-250`.
    Drip {
        /// Wait before each byte.
        interval_ms: u64,
    },
    /// Sends a body that is not JSON, or a stream whose second event is not: `malformed`.
    Malformed,
    /// Sends a right body under a wrong content type: `wrong-content-type`.
    WrongContentType,
    /// Waits, then answers as if nothing had been: `slow-2000`.
    Slow {
        /// Wait before the status line.
        ms: u64,
    },
    /// Resets the connection (RST) instead of answering: `reset`.
    Reset,
    /// Resets this connection and refuses new ones: `refuse`, `refuse-5000`. Only for a provider with a
    /// port of its own; elsewhere the request is answered 501.
    Refuse {
        /// How long connections are refused; until told otherwise when absent.
        for_ms: Option<u64>,
    },
    /// Sends content without end: `endless`, `endless-10`.
    Endless {
        /// Wait between two chunks; 0 is as fast as the client reads.
        interval_ms: u64,
    },
    /// Sends a right answer with an oversized header: `huge-header`, `huge-header-65536`.
    HugeHeader {
        /// Length of the header's value, at most 16 MiB.
        bytes: u32,
    },
    /// Sends a right but oversized body: `huge-body`, `huge-body-1048576`.
    HugeBody {
        /// Least length of the body, at most 4 GiB.
        bytes: u64,
    },
    /// Answers 302: `redirect`.
    Redirect {
        /// The `location`; when absent a path of the same provider which records whoever follows.
        to: Option<String>,
    },
    /// Answers 200 with a page of HTML: `html-200`.
    #[serde(rename = "html-200")]
    Html200,
    /// Promises a longer body than it sends, then closes: `half-body`.
    HalfBody,
    /// Ends a stream cleanly but without its terminator (and its last event): `no-done`. A body that is not
    /// a stream ends in the middle of its JSON, with a matching length.
    NoDone,
    /// Sends some chunks, then the wire format's error event, and ends: `error-event-3`. A body that is not
    /// a stream becomes an error object under status 200.
    ErrorEvent {
        /// Chunks sent before the error.
        after_chunks: u32,
    },
}

/// The body of a [`Fault::Status`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusBody {
    /// The error object of the wire format that was asked.
    #[default]
    Wire,
    /// A page as an edge proxy sends it.
    Html,
    /// Nothing.
    Empty,
    /// This text, as `text/plain`.
    Text(String),
}

/// Text that names no fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a fault of the lab; write one of {}", Fault::NAMES.join(", "))]
pub struct NotAFault {
    /// What was written.
    pub text: String,
}

impl Fault {
    /// The short texts, arguments in capitals, those in brackets optional.
    pub const NAMES: &'static [&'static str] = &[
        "status-CODE[-retry-after-SECONDS]",
        "hang-before-headers",
        "hang-after-headers",
        "stall[-CHUNKS[-MS]]",
        "cut[-CHUNKS]",
        "drip[-MS]",
        "malformed",
        "wrong-content-type",
        "slow-MS",
        "reset",
        "refuse[-MS]",
        "endless[-MS]",
        "huge-header[-BYTES]",
        "huge-body[-BYTES]",
        "redirect",
        "html-200",
        "half-body",
        "no-done",
        "error-event[-CHUNKS]",
    ];

    /// A status with the wire format's own error body.
    pub fn status(code: u16) -> Self {
        Fault::Status {
            code,
            headers: BTreeMap::new(),
            body: StatusBody::Wire,
        }
    }

    /// Whether the values are within the ranges that the fields document.
    pub(crate) fn check(&self) -> Result<(), NotAFault> {
        let sane = match self {
            Fault::Status { code, headers, .. } => {
                (200..=999).contains(code)
                    && headers.iter().all(|(name, value)| {
                        http::HeaderName::from_bytes(name.as_bytes()).is_ok()
                            && http::HeaderValue::from_str(value).is_ok()
                    })
            }
            Fault::HugeHeader { bytes } => *bytes <= 16 << 20,
            Fault::HugeBody { bytes } => *bytes <= 4 << 30,
            Fault::Redirect { to: Some(to) } => http::HeaderValue::from_str(to).is_ok(),
            _ => true,
        };
        if sane {
            Ok(())
        } else {
            Err(NotAFault {
                text: self.to_string(),
            })
        }
    }
}

/// The short text, without what it cannot carry (headers, bodies, byte counts of a cut, targets).
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Status { code, headers, .. } => {
                write!(f, "status-{code}")?;
                match headers.get("retry-after") {
                    Some(seconds) => write!(f, "-retry-after-{seconds}"),
                    None => Ok(()),
                }
            }
            Fault::HangBeforeHeaders => f.write_str("hang-before-headers"),
            Fault::HangAfterHeaders => f.write_str("hang-after-headers"),
            Fault::Stall {
                after_chunks,
                for_ms: None,
            } => write!(f, "stall-{after_chunks}"),
            Fault::Stall {
                after_chunks,
                for_ms: Some(ms),
            } => write!(f, "stall-{after_chunks}-{ms}"),
            Fault::Cut { after_chunks, .. } => write!(f, "cut-{after_chunks}"),
            Fault::Drip { interval_ms } => write!(f, "drip-{interval_ms}"),
            Fault::Malformed => f.write_str("malformed"),
            Fault::WrongContentType => f.write_str("wrong-content-type"),
            Fault::Slow { ms } => write!(f, "slow-{ms}"),
            Fault::Reset => f.write_str("reset"),
            Fault::Refuse { for_ms: None } => f.write_str("refuse"),
            Fault::Refuse { for_ms: Some(ms) } => write!(f, "refuse-{ms}"),
            Fault::Endless { interval_ms } => write!(f, "endless-{interval_ms}"),
            Fault::HugeHeader { bytes } => write!(f, "huge-header-{bytes}"),
            Fault::HugeBody { bytes } => write!(f, "huge-body-{bytes}"),
            Fault::Redirect { .. } => f.write_str("redirect"),
            Fault::Html200 => f.write_str("html-200"),
            Fault::HalfBody => f.write_str("half-body"),
            Fault::NoDone => f.write_str("no-done"),
            Fault::ErrorEvent { after_chunks } => write!(f, "error-event-{after_chunks}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_short_text_is_read_back_as_the_same_fault() {
        for text in [
            "status-503",
            "status-429-retry-after-2",
            "hang-before-headers",
            "hang-after-headers",
            "stall-3",
            "stall-3-2000",
            "cut-2",
            "drip-250",
            "malformed",
            "wrong-content-type",
            "slow-2000",
            "reset",
            "refuse",
            "refuse-5000",
            "endless-10",
            "huge-header-65536",
            "huge-body-1048576",
            "redirect",
            "html-200",
            "half-body",
            "no-done",
            "error-event-2",
        ] {
            let fault: Fault = text.parse().unwrap();
            assert_eq!(fault.to_string(), text);
            let table = serde_json::to_string(&fault).unwrap();
            assert_eq!(serde_json::from_str::<Fault>(&table).unwrap(), fault, "{table}");
        }
    }

    #[test]
    fn every_name_in_the_list_is_a_fault_without_its_optional_arguments() {
        for name in Fault::NAMES {
            let text = name
                .split('[')
                .next()
                .unwrap()
                .replace("CODE", "503")
                .replace("MS", "10");
            assert!(text.parse::<Fault>().is_ok(), "{text}");
        }
    }

    #[test]
    fn a_text_that_names_no_fault_is_refused_with_the_list() {
        for text in [
            "",
            "stal",
            "slow",
            "status",
            "status-42",
            "status-abc",
            "cut-1-2",
            "drip--1",
            "stall-x",
        ] {
            let mistake = text.parse::<Fault>().unwrap_err().to_string();
            assert!(mistake.contains("hang-before-headers"), "{text}: {mistake}");
        }
    }

    #[test]
    fn a_table_with_an_unknown_key_or_a_broken_header_is_refused() {
        for table in [
            r#"{"kind":"slow","ms":1,"for":2}"#,
            r#"{"kind":"reset","ms":1}"#,
            r#"{"kind":"status","code":503,"headers":{"a b":"c"}}"#,
            r#"{"kind":"status","code":503,"headers":{"a":"b\nc"}}"#,
        ] {
            assert!(serde_json::from_str::<Fault>(table).is_err(), "{table}");
        }
    }
}
