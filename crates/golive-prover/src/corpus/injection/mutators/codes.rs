//! S8: the whole text as a code. What comes of it is kept: no letter of it may change.
//!
//! Never: a code that needs a key.

use std::fmt::Write as _;

use super::{Change, Group, Mutator};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

pub(super) const ALL: &[Mutator] = &[
    code("base64", |text| STANDARD.encode(text)),
    code("base64 of the address bar", |text| URL_SAFE_NO_PAD.encode(text)),
    code("base64 in lines", |text| {
        let coded = STANDARD.encode(text);
        let lines: Vec<&str> = coded
            .as_bytes()
            .chunks(64)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        lines.join("\n")
    }),
    code("base32", |text| base32(text.as_bytes())),
    code("hex", |text| bytes(text, |out, byte| write!(out, "{byte:02x}"))),
    code("hex in pairs", |text| {
        bytes(text, |out, byte| write!(out, "{byte:02x} "))
    }),
    code("binary", |text| {
        bytes(text, |out, byte| write!(out, "{byte:08b} "))
    }),
    code("decimal codes", |text| {
        bytes(text, |out, byte| write!(out, "{byte} "))
    }),
    code("percent", |text| {
        bytes(text, |out, byte| write!(out, "%{byte:02X}"))
    }),
    code("entities", |text| {
        chars(text, |out, c| write!(out, "&#{};", c as u32))
    }),
    code("hex entities", |text| {
        chars(text, |out, c| write!(out, "&#x{:x};", c as u32))
    }),
    code("unicode escapes", |text| {
        let mut units = [0; 2];
        chars(text, |out, c| {
            c.encode_utf16(&mut units)
                .iter()
                .try_for_each(|unit| write!(out, "\\u{unit:04x}"))
        })
    }),
    code("rot13", |text| letters(text, |at| (at + 13) % 26)),
    code("atbash", |text| letters(text, |at| 25 - at)),
    code("backwards", |text| text.chars().rev().collect()),
    code("words backwards", |text| {
        text.split(' ').rev().collect::<Vec<_>>().join(" ")
    }),
];

const fn code(name: &'static str, change: fn(&str) -> String) -> Mutator {
    Mutator {
        name,
        group: Group::Codes,
        change: Change::Whole(change),
    }
}

fn bytes(text: &str, write: impl Fn(&mut String, u8) -> std::fmt::Result) -> String {
    let mut out = String::with_capacity(text.len() * 4);
    for byte in text.bytes() {
        // A string takes whatever is written to it.
        let _ = write(&mut out, byte);
    }
    out
}

fn chars(text: &str, mut write: impl FnMut(&mut String, char) -> std::fmt::Result) -> String {
    let mut out = String::with_capacity(text.len() * 6);
    for c in text.chars() {
        let _ = write(&mut out, c);
    }
    out
}

fn letters(text: &str, place: fn(u8) -> u8) -> String {
    text.chars()
        .map(|c| match c {
            'a'..='z' => char::from(place(c as u8 - b'a') + b'a'),
            'A'..='Z' => char::from(place(c as u8 - b'A') + b'A'),
            c => c,
        })
        .collect()
}

fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::with_capacity(bytes.len() * 8 / 5 + 8);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(ALPHABET[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        out.push(char::from(ALPHABET[(held << (5 - bits) & 31) as usize]));
    }
    while !out.len().is_multiple_of(8) {
        out.push('=');
    }
    out
}
