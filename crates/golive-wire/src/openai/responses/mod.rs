//! S3, S6, P2, M2: OpenAI's Responses: requests, answers and streams (reference: openai-api.md §5). The readers of Chat
//! Completions know a Responses answer and its events when they see them, so that one pipeline drives both.
//!
//! Never: refuses an item or an event of a kind it does not know; the provider adds them freely.

mod answer;
pub mod build;
pub(crate) mod calls;
mod request;
pub mod stream;

pub use answer::{hide_instructions, read_response};
pub use request::RequestView;
