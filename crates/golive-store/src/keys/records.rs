//! S5: the records of API keys in the store.
//!
//! Never: sees a key's text after it was handed out.

use secrecy::{ExposeSecret as _, SecretString};

use super::{ApiKey, KeyError, KeyHash, KeyRecord, NewKey, PreviousKey, Rotation, SHOWN, push_random};
use crate::backend::{Failure, FailureKind, Row, Statement, Value};
use crate::{Store, StoreError};

impl Store {
    /// Makes a key; its text is given this once.
    pub async fn create_key(&self, key: NewKey, now_us: i64) -> Result<(KeyRecord, SecretString), KeyError> {
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if key.name.is_empty()
            || key.name.len() > 64
            || !key.name.chars().all(fine)
            || key.name.starts_with("key_")
        {
            return Err(KeyError::BadName(key.name));
        }
        let (text, hash) = ApiKey::generate()?;
        let mut id = String::from("key_");
        push_random(&mut id, 16)?;
        let record = KeyRecord {
            id,
            name: key.name,
            prefix: text.expose_secret()[..SHOWN].to_owned(),
            hash,
            roles: key.roles,
            team: key.team,
            agents: key.agents,
            models: key.models,
            may_assert_users: key.may_assert_users,
            created_at_us: now_us,
            expires_at_us: key.expires_at_us,
            revoked_at_us: None,
            last_used_at_us: None,
            source: key.source,
            rotated_at_us: None,
            previous: None,
        };
        match self
            .backend()
            .transact(&[Statement::new(INSERT, columns(&record))])
            .await
        {
            Ok(_) => Ok((record, text)),
            Err(failure) if failure.kind == FailureKind::Conflict => Err(KeyError::NameTaken(record.name)),
            Err(failure) => Err(StoreError::Database(failure).into()),
        }
    }

    /// Gives a living key a new text, shown this once; the old one still opens for the overlap. Its id, its windows
    /// and its rows go on. A text that was still open from an earlier rotation is closed now.
    pub async fn rotate_key(
        &self,
        id_or_name: &str,
        rotation: Rotation,
        now_us: i64,
    ) -> Result<(KeyRecord, SecretString), KeyError> {
        let record = self.one_key(id_or_name).await?;
        if !record.is_live(now_us) {
            return Err(KeyError::Dead(id_or_name.to_owned()));
        }
        let (text, hash) = ApiKey::generate()?;
        // The old text never outlives the end it was made with.
        let until = now_us.saturating_add(rotation.overlap_us.max(0));
        let until = record.expires_at_us.map_or(until, |end| until.min(end));
        let work = [Statement::new(
            ROTATE,
            vec![
                Value::bytes(hash.as_bytes()),
                Value::text(&text.expose_secret()[..SHOWN]),
                now_us.into(),
                until.into(),
                rotation.expires_at_us.or(record.expires_at_us).into(),
                Value::text(&record.id),
                // Of two who rotate at once, the second would push the first one's text out unseen.
                Value::bytes(record.hash.as_bytes()),
            ],
        )];
        self.backend()
            .transact(&work)
            .await
            .map_err(StoreError::Database)?;
        let rotated = self.one_key(&record.id).await?;
        if rotated.hash != hash {
            return Err(KeyError::Dead(id_or_name.to_owned()));
        }
        Ok((rotated, text))
    }

    async fn one_key(&self, id_or_name: &str) -> Result<KeyRecord, KeyError> {
        let rows = self
            .backend()
            .query(ONE, vec![Value::text(id_or_name)])
            .await
            .map_err(StoreError::Database)?;
        let row = rows
            .first()
            .ok_or_else(|| KeyError::Unknown(id_or_name.to_owned()))?;
        Ok(read(row).map_err(StoreError::Database)?)
    }

