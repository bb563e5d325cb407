//! S4: numbers of a fixed shape, by the table beside this file.
//!
//! A shape is tried only where a run of letters and digits begins that is as long as the shape's first run. So each
//! place costs what the few shapes with that first run cost.
//!
//! Never: matches inside a longer number.

use super::super::text::{self, ALNUM, DIGIT, LETTER, LOWER, Text};
use super::table::{ROWS, Row};

/// The longest first run of a shape; longer words are looked at by other rules.
const RUN_MAX: usize = 20;
/// The longest shape.
const SHAPE_MAX: usize = 32;
/// The longest bare value.
const VALUE_MAX: usize = 24;

pub(crate) struct Shape {
    pub(crate) row: &'static Row,
    pub(crate) score: u8,
    places: &'static [u8],
}

/// The shapes by the length of their first run.
pub(crate) struct Numbers {
    /// First run with a digit in it.
    by_run: [Vec<Shape>; RUN_MAX],
    /// First run of letters alone.
    by_letters: [Vec<Shape>; RUN_MAX],
}

/// A number that fits a shape and its check.
pub(crate) struct Fit<'n> {
    pub(crate) shape: &'n Shape,
    pub(crate) end: usize,
    /// It has letters in lower case, which official writing does not.
    pub(crate) lower: bool,
}

impl Numbers {
    pub(crate) fn new() -> Numbers {
        let mut numbers = Numbers {
            by_run: Default::default(),
            by_letters: Default::default(),
        };
        for row in ROWS {
            for (shape, score) in row.shapes {
                let places = shape.as_bytes();
                let run = places.iter().take_while(|b| is_place(**b)).count();
                let letters = places[..run].iter().all(|b| *b == b'A');
                let table = if letters {
                    &mut numbers.by_letters
                } else {
                    &mut numbers.by_run
                };
                table[run.min(RUN_MAX - 1)].push(Shape {
                    row,
                    score: *score,
                    places,
                });
                // `**` may be letters alone as well.
                if !letters && !places[..run].contains(&b'9') && run < places.len() {
                    numbers.by_letters[run.min(RUN_MAX - 1)].push(Shape {
                        row,
                        score: *score,
                        places,
                    });
                }
            }
        }
        numbers
    }

    /// Gives every fit at `at`, where a run of `run` letters and digits begins.
    pub(crate) fn fits<'n>(
        &'n self,
        text: &Text,
        at: usize,
        run: usize,
        digits: bool,
        mut each: impl FnMut(Fit<'n>),
    ) {
        let table = if digits { &self.by_run } else { &self.by_letters };
        let Some(shapes) = table.get(run) else { return };
        if shapes.is_empty() {
            return;
        }
        // What shapes see: digits as `9`, letters as `A`, all else as it is. Made once for all shapes.
        let (mut view, mut seen) = ([0u8; SHAPE_MAX], 0);
        for (place, byte) in view.iter_mut().zip(text.bytes.get(at..).unwrap_or_default()) {
            *place = match *byte {
                b'0'..=b'9' => b'9',
                b'a'..=b'z' | b'A'..=b'Z' => b'A',
                other => other,
            };
            seen += 1;
        }
        for shape in shapes {
            let Some((value, length, lower)) = shape.read(text, at, &view[..seen]) else {
                continue;
            };
            if (shape.row.check)(&value[..length]) {
                let end = at + shape.places.len();
                if hangs_on_the_left(text, at) {
                    return;
                }
                if !hangs_on_the_right(text, end) && !shape.is_part_of_a_row(text, at, end) {
                    each(Fit { shape, end, lower });
                }
            }
        }
    }
}

fn is_place(byte: u8) -> bool {
    matches!(byte, b'9' | b'A' | b'*')
}

