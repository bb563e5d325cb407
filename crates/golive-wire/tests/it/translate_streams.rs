//! E4: streams by property: how the network cuts them changes nothing, and every text, call and end arrives.

use crate::events;
use golive_wire::openai::build::{self as chat, ChunkHead, Delta, ToolCall};
use golive_wire::translate::{Head, Malformed, Stream};
use golive_wire::{Event, Splitter, StreamEvent, Usage, Wire, anthropic, openai};
use proptest::prelude::*;
use serde_json::Value;

const HEAD: ChunkHead<'_> = ChunkHead {
    id: "chatcmpl-1",
    created: 1,
    model: "m",
    include_usage: true,
};

/// What a stream says, whatever its format.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Text(String),
    /// Name and arguments, in the pieces in which they come.
    Call(String, Vec<String>),
}

fn said() -> impl Strategy<Value = Vec<Said>> {
    let text = "[a-zé😀 \"\\\\\n\r\u{1}]{1,12}".prop_map(Said::Text);
    let pieces = proptest::collection::vec(("[a-z]{1,4}", "[a-z\"\\\\{}é]{0,8}"), 0..4);
    let call = ("[a-z_]{1,8}", pieces, 1_usize..6).prop_map(|(name, members, step)| {
        let object: serde_json::Map<String, Value> = members
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect();
        let text: Vec<char> = Value::Object(object).to_string().chars().collect();
        Said::Call(
            name,
            text.chunks(step).map(|piece| piece.iter().collect()).collect(),
        )
    });
    // Text first, as both providers send it; then calls.
    (
        proptest::collection::vec(text, 0..6),
        proptest::collection::vec(call, 0..4),
    )
        .prop_map(|(texts, calls)| texts.into_iter().chain(calls).collect())
}

fn as_chat(said: &[Said], ending: bool) -> Vec<u8> {
    let mut out = chat::chunk(&HEAD, Delta::Role).to_vec();
    let mut calls = 0;
    for one in said {
        match one {
            Said::Text(text) => out.extend_from_slice(&chat::chunk(&HEAD, Delta::Content(text))),
            Said::Call(name, pieces) => {
                let id = format!("call_{calls}");
                let call = ToolCall {
                    id: &id,
                    name,
                    arguments: "",
                };
                out.extend_from_slice(&chat::chunk(&HEAD, Delta::ToolCall(calls, call)));
                for piece in pieces {
                    out.extend_from_slice(&chat::chunk(&HEAD, Delta::Arguments(calls, piece)));
                }
                calls += 1;
            }
        }
    }
    if ending {
        let reason = if calls > 0 { "tool_calls" } else { "stop" };
        out.extend_from_slice(&chat::chunk(&HEAD, Delta::Finish(reason)));
        out.extend_from_slice(&chat::usage_chunk(&HEAD, Usage::new(9, 4)));
        out.extend_from_slice(&chat::done());
    }
    out
}

fn as_messages(said: &[Said], ending: bool) -> Vec<u8> {
    use anthropic::build as messages;
    let reply = messages::Reply {
        id: "msg_1",
        model: "m",
        usage: Usage::new(9, 1),
        ..messages::Reply::default()
    };
    let mut out = messages::message_start(&reply).to_vec();
    let mut calls = 0;
    for (index, one) in (0..).zip(said) {
        match one {
            Said::Text(text) => {
                out.extend_from_slice(&messages::text_start(index));
                out.extend_from_slice(&messages::text_delta(index, text));
            }
            Said::Call(name, pieces) => {
                out.extend_from_slice(&messages::tool_start(index, &format!("call_{calls}"), name));
                for piece in pieces {
                    out.extend_from_slice(&messages::input_delta(index, piece));
                }
                calls += 1;
            }
        }
        out.extend_from_slice(&messages::block_stop(index));
    }
    if ending {
        let reason = if calls > 0 { "tool_use" } else { "end_turn" };
        out.extend_from_slice(&messages::message_delta(reason, 4));
        out.extend_from_slice(&messages::message_stop());
    }
    out
}

fn head() -> Head {
    Head {
        id: "7".into(),
        ..Head::default()
    }
}

fn translated(from: Wire, to: Wire, source: &[u8], cuts: &[usize]) -> (Vec<u8>, bool) {
    let mut stream = Stream::new(from, to, head()).unwrap();
    let (mut splitter, mut out, mut start) = (Splitter::new(1 << 20), Vec::new(), 0);
    for end in cuts.iter().copied().chain([source.len()]) {
        splitter.push(source[start..end].to_vec().into());
        start = end;
        while let Some(event) = splitter.next().unwrap() {
            stream.relay(&event, &mut out).unwrap();
        }
    }
    stream.end_of_body(&mut out);
    (out, stream.is_complete())
}

