//! The tables, as a list of migrations. Expand first, contract two minor versions later: each
//! migration says which schema is the oldest whose binary can still work with the result, so that
//! golive itself can be rolled back.
//!
//! Never: changes a migration that was released, or runs one on a store that is too new.

use super::{Backend, Failure, Row, Statement, Value};

/// One step of the schema.
struct Migration {
    /// Counts from 1.
    version: u32,
    /// The oldest schema version whose binary can read and write the store after this step.
    oldest_reader: u32,
    /// The statements, in order.
    statements: &'static [&'static str],
}

/// The schema version that this binary writes.
pub const NEWEST: u32 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// How far a store is: `None` for one that has no schema yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) version: u32,
    pub(crate) oldest_reader: u32,
}

/// Reads how far a store is. Changes nothing but an empty `meta` table where there was none.
pub(crate) async fn standing(backend: &dyn Backend) -> Result<Option<Standing>, Failure> {
    backend.transact(&[Statement::new(META, vec![])]).await?;
    let rows = backend.query("SELECT key, value FROM meta", vec![]).await?;
    let read = |name: &str| -> Option<u32> {
        let value = |row: &Row| (row.text(0).ok()? == name).then(|| row.text(1).ok()).flatten();
        rows.iter().find_map(value)?.parse().ok()
    };
    Ok(read("schema_version").map(|version| Standing {
        version,
        oldest_reader: read("oldest_reader").unwrap_or(version),
    }))
}

/// Brings a store from where it stands to [`NEWEST`], each step in a transaction of its own. A store
/// that is already there, or beyond, is left alone.
pub(crate) async fn prepare(backend: &dyn Backend, from: Option<Standing>) -> Result<(), Failure> {
    let from = from.map_or(0, |standing| standing.version);
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > from) {
        let mut work: Vec<Statement<'_>> = migration
            .statements
            .iter()
            .map(|sql| Statement::new(sql, vec![]))
            .collect();
        for (key, value) in [
            ("schema_version", migration.version),
            ("oldest_reader", migration.oldest_reader),
        ] {
            work.push(Statement::new(
                SET_META,
                vec![Value::text(key), Value::text(&value.to_string())],
            ));
        }
        backend.transact(&work).await?;
    }
    Ok(())
}

/// Writes one entry of `meta`.
pub(crate) const SET_META: &str =
    "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

const META: &str = "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)";

/// `BYTEA` has no meaning of its own in SQLite and leaves a blob as it is (numeric affinity only
/// touches text), so one text serves both databases.
const MIGRATIONS: &[Migration] = &[FIRST, ROTATION, COST, TICKETS, ANSWERS];

/// A key that was rotated has two texts for a while. Older binaries know the newer one alone.
const ROTATION: Migration = Migration {
    version: 2,
    oldest_reader: 1,
    statements: &[
        "ALTER TABLE api_keys ADD COLUMN rotated_us BIGINT",
        "ALTER TABLE api_keys ADD COLUMN previous_hash BYTEA",
        "ALTER TABLE api_keys ADD COLUMN previous_prefix TEXT",
        "ALTER TABLE api_keys ADD COLUMN previous_until_us BIGINT",
    ],
};

/// What requests cost. Older binaries write rows without it, which count as not priced.
const COST: Migration = Migration {
    version: 3,
    oldest_reader: 1,
    statements: &[
        "ALTER TABLE ledger ADD COLUMN cost_nano BIGINT",
        "ALTER TABLE ledger ADD COLUMN cost_basis TEXT",
        "ALTER TABLE ledger ADD COLUMN tokens_cache_write BIGINT",
    ],
};

/// Escalation: older binaries do not know these tables and need not.
const TICKETS: Migration = Migration {
    version: 4,
    oldest_reader: 1,
    statements: &[
        "CREATE TABLE conversations (
            id BYTEA PRIMARY KEY,
            name BYTEA NOT NULL,
            principal TEXT NOT NULL,
            user_hash BYTEA,
            agent TEXT NOT NULL,
            state TEXT NOT NULL,
            since_us BIGINT,
            until_us BIGINT,
            active_us BIGINT NOT NULL,
            failures TEXT NOT NULL,
            ticket BYTEA,
            changed_us BIGINT NOT NULL
        )",
        "CREATE TABLE tickets (
            id BYTEA PRIMARY KEY,
            conversation BYTEA NOT NULL,
            agent TEXT NOT NULL,
            release_digest TEXT,
            principal TEXT NOT NULL,
            user_hash BYTEA,
            reason TEXT NOT NULL,
            attempts BIGINT NOT NULL,
            confidence BIGINT,
            state TEXT NOT NULL,
            priority TEXT NOT NULL,
            opened_us BIGINT NOT NULL,
            waiting_since_us BIGINT,
            due_us BIGINT,
            first_answer_us BIGINT,
            snoozed_until_us BIGINT,
            assigned_to TEXT,
            resolved_us BIGINT,
            resolved_by TEXT,
            request BYTEA NOT NULL,
            trace_id TEXT,
            summary BYTEA NOT NULL,
            transcript BYTEA NOT NULL
        )",
        "CREATE UNIQUE INDEX tickets_open ON tickets (conversation) WHERE resolved_us IS NULL",
        "CREATE TABLE conversation_messages (
            id BYTEA PRIMARY KEY,
            conversation BYTEA NOT NULL,
            number BIGINT NOT NULL,
            ticket BYTEA NOT NULL,
            at_us BIGINT NOT NULL,
            author TEXT NOT NULL,
            by_whom TEXT,
            words BYTEA NOT NULL,
            UNIQUE (conversation, number)
        )",
        // `next_us` is empty once it was delivered or given up.
        "CREATE TABLE outbox (
            id BYTEA PRIMARY KEY,
            event BYTEA NOT NULL,
            ticket BYTEA NOT NULL,
            webhook TEXT NOT NULL,
            at_us BIGINT NOT NULL,
            attempts BIGINT NOT NULL,
            next_us BIGINT,
            delivered_us BIGINT,
            given_up_us BIGINT,
            last_error TEXT,
            body BYTEA NOT NULL,
            UNIQUE (event, webhook)
        )",
        "CREATE INDEX outbox_due ON outbox (next_us) WHERE next_us IS NOT NULL",
    ],
};

