//! S1: model providers and what stands around them. These are what an agent's own platform leaks first.

use super::{Rule, rule};
use crate::secrets::check::Check::{Chance, Mixed};

pub(super) const RULES: &[Rule] = &[
    // The letters in the middle are base64 of the vendor's name.
    rule(
        "openai-key",
        "OpenAI API key",
        &[
            "sk-{a20}T3BlbkFJ{a20}",
            "sk-proj-{w74}T3BlbkFJ{w74}",
            "sk-proj-{w58}T3BlbkFJ{w58}",
            "sk-svcacct-{w74}T3BlbkFJ{w74}",
            "sk-svcacct-{w58}T3BlbkFJ{w58}",
            "sk-admin-{w74}T3BlbkFJ{w74}",
            "sk-admin-{w58}T3BlbkFJ{w58}",
            "sk-proj-{a48}",
            "sk-proj-{a20}T3BlbkFJ{a20}",
        ],
        Chance,
    ),
    rule(
        "anthropic-key",
        "Anthropic API key",
        &[
            "sk-ant-api03-{w95}",
            "sk-ant-admin01-{w95}",
            "sk-ant-oat01-{w95}",
            "sk-ant-ort01-{w95}",
        ],
        Chance,
    ),
    rule(
        "openrouter-key",
        "OpenRouter API key",
        &["sk-or-v1-{h64}"],
        Chance,
    ),
    rule(
        "langfuse-key",
        "Langfuse secret key",
        &["sk-lf-{h8}-{h4}-{h4}-{h4}-{h12}"],
        Chance,
    ),
    rule(
        "helicone-key",
        "Helicone API key",
        &[
            "sk-helicone-{l7}-{l7}-{l7}-{l7}",
            "pk-helicone-{l7}-{l7}-{l7}-{l7}",
        ],
        Chance,
    ),
    rule(
        "bifrost-key",
        "Bifrost virtual key",
        &["sk-bf-{h8}-{h4}-{h4}-{h4}-{h12}"],
        Chance,
    ),
    rule(
        "short-sk-key",
        "API key of the form sk-…",
        &["sk-{a48}", "sk-{h32}", "sk-{w22}"],
        Mixed,
    ),
    rule(
        "hugging-face-token",
        "Hugging Face token",
        &["hf_{z34}", "api_org_{z34}"],
        Chance,
    ),
    rule("groq-key", "Groq API key", &["gsk_{a52}"], Chance),
    rule("replicate-token", "Replicate API token", &["r8_{a37}"], Chance),
    rule("perplexity-key", "Perplexity API key", &["pplx-{a48}"], Chance),
    rule("xai-key", "xAI API key", &["xai-{a80}"], Chance),
    rule(
        "fireworks-key",
        "Fireworks API key",
        &["fw_{a22}", "fw_{a24}"],
        Mixed,
    ),
    rule("together-key", "Together AI key", &["tgp_v1_{w43}"], Chance),
    rule("cerebras-key", "Cerebras API key", &["csk-{l48}"], Chance),
    rule(
        "nvidia-key",
        "NVIDIA API key",
        &["nvapi-{w64}", "nvapi-{w60}"],
        Chance,
    ),
    rule("pinecone-key", "Pinecone API key", &["pcsk_{a5-6}_{a63}"], Chance),
    rule(
        "langsmith-key",
        "LangSmith API key",
        &["lsv2_pt_{h32}_{h10}", "lsv2_sk_{h32}_{h10}"],
        Chance,
    ),
    rule("elevenlabs-key", "ElevenLabs API key", &["sk_{h48}"], Chance),
    rule(
        "tavily-key",
        "Tavily API key",
        &["tvly-{a32}", "tvly-dev-{a32}", "tvly-prod-{a32}"],
        Chance,
    ),
    rule("firecrawl-key", "Firecrawl API key", &["fc-{h32}"], Chance),
    rule("e2b-key", "E2B API key", &["e2b_{h40}"], Chance),
    rule("jina-key", "Jina API key", &["jina_{h32}{w28}"], Chance),
    rule("voyage-key", "Voyage API key", &["pa-{w43}"], Chance),
    rule(
        "wandb-key",
        "Weights & Biases API key",
        &["wandb_v1_{w77}"],
        Chance,
    ),
    rule(
        "posthog-key",
        "PostHog personal API key",
        &["phx_{a43}", "phx_{a47}"],
        Chance,
    ),
    rule(
        "gemini-auth-key",
        "Gemini authorisation key",
        &["AQ.Ab8RN6{w44}"],
        Chance,
    ),
];
