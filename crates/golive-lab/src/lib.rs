//! The simulated world: a provider with scripted faults that records all that reaches it.
//!
//! The lab speaks the OpenAI and Anthropic wire formats and a plain HTTP agent's, misbehaves on command
//! (by script, by header, or by the name of the model that is asked for), and keeps the timeline of all
//! arrivals. It also plays an OIDC issuer (S5, S6) and the
//! receivers of webhooks (E3). It is the witness of the proofs (M1, S2, S3, P1, P2, M2, L1 and later P3, P4): only what the
//! lab has seen counts, never what a target says of itself.
//!
//! Never: reaches out to another host, depends on the gateway or on its parser, keeps a secret that a
//! request carried, or answers in a way that the seed, the script and the request do not decide.
#![forbid(unsafe_code)]

mod answer;
mod arrival;
pub mod client;
mod clock;
mod confidence;
mod control;
pub mod decode;
mod dice;
mod fault;
mod lab;
mod model;
pub mod nonce;
mod receiver;
pub mod redact;
mod script;
mod serve;
mod timeline;
mod wire;
mod world;

pub use arrival::{Arrival, BodyEncoding, Counts, Outcome, Page, ProviderCounts, Query, State};
pub use confidence::Confidence;
pub use fault::{Fault, NotAFault, StatusBody};
pub use lab::{Lab, LabError, LabOptions};
pub use receiver::hook::{self, Deliveries, Delivery, Reception};
pub use receiver::oidc::{
    DEFAULT_AUDIENCE, FETCHES_MAX, Fetch, Fetched, Fetches, IssuerInfo, IssuerKey, Mint, Outage, Signature,
};
pub use script::{
    Behaviour, Brain, Latency, Match, Pace, PageFile, Rule, Scenario, ScenarioProvider, Script, ScriptError,
    StreamUsage, Usage,
};
pub use serve::listener::ListenerState;
pub use timeline::{TIMELINE_BYTES_MAX, TIMELINE_LEN_MAX, Timeline};

/// The Rust examples of the page are doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/lab.md")]
struct DocsPage;
