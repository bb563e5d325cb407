//! S3, S4, S8: every text is found, by who speaks in it, and can be replaced without touching anything else.

use golive_wire::Wire;
use golive_wire::texts::{
    Holds, New, Place, Voice, add_system, media, of_agent_answer, of_agent_event, of_agent_request,
    of_answer, of_event, of_request, read, replace, speaks_for_the_operator,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn said(body: &[u8], places: &[Place]) -> Vec<(Voice, String)> {
    places
        .iter()
        .map(|place| (place.voice, read(body, &place.literal).into_owned()))
        .collect()
}

fn request(wire: Wire, body: &Value) -> Vec<(Voice, String)> {
    let body = body.to_string().into_bytes();
    said(&body, &of_request(wire, &body))
}

fn voices(found: &[(Voice, String)], voice: Voice) -> Vec<&str> {
    let of = found.iter().filter(|(one, _)| *one == voice);
    let mut texts: Vec<&str> = of.map(|(_, text)| text.as_str()).collect();
    texts.sort_unstable();
    texts
}

#[test]
fn each_text_of_a_chat_request_is_found_by_who_speaks_in_it() {
    let found = request(
        Wire::OpenAi,
        &json!({
            "model": "m", "user": "u-1", "new_field": {"deep": ["in a new field"]},
            "messages": [
                {"content": "be kind", "role": "system"},
                {"role": "user", "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
                    {"type": "file", "file": {"filename": "a.txt", "text": "in a file"}}]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "from a tool \u{1F600} \"quoted\""}],
            "tools": [{"type": "function", "function": {"name": "f", "description": "does f"}}]
        }),
    );
    assert_eq!(voices(&found, Voice::User), ["in a new field", "look"]);
    assert!(voices(&found, Voice::System).contains(&"be kind"));
    assert!(voices(&found, Voice::System).contains(&"does f"));
    assert!(voices(&found, Voice::Assistant).contains(&"{\"a\":1}"));
    assert_eq!(voices(&found, Voice::Tool), ["from a tool \u{1F600} \"quoted\""]);
    assert!(voices(&found, Voice::Document).contains(&"in a file"));
    assert!(
        !found.iter().any(|(_, text)| text.contains("example.com")),
        "addresses have rules of their own"
    );
}

#[test]
fn documents_and_results_in_a_messages_request_are_no_words_of_the_user() {
    let found = request(
        Wire::Anthropic,
        &json!({
            "model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "be kind"}],
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": "sum it up"},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a report"}, "title": "t"},
                {"type": "tool_result", "tool_use_id": "x", "content": [{"type": "text", "text": "a result"}]},
                {"type": "tool_result", "tool_use_id": "y", "content": "another"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "x", "name": "f", "input": {"id": "42", "q": "z"}}]}]
        }),
    );
    assert_eq!(voices(&found, Voice::User), ["sum it up"]);
    assert_eq!(voices(&found, Voice::System), ["be kind"]);
    assert_eq!(voices(&found, Voice::Tool), ["a result", "another"]);
    assert_eq!(voices(&found, Voice::Document), ["a report", "t"]);
    assert!(
        voices(&found, Voice::Assistant).contains(&"42"),
        "an id in arguments is text"
    );
}

#[test]
fn an_agents_json_is_text_everywhere() {
    let body = br#"{"id":"a","deep":{"type":["b",1,null,{"role":"c"}]}}"#;
    let texts: Vec<String> = said(body, &of_agent_request(body))
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(texts, ["a", "b", "c"]);
    assert_eq!(of_agent_answer(body).len(), 3);
    assert_eq!(of_agent_event(body).pieces.len(), 3);
}

