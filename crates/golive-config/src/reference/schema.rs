//! S1: the JSON Schema of `golive.toml` (draft 2020-12), built from the table of keys, for editors.
//!
//! It knows form, not sense: ranges of durations, dangling names and secrets are judged by the walk.

use serde_json::{Map, Value, json};

use super::{KEYS, Key, Kind, Preset, Section};

/// The schema as JSON.
#[must_use]
pub fn schema() -> Value {
    let mut root = table("golive's configuration");
    root.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    root.insert("title".to_owned(), json!("golive.toml"));
    let mut root = Value::Object(root);
    for section in KEYS {
        let steps: Vec<&str> = section.path.split('.').collect();
        // Models are called as their makers like it.
        let free_names = section.path.starts_with("prices.");
        fill(descend(&mut root, &steps, free_names), section);
    }
    root
}

/// A closed table without keys.
fn table(doc: &str) -> Map<String, Value> {
    let closed =
        json!({ "description": doc, "type": "object", "properties": {}, "additionalProperties": false });
    closed.as_object().cloned().unwrap_or_default()
}

/// The object schema at `steps`, made on the way if need be. `*` is any name.
fn descend<'v>(at: &'v mut Value, steps: &[&str], free_names: bool) -> &'v mut Value {
    let Some((step, rest)) = steps.split_first() else {
        return at;
    };
    if *step == "[]" {
        if !at["items"].is_object() {
            *at = json!({ "type": "array", "items": table("") });
        }
        return descend(&mut at["items"], rest, free_names);
    }
    let inner = if *step == "*" {
        if !at["additionalProperties"].is_object() {
            if !free_names {
                at["propertyNames"] = json!({ "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" });
            }
            at["additionalProperties"] = Value::Object(table(""));
        }
        &mut at["additionalProperties"]
    } else {
        if !at["properties"][*step].is_object() {
            at["properties"][*step] = Value::Object(table(""));
        }
        &mut at["properties"][*step]
    };
    descend(inner, rest, free_names)
}

fn fill(at: &mut Value, section: &Section) {
    at["description"] = json!(section.doc);
    let required: Vec<&str> = section
        .keys
        .iter()
        .filter(|key| key.preset == Preset::Required)
        .map(|key| key.name)
        .collect();
    if !required.is_empty() {
        at["required"] = json!(required);
    }
    for key in section.keys {
        at["properties"][key.name] = value(key);
    }
}

fn value(key: &Key) -> Value {
    let mut schema = kind(key.kind);
    schema["description"] = json!(key.doc);
    if let Some(example) = as_json(key.example) {
        schema["examples"] = json!([example]);
    }
    if let Preset::Is(preset) = key.preset
        && let Some(preset) = as_json(preset)
    {
        schema["default"] = preset;
    }
    schema
}

fn kind(kind: Kind) -> Value {
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let list = json!({ "type": "array", "items": { "type": "string", "minLength": 1 } });
    match kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Span(..) => text("^([0-9]+(ms|s|m|h|d))+$"),
        Kind::Spans(_, _, longest) => json!({
            "type": "array",
            "items": { "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$" },
            "maxItems": longest,
        }),
        Kind::Size(..) => text("^[0-9]+ *(B|kB|KB|KiB|MB|MiB|GB|GiB|TB|TiB)$"),
        Kind::RateOrOff => text("^(off|[0-9]+/[0-9a-z]+)$"),
        Kind::RatesOrOff => {
            let rate = "^[0-9]+/[0-9a-z]+$";
            json!({
                "type": ["string", "array"],
                "pattern": "^(off|[0-9]+/[0-9a-z]+)$",
                "items": { "type": "string", "pattern": rate },
                "minItems": 1,
                "maxItems": super::RATES_MAX,
            })
        }
        Kind::Load => text("^[0-9]+/[0-9a-z]+$"),
        Kind::Listen => text(":[0-9]+$"),
        Kind::Url => text("^[Hh][Tt][Tt][Pp][Ss]?://[^@?#]+$"),
        Kind::File | Kind::Text | Kind::Header => json!({ "type": "string", "minLength": 1 }),
        Kind::Choice(words) => json!({ "type": "string", "enum": words }),
        Kind::Variable => text("^[A-Za-z_][A-Za-z0-9_]*$"),
        Kind::Pointer => text("^(/([^~/]|~0|~1)*)+$"),
        Kind::Chain => {
            json!({ "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1 })
        }
        Kind::Command => {
            json!({ "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1 })
        }
        Kind::Money => text("^[0-9]+(\\.[0-9]{1,6})? *USD$"),
        Kind::Networks | Kind::Files | Kind::Names | Kind::Headers => list,
    }
}

/// A TOML value of the table as JSON.
pub(crate) fn as_json(literal: &str) -> Option<Value> {
    let table: toml::Table = format!("value = {literal}").parse().ok()?;
    serde_json::to_value(table.get("value")?).ok()
}
