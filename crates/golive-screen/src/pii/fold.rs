//! S4: the text as a reader would copy it: other digits, widths and spaces made ASCII, invisible characters left out.
//!
//! Every character is folded by itself, with one exception: a Cyrillic or Greek letter that looks like a Latin one
//! becomes it inside a word that also has ASCII letters or digits, and whose other letters all have such a twin. So
//! honest Russian and Greek stay as they are. A word that is not yet all there is not folded: see [`Folded::settled`].
//! Then what [`super::spell`] says is left out: blanks between spelled characters, marks of emphasis within a value.
//!
//! Never: folds by what is far away: by no more than one word, or the few characters that make a spelled run.

use std::borrow::Cow;
use std::ops::Range;

use super::spell::{Run, spelled};

/// The longest word whose look-alikes are folded, in characters.
const WORD_MAX: usize = 64;

/// A folded text, and the way back.
#[derive(Debug)]
pub(crate) struct Folded<'t> {
    text: Cow<'t, str>,
    /// Per folded byte its place in the original, or that of the character it was made of; none if nothing was folded.
    places: Option<Vec<u32>>,
    original: &'t str,
    settled: usize,
    runs: Vec<Run>,
}

/// What came before a text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Before {
    /// So many bytes of it are folded already.
    pub(crate) context: usize,
    /// Behind them a spelled run with this separator goes on.
    pub(crate) within: Option<char>,
    /// Behind them a word goes on. What is folded no longer shows where it began.
    pub(crate) word: Option<Word>,
}

