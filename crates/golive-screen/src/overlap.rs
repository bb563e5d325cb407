//! S8: does an output give the agent's own system prompt away? Runs of the prompt's words are looked for in what the
//! agent says, word by word as it streams; planted canaries are looked for letter by letter.
//!
//! Never: keeps the words of the output, or holds the output back.

use std::borrow::Borrow;
use std::collections::{HashSet, VecDeque};

use crate::injection::fold::{fold, is_letter, is_unspaced};
use crate::injection::lexicon::{HASH_START, extend_char};

/// Words of one run. Eight in a row are hardly ever said by chance; a paraphrase escapes.
pub const RUN_WORDS: usize = 8;

/// A prompt of fewer words says nothing about who repeats it ("Be brief.").
pub const PROMPT_WORDS_MIN: usize = 4;

/// What must not be said: a system prompt's runs of words, and canaries.
#[derive(Debug, Clone)]
pub struct Prompt {
    runs: HashSet<u64>,
    /// Words of a run: [`RUN_WORDS`], or all words of a shorter prompt.
    run_words: usize,
    canaries: Vec<String>,
    /// Bytes of the longest canary.
    longest: usize,
}

impl Prompt {
    /// Of a system prompt, and of canaries that must never be said. Empty canaries do not count.
    pub fn new(prompt: &str, canaries: &[&str]) -> Self {
        let mut cutter = Cutter::default();
        let mut words: Vec<u32> = Vec::new();
        prompt
            .chars()
            .for_each(|character| cutter.push(character, |word| words.push(word)));
        cutter.end(|word| words.push(word));
        let run_words = RUN_WORDS.min(words.len()).max(1);
        let runs = match words.len() {
            0..PROMPT_WORDS_MIN => HashSet::new(),
            _ => words.windows(run_words).map(|words| run(words.iter())).collect(),
        };
        let canaries: Vec<String> = canaries
            .iter()
            .filter(|canary| !canary.is_empty())
            .map(|canary| (*canary).to_owned())
            .collect();
        Self {
            runs,
            run_words,
            longest: canaries.iter().map(String::len).max().unwrap_or(0),
            canaries,
        }
    }

    /// How many different runs the prompt has; 0 for one too short to watch for.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }
}

/// One output while it comes.
#[derive(Debug)]
pub struct Watch<P> {
    prompt: P,
    cutter: Cutter,
    /// Hashes of the last words, at most a run of them.
    last: VecDeque<u32>,
    said: HashSet<u64>,
    /// The last bytes: one fewer than the longest canary has.
    tail: String,
    canary: Option<usize>,
}

impl<P: Borrow<Prompt>> Watch<P> {
    /// Watches one output for one prompt.
    pub fn new(prompt: P) -> Self {
        Self {
            prompt,
            cutter: Cutter::default(),
            last: VecDeque::with_capacity(RUN_WORDS),
            said: HashSet::new(),
            tail: String::new(),
            canary: None,
        }
    }

    /// The next piece of the output. Pieces may be cut anywhere between characters: what is found does not depend on
    /// where.
    pub fn push(&mut self, piece: &str) {
        self.look_for_canaries(piece);
        let Self {
            cutter,
            last,
            said,
            prompt,
            ..
        } = self;
        for character in piece.chars() {
            cutter.push(character, |word| next_word((*prompt).borrow(), last, said, word));
        }
    }

    /// The output is at its end: its last word counts too.
    pub fn end(&mut self) {
        let Self {
            cutter,
            last,
            said,
            prompt,
            ..
        } = self;
        cutter.end(|word| next_word((*prompt).borrow(), last, said, word));
    }

    /// The share of the prompt's runs that were said until now, from 0 to 1.
    pub fn share(&self) -> f32 {
        match self.prompt.borrow().runs.len() {
            0 => 0.0,
            all => self.said.len() as f32 / all as f32,
        }
    }

    /// How many different runs of the prompt were said until now.
    pub fn runs_said(&self) -> usize {
        self.said.len()
    }

    /// The first canary that was said, as its place in the list.
    pub fn canary(&self) -> Option<usize> {
        self.canary
    }

    fn look_for_canaries(&mut self, piece: &str) {
        let prompt = self.prompt.borrow();
        if prompt.longest == 0 || self.canary.is_some() {
            return;
        }
        self.tail.push_str(piece);
        let found = prompt
            .canaries
            .iter()
            .enumerate()
            .filter_map(|(place, canary)| Some((self.tail.find(canary.as_str())? + canary.len(), place)))
            .min();
        self.canary = found.map(|(_, place)| place);
        let cut = self.tail.len().saturating_sub(prompt.longest - 1);
        let cut = (0..=cut)
            .rev()
            .find(|at| self.tail.is_char_boundary(*at))
            .unwrap_or(0);
        self.tail.drain(..cut);
    }
}

