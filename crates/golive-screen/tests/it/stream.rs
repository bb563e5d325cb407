//! S4: however a stream is cut, what comes out is what the whole text gives.

use std::sync::{Arc, LazyLock};

use golive_screen::literals::Literals;
use golive_screen::pii::{CustomKind, Detector, Kind, Options};
use golive_screen::redact::{Action, Policy, apply};
use golive_screen::stream::{Because, Filter, HELD_MAX};
use proptest::prelude::*;

static DETECTOR: LazyLock<Arc<Detector>> = LazyLock::new(|| {
    let custom = CustomKind {
        name: "STAFF_ID".into(),
        pattern: "ST-[0-9]{4,8}".into(),
        ..CustomKind::default()
    };
    let mut kinds = Options::default().kinds;
    kinds.push(Kind::DataUri);
    Arc::new(
        Detector::new(&Options {
            kinds,
            custom: vec![custom],
            allow: vec!["0800 123 4567".into()],
            ..Options::default()
        })
        .unwrap(),
    )
});

/// Pieces that begin, continue, end and disturb what is looked for. No secret stands here: they are put together.
fn piece() -> impl Strategy<Value = String> {
    let fixed = [
        "ann@example.com",
        "ann",
        "@",
        "example",
        ".com",
        ".",
        ",",
        " ",
        "\n",
        "  ",
        "4111 1111 1111 1111",
        "4111",
        "1111",
        " 1111",
        "-1111",
        "123-45-6789",
        "123456789",
        "SSN",
        "my SSN is ",
        " is my SSN",
        "phone: ",
        "call me on ",
        "+49 172 ",
        "0800 123 4567",
        "(0131) 496 0476",
        "NL10 GOLV 0123 4567 89",
        "NL10",
        "192.0.2.7",
        "2001:db8::1",
        "02:00:00:00:00:01",
        "born ",
        "21 May 1958",
        "name: ",
        "Ruth Burgess",
        "Dr. ",
        "Patient ",
        "Jonas",
        "password: ",
        "Tr0ub4dor&3x",
        "address: ",
        "983 Marie Fort, Chapmanberg, LD6E 1XP",
        "order ",
        "身份证号",
        "110101199001010015",
        "，",
        "４１１１",
        "\u{200B}",
        "е",
        "а",
        "привет",
        "é",
        "ey",
        "sk-",
        "-----",
        "BEGIN ",
        "PRIVATE KEY",
        "END ",
        "MIIEvQIBADANBg",
        "postgres://u:p4ss",
        "data:image/png;base64,",
        "iVBORw0KGgo",
        "canary-7f3",
        "a9x",
        "CANARY-7F3A9X",
        "ST-1234",
        "ST-",
        "name,phone,email\n",
        "AB 12 34 56 C",
        "AB",
        "DE",
        "version ",
        "x",
        "7",
        "://",
        "::",
        "%",
        "'",
        "\"",
        "a n n @ e x a m p l e . c o m",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "4\u{a0}1\u{a0}1\u{a0}1\u{a0}1\u{a0}1\u{a0}1\u{a0}1\u{a0}1",
        "0 2 : 0 0 : 0 0 : 0 0 : 0 0 : 0 1",
        "e y J h b G c i O i J I U z I 1 N i J 9 . e y J z",
        " 1 1",
        " a",
        "a ",
        " .",
        "\u{a0}",
        "\u{a0}1\u{a0}1",
        "*",
        "**",
        "__",
        "`",
        "**ann@ex**ample.com",
        "**4111 1111** 1111 1111",
    ];
    prop_oneof![
        8 => proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        1 => Just(format!("{}{}", "ghp_", "a1B2c3D4e5F6".repeat(4))),
        1 => Just(format!("{}.{}.{}", "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJ0ZXN0In0", "c2lnbmF0dXJlLW9m")),
        1 => Just(format!("-----{} PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----", "BEGIN")),
        1 => Just(format!("-----{} PRIVATE KEY-----", "BEGIN")),
        1 => "[a-zA-Z0-9@. -]{0,12}",
        1 => "([a-z0-9@.:] ){1,12}",
        1 => "([a-z0-9@.:]\u{200b}?[ \u{a0}]){1,12}",
        1 => "[a1@:.* `_-]{1,12}",
        1 => "\\PC{0,4}",
    ]
}

fn filter(policy: &Policy, literals: bool) -> Filter {
    let filter = Filter::new(Arc::clone(&DETECTOR), Arc::new(policy.clone()));
    if literals {
        filter.with_literals(Arc::new(
            Literals::new(&["canary-7f3a9x", "1111 1111 1111", "example.com, c"]).unwrap(),
        ))
    } else {
        filter
    }
}

