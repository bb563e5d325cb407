//! S3: each refusal by example, with its place.

use golive_screen::validate::json::{Bounds, CODES, Rejection, Shape, check};
use std::collections::BTreeSet;

fn tight() -> Bounds {
    Bounds {
        depth: 3,
        nodes: 9,
        string_bytes: 8,
        key_bytes: 6,
        keys: 3,
        number_bytes: 12,
        allow_nul: false,
    }
}

fn refused(body: &[u8], bounds: &Bounds) -> Rejection {
    check(body, bounds).expect_err(&String::from_utf8_lossy(body))
}

/// Body, code, offset, pointer.
const REFUSED: &[(&[u8], &str, usize, &str)] = &[
    (b"", "empty_body", 0, ""),
    (b" \r\n\t", "empty_body", 0, ""),
    (b"\xEF\xBB\xBF{}", "byte_order_mark", 0, ""),
    (b"{\"a\":\"\xFF\"}", "not_utf8", 6, ""),
    (b"{\"a\":\"\xED\xA0\x80\"}", "not_utf8", 6, ""),
    (b"{", "invalid_json", 1, "/"),
    (b"[1,]", "invalid_json", 3, "/1"),
    (b"[1 2]", "invalid_json", 3, "/0"),
    (b"{\"a\":1,}", "invalid_json", 7, "/a"),
    (b"{\"a\" 1}", "invalid_json", 5, "/a"),
    (b"{a:1}", "invalid_json", 1, "/"),
    (b"[1}", "invalid_json", 2, "/0"),
    (b"{\"a\":1]", "invalid_json", 6, "/a"),
    (b"]", "invalid_json", 0, ""),
    (b"[NaN]", "invalid_json", 1, "/0"),
    (b"[-Infinity]", "invalid_json", 1, "/0"),
    (b"[tru]", "invalid_json", 1, "/0"),
    (b"[01]", "invalid_json", 1, "/0"),
    (b"[1.]", "invalid_json", 1, "/0"),
    (b"[.5]", "invalid_json", 1, "/0"),
    (b"[+1]", "invalid_json", 1, "/0"),
    (b"[1e]", "invalid_json", 1, "/0"),
    (b"['a']", "invalid_json", 1, "/0"),
    (b"[1]/*x*/", "trailing_bytes", 3, ""),
    (b"[\"\\x\"]", "invalid_json", 2, "/0"),
    (b"[\"\\u12g4\"]", "invalid_json", 2, "/0"),
    (b"[\"abc", "invalid_json", 5, "/0"),
    (b"[\"abc\\", "invalid_json", 6, "/0"),
    (b"{} {}", "trailing_bytes", 3, ""),
    (b"1\0", "trailing_bytes", 1, ""),
    (b"{\"a\":1,\"a\":2}", "duplicate_name", 8, "/a"),
    (b"{\"a\":1,\"\\u0061\":2}", "duplicate_name", 8, "/a"),
    (b"[\"\\ud800\"]", "lone_surrogate", 2, "/0"),
    (b"[\"\\ud800\\ud800\"]", "lone_surrogate", 2, "/0"),
    (b"[\"a\\udc00\"]", "lone_surrogate", 3, "/0"),
    (b"[\"a\nb\"]", "control_character", 3, "/0"),
    (b"[\"\\u0000\"]", "nul_character", 2, "/0"),
    (b"[1e999]", "number_out_of_range", 1, "/0"),
    (b"[-1e400]", "number_out_of_range", 1, "/0"),
    (b"[1234567890123]", "number_too_long", 1, "/0"),
    (b"[[[[]]]]", "too_deep", 3, "/0/0/0"),
    (b"[0,0,0,0,0,0,0,0,0]", "too_many_nodes", 17, "/8"),
    (b"{\"a\":0,\"b\":0,\"c\":0,\"d\":0}", "too_many_keys", 19, "/c"),
    (b"{\"k\":[0,\"123456789\"]}", "string_too_long", 8, "/k/1"),
    (b"{\"k/~\":{\"1234567\":0}}", "key_too_long", 8, "/k~1~0/"),
];

#[test]
fn each_refusal_names_its_code_and_its_place() {
    for (body, code, offset, pointer) in REFUSED {
        let found = refused(body, &tight());
        assert_eq!(
            (found.code, found.offset, &*found.pointer),
            (*code, *offset, *pointer),
            "{body:?}"
        );
        assert!(!found.message.contains('\n') && !found.message.is_empty());
    }
}

#[test]
fn every_code_has_an_example_here() {
    let shown: BTreeSet<_> = REFUSED
        .iter()
        .map(|row| row.1)
        .chain(["body_too_large"])
        .collect();
    assert_eq!(shown, CODES.iter().copied().collect());
}

