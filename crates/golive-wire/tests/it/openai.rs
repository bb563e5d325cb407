//! P2, M2: what OpenAI's answers mean, whole and streamed; the lab's builders are read back by the gateway's readers.

use crate::{data, events};
use golive_wire::openai::build::{self, ChunkHead, Delta, Reply, ToolCall};
use golive_wire::openai::chat::{ResponseView, read_response};
use golive_wire::openai::stream::{classify, strip_usage};
use golive_wire::{Event, StreamEvent, Usage};

fn content(text: &str) -> StreamEvent<'_> {
    StreamEvent::Content { text: text.into() }
}

fn meanings(event: &Event) -> Vec<StreamEvent<'_>> {
    classify(event).to_vec()
}

#[test]
fn a_stream_as_openai_sends_it_is_understood_chunk_by_chunk() {
    let head = ChunkHead {
        id: "chatcmpl-1",
        created: 1_790_000_000,
        model: "gpt-x",
        include_usage: true,
    };
    let usage = Usage {
        input: Some(9),
        cached_input: Some(4),
        output: Some(7),
        reasoning: Some(2),
        ..Usage::default()
    };
    let call = ToolCall {
        id: "call_1",
        name: "weather",
        arguments: "",
    };
    let stream = [
        build::chunk(&head, Delta::Role),
        build::chunk(&head, Delta::Content("Hi \"you\"\n")),
        build::chunk(&head, Delta::Refusal("no")),
        build::chunk(&head, Delta::ToolCall(0, call)),
        build::chunk(&head, Delta::Arguments(0, "{\"city\"")),
        build::chunk(&head, Delta::Finish("stop")),
        build::usage_chunk(&head, usage),
        ": keep-alive\n\n".into(),
        build::done(),
    ]
    .concat();
    let read: Vec<_> = events(&stream);
    let read: Vec<_> = read.iter().map(meanings).collect();
    assert_eq!(
        read,
        vec![
            vec![StreamEvent::Start],
            vec![content("Hi \"you\"\n")],
            vec![content("no")],
            vec![StreamEvent::ToolArguments],
            vec![StreamEvent::ToolArguments],
            vec![StreamEvent::Finish("stop".into())],
            vec![StreamEvent::Usage(usage)],
            vec![StreamEvent::Other],
            vec![StreamEvent::End],
        ]
    );
}

