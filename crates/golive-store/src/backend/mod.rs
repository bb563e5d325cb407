//! What the store asks of a database: run a few statements as one transaction, and read rows.
//! All SQL stands in the rooms above, written so that SQLite and PostgreSQL both understand it:
//! `$1` placeholders, `BIGINT`, `TEXT` and `BYTEA` columns, `ON CONFLICT`, partial indexes.
//!
//! Never: knows what a row means, retries, or hides a failure.

mod schema;
mod sqlite;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use schema::NEWEST;
pub(crate) use schema::{SET_META, prepare, standing};
pub use sqlite::Sqlite;

/// A database that can hold the store.
pub trait Backend: Send + Sync + 'static {
    /// Runs all statements as one transaction and tells how many rows each changed. When it fails,
    /// nothing of it stands (or, if the connection died during the commit, all of it: every
    /// statement of the store may be repeated).
    fn transact<'a>(&'a self, work: &'a [Statement<'a>]) -> BoxFuture<'a, Result<Vec<u64>, Failure>>;

    /// Reads rows outside a transaction.
    fn query(&self, sql: &'static str, args: Vec<Value>) -> BoxFuture<'_, Result<Vec<Row>, Failure>>;

    /// What the database wants done now and then, beside its transactions. Called every [`MAINTAIN_EVERY`].
    fn maintain(&self) -> BoxFuture<'_, ()>;

    /// Waits for what is running and closes all connections.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// How often [`Backend::maintain`] is called.
pub const MAINTAIN_EVERY: std::time::Duration = std::time::Duration::from_millis(500);

/// The numbers of rows that are worth a prepared statement each; few enough to keep them all, close enough that a
/// batch cut to one of them loses at most a third.
const GOOD_LENGTHS: [usize; 18] = [
    1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512,
];

/// The largest good number of rows that is not above `rows` (1 for none).
pub(crate) fn good_length(rows: usize) -> usize {
    GOOD_LENGTHS
        .into_iter()
        .rev()
        .find(|good| *good <= rows)
        .unwrap_or(1)
}

/// One statement of a transaction.
#[derive(Debug)]
pub enum Statement<'a> {
    /// A statement with `$1`, `$2`, … and their values.
    Sql {
        /// The text.
        sql: &'static str,
        /// The values, in order.
        args: Vec<Value>,
    },
    /// `HEAD VALUES (…), (…) TAIL`: many rows in one round trip. One statement per row costs 50 µs
    /// each in sqlx (a thread hop), a row of a multi-row insert 4 µs.
    Rows {
        /// `INSERT INTO … (…)`, ending in a blank.
        head: &'static str,
        /// The rows, all of the same width.
        rows: &'a [Vec<Value>],
        /// ` ON CONFLICT …`, beginning with a blank.
        tail: &'static str,
    },
}

impl Statement<'_> {
    /// A statement with its values.
    pub fn new(sql: &'static str, args: Vec<Value>) -> Self {
        Statement::Sql { sql, args }
    }
}

/// A value of a column. Absence keeps its type: PostgreSQL wants to know it. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `BIGINT`.
    Int(Option<i64>),
    /// `TEXT`.
    Text(Option<Arc<str>>),
    /// `BYTEA`.
    Bytes(Option<Bytes>),
}

impl Value {
    /// A text. NUL becomes U+FFFD: PostgreSQL has no place for it, and a row must never be refused
    /// for what someone sent.
    pub fn text(text: &str) -> Value {
        if memchr::memchr(0, text.as_bytes()).is_some() {
            return Value::Text(Some(text.replace('\0', "\u{fffd}").into()));
        }
        Value::Text(Some(text.into()))
    }

    /// A text that may be absent.
    pub fn maybe_text(text: Option<&str>) -> Value {
        text.map_or(Value::Text(None), Value::text)
    }

