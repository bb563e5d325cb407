//! S3, S4, S8: the screen. Pure functions over text: validation of what comes in, one normal form of it, and what hides
//! in it.
//!
//! Never: does I/O, knows another room, or is used by the prover (a detector shared by the guard and the judge shares
//! its blind spots).
#![forbid(unsafe_code)]

pub mod decode;
pub mod eval;
pub mod injection;
pub mod normalise;
pub mod overlap;
pub mod spotlight;
pub mod validate;