/// Texts joined, and calls with their arguments, as a client of the format puts them together; `None` as last: no end.
fn heard(wire: Wire, stream: &[u8]) -> (String, Vec<(String, Value)>, Option<String>) {
    let (mut text, mut calls, mut reason, mut ended) =
        (String::new(), Vec::<(String, String)>::new(), None, false);
    for event in events(stream) {
        let meanings = match wire {
            Wire::OpenAi => openai::stream::classify(&event),
            _ => anthropic::stream::classify(&event),
        };
        for meaning in &meanings {
            match meaning {
                StreamEvent::Content { text: piece } => text += piece,
                StreamEvent::Finish(word) => reason = Some(word.clone().into_owned()),
                StreamEvent::End => ended = true,
                StreamEvent::Malformed | StreamEvent::Error(_) => panic!("{event:?}"),
                _ => {}
            }
        }
        let data: Value = serde_json::from_slice(&event.data).unwrap_or_default();
        match wire {
            Wire::OpenAi => {
                for call in data["choices"][0]["delta"]["tool_calls"]
                    .as_array()
                    .into_iter()
                    .flatten()
                {
                    let index = call["index"].as_u64().unwrap() as usize;
                    if let Some(name) = call["function"]["name"].as_str() {
                        assert_eq!(index, calls.len(), "calls are numbered one by one");
                        calls.push((name.to_owned(), String::new()));
                    }
                    calls[index].1 += call["function"]["arguments"].as_str().unwrap_or_default();
                }
            }
            _ => {
                if data["content_block"]["type"] == "tool_use" {
                    calls.push((
                        data["content_block"]["name"].as_str().unwrap().to_owned(),
                        String::new(),
                    ));
                }
                if let Some(piece) = data["delta"]["partial_json"].as_str() {
                    calls.last_mut().unwrap().1 += piece;
                }
            }
        }
    }
    let calls = calls
        .into_iter()
        .map(|(name, arguments)| (name, serde_json::from_str(&arguments).unwrap_or_default()))
        .collect();
    (text, calls, reason.filter(|_| ended))
}

fn expected(said: &[Said]) -> (String, Vec<(String, Value)>) {
    let (mut text, mut calls) = (String::new(), Vec::new());
    for one in said {
        match one {
            Said::Text(piece) => text += piece,
            Said::Call(name, pieces) => {
                calls.push((name.clone(), serde_json::from_str(&pieces.concat()).unwrap()))
            }
        }
    }
    (text, calls)
}

proptest! {
    #[test]
    fn everything_said_arrives_in_the_other_format_however_the_network_cuts_it(
        said in said(), ending in any::<bool>(), places in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        for (from, to, source) in [
            (Wire::OpenAi, Wire::Anthropic, as_chat(&said, ending)),
            (Wire::Anthropic, Wire::OpenAi, as_messages(&said, ending)),
        ] {
            let mut cuts: Vec<_> = places.iter().map(|place| place.index(source.len())).collect();
            cuts.sort_unstable();
            let (whole, complete) = translated(from, to, &source, &[]);
            let (cut, _) = translated(from, to, &source, &cuts);
            prop_assert_eq!(&whole, &cut);
            prop_assert_eq!(complete, ending);
            let (text, calls, reason) = heard(to, &whole);
            let (said_text, said_calls) = expected(&said);
            prop_assert_eq!(text, said_text);
            prop_assert_eq!(calls.len(), said_calls.len());
            if ending {
                prop_assert_eq!(&calls, &said_calls);
            }
            let word = match (to, calls.is_empty()) {
                (Wire::OpenAi, true) => "stop",
                (Wire::OpenAi, false) => "tool_calls",
                (_, true) => "end_turn",
                (_, false) => "tool_use",
            };
            prop_assert_eq!(reason.as_deref(), ending.then_some(word));
            // And back: the same words and calls once more.
            let (back, _) = translated(to, from, &whole, &[]);
            let (text, calls, _) = heard(from, &back);
            prop_assert_eq!((text, calls.len()), (expected(&said).0, said_calls.len()));
        }
    }

    #[test]
    fn blocks_open_and_close_one_after_another_however_calls_are_mixed(
        order in proptest::collection::vec(0_u32..3, 1..30),
    ) {
        let arguments = ["{\"a\":\"}{\"}", "{}", "{\"b\":[1,{\"c\":2}]}"];
        let mut left = arguments.map(|text| text.chars().collect::<std::collections::VecDeque<_>>());
        let mut source = chat::chunk(&HEAD, Delta::Role).to_vec();
        for index in 0..3 {
            let call = ToolCall { id: ["a", "b", "c"][index as usize], name: "f", arguments: "" };
            source.extend_from_slice(&chat::chunk(&HEAD, Delta::ToolCall(index, call)));
        }
        // The given order first, and what is left of each then.
        for index in order.into_iter().chain((0..3).flat_map(|index| [index; 40])) {
            if let Some(letter) = left[index as usize].pop_front() {
                let letter = letter.to_string();
                source.extend_from_slice(&chat::chunk(&HEAD, Delta::Arguments(index, &letter)));
            }
        }
        source.extend_from_slice(&chat::chunk(&HEAD, Delta::Finish("tool_calls")));
        source.extend_from_slice(&chat::done());
        let (out, complete) = translated(Wire::OpenAi, Wire::Anthropic, &source, &[]);
        prop_assert!(complete);
        let (mut open, mut next) = (None, 0);
        for event in events(&out) {
            let data: Value = serde_json::from_slice(&event.data).unwrap();
            match data["type"].as_str().unwrap() {
                "content_block_start" => {
                    prop_assert_eq!(open, None);
                    prop_assert_eq!(&data["index"], &Value::from(next));
                    open = Some(next);
                    next += 1;
                }
                "content_block_delta" => prop_assert_eq!(data["index"].as_u64(), open),
                "content_block_stop" => prop_assert_eq!(open.take().map(Value::from), Some(data["index"].clone())),
                _ => prop_assert_eq!(open, None),
            }
        }
        let (_, calls, _) = heard(Wire::Anthropic, &out);
        let whole: Vec<Value> = arguments.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        prop_assert_eq!(calls.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), whole);
    }

    #[test]
    fn no_data_makes_it_panic_or_end_by_itself(data in proptest::collection::vec(
        prop_oneof![
            "[ -~]{0,40}",
            Just(r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}"#.to_owned()),
            Just(r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"b"}}"#.to_owned()),
            Just(r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"x"}}]}}]}"#.to_owned()),
            Just(r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}"#.to_owned()),
        ], 0..12,
    )) {
        for (from, to) in [(Wire::OpenAi, Wire::Anthropic), (Wire::Anthropic, Wire::OpenAi)] {
            let mut stream = Stream::new(from, to, head()).unwrap();
            let mut out = Vec::new();
            for one in &data {
                if stream.event(None, one.as_bytes(), &mut out).is_err() {
                    break;
                }
            }
            stream.end_of_body(&mut out);
            prop_assert!(!stream.is_complete());
        }
    }
}

