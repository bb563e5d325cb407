//! The prover: every item proven from outside, or said to be unproven.
//!
//! [`check`] runs, [`plan`](plan::plan) says what a run would do, [`report`] renders. A proof is one file of
//! [`proofs`] and one row of its table; it is given a [`ctx::Ctx`], speaks through [`target::TargetClient`], counts
//! in a `Tally`, shows its [`control::Controls`] and returns parts.
//!
//! Never: knows how a target is built. Nothing of the gateway, its store or its screens is used here; what is judged
//! is what the target answered and what the lab saw.
#![forbid(unsafe_code)]

pub mod budget;
mod clock;
pub mod command;
mod conclude;
pub mod control;
mod corpus;
pub mod ctx;
pub mod issuer;
mod lab_scripts;
mod line;
mod md5;
mod part;
pub mod plan;
pub mod progress;
pub mod proofs;
pub mod redact;
pub mod report;
mod runner;
pub mod secrets;
pub mod self_test;
pub mod target;
pub mod tls_probe;

#[doc(hidden)]
pub use md5::md5_hex;
pub use plan::{Plan, plan, plan_of};
pub use proofs::{soak_record, soak_requests};
pub use runner::{CheckError, CheckOptions, Checked, EXIT_INTERRUPTED, EXIT_UNREACHABLE, Selection, check};
