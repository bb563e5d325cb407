//! S8: escapes: percent, HTML entities, and those of JSON and program texts, undone in one pass.
//!
//! Never: undoes half an escape, or makes a character out of what is no UTF-8.

use super::{Found, How, is_text};
use memchr::memchr3;

/// Bytes before the first and after the last escape that belong to the layer: the words around them.
const AROUND: usize = 256;
/// Longest name of an entity, with its semicolon.
const NAME_MOST: usize = 10;

/// Names of entities worth undoing: those of markup and of the signs that chat templates are made of.
#[rustfmt::skip]
const NAMES: &[(&str, char)] = &[
    ("amp", '&'), ("apos", '\''), ("ast", '*'), ("bsol", '\\'), ("colon", ':'), ("comma", ','), ("commat", '@'),
    ("dollar", '$'), ("equals", '='), ("excl", '!'), ("gt", '>'), ("hyphen", '-'), ("lbrace", '{'), ("lbrack", '['),
    ("lcub", '{'), ("lowbar", '_'), ("lpar", '('), ("lsqb", '['), ("lt", '<'), ("nbsp", ' '), ("num", '#'),
    ("percnt", '%'), ("period", '.'), ("plus", '+'), ("quest", '?'), ("quot", '"'), ("rbrace", '}'), ("rbrack", ']'),
    ("rcub", '}'), ("rpar", ')'), ("rsqb", ']'), ("semi", ';'), ("sol", '/'), ("verbar", '|'), ("vert", '|'),
    ("Tab", '\t'), ("NewLine", '\n'),
];

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let Some(first) = next(bytes, 0).and_then(|at| first_escape(text, at)) else {
        return;
    };
    let start = text.floor_char_boundary(line_start(bytes, first));
    let mut undone = Undone::default();
    let mut at = start;
    while let Some(sign) = next(bytes, at) {
        undone.plain(bytes.get(at..sign).unwrap_or_default());
        at = match unescape(text, sign) {
            Some(escape) => {
                undone.take(&escape);
                escape.end
            }
            None => {
                undone.plain(bytes.get(sign..sign + 1).unwrap_or_default());
                sign + 1
            }
        };
    }
    let end = text.ceil_char_boundary(line_end(bytes, at));
    undone.plain(bytes.get(at..end).unwrap_or_default());
    if undone.is_worth_it()
        && let Ok(decoded) = String::from_utf8(undone.text)
        && is_text(&decoded)
    {
        found.push(Found {
            how: undone.how,
            at: start..end,
            text: decoded,
        });
    }
}

/// The next byte that may begin an escape.
fn next(bytes: &[u8], at: usize) -> Option<usize> {
    memchr3(b'%', b'&', b'\\', bytes.get(at..)?).map(|found| at + found)
}

fn first_escape(text: &str, mut at: usize) -> Option<usize> {
    loop {
        if unescape(text, at).is_some() {
            return Some(at);
        }
        at = next(text.as_bytes(), at + 1)?;
    }
}

/// What was undone so far.
#[derive(Default)]
struct Undone {
    text: Vec<u8>,
    how: Vec<How>,
    /// Letters and digits that had been escaped, and whatever stood in percent: nobody does that by habit.
    deliberate: usize,
    others: usize,
}

impl Undone {
    fn plain(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
    }

    fn take(&mut self, escape: &Escape) {
        if !self.how.contains(&escape.how) {
            self.how.push(escape.how);
        }
        if escape.character.is_alphanumeric() || escape.how == How::Percent {
            self.deliberate += 1;
        } else {
            self.others += 1;
        }
        let mut bytes = [0; 4];
        self.text
            .extend_from_slice(escape.character.encode_utf8(&mut bytes).as_bytes());
    }

    /// One lone `\n` or `&amp;` says nothing that the text does not.
    fn is_worth_it(&self) -> bool {
        self.deliberate > 0 || self.others > 1
    }
}

/// One escape: the character it stands for and where it ends.
struct Escape {
    how: How,
    character: char,
    end: usize,
}

fn unescape(text: &str, at: usize) -> Option<Escape> {
    let bytes = text.as_bytes();
    match bytes.get(at)? {
        b'%' => percent(bytes, at),
        b'&' => entity(bytes, at),
        b'\\' => backslash(bytes, at),
        _ => None,
    }
}

