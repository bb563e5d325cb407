//! S7: how often each data key has sealed, over restarts, against the bound of its random nonces.
//!
//! Counted in memory, and marked in the database ahead of the count: after a kill the count goes on from the mark, so
//! that it may be too high by a block and not too low. Only what was sealed in an outage of the database that ended
//! with a kill can be missing; the spill file's size bounds that.
//!
//! Never: lets a key seal past the bound, or waits for the database.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::{Backend, Failure, Row, SET_META, Statement, Value};

/// Values that one key may seal under random 96-bit nonces: the chance of a repeated nonce then stays below 2^-32
/// (NIST SP 800-38D §8.3).
pub(crate) const BOUND: u64 = 1 << 32;
/// How far the mark goes ahead of the count. Larger: more is lost to a kill; smaller: more writes.
const BLOCK: u64 = 1 << 16;
/// Begin of the `meta` entries: `seals_` and the key's id.
const ENTRY: &str = "seals_";

/// One key's count.
#[derive(Debug, Default)]
pub(crate) struct Use {
    count: AtomicU64,
    mark: AtomicU64,
}

impl Use {
    /// Counts one more; false if the key has sealed as often as it may.
    pub(crate) fn one_more(&self) -> bool {
        if self.count.load(Relaxed) >= BOUND {
            return false;
        }
        self.count.fetch_add(1, Relaxed);
        true
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    pub(super) fn begin_at(&self, mark: u64) {
        self.count.fetch_max(mark, Relaxed);
        self.mark.fetch_max(mark, Relaxed);
    }
}

/// The counts of all keys. A key keeps its count when the keyring is read again.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<BTreeMap<u32, Arc<Use>>>);

impl Uses {
    /// Goes on from the marks that the database has.
    pub(crate) async fn load(backend: &dyn Backend) -> Result<Uses, Failure> {
        let uses = Uses::default();
        for row in backend.query(MARKS, vec![]).await? {
            if let Some((id, mark)) = read(&row) {
                uses.of(id).begin_at(mark);
            }
        }
        Ok(uses)
    }

    /// The count of a key.
    pub(crate) fn of(&self, id: u32) -> Arc<Use> {
        Arc::clone(self.keys().entry(id).or_default())
    }

    /// Marks that the database should have soon.
    pub(crate) fn due(&self) -> Marks {
        let due = |one: &Use| one.count() + BLOCK / 2 > one.mark.load(Relaxed) && one.count() > 0;
        self.marks(due, |one| one.count() + BLOCK)
    }

    /// Marks that say exactly how often each key has sealed: for an orderly end.
    pub(crate) fn exact(&self) -> Marks {
        self.marks(|one| one.count() != one.mark.load(Relaxed), Use::count)
    }

    /// The database has these marks.
    pub(crate) fn marked(&self, marks: &Marks) {
        for (id, mark) in &marks.0 {
            self.of(*id).mark.store(*mark, Relaxed);
        }
    }

    fn marks(&self, due: impl Fn(&Use) -> bool, mark: impl Fn(&Use) -> u64) -> Marks {
        let keys = self.keys();
        let due = keys.iter().filter(|(_, one)| due(one));
        Marks(due.map(|(id, one)| (*id, mark(one))).collect())
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Arc<Use>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks on their way to the database.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<(u32, u64)>);

impl Marks {
    pub(crate) fn statements(&self) -> impl Iterator<Item = Statement<'static>> + '_ {
        self.0.iter().map(|(id, mark)| {
            let entry = [
                Value::text(&format!("{ENTRY}{id}")),
                Value::text(&mark.to_string()),
            ];
            Statement::new(SET_META, entry.into())
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn read(row: &Row) -> Option<(u32, u64)> {
    let id = row.text(0).ok()?.strip_prefix(ENTRY)?.parse().ok()?;
    Some((id, row.text(1).ok()?.parse().ok()?))
}

const MARKS: &str = "SELECT key, value FROM meta WHERE substr(key, 1, 6) = 'seals_'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_ahead_of_the_count_and_an_orderly_end_takes_it_back() {
        let uses = Uses::default();
        assert!(
            uses.due().is_empty() && uses.exact().is_empty(),
            "nothing was sealed"
        );
        let key = uses.of(7);
        assert!(key.one_more());
        let due = uses.due();
        assert_eq!(due.0, [(7, 1 + BLOCK)]);
        uses.marked(&due);
        while uses.due().is_empty() {
            assert!(key.one_more());
            assert!(key.count() < 1 + BLOCK, "a kill now would lose seals");
        }
        assert_eq!(uses.exact().0, [(7, key.count())]);
    }

    #[test]
    fn nothing_is_sealed_past_the_bound() {
        let one = Use::default();
        one.begin_at(BOUND - 1);
        assert!(one.one_more());
        assert!(!one.one_more() && !one.one_more());
        assert_eq!(one.count(), BOUND);
    }
}
