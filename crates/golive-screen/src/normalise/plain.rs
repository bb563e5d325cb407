//! S3, S4, S8: what a reader sees: NFKC, nothing invisible, look-alikes as ASCII where they are a disguise.
//!
//! Never: looks at a byte more than a fixed number of times, or touches a word of an honest alphabet.

use super::class::{
    CHANGES, DIGIT, FOREIGN, HIDDEN, Hidden, JOINS, LATIN, LOOKALIKE, LOOSELY, class, digit, hidden,
    is_pileable, lookalike,
};
use super::hiding::Smuggled;
use super::map::Map;
use crate::decode::language;
use std::borrow::Cow;
use std::ops::Range;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// Counts of what was changed on the way to [`Plain`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) controls: usize,
    pub(super) bidi: usize,
    pub(super) tags: usize,
    pub(super) variations: usize,
    pub(super) zero_width: usize,
    pub(super) compatibility: usize,
    pub(super) piled_marks: usize,
    pub(super) lookalikes: usize,
    pub(super) mixed_words: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Plain<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) map: Map,
    pub(super) changes: Changes,
    /// Texts that stood in invisible characters, with their places in the source.
    pub(super) smuggled: Vec<(Smuggled, Range<usize>, String)>,
}

/// Makes `source` plain. Borrows where there is nothing to do: for ASCII without control characters.
pub(super) fn plain(source: &str) -> Plain<'_> {
    if next_stop(source.as_bytes(), 0) == source.len() {
        return Plain {
            text: Cow::Borrowed(source),
            map: Map::default(),
            changes: Changes::default(),
            smuggled: Vec::new(),
        };
    }
    let mut maker = Maker {
        source,
        kept: 0..0,
        text: String::new(),
        map: Map::default(),
        changes: Changes::default(),
        before: Neighbour::None,
        waiting: None,
        mixed_cluster: Vec::new(),
    };
    maker.run();
    let smuggled = if maker.changes.tags + maker.changes.variations + maker.changes.zero_width
        >= super::hiding::FEWEST
    {
        super::hiding::read(source)
    } else {
        Vec::new()
    };
    if maker.is_unchanged() {
        return Plain {
            text: Cow::Borrowed(source),
            map: Map::default(),
            changes: maker.changes,
            smuggled,
        };
    }
    maker.flush();
    Plain {
        text: Cow::Owned(maker.text),
        map: maker.map,
        changes: maker.changes,
        smuggled,
    }
}

/// The alphabet of the nearest word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Neighbour {
    None,
    Latin,
    Foreign,
}

/// How the look-alikes of a stretch are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Unchanged,
    Letters,
    Digits,
}

/// Most bytes of words made of look-alikes only that wait for the next word to tell what they are.
const WAITING_MOST: usize = 512;
/// Fewest letter pairs that tell whether such words, with nothing around them, read like a language.
const WAITING_FEWEST: usize = 12;
/// Fewest digits in a word that make a look-alike among them a digit in disguise: `5г` is five grams.
const DIGITS_FEWEST: usize = 3;
/// Most characters that melt into one, as in the stream-safe text format of Unicode Annex 15.
const CLUSTER_MOST: usize = 32;
/// Marks on one letter that are kept when they melt with it no further. Vietnamese, Yoruba and phonetic notations need
/// no more; more are piled up to break words.
const MARKS_MOST: usize = 2;

struct Maker<'a> {
    source: &'a str,
    /// A stretch of the source that passes as it is, and is not written yet.
    kept: Range<usize>,
    text: String,
    map: Map,
    changes: Changes,
    /// What stood before the place up to which everything is decided.
    before: Neighbour,
    /// Start of words made of look-alikes only, not written yet.
    waiting: Option<usize>,
    /// Scratch for one cluster.
    mixed_cluster: Vec<char>,
}

