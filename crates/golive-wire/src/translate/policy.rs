//! E4: what is done with a parameter that the other format cannot express: refused, told, or dropped by declaration.
//!
//! Never: drops anything that is not either told or declared.

use super::Refusal;
use crate::Wire;
use crate::http_agent::Pointer;
use std::borrow::Cow;

/// What is done with a parameter that the other format cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Loss {
    /// The request is not sent there.
    #[default]
    Refuse,
    /// It is sent without the parameter, and the caller is told.
    Warn,
    /// It is sent without the parameter; only the ledger knows.
    Drop,
}

/// How the model behind a link can be asked to reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Reasoning {
    /// Not at all: asking for it is a parameter that cannot be expressed.
    None,
    /// By a word: `reasoning_effort`; at Anthropic adaptive thinking with `output_config.effort`.
    #[default]
    Effort,
    /// By a number of tokens, as Anthropic's models before adaptive thinking want it (at OpenAI as [`Self::Effort`]).
    Budget,
}

/// Where an HTTP agent's messages hold their text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The person's words in a request.
    pub input: Pointer,
    /// The reply in a whole answer.
    pub output: Pointer,
    /// A piece of the reply in an event of a stream; `None`: it does not stream.
    pub stream: Option<Pointer>,
}

/// How requests are translated for one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// For what is not named below.
    pub default: Loss,
    /// By parameter, as the caller's format writes it: `seed`, `messages.name`. A name also decides about what stands
    /// under it: `tools` about `tools.web_search`.
    pub parameters: Vec<(String, Loss)>,
    /// Most tokens of an answer where the caller named none and Anthropic wants a number.
    pub max_tokens: u64,
    /// How the model behind the link can be asked to reason.
    pub reasoning: Reasoning,
    /// The server behind the link knows only OpenAI's older `max_tokens`, not `max_completion_tokens`.
    pub older_max_tokens: bool,
    /// The pointers, where either side is an HTTP agent.
    pub agent: Option<Agent>,
}

impl Default for Policy {
    /// Refuses what is not a [hint](HINTS), and allows 4,096 tokens of answer: what every Messages model takes.
    fn default() -> Self {
        Policy {
            default: Loss::Refuse,
            parameters: Vec::new(),
            max_tokens: 4096,
            reasoning: Reasoning::default(),
            older_max_tokens: false,
            agent: None,
        }
    }
}

/// Parameters without which the right answer is still right: they name, tag, cache, predict or fine-tune. Where they
/// are not declared, they are told of and do not refuse a request.
pub const HINTS: &[&str] = &[
    "cache_control",
    "messages.annotations",
    "messages.cache_control",
    "messages.citations",
    "messages.image_url.detail",
    "messages.name",
    "messages.reasoning",
    "messages.reasoning_content",
    "messages.system",
    "messages.thinking",
    "messages.tool_result.image",
    "messages.tool_result.is_error",
    "metadata",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "service_tier",
    "store",
    "temperature",
    "tools.cache_control",
    "verbosity",
];

/// The same for an HTTP agent, which takes one text and decides for itself how to answer.
const HINTS_TO_AGENT: &[&str] = &[
    "max_completion_tokens",
    "max_tokens",
    "model",
    "stream_options",
    "top_k",
    "top_p",
    "user",
    "safety_identifier",
];

impl Policy {
    /// What is done with this parameter on the way to `to`.
    pub fn loss(&self, to: Wire, parameter: &str) -> Loss {
        let mut name = parameter;
        loop {
            if let Some((_, declared)) = self.parameters.iter().find(|(known, _)| known == name) {
                return *declared;
            }
            match name.rfind('.') {
                Some(dot) => name = &name[..dot],
                None => break,
            }
        }
        let hint = HINTS.contains(&parameter) || (to == Wire::Problem && HINTS_TO_AGENT.contains(&parameter));
        match self.default {
            Loss::Refuse if hint => Loss::Warn,
            default => default,
        }
    }
}

/// Gathers what a translation loses.
#[derive(Debug)]
pub(super) struct Losses<'p> {
    pub(super) policy: &'p Policy,
    pub(super) to: Wire,
    pub(super) told: Vec<Cow<'static, str>>,
    pub(super) dropped: Vec<Cow<'static, str>>,
}

/// Different names kept of one request; a caller can make up any number of unknown fields.
const NAMES_MAX: usize = 32;

impl<'p> Losses<'p> {
    pub(super) fn new(policy: &'p Policy, to: Wire) -> Self {
        Losses {
            policy,
            to,
            told: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// The parameter cannot be expressed: goes on without it, or refuses.
    pub(super) fn lose(&mut self, parameter: impl Into<Cow<'static, str>>) -> Result<(), Refusal> {
        let parameter = parameter.into();
        let list = match self.policy.loss(self.to, &parameter) {
            Loss::Refuse => {
                return Err(Refusal::CannotExpress {
                    parameter,
                    to: self.to,
                });
            }
            Loss::Warn => &mut self.told,
            Loss::Drop => &mut self.dropped,
        };
        if list.len() < NAMES_MAX && !list.contains(&parameter) {
            list.push(parameter);
        }
        Ok(())
    }

    /// The same for a name from outside, under another one.
    pub(super) fn lose_named(&mut self, under: &str, name: &str) -> Result<(), Refusal> {
        self.lose(named(under, name))
    }
}

/// A parameter whose last part comes from outside: only what may stand in a header.
pub(super) fn named(under: &str, name: &str) -> Cow<'static, str> {
    let fits = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let name = if fits { name } else { "unknown" };
    match under {
        "" => name.to_owned().into(),
        under => format!("{under}.{name}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_declaration_decides_then_the_hints_then_the_default() {
        let policy = Policy {
            parameters: vec![
                ("tools".into(), Loss::Drop),
                ("tools.web_search".into(), Loss::Warn),
                ("metadata".into(), Loss::Refuse),
            ],
            ..Policy::default()
        };
        for (parameter, loss) in [
            ("tools.web_search", Loss::Warn),
            ("tools.mcp", Loss::Drop),
            ("metadata", Loss::Refuse),
            ("messages.name", Loss::Warn),
            ("seed", Loss::Refuse),
        ] {
            assert_eq!(policy.loss(Wire::Anthropic, parameter), loss, "{parameter}");
        }
        assert_eq!(policy.loss(Wire::Problem, "max_tokens"), Loss::Warn);
        assert_eq!(policy.loss(Wire::Anthropic, "max_tokens"), Loss::Refuse);
    }

    #[test]
    fn a_name_from_outside_can_stand_in_a_header() {
        assert_eq!(named("", "x\r\nset-cookie: a"), "unknown");
        assert_eq!(named("tools", "web_search"), "tools.web_search");
    }

    #[test]
    fn made_up_fields_do_not_grow_the_list_without_bound() {
        let policy = Policy {
            default: Loss::Warn,
            ..Policy::default()
        };
        let mut losses = Losses::new(&policy, Wire::Anthropic);
        for number in 0..1000 {
            losses.lose_named("", &format!("x{number}")).unwrap();
        }
        assert_eq!(losses.told.len(), NAMES_MAX);
    }
}
