//! How fast a request is validated, beside serde_json reading the same bytes into nothing and into values.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use golive_screen::validate::json::{Bounds, check};
use serde::de::IgnoredAny;
use std::hint::black_box;

fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let message = |n: usize| {
        serde_json::json!({"role": if n.is_multiple_of(2) {"user"} else {"assistant"},
            "content": "Where is my order 4711?\nIt should have come on \"Monday\". ".repeat(8)})
    };
    let tools: Vec<_> = (0..20)
        .map(|n| {
            serde_json::json!({"type":"function","function":{"name":format!("tool_{n}"),"description":"looks something up",
                "parameters":{"type":"object","properties":{"id":{"type":"string"},"limit":{"type":"integer","minimum":1}},"required":["id"]}}})
        })
        .collect();
    let chat = |messages: usize| {
        let messages: Vec<_> = (0..messages).map(message).collect();
        serde_json::json!({"model":"smart","stream":true,"messages":messages})
    };
    let mut with_tools = chat(12);
    with_tools["tools"] = tools.into();
    let keys: String = (0..9_000).map(|n| format!("\"key_{n}\":{n},")).collect();
    vec![
        ("chat_1", serde_json::to_vec(&chat(1)).unwrap()),
        ("chat_40", serde_json::to_vec(&chat(40)).unwrap()),
        ("chat_12_tools_20", serde_json::to_vec(&with_tools).unwrap()),
        (
            "base64_900k",
            format!("[\"{}\"]", "QUJD".repeat(225_000)).into_bytes(),
        ),
        ("keys_9000", format!("{{{keys}\"end\":0}}").into_bytes()),
        (
            "escapes_300k",
            format!("[\"{}\"]", "\\n\\u00e9x".repeat(33_000)).into_bytes(),
        ),
    ]
}

fn validate(c: &mut Criterion) {
    let bounds = Bounds::default();
    for (name, body) in bodies() {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("check", |b| b.iter(|| check(black_box(&body), &bounds).unwrap()));
        group.bench_function("serde_ignored", |b| {
            b.iter(|| serde_json::from_slice::<IgnoredAny>(black_box(&body)).unwrap())
        });
        group.bench_function("serde_value", |b| {
            b.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(&body)).unwrap())
        });
        group.finish();
    }
}

criterion_group!(benches, validate);
criterion_main!(benches);
