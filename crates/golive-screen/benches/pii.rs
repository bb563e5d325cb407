//! S4: how fast personal data is looked for: prose without any, a page with some, mixed scripts, hostile texts by size,
//! and a stream in small pieces.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use golive_screen::normalise::Normalised;
use golive_screen::pii::{Detector, Options};
use golive_screen::redact::{Action, Policy};
use golive_screen::stream::Filter;

const PROSE: &str = "The quick brown fox jumps over the lazy dog, and then the dog sleeps. It was a warm evening in the \
    village; nobody had expected the visitors so early. Could you tell me how long it takes until the parcel is here? \
    We would like to change the colour of the sofa, if that is still possible. ";

fn prose(length: usize) -> String {
    PROSE.chars().cycle().take(length).collect()
}

fn texts() -> Vec<(&'static str, String)> {
    let some = format!(
        "{} Write to ann@example.com or call +49 30 901820. {}",
        prose(1000),
        prose(950)
    );
    let mixed: String = "Привет, как дела? 我们明天去北京。 Wir möchten die Farbe ändern. Γειά σου κόσμε. "
        .chars()
        .cycle()
        .take(1400)
        .collect();
    vec![("prose_2k", prose(2048)), ("some_2k", some), ("mixed_2k", mixed)]
}

fn find(c: &mut Criterion) {
    let detector = Detector::new(&Options::default()).unwrap();
    for (name, text) in texts() {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("find_in", |b| b.iter(|| detector.find_in(black_box(&text))));
        let normalised = Normalised::of(&text);
        group.bench_function("find", |b| b.iter(|| detector.find(black_box(&normalised))));
        group.finish();
    }
}

fn hostile(c: &mut Criterion) {
    let detector = Detector::new(&Options::default()).unwrap();
    for (name, unit) in [
        ("digits", "1"),
        ("ats", "@"),
        ("ones", "1-"),
        ("letters", "a"),
        ("dots", "a."),
        ("mails", "a@a."),
        ("dashes", "-"),
        ("colons", "1:"),
        ("blanks", "1 "),
        ("cards", "4111 1111 "),
        // golive:allow-secret made up for this bench
        ("tokens", "eyJhbGciOiJIUzI1NiJ9."),
        ("names", "name: Ruth "),
        ("words", "password "),
        ("numbers", "SSN 123456789 "),
        ("keys", "sk-ant-"),
        ("urls", "a://b:"),
        ("zero_width", "4\u{200B}"),
        ("twins", "а"),
        ("mixed", "é"),
    ] {
        let mut group = c.benchmark_group(format!("hostile_{name}"));
        group.sample_size(10);
        for size in [1024, 1024 * 1024] {
            let text = unit.repeat(size / unit.len());
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(format!("{size}"), |b| {
                b.iter(|| detector.find_in(black_box(&text)))
            });
        }
        group.finish();
    }
}

fn stream(c: &mut Criterion) {
    let detector = Arc::new(Detector::new(&Options::default()).unwrap());
    let policy = Arc::new(Policy::new(Action::Redact));
    let text = prose(2048);
    let mut group = c.benchmark_group("stream_2k");
    for size in [1usize, 4, 16, 64] {
        group.throughput(Throughput::Elements((text.len() / size) as u64));
        group.bench_function(format!("chunks_of_{size}"), |b| {
            b.iter(|| {
                let mut filter = Filter::new(Arc::clone(&detector), Arc::clone(&policy));
                for chunk in text.as_bytes().chunks(size) {
                    black_box(filter.push(std::str::from_utf8(chunk).unwrap()).unwrap());
                }
                black_box(filter.finish().unwrap())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, find, hostile, stream);
criterion_main!(benches);
