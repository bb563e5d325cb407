//! S3: strict JSON, in one pass over the bytes and in bounded memory.
//!
//! Refused, beyond what RFC 8259 forbids: names given twice (after unescaping: two parsers that disagree on which one
//! counts are an attack), surrogates without their pair, U+0000, bytes after the value, a byte order mark, numbers
//! that no 64-bit float holds, and anything past [`Bounds`].
//!
//! Time is linear in the bytes. Memory is bounded by `Bounds::depth` frames and one entry per open name; nothing is
//! allocated per value, and past 16 names one set per object.
//!
//! Never: builds values, recurses, or says what a string contained.

use super::names::Names;
use super::pointer::pointer;
use super::token::{self, StringEnd};

/// How much a body may be. Every bound is inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Objects and arrays inside one another; a body that is one flat object has depth 1. Default 64: deep enough
    /// for any JSON Schema seen in tools, shallow enough for recursive parsers behind golive (serde's limit is 128).
    pub depth: usize,
    /// Values of any kind in the whole body; names do not count. Default 100,000.
    pub nodes: usize,
    /// Bytes of one string between its quotes, escapes as written. Default 1 MiB (a picture in base64 may need more).
    pub string_bytes: usize,
    /// Bytes of one name, as written. Default 512.
    pub key_bytes: usize,
    /// Names in one object. Default 10,000.
    pub keys: usize,
    /// Bytes of one number. Default 64: a 64-bit float needs at most 25, a 128-bit integer 40.
    pub number_bytes: usize,
    /// Whether strings may contain U+0000. Default no: databases and C libraries behind cut or refuse it.
    pub allow_nul: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            depth: 64,
            nodes: 100_000,
            string_bytes: 1 << 20,
            key_bytes: 512,
            keys: 10_000,
            number_bytes: 64,
            allow_nul: false,
        }
    }
}

/// How much a valid body was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// Deepest nesting; 0 for a bare scalar.
    pub depth: usize,
    /// Number of values.
    pub nodes: usize,
    /// Bytes of all strings that are values, between their quotes.
    pub strings_bytes: usize,
}

/// Why a body is refused. One sentence for the caller, without anything of the body's content but names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (byte {offset})")]
pub struct Rejection {
    /// Stable word: see [`CODES`].
    pub code: &'static str,
    /// What is wrong and what is allowed.
    pub message: String,
    /// Place in the body, in bytes from 0.
    pub offset: usize,
    /// JSON pointer (RFC 6901) to the value in which it happened; shortened with `…` when very long.
    pub pointer: String,
}

/// Every code of a [`Rejection`].
pub const CODES: &[&str] = &[
    "empty_body",
    "body_too_large",
    "byte_order_mark",
    "not_utf8",
    "invalid_json",
    "trailing_bytes",
    "duplicate_name",
    "lone_surrogate",
    "control_character",
    "nul_character",
    "number_out_of_range",
    "number_too_long",
    "too_deep",
    "too_many_nodes",
    "too_many_keys",
    "string_too_long",
    "key_too_long",
];

/// Checks a whole body.
///
/// # Errors
/// The first thing wrong with it, in the order of its bytes (a name given twice is found where its object ends).
pub fn check(bytes: &[u8], bounds: &Bounds) -> Result<Shape, Rejection> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(bare("body_too_large", "the body is larger than 4 GiB", 0));
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(bare(
            "byte_order_mark",
            "the body begins with a byte order mark; send plain UTF-8",
            0,
        ));
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(bare("not_utf8", "the body is not UTF-8", error.valid_up_to()));
    }
    let mut scan = Scan {
        bytes,
        bounds,
        at: 0,
        shape: Shape::default(),
        frames: Vec::with_capacity(8), // more than bodies commonly nest
        names: Names::default(),
    };
    match scan.run() {
        Ok(()) => Ok(scan.shape),
        Err(fault) => Err(scan.reject(fault)),
    }
}

fn bare(code: &'static str, message: &str, offset: usize) -> Rejection {
    Rejection {
        code,
        message: message.to_owned(),
        offset,
        pointer: String::new(),
    }
}

