//! S4, S8: texts that must not come out at all: canaries, and what an operator forbids word for word.
//!
//! Compared as a reader sees them: folded as personal data is, and in any case of ASCII letters.
//!
//! Never: shows what is forbidden in its `Debug` form.

use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};
use thiserror::Error;

use crate::pii::fold::Folded;

/// The longest forbidden text, in bytes: as much a stream may have to hold back for it.
pub const LITERAL_MAX: usize = 256;
/// The shortest: shorter ones would stop ordinary words.
pub const LITERAL_MIN: usize = 6;

/// Forbidden texts, compiled.
pub struct Literals {
    search: AhoCorasick,
    /// Folded, lower case.
    texts: Vec<Vec<u8>>,
}

/// What is wrong with a forbidden text.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum LiteralsError {
    /// Too short or too long once folded.
    #[error("forbidden text {place} has {length} bytes; {LITERAL_MIN} to {LITERAL_MAX} are possible")]
    Length {
        /// Its place in the list.
        place: usize,
        /// Its length in bytes, folded.
        length: usize,
    },
    /// There are too many.
    #[error("the forbidden texts cannot be compiled: {0}")]
    Build(String),
}

impl fmt::Debug for Literals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Literals")
            .field("texts", &self.texts.len())
            .finish()
    }
}

impl Literals {
    /// Compiles the texts.
    ///
    /// # Errors
    /// A text that is too short or too long.
    pub fn new<S: AsRef<str>>(texts: &[S]) -> Result<Literals, LiteralsError> {
        let mut folded = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate() {
            let bytes = Folded::whole(text.as_ref())
                .text()
                .to_ascii_lowercase()
                .into_bytes();
            if !(LITERAL_MIN..=LITERAL_MAX).contains(&bytes.len()) {
                return Err(LiteralsError::Length {
                    place,
                    length: bytes.len(),
                });
            }
            folded.push(bytes);
        }
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(&folded)
            .map_err(|error| LiteralsError::Build(error.to_string()))?;
        Ok(Literals {
            search,
            texts: folded,
        })
    }

    /// The first forbidden text in a whole text: its place in the list.
    #[must_use]
    pub fn find_in(&self, text: &str) -> Option<usize> {
        self.first(Folded::whole(text).text().as_bytes(), 0)
            .map(|found| found.which)
    }

    /// The one that ends first, at `from` or behind it: a stream must decide as soon as it is all there.
    pub(crate) fn first(&self, folded: &[u8], from: usize) -> Option<Found> {
        let found = self.search.find(folded.get(from..)?)?;
        Some(Found {
            which: found.pattern().as_usize(),
            start: from + found.start(),
            end: from + found.end(),
        })
    }

    /// From where on `folded` may be the beginning of a forbidden text.
    pub(crate) fn pending(&self, folded: &[u8], from: usize) -> usize {
        let earliest = folded.len().saturating_sub(LITERAL_MAX).max(from);
        (earliest..folded.len())
            .find(|at| {
                let tail = &folded[*at..];
                self.texts
                    .iter()
                    .any(|text| text.len() > tail.len() && text[..tail.len()].eq_ignore_ascii_case(tail))
            })
            .unwrap_or(folded.len())
    }
}

/// A forbidden text in a folded one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) which: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forbidden_is_found_however_it_is_written() {
        let literals = Literals::new(&["Canary-7f3a9", "other text"]).unwrap();
        for text in [
            "say canary-7F3A9.",
            "ｃａｎａｒｙ‑７ｆ３ａ９",
            "can\u{200B}ary-7f3a9",
        ] {
            assert_eq!(literals.find_in(text), Some(0), "{text}");
        }
        assert_eq!(literals.find_in("canary-7f3a"), None);
        assert_eq!(
            Literals::new(&["short"]).unwrap_err(),
            LiteralsError::Length { place: 0, length: 5 }
        );
        assert!(!format!("{literals:?}").contains("7f3a9"));
    }

    #[test]
    fn the_one_that_ends_first_is_found_and_a_beginning_is_pending() {
        let literals = Literals::new(&["abcdefghij", "cdefgh", "xyzxyz"]).unwrap();
        let found = literals.first(b"..abcdefghij", 0).unwrap();
        assert_eq!((found.which, found.start, found.end), (1, 4, 10));
        assert_eq!(literals.pending(b"..abcd", 0), 2);
        assert_eq!(literals.pending(b"..abcx", 0), 5);
        assert_eq!(literals.pending(b"......", 0), 6);
    }
}
