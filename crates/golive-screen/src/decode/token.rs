//! S8: encodings that make one long word of a text: base64, base32, hexadecimal and binary digits.
//!
//! Never: decodes a candidate twice to its end: what is no text shows in the first bytes.

use super::{Found, How, is_text, language};
use std::ops::Range;

/// Shortest candidate, in bytes: twelve letters of base64. Shorter ones say little and are met by chance.
const SHORTEST: usize = 16;
/// Decoded bytes that are looked at before a candidate is decoded to its end.
const PROBE: usize = 24;

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(run) = next_run(bytes, at) {
        let whole = with_more_lines(bytes, run.clone());
        at = match decode_run(bytes, whole.clone()) {
            Some((how, text)) => {
                let end = padding_end(bytes, whole.end);
                found.push(Found {
                    how: vec![how],
                    at: whole.start..end,
                    text,
                });
                end
            }
            None if whole != run => {
                // The lines do not belong together: each for itself.
                for line in lines(bytes, whole.clone()) {
                    decode_parts(bytes, line, found);
                }
                whole.end
            }
            None => {
                decode_parts(bytes, run.clone(), found);
                run.end
            }
        };
    }
}

/// The next run of at least [`SHORTEST`] bytes of the alphabets, from `at` on. Only every sixteenth byte is looked at
/// until one fits: ordinary words are passed over in a few steps.
fn next_run(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let mut probe = at + SHORTEST - 1;
    let mut floor = at;
    loop {
        if !is_digit(*bytes.get(probe)?) {
            floor = probe + 1;
            probe += SHORTEST;
            continue;
        }
        let before = bytes.get(floor..probe)?;
        let start = probe - before.iter().rev().take_while(|&&byte| is_digit(byte)).count();
        let after = bytes.get(probe..)?;
        let end = probe + after.iter().take_while(|&&byte| is_digit(byte)).count();
        if end - start >= SHORTEST {
            return Some(start..end);
        }
        floor = end;
        probe = end + SHORTEST;
    }
}

/// Grows a run over white space, as in mail and PEM, while more runs of the alphabet follow. The last may be short, if
/// nothing but white space or padding comes after it.
fn with_more_lines(bytes: &[u8], run: Range<usize>) -> Range<usize> {
    let mut end = run.end;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        let gap = rest
            .iter()
            .take(4)
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        let line = rest.get(gap..).unwrap_or_default();
        let length = line.iter().take_while(|&&byte| is_digit(byte)).count();
        let last = length < SHORTEST;
        let closed = line
            .get(length)
            .is_none_or(|&byte| byte == b'=' || byte == b'\n' || byte == b'\r');
        if gap == 0 || length == 0 || last && !closed {
            return run.start..end;
        }
        end += gap + length;
        if last {
            return run.start..end;
        }
    }
}

fn lines(bytes: &[u8], whole: Range<usize>) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut at = whole.start;
    while let Some(run) = next_run(bytes.get(..whole.end).unwrap_or_default(), at) {
        at = run.end;
        lines.push(run);
    }
    lines
}

/// A run that is no encoded text as a whole may hold one between slashes or other signs of the alphabet.
fn decode_parts(bytes: &[u8], run: Range<usize>, found: &mut Vec<Found>) {
    let Some(text) = bytes.get(run.clone()) else {
        return;
    };
    let mut start = run.start;
    for part in text.split(|byte| matches!(byte, b'/' | b'-' | b'_' | b'+')) {
        let range = start..start + part.len();
        start = range.end + 1;
        if part.len() < SHORTEST || range == run {
            continue;
        }
        if let Some((how, text)) = decode_run(bytes, range.clone()) {
            found.push(Found {
                how: vec![how],
                at: range,
                text,
            });
        }
    }
}

