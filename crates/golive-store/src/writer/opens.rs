//! M2: open rows on their way to the table, held for a moment, because most requests of a fast upstream end before
//! their open row would have been written: then one row is written instead of two.
//!
//! What the moment costs: a process that dies within [`HELD`] of a request's start leaves no `lost` row of it. No whole
//! answer of such a request was sent either, for its final row is committed before its last byte.
//!
//! Never: holds a row longer than [`HELD`], or more than [`HELD_MAX`] of them.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::backend::Value;

/// How long an open row waits for its final one. Far below the time a model takes, far above a lab's.
pub(super) const HELD: Duration = Duration::from_millis(20);
/// More than this many at once are not held: then the upstream is slow, and holding saves nothing.
const HELD_MAX: usize = 4096;

/// The open rows that are held.
#[derive(Default)]
pub(super) struct Opens {
    rows: HashMap<u128, Vec<Value>>,
    order: VecDeque<(Instant, u128)>,
}

impl Opens {
    /// Holds a row.
    pub(super) fn hold(&mut self, id: u128, row: Vec<Value>, now: Instant) {
        self.rows.insert(id, row);
        self.order.push_back((now + HELD, id));
    }

    /// Its final row is here: the open one is not needed any more. False if it has been written already.
    pub(super) fn settle(&mut self, id: u128) -> bool {
        self.rows.remove(&id).is_some()
    }

    /// The rows whose moment is over, and the oldest of those that are too many.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(u128, Vec<Value>)> {
        let mut due = Vec::new();
        while let Some((at, id)) = self.order.front().copied() {
            if at > now && self.rows.len() <= HELD_MAX && self.rows.contains_key(&id) {
                break;
            }
            self.order.pop_front();
            due.extend(self.rows.remove(&id).map(|row| (id, row)));
        }
        due
    }

    /// All rows that are held, for the end.
    pub(super) fn all(&mut self) -> Vec<(u128, Vec<Value>)> {
        self.order.clear();
        self.rows.drain().collect()
    }

    /// When the next row is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.front().map(|(at, _)| *at)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a start to count from; nothing is waited for"
)]
mod tests {
    use super::*;

    fn row(n: i64) -> Vec<Value> {
        vec![n.into()]
    }

    #[test]
    fn a_row_that_is_settled_in_time_is_never_due() {
        let (mut opens, start) = (Opens::default(), Instant::now());
        opens.hold(1, row(1), start);
        opens.hold(2, row(2), start);
        assert!(opens.settle(1));
        assert!(opens.due(start).is_empty());
        assert_eq!(opens.due(start + HELD), [(2, row(2))]);
        assert!(!opens.settle(2), "it was given out");
        assert_eq!(opens.next(), None);
    }

    #[test]
    fn too_many_are_not_held() {
        let (mut opens, start) = (Opens::default(), Instant::now());
        for id in 0..=HELD_MAX as u128 {
            opens.hold(id, row(0), start);
        }
        assert_eq!(opens.due(start).len(), 1);
        assert_eq!(opens.all().len(), HELD_MAX);
    }
}
