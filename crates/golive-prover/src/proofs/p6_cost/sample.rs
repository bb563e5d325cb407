//! P6: a sample of real requests, read from lines of JSON: one's own export, or `golive ledger --format json`.
//!
//! Never: takes a line it cannot read for one that cost nothing.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde_json::Value;

use super::Tokens;

/// Fewest requests that make a projection (PROVER §3.5).
pub(super) const LEAST: usize = 200;

/// The most that is read: a mean needs no more.
const LARGEST: u64 = 256 << 20;

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) requests: Vec<Tokens>,
    /// Lines without tokens: refused requests have none.
    pub(super) without: u64,
}

/// Reads a file.
///
/// # Errors
/// In words: it cannot be read, or a line is no JSON object.
pub(super) fn read(path: &Path) -> Result<Sample, String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut sample = Sample::default();
    for (at, line) in BufReader::new(file.take(LARGEST)).lines().enumerate() {
        let line = line.map_err(failed)?;
        if line.trim().is_empty() {
            continue;
        }
        let row: Value = serde_json::from_str(&line)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| format!("{}, line {}: not a JSON object", path.display(), at + 1))?;
        match tokens(&row) {
            Some(tokens) => sample.requests.push(tokens),
            None => sample.without += 1,
        }
    }
    Ok(sample)
}

/// The names under which tokens stand in what people export: golive's ledger, OpenAI's and Anthropic's usage.
fn tokens(row: &Value) -> Option<Tokens> {
    let places = [Some(row), row.get("tokens"), row.get("usage")];
    let number = |names: &[&str]| {
        let of = |place: &Value| {
            names
                .iter()
                .find_map(|name| place.pointer(&format!("/{name}")).and_then(Value::as_u64))
        };
        places.iter().flatten().find_map(|place| of(place))
    };
    let input = number(&["input", "input_tokens", "prompt_tokens", "tokens_in"])?;
    let output = number(&["output", "output_tokens", "completion_tokens", "tokens_out"])?;
    let within = number(&[
        "cached",
        "cached_input",
        "cached_tokens",
        "prompt_tokens_details/cached_tokens",
    ]);
    // Anthropic counts what it read from its cache beside the input.
    let beside = number(&["cache_read_input_tokens"]).unwrap_or(0);
    Some(Tokens {
        input: input.saturating_add(beside),
        cached: within.unwrap_or(beside).min(input.saturating_add(beside)),
        output,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_usual_exports_are_read() {
        let of = |input, cached, output| {
            Some(Tokens {
                input,
                cached,
                output,
            })
        };
        assert_eq!(
            tokens(&json!({"input": 10, "cached": 4, "output": 3})),
            of(10, 4, 3)
        );
        assert_eq!(
            tokens(&json!({"tokens": {"input": 10, "cached_input": 4, "output": 3}})),
            of(10, 4, 3)
        );
        assert_eq!(
            tokens(
                &json!({"usage": {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}})
            ),
            of(10, 4, 3)
        );
        assert_eq!(
            tokens(&json!({"usage": {"input_tokens": 6, "cache_read_input_tokens": 4, "output_tokens": 3}})),
            of(10, 4, 3)
        );
        assert_eq!(tokens(&json!({"outcome": "refused"})), None);
    }

    #[test]
    fn a_line_that_is_no_object_is_named_and_one_without_tokens_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.jsonl");
        std::fs::write(&path, "{\"input\":1,\"output\":2}\n\n{\"outcome\":\"refused\"}\n").unwrap();
        let sample = read(&path).unwrap();
        assert_eq!((sample.requests.len(), sample.without), (1, 1));
        std::fs::write(&path, "{\"input\":1,\"output\":2}\n12\n").unwrap();
        assert!(read(&path).unwrap_err().contains("line 2"));
    }
}
