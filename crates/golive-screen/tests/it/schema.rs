//! S3: inputs against the schema of an agent.

use golive_screen::validate::schema::{BadSchema, MISTAKES_MOST, Schema};
use serde_json::{Value, json};

fn pointers(schema: Value, input: &Value) -> Vec<String> {
    let mistakes = Schema::new(&schema).unwrap().check(input).unwrap_err();
    mistakes.into_iter().map(|mistake| mistake.pointer).collect()
}

#[test]
fn mistakes_have_their_place_and_never_the_value() {
    let schema = json!({"type": "object", "required": ["city"], "additionalProperties": false,
        "properties": {"city": {"type": "string", "pattern": "^[A-Z]"}, "days": {"type": "integer", "maximum": 7}}});
    let compiled = Schema::new(&schema).unwrap();
    assert_eq!(compiled.check(&json!({"city": "Berlin", "days": 3})), Ok(()));
    let mistakes = compiled
        .check(&json!({"city": "quite-secret", "days": 90210}))
        .unwrap_err();
    let pointers: Vec<&str> = mistakes.iter().map(|mistake| mistake.pointer.as_str()).collect();
    assert_eq!(pointers, ["/city", "/days"]);
    for mistake in mistakes {
        assert!(
            !mistake.message.contains("quite-secret") && !mistake.message.contains("90210"),
            "{}",
            mistake.message
        );
    }
}

#[test]
fn mistakes_are_bounded() {
    let input = Value::Array(vec![json!("x"); 1_000]);
    assert_eq!(
        pointers(json!({"items": {"type": "integer"}}), &input).len(),
        MISTAKES_MOST
    );
}

#[test]
fn references_inside_work() {
    let schema = json!({"$id": "https://example.com/order", "$defs": {"name": {"type": "string"}, "item": {"$id": "item", "type": "integer"}},
        "properties": {"a": {"$ref": "#/$defs/name"}, "b": {"$ref": "item"}, "tree": {"$ref": "#"}}});
    let compiled = Schema::new(&schema).unwrap();
    assert_eq!(
        compiled.check(&json!({"a": "x", "b": 1, "tree": {"a": "y"}})),
        Ok(())
    );
    assert!(
        compiled
            .check(&json!({"tree": {"tree": {"b": "no number"}}}))
            .is_err()
    );
}

#[test]
fn references_outside_are_refused_and_not_fetched() {
    for reference in [
        "https://example.com/schema.json",
        "http://127.0.0.1:9/x",
        "file:///etc/passwd",
        "/etc/passwd",
        "other.json#/a",
        "//example.com/x",
        "urn:example:a",
    ] {
        let schema = json!({"properties": {"a": {"$ref": reference}}});
        let refused = Schema::new(&schema).unwrap_err();
        let expected = BadSchema::Outside {
            reference: reference.to_owned(),
            pointer: "/properties/a/$ref".to_owned(),
        };
        assert_eq!(refused, expected);
    }
}

#[test]
fn a_name_that_only_looks_like_a_reference_is_none() {
    let schema = json!({"properties": {"$ref": {"type": "string"}}, "const": {"x": 1}});
    assert!(Schema::new(&schema).is_ok());
}

#[test]
fn patterns_run_in_linear_time_or_not_at_all() {
    let compiled = Schema::new(&json!({"pattern": "^(a+)+$"})).unwrap();
    assert!(compiled.check(&Value::String("a".repeat(100_000) + "!")).is_err());
    for pattern in ["(?=a)b", r"(a)\1", r"\w{1000}{1000}"] {
        let refused = Schema::new(&json!({"properties": {"x": {"pattern": pattern}}})).unwrap_err();
        assert!(
            matches!(refused, BadSchema::Invalid { .. }),
            "{pattern}: {refused}"
        );
    }
}

#[test]
fn a_text_that_should_be_a_pattern_is_only_parsed() {
    let compiled = Schema::new(&json!({"format": "regex"})).unwrap();
    assert_eq!(compiled.check(&json!("a+")), Ok(()));
    assert!(compiled.check(&json!("a(")).is_err());
    assert!(compiled.check(&json!("a".repeat(10_000))).is_err());
}

#[test]
fn what_is_no_schema_says_where() {
    let refused = Schema::new(&json!({"properties": {"a": {"type": "strnig"}}})).unwrap_err();
    let BadSchema::Invalid { pointer, .. } = &refused else {
        panic!("{refused}")
    };
    assert_eq!(pointer, "/properties/a/type");
}
