//! S4: however a text is cut, the stream filter gives what the whole text gives, and holds no more than it promises.
#![no_main]

use std::sync::{Arc, LazyLock};

use golive_screen::literals::Literals;
use golive_screen::pii::{Detector, Kind, Options};
use golive_screen::redact::{Action, Policy, apply};
use golive_screen::stream::{Because, Filter, HELD_MAX, INVISIBLE_MAX};
use libfuzzer_sys::fuzz_target;

static DETECTOR: LazyLock<Arc<Detector>> =
    LazyLock::new(|| Arc::new(Detector::new(&Options::default()).expect("the defaults are sound")));

fn run<'t>(mut filter: Filter, chunks: impl Iterator<Item = &'t str>) -> (String, Option<Because>) {
    let mut out = String::new();
    for chunk in chunks {
        match filter.push(chunk) {
            Ok(released) => out += &released,
            Err(blocked) => return (out + &blocked.released, Some(blocked.because)),
        }
        // Of each visible byte at most four in the original, and the invisible characters between them.
        assert!(filter.held() <= HELD_MAX * 4 * (INVISIBLE_MAX + 1));
    }
    match filter.finish() {
        Ok(released) => (out + &released, None),
        Err(blocked) => (out + &blocked.released, Some(blocked.because)),
    }
}

fuzz_target!(|input: (u8, u8, &str)| {
    let (size, choice, text) = input;
    let policy = match choice % 3 {
        0 => Policy::new(Action::Redact),
        1 => Policy::new(Action::Hash).keyed(b"fuzz").with(Kind::SecretJwt, Action::Allow),
        _ => Policy::new(Action::Mask).with(Kind::Iban, Action::Block).with(Kind::SecretPrivateKey, Action::Block),
    };
    let filter = |literals: bool| {
        let filter = Filter::new(Arc::clone(&DETECTOR), Arc::new(policy.clone()));
        if literals {
            filter.with_literals(Arc::new(Literals::new(&["canary-7f3a9x"]).expect("long enough")))
        } else {
            filter
        }
    };
    let chunks = |size: usize| {
        let mut rest = text;
        std::iter::from_fn(move || {
            let mut end = size.clamp(1, rest.len().max(1)).min(rest.len());
            while !rest.is_char_boundary(end) {
                end += 1;
            }
            let (chunk, tail) = rest.split_at(end);
            rest = tail;
            (!chunk.is_empty()).then_some(chunk)
        })
    };
    let size = usize::from(size % 48) + 1;
    let at_once = run(filter(false), std::iter::once(text));
    assert_eq!(run(filter(false), chunks(size)), at_once);
    assert_eq!(run(filter(false), chunks(1)), at_once);
    let forbidden = run(filter(true), std::iter::once(text));
    assert_eq!(run(filter(true), chunks(size)), forbidden);

    // Too many invisible characters in a row are dropped by the stream alone.
    let long_run = text.as_bytes().len() > INVISIBLE_MAX * 2 && !text.is_ascii();
    if !long_run {
        let whole = apply(&DETECTOR, text, &DETECTOR.find_in(text), &policy, None);
        assert_eq!(at_once, (whole.text, whole.blocked.map(Because::Kind)));
    }
});