impl Shape {
    /// Groups with blanks between them are part of a longer row if the same kind of group stands beside them: twelve
    /// digits of a card, the middle of an account number. A card itself is followed by its expiry as often.
    fn is_part_of_a_row(&self, text: &Text, at: usize, end: usize) -> bool {
        if !self.places.contains(&b' ') {
            return false;
        }
        let group = self.places.iter().take_while(|b| is_place(**b)).count();
        let card = self.row.kind == super::super::kind::Kind::CreditCard;
        if text.before(at) == Some(b' ') {
            let left = text.bytes[..at - 1]
                .iter()
                .rev()
                .take(group + 1)
                .take_while(|b| text::is(**b, ALNUM));
            let (length, digits) =
                left.fold((0, 0), |(n, d), b| (n + 1, d + usize::from(b.is_ascii_digit())));
            if length == group && digits > 0 && (!card || digits < length) {
                return true;
            }
        }
        if card || text.get(end) != Some(b' ') || !text.is(end + 1, DIGIT) {
            return false;
        }
        text.run(end + 1, DIGIT, group + 1) - end - 1 == group
    }

    fn read(&self, text: &Text, at: usize, view: &[u8]) -> Option<([u8; VALUE_MAX], usize, bool)> {
        for (n, place) in self.places.iter().enumerate() {
            let Some(seen) = view.get(n) else {
                // The text ends here, or goes on with what has not come yet: the read is remembered.
                text.get(at + n);
                return None;
            };
            let fits = place == seen || *place == b'*' && matches!(seen, b'9' | b'A');
            if !fits {
                return None;
            }
        }
        let (mut value, mut length, mut lower) = ([0u8; VALUE_MAX], 0, false);
        for (place, byte) in self.places.iter().zip(&text.bytes[at..]) {
            if is_place(*place) {
                lower |= text::is(*byte, LOWER);
                *value.get_mut(length)? = byte.to_ascii_uppercase();
                length += 1;
            }
        }
        Some((value, length, lower))
    }
}

/// A number is part of a longer thing if a dot, hyphen or the like joins it to a run with digits: `3.14159`, a UUID.
pub(crate) fn hangs_on_the_left(text: &Text, at: usize) -> bool {
    let Some(joint) = text.before(at) else {
        return false;
    };
    if joint == b'_' || !matches!(joint, b'.' | b'-' | b'/' | b'+' | b',' | b':' | b'$' | b'#') {
        return matches!(joint, b'$' | b'#');
    }
    if matches!(joint, b'$' | b'#') {
        return true;
    }
    // Only what stands directly before the joint counts, and only digits: `SSN-123…` is a label.
    let Some(neighbour) = text.before(at - 1) else {
        return false;
    };
    if text::is(neighbour, DIGIT) {
        // `10:30,4111…` and `12.3.2020:4711…`: a comma or colon joins nothing by itself.
        return !matches!(joint, b',' | b':' | b'/');
    }
    if joint != b'-' || !text::is(neighbour, LETTER) {
        return false;
    }
    // A hyphen after letters: look whether their run has a digit, as in a UUID.
    let run = text.bytes[..at - 1]
        .iter()
        .rev()
        .take(12)
        .take_while(|b| text::is(**b, ALNUM));
    run.clone().any(u8::is_ascii_digit)
}

/// The same on the right: what follows would make the number longer.
pub(crate) fn hangs_on_the_right(text: &Text, end: usize) -> bool {
    let Some(next) = text.get(end) else { return false };
    if text::is(next, ALNUM) {
        return true;
    }
    match next {
        b'-' => text.is(end + 1, ALNUM),
        b'.' => text.is(end + 1, DIGIT),
        b'@' => text.is(end + 1, ALNUM),
        b',' => {
            text.is(end + 1, DIGIT)
                && text.is(end + 2, DIGIT)
                && text.is(end + 3, DIGIT)
                && !text.is(end + 4, ALNUM)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_can_be_read_and_fits_its_table() {
        for row in ROWS {
            for (shape, score) in row.shapes {
                let run = shape.bytes().take_while(|b| is_place(*b)).count();
                assert!((1..RUN_MAX).contains(&run) && shape.len() <= SHAPE_MAX, "{shape}");
                assert!(
                    shape.bytes().filter(|b| is_place(*b)).count() <= VALUE_MAX,
                    "{shape}"
                );
                assert!((1..=100).contains(score));
                assert!(
                    shape.is_ascii() && is_place(shape.as_bytes()[shape.len() - 1]) || shape.ends_with(')'),
                    "{shape}"
                );
            }
        }
    }
}
