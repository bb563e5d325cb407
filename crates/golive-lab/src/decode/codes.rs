//! S4, S8: codes that anyone can undo: base64, base32, hex, binary, decimal numbers, percent, entities, escapes, Morse,
//! rotated and reversed alphabets, reversed order.
//!
//! Never: takes noise for a text. What is decoded must be UTF-8 that can be read.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Every run of a code within a text, decoded by itself.
pub(super) fn runs(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut take = |bytes: Option<Vec<u8>>| {
        found.extend(
            bytes
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .filter(|text| readable(text)),
        );
    };
    let coded = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    // A code may be broken over lines; a line that is wholly of its letters goes on, an empty one ends it.
    for source in [
        text.to_owned(),
        text.replace("\n\n", " ").replace(['\n', '\r'], ""),
    ] {
        for run in source.split(|c| !coded(c)).filter(|run| run.len() >= RUN_MIN) {
            // A sign of the text around it is not of the code.
            let run = run.trim_start_matches(['+', '-', '/', '_']);
            take(hex(run));
            take(STANDARD_NO_PAD.decode(run).ok());
            take(URL_SAFE_NO_PAD.decode(run).ok());
            take(base32(run));
        }
    }
    take(numbers(text, 2, 8..=8));
    take(numbers(text, 10, 2..=3));
    take(numbers(text, 16, 2..=2));
    found
}

/// The longest run of words that are numbers of bytes.
fn numbers(text: &str, radix: u32, digits: std::ops::RangeInclusive<usize>) -> Option<Vec<u8>> {
    let mut longest: Vec<u8> = Vec::new();
    let mut run: Vec<u8> = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || c == ',') {
        let number = (digits.contains(&word.len()) && word.chars().all(|c| c.is_digit(radix)))
            .then(|| u8::from_str_radix(word, radix).ok())
            .flatten();
        match number {
            Some(byte) => run.push(byte),
            None => run.clear(),
        }
        if run.len() > longest.len() {
            longest.clone_from(&run);
        }
    }
    (longest.len() >= RUN_MIN / 2).then_some(longest)
}

/// `%69%67…`, wherever it stands.
pub(super) fn percent(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let (mut at, mut changed) = (0, false);
    while at < bytes.len() {
        let two = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match two.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
                changed = true;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    changed.then(|| String::from_utf8(out).ok()).flatten()
}

/// `&#105;`, `&#x69;` and the named ones of markup.
pub(super) fn entities(text: &str) -> Option<String> {
    if !text.contains('&') {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut changed) = (text, false);
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest
            .char_indices()
            .take(12)
            .find(|(_, c)| *c == ';')
            .map(|(end, _)| end);
        let decoded = end.and_then(|end| entity(&rest[1..end]));
        match (decoded, end) {
            (Some(c), Some(end)) => {
                out.push(c);
                rest = &rest[end + 1..];
                changed = true;
            }
            _ => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    changed.then_some(out)
}

fn entity(name: &str) -> Option<char> {
    match name {
        "quot" => Some('"'),
        "apos" => Some('\''),
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// `\u0069`, `\x69`, `\"` and `\n` as JSON and code write them.
pub(super) fn escapes(text: &str) -> Option<String> {
    if !text.contains('\\') {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let code = |from: usize, to: usize| {
            rest.get(from..to)
                .and_then(|hex| u32::from_str_radix(hex, 16).ok())
        };
        let (decoded, used) = match rest.chars().next() {
            Some('u') => (code(1, 5).and_then(char::from_u32), 5),
            Some('x') => (code(1, 3).and_then(char::from_u32), 3),
            Some('n') => (Some('\n'), 1),
            Some('t') => (Some(' '), 1),
            Some(c @ ('"' | '\'' | '\\' | '/')) => (Some(c), 1),
            _ => (None, 0),
        };
        match decoded {
            Some(c) => {
                out.push(c);
                rest = &rest[used..];
            }
            None => out.push('\\'),
        }
    }
    out.push_str(rest);
    (out != text).then_some(out)
}

/// Morse, words divided by a slash. Letters, digits and the quotation mark.
pub(super) fn morse(text: &str) -> Option<String> {
    let signals: Vec<&str> = text
        .split_whitespace()
        .filter(|word| word.chars().all(|c| ".-/".contains(c)))
        .collect();
    if signals.len() < RUN_MIN {
        return None;
    }
    let letter = |signal: &&str| match *signal {
        "/" => Some(' '),
        signal => MORSE.iter().find(|(_, code)| *code == signal).map(|(c, _)| *c),
    };
    Some(signals.iter().filter_map(letter).collect())
}

/// Backwards by characters.
pub(super) fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// Backwards by words.
pub(super) fn words_reversed(text: &str) -> String {
    text.split(' ').rev().collect::<Vec<_>>().join(" ")
}

/// The alphabet turned by half.
pub(super) fn rot13(text: &str) -> String {
    let turn = |c: char, first: u8| char::from((c as u8 - first + 13) % 26 + first);
    text.chars()
        .map(|c| match c {
            'a'..='z' => turn(c, b'a'),
            'A'..='Z' => turn(c, b'A'),
            c => c,
        })
        .collect()
}

/// The alphabet read backwards.
pub(super) fn atbash(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'a'..='z' => char::from(b'z' - (c as u8 - b'a')),
            'A'..='Z' => char::from(b'Z' - (c as u8 - b'A')),
            c => c,
        })
        .collect()
}

fn hex(run: &str) -> Option<Vec<u8>> {
    if !run.len().is_multiple_of(2) {
        return None;
    }
    run.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

fn base32(run: &str) -> Option<Vec<u8>> {
    let (mut bits, mut held) = (0_u32, 0);
    let mut out = Vec::with_capacity(run.len() * 5 / 8);
    for c in run.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'2'..=b'7' => c - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xFF) as u8);
        }
    }
    Some(out)
}

/// Words as people and programs write them, and not what random bytes happen to spell.
fn readable(text: &str) -> bool {
    let (mut good, mut all) = (0, 0);
    for c in text.chars() {
        all += 1;
        good += usize::from(!c.is_control() || c.is_whitespace());
    }
    all >= 4 && good * 10 >= all * 9
}

/// Shorter runs are words.
const RUN_MIN: usize = 12;

const MORSE: &[(char, &str)] = &[
    ('a', ".-"),
    ('b', "-..."),
    ('c', "-.-."),
    ('d', "-.."),
    ('e', "."),
    ('f', "..-."),
    ('g', "--."),
    ('h', "...."),
    ('i', ".."),
    ('j', ".---"),
    ('k', "-.-"),
    ('l', ".-.."),
    ('m', "--"),
    ('n', "-."),
    ('o', "---"),
    ('p', ".--."),
    ('q', "--.-"),
    ('r', ".-."),
    ('s', "..."),
    ('t', "-"),
    ('u', "..-"),
    ('v', "...-"),
    ('w', ".--"),
    ('x', "-..-"),
    ('y', "-.--"),
    ('z', "--.."),
    ('"', ".-..-."),
    ('0', "-----"),
    ('1', ".----"),
    ('2', "..---"),
    ('3', "...--"),
    ('4', "....-"),
    ('5', "....."),
    ('6', "-...."),
    ('7', "--..."),
    ('8', "---.."),
    ('9', "----."),
];
