//! S1: how a credential is written down, in one small language that both finds and makes it.
//!
//! `ghp_{a36}` is four letters and 36 letters or digits. A class is one letter ([`alphabet`]) and how many: `{a36}`,
//! `{a20-40}`, `{a20+}`. `<` and `>` stand around what is secret when not all of it is.
//! A shape is read from left to right and never goes back, so its cost is its length; a test holds every shape to that.
//! Why not regular expressions: one text then serves the search, the self-test and the labelled set, and a thread needs
//! no cache of its own.
//!
//! Never: looks behind the end it was given.

use std::ops::Range;

/// The longest open run (`{a20+}`). Longer than any credential that is one word.
const LONGEST: usize = 4096;

/// One way a credential is written.
#[derive(Debug, Clone)]
pub struct Shape {
    items: Vec<Item>,
    /// The literal beginning: what the first gate searches for.
    gate: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Item {
    Literal(Vec<u8>),
    Class {
        letters: &'static [u8],
        table: Box<[bool; 256]>,
        min: usize,
        max: usize,
    },
    Open,
    Close,
}

/// The bytes of a class, by its letter. The panic is of the table's own rows, and a test parses them all.
fn alphabet(class: u8) -> &'static [u8] {
    match class {
        b'a' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        b'l' => b"0123456789abcdefghijklmnopqrstuvwxyz",
        b'u' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        b'z' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        b'd' => b"0123456789",
        b'h' => b"0123456789abcdef",
        b'H' => b"0123456789ABCDEF",
        b'x' => b"0123456789abcdefABCDEF",
        b'2' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        b'q' => b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        b'w' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-",
        b'v' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.",
        b't' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.~",
        b'b' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/",
        b'e' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/=_-",
        _ => b"",
    }
}

impl Shape {
    /// Reads a shape. Text that is none gives a shape that matches nothing; a test sees that no rule has one.
    #[must_use]
    pub fn parse(text: &str) -> Shape {
        let mut items = Vec::new();
        let mut rest = text.as_bytes();
        let mut literal = Vec::new();
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            let item = match byte {
                b'<' => Item::Open,
                b'>' => Item::Close,
                b'{' => {
                    let end = memchr::memchr(b'}', rest).unwrap_or(rest.len());
                    let (inside, tail) = rest.split_at(end);
                    rest = tail.get(1..).unwrap_or_default();
                    class(inside)
                }
                _ => {
                    literal.push(byte);
                    continue;
                }
            };
            if !literal.is_empty() {
                items.push(Item::Literal(std::mem::take(&mut literal)));
            }
            items.push(item);
        }
        if !literal.is_empty() {
            items.push(Item::Literal(literal));
        }
        let mut gate = Vec::new();
        for item in &items {
            match item {
                Item::Literal(bytes) => gate.extend_from_slice(bytes),
                Item::Open => {}
                Item::Class { .. } | Item::Close => break,
            }
        }
        Shape { items, gate }
    }

    /// The literal it begins with; empty if it begins with a class.
    #[must_use]
    pub fn gate(&self) -> &[u8] {
        &self.gate
    }

    /// Matches at `at` and nowhere else; gives what is secret of it. A run that goes on beyond the shape is no match.
    #[must_use]
    pub fn find(&self, hay: &[u8], at: usize) -> Option<Range<usize>> {
        let (mut pos, mut from, mut to) = (at, at, None);
        for item in &self.items {
            match item {
                Item::Literal(bytes) => {
                    if !hay.get(pos..)?.starts_with(bytes) {
                        return None;
                    }
                    pos += bytes.len();
                }
                Item::Class { table, min, max, .. } => {
                    let rest = &hay[pos..hay.len().min(pos + max)];
                    let run = rest
                        .iter()
                        .position(|b| !table[usize::from(*b)])
                        .unwrap_or(rest.len());
                    if run < *min {
                        return None;
                    }
                    pos += run;
                }
                Item::Open => from = pos,
                Item::Close => to = Some(pos),
            }
        }
        if let Some(Item::Class { table, .. }) = self.items.last()
            && hay.get(pos).is_some_and(|b| table[usize::from(*b)])
        {
            return None;
        }
        Some(from..to.unwrap_or(pos))
    }

    /// Matches all of `text`.
    #[must_use]
    pub fn is(&self, text: &[u8]) -> bool {
        self.find(text, 0).is_some_and(|found| found.end == text.len())
    }

    /// A made-up one, by dice. Gives the text and what is secret of it.
    #[must_use]
    pub fn make(&self, dice: &mut Dice) -> (Vec<u8>, Range<usize>) {
        let (mut text, mut from, mut to) = (Vec::new(), 0, None);
        for item in &self.items {
            match item {
                Item::Literal(bytes) => text.extend_from_slice(bytes),
                Item::Class {
                    letters, min, max, ..
                } => {
                    let length = min + dice.below((max - min).min(12) + 1);
                    text.extend((0..length).map(|_| letters[dice.below(letters.len())]));
                }
                Item::Open => from = text.len(),
                Item::Close => to = Some(text.len()),
            }
        }
        let end = to.unwrap_or(text.len());
        (text, from..end)
    }

    /// Whether reading from left to right cannot miss: no run of varying length takes what the next item needs.
    #[cfg(test)]
    pub(crate) fn never_goes_back(&self) -> bool {
        let solid: Vec<&Item> = self
            .items
            .iter()
            .filter(|item| !matches!(item, Item::Open | Item::Close))
            .collect();
        !solid.is_empty()
            && solid.windows(2).all(|pair| match (pair[0], pair[1]) {
                (Item::Class { min, max, .. }, _) if min == max => true,
                (Item::Class { table, .. }, Item::Literal(next)) => !table[usize::from(next[0])],
                (Item::Class { .. }, _) => false,
                _ => true,
            })
            && solid.iter().all(|item| match item {
                Item::Class {
                    letters, min, max, ..
                } => !letters.is_empty() && min <= max && *max > 0,
                _ => true,
            })
    }
}

fn class(inside: &[u8]) -> Item {
    let (letter, count) = inside.split_first().map_or((0, &b""[..]), |(l, c)| (*l, c));
    let count = std::str::from_utf8(count).unwrap_or_default();
    let number = |text: &str| text.parse::<usize>().unwrap_or(0);
    let (min, max) = match (count.strip_suffix('+'), count.split_once('-')) {
        (Some(min), _) => (number(min), LONGEST),
        (None, Some((min, max))) => (number(min), number(max)),
        (None, None) => (number(count), number(count)),
    };
    let letters = alphabet(letter);
    let mut table = Box::new([false; 256]);
    for byte in letters {
        table[usize::from(*byte)] = true;
    }
    Item::Class {
        letters,
        table,
        min,
        max,
    }
}

/// Small dice (SplitMix64) for made-up secrets. Not for real ones: who knows the seed knows the throws.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that throw the same for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// The next 64 bits.
    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.throw() % (end.max(1) as u64)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_matches_what_it_makes_and_nothing_longer_or_shorter() {
        let shape = Shape::parse("abc_<{a8}>.{h4-6}");
        let mut dice = Dice::new(1);
        for _ in 0..50 {
            let (text, secret) = shape.make(&mut dice);
            assert_eq!(shape.find(&text, 0), Some(secret.clone()));
            assert_eq!(secret, 4..12);
            let longer = [&text[..], b"ffffff"].concat();
            assert_eq!(shape.find(&longer, 0), None);
            assert_eq!(shape.find(&text[..10], 0), None);
        }
        assert_eq!(shape.gate(), b"abc_");
    }
}
