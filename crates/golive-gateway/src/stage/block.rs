//! S4, S6: an answer that may not be told: what its caller gets in its place, before and after the commit point.
//!
//! Never: tells what stood in it.

use bytes::Bytes;

use super::{guard_tools, screen_output};
use crate::call::{Call, Outcome};
use crate::reply::Refused;
use crate::screens::Withheld;

/// Why an answer may not be told.
#[derive(Debug)]
pub enum Block {
    /// It calls this tool, which its request did not offer.
    Tool(String),
    /// A text of it.
    Text(Withheld),
}

impl Block {
    /// How it is recorded.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Tool(_) => guard_tools::outcome(),
            Self::Text(withheld) => screen_output::outcome(withheld),
        }
    }

    /// The answer in its place, where none of it was sent.
    #[must_use]
    pub fn refuse(&self, call: Box<Call>) -> Box<Refused> {
        match self {
            Self::Tool(tool) => guard_tools::blocked(call, tool),
            Self::Text(withheld) => screen_output::blocked(call, withheld),
        }
    }

    /// What ends a stream of which some was sent: a refusal in the format's own words.
    #[must_use]
    pub fn end_of_stream(&self, call: &mut Call) -> Bytes {
        match self {
            Self::Tool(tool) => guard_tools::note(call, tool),
            Self::Text(withheld) => screen_output::note(call, withheld),
        }
        let tokens = call.usage.and_then(|(usage, _)| usage.output).unwrap_or(0);
        let name = call.route.as_ref().map_or("", |route| route.callee.name.as_str());
        golive_wire::tools::refused_end(call.surface.wire(), name, call.at.0 / 1_000_000, tokens)
    }
}
