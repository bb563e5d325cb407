//! S3: names of open objects, to find one that is given twice.
//!
//! A small object is compared pair by pair; the names of a large one go through a set whose hash is seeded per process,
//! so nobody can make them collide.
//!
//! Never: keeps a name longer than its object is open.

use super::token::{StringEnd, hex4};
use std::collections::HashSet;

/// Up to here comparing each pair is faster than hashing (120 comparisons, of mostly the length alone).
const PAIRWISE_MAX: usize = 16;

/// A stack: the names of an object stand together, those of objects inside it come and go above.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<Name>,
    /// Texts of names that were written with escapes.
    unescaped: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Name {
    /// Place in the body, for the message.
    place: u32,
    /// Where its text stands: in the body, or in `unescaped`.
    start: u32,
    len: u32,
    escaped: bool,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Takes in the name that begins at `start`. `check` refuses bodies past 4 GiB: places fit 32 bits.
    pub(super) fn push(&mut self, bytes: &[u8], start: usize, string: StringEnd) {
        let raw = &bytes[start..string.end];
        let (start_of_text, len) = if string.escaped {
            let at = self.unescaped.len();
            unescape(raw, &mut self.unescaped);
            (at, self.unescaped.len() - at)
        } else {
            (start, raw.len())
        };
        self.names.push(Name {
            place: start as u32,
            start: start_of_text as u32,
            len: len as u32,
            escaped: string.escaped,
        });
    }

    /// Forgets the names of an object that ended.
    pub(super) fn truncate(&mut self, first: usize) {
        if let Some(name) = self.names[first..].iter().find(|name| name.escaped) {
            self.unescaped.truncate(name.start as usize);
        }
        self.names.truncate(first);
    }

    /// The place of the earliest name, from `first` on, that stood before.
    pub(super) fn first_duplicate(&self, bytes: &[u8], first: usize) -> Option<usize> {
        let names = &self.names[first..];
        let text = |name: &Name| -> &[u8] {
            let from: &[u8] = if name.escaped { &self.unescaped } else { bytes };
            &from[name.start as usize..(name.start + name.len) as usize]
        };
        if names.len() > PAIRWISE_MAX {
            let mut seen = HashSet::with_capacity(names.len());
            return names
                .iter()
                .find(|name| !seen.insert(text(name)))
                .map(|name| name.place as usize);
        }
        let again = |(i, name): &(usize, &Name)| {
            names[..*i]
                .iter()
                .any(|other| other.len == name.len && text(other) == text(name))
        };
        names
            .iter()
            .enumerate()
            .find(again)
            .map(|(_, name)| name.place as usize)
    }

    /// The text of one name.
    pub(super) fn text<'a>(&'a self, bytes: &'a [u8], index: usize) -> Option<&'a [u8]> {
        let name = self.names.get(index)?;
        let from = if name.escaped { &self.unescaped } else { bytes };
        from.get(name.start as usize..(name.start + name.len) as usize)
    }
}

/// Resolves the escapes of a string that was checked before.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < raw.len() {
        if raw[at] != b'\\' {
            out.push(raw[at]);
            at += 1;
            continue;
        }
        let (c, len) = match raw[at + 1] {
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'n' => ('\n', 2),
            b'r' => ('\r', 2),
            b't' => ('\t', 2),
            b'u' => unicode(raw, at),
            other => (char::from(other), 2),
        };
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        at += len;
    }
}

/// One code point from one or two `\u` escapes, and how long they are. The check before made sure that it is whole.
fn unicode(raw: &[u8], at: usize) -> (char, usize) {
    let high = u32::from(hex4(raw, at + 2).unwrap_or_default());
    if !(0xD800..0xDC00).contains(&high) {
        return (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6);
    }
    let low = u32::from(hex4(raw, at + 8).unwrap_or_default());
    let code = 0x10000 + ((high - 0xD800) << 10) + (low.wrapping_sub(0xDC00) & 0x3FF);
    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
}
