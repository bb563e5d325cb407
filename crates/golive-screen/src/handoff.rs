//! E3: hears when somebody asks for a person instead of the agent, in many languages.
//!
//! Grammar, not words alone: who wants to *talk to* a human is heard; human errors, representative samples, what
//! others want, what is quoted, and who does *not* want to, are not. Patterns and words stand in `languages`.
//!
//! Never: looks at more than [`LOOKED_AT`] bytes of a text, or takes longer for a hostile one.

mod languages;
mod pattern;

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use unicode_normalization::UnicodeNormalization;

use crate::normalise::Normalised;
use languages::{LANGUAGES, Language};
use pattern::{Clause, Pattern, clauses};

/// Bytes that are looked at of a text: the beginning and the end of a longer one. A wish for a person is short.
pub const LOOKED_AT: usize = 2048;
/// Phrases of a configuration, at the most this many words each.
const WORDS_MAX: usize = 16;

/// Listens for the wish for a person.
#[derive(Debug)]
pub struct Handoff {
    known: bool,
    more: Vec<Vec<String>>,
    never: Vec<Vec<String>>,
}

/// The wish was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The language of the known phrase (`en`, `de`, …); `None`: a phrase of the configuration.
    pub language: Option<&'static str>,
}

impl Handoff {
    /// Listens for golive's own phrases (if `known`) and for `more`; where one of `never` is said, for none.
    #[must_use]
    pub fn new(known: bool, more: &[String], never: &[String]) -> Self {
        let words = |phrases: &[String]| {
            phrases
                .iter()
                .map(|phrase| words_of(phrase))
                .filter(|words| !words.is_empty())
                .collect()
        };
        Self {
            known,
            more: words(more),
            never: words(never),
        }
    }

    /// Whether the text asks for a person.
    #[must_use]
    pub fn hears(&self, text: &str) -> Option<Heard> {
        if text.len() <= LOOKED_AT {
            return self.heard_in(text);
        }
        let mut head = LOOKED_AT / 2;
        while !text.is_char_boundary(head) {
            head -= 1;
        }
        let mut tail = text.len() - LOOKED_AT / 2;
        while !text.is_char_boundary(tail) {
            tail += 1;
        }
        self.heard_in(&text[..head])
            .or_else(|| self.heard_in(&text[tail..]))
    }

    fn heard_in(&self, text: &str) -> Option<Heard> {
        // The common text names no human at all, and costs one pass.
        let active = if self.known { named(text) } else { 0 };
        if active == 0 && self.more.is_empty() {
            return None;
        }
        let plain = without_quotes(text);
        let folded = match plain.is_ascii() {
            true => plain.to_ascii_lowercase(),
            false => folded(Normalised::of(&plain).folded()),
        };
        let clauses = clauses(&folded);
        let says = |phrase: &Vec<String>| clauses.iter().any(|clause| clause.contains(phrase));
        if self.never.iter().any(says) {
            return None;
        }
        if self.more.iter().any(says) {
            return Some(Heard { language: None });
        }
        let alone = clauses.len() == 1;
        for (at, language) in COMPILED.iter().enumerate() {
            if active & (1 << at) != 0 && clauses.iter().any(|clause| language.asks(clause, alone)) {
                return Some(Heard {
                    language: Some(language.code),
                });
            }
        }
        None
    }
}

/// A language, ready to be matched.
struct Compiled {
    code: &'static str,
    patterns: Vec<Pattern>,
    /// Wishes that are said by a negation: not to talk to a machine.
    despite: Vec<Pattern>,
    not: Vec<String>,
    others: Vec<String>,
    lifted: Vec<String>,
    /// For writing without spaces between words: phrases, and what takes them back in the same clause.
    joined: Vec<String>,
    joined_not: Vec<String>,
}

/// Words before a wish in which a negation, or another's wish, takes it back.
const LOOKS_BACK: usize = 7;

impl Compiled {
    fn of(language: &Language) -> Self {
        let patterns = |lines: &str| {
            lines
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(|line| Pattern::parse(line, language.words))
                .collect()
        };
        let list = |words: &str| words.split_whitespace().map(str::to_owned).collect();
        let squeezed = |lines: &[&str]| {
            let normal = |line: &&str| squeezed(&folded(Normalised::of(line).folded()));
            lines.iter().map(normal).collect()
        };
        Self {
            code: language.code,
            patterns: patterns(language.patterns),
            despite: patterns(language.despite),
            not: list(language.not),
            others: list(language.others),
            lifted: list(language.lifted),
            joined: squeezed(language.joined),
            joined_not: squeezed(language.joined_not),
        }
    }

