//! S8: disguises of whole stretches of text: rot13, mirror writing, leet, letters set apart.
//!
//! One pass adds up, block by block, what each letter pair says for and against each disguise; only a stretch where the
//! sum rises above what honest text reaches is undone and read again.
//!
//! Never: guesses: what does not read better undone than as it stands makes no layer.

use super::language::{self, cost, letter};
use super::{Found, How, jammed};
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
const LANES: usize = 5;

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

/// The texts behind a disguise, if they read like a language, and clearly better than what stands there.
fn undo(how: How, text: &str) -> Vec<(How, String)> {
    let one = |text: Option<String>| text.map(|text| (how, text)).into_iter().collect();
    match how {
        How::Rot13 => one(if_better(text, turned(text, rot13), 16)),
        How::Reversed => mirrored(text).into_iter().map(|text| (how, text)).collect(),
        How::Caesar => decipher(text).into_iter().collect(),
        How::Leet => one(leet(text)),
        How::Spaced => one(closed_up(text)),
        _ => Vec::new(),
    }
}

fn turned(text: &str, turn: impl Fn(u8) -> u8) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii() {
                char::from(turn(c as u8))
            } else {
                c
            }
        })
        .collect()
}

/// The mirror image as a whole and, of several words, each word by itself: letter pairs do not tell which was meant.
fn mirrored(text: &str) -> Vec<String> {
    // Letter pairs differ little from their mirror images: a common word has to be there as well.
    let Some(whole) = if_better(text, text.chars().rev().collect(), 5) else {
        return Vec::new();
    };
    if language::common_words(&whole) <= language::common_words(text) {
        return Vec::new();
    }
    let mut readings = vec![whole];
    if text.split_whitespace().nth(2).is_some() {
        let word = |word: &str| word.chars().rev().collect::<String>();
        readings.push(text.split_whitespace().map(word).collect::<Vec<_>>().join(" "));
    }
    readings
}

/// The best reading under any shift of the alphabet, or the alphabet turned round, judged by the first letters.
fn decipher(text: &str) -> Option<(How, String)> {
    let sample: Vec<u8> = text.bytes().take(SAMPLE).map(letter).collect();
    let price = |read: &dyn Fn(u8) -> u8| -> u32 {
        let pairs = sample.iter().zip(sample.iter().skip(1));
        pairs
            .filter(|(first, second)| **first | **second != 0)
            .map(|(&first, &second)| u32::from(cost(read(first), read(second))))
            .sum()
    };
    let shifted = |by: u8| {
        move |number: u8| {
            if number == 0 {
                0
            } else {
                (number - 1 + by) % 26 + 1
            }
        }
    };
    let round = |number: u8| if number == 0 { 0 } else { 27 - number };
    let best = (1..26)
        .filter(|&by| by != 13)
        .min_by_key(|&by| price(&shifted(by)))?;
    let by_letter = |read: &dyn Fn(u8) -> u8| {
        turned(text, |byte| match letter(byte) {
            0 => byte,
            // The same case as it had.
            number => byte & 0xE0 | read(number),
        })
    };
    if price(&round) < price(&shifted(best)) {
        return Some((How::Atbash, if_better(text, by_letter(&round), DECIPHERED_GAIN)?));
    }
    Some((
        How::Caesar,
        if_better(text, by_letter(&shifted(best)), DECIPHERED_GAIN)?,
    ))
}

/// Letters by which a cipher is told.
const SAMPLE: usize = 256;
/// How much less a letter pair must cost on the average once deciphered: with 25 readings to choose from, one of them
/// is better than noise by chance.
const DECIPHERED_GAIN: u32 = 22;

/// The undone text, if it reads well and each of its letter pairs costs at least `gain` less on the average.
fn if_better(stands: &str, undone: String, gain: u32) -> Option<String> {
    let better = language::mean_cost(&undone)?;
    (better <= MEAN_MOST && better + gain <= language::mean_cost(stands)?).then_some(undone)
}

/// Most that a letter pair of an undone text may cost on the average.
const MEAN_MOST: u32 = 58;
/// The same for the words that a disguise of single letters changed: there every word is judged by itself.
const CHANGED_MEAN_MOST: u32 = 54;
/// Longest word, in bytes with the white space after it, that is read as leet.
const LEET_WORD_MOST: usize = 26;
/// Fewest letters and digits written as leet or set apart that are worth a layer.
const CHANGED_FEWEST: usize = 5;

pub(super) const fn rot13(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => (byte - b'A' + 13) % 26 + b'A',
        b'a'..=b'z' => (byte - b'a' + 13) % 26 + b'a',
        other => other,
    }
}

/// Reads digits and signs inside words as the letters they stand for, if most of the words so changed read well.
fn leet(text: &str) -> Option<String> {
    let mut undone = String::with_capacity(text.len());
    let mut changed = String::new();
    let mut words = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let start = undone.len();
        // Identifiers and sums are longer than words, escapes are another matter.
        let is_word = word.len() <= LEET_WORD_MOST && !word.contains('\\');
        if is_word && word.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            leet_word(word, &mut undone);
        } else {
            undone.push_str(word);
        }
        let read = undone.get(start..).unwrap_or_default();
        if read != word {
            words += 1;
            changed.push_str(read);
            changed.push(' ');
        }
    }
    let convinces = words > 1 && language::mean_cost(&changed)? <= CHANGED_MEAN_MOST;
    convinces.then_some(undone)
}

