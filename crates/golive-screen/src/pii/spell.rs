//! S4: values in disguise: spelled out with a blank between all characters, or with marks of emphasis within.
//!
//! A *spelled run* is eight or more single characters with the same blank between each two: `a n n @ e x …`. The blanks
//! in it are left out. A mark of emphasis (`*`, `**`, `***`, `` ` ``) is left out where it stands within a value:
//! `**ann@ex**ample.com`. `_` and `__` stay: Markdown takes them for no marks within a word, and keys have them.
//!
//! Never: depends on more than [`BEHIND`] bytes before a place, or on more behind it than a run needs to be one.

use std::ops::Range;

/// The fewest characters of a spelled run. Source: the shortest values worth spelling (an IPv4 address, a number of a
/// person) have eight or nine; initials and sums in honest prose have fewer.
const RUN_MIN: usize = 8;
/// How far a word is looked at to the left.
const BEHIND: usize = 24;
/// The longest row of the same mark that is one.
const MARKS_MAX: usize = 3;
/// So many digits alone are a number, and a letter behind them begins another word.
const NUMBER_MIN: usize = 4;

/// What is left out of a text.
#[derive(Debug)]
pub(super) struct Spelled {
    /// In bytes of the text, in order; each stands between two bytes that stay.
    pub(super) dropped: Vec<Range<usize>>,
    pub(super) runs: Vec<Run>,
    /// How much of the text stays like this, whatever follows.
    pub(super) settled: usize,
}

/// A spelled run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) separator: char,
    /// Its first character that is there, and the end of its last one.
    pub(super) first: usize,
    pub(super) end: usize,
    /// It began before the text.
    pub(super) resumed: bool,
    /// It may go on behind the text.
    pub(super) open: bool,
}

/// What of `text` from `from` on is left out. `within` is the separator of a run that goes on there; `sign` gives the
/// character that a blank was before it became one. Runs of blanks of different kinds are different runs, so that a word
/// of prose beside a value spelled with no-break spaces is no part of it.
pub(super) fn spelled(
    text: &[u8],
    from: usize,
    complete: bool,
    within: Option<char>,
    sign: impl Fn(usize) -> char,
) -> Spelled {
    let mut walk = Walk {
        text,
        complete,
        sign,
        out: Spelled {
            dropped: Vec::new(),
            runs: Vec::new(),
            settled: text.len(),
        },
    };
    if let Err(unsettled) = walk.all(from, within) {
        walk.out.settled = unsettled;
    }
    walk.out
}

struct Walk<'t, S> {
    text: &'t [u8],
    complete: bool,
    sign: S,
    out: Spelled,
}

/// An answer, or that more must come first.
enum Told {
    Yes,
    No,
    Later,
}

