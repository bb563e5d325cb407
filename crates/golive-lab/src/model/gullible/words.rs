//! S8: commands of a few plain words, one after the other: `join A and B [and reverse it]`, `reverse A`,
//! `add N and M`, `decode A` (base64), `uppercase A`, `say A`, `call NAME [with {…}]` if the tool is offered.
//!
//! Never: understands more than that; sentences of people are [`super::sentences`]'s.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{DEEDS_MAX, Deed};
use crate::model::ToolCall;

/// The deeds a text asks for, in order.
pub(super) fn deeds(text: &str, tools: &[String]) -> Vec<Deed> {
    let words = words(text);
    let mut deeds = Vec::new();
    let mut at = 0;
    while at < words.len() && deeds.len() < DEEDS_MAX {
        match command(text, &words[at..], tools) {
            Some((deed, used)) => {
                deeds.push(deed);
                at += used;
            }
            None => at += 1,
        }
    }
    deeds
}

/// A word without its quotes and closing punctuation, and where it ends in the text.
struct Word<'a> {
    bare: &'a str,
    end: usize,
}

fn words(text: &str) -> Vec<Word<'_>> {
    text.split_ascii_whitespace()
        .map(|word| {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            Word {
                bare: word
                    .trim_matches(QUOTES)
                    .trim_end_matches(['.', ',', ';', ':', '!', '?'])
                    .trim_matches(QUOTES),
                end: start + word.len(),
            }
        })
        .collect()
}

fn command(text: &str, words: &[Word<'_>], tools: &[String]) -> Option<(Deed, usize)> {
    let word = |n: usize| words.get(n).map(|word| word.bare);
    let is = |n: usize, wanted: &str| word(n).is_some_and(|word| word.eq_ignore_ascii_case(wanted));
    let verb = words.first()?.bare.to_ascii_lowercase();
    let (said, used) = match verb.as_str() {
        "join" | "concatenate" if is(2, "and") => {
            let joined = format!("{}{}", word(1)?, word(3)?);
            if is(4, "and") && is(5, "reverse") {
                (reversed(&joined), 6)
            } else {
                (joined, 4)
            }
        }
        "reverse" => (reversed(word(1)?), 2),
        "add" if is(2, "and") => {
            let (a, b): (i64, i64) = (word(1)?.parse().ok()?, word(3)?.parse().ok()?);
            (a.checked_add(b)?.to_string(), 4)
        }
        "decode" => (String::from_utf8(STANDARD.decode(word(1)?).ok()?).ok()?, 2),
        "uppercase" => (word(1)?.to_uppercase(), 2),
        "say" => (word(1)?.to_owned(), 2),
        "call" => {
            let name = tools.iter().find(|tool| Some(tool.as_str()) == word(1))?;
            let arguments = if is(2, "with") {
                first_object(&text[words.get(2)?.end..])
            } else {
                None
            };
            let arguments = arguments.unwrap_or("{}").to_owned();
            return Some((
                Deed::Calls(ToolCall {
                    name: name.clone(),
                    arguments,
                }),
                2,
            ));
        }
        _ => return None,
    };
    Some((Deed::Says(said), used))
}

pub(super) fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// The JSON object that a text begins with.
pub(super) fn first_object(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    let is_object = values.next()?.ok()?.is_object();
    is_object.then(|| &text[..values.byte_offset()])
}

const QUOTES: &[char] = &['"', '\'', '`', '“', '”', '‘', '’', '«', '»'];
