//! S3: what is read of a request, and what is wrong with a bad one, by pointer.

use golive_wire::anthropic::build::{MessagesRequest, Metadata};
use golive_wire::openai::build::{ChatMessage, ChatRequest, StreamOptions};
use golive_wire::{ApiError, anthropic, openai};

/// Body, code, pointer.
type Row = (&'static str, &'static str, &'static str);

#[test]
fn a_chat_request_is_read_in_place() {
    let body = br#"{"model":"gpt-x","messages":[{"role":"system","content":"Be brief."},
        {"role":"user","content":[{"type":"text","text":"Hi"},{"type":"image_url","image_url":{"url":"data:x"}}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"w","arguments":"{"}}]},
        {"role":"tool","tool_call_id":"c","content":"4 C"}],
        "tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}},{"type":"web_search"}],
        "stream":true,"stream_options":{"include_usage":false,"include_obfuscation":false},"max_tokens":5,"max_completion_tokens":7,
        "n":2,"user":"u1","safety_identifier":"s1","reasoning_effort":"low","temperature":2,"stop":["a"],"unknown":{"x":[1]},"seed":-4,"metadata":null}"#;
    let view = openai::chat::RequestView::read(body).unwrap();
    assert_eq!(
        view,
        openai::chat::RequestView {
            model: "gpt-x".into(),
            stream: true,
            include_usage: Some(false),
            max_tokens: Some(7),
            choices: Some(2),
            messages: 4,
            text_bytes: 14,
            tool_names: vec!["weather".into()],
            hosted_tools: vec!["web_search".into()],
            features: Vec::new(),
            stored_files: false,
            choice: Default::default(),
            has_tools: true,
            reasoning: true,
            user: Some("u1".into()),
            safety_identifier: Some("s1".into()),
        }
    );
    assert!(matches!(view.model, std::borrow::Cow::Borrowed(_)));
    assert_eq!(view.asserted_user(), Some("s1"));
}

#[test]
fn what_the_builders_make_the_views_read() {
    let chat = ChatRequest {
        model: "m",
        messages: vec![ChatMessage::new("user", "hi")],
        stream: true,
        stream_options: Some(StreamOptions { include_usage: true }),
        tools: vec![openai::build::function_tool(
            "t",
            "d",
            serde_json::json!({"type":"object"}),
        )],
        user: Some("u"),
        ..ChatRequest::default()
    };
    let body = chat.to_vec();
    let view = openai::chat::RequestView::read(&body).unwrap();
    assert_eq!(
        (view.include_usage, &*view.tool_names, view.asserted_user()),
        (Some(true), &["t".into()][..], Some("u"))
    );

    let messages = MessagesRequest {
        model: "m",
        max_tokens: 9,
        system: Some("be"),
        messages: vec![anthropic::build::Message {
            role: "user",
            content: "hi",
        }],
        tools: vec![anthropic::build::tool(
            "t",
            "d",
            serde_json::json!({"type":"object"}),
        )],
        metadata: Some(Metadata { user_id: "u" }),
        ..MessagesRequest::default()
    };
    let body = messages.to_vec();
    let view = anthropic::messages::RequestView::read(&body).unwrap();
    assert_eq!(
        (view.max_tokens, view.has_system, view.text_bytes, view.stream),
        (9, true, 4, false)
    );
    assert_eq!(
        (&*view.tool_names, view.user.as_deref()),
        (&["t".into()][..], Some("u"))
    );
}