impl<'t> Folded<'t> {
    /// Folds a text that is all there.
    pub(crate) fn whole(text: &'t str) -> Folded<'t> {
        Folded::of(text, Before::default(), true)
    }

    /// Folds `text`. `complete` says that nothing comes after it.
    pub(crate) fn of(text: &'t str, before: Before, complete: bool) -> Folded<'t> {
        let mut folded = Folded::by_character(text, &before, complete);
        let from = folded.folded_place(before.context);
        let known = &folded.text().as_bytes()[..folded.settled];
        let spelled = spelled(known, from.min(known.len()), complete, before.within, |at| {
            text[folded.place(at)..].chars().next().unwrap_or(' ')
        });
        folded.settled = spelled.settled;
        folded.runs = spelled.runs;
        // Places of the runs are kept in bytes of the original.
        for n in 0..folded.runs.len() {
            let Run { first, end, .. } = folded.runs[n];
            let range = folded.range(first..end);
            (folded.runs[n].first, folded.runs[n].end) = (range.start, range.end);
        }
        if !spelled.dropped.is_empty() {
            folded.leave_out(&spelled.dropped);
        }
        folded
    }

    /// The separator of the spelled run that goes on at the original's `place`, if one does.
    fn within(&self, place: usize) -> Option<char> {
        let run = self.runs.iter().find(|run| {
            let begun = run.resumed || place > run.first;
            begun && (run.open || place < run.end)
        })?;
        Some(run.separator)
    }

    /// What comes before the rest of this text from `place` on, with `context` bytes of it folded; `before` came before
    /// this one.
    pub(crate) fn before(&self, before: &Before, place: usize, context: usize) -> Before {
        Before {
            context,
            within: self.within(place),
            word: self.word(before, place).map(|word| Word {
                start: context,
                // A look-alike that was settled is one of a word that is not folded.
                first_twin: None,
                ..word
            }),
        }
    }

    /// The word that ends at `place` and may go on.
    fn word(&self, before: &Before, place: usize) -> Option<Word> {
        let new = &self.original[before.context..place];
        let (mut start, mut length) = (new.len(), 0);
        for (at, c) in new.char_indices().rev() {
            if !is_in_word(c) || length > WORD_MAX {
                break;
            }
            start = at;
            length += usize::from(!is_invisible(c));
        }
        let mut word = before.word.filter(|_| start == 0);
        for c in new[start..].chars() {
            word.get_or_insert(Word::at(0)).take(0, c);
        }
        word
    }

    fn leave_out(&mut self, dropped: &[Range<usize>]) {
        let mut text = String::with_capacity(self.text.len());
        let mut places = Vec::with_capacity(self.text.len());
        let mut from = 0;
        let end = self.text.len();
        for range in dropped.iter().chain(std::iter::once(&(end..end))) {
            text.push_str(&self.text[from..range.start]);
            places.extend((from..range.start).map(|at| match &self.places {
                Some(places) => places[at],
                None => u32::try_from(at).unwrap_or(u32::MAX),
            }));
            from = range.end;
        }
        // All of it lies before what is not settled.
        self.settled -= dropped.iter().map(ExactSizeIterator::len).sum::<usize>();
        self.text = Cow::Owned(text);
        self.places = Some(places);
    }

    fn by_character(text: &'t str, before: &Before, complete: bool) -> Folded<'t> {
        if text.is_ascii() {
            return Folded {
                text: Cow::Borrowed(text),
                places: None,
                original: text,
                settled: text.len(),
                runs: Vec::new(),
            };
        }
        let (twins, open) = twins(text, before, complete);
        let mut made = Made {
            text: String::with_capacity(text.len()),
            places: Vec::with_capacity(text.len()),
        };
        let mut settled = None;
        let mut twins = twins.into_iter().peekable();
        // What stands from here up to the character that is looked at stays as it is.
        let mut same = 0;
        let mut at = 0;
        while let Some(next) = text.as_bytes()[at..].iter().position(|byte| *byte >= 0x80) {
            let place = at + next;
            let Some(c) = text[place..].chars().next() else {
                break;
            };
            at = place + c.len_utf8();
            if open == Some(place) {
                settled = Some(made.text.len() + place - same);
            }
            while twins.peek().is_some_and(|range| range.end <= place) {
                twins.next();
            }
            let in_twins = twins.peek().is_some_and(|range| range.contains(&place));
            let folded = match fold(c) {
                Some(same) if same == c && in_twins => Some(twin(c).unwrap_or(c)),
                other => other,
            };
            if folded == Some(c) {
                continue;
            }
            made.keep(text, same..place);
            same = at;
            if let Some(folded) = folded {
                made.text.push(folded);
                made.places.resize(made.text.len(), place_of(place));
            }
        }
        made.keep(text, same..text.len());
        let Made { text: out, places } = made;
        let settled = settled.unwrap_or(out.len());
        Folded {
            text: Cow::Owned(out),
            places: Some(places),
            original: text,
            settled,
            runs: Vec::new(),
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// How much of the folded text stays as it is, whatever follows.
    pub(crate) fn settled(&self) -> usize {
        self.settled
    }

    /// The place in the original of the folded byte at `at`; the original's end for the end.
    pub(crate) fn place(&self, at: usize) -> usize {
        match &self.places {
            None => at,
            Some(places) => places.get(at).map_or(self.original.len(), |place| {
                self.original.floor_char_boundary(*place as usize)
            }),
        }
    }

    /// The range in the original: from the first character's beginning to the last one's end.
    pub(crate) fn range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.place(range.start);
        let end = match (&self.places, range.end.checked_sub(1)) {
            (Some(places), Some(last)) if last < places.len() => {
                let place = self.original.floor_char_boundary(places[last] as usize);
                place + self.original[place..].chars().next().map_or(0, char::len_utf8)
            }
            _ => self.place(range.end),
        };
        start..end.max(start)
    }

    /// The folded place of the original's `place`: of the first folded byte at or behind it.
    pub(crate) fn folded_place(&self, place: usize) -> usize {
        match &self.places {
            None => place,
            Some(places) => places.partition_point(|have| (*have as usize) < place),
        }
    }
}

/// A folded text in the making, and the place in the original of each of its bytes.
struct Made {
    text: String,
    places: Vec<u32>,
}

impl Made {
    fn keep(&mut self, original: &str, range: Range<usize>) {
        self.text.push_str(&original[range.clone()]);
        self.places.extend(place_of(range.start)..place_of(range.end));
    }
}

/// Texts of more than 4 GiB are refused long before they come here.
fn place_of(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The ranges of the words whose look-alikes become Latin, and the beginning of a last word that is not all there.
fn twins(text: &str, before: &Before, complete: bool) -> (Vec<Range<usize>>, Option<usize>) {
    let mut found = Vec::new();
    // Every twin is a character of two bytes, of which the first is one of these.
    if !text.as_bytes()[before.context..]
        .iter()
        .any(|byte| matches!(byte, 0xCD..=0xD4))
    {
        return (found, None);
    }
    let mut word = before.word;
    for (place, c) in text[before.context..].char_indices() {
        let place = before.context + place;
        if is_in_word(c) {
            word.get_or_insert(Word::at(place)).take(place, c);
        } else if let Some(word) = word.take() {
            found.extend(word.range(place));
        }
    }
    let Some(last) = word else { return (found, None) };
    if complete {
        found.extend(last.range(text.len()));
        return (found, None);
    }
    let open = (!last.honest && last.length <= WORD_MAX)
        .then_some(last.first_twin)
        .flatten();
    (found, open)
}

fn is_in_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '_' | '-' | '+');
    }
    matches!(c, '\u{370}'..='\u{52F}')
        || fold(c).is_none_or(|folded| folded != c && folded.is_ascii_alphanumeric())
}

/// What is known of a word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word {
    start: usize,
    length: usize,
    ascii: bool,
    honest: bool,
    first_twin: Option<usize>,
}

impl Word {
    fn at(start: usize) -> Word {
        Word {
            start,
            length: 0,
            ascii: false,
            honest: false,
            first_twin: None,
        }
    }