    /// A count; what does not fit (2^63 and more) becomes the largest that does.
    pub fn count(number: u64) -> Value {
        Value::Int(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    /// A count that may be absent.
    pub fn maybe_count(number: Option<u64>) -> Value {
        number.map_or(Value::Int(None), Value::count)
    }

    /// A truth value, as 0 or 1.
    pub fn truth(truth: bool) -> Value {
        Value::Int(Some(i64::from(truth)))
    }

    /// Bytes.
    pub fn bytes(bytes: &[u8]) -> Value {
        Value::Bytes(Some(Bytes::copy_from_slice(bytes)))
    }

    /// Bytes of memory behind the value.
    pub fn weight(&self) -> usize {
        match self {
            Value::Int(_) => 8,
            Value::Text(text) => text.as_ref().map_or(0, |text| text.len()),
            Value::Bytes(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len()),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Value {
        Value::Int(number)
    }
}

/// A row that was read. The getters take the column's place and refuse another type than expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// A number that may be absent.
    pub fn maybe_int(&self, column: usize) -> Result<Option<i64>, Failure> {
        match self.0.get(column) {
            Some(Value::Int(number)) => Ok(*number),
            other => absent_or_wrong(column, other, "a number"),
        }
    }

    /// A number.
    pub fn int(&self, column: usize) -> Result<i64, Failure> {
        self.maybe_int(column)?
            .ok_or_else(|| Failure::shape(column, "a number"))
    }

    /// A count that may be absent.
    pub fn maybe_count(&self, column: usize) -> Result<Option<u64>, Failure> {
        Ok(self
            .maybe_int(column)?
            .map(|number| u64::try_from(number).unwrap_or(0)))
    }

    /// A count.
    pub fn count(&self, column: usize) -> Result<u64, Failure> {
        Ok(u64::try_from(self.int(column)?).unwrap_or(0))
    }

    /// A text that may be absent.
    pub fn maybe_text(&self, column: usize) -> Result<Option<String>, Failure> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text.as_ref().map(|text| text.to_string())),
            other => absent_or_wrong(column, other, "a text"),
        }
    }

    /// A text.
    pub fn text(&self, column: usize) -> Result<String, Failure> {
        self.maybe_text(column)?
            .ok_or_else(|| Failure::shape(column, "a text"))
    }

    /// Bytes that may be absent.
    pub fn maybe_bytes(&self, column: usize) -> Result<Option<Bytes>, Failure> {
        match self.0.get(column) {
            Some(Value::Bytes(bytes)) => Ok(bytes.clone()),
            other => absent_or_wrong(column, other, "bytes"),
        }
    }

    /// Bytes of a fixed length that may be absent.
    pub fn maybe_array<const N: usize>(&self, column: usize) -> Result<Option<[u8; N]>, Failure> {
        let Some(bytes) = self.maybe_bytes(column)? else {
            return Ok(None);
        };
        <[u8; N]>::try_from(&bytes[..])
            .map(Some)
            .map_err(|_| Failure::shape(column, "bytes of another length"))
    }

    /// Bytes of a fixed length.
    pub fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], Failure> {
        self.maybe_array(column)?
            .ok_or_else(|| Failure::shape(column, "bytes"))
    }
}

/// An absent value has lost its type on the way through SQLite: any absent one will do.
fn absent_or_wrong<T>(
    column: usize,
    value: Option<&Value>,
    wanted: &'static str,
) -> Result<Option<T>, Failure> {
    match value {
        Some(Value::Int(None) | Value::Text(None) | Value::Bytes(None)) => Ok(None),
        _ => Err(Failure::shape(column, wanted)),
    }
}

/// What a database said instead of doing its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What follows from it.
    pub kind: FailureKind,
    /// The database's own words.
    pub message: String,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No room on the disk.
    Full,
    /// Another process holds the database longer than the time-out.
    Busy,
    /// A unique value stands already.
    Conflict,
    /// The file is no database, or a damaged one.
    Damaged,
    /// Anything else: unreachable, input or output error.
    Other,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Failure {
        Failure {
            kind,
            message: message.into(),
        }
    }

    fn shape(column: usize, wanted: &'static str) -> Failure {
        Failure::new(
            FailureKind::Damaged,
            format!("column {column} of a row is not {wanted}"),
        )
    }
}