const BAD_CHAT: &[Row] = &[
    ("", "invalid_json", ""),
    ("{\"model\":\"m\"", "invalid_json", ""),
    ("{} x", "invalid_json", ""),
    ("[]", "invalid_type", ""),
    ("null", "invalid_type", ""),
    ("{}", "missing_field", "/model"),
    (
        r#"{"model":"","messages":[{"role":"user","content":"x"}]}"#,
        "missing_field",
        "/model",
    ),
    (r#"{"model":7,"messages":[]}"#, "invalid_type", "/model"),
    (r#"{"model":"m"}"#, "missing_field", "/messages"),
    (r#"{"model":"m","messages":[]}"#, "invalid_value", "/messages"),
    (r#"{"model":"m","messages":{}}"#, "invalid_type", "/messages"),
    (r#"{"model":"m","messages":["x"]}"#, "invalid_type", "/messages/0"),
    (
        r#"{"model":"m","messages":[{"content":"x"}]}"#,
        "missing_field",
        "/messages/0/role",
    ),
    (
        r#"{"model":"m","messages":[{"role":"user","content":"x"},{"role":"root","content":"x"}]}"#,
        "invalid_value",
        "/messages/1/role",
    ),
    (
        r#"{"model":"m","messages":[{"role":["user"],"content":"x"}]}"#,
        "invalid_type",
        "/messages/0/role",
    ),
    (
        r#"{"model":"m","messages":[{"role":"user"}]}"#,
        "missing_field",
        "/messages/0/content",
    ),
    (
        r#"{"model":"m","messages":[{"role":"user","content":7}]}"#,
        "invalid_type",
        "/messages/0/content",
    ),
    (
        r#"{"model":"m","messages":[{"role":"user","content":{"text":"x"}}]}"#,
        "invalid_type",
        "/messages/0/content",
    ),
    (
        r#"{"model":"m","messages":[{"role":"user","content":["x"]}]}"#,
        "invalid_type",
        "/messages/0/content/0",
    ),
    (
        r#"{"model":"m","messages":[{"role":"user","content":[{"text":"x"}]}]}"#,
        "missing_field",
        "/messages/0/content/0/type",
    ),
    (
        r#"{"model":"m","messages":[{"role":"tool","content":"x"}]}"#,
        "missing_field",
        "/messages/0/tool_call_id",
    ),
    (
        r#"{"stream":"yes","model":"m","messages":[]}"#,
        "invalid_type",
        "/stream",
    ),
    (r#"{"stream_options":true}"#, "invalid_type", "/stream_options"),
    (
        r#"{"stream_options":{"include_usage":1}}"#,
        "invalid_type",
        "/stream_options/include_usage",
    ),
    (r#"{"max_tokens":-1}"#, "invalid_value", "/max_tokens"),
    (r#"{"max_tokens":1.5}"#, "invalid_value", "/max_tokens"),
    (
        r#"{"max_completion_tokens":0}"#,
        "invalid_value",
        "/max_completion_tokens",
    ),
    (r#"{"n":1000000}"#, "invalid_value", "/n"),
    (r#"{"temperature":2.1}"#, "invalid_value", "/temperature"),
    (r#"{"temperature":"hot"}"#, "invalid_type", "/temperature"),
    (r#"{"user":{"id":1}}"#, "invalid_type", "/user"),
    (r#"{"tools":{}}"#, "invalid_type", "/tools"),
    (
        r#"{"tools":[{"function":{"name":"x"}}]}"#,
        "missing_field",
        "/tools/0/type",
    ),
    (
        r#"{"tools":[{"type":"function","function":{"name":"x y"}}]}"#,
        "invalid_value",
        "/tools/0/function/name",
    ),
    (
        r#"{"tools":[{"type":"function"}]}"#,
        "missing_field",
        "/tools/0/function/name",
    ),
    (
        r#"{"functions":[{"name":""}]}"#,
        "missing_field",
        "/functions/0/name",
    ),
    (r#"{"model":"a","model":"b"}"#, "duplicate_field", "/model"),
    (
        r#"{"messages":[{"role":"user","role":"system","content":"x"}]}"#,
        "duplicate_field",
        "/messages/0/role",
    ),
];

const BAD_MESSAGES: &[Row] = &[
    (
        r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#,
        "missing_field",
        "/max_tokens",
    ),
    (
        r#"{"model":"m","max_tokens":"9","messages":[]}"#,
        "invalid_type",
        "/max_tokens",
    ),
    (r#"{"model":"m","max_tokens":0}"#, "invalid_value", "/max_tokens"),
    (
        r#"{"messages":[{"role":"tool","content":"x"}]}"#,
        "invalid_value",
        "/messages/0/role",
    ),
    (
        r#"{"messages":[{"role":"assistant","content":null}]}"#,
        "missing_field",
        "/messages/0/content",
    ),
    (r#"{"system":{"text":"x"}}"#, "invalid_type", "/system"),
    (r#"{"system":[{"text":"x"}]}"#, "missing_field", "/system/0/type"),
    (r#"{"temperature":1.5}"#, "invalid_value", "/temperature"),
    (r#"{"metadata":"u"}"#, "invalid_type", "/metadata"),
    (
        r#"{"metadata":{"user_id":5}}"#,
        "invalid_type",
        "/metadata/user_id",
    ),
    (
        r#"{"tools":[{"name":"x"}]}"#,
        "missing_field",
        "/tools/0/input_schema",
    ),
    (
        r#"{"tools":[{"input_schema":{}}]}"#,
        "missing_field",
        "/tools/0/name",
    ),
    (r#"{"thinking":"yes"}"#, "invalid_type", "/thinking"),
];

#[test]
fn the_first_thing_wrong_is_named_by_its_pointer() {
    for (body, code, pointer) in BAD_CHAT {
        let found = openai::chat::RequestView::read(body.as_bytes()).expect_err(body);
        assert_eq!((found.code, &*found.pointer), (*code, *pointer), "{body}");
    }
    for (body, code, pointer) in BAD_MESSAGES {
        let found = anthropic::messages::RequestView::read(body.as_bytes()).expect_err(body);
        assert_eq!((found.code, &*found.pointer), (*code, *pointer), "{body}");
    }
}

#[test]
fn a_fault_becomes_a_sentence_with_the_field_as_openai_writes_it() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":7}]}]}"#;
    let error: ApiError = openai::chat::RequestView::read(body).unwrap_err().into();
    assert_eq!(error.status, 400);
    assert_eq!(error.param.as_deref(), Some("messages[0].content[0].text"));
    assert_eq!(
        error.message,
        "`messages[0].content[0].text` must be a string, not a number."
    );
    assert_eq!(error.should_retry, Some(false));
}

#[test]
fn anthropic_blocks_and_hosted_tools_pass() {
    let body = br#"{"model":"m","max_tokens":1,"stream":true,"system":[{"type":"text","text":"sys","cache_control":{"type":"ephemeral"}}],
        "thinking":{"type":"enabled","budget_tokens":1024},
        "tools":[{"type":"web_search_20250305","name":"web_search","max_uses":5},{"type":"custom","name":"mine","input_schema":{"type":"object"}}],
        "messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"four"}]}]},
            {"role":"assistant","content":[{"type":"web_search_tool_result","tool_use_id":"t","content":{"type":"error"}}]}]}"#;
    let view = anthropic::messages::RequestView::read(body).unwrap();
    assert_eq!(
        (view.messages, view.text_bytes, view.reasoning, view.stream),
        (2, 7, true, true)
    );
    assert_eq!(
        (&*view.tool_names, &*view.hosted_tools),
        (&["mine".into()][..], &["web_search_20250305".into()][..])
    );

    let counting = br#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;
    assert_eq!(
        anthropic::messages::RequestView::read_count_tokens(counting)
            .unwrap()
            .max_tokens,
        0
    );
}
