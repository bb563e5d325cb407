//! S3: the screen. In this version: strict validation of JSON before anything else looks at it.
//!
//! Never: does I/O, knows another room, or is used by the prover (a detector shared by the guard and the judge shares
//! its blind spots).
#![forbid(unsafe_code)]

pub mod eval;
pub mod injection;
pub mod validate;
