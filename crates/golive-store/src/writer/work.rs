//! S7: work that is no row of a request and must not disturb any: one transaction between two groups of rows, by the
//! same writer. The sealing of rows anew is such work.
//!
//! Never: spilled, repeated, or done while rows wait for the database.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{ANSWER_WAIT, CommitRefused, Message, Writer};
use crate::backend::{Failure, Statement, Value};

/// One transaction. The many rows go first.
#[derive(Debug, Default)]
pub(crate) struct Work {
    head: &'static str,
    pub(crate) rows: Vec<Vec<Value>>,
    tail: &'static str,
    pub(crate) statements: Vec<Statement<'static>>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Done {
    /// Rows that each statement changed.
    pub(crate) changed: Vec<u64>,
    /// How long the writer was held.
    pub(crate) took: Duration,
}

/// Why it was not done, or is not known to be done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotDone {
    /// The database takes no rows at present.
    #[error(
        "the store's database takes nothing at present; see `golive seal status`, and run the command again when it does"
    )]
    DatabaseOut,
    /// The transaction failed: nothing of it stands.
    #[error(
        "the store's database failed; what was done before stays so, and the command goes on when it is run again"
    )]
    Failed(#[source] Failure),
    /// The queue stayed full, or no answer came.
    #[error("the writer is too busy; run the command again in a while")]
    Busy,
    /// The store was closed.
    #[error("the store was closed; run the command again, and it goes on")]
    Closed,
}

pub(super) type Answer = oneshot::Sender<Result<Done, NotDone>>;

impl Work {
    /// Work with many rows: `HEAD VALUES (…), (…) TAIL`.
    pub(crate) fn rows(head: &'static str, tail: &'static str) -> Work {
        Work {
            head,
            tail,
            ..Work::default()
        }
    }

    /// Work of a few statements.
    pub(crate) fn of(statements: Vec<Statement<'static>>) -> Work {
        Work {
            statements,
            ..Work::default()
        }
    }

    /// The statements, as the database takes them.
    pub(super) fn take(self, rows: &mut Vec<Vec<Value>>) -> Vec<Statement<'_>> {
        *rows = self.rows;
        let mut work: Vec<Statement<'_>> = Vec::with_capacity(self.statements.len() + 1);
        if !rows.is_empty() {
            work.push(Statement::Rows {
                head: self.head,
                rows,
                tail: self.tail,
            });
        }
        for statement in self.statements {
            work.push(statement); // one by one: only so each may be shortened in its lifetime
        }
        work
    }
}

impl Writer {
    /// Has the writer do this between two groups of rows, and waits until it stands.
    pub(crate) async fn work(&self, work: Work) -> Result<Done, NotDone> {
        let (answer, told) = oneshot::channel();
        self.enqueue(Message::Work { work, answer })
            .await
            .map_err(|refused| match refused {
                CommitRefused::Closed => NotDone::Closed,
                _ => NotDone::Busy,
            })?;
        match tokio::time::timeout(ANSWER_WAIT, told).await {
            Ok(told) => told.unwrap_or(Err(NotDone::Closed)),
            Err(_) => Err(NotDone::Busy),
        }
    }
}
