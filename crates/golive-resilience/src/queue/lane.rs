//! E5: the lines of one priority, one for each principal, and whose turn it is.
//!
//! Never: knows of deadlines or of other priorities.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Ticket;

/// The lines of one priority.
#[derive(Debug, Default)]
pub(super) struct Lane {
    lines: HashMap<u64, Line>,
    /// (places held, turn, principal): the first is next.
    turns: BTreeSet<(u32, u64, u64)>,
    /// (length, principal): the last is longest.
    lengths: BTreeSet<(usize, u64)>,
    len: usize,
}

#[derive(Debug)]
struct Line {
    /// Whoever joined, or had its turn, later has a higher number.
    turn: u64,
    tickets: BTreeMap<u64, Ticket>,
}

impl Lane {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many principals wait.
    pub(super) fn principals(&self) -> usize {
        self.lines.len()
    }

    /// How many of `principal` wait.
    pub(super) fn line_of(&self, principal: u64) -> usize {
        self.lines.get(&principal).map_or(0, |line| line.tickets.len())
    }

    /// The length of the longest line.
    pub(super) fn longest(&self) -> usize {
        self.lengths.last().map_or(0, |(length, _)| *length)
    }

    /// The youngest of the longest line.
    pub(super) fn last_of_longest(&self) -> Option<Ticket> {
        let (_, principal) = self.lengths.last()?;
        let line = self.lines.get(principal)?;
        line.tickets.last_key_value().map(|(_, ticket)| *ticket)
    }

    /// Whose turn it is.
    pub(super) fn first(&self) -> Option<Ticket> {
        let (_, _, principal) = self.turns.first()?;
        let line = self.lines.get(principal)?;
        line.tickets.first_key_value().map(|(_, ticket)| *ticket)
    }

    /// Joins the line of `principal`, who holds `held` places.
    pub(super) fn push(&mut self, principal: u64, number: u64, ticket: Ticket, held: u32) {
        let line = self.lines.entry(principal).or_insert_with(|| Line {
            turn: number,
            tickets: BTreeMap::new(),
        });
        let length = line.tickets.len();
        line.tickets.insert(number, ticket);
        self.turns.insert((held, line.turn, principal));
        self.lengths.remove(&(length, principal));
        self.lengths.insert((length + 1, principal));
        self.len += 1;
    }

    /// Leaves the line.
    pub(super) fn remove(&mut self, principal: u64, number: u64, held: u32) {
        let Some(line) = self.lines.get_mut(&principal) else {
            return;
        };
        let length = line.tickets.len();
        if line.tickets.remove(&number).is_none() {
            return;
        }
        self.len -= 1;
        self.lengths.remove(&(length, principal));
        if length > 1 {
            self.lengths.insert((length - 1, principal));
        } else {
            self.turns.remove(&(held, line.turn, principal));
            self.lines.remove(&principal);
        }
    }

    /// The line of `principal`, if it still has one, has had its turn.
    pub(super) fn had_its_turn(&mut self, principal: u64, turn: u64, held: u32) {
        if let Some(line) = self.lines.get_mut(&principal) {
            self.turns.remove(&(held, line.turn, principal));
            line.turn = turn;
            self.turns.insert((held, turn, principal));
        }
    }

    /// Whether nothing of anyone who ever waited is kept.
    #[cfg(test)]
    pub(super) fn is_forgotten(&self) -> bool {
        self.lines.is_empty() && self.turns.is_empty() && self.lengths.is_empty()
    }

    /// `principal` holds another number of places now.
    pub(super) fn moved(&mut self, principal: u64, before: u32, held: u32) {
        if let Some(line) = self.lines.get(&principal)
            && self.turns.remove(&(before, line.turn, principal))
        {
            self.turns.insert((held, line.turn, principal));
        }
    }
}
