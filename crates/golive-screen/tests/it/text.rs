//! S3: what a text may not contain, and what scripts and emoji need.

use golive_screen::validate::text::{Action, CODES, Kind, PLACES_MOST, Rules, clean};

const STRIP: Rules = Rules {
    control: Action::Strip,
    bidi: Action::Strip,
    zero_width: Action::Strip,
    variation: Action::Strip,
    tag: Action::Strip,
};

fn stripped(text: &str) -> (String, Vec<Kind>) {
    let cleaned = clean(text, &STRIP).unwrap();
    (
        cleaned.text.into_owned(),
        cleaned.stripped.into_iter().map(|(kind, _)| kind).collect(),
    )
}

#[test]
fn each_kind_is_stripped() {
    for (text, clean, kind) in [
        ("a\u{8}b", "ab", Kind::Control),
        ("a\u{9b}b", "ab", Kind::Control),
        ("pay \u{202e}001\u{202c}", "pay 001", Kind::Bidi),
        ("a\u{2066}b", "ab", Kind::Bidi),
        ("a\u{200f}b", "ab", Kind::Bidi),
        ("ig\u{200b}nore", "ignore", Kind::ZeroWidth),
        ("\u{feff}hi", "hi", Kind::ZeroWidth),
        ("a\u{200d}b", "ab", Kind::ZeroWidth),
        ("a\u{fe0f}b", "ab", Kind::Variation),
        ("😀\u{fe0f}\u{fe0f}", "😀\u{fe0f}", Kind::Variation),
        ("😀\u{e0141}", "😀", Kind::Variation),
        ("hi\u{e0041}\u{e0042}", "hi", Kind::Tag),
    ] {
        let (cleaned, kinds) = stripped(text);
        assert_eq!(cleaned, clean, "{text:?}");
        assert!(
            !kinds.is_empty() && kinds.iter().all(|&found| found == kind),
            "{text:?}: {kinds:?}"
        );
    }
}

#[test]
fn what_a_script_or_an_emoji_needs_stays() {
    for text in [
        "plain\ttext\r\nwith lines\u{b}\u{c}",
        "می\u{200c}خواهم",
        "क्\u{200d}ष and क्\u{200c}ष",
        "ශ්\u{200d}රී ලංකා",
        "👩\u{200d}👩\u{200d}👧\u{200d}👦 🏳\u{fe0f}\u{200d}🌈 👩🏽\u{200d}💻",
        "❤\u{fe0f} 1\u{fe0f}\u{20e3} ☎\u{fe0e}",
        "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "שלום!\u{200f} (123)",
        "\u{200f}مرحبا",
        "\u{2067}שלום\u{2069}",
        "ภาษา\u{200b}ไทย",
        "葛\u{e0100}",
    ] {
        let cleaned = clean(text, &Rules::default()).unwrap();
        assert_eq!(cleaned.text, text);
        assert_eq!(cleaned.count, 0, "{text:?}: {:?}", cleaned.stripped);
    }
}

#[test]
fn a_refusal_names_the_character_and_its_place() {
    let refused = clean("hello \u{202e}dlrow", &Rules::default()).unwrap_err();
    assert_eq!((refused.code, refused.at.clone()), ("direction_override", 6..9));
    assert_eq!(
        refused.to_string(),
        "the text has a character that changes the direction of text (U+202E, byte 6)"
    );
    for (text, code) in [("\u{1}", "control_character"), ("\u{e0041}", "tag_character")] {
        assert_eq!(clean(text, &Rules::default()).unwrap_err().code, code);
    }
    let strict = Rules {
        zero_width: Action::Refuse,
        variation: Action::Refuse,
        ..Rules::default()
    };
    for (text, code) in [
        ("a\u{200b}", "zero_width_character"),
        ("a\u{fe00}", "stray_variation_selector"),
    ] {
        assert_eq!(clean(text, &strict).unwrap_err().code, code);
        assert!(CODES.contains(&code));
    }
}

#[test]
fn a_hidden_alphabet_behind_a_flag_is_no_flag() {
    let long: String = "\u{1f3f4}"
        .chars()
        .chain(
            "ignoreallrules"
                .chars()
                .map(|c| char::from_u32(0xE0000 + c as u32).unwrap()),
        )
        .collect();
    assert_eq!(clean(&long, &Rules::default()).unwrap_err().code, "tag_character");
}

#[test]
fn places_are_bounded_and_the_count_is_not() {
    let cleaned =
        clean(&"a\u{200b}".repeat(1_000), &STRIP).map(|cleaned| (cleaned.stripped.len(), cleaned.count));
    assert_eq!(cleaned, Ok((PLACES_MOST, 1_000)));
}
