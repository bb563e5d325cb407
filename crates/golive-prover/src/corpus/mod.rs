//! What proofs send, as data: one file per item.
//!
//! Never: logic of a proof.

pub(crate) mod injection;
pub(crate) mod l1;
pub(crate) mod pii;
