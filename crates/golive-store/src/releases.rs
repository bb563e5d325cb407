//! R1: releases: the numbered, immutable digests of what an agent or a model is.
//!
//! Never: deletes or changes a definition, and never unpins.

use serde::Serialize;

use crate::backend::{Failure, Row, Statement, Value};
use crate::{Store, StoreError};

/// One registered definition of an agent or a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Release {
    /// `agent/NAME` or `model/NAME`.
    pub callee: String,
    /// Counts from 1 per callee, in the order of registration.
    pub number: u64,
    /// Hex SHA-256 of the definition.
    pub digest: String,
    /// Canonical JSON without secrets.
    pub definition: String,
    /// Microseconds since the Unix epoch.
    pub registered_at_us: i64,
    /// True for the release that serves.
    pub active: bool,
    /// True when the callee is pinned: registering another digest does not activate it.
    pub pinned: bool,
    /// True when this call registered it for the first time.
    pub newly: bool,
}

impl Store {
    /// Registers what the configuration says an agent or model is, and makes it the active release
    /// unless the callee is pinned. A digest that was registered before keeps its number.
    pub async fn register_release(
        &self,
        callee: &str,
        digest: &str,
        definition: &str,
        now_us: i64,
    ) -> Result<Release, StoreError> {
        let (name, hash) = (Value::text(callee), Value::text(digest));
        let work = [
            Statement::new(
                REGISTER,
                vec![name.clone(), hash.clone(), Value::text(definition), now_us.into()],
            ),
            Statement::new(ACTIVATE, vec![name.clone(), hash.clone(), now_us.into()]),
        ];
        let changed = self
            .backend()
            .transact(&work)
            .await
            .map_err(StoreError::Database)?;
        let rows = self
            .backend()
            .query(ONE, vec![name, hash])
            .await
            .map_err(StoreError::Database)?;
        let vanished = || {
            Failure::new(
                crate::backend::FailureKind::Damaged,
                "a release vanished after it was registered",
            )
        };
        let release = rows
            .first()
            .ok_or_else(vanished)
            .and_then(read)
            .map_err(StoreError::Database)?;
        Ok(Release {
            newly: changed.first() == Some(&1),
            ..release
        })
    }

    /// The releases of an agent or model, oldest first.
    pub async fn releases(&self, callee: &str) -> Result<Vec<Release>, StoreError> {
        let rows = self
            .backend()
            .query(LIST, vec![Value::text(callee)])
            .await
            .map_err(StoreError::Database)?;
        rows.iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(StoreError::Database)
    }
}

fn read(row: &Row) -> Result<Release, Failure> {
    Ok(Release {
        callee: row.text(0)?,
        number: row.count(1)?,
        digest: row.text(2)?,
        definition: row.text(3)?,
        registered_at_us: row.int(4)?,
        active: row.maybe_int(5)? == Some(row.int(1)?),
        pinned: row.maybe_int(6)? == Some(1),
        newly: false,
    })
}

/// The next number is taken inside the statement, under the write lock.
const REGISTER: &str = "INSERT INTO releases (callee, number, digest, definition, registered_us) \
    SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4 FROM releases WHERE callee = $1 \
    ON CONFLICT (callee, digest) DO NOTHING";

const ACTIVATE: &str = "INSERT INTO release_state (callee, active_number, pinned, changed_us) \
    SELECT callee, number, 0, $3 FROM releases WHERE callee = $1 AND digest = $2 \
    ON CONFLICT (callee) DO UPDATE SET active_number = excluded.active_number, changed_us = excluded.changed_us \
    WHERE release_state.pinned = 0 AND release_state.active_number <> excluded.active_number";

macro_rules! select {
    () => {
        "SELECT r.callee, r.number, r.digest, r.definition, r.registered_us, s.active_number, s.pinned \
         FROM releases r LEFT JOIN release_state s ON s.callee = r.callee WHERE r.callee = $1"
    };
}
const ONE: &str = concat!(select!(), " AND r.digest = $2");
const LIST: &str = concat!(select!(), " ORDER BY r.number");
