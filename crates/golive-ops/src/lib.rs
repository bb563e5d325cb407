//! The other listeners: what operators and their machines ask of a gateway. Here: health and metrics.
//!
//! It reads a snapshot of the gateway and is never called back by it.
//!
//! Never: on the request path; waits for a dependency; shows a secret, a host name or a person.
#![forbid(unsafe_code)]

mod certificate;
pub mod health;
pub mod probes;
mod process;

pub use probes::{Probes, ProbesError};