    /// All keys, oldest first, revoked ones included.
    pub async fn list_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = self
            .backend()
            .query(LIST, vec![])
            .await
            .map_err(StoreError::Database)?;
        rows.iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(StoreError::Database)
    }

    /// Revokes by id, or by the name of a living key; a key that was revoked before keeps its first time.
    pub async fn revoke_key(&self, id_or_name: &str, now_us: i64) -> Result<KeyRecord, KeyError> {
        let work = [Statement::new(
            REVOKE,
            vec![now_us.into(), Value::text(id_or_name)],
        )];
        self.backend()
            .transact(&work)
            .await
            .map_err(StoreError::Database)?;
        self.one_key(id_or_name).await
    }

    /// Notes that a key was used. Never waits; written about every ten seconds, so it may be lost
    /// with the process.
    pub fn touch_key(&self, id: &str, at_us: i64) {
        self.writer().touch(id, at_us);
    }
}

/// For the writer: when a key was last used. An older note never replaces a newer one.
pub(crate) fn touch_statement(id: &str, at_us: i64) -> Statement<'static> {
    Statement::new(TOUCH, vec![at_us.into(), Value::text(id)])
}

fn columns(record: &KeyRecord) -> Vec<Value> {
    let list = |list: &[String]| Value::text(&serde_json::Value::from(list).to_string());
    vec![
        Value::text(&record.id),
        Value::text(&record.name),
        Value::text(&record.prefix),
        Value::bytes(record.hash.as_bytes()),
        list(&record.roles),
        Value::maybe_text(record.team.as_deref()),
        list(&record.agents),
        list(&record.models),
        Value::truth(record.may_assert_users),
        record.created_at_us.into(),
        record.expires_at_us.into(),
        record.revoked_at_us.into(),
        record.last_used_at_us.into(),
        Value::text(&record.source),
    ]
}

fn read(row: &Row) -> Result<KeyRecord, Failure> {
    let list = |column| {
        serde_json::from_str(&row.text(column)?).map_err(|_| {
            Failure::new(
                FailureKind::Damaged,
                format!("column {column} of a key is not a list"),
            )
        })
    };
    Ok(KeyRecord {
        id: row.text(0)?,
        name: row.text(1)?,
        prefix: row.text(2)?,
        hash: KeyHash(row.array(3)?),
        roles: list(4)?,
        team: row.maybe_text(5)?,
        agents: list(6)?,
        models: list(7)?,
        may_assert_users: row.int(8)? != 0,
        created_at_us: row.int(9)?,
        expires_at_us: row.maybe_int(10)?,
        revoked_at_us: row.maybe_int(11)?,
        last_used_at_us: row.maybe_int(12)?,
        source: row.text(13)?,
        rotated_at_us: row.maybe_int(14)?,
        previous: match (row.maybe_text(16)?, row.maybe_int(17)?) {
            (Some(prefix), Some(until_us)) => Some(PreviousKey {
                prefix,
                hash: KeyHash(row.array(15)?),
                until_us,
            }),
            _ => None,
        },
    })
}

macro_rules! new_key_columns {
    () => {
        "id, name, prefix, hash, roles, team, agents, models, may_assert_users, created_us, expires_us, revoked_us, \
         last_used_us, source"
    };
}

macro_rules! key_columns {
    () => {
        concat!(
            new_key_columns!(),
            ", rotated_us, previous_hash, previous_prefix, previous_until_us"
        )
    };
}

const INSERT: &str = concat!(
    "INSERT INTO api_keys (",
    new_key_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
);
const LIST: &str = concat!(
    "SELECT ",
    key_columns!(),
    " FROM api_keys ORDER BY created_us, id"
);
/// Of several keys that bore a name, the one revoked last is the one that was meant.
const ONE: &str = concat!(
    "SELECT ",
    key_columns!(),
    " FROM api_keys WHERE id = $1 OR name = $1 ORDER BY revoked_us DESC, created_us DESC LIMIT 1"
);
const REVOKE: &str =
    "UPDATE api_keys SET revoked_us = $1 WHERE (id = $2 OR name = $2) AND revoked_us IS NULL";
const ROTATE: &str = "UPDATE api_keys SET previous_hash = hash, previous_prefix = prefix, previous_until_us = $4, \
     hash = $1, prefix = $2, rotated_us = $3, expires_us = $5 WHERE id = $6 AND hash = $7 AND revoked_us IS NULL";
const TOUCH: &str =
    "UPDATE api_keys SET last_used_us = $1 WHERE id = $2 AND (last_used_us IS NULL OR last_used_us < $1)";
