//! The report of a run: JSON is the truth, the terminal and the HTML page are renderings of it.
//!
//! Never: says more than the JSON holds.

pub mod escape;