    fn take(&mut self, place: usize, c: char) {
        self.length += usize::from(c.is_ascii() || fold(c).is_some());
        if c.is_ascii_alphanumeric() {
            self.ascii = true;
        } else if matches!(c, '\u{370}'..='\u{52F}') {
            match twin(c) {
                Some(_) => self.first_twin = self.first_twin.or(Some(place)),
                None => self.honest = true,
            }
        }
    }

    fn range(self, end: usize) -> Option<Range<usize>> {
        let fold = self.ascii && !self.honest && self.length <= WORD_MAX && self.first_twin.is_some();
        fold.then_some(self.start..end)
    }
}

/// Whether a reader does not see the character.
pub(crate) fn is_invisible(c: char) -> bool {
    fold(c).is_none()
}

/// What one character becomes; nothing if a reader does not see it.
fn fold(c: char) -> Option<char> {
    let n = c as u32;
    // Letters that stay, before the long table: Latin, Greek, Cyrillic, kana, ideographs, Hangul.
    if matches!(n, 0xC0..=0x34E | 0x370..=0x61B | 0x3041..=0x3163 | 0x3165..=0xA61F | 0xAC00..=0xD7FF) {
        return Some(c);
    }
    let ascii = |n: u32| char::from_u32(n).unwrap_or(c);
    Some(match n {
        0xAD
        | 0x34F
        | 0x61C
        | 0x115F
        | 0x1160
        | 0x17B4
        | 0x17B5
        | 0x180B..=0x180F
        | 0x200B..=0x200F
        | 0x202A..=0x202E
        | 0x2060..=0x206F
        | 0x3164
        | 0xFE00..=0xFE0F
        | 0xFEFF
        | 0xFFA0
        | 0xFFF9..=0xFFFB
        | 0xE0000..=0xE0FFF => return None,
        0xA0 | 0x1680 | 0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F | 0x205F | 0x3000 => ' ',
        0x2010..=0x2015 | 0x2212 | 0xFE58 | 0xFE63 | 0x2043 | 0x30FB => {
            if n == 0x30FB {
                c
            } else {
                '-'
            }
        }
        0x2024 => '.',
        0xFE6B => '@',
        0xFF01..=0xFF5E => ascii(n - 0xFEE0),
        0x2018 | 0x2019 => '\'',
        0x201C | 0x201D => '"',
        // Circled, parenthesised and negative digits.
        0x2460..=0x2468 => ascii(n - 0x2460 + 0x31),
        0x2776..=0x277E => ascii(n - 0x2776 + 0x31),
        0x2780..=0x2788 => ascii(n - 0x2780 + 0x31),
        0x24EA | 0x24FF => '0',
        0x24F5..=0x24FD => ascii(n - 0x24F5 + 0x31),
        // Mathematical letters: thirteen alphabets of 52, and five of ten digits.
        0x1D400..=0x1D6A3 => {
            let letter = (n - 0x1D400) % 52;
            ascii(if letter < 26 {
                0x41 + letter
            } else {
                0x61 + letter - 26
            })
        }
        0x1D7CE..=0x1D7FF => ascii((n - 0x1D7CE) % 10 + 0x30),
        0x1FBF0..=0x1FBF9 => ascii(n - 0x1FBF0 + 0x30),
        0x24B6..=0x24CF => ascii(n - 0x24B6 + 0x41),
        0x24D0..=0x24E9 => ascii(n - 0x24D0 + 0x61),
        0x660..=0x1_1FFF | 0x1_E140..=0x1_E95F => match ZEROS.iter().rev().find(|zero| **zero <= n) {
            Some(zero) if n - zero < 10 => ascii(n - zero + 0x30),
            _ => c,
        },
        _ => c,
    })
}

/// The zeros of the scripts that have digits of their own (Unicode, general category Nd).
#[rustfmt::skip]
const ZEROS: &[u32] = &[
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810,
    0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x11066, 0x110F0,
    0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x1E140, 0x1E2F0, 0x1E950,
];

/// The Latin letter or digit that a Cyrillic or Greek letter looks like.
fn twin(c: char) -> Option<char> {
    let place = (c as usize).checked_sub(TWINS_FROM)?;
    let twin = *TWINS.get(place)?;
    (twin != 0).then_some(char::from(twin))
}

/// Where Greek begins.
const TWINS_FROM: usize = 0x370;

/// The twin of each letter from there to the end of Cyrillic, 0 for those without.
static TWINS: [u8; 0x530 - TWINS_FROM] = {
    const PAIRS: &[u8] = "аaеeоoрpсcуyхxіiјjѕsһhԁdԛqԝwАAВBЕEКKМMНHОOРPСCТTУYХXІIЈJЅSЗ3ӀlґrВB\
                          ΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXοoνvιiαaρpυuϲc"
        .as_bytes();
    let mut twins = [0; 0x530 - TWINS_FROM];
    let mut at = 0;
    // Two bytes of UTF-8 and the one of its twin.
    while at < PAIRS.len() {
        let letter = (PAIRS[at] as usize & 0x1F) << 6 | PAIRS[at + 1] as usize & 0x3F;
        twins[letter - TWINS_FROM] = PAIRS[at + 2];
        at += 3;
    }
    twins
};

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        Folded::whole(text).text().to_owned()
    }

    #[test]
    fn digits_widths_and_spaces_become_ascii() {
        assert_eq!(folded("４１１１　１１１１"), "4111 1111");
        assert_eq!(folded("41\u{200B}11\u{2011}1111"), "4111-1111");
        assert_eq!(folded("٠١٢٣ ०१२३ 𝟜𝟙①"), "0123 0123 411");
        assert_eq!(folded("ann＠example．com"), "ann@example.com");
    }

    #[test]
    fn look_alikes_become_latin_only_in_words_that_pretend() {
        assert_eq!(folded("аnn@exаmple.com"), "ann@example.com");
        assert_eq!(folded("привет ann"), "привет ann");
        assert_eq!(folded("почтаann@example.com"), "почтаann@example.com");
        assert_eq!(folded("НА СВЕТ"), "НА СВЕТ");
    }

    #[test]
    fn the_way_back_ends_on_characters() {
        let text = "é ４１\u{200B}１ б";
        let folded = Folded::whole(text);
        let at = folded.text().find("411").unwrap();
        assert_eq!(&text[folded.range(at..at + 3)], "４１\u{200B}１");
        assert_eq!(folded.place(folded.text().len()), text.len());
        assert_eq!(folded.folded_place(text.find('４').unwrap()), at);
    }

    #[test]
    fn a_word_that_may_go_on_is_not_settled() {
        assert_eq!(Folded::of("see а", Before::default(), false).settled(), 4);
        assert_eq!(Folded::of("see а ", Before::default(), false).settled(), 7);
        assert_eq!(Folded::of("see ж", Before::default(), false).settled(), 6);
    }
}
