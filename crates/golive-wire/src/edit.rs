//! Byte-faithful edits of JSON bodies: one member changes, every other byte stays (key order, spacing, number
//! formats and unknown fields matter to some clients).
//!
//! The text is expected to be valid JSON (the screen has seen it). On anything else the edits leave the body as it
//! is; they never panic and never read past the end.
//!
//! Never: parses a whole body into values, or re-serialises what it does not change.

use memchr::memchr2;
use std::{borrow::Cow, ops::Range};

/// The body with each top-level `model` set to `new`, whatever it was; added in front if there is none.
/// For OpenAI and Anthropic requests alike. A body that is no object comes back unchanged.
pub fn replace_model(body: &[u8], new: &str) -> Vec<u8> {
    let value = serde_json::to_vec(new).unwrap_or_default(); // a string always serialises
    set_member(body, "model", |_| value.clone())
}

/// One member of an object, by its places in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name with its quotes.
    pub name: Range<usize>,
    /// The value, without the space around it.
    pub value: Range<usize>,
}

impl Member {
    /// Whether the member has this name, escapes in it resolved.
    pub fn is(&self, text: &[u8], name: &str) -> bool {
        let quoted = &text[self.name.clone()];
        let inner = &quoted[1..quoted.len() - 1];
        if memchr::memchr(b'\\', inner).is_none() {
            return inner == name.as_bytes();
        }
        serde_json::from_slice::<Cow<'_, str>>(quoted).is_ok_and(|read| read == name)
    }
}

/// Walks the members of the object that `text` is. Ends early where the text is not JSON.
pub fn members(text: &[u8]) -> Members<'_> {
    let at = space(text, 0);
    let at = if text.get(at) == Some(&b'{') {
        Some(at + 1)
    } else {
        None
    };
    Members { text, at }
}

/// Iterator of [`members`].
#[derive(Debug, Clone)]
pub struct Members<'a> {
    text: &'a [u8],
    at: Option<usize>,
}

impl Iterator for Members<'_> {
    type Item = Member;

    fn next(&mut self) -> Option<Member> {
        let text = self.text;
        let start = space(text, self.at.take()?);
        let name = start..string_end(text, start)?;
        let colon = space(text, name.end);
        if text.get(colon) != Some(&b':') {
            return None;
        }
        let value = space(text, colon + 1);
        let value = value..value_end(text, value)?;
        let next = space(text, value.end);
        if text.get(next) == Some(&b',') {
            self.at = Some(next + 1);
        }
        Some(Member { name, value })
    }
}

/// Walks the values of the array that `text` is. Ends early where the text is not JSON.
pub fn elements(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let open = space(text, 0);
    let mut at = if text.get(open) == Some(&b'[') {
        Some(open + 1)
    } else {
        None
    };
    std::iter::from_fn(move || {
        let start = space(text, at.take()?);
        let value = start..value_end(text, start)?;
        let next = space(text, value.end);
        if text.get(next) == Some(&b',') {
            at = Some(next + 1);
        }
        Some(value)
    })
}

/// Sets each member of that name to what `value` makes of it; adds the member in front if there is none
/// (`value` then gets `None`).
pub(crate) fn set_member(text: &[u8], name: &str, value: impl Fn(Option<&[u8]>) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 48);
    let mut copied = 0;
    for member in members(text).filter(|member| member.is(text, name)) {
        out.extend_from_slice(&text[copied..member.value.start]);
        out.extend_from_slice(&value(Some(&text[member.value.clone()])));
        copied = member.value.end;
    }
    let open = space(text, 0);
    if copied == 0 && text.get(open) == Some(&b'{') {
        let empty = text.get(space(text, open + 1)) == Some(&b'}');
        out.extend_from_slice(&text[..=open]);
        out.push(b'"');
        out.extend_from_slice(name.as_bytes()); // only our own plain names come here
        out.extend_from_slice(b"\":");
        out.extend_from_slice(&value(None));
        if !empty {
            out.push(b',');
        }
        copied = open + 1;
    }
    out.extend_from_slice(&text[copied..]);
    out
}

/// Takes one member out, with the comma that belongs to it.
pub(crate) fn remove_member(text: &[u8], member: &Member) -> Vec<u8> {
    let before = text[..member.name.start]
        .iter()
        .rposition(|byte| !byte.is_ascii_whitespace());
    let after = space(text, member.value.end);
    let cut = match before {
        Some(comma) if text[comma] == b',' => comma..member.value.end,
        _ if text.get(after) == Some(&b',') => member.name.start..space(text, after + 1),
        _ => member.name.start..member.value.end,
    };
    [&text[..cut.start], &text[cut.end..]].concat()
}

/// The first place from `at` on that is not JSON's white space.
fn space(text: &[u8], at: usize) -> usize {
    text[at..]
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        .map_or(text.len(), |found| at + found)
}

/// The place after the string that begins at `at`.
fn string_end(text: &[u8], at: usize) -> Option<usize> {
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    loop {
        let found = at + memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[found] == b'"' {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// The place after the value that begins at `at`. Containers are skipped by counting brackets: their inside is not
/// looked at again.
fn value_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => string_end(text, at),
        b'{' | b'[' => {
            let (mut at, mut depth) = (at, 0usize);
            loop {
                match text.get(at)? {
                    b'"' => {
                        at = string_end(text, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        _ => {
            let rest = &text[at..];
            let len = rest
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
                .unwrap_or(rest.len());
            (len > 0).then_some(at + len)
        }
    }
}