#[test]
fn a_call_whose_arguments_are_not_whole_is_a_break_and_not_a_call() {
    let call = ToolCall {
        id: "a",
        name: "f",
        arguments: "{\"city\":\"Os",
    };
    let source = [
        chat::chunk(&HEAD, Delta::ToolCall(0, call)),
        chat::chunk(&HEAD, Delta::Finish("tool_calls")),
        chat::done(),
    ]
    .concat();
    let mut stream = Stream::new(Wire::OpenAi, Wire::Anthropic, head()).unwrap();
    let mut out = Vec::new();
    let told: Result<Vec<()>, Malformed> = events(&source)
        .iter()
        .map(|event| stream.relay(event, &mut out))
        .collect();
    assert!(told.is_err());
    assert!(!stream.is_complete());
    assert!(!String::from_utf8_lossy(&out).contains("message_stop"));
}

#[test]
fn nothing_comes_after_an_error_or_an_end_and_comments_pass() {
    let mut stream = Stream::new(Wire::OpenAi, Wire::Anthropic, head()).unwrap();
    let mut out = Vec::new();
    stream
        .relay(&Event::parse(": keep-alive\n\n").unwrap(), &mut out)
        .unwrap();
    assert_eq!(out, b": keep-alive\n\n");
    stream
        .event(
            None,
            br#"{"error":{"message":"m","type":"server_error"}}"#,
            &mut out,
        )
        .unwrap();
    let told = out.len();
    stream.event(None, b"[DONE]", &mut out).unwrap();
    stream.end_of_body(&mut out);
    assert_eq!(
        (out.len(), stream.has_failed(), stream.is_complete()),
        (told, true, false)
    );
}

#[test]
fn usage_is_what_the_source_said_and_nothing_where_it_said_nothing() {
    let mut stream = Stream::new(Wire::OpenAi, Wire::Anthropic, head()).unwrap();
    let mut out = Vec::new();
    stream
        .event(None, br#"{"choices":[{"delta":{"content":"x"}}]}"#, &mut out)
        .unwrap();
    stream.event(None, b"[DONE]", &mut out).unwrap();
    assert!(
        stream.usage().is_empty(),
        "the zeros that the format wants are no report"
    );
    let mut stream = Stream::new(
        Wire::Anthropic,
        Wire::OpenAi,
        Head {
            hide_usage: true,
            ..head()
        },
    )
    .unwrap();
    out.clear();
    for event in events(&as_messages(&[Said::Text("x".into())], true)) {
        stream.relay(&event, &mut out).unwrap();
    }
    assert_eq!((stream.usage().input, stream.usage().output), (Some(9), Some(4)));
    assert!(!String::from_utf8_lossy(&out).contains("usage"));
}
