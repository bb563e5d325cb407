//! S4: the text under search, which knows whether it is all there.
//!
//! Every rule reads through [`Text`]. A read past the end of a text that may go on is remembered: what was decided with
//! such a read may change when more comes. That one flag is what makes a stream give the same findings as the whole.
//!
//! Never: copies the text.

use std::cell::Cell;

pub(crate) const DIGIT: u8 = 1;
pub(crate) const UPPER: u8 = 2;
pub(crate) const LOWER: u8 = 4;
/// May stand in the local part of an e-mail address.
pub(crate) const LOCAL: u8 = 8;
pub(crate) const HEX: u8 = 16;
/// Letters, digits, `_` and `-`.
pub(crate) const WEB64: u8 = 32;
/// Letters, digits, `+`, `/`.
pub(crate) const STD64: u8 = 64;
/// Blank, tab, line ends.
pub(crate) const BLANK: u8 = 128;
pub(crate) const ALNUM: u8 = DIGIT | UPPER | LOWER;
pub(crate) const LETTER: u8 = UPPER | LOWER;

pub(crate) static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0u8; 256];
    let mut n = 0;
    while n < 256 {
        let byte = n as u8;
        if byte.is_ascii_digit() {
            table[n] |= DIGIT;
        }
        if byte.is_ascii_uppercase() {
            table[n] |= UPPER;
        }
        if byte.is_ascii_lowercase() {
            table[n] |= LOWER;
        }
        if byte.is_ascii_hexdigit() {
            table[n] |= HEX;
        }
        if byte.is_ascii_alphanumeric() {
            table[n] |= LOCAL | WEB64 | STD64;
        }
        if matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-') {
            table[n] |= LOCAL;
        }
        if matches!(byte, b'_' | b'-') {
            table[n] |= WEB64;
        }
        if matches!(byte, b'+' | b'/') {
            table[n] |= STD64;
        }
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            table[n] |= BLANK;
        }
        n += 1;
    }
    table
}

pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASS[usize::from(byte)] & class != 0
}

/// The text, and whether it is all there.
#[derive(Debug)]
pub(crate) struct Text<'t> {
    pub(crate) bytes: &'t [u8],
    complete: bool,
    /// Something was read past the end of a text that may go on.
    cut: Cell<bool>,
}

impl<'t> Text<'t> {
    pub(crate) fn new(bytes: &'t [u8], complete: bool) -> Text<'t> {
        Text {
            bytes,
            complete,
            cut: Cell::new(false),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The byte at `at`; none after the end of the text.
    pub(crate) fn get(&self, at: usize) -> Option<u8> {
        let byte = self.bytes.get(at).copied();
        if byte.is_none() && !self.complete {
            self.cut.set(true);
        }
        byte
    }

    /// Whether the byte at `at` is of that class; false after the end.
    pub(crate) fn is(&self, at: usize, class: u8) -> bool {
        self.get(at).is_some_and(|byte| is(byte, class))
    }

    /// The byte before `at`. What lies to the left is always known.
    pub(crate) fn before(&self, at: usize) -> Option<u8> {
        at.checked_sub(1).and_then(|n| self.bytes.get(n)).copied()
    }

    /// Where the run of bytes of that class ends, looking at most at `max` bytes.
    pub(crate) fn run(&self, from: usize, class: u8, max: usize) -> usize {
        let limit = from.saturating_add(max).min(self.len());
        let mut at = from;
        while at < limit && is(self.bytes[at], class) {
            at += 1;
        }
        if at == self.len() && at - from < max && !self.complete {
            self.cut.set(true);
        }
        at
    }

    /// Whether the text goes on with `word`, in any case if `word` is lower case and `fold` is set.
    pub(crate) fn goes_on(&self, at: usize, word: &[u8], fold: bool) -> bool {
        word.iter().enumerate().all(|(n, want)| {
            self.get(at + n).is_some_and(|have| {
                if fold {
                    have.eq_ignore_ascii_case(want)
                } else {
                    have == *want
                }
            })
        })
    }

    /// The character at `at`, which must be a border of what was a string.
    pub(crate) fn char_at(&self, at: usize) -> Option<char> {
        let first = self.get(at)?;
        if first < 0x80 {
            return Some(char::from(first));
        }
        let byte = |n: usize| u32::from(self.bytes.get(at + n).copied().unwrap_or_default() & 0x3F);
        let lead = u32::from(first);
        char::from_u32(match first {
            0..0xE0 => (lead & 0x1F) << 6 | byte(1),
            0xE0..0xF0 => (lead & 0x0F) << 12 | byte(1) << 6 | byte(2),
            _ => (lead & 0x07) << 18 | byte(1) << 12 | byte(2) << 6 | byte(3),
        })
    }

    /// The character that ends at `at`, which must be a border.
    pub(crate) fn char_before(&self, at: usize) -> Option<char> {
        let last = self.before(at)?;
        if last < 0x80 {
            return Some(char::from(last));
        }
        let mut from = at - 1;
        while from > 0 && at - from < 4 && self.bytes[from] & 0xC0 == 0x80 {
            from -= 1;
        }
        self.char_at(from)
    }

    pub(crate) fn was_cut(&self) -> bool {
        self.cut.get()
    }

    pub(crate) fn forget_cut(&self) {
        self.cut.set(false);
    }
}
