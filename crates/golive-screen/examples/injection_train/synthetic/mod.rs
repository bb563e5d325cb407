//! S8: texts made by grammars.
//!
//! Never: a row of a labelled file.

use crate::corpus::Row;

pub fn texts(_seed: u64) -> Vec<Row> {
    Vec::new()
}
