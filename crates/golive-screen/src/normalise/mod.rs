//! S3, S4, S8: text as a reader understands it, made once and shared by every screen.
//!
//! Three views of one text: `plain` (NFKC, nothing invisible, disguised letters as ASCII), `folded` (plain in lower
//! case with single blanks), and the layers that its encodings hide. Each leads back to the bytes of the original.
//!
//! Never: changes what is passed on: the views are for looking only. Never super-linear, whatever the text.

mod class;
mod fold;
mod hiding;
mod lookalike;
mod map;
mod plain;

pub use crate::decode::{How, Layer};
pub(crate) use class::{Hidden, hidden};
pub(crate) use plain::next_stop;

use crate::decode::{self, Layers};
use fold::{Folded, fold};
use hiding::Smuggled;
use map::{Map, on_borders};
use plain::{Changes, Plain, plain};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

/// A text and what a reader, or a model, makes of it.
///
/// ASCII without control characters is borrowed: its plain view is the original.
#[derive(Debug, Clone)]
pub struct Normalised<'a> {
    original: &'a str,
    plain: Cow<'a, str>,
    plain_map: Map,
    /// Made when it is first asked for. None: the plain view is folded already.
    folded: OnceLock<Option<Folded>>,
    layers: Layers,
    changes: Changes,
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
        Self {
            original: text,
            plain,
            plain_map: map,
            folded: OnceLock::new(),
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
        self.fold().map_or(&self.plain, |folded| &folded.text)
    }

    fn fold(&self) -> Option<&Folded> {
        self.folded.get_or_init(|| fold(&self.plain)).as_ref()
    }

    /// The bytes of the original from which `range` of the plain text comes, on character borders. A range past the end
    /// gives the end.
    pub fn place_plain(&self, range: Range<usize>) -> Range<usize> {
        on_borders(self.original, self.plain_map.source(range))
    }

    /// The bytes of the original from which `range` of the folded text comes, on character borders. A range past the
    /// end gives the end.
    pub fn place_folded(&self, range: Range<usize>) -> Range<usize> {
        match self.fold() {
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
