//! S3, S4, S8: the screen: strict validation of JSON before anything else looks at it, texts as a reader understands
//! them, personal data and secrets in them, and attempts to steer the model.
//!
//! Never: does I/O, knows another room, or is used by the prover (a detector shared by the guard and the judge shares
//! its blind spots).
#![forbid(unsafe_code)]

pub mod decode;
pub mod eval;
pub mod handoff;
pub mod injection;
pub mod literals;
pub mod normalise;
pub mod overlap;
pub mod pii;
pub mod redact;
pub mod spotlight;
pub mod stream;
pub mod validate;
