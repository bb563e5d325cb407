//! P2, P4, E4: one link of a chain as the request path uses it: whom to call, where, under which name, with which clocks
//! and which breaker.
//!
//! Never: changes after it was built, but for its breaker.

use std::sync::Arc;

use golive_config::{LinkRef, UpstreamKind};
use golive_resilience::deadline::Clocks;
use golive_wire::Wire;
use http::Uri;

use super::Link;
use super::breaker::LinkBreaker;

/// One link of a chain.
#[derive(Debug)]
pub struct Hop {
    /// The upstream.
    pub link: Arc<Link>,
    /// `upstream/model`, for the ledger.
    pub name: String,
    /// The address that is called, whole.
    pub uri: Uri,
    /// The model's name at the upstream.
    pub model: Option<String>,
    /// The clocks of one call.
    pub clocks: Clocks,
    /// What keeps it from being hammered while it is down.
    pub breaker: Arc<LinkBreaker>,
}

impl Hop {
    /// The link `written` over `link`, or nothing if its address cannot be called.
    #[must_use]
    pub fn new(written: &LinkRef, link: Arc<Link>, breaker: Arc<LinkBreaker>) -> Option<Self> {
        let path = match link.upstream.kind {
            UpstreamKind::OpenAi => "/chat/completions",
            UpstreamKind::Anthropic => "/v1/messages",
            UpstreamKind::Http => "",
        };
        Some(Self {
            name: written.name(),
            uri: link.uri(path).parse().ok()?,
            model: written.model.clone(),
            clocks: written.timeouts,
            breaker,
            link,
        })
    }

    /// The wire format that it speaks.
    #[must_use]
    pub fn wire(&self) -> Wire {
        match self.link.upstream.kind {
            UpstreamKind::OpenAi => Wire::OpenAi,
            UpstreamKind::Anthropic => Wire::Anthropic,
            UpstreamKind::Http => Wire::Problem,
        }
    }
}
