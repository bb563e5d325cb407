//! S3, S4, S8: text as a reader understands it, made once and shared by every screen.
//!
//! Three views of one text: `plain` (NFKC, nothing invisible, disguised letters as ASCII), `folded` (plain in lower
//! case with single blanks), and the layers that its encodings hide. Each leads back to the bytes of the original.
//!
//! Never: changes what is passed on: the views are for looking only. Never super-linear, whatever the text.

mod class;
mod hiding;
mod lookalike;
mod map;
mod plain;

pub use crate::decode::{How, Layer};

use crate::decode::{self, Layers};
use hiding::Smuggled;
use map::{Map, on_borders};
use plain::{Changes, Plain, plain};
use std::borrow::Cow;
use std::ops::Range;

/// A text and what a reader, or a model, makes of it.
///
/// ASCII without control characters is borrowed: its plain view is the original.
#[derive(Debug, Clone)]
pub struct Normalised<'a> {
    original: &'a str,
    plain: Cow<'a, str>,
    plain_map: Map,
    /// None: the plain view is folded already.
    folded: Option<Folded>,
    layers: Layers,
    changes: Changes,
}

#[derive(Debug, Clone)]
struct Folded {
    text: String,
    map: Map,
}

impl<'a> Normalised<'a> {
    /// Normalises a text of any length. Work and memory are at most a fixed multiple of it: see
    /// [`DEPTH_MOST`](crate::decode::DEPTH_MOST), [`LAYERS_MOST`](crate::decode::LAYERS_MOST) and
    /// [`LAYER_BYTES_FREE`](crate::decode::LAYER_BYTES_FREE) for the layers.
    pub fn of(text: &'a str) -> Self {
        let Plain {
            text: plain,
            map,
            changes,
            smuggled,
        } = plain(text);
        let smuggled = smuggled
            .into_iter()
            .map(|(hidden, at, text)| Layer {
                how: vec![how(hidden)],
                text,
                at,
            })
            .collect();
        let layers = decode::layers(&plain, smuggled, |range| on_borders(text, map.source(range)));
        let folded = fold(&plain);
        Self {
            original: text,
            plain,
            plain_map: map,
            folded,
            layers,
            changes,
        }
    }

    /// The text as it came.
    pub fn original(&self) -> &'a str {
        self.original
    }

    /// What a reader sees: NFKC; no controls, marks of direction, tags, variation selectors, characters of no width or
    /// piles of marks; digits of all scripts as ASCII; and, in words that mix alphabets or stand among Latin words
    /// while made of nothing but look-alikes, look-alike letters as ASCII. Case and white space are kept.
    pub fn plain(&self) -> &str {
        &self.plain
    }

    /// The plain text in lower case, each run of white space as one blank.
    pub fn folded(&self) -> &str {
        self.folded.as_ref().map_or(&self.plain, |folded| &folded.text)
    }

    /// The bytes of the original from which `range` of the plain text comes, on character borders. A range past the end
    /// gives the end.
    pub fn place_plain(&self, range: Range<usize>) -> Range<usize> {
        on_borders(self.original, self.plain_map.source(range))
    }

    /// The bytes of the original from which `range` of the folded text comes, on character borders. A range past the
    /// end gives the end.
    pub fn place_folded(&self, range: Range<usize>) -> Range<usize> {
        match &self.folded {
            // Whole characters on each way: half a letter of the folded text is a whole one of the plain text.
            Some(folded) => self.place_plain(on_borders(&self.plain, folded.map.source(range))),
            None => self.place_plain(range),
        }
    }

    /// The decoded texts, outer ones before those found in them.
    pub fn layers(&self) -> &[Layer] {
        &self.layers.found
    }

    /// What was found on the way: counts that are signs of a disguise.
    pub fn signs(&self) -> Signs {
        let changes = &self.changes;
        Signs {
            controls: changes.controls,
            bidi: changes.bidi,
            tags: changes.tags,
            variations: changes.variations,
            zero_width: changes.zero_width,
            compatibility: changes.compatibility,
            piled_marks: changes.piled_marks,
            lookalikes: changes.lookalikes,
            mixed_words: changes.mixed_words,
            layers: self.layers.found.len(),
            layers_cut: self.layers.cut,
        }
    }
}

