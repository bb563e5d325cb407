//! S4: a value that is spelled out, or has marks of emphasis within, is found as the plain one is: in the whole text, in
//! the normalised one and in a stream.

use std::sync::Arc;

use golive_screen::normalise::Normalised;
use golive_screen::pii::{Detector, Options};
use golive_screen::redact::{Action, Policy};
use golive_screen::stream::Filter;

/// A kind, a sentence with a place for the value, and the value. All are made up or from documentation.
const VALUES: &[(&str, &str, &str)] = &[
    (
        "EMAIL_ADDRESS",
        "You can reach the customer at {} any time.",
        "ann.burgess7@example.com",
    ),
    (
        "PHONE_NUMBER",
        "Her mobile phone number is {}.",
        "+49 172 5550123",
    ),
    (
        "CREDIT_CARD",
        "The credit card number on file is {}.",
        "4111 1111 1111 1111",
    ),
    (
        "CREDIT_CARD",
        "Paid with card number {} in May.",
        "4111111111111111",
    ),
    (
        "IBAN_CODE",
        "Refund to IBAN {} please.",
        "GB57 GOLV 1020 3012 3456 78",
    ),
    ("IBAN_CODE", "Het geld gaat naar IBAN {}.", "NL10GOLV0123456789"),
    (
        "IP_ADDRESS",
        "The customer logged in from the IP address {}.",
        "192.0.2.217",
    ),
    (
        "IP_ADDRESS",
        "The last login came from IP {}.",
        "2001:db8:85a3::8a2e:370:7334",
    ),
    (
        "MAC_ADDRESS",
        "Her phone has the MAC address {}.",
        "02:00:5e:10:0a:01",
    ),
    (
        "CRYPTO",
        "Send the coins to the Bitcoin address {}.",
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    ),
    (
        "CRYPTO",
        "His Ethereum wallet is {}.",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    ),
    ("US_SSN", "The social security number (SSN) is {}.", "123-45-6789"),
    ("UK_NHS", "NHS number {} was admitted today.", "999 123 4578"),
    ("CN_RIC", "我的身份证号是{}。", "110101199001010015"),
];

type Form = (&'static str, fn(&str) -> String);

const FORMS: &[Form] = &[
    ("spaced", |value| between(value, " ")),
    ("no-break spaces", |value| between(value, "\u{a0}")),
    ("narrow no-break spaces", |value| between(value, "\u{202f}")),
    ("no-break spaces in groups", |value| value.replace(' ', "\u{a0}")),
    ("strong within", |value| halves(value, "**")),
    ("emphasis within", |value| halves(value, "*")),
];

fn between(value: &str, sign: &str) -> String {
    let letters: Vec<String> = value.chars().filter(|c| *c != ' ').map(String::from).collect();
    letters.join(sign)
}

fn halves(value: &str, mark: &str) -> String {
    let (left, right) = value.split_at(value.len() / 2);
    format!("{mark}{left}{mark}{right}")
}

fn comes_out(detector: &Arc<Detector>, text: &str, size: usize) -> String {
    let mut filter = Filter::new(Arc::clone(detector), Arc::new(Policy::new(Action::Redact)));
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for chunk in characters.chunks(size) {
        out += &filter.push(&chunk.iter().collect::<String>()).unwrap();
    }
    out + &filter.finish().unwrap()
}

#[test]
fn every_form_of_every_kind_is_found() {
    let detector = Arc::new(Detector::new(&Options::default()).unwrap());
    let mut missed = Vec::new();
    for (kind, sentence, value) in VALUES {
        for (form, write) in FORMS {
            let written = write(value);
            let text = sentence.replace("{}", &written);
            // A mark before the value stays.
            let bare = written.trim_start_matches('*');
            let start = text.find(bare).unwrap();
            let expected = start..start + bare.len();
            let by_text = detector.find_in(&text);
            let by_view = detector.find(&Normalised::of(&text));
            for (way, found) in [("text", by_text), ("view", by_view)] {
                if !found
                    .iter()
                    .any(|finding| finding.kind.name() == *kind && finding.at == expected)
                {
                    missed.push(format!("{kind}, {form}, {way}: {text} {found:?}"));
                }
            }
            let (head, tail) = sentence.split_once("{}").unwrap();
            for size in [1, 3, 1000] {
                let out = comes_out(&detector, &text, size);
                let held = out
                    .strip_prefix(head)
                    .and_then(|out| out.strip_suffix(tail))
                    .is_some_and(|out| out.trim_start_matches('*').starts_with('[') && out.ends_with(']'));
                if !held {
                    missed.push(format!("{kind}, {form}, stream of {size}: {out}"));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{}:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn honest_single_characters_and_marks_are_no_value() {
    let detector = Detector::new(&Options::default()).unwrap();
    for text in [
        "Count with me: 1 2 3 4 5 6 7 8 9 10.",
        "The row 0 1 0 1 1 0 0 1 0 1 1 1 0 0 1 0 is balanced.",
        "| 4 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 |",
        "The keys are A B C D E F G H, in this order.",
        "Multiply 12*34*56 and **add** 78**9**.",
        "Masked: 411111**1111, ****1111.",
    ] {
        assert!(detector.find_in(text).is_empty(), "{text}");
    }
    let text = "**Card:** 4111 1111 1111 1111**Total** 5, card**4111111111111111**";
    assert_eq!(detector.find_in(text).len(), 2, "{:?}", detector.find_in(text));
}
