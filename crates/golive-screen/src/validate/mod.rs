//! S3: strict validation of what comes in.
//!
//! Never: repairs. What is not plainly valid is refused with its place.

pub mod json;
mod names;
mod pointer;
mod token;
