//! S6: tools in requests and answers: what is offered, taken out and called, however a stream is cut.

use std::sync::Arc;

use golive_wire::tools::{Called, Guard, Offer, Passed, ToolSet, capability, not_held, strip};
use golive_wire::{Splitter, Wire, anthropic, openai};
use proptest::prelude::*;

fn set(names: &[&str]) -> Arc<ToolSet> {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let hosted = vec!["code_execution".to_owned()];
    Arc::new(ToolSet { names, hosted })
}

/// What a caller receives of a stream in these pieces, and the name that was blocked.
fn relayed<'a>(
    wire: Wire,
    pieces: impl Iterator<Item = &'a [u8]>,
    names: &[&str],
) -> (String, Option<String>) {
    let (mut splitter, mut guard) = (Splitter::new(1 << 20), Guard::new(wire, set(names)));
    let mut out = Vec::new();
    for piece in pieces {
        splitter.push(piece.to_vec().into());
        while let Some(event) = splitter.next().unwrap() {
            let meanings = match wire {
                Wire::Anthropic => anthropic::stream::classify(&event),
                _ => openai::stream::classify(&event),
            };
            match guard.take(&event, &meanings, event.raw.clone()) {
                Passed::On(bytes) => out.extend_from_slice(&bytes),
                Passed::Held => {}
                Passed::Blocked(name) => return (String::from_utf8(out).unwrap(), Some(name)),
            }
        }
    }
    (String::from_utf8(out).unwrap(), None)
}

fn whole(wire: Wire, stream: &str, names: &[&str]) -> (String, Option<String>) {
    relayed(wire, std::iter::once(stream.as_bytes()), names)
}

fn chunk(choice: &str) -> String {
    format!("data: {{\"choices\":[{choice}]}}\n\n")
}

/// A piece of the call with this index: its name and arguments as given.
fn call(index: u32, name: Option<&str>, arguments: Option<&str>) -> String {
    let member = |key: &str, value: Option<&str>| value.map(|value| format!("\"{key}\":\"{value}\""));
    let function: Vec<String> = [member("name", name), member("arguments", arguments)]
        .into_iter()
        .flatten()
        .collect();
    chunk(&format!(
        "{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\"function\":{{{}}}}}]}}}}",
        function.join(",")
    ))
}

const FINISH: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[test]
fn an_allowed_call_passes_byte_for_byte_in_every_way_that_servers_write_it() {
    let text = chunk("{\"index\":0,\"delta\":{\"content\":\"Hm.\"}}");
    for stream in [
        vec![call(0, Some("look"), Some("")), call(0, None, Some("{}")), FINISH.into(), DONE.into()],
        vec![call(0, Some("look"), Some("{}")), FINISH.into(), DONE.into()],
        vec![call(0, Some("lo"), None), call(0, Some("ok"), None), call(0, None, Some("{}")), DONE.into()],
        vec![call(0, Some("look"), None), text.clone(), call(1, Some("find"), Some("{}")), FINISH.into()],
        vec![call(0, Some("look"), None), FINISH.into(), DONE.into()],
        vec![call(0, Some("look"), None), DONE.into()],
        vec![call(0, Some("look"), Some("{")), call(0, Some("look"), Some("}")), DONE.into()],
        vec!["data: {\"choices\":[{\"delta\":{\"function_call\":{\"name\":\"look\",\"arguments\":\"{}\"}}}]}\n\n".into()],
    ] {
        let stream = [vec![text.clone()], stream].concat().concat();
        assert_eq!(whole(Wire::OpenAi, &stream, &["look", "find"]), (stream, None));
    }
}

#[test]
fn nothing_of_a_call_that_was_not_offered_passes() {
    let text = chunk("{\"index\":0,\"delta\":{\"content\":\"Hm.\"}}");
    for (stream, blocked) in [
        (vec![call(0, Some("pay"), Some("")), call(0, None, Some("{}"))], "pay"),
        (vec![call(0, Some("look"), None), call(0, Some("_pay"), None), call(0, None, Some("{}"))], "look_pay"),
        (vec![call(0, Some("pay"), None), FINISH.into()], "pay"),
        (vec![call(0, Some("pay"), None), DONE.into()], "pay"),
        (vec![call(0, Some("pay"), None), call(1, Some("look"), Some("{}"))], "pay"),
        (vec![call(0, None, Some("{}"))], ""),
        (vec!["data: {\"choices\":[{\"delta\":{\"tool_calls\":\"pay\"}}]}\n\n".into()], ""),
        (vec!["data: {\"choices\":[{\"delta\":{\"function_call\":{\"name\":\"pay\",\"arguments\":\"{}\"}}}]}\n\n".into()], "pay"),
        (vec!["data: {\"choices\":[{\"delta\":{\"\\u0074ool_calls\":[{\"function\":{\"name\":\"p\\u0061y\",\"arguments\":\"{}\"}}]}}]}\n\n".into()], "pay"),
    ] {
        let stream = [vec![text.clone()], stream].concat().concat();
        assert_eq!(whole(Wire::OpenAi, &stream, &["look"]), (text.clone(), Some(blocked.to_owned())), "{stream}");
    }
    // A name that goes on growing after its arguments have begun.
    let grows = [call(0, Some("look"), Some("{")), call(0, Some("_pay"), None)].concat();
    assert_eq!(whole(Wire::OpenAi, &grows, &["look"]).1.as_deref(), Some("_pay"));
}

