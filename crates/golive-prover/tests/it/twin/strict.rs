//! The twin's strict reading of a body: serde_json, and on top of it no member twice, few nodes, short names, and the
//! structure of a chat request.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::answers::{error, with_body};
use super::{Flaw, Reply};

/// What of the body goes to the model: hidden characters are taken out, private addresses refused.
pub fn clean(body: &[u8], flaw: Flaw) -> Result<Vec<u8>, Box<Reply>> {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return Ok(body.to_vec()); // a flaw let it through, and it goes on as it is
    };
    let mut private = false;
    walk(&mut value, &mut |text| {
        if flaw != Flaw::KeepsHidden {
            text.retain(|c| !hidden(c));
        }
        private |= text.contains("://") && !text.contains(' ') && !text.starts_with("data:");
    });
    if private && flaw != Flaw::PassesAddresses {
        return Err(Box::new(error(
            400,
            "address_refused",
            "Send the file itself, not its address.",
        )));
    }
    if flaw == Flaw::RefusesHidden && String::from_utf8_lossy(body).chars().any(hidden) {
        return Err(Box::new(error(
            400,
            "invalid_text",
            "The text holds characters that cannot be seen.",
        )));
    }
    Ok(value.to_string().into_bytes())
}

fn walk(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(all) => all.iter_mut().for_each(|one| walk(one, change)),
        Value::Object(members) => members.values_mut().for_each(|one| walk(one, change)),
        _ => {}
    }
}

/// Joiners and marks of direction have their uses, and stay.
fn hidden(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    control
        || matches!(c as u32, 0x180E | 0x200B | 0x202A..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB | 0xE0000..=0xE0FFF)
}

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

/// What the model `formed` asks of its requests: a ticket, no word of one project, no orders of callers.
pub fn formed(body: &[u8], flaw: Flaw) -> Result<(), Box<Reply>> {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    if value.get("model").and_then(Value::as_str) != Some("formed") {
        return Ok(());
    }
    let ticket = value.get("ticket").and_then(Value::as_str);
    let form = ticket.is_some_and(|ticket| ticket.starts_with("T-")) || flaw == Flaw::FormUnchecked;
    let denied = String::from_utf8_lossy(body).contains("nightjar") && flaw != Flaw::DeniedTextPasses;
    let messages = value
        .get("messages")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let orders = messages
        .iter()
        .any(|message| match message.get("role").and_then(Value::as_str) {
            Some("developer") => flaw != Flaw::DeveloperMayOrder,
            role => role == Some("system"),
        });
    if !form || denied || orders || flaw == Flaw::RefusesEveryForm {
        return Err(Box::new(error(
            400,
            "schema_violation",
            "The request is not of the form of this agent.",
        )));
    }
    Ok(())
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
                .is_some_and(|content| content.is_string() || content.is_array() || content.is_null())
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
