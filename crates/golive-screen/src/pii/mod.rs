//! S4: finds personal data and secrets in a text: what, where, how sure.
//!
//! ```
//! use golive_screen::pii::{Detector, Kind, Options};
//!
//! let detector = Detector::new(&Options::default())?;
//! let text = "Write to ann@example.com, order 4111111111111112.";
//! let findings = detector.find_in(text);
//! assert_eq!(findings.len(), 1);
//! assert_eq!(findings[0].kind, Kind::EmailAddress);
//! assert_eq!(&text[findings[0].at.clone()], "ann@example.com");
//! # Ok::<(), golive_screen::pii::OptionsError>(())
//! ```
//!
//! How it works: [`fold`] makes look-alikes ASCII and joins what is spelled out, [`scan`] walks once from left to right and asks the rules, [`context`]
//! knows the words nearby, [`score`] says what is enough. All is linear in the text, with small windows.
//!
//! Honest limits: names and addresses are found by the words before them only, a number of nine digits only with a word
//! for it, and a checksum of one digit lets one wrong number in ten pass.
//!
//! Never: does I/O, learns from a text, or keeps one.

mod arms;
pub(crate) mod check;
pub(crate) mod context;
mod custom;
pub(crate) mod fold;
mod kind;
pub(crate) mod rule;
pub(crate) mod scan;
pub(crate) mod score;
mod spell;
pub(crate) mod text;
mod words;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use thiserror::Error;

use crate::normalise::Normalised;

pub use custom::{CustomKind, CustomKindError, MATCH_MAX};
pub use kind::{CUSTOM_MAX, Kind};

use context::Words;
use custom::Customs;
use fold::Folded;
use kind::Kinds;
use rule::number::Numbers;
use rule::secret::Secrets;
use scan::{Hit, Rules};
use text::Text;

/// How much of a value is kept for comparing and hashing, in bytes. Only private keys and tokens are longer.
pub const VALUE_MAX: usize = 64 * 1024;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The kinds looked for. Default: all but [`Kind::DataUri`].
    pub kinds: Vec<Kind>,
    /// Kinds of the operator's own; always looked for.
    pub custom: Vec<CustomKind>,
    /// Values that are let through, however they are written: the company's own telephone number. Never credentials.
    pub allow: Vec<String>,
    /// What a finding needs, 0.0 to 1.0. Default: 0.6.
    pub threshold: f32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            kinds: Kind::ALL
                .iter()
                .copied()
                .filter(|kind| *kind != Kind::DataUri)
                .collect(),
            custom: Vec::new(),
            allow: Vec::new(),
            threshold: f32::from(score::THRESHOLD) / 100.0,
        }
    }
}

/// What is wrong with the options.
#[derive(Debug, Error)]
pub enum OptionsError {
    /// A kind of the operator's own.
    #[error(transparent)]
    Custom(#[from] CustomKindError),
    /// The threshold is no share.
    #[error("a threshold of {0} is not between 0 and 1")]
    Threshold(f32),
    /// The words could not be compiled: too many of them.
    #[error("the context words cannot be compiled: {0}")]
    Words(String),
}

/// Something found. Its `Debug` form does not show the value.
#[derive(Clone, PartialEq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Where, in bytes of the original text, on borders of characters.
    pub at: Range<usize>,
    /// How sure, 0.0 to 1.0.
    pub score: f32,
    value: Box<str>,
}

impl Finding {
    /// The value as a reader sees it (full-width digits are digits), at most [`VALUE_MAX`] bytes of it.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    pub(crate) fn new(kind: Kind, at: Range<usize>, score: u8, value: &str) -> Finding {
        let mut end = value.len().min(VALUE_MAX);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        Finding {
            kind,
            at,
            score: f32::from(score) / 100.0,
            value: value[..end].into(),
        }
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finding")
            .field("kind", &self.kind)
            .field("at", &self.at)
            .field("score", &self.score)
            .finish_non_exhaustive()
    }
}

/// Finds personal data and secrets. Compiled once, shared by all requests.
pub struct Detector {
    rules: Rules,
    allow: HashSet<String>,
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector").finish_non_exhaustive()
    }
}

