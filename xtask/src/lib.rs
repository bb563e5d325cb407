//! What the repository says about itself, read from its files: headers, item tags, the table of ARCHITECTURE.md.
//!
//! A library beside the commands, so that `cargo xtask tidy` and the tag test read the tree by one and the same
//! code. Never: depends on a crate, and never writes.

#![forbid(unsafe_code)]

pub mod table;
pub mod tree;
