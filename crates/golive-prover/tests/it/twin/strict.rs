//! The twin's strict reading of a body: serde_json, and on top of it no member twice, few nodes, short names, and the
//! structure of a chat request.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::answers::{error, with_body};
use super::{Flaw, Reply};

/// Whether the body asks for a stream, or the refusal it gets.
pub fn check(body: &[u8], flaw: Flaw) -> Result<bool, Box<Reply>> {
    let mut repaired = body.to_vec();
    if flaw == Flaw::LoneSurrogatesAccepted {
        let text = String::from_utf8_lossy(body)
            .replace("\\ud83d", "?")
            .replace("\\ude00", "?");
        repaired = text.into_bytes();
    }
    if let Err(why) = read(&repaired, flaw) {
        let message = why.to_string();
        return Err(Box::new(match flaw {
            Flaw::BreaksOverDepth if message.contains("recursion") => {
                error(500, "internal", "Something broke.")
            }
            Flaw::TellsTheInside => error(400, "invalid_json", "panicked at src/strict.rs:41: invalid JSON"),
            Flaw::PageInsteadOfError => with_body(400, "text/html", "<html><h1>Bad Request</h1></html>"),
            _ => error(400, "invalid_json", "The body is not the JSON of a request."),
        }));
    }
    if flaw == Flaw::RefusesEmoji && String::from_utf8_lossy(body).contains('\u{1f469}') {
        return Err(Box::new(error(400, "invalid_text", "Letters only, please.")));
    }
    let value: Value = serde_json::from_slice(&repaired).unwrap_or_default();
    if structured(&value) {
        Ok(value.get("stream") == Some(&Value::Bool(true)))
    } else {
        Err(Box::new(error(
            400,
            "invalid_request",
            "The body is not a chat request.",
        )))
    }
}

fn read(body: &[u8], flaw: Flaw) -> serde_json::Result<()> {
    let nodes = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_slice(body);
    Strict {
        nodes: &nodes,
        duplicates: flaw == Flaw::DuplicatesAccepted,
    }
    .deserialize(&mut reader)?;
    reader.end()
}

fn structured(value: &Value) -> bool {
    let message = |message: &Value| {
        message.get("role").is_some_and(Value::is_string)
            && message
                .get("content")
                .is_some_and(|content| content.is_string() || content.is_array())
    };
    value
        .get("model")
        .and_then(Value::as_str)
        .is_some_and(|model| !model.is_empty())
        && value
            .get("messages")
            .and_then(Value::as_array)
            .is_some_and(|all| !all.is_empty() && all.iter().all(message))
        && value.get("stream").is_none_or(Value::is_boolean)
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    nodes: &'a Cell<usize>,
    duplicates: bool,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > 50_000 {
            return Err(D::Error::custom("too many values"));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while all.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(Name(name)) = all.next_key()? {
            if name.len() > 10_000 {
                return Err(A::Error::custom("a long name"));
            }
            if !names.insert(name) && !self.duplicates {
                return Err(A::Error::custom("a member twice"));
            }
            all.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct Name(String);