impl Detector {
    /// Compiles the rules. Takes some ten milliseconds.
    ///
    /// # Errors
    /// A kind of the operator's own that contradicts its examples, or a threshold out of range.
    pub fn new(options: &Options) -> Result<Detector, OptionsError> {
        if !(0.0..=1.0).contains(&options.threshold) {
            return Err(OptionsError::Threshold(options.threshold));
        }
        let customs = Customs::new(&options.custom)?;
        let custom_kinds: Vec<Kind> = (0..customs.len())
            .filter_map(|n| u8::try_from(n).ok())
            .map(Kind::Custom)
            .collect();
        let words: Vec<(Kind, Vec<String>)> = custom_kinds
            .iter()
            .zip(&options.custom)
            .map(|(kind, custom)| (*kind, custom.context.clone()))
            .collect();
        let detector = Detector {
            rules: Rules {
                words: Words::new(&words).map_err(|error| OptionsError::Words(error.to_string()))?,
                numbers: Numbers::new(),
                secrets: Secrets::new(),
                customs,
                enabled: Kinds::of(&options.kinds).and(Kinds::of(&custom_kinds)),
                threshold: (options.threshold * 100.0).round() as u8,
            },
            allow: options.allow.iter().map(|value| comparable(value)).collect(),
        };
        for (kind, custom) in custom_kinds.iter().zip(&options.custom) {
            detector.prove(*kind, custom)?;
        }
        Ok(detector)
    }

    fn prove(&self, kind: Kind, custom: &CustomKind) -> Result<(), CustomKindError> {
        let finds = |example: &String| self.find_in(example).iter().any(|finding| finding.kind == kind);
        if let Some(example) = custom.must_match.iter().find(|example| !finds(example)) {
            return Err(CustomKindError::NotFound {
                name: custom.name.clone(),
                example: example.clone(),
            });
        }
        if let Some(example) = custom.must_not_match.iter().find(|example| finds(example)) {
            return Err(CustomKindError::Found {
                name: custom.name.clone(),
                example: example.clone(),
            });
        }
        Ok(())
    }

    /// Everything in a whole text, from left to right; findings do not overlap.
    #[must_use]
    pub fn find_in(&self, text: &str) -> Vec<Finding> {
        let folded = Folded::whole(text);
        let whole = Text::new(folded.text().as_bytes(), true);
        let walk = self.rules.walk(&whole, 0);
        walk.hits
            .iter()
            .filter_map(|hit| self.finding(hit, &folded))
            .collect()
    }

    /// Everything in a normalised text and in what its encodings hide, from left to right; findings do not overlap. What
    /// an encoding hides is placed at the whole encoded stretch: no part of it can be redacted.
    #[must_use]
    pub fn find(&self, text: &Normalised<'_>) -> Vec<Finding> {
        let plain = text.plain();
        let mut found = self.find_in(plain);
        if plain.len() != text.original().len() || plain != text.original() {
            for finding in &mut found {
                finding.at = text.place_plain(finding.at.clone());
            }
            // Two places of the plain text may come from one character of the original (a ligature).
            found.dedup_by(|next, last| next.at.start < last.at.end);
        }
        let open = found.len();
        for layer in text.layers() {
            let hidden = self
                .find_in(&layer.text)
                .into_iter()
                .filter(|finding| !finding.kind.by_context_only());
            // The surest one stands for the stretch.
            let best = hidden.max_by(|a, b| a.score.total_cmp(&b.score));
            if let Some(best) = best
                && !layer.at.is_empty()
                && !found
                    .iter()
                    .any(|other| other.at.start < layer.at.end && layer.at.start < other.at.end)
            {
                found.push(Finding {
                    at: layer.at.clone(),
                    ..best
                });
            }
        }
        if found.len() > open {
            found.sort_by_key(|finding| finding.at.start);
        }
        found
    }

    /// The name of a kind, also of one of the operator's own.
    #[must_use]
    pub fn name(&self, kind: Kind) -> &str {
        match kind {
            Kind::Custom(n) => self.rules.customs.name(n),
            kind => kind.name(),
        }
    }

    /// What stands between brackets where one was redacted.
    #[must_use]
    pub fn tag(&self, kind: Kind) -> &str {
        match kind {
            Kind::Custom(n) => self.rules.customs.name(n),
            kind => kind.tag(),
        }
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// A hit as a finding in the original; none if its value is let through. Credentials are never let through by value:
    /// a stream would have to hold them until their end.
    pub(crate) fn finding(&self, hit: &Hit, folded: &Folded) -> Option<Finding> {
        let value = &folded.text()[hit.start..hit.end];
        if !self.allow.is_empty() && hit.kind.has_values() && self.allow.contains(&comparable(value)) {
            return None;
        }
        Some(Finding::new(
            hit.kind,
            folded.range(hit.start..hit.end),
            hit.score,
            value,
        ))
    }
}

/// A value as it is compared: letters in lower case and digits, nothing between them.
#[must_use]
pub fn comparable(value: &str) -> String {
    value
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == '@')
        .flat_map(char::to_lowercase)
        .collect()
}
