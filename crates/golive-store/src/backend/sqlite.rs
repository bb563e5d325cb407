//! The store on SQLite: one connection that writes, two that read, write-ahead log.
//!
//! Never: lets two transactions write at the same time, or keeps a connection whose rollback failed.

use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, TypeInfo, ValueRef};

use super::{Backend, Failure, FailureKind, Row, Statement, Value, good_length};
use crate::Durability;

/// How long a statement waits for another process (a person with the `sqlite3` shell) to let go.
/// Longer than a careless `UPDATE` by hand, shorter than what a caller of the gateway waits.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// A row with prompt and reply is three to four KiB: in pages of SQLite's default size it would spill into pages of its
/// own. A store that was made with another size keeps it.
const PAGE_SIZE: u32 = 8192;

/// Pages of the write-ahead log at which a commit itself copies it back. The maintenance does that long
/// before, on another connection: a commit that pays for it waits for the disk, and so does its caller.
const CHECKPOINT_AT_LATEST: &str = "8192";

/// SQLite's default `SQLITE_LIMIT_VARIABLE_NUMBER`; the bundled build does not change it.
const MAX_VARIABLES: usize = 32_766;

/// A SQLite file.
pub struct Sqlite {
    write: SqlitePool,
    read: SqlitePool,
}

impl Sqlite {
    /// Opens the file, or makes an empty one that only its owner can read.
    pub async fn open(path: &Path, durability: Durability) -> Result<Sqlite, Failure> {
        create_private(path)
            .map_err(|error| Failure::new(FailureKind::Other, format!("cannot open it: {error}")))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false) // a file that vanishes later is a fault to report, not to replace
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match durability {
                Durability::Process => SqliteSynchronous::Normal,
                Durability::Power => SqliteSynchronous::Full,
            })
            .busy_timeout(BUSY_TIMEOUT)
            .page_size(PAGE_SIZE)
            .pragma("wal_autocheckpoint", CHECKPOINT_AT_LATEST)
            .disable_statement_logging(); // it would format every insert
        let pool = |max| {
            SqlitePoolOptions::new()
                .max_connections(max)
                .min_connections(0)
                .acquire_timeout(Duration::from_secs(5))
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false) // a thread hop (50 µs) that tells nothing about a file
        };
        let write = pool(1).connect_with(options.clone()).await.map_err(told)?;
        let read = pool(2).connect_lazy_with(options.pragma("query_only", "1"));
        Ok(Sqlite { write, read })
    }
}

impl Backend for Sqlite {
    fn transact<'a>(&'a self, work: &'a [Statement<'a>]) -> BoxFuture<'a, Result<Vec<u64>, Failure>> {
        Box::pin(async move {
            let mut connection = self.write.acquire().await.map_err(told)?;
            if let [single] = work
                && fits_one_statement(single)
            {
                // A statement is a transaction of its own: no BEGIN and COMMIT, two thread hops less.
                let mut changed = 0;
                run(&mut connection, single, &mut changed).await.map_err(told)?;
                return Ok(vec![changed]);
            }
            // A plain BEGIN would ask for the write lock at the first write, where no busy time-out helps.
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(told)?;
            let mut changed = vec![0; work.len()];
            let mut failure = None;
            for (statement, changed) in work.iter().zip(&mut changed) {
                if let Err(error) = run(&mut transaction, statement, changed).await {
                    failure = Some(told(error));
                    break;
                }
            }
            let (ended, failure) = match failure {
                Some(failure) => (transaction.rollback().await.is_ok(), Some(failure)),
                None => match transaction.commit().await {
                    Ok(()) => (true, None),
                    Err(error) => (false, Some(told(error))),
                },
            };
            if !ended {
                // SQLite has already rolled back by itself, and sqlx still counts a transaction:
                // every later one on this connection would fail.
                connection.close_on_drop();
            }
            failure.map_or(Ok(changed), Err)
        })
    }

    fn query(&self, sql: &'static str, args: Vec<Value>) -> BoxFuture<'_, Result<Vec<Row>, Failure>> {
        Box::pin(async move {
            let mut query = sqlx::query(sql);
            for arg in &args {
                query = bind(query, arg);
            }
            let rows = query.fetch_all(&self.read).await.map_err(told)?;
            rows.iter().map(read_row).collect()
        })
    }

    fn maintain(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // PASSIVE waits for nobody. What it cannot copy now it copies next time, and a failure shows in the writes.
            let _ = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
                .execute(&self.read)
                .await;
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.read.close().await;
            self.write.close().await;
        })
    }
}

fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
}

fn fits_one_statement(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::Sql { .. } => true,
        Statement::Rows { rows, .. } => rows.iter().map(Vec::len).sum::<usize>() <= MAX_VARIABLES,
    }
}

async fn run(
    connection: &mut SqliteConnection,
    statement: &Statement<'_>,
    changed: &mut u64,
) -> Result<(), sqlx::Error> {
    match statement {
        Statement::Sql { sql, args } => {
            let mut query = sqlx::query(*sql);
            for arg in args {
                query = bind(query, arg);
            }
            *changed += query.execute(connection).await?.rows_affected();
        }
        Statement::Rows { head, rows, tail } => {
            let width = rows.first().map_or(1, |row| row.len().max(1));
            for rows in rows.chunks(MAX_VARIABLES / width) {
                let sql = insert_text(head, width, rows.len(), tail);
                // A number of rows that comes again is worth keeping prepared (512 rows hold half a megabyte).
                let lasting = good_length(rows.len()) == rows.len();
                let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(lasting);
                for value in rows.iter().flatten() {
                    query = bind(query, value);
                }
                *changed += query.execute(&mut *connection).await?.rows_affected();
            }
        }
    }
    Ok(())
}

/// `HEAD VALUES (?, …), … TAIL`. Only the store's own texts and question marks: values are always bound.
fn insert_text(head: &str, width: usize, rows: usize, tail: &str) -> String {
    let mut tuple = String::with_capacity(width * 2 + 2);
    tuple.push('(');
    for column in 0..width {
        tuple.push_str(if column == 0 { "?" } else { ",?" });
    }
    tuple.push(')');
    let mut sql = String::with_capacity(head.len() + tail.len() + 8 + rows * (tuple.len() + 1));
    sql.push_str(head);
    sql.push_str("VALUES ");
    for row in 0..rows {
        if row > 0 {
            sql.push(',');
        }
        sql.push_str(&tuple);
    }
    sql.push_str(tail);
    sql
}

fn bind<'q>(
    query: Query<'q, sqlx::Sqlite, SqliteArguments>,
    value: &Value,
) -> Query<'q, sqlx::Sqlite, SqliteArguments> {
    match value {
        Value::Int(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.clone()),
        Value::Bytes(bytes) => query.bind(bytes.as_ref().map(|bytes| bytes.to_vec())),
    }
}

fn read_row(row: &SqliteRow) -> Result<Row, Failure> {
    let mut values = Vec::with_capacity(row.len());
    for column in 0..row.len() {
        let raw = row.try_get_raw(column).map_err(told)?;
        let value = if raw.is_null() {
            Value::Int(None)
        } else {
            match raw.type_info().name() {
                "INTEGER" => Value::Int(Some(row.try_get_unchecked(column).map_err(told)?)),
                "TEXT" => Value::text(row.try_get_unchecked::<&str, _>(column).map_err(told)?),
                "BLOB" => Value::bytes(row.try_get_unchecked::<&[u8], _>(column).map_err(told)?),
                other => {
                    return Err(Failure::new(
                        FailureKind::Damaged,
                        format!("column {column} holds {other}"),
                    ));
                }
            }
        };
        values.push(value);
    }
    Ok(Row(values))
}

/// Primary result codes of <https://www.sqlite.org/rescode.html>; the low byte of an extended one.
fn told(error: sqlx::Error) -> Failure {
    let sqlx::Error::Database(error) = &error else {
        return Failure::new(FailureKind::Other, error.to_string());
    };
    let code: u32 = error.code().and_then(|code| code.parse().ok()).unwrap_or(0);
    let kind = match code & 0xff {
        13 => FailureKind::Full,
        5 | 6 => FailureKind::Busy,
        19 => FailureKind::Conflict,
        11 | 26 => FailureKind::Damaged,
        _ => FailureKind::Other,
    };
    Failure::new(kind, format!("{} (SQLite code {code})", error.message()))
}
