//! S3, P2, E4, M2: the wire formats golive speaks: OpenAI, Anthropic, HTTP agents, problem details, server-sent events.
//!
//! Everything here is a pure function or a small state machine over bytes: views that read a request or an answer
//! where it stands, edits that touch one member and leave every other byte, and builders.
//!
//! Never: does I/O, reads a clock, knows another room, or re-serialises what it only forwards.
#![forbid(unsafe_code)]

mod few;
mod take;

pub mod anthropic;
pub mod edit;
pub mod error;
pub mod http_agent;
pub mod openai;
pub mod said;
pub mod shape;
pub mod sse;
pub mod stream;
pub mod texts;
pub mod tools;
pub mod translate;
pub mod usage;

pub use edit::replace_model;
pub use error::ApiError;
pub use shape::Shape;
pub use sse::{Event, Splitter};
pub use stream::{Classified, StreamEvent};
pub use usage::Usage;

/// The dialect in which a caller is told of an error; chosen by the route, never by the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// `{"error":{"message","type","param","code"}}`, as official OpenAI clients expect it.
    OpenAi,
    /// `{"type":"error","error":{"type","message"},"request_id"}`.
    Anthropic,
    /// RFC 9457 problem details: HTTP agents and golive's own routes.
    Problem,
}

impl Wire {
    /// The name that ledger and metrics use: `openai`, `anthropic` or `problem`.
    pub fn as_str(self) -> &'static str {
        match self {
            Wire::OpenAi => "openai",
            Wire::Anthropic => "anthropic",
            Wire::Problem => "problem",
        }
    }
}