    fn asks(&self, clause: &Clause<'_>, alone: bool) -> bool {
        if self
            .despite
            .iter()
            .any(|pattern| pattern.find(clause, alone).is_some())
        {
            return true;
        }
        let words = &clause.words;
        let is_lifted = words.iter().any(|word| self.lifted.iter().any(|one| one == word));
        for pattern in &self.patterns {
            if let Some(at) = pattern.find(clause, alone) {
                let before = &words[at.saturating_sub(LOOKS_BACK)..at];
                let says = |list: &[String]| before.iter().any(|word| list.iter().any(|one| one == word));
                if (!says(&self.not) || is_lifted) && !says(&self.others) {
                    return true;
                }
            }
        }
        if self.joined.is_empty() {
            return false;
        }
        let text = squeezed(clause.text);
        self.joined.iter().any(|phrase| text.contains(phrase.as_str()))
            && !self.joined_not.iter().any(|not| text.contains(not.as_str()))
    }
}

static COMPILED: LazyLock<Vec<Compiled>> = LazyLock::new(|| LANGUAGES.iter().map(Compiled::of).collect());

/// The words for humans of all languages, each with the language it is of.
static NAMES: LazyLock<(AhoCorasick, Vec<u32>)> = LazyLock::new(|| {
    let (mut names, mut owners) = (Vec::new(), Vec::new());
    for (at, language) in LANGUAGES.iter().enumerate() {
        for name in language.names.split_whitespace() {
            names.push(folded(Normalised::of(name).folded()));
            owners.push(1 << at);
        }
    }
    #[expect(clippy::expect_used, reason = "constants, built by every test")]
    let machine = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(&names)
        .expect("the words for humans");
    (machine, owners)
});

/// The languages whose words for humans stand in the text, as bits.
fn named(text: &str) -> u32 {
    let (machine, owners) = &*NAMES;
    let look = |text: &str| {
        machine
            .find_overlapping_iter(text)
            .fold(0, |found, one| found | owners[one.pattern().as_usize()])
    };
    match text.is_ascii() {
        true => look(text),
        false => look(&folded(Normalised::of(text).folded())),
    }
}

/// Latin, Greek and Cyrillic letters without their marks, Arabic ones in their plain form, one kind of apostrophe.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2019}' | '\u{2018}' | '\u{02BC}' | '`' | '\u{00B4}' => out.push('\''),
            'ß' => out.push_str("ss"),
            'ł' => out.push('l'),
            'ø' => out.push('o'),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ı' => out.push('i'),
            'đ' => out.push('d'),
            'أ' | 'إ' | 'آ' => out.push('ا'),
            'ى' => out.push('ي'),
            'ة' => out.push('ه'),
            '\u{064B}'..='\u{0652}' | '\u{0640}' => {}
            'A'..='Z' => out.push(c.to_ascii_lowercase()),
            '\u{00C0}'..='\u{052F}' | '\u{1E00}'..='\u{1EFF}' => {
                let marks = |c: &char| !('\u{0300}'..='\u{036F}').contains(c);
                out.extend(
                    std::iter::once(c)
                        .nfd()
                        .filter(marks)
                        .flat_map(char::to_lowercase),
                );
            }
            _ => out.push(c),
        }
    }
    out
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn words_of(phrase: &str) -> Vec<String> {
    let folded = folded(Normalised::of(phrase).folded());
    let all = clauses(&folded);
    all.iter()
        .flat_map(|clause| clause.words.iter().map(|word| (*word).to_owned()))
        .take(WORDS_MAX)
        .collect()
}

/// The text without what it quotes: quotations, code, and lines that begin with `>`.
fn without_quotes(text: &str) -> String {
    const PAIRS: [(char, char); 7] = [
        ('"', '"'),
        ('\u{201C}', '\u{201D}'),
        ('\u{201E}', '\u{201C}'),
        ('\u{00AB}', '\u{00BB}'),
        ('\u{00BB}', '\u{00AB}'),
        ('\u{300C}', '\u{300D}'),
        ('`', '`'),
    ];
    let mut out = String::with_capacity(text.len());
    let mut fenced = false;
    for line in text.split('\n') {
        let start = line.trim_start();
        if start.starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if !fenced && !start.starts_with('>') {
            out.push_str(line);
            out.push('\n');
        }
    }
    let mut kept = String::with_capacity(out.len());
    let mut rest = out.as_str();
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        // Of an opening that closes in two ways the nearer close counts; one that never closes quotes nothing.
        let close = PAIRS
            .iter()
            .filter(|(opens, _)| *opens == c)
            .filter_map(|(_, closes)| after.find(*closes).map(|at| at + closes.len_utf8()))
            .min();
        match close {
            Some(end) => {
                kept.push_str(" , ");
                rest = &after[end..];
            }
            None => {
                kept.push(c);
                rest = after;
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests;
