//! E4: JSON read where it stands, and written member by member: what a translation moves keeps its own bytes (numbers
//! above 2^53, key order and the spelling of floats matter in a tool's input).
//!
//! Never: builds a tree of values, or writes a string that was not read as one.

use crate::edit::{elements, members};
use crate::take::Scalar;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// A value by its text. Made of text that was found to be JSON as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Json<'a>(&'a [u8]);

impl<'a> Json<'a> {
    /// `None`: the text is not JSON in UTF-8.
    pub(super) fn parse(text: &'a [u8]) -> Option<Json<'a>> {
        let text = std::str::from_utf8(text).ok()?;
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        Some(Json(text.as_bytes().trim_ascii()))
    }

    /// The value as it stands.
    pub(super) fn raw(self) -> &'a [u8] {
        self.0
    }

    /// The same as text; it was checked as a whole.
    pub(super) fn raw_text(self) -> &'a str {
        std::str::from_utf8(self.0).unwrap_or_default()
    }

    pub(super) fn is_null(self) -> bool {
        self.0 == b"null"
    }

    pub(super) fn is_true(self) -> bool {
        self.0 == b"true"
    }

    pub(super) fn is_object(self) -> bool {
        self.0.starts_with(b"{")
    }

    pub(super) fn is_array(self) -> bool {
        self.0.starts_with(b"[")
    }

    pub(super) fn is_text(self) -> bool {
        self.0.starts_with(b"\"")
    }

    /// A string, escapes resolved; `None` for another kind, and for a lone surrogate, which no string may hold.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        if !self.is_text() {
            return None;
        }
        serde_json::from_slice::<Scalar<'a>>(self.0).ok()?.text()
    }

    pub(super) fn number(self) -> Option<f64> {
        self.raw_text().parse().ok()
    }

    pub(super) fn count(self) -> Option<u64> {
        serde_json::from_slice::<Scalar<'a>>(self.0).ok()?.count()
    }

    /// The members of an object; none of anything else.
    pub(super) fn members(self) -> impl Iterator<Item = (Cow<'a, str>, Json<'a>)> {
        let text = self.0;
        members(text).map(move |member| {
            let name = Json(&text[member.name]).text().unwrap_or_default();
            (name, Json(&text[member.value]))
        })
    }

    /// The items of an array; none of anything else.
    pub(super) fn items(self) -> impl Iterator<Item = Json<'a>> {
        let text = self.0;
        elements(text).map(move |place| Json(&text[place]))
    }

    /// The member of that name, the last one as most readers take it. `null` counts as absent.
    pub(super) fn get(self, name: &str) -> Option<Json<'a>> {
        let text = self.0;
        members(text)
            .filter(|member| member.is(text, name))
            .last()
            .map(|member| Json(&text[member.value]))
            .filter(|value| !value.is_null())
    }

    /// The text of the member of that name.
    pub(super) fn word(self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.text()
    }
}

/// Writes an object, member by member.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    pub(super) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Object { out, empty: true }
    }

    /// Where the value of the next member is to be written. Names are golive's own: plain letters.
    pub(super) fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        string(self.name(name), value);
    }

    pub(super) fn raw(&mut self, name: &str, value: &[u8]) {
        self.name(name).extend_from_slice(value);
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        whole(self.name(name), value);
    }

    /// Writes one text and ends.
    pub(super) fn with_text(mut self, name: &str, value: &str) {
        self.text(name, value);
        self.end();
    }

    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

/// Writes the comma that a next item of a list needs.
pub(super) fn item(list: &mut Vec<u8>) -> &mut Vec<u8> {
    if !list.is_empty() {
        list.push(b',');
    }
    list
}

/// Writes a whole number.
pub(super) fn whole(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20]; // u64::MAX has 20
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes a string with its quotes; escaped is only what RFC 8259 §7 demands.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_is_read_where_it_stands() {
        let value =
            Json::parse(br#" {"a":[1, 12345678901234567890123],"b\u0063":"x\ny","n":null,"a":true} "#)
                .unwrap();
        assert!(value.get("a").unwrap().is_true());
        assert_eq!(value.word("bc").unwrap(), "x\ny");
        assert_eq!(value.get("n"), None);
        let (_, list) = value.members().next().unwrap();
        assert_eq!(
            list.items().map(Json::raw_text).collect::<Vec<_>>(),
            ["1", "12345678901234567890123"]
        );
        assert_eq!(Json::parse(b"{\"a\":1"), None);
        assert_eq!(Json::parse(b"{\"a\":\"\xff\"}"), None);
        assert_eq!(Json::parse(br#""\ud800""#).unwrap().text(), None);
    }

    proptest! {
        #[test]
        fn a_string_reads_back_as_it_was(text in any::<String>(), number in any::<u64>()) {
            let mut out = Vec::new();
            let mut object = Object::begin(&mut out);
            object.text("text", &text);
            object.number("number", number);
            object.end();
            let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(read["text"].as_str(), Some(&*text));
            prop_assert_eq!(read["number"].as_u64(), Some(number));
        }
    }
}
