//! S3, S4, S6, P2, M2: OpenAI's Responses, embeddings and Anthropic's count of tokens, by the readers of the pipeline.

use crate::{data, events};
use golive_wire::openai::build::ToolCall;
use golive_wire::openai::responses::build::{self, Reply};
use golive_wire::openai::responses::{RequestView, hide_instructions, read_response, stream::stream_error};
use golive_wire::openai::{chat, embeddings, stream::classify};
use golive_wire::texts::{self, Voice};
use golive_wire::tools::{Called, Guard, Passed, ToolSet, not_held, strip};
use golive_wire::{ApiError, StreamEvent, Usage, Wire, anthropic};
use serde_json::{Value, json};
use std::sync::Arc;

const CALL: ToolCall<'_> = ToolCall {
    id: "1",
    name: "weather",
    arguments: "{\"city\":\"Oslo\"}",
};

fn reply() -> Reply<'static> {
    Reply {
        id: "resp_1",
        created: 1_790_000_000,
        model: "gpt-x",
        text: Some("Hello you"),
        tool_calls: std::slice::from_ref(&CALL),
        usage: Some(Usage {
            input: Some(20),
            cached_input: Some(5),
            output: Some(9),
            reasoning: Some(3),
            ..Usage::default()
        }),
        ..Reply::default()
    }
}

fn set(names: &[&str]) -> Arc<ToolSet> {
    Arc::new(ToolSet {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        hosted: Vec::new(),
    })
}

#[test]
fn a_request_is_read_with_its_flat_tools_and_the_state_it_leans_on() {
    let body = json!({
        "model": "smart", "instructions": "Be brief.", "max_output_tokens": 50, "stream": true, "store": false,
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_file", "file_id": "f"}]},
            {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "4"},
            {"type": "item_reference", "id": "msg_1"}],
        "tools": [{"type": "function", "name": "weather", "parameters": {}}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "weather"}, "reasoning": {"effort": "low"},
        "previous_response_id": "resp_0", "conversation": {"id": "conv_1"}, "safety_identifier": "u"
    })
    .to_string();
    let view = RequestView::read(body.as_bytes()).unwrap();
    assert_eq!(
        (&*view.model, view.items, view.max_tokens),
        ("smart", 4, Some(50))
    );
    assert_eq!(
        (view.stream, view.has_instructions, view.store),
        (true, true, Some(false))
    );
    assert_eq!(
        (view.tool_names, view.hosted_tools),
        (vec!["weather".into()], vec!["web_search".into()])
    );
    assert!(view.stored_files && view.reasoning && view.item_references);
    assert_eq!(view.previous_response_id.as_deref(), Some("resp_0"));
    assert_eq!(view.conversation.as_deref(), Some("conv_1"));
    assert_eq!(view.text_bytes, "Be brief.Hi{}4".len() as u64);
    assert_eq!(view.choice.names, ["weather"]);
}