impl Maker<'_> {
    fn run(&mut self) {
        let bytes = self.source.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let stop = next_stop(bytes, at);
            // The word around the stop may begin before it.
            let word = if stop == bytes.len() {
                stop
            } else {
                word_start(bytes, at, stop)
            };
            if word > at {
                self.ascii(at..word);
            }
            at = if word < bytes.len() { self.word(word) } else { word };
        }
        self.settle(Neighbour::None, bytes.len());
    }

    /// Plain ASCII: kept, and a neighbour if there is a letter in it.
    fn ascii(&mut self, range: Range<usize>) {
        let bytes = self.source.as_bytes().get(range.clone()).unwrap_or_default();
        let letters = bytes.iter().any(u8::is_ascii_alphabetic);
        if letters {
            self.settle(Neighbour::Latin, range.start);
            self.before = Neighbour::Latin;
        }
        if self.waiting.is_none() {
            self.keep(range);
        }
    }

    /// One word, or one character that belongs to no word; gives the place after it.
    fn word(&mut self, start: usize) -> usize {
        let rest = self.source.get(start..).unwrap_or_default();
        let mut bits = 0;
        let mut length = 0;
        let mut digits = 0;
        for c in rest.chars() {
            let class = class(c);
            if class & (LATIN | LOOKALIKE | LOOSELY | FOREIGN | HIDDEN | JOINS | DIGIT) == 0 {
                break;
            }
            bits |= class;
            digits += usize::from(class & DIGIT != 0);
            length += c.len_utf8();
        }
        let mut end = start + length;
        if length == 0 {
            let c = rest.chars().next();
            end += c.map_or(1, char::len_utf8);
            bits = c.map_or(0, class);
        }
        let disguised = bits & (LOOKALIKE | LOOSELY) != 0;
        let foreign = bits & FOREIGN != 0 || bits & LOOSELY != 0;
        if disguised && bits & LATIN != 0 {
            self.settle(Neighbour::Latin, start);
            self.changes.mixed_words += 1;
            self.write(start..end, Read::Letters);
            self.before = Neighbour::Latin;
        } else if disguised && bits & FOREIGN == 0 && digits >= DIGITS_FEWEST {
            self.settle(Neighbour::None, start);
            self.write(start..end, Read::Digits);
        } else if disguised && !foreign {
            let waits_from = *self.waiting.get_or_insert(start);
            if end - waits_from > WAITING_MOST {
                self.settle(Neighbour::None, end);
            }
        } else {
            let next = if foreign || disguised {
                Neighbour::Foreign
            } else if bits & LATIN != 0 {
                Neighbour::Latin
            } else {
                Neighbour::None
            };
            if next != Neighbour::None {
                self.settle(next, start);
                self.before = next;
            }
            if self.waiting.is_some() {
                return end;
            }
            let clean = bits & (HIDDEN | CHANGES | DIGIT) == 0;
            if clean && (bits & JOINS == 0 || passes(self.source.get(start..end).unwrap_or_default())) {
                self.keep(start..end);
            } else {
                self.write(start..end, Read::Unchanged);
            }
        }
        end
    }

    /// Writes what waits, up to `end`, now that the word after it is known.
    fn settle(&mut self, after: Neighbour, end: usize) {
        let Some(start) = self.waiting.take() else { return };
        let range = start..end;
        let disguise = match (self.before, after) {
            (Neighbour::Foreign, _) | (_, Neighbour::Foreign) => false,
            (Neighbour::Latin, _) | (_, Neighbour::Latin) => true,
            // Nothing around it tells: then it is a disguise if it reads like a language.
            (Neighbour::None, Neighbour::None) => self.reads_as_latin(range.clone()),
        };
        if disguise {
            self.changes.mixed_words += 1;
            self.write(range, Read::Letters);
        } else {
            self.write(range, Read::Unchanged);
        }
    }

    fn reads_as_latin(&self, range: Range<usize>) -> bool {
        let words = self.source.get(range).unwrap_or_default();
        let ascii: String = words
            .chars()
            .map(|c| lookalike(c).map_or(c, |(ascii, _)| ascii))
            .collect();
        language::reads_well(&ascii, WAITING_FEWEST)
    }

    fn keep(&mut self, range: Range<usize>) {
        if self.kept.end != range.start {
            self.flush();
            self.kept.start = range.start;
        }
        self.kept.end = range.end;
    }

    /// Writes what passes as it is. All that changes anything comes after.
    fn flush(&mut self) {
        let text = self.source.get(self.kept.clone()).unwrap_or_default();
        if self.text.is_empty() && !text.is_empty() {
            self.text.reserve(self.source.len());
        }
        self.text.push_str(text);
        self.map.keep(text.len());
        self.kept.start = self.kept.end;
    }

    fn is_unchanged(&self) -> bool {
        self.text.is_empty() && self.kept == (0..self.source.len())
    }

    /// Writes a stretch character by character.
    fn write(&mut self, range: Range<usize>, read: Read) {
        let Range { start, end } = range;
        let mut at = start;
        // Characters that pass as they are go over in one piece.
        let mut kept = start;
        while let Some(c) = self.source.get(at..end).and_then(|rest| rest.chars().next()) {
            let bits = class(c);
            let next = at + c.len_utf8();
            let joined = self
                .source
                .get(next..)
                .and_then(|rest| rest.chars().next())
                .is_some_and(|c| class(c) & JOINS != 0);
            let alike = read != Read::Unchanged && bits & (LOOKALIKE | LOOSELY) != 0;
            let foreign_digit = bits & DIGIT != 0 && !c.is_ascii();
            if bits & (HIDDEN | CHANGES | JOINS) == 0 && !joined && !alike && !foreign_digit {
                at = next;
                continue;
            }
            self.keep(kept..at);
            at = if bits & HIDDEN != 0 {
                self.hide(c);
                next
            } else {
                self.cluster(at, read)
            };
            kept = at;
        }
        self.keep(kept..end.max(kept));
    }

    fn hide(&mut self, c: char) {
        self.count_hidden(c);
        self.flush();
        self.map.remove(c.len_utf8());
    }

    fn count_hidden(&mut self, c: char) {
        match hidden(c) {
            Some(Hidden::Control) => self.changes.controls += 1,
            Some(Hidden::Bidi) => self.changes.bidi += 1,
            Some(Hidden::Tag) => self.changes.tags += 1,
            Some(Hidden::Variation) => self.changes.variations += 1,
            Some(Hidden::Width) | None => self.changes.zero_width += 1,
        }
    }

    /// One character with all that melts into it; gives the place after.
    fn cluster(&mut self, start: usize, read: Read) -> usize {
        let mut cluster = std::mem::take(&mut self.mixed_cluster);
        cluster.clear();
        let mut end = start;
        let mut hidden_since = 0;
        let rest = self.source.get(start..).unwrap_or_default();
        for (n, c) in rest.chars().enumerate() {
            let bits = class(c);
            if bits & HIDDEN != 0 {
                // Only what is followed by another mark is part of the cluster.
                hidden_since += c.len_utf8();
                continue;
            }
            if n > 0 && bits & JOINS == 0 || cluster.len() == CLUSTER_MOST {
                break;
            }
            cluster.push(c);
            end += hidden_since + c.len_utf8();
            hidden_since = 0;
        }
        let source = self.source.get(start..end).unwrap_or_default();
        for c in source.chars().filter(|c| class(*c) & HIDDEN != 0) {
            self.count_hidden(c);
        }
        if read == Read::Unchanged && passes(source) {
            self.keep(start..end);
            self.mixed_cluster = cluster;
            return end;
        }
        self.flush();
        let before = self.text.len();
        let mut marks = 0;
        let mut base = None;
        let mut dropped = 0;
        for c in cluster.iter().copied().nfkc() {
            if is_pileable(c) {
                marks += 1;
                // A mark that did not melt with an ASCII letter is no letter of any alphabet.
                if marks > MARKS_MOST || base.is_none_or(|base: char| base.is_ascii()) {
                    dropped += 1;
                    continue;
                }
            } else {
                base = Some(c);
                marks = 0;
            }
            self.text.push(self.read(c, read));
        }
        self.changes.piled_marks += dropped;
        let made = self.text.get(before..).unwrap_or_default();
        if source == made {
            self.map.keep(source.len());
        } else {
            if dropped == 0 && cluster.len() == 1 && self.alike(&cluster, read) {
                self.changes.lookalikes += 1;
            } else if dropped == 0 {
                self.changes.compatibility += 1;
            }
            self.map.replace(source.len(), made.len());
        }
        self.mixed_cluster = cluster;
        end
    }

    fn alike(&self, cluster: &[char], read: Read) -> bool {
        read != Read::Unchanged && cluster.first().is_some_and(|&c| lookalike(c).is_some())
    }

    fn read(&self, c: char, read: Read) -> char {
        if c.is_ascii() {
            return c;
        }
        if let Some(digit) = digit(c) {
            return digit;
        }
        match (read, lookalike(c)) {
            (Read::Unchanged, _) | (_, None) => c,
            (Read::Letters, Some((ascii, _))) => ascii,
            (Read::Digits, Some((ascii, _))) => match ascii {
                'O' | 'o' => '0',
                'I' | 'l' | 'i' => '1',
                'S' | 's' => '5',
                'B' => '8',
                'b' => '6',
                other if other.is_ascii_digit() => other,
                _ => c,
            },
        }
    }
}

