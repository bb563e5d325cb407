//! S3: the views read any bytes without a panic, and the edits of a valid body keep everything else.
#![no_main]

use golive_screen::validate::json::{Bounds, check};
use golive_wire::{anthropic, openai, replace_model};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|body: &[u8]| {
    let view = openai::chat::RequestView::read(body);
    let _ = anthropic::messages::RequestView::read(body);
    let _ = anthropic::messages::RequestView::read_count_tokens(body);
    let _ = openai::chat::read_response(body);
    let _ = anthropic::messages::read_response(body);
    let renamed = replace_model(body, "new \"name\"");
    let asked = openai::chat::with_include_usage(body);

    // The edits promise something for bodies that the screen has let through.
    if check(
        body,
        &Bounds {
            allow_nul: true,
            ..Bounds::default()
        },
    )
    .is_err()
    {
        return;
    }
    let before: Value = serde_json::from_slice(body).expect("the screen let it through");
    let mut expected = before.clone();
    if let Value::Object(map) = &mut expected {
        map.insert("model".into(), "new \"name\"".into());
    }
    assert_eq!(
        serde_json::from_slice::<Value>(&renamed).expect("still JSON"),
        expected
    );

    let mut expected = before;
    if let Value::Object(map) = &mut expected {
        let options = map.entry("stream_options").or_insert(Value::Null);
        if !options.is_object() {
            *options = json!({});
        }
        options["include_usage"] = true.into();
    }
    assert_eq!(
        serde_json::from_slice::<Value>(&asked).expect("still JSON"),
        expected
    );

    if let Ok(view) = view {
        let again = openai::chat::RequestView::read(&renamed).expect("another model is as valid");
        assert_eq!(again.model, "new \"name\"");
        assert_eq!(
            openai::chat::RequestView {
                model: view.model.clone(),
                ..again
            },
            view
        );
        let asked = openai::chat::RequestView::read(&asked).expect("asking for usage is valid");
        assert_eq!(asked.include_usage, Some(true));
    }
});
