//! P2, P4, E4: one link of a chain as the request path uses it: whom to call, where, under which name, with which clocks
//! and which breakers.
//!
//! Never: changes after it was built, but for its breakers.

use std::sync::Arc;

use golive_config::{LinkRef, UpstreamKind};
use golive_resilience::deadline::Clocks;
use golive_wire::Wire;
use http::Uri;

use super::Link;
use super::breaker::LinkBreaker;

/// What is asked of a link. Each kind of work has an address of its own at a provider, and fails by itself: a breaker
/// that opens for one stays closed for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// An answer in words, in the one format that every link of its kind speaks.
    Answer,
    /// Vectors for texts, in OpenAI's format.
    Embeddings,
    /// A count of tokens, in Anthropic's format.
    CountTokens,
}

impl Work {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Answer, Self::Embeddings, Self::CountTokens];

    /// Where an upstream of this kind does it, behind its base address; `None`: it does not speak the format.
    #[must_use]
    pub fn path(self, kind: UpstreamKind) -> Option<&'static str> {
        match (self, kind) {
            (Self::Answer, UpstreamKind::OpenAi) => Some("/chat/completions"),
            (Self::Answer, UpstreamKind::Anthropic) => Some("/v1/messages"),
            (Self::Answer, UpstreamKind::Http) => Some(""),
            (Self::Embeddings, UpstreamKind::OpenAi) => Some("/embeddings"),
            (Self::CountTokens, UpstreamKind::Anthropic) => Some("/v1/messages/count_tokens"),
            (Self::Embeddings | Self::CountTokens, _) => None,
        }
    }

    /// The name of the breaker of this work at the link `link`.
    #[must_use]
    pub fn breaker(self, link: &str) -> String {
        match self {
            Self::Answer => link.to_owned(),
            Self::Embeddings => format!("{link} embeddings"),
            Self::CountTokens => format!("{link} count_tokens"),
        }
    }
}

/// One link of a chain.
#[derive(Debug)]
pub struct Hop {
    /// The upstream.
    pub link: Arc<Link>,
    /// `upstream/model`, for the ledger.
    pub name: String,
    /// The model's name at the upstream.
    pub model: Option<String>,
    /// The clocks of one call.
    pub clocks: Clocks,
    doors: [Option<Door>; Work::ALL.len()],
}

/// Where a link does one kind of work.
#[derive(Debug)]
pub struct Door {
    /// The address that is called, whole.
    pub uri: Uri,
    /// What keeps it from being hammered while it is down.
    pub breaker: Arc<LinkBreaker>,
}

impl Hop {
    /// The link `written` over `link`, or nothing if its address cannot be called. `breaker` gives the breaker of this
    /// name.
    #[must_use]
    pub fn new(
        written: &LinkRef,
        link: Arc<Link>,
        mut breaker: impl FnMut(String) -> Arc<LinkBreaker>,
    ) -> Option<Self> {
        let name = written.name();
        let mut doors = [const { None }; Work::ALL.len()];
        for (door, work) in doors.iter_mut().zip(Work::ALL) {
            if let Some(path) = work.path(link.upstream.kind) {
                *door = Some(Door {
                    uri: link.uri(path).parse().ok()?,
                    breaker: breaker(work.breaker(&name)),
                });
            }
        }
        Some(Self {
            name,
            model: written.model.clone(),
            clocks: written.timeouts,
            doors,
            link,
        })
    }

    /// Where it does this work; `None`: it does not speak the format.
    #[must_use]
    pub fn door(&self, work: Work) -> Option<&Door> {
        self.doors[work as usize].as_ref()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_work_has_its_place_and_a_breaker_of_its_own() {
        let kinds = [UpstreamKind::OpenAi, UpstreamKind::Anthropic, UpstreamKind::Http];
        for (place, work) in Work::ALL.into_iter().enumerate() {
            assert_eq!(work as usize, place);
            assert!(kinds.iter().any(|kind| work.path(*kind).is_some()), "{work:?}");
        }
        let mut names = Work::ALL.map(|work| work.breaker("one/model")).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Work::ALL.len(), "{names:?}");
    }
}
