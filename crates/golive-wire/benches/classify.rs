//! What the wire costs on the way of a request: classifying a stream, splitting it, reading and editing a body.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use golive_wire::openai::build::{self, ChunkHead, Delta};
use golive_wire::{Event, Splitter, anthropic, openai, replace_model};
use std::hint::black_box;

const HEAD: ChunkHead<'_> = ChunkHead {
    id: "chatcmpl-a1b2c3d4e5f6",
    created: 1_790_000_000,
    model: "gpt-x-2026-01-01",
    include_usage: true,
};

fn streams(c: &mut Criterion) {
    let plain = Event::parse(build::chunk(&HEAD, Delta::Content(" order"))).unwrap();
    let escaped = Event::parse(build::chunk(&HEAD, Delta::Content(" \"order\"\n"))).unwrap();
    let block = Event::parse(anthropic::build::text_delta(0, " order")).unwrap();
    c.bench_function("classify/openai_plain", |b| {
        b.iter(|| openai::stream::classify(black_box(&plain)).len())
    });
    c.bench_function("classify/openai_escaped", |b| {
        b.iter(|| openai::stream::classify(black_box(&escaped)).len())
    });
    c.bench_function("classify/anthropic", |b| {
        b.iter(|| anthropic::stream::classify(black_box(&block)).len())
    });
    c.bench_function("classify/openai_as_value", |b| {
        b.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(&plain.data)).unwrap())
    });
    c.bench_function("strip_usage/null", |b| {
        b.iter(|| openai::stream::strip_usage(black_box(&plain)))
    });

    let chunks: Vec<_> = (0..200)
        .map(|_| build::chunk(&HEAD, Delta::Content(" order")))
        .collect();
    let whole = bytes::Bytes::from(chunks.concat());
    let mut group = c.benchmark_group("split");
    group.throughput(Throughput::Bytes(whole.len() as u64));
    group.bench_function("one_event_per_chunk", |b| {
        b.iter(|| {
            let mut splitter = Splitter::new(1 << 20);
            let mut count = 0;
            for chunk in &chunks {
                splitter.push(chunk.clone());
                while let Ok(Some(event)) = splitter.next() {
                    count += black_box(event).data.len();
                }
            }
            count
        });
    });
    group.bench_function("packets_of_1400", |b| {
        b.iter(|| {
            let mut splitter = Splitter::new(1 << 20);
            let mut count = 0;
            for at in (0..whole.len()).step_by(1400) {
                splitter.push(whole.slice(at..whole.len().min(at + 1400)));
                while let Ok(Some(event)) = splitter.next() {
                    count += black_box(event).data.len();
                }
            }
            count
        });
    });
    group.finish();
}

fn bodies(c: &mut Criterion) {
    let text = "Where is my order 4711?\nIt should have come on \"Monday\". ".repeat(8);
    let messages: Vec<_> = (0..20).map(|_| build::ChatMessage::new("user", &text)).collect();
    let body = build::ChatRequest {
        model: "smart",
        messages,
        stream: true,
        ..Default::default()
    }
    .to_vec();
    let mut group = c.benchmark_group("request");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("view", |b| {
        b.iter(|| {
            openai::chat::RequestView::read(black_box(&body))
                .unwrap()
                .text_bytes
        });
    });
    group.bench_function("replace_model", |b| {
        b.iter(|| replace_model(black_box(&body), "gpt-x"))
    });
    group.bench_function("with_include_usage", |b| {
        b.iter(|| openai::chat::with_include_usage(black_box(&body)));
    });
    group.finish();
}

criterion_group!(benches, streams, bodies);
criterion_main!(benches);