/// Whether a word passes as it is: in NFKC already, without digits of other scripts, and with no marks piled up.
fn passes(text: &str) -> bool {
    let mut marks = 0;
    let mut base = ' ';
    for c in text.chars() {
        if is_pileable(c) {
            marks += 1;
            if marks > MARKS_MOST || base.is_ascii() {
                return false;
            }
        } else {
            marks = 0;
            base = c;
            if class(c) & (HIDDEN | CHANGES) != 0 || class(c) & DIGIT != 0 && !c.is_ascii() {
                return false;
            }
        }
    }
    is_nfkc_quick(text.chars()) == IsNormalized::Yes
}

/// The first byte from `at` on that is not ASCII or is a control character which is no white space.
pub(crate) fn next_stop(bytes: &[u8], mut at: usize) -> usize {
    // In text of other scripts the next stop is near: a blank or a comma away.
    for _ in 0..4 {
        match bytes.get(at) {
            Some(&byte) if !stops(byte) => at += 1,
            _ => return at.min(bytes.len()),
        }
    }
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<32>) {
        if block.iter().fold(false, |any, &byte| any | stops(byte)) {
            break;
        }
        at += 32;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter()
        .position(|&byte| stops(byte))
        .map_or(bytes.len(), |found| at + found)
}

fn stops(byte: u8) -> bool {
    let control = (byte < 0x20) & !(0x09..=0x0D).contains(&byte);
    (byte >= 0x7F) | control
}

/// Where the word begins that reaches up to `stop`.
fn word_start(bytes: &[u8], from: usize, stop: usize) -> usize {
    let before = bytes.get(from..stop).unwrap_or_default();
    let letters = before
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    stop - letters
}