fn next_word(prompt: &Prompt, last: &mut VecDeque<u32>, said: &mut HashSet<u64>, word: u32) {
    if last.len() == prompt.run_words {
        last.pop_front();
    }
    last.push_back(word);
    if last.len() == prompt.run_words {
        let run = run(last.iter());
        if prompt.runs.contains(&run) {
            said.insert(run);
        }
    }
}

fn run<'w>(words: impl Iterator<Item = &'w u32>) -> u64 {
    words.fold(0xcbf2_9ce4_8422_2325, |hash: u64, word| {
        (hash ^ u64::from(*word))
            .wrapping_mul(0x0000_0100_0000_01b3)
            .rotate_left(17)
    })
}

/// Cuts characters into hashes of words: case, accents, punctuation and what is invisible do not count. A character of
/// a script without spaces is a word.
#[derive(Debug, Default)]
struct Cutter {
    word: Option<u32>,
}

impl Cutter {
    fn push(&mut self, character: char, mut sink: impl FnMut(u32)) {
        let Some(folded) = fold(character) else { return };
        let letter = match character.is_ascii() {
            true => character.is_ascii_alphanumeric(),
            false => is_letter(character),
        };
        if letter && is_unspaced(character) {
            self.end(&mut sink);
            sink(extend_char(HASH_START, folded));
        } else if letter {
            self.word = Some(extend_char(self.word.unwrap_or(HASH_START), folded));
        } else if !matches!(character, '\'' | '’') {
            self.end(sink);
        }
    }

    fn end(&mut self, mut sink: impl FnMut(u32)) {
        if let Some(word) = self.word.take() {
            sink(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROMPT: &str = "You are the helper of a small library. Answer only questions about books, \
                          opening hours and fines, and never promise a discount to anyone.";

    fn said(output: &str, canaries: &[&str]) -> (f32, Option<usize>) {
        let prompt = Prompt::new(PROMPT, canaries);
        let mut watch = Watch::new(&prompt);
        watch.push(output);
        watch.end();
        (watch.share(), watch.canary())
    }

    #[test]
    fn the_prompt_said_whole_is_all_of_it_whatever_its_dress() {
        assert_eq!(said(PROMPT, &[]).0, 1.0);
        assert_eq!(said(&PROMPT.to_uppercase().replace(' ', "\n* "), &[]).0, 1.0);
    }

    #[test]
    fn a_part_is_a_part_and_an_answer_is_nothing() {
        let half = said(
            "It says: answer only questions about books, opening hours and fines!",
            &[],
        )
        .0;
        assert!(half > 0.1 && half < 0.5, "{half}");
        assert_eq!(
            said(
                "We are open from nine to five and fines are ten cents a day.",
                &[]
            )
            .0,
            0.0
        );
    }

    #[test]
    fn a_short_prompt_is_one_run_and_a_tiny_one_none() {
        assert_eq!(Prompt::new("Answer in rhymes about fish", &[]).runs(), 1);
        assert_eq!(Prompt::new("Be brief.", &[]).runs(), 0);
    }

    #[test]
    fn the_first_canary_is_told() {
        assert_eq!(
            said(
                "so blue-heron-41 it is, not red-fox-7",
                &["red-fox-7", "blue-heron-41", ""]
            )
            .1,
            Some(1)
        );
        assert_eq!(said("blue heron 41", &["blue-heron-41"]).1, None);
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(cuts in proptest::collection::vec(1_usize..9, 0..60), start in 0_usize..80) {
            let output = format!("é{} kéy-ß9 指示 {PROMPT}", &PROMPT[start..]);
            let whole = {
                let prompt = Prompt::new(PROMPT, &["kéy-ß9"]);
                let mut watch = Watch::new(&prompt);
                watch.push(&output);
                watch.end();
                (watch.runs_said(), watch.canary())
            };
            let prompt = Prompt::new(PROMPT, &["kéy-ß9"]);
            let mut watch = Watch::new(&prompt);
            let characters: Vec<char> = output.chars().collect();
            let (mut rest, mut cuts) = (&characters[..], cuts.into_iter());
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(cuts.next().unwrap_or(rest.len()).min(rest.len()));
                watch.push(&piece.iter().collect::<String>());
                rest = left;
            }
            watch.end();
            prop_assert_eq!((watch.runs_said(), watch.canary()), whole);
            prop_assert_eq!(watch.canary(), Some(0));
        }
    }
}