impl<S: Fn(usize) -> char> Walk<'_, S> {
    /// The error is the first place that more text may change.
    fn all(&mut self, from: usize, within: Option<char>) -> Result<(), usize> {
        let mut at = from;
        if let Some(separator) = within {
            // What stands here is a blank of the run, or the character behind one that was found to belong to it.
            let next = if self.text.get(at).is_some_and(|byte| *byte != b' ') {
                at + 1
            } else {
                at
            };
            at = self.run(at, next, separator, true)?;
        }
        loop {
            at = next_of_interest(self.text, at);
            let Some(byte) = self.text.get(at) else { break };
            at = match byte {
                b'*' | b'`' => self.marks(at)?,
                _ if begins(*byte) && matches!(self.text.get(at + 1), Some(b' ') | None) => self.begin(at)?,
                _ => at + 1,
            };
        }
        Ok(())
    }

    /// The next place, if a run may begin at `at`.
    fn begin(&mut self, at: usize) -> Result<usize, usize> {
        if self.is_word_before(at) {
            return Ok(at + 1);
        }
        if at + 1 == self.text.len() {
            return if self.complete { Ok(at + 1) } else { Err(at) };
        }
        let separator = (self.sign)(at + 1);
        let mut end = at + 1;
        for _ in 1..RUN_MIN {
            match self.link(end, separator) {
                Told::Yes => end += 2,
                Told::No => return Ok(at + 1),
                Told::Later => return Err(at),
            }
        }
        self.run(at, at + 1, separator, false)
    }

    /// Follows a run that began at `first`; `end` lies behind one of its characters.
    fn run(&mut self, first: usize, mut end: usize, separator: char, resumed: bool) -> Result<usize, usize> {
        let open = loop {
            match self.link(end, separator) {
                Told::Yes => {
                    self.out.dropped.push(end..end + 1);
                    end += 2;
                }
                Told::No => break false,
                Told::Later => break true,
            }
        };
        self.out.runs.push(Run {
            separator,
            first,
            end,
            resumed,
            open,
        });
        if open { Err(end) } else { Ok(end) }
    }

    /// Whether a run goes on at `at`: a separator and a single character.
    fn link(&self, at: usize, separator: char) -> Told {
        let none = if self.complete { Told::No } else { Told::Later };
        match self.text.get(at) {
            None => return none,
            Some(b' ') if (self.sign)(at) == separator => {}
            Some(_) => return Told::No,
        }
        match self.text.get(at + 1) {
            None => return none,
            Some(byte) if is_spelled(*byte) => {}
            Some(_) => return Told::No,
        }
        match self.text.get(at + 2) {
            None if self.complete => Told::Yes,
            None => Told::Later,
            // The beginning of a word: `I'm`, `x-ray`.
            Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'\'' | b'-' | b'@' | b'_') => {
                Told::No
            }
            Some(0xC3..=0xD4) => Told::No,
            Some(_) => Told::Yes,
        }
    }

    /// The next place, if marks of emphasis stand at `at`.
    fn marks(&mut self, at: usize) -> Result<usize, usize> {
        let mark = self.text[at];
        let row = self.text[at..].iter().take(MARKS_MAX + 1);
        let end = at + row.take_while(|byte| **byte == mark).count();
        let fits = match mark {
            b'*' => end - at <= MARKS_MAX,
            _ => end - at == 1,
        };
        let Some(left) = self.before(at).map(|place| self.text[place]) else {
            return Ok(end);
        };
        if !is_value(left) {
            return Ok(end);
        }
        let Some(right) = self.text.get(end) else {
            // A longer row may come, or what stands behind it.
            return if self.complete { Ok(end) } else { Err(at) };
        };
        if !fits {
            return Ok(end);
        }
        let within = if *right == b' ' {
            // The end of `**4111 1111** 1111 1111`.
            match self.text.get(end + 1) {
                None if !self.complete => return Err(at),
                next => {
                    (left.is_ascii_digit() || left.is_ascii_uppercase())
                        && next.is_some_and(u8::is_ascii_digit)
                }
            }
        } else {
            self.is_within(at, left, *right)
        };
        if within {
            self.out.dropped.push(at..end);
        }
        Ok(end)
    }

    /// Whether marks at `at` stand within one value, not between a label and its value.
    fn is_within(&self, at: usize, left: u8, right: u8) -> bool {
        if !is_value(right) {
            return false;
        }
        let (letters, digits) = self.word_before(at);
        match (left.is_ascii_alphanumeric(), right.is_ascii_alphanumeric()) {
            // `card**4111…`, but `GB**57…`.
            (true, true) if right.is_ascii_digit() => digits > 0 || letters <= 2,
            // `…1111**Name**`, but `GB57**GOLV…`.
            (true, true) if left.is_ascii_digit() => letters > 0 || digits < NUMBER_MIN,
            // The gap of an IPv6 address may be split, too.
            (false, false) => left == b':' && right == b':',
            _ => true,
        }
    }

    /// How many letters and digits the word has that ends before `at`, of at most [`BEHIND`] bytes.
    fn word_before(&self, at: usize) -> (usize, usize) {
        let (mut letters, mut digits, mut place) = (0, 0, at);
        let mut dropped = self.out.dropped.iter().rev().peekable();
        while letters + digits < BEHIND && place > 0 {
            if let Some(range) = dropped.next_if(|range| range.end == place) {
                place = range.start;
                continue;
            }
            let byte = self.text[place - 1];
            if byte.is_ascii_digit() {
                digits += 1;
            } else if byte.is_ascii_alphabetic() {
                letters += 1;
            } else {
                break;
            }
            place -= 1;
        }
        (letters, digits)
    }

    /// The place before `at` that stays.
    fn before(&self, at: usize) -> Option<usize> {
        match self.out.dropped.last() {
            Some(range) if range.end == at => range.start.checked_sub(1),
            _ => at.checked_sub(1),
        }
    }

    /// Whether a word goes on at `at`, so that no single character stands there.
    fn is_word_before(&self, at: usize) -> bool {
        let Some(place) = self.before(at) else {
            return false;
        };
        let byte = self.text[place];
        // A letter of two bytes: Latin with an accent, Greek, Cyrillic.
        let two = byte >= 0x80
            && place
                .checked_sub(1)
                .is_some_and(|lead| matches!(self.text[lead], 0xC3..=0xD4));
        byte.is_ascii_alphanumeric() || two
    }
}