#[test]
fn a_request_that_is_not_of_the_format_names_its_field() {
    for (body, pointer) in [
        (json!({"model": "m"}), "/input"),
        (json!({"input": "hi"}), "/model"),
        (json!({"model": "m", "input": []}), "/input"),
        (json!({"model": "m", "input": 1}), "/input"),
        (
            json!({"model": "m", "input": [{"role": "tool", "content": "x"}]}),
            "/input/0/role",
        ),
        (
            json!({"model": "m", "input": [{"content": "x"}]}),
            "/input/0/type",
        ),
        (
            json!({"model": "m", "input": [{"type": "function_call_output", "output": "x"}]}),
            "/input/0/call_id",
        ),
        (
            json!({"model": "m", "input": "x", "tools": [{"type": "function"}]}),
            "/tools/0/name",
        ),
        (
            json!({"model": "m", "input": "x", "max_output_tokens": 0}),
            "/max_output_tokens",
        ),
        (
            json!({"model": "m", "input": "x", "temperature": 3}),
            "/temperature",
        ),
    ] {
        let body = body.to_string();
        assert_eq!(
            RequestView::read(body.as_bytes()).unwrap_err().pointer,
            pointer,
            "{body}"
        );
    }
    assert!(RequestView::read(br#"{"model":"m","previous_response_id":"r"}"#).is_ok());
    assert!(RequestView::read(br#"{"model":"m","input":"hi"}"#).is_ok());
}

#[test]
fn an_answer_is_read_by_the_reader_of_chat_too() {
    let body = build::response(&reply());
    for view in [read_response(&body), chat::read_response(&body)] {
        assert!(view.is_answer && !view.is_error_object);
        assert_eq!((&*view.text, view.tool_calls), ("Hello you", 1));
        assert_eq!(view.usage, reply().usage);
        assert_eq!(view.finish_reason.as_deref(), Some("completed"));
    }
    let failed = br#"{"object":"response","status":"failed","output":[],"error":{"code":"server_error","message":"x"}}"#;
    let view = chat::read_response(failed);
    assert!(!view.is_answer && view.is_error_object);
    assert_eq!(view.error_code.as_deref(), Some("server_error"));
    let cut = br#"{"object":"response","status":"incomplete","output":[],"incomplete_details":{"reason":"max_output_tokens"}}"#;
    assert_eq!(
        chat::read_response(cut).finish_reason.as_deref(),
        Some("max_output_tokens")
    );
}

#[test]
fn a_stream_commits_at_its_first_text_and_ends_where_it_says_so() {
    let all = build::events(&reply(), &["Hello", " you"]).concat();
    let all = events(&all);
    let read: Vec<_> = all
        .iter()
        .map(|event| (event.event().unwrap().to_owned(), classify(event)))
        .collect();
    let at = |name: &str| &read.iter().find(|(kind, _)| kind == name).unwrap().1;
    assert_eq!(&at("response.created")[..], [StreamEvent::Start]);
    assert!(!at("response.content_part.added").commits());
    assert_eq!(
        &at("response.output_text.delta")[..],
        [StreamEvent::Content { text: "Hello".into() }]
    );
    assert!(at("response.function_call_arguments.delta").commits());
    let usage = reply().usage.unwrap();
    assert_eq!(
        &at("response.completed")[..],
        [
            StreamEvent::Finish("completed".into()),
            StreamEvent::Usage(usage),
            StreamEvent::End
        ]
    );
    let texts: String = read
        .iter()
        .flat_map(|(_, meanings)| meanings.iter())
        .filter_map(|meaning| match meaning {
            StreamEvent::Content { text } => Some(text.as_ref()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, "Hello you", "what is said again at the end counts once");
}

#[test]
fn a_failed_stream_is_no_end() {
    for told in [
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}}"#,
        r#"{"type":"error","code":"server_error","message":"m","param":null,"sequence_number":3}"#,
    ] {
        assert_eq!(&classify(&data(told))[..], [StreamEvent::Error("m".into())]);
    }
    let error = ApiError::new(502, "upstream_broken", "It broke.");
    let event = golive_wire::Event::parse(stream_error(&error, "req_1", 7)).unwrap();
    assert_eq!(&classify(&event)[..], [StreamEvent::Error("It broke.".into())]);
    assert_eq!(
        &classify(&data(r#"{"type":"response.completed"}"#))[..],
        [StreamEvent::Malformed]
    );
    assert_eq!(
        &classify(&data(r#"{"type":"response.something.new"}"#))[..],
        [StreamEvent::Other]
    );
}

#[test]
fn every_text_of_an_answer_and_of_each_event_is_found() {
    let body = build::response(&reply());
    let said: Vec<_> = texts::of_answer(Wire::OpenAi, &body)
        .iter()
        .map(|place| (place.voice, texts::read(&body, &place.literal).into_owned()))
        .collect();
    assert!(said.contains(&(Voice::Assistant, "Hello you".into())));
    assert!(said.contains(&(Voice::Tool, CALL.arguments.into())));

    // Where the text stands, a screen finds it: once in pieces, then whole in each event that repeats it.
    let mut wholes = 0;
    for event in events(&build::events(&reply(), &["Hello", " you"]).concat()) {
        let spoken = texts::of_event(Wire::OpenAi, &event.data);
        let of_text = |literal| texts::read(&event.data, literal) == "Hello you";
        wholes += spoken
            .pieces
            .iter()
            .filter(|piece| of_text(&piece.literal))
            .count();
        if event.event() == Some("response.output_text.delta") {
            assert_eq!(spoken.pieces[0].of, "0/0/output_text/");
            assert!(spoken.over.is_empty() && !spoken.pieces[0].arguments);
        }
        if event.event() == Some("response.output_text.done") {
            assert_eq!(spoken.over, ["0/0/output_text/", "whole/"]);
        }
        if event.event() == Some("response.function_call_arguments.delta") {
            assert!(spoken.pieces[0].arguments);
        }
    }
    assert_eq!(
        wholes, 4,
        "text.done, content_part.done, output_item.done, completed"
    );
}

#[test]
fn each_item_of_an_input_speaks_with_its_own_voice() {
    let body = json!({
        "model": "m", "instructions": "operator", "text": {"format": {"type": "json_schema", "description": "shape"}},
        "input": [
            {"role": "user", "content": "person"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "called"},
            {"type": "function_call_output", "call_id": "c", "output": "from a tool"}]
    })
    .to_string();
    let of = |voice: Voice| -> Vec<String> {
        let all = texts::of_request(Wire::OpenAi, body.as_bytes());
        let of = all.iter().filter(|place| place.voice == voice);
        of.map(|place| texts::read(body.as_bytes(), &place.literal).into_owned())
            .collect()
    };
    assert_eq!(of(Voice::User), ["person"]);
    assert_eq!(of(Voice::System), ["operator", "shape"]);
    assert_eq!(of(Voice::Tool), ["from a tool"]);
    assert!(of(Voice::Assistant).contains(&"called".to_owned()));
    assert_eq!(
        texts::speaks_for_the_operator(Wire::OpenAi, body.as_bytes()).as_deref(),
        Some("/instructions")
    );
    let mine = texts::add_system(Wire::OpenAi, br#"{"model":"m","input":"hi"}"#, "mine");
    let mine: Value = serde_json::from_slice(&mine).unwrap();
    assert_eq!(
        (&mine["instructions"], mine.get("messages")),
        (&json!("mine"), None)
    );
}

#[test]
fn a_call_that_was_not_offered_is_found_wherever_it_stands() {
    let body = build::response(&reply());
    assert_eq!(not_held(Wire::OpenAi, &body, &set(&["weather"])), None);
    assert_eq!(
        not_held(Wire::OpenAi, &body, &set(&[])),
        Some(Called::Caller("weather".into()))
    );
    let all = events(&build::events(&reply(), &["Hello you"]).concat());
    let blocked = |events: &[golive_wire::Event], names: &[&str]| {
        let mut guard = Guard::new(Wire::OpenAi, set(names));
        events.iter().any(|event| {
            matches!(
                guard.take(event, &classify(event), event.raw.clone()),
                Passed::Blocked(_)
            )
        })
    };
    assert!(!blocked(&all, &["weather"]));
    assert!(blocked(&all, &[]));
    // Also where the only event that speaks of it is the last one.
    assert!(blocked(&all[all.len() - 1..], &[]));
    let hosted = data(
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"web_search_call","id":"w"}}"#,
    );
    assert!(blocked(&[hosted], &["weather"]));
}

#[test]
fn flat_tools_are_taken_out_by_their_name_and_two_names_are_none() {
    let body = br#"{"tools":[{"type":"function","name":"a"},{"type":"function","name":"b"},{"type":"function","name":"b","function":{"name":"a"}}]}"#;
    let kept = strip(Wire::OpenAi, body, |offer| {
        matches!(offer, golive_wire::tools::Offer::Function("a"))
    });
    assert_eq!(kept, br#"{"tools":[{"type":"function","name":"a"}]}"#);
}

#[test]
fn the_operators_instructions_do_not_come_back() {
    let whole = br#"{"object":"response","instructions":"secret", "output":[]}"#;
    assert_eq!(
        hide_instructions(whole).unwrap(),
        br#"{"object":"response","instructions":null, "output":[]}"#
    );
    let event = br#"{"type":"response.created","response":{"id":"r","instructions":[{"text":"secret"}]}}"#;
    assert_eq!(
        hide_instructions(event).unwrap(),
        br#"{"type":"response.created","response":{"id":"r","instructions":null}}"#
    );
    assert_eq!(hide_instructions(br#"{"type":"x","delta":"instructions"}"#), None);
}

#[test]
fn what_golive_blocks_ends_as_incomplete_by_its_filter() {
    let end = build::blocked_end(&reply(), 12);
    let event = golive_wire::Event::parse(end).unwrap();
    assert_eq!(event.event(), Some("response.incomplete"));
    assert!(classify(&event).contains(&StreamEvent::Finish("content_filter".into())));
    assert!(classify(&event).contains(&StreamEvent::End));
}

#[test]
fn embeddings_are_read_and_their_texts_are_screened() {
    for (input, inputs, tokens, bytes) in [
        (json!("hello"), 1, 0, 5),
        (json!(["a", "bc"]), 2, 0, 3),
        (json!([1, 2, 3]), 1, 3, 0),
        (json!([[1, 2], [3]]), 2, 3, 0),
    ] {
        let body = json!({"model": "e", "input": input, "encoding_format": "base64"}).to_string();
        let view = embeddings::RequestView::read(body.as_bytes()).unwrap();
        assert_eq!(
            (view.inputs, view.tokens, view.text_bytes),
            (inputs, tokens, bytes),
            "{body}"
        );
    }
    for input in [json!([]), json!(["a", 1]), json!({}), json!(null), json!([true])] {
        let body = json!({"model": "e", "input": input}).to_string();
        assert!(embeddings::RequestView::read(body.as_bytes()).is_err(), "{body}");
    }
    let body = json!({"model": "e", "input": ["my secret", "two"]}).to_string();
    let places = texts::of_request(Wire::OpenAi, body.as_bytes());
    assert_eq!(places.len(), 2);
    assert!(places.iter().all(|place| place.voice == Voice::User));

    let answer = embeddings::response("e", &[vec![0.5, 1.0], vec![0.0]], 7);
    let view = embeddings::read_response(&answer);
    assert!(view.is_answer);
    assert_eq!((view.vectors, view.usage), (2, Some(Usage::new(7, 0))));
    assert!(embeddings::read_response(br#"{"error":{"message":"m"}}"#).is_error_object);
}

#[test]
fn a_count_of_tokens_is_read() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(anthropic::count_tokens::read_request(body).unwrap().max_tokens, 0);
    let view = anthropic::count_tokens::read_response(br#"{"input_tokens":14}"#);
    assert_eq!((view.input_tokens, view.is_answer), (Some(14), true));
    assert_eq!(anthropic::count_tokens::response(14), br#"{"input_tokens":14}"#);
    let view =
        anthropic::count_tokens::read_response(br#"{"type":"error","error":{"type":"x","message":"m"}}"#);
    assert!(view.is_error_object && !view.is_answer);
}
