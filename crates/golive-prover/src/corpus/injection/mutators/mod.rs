//! S8: what disguises an attack without changing what it asks for. Each mutator is one function of a text and the dice;
//! up to three are put on top of each other.
//!
//! What stands between [`KEEP`] and [`END`] (tokens, addresses, arguments) is not touched by those that work letter by
//! letter: only what can be undone is done to it, else no reader could obey.
//!
//! Never: makes a text that a patient reader could not turn back.

mod codes;
mod frames;
mod letters;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// Begins what is kept as it is.
pub(crate) const KEEP: char = '\u{e000}';
/// Ends it.
pub(crate) const END: char = '\u{e001}';

/// What a mutator works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Letter by letter, what is kept left out.
    Letters,
    /// The whole text as a code; what comes of it is kept.
    Codes,
    /// Something around it.
    Frames,
}

/// One mutator.
#[derive(Clone, Copy)]
pub(crate) struct Mutator {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    change: Change,
}

#[derive(Clone, Copy)]
enum Change {
    /// The text with its marks, by the dice.
    Marked(fn(&str, &mut StdRng) -> String),
    /// The text without them; the result is kept whole.
    Whole(fn(&str) -> String),
    /// Something around the text and its marks.
    Framed(fn(&str) -> String),
}

impl Mutator {
    /// The text, disguised.
    pub(crate) fn apply(&self, text: &str, dice: &mut StdRng) -> String {
        match self.change {
            Change::Marked(change) => change(text, dice),
            Change::Framed(change) => change(text),
            Change::Whole(change) => kept(&change(&bare(text))),
        }
    }
}

/// Every mutator there is.
pub(crate) fn all() -> impl Iterator<Item = &'static Mutator> {
    letters::ALL.iter().chain(codes::ALL).chain(frames::ALL)
}

/// One to three mutators of these groups: letters before codes before frames, as an attacker would put them on.
pub(crate) fn some(groups: &[Group], dice: &mut StdRng) -> Vec<&'static Mutator> {
    let mut chosen: Vec<&'static Mutator> = Vec::new();
    for _ in 0..dice.random_range(1..=3_usize) {
        let open: Vec<&'static Mutator> = all()
            .filter(|one| groups.contains(&one.group))
            // Two alphabets on top of each other are one; two codes make a text too long to send.
            .filter(|one| one.group == Group::Frames || chosen.iter().all(|have| have.group != one.group))
            .filter(|one| chosen.iter().all(|have| have.name != one.name))
            .collect();
        chosen.extend(open.choose(dice).copied());
    }
    chosen.sort_by_key(|one| one.group as u8);
    chosen
}

/// The text as it is sent: without the marks.
pub(crate) fn bare(text: &str) -> String {
    text.chars().filter(|c| ![KEEP, END].contains(c)).collect()
}

/// `text` between the marks.
pub(crate) fn kept(text: &str) -> String {
    format!("{KEEP}{text}{END}")
}

/// Each piece outside the marks through `change`, the rest as it is.
fn outside(text: &str, mut change: impl FnMut(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(KEEP) {
        out.push_str(&change(before));
        let (inner, after) = behind.split_once(END).unwrap_or((behind, ""));
        out.push_str(&kept(inner));
        rest = after;
    }
    out.push_str(&change(rest));
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use golive_lab::decode;
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn there_are_thirty_mutators_and_each_can_be_turned_back() {
        let names: BTreeSet<&str> = all().map(|one| one.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(names.len() >= 30, "{}", names.len());
        let mut dice = StdRng::seed_from_u64(1);
        let text = format!("Please join {} and {} now", kept("\"kvqzt\""), kept("\"wexyu\""));
        for one in all() {
            let changed = bare(&one.apply(&text, &mut dice));
            let there = decode::views(&changed).iter().any(|view| {
                let view = view.to_lowercase();
                view.contains("join") && view.contains("\"kvqzt\"") && view.contains("\"wexyu\"")
            });
            assert!(there, "{}: {changed}", one.name);
        }
    }

    #[test]
    fn the_same_seed_chooses_the_same() {
        let names = |seed| -> Vec<&str> {
            let mut dice = StdRng::seed_from_u64(seed);
            (0..20)
                .flat_map(|_| some(&[Group::Letters, Group::Codes, Group::Frames], &mut dice))
                .map(|one| one.name)
                .collect()
        };
        assert_eq!(names(3), names(3));
        assert_ne!(names(3), names(4));
    }
}
