//! S7: the data keys as rows: read and unwrapped, made, wrapped anew.
//!
//! Never: lets a data key out unwrapped, or takes part of a set for the whole.

use aws_lc_rs::aead::RandomizedNonceKey;
use zeroize::Zeroizing;

use super::uses::Uses;
use super::{Keyring, MasterKey, Place, Purpose, SealError, open_with, seal_with};
use crate::backend::{Backend, Failure, FailureKind, Row, Statement, Value};

/// Why the data keys are not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyringError {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Database(#[from] Failure),
    #[error("the store has no data key for `{0}`")]
    Missing(&'static str),
}

pub(super) struct DataKey {
    pub(super) id: u32,
    pub(super) purpose: Purpose,
    pub(super) retired: bool,
    pub(super) key: Zeroizing<Vec<u8>>,
}

impl Keyring {
    /// Reads and unwraps the data keys. `None` if the store has none yet.
    pub(crate) async fn load(
        backend: &dyn Backend,
        master: &MasterKey,
        uses: &Uses,
    ) -> Result<Option<Keyring>, KeyringError> {
        let keys = unwrapped(backend, master).await?;
        if keys.is_empty() {
            return Ok(None);
        }
        Keyring::of(keys, uses).map(Some)
    }

    /// Makes the data keys of a new store.
    pub(crate) async fn create(
        backend: &dyn Backend,
        master: &MasterKey,
        uses: &Uses,
        now_us: i64,
    ) -> Result<Keyring, KeyringError> {
        let mut rows = Vec::new();
        for (id, purpose) in (1u32..).zip(Purpose::ALL) {
            rows.push(fresh(id, purpose, master, now_us)?);
        }
        backend
            .transact(&[Statement::Rows {
                head: INSERT,
                rows: &rows,
                tail: "",
            }])
            .await?;
        Keyring::load(backend, master, uses)
            .await?
            .ok_or(KeyringError::Missing("content"))
    }
}

/// All data keys, or none at all: one that does not open makes the whole set unusable.
pub(super) async fn unwrapped(
    backend: &dyn Backend,
    master: &MasterKey,
) -> Result<Vec<DataKey>, KeyringError> {
    let rows = backend.query(SELECT, vec![]).await?;
    let (wrapping, fingerprint) = (master.wrapping_key()?, master.fingerprint()?);
    let unwrap_one = |row: &Row| -> Result<DataKey, KeyringError> {
        if row.text(2)? != fingerprint {
            return Err(SealError::WrongMaster.into());
        }
        unwrap(row, &wrapping)
    };
    rows.iter().map(unwrap_one).collect()
}

/// A new random data key as a row for [`INSERT`].
pub(super) fn fresh(
    id: u32,
    purpose: Purpose,
    master: &MasterKey,
    now_us: i64,
) -> Result<Vec<Value>, SealError> {
    let mut key = Zeroizing::new(vec![0; 32]);
    aws_lc_rs::rand::fill(&mut key[..]).map_err(|_| SealError::Library)?;
    let key = DataKey {
        id,
        purpose,
        retired: false,
        key,
    };
    Ok(vec![
        Value::Int(Some(id.into())),
        Value::text(purpose.as_str()),
        Value::text(&master.fingerprint()?),
        Value::bytes(&key.wrap(&master.wrapping_key()?)?),
        Value::Int(Some(now_us)),
    ])
}

impl DataKey {
    pub(super) fn wrap(&self, wrapping: &RandomizedNonceKey) -> Result<Vec<u8>, SealError> {
        seal_with(
            wrapping,
            self.id,
            &wrapped_place(&self.id.to_be_bytes(), self.purpose),
            &self.key,
        )
    }

    /// Whether this wrapping gives this very key back.
    pub(super) fn is_in(&self, wrapped: &[u8], wrapping: &RandomizedNonceKey) -> bool {
        let place = self.id.to_be_bytes();
        let opened = open_with(wrapping, &wrapped_place(&place, self.purpose), wrapped).map(Zeroizing::new);
        opened.is_ok_and(|opened| opened == self.key)
    }
}

fn unwrap(row: &Row, wrapping: &RandomizedNonceKey) -> Result<DataKey, KeyringError> {
    let damaged = || Failure::new(FailureKind::Damaged, "a data key has an unknown purpose or id");
    let id = u32::try_from(row.int(0)?).map_err(|_| damaged())?;
    let name = row.text(1)?;
    let purpose = Purpose::ALL
        .into_iter()
        .find(|purpose| purpose.as_str() == name)
        .ok_or_else(damaged)?;
    let wrapped = row.maybe_bytes(3)?.ok_or(SealError::Short)?;
    let key = Zeroizing::new(open_with(
        wrapping,
        &wrapped_place(&id.to_be_bytes(), purpose),
        &wrapped,
    )?);
    Ok(DataKey {
        id,
        purpose,
        retired: row.maybe_int(4)?.is_some(),
        key,
    })
}

fn wrapped_place(id: &[u8; 4], purpose: Purpose) -> Place<'_> {
    Place {
        table: "data_keys",
        column: purpose.as_str(),
        row: id,
    }
}

const SELECT: &str = "SELECT id, purpose, master, wrapped, retired_us FROM data_keys ORDER BY id";
pub(super) const INSERT: &str = "INSERT INTO data_keys (id, purpose, master, wrapped, created_us) ";