fn decode_run(bytes: &[u8], range: Range<usize>) -> Option<(How, String)> {
    let run = bytes.get(range)?;
    let digits = run.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    let gaps = run.iter().filter(|byte| byte.is_ascii_whitespace()).count();
    if digits + gaps == run.len() {
        if run
            .iter()
            .all(|byte| matches!(byte, b'0' | b'1') || byte.is_ascii_whitespace())
            && let Some(text) = decoded(run, 1, bit)
        {
            return Some((How::Binary, text));
        }
        // Long numbers turn into letters by chance: those have to make words.
        let number = run.len() < NUMBERS_SHORTER && run.iter().all(u8::is_ascii_digit);
        if let Some(text) = decoded(run, 4, |byte| char::from(byte).to_digit(16))
            && (!number || reads(&text))
        {
            return Some((How::Hex, text));
        }
    }
    if let Some(text) = decoded(run, 6, base64) {
        return Some((How::Base64, text));
    }
    let text = decoded(run, 5, base32)?;
    (!text.is_ascii() || reads(&text)).then_some((How::Base32, text))
}

/// Runs of decimal digits up to this length are met as numbers.
const NUMBERS_SHORTER: usize = 40;
/// Most that a letter pair of a text may cost on the average that was read from what may be something else.
const MEAN_MOST: u32 = 66;

fn reads(text: &str) -> bool {
    language::mean_cost(text).is_some_and(|mean| mean <= MEAN_MOST)
}

/// Decodes digits of `bits` bits each, most significant first. White space is passed over, bits left over are dropped.
fn decoded(run: &[u8], bits: u32, digit: impl Fn(u8) -> Option<u32>) -> Option<String> {
    let mut decoder = Decoder {
        bits,
        ..Decoder::default()
    };
    let mut text = Vec::with_capacity(PROBE + 4);
    for (n, &byte) in run.iter().enumerate() {
        if byte.is_ascii_whitespace() {
            continue;
        }
        decoder.push(digit(byte)?, &mut text);
        if text.len() == PROBE && n + 1 < run.len() {
            if !may_be_text(&text) {
                return None;
            }
            text.reserve_exact(run.len() * bits as usize / 8);
            // Once is enough: one byte more, and this is not asked again.
            decoder.probed = true;
        }
    }
    as_text(text)
}

#[derive(Default)]
struct Decoder {
    bits: u32,
    held: u32,
    value: u32,
    probed: bool,
}

impl Decoder {
    fn push(&mut self, digit: u32, text: &mut Vec<u8>) {
        self.value = self.value << self.bits | digit;
        self.held += self.bits;
        if self.held >= 8 {
            self.held -= 8;
            text.push((self.value >> self.held) as u8);
        }
        self.value &= (1 << self.held) - 1;
    }
}

/// Whether these first bytes may begin a text in UTF-8 or UTF-16.
fn may_be_text(bytes: &[u8]) -> bool {
    if utf16(bytes).is_some() {
        return true;
    }
    let valid = match str::from_utf8(bytes) {
        Ok(text) => text,
        // The last character may go on.
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    valid
        .chars()
        .all(|c| !c.is_control() || c.is_whitespace() || c == '\u{1b}')
}

fn as_text(bytes: Vec<u8>) -> Option<String> {
    if let Some(text) = utf16(&bytes) {
        return is_text(&text).then_some(text);
    }
    let text = String::from_utf8(bytes).ok()?;
    is_text(&text).then_some(text)
}

/// Reads UTF-16 of either order if every other byte is zero, as in the encoded commands of PowerShell.
fn utf16(bytes: &[u8]) -> Option<String> {
    let zeros = |from: usize| {
        bytes
            .iter()
            .skip(from)
            .step_by(2)
            .filter(|&&byte| byte == 0)
            .count()
    };
    if bytes.len() < 8 {
        return None;
    }
    let most = bytes.len() / 2 * 3 / 4;
    let unit: fn([u8; 2]) -> u16 = if zeros(1) > most {
        u16::from_le_bytes
    } else if zeros(0) > most {
        u16::from_be_bytes
    } else {
        return None;
    };
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).collect::<Result<String, _>>().ok()
}

fn padding_end(bytes: &[u8], end: usize) -> usize {
    let rest = bytes.get(end..).unwrap_or_default();
    end + rest.iter().take(6).take_while(|&&byte| byte == b'=').count()
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn bit(byte: u8) -> Option<u32> {
    matches!(byte, b'0' | b'1').then(|| u32::from(byte & 1))
}

fn base64(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

fn base32(byte: u8) -> Option<u32> {
    Some(u32::from(match byte.to_ascii_uppercase() {
        letter @ b'A'..=b'Z' => letter - b'A',
        digit @ b'2'..=b'7' => digit - b'2' + 26,
        _ => return None,
    }))
}
