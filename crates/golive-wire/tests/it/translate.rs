//! E4: exchanges in one format, told in the other: requests up, answers and streams back, each a file that can also be
//! played to the official clients.

use crate::events;
use golive_wire::translate::{self, Agent, Head, Loss, Policy, Reasoning, Refusal, Stream};
use golive_wire::{Splitter, StreamEvent, Wire, anthropic, openai};
use serde_json::{Value, json};
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/exchanges")
}

/// Each file: `caller` and `link` (formats), `policy`, `request` and `request_there`, `answer_there` and `answer`,
/// `stream_there` and `stream` (events as `[name, data]`), what the caller is told (`warnings`, `answer_warnings`).
fn exchanges() -> Vec<(PathBuf, Value)> {
    let mut all: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let text = std::fs::read(&path).unwrap();
            let value =
                serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, value)
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn wire(name: &Value) -> Wire {
    match name.as_str().unwrap() {
        "openai" => Wire::OpenAi,
        "anthropic" => Wire::Anthropic,
        "agent" => Wire::Problem,
        other => panic!("{other} is no format"),
    }
}

fn agent() -> Agent {
    Agent {
        input: "/message".parse().unwrap(),
        output: "/reply/text".parse().unwrap(),
        stream: Some("/delta".parse().unwrap()),
    }
}

fn policy(exchange: &Value) -> Policy {
    let loss = |word: &Value| match word.as_str().unwrap() {
        "refuse" => Loss::Refuse,
        "warn" => Loss::Warn,
        "drop" => Loss::Drop,
        other => panic!("{other} is no way to lose something"),
    };
    let given = exchange.get("policy").and_then(Value::as_object);
    Policy {
        parameters: given
            .into_iter()
            .flatten()
            .map(|(name, word)| (name.clone(), loss(word)))
            .collect(),
        max_tokens: 1000,
        agent: Some(agent()),
        ..Policy::default()
    }
}

fn head() -> Head {
    Head {
        id: "7".into(),
        created_s: 1_790_000_000,
        model: Some("smart".into()),
        hide_usage: false,
        agent: Some(agent()),
    }
}

/// Events as the network brings them.
fn written(events: &Value) -> Vec<u8> {
    let mut out = String::new();
    for event in events.as_array().unwrap() {
        if let Some(name) = event[0].as_str() {
            out += &format!("event: {name}\n");
        }
        match &event[1] {
            Value::String(word) => out += &format!("data: {word}\n\n"),
            data => out += &format!("data: {data}\n\n"),
        }
    }
    out.into_bytes()
}

/// The same read back; comments are left out.
fn read(stream: &[u8]) -> Value {
    events(stream)
        .iter()
        .filter(|event| event.has_data)
        .map(|event| {
            let data: Value = serde_json::from_slice(&event.data)
                .unwrap_or_else(|_| String::from_utf8_lossy(&event.data).into_owned().into());
            json!([event.event(), data])
        })
        .collect()
}

/// A whole stream translated, cut by the network at these places.
fn translated(from: Wire, to: Wire, source: &[u8], cuts: &[usize]) -> (Vec<u8>, Stream) {
    let mut stream = Stream::new(from, to, head()).unwrap();
    let (mut splitter, mut out) = (Splitter::new(1 << 20), Vec::new());
    let mut from = 0;
    for to in cuts.iter().copied().chain([source.len()]) {
        splitter.push(source[from..to].to_vec().into());
        from = to;
        while let Some(event) = splitter.next().unwrap() {
            stream.relay(&event, &mut out).unwrap();
        }
    }
    stream.end_of_body(&mut out);
    (out, stream)
}

/// Compares, or writes what is there into the file when `UPDATE_EXCHANGES` is set.
fn hold(exchange: &mut Value, name: &str, found: Value, path: &std::path::Path) {
    if std::env::var_os("UPDATE_EXCHANGES").is_some() {
        exchange[name] = found;
        let text = serde_json::to_string_pretty(exchange).unwrap() + "\n";
        std::fs::write(path, text).unwrap();
        return;
    }
    let expected = exchange
        .get(name)
        .unwrap_or_else(|| panic!("{} lacks {name}", path.display()));
    assert_eq!(
        &found,
        expected,
        "{} {name}:\n{}",
        path.display(),
        serde_json::to_string_pretty(&found).unwrap()
    );
}