/// What comes out, and why it ended; also that no more is held than is promised.
fn run<'t>(mut filter: Filter, chunks: impl Iterator<Item = &'t str>) -> (String, Option<Because>) {
    let mut out = String::new();
    for chunk in chunks {
        match filter.push(chunk) {
            Ok(released) => out += &released,
            Err(blocked) => return (out + &blocked.released, Some(blocked.because)),
        }
        assert!(
            filter.held() <= HELD_MAX * 4 + 64 * 256,
            "{} bytes held",
            filter.held()
        );
    }
    match filter.finish() {
        Ok(released) => (out + &released, None),
        Err(blocked) => (out + &blocked.released, Some(blocked.because)),
    }
}

fn chunks<'t>(text: &'t str, sizes: &'t [usize]) -> impl Iterator<Item = &'t str> {
    let (mut at, mut n) = (0, 0);
    std::iter::from_fn(move || {
        if at >= text.len() {
            return None;
        }
        let mut end = (at + sizes.get(n % sizes.len().max(1)).copied().unwrap_or(1).max(1)).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        let chunk = &text[at..end];
        (at, n) = (end, n + 1);
        Some(chunk)
    })
}

fn policies() -> Vec<Policy> {
    vec![
        Policy::new(Action::Redact),
        Policy::new(Action::Hash)
            .keyed(b"key of the test")
            .with(Kind::SecretJwt, Action::Allow),
        Policy::new(Action::Mask)
            .with(Kind::SecretPrivateKey, Action::Block)
            .with(Kind::Iban, Action::Block),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_cut_gives_what_the_whole_gives(
        pieces in proptest::collection::vec(piece(), 1..24),
        sizes in proptest::collection::vec(1usize..40, 1..6),
        which in 0usize..3,
    ) {
        let text = pieces.concat();
        let policy = &policies()[which];
        let found = DETECTOR.find_in(&text);
        let whole = apply(&DETECTOR, &text, &found, policy, None);
        let expected = (whole.text.clone(), whole.blocked.map(Because::Kind));
        let at_once = run(filter(policy, false), std::iter::once(text.as_str()));
        prop_assert_eq!(&at_once, &expected, "at once");
        let cut = run(filter(policy, false), chunks(&text, &sizes));
        prop_assert_eq!(&cut, &expected, "sizes {:?}", sizes);
        let single = run(filter(policy, false), chunks(&text, &[1]));
        prop_assert_eq!(&single, &expected, "byte by byte");
    }

    #[test]
    fn forbidden_texts_end_any_cut_at_the_same_place(
        pieces in proptest::collection::vec(piece(), 1..24),
        sizes in proptest::collection::vec(1usize..40, 1..6),
        which in 0usize..3,
    ) {
        let text = pieces.concat();
        let policy = &policies()[which];
        let at_once = run(filter(policy, true), std::iter::once(text.as_str()));
        let cut = run(filter(policy, true), chunks(&text, &sizes));
        prop_assert_eq!(&cut, &at_once, "sizes {:?}", sizes);
        let single = run(filter(policy, true), chunks(&text, &[1]));
        prop_assert_eq!(&single, &at_once, "byte by byte");
        prop_assert!(!at_once.0.to_lowercase().contains("canary-7f3a9x"));
    }
}

#[test]
fn a_canary_split_at_every_byte_does_not_come_out() {
    let text = "the word is canary-7f3a9x, as you know";
    for cut in 1..text.len() {
        let (out, because) = run(
            filter(&Policy::new(Action::Redact), true),
            [&text[..cut], &text[cut..]].into_iter(),
        );
        assert_eq!(
            (out.as_str(), because),
            ("the word is ", Some(Because::Literal(0)))
        );
    }
}

#[test]
fn a_stream_stays_blocked() {
    let mut filter = filter(&Policy::new(Action::Block), false);
    assert!(filter.push("ann@example.com, hello").is_err());
    assert!(
        filter
            .push("hello")
            .is_err_and(|blocked| blocked.released.is_empty())
    );
    assert!(filter.finish().is_err());
}

#[test]
fn prose_flows_with_no_more_than_a_word_held() {
    let text = "The quick brown fox jumps over the lazy dog, and then the dog sleeps. \
                It was a warm evening in the village; nobody had expected the visitors so early. ";
    let mut filter = filter(&Policy::new(Action::Redact), false);
    for (n, chunk) in chunks(text, &[4]).enumerate() {
        filter.push(chunk).unwrap();
        assert!(filter.held() <= 16, "{} held after chunk {n}", filter.held());
    }
}

#[test]
fn what_never_ends_is_not_held() {
    for endless in [
        "a",
        "1",
        "@",
        "1-",
        "a.",
        "a@a.",
        "-",
        "eyJ",
        "ey.",
        "::",
        "(",
        "\u{200B}",
        "а",
        "1 ",
        "+",
        "-----BEGIN ",
        "A1",
        "é",
        "a ",
        "1\u{a0}",
        "a @ ",
        "1*",
        "a**",
        "*",
    ] {
        let mut filter = filter(&Policy::new(Action::Redact), true);
        for _ in 0..4000 {
            filter.push(endless).unwrap();
            assert!(filter.held() <= HELD_MAX, "{endless:?}: {} held", filter.held());
        }
        filter.finish().unwrap();
    }
}
