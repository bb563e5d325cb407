//! S3: rules of an operator: patterns that no text may match.
//!
//! Matched without regard to case against the plain text and its decoded layers, so that a word is found in disguise
//! too. The engine takes time linear in the text for any pattern; patterns that would need much memory are refused when
//! they are read.
//!
//! Never: backtracks, or tells the text that matched.

use crate::normalise::Normalised;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind, PatternID};
use std::ops::Range;

/// Longest pattern, in bytes.
pub const PATTERN_BYTES_MOST: usize = 1_024;
/// Most rules of one list.
pub const RULES_MOST: usize = 256;
/// Memory that one compiled pattern may take, in bytes. The largest of usual ones, a class of letters repeated fifty
/// times, takes half of it.
pub const PATTERN_MEMORY_MOST: usize = 1 << 20;

/// A rule as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it is called in answers and logs.
    pub name: String,
    /// A regular expression in the syntax of the `regex` crate: no look-around and no back references.
    pub pattern: String,
}

/// Why a list of rules is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// A pattern that cannot be read; `why` tells the place.
    #[error("the pattern of deny rule `{name}` cannot be read: {why}")]
    Syntax {
        /// The rule.
        name: String,
        /// The parser's own words.
        why: String,
    },
    /// A pattern that would need too much memory.
    #[error(
        "the pattern of deny rule `{name}` is too large: it may have {PATTERN_BYTES_MOST} bytes and compile to {PATTERN_MEMORY_MOST} bytes; are there large counts in it?"
    )]
    TooLarge {
        /// The rule.
        name: String,
    },
    /// A pattern that matches every text.
    #[error("the pattern of deny rule `{name}` matches the empty text: every request would be refused")]
    MatchesAll {
        /// The rule.
        name: String,
    },
    /// Too many rules.
    #[error("there are more than {RULES_MOST} deny rules")]
    TooMany,
}

/// The rules, compiled.
#[derive(Debug, Clone)]
pub struct DenyList {
    regex: Regex,
    names: Vec<String>,
}

/// What matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit<'a> {
    /// The rule.
    pub rule: &'a str,
    /// Bytes of the original; for a match in a decoded layer those of what was decoded.
    pub at: Range<usize>,
}

impl DenyList {
    /// Compiles the rules.
    ///
    /// # Errors
    /// The first rule that is wrong.
    pub fn new(rules: &[Rule]) -> Result<Self, BadRule> {
        if rules.len() > RULES_MOST {
            return Err(BadRule::TooMany);
        }
        for rule in rules {
            check(rule)?;
        }
        let patterns: Vec<&str> = rules.iter().map(|rule| rule.pattern.as_str()).collect();
        let regex = builder(PATTERN_MEMORY_MOST * RULES_MOST)
            .build_many(&patterns)
            // Each compiled alone, and the bound for all is the sum of theirs: the name tells where to begin all the same.
            .map_err(|_| BadRule::TooLarge {
                name: rules.first().map(|rule| rule.name.clone()).unwrap_or_default(),
            })?;
        Ok(Self {
            regex,
            names: rules.iter().map(|rule| rule.name.clone()).collect(),
        })
    }

    /// The first match in the plain text, else in its decoded layers.
    pub fn find(&self, text: &Normalised<'_>) -> Option<Hit<'_>> {
        if self.names.is_empty() {
            return None;
        }
        if let Some((pattern, at)) = self.first(text.plain()) {
            return Some(Hit {
                rule: self.name(pattern),
                at: text.place_plain(at),
            });
        }
        text.layers().iter().find_map(|layer| {
            let (pattern, _) = self.first(&layer.text)?;
            Some(Hit {
                rule: self.name(pattern),
                at: layer.at.clone(),
            })
        })
    }

    fn first(&self, text: &str) -> Option<(PatternID, Range<usize>)> {
        let found = self.regex.search(&Input::new(text))?;
        Some((found.pattern(), found.range()))
    }

    fn name(&self, pattern: PatternID) -> &str {
        self.names.get(pattern.as_usize()).map_or("", String::as_str)
    }
}

fn check(rule: &Rule) -> Result<(), BadRule> {
    let name = || rule.name.clone();
    if rule.pattern.len() > PATTERN_BYTES_MOST {
        return Err(BadRule::TooLarge { name: name() });
    }
    if let Err(error) = syntax::parse(&rule.pattern) {
        // The parser draws the pattern with a mark beneath: its last line says what is wrong.
        let why = error.to_string();
        let last = why
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        return Err(BadRule::Syntax {
            name: name(),
            why: last,
        });
    }
    let regex = builder(PATTERN_MEMORY_MOST)
        .build(&rule.pattern)
        .map_err(|_| BadRule::TooLarge { name: name() })?;
    if regex.is_match("") {
        return Err(BadRule::MatchesAll { name: name() });
    }
    Ok(())
}

fn builder(memory: usize) -> regex_automata::meta::Builder {
    let mut builder = Regex::builder();
    builder
        .syntax(syntax::Config::new().case_insensitive(true).nest_limit(64))
        .configure(
            Regex::config()
                .match_kind(MatchKind::LeftmostFirst)
                .nfa_size_limit(Some(memory))
                .onepass(false),
        );
    builder
}