fn block(index: u32, block: &str) -> String {
    format!(
        "event: content_block_start\ndata: {{\"type\":\"content_block_start\",\"index\":{index},\"content_block\":{block}}}\n\n"
    )
}

#[test]
fn a_block_of_anthropics_is_judged_by_its_first_event() {
    let text = block(0, "{\"type\":\"text\",\"text\":\"\"}");
    for (kind, name, passes) in [
        ("tool_use", "look", true),
        ("tool_use", "pay", false),
        ("server_tool_use", "code_execution", true),
        ("server_tool_use", "bash_code_execution", true),
        ("server_tool_use", "web_search", false),
        ("mcp_tool_use", "look", false),
        ("new_tool_use", "look", false),
    ] {
        let begun = block(
            1,
            &format!("{{\"type\":\"{kind}\",\"id\":\"t\",\"name\":\"{name}\",\"input\":{{}}}}"),
        );
        let stream = format!("{text}{begun}");
        let (out, blocked) = whole(Wire::Anthropic, &stream, &["look"]);
        assert_eq!(
            (out == stream, blocked.is_none()),
            (passes, passes),
            "{kind} {name}"
        );
        assert!(passes || out == text, "{out}");
    }
    let nameless = block(0, "{\"type\":\"tool_use\",\"id\":\"t\"}");
    assert_eq!(
        whole(Wire::Anthropic, &nameless, &["look"]).1.as_deref(),
        Some("")
    );
}

#[test]
fn a_whole_answer_is_looked_through() {
    let openai = |message: &str| format!("{{\"choices\":[{{\"message\":{{{message}}}}}]}}");
    for (body, found) in [
        (
            openai(
                "\"tool_calls\":[{\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{}\"}}]",
            ),
            None,
        ),
        (
            openai("\"tool_calls\":[{\"function\":{\"name\":\"look\"}},{\"function\":{\"name\":\"pay\"}}]"),
            Some("pay"),
        ),
        (
            openai("\"tool_calls\":[],\"function_call\":{\"name\":\"pay\",\"arguments\":\"{}\"}"),
            Some("pay"),
        ),
        (
            openai("\"tool_calls\":[{\"type\":\"custom\",\"custom\":{\"name\":\"pay\",\"input\":\"x\"}}]"),
            Some("pay"),
        ),
        (openai("\"tool_calls\":[{\"type\":\"function\"}]"), Some("")),
        (
            openai("\"tool_calls\":{\"function\":{\"name\":\"pay\"}}"),
            Some(""),
        ),
    ] {
        assert!(
            openai::chat::read_response(body.as_bytes()).tool_calls > 0,
            "{body}"
        );
        let held = not_held(Wire::OpenAi, body.as_bytes(), &set(&["look"]));
        assert_eq!(held.as_ref().map(Called::name), found, "{body}");
    }
    let body = br#"{"content":[{"type":"text","text":"x"},{"type":"tool_use","name":"look"},{"type":"tool_use","name":"pay"}]}"#;
    assert_eq!(
        not_held(Wire::Anthropic, body, &set(&["look"])).unwrap().name(),
        "pay"
    );
}

#[test]
fn tools_are_taken_out_and_every_other_byte_stays() {
    let keep = |offer: Offer<'_>| {
        !matches!(
            offer,
            Offer::Function("pay") | Offer::Hosted("web_search" | "mcp")
        )
    };
    let function = |name: &str| format!("{{ \"type\":\"function\",\"function\":{{\"name\":\"{name}\"}} }}");
    let (pay, look) = (function("pay"), function("look"));
    for (body, left) in [
        (
            format!("{{\"a\":1.0, \"tools\": [ {pay} , {look} ],\"z\":[]}}"),
            format!("{{\"a\":1.0, \"tools\": [{look}],\"z\":[]}}"),
        ),
        (
            format!("{{\"tools\":[{look}], \"tool_choice\":\"auto\"}}"),
            format!("{{\"tools\":[{look}], \"tool_choice\":\"auto\"}}"),
        ),
        (
            format!("{{\"tools\":[{pay}],\"tool_choice\":\"auto\",\"parallel_tool_calls\":true,\"n\":1}}"),
            "{\"n\":1}".to_owned(),
        ),
        (
            "{\"functions\":[{\"name\":\"pay\"}],\"function_call\":\"auto\",\"n\":1}".to_owned(),
            "{\"n\":1}".to_owned(),
        ),
        (
            "{\"tools\":[{\"type\":\"web_search_preview\"}],\"web_search_options\":{},\"n\":1}".to_owned(),
            "{\"n\":1}".to_owned(),
        ),
    ] {
        assert_eq!(
            String::from_utf8(strip(Wire::OpenAi, body.as_bytes(), keep)).unwrap(),
            left
        );
    }
    let body = r#"{"tools":[{"name":"look"},{"type":"web_search_20250305","name":"web_search"},{"type":"custom","name":"pay"}],"mcp_servers":[{}],"n":1}"#;
    let left = r#"{"tools":[{"name":"look"}],"n":1}"#;
    assert_eq!(
        String::from_utf8(strip(Wire::Anthropic, body.as_bytes(), keep)).unwrap(),
        left
    );
}

