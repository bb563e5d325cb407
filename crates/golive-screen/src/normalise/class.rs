//! S3, S4, S8: what a character is to the normaliser: a letter of which kind, a mark, a digit, or nothing to see.
//!
//! Never: allocates per text: the table of the basic plane is built once.

use super::lookalike::{LOOKALIKES, LOOSE, ZEROS};
use std::sync::LazyLock;
use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// A letter of the Latin alphabet in any form, or a sign that is read as one and belongs to no other alphabet.
pub(super) const LATIN: u8 = 1;
/// Looks like an ASCII letter.
pub(super) const LOOKALIKE: u8 = 2;
/// Looks only loosely like an ASCII letter: see [`LOOSE`].
pub(super) const LOOSELY: u8 = 4;
/// A letter of another script that looks like none of ASCII.
pub(super) const FOREIGN: u8 = 8;
/// Not seen by a reader.
pub(super) const HIDDEN: u8 = 16;
/// NFKC changes it.
pub(super) const CHANGES: u8 = 32;
/// May melt with the character before it.
pub(super) const JOINS: u8 = 64;
/// A decimal digit.
pub(super) const DIGIT: u8 = 128;

/// The bits of `c`.
pub(super) fn class(c: char) -> u8 {
    match u32::from(c) {
        code @ 0..=0xFFFF => TABLE[code as usize & 0xFFFF],
        // Emoji and most signs of the supplementary plane: nothing to do, and too many to look them up.
        0x1F200..=0x1FBEF | 0x1F000..=0x1F0FF => 0,
        0x20000..=0x2F7FF | 0x30000..=0x3FFFF => FOREIGN,
        _ => work_out(c),
    }
}

/// The ASCII character that `c` looks like.
pub(super) fn lookalike(c: char) -> Option<(char, bool)> {
    let found = LOOKALIKES.binary_search_by_key(&c, |entry| entry.0).ok()?;
    let (_, ascii) = LOOKALIKES.get(found)?;
    Some((char::from(ascii & !LOOSE), ascii & LOOSE != 0))
}

/// The ASCII digit of the same value, for decimal digits of other scripts.
pub(super) fn digit(c: char) -> Option<char> {
    let after = ZEROS.partition_point(|&zero| zero <= c);
    let zero = *ZEROS.get(after.checked_sub(1)?)?;
    let value = u32::from(c) - u32::from(zero);
    char::from_digit(value, 10)
}

/// Whether `c` is a mark that can be piled up on any letter.
pub(super) fn is_pileable(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36F | 0x483..=0x489 | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F)
}

/// Which hidden character `c` is, if it is one.
pub(crate) fn hidden(c: char) -> Option<Hidden> {
    Some(match u32::from(c) {
        0x09..=0x0D | 0x85 => return None,
        0x00..=0x1F | 0x7F..=0x9F => Hidden::Control,
        0x061C | 0x200E | 0x200F | 0x202A..=0x202E | 0x2066..=0x2069 => Hidden::Bidi,
        0xE0000..=0xE007F => Hidden::Tag,
        0x180B..=0x180D | 0x180F | 0xFE00..=0xFE0F | 0xE0100..=0xE01EF => Hidden::Variation,
        // Soft hyphen, grapheme joiner, fillers of Hangul, inherent vowels of Khmer, joiners and widths of zero,
        // invisible operators, deprecated format characters, annotation, shorthand and musical format controls.
        0xAD
        | 0x34F
        | 0x115F
        | 0x1160
        | 0x17B4
        | 0x17B5
        | 0x180E
        | 0x200B..=0x200D
        | 0x2060..=0x2065
        | 0x206A..=0x206F
        | 0x3164
        | 0xFEFF
        | 0xFFA0
        | 0xFFF9..=0xFFFB
        | 0x1BCA0..=0x1BCA3
        | 0x1D173..=0x1D17A => Hidden::Width,
        _ => return None,
    })
}

/// Kinds of characters that a reader does not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// C0 and C1 controls that are no white space.
    Control,
    /// Marks, embeddings, overrides and isolates of text direction.
    Bidi,
    /// The tag characters, an invisible copy of ASCII.
    Tag,
    /// Variation selectors.
    Variation,
    /// Characters of no width: joiners, spaces, fillers, soft hyphen.
    Width,
}

static TABLE: LazyLock<Box<[u8; 0x10000]>> = LazyLock::new(|| {
    let mut table = Box::new([0; 0x10000]);
    for (code, bits) in (0..).zip(table.iter_mut()) {
        *bits = char::from_u32(code).map_or(0, work_out);
    }
    table
});

fn work_out(c: char) -> u8 {
    if c.is_ascii_alphabetic() {
        return LATIN;
    }
    if c.is_ascii_digit() {
        return DIGIT;
    }
    if hidden(c).is_some() {
        return HIDDEN;
    }
    if c.is_ascii() {
        return 0;
    }
    let normal = match is_nfkc_quick(std::iter::once(c)) {
        IsNormalized::Yes => 0,
        IsNormalized::No => CHANGES,
        IsNormalized::Maybe => JOINS,
    };
    let joins = if canonical_combining_class(c) != 0 || is_pileable(c) {
        JOINS
    } else {
        0
    };
    let kind = if normal == CHANGES {
        std::iter::once(c).nfkc().next().map_or(0, kind)
    } else {
        kind(c)
    };
    normal | joins | kind
}

fn kind(c: char) -> u8 {
    if c.is_ascii_alphabetic() {
        return LATIN;
    }
    if c.is_ascii_digit() || digit(c).is_some() {
        return DIGIT;
    }
    let unmistakable_disguise = matches!(u32::from(c), 0x250..=0x2AF | 0x1D00..=0x1DBF | 0xA720..=0xA7FF | 0xAB30..=0xAB6F | 0x1CCD6..=0x1CCF9 | 0x1F150..=0x1F189);
    match lookalike(c) {
        Some(_) if unmistakable_disguise => LATIN | LOOKALIKE,
        Some((_, false)) => LOOKALIKE,
        Some((_, true)) => LOOSELY,
        None if matches!(u32::from(c), 0xC0..=0x24F | 0x1E00..=0x1EFF) && c.is_alphabetic() => LATIN,
        None if c.is_alphabetic() => FOREIGN,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        assert!(LOOKALIKES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(ZEROS.is_sorted());
    }

    #[test]
    fn digits_of_other_scripts_are_read_by_value() {
        assert_eq!(digit('٧'), Some('7'));
        assert_eq!(digit('९'), Some('9'));
        assert_eq!(digit('x'), None);
        assert_eq!(digit('٪'), None);
    }

    #[test]
    fn letters_of_everyday_alphabets_are_no_lookalikes() {
        for c in "äöüßéèñçøåæœłđıžþðăâîșț".chars() {
            assert_eq!(class(c) & (LOOKALIKE | LOOSELY), 0, "{c}");
            assert_eq!(class(c) & LATIN, LATIN, "{c}");
        }
    }

    #[test]
    fn hidden_characters_are_told_by_their_kind() {
        assert_eq!(hidden('\u{200b}'), Some(Hidden::Width));
        assert_eq!(hidden('\u{202e}'), Some(Hidden::Bidi));
        assert_eq!(hidden('\u{e0041}'), Some(Hidden::Tag));
        assert_eq!(hidden('\u{fe0f}'), Some(Hidden::Variation));
        assert_eq!(hidden('\u{8}'), Some(Hidden::Control));
        assert_eq!(hidden('\n'), None);
        assert_eq!(hidden('e'), None);
    }
}
