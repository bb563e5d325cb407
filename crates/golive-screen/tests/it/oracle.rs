//! S3: the validator against serde_json: whatever it lets through another parser reads, and whatever it calls broken
//! another parser cannot read.

use golive_screen::validate::json::{Bounds, check};
use proptest::prelude::*;
use serde_json::Value;

/// Codes that are stricter than serde_json on purpose.
const STRICTER: &[&str] = &[
    "duplicate_name",
    "nul_character",
    "number_too_long",
    "too_deep",
    "too_many_nodes",
    "too_many_keys",
    "string_too_long",
    "key_too_long",
];

fn agree(body: &[u8]) -> Result<(), TestCaseError> {
    let read = serde_json::from_slice::<Value>(body);
    match (check(body, &Bounds::default()), read) {
        (Ok(shape), Ok(value)) => prop_assert_eq!(shape.nodes, count(&value)),
        (Ok(_), Err(error)) => prop_assert!(false, "passed, but: {error}"),
        (Err(found), Ok(_)) => prop_assert!(
            STRICTER.contains(&found.code),
            "refused what serde reads: {found}"
        ),
        (Err(found), Err(_)) => prop_assert!(found.offset <= body.len()),
    }
    Ok(())
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

fn json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![".{0,40}", "[\"\\\\/\u{0}-\u{1f}\u{7f}éß\u{1F600}]{0,60}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 10, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..10).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..12)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Pieces that JSON is made of, and nearly.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"a\":",
        "\"\\u0061\":1",
        "\\",
        "\\u00e9",
        "\"\\ud83d\\ude00\"",
        "\\ud800",
        "true",
        "false",
        "null",
        "nul",
        "0",
        "-",
        "1.5",
        "1e5",
        "1e309",
        "01",
        ".",
        " ",
        "\n",
        "\t",
        "\u{0}",
        "é",
        "[1,2]",
        "{\"b\":[]}",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_serde_writes_passes_plain_and_pretty(value in json()) {
        let bounds = Bounds { allow_nul: true, ..Bounds::default() };
        for body in [serde_json::to_vec(&value).unwrap(), serde_json::to_vec_pretty(&value).unwrap()] {
            let shape = check(&body, &bounds).map_err(|found| TestCaseError::fail(found.to_string()))?;
            prop_assert_eq!(shape.nodes, count(&value));
        }
    }

    #[test]
    fn a_damaged_body_is_judged_as_serde_judges_it(value in json(), hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..4)) {
        let mut body = serde_json::to_vec(&value).unwrap();
        for (place, byte, how) in hits {
            if body.is_empty() { break }
            let at = place.index(body.len());
            match how {
                0 => body[at] = byte,
                1 => { body.remove(at); }
                _ => body.insert(at, byte),
            }
        }
        agree(&body)?;
    }

    #[test]
    fn pieces_in_any_order_are_judged_as_serde_judges_them(body in fragments()) {
        agree(&body)?;
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        agree(&body)?;
    }

    #[test]
    fn a_cut_body_is_never_valid_but_for_bare_numbers(value in json(), place in any::<prop::sample::Index>()) {
        let body = serde_json::to_vec(&value).unwrap();
        agree(&body[..place.index(body.len())])?;
    }
}
