//! The way of a request: the pipeline and all it needs, from the accept loop to the last byte.
//!
//! Never: answers a question of an operator (that is `golive-ops`, which reads a snapshot), and never lets a
//! request reach a file, a private address or another's data.
#![forbid(unsafe_code)]

pub mod auth;
mod body;
mod call;
mod clock;
pub mod conversations;
pub mod degrade;
pub mod door;
pub mod error_log;
mod gateway;
mod idempotency;
pub mod limits;
pub mod metrics;
pub mod money;
mod names;
mod pipeline;
pub mod policy;
mod reply;
mod room;
mod runtime;
pub mod screens;
pub mod server;
pub mod snapshot;
pub mod socket;
mod stage;
pub mod tls;
mod trace;
pub mod upstream;

pub use gateway::{Gateway, GatewayError};
pub use runtime::{Runtime, RuntimeError};
