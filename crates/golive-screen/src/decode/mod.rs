//! S8: decoded layers: what a text says once its encodings are undone, one inside the other up to a bound.
//!
//! Never: does more work than a fixed multiple of the text, whatever stands in it, or makes a layer of honest prose.

mod escape;
mod gain;
mod group;
mod jammed;
pub(crate) mod language;
mod token;
mod undo;
mod whole;

use crate::normalise::plain_of;
use std::ops::Range;

/// Deepest nesting that is undone: base64 of base64 of base64 is three.
pub const DEPTH_MOST: usize = 4;
/// Most layers of one text.
pub const LAYERS_MOST: usize = 64;
/// Bytes that all layers of a text may have together, besides twice its length.
pub const LAYER_BYTES_FREE: usize = 4096;
/// Fewest letters and digits that make a decoded text worth a layer.
const LETTERS_FEWEST: usize = 4;

/// How a text was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// Base64, of either alphabet, with or without padding, on one line or many.
    Base64,
    /// Base32.
    Base32,
    /// Pairs of hexadecimal digits, together or apart.
    Hex,
    /// Binary digits, together or in groups of seven or eight.
    Binary,
    /// Character codes as decimal numbers.
    Decimal,
    /// Morse code.
    Morse,
    /// `%41` as in URLs.
    Percent,
    /// `&#65;`, `&#x41;` and `&lt;` as in HTML.
    Entities,
    /// `\u0041`, `\x41`, `\n` as in JSON and program texts.
    Escapes,
    /// Each letter thirteen places further in the alphabet.
    Rot13,
    /// Each letter another fixed number of places further in the alphabet.
    Caesar,
    /// The alphabet turned round: z for a.
    Atbash,
    /// Written backwards, as a whole or word by word.
    Reversed,
    /// Digits and signs for letters.
    Leet,
    /// Letters apart from each other.
    Spaced,
    /// In tag characters, which nobody sees.
    Tags,
    /// In variation selectors, which nobody sees.
    Variations,
    /// In characters of no width.
    ZeroWidth,
}

/// A text that was found in another by undoing an encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The encodings, outermost first; at most [`DEPTH_MOST`] steps, of which one may have undone several kinds of
    /// escapes.
    pub how: Vec<How>,
    /// The decoded text, made plain as [`crate::normalise::Normalised::plain`] is.
    pub text: String,
    /// Bytes of the original that hold the outermost encoding, on character borders.
    pub at: Range<usize>,
}

/// The layers of one text, and whether a bound cut them short.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    pub(crate) found: Vec<Layer>,
    pub(crate) cut: bool,
}

/// One decoded stretch before it is made plain: its place in the text it was found in.
pub(crate) struct Found {
    pub(crate) how: Vec<How>,
    pub(crate) at: Range<usize>,
    pub(crate) text: String,
}

/// Finds all layers of a plain text. `smuggled` are those found while it was made plain; `place` maps to the original.
pub(crate) fn layers(
    plain: &str,
    smuggled: Vec<Layer>,
    place: impl Fn(Range<usize>) -> Range<usize>,
) -> Layers {
    let mut search = Search {
        layers: Layers::default(),
        bytes_left: plain.len().saturating_mul(2).saturating_add(LAYER_BYTES_FREE),
    };
    let mut open: Vec<Layer> = Vec::new();
    for layer in smuggled {
        search.admit(layer, &mut open);
    }
    for found in all(plain) {
        let at = place(found.at);
        search.take(found.how, found.text, at, &mut open);
    }
    let mut depth = 1;
    while !open.is_empty() && depth < DEPTH_MOST {
        depth += 1;
        let mut next = Vec::new();
        for outer in &open {
            for found in all(&outer.text) {
                let how = outer.how.iter().copied().chain(found.how).collect();
                search.take(how, found.text, outer.at.clone(), &mut next);
            }
        }
        search.layers.found.append(&mut open);
        open = next;
    }
    search.layers.found.append(&mut open);
    search.layers
}

struct Search {
    layers: Layers,
    bytes_left: usize,
}

impl Search {
    /// Makes a decoded text plain and keeps it, with what was smuggled in it.
    fn take(&mut self, how: Vec<How>, text: String, at: Range<usize>, into: &mut Vec<Layer>) {
        let (text, smuggled) = plain_of(&text);
        for (hidden, inner) in smuggled {
            let how = how.iter().copied().chain([hidden]).collect();
            self.admit(
                Layer {
                    how,
                    text: inner,
                    at: at.clone(),
                },
                into,
            );
        }
        self.admit(Layer { how, text, at }, into);
    }

    fn admit(&mut self, layer: Layer, into: &mut Vec<Layer>) {
        if self.layers.found.len() + into.len() >= LAYERS_MOST || layer.text.len() > self.bytes_left {
            self.layers.cut = true;
            return;
        }
        self.bytes_left -= layer.text.len();
        into.push(layer);
    }
}

/// Everything that one step of decoding finds in a text.
fn all(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    escape::find(text, &mut found);
    token::find(text, &mut found);
    group::find(text, &mut found);
    whole::find(text, &mut found);
    found
}

/// Whether decoded text is a text: printable, and with some letters in it.
fn is_text(text: &str) -> bool {
    let mut seen = 0usize;
    let mut letters = 0usize;
    for c in text.chars() {
        seen += 1;
        if c.is_alphanumeric() || c == ' ' {
            letters += usize::from(c != ' ');
            continue;
        }
        if c == char::REPLACEMENT_CHARACTER || c.is_control() && !c.is_whitespace() {
            return false;
        }
    }
    letters >= LETTERS_FEWEST && letters * 2 >= seen
}
