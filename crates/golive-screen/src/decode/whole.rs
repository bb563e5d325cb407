//! S8: disguises of whole stretches of text: rot13, mirror writing, leet, letters set apart.
//!
//! One pass adds up, block by block, what each letter pair says for and against each disguise; only a stretch where the
//! sum rises above what honest text reaches is undone and read again.
//!
//! Never: guesses: what does not read better undone than as it stands makes no layer.

use super::language::{self, cost, letter};
use super::{Found, How};
use std::ops::Range;

/// Most stretches of one disguise in one text.
const STRETCHES_MOST: usize = 8;
/// Bytes of a block: the sums are kept per block, so that the pass over the bytes has no branch.
const BLOCK: usize = 16;

/// The disguises, in the order of the lanes of [`GAINS`].
const DISGUISES: [Disguise; LANES] = [
    Disguise {
        how: How::Rot13,
        threshold: 400,
    },
    Disguise {
        how: How::Reversed,
        threshold: 240,
    },
    Disguise {
        how: How::Leet,
        threshold: 60,
    },
    Disguise {
        how: How::Spaced,
        threshold: 90,
    },
];
const LANES: usize = 4;

struct Disguise {
    how: How,
    /// Sum of gains that makes a stretch worth undoing, in sixteenths of a nat for the first two.
    threshold: i32,
}

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for (disguise, stretches) in DISGUISES.iter().zip(suspects(text.as_bytes())) {
        for stretch in stretches {
            let stretch = text.floor_char_boundary(stretch.start)..text.ceil_char_boundary(stretch.end);
            let Some(as_it_stands) = text.get(stretch.clone()) else {
                continue;
            };
            if let Some(text) = undo(disguise.how, as_it_stands) {
                found.push(Found {
                    how: vec![disguise.how],
                    at: stretch,
                    text,
                });
            }
        }
    }
}

/// Stretches whose sum of gains passed the threshold, for each disguise.
fn suspects(bytes: &[u8]) -> [Vec<Range<usize>>; LANES] {
    let mut watches: [Watch; LANES] = std::array::from_fn(|_| Watch::default());
    let mut before = 0;
    for (n, block) in bytes.chunks(BLOCK).enumerate() {
        let mut sums = [0i16; LANES];
        for &byte in block {
            let symbol = SYMBOLS[byte as usize];
            let gains = &GAINS[(before as usize) << 5 | symbol as usize];
            for (sum, gain) in sums.iter_mut().zip(gains) {
                *sum += gain;
            }
            before = symbol;
        }
        for ((watch, sum), disguise) in watches.iter_mut().zip(sums).zip(&DISGUISES) {
            watch.push(n, i32::from(sum), disguise.threshold);
        }
    }
    let mut lanes = DISGUISES.iter();
    watches.map(|watch| {
        let threshold = lanes.next().map_or(i32::MAX, |disguise| disguise.threshold);
        watch.finish(bytes.len(), threshold)
    })
}

/// A cumulative sum that never falls below zero (Page's test), which remembers where it rose.
#[derive(Default)]
struct Watch {
    sum: i32,
    peak: i32,
    start: usize,
    peak_at: usize,
    stretches: Vec<Range<usize>>,
}

impl Watch {
    fn push(&mut self, block: usize, gain: i32, threshold: i32) {
        if self.sum == 0 {
            if gain <= 0 {
                return;
            }
            self.start = block;
            self.peak = 0;
        }
        self.sum = (self.sum + gain).max(0);
        if self.sum > self.peak {
            self.peak = self.sum;
            self.peak_at = block;
        }
        // The stretch is over when as much speaks against it as would be needed to begin one.
        if self.sum == 0 || self.sum < self.peak - threshold {
            self.close(threshold);
        }
    }

    fn close(&mut self, threshold: i32) {
        if self.peak >= threshold && self.stretches.len() < STRETCHES_MOST {
            self.stretches.push(self.start..self.peak_at + 1);
        }
        self.sum = 0;
        self.peak = 0;
    }

    /// The stretches in bytes, with a block more on either side: words are longer than what gave them away.
    fn finish(mut self, length: usize, threshold: i32) -> Vec<Range<usize>> {
        self.close(threshold);
        self.stretches
            .into_iter()
            .map(|blocks| {
                (blocks.start * BLOCK).saturating_sub(BLOCK)..((blocks.end + 1) * BLOCK).min(length)
            })
            .collect()
    }
}

/// The text behind a disguise, if it reads like a language and clearly better than what stands there.
fn undo(how: How, text: &str) -> Option<String> {
    let undone: String = match how {
        How::Rot13 => text
            .chars()
            .map(|c| {
                if c.is_ascii() {
                    char::from(rot13(c as u8))
                } else {
                    c
                }
            })
            .collect(),
        How::Reversed => text.chars().rev().collect(),
        How::Leet => leet(text),
        How::Spaced => closed_up(text),
        _ => return None,
    };
    if undone == text {
        return None;
    }
    let better = language::mean_cost(&undone)?;
    let reads_better_by = |gain: u32| language::mean_cost(text).is_some_and(|stands| better + gain <= stands);
    let convinces = match how {
        How::Rot13 => better <= 58 && reads_better_by(16),
        How::Reversed => better <= 58 && reads_better_by(5),
        _ => better <= 60,
    };
    convinces.then_some(undone)
}

