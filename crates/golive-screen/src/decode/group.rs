//! S8: texts spelled in groups: character codes in binary, hexadecimal or decimal, and Morse.
//!
//! Never: reads a list of numbers as a text: what the groups spell has to read like a language.

use super::{Found, How, is_text, language};
use std::ops::Range;

/// Fewest groups that spell anything.
const GROUPS_FEWEST: usize = 8;
/// Most bytes between two groups of one run: `, 0x`, a line break, ` / `.
const BETWEEN_MOST: usize = 4;
/// Most that a letter pair of what is spelled may cost on the average.
const MEAN_MOST: u32 = 64;

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    for region in dense(bytes, DIGITS_DENSE, |byte| byte.is_ascii_digit()) {
        for (how, read) in CODES {
            runs(
                bytes,
                region.clone(),
                |byte| byte.is_ascii_alphanumeric(),
                *read,
                *how,
                found,
            );
        }
    }
    for region in dense(bytes, DASHES_DENSE, is_dash) {
        runs(
            bytes,
            region,
            |byte| is_dash(byte) || byte.is_ascii_alphanumeric(),
            morse,
            How::Morse,
            found,
        );
    }
}

/// Bytes of a block in which signs are counted.
const BLOCK: usize = 64;
/// Digits in a block from which on there may be codes in it: a hexadecimal code of a letter has a digit at least and
/// takes three bytes with its blank.
const DIGITS_DENSE: usize = 16;
/// Dots and dashes in a block from which on it may be Morse: they are more than half of it.
const DASHES_DENSE: usize = 24;

/// The stretches of neighbouring blocks with at least `fewest` bytes of a kind, and a block more on either side.
fn dense(bytes: &[u8], fewest: usize, is: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let mut regions: Vec<Range<usize>> = Vec::new();
    for (n, block) in bytes.chunks(BLOCK).enumerate() {
        let count = block.iter().fold(0u8, |sum, &byte| sum + u8::from(is(byte)));
        if usize::from(count) < fewest {
            continue;
        }
        let region = (n * BLOCK).saturating_sub(BLOCK)..((n + 2) * BLOCK).min(bytes.len());
        match regions.last_mut() {
            Some(last) if region.start <= last.end => last.end = region.end,
            _ => regions.push(region),
        }
    }
    regions
}

type Read = fn(&[u8]) -> Option<u8>;

const CODES: &[(How, Read)] = &[
    (How::Binary, binary),
    (How::Hex, hexadecimal),
    (How::Decimal, decimal),
];

/// Collects the runs of groups in a region that `read` all understands.
fn runs(
    bytes: &[u8],
    region: Range<usize>,
    in_group: impl Fn(u8) -> bool,
    read: Read,
    how: How,
    found: &mut Vec<Found>,
) {
    let mut run = Run::default();
    let bytes = bytes.get(..region.end).unwrap_or_default();
    let mut at = region.start;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let gap = rest.iter().take_while(|&&byte| !in_group(byte)).count();
        let start = at + gap;
        let group = bytes.get(start..).unwrap_or_default();
        let length = group.iter().take_while(|&&byte| in_group(byte)).count();
        if gap > BETWEEN_MOST || run.at.is_empty() && gap > 0 {
            run.end(how, found);
        }
        match group
            .get(..length)
            .filter(|group| !group.is_empty())
            .and_then(read)
        {
            Some(code) => {
                // In Morse a stroke or a wider gap parts words.
                let parts_words = how == How::Morse && !run.at.is_empty() && gap > 1;
                run.push(code, parts_words, start..start + length);
            }
            None => run.end(how, found),
        }
        at = start + length.max(1);
    }
    run.end(how, found);
}

#[derive(Default)]
struct Run {
    at: Range<usize>,
    groups: usize,
    text: Vec<u8>,
}

impl Run {
    fn push(&mut self, code: u8, parts_words: bool, at: Range<usize>) {
        if self.groups == 0 {
            self.at.start = at.start;
        }
        self.at.end = at.end;
        self.groups += 1;
        if parts_words {
            self.text.push(b' ');
        }
        self.text.push(code);
    }

    fn end(&mut self, how: How, found: &mut Vec<Found>) {
        let Run { at, groups, text } = std::mem::take(self);
        if groups >= GROUPS_FEWEST
            && let Ok(text) = String::from_utf8(text)
            && is_text(&text)
            && (!text.is_ascii() || language::mean_cost(&text).is_some_and(|mean| mean <= MEAN_MOST))
        {
            found.push(Found {
                how: vec![how],
                at,
                text,
            });
        }
    }
}

fn binary(group: &[u8]) -> Option<u8> {
    let bits = matches!(group.len(), 7 | 8) && group.iter().all(|byte| matches!(byte, b'0' | b'1'));
    bits.then(|| group.iter().fold(0, |sum, &byte| sum << 1 | byte & 1))
}

fn hexadecimal(group: &[u8]) -> Option<u8> {
    let digits = match group {
        [b'0', b'x' | b'X', digits @ ..] | [b'x', digits @ ..] => digits,
        digits => digits,
    };
    let &[high, low] = digits else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}

fn decimal(group: &[u8]) -> Option<u8> {
    if !(2..=3).contains(&group.len()) || !group.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = group
        .iter()
        .fold(0u32, |sum, &byte| sum * 10 + u32::from(byte - b'0'));
    u8::try_from(value).ok()
}

fn is_dash(byte: u8) -> bool {
    matches!(byte, b'.' | b'-' | b'_')
}

/// The letters and digits of the International Morse Code (ITU-R M.1677-1), A to Z and 0 to 9.
#[rustfmt::skip]
const MORSE: [&[u8]; 36] = [
    b".-", b"-...", b"-.-.", b"-..", b".", b"..-.", b"--.", b"....", b"..", b".---", b"-.-", b".-..", b"--", b"-.",
    b"---", b".--.", b"--.-", b".-.", b"...", b"-", b"..-", b"...-", b".--", b"-..-", b"-.--", b"--..",
    b"-----", b".----", b"..---", b"...--", b"....-", b".....", b"-....", b"--...", b"---..", b"----.",
];

fn morse(group: &[u8]) -> Option<u8> {
    if group.len() > 6 {
        return None;
    }
    let same = |sign: &[u8]| {
        sign.len() == group.len()
            && sign
                .iter()
                .zip(group)
                .all(|(&known, &byte)| known == byte || known == b'-' && byte == b'_')
    };
    let marks = [
        (b"--..--".as_slice(), b','),
        (b".-.-.-", b'.'),
        (b"..--..", b'?'),
        (b".----.", b'\''),
        (b"-....-", b'-'),
    ];
    if let Some((_, mark)) = marks.iter().find(|(sign, _)| same(sign)) {
        return Some(*mark);
    }
    let found = MORSE.iter().position(|sign| same(sign))?;
    // 36 of them: the first 26 are letters.
    let found = found as u8;
    Some(if found < 26 {
        b'a' + found
    } else {
        b'0' + found - 26
    })
}
