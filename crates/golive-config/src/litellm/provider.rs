//! E4: LiteLLM's names of providers, and where those that speak OpenAI's or Anthropic's format are.
//!
//! Never: guesses the address of a provider that it does not know.

/// A provider that golive can call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Provider {
    /// What stands before the slash in `litellm_params.model`.
    pub(super) name: &'static str,
    /// `kind` of its upstream.
    pub(super) kind: &'static str,
    /// Where it is; empty: golive's default, or only as the file says.
    pub(super) base_url: &'static str,
    /// The variable in which LiteLLM looks for its key; empty: it needs none.
    pub(super) key: &'static str,
}

const fn openai(name: &'static str, base_url: &'static str, key: &'static str) -> Provider {
    Provider {
        name,
        kind: "openai",
        base_url,
        key,
    }
}

/// From the providers' own documentation of their OpenAI-compatible API.
const KNOWN: &[Provider] = &[
    openai("openai", "", "OPENAI_API_KEY"),
    Provider {
        name: "anthropic",
        kind: "anthropic",
        base_url: "",
        key: "ANTHROPIC_API_KEY",
    },
    openai("azure", "", "AZURE_API_KEY"),
    openai("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    openai("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    openai("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    openai("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    openai("together_ai", "https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
    openai(
        "fireworks_ai",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_AI_API_KEY",
    ),
    openai("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
    openai(
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
    ),
    openai("ollama", "http://localhost:11434/v1", ""),
    openai("ollama_chat", "http://localhost:11434/v1", ""),
    openai("hosted_vllm", "", ""),
    openai("lm_studio", "", ""),
    openai("openai_like", "", ""),
    openai("custom_openai", "", ""),
];

/// The provider and the model that `litellm_params.model` names; `None`: golive cannot call it.
pub(super) fn of(model: &str) -> Option<(Provider, &str)> {
    if let Some((name, model)) = model.split_once('/')
        && let Some(known) = KNOWN.iter().find(|known| known.name == name)
    {
        return Some((*known, model));
    }
    // Without a provider LiteLLM knows its makers' own names.
    let bare = |prefixes: &[&str]| prefixes.iter().any(|prefix| model.starts_with(prefix));
    let named = |name: &str| KNOWN.iter().find(|known| known.name == name).copied();
    if model.contains('/') {
        None
    } else if bare(&["gpt-", "chatgpt-", "o1", "o3", "o4", "text-embedding-"]) {
        named("openai").map(|provider| (provider, model))
    } else if bare(&["claude-"]) {
        named("anthropic").map(|provider| (provider, model))
    } else {
        None
    }
}

/// Private ranges that golive must be allowed to call for this address; empty: it is public.
pub(super) fn private_ranges(base_url: &str) -> &'static [&'static str] {
    const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];
    const SITE: &[&str] = &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    let Some((scheme, rest)) = base_url.split_once("://") else {
        return &[];
    };
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    let is_private = host
        .parse::<std::net::Ipv4Addr>()
        .is_ok_and(|address| address.is_private());
    if host == "localhost" || host.starts_with("127.") || rest.starts_with("[::1]") {
        LOOPBACK
    } else if is_private || scheme == "http" {
        SITE // plain http is only spoken there
    } else {
        &[]
    }
}