pub(super) const fn rot13(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => (byte - b'A' + 13) % 26 + b'A',
        b'a'..=b'z' => (byte - b'a' + 13) % 26 + b'a',
        other => other,
    }
}

/// Reads digits and signs inside words as the letters they stand for.
fn leet(text: &str) -> String {
    let mut undone = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let has_letter = word.bytes().any(|byte| byte.is_ascii_alphabetic());
        let mut before = 0;
        let mut rest = word.bytes().skip(1).chain([b' ']);
        for c in word.chars() {
            let mut after = 0;
            for _ in 0..c.len_utf8() {
                after = rest.next().map_or(0, as_letter);
            }
            let c = match c {
                // `1` is an i or an l: whichever is the likelier between its neighbours.
                '1' | '!' | '|' if has_letter || before != 0 => {
                    let fit = |read: u8| u16::from(cost(before, read)) + u16::from(cost(read, after));
                    if fit(letter(b'l')) < fit(letter(b'i')) {
                        'l'
                    } else {
                        'i'
                    }
                }
                c if c.is_ascii() && has_letter => match as_letter(c as u8) {
                    0 => c,
                    _ if c.is_ascii_alphabetic() => c,
                    number => char::from(b'a' - 1 + number),
                },
                c => c,
            };
            before = if c.is_ascii() { letter(c as u8) } else { 0 };
            undone.push(c);
        }
    }
    undone
}

/// The number of the letter that a letter, digit or sign is read as; 0 for none.
const fn as_letter(byte: u8) -> u8 {
    let read = match byte {
        b'0' => b'o',
        b'1' | b'!' | b'|' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' | b'+' => b't',
        b'8' => b'b',
        b'9' => b'g',
        other => other,
    };
    letter(read)
}

/// Closes up letters that stand apart. Another sign than the one between the letters, or more than one, is the gap
/// between two words.
fn closed_up(text: &str) -> String {
    let mut closed = String::with_capacity(text.len());
    let mut rest = text.chars();
    let mut before = ' ';
    let mut apart = None;
    while let Some(c) = rest.next() {
        closed.push(c);
        let lone = c.is_alphanumeric() && !before.is_alphanumeric();
        before = c;
        let mut ahead = rest.clone();
        let (Some(sign), Some(next)) = (ahead.next(), ahead.next()) else {
            continue;
        };
        let next_is_lone = next.is_alphanumeric() && ahead.next().is_none_or(|c| !c.is_alphanumeric());
        if lone && next_is_lone && !sign.is_alphanumeric() && apart.is_none_or(|apart| apart == sign) {
            apart = Some(sign);
            before = sign;
            rest.next();
        } else {
            apart = None;
        }
    }
    closed
}

/// Kinds of bytes: 0 for what separates, 1 to 26 for letters, then these.
const LEET: u8 = 27;
const DIGIT: u8 = 28;
/// First and further bytes of a character that is not ASCII.
const LEAD: u8 = 29;
const FURTHER: u8 = 30;

static SYMBOLS: [u8; 256] = {
    let mut symbols = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        symbols[byte] = symbol(byte as u8);
        byte += 1;
    }
    symbols
};

const fn symbol(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => letter(byte),
        b'0' | b'1' | b'3' | b'4' | b'5' | b'7' | b'8' | b'9' | b'@' | b'$' => LEET,
        b'0'..=b'9' => DIGIT,
        0x80..=0xBF => FURTHER,
        0xC0..=0xFF => LEAD,
        _ => 0,
    }
}

/// What each pair of symbols says for each disguise.
static GAINS: [[i16; LANES]; 1024] = {
    let mut gains = [[0; LANES]; 1024];
    let mut first = 0;
    while first < 32 {
        let mut second = 0;
        while second < 32 {
            gains[first << 5 | second] = gains_of(first as u8, second as u8);
            second += 1;
        }
        first += 1;
    }
    gains
};

const fn gains_of(first: u8, second: u8) -> [i16; LANES] {
    let (turned, mirrored) = if first <= 26 && second <= 26 && first | second != 0 {
        let stands = cost(first, second) as i16;
        let turned = cost(turn(first), turn(second)) as i16;
        let mirrored = cost(second, first) as i16;
        // The small loss per pair keeps noise, where neither reading is better, from adding up.
        (stands - turned - 8, stands - mirrored - 3)
    } else {
        (0, 0)
    };
    let leet = match (
        is_letter_symbol(first),
        first == LEET,
        is_letter_symbol(second),
        second == LEET,
    ) {
        (true, _, _, true) | (_, true, true, _) => 12,
        (true, _, true, _) => -4,
        _ if first == DIGIT || second == DIGIT => -8,
        _ => 0,
    };
    let spaced = match (is_word(first), is_word(second)) {
        _ if first == FURTHER && second == FURTHER || first == LEAD && second == FURTHER => 0,
        (true, true) => -24,
        (true, false) | (false, true) => 8,
        (false, false) => 0,
    };
    [turned, mirrored, leet, spaced]
}

const fn is_letter_symbol(symbol: u8) -> bool {
    symbol >= 1 && symbol <= 26
}

const fn is_word(symbol: u8) -> bool {
    symbol != 0
}

const fn turn(number: u8) -> u8 {
    if number == 0 {
        0
    } else {
        (number - 1 + 13) % 26 + 1
    }
}
