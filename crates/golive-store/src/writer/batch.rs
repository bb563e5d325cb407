//! M2: a group of rows on their way to one commit, each id once.
//!
//! Never: lets an open row or a smaller fold replace what is more.

use std::collections::HashMap;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{CommitRefused, Committed};
use crate::backend::Value;
use crate::ledger::{is_open, replaces, row_id};

/// Who waits for a row.
pub(super) type Answer = oneshot::Sender<Result<Committed, CommitRefused>>;

/// Rows for one multi-row insert. PostgreSQL refuses an upsert that meets an id twice, so ids are
/// merged here by the same rule as in the table.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<Vec<Value>>,
    answers: Vec<Vec<Answer>>,
    places: HashMap<Bytes, usize>,
    weight: usize,
}

impl Batch {
    pub(super) fn add(&mut self, row: Vec<Value>, answer: Option<Answer>) {
        let Some(id) = row_id(&row) else { return };
        let place = *self.places.entry(id).or_insert(self.rows.len());
        match self.rows.get_mut(place) {
            Some(stands) => {
                if replaces(&row, stands) {
                    *stands = row;
                }
            }
            None => {
                self.weight += row.iter().map(Value::weight).sum::<usize>();
                self.rows.push(row);
                self.answers.push(Vec::new());
            }
        }
        self.answers[place].extend(answer);
    }

    /// Takes the rows from `at` on into a batch of their own.
    pub(super) fn split_off(&mut self, at: usize) -> Batch {
        if at >= self.rows.len() {
            return Batch::default();
        }
        let mut rest = Batch::default();
        let (rows, answers) = (self.rows.split_off(at), self.answers.split_off(at));
        for (row, answers) in rows.into_iter().zip(answers) {
            rest.weight += row.iter().map(Value::weight).sum::<usize>();
            rest.places.extend(row_id(&row).map(|id| (id, rest.rows.len())));
            rest.rows.push(row);
            rest.answers.push(answers);
        }
        self.weight -= rest.weight.min(self.weight);
        let kept = self.rows.len();
        self.places.retain(|_, place| *place < kept);
        rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of its rows, roughly.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Whether the row in this place is an open one, for which nobody waits.
    pub(super) fn open_at(&self, place: usize) -> bool {
        self.answers[place].is_empty() && is_open(&self.rows[place])
    }

    /// Tells all who wait for the row in this place.
    pub(super) fn answer(&mut self, place: usize, with: Result<Committed, CommitRefused>) {
        for answer in self.answers[place].drain(..) {
            let _ = answer.send(with); // the caller may be gone; the row stands all the same
        }
    }

    pub(super) fn answer_all(&mut self, with: Result<Committed, CommitRefused>) {
        for place in 0..self.rows.len() {
            self.answer(place, with);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::row;
    use crate::ledger::{encode, encode_open};
    use crate::seal::tests::keyring;
    use crate::{LedgerRow, OpenRow, Tokens, Uuid};

    fn open(id: u128) -> Vec<Value> {
        let id = Uuid::from_u128(id);
        let estimate = Tokens::default();
        let row = OpenRow {
            id,
            at_us: 0,
            principal: "p".into(),
            user_hash: None,
            callee: None,
            estimate,
            cost: crate::Cost::default(),
            counted: true,
        };
        encode_open(&row, 1)
    }

    fn last(id: u128, folded: u32) -> Vec<Value> {
        encode(
            &LedgerRow {
                folded,
                client_request_id: None, // sealed, so never twice the same
                prompt: None,
                reply: None,
                ..row(id)
            },
            &keyring(),
            1,
        )
        .unwrap()
    }

    #[test]
    fn a_final_row_takes_the_place_of_its_open_one_in_either_order_and_all_who_wait_are_told() {
        for order in [[open(1), last(1, 1)], [last(1, 1), open(1)]] {
            let mut batch = Batch::default();
            let (answer, mut told) = oneshot::channel();
            let [first, second] = order;
            batch.add(first, Some(answer));
            batch.add(second, None);
            assert_eq!(batch.rows, [last(1, 1)]);
            batch.answer_all(Ok(Committed::Stored));
            assert_eq!(told.try_recv().unwrap(), Ok(Committed::Stored));
        }
    }

    #[test]
    fn the_larger_fold_wins_and_other_ids_stand_beside_it() {
        let mut batch = Batch::default();
        for row in [last(1, 2), last(2, 1), last(1, 5), last(1, 3), open(3)] {
            batch.add(row, None);
        }
        assert_eq!(batch.rows, [last(1, 5), last(2, 1), open(3)]);
        assert!(batch.open_at(2) && !batch.open_at(0));
    }
}
