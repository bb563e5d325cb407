//! S8: the injection screen: is this text trying to steer the model away from its operator or its user?
//!
//! Never: does I/O, decodes anything itself (that is `normalise`), or judges a harmful question that steers nothing.

pub mod concept;
pub mod features;
pub mod fold;
pub mod lexicon;
pub mod model;
pub mod rules;
mod sums;
pub mod tokens;

use std::ops::Range;

use crate::normalise::Normalised;
use concept::Concepts;
use lexicon::Lexicon;
use model::{Model, Stretch};
pub use rules::Family;
use rules::RULES;
use tokens::{Token, tokens};

/// The model that `cargo xtask train` wrote.
const MODEL: &[u8] = include_bytes!("model.bin");

/// Added to the logit of a decoded layer that is hostile: who hides an instruction knows that it is one.
const HIDDEN_LOGITS: f32 = 1.0;

/// The score from which findings are listed. Below it nobody acts, and listing costs time.
pub const FINDINGS_FROM: f32 = 0.2;

/// The score at which the model was calibrated to flag one in a hundred honest texts of sources that it never saw.
pub const THRESHOLD: f32 = 0.5;

/// What the screen says of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// From 0 to 1, comparable over channels; [`THRESHOLD`] is where to begin.
    pub score: f32,
    /// What the attack does, if a rule says so.
    pub family: Option<Family>,
    /// What was found, in the order of the text; empty below [`FINDINGS_FROM`].
    pub findings: Vec<Finding>,
}

/// One rule that a sentence of the hostile stretch fulfils, or the stretch itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What it does; none if no rule names it.
    pub family: Option<Family>,
    /// The rule's name, or `stretch` for the part of the text that weighs most.
    pub rule: &'static str,
    /// Bytes of the original, on character borders. For what was decoded: the encoded bytes.
    pub at: Range<usize>,
    /// The score of the whole text.
    pub score: f32,
}

/// The injection screen: lexicon, rules and model, built once and shared.
#[derive(Debug)]
pub struct Injection {
    lexicon: Lexicon,
    model: Model,
}

impl Default for Injection {
    fn default() -> Self {
        Self::new()
    }
}

impl Injection {
    /// The screen with the embedded model. Takes about a millisecond: build it once.
    pub fn new() -> Self {
        // A test holds that the embedded file is read; were it not, the screen would suspect everything.
        Self::with(Model::read(MODEL).unwrap_or_else(Model::suspicious))
    }

    /// The screen with another model, for those who train one.
    pub fn with(model: Model) -> Self {
        Self {
            lexicon: Lexicon::new(),
            model,
        }
    }

    /// Judges a text and each layer decoded from it; the worst counts. Work grows with the length of the text alone.
    pub fn judge(&self, text: &Normalised<'_>, channel: Channel) -> Verdict {
        let trust = channel.trust();
        let plain = tokens(text.plain(), &self.lexicon);
        let mut worst = self.model.weigh(&plain, trust);
        let mut hidden: Option<(&Range<usize>, Vec<Token>)> = None;
        for layer in text.layers() {
            let tokens = tokens(&layer.text, &self.lexicon);
            let mut stretch = self.model.weigh(&tokens, trust);
            if self.model.probability(stretch.logit) >= THRESHOLD {
                stretch.logit += HIDDEN_LOGITS;
            }
            if stretch.logit > worst.logit {
                worst = stretch;
                hidden = Some((&layer.at, tokens));
            }
        }
        let score = self.model.probability(worst.logit);
        if score < FINDINGS_FROM {
            return Verdict {
                score,
                family: None,
                findings: Vec::new(),
            };
        }
        match hidden {
            Some((at, tokens)) => explain(score, &tokens, &worst, |_| at.clone()),
            None => explain(score, &plain, &worst, |range| text.place_plain(range)),
        }
    }
}

/// The rules that the sentences of a stretch fulfil.
fn explain(
    score: f32,
    tokens: &[Token],
    stretch: &Stretch,
    place: impl Fn(Range<usize>) -> Range<usize>,
) -> Verdict {
    let inside = tokens.get(stretch.first..stretch.behind).unwrap_or_default();
    let mut findings = Vec::new();
    let bytes = |tokens: &[Token]| match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => first.start as usize..last.end as usize,
        _ => 0..0,
    };
    if inside.is_empty() {
        return Verdict {
            score,
            family: None,
            findings,
        };
    }
    let mut best: Option<usize> = None;
    for sentence in inside.chunk_by(|_, next| next.place != 0) {
        let concepts: Concepts = sentence.iter().fold(0, |all, token| all | token.concepts);
        for rule in rules::fulfilled(concepts) {
            // The first of the list is the most telling.
            best = Some(best.map_or(rule, |best: usize| best.min(rule)));
            findings.push(Finding {
                family: Some(RULES[rule].family),
                rule: RULES[rule].name,
                at: place(bytes(sentence)),
                score,
            });
        }
    }
    let family = best.map(|rule| RULES[rule].family);
    findings.insert(
        0,
        Finding {
            family,
            rule: "stretch",
            at: place(bytes(inside)),
            score,
        },
    );
    Verdict {
        score,
        family,
        findings,
    }
}

/// Where a text stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// What the person wrote.
    User,
    /// A document, a page, a mail that the person or a tool brought.
    Document,
    /// What a tool answered.
    Tool,
    /// The operator's own text.
    System,
}

impl Channel {
    /// Every channel.
    pub const ALL: &[Self] = &[Self::User, Self::Document, Self::Tool, Self::System];

    /// As configuration, command line and labelled files write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Document => "document",
            Self::Tool => "tool",
            Self::System => "system",
        }
    }

    /// The channel of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|channel| channel.name() == name)
    }

    /// How its words are to be taken.
    pub const fn trust(self) -> Trust {
        match self {
            Self::User => Trust::Asks,
            Self::Document | Self::Tool => Trust::Informs,
            Self::System => Trust::Rules,
        }
    }
}

/// How the words of a channel are to be taken: who may tell the assistant what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Trust {
    /// The user: may ask for anything, but not for other rules.
    Asks,
    /// Data: has nothing to tell the assistant.
    Informs,
    /// The operator: makes the rules.
    Rules,
}