/// Counts of what normalising took away, replaced or found. All are zero for honest ASCII.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs {
    /// Control characters other than white space.
    pub controls: usize,
    /// Marks, embeddings, overrides and isolates of text direction.
    pub bidi: usize,
    /// Tag characters.
    pub tags: usize,
    /// Variation selectors; emoji have them too.
    pub variations: usize,
    /// Characters of no width: joiners (also those of emoji and of Persian and Indic words), soft hyphens, fillers.
    pub zero_width: usize,
    /// Characters that NFKC wrote in another way: full width, mathematical letters, ligatures, loose marks.
    pub compatibility: usize,
    /// Marks piled on letters that do not take them.
    pub piled_marks: usize,
    /// Look-alikes read as ASCII.
    pub lookalikes: usize,
    /// Words that mix alphabets, and runs of words made of look-alikes among Latin ones.
    pub mixed_words: usize,
    /// Decoded texts.
    pub layers: usize,
    /// Whether a bound on number or size of the layers was reached: there is more than what was looked at.
    pub layers_cut: bool,
}

impl Signs {
    /// Characters taken away because nobody sees them.
    pub fn invisible(&self) -> usize {
        self.controls + self.bidi + self.tags + self.variations + self.zero_width
    }
}

/// The plain form of a decoded text, with what was smuggled in it.
pub(crate) fn plain_of(text: &str) -> (String, Vec<(How, String)>) {
    let Plain { text, smuggled, .. } = plain(text);
    let smuggled = smuggled
        .into_iter()
        .map(|(hidden, _, text)| (how(hidden), text))
        .collect();
    (text.into_owned(), smuggled)
}

fn how(hidden: Smuggled) -> How {
    match hidden {
        Smuggled::Tags => How::Tags,
        Smuggled::Variations => How::Variations,
        Smuggled::Bits => How::ZeroWidth,
    }
}

/// Lower case and single blanks; none if the text is so already.
fn fold(plain: &str) -> Option<Folded> {
    if is_folded(plain.as_bytes()) {
        return None;
    }
    let mut text = String::with_capacity(plain.len());
    let mut map = Map::default();
    let mut rest = plain;
    while !rest.is_empty() {
        rest = fold_ascii(rest, &mut text, &mut map);
        rest = fold_others(rest, &mut text, &mut map);
    }
    let map = if map.is_identity() { Map::default() } else { map };
    Some(Folded { text, map })
}

fn is_folded(bytes: &[u8]) -> bool {
    let mut before = b'x';
    bytes.iter().fold(true, |folded, &byte| {
        let upper = byte.wrapping_sub(b'A') < 26;
        let gap = (byte.wrapping_sub(9) < 5) | ((byte == b' ') & (before == b' '));
        before = byte;
        folded & !(upper | gap | (byte >= 0x80))
    })
}

/// Folds the ASCII at the beginning; gives what follows it.
fn fold_ascii<'a>(plain: &'a str, text: &mut String, map: &mut Map) -> &'a str {
    let bytes = plain.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        while at < bytes.len()
            && bytes[at].is_ascii()
            && !bytes[at].is_ascii_whitespace()
            && bytes[at] != 0x0B
        {
            at += 1;
        }
        let word = plain.get(start..at).unwrap_or_default();
        let made = text.len();
        text.push_str(word);
        if let Some(word) = text.get_mut(made..) {
            word.make_ascii_lowercase();
        }
        map.keep(word.len());
        let gap = at;
        while at < bytes.len() && (bytes[at].is_ascii_whitespace() || bytes[at] == 0x0B) {
            at += 1;
        }
        if at == gap {
            break;
        }
        blank(at - gap, text, map);
    }
    plain.get(at..).unwrap_or_default()
}

/// Folds the characters other than ASCII at the beginning; gives what follows them.
fn fold_others<'a>(plain: &'a str, text: &mut String, map: &mut Map) -> &'a str {
    let mut rest = plain.chars();
    let mut left = plain;
    while let Some(c) = rest.next() {
        if c.is_ascii() {
            break;
        }
        if c.is_whitespace() {
            blank(c.len_utf8(), text, map);
        } else {
            let made = text.len();
            text.extend(c.to_lowercase());
            let lower = text.get(made..).unwrap_or_default();
            let kept = lower.chars().eq([c]);
            if kept {
                map.keep(c.len_utf8());
            } else {
                map.replace(c.len_utf8(), lower.len());
            }
        }
        left = rest.as_str();
    }
    left
}

/// One blank for a gap of `bytes` bytes; nothing if the text ends in one already.
fn blank(bytes: usize, text: &mut String, map: &mut Map) {
    if text.ends_with(' ') {
        map.remove(bytes);
    } else if bytes == 1 {
        text.push(' ');
        map.keep(1);
    } else {
        text.push(' ');
        map.replace(bytes, 1);
    }
}
