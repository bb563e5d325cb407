//! P6: whose prices hold at an upstream: told by its address, not by what its models are called.

use crate::meant::{Upstream, UpstreamKind};

/// Hosts of providers, and the name under which tables list them.
const HOSTS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "google"),
    ("api.mistral.ai", "mistral"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "xai"),
    ("api.groq.com", "groq"),
    ("api.cerebras.ai", "cerebras"),
    ("api.moonshot.ai", "moonshot"),
    ("api.moonshot.cn", "moonshot"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("api.perplexity.ai", "perplexity"),
    ("openrouter.ai", "openrouter"),
    ("api.together.xyz", "together"),
    ("api.together.ai", "together"),
    ("api.fireworks.ai", "fireworks"),
];

/// Host names under these belong to their customers, but the prices are the provider's.
const DOMAINS: &[(&str, &str)] = &[
    (".openai.azure.com", "azure"),
    (".services.ai.azure.com", "azure"),
    (".api.openai.com", "openai"), // the regional ones
];

/// The provider of an upstream; `None` for a server of one's own, and for HTTP agents.
pub(super) fn of(upstream: &Upstream) -> Option<&'static str> {
    if upstream.kind == UpstreamKind::Http {
        return None;
    }
    let host = upstream.base_url.host.as_str();
    let whole = HOSTS.iter().find(|(known, _)| *known == host);
    let below = || DOMAINS.iter().find(|(domain, _)| host.ends_with(domain));
    whole.or_else(below).map(|(_, provider)| *provider)
}
