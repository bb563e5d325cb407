//! E4: thinking that has no signature. Anthropic signs its thinking and refuses a block that it did not sign; reasoning
//! of another provider's model, shown to an Anthropic caller as thinking, therefore carries a mark in the signature's
//! place, and leaves the conversation again before it goes to Anthropic.
//!
//! Never: touches a block that Anthropic signed.

use crate::edit::{elements, members, set_member};
use memchr::memmem;
use std::cell::Cell;

/// The signature of thinking that nobody signed.
pub const UNSIGNED: &str = "golive-unsigned";

/// The body of a Messages request without thinking that bears [`UNSIGNED`]; `None`: there is none, the body can go as it
/// is. To be asked of every request that goes to Anthropic untranslated.
pub fn without_unsigned_thinking(body: &[u8]) -> Option<Vec<u8>> {
    memmem::find(body, UNSIGNED.as_bytes())?;
    let found = Cell::new(false);
    let new = set_member(body, "messages", |messages| {
        let messages = messages.unwrap_or(b"[]");
        let mut kept = Vec::new();
        for message in elements(messages) {
            let without = without_blocks(&messages[message.clone()]);
            found.set(found.get() || without.is_some());
            match without {
                Some(Some(rest)) => kept.push(rest),
                Some(None) => {} // nothing was in it but unsigned thinking
                None => kept.push(messages[message].to_vec()),
            }
        }
        [b"[", &kept.join(&b","[..])[..], b"]"].concat()
    });
    found.get().then_some(new)
}

/// The message without its unsigned blocks: `None` if it has none, `Some(None)` if it had nothing else.
fn without_blocks(message: &[u8]) -> Option<Option<Vec<u8>>> {
    let content = members(message).find(|member| member.is(message, "content"))?;
    let blocks = &message[content.value];
    let kept: Vec<&[u8]> = elements(blocks)
        .map(|place| &blocks[place])
        .filter(|block| !is_unsigned(block))
        .collect();
    if kept.len() == elements(blocks).count() {
        return None;
    }
    if kept.is_empty() {
        return Some(None);
    }
    let new = [b"[", &kept.join(&b","[..])[..], b"]"].concat();
    Some(Some(set_member(message, "content", |_| new.clone())))
}

fn is_unsigned(block: &[u8]) -> bool {
    let says = |name: &str, value: &[u8]| {
        members(block).any(|member| member.is(block, name) && &block[member.value.clone()] == value)
    };
    says("type", b"\"thinking\"") && says("signature", format!("\"{UNSIGNED}\"").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_thinking_leaves_and_every_other_byte_stays() {
        let body = format!(
            r#"{{"model":"m", "messages":[ {{"role":"user","content":"hi"}},{{"role":"assistant","content":[{{"type":"thinking","thinking":"hm","signature":"{UNSIGNED}"}},{{"type":"text","text":"a b"}}]}},{{"role":"assistant","content":[{{"type":"thinking","thinking":"hm","signature":"{UNSIGNED}"}}]}}],"max_tokens":1e2}}"#
        );
        let new = without_unsigned_thinking(body.as_bytes()).unwrap();
        assert_eq!(
            String::from_utf8(new).unwrap(),
            r#"{"model":"m", "messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"text","text":"a b"}]}],"max_tokens":1e2}"#
        );
    }

    #[test]
    fn what_anthropic_signed_and_what_only_speaks_of_the_mark_stays() {
        for body in [
            r#"{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"abc"}]}]}"#,
            r#"{"messages":[{"role":"user","content":"what is golive-unsigned?"}]}"#,
        ] {
            assert_eq!(without_unsigned_thinking(body.as_bytes()), None, "{body}");
        }
    }
}
