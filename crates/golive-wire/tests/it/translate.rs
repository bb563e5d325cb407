//! E4: exchanges in one format, told in the other: requests up, answers and streams back, each a file that can also be
//! played to the official clients.

use crate::events;
use golive_wire::translate::{self, Agent, Head, Loss, Policy, Stream};
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
