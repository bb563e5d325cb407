//! S8: a small grammar: `@slot@` stands for any line of that slot, `~a|b|~` for one of the alternatives.
//!
//! Never: recurses deeper than [`DEPTH_MAX`]; an unknown slot is plain text (mail addresses have an at sign).

use std::collections::HashMap;

use crate::dice::Dice;

/// Slots within slots.
const DEPTH_MAX: usize = 8;

/// A slot and its lines.
pub type Slot = (&'static str, &'static [&'static str]);

pub struct Grammar {
    slots: HashMap<&'static str, &'static [&'static str]>,
}

impl Grammar {
    pub fn new(tables: &[&[Slot]]) -> Self {
        let slots = tables.iter().flat_map(|table| table.iter().copied()).collect();
        Self { slots }
    }

    /// One text of this slot.
    pub fn text(&self, slot: &str, dice: &mut Dice) -> String {
        let Some(lines) = self.slots.get(slot) else {
            return String::new();
        };
        let line = *dice.pick(lines);
        self.expand(line, dice, 0)
    }

    /// A line with its slots and alternatives filled in.
    pub fn expand(&self, line: &str, dice: &mut Dice, depth: usize) -> String {
        let mut text = String::new();
        let mut rest = line;
        while let Some(at) = rest.find(['@', '~']) {
            text.push_str(&rest[..at]);
            let mark = &rest[at..at + 1];
            let after = &rest[at + 1..];
            let inner = after.find(mark).map(|end| &after[..end]);
            match (mark, inner) {
                ("@", Some(name)) if depth < DEPTH_MAX && self.slots.contains_key(name) => {
                    let line = *dice.pick(self.slots[name]);
                    text.push_str(&self.expand(line, dice, depth + 1));
                    rest = &after[name.len() + 1..];
                }
                ("~", Some(choices)) => {
                    let all: Vec<&str> = choices.split('|').collect();
                    let choice = *dice.pick(&all);
                    text.push_str(&self.expand(choice, dice, depth + 1));
                    rest = &after[choices.len() + 1..];
                }
                _ => {
                    text.push_str(mark);
                    rest = after;
                }
            }
        }
        text.push_str(rest);
        text
    }
}