/// What is wrong, before it is told. Small: it travels on the hot path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Empty,
    Unexpected(usize),
    Ended,
    BadLiteral(usize),
    BadNumber(usize),
    BadEscape(usize),
    Trailing(usize),
    Twice(usize),
    LoneSurrogate(usize),
    Control(usize),
    Nul(usize),
    NumberRange(usize),
    NumberLong(usize),
    Deep(usize),
    Nodes(usize),
    Keys(usize),
    StringLong(usize),
    KeyLong(usize),
}

/// An open object or array.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Place of its first name in [`Names`]; `None` for an array.
    pub(super) first_name: Option<usize>,
    /// Elements so far, the current one included (arrays only).
    pub(super) elements: usize,
}

struct Scan<'a> {
    bytes: &'a [u8],
    bounds: &'a Bounds,
    at: usize,
    shape: Shape,
    frames: Vec<Frame>,
    names: Names,
}

impl Scan<'_> {
    /// Alternates between "a value begins here" and "a value ended here" until the outermost one is over.
    fn run(&mut self) -> Result<(), Fault> {
        if self.peek().is_none() {
            return Err(Fault::Empty);
        }
        loop {
            if self.value()? {
                continue; // a container with something in it was opened: its first value begins here
            }
            if !self.after_value()? {
                break;
            }
        }
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Fault::Trailing(self.at)),
        }
    }

    /// Reads a scalar, an empty container, or the opening of a container. `true`: a value follows inside it.
    fn value(&mut self) -> Result<bool, Fault> {
        let byte = self.peek().ok_or(Fault::Ended)?;
        self.shape.nodes += 1;
        if self.shape.nodes > self.bounds.nodes {
            return Err(Fault::Nodes(self.at));
        }
        match byte {
            b'"' => {
                let start = self.at + 1;
                let string = self.string(self.bounds.string_bytes, Fault::StringLong)?;
                self.shape.strings_bytes += string.end - start;
                Ok(false)
            }
            b'{' => {
                self.open(Some(self.names.len()))?;
                if self.peek() == Some(b'}') {
                    self.close();
                    return Ok(false);
                }
                self.name()?;
                Ok(true)
            }
            b'[' => {
                self.open(None)?;
                if self.peek() == Some(b']') {
                    self.close();
                    return Ok(false);
                }
                Ok(true)
            }
            b'-' | b'0'..=b'9' => self.number().map(|()| false),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            b'N' | b'I' => Err(Fault::BadLiteral(self.at)),
            _ => Err(Fault::Unexpected(self.at)),
        }
    }

    /// After a value: on to the next one (`true`), or out of every container that ends here (`false`: all ended).
    fn after_value(&mut self) -> Result<bool, Fault> {
        while let Some(frame) = self.frames.last().copied() {
            let byte = self.peek().ok_or(Fault::Ended)?;
            match (byte, frame.first_name) {
                (b',', None) => {
                    self.at += 1;
                    if let Some(frame) = self.frames.last_mut() {
                        frame.elements += 1;
                    }
                    return Ok(true);
                }
                (b',', Some(first)) => {
                    self.at += 1;
                    if self.peek() != Some(b'"') {
                        return Err(self.unexpected());
                    }
                    if self.names.len() - first >= self.bounds.keys {
                        return Err(Fault::Keys(self.at));
                    }
                    self.name()?;
                    return Ok(true);
                }
                (b']', None) => self.close(),
                (b'}', Some(first)) => {
                    if let Some(again) = self.names.first_duplicate(self.bytes, first) {
                        return Err(Fault::Twice(again));
                    }
                    self.names.truncate(first);
                    self.close();
                }
                _ => return Err(Fault::Unexpected(self.at)),
            }
        }
        Ok(false)
    }

    fn open(&mut self, first_name: Option<usize>) -> Result<(), Fault> {
        if self.frames.len() >= self.bounds.depth {
            return Err(Fault::Deep(self.at));
        }
        self.frames.push(Frame {
            first_name,
            elements: 1,
        });
        self.shape.depth = self.shape.depth.max(self.frames.len());
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) {
        self.frames.pop();
        self.at += 1;
    }

    /// A name and its colon.
    fn name(&mut self) -> Result<(), Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected());
        }
        let start = self.at + 1;
        let string = self.string(self.bounds.key_bytes, Fault::KeyLong)?;
        self.names.push(self.bytes, start, string);
        if self.peek() != Some(b':') {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    /// A string; stands on its opening quote, leaves behind the closing one.
    fn string(&mut self, max: usize, too_long: fn(usize) -> Fault) -> Result<StringEnd, Fault> {
        let start = self.at + 1;
        let string = token::string(self.bytes, start, self.bounds.allow_nul)?;
        if string.end - start > max {
            return Err(too_long(self.at));
        }
        self.at = string.end + 1;
        Ok(string)
    }

    fn literal(&mut self, word: &[u8]) -> Result<bool, Fault> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(Fault::BadLiteral(self.at));
        }
        self.at += word.len();
        Ok(false)
    }

    fn number(&mut self) -> Result<(), Fault> {
        let number = token::number(self.bytes, self.at)?;
        if number.end - self.at > self.bounds.number_bytes {
            return Err(Fault::NumberLong(self.at));
        }
        // Only an exponent, or hundreds of digits, can leave the range of a float (about 1.8e308).
        if number.exponent || number.end - self.at > 300 {
            let digits = std::str::from_utf8(&self.bytes[self.at..number.end]).unwrap_or_default();
            if !digits.parse::<f64>().is_ok_and(f64::is_finite) {
                return Err(Fault::NumberRange(self.at));
            }
        }
        self.at = number.end;
        Ok(())
    }

    /// The next byte that is not white space; stands on it.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn unexpected(&self) -> Fault {
        if self.at < self.bytes.len() {
            Fault::Unexpected(self.at)
        } else {
            Fault::Ended
        }
    }

    /// Tells a fault: the only place that makes text.
    fn reject(&self, fault: Fault) -> Rejection {
        let b = self.bounds;
        let (code, offset, message) = match fault {
            Fault::Empty => ("empty_body", 0, "the body is empty".to_owned()),
            Fault::Unexpected(at) => (
                "invalid_json",
                at,
                "not valid JSON: unexpected character".to_owned(),
            ),
            Fault::Ended => (
                "invalid_json",
                self.bytes.len(),
                "not valid JSON: it ends too early".to_owned(),
            ),
            Fault::BadLiteral(at) => (
                "invalid_json",
                at,
                "not valid JSON: only `true`, `false` and `null` stand without quotes".to_owned(),
            ),
            Fault::BadNumber(at) => ("invalid_json", at, "not valid JSON: malformed number".to_owned()),
            Fault::BadEscape(at) => (
                "invalid_json",
                at,
                "not valid JSON: malformed escape in a string".to_owned(),
            ),
            Fault::Trailing(at) => (
                "trailing_bytes",
                at,
                "something follows the JSON value".to_owned(),
            ),
            Fault::Twice(at) => (
                "duplicate_name",
                at,
                "a name is given twice in one object".to_owned(),
            ),
            Fault::LoneSurrogate(at) => (
                "lone_surrogate",
                at,
                "a \\u escape is half of a surrogate pair".to_owned(),
            ),
            Fault::Control(at) => (
                "control_character",
                at,
                "a control character stands unescaped in a string".to_owned(),
            ),
            Fault::Nul(at) => (
                "nul_character",
                at,
                "a string contains the NUL character".to_owned(),
            ),
            Fault::NumberRange(at) => (
                "number_out_of_range",
                at,
                "a number is larger than a 64-bit float can hold".to_owned(),
            ),
            Fault::NumberLong(at) => (
                "number_too_long",
                at,
                format!("a number is longer than {} characters", b.number_bytes),
            ),
            Fault::Deep(at) => ("too_deep", at, format!("nested deeper than {} levels", b.depth)),
            Fault::Nodes(at) => ("too_many_nodes", at, format!("more than {} values", b.nodes)),
            Fault::Keys(at) => (
                "too_many_keys",
                at,
                format!("more than {} names in one object", b.keys),
            ),
            Fault::StringLong(at) => (
                "string_too_long",
                at,
                format!("a string is longer than {} bytes", b.string_bytes),
            ),
            Fault::KeyLong(at) => (
                "key_too_long",
                at,
                format!("a name is longer than {} bytes", b.key_bytes),
            ),
        };
        Rejection {
            code,
            message,
            offset,
            pointer: pointer(self.bytes, &self.frames, &self.names),
        }
    }
}
