//! S3: the JSON Schema of an agent's input.
//!
//! A schema stands alone: what it refers to must be in it, for a reference to a file or to the network would be fetched
//! by whoever reads the schema. Its patterns run on an engine that takes linear time; those that need look-around or
//! back references are refused when the schema is read.
//!
//! Never: fetches, backtracks, or tells the values that were wrong.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// Most mistakes told of one input.
pub const MISTAKES_MOST: usize = 8;
/// Memory that one compiled pattern may take, in bytes.
pub const PATTERN_MEMORY_MOST: usize = 1 << 20;
/// Longest text, in bytes, that is checked for being a regular expression itself (`"format": "regex"`); longer ones are none.
const REGEX_BYTES_MOST: usize = 1_024;

/// Why a schema is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSchema {
    /// A reference to something outside.
    #[error(
        "the schema refers to `{reference}` (at `{pointer}`); put it under `$defs` and refer to it there: nothing is fetched"
    )]
    Outside {
        /// What it refers to.
        reference: String,
        /// JSON pointer to the reference.
        pointer: String,
    },
    /// Not a valid schema, or one with a pattern that cannot be had in linear time.
    #[error("not a valid JSON Schema (at `{pointer}`): {why}")]
    Invalid {
        /// JSON pointer into the schema.
        pointer: String,
        /// The validator's own words.
        why: String,
    },
}

/// What is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// JSON pointer to the value.
    pub pointer: String,
    /// The rule it breaks, as a sentence that does not tell the value.
    pub message: String,
}

/// A schema, compiled.
#[derive(Debug, Clone)]
pub struct Schema {
    validator: Validator,
}

impl Schema {
    /// Compiles a schema of any draft from 4 to 2020-12; without `$schema` it is read as 2020-12.
    ///
    /// # Errors
    /// A reference outside, or what makes it no schema.
    pub fn new(schema: &Value) -> Result<Self, BadSchema> {
        let mut ids = Vec::new();
        collect_ids(schema, &mut ids);
        refuse_outside(schema, &mut String::new(), &ids)?;
        let patterns = PatternOptions::regex()
            .size_limit(PATTERN_MEMORY_MOST)
            .dfa_size_limit(PATTERN_MEMORY_MOST);
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .should_validate_formats(true)
            .with_format("regex", |text: &str| {
                text.len() <= REGEX_BYTES_MOST && regex_automata::util::syntax::parse(text).is_ok()
            })
            .build(schema)
            .map_err(|error| BadSchema::Invalid {
                pointer: error.instance_path().to_string(),
                why: error.to_string(),
            })?;
        Ok(Self { validator })
    }

    /// Checks an input.
    ///
    /// # Errors
    /// Its mistakes, the first [`MISTAKES_MOST`] of them.
    pub fn check(&self, input: &Value) -> Result<(), Vec<Mistake>> {
        if self.validator.is_valid(input) {
            return Ok(());
        }
        let mistakes = self.validator.iter_errors(input).take(MISTAKES_MOST);
        Err(mistakes
            .map(|error| Mistake {
                pointer: error.instance_path().to_string(),
                message: error.masked_with("the value").to_string(),
            })
            .collect())
    }
}

/// The identifiers that parts of the schema give themselves.
fn collect_ids<'a>(schema: &'a Value, ids: &mut Vec<&'a str>) {
    match schema {
        Value::Object(map) => {
            let named = ["$id", "id"].into_iter().filter_map(|key| map.get(key)?.as_str());
            ids.extend(named);
            map.values().for_each(|value| collect_ids(value, ids));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        _ => {}
    }
}

/// Finds the first reference that leads out of the schema. Relative ones that are resolved against an identifier of
/// the schema itself are left to the validator, which fetches nothing either.
fn refuse_outside(schema: &Value, pointer: &mut String, ids: &[&str]) -> Result<(), BadSchema> {
    let length = pointer.len();
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                if let ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) =
                    (key.as_str(), value)
                    && leads_out(reference, ids)
                {
                    return Err(BadSchema::Outside {
                        reference: reference.clone(),
                        pointer: pointer.clone(),
                    });
                }
                refuse_outside(value, pointer, ids)?;
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&n.to_string());
                refuse_outside(item, pointer, ids)?;
                pointer.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

fn leads_out(reference: &str, ids: &[&str]) -> bool {
    let (document, _) = reference.split_once('#').unwrap_or((reference, ""));
    let inside = document.is_empty()
        || ids
            .iter()
            .any(|id| id.trim_end_matches('#') == document || id.trim_end_matches('#').ends_with(document))
        || document.starts_with("https://json-schema.org/draft/")
        || document.starts_with("http://json-schema.org/draft-0");
    !inside
}