/// Answers that are kept under an idempotency key. Older binaries leave them alone, and serve requests anew.
const ANSWERS: Migration = Migration {
    version: 5,
    oldest_reader: 1,
    statements: &[
        "CREATE TABLE idempotent_answers (
            id BYTEA PRIMARY KEY,
            principal TEXT NOT NULL,
            created_us BIGINT NOT NULL,
            expires_us BIGINT NOT NULL,
            through BIGINT NOT NULL,
            answer BYTEA NOT NULL
        )",
        "CREATE INDEX idempotent_answers_expires ON idempotent_answers (expires_us)",
        "CREATE INDEX idempotent_answers_room ON idempotent_answers (principal, through)",
    ],
};

const FIRST: Migration = Migration {
    version: 1,
    oldest_reader: 1,
    statements: &[
        // `wrapped` is sealed by the master key that `master` names. Retired keys still open what they sealed.
        "CREATE TABLE data_keys (
            id BIGINT PRIMARY KEY,
            purpose TEXT NOT NULL,
            master TEXT NOT NULL,
            wrapped BYTEA NOT NULL,
            created_us BIGINT NOT NULL,
            retired_us BIGINT
        )",
        "CREATE TABLE ledger (
            id BYTEA PRIMARY KEY,
            at_us BIGINT NOT NULL,
            principal TEXT NOT NULL,
            user_hash BYTEA,
            callee TEXT,
            release_digest TEXT,
            wire TEXT NOT NULL,
            route TEXT NOT NULL,
            streamed BIGINT NOT NULL,
            outcome TEXT NOT NULL,
            status BIGINT NOT NULL,
            link TEXT,
            attempts BIGINT NOT NULL,
            tokens_input BIGINT,
            tokens_cached BIGINT,
            tokens_output BIGINT,
            tokens_reasoning BIGINT,
            basis TEXT NOT NULL,
            latency_us BIGINT NOT NULL,
            first_byte_us BIGINT,
            bytes_in BIGINT NOT NULL,
            bytes_out BIGINT NOT NULL,
            counted BIGINT NOT NULL,
            folded BIGINT NOT NULL,
            client_request_id TEXT,
            trace_id TEXT,
            decisions TEXT NOT NULL,
            run BIGINT NOT NULL,
            content_bytes BIGINT NOT NULL,
            prompt BYTEA,
            reply BYTEA
        )",
        "CREATE INDEX ledger_at ON ledger (at_us)",
        // Small ones: leftovers at start, and content that ages out, without reading 400 days.
        "CREATE INDEX ledger_open ON ledger (id) WHERE outcome = 'open'",
        "CREATE INDEX ledger_content ON ledger (at_us) WHERE content_bytes > 0",
        "CREATE TABLE api_keys (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            prefix TEXT NOT NULL,
            hash BYTEA NOT NULL UNIQUE,
            roles TEXT NOT NULL,
            team TEXT,
            agents TEXT NOT NULL,
            models TEXT NOT NULL,
            may_assert_users BIGINT NOT NULL,
            created_us BIGINT NOT NULL,
            expires_us BIGINT,
            revoked_us BIGINT,
            last_used_us BIGINT,
            source TEXT NOT NULL
        )",
        "CREATE UNIQUE INDEX api_keys_name ON api_keys (name) WHERE revoked_us IS NULL",
        "CREATE TABLE releases (
            callee TEXT NOT NULL,
            number BIGINT NOT NULL,
            digest TEXT NOT NULL,
            definition TEXT NOT NULL,
            registered_us BIGINT NOT NULL,
            PRIMARY KEY (callee, number),
            UNIQUE (callee, digest)
        )",
        "CREATE TABLE release_state (
            callee TEXT PRIMARY KEY,
            active_number BIGINT NOT NULL,
            pinned BIGINT NOT NULL,
            changed_us BIGINT NOT NULL
        )",
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_count_from_one_and_never_read_newer_than_they_are() {
        for (place, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version as usize, place + 1);
            assert!(migration.oldest_reader <= migration.version);
        }
    }
}
