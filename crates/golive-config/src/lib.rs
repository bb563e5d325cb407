//! S1: golive.toml as written, then as meant.
//!
//! [`load`] reads one file, collects **all** its mistakes with their places, and gives a [`Config`]
//! that nobody needs to check again. Every key stands once in [`reference::KEYS`]; the reference page,
//! the JSON Schema and the starter file come from there.
//!
//! Never: opens a socket, keeps a secret where it can be printed, stops at the first mistake.
#![forbid(unsafe_code)]

mod base_url;
mod meant;
mod units;

pub use base_url::{BaseUrl, NotABaseUrl, Scheme};
pub use meant::*;
pub use units::*;