/// The next place from `at` on, or one before it, where a mark stands or a run may begin: one single character and another
/// behind it, with blanks around. In prose that is rare, and far from the end it takes no knowledge of what may follow.
fn next_of_interest(text: &[u8], mut at: usize) -> usize {
    const BLOCK: usize = 32;
    let is_mark = |byte: u8| (byte == b'*') | (byte == b'`');
    while let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<{ BLOCK + 3 }>) {
        let any = (0..BLOCK).fold(false, |any, n| {
            any | is_mark(block[n]) | ((block[n + 1] == b' ') & (block[n + 3] == b' '))
        });
        if any {
            let found =
                (0..BLOCK).position(|n| is_mark(block[n]) || block[n + 1] == b' ' && block[n + 3] == b' ');
            return at + found.unwrap_or(0);
        }
        at += BLOCK;
    }
    at
}

/// Whether a spelled value may begin with it.
fn begins(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'(')
}

/// Whether it may stand in a spelled value. Bars and commas stand in tables and lists.
fn is_spelled(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'@' | b'.' | b':' | b'-' | b'_' | b'+' | b'/' | b'%' | b'=' | b'(' | b')' | b'&' | b'?' | b'#'
        )
}

/// Whether it may stand in a value beside a mark of emphasis.
fn is_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'.' | b':' | b'-' | b'+' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str) -> String {
        let spelled = spelled(text.as_bytes(), 0, true, None, |at| {
            char::from(text.as_bytes()[at])
        });
        let mut out = text.to_owned();
        for range in spelled.dropped.into_iter().rev() {
            out.replace_range(range, "");
        }
        out
    }

    #[test]
    fn blanks_of_a_spelled_run_are_left_out() {
        assert_eq!(
            joined("to a n n @ e x a m p l e . c o m, please"),
            "to ann@example.com, please"
        );
        assert_eq!(joined("is 4 1 1 1 1 1 1 1 1."), "is 411111111.");
        for same in [
            "it is 1 2 3 4 5 6 7, or",
            "| 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 |",
            "a  b  c  d  e  f  g  h  i",
            "1 2 3 4 5 6 7 I'm",
        ] {
            assert_eq!(joined(same), same);
        }
    }

    #[test]
    fn marks_within_a_value_are_left_out_and_marks_around_one_stay() {
        assert_eq!(joined("**ann@ex**ample.com"), "**ann@example.com");
        assert_eq!(joined("**4111 1111** 1111 1111"), "**4111 1111 1111 1111");
        assert_eq!(joined("**GB57**GOLV1020"), "**GB57GOLV1020");
        assert_eq!(joined("192.`0.2.7"), "192.0.2.7");
        for same in [
            "**Card:** 4111",
            "card**4111**",
            "1111**Name**",
            "ann_lee",
            "Nlzu__ZV8w",
            "4111****1111",
            "*a* b",
        ] {
            assert_eq!(joined(same), same);
        }
    }

    #[test]
    fn what_may_become_a_run_is_not_settled() {
        let settled = |text: &str| {
            let sign = |at| char::from(text.as_bytes()[at]);
            spelled(text.as_bytes(), 0, false, None, sign).settled
        };
        assert_eq!(settled("see a"), 4);
        assert_eq!(settled("see a b"), 4);
        assert_eq!(settled("see a bi"), 8);
        assert_eq!(settled("1 2 3 4 5 6 7 8 9 "), 17);
        assert_eq!(settled("ann**"), 3);
    }
}
