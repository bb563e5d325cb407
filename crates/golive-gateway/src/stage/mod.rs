//! The stages of a request's way, one file each. Their order stands in [`crate::pipeline`] alone.
//!
//! A stage is thin: it asks a machine or a table, writes what was decided into the call, and hands on a token
//! that only it can make. A stage forgotten or moved does not compile.

pub mod accept;
pub mod admit;
pub mod authorise;
mod block;
pub mod converse;
pub mod count;
pub mod dispatch;
pub mod guard_tools;
pub mod hear;
pub mod idempotent;
pub mod identify;
pub mod read;
pub mod relay;
pub mod reserve;
pub mod screen_input;
pub mod screen_output;
pub mod settle;

pub use block::Block;

/// What a stage gives: the token of the next one, or a trip that ends here.
pub type Step<T> = Result<T, Box<crate::reply::Refused>>;
