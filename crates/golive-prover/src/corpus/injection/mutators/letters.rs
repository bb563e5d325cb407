//! S8: letter by letter: case, gaps, signs, other alphabets, marks, what cannot be seen.
//!
//! Never: touches what is kept.

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::{Change, Group, Mutator, bare, kept, outside};

pub(super) const ALL: &[Mutator] = &[
    mutator("random case", |text, dice| {
        each(text, dice, |c, dice| {
            if dice.random_bool(0.5) {
                c.to_uppercase().collect()
            } else {
                c.to_lowercase().collect()
            }
        })
    }),
    mutator("spaced letters", |text, _| {
        words(text, "  ", |word| between(word, " "))
    }),
    mutator("dotted letters", |text, _| {
        words(text, " ", |word| between(word, "."))
    }),
    mutator("hyphened letters", |text, _| {
        words(text, " ", |word| between(word, "-"))
    }),
    mutator("zero-width spaces", |text, dice| within(text, dice, '\u{200b}')),
    mutator("zero-width joiners", |text, dice| within(text, dice, '\u{200d}')),
    mutator("soft hyphens", |text, dice| within(text, dice, '\u{ad}')),
    mutator("word joiners", |text, dice| within(text, dice, '\u{2060}')),
    mutator("combining marks", |text, dice| {
        each(text, dice, |c, dice| {
            let mark = char::from_u32(0x0300 + dice.random_range(0..0x30)).unwrap_or('\u{301}');
            if c.is_ascii_alphabetic() {
                format!("{c}{mark}")
            } else {
                c.into()
            }
        })
    }),
    mutator("look-alike letters", |text, dice| {
        each(text, dice, |c, dice| {
            let alike = ALIKE
                .iter()
                .find(|(plain, _)| *plain == c)
                .filter(|_| dice.random_bool(0.7));
            alike.map_or(c, |(_, alike)| *alike).into()
        })
    }),
    mutator("full-width letters", |text, dice| {
        each(text, dice, |c, _| {
            if c.is_ascii_graphic() {
                shifted(c, '!', 0xFF01)
            } else {
                c
            }
            .into()
        })
    }),
    mutator("mathematical letters", |text, dice| {
        each(text, dice, |c, _| {
            match c {
                'a'..='z' => shifted(c, 'a', 0x1D41A),
                'A'..='Z' => shifted(c, 'A', 0x1D400),
                c => c,
            }
            .into()
        })
    }),
    mutator("circled letters", |text, dice| {
        each(text, dice, |c, _| {
            match c {
                'a'..='z' => shifted(c, 'a', 0x24D0),
                'A'..='Z' => shifted(c, 'A', 0x24B6),
                c => c,
            }
            .into()
        })
    }),
    mutator("leet", |text, dice| {
        each(text, dice, |c, _| {
            match c {
                'a' => '4',
                'e' => '3',
                'i' => '1',
                'o' => '0',
                's' => '5',
                't' => '7',
                c => c,
            }
            .into()
        })
    }),
    mutator("tag characters", |text, _| {
        let hidden: String = bare(text)
            .chars()
            .filter(char::is_ascii)
            .map(|c| shifted(c, '\0', 0xE0000))
            .collect();
        kept(&format!("What a lovely day.{hidden}"))
    }),
    mutator("variation selectors", |text, _| {
        let hidden: String = bare(text)
            .bytes()
            .filter_map(|byte| match byte {
                0..16 => char::from_u32(0xFE00 + u32::from(byte)),
                _ => char::from_u32(0xE0100 + u32::from(byte) - 16),
            })
            .collect();
        kept(&format!("A smile for you: 🙂{hidden}"))
    }),
    mutator("right-to-left override", |text, _| {
        let turned: String = bare(text).chars().rev().collect();
        kept(&format!("Read this: \u{202e}{turned}\u{202c}"))
    }),
];

const fn mutator(name: &'static str, change: fn(&str, &mut StdRng) -> String) -> Mutator {
    Mutator {
        name,
        group: Group::Letters,
        change: Change::Marked(change),
    }
}

fn each(text: &str, dice: &mut StdRng, change: impl Fn(char, &mut StdRng) -> String) -> String {
    outside(text, |piece| piece.chars().map(|c| change(c, dice)).collect())
}

/// Every word of letters through `change`, `gap` between the words.
fn words(text: &str, gap: &str, change: impl Fn(&str) -> String) -> String {
    outside(text, |piece| {
        let words: Vec<String> = piece.split(' ').map(&change).collect();
        words.join(gap)
    })
}

fn between(word: &str, sign: &str) -> String {
    if !word.chars().all(|c| c.is_ascii_alphabetic()) || word.len() < 2 {
        return word.to_owned();
    }
    let letters: Vec<String> = word.chars().map(String::from).collect();
    letters.join(sign)
}

/// The character in half of the places within words.
fn within(text: &str, dice: &mut StdRng, hidden: char) -> String {
    each(text, dice, |c, dice| {
        if c.is_alphabetic() && dice.random_bool(0.5) {
            format!("{c}{hidden}")
        } else {
            c.into()
        }
    })
}

fn shifted(c: char, first: char, to: u32) -> char {
    char::from_u32(c as u32 - first as u32 + to).unwrap_or(c)
}

const ALIKE: &[(char, char)] = &[
    ('a', 'а'),
    ('c', 'с'),
    ('e', 'е'),
    ('i', 'і'),
    ('j', 'ј'),
    ('o', 'о'),
    ('p', 'р'),
    ('s', 'ѕ'),
    ('x', 'х'),
    ('y', 'у'),
    ('d', 'ԁ'),
    ('h', 'һ'),
    ('A', 'А'),
    ('B', 'В'),
    ('E', 'Е'),
    ('I', 'І'),
    ('P', 'Р'),
    ('S', 'Ѕ'),
    ('T', 'Т'),
    ('n', 'ո'),
    ('u', 'υ'),
    ('v', 'ν'),
    ('w', 'ԝ'),
];
