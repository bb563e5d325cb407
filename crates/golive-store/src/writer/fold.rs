//! S2 M2: folding of refusals: of the same refusal of the same principal, ten a minute get a row of
//! their own; the eleventh becomes the row into which all further ones of that minute are counted.
//! A flood then costs the database one row per commit instead of one per request.
//!
//! The count is absolute and the id is the eleventh's own, so that writing the row twice counts
//! once. Refusals that stand in a request window are folded per user too: windows are rebuilt from
//! them.
//!
//! Never: reads a clock (a row says when it was), or forgets a request.

use std::collections::HashMap;

use crate::{LedgerRow, UserHash};

/// Rows of their own per principal, outcome and minute (DESIGN §3).
const OWN_ROWS: u32 = 10;
/// Principals are known keys and outcomes are few; beyond this many, rows stay single.
const MAX_KEYS: usize = 4096;
const MINUTE_US: i64 = 60_000_000;

#[derive(Default)]
pub(super) struct Folder {
    minute: i64,
    kinds: HashMap<Kind, Seen>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    minute: i64,
    principal: String,
    outcome: String,
    /// Only for refusals that count in a window.
    user: Option<Option<UserHash>>,
}

enum Seen {
    Single(u32),
    Folded(Box<LedgerRow>),
}

impl Folder {
    /// The row to write for this refusal: itself, or the one into which it was counted.
    pub(super) fn fold(&mut self, row: LedgerRow) -> LedgerRow {
        let minute = row.at_us.div_euclid(MINUTE_US);
        if (minute - self.minute).abs() > 1 {
            self.kinds.clear(); // a later minute, or a clock that jumped
            self.minute = minute;
        } else if minute > self.minute {
            self.minute = minute;
            self.kinds.retain(|kind, _| kind.minute >= minute - 1);
        }
        let kind = Kind {
            minute,
            principal: row.principal.clone(),
            outcome: row.outcome.clone(),
            user: row.counted.then_some(row.user_hash),
        };
        if self.kinds.len() >= MAX_KEYS && !self.kinds.contains_key(&kind) {
            return row;
        }
        let seen = self.kinds.entry(kind).or_insert(Seen::Single(0));
        match seen {
            Seen::Single(count) if *count < OWN_ROWS => {
                *count += 1;
                row
            }
            Seen::Single(_) => {
                *seen = Seen::Folded(Box::new(row.clone()));
                row
            }
            Seen::Folded(into) => {
                add(into, row);
                (**into).clone()
            }
        }
    }
}

/// What is not the same for all of them is left out rather than told of one.
fn add(into: &mut LedgerRow, row: LedgerRow) {
    into.folded = into.folded.max(1).saturating_add(row.folded.max(1));
    into.at_us = into.at_us.max(row.at_us); // a window that is rebuilt must not forget too early
    into.latency_us = into.latency_us.max(row.latency_us);
    into.bytes_in = into.bytes_in.saturating_add(row.bytes_in);
    into.bytes_out = into.bytes_out.saturating_add(row.bytes_out);
    into.client_request_id = None;
    into.trace_id = None;
    if into.user_hash != row.user_hash {
        into.user_hash = None;
    }
    if into.callee != row.callee {
        (into.callee, into.release) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;
    use crate::ledger::tests::row;

    fn refusal(id: u128, at_us: i64) -> LedgerRow {
        LedgerRow {
            outcome: "refused:count:user_limit".into(),
            at_us,
            counted: false,
            ..row(id)
        }
    }

    #[test]
    fn ten_refusals_a_minute_have_rows_of_their_own_and_the_rest_is_counted_in_one() {
        let mut folder = Folder::default();
        let rows: Vec<_> = (0..1000)
            .map(|n| folder.fold(refusal(n, 60_000_000 + n as i64)))
            .collect();
        let ids: HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), 11);
        assert!(rows[..11].iter().all(|row| row.folded <= 1));
        let last = rows.last().unwrap();
        assert_eq!(
            (last.folded, last.id, last.at_us),
            (990, Uuid::from_u128(10), 60_000_999)
        );
        assert_eq!(last.client_request_id, None);
    }

    #[test]
    fn another_minute_principal_or_outcome_begins_anew() {
        let mut folder = Folder::default();
        for n in 0..12 {
            folder.fold(refusal(n, 60_000_000));
        }
        assert_eq!(folder.fold(refusal(20, 60_000_000)).folded, 3);
        for other in [
            refusal(21, 120_000_000),
            LedgerRow {
                principal: "key_b".into(),
                ..refusal(22, 60_000_000)
            },
            LedgerRow {
                outcome: "refused:read:json".into(),
                ..refusal(23, 60_000_000)
            },
        ] {
            let id = other.id;
            assert_eq!(folder.fold(other).id, id);
        }
        assert_eq!(
            folder.fold(refusal(24, 60_000_000)).folded,
            4,
            "a straggler of the minute before still folds"
        );
    }

    #[test]
    fn refusals_that_stand_in_a_window_are_kept_apart_by_user() {
        let mut folder = Folder::default();
        let mut fold = |id, user| {
            let row = LedgerRow {
                counted: true,
                user_hash: Some(UserHash([user; 16])),
                ..refusal(id, 0)
            };
            folder.fold(row)
        };
        for n in 0..20 {
            fold(n, 1);
        }
        let other = fold(50, 2);
        assert_eq!((other.id, other.folded), (Uuid::from_u128(50), 1));
        assert_eq!(fold(51, 1).user_hash, Some(UserHash([1; 16])));
    }

    #[test]
    fn a_clock_that_jumps_back_loses_no_refusal() {
        let mut folder = Folder::default();
        let mut kept = std::collections::HashMap::new();
        for n in 0..300u128 {
            let at = if n % 2 == 0 { 600_000_000 } else { 60_000_000 };
            let row = folder.fold(refusal(n, at));
            kept.insert(row.id, row.folded.max(1));
        }
        assert_eq!(kept.values().sum::<u32>(), 300);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut folder = Folder::default();
        for n in 0..10_000u128 {
            folder.fold(LedgerRow {
                principal: format!("key_{n}"),
                ..refusal(n, 0)
            });
        }
        assert!(folder.kinds.len() <= MAX_KEYS);
    }
}
