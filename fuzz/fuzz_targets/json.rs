//! S3: the strict validator against serde_json: whatever passes another parser reads with as many values, and
//! whatever is refused is either broken for it too or refused for a reason of our own.
#![no_main]

use golive_screen::validate::json::{Bounds, CODES, check};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Stricter than serde_json on purpose; or, for numbers at the very edge of a float, rounded another way.
const STRICTER: &[&str] = &[
    "duplicate_name",
    "nul_character",
    "number_too_long",
    "number_out_of_range",
    "too_deep",
    "too_many_nodes",
    "too_many_keys",
    "string_too_long",
    "key_too_long",
];

fuzz_target!(|body: &[u8]| {
    let read = serde_json::from_slice::<Value>(body);
    match (check(body, &Bounds::default()), read) {
        (Ok(shape), Ok(value)) => assert_eq!(shape.nodes, count(&value)),
        (Ok(_), Err(error)) => panic!("passed, but serde_json says: {error}"),
        (Err(found), Ok(_)) => assert!(
            STRICTER.contains(&found.code),
            "refused what serde_json reads: {found}"
        ),
        (Err(found), Err(_)) => assert!(CODES.contains(&found.code) && found.offset <= body.len()),
    }
    let tight = Bounds {
        depth: 3,
        nodes: 20,
        string_bytes: 16,
        key_bytes: 8,
        keys: 4,
        number_bytes: 8,
        allow_nul: true,
    };
    if let Ok(shape) = check(body, &tight) {
        assert!(shape.depth <= 3 && shape.nodes <= 20);
    }
});

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}
