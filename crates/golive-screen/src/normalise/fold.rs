//! S4, S8: the folded view: lower case, each run of white space as one blank.
//!
//! Never: allocates for a text that is folded already.

use super::map::Map;
use std::sync::LazyLock;

/// A folded text and the way back to the plain one.
#[derive(Debug, Clone)]
pub(super) struct Folded {
    pub(super) text: String,
    pub(super) map: Map,
}

/// Folds a text; none if it is folded already.
pub(super) fn fold(plain: &str) -> Option<Folded> {
    if is_folded(plain.as_bytes()) {
        return None;
    }
    let mut folder = Folder {
        text: String::with_capacity(plain.len()),
        map: Map::default(),
    };
    let mut rest = plain;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|byte| byte >= 0x80).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(ascii);
        folder.ascii(head);
        rest = folder.others(tail);
    }
    let Folder { text, map } = folder;
    Some(Folded {
        text,
        map: if map.is_identity() { Map::default() } else { map },
    })
}

fn is_folded(bytes: &[u8]) -> bool {
    let changes = |byte: u8| byte.is_ascii_uppercase() | (byte >= 0x80);
    bytes.iter().fold(true, |folded, &byte| folded & !changes(byte)) && gap(bytes).is_none()
}

/// The first white space that is no blank, or is followed by more of it.
fn gap(bytes: &[u8]) -> Option<usize> {
    let is_gap = |first: u8, second: u8| is_space(first) & (is_space(second) | (first != b' '));
    let mut at = 0;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<33>) {
        let mut any = false;
        for n in 0..32 {
            any |= is_gap(block[n], block[n + 1]);
        }
        if any {
            break;
        }
        at += 32;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let after = rest.iter().skip(1).chain([&b'x']);
    rest.iter()
        .zip(after)
        .position(|(&first, &second)| is_gap(first, second))
        .map(|found| at + found)
}

fn is_space(byte: u8) -> bool {
    (byte == b' ') | (byte.wrapping_sub(9) < 5)
}

/// ASCII characters in a row, as between the words of other scripts, that are looked at one by one.
const ASCII_MOST: usize = 8;

struct Folder {
    text: String,
    map: Map,
}

impl Folder {
    fn ascii(&mut self, mut text: &str) {
        if text.starts_with(' ') && self.text.ends_with(' ') {
            let (gap, rest) = text.split_at(spaces(text));
            self.map.remove(gap.len());
            text = rest;
        }
        while !text.is_empty() {
            let (single, rest) = text.split_at(gap(text.as_bytes()).unwrap_or(text.len()));
            let made = self.text.len();
            self.text.push_str(single);
            if let Some(single) = self.text.get_mut(made..) {
                single.make_ascii_lowercase();
            }
            self.map.keep(single.len());
            let (gap, rest) = rest.split_at(spaces(rest));
            if !gap.is_empty() {
                self.blank(gap.len());
            }
            text = rest;
        }
    }

    /// Folds the characters at the beginning, up to the next longer stretch of ASCII; gives what follows them.
    fn others<'a>(&mut self, text: &'a str) -> &'a str {
        let lowers: &[u16] = &LOWER;
        let mut rest = text.chars();
        // From here on nothing is written yet, and all of it stays as it is.
        let mut same = text;
        let mut at = 0;
        let mut before = self.text.chars().next_back().unwrap_or('x');
        let mut ascii = 0;
        while let Some(c) = rest.next() {
            if c.is_ascii() {
                ascii += 1;
                let plain = !c.is_ascii_uppercase()
                    && (!c.is_ascii_whitespace() || c == ' ' && before != ' ')
                    && c != '\u{b}';
                if ascii > ASCII_MOST || !plain {
                    break;
                }
                before = c;
                at += 1;
                continue;
            }
            ascii = 0;
            before = c;
            let code = u32::from(c);
            let lower = match code {
                0..LOWER_END => u32::from(lowers.get(code as usize).copied().unwrap_or(0)),
                // Scripts without case.
                0x2E80..=0x2FFF | 0x3001..=0xA63F | 0xAC00..=0xFAFF | 0x1F000..=0x3FFFF => code,
                _ => 0,
            };
            if lower != code {
                let (written, left) = same.split_at(at);
                self.text.push_str(written);
                self.map.keep(written.len());
                self.special(c);
                before = self.text.chars().next_back().unwrap_or('x');
                same = left.get(c.len_utf8()..).unwrap_or_default();
                at = 0;
            } else {
                at += c.len_utf8();
            }
        }
        let (written, left) = same.split_at(at);
        self.text.push_str(written);
        self.map.keep(written.len());
        left
    }

    /// A character with another lower case, or white space.
    fn special(&mut self, c: char) {
        let length = c.len_utf8();
        if c.is_whitespace() {
            return self.blank(length);
        }
        let made = self.text.len();
        self.text.extend(c.to_lowercase());
        let made = self.text.len() - made;
        if made == length {
            self.map.keep(length);
        } else {
            self.map.replace(length, made);
        }
    }

    /// One blank for a gap of `bytes` bytes; nothing if the text ends in one already.
    fn blank(&mut self, bytes: usize) {
        if self.text.ends_with(' ') {
            self.map.remove(bytes);
        } else {
            self.text.push(' ');
            self.map.replace(bytes, 1);
        }
    }
}

fn spaces(text: &str) -> usize {
    text.bytes().take_while(|&byte| is_space(byte)).count()
}

/// Nearly all letters with case stand before here.
const LOWER_END: u32 = 0x2000;

/// The lower case of each character before [`LOWER_END`] that is one such character again; else 0.
static LOWER: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let simple = |code: u32| {
        let c = char::from_u32(code).filter(|c| !c.is_whitespace())?;
        let mut lower = c.to_lowercase();
        let (first, more) = (lower.next()?, lower.next());
        u16::try_from(u32::from(first)).ok().filter(|_| more.is_none())
    };
    (0..LOWER_END).map(|code| simple(code).unwrap_or(0)).collect()
});
