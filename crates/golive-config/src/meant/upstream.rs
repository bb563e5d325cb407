//! P2, S7: one `[upstreams.NAME]`: a provider account or an HTTP agent.

use std::path::PathBuf;

pub use golive_resilience::deadline::Clocks;
use ipnet::IpNet;
use secrecy::SecretString;

use super::RetryBudget;
use crate::base_url::BaseUrl;
use crate::units::ByteSize;

/// A provider account or an HTTP agent.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The name of its table.
    pub name: String,
    /// Its wire format.
    pub kind: UpstreamKind,
    /// Where it is. Plain http only if the host is, or may resolve to, an address of
    /// `private_addresses`; the egress client checks the resolved address again.
    pub base_url: BaseUrl,
    /// golive's own credential there; `None`: it asks for none.
    pub api_key: Option<SecretString>,
    /// Where the credential came from, for people: `env NAME` or `file /path`.
    pub api_key_source: Option<String>,
    /// `kind = "http"`: the header that carries the credential, lower case. `authorization` gets
    /// `Bearer KEY`, any other header the bare key. The other kinds use their provider's header.
    pub auth_header: String,
    /// `anthropic-version` when the client sends none (`kind = "anthropic"`).
    pub anthropic_version: String,
    /// The clocks of one call.
    pub timeouts: Clocks,
    /// How many of its calls may be retries.
    pub retry_budget: RetryBudget,
    /// Calls at the same time, over all agents and models that use it.
    pub max_in_flight: u32,
    /// Whether that number is fixed, or the most of a limit that follows what the upstream bears.
    pub adaptive: bool,
    /// Private ranges it may be in. Empty: public addresses only.
    pub private_addresses: Vec<IpNet>,
    /// PEM file of the authorities that vouch for it, instead of Mozilla's.
    pub ca_file: Option<PathBuf>,
    /// More request headers that pass to it, lower case.
    pub forward_headers: Vec<String>,
    /// Largest response body (and largest sum of a stream).
    pub response_size: ByteSize,
}

/// The wire format of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamKind {
    /// OpenAI's API and what speaks like it.
    OpenAi,
    /// Anthropic's API.
    Anthropic,
    /// Any HTTP agent, by JSON pointers.
    Http,
}

impl UpstreamKind {
    /// As written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Http => "http",
        }
    }
}
