//! S3: strict validation of what comes in.
//!
//! Never: repairs. What is not plainly valid is refused with its place; only [`text`] takes characters out, where the
//! rules say so.

pub mod deny;
pub mod json;
pub mod media;
mod names;
mod pointer;
pub mod schema;
pub mod text;
mod token;
pub mod url;

use std::ops::Range;

/// Why a text, a URL or a file is refused: one sentence for the caller, without anything of the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Stable word, listed in `CODES` of the module that refuses.
    pub code: &'static str,
    /// What is wrong and what is allowed.
    pub message: String,
    /// Where, in bytes of the string that was checked.
    pub at: Range<usize>,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>, at: Range<usize>) -> Self {
        Self {
            code,
            message: message.into(),
            at,
        }
    }
}
