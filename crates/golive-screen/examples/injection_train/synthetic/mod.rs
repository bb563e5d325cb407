//! S8: texts made by grammars: attacks of many wordings planted in what users, documents and tools say, and honest
//! texts that use the same words.
//!
//! Never: a row of a labelled file, and never anything of the prover's corpus.

mod attacks;
mod benign;
mod grammar;
mod hard;
mod planted;
mod tongues;
mod words;

use std::ops::Range;

use golive_screen::injection::Channel;

use crate::corpus::Row;
use crate::dice::Dice;
use grammar::Grammar;

/// Attacks and benign texts, each.
const TEXTS: usize = 14_000;

/// How often each sentence of another language is shown, each time varied.
const TONGUES: usize = 14;

/// Every synthetic text of a seed.
pub fn texts(seed: u64) -> Vec<Row> {
    let grammar = Grammar::new(&[
        words::WORDS,
        attacks::ATTACKS,
        planted::PLANTED,
        benign::BENIGN,
        hard::HARD,
    ]);
    let mut dice = Dice::new(seed ^ 0x51);
    let mut rows = Vec::new();
    for _ in 0..TEXTS {
        rows.push(attack(&grammar, &mut dice));
        rows.push(honest(&grammar, &mut dice));
    }
    for _ in 0..TEXTS / 8 {
        rows.push(soup(&mut dice));
    }
    for _ in 0..TONGUES {
        for text in tongues::ATTACKS {
            let channel = if dice.chance() < 0.7 {
                Channel::User
            } else {
                Channel::Document
            };
            let text = varied(text, &mut dice);
            if channel == Channel::User {
                let whole = 0..text.len();
                rows.push(row(text, true, "multilingual", channel, Some(whole)));
            } else {
                rows.push(planted(&grammar, &text, channel, "multilingual", &mut dice));
            }
        }
        for text in tongues::BENIGN {
            let channel = if dice.chance() < 0.8 {
                Channel::User
            } else {
                Channel::Document
            };
            rows.push(row(varied(text, &mut dice), false, "multilingual", channel, None));
        }
    }
    rows
}

/// A honest text in no language: words of the lexicon and unknown ones in an order of chance. Teaches that concepts
/// that only happen to stand in one text mean nothing, in languages of which there is no honest text to learn from.
fn soup(dice: &mut Dice) -> Row {
    let files = golive_screen::injection::lexicon::words();
    let (_, words) = &files[dice.below(files.len())];
    let language = dice.below(words.len().saturating_sub(400).max(1));
    let nearby = &words[language..(language + 400).min(words.len())];
    let known = 0.08 + 0.3 * dice.chance();
    let unspaced =
        nearby.iter().filter(|word| !word.is_ascii()).count() * 2 > nearby.len() && dice.chance() < 0.3;
    let mut text = String::new();
    for _ in 0..20 + dice.below(160) {
        if dice.chance() < known {
            text.push_str(&dice.pick(nearby).replace('_', " ").replace('*', "en"));
        } else {
            for _ in 0..2 + dice.below(7) {
                let letters = *dice.pick(&[
                    "aeiourtnslm",
                    "аеиорстнлкм",
                    "اليمنرتبكس",
                    "的一是在有中国年和上",
                    "กานรอมยวลต",
                    "αεηιοστνρκ",
                ]);
                let letters: Vec<char> = if unspaced { letters } else { "aeiourtnslmdk" }.chars().collect();
                text.push(*dice.pick(&letters));
            }
        }
        text.push_str(dice.pick::<&str>(&[" ", " ", " ", " ", " ", " ", " ", ", ", ". "]));
    }
    let channel = *dice.pick(&[Channel::Document, Channel::Document, Channel::Tool, Channel::User]);
    row(text, false, "soup", channel, None)
}

fn attack(grammar: &Grammar, dice: &mut Dice) -> Row {
    if dice.chance() < 0.5 {
        let slot = *dice.pick(attacks::BY_USER);
        let text = grammar.text(slot, dice);
        let text = varied(&text, dice);
        // A user may quote data around it.
        if dice.chance() < 0.12 {
            return planted(grammar, &text, Channel::User, slot, dice);
        }
        let whole = 0..text.len();
        return row(text, true, slot, Channel::User, Some(whole));
    }
    let slot = *dice.pick(planted::IN_DATA);
    let text = grammar.text(slot, dice);
    let text = varied(&text, dice);
    let channel = if dice.chance() < 0.5 {
        Channel::Document
    } else {
        Channel::Tool
    };
    planted(grammar, &text, channel, slot, dice)
}

/// A hostile text somewhere in honest data.
fn planted(grammar: &Grammar, hostile: &str, channel: Channel, kind: &str, dice: &mut Dice) -> Row {
    let around = |dice: &mut Dice| match dice.below(4) {
        0 => grammar.text("facts", dice),
        _ => {
            let slots = if dice.chance() < 0.3 {
                hard::IN_DATA
            } else {
                benign::IN_DATA
            };
            let slot = *dice.pick(slots);
            grammar.text(slot, dice)
        }
    };
    let (mut before, mut after) = (String::new(), String::new());
    match dice.below(8) {
        0 => {}
        1..4 => before = around(dice) + *dice.pick(&[" ", "\n", "\n\n", " -- ", "\n---\n", ". "]),
        4 => after = format!("\n{}", around(dice)),
        5 => {
            before = around(dice) + " ";
            after = format!(" {}", around(dice));
        }
        6 => {
            before = format!("{{\"id\":{},\"text\":\"", dice.below(900));
            after = format!("\",\"note\":\"{}\"}}", grammar.text("fact", dice));
        }
        _ => {
            before = around(dice) + "\n<!-- ";
            after = " -->".to_owned();
        }
    }
    let range = before.len()..before.len() + hostile.len();
    row(before + hostile + &after, true, kind, channel, Some(range))
}

fn honest(grammar: &Grammar, dice: &mut Dice) -> Row {
    if dice.chance() < 0.6 {
        let slots = if dice.chance() < 0.35 {
            hard::BY_USER
        } else {
            benign::BY_USER
        };
        let slot = *dice.pick(slots);
        let text = grammar.text(slot, dice);
        let channel = if slot == "you_are" && dice.chance() < 0.5 {
            Channel::System
        } else {
            Channel::User
        };
        return row(varied(&text, dice), false, slot, channel, None);
    }
    let mut text = String::new();
    let mut kind = "facts";
    for _ in 0..=dice.below(4) {
        let slots = if dice.chance() < 0.4 {
            hard::IN_DATA
        } else {
            benign::IN_DATA
        };
        kind = *dice.pick(slots);
        text.push_str(&grammar.text(kind, dice));
        text.push_str(dice.pick::<&str>(&[" ", "\n", "\n\n"]));
    }
    let channel = match dice.below(10) {
        0..5 => Channel::Document,
        5..9 => Channel::Tool,
        _ => Channel::User,
    };
    row(varied(text.trim(), dice), false, kind, channel, None)
}

/// The same text as others would type it.
fn varied(text: &str, dice: &mut Dice) -> String {
    match dice.below(12) {
        0 => text.to_uppercase(),
        1 | 2 => text.to_lowercase(),
        3 => text.replace(['.', ','], ""),
        4 => text.replace(". ", "\n"),
        _ => text.to_owned(),
    }
}

fn row(text: String, attack: bool, kind: &str, channel: Channel, hostile: Option<Range<usize>>) -> Row {
    Row {
        text,
        attack,
        kind: kind.to_owned(),
        source: format!("synthetic:{kind}"),
        channel,
        hostile,
    }
}
