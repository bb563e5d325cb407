//! The other listeners: what operators and their machines ask of a gateway: health and metrics, and behind keys and
//! policies the ledger and the keys.
//!
//! It reads a snapshot of the gateway, asks what the socket of operators is asked, and is never called back by it.
//!
//! Never: on the request path; waits for a dependency; shows a secret, a host name or a person.
#![forbid(unsafe_code)]

pub mod admin;
mod certificate;
pub mod health;
pub mod probes;
mod process;

pub use admin::{Admin, AdminError};
pub use probes::{Probes, ProbesError};
