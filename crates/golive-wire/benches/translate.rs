//! What translation costs: a stream of small pieces both ways, in bytes of the source, and a request with tools.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use golive_wire::openai::build::{self, ChunkHead, Delta};
use golive_wire::translate::{self, Head, Policy, Stream};
use golive_wire::{Event, Splitter, Usage, Wire, anthropic};
use std::hint::black_box;

const HEAD: ChunkHead<'_> = ChunkHead {
    id: "chatcmpl-a1b2c3d4e5f6",
    created: 1_790_000_000,
    model: "gpt-x-2026-01-01",
    include_usage: true,
};
/// Pieces as providers send them: a few letters each, some with escapes.
const PIECES: [&str; 8] = [" order", " is", " on", " its", " way", ",\n", " \"soon\"", " für"];
const COUNT: usize = 1000;

fn chat() -> Vec<u8> {
    let mut all = build::chunk(&HEAD, Delta::Role).to_vec();
    for piece in PIECES.iter().cycle().take(COUNT) {
        all.extend_from_slice(&build::chunk(&HEAD, Delta::Content(piece)));
    }
    all.extend_from_slice(&build::chunk(&HEAD, Delta::Finish("stop")));
    all.extend_from_slice(&build::usage_chunk(&HEAD, Usage::new(20, 1000)));
    all.extend_from_slice(&build::done());
    all
}

fn messages() -> Vec<u8> {
    let reply = anthropic::build::Reply {
        id: "msg_01",
        model: "claude-x-2026",
        usage: Usage::new(20, 1),
        ..anthropic::build::Reply::default()
    };
    let mut all = anthropic::build::message_start(&reply).to_vec();
    all.extend_from_slice(&anthropic::build::text_start(0));
    for piece in PIECES.iter().cycle().take(COUNT) {
        all.extend_from_slice(&anthropic::build::text_delta(0, piece));
    }
    all.extend_from_slice(&anthropic::build::block_stop(0));
    all.extend_from_slice(&anthropic::build::message_delta("end_turn", 1000));
    all.extend_from_slice(&anthropic::build::message_stop());
    all
}

fn streams(c: &mut Criterion) {
    let mut group = c.benchmark_group("translate_stream");
    for (name, from, to, source) in [
        ("chat_to_messages", Wire::OpenAi, Wire::Anthropic, chat()),
        ("messages_to_chat", Wire::Anthropic, Wire::OpenAi, messages()),
    ] {
        group.throughput(Throughput::Bytes(source.len() as u64));
        let mut splitter = Splitter::new(1 << 20);
        splitter.push(source.into());
        let events: Vec<Event> = std::iter::from_fn(|| splitter.next().ok().flatten()).collect();
        let mut out = Vec::with_capacity(1 << 16);
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut stream = Stream::new(from, to, Head::default()).unwrap();
                let mut written = 0;
                for event in &events {
                    out.clear();
                    stream.relay(black_box(event), &mut out).unwrap();
                    written += out.len();
                }
                assert!(stream.is_complete());
                written
            });
        });
    }
    group.finish();
}

fn requests(c: &mut Criterion) {
    let call = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]},{"role":"tool","tool_call_id":"call_1","content":"4 degrees"}"#;
    let turn = r#"{"role":"user","content":"What is the weather in Oslo today, and do I need an umbrella?"}"#;
    let turns = [turn, call, turn].join(",");
    let body = format!(
        r#"{{"model":"smart","messages":[{{"role":"system","content":"Be brief."}},{}],"temperature":0.5,"tools":[{{"type":"function","function":{{"name":"weather","parameters":{{"type":"object","properties":{{"city":{{"type":"string"}}}}}}}}}}]}}"#,
        vec![turns; 10].join(",")
    );
    let mut group = c.benchmark_group("translate_request");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("chat_to_messages", |b| {
        let policy = Policy::default();
        b.iter(|| {
            translate::request(Wire::OpenAi, Wire::Anthropic, black_box(body.as_bytes()), &policy)
                .unwrap()
                .body
                .len()
        });
    });
    group.finish();
}

criterion_group!(benches, streams, requests);
criterion_main!(benches);