fn leet_word(word: &str, undone: &mut String) {
    let mut before = 0;
    let mut ahead = word.chars().skip(1);
    for c in word.chars() {
        let after = ahead
            .next()
            .filter(char::is_ascii)
            .map_or(0, |c| as_letter(c as u8));
        let read = match c {
            // An i or an l: whichever is the likelier between its neighbours.
            '1' | '!' | '|' => {
                let fit = |read: u8| u16::from(cost(before, read)) + u16::from(cost(read, after));
                if fit(letter(b'l')) < fit(letter(b'i')) {
                    letter(b'l')
                } else {
                    letter(b'i')
                }
            }
            c if c.is_ascii() && !c.is_ascii_alphabetic() => as_letter(c as u8),
            _ => 0,
        };
        // The sign at the end of a sentence stays what it is.
        let read = if after == 0 && c.is_ascii_punctuation() {
            0
        } else {
            read
        };
        before = if read > 0 {
            undone.push(char::from(b'a' - 1 + read));
            read
        } else {
            undone.push(c);
            if c.is_ascii() { letter(c as u8) } else { 0 }
        };
    }
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

/// Closes up letters that stand apart, if what they make reads well. Another sign than the one between the letters, or
/// more than one, is the gap between two words.
fn closed_up(text: &str) -> Option<String> {
    let mut closed = String::with_capacity(text.len());
    let mut changed = String::new();
    let mut letters = 0;
    let mut digits = 0;
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let apart = if before.is_alphanumeric() {
            None
        } else {
            letters_apart(rest)
        };
        if let Some((length, word)) = apart {
            let split = if word.len() >= JAMMED_FEWEST {
                jammed::split(&word)
            } else {
                None
            };
            let read = split.as_deref().unwrap_or(&word);
            closed.push_str(read);
            changed.push_str(read);
            changed.push(' ');
            letters += word.chars().filter(|c| c.is_alphabetic()).count();
            digits += word.chars().filter(char::is_ascii_digit).count();
            before = word.chars().next_back().unwrap_or(' ');
            rest = rest.get(length..).unwrap_or_default();
        } else {
            closed.push(c);
            before = c;
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    // Digits set apart make numbers, about which letter pairs say nothing.
    let reads_well = || language::mean_cost(&changed).is_some_and(|mean| mean <= MEAN_MOST);
    let number = digits >= DIGITS_FEWEST && digits > letters;
    (number || letters >= CHANGED_FEWEST && reads_well()).then_some(closed)
}

/// Letters from which on a word that was set apart may be several.
const JAMMED_FEWEST: usize = 10;
/// Fewest digits that make a number worth closing up.
const DIGITS_FEWEST: usize = 8;

/// Three or more letters or digits at the beginning with one and the same sign between them: their length as they
/// stand, and the word they make.
fn letters_apart(text: &str) -> Option<(usize, String)> {
    let mut chars = text.char_indices().peekable();
    let mut word = String::new();
    let mut between = None;
    let mut end = 0;
    while let Some((at, c)) = chars.next() {
        if !c.is_alphanumeric() || chars.peek().is_some_and(|(_, c)| c.is_alphanumeric()) {
            break;
        }
        word.push(c);
        end = at + c.len_utf8();
        let Some((_, sign)) = chars.next() else { break };
        if *between.get_or_insert(sign) != sign {
            break;
        }
    }
    (word.chars().nth(2).is_some()).then_some((end, word))
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

/// Largest gain or loss of one pair.
const GAIN_MOST: i16 = 127;
/// Added to every gain in [`PACKED`], so that none is negative.
const BIAS: i32 = 128;
/// Room for the sum of one block.
const LANE_BITS: usize = 12;
const LANE_MASK: u64 = (1 << LANE_BITS) - 1;

/// The gains of a pair side by side in one word, so that one addition adds all of them up.
static PACKED: [u64; 1024] = {
    let mut packed = [0; 1024];
    let mut pair = 0;
    while pair < 1024 {
        let mut lane = 0;
        while lane < LANES {
            let gain = GAINS[pair][lane] as i32 + BIAS;
            assert!(gain >= 0 && gain * (BLOCK as i32) < 1 << LANE_BITS);
            packed[pair] |= (gain as u64) << (LANE_BITS * lane);
            lane += 1;
        }
        pair += 1;
    }
    packed
};

const fn gains_of(first: u8, second: u8) -> [i16; LANES] {
    let (turned, mirrored, strange) = if first <= 26 && second <= 26 && first | second != 0 {
        let stands = cost(first, second) as i16;
        let turned = cost(turn(first), turn(second)) as i16;
        let mirrored = cost(second, first) as i16;
        // The small loss per pair keeps noise, where neither reading is better, from adding up.
        (stands - turned - 8, stands - mirrored - 3, stands - STRANGE)
    } else if first == LEET || first == DIGIT || second == LEET || second == DIGIT {
        // Identifiers and encoded data are strange too, but they have digits.
        (0, 0, -30)
    } else {
        (0, 0, 0)
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
    [clip(turned), clip(mirrored), leet, clip(strange), spaced]
}

/// Cost of a letter pair that no language of the Latin alphabet keeps up for long.
const STRANGE: i16 = 64;

const fn clip(gain: i16) -> i16 {
    if gain > GAIN_MOST {
        GAIN_MOST
    } else if gain < -GAIN_MOST {
        -GAIN_MOST
    } else {
        gain
    }
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
