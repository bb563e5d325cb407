//! S3: the two tokens with an inside: strings and numbers.
//!
//! Never: decodes what it only has to check.

use super::json::Fault;

/// Where a string ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StringEnd {
    /// Place of the closing quote.
    pub(super) end: usize,
    /// Whether there was an escape: then its text is not its bytes.
    pub(super) escaped: bool,
}

/// Checks the string whose first byte stands at `at`.
pub(super) fn string(bytes: &[u8], mut at: usize, allow_nul: bool) -> Result<StringEnd, Fault> {
    let mut escaped = false;
    loop {
        at = plain(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(StringEnd { end: at, escaped }),
            Some(b'\\') => {
                escaped = true;
                at = escape(bytes, at, allow_nul)?;
            }
            Some(_) => return Err(Fault::Control(at)),
            None => return Err(Fault::Ended),
        }
    }
}

/// The first quote, backslash or control character from `at` on; the end if there is none.
///
/// Eight bytes at a time to begin with, because most strings are short; 32 at a time in long ones, where the fold over
/// a fixed-size block becomes vector instructions.
fn plain(bytes: &[u8], mut at: usize) -> usize {
    let mut words = 0;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let hits = special_in(u64::from_le_bytes(*word));
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
        words += 1;
        if words == 4 {
            at = clean_blocks(bytes, at);
            words = 0;
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter()
        .position(|&byte| special(byte))
        .map_or(bytes.len(), |found| at + found)
}

fn clean_blocks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<32>) {
        if block.iter().fold(false, |any, &byte| any | special(byte)) {
            break;
        }
        at += 32;
    }
    at
}

fn special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// The high bit of each byte that is special. Borrows can mark a byte wrongly, but only above a true mark: the lowest
/// mark is exact ("Bit Twiddling Hacks", hasless and haszero).
fn special_in(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero_in(word ^ (ONES * b'"' as u64));
    let backslash = zero_in(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGH
}

/// Checks the escape whose backslash stands at `at`; gives the place after it.
fn escape(bytes: &[u8], at: usize, allow_nul: bool) -> Result<usize, Fault> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match hex4(bytes, at + 2).ok_or(Fault::BadEscape(at))? {
            0 if !allow_nul => Err(Fault::Nul(at)),
            0xD800..=0xDBFF => {
                let pair = bytes[at + 6..]
                    .starts_with(b"\\u")
                    .then(|| hex4(bytes, at + 8))
                    .flatten();
                match pair {
                    Some(0xDC00..=0xDFFF) => Ok(at + 12),
                    _ => Err(Fault::LoneSurrogate(at)),
                }
            }
            0xDC00..=0xDFFF => Err(Fault::LoneSurrogate(at)),
            _ => Ok(at + 6),
        },
        Some(_) => Err(Fault::BadEscape(at)),
        None => Err(Fault::Ended),
    }
}

pub(super) fn hex4(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 4)?.iter().try_fold(0u16, |sum, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(sum << 4 | digit as u16)
    })
}

/// Where a number ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumberEnd {
    pub(super) end: usize,
    pub(super) exponent: bool,
}

/// Checks the number that begins at `at`: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
pub(super) fn number(bytes: &[u8], start: usize) -> Result<NumberEnd, Fault> {
    let mut at = start + usize::from(bytes.get(start) == Some(&b'-'));
    let whole = digits(bytes, at);
    if whole == at || (bytes[at] == b'0' && whole > at + 1) {
        return Err(Fault::BadNumber(start));
    }
    at = whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(bytes, at + 1);
        if fraction == at + 1 {
            return Err(Fault::BadNumber(start));
        }
        at = fraction;
    }
    let exponent = matches!(bytes.get(at), Some(b'e' | b'E'));
    if exponent {
        let sign = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        at = digits(bytes, sign);
        if at == sign {
            return Err(Fault::BadNumber(start));
        }
    }
    Ok(NumberEnd { end: at, exponent })
}

fn digits(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter()
        .position(|byte| !byte.is_ascii_digit())
        .map_or(bytes.len(), |found| at + found)
}