#[test]
fn every_exchange_is_told_in_the_other_format_as_its_file_says() {
    let all = exchanges();
    assert!(all.len() >= 10, "the exchanges are there");
    for (path, mut exchange) in all {
        let (caller, link) = (wire(&exchange["caller"]), wire(&exchange["link"]));
        let source = exchange["request"].to_string();
        let told = translate::request(caller, link, source.as_bytes(), &policy(&exchange))
            .unwrap_or_else(|refusal| panic!("{}: {refusal:?}", path.display()));
        let body: Value = serde_json::from_slice(&told.body).unwrap();
        hold(&mut exchange, "request_there", body, &path);
        hold(&mut exchange, "warnings", json!(told.warnings), &path);
        if let Some(answer) = exchange.get("answer_there").map(Value::to_string) {
            let told = translate::answer(link, caller, answer.as_bytes(), &head())
                .unwrap_or_else(|refusal| panic!("{}: {refusal:?}", path.display()));
            let body: Value = serde_json::from_slice(&told.body).unwrap();
            hold(&mut exchange, "answer", body, &path);
            hold(&mut exchange, "answer_warnings", json!(told.warnings), &path);
        }
        if let Some(source) = exchange.get("stream_there").map(written) {
            let (out, stream) = translated(link, caller, &source, &[]);
            hold(&mut exchange, "stream", read(&out), &path);
            hold(&mut exchange, "complete", stream.is_complete().into(), &path);
        }
    }
}

#[test]
fn what_was_translated_is_sound_for_the_readers_of_its_own_format() {
    for (path, exchange) in exchanges() {
        let (caller, link) = (wire(&exchange["caller"]), wire(&exchange["link"]));
        let path = path.display();
        let request = exchange["request_there"].to_string();
        let request = golive_wire::replace_model(request.as_bytes(), "link-model");
        match link {
            Wire::OpenAi => drop(openai::chat::RequestView::read(&request).unwrap()),
            Wire::Anthropic => drop(anthropic::messages::RequestView::read(&request).unwrap()),
            Wire::Problem => {}
        }
        if let Some(answer) = exchange.get("answer").map(Value::to_string) {
            let is_answer = match caller {
                Wire::OpenAi => openai::chat::read_response(answer.as_bytes()).is_answer,
                Wire::Anthropic => anthropic::messages::read_response(answer.as_bytes()).is_answer,
                Wire::Problem => true,
            };
            assert!(is_answer, "{path}");
        }
        let Some(stream) = exchange.get("stream").map(written) else {
            continue;
        };
        let read = events(&stream);
        for (place, event) in read.iter().enumerate() {
            let meanings = match caller {
                Wire::OpenAi => openai::stream::classify(event),
                Wire::Anthropic => anthropic::stream::classify(event),
                Wire::Problem => continue,
            };
            for meaning in &meanings {
                assert_ne!(meaning, &StreamEvent::Malformed, "{path} event {place}");
                if meaning == &StreamEvent::End {
                    assert_eq!(exchange["complete"], true, "{path}: an end that nobody said");
                    assert_eq!(place, read.len() - 1, "{path}: something after the end");
                }
            }
        }
    }
}

fn refused(from: Wire, to: Wire, body: &Value) -> Refusal {
    let body = body.to_string();
    translate::request(from, to, body.as_bytes(), &Policy::default()).unwrap_err()
}

