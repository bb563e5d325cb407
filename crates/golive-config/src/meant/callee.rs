//! One `[agents.NAME]` or `[models.NAME]`, with the digest that makes it a release.

use std::sync::Arc;

use super::{
    Clocks, DeniedTools, Escalation, Messages, OnFailure, OwnLimits, ReadFile, Resilience, Screening,
    Translation, Upstream,
};

/// An agent or a model.
#[derive(Debug, Clone)]
pub struct Callee {
    /// Which of the two.
    pub kind: CalleeKind,
    /// The name of its table; what a request's `model` says.
    pub name: String,
    /// The links it falls back along, in order.
    pub chain: Vec<LinkRef>,
    /// Calls at the same time; `None`: only the upstream's cap holds.
    pub max_in_flight: Option<u32>,
    /// What becomes of a request that offers a tool its caller may not use.
    pub denied_tools: DeniedTools,
    /// Where text stands in an HTTP agent's JSON. Always there if the link's upstream is `http`.
    pub pointers: Option<Pointers>,
    /// The clocks of a request as a whole: its own where it set them, else those of its first link's upstream.
    pub timeouts: Clocks,
    /// What is tried when a link fails, and who waits.
    pub resilience: Resilience,
    /// What its callers get when no answer can be given; a model's always get an error.
    pub on_failure: OnFailure,
    /// What people are told who get no answer from it.
    pub messages: Messages,
    /// How requests are put into the format of a link that speaks another.
    pub translation: Translation,
    /// Its own limits. No part of its definition: how often it may be called is not what it is.
    pub limits: OwnLimits,
    /// What is done with its texts.
    pub screening: Screening,
    /// When its conversations go to a person; never, for a model. No part of its definition: who answers when it
    /// cannot is not what it is.
    pub escalation: Escalation,
    /// Its own system prompt: it stands before every request, and callers may bring none.
    pub system_prompt: Option<ReadFile>,
    /// JSON Schema that the body of each request must meet.
    pub input_schema: Option<ReadFile>,
    /// Its effective definition as canonical JSON (names sorted, no spaces). Holds no secret.
    pub definition: String,
    /// SHA-256 of `definition`, 64 lower-case hex digits: the release digest.
    pub digest: String,
}

impl Callee {
    /// How the ledger and the releases name it: `agent/support`, `model/small`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.kind.as_str(), self.name)
    }
}

/// What people talk to, or what agents talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CalleeKind {
    /// `[agents.NAME]`.
    Agent,
    /// `[models.NAME]`.
    Model,
}

impl CalleeKind {
    /// `agent` or `model`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Model => "model",
        }
    }
}

/// One link of a chain: `upstream/model`, or `upstream` alone for an HTTP agent.
#[derive(Debug, Clone)]
pub struct LinkRef {
    /// Whom to call.
    pub upstream: Arc<Upstream>,
    /// The model's name there.
    pub model: Option<String>,
    /// Neighbours with the same rank are equals that share the load.
    pub rank: u32,
    /// Its share among them.
    pub weight: u32,
    /// The clocks of one call: the agent's or model's own where it set them, else the upstream's.
    pub timeouts: Clocks,
}

impl LinkRef {
    /// As written in the chain: `openai/gpt-4o`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.model {
            Some(model) => format!("{}/{model}", self.upstream.name),
            None => self.upstream.name.clone(),
        }
    }
}

/// JSON pointers (RFC 6901) into an HTTP agent's messages; their syntax was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointers {
    /// The user's text in the request.
    pub input: String,
    /// The answer's text in the response.
    pub output: String,
    /// The text in one streamed event; `None`: it does not stream.
    pub stream: Option<String>,
}
