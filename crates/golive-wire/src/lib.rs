//! Wire formats: OpenAI, Anthropic, HTTP agents, problem details, server-sent events.