#[test]
fn chunks_of_compatible_servers_are_understood_too() {
    let usage = StreamEvent::Usage(Usage::new(3, 5));
    for (json, expected) in [
        (
            r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":5.0}}"#,
            vec![content("x"), StreamEvent::Finish("stop".into()), usage],
        ),
        (
            r#"{"choices":[{"delta":{"role":"assistant","content":"a"}},{"index":1,"delta":{"content":"b"}}]}"#,
            vec![StreamEvent::Start, content("a"), content("b")],
        ),
        (
            r#"{"choices":[{"delta":{"reasoning_content":"hm","content":null}}]}"#,
            vec![StreamEvent::Reasoning],
        ),
        (
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a"},{"type":"text","text":"\n"}]}}]}"#,
            vec![content("a\n")],
        ),
        (
            r#"{"choices":[],"prompt_filter_results":[]}"#,
            vec![StreamEvent::Other],
        ),
        (r#"{"choices":null,"usage":null}"#, vec![StreamEvent::Other]),
        (
            r#"{"choices":[{"delta":{"content":"","tool_calls":[],"function_call":null},"finish_reason":null}]}"#,
            vec![StreamEvent::Other],
        ),
        (
            r#"{"choices":[{"delta":null,"finish_reason":"length"}]}"#,
            vec![StreamEvent::Finish("length".into())],
        ),
        ("{}", vec![StreamEvent::Other]),
    ] {
        assert_eq!(meanings(&data(json)), expected, "{json}");
    }
}

#[test]
fn an_error_inside_a_stream_is_an_error_whatever_its_shape() {
    for (json, message) in [
        (
            r#"{"error":{"message":"overloaded","type":"server_error","param":null,"code":null}}"#,
            "overloaded",
        ),
        (
            r#"{"error":{"code":"rate_limit_exceeded"}}"#,
            "rate_limit_exceeded",
        ),
        (r#"{"error":"boom"}"#, "boom"),
        (
            r#"{"error":true,"choices":[{"delta":{"content":"x"}}]}"#,
            "no message",
        ),
        (r#"{"object":"error","message":"too long"}"#, "too long"),
    ] {
        assert_eq!(
            meanings(&data(json)),
            vec![StreamEvent::Error(message.into())],
            "{json}"
        );
    }
    let named = Event::parse("event: error\ndata: gone\n\n").unwrap();
    assert_eq!(meanings(&named), vec![StreamEvent::Error("gone".into())]);
    assert_eq!(
        meanings(&data(r#"{"error":null,"choices":[]}"#)),
        vec![StreamEvent::Other]
    );
}

#[test]
fn what_is_no_chunk_is_malformed_and_never_a_panic() {
    for json in [
        "",
        "{",
        "[1",
        "null",
        "[]",
        "7",
        "\"text\"",
        r#"{"choices":7}"#,
        r#"{"choices":[3]}"#,
        "[DONE",
        "\u{0}",
    ] {
        assert_eq!(meanings(&data(json)), vec![StreamEvent::Malformed], "{json}");
    }
}

#[test]
fn content_is_borrowed_from_the_event() {
    let event = data(r#"{"choices":[{"delta":{"content":"plain"}}]}"#);
    let read = classify(&event);
    assert!(matches!(
        &read[0],
        StreamEvent::Content {
            text: std::borrow::Cow::Borrowed("plain")
        }
    ));
    assert!(read.commits());
}

#[test]
fn usage_is_hidden_from_a_client_that_did_not_ask() {
    let unchanged = [
        r#"{"choices":[{"delta":{"content":"no word of it"}}]}"#,
        r#"{"choices":[{"delta":{"content":"the \"usage\" of it"}}]}"#,
        r#"{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}"#,
        r#"{"choices":[{"usage":null}],"x":{"usage":null}}"#,
        r#"{"choices":[],"prompt_filter_results":[{"usage":1}]}"#,
        "[DONE]",
        "usage of broken {",
    ];
    for json in unchanged {
        let event = data(json);
        assert_eq!(strip_usage(&event), Some(event.raw.clone()), "{json}");
    }
    for (json, expected) in [
        (
            r#"{"id":1,"choices":[{}],"usage":null}"#,
            r#"{"id":1,"choices":[{}]}"#,
        ),
        (
            r#"{"id":1, "usage" : null , "choices":[ {} ]}"#,
            r#"{"id":1 , "choices":[ {} ]}"#,
        ),
        (r#"{ "usage":null }"#, r#"{  }"#),
    ] {
        let expected = format!("data: {expected}\n\n");
        assert_eq!(
            strip_usage(&data(json)).as_deref(),
            Some(expected.as_bytes()),
            "{json}"
        );
    }
    for json in [
        r#"{"id":"x","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#,
        r#"{"usage":{"prompt_tokens":9},"choices":[ ]}"#,
        r#"{"choices":null,"usage":{}}"#,
    ] {
        assert_eq!(strip_usage(&data(json)), None, "{json}");
    }
    let odd =
        Event::parse(": c\r\nid: 4\r\ndata: {\"choices\":[1],\r\ndata: \"usage\":null}\r\n\r\n").unwrap();
    assert_eq!(
        strip_usage(&odd).unwrap(),
        ": c\r\nid: 4\r\ndata: {\"choices\":[1]}\r\n\r\n"
    );
}

#[test]
fn a_stripped_stream_is_the_stream_of_one_who_never_asked() {
    let stream = |include_usage| {
        let head = ChunkHead {
            id: "c",
            created: 1,
            model: "m",
            include_usage,
        };
        let mut all = vec![
            build::chunk(&head, Delta::Role),
            build::chunk(&head, Delta::Content("the usage")),
            build::chunk(&head, Delta::Finish("stop")),
        ];
        if include_usage {
            all.push(build::usage_chunk(&head, Usage::new(1, 2)));
        }
        all.push(build::done());
        all.concat()
    };
    let stripped: Vec<_> = events(&stream(true)).iter().filter_map(strip_usage).collect();
    assert_eq!(stripped.concat(), stream(false));
}

#[test]
fn a_whole_answer_is_read_as_it_was_built() {
    let usage = Usage {
        input: Some(52),
        cached_input: Some(0),
        output: Some(14),
        reasoning: Some(3),
        ..Usage::default()
    };
    let calls = [ToolCall {
        id: "call_1",
        name: "weather",
        arguments: "{\"city\":\"Oslo\"}",
    }];
    let body = build::chat_completion(&Reply {
        id: "chatcmpl-a1",
        created: 1,
        model: "gpt-x",
        text: Some("Hi\nthere"),
        tool_calls: &calls,
        finish_reason: "tool_calls",
        usage: Some(usage),
        ..Reply::default()
    });
    assert_eq!(
        read_response(&body),
        ResponseView {
            id: Some("chatcmpl-a1".into()),
            model: Some("gpt-x".into()),
            usage: Some(usage),
            finish_reason: Some("tool_calls".into()),
            text: "Hi\nthere".into(),
            tool_calls: 1,
            choices: 1,
            is_answer: true,
            ..ResponseView::default()
        }
    );
}

#[test]
fn an_error_body_is_told_from_an_answer_at_any_status() {
    let view = read_response(
        br#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
    );
    assert!(view.is_error_object && !view.is_answer);
    assert_eq!(
        (view.error_code.as_deref(), view.error_message.as_deref()),
        (Some("model_not_found"), Some("no"))
    );
    assert!(read_response(br#"{"object":"error","message":"no","code":404}"#).is_error_object);
    for body in [&b"<html>502</html>"[..], b"", b"[]", b"{\"choices\":3}", b"\xff"] {
        assert_eq!(read_response(body), ResponseView::default());
    }
    assert!(!read_response(b"{}").is_answer);
    assert!(read_response(br#"{"choices":[]}"#).is_answer);
}

#[test]
fn tokens_that_cost_another_price_are_told_apart() {
    let view = read_response(
        br#"{"object":"chat.completion","choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":10,"cache_write_tokens":20,"audio_tokens":30,"image_tokens":5},"completion_tokens_details":{"reasoning_tokens":7,"audio_tokens":8,"image_tokens":9}}}"#,
    );
    let expected = Usage {
        input: Some(100),
        cached_input: Some(10),
        output: Some(50),
        reasoning: Some(7),
        cache_write: Some(20),
        image_input: Some(5),
        image_output: Some(9),
        audio_input: Some(30),
        audio_output: Some(8),
        ..Usage::default()
    };
    assert_eq!(view.usage, Some(expected));
}
