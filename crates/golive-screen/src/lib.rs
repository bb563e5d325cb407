//! S3, S4: the screen: strict validation of JSON before anything else looks at it, personal data and secrets in texts.
//!
//! Never: does I/O, knows another room, or is used by the prover (a detector shared by the guard and the judge shares
//! its blind spots).
#![forbid(unsafe_code)]

pub mod literals;
pub mod pii;
pub mod redact;
pub mod stream;
pub mod validate;
