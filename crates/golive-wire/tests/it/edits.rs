//! Byte-faithful edits: the one member changes, everything else stays as it was, on any body at all.

use golive_wire::openai::chat::with_include_usage;
use golive_wire::replace_model;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn only_the_model_changes() {
    for (body, expected) in [
        (r#"{"model":"old","x":1.50}"#, r#"{"model":"new\"","x":1.50}"#),
        (
            " {\n \"a\" : {\"model\":\"in\"} ,\"model\" :\t\"o\\\"ld\" }\r\n",
            " {\n \"a\" : {\"model\":\"in\"} ,\"model\" :\t\"new\\\"\" }\r\n",
        ),
        (r#"{"mod\u0065l":"old"}"#, r#"{"mod\u0065l":"new\""}"#),
        (r#"{"model":{"a":["}"]},"b":2}"#, r#"{"model":"new\"","b":2}"#),
        (r#"{"model":1,"model":2}"#, r#"{"model":"new\"","model":"new\""}"#),
        (r#"{"b":2}"#, r#"{"model":"new\"","b":2}"#),
        ("{ }", r#"{"model":"new\"" }"#),
        (r#"["model"]"#, r#"["model"]"#),
        ("", ""),
        (r#"{"model":"#, r#"{"model":"new\"","model":"#),
    ] {
        assert_eq!(
            String::from_utf8(replace_model(body.as_bytes(), "new\"")).unwrap(),
            expected,
            "{body}"
        );
    }
}

#[test]
fn usage_is_asked_for_without_touching_the_rest() {
    for (body, expected) in [
        (
            r#"{"model":"m"}"#,
            r#"{"stream_options":{"include_usage":true},"model":"m"}"#,
        ),
        (
            r#"{"a":1,"stream_options":{}}"#,
            r#"{"a":1,"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"stream_options":{ "x":1 },"a":1}"#,
            r#"{"stream_options":{"include_usage":true, "x":1 },"a":1}"#,
        ),
        (
            r#"{"stream_options": {"include_usage" : false ,"x":1}}"#,
            r#"{"stream_options": {"include_usage" : true ,"x":1}}"#,
        ),
        (
            r#"{"stream_options":{"include_usage":true}}"#,
            r#"{"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"stream_options":null,"a":[{"stream_options":null}]}"#,
            r#"{"stream_options":{"include_usage":true},"a":[{"stream_options":null}]}"#,
        ),
        ("{}", r#"{"stream_options":{"include_usage":true}}"#),
    ] {
        assert_eq!(
            String::from_utf8(with_include_usage(body.as_bytes())).unwrap(),
            expected,
            "{body}"
        );
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[\\[\\]{}\",:\\\\]{0,10}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        ".{0,8}",
        Just("model".to_owned()),
        Just("stream_options".to_owned()),
        Just("include_usage".to_owned())
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_other_member_keeps_its_value(body in json(), new in ".{0,12}", pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_vec_pretty(&body) } else { serde_json::to_vec(&body) }.unwrap();
        let mut expected = body.clone();
        if let Value::Object(map) = &mut expected {
            map.insert("model".into(), new.clone().into());
        }
        let edited: Value = serde_json::from_slice(&replace_model(&text, &new)).unwrap();
        prop_assert_eq!(edited, expected);

        let mut expected = body;
        if let Value::Object(map) = &mut expected {
            let options = map.entry("stream_options").or_insert(Value::Null);
            if !options.is_object() { *options = json!({}); }
            options["include_usage"] = true.into();
        }
        let edited: Value = serde_json::from_slice(&with_include_usage(&text)).unwrap();
        prop_assert_eq!(edited, expected);
    }

    #[test]
    fn any_bytes_are_edited_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = replace_model(&body, "new");
        let _ = with_include_usage(&body);
    }

    #[test]
    fn broken_json_is_edited_without_a_panic(body in json(), cut in any::<prop::sample::Index>()) {
        let text = serde_json::to_vec(&body).unwrap();
        let text = &text[..cut.index(text.len() + 1)];
        let _ = replace_model(text, "new");
        let _ = with_include_usage(text);
        let _ = golive_wire::openai::chat::RequestView::read(text);
        let _ = golive_wire::anthropic::messages::RequestView::read(text);
    }
}
