//! R1: releases: the numbered, immutable digests of what an agent or a model is.
//!
//! Never: deletes or changes a definition, and never unpins.

use serde::Serialize;

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
