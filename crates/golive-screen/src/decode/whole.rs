//! S8: disguises of whole stretches of text: rot13, mirror writing, leet, letters set apart.
//!
//! One pass adds up, block by block, what each letter pair says for and against each disguise; only a stretch where the
//! sum rises above what honest text reaches is undone and read again.
//!
//! Never: guesses: what does not read better undone than as it stands makes no layer.

use super::gain::{BIAS, BLOCK, GAINS, LANE_BITS, LANE_MASK, LANES, PACKED, SYMBOLS};
use super::undo::undo;
use super::{Found, How};
use std::ops::Range;

/// Most stretches of one disguise in one text.
const STRETCHES_MOST: usize = 8;

/// The disguises, in the order of the lanes of [`GAINS`].
const DISGUISES: [Disguise; LANES] = [
    Disguise {
        how: How::Rot13,
        threshold: 400,
        against: -60,
    },
    Disguise {
        how: How::Reversed,
        threshold: 100,
        against: -90,
    },
    Disguise {
        how: How::Leet,
        threshold: 60,
        against: -60,
    },
    Disguise {
        how: How::Caesar,
        threshold: 300,
        against: -60,
    },
    Disguise {
        how: How::Spaced,
        threshold: 90,
        against: -60,
    },
];

struct Disguise {
    how: How,
    /// Sum of gains that makes a stretch worth undoing, in sixteenths of a nat for the first two.
    threshold: i32,
    /// Sum of gains of one word next to such a stretch below which the word does not belong to it.
    against: i32,
}

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for (lane, (disguise, stretches)) in DISGUISES.iter().zip(suspects(text.as_bytes())).enumerate() {
        for stretch in stretches {
            let tight = to_words(
                text,
                best_part(text.as_bytes(), stretch, lane),
                lane,
                disguise.against,
            );
            let line = (disguise.how == How::Reversed).then(|| to_line(text, &tight));
            for stretch in line.into_iter().chain([tight]) {
                let Some(stands) = text.get(stretch.clone()) else {
                    continue;
                };
                let before = found.len();
                let undone = undo(disguise.how, stands);
                found.extend(undone.into_iter().map(|(how, text)| Found {
                    how: vec![how],
                    at: stretch.clone(),
                    text,
                }));
                if found.len() > before {
                    break;
                }
            }
        }
    }
}

/// Widens to the borders of the line, if they are near: mirror writing is mostly a line of its own, and its first and
/// last words often read as well either way.
fn to_line(text: &str, part: &Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let before = bytes
        .get(part.start.saturating_sub(AROUND)..part.start)
        .unwrap_or_default();
    let after = bytes
        .get(part.end..(part.end + AROUND).min(bytes.len()))
        .unwrap_or_default();
    let start = part.start - before.iter().rev().take_while(|&&byte| byte != b'\n').count();
    let end = part.end + after.iter().take_while(|&&byte| byte != b'\n').count();
    text.floor_char_boundary(start)..text.ceil_char_boundary(end)
}

/// The part of the stretch with the highest sum of gains: blocks are coarse, and words around a disguise are none.
fn best_part(bytes: &[u8], stretch: Range<usize>, lane: usize) -> Range<usize> {
    let mut best = (0, stretch.start..stretch.start);
    let (mut sum, mut start) = (0i32, stretch.start);
    let mut before = stretch
        .start
        .checked_sub(1)
        .and_then(|at| bytes.get(at))
        .map_or(0, |&byte| SYMBOLS[byte as usize]);
    for (at, &byte) in bytes.iter().enumerate().take(stretch.end).skip(stretch.start) {
        let symbol = SYMBOLS[byte as usize];
        let gain = GAINS[(before as usize) << 5 | symbol as usize][lane];
        before = symbol;
        if sum <= 0 {
            (sum, start) = (0, at);
        }
        sum += i32::from(gain);
        if sum > best.0 {
            best = (sum, start..at + 1);
        }
    }
    best.1
}

/// Widens to whole words, and over the words next to them that do not clearly speak against the disguise.
fn to_words(text: &str, part: Range<usize>, lane: usize, against: i32) -> Range<usize> {
    let bytes = text.as_bytes();
    let is_gap = |at: usize| bytes.get(at).is_none_or(u8::is_ascii_whitespace);
    let (mut start, mut end) = (part.start, part.end);
    let lowest = part.start.saturating_sub(AROUND);
    let highest = (part.end + AROUND).min(bytes.len());
    while start > lowest {
        let word = (lowest..start)
            .rev()
            .skip_while(|&at| is_gap(at))
            .find(|&at| is_gap(at))
            .map_or(lowest, |gap| gap + 1);
        let whole = start == part.start && !is_gap(start - 1);
        if !whole && gain_of(bytes, word..start, lane) < against {
            break;
        }
        start = word;
    }
    while end < highest {
        let word = (end..highest)
            .skip_while(|&at| is_gap(at))
            .find(|&at| is_gap(at))
            .unwrap_or(highest);
        let whole = end == part.end && !is_gap(end);
        if !whole && gain_of(bytes, end..word, lane) < against {
            break;
        }
        end = word;
    }
    let gaps = bytes
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    text.floor_char_boundary(start + gaps)..text.ceil_char_boundary(end)
}

/// Bytes around the best part in which words are looked at.
const AROUND: usize = 64;

fn gain_of(bytes: &[u8], word: Range<usize>, lane: usize) -> i32 {
    let mut before = 0;
    let mut sum = 0;
    for &byte in bytes.get(word).unwrap_or_default() {
        let symbol = SYMBOLS[byte as usize];
        sum += i32::from(GAINS[(before as usize) << 5 | symbol as usize][lane]);
        before = symbol;
    }
    sum + i32::from(GAINS[(before as usize) << 5][lane])
}

/// Stretches whose sum of gains passed the threshold, for each disguise.
fn suspects(bytes: &[u8]) -> [Vec<Range<usize>>; LANES] {
    let mut watches: [Watch; LANES] = std::array::from_fn(|_| Watch::default());
    let mut before = 0;
    for (n, block) in bytes.chunks(BLOCK).enumerate() {
        let mut packed = 0u64;
        for &byte in block {
            let symbol = SYMBOLS[byte as usize];
            packed += PACKED[(before as usize) << 5 | (symbol & 31) as usize];
            before = symbol & 31;
        }
        let bias = block.len() as i32 * BIAS;
        for (lane, (watch, disguise)) in watches.iter_mut().zip(&DISGUISES).enumerate() {
            let gain = (packed >> (LANE_BITS * lane) & LANE_MASK) as i32 - bias;
            watch.push(n, gain, disguise.threshold);
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