#[test]
fn what_has_no_expression_is_refused_by_its_name_unless_the_policy_says_otherwise() {
    let chat = |extra: Value| {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        for (name, value) in extra.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    for (extra, parameter) in [
        (json!({"seed": 1}), "seed"),
        (json!({"n": 2}), "n"),
        (json!({"logprobs": true}), "logprobs"),
        (json!({"frequency_penalty": 0.1}), "frequency_penalty"),
        (json!({"logit_bias": {"1": 2}}), "logit_bias"),
        (json!({"tools": [{"type": "web_search"}]}), "tools.web_search"),
        (
            json!({"response_format": {"type": "json_object"}}),
            "response_format",
        ),
        (json!({"modalities": ["text", "audio"]}), "modalities"),
        (json!({"a field\r\nx: y": 1}), "unknown"),
        (
            json!({"messages": [{"role": "assistant", "content": "So"}]}),
            "messages.prefill",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "input_audio"}, {"type": "text", "text": "x"}]}]}),
            "messages.input_audio",
        ),
    ] {
        let body = chat(extra);
        let told = refused(Wire::OpenAi, Wire::Anthropic, &body);
        assert_eq!(
            told,
            Refusal::CannotExpress {
                parameter: parameter.into(),
                to: Wire::Anthropic
            },
            "{body}"
        );
        let error = golive_wire::ApiError::from(told);
        assert_eq!((error.status, error.code), (400, "unsupported_parameter"));
        assert_eq!(
            (error.param.as_deref(), error.should_retry),
            (Some(parameter), Some(false))
        );
        for (loss, warns) in [(Loss::Warn, true), (Loss::Drop, false)] {
            let policy = Policy {
                parameters: vec![(parameter.into(), loss)],
                ..Policy::default()
            };
            let told = translate::request(
                Wire::OpenAi,
                Wire::Anthropic,
                body.to_string().as_bytes(),
                &policy,
            )
            .unwrap();
            let list = if warns { &told.warnings } else { &told.dropped };
            assert_eq!(list, &[parameter], "{body}");
        }
    }
    for (extra, parameter) in [
        (json!({"top_k": 4}), "top_k"),
        (json!({"mcp_servers": [{"url": "x"}]}), "mcp_servers"),
        (
            json!({"tools": [{"type": "bash_20250124", "name": "bash"}]}),
            "tools.bash",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}]}),
            "messages.image",
        ),
    ] {
        let mut body = chat(extra);
        body["max_tokens"] = 5.into();
        let told = refused(Wire::Anthropic, Wire::OpenAi, &body);
        assert_eq!(
            told,
            Refusal::CannotExpress {
                parameter: parameter.into(),
                to: Wire::OpenAi
            },
            "{body}"
        );
    }
}

#[test]
fn a_request_that_breaks_its_own_format_is_told_where() {
    let call = |arguments: &str| {
        json!({"model": "m", "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]},
            {"role": "tool", "tool_call_id": "c", "content": "x"}]})
    };
    for (body, place) in [
        (call("{\"a\":"), "/messages/1/tool_calls/0/function/arguments"),
        (call("[1]"), "/messages/1/tool_calls/0/function/arguments"),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": ""}]}),
            "/messages",
        ),
        (json!({"model": "m"}), "/messages"),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,xx"}}]}]}),
            "/messages/0/content/0",
        ),
        (json!([]), ""),
    ] {
        match refused(Wire::OpenAi, Wire::Anthropic, &body) {
            Refusal::Invalid { pointer, .. } => assert_eq!(pointer, place, "{body}"),
            other => panic!("{other:?}"),
        }
    }
    let same = translate::request(Wire::OpenAi, Wire::OpenAi, b"{}", &Policy::default());
    assert!(matches!(same, Err(Refusal::NoWay { .. })));
}

