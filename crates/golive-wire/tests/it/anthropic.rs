//! P2, M2: what Anthropic's answers mean, whole and streamed; the lab's builders are read back.

use crate::{data, events};
use golive_wire::anthropic::build::{self, Reply, ToolUse};
use golive_wire::anthropic::messages::{ResponseView, read_response};
use golive_wire::anthropic::stream::classify;
use golive_wire::{Event, StreamEvent, Usage};

fn meanings(event: &Event) -> Vec<StreamEvent<'_>> {
    classify(event).to_vec()
}

#[test]
fn a_stream_as_anthropic_sends_it_is_understood_event_by_event() {
    let usage = Usage {
        input: Some(11),
        cached_input: Some(3),
        output: Some(1),
        cache_write: Some(0),
        ..Usage::default()
    };
    let reply = Reply {
        id: "msg_1",
        model: "claude-x",
        usage,
        ..Reply::default()
    };
    let stream = [
        build::message_start(&reply),
        build::text_start(0),
        build::ping(),
        build::text_delta(0, "Hel\"lo\n"),
        build::block_stop(0),
        build::tool_start(1, "toolu_1", "weather"),
        build::input_delta(1, "{\"city\":"),
        build::block_stop(1),
        build::message_delta("tool_use", 42),
        build::message_stop(),
    ]
    .concat();
    let read = events(&stream);
    for event in &read {
        let json: serde_json::Value = serde_json::from_slice(&event.data).unwrap();
        assert_eq!(
            event.event(),
            json["type"].as_str(),
            "the event's name is its type"
        );
    }
    let read: Vec<_> = read.iter().map(meanings).collect();
    let other = || vec![StreamEvent::Other];
    assert_eq!(
        read,
        vec![
            vec![StreamEvent::Start, StreamEvent::Usage(usage)],
            other(),
            other(),
            vec![StreamEvent::Content {
                text: "Hel\"lo\n".into()
            }],
            other(),
            vec![StreamEvent::ToolArguments],
            vec![StreamEvent::ToolArguments],
            other(),
            vec![
                StreamEvent::Finish("tool_use".into()),
                StreamEvent::Usage(Usage {
                    output: Some(42),
                    ..Usage::default()
                })
            ],
            vec![StreamEvent::End],
        ]
    );
}

#[test]
fn other_events_mean_what_they_say() {
    for (json, expected) in [
        (
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
            StreamEvent::Reasoning,
        ),
        (
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}"#,
            StreamEvent::Reasoning,
        ),
        (
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}"#,
            StreamEvent::Other,
        ),
        (
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"newer_delta"}}"#,
            StreamEvent::Other,
        ),
        (
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"x"}}"#,
            StreamEvent::ToolArguments,
        ),
        (
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"web_search_tool_result","content":{}}}"#,
            StreamEvent::Other,
        ),
        (r#"{"type":"newer_event","x":1}"#, StreamEvent::Other),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            StreamEvent::Error("Overloaded".into()),
        ),
        (
            r#"{"error":{"message":"no type"}}"#,
            StreamEvent::Error("no type".into()),
        ),
        (r#"{"type":"content_block_delta"}"#, StreamEvent::Malformed),
        (r#"{"no":"type"}"#, StreamEvent::Malformed),
        (r#"{"type":"#, StreamEvent::Malformed),
    ] {
        assert_eq!(meanings(&data(json)), vec![expected], "{json}");
    }
    let html = Event::parse("event: error\ndata: <html>\n\n").unwrap();
    assert_eq!(meanings(&html), vec![StreamEvent::Error("<html>".into())]);
}

#[test]
fn input_tokens_include_what_the_cache_gave_and_took() {
    let view = read_response(
        br#"{"type":"message","content":[],"usage":{"input_tokens":12,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":10},"cache_read_input_tokens":100,"output_tokens":3,"output_tokens_details":{"thinking_tokens":2},"service_tier":"standard"}}"#,
    );
    let expected = Usage {
        input: Some(142),
        cached_input: Some(100),
        output: Some(3),
        reasoning: Some(2),
        cache_write: Some(30),
        cache_write_1h: Some(10),
        ..Usage::default()
    };
    assert_eq!(view.usage, Some(expected));
}

#[test]
fn a_whole_answer_is_read_as_it_was_built() {
    let tools = [ToolUse {
        id: "toolu_1",
        name: "weather",
        input: "{\"city\":\"Oslo\"}",
    }];
    let usage = Usage {
        input: Some(12),
        cached_input: Some(2),
        output: Some(3),
        cache_write: Some(0),
        ..Usage::default()
    };
    let body = build::message(&Reply {
        id: "msg_1",
        model: "claude-x",
        text: Some("Hi"),
        tool_uses: &tools,
        stop_reason: Some("tool_use"),
        usage,
    });
    assert_eq!(
        read_response(&body),
        ResponseView {
            id: Some("msg_1".into()),
            model: Some("claude-x".into()),
            usage: Some(usage),
            finish_reason: Some("tool_use".into()),
            text: "Hi".into(),
            tool_calls: 1,
            is_answer: true,
            ..ResponseView::default()
        }
    );
    assert!(
        String::from_utf8(body)
            .unwrap()
            .contains(r#""input":{"city":"Oslo"}"#)
    );
}

#[test]
fn an_error_body_is_told_from_an_answer() {
    let view = read_response(br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#);
    assert!(view.is_error_object && !view.is_answer);
    assert_eq!(
        (view.error_code.as_deref(), view.error_message.as_deref()),
        (Some("overloaded_error"), Some("Overloaded"))
    );
    assert_eq!(read_response(b"<html>"), ResponseView::default());
    let two = read_response(
        br#"{"content":[{"type":"text","text":"a"},{"type":"thinking"},{"type":"text","text":"b"}]}"#,
    );
    assert_eq!(two.text, "ab");
}