#[test]
fn every_text_of_an_answer_is_found_and_only_it_changes() {
    let body = br#"{"id": "x", "choices":[ {"index":0,"finish_reason":"stop","message":{"role":"assistant",
        "content":"one \"two\"","refusal":null,"reasoning_content":"three","tool_calls":[{"id":"c","type":"function",
        "function":{"name":"pay","arguments":"{\"to\":\"four\"}"}}]}} ] ,"usage":{"total_tokens":1.0}}"#;
    let places = of_answer(Wire::OpenAi, body);
    let found = said(body, &places);
    assert_eq!(voices(&found, Voice::Tool), ["{\"to\":\"four\"}"]);
    for text in ["one \"two\"", "three"] {
        assert!(voices(&found, Voice::Assistant).contains(&text), "{text}");
    }
    let change = places
        .iter()
        .find(|place| read(body, &place.literal) == "three")
        .map(|place| (place.literal.clone(), New::Text("new \u{2028}".into())));
    let changed = replace(body, &Vec::from_iter(change));
    let text = String::from_utf8(changed).unwrap();
    assert_eq!(
        text.replace("new \u{2028}", "three").into_bytes(),
        body,
        "every other byte stays"
    );
    let anthropic =
        br#"{"type":"message","content":[{"type":"text","text":"a"},{"type":"thinking","thinking":"b",
        "signature":"s"},{"type":"tool_use","id":"i","name":"n","input":{"id":"c","list":["d"]}}]}"#;
    let found = said(anthropic, &of_answer(Wire::Anthropic, anthropic));
    assert_eq!(voices(&found, Voice::Assistant), ["a", "b"]);
    let input = of_answer(Wire::Anthropic, anthropic)
        .into_iter()
        .find(|place| place.voice == Voice::Tool)
        .map(|place| place.literal);
    assert_eq!(
        input.map(|at| &anthropic[at]),
        Some(&br#"{"id":"c","list":["d"]}"#[..]),
        "as it stands"
    );
}

#[test]
fn pieces_of_a_stream_are_kept_apart_by_the_text_they_belong_to() {
    let of = |wire, data: &str| {
        let spoken = of_event(wire, data.as_bytes());
        let pieces: Vec<(String, String)> = spoken
            .pieces
            .iter()
            .map(|piece| {
                (
                    piece.of.clone(),
                    read(data.as_bytes(), &piece.literal).into_owned(),
                )
            })
            .collect();
        (pieces, spoken.over, spoken.logprobs.len())
    };
    let (pieces, over, logprobs) = of(
        Wire::OpenAi,
        r#"{"choices":[{"index":1,"delta":{"role":"assistant","content":"a","reasoning_content":"b","tool_calls":[
            {"index":2,"id":"c","function":{"name":"f","arguments":"{"}}]},"logprobs":{"content":[{"token":"a"}]},
            "finish_reason":"stop"}]}"#,
    );
    let names: Vec<&str> = pieces.iter().map(|(of, _)| of.as_str()).collect();
    assert_eq!(
        names,
        ["1/content/", "1/reasoning_content/", "1/tool_calls/2/arguments"]
    );
    let whole = ["1/reasoning", "1/content/", "1/"].map(str::to_owned).to_vec();
    assert_eq!(
        (over, logprobs),
        (whole, 1),
        "what was said before another text began, and the choice"
    );
    assert_eq!(of(Wire::OpenAi, "[DONE]").1, [""]);
    let padded =
        r#"{"choices":[{"index":0,"delta":{"content":"a","tool_calls":null},"finish_reason":null}]}"#;
    assert!(
        !of(Wire::OpenAi, padded).1.contains(&"0/content/".to_owned()),
        "no call, no end"
    );
    let empty = r#"{"choices":[{"index":0,"delta":{"content":"a","tool_calls":[]},"finish_reason":null}]}"#;
    assert!(
        !of(Wire::OpenAi, empty).1.contains(&"0/content/".to_owned()),
        "no call, no end"
    );
    let (pieces, over, _) = of(
        Wire::Anthropic,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"text","text":"be"}}"#,
    );
    assert_eq!(
        (pieces, over.len()),
        (vec![("3/text".to_owned(), "be".to_owned())], 0)
    );
    let (pieces, _, _) = of(
        Wire::Anthropic,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"gun"}}"#,
    );
    assert_eq!(pieces, [("3/text".to_owned(), "gun".to_owned())]);
    assert_eq!(
        of(Wire::Anthropic, r#"{"type":"content_block_stop","index":3}"#).1,
        ["3/"]
    );
}