#[test]
fn numbers_in_a_tools_input_keep_their_digits() {
    let big = "12345678901234567890123";
    let body = format!(
        r#"{{"model":"m","max_tokens":5,"messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{{"type":"tool_use","id":"a","name":"f","input":{{"big":{big},"f":1.50}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"a"}}]}}]}}"#
    );
    let chat = translate::request(
        Wire::Anthropic,
        Wire::OpenAi,
        body.as_bytes(),
        &policy(&json!({})),
    )
    .unwrap();
    let told = String::from_utf8(chat.body.clone()).unwrap();
    assert!(
        told.contains(&format!(r#""arguments":"{{\"big\":{big},\"f\":1.50}}""#)),
        "{told}"
    );
    let back = translate::request(Wire::OpenAi, Wire::Anthropic, &chat.body, &policy(&json!({}))).unwrap();
    let told = String::from_utf8(back.body).unwrap();
    assert!(
        told.contains(&format!(r#""input":{{"big":{big},"f":1.50}}"#)),
        "{told}"
    );
}

#[test]
fn reasoning_is_asked_for_as_the_model_behind_the_link_takes_it() {
    let ask = |reasoning: Reasoning, extra: Value| {
        let mut body = json!({"model": "m", "max_tokens": 8000, "reasoning_effort": "high",
            "messages": [{"role": "user", "content": "hi"}]});
        for (name, value) in extra.as_object().unwrap() {
            body[name] = value.clone();
        }
        let policy = Policy {
            reasoning,
            default: Loss::Warn,
            ..Policy::default()
        };
        let told = translate::request(
            Wire::OpenAi,
            Wire::Anthropic,
            body.to_string().as_bytes(),
            &policy,
        )
        .unwrap();
        let body: Value = serde_json::from_slice(&told.body).unwrap();
        (
            body["thinking"].clone(),
            body["output_config"].clone(),
            told.warnings,
        )
    };
    let none = Value::Null;
    let (thinking, config, warnings) = ask(Reasoning::Effort, json!({}));
    assert_eq!(
        (thinking, config, warnings.len()),
        (json!({"type": "adaptive"}), json!({"effort": "high"}), 0)
    );
    let (thinking, config, _) = ask(Reasoning::Budget, json!({}));
    assert_eq!(
        (thinking, config),
        (json!({"type": "enabled", "budget_tokens": 4000}), none.clone())
    );
    for (reasoning, extra) in [
        (Reasoning::None, json!({})),
        (Reasoning::Budget, json!({"max_tokens": 1000})), // no room for both
        (
            Reasoning::Effort,
            json!({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"}),
        ),
    ] {
        let (thinking, _, warnings) = ask(reasoning, extra);
        assert_eq!(
            (thinking, warnings),
            (none.clone(), vec!["reasoning_effort".into()])
        );
    }
    let (_, _, warnings) = ask(Reasoning::Effort, json!({"temperature": 0.2, "top_p": 0.5}));
    assert_eq!(warnings, ["temperature", "top_p"]);
}

#[test]
fn an_answer_that_is_none_or_cannot_be_told_is_not_dressed_up() {
    for (from, to, body) in [
        (Wire::OpenAi, Wire::Anthropic, json!({"error": {"message": "m"}})),
        (Wire::OpenAi, Wire::Anthropic, json!({"choices": []})),
        (
            Wire::OpenAi,
            Wire::Anthropic,
            json!({"choices": [{"message": {"tool_calls": [
            {"id": "c", "function": {"name": "f", "arguments": "{\"a\""}}]}, "finish_reason": "tool_calls"}]}),
        ),
        (
            Wire::Anthropic,
            Wire::OpenAi,
            json!({"type": "error", "error": {"message": "m"}}),
        ),
        (Wire::Anthropic, Wire::OpenAi, json!({"content": "text"})),
        (Wire::Problem, Wire::OpenAi, json!({"reply": {"words": "x"}})),
        (
            Wire::Anthropic,
            Wire::Problem,
            json!({"content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]}),
        ),
    ] {
        let body = body.to_string();
        assert!(
            translate::answer(from, to, body.as_bytes(), &head()).is_err(),
            "{body}"
        );
    }
}

#[test]
fn a_conversation_survives_the_way_there_and_back() {
    for (path, exchange) in exchanges() {
        let (caller, link) = (wire(&exchange["caller"]), wire(&exchange["link"]));
        if caller == Wire::Problem || link == Wire::Problem {
            continue;
        }
        let there = exchange["request_there"].to_string();
        let policy = Policy {
            default: Loss::Warn,
            max_tokens: 1000,
            ..Policy::default()
        };
        let back = translate::request(link, caller, there.as_bytes(), &policy).unwrap();
        let again = translate::request(caller, link, &back.body, &policy).unwrap();
        let again: Value = serde_json::from_slice(&again.body).unwrap();
        for part in ["system", "messages", "tools"] {
            let expected = without_cache_control(&exchange["request_there"][part]);
            assert_eq!(
                without_cache_control(&again[part]),
                expected,
                "{} {part}",
                path.display()
            );
        }
    }
}

/// Marks for the cache, which OpenAI's format does not have.
fn without_cache_control(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(name, _)| *name != "cache_control")
            .map(|(name, value)| (name.clone(), without_cache_control(value)))
            .collect(),
        Value::Array(list) => list.iter().map(without_cache_control).collect(),
        other => other.clone(),
    }
}
