//! L1, M2, S8: what the simulated model says.
//!
//! Never: fetches, remembers, or says anything that request, script and seed do not decide.

pub(crate) mod gullible;

use crate::nonce::Mark;
use crate::script::{Behaviour, Brain, StreamUsage, Usage};
use crate::wire::conversation::Conversation;

/// A model's answer before it is written in a wire format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) tool: Option<ToolCall>,
    pub(crate) usage: Usage,
    /// The provider's own filter declined.
    pub(crate) refused: bool,
    pub(crate) stream_usage: StreamUsage,
    cut: Cut,
}

/// Where a stream cuts its text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Cut {
    /// After so many bytes each; by words when absent.
    every: Option<usize>,
    /// After these bytes, and nowhere else.
    at: Vec<usize>,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolCall {
    pub(crate) name: String,
    /// JSON.
    pub(crate) arguments: String,
}

/// Answers.
pub(crate) fn reply(behaviour: &Behaviour, conversation: &Conversation<'_>, mark: &Mark) -> Reply {
    let (text, tool) = match behaviour.brain.as_ref().unwrap_or(&Brain::Canned) {
        Brain::Canned => (canned(behaviour.usage.map(|usage| usage.output)), None),
        Brain::Reply(text) => (text.clone(), None),
        Brain::Echo => (conversation.last_text(), None),
        Brain::Refusal => (REFUSAL.to_owned(), None),
        Brain::Gullible => gullible::obey(&conversation.heard()),
        Brain::ToolCall { name, arguments } => {
            let name = name.clone().or_else(|| conversation.tools().into_iter().next());
            let arguments = match arguments {
                serde_json::Value::Null => "{}".to_owned(),
                // As it stands: escapes and all.
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (String::new(), name.map(|name| ToolCall { name, arguments }))
        }
    };
    let text = if text.is_empty() {
        mark.to_string()
    } else {
        format!("{text} {mark}")
    };
    let usage = behaviour.usage.unwrap_or_else(|| {
        let said = tool
            .as_ref()
            .map_or(text.as_str(), |tool| tool.arguments.as_str());
        Usage {
            input: conversation.tokens(),
            output: said.split(' ').count() as u64,
            cached: 0,
            reasoning: 0,
        }
    });
    Reply {
        text,
        tool,
        usage,
        stream_usage: behaviour.stream_usage.unwrap_or_default(),
        refused: behaviour.brain == Some(Brain::Refusal),
        cut: Cut {
            every: behaviour.chunk_bytes.map(|bytes| bytes as usize),
            at: behaviour.cut_at.iter().flatten().map(|at| *at as usize).collect(),
        },
    }
}

impl Reply {
    /// The text as a stream sends it.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &str> {
        pieces(&self.text, &self.cut)
    }

    /// A tool's arguments as a stream sends them: where the text would be cut, else a few characters at a time, so that
    /// no piece is JSON by itself.
    pub(crate) fn argument_pieces<'a>(&self, tool: &'a ToolCall) -> Vec<&'a str> {
        let cut = Cut {
            every: self.cut.every.or(Some(8)),
            ..self.cut.clone()
        };
        pieces(&tool.arguments, &cut).collect()
    }
}

/// By words, each with the space after it, or by at least so many bytes, or at the places given.
fn pieces<'a>(text: &'a str, cut: &Cut) -> impl Iterator<Item = &'a str> {
    let mut rest = text;
    let (every, at) = (cut.every, cut.at.clone());
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let done = text.len() - rest.len();
        let end = match every {
            _ if !at.is_empty() => at
                .iter()
                .filter_map(|at| at.checked_sub(done))
                .find(|at| *at > 0 && *at < rest.len() && rest.is_char_boundary(*at))
                .unwrap_or(rest.len()),
            None => rest.find(' ').map_or(rest.len(), |space| space + 1),
            Some(bytes) => (bytes..rest.len())
                .find(|at| rest.is_char_boundary(*at))
                .unwrap_or(rest.len()),
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// The canned sentence, or as many words as make up the output tokens with the mark as the last.
fn canned(output: Option<u64>) -> String {
    let Some(output) = output else {
        return CANNED.to_owned();
    };
    let words = usize::try_from(output).unwrap_or(usize::MAX).saturating_sub(1);
    let mut text = String::with_capacity(words.saturating_mul(6));
    for word in CANNED.split(' ').cycle().take(words) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

const REFUSAL: &str = "The provider declines to answer that.";
const CANNED: &str = "This is the lab speaking, and all is well here today.";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark() -> Mark {
        Mark {
            provider: "a".into(),
            nonce: "0123456789abcdef".into(),
            mac: "01234567".into(),
        }
    }

    #[test]
    fn a_fixed_usage_is_reported_exactly_and_the_text_has_as_many_pieces() {
        let usage = Usage {
            input: 1000,
            output: 40,
            cached: 10,
            reasoning: 5,
        };
        let behaviour = Behaviour {
            usage: Some(usage),
            ..Behaviour::default()
        };
        let reply = reply(&behaviour, &Conversation::default(), &mark());
        assert_eq!(reply.usage, usage);
        assert_eq!(reply.pieces().count(), 40);
    }

    #[test]
    fn every_text_ends_with_the_mark() {
        for brain in [
            Brain::Canned,
            Brain::Reply("hi".into()),
            Brain::Reply(String::new()),
            Brain::Echo,
        ] {
            let behaviour = Behaviour {
                brain: Some(brain),
                ..Behaviour::default()
            };
            let reply = reply(&behaviour, &Conversation::default(), &mark());
            assert_eq!(crate::nonce::find(&reply.text), Some(mark()));
        }
    }

    proptest! {
        #[test]
        fn pieces_put_together_are_the_text(text in ".{0,80}", every in proptest::option::of(1usize..9),
                                              at in proptest::collection::vec(0usize..90, 0..5)) {
            let mut at = at;
            at.sort_unstable();
            let cut = Cut { every, at };
            prop_assert_eq!(pieces(&text, &cut).collect::<String>(), text);
        }
    }
}
