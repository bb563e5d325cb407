//! E3: a request as the dialogue that it is: who said what, turn by turn.
//!
//! Never: takes what a document or a tool brought for somebody's own words.

use super::{Voice, each, member, read, request, whole};
use std::ops::Range;

/// One turn of a dialogue: what a person or the model said itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// [`Voice::User`] or [`Voice::Assistant`].
    pub voice: Voice,
    /// The words; several parts joined by line ends.
    pub text: String,
}

/// The messages of a request (`messages`, or `input` where that is a list), as they stand.
fn messages(body: &[u8]) -> Vec<Range<usize>> {
    let root = whole(body);
    let list = member(body, &root, "messages").or_else(|| member(body, &root, "input"));
    match list {
        Some(list) if body[list.start] == b'"' => vec![list],
        Some(list) => each(body, &list),
        None => Vec::new(),
    }
}

/// What somebody said himself in a message; `None`: nobody did.
fn turn(body: &[u8], message: &Range<usize>) -> Option<Turn> {
    let mut places = Vec::new();
    request::of_message(body, message, &mut places);
    let voice = match member(body, message, "role").map(|role| read(body, &role).into_owned()) {
        Some(role) if role == "assistant" => Voice::Assistant,
        Some(role) if role == "user" => Voice::User,
        None if body[message.start] == b'"' => Voice::User,
        _ => return None,
    };
    let mut text = String::new();
    for place in places.iter().filter(|place| place.voice == voice) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&read(body, &place.literal));
    }
    (!text.is_empty()).then_some(Turn { voice, text })
}

/// What the user says now: the last message, if that is the user's own.
pub fn said_now(body: &[u8]) -> Option<String> {
    let last = messages(body).pop()?;
    turn(body, &last)
        .filter(|turn| turn.voice == Voice::User)
        .map(|turn| turn.text)
}

/// The first words of the user's.
pub fn said_first(body: &[u8]) -> Option<String> {
    messages(body)
        .iter()
        .filter_map(|message| turn(body, message))
        .find(|turn| turn.voice == Voice::User)
        .map(|turn| turn.text)
}

/// The last turns, oldest first, `most` at the most.
pub fn last_turns(body: &[u8], most: usize) -> Vec<Turn> {
    let messages = messages(body);
    let mut turns: Vec<Turn> = messages
        .iter()
        .rev()
        .filter_map(|message| turn(body, message))
        .take(most)
        .collect();
    turns.reverse();
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_now_is_the_users_own_last_message_and_no_result_of_a_tool() {
        let body = br#"{"model":"m","messages":[{"role":"system","content":"be kind"},{"role":"user","content":"first"},
            {"role":"assistant","content":"yes?"},{"role":"user","content":[{"type":"text","text":"now"},{"type":"text","text":"please"}]}]}"#;
        assert_eq!(said_now(body).as_deref(), Some("now\nplease"));
        assert_eq!(said_first(body).as_deref(), Some("first"));
        let turns = last_turns(body, 2);
        assert_eq!(turns.len(), 2);
        assert_eq!(
            (turns[0].voice, turns[0].text.as_str()),
            (Voice::Assistant, "yes?")
        );
        let openai = br#"{"messages":[{"role":"user","content":"go"},{"role":"tool","tool_call_id":"c","content":"talk to a human"}]}"#;
        assert_eq!(said_now(openai), None);
        let anthropic = br#"{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"talk to a human"}]}]}"#;
        assert_eq!(said_now(anthropic), None);
        let document = br#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","data":"talk to a human"}},{"type":"text","text":"what does it say?"}]}]}"#;
        assert_eq!(said_now(document).as_deref(), Some("what does it say?"));
        assert_eq!(said_now(br#"{"input":"hello"}"#).as_deref(), Some("hello"));
        assert_eq!(said_now(b"{}"), None);
    }
}