#[test]
fn odd_but_valid_bodies_pass() {
    for body in [
        "0",
        " null ",
        "\"\"",
        "-0.0e-0",
        "1e-999",
        "[]",
        "{}",
        r#"{"":{"":[]}}"#,
        r#"{"a":1,"A":2,"á":3}"#,
        r#"["\ud83d\ude00 \u007f \/ \b\f\n\r\t"]"#,
        "[\"\u{7f}\u{2028}\u{feff}\u{1F600}\u{10FFFF}\"]",
        "[123456789012345678901234567890]",
        "\r\n{\t\"a\" :\n[ 1 , 2 ] }\r\n",
    ] {
        assert!(check(body.as_bytes(), &Bounds::default()).is_ok(), "{body}");
    }
}

#[test]
fn every_bound_is_inclusive() {
    let bounds = Bounds { nodes: 10, ..tight() };
    for body in [
        "[[[0]]]",
        "[0,0,0,0,0,0,0,0,0]",
        r#"["12345678"]"#,
        r#"{"123456":0,"b":0,"c":0}"#,
        "[123456789012]",
    ] {
        assert!(check(body.as_bytes(), &bounds).is_ok(), "{body}");
    }
}

#[test]
fn the_same_name_in_another_object_is_no_duplicate() {
    let body = br#"{"a":{"a":[{"a":1},{"a":2}],"b":1},"b":{"a":1}}"#;
    assert_eq!(
        check(body, &Bounds::default()),
        Ok(Shape {
            depth: 4,
            nodes: 10,
            strings_bytes: 0
        })
    );
    assert_eq!(
        refused(br#"{"a":{"a":[{"b":1}]},"b":1,"a":2}"#, &Bounds::default()).offset,
        28
    );
}

#[test]
fn a_duplicate_is_found_among_many_names_and_through_escapes() {
    let names: Vec<String> = (0..5_000)
        .map(|n| format!("\"key{n}\":{{\"\\u006b\":{n}}}"))
        .collect();
    let valid = format!("{{{}}}", names.join(","));
    assert_eq!(
        check(valid.as_bytes(), &Bounds::default()).map(|shape| shape.nodes),
        Ok(10_001)
    );

    let doubled = format!("{{{},\"\\u006bey4321\":0,\"key1\":0}}", names.join(","));
    let found = refused(doubled.as_bytes(), &Bounds::default());
    assert_eq!(found.code, "duplicate_name");
    assert!(
        doubled[found.offset..].starts_with("\\u006bey4321"),
        "the earliest repeat is the one that is named"
    );
}

#[test]
fn nul_passes_only_where_it_is_asked_for() {
    let body = br#"{"a\u0000":"\u0000"}"#;
    assert_eq!(refused(body, &Bounds::default()).code, "nul_character");
    assert!(
        check(
            body,
            &Bounds {
                allow_nul: true,
                ..Bounds::default()
            }
        )
        .is_ok()
    );
}

#[test]
fn a_refusal_never_echoes_a_value_and_bounds_what_it_echoes_of_names() {
    let body = format!(
        r#"{{"{}":{{"{}":["secret",}}}}"#,
        "k".repeat(400),
        "l".repeat(400)
    );
    let found = refused(body.as_bytes(), &Bounds::default());
    assert!(found.pointer.chars().count() <= 257, "{}", found.pointer.len());
    assert!(!found.to_string().contains("secret") && !found.pointer.contains("secret"));
}

/// A quadratic validator would need minutes for these; nextest's slow-test watch would tell.
#[test]
fn hostile_sizes_cost_linear_time() {
    let wide = Bounds {
        depth: 1 << 20,
        nodes: 1 << 24,
        keys: 1 << 20,
        string_bytes: 1 << 24,
        ..Bounds::default()
    };
    let long = "x".repeat(480);
    let alike: Vec<String> = (0..20_000).map(|n| format!("\"{long}{n:06}\":0")).collect();
    for body in [
        "[".repeat(1_000_000),
        format!("{}{}", "{\"a\":".repeat(300_000), "x"),
        format!("{{{}}}", alike.join(",")),
        format!("[\"{}\"]", "\\ud83d\\ude00".repeat(200_000)),
        format!("[{}0]", "0,".repeat(1_000_000)),
        format!("[{}{{}}]", "{\"a\":{\"b\":{\"c\":[]}}},".repeat(50_000)),
        " ".repeat(4_000_000),
    ] {
        let _ = check(body.as_bytes(), &wide);
    }
}
