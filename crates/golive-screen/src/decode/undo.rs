//! S8: the disguises of whole stretches undone, and the judgement whether what comes out is a text.
//!
//! Never: gives a reading that is not better than what stands there.

use super::language::{self, cost, letter};
use super::{How, jammed};

/// The texts behind a disguise, if they read like a language, and clearly better than what stands there.
pub(super) fn undo(how: How, text: &str) -> Vec<(How, String)> {
    let one = |text: Option<String>| text.map(|text| (how, text)).into_iter().collect();
    match how {
        How::Rot13 => {
            one(if_better(text, turned(text, rot13), 16)
                .or_else(|| with_common_words(text, turned(text, rot13))))
        }
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
    // Letter pairs differ little from their mirror images: a common word has to be there too.
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
    // With so many readings to choose from, one of them is better than noise by chance: it must have a common word.
    let (how, undone) = if price(&round) < price(&shifted(best)) {
        (How::Atbash, by_letter(&round))
    } else {
        (How::Caesar, by_letter(&shifted(best)))
    };
    with_common_words(text, undone).map(|text| (how, text))
}

/// The undone text, if it reads better and has common words that the text does not have.
fn with_common_words(stands: &str, undone: String) -> Option<String> {
    let common = language::common_words(&undone) > language::common_words(stands);
    let reads = language::mean_cost(&undone)? <= MEAN_MOST_WITH_WORDS;
    let better = language::mean_cost(&undone)? + 16 <= language::mean_cost(stands)?;
    (common && reads && better).then_some(undone)
}

/// Most that a letter pair may cost on the average where common words speak for the text too.
const MEAN_MOST_WITH_WORDS: u32 = 66;
/// Letters by which a cipher is told.
const SAMPLE: usize = 256;

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
