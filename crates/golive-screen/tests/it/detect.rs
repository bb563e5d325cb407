//! S4: what is found and what is not, by name; and that any text at all gives ranges on characters, in order.

use std::sync::LazyLock;

use golive_screen::normalise::Normalised;
use golive_screen::pii::{CustomKind, CustomKindError, Detector, Kind, Options, OptionsError};
use proptest::prelude::*;

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| Detector::new(&Options::default()).unwrap());

fn found(text: &str) -> Vec<(&'static str, String)> {
    DETECTOR
        .find_in(text)
        .into_iter()
        .map(|finding| (finding.kind.name(), text[finding.at].to_owned()))
        .collect()
}

#[test]
fn each_kind_is_found_in_a_sentence() {
    for (text, kind, value) in [
        ("Write to ann@example.com.", "EMAIL_ADDRESS", "ann@example.com"),
        (
            "Pay with 4111 1111 1111 1111 today.",
            "CREDIT_CARD",
            "4111 1111 1111 1111",
        ),
        ("IBAN NL10GOLV0123456789", "IBAN_CODE", "NL10GOLV0123456789"),
        (
            "My social security number is 123-45-6789.",
            "US_SSN",
            "123-45-6789",
        ),
        ("123456789 is my SSN", "US_SSN", "123456789"),
        ("NHS number 999 123 4578", "UK_NHS", "999 123 4578"),
        ("NINO: AB 12 34 56 C", "UK_NINO", "AB 12 34 56 C"),
        (
            "meine Steuer-ID lautet 11 234 567 890",
            "DE_TAX_ID",
            "11 234 567 890",
        ),
        ("burgerservicenummer 999999990", "NL_BSN", "999999990"),
        (
            "我的身份证号是110101199001010015。",
            "CN_RIC",
            "110101199001010015",
        ),
        ("주민등록번호 800101-1234560", "KR_RRN", "800101-1234560"),
        ("fødselsnummer 15108695088", "NO_FNR", "15108695088"),
        (
            "call me on 0131 496 0476 after six",
            "PHONE_NUMBER",
            "0131 496 0476",
        ),
        ("+49 30 901820", "PHONE_NUMBER", "+49 30 901820"),
        ("login from 192.0.2.7 failed", "IP_ADDRESS", "192.0.2.7"),
        ("born on 21 May 1958 in York", "DATE_OF_BIRTH", "21 May 1958"),
        ("geboren am 1. Mai 1958", "DATE_OF_BIRTH", "1. Mai 1958"),
        ("My name is Ruth Burgess.", "PERSON", "Ruth Burgess"),
        ("ask Dr. Jonas Bachmann about it", "PERSON", "Dr. Jonas Bachmann"),
        (
            "I live at 983 Marie Fort, Chapmanberg, LD6E 1XP.",
            "LOCATION",
            "983 Marie Fort, Chapmanberg, LD6E 1XP",
        ),
        // golive:allow-secret made up for this test
        ("password: Tr0ub4dor&3x", "SECRET_PASSWORD", "Tr0ub4dor&3x"),
        (
            "send it to 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "CRYPTO",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        ),
    ] {
        assert_eq!(found(text), [(kind, value.to_owned())], "{text}");
    }
}

#[test]
fn disguises_are_seen_through_and_the_whole_of_them_is_the_finding() {
    for (text, kind, value) in [
        (
            "card ４１１１ １１１１ １１１１ １１１１!",
            "CREDIT_CARD",
            "４１１１ １１１１ １１１１ １１１１",
        ),
        (
            "card 4111\u{200B}1111\u{200B}1111\u{200B}1111!",
            "CREDIT_CARD",
            "4111\u{200B}1111\u{200B}1111\u{200B}1111",
        ),
        (
            "card 4111\u{2011}1111\u{2011}1111\u{2011}1111!",
            "CREDIT_CARD",
            "4111\u{2011}1111\u{2011}1111\u{2011}1111",
        ),
        (
            "card 4111\u{A0}1111\u{2009}1111\u{202F}1111!",
            "CREDIT_CARD",
            "4111\u{A0}1111\u{2009}1111\u{202F}1111",
        ),
        (
            "а\u{43F} ann@ex\u{430}mple.com",
            "EMAIL_ADDRESS",
            "ann@ex\u{430}mple.com",
        ),
        ("ann＠example．com", "EMAIL_ADDRESS", "ann＠example．com"),
    ] {
        assert_eq!(found(text), [(kind, value.to_owned())], "{text}");
    }
}

#[test]
fn what_only_looks_like_it_passes() {
    for text in [
        "Your order number is 4036247851503749.",
        "Order 585-3870014-9830557 has shipped.",
        "card 4111 1111 1111 1112",
        "Reference DE20652226035586543787 was rejected.",
        "Request id ebc16ac9-056b-450b-a325-3f248b89c71e failed.",
        "Upgrade from 9.24.22 to 6.14.3, then to version 1.2.3.4.",
        "npm install react@18.3.5 lodash@4.17.21",
        "The example SSN 000-61-5339 is never issued.",
        "timestamp=1652661795664 level=info",
        "Created at 1663560827 by the scheduler.",
        "pi is 3.14159265358979 and e is 2.718281828459045",
        "The meeting is on 24.05.2026 at 13:30.",
        "SELECT * FROM t WHERE id IN (685401331, 652566410);",
        "commit 32fcd569631a4ed04f5a6bd43c25849532a5cba8",
        "export GITHUB_TOKEN=${GITHUB_TOKEN}",
        "Thanks @bob_k for the review of #4946.",
        "The name of the game is patience. Customer Support is here.",
        "The password must contain eight characters.",
        "ISBN 978-2-5812-0383-0, EAN 9951923885592",
        "-----BEGIN PUBLIC KEY-----",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn kinds_of_ones_own_prove_their_examples() {
    let staff = CustomKind {
        name: "STAFF_ID".into(),
        pattern: "ST-?[0-9]{6}".into(),
        checksum: Some("luhn".into()),
        context: vec!["staff".into()],
        must_match: vec!["staff ST-799273".into()],
        must_not_match: vec!["ST-799273".into(), "staff ST-799274".into()],
    };
    let build = |custom: CustomKind| {
        Detector::new(&Options {
            custom: vec![custom],
            ..Options::default()
        })
    };
    // 799273 with Luhn's digit: 7+9+... a number whose sum is a multiple of ten.
    let valid = (0..10).map(|d| format!("79927{d}")).find(|n| luhn(n)).unwrap();
    let broken = (0..10).map(|d| format!("79927{d}")).find(|n| !luhn(n)).unwrap();
    let staff = CustomKind {
        must_match: vec![format!("staff ST-{valid}")],
        must_not_match: vec![format!("ST-{valid}"), format!("staff ST-{broken}")],
        ..staff
    };
    let detector = build(staff.clone()).unwrap();
    let text = format!("our staff ST{valid}.");
    let findings = detector.find_in(&text);
    assert_eq!(findings.len(), 1);
    assert_eq!(detector.name(findings[0].kind), "STAFF_ID");

    let error = |custom: CustomKind| match build(custom) {
        Err(OptionsError::Custom(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(
        error(CustomKind {
            pattern: "(".into(),
            ..staff.clone()
        }),
        CustomKindError::Pattern { .. }
    ));
    assert!(matches!(
        error(CustomKind {
            pattern: "a*".into(),
            ..staff.clone()
        }),
        CustomKindError::Empty(_)
    ));
    assert!(matches!(
        error(CustomKind {
            name: "IBAN_CODE".into(),
            ..staff.clone()
        }),
        CustomKindError::Name(_)
    ));
    assert!(matches!(
        error(CustomKind {
            checksum: Some("md5".into()),
            ..staff.clone()
        }),
        CustomKindError::Checksum { .. }
    ));
    assert!(matches!(
        error(CustomKind {
            must_match: vec!["none".into()],
            ..staff.clone()
        }),
        CustomKindError::NotFound { .. }
    ));
    assert!(matches!(
        error(CustomKind {
            must_not_match: staff.must_match.clone(),
            ..staff
        }),
        CustomKindError::Found { .. }
    ));
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(n, b)| {
            let d = u32::from(b - b'0') * if n % 2 == 1 { 2 } else { 1 };
            d / 10 + d % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

#[test]
fn allowed_values_pass_however_they_are_written_and_only_enabled_kinds_are_found() {
    let detector = Detector::new(&Options {
        allow: vec!["+49 30 901820".into(), "Info@Example.com".into()],
        ..Options::default()
    })
    .unwrap();
    assert!(
        detector
            .find_in("call +49-30-901820 or write to info@example.com")
            .is_empty()
    );
    assert_eq!(detector.find_in("call +49-30-901821").len(), 1);
    let detector = Detector::new(&Options {
        kinds: vec![Kind::EmailAddress],
        ..Options::default()
    })
    .unwrap();
    assert_eq!(detector.find_in("ann@example.com, 4111 1111 1111 1111").len(), 1);
}

#[test]
fn what_encodings_hide_is_found_at_the_encoded_stretch() {
    for (text, kind, at) in [
        (
            "see YW5uQGV4YW1wbGUuY29tIGlzIGhlcnM= there",
            "EMAIL_ADDRESS",
            4..36,
        ),
        ("mail=ann%40example.com&x=1", "EMAIL_ADDRESS", 5..22),
    ] {
        let found = DETECTOR.find(&Normalised::of(text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].kind.name(), kind);
        assert!(
            found[0].at.start <= at.start && found[0].at.end >= at.end,
            "{text}: {:?}",
            found[0].at
        );
        assert!(found[0].value().starts_with("ann"));
    }
}

proptest! {
    #[test]
    fn a_normalised_text_gives_findings_on_characters_in_order(text in "\\PC{0,120}", mail in "[a-z]{1,8}@ex[aа]mple[.．]com") {
        let text = format!("{text} {mail}");
        let mut last = 0;
        for finding in DETECTOR.find(&Normalised::of(&text)) {
            prop_assert!(finding.at.start >= last && finding.at.end > finding.at.start);
            prop_assert!(text.get(finding.at.clone()).is_some());
            last = finding.at.end;
        }
    }
}

proptest! {
    #[test]
    fn any_text_gives_findings_on_characters_in_order(text in "\\PC{0,200}") {
        let mut last = 0;
        for finding in DETECTOR.find_in(&text) {
            prop_assert!(finding.at.start >= last && finding.at.end > finding.at.start);
            prop_assert!(text.get(finding.at.clone()).is_some());
            prop_assert!((0.0..=1.0).contains(&finding.score));
            last = finding.at.end;
        }
    }

    #[test]
    fn what_is_redacted_holds_no_more_of_the_kinds_with_a_form(name in "[a-z]{1,12}", before in "[a-z ,.]{0,20}") {
        let text = format!("{before} {name}@example.com");
        prop_assert_eq!(found(&text).len(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(std::env::var("GOLIVE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)))]
    /// Pieces of what the rules look for, in any order: where one rule ends and another begins is where they slip.
    #[test]
    fn pieces_of_all_kinds_in_any_order_are_looked_at_without_a_fault(
        pieces in proptest::collection::vec(prop_oneof![
            "[(+0-9) ./@:,xX#-]{1,6}",
            "[a-zA-Z]{1,5}",
            Just("(".to_owned()), Just("+".to_owned()), Just("@".to_owned()), Just("a@b.co".to_owned()),
            Just("born ".to_owned()), Just("SSN ".to_owned()), Just("name: ".to_owned()), Just("Tel. ".to_owned()),
            Just("-----BEGIN ".to_owned()), Just("eyJ".to_owned()), Just("data:".to_owned()), Just("://".to_owned()),
            Just("DE89".to_owned()), Just("4111".to_owned()), Just("é".to_owned()), Just("密码".to_owned()), Just("\n".to_owned()),
            Just("ext. ".to_owned()), Just("0x".to_owned()), Just("bc1".to_owned()), Just("::".to_owned()), Just("Straße 1".to_owned()),
        ], 0..14)
    ) {
        let text = pieces.concat();
        let mut end = 0;
        for finding in DETECTOR.find_in(&text) {
            prop_assert!(finding.at.start >= end && text.get(finding.at.clone()).is_some(), "{text:?} {finding:?}");
            end = finding.at.end;
        }
    }
}

#[test]
fn a_context_word_of_an_own_kind_counts_though_it_is_one_for_another_kind_already() {
    for word in ["employee", "order", "customer id", "Mitarbeiter"] {
        let staff = CustomKind {
            name: "STAFF".into(),
            pattern: "EMP-[0-9]{6}".into(),
            context: vec![word.into()],
            must_match: vec![format!("the {word} EMP-004711")],
            must_not_match: vec!["EMP-004711".into()],
            ..CustomKind::default()
        };
        let options = Options {
            custom: vec![staff],
            ..Options::default()
        };
        assert!(
            Detector::new(&options).is_ok(),
            "{word}: {:?}",
            Detector::new(&options)
        );
    }
}