#[test]
fn a_prompt_of_the_operators_own_stands_first_and_a_callers_is_seen() {
    let openai = br#"{"model":"m","messages":[ {"role":"user","content":"hi"} ],"seed":1.50}"#;
    assert_eq!(speaks_for_the_operator(Wire::OpenAi, openai), None);
    let with = add_system(Wire::OpenAi, openai, "be \"kind\"");
    let value: Value = serde_json::from_slice(&with).unwrap();
    assert_eq!(
        value["messages"][0],
        json!({"role": "system", "content": "be \"kind\""})
    );
    assert_eq!(value["messages"][1]["content"], "hi");
    assert!(
        String::from_utf8(with.clone())
            .unwrap()
            .ends_with(r#","seed":1.50}"#)
    );
    assert_eq!(
        speaks_for_the_operator(Wire::OpenAi, &with).as_deref(),
        Some("/messages/0/role")
    );
    let anthropic = br#"{"messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(speaks_for_the_operator(Wire::Anthropic, anthropic), None);
    let with = add_system(Wire::Anthropic, anthropic, "be kind");
    assert_eq!(
        serde_json::from_slice::<Value>(&with).unwrap()["system"],
        "be kind"
    );
    assert_eq!(
        speaks_for_the_operator(Wire::Anthropic, &with).as_deref(),
        Some("/system")
    );
}

#[test]
fn images_and_files_are_found_by_address_and_by_bytes_and_arguments_of_tools_are_none() {
    let found = |body: Value| -> Vec<(String, String)> {
        media(body.to_string().as_bytes())
            .into_iter()
            .map(|one| match one.holds {
                Holds::Address(address) => (one.pointer, address),
                Holds::Base64 { declared, .. } => {
                    (one.pointer, format!("bytes of {}", declared.unwrap_or_default()))
                }
            })
            .collect()
    };
    assert_eq!(
        found(json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "http://text.example"},
            {"type": "image_url", "image_url": {"url": "https://a.example/1.png"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}}]},
            {"role": "assistant", "tool_calls": [{"function": {"arguments": "{\"url\":\"http://x\"}"}}]}]})),
        [
            (
                "/messages/0/content/1/image_url/url".to_owned(),
                "https://a.example/1.png".to_owned()
            ),
            (
                "/messages/0/content/2/input_audio/data".to_owned(),
                "bytes of wav".to_owned()
            ),
            (
                "/messages/0/content/3/file/file_data".to_owned(),
                "data:application/pdf;base64,AAAA".to_owned()
            ),
        ]
    );
    assert_eq!(
        found(json!({"messages": [{"role": "user", "content": [
            {"type": "image", "source": {"type": "url", "url": "http://10.0.0.1/a"}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain words"}},
            {"type": "tool_result", "tool_use_id": "t", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"url": "http://x"}}]}]}))
        .into_iter()
        .map(|(_, what)| what)
        .collect::<Vec<_>>(),
        ["http://10.0.0.1/a", "bytes of image/png"]
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_\"\\\\]{0,6}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn replacing_each_text_by_itself_means_the_same(value in any_json()) {
        let body = value.to_string().into_bytes();
        let places = of_agent_request(&body);
        let changes: Vec<_> = places
            .iter()
            .map(|place| (place.literal.clone(), New::Text(read(&body, &place.literal))))
            .collect();
        let again: Value = serde_json::from_slice(&replace(&body, &changes)).unwrap();
        prop_assert_eq!(again, value);
    }

    #[test]
    fn bytes_that_are_no_json_are_walked_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for wire in [Wire::OpenAi, Wire::Anthropic, Wire::Problem] {
            let _ = media(&body);
            let _ = (of_request(wire, &body), of_answer(wire, &body), of_event(wire, &body));
            let _ = (add_system(wire, &body, "x"), speaks_for_the_operator(wire, &body));
        }
    }
}