fn percent(bytes: &[u8], at: usize) -> Option<Escape> {
    let first = hex_pair(bytes, at + 1)?;
    if first < 0x80 {
        return Some(Escape {
            how: How::Percent,
            character: char::from(first),
            end: at + 3,
        });
    }
    // A character of several bytes is escaped byte by byte.
    let length = match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let mut character = [0; 4];
    for (n, slot) in character.iter_mut().take(length).enumerate() {
        let sign = at + 3 * n;
        if bytes.get(sign) != Some(&b'%') {
            return None;
        }
        *slot = hex_pair(bytes, sign + 1)?;
    }
    let character = str::from_utf8(character.get(..length)?).ok()?.chars().next()?;
    Some(Escape {
        how: How::Percent,
        character,
        end: at + 3 * length,
    })
}

fn entity(bytes: &[u8], at: usize) -> Option<Escape> {
    let rest = bytes.get(at + 1..)?;
    let escape = |c: char, length: usize| Escape {
        how: How::Entities,
        character: c,
        end: at + 1 + length,
    };
    if let [b'#', b'x' | b'X', digits @ ..] = rest {
        let (code, length) = number(digits, 16)?;
        return Some(escape(
            char::from_u32(code)?,
            2 + length + semicolon(digits, length),
        ));
    }
    if let [b'#', digits @ ..] = rest {
        let (code, length) = number(digits, 10)?;
        return Some(escape(
            char::from_u32(code)?,
            1 + length + semicolon(digits, length),
        ));
    }
    let name = rest.get(..rest.len().min(NAME_MOST))?;
    let length = name.iter().position(|&byte| byte == b';')?;
    let name = name.get(..length)?;
    let (_, c) = NAMES.iter().find(|(known, _)| known.as_bytes() == name)?;
    Some(escape(*c, length + 1))
}

/// Browsers read numbers without a closing semicolon too.
fn semicolon(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes.get(at) == Some(&b';'))
}

fn backslash(bytes: &[u8], at: usize) -> Option<Escape> {
    let escape = |code: u32, length: usize| {
        Some(Escape {
            how: How::Escapes,
            character: char::from_u32(code)?,
            end: at + length,
        })
    };
    match bytes.get(at + 1)? {
        b'n' => escape(0x0A, 2),
        b't' => escape(0x09, 2),
        b'r' => escape(0x0D, 2),
        quoted @ (b'"' | b'\'' | b'/' | b'\\') => escape(u32::from(*quoted), 2),
        b'x' => escape(u32::from(hex_pair(bytes, at + 2)?), 4),
        b'u' if bytes.get(at + 2) == Some(&b'{') => {
            let (code, length) = number(bytes.get(at + 3..)?, 16)?;
            let closed = bytes.get(at + 3 + length) == Some(&b'}');
            closed.then(|| escape(code, 4 + length)).flatten()
        }
        b'u' => {
            let unit = hex_unit(bytes, at + 2)?;
            if !(0xD800..0xDC00).contains(&unit) {
                return escape(unit, 6);
            }
            if bytes.get(at + 6..at + 8) != Some(b"\\u") {
                return None;
            }
            let low = hex_unit(bytes, at + 8)?;
            (0xDC00..0xE000)
                .contains(&low)
                .then(|| escape(0x10000 + ((unit - 0xD800) << 10 | (low - 0xDC00)), 12))
                .flatten()
        }
        b'U' => {
            let high = hex_unit(bytes, at + 2)?;
            escape(high << 16 | hex_unit(bytes, at + 6)?, 10)
        }
        // Octal, as in C: always three digits here, or every `\1` of a pattern would be one.
        b'0'..=b'3' => {
            let (code, length) = number(bytes.get(at + 1..at + 4)?, 8)?;
            (length == 3).then(|| escape(code, 4)).flatten()
        }
        _ => None,
    }
}

/// Digits at the beginning: their value, at most 7 of them, and how many.
fn number(bytes: &[u8], radix: u32) -> Option<(u32, usize)> {
    let mut value = 0;
    let mut length = 0;
    for &byte in bytes.iter().take(7) {
        let Some(digit) = char::from(byte).to_digit(radix) else {
            break;
        };
        value = value * radix + digit;
        length += 1;
    }
    (length > 0).then_some((value, length))
}

fn hex_pair(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    Some((digit(at)? << 4 | digit(at + 1)?) as u8)
}

fn hex_unit(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(hex_pair(bytes, at)?) << 8 | u32::from(hex_pair(bytes, at + 2)?))
}

fn line_start(bytes: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(AROUND);
    let before = bytes.get(from..at).unwrap_or_default();
    memchr::memrchr(b'\n', before).map_or(from, |found| from + found + 1)
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    let to = (at + AROUND).min(bytes.len());
    let after = bytes.get(at..to).unwrap_or_default();
    memchr::memchr(b'\n', after).map_or(to, |found| at + found)
}
