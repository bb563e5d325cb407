//! S8, E4: the texts and tools of a request, read only by the brains that need them: a canned answer is not to
//! pay for them.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::gullible::Heard;

/// The parts of a request that hold texts and tools, unread.
#[derive(Default)]
pub(crate) struct Conversation<'a> {
    /// `messages`, or the agent's `message`.
    pub(crate) messages: Option<&'a RawValue>,
    /// Anthropic's `system`.
    pub(crate) system: Option<&'a RawValue>,
    /// `tools`.
    pub(crate) tools: Option<&'a RawValue>,
}

impl Conversation<'_> {
    /// Tokens by a rough rule, one per four bytes of the messages: reported where no usage is fixed.
    pub(crate) fn tokens(&self) -> u64 {
        let len = |raw: Option<&RawValue>| raw.map_or(0, |raw| raw.get().len() as u64);
        (len(self.messages) + len(self.system) + len(self.tools)) / 4 + 1
    }

    /// What a model is told and by what means: the system's words apart from all others.
    pub(crate) fn heard(&self) -> Heard {
        let mut heard = Heard {
            tools: self.tools(),
            ..Heard::default()
        };
        if let Some(system) = self.system {
            collect(&parse(system), &mut heard.system);
        }
        match self.messages.map(parse) {
            Some(Value::Array(messages)) => {
                for message in &messages {
                    let role = message.get("role").and_then(Value::as_str);
                    if matches!(role, Some("system" | "developer")) {
                        collect(message, &mut heard.system);
                    } else {
                        collect(message, &mut heard.texts);
                    }
                }
            }
            Some(whole) => collect(&whole, &mut heard.texts),
            None => {}
        }
        heard
    }

    /// The text of the last message.
    pub(crate) fn last_text(&self) -> String {
        let mut texts = Vec::new();
        if let Some(raw) = self.messages {
            match parse(raw) {
                Value::Array(messages) => {
                    if let Some(last) = messages.last() {
                        collect(last, &mut texts);
                    }
                }
                whole => collect(&whole, &mut texts),
            }
        }
        texts.join("\n")
    }

    /// The names of the tools that are offered, in either format.
    pub(crate) fn tools(&self) -> Vec<String> {
        let Some(Value::Array(tools)) = self.tools.map(parse) else {
            return Vec::new();
        };
        let name = |tool: &Value| {
            let name = tool.pointer("/function/name").or_else(|| tool.get("name"));
            name.and_then(Value::as_str).map(str::to_owned)
        };
        tools.iter().filter_map(name).collect()
    }
}

fn parse(raw: &RawValue) -> Value {
    // It was read as JSON before; only its nesting can be too deep for a second reading.
    serde_json::from_str(raw.get()).unwrap_or(Value::Null)
}

/// Texts stand as a plain string, under `text`, under `content` (of messages and tool results), or under `source` and
/// `data` (of documents).
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, texts)),
        Value::Object(object) => {
            let is_text = |source: &&Value| source.get("type").and_then(Value::as_str) == Some("text");
            let document = object
                .get("source")
                .filter(is_text)
                .and_then(|source| source.get("data"));
            for inner in [object.get("text"), object.get("content"), document]
                .into_iter()
                .flatten()
            {
                collect(inner, texts);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_strings_parts_and_tool_results_and_tools_in_both_formats() {
        let raw = |json: &'static str| Some(serde_json::from_str::<&RawValue>(json).unwrap());
        let conversation = Conversation {
            system: raw(r#""be brief""#),
            messages: raw(r#"[{"role":"user","content":"one"},
                    {"role":"user","content":[{"type":"text","text":"two"},{"type":"tool_result","content":[{"type":"text","text":"three"}]}]},
                    {"role":"tool","tool_call_id":"x","content":"four"}]"#),
            tools: raw(
                r#"[{"type":"function","function":{"name":"pay"}},{"name":"look","input_schema":{}}]"#,
            ),
        };
        let heard = conversation.heard();
        assert_eq!(heard.system, ["be brief"]);
        assert_eq!(heard.texts, ["one", "two", "three", "four"]);
        assert_eq!(heard.tools, ["pay", "look"]);
        assert_eq!(conversation.last_text(), "four");
        assert_eq!(conversation.tools(), ["pay", "look"]);
    }
}