#[test]
fn a_capability_has_one_name_whatever_its_version() {
    for (kind, name) in [
        ("web_search", "web_search"),
        ("web_search_20250305", "web_search"),
        ("web_search_preview_2025_03_11", "web_search"),
        ("computer_use_preview", "computer"),
        ("computer_20250124", "computer"),
        ("Code_Interpreter", "code_execution"),
        ("mcp_toolset", "mcp"),
        ("tool2", "tool2"),
        ("20250305", "20250305"),
    ] {
        assert_eq!(capability(kind), name, "{kind}");
    }
}

#[test]
fn a_request_tells_what_it_asks_of_the_provider() {
    let said = |part: &str| format!("\"messages\":[{{\"role\":\"user\",\"content\":[{part}]}}]");
    let file = said("{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}");
    let text = said("{\"type\":\"text\",\"text\":\"file_id\"}");
    let inline = said("{\"type\":\"file\",\"file\":{\"file_data\":\"AA\"}}");
    for (messages, stored) in [(&file, true), (&text, false), (&inline, false)] {
        let body = format!("{{\"model\":\"m\",{messages}}}");
        assert_eq!(
            openai::chat::RequestView::read(body.as_bytes())
                .unwrap()
                .stored_files,
            stored,
            "{body}"
        );
    }
    let body = format!(
        "{{\"model\":\"m\",{text},\"web_search_options\":{{}},\"tool_choice\":{{\"type\":\"allowed_tools\",\"allowed_tools\":{{\"mode\":\"auto\",\"tools\":[{{\"type\":\"function\",\"function\":{{\"name\":\"pay\"}}}}]}}}}}}"
    );
    let view = openai::chat::RequestView::read(body.as_bytes()).unwrap();
    assert_eq!(
        (view.features, view.choice.names),
        (vec!["web_search"], vec!["pay".into()])
    );
    let upload = said("{\"type\":\"container_upload\",\"file_id\":\"f\"}");
    let nested = said(
        "{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}]}}",
    );
    let argument = said("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"x\",\"input\":{\"file_id\":\"f\"}}");
    for (messages, stored) in [(&upload, true), (&nested, true), (&argument, false)] {
        let body =
            format!("{{\"model\":\"m\",\"max_tokens\":1,{messages},\"tool_choice\":{{\"type\":\"any\"}}}}");
        let view = anthropic::messages::RequestView::read(body.as_bytes()).unwrap();
        assert_eq!(
            (view.stored_files, view.choice.demands()),
            (stored, true),
            "{body}"
        );
    }
}

fn events() -> impl Strategy<Value = Vec<String>> {
    let name = prop_oneof![Just("look"), Just("pay"), Just("lo"), Just("ok"), Just("")];
    let one = prop_oneof![
        Just(chunk("{\"index\":0,\"delta\":{\"content\":\"Hm.\"}}")),
        Just(": ping\n\n".to_owned()),
        Just(FINISH.to_owned()),
        (0..3_u32, name, proptest::option::of(Just("{}"))).prop_map(|(index, name, arguments)| call(
            index,
            Some(name),
            arguments
        )),
        (0..3_u32).prop_map(|index| call(index, None, Some("1"))),
    ];
    proptest::collection::vec(one, 0..12)
}

proptest! {
    #[test]
    fn however_a_stream_is_cut_the_caller_gets_the_same(events in events(), cuts in proptest::collection::vec(1..40_usize, 1..20)) {
        let stream = format!("{}{DONE}", events.concat());
        let expected = whole(Wire::OpenAi, &stream, &["look"]);
        let (mut rest, mut pieces, mut cut) = (stream.as_bytes(), Vec::new(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*cut.next().unwrap()).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let got = relayed(Wire::OpenAi, pieces.into_iter(), &["look"]);
        prop_assert_eq!(&got, &expected);
        prop_assert!(stream.starts_with(&got.0), "what passes is what came, byte for byte");
        if got.1.is_none() {
            prop_assert_eq!(got.0, stream);
        } else {
            prop_assert!(!got.0.contains("\"pay\""));
        }
    }
}
