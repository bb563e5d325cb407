//! S3, P2, M2: Anthropic's Messages and models list.
//!
//! Never: refuses an answer for a field or an event type it does not know; the provider adds them freely.

pub mod build;
pub(crate) mod calls;
pub mod count_tokens;
pub mod messages;
pub mod models;
mod request;
pub mod stream;
