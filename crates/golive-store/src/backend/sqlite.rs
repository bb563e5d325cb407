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
use sqlx::{ConnectOptions as _, Connection as _, QueryBuilder, Row as _, TypeInfo, ValueRef};

use super::{Backend, Failure, FailureKind, Row, Statement, Value};
use crate::Durability;

/// How long a statement waits for another process (a person with the `sqlite3` shell) to let go.
/// Longer than a careless `UPDATE` by hand, shorter than what a caller of the gateway waits.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

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
                let mut builder = QueryBuilder::<sqlx::Sqlite>::new(*head);
                builder.push_values(rows, |mut tuple, row| {
                    for value in row {
                        match value {
                            Value::Int(number) => tuple.push_bind(*number),
                            Value::Text(text) => tuple.push_bind(text.clone()),
                            Value::Bytes(bytes) => {
                                tuple.push_bind(bytes.as_ref().map(|bytes| bytes.to_vec()))
                            }
                        };
                    }
                });
                builder.push(tail);
                // Batches have as many lengths as there are rows; only the lone row is worth keeping
                // prepared (a prepared 512-row insert holds half a megabyte).
                let query = builder.build().persistent(rows.len() == 1);
                *changed += query.execute(&mut *connection).await?.rows_affected();
            }
        }
    }
    Ok(())
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
